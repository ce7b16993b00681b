//! The phone's own registration at a registrar (RFC 3261 10.2), with digest.
//! Made once and not refreshed. The server's side is `sip/registrar.rs`; the
//! digest itself is `sip/digest_auth.rs`.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Event, PhoneError, Softphone, line};
use crate::sip::credentials::Credentials;
use crate::sip::digest_auth;
use crate::sip::message::{CSeq, Flow, Headers, Host, Method, NameAddr, Request, StatusCode, Transport, Uri};
use crate::time::now;

/// A registrar that does not answer for this long is given up.
const REGISTER_TIMEOUT: Duration = Duration::from_secs(10);
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

/// One registration: the identity its requests share (RFC 3261 10.2).
#[derive(Clone, Debug)]
pub struct Registration {
    pub account: Account,
    pub call_id: String,
    pub tag: String,
    /// Where the phone listens.
    pub local: SocketAddr,
}

impl Registration {
    /// The REGISTER numbered `seq`.
    pub fn request(&self, seq: u32, credentials: Option<String>) -> Request {
        let registrar = Host::Ip(self.account.registrar.ip());
        let port = Some(self.account.registrar.port());
        let extension = Some(self.account.extension.as_str());
        let me = Uri::sip(extension, registrar.clone(), port);
        let contact = Uri::sip(extension, Host::Ip(self.local.ip()), Some(self.local.port()));
        let mut from = NameAddr::new(me.clone());
        from.set_tag(&self.tag);
        let mut headers = Headers::default();
        headers.push("Contact", NameAddr::new(contact).to_string());
        headers.push("Expires", EXPIRES_SECS.to_string());
        if let Some(credentials) = credentials {
            headers.push("Authorization", credentials);
        }
        Request {
            method: Method::Register,
            uri: Uri::sip(None, registrar, port),
            via: Vec::new(),
            from,
            to: NameAddr::new(me),
            call_id: self.call_id.clone(),
            cseq: CSeq { seq, method: Method::Register },
            max_forwards: 70,
            headers,
            body: Vec::new(),
        }
    }

    /// The `Authorization` for a challenge; none when it cannot be answered.
    pub fn credentials(&self, challenge: &str, cnonce: &str) -> Option<String> {
        let uri = format!("sip:{}", self.account.registrar);
        let Account { extension, password, .. } = &self.account;
        digest_auth::authorization(challenge, extension, password, &Method::Register, &uri, 1, cnonce)
    }

    pub fn flow(&self) -> Flow {
        Flow { transport: Transport::Udp, local: self.local, remote: self.account.registrar }
    }
}

impl Softphone {
    /// Registers; answers the registrar's challenge once.
    pub async fn register(&mut self, account: Account) -> Result<(), PhoneError> {
        let local = self.line.local();
        let credentials = Credentials { user: account.extension.clone(), password: account.password.clone() };
        self.line.set_credentials(credentials);
        let mint = self.line.mint();
        let registration = Registration { account, call_id: mint.token(), tag: mint.token(), local };
        let challenge = match self.send_register(&registration, 1, None).await? {
            (StatusCode::OK, _) => return Ok(()),
            (StatusCode::UNAUTHORIZED, Some(challenge)) => challenge,
            (status, _) => return Err(PhoneError::NotRegistered(status.default_reason().to_owned())),
        };
        let cnonce = self.line.mint().token();
        let credentials = registration.credentials(&challenge, &cnonce);
        let credentials =
            credentials.ok_or_else(|| PhoneError::NotRegistered("unknown challenge".to_owned()))?;
        match self.send_register(&registration, 2, Some(credentials)).await? {
            (StatusCode::OK, _) => Ok(()),
            (status, _) => Err(PhoneError::NotRegistered(status.default_reason().to_owned())),
        }
    }

    async fn send_register(
        &mut self,
        registration: &Registration,
        seq: u32,
        credentials: Option<String>,
    ) -> Result<(StatusCode, Option<String>), PhoneError> {
        let request = registration.request(seq, credentials);
        let sent =
            self.line.send(request, registration.flow(), now()).map_err(|_| PhoneError::Unreachable)?;
        let deadline = now().mono + REGISTER_TIMEOUT;
        while let Some(event) = self.next(deadline).await? {
            match event {
                Event::Line(line::Event::Response { transaction, response })
                    if transaction == sent && response.status.is_final() =>
                {
                    let challenge = response.headers.first("WWW-Authenticate").map(str::to_owned);
                    return Ok((response.status, challenge));
                }
                Event::Line(line::Event::Failed { transaction }) if transaction == sent => {
                    return Err(PhoneError::Unreachable);
                }
                _ => {}
            }
        }
        Err(PhoneError::Unreachable)
    }
}
