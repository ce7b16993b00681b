//! Our own name and password towards a peer that challenges us (RFC 3261 22.2, 22.3), such as a trunk.
//!
//! A challenge that was answered once is answered beforehand in every later request of the same leg: a BYE is
//! not asked twice. The arithmetic is `digest_auth.rs`'s; who has credentials is configuration.

use std::fmt;

use super::digest_auth;
use super::message::{Request, Response, StatusCode};

/// Challenges answered without success in between: one, and one more for a nonce that had grown old. A third
/// means that the password is wrong, and the peer should not be asked again.
const MAX_CHALLENGES: u8 = 2;

#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Credentials in use on one leg.
#[derive(Debug)]
pub struct Login {
    credentials: Credentials,
    /// At most one of the peer and one of a proxy before it.
    challenges: Vec<Challenge>,
    unanswered: u8,
}

#[derive(Debug)]
struct Challenge {
    /// The header its answer goes into.
    header: &'static str,
    text: String,
    /// Requests that used its nonce (`nc`).
    uses: u32,
}

impl Login {
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, challenges: Vec::new(), unanswered: 0 }
    }

    /// Takes a 401 or 407; true when the request should be sent again, with [`Self::authorize`].
    pub fn handle_challenge(&mut self, response: &Response) -> bool {
        let (asks, header) = match response.status {
            StatusCode::UNAUTHORIZED => ("WWW-Authenticate", "Authorization"),
            StatusCode(407) => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return false,
        };
        if self.unanswered >= MAX_CHALLENGES {
            return false;
        }
        let method = &response.cseq.method;
        let Credentials { user, password } = &self.credentials;
        let known = response.headers.all(asks).find(|challenge| {
            digest_auth::authorization(challenge, user, password, method, "", 1, "").is_some()
        });
        let Some(known) = known else { return false };
        self.challenges.retain(|challenge| challenge.header != header);
        self.challenges.push(Challenge { header, text: known.to_owned(), uses: 0 });
        self.unanswered += 1;
        true
    }

    /// The peer was satisfied.
    pub fn handle_success(&mut self) {
        self.unanswered = 0;
    }

    /// Answers the known challenges in a request about to be sent. `cnonce` comes from the caller's mint.
    pub fn authorize(&mut self, request: &mut Request, cnonce: &str) {
        let uri = request.uri.to_string();
        let Credentials { user, password } = &self.credentials;
        for Challenge { header, text, uses } in &mut self.challenges {
            *uses = uses.saturating_add(1);
            let value =
                digest_auth::authorization(text, user, password, &request.method, &uri, *uses, cnonce);
            if let Some(value) = value {
                request.headers.set(header, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::digest_auth::{Algorithm, Authenticator, Ha1, Verdict};
    use crate::sip::message::{Message, parse_datagram};

    fn request(method: &str) -> Request {
        let text = format!(
            "{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n\
             To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 7 {method}\r\n\r\n"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => unreachable!("a request was written"),
        }
    }

    fn login() -> Login {
        Login::new(Credentials { user: "city".to_owned(), password: "secret".to_owned() })
    }

    fn challenged(status: u16, header: &str, value: &str) -> Response {
        request("INVITE").response(StatusCode(status), "t").with_header(header, value)
    }

    /// Our own registrar is the peer here.
    #[test]
    fn a_challenge_is_answered_and_then_answered_beforehand() {
        let now = crate::time::now().mono;
        let mut peer = Authenticator::new("provider", Algorithm::ALL.to_vec(), [7; 32]);
        let mut refusal = request("INVITE").response(StatusCode::UNAUTHORIZED, "t");
        for challenge in peer.challenge(false, now) {
            refusal.headers.push("WWW-Authenticate", challenge);
        }
        let mut login = login();
        assert!(login.handle_challenge(&refusal));
        for (method, cnonce) in [("INVITE", "c1"), ("BYE", "c2")] {
            let mut again = request(method);
            login.authorize(&mut again, cnonce);
            let secret = |user: &str| (user == "city").then(|| Ha1::new(user, "provider", "secret"));
            let verdict = peer.verify(&again, secret, now);
            assert_eq!(verdict, Verdict::Accepted { user: "city".to_owned() }, "{method}");
        }
    }

    #[test]
    fn proxy_and_peer_are_answered_side_by_side() {
        let mut login = login();
        let challenge = |realm: &str| format!("Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\"");
        assert!(login.handle_challenge(&challenged(407, "Proxy-Authenticate", &challenge("proxy"))));
        assert!(login.handle_challenge(&challenged(401, "WWW-Authenticate", &challenge("peer"))));
        let mut again = request("INVITE");
        login.authorize(&mut again, "c");
        assert!(again.headers.first("Authorization").unwrap().contains("realm=\"peer\""));
        assert!(again.headers.first("Proxy-Authorization").unwrap().contains("realm=\"proxy\""));
    }

    #[test]
    fn a_wrong_password_is_not_tried_for_ever() {
        let mut login = login();
        let refusal = challenged(401, "WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"");
        assert!(login.handle_challenge(&refusal));
        assert!(login.handle_challenge(&refusal), "the nonce may have grown old");
        assert!(!login.handle_challenge(&refusal));
        login.handle_success();
        assert!(login.handle_challenge(&refusal), "a later request begins anew");
    }

    #[test]
    fn what_cannot_be_answered_is_a_refusal_like_any_other() {
        for (status, header, value) in [
            (401, "WWW-Authenticate", "Basic realm=\"r\""),
            (401, "WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\", algorithm=WHIRLPOOL"),
            (401, "Proxy-Authenticate", "Digest realm=\"r\", nonce=\"n\""),
            (403, "WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\""),
        ] {
            assert!(
                !login().handle_challenge(&challenged(status, header, value)),
                "{status} {header}: {value}"
            );
        }
        assert_eq!(format!("{:?}", login().credentials), "Credentials { .. }");
    }
}
