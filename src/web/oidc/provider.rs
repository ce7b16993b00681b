//! The city's identity provider over HTTP: what it says of itself (OpenID Connect Discovery 1.0), its keys, and the token it
//! gives for a code (RFC 6749 4.1.3). Every answer has a deadline and a size; what was learnt is kept for a while.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::Jwk;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, RequestBuilder, redirect};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::sip::guard::{Bucket, Rate};
use crate::time;

use super::terms::OidcTerms;

/// A person waits for each answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
/// More of an answer is not read; the keys of the largest providers are some 20 KiB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Keys looked at in one answer.
const MAX_KEYS: usize = 64;
/// What the provider says of itself is asked again after this time.
const KNOWN_FOR: Duration = Duration::from_secs(3600);
/// A token by a key we do not know has the keys fetched again: this often, whatever tokens there come.
const RENEWALS: Rate = Rate { interval: Duration::from_secs(20), burst: 3 };
/// After a failure nobody waits for the next for so long.
const REST: Duration = Duration::from_secs(3);

/// Why the provider could not be asked, or said no.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum NotAnswered {
    #[error("the identity provider does not answer: {0}")]
    Away(String),
    #[error("the identity provider says something else than it should: {0}")]
    Odd(String),
    #[error("the identity provider does not take the code: {0}")]
    Refused(String),
}

/// As far as we need it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct Discovery {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    pub(super) end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    /// It names itself in its answers (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// What we know of the provider.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) discovery: Arc<Discovery>,
    pub(super) keys: Arc<[Jwk]>,
    at: Instant,
    renewals: Bucket,
}

/// Held while it is asked, so that many who sign in at once ask once.
#[derive(Debug, Default)]
pub(in crate::web) struct Provider {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    failed: Option<(Instant, String, NotAnswered)>,
}

/// Redirects are not followed: codes and secrets are for the host that was configured.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    let client = Client::builder().redirect(redirect::Policy::none()).user_agent("Ringback");
    client.timeout(ANSWER_DEADLINE).build().map_err(|error| error.to_string())
});

impl Provider {
    /// What is known, asked for where it is too old. After a failure the same is answered for a moment.
    pub(super) async fn known(&self, issuer: &str) -> Result<Known, NotAnswered> {
        let mut state = self.state.lock().await;
        let now = time::now().mono;
        if let Some(known) = state.known.as_ref().filter(|known| {
            known.discovery.issuer == issuer && now.saturating_duration_since(known.at) < KNOWN_FOR
        }) {
            return Ok(known.clone());
        }
        if let Some((at, of, failure)) = &state.failed
            && of == issuer
            && now.saturating_duration_since(*at) < REST
        {
            return Err(failure.clone());
        }
        match ask(issuer).await {
            Ok(known) => {
                *state = State { known: Some(known.clone()), failed: None };
                Ok(known)
            }
            Err(failure) => {
                state.failed = Some((time::now().mono, issuer.to_owned(), failure.clone()));
                Err(failure)
            }
        }
    }

    /// The keys once more, where they were not fetched just now: the provider may have changed them.
    pub(super) async fn renewed_keys(&self, known: &Known) -> Result<Arc<[Jwk]>, NotAnswered> {
        let mut state = self.state.lock().await;
        let kept = state.known.as_mut().filter(|kept| kept.discovery == known.discovery);
        let Some(kept) = kept else { return Ok(known.keys.clone()) };
        if kept.renewals.take(RENEWALS, time::now().mono) {
            kept.keys = keys(&kept.discovery.jwks_uri).await?;
        }
        Ok(kept.keys.clone())
    }
}

async fn ask(issuer: &str) -> Result<Known, NotAnswered> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let discovery: Discovery = read(client()?.get(url)).await?;
    // Another name would be another provider, whose tokens we would then believe.
    if discovery.issuer != issuer {
        return Err(NotAnswered::Odd(format!("its issuer is {:?}, not {issuer:?}", discovery.issuer)));
    }
    let ends = [&discovery.authorization_endpoint, &discovery.token_endpoint, &discovery.jwks_uri];
    if let Some(open) =
        ends.into_iter().chain(&discovery.end_session_endpoint).find(|url| !is_safe_address(url))
    {
        return Err(NotAnswered::Odd(format!("{open:?} is not https")));
    }
    let keys = keys(&discovery.jwks_uri).await?;
    let at = time::now().mono;
    Ok(Known { discovery: Arc::new(discovery), keys, at, renewals: Bucket::full(at) })
}

