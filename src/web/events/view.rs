//! The live picture as the API shows it, and the difference between two of them. Callers are masked for roles that
//! do not talk to citizens.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::call::supervision::Supervision;
use crate::ids::ContactId;
use crate::people::Role;
use crate::phone_number::PhoneNumber;
use crate::recording::Recorder;
use crate::switchboard::snapshot::{
    CallPhase, LiveCall, LiveOperator, LiveQueue, LiveRecording, LiveSupervisor, LiveTrunk, TrunkState,
};
use crate::switchboard::{IntakeState, LiveIntake, Snapshot};

use super::super::access;
use super::super::messages::DeskMessage;
use super::super::view::UtcTime;
use super::classes::{Classes, Viewer};

/// How much of the picture somebody sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) enum Reader {
    /// Citizens' numbers are masked.
    Bystander,
    /// All but who listens to whom.
    Desk,
    Overseer,
}

impl Reader {
    pub(super) fn of(role: Role) -> Self {
        match (access::sees_applicants(role), access::sees_supervision(role)) {
            (false, _) => Self::Bystander,
            (true, false) => Self::Desk,
            (true, true) => Self::Overseer,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct CallLiveView {
    id: String,
    /// It takes a clearance to be told who calls and what about; whose call it is knows it.
    withheld: bool,
    /// Empty when withheld.
    caller: String,
    /// From the web page, where no number is signalled.
    from_web: bool,
    /// Where such a caller says to be reached; not proven.
    stated_number: Option<String>,
    #[schema(value_type = String)]
    phase: CallPhase,
    since: UtcTime,
    answered_at: Option<UtcTime>,
    language: Option<&'static str>,
    topic: Option<String>,
    ivr_path: Vec<String>,
    queue: Option<String>,
    /// From 1, while waiting.
    position: Option<usize>,
    /// Since when in this queue, whatever phones have rung meanwhile; null when not waiting.
    waiting_since: Option<UtcTime>,
    operator: Option<String>,
    case: Option<String>,
    on_hold: bool,
    /// What is said is on a recording.
    recorded: bool,
    /// The city rings the citizen back; before `answered_at` the citizen's phone rings.
    call_back: bool,
    /// Who listens in or more; always empty for those who may not know.
    supervisors: Vec<SupervisorView>,
}

/// A call that has another place in its line, and is otherwise as it was told.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct MovedView {
    id: String,
    /// From 1; null when it does not wait any more.
    position: Option<usize>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct SupervisorView {
    id: String,
    /// `listen whisper barge take_over`.
    #[schema(value_type = String)]
    how: Supervision,
    /// At the phone; otherwise it rings.
    present: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct OperatorView {
    id: String,
    name: String,
    extension: String,
    languages: Vec<&'static str>,
    queues: Vec<String>,
    /// Levels by skill.
    skills: BTreeMap<String, u8>,
    /// The phone is there.
    registered: bool,
    /// `status` (`logged_out not_ready ready offered talking wrap_up`) with its `reason` or `contact`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    status: Value,
    since: UtcTime,
    /// When the wrap-up ends by itself; null outside of one.
    wrap_up_ends_at: Option<UtcTime>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct QueueView {
    name: String,
    waiting: usize,
    longest_wait_secs: u64,
    /// Citizens who wait to be rung back.
    callbacks: usize,
    /// What the next caller would wait; null where nobody can say.
    expected_wait_secs: Option<u64>,
    /// Since when more call than can be answered; null when they do not.
    surge_since: Option<UtcTime>,
    operators_ready: usize,
    operators_talking: usize,
    /// What it asks of its operators, levels by skill.
    skills: BTreeMap<String, u8>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct TrunkView {
    name: String,
    /// `unknown up down`.
    #[schema(value_type = String)]
    state: TrunkState,
    since: UtcTime,
    /// Null where we do not register.
    registered: Option<bool>,
    calls: usize,
}

/// Whether calls can be recorded.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct RecordingLiveView {
    /// `off able impaired`.
    state: &'static str,
    /// `disk_full low_space disk_error disk_slow`, while impaired.
    cause: Option<&'static str>,
    since: Option<UtcTime>,
    /// New calls hear 503 because they cannot be recorded.
    refuses_calls: bool,
}

/// Whether new calls are taken.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct IntakeView {
    /// `open`, `draining` when an administrator took the node out of service, `stopping`.
    #[schema(value_type = String)]
    state: IntakeState,
    /// Null while open.
    since: Option<UtcTime>,
}

impl From<LiveIntake> for IntakeView {
    fn from(LiveIntake { state, since }: LiveIntake) -> Self {
        Self { state, since: since.map(UtcTime) }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct SnapshotView {
    seq: u64,
    at: UtcTime,
    calls: Vec<CallLiveView>,
    operators: Vec<OperatorView>,
    queues: Vec<QueueView>,
    trunks: Vec<TrunkView>,
    recording: RecordingLiveView,
    intake: IntakeView,
}

/// One message of the event stream.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::web) enum Message {
    /// The whole picture, to begin with.
    Snapshot { seq: u64, snapshot: SnapshotView },
    /// What is new since the message before: calls, operators, queues and trunks that changed or began (whole), calls
    /// that only moved in their line, and calls that are gone; the state of recording and of intake when that changed.
    Delta {
        seq: u64,
        calls: Vec<CallLiveView>,
        calls_moved: Vec<MovedView>,
        calls_gone: Vec<String>,
        operators: Vec<OperatorView>,
        queues: Vec<QueueView>,
        trunks: Vec<TrunkView>,
        recording: Option<RecordingLiveView>,
        intake: Option<IntakeView>,
    },
    /// A supervisor's words to whoever reads this stream; no part of the picture.
    Said {
        #[schema(value_type = DeskMessage)]
        message: Arc<DeskMessage>,
    },
}

impl Message {
    pub(super) fn snapshot((snapshot, classes): (&Snapshot, &Classes), viewer: &Viewer) -> Self {
        let view = |call: &LiveCall| {
            CallLiveView::new(call, viewer.reader, viewer.is_told(call, classes.get(&call.id)))
        };
        let view = SnapshotView {
            seq: snapshot.seq,
            at: snapshot.at.into(),
            calls: snapshot.calls.iter().map(view).collect(),
            operators: snapshot.operators.iter().map(OperatorView::from).collect(),
            queues: snapshot.queues.iter().map(QueueView::from).collect(),
            trunks: snapshot.trunks.iter().map(TrunkView::from).collect(),
            recording: snapshot.recording.into(),
            intake: snapshot.intake.into(),
        };
        Self::Snapshot { seq: snapshot.seq, snapshot: view }
    }

    /// Without a `viewer` for all readers of this kind: what takes a clearance is withheld.
    pub(super) fn delta(change: &Change, reader: Reader, viewer: Option<&Viewer>) -> Self {
        let is_told = |call: &LiveCall| {
            let class = change.classes.get(&call.id);
            viewer.map_or(class.is_none(), |viewer| viewer.is_told(call, class))
        };
        Self::Delta {
            seq: change.seq,
            calls: change.calls.iter().map(|call| CallLiveView::new(call, reader, is_told(call))).collect(),
            calls_moved: change.calls_moved.iter().map(MovedView::from).collect(),
            calls_gone: change.calls_gone.iter().map(ToString::to_string).collect(),
            operators: change.operators.iter().map(OperatorView::from).collect(),
            queues: change.queues.iter().map(QueueView::from).collect(),
            trunks: change.trunks.iter().map(TrunkView::from).collect(),
            recording: change.recording.map(RecordingLiveView::from),
            intake: change.intake.map(IntakeView::from),
        }
    }
}

/// What differs from one picture to the next: as large as what happened in between, however many calls are on.
#[derive(Debug)]
pub(super) struct Change {
    seq: u64,
    calls: Vec<LiveCall>,
    /// Of those the ones that take a clearance.
    classes: Classes,
    /// Calls of which nothing changed but the place in the line: when the first of hundreds leaves, all behind move.
    calls_moved: Vec<(ContactId, Option<usize>)>,
    calls_gone: Vec<ContactId>,
    operators: Vec<LiveOperator>,
    queues: Vec<LiveQueue>,
    trunks: Vec<LiveTrunk>,
    recording: Option<LiveRecording>,
    intake: Option<LiveIntake>,
}

impl Change {
    /// Calls, operators, queues and trunks of `after` that are new or differ from `before`, calls that are gone, and
    /// the state of recording and of intake where it changed.
    pub(super) fn between(before: (&Snapshot, &Classes), after: (&Snapshot, &Classes)) -> Self {
        let ((before, old_classes), (after, classes)) = (before, after);
        let recast = |call: &LiveCall| old_classes.get(&call.id) != classes.get(&call.id);
        let old_calls: HashMap<_, _> = before.calls.iter().map(|call| (call.id, call)).collect();
        let new_ids: HashSet<_> = after.calls.iter().map(|call| call.id).collect();
        let differ = after.calls.iter().filter(|call| old_calls.get(&call.id) != Some(call) || recast(call));
        let (moved, calls): (Vec<_>, Vec<&LiveCall>) = differ.partition(|call| {
            !recast(call) && old_calls.get(&call.id).is_some_and(|old| call.only_moved_since(old))
        });
        let class_of = |call: &&LiveCall| Some((call.id, classes.get(&call.id)?.clone()));
        let gone = before.calls.iter().filter(|call| !new_ids.contains(&call.id));
        let old_operators: HashMap<_, _> =
            before.operators.iter().map(|operator| (operator.id, operator)).collect();
        let operators =
            after.operators.iter().filter(|operator| old_operators.get(&operator.id) != Some(operator));
        let queues = after.queues.iter().filter(|queue| !before.queues.contains(queue));
        let trunks = after.trunks.iter().filter(|trunk| !before.trunks.contains(trunk));
        Self {
            seq: after.seq,
            classes: calls.iter().filter_map(class_of).collect(),
            calls: calls.into_iter().cloned().collect(),
            calls_moved: moved.into_iter().map(|call| (call.id, call.position)).collect(),
            calls_gone: gone.map(|call| call.id).collect(),
            operators: operators.cloned().collect(),
            queues: queues.cloned().collect(),
            trunks: trunks.cloned().collect(),
            recording: (before.recording != after.recording).then_some(after.recording),
            intake: (before.intake != after.intake).then_some(after.intake),
        }
    }

    /// Whether `viewer` is told more of it than others who read as much.
    pub(super) fn has_more_for(&self, viewer: &Viewer) -> bool {
        let restricted = || self.calls.iter().filter_map(|call| Some((call, self.classes.get(&call.id)?)));
        !self.classes.is_empty() && restricted().any(|(call, class)| viewer.is_told(call, Some(class)))
    }

    /// Things that changed.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.calls.len()
            + self.calls_moved.len()
            + self.calls_gone.len()
            + self.operators.len()
            + self.queues.len()
            + self.trunks.len()
            + usize::from(self.recording.is_some())
            + usize::from(self.intake.is_some())
    }
}

impl CallLiveView {
    /// `is_told`: who calls and what about.
    fn new(call: &LiveCall, reader: Reader, is_told: bool) -> Self {
        let shown = |number: &PhoneNumber| match reader {
            _ if !is_told => String::new(),
            Reader::Bystander => number.masked(),
            Reader::Desk | Reader::Overseer => number.as_str().to_owned(),
        };
        Self {
            id: call.id.to_string(),
            withheld: !is_told,
            caller: shown(&call.caller),
            from_web: call.from_web,
            stated_number: call.stated_number.as_ref().filter(|_| is_told).map(shown),
            phase: call.phase,
            since: call.since.into(),
            answered_at: call.answered_at.map(UtcTime),
            language: call.language.map(crate::language::Language::code),
            topic: call.topic.clone().filter(|_| is_told),
            ivr_path: if is_told { call.ivr_path.clone() } else { Vec::new() },
            // Where it waits is the board's business: lines are counted, and somebody must see to them.
            queue: call.queue.clone(),
            position: call.position,
            waiting_since: call.waiting_since.map(UtcTime),
            operator: call.operator.map(|operator| operator.to_string()),
            case: call.case.as_ref().map(ToString::to_string),
            on_hold: call.on_hold,
            recorded: call.recorded,
            call_back: call.call_back,
            supervisors: match reader {
                Reader::Overseer => call.supervisors.iter().map(SupervisorView::from).collect(),
                Reader::Bystander | Reader::Desk => Vec::new(),
            },
        }
    }
}

impl From<&(ContactId, Option<usize>)> for MovedView {
    fn from((id, position): &(ContactId, Option<usize>)) -> Self {
        Self { id: id.to_string(), position: *position }
    }
}

impl From<&LiveSupervisor> for SupervisorView {
    fn from(supervisor: &LiveSupervisor) -> Self {
        Self { id: supervisor.user.to_string(), how: supervisor.how, present: supervisor.present }
    }
}

impl From<&LiveOperator> for OperatorView {
    fn from(operator: &LiveOperator) -> Self {
        Self {
            id: operator.id.to_string(),
            name: operator.name.clone(),
            extension: operator.extension.clone(),
            languages: operator.languages.iter().map(|language| language.code()).collect(),
            queues: operator.queues.clone(),
            skills: operator.skills.clone(),
            registered: operator.registered,
            status: serde_json::to_value(&operator.status).unwrap_or_default(),
            since: operator.since.into(),
            wrap_up_ends_at: operator.wrap_up_ends_at.map(UtcTime),
        }
    }
}

impl From<&LiveTrunk> for TrunkView {
    fn from(trunk: &LiveTrunk) -> Self {
        Self {
            name: trunk.name.clone(),
            state: trunk.state,
            since: trunk.since.into(),
            registered: trunk.registered,
            calls: trunk.calls,
        }
    }
}

impl From<LiveRecording> for RecordingLiveView {
    fn from(recording: LiveRecording) -> Self {
        let (state, impaired) = match recording.recorder {
            Recorder::Off => ("off", None),
            Recorder::Able => ("able", None),
            Recorder::Impaired { cause, since } => ("impaired", Some((cause, since))),
        };
        Self {
            state,
            cause: impaired.map(|(cause, _)| cause.name()),
            since: impaired.map(|(_, since)| since.into()),
            refuses_calls: recording.refuses_calls,
        }
    }
}

impl From<&LiveQueue> for QueueView {
    fn from(queue: &LiveQueue) -> Self {
        Self {
            name: queue.name.clone(),
            waiting: queue.waiting,
            longest_wait_secs: queue.longest_wait_secs,
            callbacks: queue.callbacks,
            expected_wait_secs: queue.expected_wait_secs,
            surge_since: queue.surge_since.map(UtcTime),
            operators_ready: queue.operators_ready,
            operators_talking: queue.operators_talking,
            skills: queue.skills.clone(),
        }
    }
}
