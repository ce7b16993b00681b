//! All calls, all queues: inputs in, effects out; one owner, one thread, no I/O.
//!
//! Run it like this: one `handle_*`, then drain [`Switchboard::poll_effect`] and carry the effects out in
//! order, then sleep until [`Switchboard::poll_timeout`] or the next input.

mod admission;
mod callbacks;
pub mod command;
pub mod dictation;
mod dictations;
mod dispatch;
mod distribution;
mod flows;
pub mod guests;
mod intake;
mod internal;
mod ladders;
mod masked;
mod registration;
mod request_check;
mod screening;
mod service_code;
pub mod settings;
pub mod snapshot;
pub mod standing;
mod supervision;
mod transfer;
pub mod trunks;
pub mod verification;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use crate::acd::Distributor;
use crate::call::Call;
use crate::call::effect::{Effect, ResolutionId, Ticket};
use crate::call::ladder::Ladder;
use crate::call::masked::MaskedCall;
use crate::call::turn::{Counters, Routes, Turn};
use crate::callback::CallBacks;
use crate::case::CaseNumber;
use crate::ids::{ContactId, LegId, Mint, RecordingId, UserId};
use crate::ivr::Answer;
use crate::media;
use crate::recording::{Recorder, Sealed};
use crate::sdp::Fingerprint;
use crate::sip::digest_auth::Authenticator;
use crate::sip::guard::{self, Guard};
use crate::sip::message::{Flow, Message};
use crate::sip::registrar::{BindingId, Registrar};
use crate::sip::server_location::Located;
use crate::sip::transaction::{ClientTransactionId, TransactionLayer};
use crate::termination::Termination;
use crate::time::Now;
use crate::verification::{Inquiry, Verifications};

pub use command::{Command, CommandError, Conflict};
pub use intake::{IntakeState, LiveIntake, Shortage};
pub use settings::Settings;
pub use snapshot::{LivePhone, LiveTrunk, Snapshot, TrunkState};
pub use standing::Standing;

use dictation::{Dictation, LiveDictation};
use dispatch::Owner;
use guests::Guests;
use intake::Intake;
use ladders::Ladders;
use service_code::ServiceCall;
use trunks::Trunks;

/// What comes in from outside.
#[derive(Debug)]
pub enum Input {
    Sip {
        message: Box<Message>,
        flow: Flow,
    },
    FlowClosed {
        flow: Flow,
    },
    Media(media::Event),
    RecordingOpened {
        recording: RecordingId,
    },
    RecordingOpenFailed {
        recording: RecordingId,
        /// For the journal.
        reason: String,
    },
    /// Calls can no longer be recorded, or can again.
    RecorderChanged(Recorder),
    RecordingSealed(Sealed),
    Committed {
        ticket: Ticket,
        durable: bool,
    },
    CaseRegistered {
        contact: ContactId,
        number: CaseNumber,
    },
    LookupAnswered {
        contact: ContactId,
        answer: Answer,
    },
    /// All cases that wait for their applicant's answer, as the store has them.
    ApplicantsToAsk(Vec<Inquiry>),
    /// What was said to be a prompt; none when it cannot be one.
    DictationRead {
        leg: LegId,
        sound: Option<Arc<media::Sound>>,
    },
    PromptKept {
        leg: LegId,
        kept: bool,
    },
    /// An executor wants to be connected with an applicant when their call is over; judged already.
    CallApplicant(Box<MaskedCall>),
    /// None when the servers could not be found.
    Resolved {
        resolution: ResolutionId,
        located: Option<Located>,
    },
}

