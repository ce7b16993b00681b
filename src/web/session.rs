//! Signing in and out: password, one-time link, and who one is. Tokens are 128 random bits, new at each sign-in; the
//! store keeps only their digest. Lists of sessions are `sessions.rs`.

use std::net::{IpAddr, SocketAddr};
use std::sync::PoisonError;

use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::ids::SessionId;
use crate::store::{NewSession, User};
use crate::time;

use super::error::ApiError;
use super::extract::{Json, Query};
use super::gate::{Credential, Principal, SESSION_COOKIE};
use super::login_limit::Attempt;
use super::sip_socket::speaks_for;
use super::terms::SignInTerms;
use super::{Shared, Web, access, pages, password};

/// Names are short; longer ones are nobody's.
pub(super) const MAX_NAME_BYTES: usize = 128;

/// Kept of what a browser calls itself: enough to know it again in a list.
const MAX_BROWSER_CHARS: usize = 160;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    user: String,
    password: String,
    /// Of the authenticator app, or a recovery code, where the person has a second factor.
    #[serde(default)]
    code: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionView {
    user: UserView,
}

/// The person signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserView {
    id: String,
    name: String,
    role: &'static str,
    /// Executor organisation, for role `executor`.
    organisation: Option<String>,
    languages: Vec<&'static str>,
    queues: Vec<String>,
    /// SIP extension, for those who take calls.
    extension: Option<String>,
    /// Signs in with a code of an app beside the password.
    second_factor: bool,
    /// Must set that up before anything else.
    second_factor_needed: bool,
}

impl SessionView {
    fn new(user: &User, terms: &SignInTerms) -> Self {
        Self {
            user: UserView {
                id: user.id.to_string(),
                name: user.name.clone(),
                role: user.role.name(),
                organisation: user.organisation.clone(),
                languages: user.languages.iter().map(|language| language.code()).collect(),
                queues: user.queues.clone(),
                extension: user.sip.as_ref().map(|sip| sip.extension.clone()),
                second_factor: user.second_factor,
                second_factor_needed: access::lacks_second_factor(user, terms),
            },
        }
    }
}

/// Sign in with a name and a password; the answer sets the session cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = SessionView),
        (status = 401, description = "name or password is wrong; or `second_factor`: a code is wanted, `second_factor_wrong`"),
        (status = 429, description = "ten failures in five minutes; see Retry-After")))]
pub(super) async fn sign_in(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(asked): Json<SignIn>,
) -> Result<Response, ApiError> {
    let attempt = Attempt::new(&asked.user, peer.ip());
    web.begin_login(&attempt)?;
    let user = match asked.user.len() {
        0..=MAX_NAME_BYTES => web.store().user_by_name(&asked.user).await?,
        _ => None,
    };
    let user = user.filter(|user| !user.disabled);
    let stored = user.as_ref().map(|user| user.password_hash.clone());
    let fits = password::fits(&web.password_checks, stored, asked.password).await?;
    let Some(user) = user.filter(|_| fits) else {
        tracing::info!(source = %peer.ip(), "sign-in refused");
        return Err(ApiError::WrongCredentials);
    };
    if !web.takes_password_of(user.role) {
        return Err(ApiError::Known {
            status: StatusCode::FORBIDDEN,
            name: "passwords_off",
            detail: "only administrators sign in by password; use the city's identity provider".to_owned(),
        });
    }
    web.check_second_factor(&user, asked.code.as_deref()).await?;
    web.login_succeeded(&attempt);
    let cookie = web.open_session(&user, peer.ip(), &headers, OpenedBy::Password).await?;
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(SessionView::new(&user, &web.in_force().sign_in)))
        .into_response())
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = SessionView), (status = 401)))]
pub(super) async fn show(State(web): State<Shared>, principal: Principal) -> axum::Json<SessionView> {
    axum::Json(SessionView::new(&principal.user, &web.in_force().sign_in))
}

/// What a session began with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OpenedBy {
    Password,
    Link,
    /// The city's identity provider.
    Provider {
        second_factor: bool,
    },
}

/// Where a browser goes on to that signs out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignedOut {
    /// Out of the identity provider, too.
    to: &'static str,
}

