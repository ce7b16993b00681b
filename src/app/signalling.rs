//! The owner of the switchboard: everything that comes in reaches it here, one input at a time, and its effects are
//! carried out in order. Nothing here waits for a disk, a database or a socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, mpsc, watch};

use super::field_calls::{self, FieldDesk};
use super::hep_agent::HepAgent;
use super::metrics::Meters;
use super::outages;
use super::record_keeper::{Job, RecordKeeper};
use super::sounds::{self, Sounds};
use super::standing::StandingKeeper;
use super::studio::Studio;
use super::vital::Vital;
use super::{Change, Plans, Stop, Terms};
use crate::call::effect::{Effect, ResolutionId};
use crate::ids::ContactId;
use crate::ivr::{Answer, Lookup};
use crate::journal::MediaPosition;
use crate::media;
use crate::media_plane::{MediaPlane, Order};
use crate::net::{Arrival, SipNet};
use crate::phone_number::PhoneNumber;
use crate::sip::message::{Flow, Transport, Uri};
use crate::sip::server_location::Located;
use crate::store::{Batch, CaseFilter, Page, Store, StoreError};
use crate::switchboard::{Input, Shortage, Snapshot, Switchboard};
use crate::termination::Termination;
use crate::time::Now;
use crate::web::{CommandRequest, LadderOf, LadderRequest};

/// Desks see a change at most this much later.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);
/// A lookup for the dialplan that takes longer is answered as failed; below the node's own deadline.
const LOOKUP_DEADLINE: Duration = Duration::from_secs(2);
/// After calls were ended in order, their recordings get this long to be sealed and written.
const END_DEADLINE: Duration = Duration::from_secs(8);
/// When only transactions are left, a request without an answer may be repeated for this long: twice, after T1 and
/// 3*T1 (RFC 3261 17.1.2.2). What has been answered lingers far longer and would keep the program for nothing.
const FAREWELL: Duration = Duration::from_secs(2);
/// Inputs taken before the clock and the effects are looked at again.
const BURST: usize = 64;
/// Codes checked at once: each takes a core and 19 MiB for some 30 ms.
const CODE_CHECKS: usize = 1;
/// Open cases counted for one caller at most; nobody is read a longer number.
const MAX_OWN_CASES: u32 = 99;

/// The queues this task reads.
#[derive(Debug)]
pub(super) struct Wires {
    pub arrivals: mpsc::Receiver<Arrival>,
    pub inputs: mpsc::Receiver<Input>,
    pub commands: mpsc::Receiver<CommandRequest>,
    pub ladders: mpsc::Receiver<LadderRequest>,
    pub changes: mpsc::Receiver<Change>,
    pub stopping: watch::Receiver<Stop>,
}

#[derive(Debug)]
pub(super) struct Signalling {
    switchboard: Switchboard,
    plans: Plans,
    sounds: Sounds,
    net: SipNet,
    hep: Option<HepAgent>,
    terms: Terms,
    standing: StandingKeeper,
    media: Arc<MediaPlane>,
    keeper: RecordKeeper,
    store: Store,
    studio: Studio,
    outcomes: mpsc::Sender<Input>,
    snapshot: watch::Sender<Arc<Snapshot>>,
    meters: Arc<Meters>,
    /// Set when something happened since the last snapshot.
    unseen: bool,
    seen_at: Instant,
    /// Codes of executors that are checked at this moment.
    code_checks: Arc<Semaphore>,
    stop: Stop,
    /// When draining turns into ending, and ending into leaving.
    stop_deadline: Option<Instant>,
    farewell: Farewell,
}

/// The time after the last call in which its BYE may still be repeated.
#[derive(Debug, Default)]
struct Farewell {
    until: Option<Instant>,
}

impl Farewell {
    /// Asked when no call is left; true when nothing more is to be said.
    fn is_over(&mut self, transactions: usize, now: Instant) -> bool {
        transactions == 0 || *self.until.get_or_insert(now + FAREWELL) <= now
    }
}

