//! A long random walk of the distributor beside a model that is plain lists: both must agree after every step, and
//! the promises of the queue are checked on the model. `RINGBACK_WALK_STEPS` and `RINGBACK_TEST_SEED` lengthen and
//! repeat it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::tests::{caller, contact, from_environment, profile, queue, start, user};
use super::*;

const OPERATORS: u128 = 6;
const CONTACTS: u128 = 14;
const DEFAULT_STEPS: u64 = 300_000;

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
}

#[derive(Debug)]
struct ModelCaller {
    entry: QueueEntry,
    since: Instant,
    relaxed: bool,
}

/// The rules in the plainest form: lists, searched from end to end.
struct Model {
    operators: Vec<ModelOperator>,
    /// In order of arrival.
    callers: Vec<ModelCaller>,
    policy: AfterNoAnswer,
    /// Offers and withdrawals of the step.
    said: Vec<Output>,
}

impl Model {
    fn operator(&mut self, id: UserId) -> &mut ModelOperator {
        self.operators.iter_mut().find(|operator| operator.profile.user == id).unwrap()
    }

    fn ringing_for(&self, contact: ContactId) -> Option<UserId> {
        let rings = |o: &&ModelOperator| matches!(o.doing, Doing::Ringing(c, _) if c == contact);
        self.operators.iter().find(rings).map(|operator| operator.profile.user)
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
            self.operator(id).doing = Doing::Ringing(contact, now + queue("city").ring_timeout);
            self.said.push(Output::Offer { contact, operator: id });
        }
    }

    fn best_pair(&self) -> Option<(ContactId, UserId)> {
        let mut callers: Vec<&ModelCaller> = self.callers.iter().collect();
        callers.sort_by_key(|caller| (!caller.entry.urgent, caller.since));
        for caller in callers {
            if self.ringing_for(caller.entry.contact).is_some() {
                continue;
            }
            let speaks = |o: &ModelOperator| o.profile.languages.contains(&caller.entry.language);
            let mut fit: Vec<&ModelOperator> = self
                .operators
                .iter()
                .filter(|o| o.is_ready() && o.profile.queues.contains(&caller.entry.queue))
                .filter(|o| caller.relaxed || speaks(o))
                .collect();
            fit.sort_by_key(|o| (!speaks(o), o.idle_since, o.profile.user));
            if let Some(operator) = fit.first() {
                return Some((caller.entry.contact, operator.profile.user));
            }
        }
        None
    }

    fn fail(&mut self, id: UserId, failure: OfferFailure, now: Instant) {
        let policy = self.policy;
        let operator = self.operator(id);
        if failure == OfferFailure::NoAnswer && policy == AfterNoAnswer::BackOfLine {
            operator.idle_since = now;
        } else {
            operator.wants_ready = false;
        }
    }

    /// Deadlines in the order the distributor names them: earliest first, then ring, wrap-up, language.
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
                .filter(|caller| !caller.relaxed)
                .map(|caller| (caller.since + relax_after, 2, caller.entry.contact.0));
            let due = of_operators.chain(of_callers).filter(|(at, ..)| *at <= now).min();
            match due {
                Some((_, 0, id)) => {
                    self.withdraw(UserId(id));
                    self.fail(UserId(id), OfferFailure::NoAnswer, now);
                }
                Some((_, 1, id)) => self.operator(UserId(id)).doing = Doing::Nothing,
                Some((_, _, id)) => {
                    self.callers.iter_mut().find(|caller| caller.entry.contact.0 == id).unwrap().relaxed =
                        true;
                }
                None => return,
            }
            self.settle(now);
        }
    }

    /// What every queue promises, whatever happened.
    fn check_promises(&self, context: &str) {
        let mut busy_with = Vec::new();
        for operator in &self.operators {
            match operator.doing {
                Doing::Ringing(contact, _) => {
                    let waits = self.callers.iter().any(|caller| caller.entry.contact == contact);
                    assert!(waits, "{context}: a phone rings for a caller who is gone");
                    busy_with.push(contact);
                }
                Doing::Talking(contact) => busy_with.push(contact),
                Doing::Nothing | Doing::WrappingUp(..) => {}
            }
        }
        let count = busy_with.len();
        busy_with.sort();
        busy_with.dedup();
        assert_eq!(busy_with.len(), count, "{context}: one call, two operators");
        assert_eq!(self.best_pair(), None, "{context}: a caller waits while a fitting operator is ready");
    }
}

impl ModelOperator {
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
    Reload,
}

fn random_step(rng: &mut StdRng, model: &Model) -> Step {
    let operator = user(rng.random_range(1..=OPERATORS));
    let stranger = contact(rng.random_range(1..=CONTACTS));
    // Mostly about the contact this operator really has, sometimes about another: races happen.
    let own = match model.operators.iter().find(|o| o.profile.user == operator).unwrap().doing {
        Doing::Ringing(contact, _) | Doing::Talking(contact) | Doing::WrappingUp(contact, _)
            if rng.random_range(0..8) > 0 =>
        {
            contact
        }
        _ => stranger,
    };
    match rng.random_range(0..100) {
        0..10 => Step::Registered(operator),
        10..13 => Step::Unregistered(operator),
        13..25 => Step::SetReady(operator),
        25..29 => Step::SetNotReady(operator),
        29..50 => {
            let queue = ["city", "water"][rng.random_range(0..2)];
            let language = [Language::Uk, Language::Pl, Language::He][rng.random_range(0..3)];
            let n = rng.random_range(1..=CONTACTS);
            Step::Enqueue(QueueEntry { urgent: rng.random_range(0..10) == 0, ..caller(n, queue, language) })
        }
        50..55 => Step::Leave(stranger),
        55..67 => Step::Answered(own, operator),
        67..71 => {
            let failures = [OfferFailure::NoAnswer, OfferFailure::Rejected, OfferFailure::Unreachable];
            Step::Failed(own, operator, failures[rng.random_range(0..3)])
        }
        71..81 => Step::Ended(own, operator),
        81..86 => Step::EndWrapUp(operator),
        86..87 => Step::Reload,
        _ => Step::Wait(Duration::from_millis(rng.random_range(0..40_000))),
    }
}

