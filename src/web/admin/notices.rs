//! `/api/v1/admin/notifications`: how SMS and e-mail do, the latest messages without what they say, and a test message. Who
//! they went to is masked: an administrator reads no content.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::NotificationId;
use crate::notification::text::{Facts, compose};
use crate::notification::{Channel, Failure, Occasion, Progress};
use crate::phone_number::PhoneNumber;
use crate::store::{Notification, Outgoing};
use crate::time::{self, Timestamp};

use super::super::error::ApiError;
use super::super::extract::Json;
use super::super::gate::Principal;
use super::super::view::UtcTime;
use super::super::{Shared, Web};

/// Messages shown, the latest.
const LATEST: u32 = 20;

/// How messages to applicants do.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct NotificationsView {
    /// `sms`, then `mail`.
    ways: Vec<WayView>,
    latest: Vec<NotificationView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct WayView {
    #[schema(value_type = String, example = "sms")]
    channel: Channel,
    /// Whether it is configured.
    on: bool,
    /// Whether new cases are told of.
    registered: bool,
    /// Whether the gateway tells what became of a message.
    reports: bool,
    /// Nothing is sent since then, because the gateway does not answer.
    halted_since: Option<UtcTime>,
    /// When a message was taken last, since the program began.
    taken_at: Option<UtcTime>,
    /// The last failure since then.
    trouble_at: Option<UtcTime>,
    trouble: Option<String>,
    waiting: u64,
    unreported: u64,
    /// In the last 24 hours.
    reached: u64,
    failed: u64,
}

/// A message, without what it says.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct NotificationView {
    id: String,
    case: Option<String>,
    #[schema(value_type = String, example = "sms")]
    channel: Channel,
    /// `registered`, `done` or `test`.
    #[schema(value_type = String, example = "done")]
    occasion: Occasion,
    /// `queued`, `sending`, `sent`, `delivered` or `failed`.
    #[schema(value_type = String, example = "sent")]
    state: Progress,
    /// `refused`, `unanswered`, `expired`, `undelivered`, `unreported` or `limit`.
    #[schema(value_type = Option<String>)]
    failure: Option<Failure>,
    /// Masked.
    to: String,
    attempts: u32,
    queued_at: UtcTime,
    settled_at: Option<UtcTime>,
}

impl From<&Notification> for NotificationView {
    fn from(one: &Notification) -> Self {
        Self {
            id: one.writing.id.to_string(),
            case: one.case.as_ref().map(ToString::to_string),
            channel: one.writing.channel,
            occasion: one.occasion,
            state: one.writing.progress,
            failure: one.writing.failure,
            to: one.masked.clone(),
            attempts: one.attempts,
            queued_at: one.writing.queued_at.into(),
            settled_at: one.writing.settled_at.map(UtcTime),
        }
    }
}

/// How messages to applicants do.
#[utoipa::path(get, path = "/api/v1/admin/notifications", tag = "admin",
    responses((status = 200, body = NotificationsView), (status = 403)))]
pub(in crate::web) async fn show(State(web): State<Shared>) -> Result<Answer<NotificationsView>, ApiError> {
    let at = time::now().utc;
    let mut ways = Vec::new();
    for channel in Channel::ALL {
        ways.push(web.way(channel, at).await?);
    }
    let latest = web.store().latest_notifications(LATEST).await?;
    Ok(Answer(NotificationsView { ways, latest: latest.iter().map(NotificationView::from).collect() }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct TestAsked {
    #[schema(value_type = String, example = "sms")]
    channel: Channel,
    /// A number or a mail address.
    #[schema(example = "+380501112233")]
    to: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct TestQueued {
    id: String,
}

/// Sends a message that says nothing but that it is a test, at any hour; what becomes of it is in `latest`.
#[utoipa::path(post, path = "/api/v1/admin/notifications/test", tag = "admin", request_body = TestAsked,
    responses((status = 202, body = TestQueued), (status = 403), (status = 409, description = "that way is off"),
        (status = 422)))]
pub(in crate::web) async fn test(
    State(web): State<Shared>,
    principal: Principal,
    Json(asked): Json<TestAsked>,
) -> Result<impl IntoResponse, ApiError> {
    let settings = web.given.notices.settings();
    let Some(patience) = settings.patience(asked.channel) else {
        return Err(ApiError::Conflict("this way is not configured".to_owned()));
    };
    let recipient = match asked.channel {
        Channel::Sms => settings.texts_to(PhoneNumber::written(&asked.to).as_ref()),
        Channel::Mail => settings.mails_to(Some(&asked.to)),
    };
    let recipient = recipient.ok_or_else(|| {
        ApiError::Unprocessable(match asked.channel {
            Channel::Sms => {
                "this is no number that `takes` of [sms] allows, with its + and country code".to_owned()
            }
            Channel::Mail => "this is no mail address".to_owned(),
        })
    })?;
    let (at, language) = (time::now().utc, web.city().language());
    let facts = Facts { language, short: &settings.short, number: "", code: "", page: None, visit: None };
    let message = compose(Occasion::Test, asked.channel, &facts);
    let outgoing = Outgoing {
        id: NotificationId(web.with_mint(|mint| mint.uuid(at))),
        case: None,
        cycle: 0,
        since: at,
        occasion: Occasion::Test,
        channel: asked.channel,
        recipient,
        language,
        subject: message.subject,
        text: message.text,
        code: None,
        expires_at: at.plus(patience.within),
    };
    let id = outgoing.id.to_string();
    web.store().queue_notification(outgoing, principal.actor(), at).await?;
    Ok((StatusCode::ACCEPTED, Answer(TestQueued { id })))
}

impl Web {
    async fn way(&self, channel: Channel, at: Timestamp) -> Result<WayView, ApiError> {
        let (settings, state) = (self.given.notices.settings(), self.given.notices.way(channel));
        let counts = self.store().outbox_counts(channel, at).await?;
        let (trouble_at, trouble) = state.trouble.unzip();
        Ok(WayView {
            channel,
            on: settings.is_on(channel),
            registered: settings.tells_registered(channel),
            reports: settings.patience(channel).is_some_and(|patience| patience.report_within.is_some()),
            halted_since: state.halted_since.map(UtcTime),
            taken_at: state.taken_at.map(UtcTime),
            trouble_at: trouble_at.map(UtcTime),
            trouble,
            waiting: counts.waiting,
            unreported: counts.unreported,
            reached: counts.reached,
            failed: counts.failed,
        })
    }
}
