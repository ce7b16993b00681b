//! What people ask of the running switchboard, from the desk, the API or a star code.
//! Only the words: `distribution.rs` carries them out, and who may ask for what is
//! settled before, in `web/access.rs`.

use std::net::IpAddr;
use std::time::Duration;

use crate::call::Guest;
use crate::call::contact::Disposition;
use crate::call::masked::MaskedCall;
use crate::call::supervision::Wish;
use crate::case::CaseNumber;
use crate::dialplan::PromptRef;
use crate::ids::{ContactId, UserId};
use crate::language::Language;
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::sip::digest_auth::Ha1;
use crate::verification::NotAsked;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    SetReady {
        operator: UserId,
    },
    SetNotReady {
        operator: UserId,
        reason: String,
    },
    /// Ends wrap-up; the operator is ready again unless not-ready was asked for.
    EndWrapUp {
        operator: UserId,
    },
    /// A minute more to write the last call up.
    ExtendWrapUp {
        operator: UserId,
    },
    /// The operator says how the contact ended; allowed while talking and in wrap-up.
    Dispose {
        operator: UserId,
        contact: ContactId,
        disposition: Disposition,
    },
    /// The contact is on another case from now on; the rows say so already.
    LinkCase {
        contact: ContactId,
        case: CaseNumber,
    },
    /// The operator who talks passes the caller on to an extension or a queue (blind).
    Transfer {
        contact: ContactId,
        by: UserId,
        target: PhoneNumber,
    },
    /// A supervisor comes into a talk, or does something else there from now on.
    Supervise {
        contact: ContactId,
        by: UserId,
        wish: Wish,
    },
    /// The supervisor leaves the talk.
    EndSupervision {
        contact: ContactId,
        by: UserId,
    },
    /// Somebody need not be rung back any more.
    WithdrawCallback {
        origin: ContactId,
        by: (UserId, Role),
        reason: String,
    },
    /// Control does not want to wait for the next call that asks about this case.
    RingApplicant {
        case: CaseNumber,
    },
    /// An executor wants to talk with the applicant of an order; judged already.
    CallApplicant(Box<MaskedCall>),
    /// Nobody asks about it any more; the rows say so already.
    StopAsking {
        case: CaseNumber,
    },
    /// This number may be rung again; the rows say so already.
    AllowCalls {
        number: PhoneNumber,
    },
    /// A supervisor makes an operator ready or not.
    SetStatusOf {
        operator: UserId,
        by: UserId,
        /// None for ready.
        not_ready: Option<String>,
    },
    /// The phone of `by` rings, and what is said there becomes `prompt`; spoken to in `speak`.
    Dictate {
        by: UserId,
        prompt: PromptRef,
        speak: Language,
    },
    /// An administrator takes this node out of service, or takes calls again.
    Drain {
        drain: bool,
        by: UserId,
    },
    /// Ends a live call in order (supervisor, or the operator who holds it).
    HangUp {
        contact: ContactId,
        by: UserId,
    },
    /// A citizen at `source` wants to call from the web page, and will show the password of `user`, a name nobody has.
    LetGuestIn {
        user: String,
        ha1: Ha1,
        source: IpAddr,
        guest: Guest,
    },
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// Answer 404.
    #[error("no such operator or call")]
    Unknown,
    /// Answer 409.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Answer 403.
    #[error("this call belongs to somebody else")]
    NotYours,
    /// Answer 403.
    #[error("calls from the web page are switched off")]
    SwitchedOff,
    /// Answer 429.
    #[error("too many calls from this address")]
    TooOften { retry_after: Duration },
    /// Answer 503: no place for another call.
    #[error("all lines are busy")]
    Full,
    /// Answer 503: the switchboard did not answer in time or is stopping.
    #[error("the switchboard is not answering")]
    Unavailable,
}

/// Why something cannot be done now; pages put it into their reader's words by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Conflict {
    #[error("the call is over")]
    CallOver,
    #[error("the contact is already '{}'", .0.name())]
    Disposed(Disposition),
    #[error("the phone of this operator is not registered")]
    PhoneOffline,
    #[error("the operator is busy with a call")]
    OperatorBusy,
    #[error("the operator has no call to write up")]
    NotInWrapUp,
    #[error("there is no more time to write the call up")]
    NoMoreTime,
    #[error("this talk is your own")]
    OwnTalk,
    #[error("no phone of yours is registered here")]
    NoPhone,
    #[error("nobody talks with the citizen now")]
    NoTalk,
    #[error("as many supervisors as may be are in this talk already")]
    TalkFull,
    #[error("you are recording a prompt already")]
    Dictating,
    #[error("nobody waits for this, or is being rung")]
    NobodyWaits,
    #[error("the call cannot be transferred now")]
    NotTransferable,
    #[error("the target is busy")]
    TargetBusy,
    #[error("the target has no phone here now")]
    TargetAway,
    #[error("no line out is free now")]
    NoLineOut,
    #[error("no call can be transferred there")]
    NoTarget,
    #[error("calls to applicants are switched off")]
    MaskedOff,
    #[error("the applicant is talking with the city at this moment")]
    ApplicantTalks,
    #[error("you are being connected already")]
    Connecting,
    #[error("no line takes calls to the applicant's number")]
    NoLineToApplicant,
    #[error("no line takes calls to your number")]
    NoLineToYou,
    #[error(transparent)]
    NotAsked(NotAsked),
}

impl Conflict {
    /// The last part of the problem type (RFC 9457 3.1.1).
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CallOver => "call_over",
            Self::Disposed(_) => "already_disposed",
            Self::PhoneOffline => "phone_offline",
            Self::OperatorBusy => "operator_busy",
            Self::NotInWrapUp => "not_in_wrap_up",
            Self::NoMoreTime => "no_more_time",
            Self::OwnTalk => "own_talk",
            Self::NoPhone => "no_phone",
            Self::NoTalk => "no_talk",
            Self::TalkFull => "talk_full",
            Self::Dictating => "dictating",
            Self::NobodyWaits => "nobody_waits",
            Self::NotTransferable => "not_transferable",
            Self::TargetBusy => "target_busy",
            Self::TargetAway => "target_away",
            Self::NoLineOut => "no_line_out",
            Self::NoTarget => "no_target",
            Self::MaskedOff => "masked_off",
            Self::ApplicantTalks => "applicant_talks",
            Self::Connecting => "connecting",
            Self::NoLineToApplicant => "no_line_to_applicant",
            Self::NoLineToYou => "no_line_to_you",
            Self::NotAsked(_) => "not_asked",
        }
    }
}
