//! Signing in through the city's identity provider (OpenID Connect, authorization code with PKCE): off to it, back from it,
//! out of it. Whom its claims mean is `terms.rs`, what is asked of it `provider.rs`, whether a token is believed
//! `id_token.rs`. Why so: docs/decisions/0037.

mod id_token;
mod pending;
pub(super) mod provider;
mod terms;

use std::net::SocketAddr;

use axum::Json as Answer;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::digest::Sha256;
use crate::people::Role;
use crate::sip::guard::Rate;
use crate::store::User;
use crate::time;

use super::error::ApiError;
use super::extract::Query;
use super::session::OpenedBy;
use super::sip_socket::speaks_for;
use super::{Shared, Web, access, pages};
use id_token::{Expected, NotBelieved};
use pending::Begun;
use provider::NotAnswered;

pub(super) use pending::Pending;
pub(super) use provider::Provider;
pub use provider::is_safe_address;
pub use terms::{OidcTerms, Passwords};

/// Where it begins; the way back is below it, and so is the cookie.
const PATH: &str = "/api/v1/session/oidc";
const COOKIE: &str = "ringback_oidc";
/// Sign-ins begun from one address in a minute; an office may stand behind one.
const BEGINNINGS: u32 = 60;
/// Codes and states of providers are far shorter.
const MAX_PARAMETER_BYTES: usize = 4096;

/// How one can sign in, for the page that asks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WaysView {
    /// `everybody` or `administrators` sign in by password.
    passwords: &'static str,
    /// What people call the city's identity provider; null where there is none.
    oidc: Option<String>,
}

/// By what people sign in here.
#[utoipa::path(get, path = "/api/v1/session/ways", tag = "session", responses((status = 200, body = WaysView)))]
pub(super) async fn ways(State(web): State<Shared>) -> Answer<WaysView> {
    let in_force = web.in_force();
    let oidc = in_force.sign_in.oidc.as_ref();
    let passwords = match oidc.map(|terms| terms.passwords) {
        Some(Passwords::Administrators) => "administrators",
        Some(Passwords::Everybody) | None => "everybody",
    };
    Answer(WaysView { passwords, oidc: oidc.map(|terms| terms.name.clone()) })
}

/// Why nobody was signed in, as the sign-in page puts it into words: `/signin.html?sso=`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum NotSignedIn {
    /// The person, or the provider, said no.
    Cancelled,
    /// Begun too long ago, twice, or in another browser.
    Expired,
    /// What came back is not believed.
    NotBelieved,
    /// Nobody of this name works here.
    Unknown,
    /// The provider does not grant the role.
    Role,
    /// The provider has seen no second factor.
    Factor,
    /// The provider does not answer.
    Away,
    /// There is no provider.
    Off,
}

impl NotSignedIn {
    const fn page(self) -> &'static str {
        match self {
            Self::Cancelled => "/signin.html?sso=cancelled",
            Self::Expired => "/signin.html?sso=expired",
            Self::NotBelieved => "/signin.html?sso=refused",
            Self::Unknown => "/signin.html?sso=unknown",
            Self::Role => "/signin.html?sso=role",
            Self::Factor => "/signin.html?sso=factor",
            Self::Away => "/signin.html?sso=away",
            Self::Off => "/signin.html?sso=off",
        }
    }
}

impl From<NotAnswered> for NotSignedIn {
    fn from(why: NotAnswered) -> Self {
        tracing::warn!(%why, "sign-in through the identity provider failed");
        match why {
            NotAnswered::Away(_) | NotAnswered::Odd(_) => Self::Away,
            NotAnswered::Refused(_) => Self::NotBelieved,
        }
    }
}

impl From<NotBelieved> for NotSignedIn {
    fn from(why: NotBelieved) -> Self {
        tracing::warn!(%why, "a token of the identity provider is not believed");
        Self::NotBelieved
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Beginning {
    /// The page to go to, one of ours; `/` otherwise.
    #[serde(default)]
    to: Option<String>,
}

/// Off to the identity provider; the browser comes back to `/api/v1/session/oidc/callback`.
#[utoipa::path(get, path = "/api/v1/session/oidc", tag = "session", params(Beginning),
    responses((status = 303, description = "to the provider, or to the sign-in page that says why not"), (status = 429)))]