impl Signalling {
    #[expect(clippy::too_many_arguments, reason = "the one place where the planes meet")]
    pub(super) fn new(
        switchboard: Switchboard,
        plans: Plans,
        net: SipNet,
        hep: Option<HepAgent>,
        terms: Terms,
        standing: StandingKeeper,
        media: Arc<MediaPlane>,
        keeper: RecordKeeper,
        studio: Studio,
        outcomes: mpsc::Sender<Input>,
        snapshot: watch::Sender<Arc<Snapshot>>,
        meters: Arc<Meters>,
    ) -> Self {
        Self {
            switchboard,
            sounds: Sounds::new(plans.prompts.clone()),
            plans,
            net,
            hep,
            terms,
            standing,
            media,
            keeper,
            store: studio.store.clone(),
            studio,
            outcomes,
            snapshot,
            meters,
            code_checks: Arc::new(Semaphore::new(CODE_CHECKS)),
            unseen: true,
            seen_at: crate::time::now().mono,
            stop: Stop::Running,
            stop_deadline: None,
            farewell: Farewell::default(),
        }
    }

    /// Runs until a stop was asked for and every call is over and said good-bye to, or its deadline passed.
    pub(super) async fn run(mut self, mut wires: Wires, _vital: Vital) {
        loop {
            let wake = tokio::time::Instant::from_std(self.next_deadline());
            tokio::select! {
                Some(arrival) = wires.arrivals.recv() => self.handle_arrival(arrival),
                Some(input) = wires.inputs.recv() => self.handle_input(input),
                Some(request) = wires.commands.recv() => self.handle_command(request),
                Some((of, answer)) = wires.ladders.recv() => {
                    let ladder = match of {
                        LadderOf::Call(contact) => self.switchboard.ladder(contact).cloned(),
                        LadderOf::Trunk(name) => self.switchboard.trunk_ladder(&name),
                    };
                    // Who asked may have gone away meanwhile.
                    answer.send(ladder).ok();
                }
                Some(change) = wires.changes.recv() => self.configure(change),
                Ok(()) = wires.stopping.changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
            for _ in 0..BURST {
                if let Ok(input) = wires.inputs.try_recv() {
                    self.handle_input(input);
                } else if let Ok(arrival) = wires.arrivals.try_recv() {
                    self.handle_arrival(arrival);
                } else {
                    break;
                }
            }
            let now = crate::time::now();
            if self.switchboard.poll_timeout().is_some_and(|at| at <= now.mono) {
                self.switchboard.handle_timeout(now);
                self.unseen = true;
                self.carry_out(now);
            }
            self.publish(now);
            self.standing.look(&self.switchboard, now);
            let asked = *wires.stopping.borrow();
            if self.come_to_an_end(asked, now) {
                break;
            }
        }
        // Nobody reads the keeper's answers any more; it must not wait for a place for them.
        drop(wires);
        let standing = self.switchboard.standing(crate::time::now());
        tokio::join!(self.standing.finish(standing), self.keeper.finish());
    }

    fn next_deadline(&self) -> Instant {
        let idle = crate::time::now().mono + Duration::from_secs(1);
        let publish = self.unseen.then(|| self.seen_at + SNAPSHOT_EVERY);
        let standing = Some(self.standing.deadline());
        [
            self.switchboard.poll_timeout(),
            publish,
            standing,
            self.stop_deadline,
            self.farewell.until,
            Some(idle),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(idle)
    }

    fn handle_arrival(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Message { message, raw, flow } => {
                let now = crate::time::now();
                if let Some(hep) = &self.hep {
                    hep.note_received(&raw, flow, now.utc);
                }
                self.switchboard.note_received(raw, flow, now);
                self.handle_input(Input::Sip { message, flow });
            }
            Arrival::FlowClosed { flow } => self.handle_input(Input::FlowClosed { flow }),
            Arrival::Malformed { what, .. } => self.meters.count_malformed(what),
        }
    }

    fn handle_input(&mut self, input: Input) {
        let now = crate::time::now();
        self.switchboard.throttle(self.shortage());
        self.switchboard.handle_input(input, now);
        self.unseen = true;
        self.carry_out(now);
    }

    fn handle_command(&mut self, (command, answer): CommandRequest) {
        let now = crate::time::now();
        let outcome = self.switchboard.handle_command(command, now);
        self.unseen = true;
        self.carry_out(now);
        // Who asked may have gone away meanwhile; what was asked for is done all the same.
        answer.send(outcome).ok();
    }

    fn configure(&mut self, change: Change) {
        let now = crate::time::now();
        if let Some(plans) = change.plans {
            self.sounds.replace(plans.prompts.clone());
            self.plans = plans;
        }
        if let Some(terms) = change.terms {
            self.terms = terms;
        }
        self.switchboard.configure(change.settings, now);
        self.unseen = true;
        self.carry_out(now);
        // Who published it may have gone away meanwhile.
        change.taken.send(()).ok();
    }

    /// One step on the way out; true when there is nothing left to do.
    fn come_to_an_end(&mut self, asked: Stop, now: Now) -> bool {
        if asked > self.stop {
            self.stop = asked;
            self.switchboard.close_intake(now);
            self.switchboard.leave_trunks(now);
            self.carry_out(now);
            let patience = if asked == Stop::Draining { self.terms.drain } else { END_DEADLINE };
            self.stop_deadline = Some(now.mono + patience);
            if asked == Stop::Ending {
                self.switchboard.end_all(Termination::Shutdown, now);
                self.carry_out(now);
            }
        }
        if self.stop == Stop::Running {
            return false;
        }
        let over = self.switchboard.close_intake(now);
        let late = self.stop_deadline.is_some_and(|at| at <= now.mono);
        if late && self.stop == Stop::Draining {
            return self.come_to_an_end(Stop::Ending, now);
        }
        if late && !over {
            tracing::error!(
                calls = self.switchboard.calls().count(),
                "calls did not end in time; the next start closes them"
            );
        }
        late || over && self.farewell.is_over(self.switchboard.transactions(), now.mono)
    }

    fn publish(&mut self, now: Now) {
        if !self.unseen || now.mono.saturating_duration_since(self.seen_at) < SNAPSHOT_EVERY {
            return;
        }
        self.unseen = false;
        self.seen_at = now.mono;
        let mut next = self.switchboard.snapshot(now);
        let at = next.at;
        self.snapshot.send_if_modified(|published| {
            (next.seq, next.at) = (published.seq, published.at);
            if next == **published {
                return false;
            }
            (next.seq, next.at) = (published.seq + 1, at);
            *published = Arc::new(next);
            true
        });
        self.meters.observe(&self.switchboard);
        self.meters.observe_desks(&self.snapshot.borrow());
    }

    fn carry_out(&mut self, now: Now) {
        while let Some(effect) = self.switchboard.poll_effect() {
            self.carry_out_one(effect, now);
        }
    }

    /// What new calls would want too much of at this moment.
    fn shortage(&self) -> Option<Shortage> {
        let store = self.keeper.is_behind().then_some(Shortage::Store);
        store.or_else(|| self.media.is_overloaded().then_some(Shortage::Media))
    }

    fn carry_out_one(&mut self, effect: Effect, now: Now) {
        match effect {
            Effect::Transmit { bytes, flow } => {
                if let Some(hep) = &self.hep {
                    hep.note_sent(&bytes, flow, now.utc);
                }
                self.net.send(bytes, flow);
            }
            Effect::Vouch { flow } => self.net.vouch(flow),
            Effect::Shun { source, until } => self.net.shun(source, until),
            Effect::Media(command) => self.media.order(Order::Media(command)),
            Effect::PlayPrompts { leg, play, prompts } => {
                let sounds = self.sounds.of(&prompts);
                if sounds.len() < prompts.len() {
                    self.meters.prompts_missing.add((prompts.len() - sounds.len()) as u64);
                }
                self.media.order(Order::Media(media::Command::Play { leg, play, sounds, repeat: false }));
            }
            Effect::PlayBack { leg, play, sound, then } => {
                let sounds = std::iter::once(sound).chain(self.sounds.of(&then)).collect();
                self.media.order(Order::Media(media::Command::Play { leg, play, sounds, repeat: false }));
            }
            Effect::ReadDictation { leg, path, cut_ms } => self.studio.read(leg, &path, cut_ms),
            Effect::KeepPrompt { leg, by, prompt, sound } => {
                let folder = self.plans.prompts.folder().to_owned();
                self.studio.keep(folder, leg, by, prompt, sound);
            }
            Effect::PlayMusic { leg, play } => {
                let sounds = vec![self.sounds.music()];
                self.media.order(Order::Media(media::Command::Play { leg, play, sounds, repeat: true }));
            }
            Effect::PlayRinging { leg, play } => {
                let sounds = vec![sounds::ringing()];
                self.media.order(Order::Media(media::Command::Play { leg, play, sounds, repeat: true }));
            }
            Effect::OpenRecording { recording, description } => self.media.order(Order::OpenRecording {
                recording: recording.id,
                contact: recording.contact,
                path: recording.path,
                started_at: recording.started_at,
                sample_rate: recording.sample_rate,
                description,
            }),
            Effect::StartRecording { recording, started_at } => {
                self.media.order(Order::StartRecording { recording, started_at });
            }
            Effect::Mark { recording, marker } => self.media.order(Order::Mark { recording, marker }),
            Effect::SealRecording { recording } => self.media.order(Order::SealRecording { recording }),
            Effect::DiscardRecording { recording } => self.media.order(Order::DiscardRecording { recording }),
            Effect::Commit { ticket, contact, recording, entries } => {
                self.keep(Job::commit(ticket, contact, recording, entries), now);
            }
            Effect::SaveCallBack { callback, entries } => {
                let batch = Batch { callbacks: vec![*callback], entries, ..Batch::default() };
                self.keep(Job::Commit { ticket: None, batch }, now);
            }
            Effect::RegisterCase { contact, draft, at, media } => {
                self.keep(Job::RegisterCase { contact, draft, at, media }, now);
            }
            Effect::AttachCaller { contact, incident, draft, at, media } => {
                self.keep(Job::AttachCaller { contact, incident, draft, at, media }, now);
            }
            Effect::Resolve { resolution, uri } => self.resolve(resolution, uri),
            Effect::SaveLadder { contact, ladder } => self.keep(Job::SaveLadder { contact, ladder }, now),
            Effect::Lookup { contact, lookup, caller, media } => match field_calls::Asked::of(lookup) {
                Ok(asked) => self.look_up_order(contact, asked, media),
                Err(lookup) => self.look_up(contact, lookup, caller),
            },
        }
    }

    fn keep(&mut self, job: Job, now: Now) {
        let Err(job) = self.keeper.submit(job) else { return };
        self.meters.jobs_lost.add(1);
        tracing::error!(
            call.id = job.contact().map(tracing::field::display),
            "the store is too far behind: a change is lost"
        );
        if let Some(ticket) = job.ticket() {
            self.switchboard.handle_input(Input::Committed { ticket, durable: false }, now);
        }
    }

    fn resolve(&self, resolution: ResolutionId, uri: Uri) {
        let (resolver, net, outcomes) =
            (self.terms.resolver.clone(), self.net.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            let found = resolver.locate(&uri, &net.transports(), rand::random()).await;
            if let Err(error) = &found {
                tracing::warn!(host = %uri.host, %error, "a provider's servers are not found");
            }
            let mut located = None;
            if let Ok(found) = found {
                let ways = found.addresses.into_iter();
                let flows: Vec<Flow> =
                    ways.filter_map(|(transport, address)| net.flow_towards(transport, address)).collect();
                for flow in flows.iter().filter(|flow| flow.transport == Transport::Tls) {
                    net.expect_name(flow.remote, &uri.host.to_string()).await;
                }
                located = Some(Located { flows, valid_for: found.valid_for });
            }
            // The queue is closed only when the switchboard is gone.
            outcomes.send(Input::Resolved { resolution, located }).await.ok();
        });
    }

