//! `/api/v1/verifications`: cases whose applicants the program asks, what calls brought and when the next one is; and
//! `/api/v1/refused-calls`: numbers that want no such calls. Whom to ring when decides `crate::verification`.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::case::CaseNumber;
use crate::case::rules::VerifyRule;
use crate::ids::ContactId;
use crate::notification::chain::{Fate, Writing};
use crate::notification::{Channel, Failure, Progress};
use crate::people::Role;
use crate::store::{Asking, AskingCall, RefusedCalls};
use crate::switchboard::Command;
use crate::time;
use crate::verification::{Inquiry, NotAsked, Outcome, Policy, Recipient, diallable, next_attempt};

use super::Shared;
use super::cases::parse_number;
use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::gate::Principal;
use super::view::{ListView, UtcTime, number_for};

/// A sentence.
const MAX_REASON_CHARS: usize = 200;

/// One applicant of a case in verification.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerificationView {
    case: String,
    /// Which of its applicants: the one who came with this merged case; null is the case's own.
    applicant_of: Option<String>,
    /// When the evidence was accepted.
    since: UtcTime,
    /// Not before; none where nobody is rung any more, or by the program.
    next_attempt: Option<UtcTime>,
    /// Why nobody is rung any more: `off`, `answered`, `no_number`, `no_more_calls`, `given_up` or `used_up`.
    #[schema(value_type = Option<String>)]
    over: Option<NotAsked>,
    /// The oldest first.
    attempts: Vec<AttemptView>,
    /// In all, by the city plan.
    attempts_allowed: usize,
    /// SMS and e-mails about it, the oldest first.
    messages: Vec<MessageView>,
    /// Until when an answer to what was written is waited for.
    answer_by: Option<UtcTime>,
}

/// A message that asks whether it is fixed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageView {
    #[schema(value_type = String, example = "sms")]
    channel: Channel,
    /// `queued`, `sending`, `sent`, `delivered` or `failed`.
    #[schema(value_type = String, example = "delivered")]
    state: Progress,
    /// `refused`, `unanswered`, `expired`, `undelivered`, `unreported`, `limit` or `off`.
    #[schema(value_type = Option<String>)]
    failure: Option<Failure>,
    at: UtcTime,
}

impl From<&Writing> for MessageView {
    fn from(writing: &Writing) -> Self {
        Self {
            channel: writing.channel,
            state: writing.progress,
            failure: writing.failure,
            at: writing.settled_at.unwrap_or(writing.queued_at).into(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AttemptView {
    /// Id of the call.
    call: String,
    at: UtcTime,
    /// None while it goes on.
    #[schema(value_type = Option<String>)]
    outcome: Option<Outcome>,
    /// Where in the recording that was said.
    recording: Option<String>,
    offset_ms: Option<u64>,
}

impl AttemptView {
    fn new(call: &AskingCall) -> Self {
        Self {
            call: call.attempt.contact.to_string(),
            at: call.attempt.at.into(),
            outcome: call.attempt.outcome,
            recording: call.media.map(|media| media.recording.to_string()),
            offset_ms: call.media.map(|media| media.offset_ms),
        }
    }
}

impl VerificationView {
    fn new(asking: &Asking, policy: Option<&Policy>, rule: &VerifyRule) -> Self {
        let reached = asking.writings.iter().filter_map(|writing| match writing.fate() {
            Fate::Reached(at) => Some(at),
            Fate::Pending | Fate::Lost(_) => None,
        });
        let answer_by = reached.max().map(|at| rule.answer_deadline(at));
        let inquiry = Inquiry {
            recipient: Recipient { case: asking.case.number.clone(), whom: asking.whom.clone() },
            restored: asking.case.tells_restoration(),
            since: asking.since,
            language: asking.language,
            topic: None,
            number: diallable(asking.number.as_ref()),
            attempts: asking.calls.iter().map(|call| call.attempt).collect(),
            refuses_calls: asking.refuses_calls,
            given_up: asking.given_up,
            answered: asking.case.answer().is_some(),
        };
        let goes_on = asking.calls.iter().any(|call| call.attempt.outcome.is_none());
        let next =
            policy.filter(|_| !goes_on).and_then(|policy| next_attempt(policy, &inquiry, time::now().utc));
        Self {
            case: asking.case.number.to_string(),
            applicant_of: asking.whom.as_ref().map(ToString::to_string),
            since: asking.since.into(),
            next_attempt: next.map(UtcTime),
            over: policy.map_or(Some(NotAsked::Off), |policy| inquiry.over(policy)),
            attempts: asking.calls.iter().map(AttemptView::new).collect(),
            attempts_allowed: policy.map_or(0, |policy| policy.attempts),
            messages: asking.writings.iter().map(MessageView::from).collect(),
            answer_by: answer_by.map(UtcTime),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct VerificationQuery {
    /// Only this case.
    case: Option<String>,
}

/// Cases in verification, the oldest first, with what was done to ask their applicants.
#[utoipa::path(get, path = "/api/v1/verifications", tag = "cases", params(VerificationQuery),
    responses((status = 200, body = ListView<VerificationView>), (status = 403)))]
pub(super) async fn list(
    State(web): State<Shared>,
    _principal: Principal,
    Query(query): Query<VerificationQuery>,
) -> Result<Answer<ListView<VerificationView>>, ApiError> {
    let askings = web.store().askings().await?;
    let (policy, plan) = (web.asking_policy(), web.city());
    let wanted = |asking: &&Asking| query.case.as_ref().is_none_or(|case| asking.case.number.0 == *case);
    let views = askings
        .iter()
        .filter(wanted)
        .map(|asking| VerificationView::new(asking, policy.as_ref(), plan.verify_rule()));
    Ok(Answer(ListView { items: views.collect(), next: None }))
}

/// Rings the applicant now instead of at the next attempt's time. Hours, days and the number of attempts hold.
#[utoipa::path(post, path = "/api/v1/verifications/{number}/ring", tag = "cases",
    params(("number" = String, Path)),
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 503)))]
pub(super) async fn ring(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
) -> Result<StatusCode, ApiError> {
    let case = parse_number(&number)?;
    web.check_clearance(&case, &principal, "/api/v1/verifications/{number}/ring").await?;
    web.command(Command::RingApplicant { case }).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Explained {
    /// Why, for the journal.
    reason: String,
}

impl Explained {
    fn text(&self) -> Result<&str, ApiError> {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
            return Err(ApiError::Unprocessable(format!("say why, in 1 to {MAX_REASON_CHARS} characters")));
        }
        Ok(reason)
    }
}

/// Nobody is rung about this case any more, as it stands. Not while the applicant is being rung.
#[utoipa::path(post, path = "/api/v1/verifications/{number}/give-up", tag = "cases",
    params(("number" = String, Path)), request_body = Explained,
    responses((status = 204), (status = 403), (status = 404), (status = 409), (status = 422), (status = 503)))]
