//! Every error of the API and its one form on the wire: RFC 9457 `application/problem+json`. Causes inside the
//! program are logged here and told to nobody.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::case::transition::InvalidTransition;
use crate::diagnostic::Diagnostic;
use crate::incident;
use crate::store::{Refusal, StoreError};
use crate::switchboard::CommandError;

/// Told to clients that met a limit which is free again at once, in seconds.
const RETRY_SOON: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    #[error("{0}")]
    BadRequest(String),
    #[error("sign in first")]
    SignInRequired,
    #[error("user name or password is wrong")]
    WrongCredentials,
    #[error("{0}")]
    Forbidden(Cow<'static, str>),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("this address does not know that method")]
    MethodNotAllowed,
    #[error("{0}")]
    Conflict(String),
    /// One that pages put into their reader's words by its `name`, the last part of the problem type.
    #[error("{detail}")]
    Known { status: StatusCode, name: &'static str, detail: String },
    #[error("the request is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("{0}")]
    UnsupportedMediaType(String),
    #[error("the range lies outside the {length} bytes there are")]
    RangeNotSatisfiable { length: u64 },
    #[error("{0}")]
    Unprocessable(String),
    #[error("the configuration was refused and the old one stays")]
    Refused(Vec<Diagnostic>),
    #[error("too many failed attempts")]
    TooManyAttempts { retry_after: Duration },
    #[error("too many calls from this address")]
    TooManyCalls { retry_after: Duration },
    #[error("too many requests from this address")]
    TooManyRequests { retry_after: Duration },
    #[error("{0}")]
    Unavailable(&'static str),
    #[error("the server failed; the failure is in its log")]
    Internal,
}

impl ApiError {
    pub(super) fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::Forbidden(detail.into())
    }

    /// 409 by this name.
    pub(super) fn conflict(name: &'static str, detail: impl Into<String>) -> Self {
        Self::Known { status: StatusCode::CONFLICT, name, detail: detail.into() }
    }

    /// 410: it was there, and an erasure that the journal tells of destroyed it.
    pub(super) fn erased(what: &str) -> Self {
        let detail = format!("{what} was erased");
        Self::Known { status: StatusCode::GONE, name: "erased", detail }
    }

    /// 422 by this name.
    pub(super) fn unfit(name: &'static str, detail: impl Into<String>) -> Self {
        Self::Known { status: StatusCode::UNPROCESSABLE_ENTITY, name, detail: detail.into() }
    }

    /// Logs what only the people who run the program should read.
    pub(super) fn internal(what: &str, cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "{what}");
        Self::Internal
    }

    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::SignInRequired | Self::WrongCredentials => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Known { status, .. } => *status,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeNotSatisfiable { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Unprocessable(_) | Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyAttempts { .. } | Self::TooManyCalls { .. } | Self::TooManyRequests { .. } => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The header that RFC 9110 wants beside the status.
    fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::SignInRequired | Self::WrongCredentials => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ringback\"")))
            }
            Self::RangeNotSatisfiable { length } => {
                Some((header::CONTENT_RANGE, HeaderValue::from_str(&format!("bytes */{length}")).ok()?))
            }
            Self::TooManyAttempts { retry_after }
            | Self::TooManyCalls { retry_after }
            | Self::TooManyRequests { retry_after } => {
                Some((header::RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1))))
            }
            Self::Unavailable(_) => Some((header::RETRY_AFTER, HeaderValue::from(RETRY_SOON.as_secs()))),
            _ => None,
        }
    }
}

/// What problem types begin with; each goes on with a name.
const PROBLEMS: &str = "urn:ringback:problem:";

/// RFC 9457. `type` is `urn:ringback:problem:` with a name where a page can put the problem into its reader's words, else
/// `about:blank`: the status says what kind of problem it is, `detail` says which.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Problem")]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: Cow<'static, str>,
    title: &'static str,
    status: u16,
    detail: String,
    /// `file:line:column: message`, when a configuration was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<Vec<String>>,
}

