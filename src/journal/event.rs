//! What is journalled: the closed vocabulary of DOMAIN.md and the draft of an entry.
//! `data` holds ids, codes, counts and moments; never secrets, telephone numbers, names of citizens or what they
//! said: an entry is for ever, and those may have to be erased.

use serde::{Deserialize, Serialize};

use crate::case::{Case, CaseEvent, CaseNumber};
use crate::ids::{ContactId, RecordingId};
use crate::people::Actor;
use crate::time::Timestamp;

macro_rules! vocabulary {
    ($($variant:ident = $name:literal,)*) => {
        /// The type of an entry, by its dotted name.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum EventType { $($variant,)* }

        impl EventType {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

vocabulary! {
    ContactOffered = "contact.offered",
    ContactQueued = "contact.queued",
    ContactOverflowed = "contact.overflowed",
    ContactAnswered = "contact.answered",
    ContactConnected = "contact.connected",
    ContactHeld = "contact.held",
    ContactResumed = "contact.resumed",
    ContactTransferred = "contact.transferred",
    ContactEnded = "contact.ended",
    ContactDisposed = "contact.disposed",
    ContactErased = "contact.erased",
    CallbackListed = "callback.listed",
    CallbackBegun = "callback.begun",
    CallbackEnded = "callback.ended",
    CallbackWithdrawn = "callback.withdrawn",
    IvrEntered = "ivr.entered",
    IvrDigit = "ivr.digit",
    IvrLanguageChosen = "ivr.language_chosen",
    IvrTopicChosen = "ivr.topic_chosen",
    IvrNoInput = "ivr.no_input",
    IvrNoMatch = "ivr.no_match",
    IvrLeft = "ivr.left",
    RecStarted = "rec.started",
    RecGap = "rec.gap",
    RecSealed = "rec.sealed",
    RecErased = "rec.erased",
    CaseRegistered = "case.registered",
    CaseLinked = "case.linked",
    CaseMerged = "case.merged",
    CaseClassified = "case.classified",
    CaseRouted = "case.routed",
    CaseForwarded = "case.forwarded",
    CaseForwardAnswered = "case.forward_answered",
    CaseExplained = "case.explained",
    CaseRefused = "case.refused",
    CaseWithdrawn = "case.withdrawn",
    CaseReopened = "case.reopened",
    CaseClosed = "case.closed",
    CaseArchived = "case.archived",
    CaseErased = "case.erased",
    WoIssued = "wo.issued",
    WoAccepted = "wo.accepted",
    WoDeclined = "wo.declined",
    WoStarted = "wo.started",
    WoReported = "wo.reported",
    WoReturned = "wo.returned",
    WoCancelled = "wo.cancelled",
    WoPartAccepted = "wo.part_accepted",
    WoPartReported = "wo.part_reported",
    WoPartDeclined = "wo.part_declined",
    WoPartGiven = "wo.part_given",
    WoContacted = "wo.contacted",
    EvidenceReceived = "evidence.received",
    EvidenceChecked = "evidence.checked",
    EvidenceAccepted = "evidence.accepted",
    EvidenceRejected = "evidence.rejected",
    NormApplied = "norm.applied",
    NormAsked = "norm.asked",
    NormRefused = "norm.refused",
    NormClockPaused = "norm.clock_paused",
    NormClockResumed = "norm.clock_resumed",
    NormExtended = "norm.extended",
    NormWarned = "norm.warned",
    NormUnaccepted = "norm.unaccepted",
    NormBreached = "norm.breached",
    NormSatisfied = "norm.satisfied",
    EscRaised = "esc.raised",
    EscAnswered = "esc.answered",
    VerifyAttempted = "verify.attempted",
    VerifyConfirmed = "verify.confirmed",
    VerifyRefuted = "verify.refuted",
    VerifyInspected = "verify.inspected",
    VerifyUnreachable = "verify.unreachable",
    VerifyGivenUp = "verify.given_up",
    ConsentCallsRefused = "consent.calls_refused",
    ConsentCallsAllowed = "consent.calls_allowed",
    ReplySent = "reply.sent",
    NotifQueued = "notif.queued",
    NotifSent = "notif.sent",
    NotifDelivered = "notif.delivered",
    NotifFailed = "notif.failed",
    NotifHalted = "notif.halted",
    NotifResumed = "notif.resumed",
    IncidentDeclared = "incident.declared",
    IncidentUpdated = "incident.updated",
    IncidentCaseAttached = "incident.case_attached",
    IncidentCaseDetached = "incident.case_detached",
    IncidentRestored = "incident.restored",
    IncidentToldAll = "incident.told_all",
    IncidentClosed = "incident.closed",
    IncidentCancelled = "incident.cancelled",
    ApplicantFiled = "applicant.filed",
    ApplicantCodeGiven = "applicant.code_given",
    ApplicantCodeRefused = "applicant.code_refused",
    ApplicantAttached = "applicant.attached",
    ApplicantNoted = "applicant.noted",
    ApplicantRated = "applicant.rated",
    ApptBooked = "appt.booked",
    ApptMoved = "appt.moved",
    ApptHeld = "appt.held",
    ApptNoShow = "appt.no_show",
    ApptInstructed = "appt.instructed",
    AccessViewed = "access.viewed",
    AccessPlayed = "access.played",
    AccessDenied = "access.denied",
    AccessAsked = "access.asked",
    AccessDisclosed = "access.disclosed",
    AccessRefused = "access.refused",
    AccessExported = "access.exported",
    DisclosureRequested = "disclosure.requested",
    DisclosureApproved = "disclosure.approved",
    DisclosureRefused = "disclosure.refused",
    DisclosureMade = "disclosure.made",
    DisclosureFailed = "disclosure.failed",
    DisclosureFetched = "disclosure.fetched",
    AccessMonitored = "access.monitored",
    AccessMonitoringEnded = "access.monitoring_ended",
    FindingNoted = "finding.noted",
    HoldPlaced = "hold.placed",
    HoldLifted = "hold.lifted",
    RetentionDue = "retention.due",
    ErasureAsked = "erasure.asked",
    ErasureAgreed = "erasure.agreed",
    ErasureRefused = "erasure.refused",
    AuditEngaged = "audit.engaged",
    AuditClosed = "audit.closed",
    AuditSampleCommitted = "audit.sample_committed",
    AuditSampleDrawn = "audit.sample_drawn",
    AuditItemJudged = "audit.item_judged",
    OperatorStatus = "operator.status",
    OperatorAssigned = "operator.assigned",
    QueueSurged = "queue.surged",
    QueueCalmed = "queue.calmed",
    ConfigChanged = "config.changed",
    ServiceDrained = "service.drained",
    ServiceResumed = "service.resumed",
    PromptChanged = "prompt.changed",
    UserCreated = "user.created",
    UserChanged = "user.changed",
    UserSessionsEnded = "user.sessions_ended",
    UserSecondFactorSet = "user.second_factor_set",
    UserSecondFactorReset = "user.second_factor_reset",
    UserRecoveryCodeUsed = "user.recovery_code_used",
    PhoneOffered = "phone.offered",
    PhoneProvisioned = "phone.provisioned",
    LogVerified = "log.verified",
    LogCheckpointed = "log.checkpointed",
    ReportIssued = "report.issued",
}

impl EventType {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.name() == name)
    }
}

/// Where in a recording an event happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MediaPosition {
    pub recording: RecordingId,
    /// Milliseconds from the first sample.
    pub offset_ms: u64,
}

