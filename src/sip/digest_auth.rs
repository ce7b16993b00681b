//! Digest access authentication for SIP (RFC 3261 22, RFC 7616, RFC 8760): server side with a bounded
//! nonce table and nonce-count check, and the client's answer.
//!
//! A nonce proves its own age and origin by a keyed digest, so challenges cost no memory; only nonces that
//! somebody answered with the right password are remembered, for their counts.

mod fields;
mod nonces;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use md5::Digest as _;
use subtle::ConstantTimeEq as _;

use self::fields::{Fields, hex, quoted};
use self::nonces::Nonces;
use super::message::{Method, Request, Uri};

/// A nonce is good for this long; then it is `stale`.
pub const NONCE_LIFETIME: Duration = Duration::from_secs(300);
/// Most nonces remembered; the oldest go first.
pub const MAX_NONCES: usize = 10_000;
/// Most `Authorization` headers of one request that are looked at: one for each algorithm and a few of
/// other realms.
const MAX_CREDENTIALS: usize = 4;

/// H(user:realm:password) for both algorithms: what is stored instead of the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    pub md5: [u8; 16],
    pub sha256: [u8; 32],
}

impl std::fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ha1(redacted)")
    }
}

impl Ha1 {
    pub fn new(user: &str, realm: &str, password: &str) -> Self {
        let text = format!("{user}:{realm}:{password}");
        Self { md5: md5::Md5::digest(&text).into(), sha256: sha2::Sha256::digest(&text).into() }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The named user proved the password.
    Accepted { user: String },
    /// No or unusable credentials: answer 401 with [`Authenticator::challenge`].
    Challenge { stale: bool },
    /// Wrong password or unknown user; answered like a challenge so that nothing is learnt.
    Refused { user: String },
}

#[derive(Debug)]
pub struct Authenticator {
    realm: String,
    offered: Vec<Algorithm>,
    nonces: Nonces,
}

/// Digest algorithms of RFC 8760 that we speak.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize)]
pub enum Algorithm {
    #[serde(rename = "MD5")]
    Md5,
    #[serde(rename = "SHA-256")]
    Sha256,
}

impl Algorithm {
    /// Strongest first (RFC 8760 2.3).
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Md5];

    /// MD5 where nothing is said (RFC 7616 3.3).
    fn from_token(token: Option<&str>) -> Option<Self> {
        let Some(token) = token else { return Some(Self::Md5) };
        Self::ALL.into_iter().find(|algorithm| algorithm.token().eq_ignore_ascii_case(token))
    }

    pub const fn token(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// H(text) in lower-case hexadecimal digits.
    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&md5::Md5::digest(text)),
            Self::Sha256 => hex(&sha2::Sha256::digest(text)),
        }
    }

    fn ha1(self, secret: &Ha1) -> String {
        match self {
            Self::Md5 => hex(&secret.md5),
            Self::Sha256 => hex(&secret.sha256),
        }
    }
}

/// The part of the credentials that makes a response fresh.
#[derive(Clone, Copy, Debug)]
struct Freshness<'a> {
    nonce: &'a str,
    /// `nc` as it was sent, `cnonce` and `qop`; none with a challenge from before RFC 2617.
    counted: Option<(&'a str, &'a str, &'a str)>,
}

/// The `response` of RFC 7616 3.4.1.
fn digest_response(
    algorithm: Algorithm,
    ha1: &str,
    method: &Method,
    uri: &str,
    fresh: Freshness<'_>,
) -> String {
    let ha2 = algorithm.hash(&format!("{method}:{uri}"));
    let nonce = fresh.nonce;
    algorithm.hash(&match fresh.counted {
        Some((nc, cnonce, qop)) => format!("{ha1}:{nonce}:{nc}:{cnonce}:{qop}:{ha2}"),
        None => format!("{ha1}:{nonce}:{ha2}"),
    })
}

/// Credentials that are complete and meant for us; whether they are right is another matter.
struct Credentials {
    user: String,
    algorithm: Algorithm,
    nonce: String,
    uri: String,
    nc: String,
    count: u32,
    cnonce: String,
    qop: String,
    response: String,
}

impl Credentials {
    /// The first usable `Authorization` of `request` for `realm`.
    fn of_request(request: &Request, realm: &str, offered: &[Algorithm]) -> Option<Self> {
        let headers = request.headers.all("Authorization").take(MAX_CREDENTIALS);
        headers
            .filter_map(|value| Self::parse(value, realm))
            .find(|found| found.is_for(&request.uri) && offered.contains(&found.algorithm))
    }

    fn parse(value: &str, realm: &str) -> Option<Self> {
        let fields = Fields::parse(value)?;
        if fields.find("realm")? != realm {
            return None;
        }
        let owned = |name: &str| fields.find(name).map(str::to_owned);
        // We ask for qop, so an answer without it is an attempt to do without the nonce count.
        let qop = owned("qop").filter(|qop| qop.eq_ignore_ascii_case("auth"))?;
        let nc = owned("nc")?;
        Some(Self {
            user: owned("username")?,
            algorithm: Algorithm::from_token(fields.find("algorithm"))?,
            nonce: owned("nonce")?,
            uri: owned("uri")?,
            count: fields::nonce_count(&nc)?,
            nc,
            cnonce: owned("cnonce")?,
            qop,
            response: owned("response")?.to_ascii_lowercase(),
        })
    }

