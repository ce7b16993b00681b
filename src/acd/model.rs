//! The reference model of the distributor: the rules once more in the plainest form, lists that are searched from end to
//! end. What may happen, what it makes of the model, and what every queue promises; `walk` holds both beside each other.

#![allow(clippy::unwrap_used, clippy::panic)]

mod walk;

use std::time::{Duration, Instant};

use super::tests::queue;
use super::*;

const QUEUES: [&str; 2] = ["city", "water"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Nothing,
    Ringing(ContactId, Instant),
    Talking(ContactId),
    WrappingUp(ContactId, Instant),
}

#[derive(Debug)]
struct ModelOperator {
    profile: OperatorProfile,
    registered: bool,
    lost_at: Option<Instant>,
    wants_ready: bool,
    doing: Doing,
    idle_since: Instant,
    was_ready: bool,
    talking_since: Instant,
    calls: u64,
    talked: Duration,
    last_call_at: Option<Instant>,
}

#[derive(Debug)]
struct ModelCaller {
    entry: QueueEntry,
    since: Instant,
    /// Of the place in the line, head start included.
    counts_since: Instant,
    relaxed: bool,
    levels_spared: u8,
    relax_skills_at: Option<Instant>,
    phones: usize,
    /// Phones that rang for this caller, in this order.
    rung: Vec<UserId>,
    another_at: Option<Instant>,
    overflow_at: Option<Instant>,
    overdue: bool,
}

/// The rules in the plainest form: lists, searched from end to end.
struct Model {
    operators: Vec<ModelOperator>,
    /// In order of arrival.
    callers: Vec<ModelCaller>,
    queues: Vec<QueueSettings>,
    /// Rung last, by queue.
    last_rung: [Option<UserId>; 2],
    policy: AfterNoAnswer,
    /// Offers and withdrawals of the step.
    said: Vec<Output>,
}

impl Model {
    fn operator(&mut self, id: UserId) -> &mut ModelOperator {
        self.operators.iter_mut().find(|operator| operator.profile.user == id).unwrap()
    }

    fn ringing_for(&self, contact: ContactId) -> Vec<UserId> {
        let rings = |o: &&ModelOperator| matches!(o.doing, Doing::Ringing(c, _) if c == contact);
        self.operators.iter().filter(rings).map(|operator| operator.profile.user).collect()
    }

    fn rung_in_order(&self, contact: ContactId) -> Vec<UserId> {
        let still = self.ringing_for(contact);
        let caller = self.callers.iter().find(|caller| caller.entry.contact == contact);
        let rung = caller.map(|caller| caller.rung.clone()).unwrap_or_default();
        rung.into_iter().filter(|id| still.contains(id)).collect()
    }

    fn settings(&self, caller: &ModelCaller) -> &QueueSettings {
        self.queues.iter().find(|queue| queue.name == caller.entry.queue).unwrap()
    }

    fn withdraw(&mut self, operator: UserId) {
        if let Doing::Ringing(contact, _) = self.operator(operator).doing {
            self.operator(operator).doing = Doing::Nothing;
            self.said.push(Output::WithdrawOffer { contact, operator });
        }
    }

    /// Offers until nobody fits anybody.
    fn settle(&mut self, now: Instant) {
        for operator in &mut self.operators {
            let ready = operator.is_ready();
            let rings = matches!(operator.doing, Doing::Ringing(..));
            if ready && !operator.was_ready {
                operator.idle_since = now;
            }
            operator.was_ready = ready || rings && operator.was_ready;
        }
        while let Some((contact, id)) = self.best_pair() {
            let caller = self.callers.iter_mut().find(|caller| caller.entry.contact == contact).unwrap();
            caller.rung.retain(|rung| *rung != id);
            caller.rung.push(id);
            let which = QUEUES.iter().position(|queue| *queue == caller.entry.queue).unwrap();
            let settings = &self.queues[which];
            if settings.strategy == Strategy::Progressive {
                caller.another_at.get_or_insert(now + settings.ring_another_after);
            }
            self.last_rung[which] = Some(id);
            let lapses_at = now + settings.ring_timeout;
            self.operator(id).doing = Doing::Ringing(contact, lapses_at);
            self.said.push(Output::Offer { contact, operator: id });
        }
        self.send_on();
    }

    fn in_line(&self) -> Vec<&ModelCaller> {
        let mut callers: Vec<&ModelCaller> = self.callers.iter().collect();
        callers.sort_by_key(|caller| (!caller.entry.urgent, caller.counts_since));
        callers
    }

