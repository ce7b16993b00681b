//! The distributor's rules, one by one, on a bench of operators and a clock that the test moves.
//! What they add up to over a long time is `model/walk`.

#![allow(clippy::unwrap_used, clippy::panic)]

mod strategies;
mod waits;

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Some moment; only differences to it matter.
pub(super) fn start() -> Instant {
    crate::time::now().mono
}

pub(super) fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub(super) fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

pub(super) fn contact(n: u128) -> ContactId {
    ContactId(Uuid::from_u128(1_000 + n))
}

pub(super) fn queue(name: &str) -> QueueSettings {
    QueueSettings {
        name: name.to_owned(),
        strategy: Strategy::LongestIdle,
        ring_another_after: 5 * SECOND,
        head_start: Duration::ZERO,
        capacity: 3,
        ring_timeout: 20 * SECOND,
        wrap_up: 30 * SECOND,
        announce_every: 45 * SECOND,
        relax_language_after: 120 * SECOND,
        skills: BTreeMap::new(),
        relax_skills_every: None,
        max_wait: None,
        max_expected_wait: None,
        surge: SurgeLimits::default(),
    }
}

pub(super) fn profile(n: u128, languages: &[Language], queues: &[&str]) -> OperatorProfile {
    OperatorProfile {
        user: user(n),
        name: format!("Operator {n}"),
        extension: format!("{}", 100 + n),
        languages: languages.to_vec(),
        queues: queues.iter().map(|queue| (*queue).to_owned()).collect(),
        skills: BTreeMap::new(),
    }
}

pub(super) fn caller(n: u128, queue: &str, language: Language) -> QueueEntry {
    QueueEntry { contact: contact(n), queue: queue.to_owned(), language, urgent: false }
}

/// A distributor, its clock, and what it asked for besides status changes.
struct Bench {
    acd: Distributor,
    now: Instant,
}

impl Bench {
    /// Operators 1.. of the profiles, all ready, one second of idle time apart.
    fn with(profiles: Vec<OperatorProfile>) -> Self {
        let now = start();
        let mut acd = Distributor::new(vec![]);
        let users: Vec<UserId> = profiles.iter().map(|profile| profile.user).collect();
        acd.configure(vec![queue("city"), queue("water")], profiles, now);
        let mut bench = Self { acd, now };
        for user in users {
            bench.acd.handle_registered(user, bench.now);
            bench.acd.set_ready(user, bench.now).unwrap();
            bench.pass(SECOND);
        }
        bench.outputs();
        bench
    }

    fn ukrainian(count: u128) -> Self {
        Self::with((1..=count).map(|n| profile(n, &[Language::Uk], &["city"])).collect())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.acd.handle_timeout(self.now);
    }

    fn call(&mut self, n: u128) -> Enqueued {
        self.acd.enqueue(caller(n, "city", Language::Uk), self.now)
    }

    fn away(&mut self, n: u128) {
        self.acd.set_not_ready(user(n), "break", self.now).unwrap();
    }

    fn back(&mut self, n: u128) {
        self.acd.set_ready(user(n), self.now).unwrap();
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.acd.poll_output())
            .filter(|output| !matches!(output, Output::StatusChanged { .. }))
            .collect()
    }

    fn status(&self, n: u128) -> OperatorStatus {
        self.acd.status(user(n)).unwrap().clone()
    }
}

fn offer(c: u128, o: u128) -> Output {
    Output::Offer { contact: contact(c), operator: user(o) }
}

fn withdraw(c: u128, o: u128) -> Output {
    Output::WithdrawOffer { contact: contact(c), operator: user(o) }
}

fn not_ready(reason: &str) -> OperatorStatus {
    OperatorStatus::NotReady { reason: reason.to_owned() }
}