#[derive(Debug)]
pub struct Switchboard {
    settings: Settings,
    sip: TransactionLayer,
    authenticator: Authenticator,
    guard: Guard,
    guests: Guests,
    registrar: Registrar,
    trunks: Trunks,
    /// OPTIONS that are out to phones.
    asked: HashMap<ClientTransactionId, (String, BindingId)>,
    acd: Distributor,
    mint: Mint,
    routes: Routes,
    /// Boxed: each is taken out for each of its steps.
    calls: BTreeMap<ContactId, Box<Call>>,
    services: HashMap<LegId, ServiceCall>,
    dictations: BTreeMap<LegId, Dictation>,
    /// Those that are over, the last of each person.
    last_dictations: BTreeMap<UserId, LiveDictation>,
    owners: HashMap<LegId, Owner>,
    recordings: HashMap<RecordingId, ContactId>,
    /// The one deadline queue of all calls; `scheduled` finds a call's place in it.
    deadlines: BTreeSet<(Instant, ContactId)>,
    scheduled: HashMap<ContactId, Instant>,
    effects: VecDeque<Effect>,
    /// Calls whose transfer to the outside needs another way; each at most once.
    seeking_way_out: Vec<ContactId>,
    counters: Counters,
    tickets: u64,
    waiting_for: HashMap<Ticket, ContactId>,
    ladders: Ladders,
    callbacks: CallBacks,
    verifications: Verifications,
    /// Executors who asked in a call to be connected with an applicant after it.
    masked_waiting: Vec<MaskedCall>,
    intake: Intake,
    recorder: Recorder,
    /// Of the media plane's certificate; without one no leg does DTLS.
    dtls_fingerprint: Option<Fingerprint>,
}

/// Runs `$body` with a [`Turn`] named `$turn` that borrows the switchboard's parts, but not its calls.
macro_rules! with_turn {
    ($self:ident, $now:expr, |$turn:ident| $body:expr) => {{
        let mut turn = $crate::call::turn::Turn {
            now: $now,
            sip: &mut $self.sip,
            acd: &mut $self.acd,
            mint: &mut $self.mint,
            routes: &mut $self.routes,
            effects: &mut $self.effects,
            counters: &mut $self.counters,
            tickets: &mut $self.tickets,
            advertised: $self.settings.advertised,
            session_expires_secs: $self.settings.session_expires_secs,
            codecs: &$self.settings.codecs,
            srtp: $crate::sdp::SrtpTerms { policy: $self.settings.srtp, fingerprint: $self.dtls_fingerprint },
            beside: None,
            trunks: Some(&$self.trunks),
        };
        let $turn = &mut turn;
        $body
    }};
}
use with_turn;

impl Switchboard {
    /// `seed` comes from the operating system; simulations repeat it.
    pub fn new(settings: Settings, seed: [u8; 32], now: Now) -> Self {
        let mut mint = Mint::new(seed);
        let mut acd = Distributor::new(settings.queues.clone());
        acd.configure(settings.queues.clone(), settings.operators.clone(), now.mono);
        let mut registrar = Registrar::default();
        registrar.ask_every(settings.ask_phones_every, now.mono);
        let mut callbacks = CallBacks::default();
        callbacks.configure(settings.callback.clone());
        let mut verifications = Verifications::default();
        verifications.configure(settings.verification.as_ref().map(|known| known.policy.clone()), now);
        Self {
            sip: TransactionLayer::new(mint.seed()),
            authenticator: Authenticator::new(&settings.realm, settings.digest.clone(), mint.seed()),
            trunks: Trunks::new(&settings.trunks, mint.seed(), now),
            guard: Guard::new(settings.guard.clone()),
            guests: Guests::new(),
            registrar,
            asked: HashMap::new(),
            acd,
            mint,
            routes: Routes::default(),
            calls: BTreeMap::new(),
            services: HashMap::new(),
            dictations: BTreeMap::new(),
            last_dictations: BTreeMap::new(),
            owners: HashMap::new(),
            recordings: HashMap::new(),
            deadlines: BTreeSet::new(),
            scheduled: HashMap::new(),
            effects: VecDeque::new(),
            seeking_way_out: Vec::new(),
            counters: Counters::default(),
            tickets: 0,
            waiting_for: HashMap::new(),
            ladders: Ladders::default(),
            callbacks,
            verifications,
            masked_waiting: Vec::new(),
            intake: Intake::Open,
            recorder: Recorder::Able,
            dtls_fingerprint: None,
            settings,
        }
    }

