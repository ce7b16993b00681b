//! One call of a citizen: its legs, its contact record, its recording, its walk through the dialplan. Joins the
//! outputs of one machine to the inputs of the next; the only place besides `switchboard` that may.
//!
//! Life: `setup` (nothing is answered before it is durable) - `ivr_walk` - `waiting` (queue and offers) - `talking` (bridge
//! and hold), or `duty` instead of a queue when the desks are closed - with `transfer` to somebody else, `takeover` by
//! another phone and the `supervision` of a talk - `ending` (disposition and sealing). In a `callback` the city rings the
//! citizen, in a `verification` it asks them. Who is at the other end is a `party`; an operator's call to a colleague, or to
//! somebody outside about a call, is a `consultation`. What comes in is sorted in `inputs`, what is journalled in `record`.

mod answering;
pub mod callback;
mod caller;
pub mod case_draft;
mod consultation;
pub mod contact;
pub mod duty;
pub mod effect;
mod ending;
mod inputs;
mod ivr_walk;
pub mod ladder;
pub mod leg;
pub mod masked;
mod party;
mod record;
mod referral;
pub mod refusal;
mod setup;
pub mod supervision;
mod takeover;
mod talking;
#[cfg(test)]
mod tests;
mod transfer;
pub mod turn;
pub mod verification;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::contact::Contact;
use crate::call::effect::Ticket;
use crate::call::leg::Leg;
use crate::call::record::Track;
use crate::call::supervision::Supervisor;
use crate::call::transfer::Transfer;
use crate::call::turn::Turn;
use crate::dialplan::Dialplan;
use crate::dtmf::Digit;
use crate::ids::{ContactId, LegId, RecordingId, UserId};
use crate::ivr::Walk;
use crate::journal::Draft;
use crate::media::PlayId;
use crate::switchboard::snapshot::CallPhase;
use crate::time::TimerTable;

pub use caller::Guest;
pub use consultation::{Asked, Purpose};
pub use party::{AnswerMode, Device, OfferTarget, Party, WayOut};
pub use setup::NewCall;
pub use transfer::Destination;

/// A phone called by name, for a transfer or by a colleague, rings this long: six rings, and a citizen who hears music
/// meanwhile is not kept from other operators for longer.
const LONGEST_RINGING: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub struct Call {
    contact: Contact,
    purpose: Purpose,
    /// The leg that came in: the citizen's, or that of the operator who calls a colleague.
    citizen: Leg,
    /// Who talks with it, or whose phone rings for it.
    party: Option<Party>,
    /// Operators whose phones ring beside that of `party`; the first to answer takes its place.
    also_ringing: Vec<Party>,
    /// Supervisors who are in the talk, or are rung to be.
    supervisors: Vec<Supervisor>,
    /// Legs already given up that still wait for the end of their dialog or INVITE.
    retired: Vec<Leg>,
    legs: Vec<LegId>,
    /// None where nothing is recorded.
    track: Option<Track>,
    phase: Phase,
    plan: Arc<Dialplan>,
    /// Category of the case draft by IVR topic.
    topic_categories: Arc<std::collections::BTreeMap<String, String>>,
    last_play: PlayId,
    since: crate::time::Timestamp,
    timers: TimerTable<Timer>,
    /// The first entry, until the store says that it has it.
    unwritten: Option<Draft>,
    /// A case was asked for; its number may still be on its way.
    case_asked: bool,
    /// The caller heard the answer to a question, such as the state of a case.
    informed: bool,
    /// The caller wants to be rung back, or was asked for a message.
    left_word: bool,
    /// Somebody is to be rung back at `contact.callback`, and nobody was told yet.
    wants_call_back: bool,
    /// Where the dialplan sent the caller, whether or not there was room.
    sought_queue: Option<String>,
    /// An executor who calls about an order.
    is_executors: bool,
    /// Was counted among those who call a queue.
    has_arrived: bool,
    /// The last key, and how it came: phones that send each key twice press it once.
    last_key: Option<Key>,
}

/// A key as it was pressed.
#[derive(Clone, Copy, Debug)]
struct Key {
    digit: Digit,
    by: KeySource,
    at: Instant,
}

/// RFC 4733 in the media, or INFO in the signalling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum KeySource {
    Media,
    Signalling,
}

#[derive(Debug)]
enum Phase {
    /// The INVITE waits until all of these are there.
    Setup {
        missing: Vec<Missing>,
    },
    /// 200 OK is out; the walk starts with the ACK.
    Answered,
    Ivr {
        walk: Box<Walk>,
    },
    Voicemail,
    /// The phone of who is asked rings.
    Calling,
    /// The phone of the citizen who is rung back rings, and the operator is there; or that of an applicant who is to be
    /// asked, and nobody is.
    CallingBack,
    /// Somebody has answered a call that is to ask, or something.
    Answering {
        answering: answering::Answering,
    },
    /// In the queue; an operator may be ringing.
    Waiting {
        announcing: bool,
        /// Where the dialplan goes on when the wait becomes too long; none for who came here from an operator.
        walk: Option<Box<Walk>>,
    },
    /// Telephones of those on duty ring, one after the other.
    Duty {
        search: duty::Search,
    },
    /// An executor and an applicant are brought together.
    Masking {
        stage: masked::Stage,
    },
    Talking,
    /// Another phone is about to take the talk over.
    Transferring {
        transfer: Box<Transfer>,
    },
    /// Over for both parties; the record is being completed.
    Ended {
        wrap_up: WrapUp,
    },
}

/// What a call needs before it is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Missing {
    Media,
    File,
    Commit(Ticket),
    /// The caller's answer to the offer in our ringing.
    Prack,
}