#[test]
fn the_longest_idle_operator_gets_the_call_and_wraps_up() {
    let mut bench = Bench::ukrainian(2);
    bench.call(1);
    assert_eq!(bench.outputs(), [offer(1, 1)]);
    assert!(bench.acd.offer_answered(contact(1), user(1), bench.now));
    assert_eq!(bench.status(1), OperatorStatus::Talking { contact: contact(1) });
    bench.acd.call_ended(contact(1), user(1), bench.now);
    assert_eq!(bench.status(1), OperatorStatus::WrapUp { contact: contact(1) });
    bench.pass(30 * SECOND);
    assert_eq!(bench.outputs(), [Output::WrapUpEnded { contact: contact(1), operator: user(1) }]);
    // Operator 2 has now been idle longer.
    bench.call(2);
    assert_eq!(bench.outputs(), [offer(2, 2)]);
}

#[test]
fn the_longest_waiting_caller_is_served_first_and_urgent_ones_before_all() {
    let mut bench = Bench::ukrainian(1);
    bench.acd.set_not_ready(user(1), "break", bench.now).unwrap();
    for n in [1, 2] {
        bench.call(n);
        bench.pass(SECOND);
    }
    let urgent = QueueEntry { urgent: true, ..caller(3, "city", Language::Uk) };
    bench.acd.enqueue(urgent, bench.now);
    let order: Vec<ContactId> = bench.acd.waiting("city").iter().map(|(entry, _)| entry.contact).collect();
    assert_eq!(order, [contact(3), contact(1), contact(2)]);
    bench.acd.set_ready(user(1), bench.now).unwrap();
    assert_eq!(bench.outputs(), [offer(3, 1)]);
}

#[test]
fn language_and_queue_decide_who_may_answer_until_any_language_will_do() {
    let mut bench = Bench::with(vec![
        profile(1, &[Language::Uk], &["city"]),
        profile(2, &[Language::Pl], &["water"]),
        profile(3, &[Language::Uk, Language::Pl], &["city"]),
    ]);
    bench.acd.enqueue(caller(1, "city", Language::Pl), bench.now);
    assert_eq!(bench.outputs(), [offer(1, 3)], "1 does not speak Polish, 2 does not serve the queue");
    bench.acd.enqueue(caller(2, "city", Language::Pl), bench.now);
    assert_eq!(bench.outputs(), []);
    assert!(bench.acd.offer_answered(contact(1), user(3), bench.now));
    bench.pass(119 * SECOND);
    assert!(!bench.outputs().contains(&offer(2, 1)));
    bench.pass(SECOND);
    assert_eq!(bench.outputs(), [offer(2, 1)]);
}

#[test]
fn a_relaxed_caller_still_prefers_a_speaker_of_the_language() {
    let mut bench =
        Bench::with(vec![profile(1, &[Language::Uk], &["city"]), profile(2, &[Language::He], &["city"])]);
    let mut settings = queue("city");
    settings.relax_language_after = Duration::ZERO;
    let profiles = vec![profile(1, &[Language::Uk], &["city"]), profile(2, &[Language::He], &["city"])];
    bench.acd.configure(vec![settings], profiles, bench.now);
    bench.acd.enqueue(caller(1, "city", Language::He), bench.now);
    assert_eq!(bench.outputs(), [offer(1, 2)], "operator 1 is idle longer but speaks no Hebrew");
}

#[test]
fn no_answer_goes_to_the_next_operator() {
    let mut bench = Bench::ukrainian(2);
    bench.call(1);
    bench.pass(20 * SECOND);
    assert_eq!(bench.outputs(), [offer(1, 1), withdraw(1, 1), offer(1, 2)]);
    assert_eq!(bench.status(1), not_ready("no_answer"));
    assert!(
        !bench.acd.offer_answered(contact(1), user(1), bench.now),
        "the late answer finds no reservation"
    );
    assert!(bench.acd.offer_answered(contact(1), user(2), bench.now));
}

#[test]
fn no_answer_may_put_the_operator_at_the_back_instead() {
    let mut bench = Bench::ukrainian(2);
    bench.acd.set_after_no_answer(AfterNoAnswer::BackOfLine);
    bench.call(1);
    bench.pass(20 * SECOND);
    bench.pass(20 * SECOND);
    assert_eq!(
        bench.outputs(),
        [offer(1, 1), withdraw(1, 1), offer(1, 2), withdraw(1, 2), offer(1, 1)],
        "both stay ready and take turns"
    );
}