impl From<&ApiError> for Problem {
    fn from(error: &ApiError) -> Self {
        let status = error.status();
        let diagnostics = match error {
            ApiError::Refused(complaints) => Some(complaints.iter().map(ToString::to_string).collect()),
            _ => None,
        };
        Self {
            kind: match error {
                ApiError::Known { name, .. } => format!("{PROBLEMS}{name}").into(),
                _ => "about:blank".into(),
            },
            title: status.canonical_reason().unwrap_or("Problem"),
            status: status.as_u16(),
            detail: error.to_string(),
            diagnostics,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&Problem::from(&self)).unwrap_or_default();
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status(), [(header::CONTENT_TYPE, content_type)], body).into_response();
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::NotFound(what),
            StoreError::Exists(_) => Self::Conflict(error.to_string()),
            StoreError::LastAdmin => Self::conflict("last_admin", error.to_string()),
            StoreError::QueueDeserted(_) => Self::conflict("queue_deserted", error.to_string()),
            StoreError::Transition(refused) => refused.into(),
            StoreError::Incident(refused) => refused.into(),
            StoreError::Erasure(refused) => refused.into(),
            StoreError::KeyTaken => Self::Unprocessable(error.to_string()),
            // Endpoints that take a key answer it themselves.
            StoreError::Repeated { .. } => Self::Conflict(error.to_string()),
            StoreError::Erased => {
                Self::Known { status: StatusCode::GONE, name: "erased", detail: error.to_string() }
            }
            StoreError::Timeout | StoreError::Closed => Self::Unavailable("the store is not answering"),
            other => Self::internal("store failed", &other),
        }
    }
}

impl From<InvalidTransition> for ApiError {
    fn from(refused: InvalidTransition) -> Self {
        let detail = refused.to_string();
        match refused {
            InvalidTransition::NotAllowed(_) => Self::forbidden(detail),
            InvalidTransition::WrongState { .. } => Self::conflict("case_moved_on", detail),
            InvalidTransition::Invariant(_) => Self::Conflict(detail),
            InvalidTransition::Incomplete(_) => Self::Unprocessable(detail),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refused: Refusal) -> Self {
        let detail = refused.to_string();
        match refused {
            Refusal::Held(_) => Self::conflict("held", detail),
            Refusal::UnderWay(_) | Refusal::Gone => Self::conflict("erased", detail),
            Refusal::SamePerson | Refusal::LiftedByYou | Refusal::AskedByYou => Self::forbidden(detail),
            Refusal::HeldOften(_)
            | Refusal::Waits(_)
            | Refusal::OnCase(_)
            | Refusal::CallGoesOn
            | Refusal::SharedCall(_)
            | Refusal::MessageOut
            | Refusal::MergedIntoOpen(_) => Self::Conflict(detail),
        }
    }
}

impl From<incident::Refused> for ApiError {
    fn from(refused: incident::Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            incident::Refused::WrongState { .. } => Self::Conflict(detail),
            incident::Refused::NotAllowed(_) => Self::forbidden(detail),
            incident::Refused::Incomplete(_) => Self::Unprocessable(detail),
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Unknown => Self::NotFound("operator or live call"),
            CommandError::Conflict(why) => Self::conflict(why.name(), why.to_string()),
            CommandError::NotYours => Self::forbidden("this call belongs to somebody else"),
            CommandError::SwitchedOff => Self::forbidden(error.to_string()),
            CommandError::TooOften { retry_after } => Self::TooManyCalls { retry_after },
            CommandError::Full => Self::Unavailable("all lines are busy"),
            CommandError::Unavailable => Self::Unavailable("the switchboard is not answering"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::switchboard::Conflict;

    #[test]
    fn a_problem_names_its_status_twice_and_its_detail_once() {
        let error = ApiError::Conflict("the call is over".to_owned());
        let json = serde_json::to_value(Problem::from(&error)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "type": "about:blank", "title": "Conflict", "status": 409, "detail": "the call is over" })
        );
    }

    #[test]
    fn a_known_problem_is_told_by_its_type() {
        let problem = Problem::from(&ApiError::from(CommandError::Conflict(Conflict::NoPhone)));
        assert_eq!((problem.kind.as_ref(), problem.status), ("urn:ringback:problem:no_phone", 409));
        assert_eq!(problem.detail, "no phone of yours is registered here");
    }

    #[test]
    fn a_refused_range_tells_the_length() {
        let response = ApiError::RangeNotSatisfiable { length: 44 }.into_response();
        assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(response.headers()[header::CONTENT_RANGE], "bytes */44");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[test]
    fn transitions_map_as_their_documentation_says() {
        let status = |refused: InvalidTransition| ApiError::from(refused).status().as_u16();
        assert_eq!(status(InvalidTransition::NotAllowed("no")), 403);
        assert_eq!(status(InvalidTransition::Invariant("no")), 409);
        let closed =
            InvalidTransition::WrongState { state: "closed", in_words: "is closed", wanted: "assigned" };
        assert_eq!(status(closed), 409);
        assert_eq!(status(InvalidTransition::Incomplete("no")), 422);
    }
}