    /// The digest-uri names what the Request-URI names. Port and parameters may differ: proxies add and
    /// drop them (RFC 7616 3.4.6).
    fn is_for(&self, request_uri: &Uri) -> bool {
        Uri::parse(&self.uri).is_ok_and(|uri| {
            uri.scheme == request_uri.scheme && uri.user == request_uri.user && uri.host == request_uri.host
        })
    }

    fn are_right(&self, method: &Method, secret: &Ha1) -> bool {
        let fresh = Freshness { nonce: &self.nonce, counted: Some((&self.nc, &self.cnonce, &self.qop)) };
        let ha1 = self.algorithm.ha1(secret);
        let expected = digest_response(self.algorithm, &ha1, method, &self.uri, fresh);
        expected.as_bytes().ct_eq(self.response.as_bytes()).into()
    }
}

impl Authenticator {
    /// Only `offered` algorithms are asked for and taken, in this order of preference.
    pub fn new(realm: &str, offered: Vec<Algorithm>, seed: [u8; 32]) -> Self {
        Self { realm: realm.to_owned(), offered, nonces: Nonces::new(seed) }
    }

    /// Values for `WWW-Authenticate`, one for each algorithm offered: the same nonce, qop="auth". Only `source` can use
    /// it.
    pub fn challenge(&mut self, stale: bool, source: IpAddr, now: Instant) -> Vec<String> {
        let realm = quoted(&self.realm);
        let nonce = self.nonces.issue(source, now);
        let stale = if stale { ", stale=true" } else { "" };
        let challenge = |algorithm: Algorithm| {
            let token = algorithm.token();
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={token}, qop=\"auth\"{stale}")
        };
        self.offered.iter().copied().map(challenge).collect()
    }

    /// Checks the `Authorization` of `request`, which came from `source`, against what `secret_of` knows. Realm, nonce,
    /// nonce count and digest-uri are checked against our own, never taken from the client.
    pub fn verify(
        &mut self,
        request: &Request,
        source: IpAddr,
        secret_of: impl Fn(&str) -> Option<Ha1>,
        now: Instant,
    ) -> Verdict {
        let Some(credentials) = Credentials::of_request(request, &self.realm, &self.offered) else {
            return Verdict::Challenge { stale: false };
        };
        // An unknown name costs the same work as a known one with a wrong password.
        let secret = secret_of(&credentials.user);
        let is_known = secret.is_some();
        let secret = secret.unwrap_or(Ha1 { md5: [0; 16], sha256: [0; 32] });
        let is_right = credentials.are_right(&request.method, &secret);
        // Said of every password (RFC 7616 3.3): an old nonce must not be a place where guesses are free.
        if !self.nonces.is_fresh(&credentials.nonce, source, now) {
            return Verdict::Challenge { stale: true };
        }
        if !is_known || !is_right {
            return Verdict::Refused { user: credentials.user };
        }
        if self.nonces.use_once(&credentials.nonce, source, credentials.count, now) {
            Verdict::Accepted { user: credentials.user }
        } else {
            Verdict::Challenge { stale: true }
        }
    }
}

/// A field of a challenge or of credentials by its lower-case name, unquoted; none when it cannot be read.
pub fn challenge_field(challenge: &str, name: &str) -> Option<String> {
    Fields::parse(challenge)?.find(name).map(str::to_owned)
}

/// The client's `Authorization` value for a challenge; none when no algorithm or qop is known.
/// `nonce_count` starts at 1 for each nonce; `cnonce` comes from the caller's mint.
pub fn authorization(
    challenge: &str,
    user: &str,
    password: &str,
    method: &Method,
    digest_uri: &str,
    nonce_count: u32,
    cnonce: &str,
) -> Option<String> {
    let fields = Fields::parse(challenge)?;
    let algorithm = Algorithm::from_token(fields.find("algorithm"))?;
    let (realm, nonce) = (fields.find("realm")?, fields.find("nonce")?);
    let nc = format!("{nonce_count:08x}");
    let counted = match fields.find("qop") {
        Some(offered) => {
            let qop = offered.split(',').map(str::trim).find(|qop| qop.eq_ignore_ascii_case("auth"))?;
            Some((nc.as_str(), cnonce, qop))
        }
        None => None,
    };
    let ha1 = algorithm.ha1(&Ha1::new(user, realm, password));
    let response = digest_response(algorithm, &ha1, method, digest_uri, Freshness { nonce, counted });
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
        quoted(user),
        quoted(realm),
        quoted(nonce),
        quoted(digest_uri),
        algorithm.token(),
    );
    if let Some((nc, cnonce, qop)) = counted {
        value.push_str(&format!(", qop={qop}, nc={nc}, cnonce={}", quoted(cnonce)));
    }
    if let Some(opaque) = fields.find("opaque") {
        value.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    Some(value)
}