    /// Lets legs do DTLS with the media plane's certificate.
    pub fn set_dtls_fingerprint(&mut self, fingerprint: Fingerprint) {
        self.dtls_fingerprint = Some(fingerprint);
    }

    /// New configuration for everything that comes; calls that run keep their dialplan.
    pub fn configure(&mut self, settings: Settings, now: Now) {
        self.acd.configure(settings.queues.clone(), settings.operators.clone(), now.mono);
        self.trunks.configure(&settings.trunks, now);
        self.ladders.keep_trunks(|name| settings.trunks.iter().any(|trunk| trunk.name == name));
        self.guard.configure(settings.guard.clone());
        self.registrar.ask_every(settings.ask_phones_every, now.mono);
        self.callbacks.configure(settings.callback.clone());
        let policy = settings.verification.as_ref().map(|known| known.policy.clone());
        if self.verifications.policy() != policy.as_ref() {
            self.verifications.configure(policy, now);
        }
        self.settings = settings;
        self.announce_registered(now);
        self.settle(now);
    }

    /// The bytes of the message that comes next by [`Self::handle_input`], for the ladder of its call.
    pub fn note_received(&mut self, raw: Vec<u8>, flow: Flow, now: Now) {
        self.ladders.hold(raw, flow, now.utc);
    }

    /// The messages of a call, also for some time after its end.
    pub fn ladder(&self, contact: ContactId) -> Option<&Ladder> {
        self.ladders.of(contact)
    }

    /// The last registrations and probes of a trunk; none when there is no such trunk.
    pub fn trunk_ladder(&self, trunk: &str) -> Option<Ladder> {
        let is_known = self.settings.trunks.iter().any(|known| known.name == trunk);
        is_known.then(|| self.ladders.of_trunk(trunk))
    }