    fn send_on(&mut self) {
        let gone =
            |caller: &&ModelCaller| caller.overdue && self.ringing_for(caller.entry.contact).is_empty();
        let gone: Vec<ContactId> =
            self.in_line().into_iter().filter(gone).map(|caller| caller.entry.contact).collect();
        self.callers.retain(|caller| !gone.contains(&caller.entry.contact));
        self.said.extend(gone.into_iter().map(|contact| Output::Overflow { contact }));
    }

    fn best_pair(&self) -> Option<(ContactId, UserId)> {
        for caller in self.in_line() {
            let (contact, settings) = (caller.entry.contact, self.settings(caller));
            let phones = match settings.strategy {
                Strategy::RingAll => usize::MAX,
                Strategy::Progressive => caller.phones,
                _ => 1,
            };
            if self.ringing_for(contact).len() >= phones {
                continue;
            }
            let speaks = |o: &ModelOperator| o.profile.languages.contains(&caller.entry.language);
            let able = |o: &ModelOperator| {
                settings.skills.iter().all(|(skill, level)| {
                    o.profile.skills.get(skill).copied().unwrap_or(0) + caller.levels_spared >= *level
                })
            };
            let mut fit: Vec<&ModelOperator> = self
                .operators
                .iter()
                .filter(|o| o.is_ready() && o.profile.queues.contains(&settings.name) && able(o))
                .filter(|o| caller.relaxed || speaks(o))
                .collect();
            // Sorts keep the order of what is equal: the last measure first.
            fit.sort_by_key(|o| (o.idle_since, o.profile.user));
            self.sort(&mut fit, settings);
            fit.sort_by_key(|o| !speaks(o));
            if let Some(operator) = fit.first() {
                return Some((contact, operator.profile.user));
            }
        }
        None
    }

    fn sort(&self, operators: &mut Vec<&ModelOperator>, settings: &QueueSettings) {
        match settings.strategy {
            Strategy::LongestIdle | Strategy::Random => {}
            Strategy::LeastRecent => operators.sort_by_key(|o| o.last_call_at),
            Strategy::FewestCalls => operators.sort_by_key(|o| o.calls),
            Strategy::LeastTalkTime => operators.sort_by_key(|o| o.talked),
            Strategy::RoundRobin => {
                let which = QUEUES.iter().position(|queue| *queue == settings.name).unwrap();
                operators.sort_by_key(|o| o.profile.user);
                let last = self.last_rung[which];
                let behind = operators.iter().filter(|o| Some(o.profile.user) <= last).count();
                operators.rotate_left(behind);
            }
            Strategy::Linear | Strategy::RingAll | Strategy::Progressive => {
                operators.sort_by_key(|o| o.profile.extension.clone());
            }
        }
    }

    fn fail(&mut self, contact: ContactId, id: UserId, failure: OfferFailure, now: Instant) {
        let caller = self.callers.iter().find(|caller| caller.entry.contact == contact).unwrap();
        let many = matches!(self.settings(caller).strategy, Strategy::RingAll | Strategy::Progressive);
        let policy = if many { AfterNoAnswer::BackOfLine } else { self.policy };
        let operator = self.operator(id);
        if failure == OfferFailure::NoAnswer && policy == AfterNoAnswer::BackOfLine {
            operator.idle_since = now;
        } else {
            operator.wants_ready = false;
        }
    }

    /// Deadlines in the order the distributor names them: earliest first, then ring, wrap-up, language, skills, another
    /// phone, overflow.
    fn expire(&mut self, now: Instant) {
        loop {
            let of_operators = self.operators.iter().filter_map(|o| match o.doing {
                Doing::Ringing(_, at) => Some((at, 0, o.profile.user.0)),
                Doing::WrappingUp(_, at) => Some((at, 1, o.profile.user.0)),
                _ => None,
            });
            let relax_after = queue("city").relax_language_after;
            let of_callers = self
                .callers
                .iter()
                .flat_map(|caller| {
                    let relax_at = (!caller.relaxed).then_some(caller.since + relax_after);
                    [
                        (relax_at, 2),
                        (caller.relax_skills_at, 3),
                        (caller.another_at, 4),
                        (caller.overflow_at, 5),
                    ]
                    .map(|(at, kind)| Some((at?, kind, caller.entry.contact.0)))
                })
                .flatten();
            let due = of_operators.chain(of_callers).filter(|(at, ..)| *at <= now).min();
            match due {
                Some((_, 0, id)) => {
                    let Doing::Ringing(contact, _) = self.operator(UserId(id)).doing else { unreachable!() };
                    self.withdraw(UserId(id));
                    self.fail(contact, UserId(id), OfferFailure::NoAnswer, now);
                }
                Some((_, 1, id)) => self.operator(UserId(id)).doing = Doing::Nothing,
                Some((_, kind, id)) => self.expire_for_caller(kind, ContactId(id), now),
                None => return,
            }
            self.settle(now);
        }
    }

