//! What Open311 answers when it cannot do what is asked: an array of code and description, in the format of the
//! address. 404 for what is unknown, 403 for a bad key, 400 for all else that the client can mend.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::document::{Document, Format, record};
use crate::store::StoreError;
use crate::web::error::ApiError;

record!(
    /// One error of an answer.
    FaultView, "error", {
        /// The status of the answer.
        code: u64,
        /// For the people who write the client.
        description: String,
    }
);

#[derive(Debug)]
pub(super) struct Fault {
    status: StatusCode,
    description: String,
    retry_after: Option<Duration>,
}

impl Fault {
    fn new(status: StatusCode, description: impl Into<String>) -> Self {
        Self { status, description: description.into(), retry_after: None }
    }

    pub(super) fn unknown(what: &str, name: &str) -> Self {
        let name: String = name.chars().take(MAX_ECHO_CHARS).collect();
        Self::new(StatusCode::NOT_FOUND, format!("{what} '{name}' was not found"))
    }

    pub(super) fn bad(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, description)
    }

    pub(super) fn key(description: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, description)
    }

    pub(super) fn too_often(retry_after: Duration) -> Self {
        let retry_after = Some(retry_after);
        Self {
            retry_after,
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too many requests; come again later")
        }
    }

    pub(super) fn switched_off() -> Self {
        Self::new(StatusCode::NOT_FOUND, "this city does not offer Open311")
    }

    pub(super) fn answer(self, format: Format) -> Response {
        let code = u64::from(self.status.as_u16());
        let fault = FaultView { code, description: self.description };
        let mut response = Document::new("errors", &vec![fault]).answer(self.status, format);
        if let Some(wait) = self.retry_after {
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Of a name that nobody knows, so many characters are told back.
const MAX_ECHO_CHARS: usize = 80;

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

/// What the rest of the web layer refuses, in the three codes of Open311.
impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        let retry_after = match &error {
            ApiError::TooManyAttempts { retry_after }
            | ApiError::TooManyCalls { retry_after }
            | ApiError::TooManyRequests { retry_after } => Some(*retry_after),
            ApiError::Unavailable(_) => Some(Duration::from_secs(1)),
            _ => None,
        };
        let status = match error.status() {
            kept @ (StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS) => kept,
            failed if failed.is_server_error() => failed,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { status, description: error.to_string(), retry_after }
    }
}