    fn look_up(&self, contact: crate::ids::ContactId, lookup: Lookup, caller: PhoneNumber) {
        let (store, city, outcomes) = (self.store.clone(), self.plans.city.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            let answered =
                tokio::time::timeout(LOOKUP_DEADLINE, answer(&store, &city, &lookup, &caller)).await;
            let answer = answered.unwrap_or(Answer::Failed);
            // The queue is closed only when the switchboard is gone.
            outcomes.send(Input::LookupAnswered { contact, answer }).await.ok();
        });
    }
}

impl Signalling {
    /// What an executor asks for by telephone.
    fn look_up_order(&self, contact: ContactId, asked: field_calls::Asked, media: Option<MediaPosition>) {
        let desk = FieldDesk {
            store: self.store.clone(),
            city: self.plans.city.clone(),
            policy: self.switchboard.masked_policy().cloned(),
            voice: self.plans.voice.clone(),
            spoken: self.sounds.spoken(),
            checks: self.code_checks.clone(),
            during: (contact, media),
            inputs: self.outcomes.clone(),
        };
        let outcomes = self.outcomes.clone();
        tokio::spawn(async move {
            let answered = tokio::time::timeout(LOOKUP_DEADLINE, desk.answer(asked)).await;
            let answer = answered.unwrap_or(Answer::Failed);
            // The queue is closed only when the switchboard is gone.
            outcomes.send(Input::LookupAnswered { contact, answer }).await.ok();
        });
    }
}