    fn expire_for_caller(&mut self, kind: u8, contact: ContactId, now: Instant) {
        let queues = self.queues.clone();
        let caller = self.callers.iter_mut().find(|caller| caller.entry.contact == contact).unwrap();
        let settings = queues.iter().find(|queue| queue.name == caller.entry.queue).unwrap();
        match kind {
            2 => caller.relaxed = true,
            3 => {
                caller.levels_spared += 1;
                let again = settings.relax_skills_every.filter(|_| caller.levels_spared < MAX_SKILL_LEVEL);
                caller.relax_skills_at = again.map(|every| now + every);
            }
            4 => (caller.phones, caller.another_at) = (caller.phones + 1, None),
            _ => (caller.overdue, caller.overflow_at) = (true, None),
        }
    }

    /// What every queue promises, whatever happened.
    fn check_promises(&self, context: &str) {
        let (mut talking, mut ringing) = (Vec::new(), Vec::new());
        for operator in &self.operators {
            match operator.doing {
                Doing::Ringing(contact, _) => {
                    let waits = self.callers.iter().any(|caller| caller.entry.contact == contact);
                    assert!(waits, "{context}: a phone rings for a caller who is gone");
                    ringing.push(contact);
                }
                Doing::Talking(contact) => talking.push(contact),
                Doing::Nothing | Doing::WrappingUp(..) => {}
            }
        }
        for (index, contact) in talking.iter().enumerate() {
            assert!(!talking[..index].contains(contact), "{context}: one call, two operators");
            assert!(!ringing.contains(contact), "{context}: a phone rings for a caller who talks");
        }
        assert!(
            !self
                .callers
                .iter()
                .any(|caller| caller.overdue && self.ringing_for(caller.entry.contact).is_empty())
        );
        assert_eq!(self.best_pair(), None, "{context}: a caller waits while a fitting operator is ready");
    }
}

impl ModelOperator {
    fn wrap_up(&mut self, contact: ContactId, now: Instant) {
        self.doing = Doing::WrappingUp(contact, now + queue("city").wrap_up);
        self.calls += 1;
        self.talked += now - self.talking_since;
        self.last_call_at = Some(now);
    }

    fn is_ready(&self) -> bool {
        self.registered && self.wants_ready && self.doing == Doing::Nothing
    }

    fn agrees_with(&self, status: &OperatorStatus) -> bool {
        match (self.doing, status) {
            (Doing::Ringing(a, _), OperatorStatus::Offered { contact: b })
            | (Doing::Talking(a), OperatorStatus::Talking { contact: b })
            | (Doing::WrappingUp(a, _), OperatorStatus::WrapUp { contact: b }) => a == *b,
            (Doing::Nothing, OperatorStatus::LoggedOut) => !self.registered,
            (Doing::Nothing, OperatorStatus::Ready) => self.registered && self.wants_ready,
            (Doing::Nothing, OperatorStatus::NotReady { .. }) => self.registered && !self.wants_ready,
            _ => false,
        }
    }
}

#[derive(Debug)]
enum Step {
    Registered(UserId),
    Unregistered(UserId),
    SetReady(UserId),
    SetNotReady(UserId),
    Enqueue(QueueEntry),
    Leave(ContactId),
    Answered(ContactId, UserId),
    Failed(ContactId, UserId, OfferFailure),
    Ended(ContactId, UserId),
    EndWrapUp(UserId),
    Wait(Duration),
    Reload(Box<[QueueSettings; 2]>),
}

