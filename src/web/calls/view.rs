//! A call and its recordings as the API shows them: moments as text, numbers masked for roles that do not talk to
//! citizens.

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::contact::Contact;
use crate::people::Role;
use crate::recording::{Gap, Recording, RecordingResult, RecordingState};
use crate::verification::Outcome;

use super::super::view::{UtcTime, number_for};

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct CallView {
    id: String,
    /// Its case takes a clearance to read: who called, and what about, is not told here.
    withheld: bool,
    /// Masked for roles that do not talk to citizens; empty when withheld.
    caller: String,
    called: String,
    /// Trunk, registered user, or `web` for a call from the web page.
    origin: String,
    language: Option<&'static str>,
    topic: Option<String>,
    ivr_path: Vec<String>,
    queue: Option<String>,
    /// User id.
    operator: Option<String>,
    /// Register number.
    case: Option<String>,
    offered_at: UtcTime,
    answered_at: Option<UtcTime>,
    queued_at: Option<UtcTime>,
    connected_at: Option<UtcTime>,
    ended_at: Option<UtcTime>,
    termination: Option<&'static str>,
    disposition: Option<&'static str>,
    /// Number to ring back.
    callback: Option<String>,
    /// Where a caller from the web page says to be reached; not proven, masked like `caller`.
    stated_number: Option<String>,
    /// `inbound`, or `outbound` where the city rang: then `caller` is whom it rang.
    direction: &'static str,
    /// Of a call that was to ask whether work is done: `open`, or what came of it.
    asked: Option<&'static str>,
    /// Empty where nothing is recorded.
    recordings: Vec<RecordingView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RecordingView {
    id: String,
    /// `capturing`, `sealed`, or `erased` when its sound was destroyed.
    state: &'static str,
    started_at: UtcTime,
    /// Hz.
    sample_rate: u32,
    /// Samples per channel.
    frames: u64,
    duration_ms: u64,
    gaps: Vec<GapView>,
    /// `ok`, `degraded`, `failed`, or `discarded` when the call was never answered; once sealed.
    result: Option<&'static str>,
    /// Digest of the sealed file, hexadecimal.
    sha256: Option<String>,
}

/// Silence where sound did not reach the disk.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct GapView {
    offset_ms: u64,
    duration_ms: u64,
    #[schema(value_type = String)]
    reason: crate::recording::GapReason,
}

impl CallView {
    /// A call about a restricted case, to those who do not read that: when it was, and the number of the case.
    pub(super) fn withheld(contact: &Contact, recordings: &[Recording]) -> Self {
        let open = Self::new(contact, recordings, Role::Admin);
        let (caller, topic, queue) = (String::new(), None, None);
        Self {
            withheld: true,
            caller,
            topic,
            queue,
            ivr_path: Vec::new(),
            callback: None,
            stated_number: None,
            ..open
        }
    }

    pub(super) fn new(contact: &Contact, recordings: &[Recording], role: Role) -> Self {
        Self {
            withheld: false,
            id: contact.id.to_string(),
            caller: number_for(role, &contact.caller),
            called: contact.called.as_str().to_owned(),
            origin: contact.origin.clone(),
            language: contact.language.map(crate::language::Language::code),
            topic: contact.topic.clone(),
            ivr_path: contact.ivr_path.clone(),
            queue: contact.queue.clone(),
            operator: contact.operator.map(|operator| operator.to_string()),
            case: contact.case.as_ref().map(ToString::to_string),
            offered_at: contact.offered_at.into(),
            answered_at: contact.answered_at.map(UtcTime),
            queued_at: contact.queued_at.map(UtcTime),
            connected_at: contact.connected_at.map(UtcTime),
            ended_at: contact.ended_at.map(UtcTime),
            termination: contact.termination.map(crate::termination::Termination::name),
            disposition: contact.disposition.map(crate::call::contact::Disposition::name),
            callback: contact.callback.as_ref().map(|number| number_for(role, number)),
            stated_number: contact.stated_number.as_ref().map(|number| number_for(role, number)),
            direction: contact.direction.name(),
            asked: contact.asked.map(|asked| asked.outcome.map_or("open", Outcome::name)),
            recordings: recordings.iter().map(RecordingView::from).collect(),
        }
    }
}

impl From<&Recording> for RecordingView {
    fn from(recording: &Recording) -> Self {
        let rate = u64::from(recording.sample_rate.max(1));
        Self {
            id: recording.id.to_string(),
            state: match recording.state {
                RecordingState::Capturing => "capturing",
                RecordingState::Sealed => "sealed",
                RecordingState::Erased => "erased",
            },
            started_at: recording.started_at.into(),
            sample_rate: recording.sample_rate,
            frames: recording.frames,
            duration_ms: recording.frames.saturating_mul(1000) / rate,
            gaps: recording.gaps.iter().map(GapView::from).collect(),
            result: recording.result.map(RecordingResult::name),
            sha256: recording.sha256.map(|digest| digest.to_string()),
        }
    }
}

impl From<&Gap> for GapView {
    fn from(gap: &Gap) -> Self {
        Self { offset_ms: gap.offset_ms, duration_ms: gap.duration_ms, reason: gap.reason }
    }
}