    pub fn handle_input(&mut self, input: Input, now: Now) {
        match input {
            Input::Sip { message, flow } => self.handle_message(*message, flow, now),
            Input::FlowClosed { flow } => self.handle_flow_closed(flow, now),
            Input::Media(event) => self.handle_media(&event, now),
            Input::RecordingOpened { recording } => {
                self.handle_take_opened(recording, true, now);
                self.with_recording(recording, now, |call, turn| call.handle_recording_opened(turn));
            }
            Input::RecordingOpenFailed { recording, reason } => {
                self.handle_take_opened(recording, false, now);
                let failed = |call: &mut Call, turn: &mut Turn<'_>| {
                    call.handle_recording_open_failed(&reason, turn);
                };
                self.with_recording(recording, now, failed);
            }
            Input::RecorderChanged(recorder) => self.recorder = recorder,
            Input::RecordingSealed(sealed) => {
                self.handle_take_sealed(&sealed, now);
                self.with_recording(sealed.recording, now, |call, turn| call.handle_sealed(sealed, turn));
            }
            Input::Committed { ticket, durable } => {
                if !durable {
                    self.counters.commits_failed += 1;
                }
                if let Some(contact) = self.waiting_for.remove(&ticket) {
                    self.with_call(contact, now, |call, turn| call.handle_committed(ticket, durable, turn));
                }
            }
            Input::CaseRegistered { contact, number } => {
                self.with_call(contact, now, |call, turn| call.handle_case_registered(number, turn));
            }
            Input::LookupAnswered { contact, answer } => {
                self.with_call(contact, now, |call, turn| call.handle_lookup(answer, turn));
            }
            Input::DictationRead { leg, sound } => self.handle_dictation_read(leg, sound, now),
            Input::PromptKept { leg, kept } => self.handle_prompt_kept(leg, kept, now),
            Input::ApplicantsToAsk(inquiries) => self.verifications.know(inquiries, now),
            Input::CallApplicant(wanted) => {
                let id = wanted.id;
                if let Err(error) = self.call_applicant(*wanted, now) {
                    tracing::warn!(call.id = %id, %error, "an executor is not rung");
                }
            }
            Input::Resolved { resolution, located } => self.handle_resolved(resolution, located, now),
        }
        self.settle(now);
    }

    /// What was asked from a desk or the API.
    pub fn handle_command(&mut self, command: Command, now: Now) -> Result<(), CommandError> {
        let outcome = self.carry_out(command, now);
        self.settle(now);
        outcome
    }

    pub fn handle_timeout(&mut self, now: Now) {
        self.sip.handle_timeout(now.mono);
        self.registrar.handle_timeout(now.mono);
        self.trunks.handle_timeout(now);
        self.acd.handle_timeout(now.mono);
        self.ladders.handle_timeout(now.mono);
        self.handle_guest_timeout(now);
        while let Some((at, contact)) = self.deadlines.first().copied()
            && at <= now.mono
        {
            self.deadlines.remove(&(at, contact));
            self.scheduled.remove(&contact);
            self.with_call(contact, now, Call::handle_timeout);
        }
        let late: Vec<LegId> =
            self.services.iter().filter(|(_, call)| call.is_due(now.mono)).map(|(leg, _)| *leg).collect();
        for leg in late {
            self.with_service(leg, now, ServiceCall::handle_timeout);
        }
        self.handle_dictation_timeouts(now);
        self.settle(now);
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let calls = self.deadlines.first().map(|(at, _)| *at);
        let services = self.services.values().filter_map(ServiceCall::poll_timeout).min();
        let dictations = self.dictations.values().filter_map(Dictation::poll_timeout).min();
        let machines = [self.sip.poll_timeout(), self.registrar.poll_timeout(), self.acd.poll_timeout()];
        let lists = [self.callbacks.poll_timeout(), self.verifications.poll_timeout()];
        let guests = self.guests.poll_timeout();
        let own =
            [self.ladders.poll_timeout(), self.trunks.poll_timeout(), guests, calls, services, dictations];
        machines.into_iter().chain(lists).chain(own).flatten().min()
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Ends every call in order.
    pub fn end_all(&mut self, termination: Termination, now: Now) {
        let contacts: Vec<ContactId> = self.calls.keys().copied().collect();
        for contact in contacts {
            self.with_call(contact, now, |call, turn| {
                call.end(termination, turn);
                call.dispose_by_default(turn);
            });
        }
        self.settle(now);
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the guard kept out, for metrics.
    pub fn guard_counts(&self) -> &guard::Counts {
        self.guard.counts()
    }

    /// Responses that belonged to no request of ours, so far.
    pub fn stray_responses(&self) -> u64 {
        self.sip.stray_responses()
    }

    /// Calls held, for metrics and the leak test.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.values().map(Box::as_ref)
    }

    /// Open transactions, for metrics and the leak test.
    pub fn transactions(&self) -> usize {
        self.sip.len()
    }

    /// Ways from messages and reports to legs, for the leak test: none are left when no call is.
    pub fn open_routes(&self) -> usize {
        let Routes { dialogs, requests, invites } = &self.routes;
        dialogs.len()
            + requests.len()
            + invites.len()
            + self.owners.len()
            + self.recordings.len()
            + self.waiting_for.len()
            + self.guests.len()
    }

    /// Drains every machine until all is quiet: outputs of one are inputs of the next.
    fn settle(&mut self, now: Now) {
        loop {
            if let Some(output) = self.sip.poll_output() {
                self.handle_sip_output(output, now);
            } else if let Some(output) = self.registrar.poll_output() {
                self.handle_registrar_output(&output, now);
            } else if let Some(output) = self.acd.poll_output() {
                self.handle_acd_output(output, now);
            } else if let Some(contact) = self.seeking_way_out.pop() {
                self.seek_way_out(contact, now);
            } else if !self.serve_trunks(now) && !self.serve_callbacks(now) && !self.serve_verifications(now)
            {
                break;
            }
        }
        self.ladders.settle(now.mono);
        while let Some((contact, ladder)) = self.ladders.poll_output() {
            self.effects.push_back(Effect::SaveLadder { contact, ladder });
        }
    }
}
