//! The phone's own registration at a registrar (RFC 3261 10.2), with digest.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Event, PhoneError, Softphone, line};
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

impl Softphone {
    /// Registers; answers the registrar's challenge once.
    pub async fn register(&mut self, account: &Account) -> Result<(), PhoneError> {
        let call_id = self.line.mint().token();
        let tag = self.line.mint().token();
        let challenge = match self.send_register(account, &call_id, &tag, 1, None).await? {
            (StatusCode::OK, _) => return Ok(()),
            (StatusCode::UNAUTHORIZED, Some(challenge)) => challenge,
            (status, _) => return Err(PhoneError::NotRegistered(status.default_reason().to_owned())),
        };
        let uri = format!("sip:{}", account.registrar);
        let cnonce = self.line.mint().token();
        let credentials = digest_auth::authorization(
            &challenge,
            &account.extension,
            &account.password,
            &Method::Register,
            &uri,
            1,
            &cnonce,
        );
        let credentials = credentials.ok_or_else(|| PhoneError::NotRegistered("unknown challenge".to_owned()))?;
        match self.send_register(account, &call_id, &tag, 2, Some(credentials)).await? {
            (StatusCode::OK, _) => Ok(()),
            (status, _) => Err(PhoneError::NotRegistered(status.default_reason().to_owned())),
        }
    }

    async fn send_register(
        &mut self,
        account: &Account,
        call_id: &str,
        tag: &str,
        seq: u32,
        credentials: Option<String>,
    ) -> Result<(StatusCode, Option<String>), PhoneError> {
        let registrar = Host::Ip(account.registrar.ip());
        let port = Some(account.registrar.port());
        let me = Uri::sip(Some(&account.extension), registrar.clone(), port);
        let contact = Uri::sip(Some(&account.extension), Host::Ip(self.line.local().ip()), Some(self.line.local().port()));
        let mut from = NameAddr::new(me.clone());
        from.set_tag(tag);
        let mut headers = Headers::default();
        headers.push("Contact", NameAddr::new(contact).to_string());
        headers.push("Expires", EXPIRES_SECS.to_string());
        if let Some(credentials) = credentials {
            headers.push("Authorization", credentials);
        }
        let request = Request {
            method: Method::Register,
            uri: Uri::sip(None, registrar, port),
            via: Vec::new(),
            from,
            to: NameAddr::new(me),
            call_id: call_id.to_owned(),
            cseq: CSeq { seq, method: Method::Register },
            max_forwards: 70,
            headers,
            body: Vec::new(),
        };
        let flow = Flow { transport: Transport::Udp, local: self.line.local(), remote: account.registrar };
        let sent = self.line.send(request, flow, now()).map_err(|_| PhoneError::Unreachable)?;
        let deadline = now().mono + REGISTER_TIMEOUT;
        while let Some(event) = self.next(deadline).await? {
            match event {
                Event::Line(line::Event::Response { transaction, response }) if transaction == sent && response.status.is_final() => {
                    let challenge = response.headers.first("WWW-Authenticate").map(str::to_owned);
                    return Ok((response.status, challenge));
                }
                Event::Line(line::Event::Failed { transaction }) if transaction == sent => return Err(PhoneError::Unreachable),
                _ => {}
            }
        }
        Err(PhoneError::Unreachable)
    }
}
