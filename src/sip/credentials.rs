//! The client's side of a challenge (RFC 3261 22.2, 22.3): who we are at somebody else's server, and the header that
//! proves it. The digest itself is `digest_auth`; whom a request goes to, and how often it is tried, is decided above.

use super::digest_auth::{authorization, challenge_field};
use super::message::{Method, Request, Response, StatusCode, Uri};

pub const PROXY_AUTHENTICATION_REQUIRED: StatusCode = StatusCode(407);
/// Most challenges of one response looked at: one for each algorithm and a few of other realms.
const MAX_CHALLENGES: usize = 4;
/// Challenges answered without success in between: one, and one more for a nonce that had grown old. A third means
/// that the password is wrong, and the peer should not be asked again.
const MAX_UNANSWERED: u8 = 2;

/// A user and password of ours at a provider. `Debug` keeps the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: String,
    /// The only realm they are for; none answers any.
    pub realm: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A challenge that was met, for the requests that follow: its nonce serves again with a higher count.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    text: String,
    header: &'static str,
    used: u32,
}

impl Challenge {
    /// The first challenge of a 401 or 407 that `credentials` can answer.
    pub fn of_response(response: &Response, credentials: &Credentials) -> Option<Self> {
        let (challenge, header) = match response.status {
            StatusCode::UNAUTHORIZED => ("WWW-Authenticate", "Authorization"),
            PROXY_AUTHENTICATION_REQUIRED => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return None,
        };
        let usable = |text: &&str| {
            let realm = challenge_field(text, "realm");
            let ours = credentials.realm.is_none() || credentials.realm == realm;
            // Whether algorithm and qop are known shows in trying.
            ours && authorization(text, "", "", &Method::Register, "", 1, "").is_some()
        };
        let text = response.headers.all(challenge).take(MAX_CHALLENGES).find(usable)?;
        Some(Self { text: text.to_owned(), header, used: 0 })
    }

