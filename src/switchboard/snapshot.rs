//! What the desks see of the running switchboard; remade after each change, at most ten times a second.
//! Only a picture: how often it is published is `app/signalling.rs`'s business, and numbers are whole
//! here, masked for each role in `web/`.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::acd::OperatorStatus;
use crate::call::Call;
use crate::call::supervision::Supervision;
use crate::case::CaseNumber;
use crate::ids::{ContactId, UserId};
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::recording::Recorder;
use crate::time::{Now, Timestamp};

use super::dictation::LiveDictation;
use super::guests::ORIGIN;
use super::intake::LiveIntake;

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Snapshot {
    /// Grows by one with each different snapshot.
    pub seq: u64,
    pub at: Timestamp,
    pub calls: Vec<LiveCall>,
    pub operators: Vec<LiveOperator>,
    pub queues: Vec<LiveQueue>,
    pub trunks: Vec<LiveTrunk>,
    /// Registered with us, by extension.
    pub phones: Vec<LivePhone>,
    pub recording: LiveRecording,
    pub intake: LiveIntake,
    /// None where nobody may call from the web page.
    pub web_calls: Option<LiveWebCalls>,
    /// Prompts that are spoken into telephones, and the last of each person.
    pub dictations: Vec<LiveDictation>,
}

/// What the web page needs to know of calling from it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveWebCalls {
    /// The greeting is spoken in these.
    pub languages: Vec<Language>,
    pub longest_call_secs: u64,
}

/// Whether calls can be recorded now, and what becomes of those that cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct LiveRecording {
    #[serde(flatten)]
    pub recorder: Recorder,
    /// New calls hear 503 now.
    pub refuses_calls: bool,
}

/// A call that is on now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveCall {
    pub id: ContactId,
    pub caller: PhoneNumber,
    /// From the web page.
    pub from_web: bool,
    /// The pass of such a caller: who knows it may ask how far the call has come. Shown to nobody.
    #[serde(skip)]
    pub pass: Option<String>,
    /// The number such a caller wants to be reached at; said, not proven.
    pub stated_number: Option<PhoneNumber>,
    pub phase: CallPhase,
    pub since: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub language: Option<Language>,
    pub topic: Option<String>,
    pub ivr_path: Vec<String>,
    pub queue: Option<String>,
    /// From 1, while waiting.
    pub position: Option<usize>,
    /// Since when in this queue, whatever phones have rung meanwhile.
    pub waiting_since: Option<Timestamp>,
    pub operator: Option<UserId>,
    /// Whose phones ring beside that of `operator`.
    pub also_ringing: Vec<UserId>,
    /// Who listens in or more, or is rung to.
    pub supervisors: Vec<LiveSupervisor>,
    /// Whose phone rings to take the call over from the operator, who still has it.
    pub transfer_to: Option<UserId>,
    /// The city rings the citizen back.
    pub call_back: bool,
    /// The operator who calls a colleague; none when a citizen calls.
    pub placed_by: Option<UserId>,
    pub case: Option<CaseNumber>,
    pub on_hold: bool,
    /// What is said is on a recording.
    pub recorded: bool,
}