/// The step on the model.
fn model_step(model: &mut Model, step: &Step, now: Instant) {
    match step {
        Step::Registered(id) => {
            if !model.operator(*id).registered {
                model_registered(model, *id, now);
            }
        }
        Step::Unregistered(id) => {
            if std::mem::take(&mut model.operator(*id).registered) {
                model.operator(*id).lost_at = Some(now);
            }
            model.withdraw(*id);
        }
        Step::SetReady(id) => {
            let operator = model.operator(*id);
            if operator.registered {
                operator.wants_ready = true;
                if let Doing::WrappingUp(..) = operator.doing {
                    operator.doing = Doing::Nothing;
                }
            }
        }
        Step::SetNotReady(id) => {
            if model.operator(*id).registered {
                model.operator(*id).wants_ready = false;
                model.withdraw(*id);
            }
        }
        Step::Enqueue(entry) => model_enqueue(model, entry, now),
        Step::Leave(contact) => {
            for operator in model.rung_in_order(*contact) {
                model.withdraw(operator);
            }
            model.callers.retain(|caller| caller.entry.contact != *contact);
        }
        Step::Answered(contact, id) => {
            if matches!(model.operator(*id).doing, Doing::Ringing(c, _) if c == *contact) {
                let operator = model.operator(*id);
                (operator.doing, operator.talking_since) = (Doing::Talking(*contact), now);
                for slower in model.rung_in_order(*contact) {
                    model.withdraw(slower);
                }
                model.callers.retain(|caller| caller.entry.contact != *contact);
            }
        }
        Step::Failed(contact, id, failure) => {
            if matches!(model.operator(*id).doing, Doing::Ringing(c, _) if c == *contact) {
                model.operator(*id).doing = Doing::Nothing;
                model.fail(*contact, *id, *failure, now);
            }
        }
        Step::Ended(contact, id) => {
            if model.operator(*id).doing == Doing::Talking(*contact) {
                model.operator(*id).wrap_up(*contact, now);
            }
        }
        Step::EndWrapUp(id) => {
            if let Doing::WrappingUp(..) = model.operator(*id).doing {
                model.operator(*id).doing = Doing::Nothing;
            }
        }
        Step::Wait(_) => model.expire(now),
        Step::Reload(queues) => model.queues = queues.to_vec(),
    }
    model.settle(now);
}

fn model_registered(model: &mut Model, id: UserId, now: Instant) {
    let operator = model.operator(id);
    let in_time = operator.lost_at.is_some_and(|at| now - at <= Duration::from_secs(60));
    operator.registered = true;
    operator.wants_ready &= in_time;
    if !in_time {
        let others = || model.operators.iter().filter(|o| o.registered && o.profile.user != id);
        let calls = others().map(|o| o.calls).min().unwrap_or(0);
        let talked = others().map(|o| o.talked).min().unwrap_or_default();
        let operator = model.operator(id);
        (operator.calls, operator.talked, operator.last_call_at) = (calls, talked, None);
    }
}

fn model_enqueue(model: &mut Model, entry: &QueueEntry, now: Instant) {
    let in_queue = model.callers.iter().filter(|caller| caller.entry.queue == entry.queue).count();
    let waits = model.callers.iter().any(|caller| caller.entry.contact == entry.contact);
    let capacity = if entry.urgent { 3 + 20 } else { 3 };
    if waits || in_queue >= capacity {
        return;
    }
    for operator in &mut model.operators {
        if operator.doing == Doing::Talking(entry.contact) {
            operator.wrap_up(entry.contact, now);
        }
    }
    // An operator who becomes free by it is offered calls before this one stands in the line.
    model.settle(now);
    let settings = model.queues.iter().find(|queue| queue.name == entry.queue).unwrap();
    model.callers.push(ModelCaller {
        entry: entry.clone(),
        since: now,
        counts_since: now - settings.head_start,
        relaxed: false,
        levels_spared: 0,
        relax_skills_at: settings
            .relax_skills_every
            .filter(|_| !settings.skills.is_empty())
            .map(|every| now + every),
        phones: 1,
        rung: vec![],
        another_at: None,
        overflow_at: settings.max_wait.filter(|_| !entry.urgent).map(|wait| now + wait),
        overdue: false,
    });
}

fn new_model(profiles: &[OperatorProfile], now: Instant) -> Model {
    let operators = profiles.iter().map(|profile| ModelOperator {
        profile: profile.clone(),
        registered: false,
        lost_at: None,
        wants_ready: false,
        doing: Doing::Nothing,
        idle_since: now,
        was_ready: false,
        talking_since: now,
        calls: 0,
        talked: Duration::ZERO,
        last_call_at: None,
    });
    Model {
        operators: operators.collect(),
        callers: vec![],
        queues: QUEUES.map(queue).to_vec(),
        last_rung: [None; 2],
        policy: AfterNoAnswer::NotReady,
        said: vec![],
    }
}
