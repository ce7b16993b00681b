//! The gate before every endpoint: who is asking (cookie or bearer token), did the request come from our own pages
//! (CSRF), may this role do it (`access.rs`). Refusals are journalled as `access.denied`.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};
use crate::store::User;
use crate::time;

use super::access::engagement::Reach;
use super::access::{self, Who};
use super::error::ApiError;
use super::{Shared, Web};

pub(super) const SESSION_COOKIE: &str = "ringback_session";

/// A header that a foreign page cannot send without asking first (CORS preflight), which we never grant.
pub(super) const CSRF_HEADER: &str = "x-ringback";

/// Pages that ask by themselves, with nobody at the keyboard, say so: it is no use of the session.
const UNATTENDED: &str = "x-ringback-unattended";

/// Longer tokens are not ours.
const MAX_TOKEN_LEN: usize = 128;

/// The person behind a request; only the gate makes one.
#[derive(Clone, Debug)]
pub(super) struct Principal {
    pub(super) user: Arc<User>,
    pub(super) token: Arc<str>,
    /// How far this request sees; an auditor's engagements narrow it.
    pub(super) reach: Arc<Reach>,
}

/// Which credential a request carries. A bearer token wins: a program that sends one means it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Credential {
    None,
    Bearer(String),
    Cookie(String),
}

impl Credential {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
            return match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                    Self::Bearer(token.trim().to_owned())
                }
                _ => Self::None,
            };
        }
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs
            .find(|(name, _)| *name == SESSION_COOKIE)
            .map_or(Self::None, |(_, token)| Self::Cookie(token.to_owned()))
    }

    pub(super) fn token(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Bearer(token) | Self::Cookie(token) => Some(token),
        }
    }
}

impl Principal {
    pub(super) fn role(&self) -> Role {
        self.user.role
    }

    pub(super) fn actor(&self) -> Actor {
        Actor::person(self.user.role, self.user.id, self.user.organisation.clone())
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or(ApiError::SignInRequired)
    }
}