pub(super) async fn begin(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(beginning): Query<Beginning>,
) -> Result<Response, ApiError> {
    let (now, source) = (time::now().mono, speaks_for(&headers, peer.ip()));
    let rate = Rate { interval: std::time::Duration::from_secs(60) / BEGINNINGS, burst: BEGINNINGS };
    web.limits
        .begin_oidc(source, rate, now)
        .map_err(|retry_after| ApiError::TooManyRequests { retry_after })?;
    let Some(terms) = web.in_force().sign_in.oidc.clone() else { return Ok(elsewhere(NotSignedIn::Off)) };
    let known = match web.provider.known(&terms.issuer).await {
        Ok(known) => known,
        Err(why) => return Ok(elsewhere(why.into())),
    };
    let token = || web.with_mint(crate::ids::Mint::token);
    let (state, browser) = (token(), token());
    let begun = Begun {
        browser: browser.clone(),
        nonce: token(),
        // 43 characters at least (RFC 7636 4.1).
        verifier: format!("{}{}", token(), token()),
        issuer: terms.issuer.clone(),
        to: beginning.to.as_deref().and_then(pages::page).unwrap_or("/"),
        at: now,
    };
    let location = web.asking_url(&terms, &known.discovery.authorization_endpoint, &state, &begun);
    web.pending.begin(state, begun);
    let secure = if web.is_encrypted(&headers, peer.ip()) { "; Secure" } else { "" };
    let seconds = pending::GOOD_FOR.as_secs();
    // Lax: the browser comes back from another site, and must bring it.
    let cookie =
        format!("{COOKIE}={browser}; HttpOnly; SameSite=Lax; Path={PATH}; Max-Age={seconds}{secure}");
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::SET_COOKIE, cookie)]).into_response())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Return {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    state: Option<String>,
    /// Who answers (RFC 9207).
    #[serde(default)]
    iss: Option<String>,
    /// Why there is no code (RFC 6749 4.1.2.1).
    #[serde(default)]
    error: Option<String>,
}

/// Back from the identity provider: a session begins, and the browser goes on to the page; or to the sign-in page, which
/// says why not.
#[utoipa::path(get, path = "/api/v1/session/oidc/callback", tag = "session", params(Return),
    responses((status = 303)))]
pub(super) async fn come_back(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(back): Query<Return>,
) -> Result<Response, ApiError> {
    let mut response = match web.judge(&headers, back).await? {
        Err(why) => elsewhere(why),
        Ok((user, factor, to)) => {
            let by = OpenedBy::Provider { second_factor: factor };
            let cookie = web.open_session(&user, peer.ip(), &headers, by).await?;
            let mut response = (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response();
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
    };
    let spent = format!("{COOKIE}=; HttpOnly; SameSite=Lax; Path={PATH}; Max-Age=0");
    if let Ok(spent) = HeaderValue::try_from(spent) {
        response.headers_mut().append(header::SET_COOKIE, spent);
    }
    Ok(response)
}

/// Out of the identity provider, too, where it knows such an end; for a browser that has left our session already.
#[utoipa::path(get, path = "/api/v1/session/oidc/end", tag = "session",
    responses((status = 303, description = "to the provider, or to our sign-in page"), (status = 429)))]
pub(super) async fn end(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (now, source) = (time::now().mono, speaks_for(&headers, peer.ip()));
    let rate = Rate { interval: std::time::Duration::from_secs(60) / BEGINNINGS, burst: BEGINNINGS };
    web.limits
        .begin_oidc(source, rate, now)
        .map_err(|retry_after| ApiError::TooManyRequests { retry_after })?;
    let mut location = "/signin.html".to_owned();
    if let Some(terms) = web.in_force().sign_in.oidc.clone()
        && let Ok(known) = web.provider.known(&terms.issuer).await
        && let Some(end) = &known.discovery.end_session_endpoint
    {
        let back = format!("{}/signin.html", web.origin());
        location = with_query(end, &[("client_id", &terms.client_id), ("post_logout_redirect_uri", &back)]);
    }
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

fn elsewhere(why: NotSignedIn) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, why.page())]).into_response()
}

/// The browser's part of the sign-in under way.
fn browser_of(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn with_query(url: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}{}", query.finish())
}

impl Web {
    /// Our address as browsers have it, without which no provider is configured.
    fn origin(&self) -> String {
        self.in_force().origins.own.as_deref().unwrap_or_default().to_owned()
    }