/// The step on the model.
fn model_step(model: &mut Model, step: &Step, now: Instant) {
    match step {
        Step::Registered(id) => {
            let operator = model.operator(*id);
            if !operator.registered {
                let in_time = operator.lost_at.is_some_and(|at| now - at <= Duration::from_secs(60));
                operator.registered = true;
                operator.wants_ready &= in_time;
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
            if let Some(operator) = model.ringing_for(*contact) {
                model.withdraw(operator);
            }
            model.callers.retain(|caller| caller.entry.contact != *contact);
        }
        Step::Answered(contact, id) => {
            if matches!(model.operator(*id).doing, Doing::Ringing(c, _) if c == *contact) {
                model.operator(*id).doing = Doing::Talking(*contact);
                model.callers.retain(|caller| caller.entry.contact != *contact);
            }
        }
        Step::Failed(contact, id, failure) => {
            if matches!(model.operator(*id).doing, Doing::Ringing(c, _) if c == *contact) {
                model.operator(*id).doing = Doing::Nothing;
                model.fail(*id, *failure, now);
            }
        }
        Step::Ended(contact, id) => {
            if model.operator(*id).doing == Doing::Talking(*contact) {
                model.operator(*id).doing = Doing::WrappingUp(*contact, now + queue("city").wrap_up);
            }
        }
        Step::EndWrapUp(id) => {
            if let Doing::WrappingUp(..) = model.operator(*id).doing {
                model.operator(*id).doing = Doing::Nothing;
            }
        }
        Step::Wait(_) => model.expire(now),
        Step::Reload => {}
    }
    model.settle(now);
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
            operator.doing = Doing::WrappingUp(entry.contact, now + queue("city").wrap_up);
        }
    }
    model.callers.push(ModelCaller { entry: entry.clone(), since: now, relaxed: false });
}

fn machine_step(acd: &mut Distributor, step: &Step, profiles: &[OperatorProfile], now: Instant) {
    match step {
        Step::Registered(id) => acd.handle_registered(*id, now),
        Step::Unregistered(id) => acd.handle_unregistered(*id, now),
        Step::SetReady(id) => drop(acd.set_ready(*id, now)),
        Step::SetNotReady(id) => drop(acd.set_not_ready(*id, "break", now)),
        Step::Enqueue(entry) => drop(acd.enqueue(entry.clone(), now)),
        Step::Leave(contact) => acd.leave(*contact, now),
        Step::Answered(contact, id) => drop(acd.offer_answered(*contact, *id, now)),
        Step::Failed(contact, id, failure) => acd.offer_failed(*contact, *id, *failure, now),
        Step::Ended(contact, id) => acd.call_ended(*contact, *id, now),
        Step::EndWrapUp(id) => drop(acd.end_wrap_up(*id, now)),
        Step::Wait(_) => acd.handle_timeout(now),
        Step::Reload => acd.configure(vec![queue("city"), queue("water")], profiles.to_vec(), now),
    }
}

#[test]
fn machine_and_model_agree_on_a_long_random_walk() {
    let seed = from_environment("RINGBACK_TEST_SEED", 20_261_121);
    let steps = from_environment("RINGBACK_WALK_STEPS", DEFAULT_STEPS);
    println!("walk: RINGBACK_TEST_SEED={seed} RINGBACK_WALK_STEPS={steps}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut now = start();
    let all = [Language::Uk, Language::Pl, Language::He];
    let profiles: Vec<OperatorProfile> = (1..=OPERATORS)
        .map(|n| {
            let spoken = &all[..1 + usize::try_from(n).unwrap() % 3];
            profile(n, spoken, if n % 2 == 0 { &["city", "water"] } else { &["city"] })
        })
        .collect();
    let mut acd = Distributor::new(vec![]);
    acd.configure(vec![queue("city"), queue("water")], profiles.clone(), now);
    let mut model = new_model(&profiles, now);
    for number in 0..steps {
        if number % 1_000 == 0 {
            let policy = if rng.random() { AfterNoAnswer::NotReady } else { AfterNoAnswer::BackOfLine };
            acd.set_after_no_answer(policy);
            model.policy = policy;
        }
        let step = random_step(&mut rng, &model);
        let context = format!("seed {seed}, step {number}, {step:?}");
        if let Step::Wait(time) = step {
            now += time;
        }
        model_step(&mut model, &step, now);
        machine_step(&mut acd, &step, &profiles, now);
        let said: Vec<Output> = std::iter::from_fn(|| acd.poll_output())
            .filter(|output| matches!(output, Output::Offer { .. } | Output::WithdrawOffer { .. }))
            .collect();
        assert_eq!(said, std::mem::take(&mut model.said), "{context}");
        for operator in &model.operators {
            let status = acd.status(operator.profile.user).unwrap();
            assert!(operator.agrees_with(status), "{context}: {operator:?} is {status:?}");
        }
        let waiting = acd.waiting("city").len() + acd.waiting("water").len();
        assert_eq!(waiting, model.callers.len(), "{context}");
        model.check_promises(&context);
    }
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
    });
    Model { operators: operators.collect(), callers: vec![], policy: AfterNoAnswer::NotReady, said: vec![] }
}