impl LiveCall {
    /// Nothing differs from `old` but the place in the line.
    pub fn only_moved_since(&self, old: &Self) -> bool {
        self.position != old.position && Self { position: old.position, ..self.clone() } == *old
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct LiveSupervisor {
    pub user: UserId,
    pub how: Supervision,
    /// At the phone; otherwise it rings.
    pub present: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    Setup,
    Ivr,
    Voicemail,
    Waiting,
    Ringing,
    Talking,
    WrapUp,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveOperator {
    pub id: UserId,
    pub name: String,
    pub extension: String,
    pub languages: Vec<Language>,
    pub queues: Vec<String>,
    pub skills: BTreeMap<String, u8>,
    pub registered: bool,
    #[serde(flatten)]
    pub status: OperatorStatus,
    pub since: Timestamp,
    /// When the wrap-up ends by itself.
    pub wrap_up_ends_at: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveQueue {
    pub name: String,
    pub waiting: usize,
    pub longest_wait_secs: u64,
    /// Citizens who wait to be rung back.
    pub callbacks: usize,
    /// What the next caller would wait; none where nobody can say.
    pub expected_wait_secs: Option<u64>,
    /// Since when more call than can be answered.
    pub surge_since: Option<Timestamp>,
    pub operators_ready: usize,
    pub operators_talking: usize,
    /// What it asks of its operators, levels by skill.
    pub skills: BTreeMap<String, u8>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveTrunk {
    pub name: String,
    pub state: TrunkState,
    pub since: Timestamp,
    /// None where we do not register.
    pub registered: Option<bool>,
    /// Calls on it, both directions.
    pub calls: usize,
    /// Servers of its provider as DNS knows them, first choice first; none for a trunk known by address alone.
    pub servers: Vec<LiveServer>,
    /// Why the last round of our registration failed; none when it did not.
    pub failure: Option<LiveFailure>,
    /// Why its limits last turned a call away, and when.
    pub turned_away: Option<(&'static str, Timestamp)>,
}

/// One server of a provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveServer {
    pub address: SocketAddr,
    /// UDP, TCP or TLS.
    pub transport: &'static str,
    /// What its answers to OPTIONS say; none where nobody asks, or nobody has asked yet.
    pub reachable: Option<bool>,
    /// Our registration stands there.
    pub registered: bool,
}

/// Why a provider did not take our registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct LiveFailure {
    /// `unanswered`, `challenged`, `refused` or `no_server`.
    pub reason: &'static str,
    /// The provider's status code, when it refused.
    pub status: Option<u16>,
}

/// A phone that is registered with us.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LivePhone {
    pub extension: String,
    /// What it calls itself; may be empty.
    pub user_agent: String,
    /// UDP, TCP, TLS, WS or WSS.
    pub transport: &'static str,
    pub address: IpAddr,
    /// It answers our questions.
    pub reachable: bool,
}

/// Whether calls can go out by a trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrunkState {
    /// Nobody has asked yet, or nobody asks: a trunk known by address alone.
    Unknown,
    Up,
    Down,
}

impl super::Switchboard {
    /// The state as the desks see it. `seq` is left to the one who publishes it.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let moment = |at: Instant| moment(at, now);
        let queues: Vec<LiveQueue> =
            self.settings.queues.iter().map(|queue| self.live_queue(&queue.name, moment, now)).collect();
        let operators = self
            .acd
            .operators()
            .into_iter()
            .map(|(profile, status, at)| LiveOperator {
                id: profile.user,
                name: profile.name.clone(),
                extension: profile.extension.clone(),
                languages: profile.languages.clone(),
                queues: profile.queues.clone(),
                skills: profile.skills.clone(),
                registered: !self.registrar.reachable(&profile.extension).is_empty(),
                status: status.clone(),
                since: moment(at),
                wrap_up_ends_at: self.acd.wrap_up_deadline(profile.user).map(moment),
            })
            .collect();
        Snapshot {
            seq: 0,
            at: now.utc,
            calls: self.live_calls(moment),
            operators,
            queues,
            trunks: self.live_trunks(),
            phones: self.live_phones(),
            recording: LiveRecording {
                recorder: self.settings.recording.map_or(Recorder::Off, |_| self.recorder),
                refuses_calls: self.keeping().is_err(),
            },
            intake: self.intake(),
            web_calls: self.live_web_calls(),
            dictations: self.live_dictations(),
        }
    }

    fn live_phones(&self) -> Vec<LivePhone> {
        let mut extensions: Vec<&String> = self.settings.accounts.keys().collect();
        extensions.sort();
        let phones = extensions.into_iter().flat_map(|extension| {
            self.registrar.bindings(extension).into_iter().map(|binding| LivePhone {
                extension: extension.clone(),
                user_agent: binding.user_agent.clone(),
                transport: binding.flow.transport.name(),
                address: binding.flow.remote.ip().to_canonical(),
                reachable: binding.is_reachable(),
            })
        });
        phones.collect()
    }

    fn live_calls(&self, moment: impl Fn(Instant) -> Timestamp) -> Vec<LiveCall> {
        let mut places = HashMap::new();
        for queue in &self.settings.queues {
            for (index, (entry, at)) in self.acd.waiting(&queue.name).into_iter().enumerate() {
                places.insert(entry.contact, (index + 1, moment(at)));
            }
        }
        let visible =
            self.calls.values().filter(|call| !call.is_over() || call.contact().disposition.is_none());
        visible
            .map(|call| {
                let contact = call.contact();
                let place = places.get(&contact.id).copied();
                LiveCall {
                    id: contact.id,
                    caller: contact.caller.clone(),
                    from_web: contact.origin == ORIGIN,
                    pass: self.guests.user_of(contact.id).map(str::to_owned),
                    stated_number: contact.stated_number.clone(),
                    phase: call.phase(),
                    since: call.since(),
                    answered_at: contact.answered_at,
                    language: contact.language,
                    topic: contact.topic.clone(),
                    ivr_path: contact.ivr_path.clone(),
                    queue: contact.queue.clone(),
                    position: place.map(|(position, _)| position),
                    waiting_since: place.map(|(_, since)| since),
                    operator: call.operator().or(call.transfer_target()).or_else(|| last_operator(call)),
                    also_ringing: call.also_ringing().collect(),
                    supervisors: call
                        .supervisors()
                        .map(|(user, how, present)| LiveSupervisor { user, how, present })
                        .collect(),
                    transfer_to: call.operator().and(call.transfer_target()),
                    call_back: call.is_call_back(),
                    placed_by: call.placed_by(),
                    case: contact.case.clone(),
                    on_hold: call.is_held(),
                    recorded: call.is_recorded(),
                }
            })
            .collect()
    }

    fn live_queue(&self, name: &str, moment: impl Fn(Instant) -> Timestamp, now: Now) -> LiveQueue {
        let waiting = self.acd.waiting(name);
        let longest = waiting.iter().map(|(_, at)| now.mono.saturating_duration_since(*at).as_secs()).max();
        let serving = |wanted: fn(&OperatorStatus) -> bool| {
            let operators = self.acd.operators();
            operators
                .iter()
                .filter(|(profile, status, _)| {
                    wanted(status) && profile.queues.iter().any(|queue| queue == name)
                })
                .count()
        };
        let known = self.settings.queues.iter().find(|queue| queue.name == name);
        LiveQueue {
            name: name.to_owned(),
            waiting: waiting.len(),
            longest_wait_secs: longest.unwrap_or(0),
            callbacks: self.callbacks_in(name),
            surge_since: self.acd.surge_since(name).map(moment),
            expected_wait_secs: self.acd.expected_wait(name, waiting.len() + 1).map(|wait| wait.as_secs()),
            operators_ready: serving(|status| matches!(status, OperatorStatus::Ready)),
            operators_talking: serving(|status| matches!(status, OperatorStatus::Talking { .. })),
            skills: known.map(|queue| queue.skills.clone()).unwrap_or_default(),
        }
    }
}

/// Who talked last. Who asks somebody outside is at the first leg of that call, not at its second.
fn last_operator(call: &Call) -> Option<UserId> {
    call.contact().operator.filter(|_| !call.is_consultation())
}

/// The civil time of `at`, in whole milliseconds: the two clocks of `now` were not read in the very same moment, and what
/// has not changed must not look as if it had.
fn moment(at: Instant, now: Now) -> Timestamp {
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(0);
    let ahead = micros(at.saturating_duration_since(now.mono));
    let behind = micros(now.mono.saturating_duration_since(at));
    let micros = now.utc.micros() + ahead - behind;
    Timestamp::from_micros(micros - micros.rem_euclid(1_000))
}