async fn answer(
    store: &Store,
    city: &crate::case::city::CityPlan,
    lookup: &Lookup,
    caller: &PhoneNumber,
) -> Answer {
    let found = match lookup {
        Lookup::Incident { topic, territory, except } => {
            let asked = outages::Asked { topic: topic.as_deref(), territory: territory.as_deref(), except };
            outages::find(store, city, caller, &asked).await
        }
        Lookup::CaseStatus { number } => case_worked_on(store, number, caller).await.map(|case| {
            case.map_or(Answer::NotFound, |case| Answer::CaseStatus {
                state: case.state.told_as().to_owned(),
                due: case.promise_shown().map(|deadline| city.civil_date(deadline.resolve_by)),
            })
        }),
        // Answered by `field_calls`.
        Lookup::OpenOrder { .. } | Lookup::OrderStep { .. } => Ok(Answer::Failed),
        Lookup::OwnCases if caller.is_withheld() => Ok(Answer::NotFound),
        Lookup::OwnCases => {
            let open = [
                "registered",
                "assigned",
                "accepted",
                "in_progress",
                "on_hold",
                "work_reported",
                "verification",
                "forwarded",
                "explained",
            ];
            let filter = CaseFilter {
                states: open.map(str::to_owned).to_vec(),
                caller: Some(caller.as_str().to_owned()),
                ..CaseFilter::default()
            };
            let page = Page { limit: MAX_OWN_CASES, cursor: None };
            store.cases(&filter, &page).await.map(|cases| match cases.items.len() {
                0 => Answer::NotFound,
                count => Answer::Count(u32::try_from(count).unwrap_or(MAX_OWN_CASES)),
            })
        }
    };
    found.unwrap_or_else(|error| {
        tracing::error!(%error, "lookup failed");
        Answer::Failed
    })
}

/// The caller's case of this number, or the one it was joined with: there the work is.
async fn case_worked_on(
    store: &Store,
    number: &str,
    caller: &PhoneNumber,
) -> Result<Option<crate::case::Case>, StoreError> {
    let Some(case) = store.case_for_caller(number, caller.as_str()).await? else { return Ok(None) };
    match case.merged_into() {
        Some(into) => store.case(into).await,
        None => Ok(Some(case)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_farewell_ends_with_the_last_transaction_or_after_two_seconds() {
        let now = crate::time::now().mono;
        let mut farewell = Farewell::default();
        assert!(farewell.is_over(0, now));
        assert!(!farewell.is_over(2, now));
        assert!(!farewell.is_over(1, now + FAREWELL / 2), "a BYE may still be repeated");
        assert!(farewell.is_over(0, now + FAREWELL / 2));
        assert!(farewell.is_over(1, now + FAREWELL), "answered transactions linger for half a minute");
    }
}