/// Sign out: the token of this request is worth nothing from now on. 200 for a session that the identity provider began.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = SignedOut), (status = 204), (status = 401)))]
pub(super) async fn sign_out(State(web): State<Shared>, principal: Principal) -> Result<Response, ApiError> {
    let by_oidc = web.store().came_by_oidc(&principal.token).await?;
    web.store().delete_session(&principal.token).await?;
    web.sessions_ended();
    let gone = format!("{SESSION_COOKIE}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
    if by_oidc {
        let on = SignedOut { to: "/api/v1/session/oidc/end" };
        return Ok(([(header::SET_COOKIE, gone)], axum::Json(on)).into_response());
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, gone)]).into_response())
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct OneTimeLink {
    /// The one-time token.
    token: String,
    /// The page to go to, one of ours; `/` otherwise.
    #[serde(default)]
    to: Option<String>,
}

/// Where a link that is spent, expired or invented leads: a person followed it, and can sign in by name there.
const DEAD_LINK: &str = "/signin.html?link=expired";

/// Sign in by a one-time link: the token is spent, a session begins, the browser goes on to the page.
#[utoipa::path(get, path = "/signin", tag = "session", params(OneTimeLink),
    responses((status = 303, description = "signed in, on to the page; or on to the sign-in page with a dead link")))]
pub(super) async fn sign_in_by_link(
    State(web): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Query(link): Query<OneTimeLink>,
) -> Result<Response, ApiError> {
    let principal = match web.authenticate(&Credential::Bearer(link.token)).await {
        Ok(principal) => principal,
        Err(ApiError::SignInRequired) => {
            return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, DEAD_LINK)]).into_response());
        }
        Err(error) => return Err(error),
    };
    // A link stands for the password alone.
    if principal.user.second_factor {
        return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, DEAD_LINK)]).into_response());
    }
    let cookie = web.open_session(&principal.user, peer.ip(), &headers, OpenedBy::Link).await?;
    let to = link.to.as_deref().and_then(pages::page).unwrap_or("/");
    Ok((
        StatusCode::SEE_OTHER,
        [(header::SET_COOKIE, cookie), (header::LOCATION, HeaderValue::from_static(to))],
    )
        .into_response())
}

impl Web {
    pub(super) fn login_succeeded(&self, attempt: &Attempt) {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).succeeded(attempt);
    }

    pub(super) fn begin_login(&self, attempt: &Attempt) -> Result<(), ApiError> {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins
            .begin(attempt, time::now().mono)
            .map_err(|retry_after| ApiError::TooManyAttempts { retry_after })
    }

    /// Opens a session in place of the browser's former one and gives its `Set-Cookie`.
    pub(super) async fn open_session(
        &self,
        user: &User,
        peer: IpAddr,
        headers: &HeaderMap,
        by: OpenedBy,
    ) -> Result<HeaderValue, ApiError> {
        let terms = self.in_force().sign_in.clone();
        let opened_at = time::now().utc;
        let token = self.with_mint(crate::ids::Mint::token);
        let browser = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let session = NewSession {
            token: token.clone(),
            id: SessionId(self.with_mint(|mint| mint.uuid(opened_at))),
            user: user.id,
            opened_at,
            expires_at: opened_at.plus(terms.longest),
            idle: access::idle_limit(user.role, &terms),
            source: speaks_for(headers, peer).to_string(),
            browser: browser.unwrap_or_default().chars().take(MAX_BROWSER_CHARS).collect(),
            by_oidc: matches!(by, OpenedBy::Provider { .. }),
            second_factor: matches!(by, OpenedBy::Provider { second_factor: true }),
        };
        let former = match Credential::of(headers) {
            Credential::Cookie(token) => Some(token),
            _ => None,
        };
        self.store().open_session(session, former.as_deref()).await?;
        if former.is_some() {
            self.sessions_ended();
        }
        tracing::info!(user.id = %user.id, user.role = user.role.name(), "signed in");
        let seconds = terms.longest.as_secs();
        let secure = if self.is_encrypted(headers, peer) { "; Secure" } else { "" };
        let cookie =
            format!("{SESSION_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={seconds}{secure}");
        HeaderValue::try_from(cookie).map_err(|error| ApiError::internal("session cookie", &error))
    }
}