/// Whether an operator still works on the contact after its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum WrapUp {
    None,
    By(UserId),
}

/// All deadlines of a call besides those of its legs and its walk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Timer {
    /// Media, file and commit must be there by then.
    Setup,
    /// End of a voicemail message.
    Voicemail,
    /// The recording must be sealed by then, or it counts as failed.
    Seal,
    /// The disposition must be known by then, whatever the operator does.
    Dispose,
    /// Nobody is kept on hold for longer than this.
    Hold,
    /// A phone called by name must be answered by then.
    Ring,
    /// And that of a supervisor.
    RingSupervisor,
    /// Who answers is known then, or looked at anew.
    Answering,
}

impl Call {
    pub fn id(&self) -> ContactId {
        self.contact.id
    }

    pub fn contact(&self) -> &Contact {
        &self.contact
    }

    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// The leg that all others may be bridged with.
    pub fn first_leg(&self) -> LegId {
        self.citizen.id
    }

    /// Every leg the call ever had.
    pub fn legs(&self) -> &[LegId] {
        &self.legs
    }

    /// Names its legs have in SIP; of each from its first message on.
    pub fn sip_call_ids(&self) -> impl Iterator<Item = &str> {
        let parties = self.parties().map(|party| &party.leg);
        let supervisors = self.supervisors.iter().map(Supervisor::leg);
        let legs = std::iter::once(&self.citizen).chain(parties).chain(supervisors).chain(&self.retired);
        legs.filter_map(Leg::sip_call_id)
    }

    pub fn recording(&self) -> Option<RecordingId> {
        self.track.as_ref().map(|track| track.recording().id)
    }

    /// What is said now is on a recording.
    pub fn is_recorded(&self) -> bool {
        self.track.as_ref().is_some_and(Track::is_running)
    }

    /// The commit this call waits for before it is answered.
    pub fn awaited_ticket(&self) -> Option<Ticket> {
        let Phase::Setup { missing } = &self.phase else { return None };
        missing.iter().find_map(|missing| match missing {
            Missing::Commit(ticket) => Some(*ticket),
            Missing::Media | Missing::File | Missing::Prack => None,
        })
    }

    /// Nothing is left to do: the switchboard may forget the call.
    pub fn is_complete(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
            && self.unsealed().is_none()
            && self.contact.disposition.is_some()
            && self.unwritten.is_none()
            && self.citizen.is_ended()
            && self.retired.iter().all(Leg::is_ended)
    }

    /// True once neither party is on the line.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended { .. })
    }

    pub fn is_held(&self) -> bool {
        self.citizen.is_held() || self.party.as_ref().is_some_and(|party| party.leg.is_held())
    }

    /// The operator of a talking or offered leg.
    pub fn operator(&self) -> Option<UserId> {
        self.party.as_ref().and_then(Party::operator)
    }

    /// Whose phones ring beside that of [`Self::operator`].
    pub fn also_ringing(&self) -> impl Iterator<Item = UserId> {
        self.also_ringing.iter().filter_map(Party::operator)
    }

    fn party_leg(&self) -> Option<LegId> {
        self.party.as_ref().map(|party| party.leg.id)
    }

    /// Who is at the other end, and who shall be after a transfer.
    fn parties(&self) -> impl Iterator<Item = &Party> {
        let next = match &self.phase {
            Phase::Transferring { transfer } => Some(transfer.next()),
            _ => None,
        };
        self.party.iter().chain(&self.also_ringing).chain(next)
    }

    pub fn since(&self) -> crate::time::Timestamp {
        self.since
    }

    pub fn phase(&self) -> CallPhase {
        match &self.phase {
            Phase::Setup { .. } => CallPhase::Setup,
            Phase::Answered | Phase::Answering { .. } | Phase::Ivr { .. } => CallPhase::Ivr,
            Phase::Voicemail => CallPhase::Voicemail,
            Phase::Waiting { .. } if self.party.is_some() => CallPhase::Ringing,
            Phase::Waiting { .. } | Phase::Duty { .. } => CallPhase::Waiting,
            Phase::Calling => CallPhase::Ringing,
            Phase::Masking { .. } => CallPhase::Ringing,
            Phase::CallingBack if self.party.is_none() => CallPhase::Ringing,
            Phase::Transferring { .. } if self.party.is_none() => CallPhase::Ringing,
            Phase::Talking | Phase::Transferring { .. } | Phase::CallingBack => CallPhase::Talking,
            Phase::Ended { .. } => CallPhase::WrapUp,
        }
    }

    fn live_legs(&mut self) -> impl Iterator<Item = &mut Leg> {
        let next = match &mut self.phase {
            Phase::Transferring { transfer } => Some(transfer.next_mut()),
            _ => None,
        };
        let ringing = self.party.iter_mut().chain(&mut self.also_ringing);
        let parties = ringing.chain(next).map(|party| &mut party.leg);
        let supervisors = self.supervisors.iter_mut().map(Supervisor::leg_mut);
        std::iter::once(&mut self.citizen).chain(parties).chain(supervisors).chain(&mut self.retired)
    }

    fn leg_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        self.live_legs().find(|known| known.id == leg)
    }

    /// A new name for the next piece of play-out; finishing an older one means nothing any more.
    fn next_play(&mut self) -> PlayId {
        self.last_play.0 += 1;
        self.last_play
    }

    fn enter(&mut self, phase: Phase, turn: &mut Turn<'_>) {
        if !matches!(phase, Phase::Talking | Phase::Transferring { .. }) {
            self.dismiss_supervisors(turn);
        }
        self.phase = phase;
        self.since = turn.now.utc;
    }
}
