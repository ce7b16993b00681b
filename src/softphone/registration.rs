//! The phone's own registration at a registrar (RFC 3261 10.2). Made once and not refreshed: what it asks and answers
//! is `sip/registration.rs`, here stands who the phone is.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Event, PhoneError, Softphone, line};
use crate::sip::credentials::Credentials;
use crate::sip::message::{Flow, Host, Transport, Uri};
use crate::sip::registration::{self, Output, Registration};
use crate::sip::server_location::Server;
use crate::time::now;

/// Seconds asked for; the demo's phones live shorter than that.
const EXPIRES_SECS: u32 = 3600;

/// Who the phone is at its registrar.
#[derive(Clone)]
pub struct Account {
    pub extension: String,
    pub password: String,
    pub registrar: SocketAddr,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("extension", &self.extension).finish_non_exhaustive()
    }
}

impl Account {
    fn credentials(&self) -> Credentials {
        Credentials { user: self.extension.clone(), password: self.password.clone(), realm: None }
    }

    /// A phone's registration that begins now; `local` is where the phone listens.
    pub fn registration(&self, local: SocketAddr, seed: [u8; 32], now: Instant) -> Registration {
        let account = registration::Account {
            user: self.extension.clone(),
            domain: None,
            credentials: self.credentials(),
            contact_user: self.extension.clone(),
            advertised: None,
            expires_secs: EXPIRES_SECS,
        };
        let uri = Uri::sip(None, Host::Ip(self.registrar.ip()), Some(self.registrar.port()));
        let flow = Flow { transport: Transport::Udp, local, remote: self.registrar };
        let mut registration = Registration::new(account, seed);
        registration.set_servers(vec![Server { uri, flow }], now);
        registration
    }
}

impl Softphone {
    /// Registers; the first failure is final.
    pub async fn register(&mut self, account: Account) -> Result<(), PhoneError> {
        self.line.set_credentials(account.credentials());
        let seed = self.line.mint().seed();
        let mut registration = account.registration(self.line.local(), seed, now().mono);
        let (mut sent, mut seq) = (None, 0);
        loop {
            while let Some(output) = registration.poll_output() {
                match output {
                    Output::Send { request, server } => {
                        seq = request.cseq.seq;
                        let transaction = self.line.send(*request, server.flow, now());
                        sent = Some(transaction.map_err(|_| PhoneError::Unreachable)?);
                    }
                    Output::Registered { .. } => return Ok(()),
                    Output::Failed { failure } => return Err(PhoneError::NotRegistered(failure.to_string())),
                    Output::Unregistered => {}
                }
            }
            let deadline = registration.poll_timeout().ok_or(PhoneError::Gone)?;
            match self.next(deadline).await? {
                Some(Event::Line(line::Event::Response { transaction, response }))
                    if sent == Some(transaction) =>
                {
                    registration.handle_response(&response, now().mono);
                }
                Some(Event::Line(line::Event::Failed { transaction })) if sent == Some(transaction) => {
                    registration.handle_failed(seq, now().mono);
                }
                Some(_) => {}
                None => registration.handle_timeout(now().mono),
            }
        }
    }
}
