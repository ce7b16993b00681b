//! `[email]`: the SMTP server by which applicants are written to who left a mail address, and whom no SMS reaches. Off until
//! `host` is set. Sending is `notify`'s.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::notification::Patience;
use crate::notify::{Mail as Way, MailServer, MailTls, Secret};

use super::checks::within;
use super::sms::{hours, secret};

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Email {
    /// None switches e-mail off.
    pub host: Option<String>,
    /// 1 to 65,535; none for what `tls` usually has: 465, 587 and 25.
    pub port: Option<u16>,
    pub tls: Protection,
    pub user: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    /// As in `City <noreply@city.example>`.
    pub from: String,
    /// Whether new cases are told of where no SMS can.
    pub registered: bool,
    /// Seconds for an attempt, 1 to 120.
    #[serde(deserialize_with = "within::<1, 120, _>")]
    pub timeout_secs: u64,
    /// 1 to 10.
    #[serde(deserialize_with = "within::<1, 10, _>")]
    pub attempts: u64,
    /// Seconds from the first attempt to the second, 1 to 3,600; each further rest is twice as long.
    #[serde(deserialize_with = "within::<1, 3_600, _>")]
    pub retry_secs: u64,
    /// Hours after which a message is not sent any more, 1 to 168.
    #[serde(deserialize_with = "within::<1, 168, _>")]
    pub within_hours: u64,
    /// Messages on their way at the same time, 1 to 32.
    #[serde(deserialize_with = "within::<1, 32, _>")]
    pub at_once: u64,
}

/// Of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protection {
    Tls,
    StartTls,
    None,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            tls: Protection::StartTls,
            user: None,
            password: None,
            password_file: None,
            from: String::new(),
            registered: true,
            timeout_secs: 30,
            attempts: 6,
            retry_secs: 120,
            within_hours: 72,
            at_once: 2,
        }
    }
}

impl Email {
    pub(super) fn resolve(&mut self, base: &Path) {
        if let Some(file) = &mut self.password_file {
            *file = base.join(&*file);
        }
    }

    /// What is wrong, each with the key it stands at.
    pub(super) fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        if self.host.is_none() {
            return found;
        }
        if self.host.as_ref().is_some_and(|host| host.is_empty() || host.contains(['/', ':', '@', ' '])) {
            found.push(("host", "a server is a name or an address, as in smtp.city.example".to_owned()));
        }
        if self.from.parse::<lettre::message::Mailbox>().is_err() {
            let message = "`from` is an address, as in \"City <noreply@city.example>\"";
            found.push(("from", message.to_owned()));
        }
        match secret(self.password.as_ref(), self.password_file.as_deref()) {
            Err(error) => found.push(("password_file", error)),
            Ok(None) if self.user.is_some() => {
                found.push(("user", "`user` needs `password_file`, or RINGBACK_EMAIL__PASSWORD".to_owned()));
            }
            Ok(Some(_)) if self.user.is_none() => found.push(("user", "a password needs `user`".to_owned())),
            Ok(_) => {}
        }
        let is_here = self.host.as_ref().is_some_and(|host| {
            host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        });
        if self.tls == Protection::None && !is_here {
            let message = "without TLS only a server on this machine is written by: \"starttls\" or \"tls\"";
            found.push(("tls", message.to_owned()));
        }
        found
    }

    /// None where e-mail is off.
    pub fn way(&self) -> Option<Way> {
        let host = self.host.clone()?;
        let tls = match self.tls {
            Protection::Tls => MailTls::Tls,
            Protection::StartTls => MailTls::StartTls,
            Protection::None => MailTls::None,
        };
        let usual = match tls {
            MailTls::Tls => 465,
            MailTls::StartTls => 587,
            MailTls::None => 25,
        };
        // What cannot be read was complained about when the file was checked.
        let password = secret(self.password.as_ref(), self.password_file.as_deref()).ok().flatten();
        let server = MailServer {
            host,
            port: self.port.unwrap_or(usual),
            tls,
            user: self.user.clone().zip(password),
            from: self.from.parse().ok()?,
        };
        let patience = Patience {
            attempts: u32::try_from(self.attempts).unwrap_or(1),
            retry: Duration::from_secs(self.retry_secs),
            within: hours(self.within_hours),
            at_once: usize::try_from(self.at_once).unwrap_or(1),
            timeout: Duration::from_secs(self.timeout_secs),
            hours: None,
            report_within: None,
        };
        Some(Way { server, patience, registered: self.registered })
    }
}