    fn asking_url(&self, terms: &OidcTerms, endpoint: &str, state: &str, begun: &Begun) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::of(begun.verifier.as_bytes()).0);
        let scopes: Vec<&str> =
            std::iter::once("openid").chain(terms.scopes.iter().map(String::as_str)).collect();
        with_query(
            endpoint,
            &[
                ("response_type", "code"),
                ("client_id", &terms.client_id),
                ("redirect_uri", &format!("{}{PATH}/callback", self.origin())),
                ("scope", &scopes.join(" ")),
                ("state", state),
                ("nonce", &begun.nonce),
                ("code_challenge", &challenge),
                ("code_challenge_method", "S256"),
            ],
        )
    }

    /// Who comes back, whether with a second factor, and the page to go to.
    async fn judge(
        &self,
        headers: &HeaderMap,
        back: Return,
    ) -> Result<Result<(User, bool, &'static str), NotSignedIn>, ApiError> {
        let fields = [&back.code, &back.state, &back.iss, &back.error];
        if fields.into_iter().flatten().any(|text| text.len() > MAX_PARAMETER_BYTES) {
            return Err(ApiError::BadRequest("a parameter is too long".to_owned()));
        }
        let Some(terms) = self.in_force().sign_in.oidc.clone() else { return Ok(Err(NotSignedIn::Off)) };
        let state = back.state.as_deref().unwrap_or_default();
        let begun = self.pending.take(state, browser_of(headers), time::now().mono);
        let Some(begun) = begun.filter(|begun| begun.issuer == terms.issuer) else {
            return Ok(Err(NotSignedIn::Expired));
        };
        let claims = match self.claims(&terms, &begun, &back).await {
            Ok(claims) => claims,
            Err(why) => return Ok(Err(why)),
        };
        let user = match terms.user_of(&claims) {
            Some(name) if name.len() <= super::session::MAX_NAME_BYTES => {
                self.store().user_by_name(name).await?
            }
            _ => None,
        };
        Ok(self.admit(&terms, user, &claims).map(|(user, factor)| (user, factor, begun.to)))
    }

    /// What the provider says of the person.
    async fn claims(
        &self,
        terms: &OidcTerms,
        begun: &Begun,
        back: &Return,
    ) -> Result<Map<String, Value>, NotSignedIn> {
        let known = self.provider.known(&terms.issuer).await?;
        // An answer of another provider, or of none where ours names itself: somebody mixes them up (RFC 9207).
        let names_itself = known.discovery.authorization_response_iss_parameter_supported;
        if back.iss.as_deref().map_or(names_itself, |iss| iss != terms.issuer) {
            tracing::warn!("another identity provider has answered");
            return Err(NotSignedIn::NotBelieved);
        }
        let Some(code) = back.code.as_deref().filter(|_| back.error.is_none()) else {
            return Err(NotSignedIn::Cancelled);
        };
        let redirect_uri = format!("{}{PATH}/callback", self.origin());
        let token = known.redeem(terms, code, &begun.verifier, &redirect_uri).await?;
        let expected = Expected { issuer: &terms.issuer, client_id: &terms.client_id, nonce: &begun.nonce };
        match id_token::verify(&token, &known.keys, expected) {
            Err(NotBelieved::UnknownKey) => {
                let keys = self.provider.renewed_keys(&known).await?;
                Ok(id_token::verify(&token, &keys, expected)?)
            }
            verdict => Ok(verdict?),
        }
    }

    /// Whether our user comes in by these claims; with whether the provider saw a second factor.
    fn admit(
        &self,
        terms: &OidcTerms,
        user: Option<User>,
        claims: &Map<String, Value>,
    ) -> Result<(User, bool), NotSignedIn> {
        let user = user.filter(|user| !user.disabled).ok_or(NotSignedIn::Unknown)?;
        if !terms.grants_role(&user, claims) {
            tracing::info!(user.id = %user.id, "the identity provider does not grant the role");
            return Err(NotSignedIn::Role);
        }
        let factor = terms.saw_second_factor(claims);
        // Whoever has one is asked for one, by whichever way they come.
        if !factor && (user.second_factor || access::lacks_second_factor(&user, &self.in_force().sign_in)) {
            return Err(NotSignedIn::Factor);
        }
        Ok((user, factor))
    }

    /// Whether this role signs in by password.
    pub(super) fn takes_password_of(&self, role: Role) -> bool {
        let in_force = self.in_force();
        let passwords = in_force.sign_in.oidc.as_ref().map_or(Passwords::Everybody, |terms| terms.passwords);
        passwords == Passwords::Everybody || role == Role::Admin
    }
}