#[test]
fn a_refused_or_unreachable_phone_is_not_rung_again_for_ever() {
    for (failure, reason) in
        [(OfferFailure::Rejected, "rejected"), (OfferFailure::Unreachable, "unreachable")]
    {
        let mut bench = Bench::ukrainian(1);
        bench.acd.set_after_no_answer(AfterNoAnswer::BackOfLine);
        bench.call(1);
        bench.acd.offer_failed(contact(1), user(1), failure, bench.now);
        assert_eq!(bench.outputs(), [offer(1, 1)]);
        assert_eq!(bench.status(1), not_ready(reason));
        assert_eq!(bench.acd.waiting("city").len(), 1, "the caller keeps waiting");
    }
}

#[test]
fn a_caller_who_leaves_stops_the_ringing_and_costs_the_operator_nothing() {
    let mut bench = Bench::ukrainian(2);
    bench.call(1);
    bench.acd.leave(contact(1), bench.now);
    assert_eq!(bench.outputs(), [offer(1, 1), withdraw(1, 1)]);
    assert!(!bench.acd.offer_answered(contact(1), user(1), bench.now));
    bench.call(2);
    assert_eq!(bench.outputs(), [offer(2, 1)], "still the longest idle");
}

#[test]
fn a_full_queue_refuses_but_keeps_room_for_urgent_callers() {
    let mut bench = Bench::ukrainian(0);
    for n in 1..=3 {
        assert_eq!(bench.call(n), Enqueued::Waiting);
    }
    assert_eq!(bench.call(4), Enqueued::Full);
    assert_eq!(bench.call(1), Enqueued::Waiting, "who waits already keeps the place");
    let urgent = |n| QueueEntry { urgent: true, ..caller(n, "city", Language::Uk) };
    for n in 10..30 {
        assert_eq!(bench.acd.enqueue(urgent(n), bench.now), Enqueued::Waiting);
    }
    assert_eq!(bench.acd.enqueue(urgent(30), bench.now), Enqueued::Full);
    assert_eq!(bench.acd.enqueue(caller(5, "nowhere", Language::Uk), bench.now), Enqueued::Unknown);
}

#[test]
fn positions_are_told_in_turn_but_not_while_a_phone_rings() {
    let mut bench = Bench::ukrainian(1);
    for n in 1..=3 {
        bench.call(n);
    }
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    bench.outputs();
    bench.pass(45 * SECOND);
    assert_eq!(
        bench.outputs(),
        [2, 3].map(|n| Output::AnnouncePosition {
            contact: contact(n),
            position: usize::try_from(n).unwrap() - 1,
            expected_wait: None,
        })
    );
    bench.acd.call_ended(contact(1), user(1), bench.now);
    bench.acd.end_wrap_up(user(1), bench.now).unwrap();
    bench.outputs();
    bench.now += 45 * SECOND;
    bench.acd.offer_answered(contact(2), user(1), bench.now);
    bench.acd.handle_timeout(bench.now);
    assert_eq!(
        bench.outputs(),
        [Output::AnnouncePosition { contact: contact(3), position: 1, expected_wait: Some(45 * SECOND) }]
    );
}

#[test]
fn a_lost_phone_leaves_routing_and_returns_as_it_was_within_a_minute() {
    let mut bench = Bench::ukrainian(2);
    bench.call(1);
    bench.acd.handle_unregistered(user(1), bench.now);
    assert_eq!(bench.outputs(), [offer(1, 1), withdraw(1, 1), offer(1, 2)]);
    assert_eq!(bench.status(1), OperatorStatus::LoggedOut);
    assert_eq!(bench.acd.set_ready(user(1), bench.now), Err(OperatorError::NotRegistered));
    bench.now += 60 * SECOND;
    bench.acd.handle_registered(user(1), bench.now);
    assert_eq!(bench.status(1), OperatorStatus::Ready);
    bench.acd.handle_unregistered(user(1), bench.now);
    bench.now += 61 * SECOND;
    bench.acd.handle_registered(user(1), bench.now);
    assert_eq!(bench.status(1), not_ready("signed_in"));
}

