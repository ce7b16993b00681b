//! The ways out for messages to applicants: an HTTP gateway for SMS (`gateway`) and an SMTP server for e-mail (`mail`), and
//! the task that empties the outbox by them (`sender`). What is written and when is decided in `notification`; rows and
//! journal entries are the store's.

pub mod code;
mod gateway;
mod mail;
mod sender;
mod template;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::digest::Sha256;
use crate::notification::{Channel, Failure, Patience};
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;

pub use gateway::{Gateway, Reports};
pub use mail::{MailServer, MailTls, check_address};
pub use sender::{Sender, Whom, outgoing_to};
pub use template::{PlaceholderError, check_placeholders};

/// What the city has configured; all of it may change with a reload.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub sms: Option<Sms>,
    pub mail: Option<Mail>,
    /// The city's short number.
    pub short: String,
    /// Address of the citizens' page, without a slash at its end.
    pub page: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Sms {
    pub gateway: Gateway,
    pub patience: Patience,
    /// Beginnings of the numbers that are written to, each with its `+`.
    pub takes: Vec<String>,
    /// Whether applicants are told the number of their case.
    pub registered: bool,
}

#[derive(Clone, Debug)]
pub struct Mail {
    pub server: MailServer,
    pub patience: Patience,
    pub registered: bool,
}

/// A secret of the configuration; not for logs.
#[derive(Clone, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// Whether `given` is it; takes the same time wherever they differ.
    pub fn is(&self, given: &str) -> bool {
        let digest = |text: &str| Sha256::of(text.as_bytes()).0;
        subtle::ConstantTimeEq::ct_eq(&digest(&self.0)[..], &digest(given)[..]).into()
    }
}

impl Settings {
    pub fn is_on(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms => self.sms.is_some(),
            Channel::Mail => self.mail.is_some(),
        }
    }

    pub fn patience(&self, channel: Channel) -> Option<&Patience> {
        match channel {
            Channel::Sms => self.sms.as_ref().map(|sms| &sms.patience),
            Channel::Mail => self.mail.as_ref().map(|mail| &mail.patience),
        }
    }

    pub fn tells_registered(&self, channel: Channel) -> bool {
        match channel {
            Channel::Sms => self.sms.as_ref().is_some_and(|sms| sms.registered),
            Channel::Mail => self.mail.as_ref().is_some_and(|mail| mail.registered),
        }
    }

    /// The number as the gateway is given it; none where there is no gateway, or it is not one the city writes to.
    pub fn texts_to(&self, number: Option<&PhoneNumber>) -> Option<String> {
        let (sms, number) = (self.sms.as_ref()?, number?);
        let digits = number.as_str().strip_prefix('+').unwrap_or(number.as_str());
        let is_whole = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let whole = format!("+{digits}");
        (is_whole && sms.takes.iter().any(|begin| whole.starts_with(begin))).then_some(whole)
    }

    /// The address, where mail is on and it is one.
    pub fn mails_to(&self, address: Option<&str>) -> Option<String> {
        let address = address?.trim();
        (self.mail.is_some() && check_address(address).is_ok()).then(|| address.to_owned())
    }
}

/// Why an attempt failed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SendError {
    /// Nobody answered, or the gateway says that it cannot work or does not know us: no fault of the message.
    #[error("{0}")]
    Gateway(String),
    /// This message may be taken later.
    #[error("{0}")]
    Later(String),
    /// This message will never be taken.
    #[error("{0}")]
    Refused(String),
}

/// How a way does, as the sender sees it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WayState {
    /// Nothing is sent since then, because the gateway does not answer.
    pub halted_since: Option<Timestamp>,
    /// When a message was taken last.
    pub taken_at: Option<Timestamp>,
    /// The last failure: when, and what the gateway said. No recipients, no texts.
    pub trouble: Option<(Timestamp, String)>,
    /// Since the program began, by outcome.
    pub taken: u64,
    pub failed: u64,
}

/// Settings and states, for those who show them.
#[derive(Clone, Debug)]
pub struct Board {
    settings: watch::Receiver<Arc<Settings>>,
    ways: Arc<Mutex<[WayState; 2]>>,
}

impl Board {
    pub fn new(settings: watch::Receiver<Arc<Settings>>) -> Self {
        Self { settings, ways: Arc::default() }
    }

    pub fn settings(&self) -> Arc<Settings> {
        self.settings.borrow().clone()
    }

    pub fn way(&self, channel: Channel) -> WayState {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)[channel as usize].clone()
    }

    fn note(&self, channel: Channel, change: impl FnOnce(&mut WayState)) {
        change(&mut self.ways.lock().unwrap_or_else(PoisonError::into_inner)[channel as usize]);
    }

    /// Prometheus lines.
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&WayState) -> u64| {
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
            for channel in Channel::ALL {
                let value = value(&self.way(channel));
                text.push_str(&format!("{name}{{channel=\"{}\"}} {value}\n", channel.name()));
            }
        };
        family(
            "ringback_notifications_halted",
            "gauge",
            "1 while nothing is sent because the gateway does not answer.",
            &|way| u64::from(way.halted_since.is_some()),
        );
        family(
            "ringback_notifications_taken_total",
            "counter",
            "Messages that the gateway or mail server took.",
            &|way| way.taken,
        );
        family(
            "ringback_notifications_attempts_failed_total",
            "counter",
            "Attempts at a message that failed.",
            &|way| way.failed,
        );
        text
    }
}

/// What the gateway's report says of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    Delivered,
    Failed(Failure),
    /// On its way still, or a word we were not told.
    Neither,
}