    /// The password was right and only the nonce too old (RFC 7616 3.3).
    pub fn is_stale(&self) -> bool {
        challenge_field(&self.text, "stale").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The header that answers, name and value; each call counts the nonce up.
    pub fn answer(
        &mut self,
        credentials: &Credentials,
        method: &Method,
        uri: &Uri,
        cnonce: &str,
    ) -> Option<(&'static str, String)> {
        self.used += 1;
        let Credentials { user, password, .. } = credentials;
        let value = authorization(&self.text, user, password, method, &uri.to_string(), self.used, cnonce)?;
        Some((self.header, value))
    }
}

/// Credentials in use on one leg: a challenge that was answered once is answered beforehand in every later request,
/// so a BYE is not asked twice.
#[derive(Debug)]
pub struct Login {
    credentials: Credentials,
    /// At most one of the peer and one of a proxy before it.
    challenges: Vec<Challenge>,
    unanswered: u8,
}

impl Login {
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, challenges: Vec::new(), unanswered: 0 }
    }

    /// Takes a 401 or 407; true when the request should be sent again, with [`Self::authorize`].
    pub fn handle_challenge(&mut self, response: &Response) -> bool {
        if self.unanswered >= MAX_UNANSWERED {
            return false;
        }
        let Some(challenge) = Challenge::of_response(response, &self.credentials) else { return false };
        // The same question again means that the answer was wrong, unless only the nonce was too old.
        let asked_before = self.challenges.iter().any(|known| known.header == challenge.header);
        if asked_before && self.unanswered > 0 && !challenge.is_stale() {
            return false;
        }
        self.challenges.retain(|known| known.header != challenge.header);
        self.challenges.push(challenge);
        self.unanswered += 1;
        true
    }

    /// The peer was satisfied.
    pub fn handle_success(&mut self) {
        self.unanswered = 0;
    }

    /// Answers the known challenges in a request about to be sent. `cnonce` comes from the caller's mint.
    pub fn authorize(&mut self, request: &mut Request, cnonce: &str) {
        for challenge in &mut self.challenges {
            let answer = challenge.answer(&self.credentials, &request.method, &request.uri, cnonce);
            if let Some((name, value)) = answer {
                request.headers.set(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sip::digest_auth::{Algorithm, Authenticator, Ha1, Verdict};
    use crate::sip::message::sample;

    fn response(status: StatusCode, challenges: &[(&str, &str)]) -> Response {
        let mut response = sample::register("city").response(status, "t");
        for (name, value) in challenges {
            response.headers.push(name, *value);
        }
        response
    }

    fn credentials(realm: Option<&str>) -> Credentials {
        Credentials { user: "u".to_owned(), password: "p4ss".to_owned(), realm: realm.map(str::to_owned) }
    }

    #[test]
    fn the_first_challenge_that_can_be_answered_is() {
        let challenged = response(
            StatusCode::UNAUTHORIZED,
            &[
                ("WWW-Authenticate", r#"Digest realm="r", nonce="n", algorithm=SHA-512-256"#),
                (
                    "WWW-Authenticate",
                    r#"Digest realm="r", nonce="m", qop="auth", algorithm=SHA-256, stale=TRUE"#,
                ),
            ],
        );
        let mut challenge = Challenge::of_response(&challenged, &credentials(None)).unwrap();
        assert!(challenge.is_stale());
        let uri = Uri::parse("sip:provider.example").unwrap();
        for count in ["nc=00000001", "nc=00000002"] {
            let (name, value) = challenge.answer(&credentials(None), &Method::Register, &uri, "c").unwrap();
            assert_eq!(name, "Authorization");
            assert!(value.contains(count) && value.contains(r#"nonce="m""#), "{value}");
        }
    }

    #[test]
    fn a_proxy_is_answered_in_its_own_header() {
        let challenged = response(
            PROXY_AUTHENTICATION_REQUIRED,
            &[("Proxy-Authenticate", r#"Digest realm="r", nonce="n""#)],
        );
        let mut challenge = Challenge::of_response(&challenged, &credentials(Some("r"))).unwrap();
        let uri = Uri::parse("sip:1@b").unwrap();
        let (name, _) = challenge.answer(&credentials(None), &Method::Invite, &uri, "c").unwrap();
        assert_eq!(name, "Proxy-Authorization");
        assert!(!challenge.is_stale());
    }

    #[test]
    fn another_realm_learns_nothing() {
        let challenged =
            response(StatusCode::UNAUTHORIZED, &[("WWW-Authenticate", r#"Digest realm="evil", nonce="n""#)]);
        assert_eq!(Challenge::of_response(&challenged, &credentials(Some("r"))), None);
        assert_eq!(Challenge::of_response(&response(StatusCode::OK, &[]), &credentials(None)), None);
    }

    #[test]
    fn the_password_stays_out_of_the_log() {
        assert!(!format!("{:?}", credentials(None)).contains("p4ss"));
    }

    fn invite() -> Request {
        sample::request(Method::Invite, "city", "201")
    }

    fn login() -> Login {
        let (user, password) = ("city".to_owned(), "secret".to_owned());
        Login::new(Credentials { user, password, realm: None })
    }

    fn challenged(status: u16, header: &str, value: &str) -> Response {
        invite().response(StatusCode(status), "t").with_header(header, value)
    }

    /// Our own registrar is the peer here.
    #[test]
    fn a_challenge_is_answered_and_then_answered_beforehand() {
        let (now, source) = (crate::time::now().mono, std::net::Ipv4Addr::LOCALHOST.into());
        let mut peer = Authenticator::new("provider", Algorithm::ALL.to_vec(), [7; 32]);
        let mut refusal = invite().response(StatusCode::UNAUTHORIZED, "t");
        for challenge in peer.challenge(false, source, now) {
            refusal.headers.push("WWW-Authenticate", challenge);
        }
        let mut login = login();
        assert!(login.handle_challenge(&refusal));
        for (method, cnonce) in [(Method::Invite, "c1"), (Method::Bye, "c2")] {
            let mut again = sample::request(method.clone(), "city", "201");
            login.authorize(&mut again, cnonce);
            let secret = |user: &str| (user == "city").then(|| Ha1::new(user, "provider", "secret"));
            let verdict = peer.verify(&again, source, secret, now);
            assert_eq!(verdict, Verdict::Accepted { user: "city".to_owned() }, "{method}");
        }
    }

    #[test]
    fn proxy_and_peer_are_answered_side_by_side() {
        let mut login = login();
        let challenge = |realm: &str| format!("Digest realm=\"{realm}\", nonce=\"n\", qop=\"auth\"");
        assert!(login.handle_challenge(&challenged(407, "Proxy-Authenticate", &challenge("proxy"))));
        assert!(login.handle_challenge(&challenged(401, "WWW-Authenticate", &challenge("peer"))));
        let mut again = invite();
        login.authorize(&mut again, "c");
        assert!(again.headers.first("Authorization").unwrap().contains("realm=\"peer\""));
        assert!(again.headers.first("Proxy-Authorization").unwrap().contains("realm=\"proxy\""));
    }

    #[test]
    fn a_wrong_password_is_not_tried_for_ever() {
        let mut login = login();
        let refusal = challenged(401, "WWW-Authenticate", "Digest realm=\"r\", nonce=\"n\"");
        assert!(login.handle_challenge(&refusal));
        assert!(!login.handle_challenge(&refusal));
        let stale = challenged(401, "WWW-Authenticate", "Digest realm=\"r\", nonce=\"m\", stale=true");
        assert!(login.handle_challenge(&stale), "the nonce had grown old");
        assert!(!login.handle_challenge(&stale), "twice is enough");
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
    }
}