/// An entry before the chain gives it its number and hash.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    pub event: EventType,
    pub at: Timestamp,
    pub actor: Actor,
    pub contact: Option<ContactId>,
    pub case: Option<CaseNumber>,
    pub media: Option<MediaPosition>,
    pub reason: Option<String>,
    pub data: serde_json::Value,
}

impl Draft {
    pub fn new(event: EventType, at: Timestamp, actor: Actor) -> Self {
        Self {
            event,
            at,
            actor,
            contact: None,
            case: None,
            media: None,
            reason: None,
            data: serde_json::json!({}),
        }
    }

    /// The entry of what happened to `case`. None when the event's name is not in the vocabulary, which the tests
    /// of `case/` rule out.
    pub fn from_case_event(event: &CaseEvent, case: &Case, actor: &Actor, at: Timestamp) -> Option<Self> {
        Some(Self {
            case: Some(case.number.clone()),
            reason: event.reason.clone(),
            data: event.data.clone(),
            ..Self::new(EventType::from_name(event.name)?, at, actor.clone())
        })
    }

    /// The same, said during a call: the contact, and where in its recording.
    pub fn during(mut self, contact: ContactId, media: Option<MediaPosition>) -> Self {
        self.contact = Some(contact);
        self.media = media;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dotted_distinct_and_found_again() {
        for event in EventType::ALL {
            assert_eq!(EventType::from_name(event.name()), Some(*event));
            let (subject, what) = event.name().split_once('.').unwrap_or_default();
            let is_word =
                |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(is_word(subject) && is_word(what), "{}", event.name());
        }
        assert_eq!(EventType::from_name("case.deleted"), None);
    }
}