/// Route middleware: lets a request through to its handler, or answers it.
pub(super) async fn gate(
    State(web): State<Shared>,
    path: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let Some(rule) = access::rule(request.method(), path.as_str()) else {
        tracing::error!(http.path = path.as_str(), "the access table does not know this endpoint");
        return Err(ApiError::forbidden("nobody may do this"));
    };
    if rule.who == Who::Public {
        return Ok(next.run(request).await);
    }
    let credential = Credential::of(request.headers());
    let mut principal = if request.headers().contains_key(UNATTENDED) {
        web.standing(&credential).await?
    } else {
        web.authenticate(&credential).await?
    };
    if matches!(credential, Credential::Cookie(_)) && changes_state(request.method()) {
        check_origin_header(request.headers())?;
    }
    if access::lacks_second_factor(&principal.user, &web.in_force().sign_in)
        && !access::is_for_setting_up(path.as_str())
    {
        return Err(ApiError::Known {
            status: StatusCode::FORBIDDEN,
            name: "second_factor_needed",
            detail: "set up a second factor first".to_owned(),
        });
    }
    if let Who::Roles(roles) = rule.who
        && !roles.contains(&principal.role())
    {
        let detail = format!("the role '{}' may not do this", principal.role().name());
        let subject = Subject::of_path(request.uri().path());
        return Err(web.denied(&principal, subject, request.method(), path.as_str(), detail).await);
    }
    let reach = web.reach_for(&principal, request.method(), path.as_str(), request.uri().path()).await?;
    principal.reach = Arc::new(reach);
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

fn changes_state(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn check_origin_header(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.get(CSRF_HEADER).is_some_and(|value| value == "1") {
        return Ok(());
    }
    Err(ApiError::forbidden("requests with a cookie that change something need the header 'X-Ringback: 1'"))
}

/// What a refusal is about, so that it stands on the right timeline.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub(super) contact: Option<ContactId>,
    pub(super) case: Option<CaseNumber>,
}

impl Subject {
    pub(super) fn contact(id: ContactId) -> Self {
        Self { contact: Some(id), case: None }
    }

    pub(super) fn case(number: &CaseNumber) -> Self {
        Self { contact: None, case: Some(number.clone()) }
    }

    /// From an address such as `/api/v1/calls/{id}/...`; text that names nothing real is left out.
    pub(super) fn of_path(path: &str) -> Self {
        let mut parts = path.trim_start_matches("/api/v1/").split('/');
        match (parts.next(), parts.next()) {
            (Some("calls"), Some(id)) => Self { contact: id.parse().ok(), case: None },
            (Some("cases"), Some(number)) => {
                Self { contact: None, case: super::cases::parse_number(number).ok() }
            }
            _ => Self::default(),
        }
    }
}

impl Web {
    /// The person behind a credential.
    pub(super) async fn authenticate(&self, credential: &Credential) -> Result<Principal, ApiError> {
        let token = credential.token().filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN_LEN);
        let token = token.ok_or(ApiError::SignInRequired)?;
        let user = self.store().session_user(token, time::now().utc).await?;
        Self::principal(user, token)
    }

    /// The same, which is no use of the session.
    async fn standing(&self, credential: &Credential) -> Result<Principal, ApiError> {
        let token = credential.token().filter(|token| !token.is_empty() && token.len() <= MAX_TOKEN_LEN);
        let token = token.ok_or(ApiError::SignInRequired)?;
        let user = self.store().session_stands(token, time::now().utc).await?;
        Self::principal(user, token)
    }

    fn principal(user: Option<User>, token: &str) -> Result<Principal, ApiError> {
        let user = user.filter(|user| !user.disabled).ok_or(ApiError::SignInRequired)?;
        Ok(Principal { user: Arc::new(user), token: token.into(), reach: Arc::default() })
    }

    /// Journals a refusal of content and gives the answer to it.
    pub(super) async fn denied(
        &self,
        principal: &Principal,
        subject: Subject,
        method: &Method,
        path: &str,
        detail: String,
    ) -> ApiError {
        let mut draft = Draft::new(EventType::AccessDenied, time::now().utc, principal.actor());
        draft.contact = subject.contact;
        draft.case = subject.case;
        draft.reason = Some(detail.clone());
        draft.data = serde_json::json!({ "method": method.as_str(), "path": path });
        match self.journal(draft).await {
            Ok(()) => ApiError::forbidden(detail),
            Err(failed) => failed,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use axum::http::HeaderValue;

    fn credential(pairs: &[(&'static str, &'static str)]) -> Credential {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Credential::of(&headers)
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let cookie = Credential::Cookie("abc".to_owned());
        assert_eq!(credential(&[("cookie", "a=1; ringback_session=abc; b=2")]), cookie);
        assert_eq!(credential(&[("cookie", "a=1"), ("cookie", "ringback_session=abc")]), cookie);
        assert_eq!(credential(&[("cookie", "xringback_session=abc")]), Credential::None);
    }

    #[test]
    fn a_bearer_token_wins_over_a_cookie() {
        let both = [("authorization", "bEARER tok"), ("cookie", "ringback_session=abc")];
        assert_eq!(credential(&both), Credential::Bearer("tok".to_owned()));
        assert_eq!(credential(&[("authorization", "Basic dXNlcg==")]), Credential::None);
    }

    #[test]
    fn a_refusal_is_filed_under_the_call_or_case_of_the_address() {
        let id = "0193a000-0000-7000-8000-000000000001";
        let call = Subject::of_path(&format!("/api/v1/calls/{id}/recording"));
        assert_eq!(call.contact.unwrap().to_string(), id);
        let case = Subject::of_path("/api/v1/cases/2026-01-000042/close");
        assert_eq!(case.case.unwrap().0, "2026-01-000042");
        assert!(Subject::of_path("/api/v1/cases/../../etc").case.is_none());
    }
}
