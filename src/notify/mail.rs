//! E-mail by SMTP (RFC 5321) with the `lettre` crate: one connection for a message, for there are a few in a minute. The
//! Message-ID is made of the message's id, so that a receiver can tell one that was sent again after a crash.

use std::time::Duration;

use lettre::address::AddressError;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{Secret, SendError};
use crate::store::Claimed;

/// How the connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MailTls {
    /// TLS from the first octet (RFC 8314).
    Tls,
    /// Plain at first, then TLS or nothing (RFC 3207).
    StartTls,
    /// For a server on this machine.
    None,
}

#[derive(Clone, Debug)]
pub struct MailServer {
    pub host: String,
    pub port: u16,
    pub tls: MailTls,
    pub user: Option<(String, Secret)>,
    pub from: Mailbox,
}

/// Whether it can be written to.
///
/// # Errors
/// What is wrong with it.
pub fn check_address(address: &str) -> Result<Address, AddressError> {
    address.parse()
}

impl MailServer {
    /// Sends one message.
    pub(super) async fn send(&self, message: &Claimed, timeout: Duration) -> Result<(), SendError> {
        let message = self.written(message)?;
        let transport = self.transport(timeout)?;
        // The library's timeout is for each command; this one is for all of them.
        match tokio::time::timeout(timeout, transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(&error)),
            Err(_) => Err(SendError::Gateway("the mail server did not answer in time".to_owned())),
        }
    }

    fn written(&self, message: &Claimed) -> Result<Message, SendError> {
        let refused = |error: String| SendError::Refused(error);
        let to = check_address(&message.recipient).map_err(|error| refused(error.to_string()))?;
        let builder = MessageBuilder::new()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            .message_id(Some(format!("<{}@{}>", message.id, self.from.email.domain())))
            // RFC 3834: no machine answers a machine.
            .raw_header(auto_submitted());
        let builder = builder.header(ContentType::TEXT_PLAIN);
        builder.body(message.text.clone()).map_err(|error| refused(error.to_string()))
    }

    fn transport(&self, timeout: Duration) -> Result<AsyncSmtpTransport<Tokio1Executor>, SendError> {
        let tls = match self.tls {
            MailTls::None => Tls::None,
            MailTls::Tls => Tls::Wrapper(self.parameters()?),
            MailTls::StartTls => Tls::Required(self.parameters()?),
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&self.host)
            .port(self.port)
            .tls(tls)
            .timeout(Some(timeout));
        if let Some((user, secret)) = &self.user {
            transport = transport.credentials(Credentials::new(user.clone(), secret.0.clone()));
        }
        Ok(transport.build())
    }

    fn parameters(&self) -> Result<TlsParameters, SendError> {
        TlsParameters::new(self.host.clone()).map_err(|error| SendError::Gateway(error.to_string()))
    }
}

fn auto_submitted() -> lettre::message::header::HeaderValue {
    let name = lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted");
    lettre::message::header::HeaderValue::new(name, "auto-generated".to_owned())
}

/// A transient answer (4yz) is about this message, a permanent one (5yz) too, unless it is about us: 53z are answers to
/// authentication (RFC 4954), 421 says that the server closes (RFC 5321 3.8).
fn judge(error: &lettre::transport::smtp::Error) -> SendError {
    let Some(status) = error.status() else {
        let what = if error.is_timeout() { "did not answer in time" } else { "was not reached" };
        let cause = std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
        return SendError::Gateway(format!("the mail server {what}{cause}"));
    };
    let code = status.to_string();
    let said = format!("the mail server answers {code}");
    match () {
        () if code.starts_with("53") || code == "421" || code == "454" => SendError::Gateway(said),
        () if error.is_transient() => SendError::Later(said),
        () => SendError::Refused(said),
    }
}