#[test]
fn a_call_outlives_the_phones_registration() {
    let mut bench = Bench::ukrainian(1);
    bench.call(1);
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    bench.acd.handle_unregistered(user(1), bench.now);
    assert_eq!(bench.status(1), OperatorStatus::Talking { contact: contact(1) });
    bench.acd.call_ended(contact(1), user(1), bench.now);
    bench.pass(30 * SECOND);
    assert_eq!(bench.status(1), OperatorStatus::LoggedOut);
}

#[test]
fn wishes_during_a_call_take_effect_after_wrap_up() {
    let mut bench = Bench::ukrainian(1);
    bench.call(1);
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    bench.acd.set_not_ready(user(1), "lunch", bench.now).unwrap();
    assert_eq!(bench.acd.end_wrap_up(user(1), bench.now), Err(OperatorError::Busy));
    bench.acd.call_ended(contact(1), user(1), bench.now);
    bench.acd.end_wrap_up(user(1), bench.now).unwrap();
    assert_eq!(bench.status(1), not_ready("lunch"));
    assert_eq!(bench.acd.set_ready(user(9), bench.now), Err(OperatorError::Unknown));
}

#[test]
fn not_ready_while_ringing_frees_the_caller_for_the_next() {
    let mut bench = Bench::ukrainian(2);
    bench.call(1);
    bench.acd.set_not_ready(user(1), &"x".repeat(500), bench.now).unwrap();
    assert_eq!(bench.outputs(), [offer(1, 1), withdraw(1, 1), offer(1, 2)]);
    assert_eq!(bench.status(1), not_ready(&"x".repeat(64)));
}

#[test]
fn a_reload_keeps_calls_and_serves_callers_of_a_queue_that_is_gone() {
    let mut bench = Bench::ukrainian(1);
    for n in [1, 2] {
        bench.call(n);
    }
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    bench.outputs();
    // Neither the queue nor the operator is in the new configuration; a new operator serves "water".
    bench.acd.configure(vec![queue("water")], vec![profile(2, &[Language::Uk], &["water"])], bench.now);
    assert_eq!(bench.status(1), OperatorStatus::Talking { contact: contact(1) });
    assert_eq!(bench.call(3), Enqueued::Unknown);
    bench.acd.handle_registered(user(2), bench.now);
    bench.acd.set_ready(user(2), bench.now).unwrap();
    assert_eq!(bench.outputs(), [offer(2, 2)]);
    bench.acd.call_ended(contact(1), user(1), bench.now);
    bench.acd.end_wrap_up(user(1), bench.now).unwrap();
    assert_eq!(bench.acd.status(user(1)), None, "the operator who is gone finished the call and left");
}

#[test]
fn an_operator_called_by_name_is_nobody_elses() {
    let mut bench = Bench::ukrainian(1);
    assert_eq!(bench.acd.call_by_name(contact(9), user(1), bench.now), Ok(()));
    assert_eq!(bench.status(1), OperatorStatus::Offered { contact: contact(9) });
    assert_eq!(bench.acd.call_by_name(contact(8), user(1), bench.now), Err(OperatorError::Busy));
    bench.call(1);
    assert_eq!(bench.outputs(), [], "the caller waits while the operator is rung by name");
    assert!(!bench.acd.offer_answered(contact(9), user(1), bench.now), "this was no offer from the line");
    assert!(bench.acd.call_by_name_answered(contact(9), user(1), Some("city"), bench.now));
    assert_eq!(bench.status(1), OperatorStatus::Talking { contact: contact(9) });
    bench.acd.call_ended(contact(9), user(1), bench.now);
    assert_eq!(bench.status(1), OperatorStatus::WrapUp { contact: contact(9) });
    assert_eq!(bench.acd.call_by_name(contact(8), user(1), bench.now), Err(OperatorError::Busy));
    bench.pass(30 * SECOND);
    assert_eq!(bench.outputs().last(), Some(&offer(1, 1)));
}