pub(super) async fn give_up(
    State(web): State<Shared>,
    principal: Principal,
    Path(number): Path<String>,
    Json(explained): Json<Explained>,
) -> Result<StatusCode, ApiError> {
    let reason = explained.text()?;
    let case: CaseNumber = parse_number(&number)?;
    web.check_clearance(&case, &principal, "/api/v1/verifications/{number}/give-up").await?;
    let known = web.store().case(&case).await?.ok_or(ApiError::NotFound("case"))?;
    let since = known.state.evidence_accepted_at();
    let since = since.ok_or_else(|| ApiError::Conflict(NotAsked::Unknown.to_string()))?;
    web.command(Command::StopAsking { case: case.clone() }).await?;
    web.store().give_up_asking(&case, since, principal.actor(), reason, time::now().utc).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Somebody who wants no calls that ask.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RefusedCallsView {
    /// Id of the call in which they said so, the last if there were several.
    call: String,
    number: String,
    at: UtcTime,
}

impl RefusedCallsView {
    fn new(refused: &RefusedCalls, role: Role) -> Self {
        let number = number_for(role, &refused.number);
        Self { call: refused.contact.to_string(), number, at: refused.at.into() }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RefusedQuery {
    /// Part of the number.
    number: Option<String>,
}

/// Numbers that want no calls that ask whether work is done, those who said so last first; at most 1,000.
#[utoipa::path(get, path = "/api/v1/refused-calls", tag = "cases", params(RefusedQuery),
    responses((status = 200, body = ListView<RefusedCallsView>), (status = 403)))]
pub(super) async fn refused(
    State(web): State<Shared>,
    principal: Principal,
    Query(query): Query<RefusedQuery>,
) -> Result<Answer<ListView<RefusedCallsView>>, ApiError> {
    let refused = web.store().refused_calls(query.number.as_deref().unwrap_or_default()).await?;
    let items = refused.iter().map(|refused| RefusedCallsView::new(refused, principal.role())).collect();
    Ok(Answer(ListView { items, next: None }))
}

/// Whoever said "no more calls" in this call may be rung again.
#[utoipa::path(post, path = "/api/v1/refused-calls/{call}/allow", tag = "cases",
    params(("call" = String, Path)), request_body = Explained,
    responses((status = 204), (status = 403), (status = 404), (status = 422), (status = 503)))]
pub(super) async fn allow(
    State(web): State<Shared>,
    principal: Principal,
    Path(call): Path<ContactId>,
    Json(explained): Json<Explained>,
) -> Result<StatusCode, ApiError> {
    let reason = explained.text()?;
    let number = web.store().allow_calls(call, principal.actor(), reason, time::now().utc).await?;
    web.command(Command::AllowCalls { number }).await?;
    Ok(StatusCode::NO_CONTENT)
}
