//! Words of a supervisor to an operator's desk, or to all desks, and what a supervisor has changed there. They go to the pages that are open now and are kept
//! nowhere: what has to be on record is said in a case.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::ids::UserId;
use crate::time;

use super::Shared;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::gate::Principal;
use super::view::UtcTime;

/// A page that has so many unread is not reading.
const UNREAD: usize = 16;
/// What is taken in at a glance while somebody talks.
const MAX_TEXT_CHARS: usize = 300;

/// One message as a desk shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeskMessage {
    /// Name of who sent it.
    #[schema(example = "Марія")]
    from: String,
    text: String,
    /// Sent to all desks.
    to_all: bool,
    /// The queues that the operator serves from now on, when it tells of that; `text` is the reason then.
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<Vec<String>>,
    at: UtcTime,
}

/// The pages that are open, by who is signed in.
#[derive(Debug, Default)]
pub(super) struct Desks(Mutex<HashMap<UserId, Vec<mpsc::Sender<Arc<DeskMessage>>>>>);

impl Desks {
    /// A page of `user` reads from now on, until what is given back is dropped.
    pub(super) fn open(&self, user: UserId) -> mpsc::Receiver<Arc<DeskMessage>> {
        let (page, unread) = mpsc::channel(UNREAD);
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desks.retain(|_, pages| {
            pages.retain(|page| !page.is_closed());
            !pages.is_empty()
        });
        desks.entry(user).or_default().push(page);
        unread
    }

    /// Whether a page of `user` has taken it.
    pub(super) fn send(&self, user: UserId, message: &Arc<DeskMessage>) -> bool {
        let desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pages = desks.get(&user).into_iter().flatten();
        // Every page gets it, not only the first.
        pages.filter(|page| page.try_send(message.clone()).is_ok()).count() > 0
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MessageText {
    text: String,
}

/// How many read it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Delivered {
    /// Operators whose page is open.
    operators: usize,
}

/// Shows a message on the desk of one operator.
#[utoipa::path(post, path = "/api/v1/operators/{id}/messages", tag = "live", params(("id" = String, Path)),
    request_body = MessageText,
    responses((status = 200, body = Delivered), (status = 403),
        (status = 409, description = "no page of this operator is open"), (status = 422)))]
pub(super) async fn to_one(
    State(web): State<Shared>,
    principal: Principal,
    Path(operator): Path<UserId>,
    Json(message): Json<MessageText>,
) -> Result<Answer<Delivered>, ApiError> {
    let message = Arc::new(written_by(&principal, message, false)?);
    if !web.desks.send(operator, &message) {
        return Err(ApiError::conflict("page_closed", "no page of this operator is open"));
    }
    Ok(Answer(Delivered { operators: 1 }))
}

/// Shows a message on all operators' desks.
#[utoipa::path(post, path = "/api/v1/operators/messages", tag = "live", request_body = MessageText,
    responses((status = 200, body = Delivered), (status = 403), (status = 422)))]
pub(super) async fn to_all(
    State(web): State<Shared>,
    principal: Principal,
    Json(message): Json<MessageText>,
) -> Result<Answer<Delivered>, ApiError> {
    let message = Arc::new(written_by(&principal, message, true)?);
    let snapshot = web.snapshot();
    let reached = snapshot.operators.iter().filter(|operator| web.desks.send(operator.id, &message));
    Ok(Answer(Delivered { operators: reached.count() }))
}

fn written_by(principal: &Principal, message: MessageText, to_all: bool) -> Result<DeskMessage, ApiError> {
    let text = message.text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT_CHARS {
        return Err(ApiError::Unprocessable(format!("a message has 1 to {MAX_TEXT_CHARS} characters")));
    }
    let from = principal.user.name.clone();
    Ok(DeskMessage { from, text: text.to_owned(), to_all, queues: None, at: time::now().utc.into() })
}

impl DeskMessage {
    /// A supervisor has changed what the operator serves.
    pub(super) fn assigned(principal: &Principal, queues: Vec<String>, why: String) -> Self {
        let from = principal.user.name.clone();
        Self { from, text: why, to_all: false, queues: Some(queues), at: time::now().utc.into() }
    }
}