#[test]
fn who_does_not_answer_by_name_keeps_their_readiness() {
    let mut bench = Bench::ukrainian(1);
    bench.acd.call_by_name(contact(9), user(1), bench.now).unwrap();
    bench.acd.call_by_name_failed(contact(9), user(1), bench.now);
    assert_eq!(bench.status(1), OperatorStatus::Ready);
    // Not ready is no reason not to be asked by a colleague.
    bench.acd.set_not_ready(user(1), "break", bench.now).unwrap();
    assert_eq!(bench.acd.can_be_called(user(1)), Ok(()));
    bench.acd.handle_unregistered(user(1), bench.now);
    assert_eq!(bench.acd.can_be_called(user(1)), Err(OperatorError::NotRegistered));
    assert_eq!(bench.acd.can_be_called(user(7)), Err(OperatorError::Unknown));
}

#[test]
fn who_asks_a_colleague_is_not_offered_calls_and_the_colleague_may_take_over() {
    let mut bench = Bench::ukrainian(2);
    bench.call(1);
    assert_eq!(bench.outputs(), [offer(1, 1)]);
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    // Beside the citizen's call, whose status stands.
    bench.acd.aside_began(contact(9), user(1), bench.now);
    assert_eq!(bench.status(1), OperatorStatus::Talking { contact: contact(1) });
    bench.acd.call_by_name(contact(9), user(2), bench.now).unwrap();
    bench.acd.call_by_name_answered(contact(9), user(2), None, bench.now);
    bench.acd.call_ended(contact(1), user(1), bench.now);
    bench.acd.end_wrap_up(user(1), bench.now).unwrap();
    assert_eq!(bench.status(1), OperatorStatus::Talking { contact: contact(9) }, "the aside goes on alone");
    bench.call(2);
    assert!(!bench.outputs().contains(&offer(2, 1)));
    bench.acd.talk_moved(contact(9), contact(1), user(2), Some("city"), bench.now);
    bench.acd.aside_ended(contact(9), user(1), bench.now);
    assert_eq!(bench.status(2), OperatorStatus::Talking { contact: contact(1) });
    assert_eq!(bench.outputs(), [offer(2, 1)], "free again");
    bench.acd.call_ended(contact(1), user(2), bench.now);
    assert_eq!(bench.status(2), OperatorStatus::WrapUp { contact: contact(1) }, "with the queue's wrap-up");
}

#[test]
fn a_caller_enqueued_again_leaves_the_operator() {
    let mut bench = Bench::ukrainian(2);
    bench.call(1);
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    bench.call(1);
    assert_eq!(bench.status(1), OperatorStatus::WrapUp { contact: contact(1) });
    assert_eq!(bench.status(2), OperatorStatus::Offered { contact: contact(1) });
}

#[test]
fn no_deadline_is_left_when_nothing_goes_on() {
    let mut bench = Bench::ukrainian(1);
    bench.call(1);
    assert!(bench.acd.poll_timeout().is_some());
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    bench.acd.call_ended(contact(1), user(1), bench.now);
    bench.acd.end_wrap_up(user(1), bench.now).unwrap();
    assert_eq!(bench.acd.poll_timeout(), None);
}

#[test]
fn a_restart_leaves_operators_as_they_were_if_it_is_short() {
    let mut before = Bench::ukrainian(3);
    before.away(2);
    before.call(1);
    let standing: Vec<(UserId, Option<String>)> =
        before.acd.standing().map(|(user, reason)| (user, reason.map(str::to_owned))).collect();
    assert_eq!(standing, [(user(2), Some("break".to_owned())), (user(3), None)], "1 has a call");
    let status_after = |pause: Duration| {
        let now = start() + pause;
        let mut acd = Distributor::new(vec![queue("city")]);
        acd.configure(
            vec![queue("city")],
            (1..=3).map(|n| profile(n, &[Language::Uk], &["city"])).collect(),
            now,
        );
        for (user, reason) in &standing {
            acd.restore(*user, reason.as_deref(), now - pause);
        }
        assert_eq!(acd.status(user(3)), Some(&OperatorStatus::LoggedOut), "not before the phone is there");
        (1..=3).for_each(|n| acd.handle_registered(user(n), now));
        [1, 2, 3].map(|n| acd.status(user(n)).unwrap().clone())
    };
    let signed_in = || not_ready("signed_in");
    assert_eq!(status_after(SECOND * 5), [signed_in(), not_ready("break"), OperatorStatus::Ready]);
    assert_eq!(status_after(SECOND * 120), [signed_in(), signed_in(), signed_in()]);
}