/// Whether what is sent there can be read by nobody on the way: https, or this machine.
pub fn is_safe_address(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    let is_here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
        None => return false,
    };
    url.scheme() == "https" || url.scheme() == "http" && is_here
}

/// Keys of kinds we do not know are left out, whatever else is said of them.
async fn keys(url: &str) -> Result<Arc<[Jwk]>, NotAnswered> {
    let Keys { keys } = read(client()?.get(url)).await?;
    let known = keys.into_iter().take(MAX_KEYS).filter_map(|key| serde_json::from_value(key).ok());
    Ok(known.collect())
}

impl Known {
    /// The ID token for a code.
    pub(super) async fn redeem(
        &self,
        terms: &OidcTerms,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<String, NotAnswered> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let methods = &self.discovery.token_endpoint_auth_methods_supported;
        let knows = |method: &str| methods.iter().any(|known| known == method);
        let mut request = client()?.post(&self.discovery.token_endpoint);
        if knows("client_secret_post") && !knows("client_secret_basic") {
            fields.extend([
                ("client_id", terms.client_id.as_str()),
                ("client_secret", terms.client_secret.0.as_str()),
            ]);
        } else {
            request = request.header(AUTHORIZATION, basic(terms)?);
        }
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let tokens: Tokens = read(request).await?;
        Ok(tokens.id_token)
    }
}

/// Name and secret, each form-encoded before they are joined (RFC 6749 2.3.1).
fn basic(terms: &OidcTerms) -> Result<HeaderValue, NotAnswered> {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", encoded(&terms.client_id), encoded(&terms.client_secret.0));
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
    let mut value = value.map_err(|error| NotAnswered::Odd(error.to_string()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn client() -> Result<&'static Client, NotAnswered> {
    CLIENT.as_ref().map_err(|error| NotAnswered::Away(error.clone()))
}

/// The JSON of a good answer.
async fn read<T: serde::de::DeserializeOwned>(request: RequestBuilder) -> Result<T, NotAnswered> {
    // The address may hold nothing secret, but an error's text is for the log alone all the same.
    let away = |error: reqwest::Error| NotAnswered::Away(error.without_url().to_string());
    let mut answer = request.header(ACCEPT, "application/json").send().await.map_err(away)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(away)? {
        if body.len() + piece.len() > MAX_ANSWER_BYTES {
            return Err(NotAnswered::Odd(format!("more than {MAX_ANSWER_BYTES} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    if status.is_client_error() {
        return Err(NotAnswered::Refused(format!("{status} {}", fault(&body))));
    }
    if !status.is_success() {
        return Err(NotAnswered::Away(status.to_string()));
    }
    serde_json::from_slice(&body).map_err(|error| NotAnswered::Odd(error.to_string()))
}

/// The error code of RFC 6749 5.2; nothing else of an answer that is not as it should be is repeated.
fn fault(body: &[u8]) -> String {
    let told: Option<Value> = serde_json::from_slice(body).ok();
    let code = told.as_ref().and_then(|told| told.get("error")?.as_str()).unwrap_or_default();
    code.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_by_https_or_stay_on_this_machine() {
        for safe in [
            "https://id.city.example/token",
            "http://127.0.0.1:9000/t",
            "http://[::1]/t",
            "http://localhost/",
        ] {
            assert!(is_safe_address(safe), "{safe}");
        }
        for open in [
            "http://id.city.example/token",
            "http://127.0.0.1.evil.example/",
            "ftp://127.0.0.1/",
            "",
            "javascript:0",
        ] {
            assert!(!is_safe_address(open), "{open}");
        }
    }

    #[test]
    fn of_a_refusal_the_code_alone_is_told() {
        assert_eq!(fault(br#"{"error":"invalid_grant","error_description":"for olena"}"#), "invalid_grant");
        assert_eq!(fault(b"<html>"), "");
    }
}
