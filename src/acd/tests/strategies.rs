//! Each strategy on operators with a history, several phones that ring at once, and skills that matter less with time.
//! How long callers wait is `waits`.

use super::*;

/// A queue "city" like this, and Ukrainian operators who serve it, all ready.
fn bench(settings: QueueSettings, operators: u128) -> Bench {
    let mut bench = Bench::ukrainian(operators);
    let profiles = (1..=operators).map(|n| profile(n, &[Language::Uk], &["city"])).collect();
    bench.acd.configure(vec![settings], profiles, bench.now);
    bench
}

fn by(strategy: Strategy) -> QueueSettings {
    QueueSettings { strategy, wrap_up: Duration::ZERO, ..queue("city") }
}

impl Bench {
    /// Whoever is rung first answers the call and ends it after `talk`.
    fn serve(&mut self, n: u128, talk: Duration) -> u128 {
        self.call(n);
        let rung = self.rung();
        assert!(self.acd.offer_answered(contact(n), user(rung), self.now));
        self.pass(talk);
        self.acd.call_ended(contact(n), user(rung), self.now);
        self.outputs();
        rung
    }

    /// The operator of the first offer.
    fn rung(&mut self) -> u128 {
        let offer = self.outputs().into_iter().find_map(|output| match output {
            Output::Offer { operator, .. } => Some(operator.0.as_u128()),
            _ => None,
        });
        offer.expect("somebody is rung")
    }
}

#[test]
fn each_strategy_chooses_by_its_own_measure() {
    for (strategy, expected) in [
        (Strategy::LongestIdle, 2),
        (Strategy::LeastRecent, 3),
        (Strategy::FewestCalls, 3),
        (Strategy::LeastTalkTime, 1),
        (Strategy::RoundRobin, 4),
        (Strategy::Linear, 1),
        (Strategy::RingAll, 1),
        (Strategy::Progressive, 1),
    ] {
        let mut bench = bench(by(Strategy::LongestIdle), 4);
        // One has had two short calls, the last one just now; two and four two long ones each; three a very long one,
        // longest ago.
        for (operator, talks) in [(3, &[900][..]), (1, &[10]), (4, &[300, 300]), (2, &[300, 300]), (1, &[10])]
        {
            for other in (1..=4).filter(|other| *other != operator) {
                bench.away(other);
            }
            bench.back(operator);
            for (n, secs) in talks.iter().enumerate() {
                assert_eq!(bench.serve(100 + n as u128, SECOND * *secs), operator);
            }
        }
        bench.away(1);
        for operator in [2, 4, 1, 3] {
            bench.back(operator);
            bench.pass(SECOND);
        }
        let profiles = (1..=4).map(|n| profile(n, &[Language::Uk], &["city"])).collect();
        bench.acd.configure(vec![by(strategy)], profiles, bench.now);
        if strategy == Strategy::RoundRobin {
            // The last one rung was the first: of the circle the second is next, whose phone is busy by name.
            bench.acd.call_by_name(contact(90), user(2), bench.now).unwrap();
            bench.away(3);
        }
        bench.call(1);
        assert_eq!(bench.rung(), expected, "{strategy:?}");
    }
}

#[test]
fn round_robin_goes_round_and_linear_stays_at_the_front() {
    let mut round = bench(by(Strategy::RoundRobin), 3);
    let order: Vec<u128> = (1..=6).map(|n| round.serve(n, SECOND)).collect();
    assert_eq!(order, [1, 2, 3, 1, 2, 3]);
    let mut linear = bench(by(Strategy::Linear), 3);
    let order: Vec<u128> = (1..=3).map(|n| linear.serve(n, SECOND)).collect();
    assert_eq!(order, [1, 1, 1]);
}

#[test]
fn random_leaves_nobody_out_and_favours_nobody() {
    let mut bench = bench(by(Strategy::Random), 4);
    let mut rung = [0_u32; 5];
    for n in 1..=2_000 {
        rung[usize::try_from(bench.serve(n, SECOND)).unwrap()] += 1;
    }
    assert!(rung[1..].iter().all(|times| (400..600).contains(times)), "{rung:?} of 2,000");
}

#[test]
fn who_signs_in_late_does_not_have_to_catch_up_with_the_day() {
    let mut bench = bench(by(Strategy::FewestCalls), 3);
    bench.acd.handle_unregistered(user(3), bench.now);
    for n in 1..=10 {
        bench.serve(n, SECOND);
    }
    bench.now += 120 * SECOND;
    bench.acd.handle_registered(user(3), bench.now);
    bench.back(3);
    let order: Vec<u128> = (11..=16).map(|n| bench.serve(n, SECOND)).collect();
    let taken = |operator| order.iter().filter(|rung| **rung == operator).count();
    assert_eq!([taken(1), taken(2), taken(3)], [2, 2, 2], "{order:?}");
}

#[test]
fn all_phones_ring_and_the_first_to_answer_has_the_call() {
    let mut bench = bench(by(Strategy::RingAll), 3);
    bench.call(1);
    bench.call(2);
    assert_eq!(bench.outputs(), [offer(1, 1), offer(1, 2), offer(1, 3)], "the first caller has them all");
    assert!(bench.acd.offer_answered(contact(1), user(2), bench.now));
    assert_eq!(bench.outputs(), [withdraw(1, 1), withdraw(1, 3), offer(2, 1), offer(2, 3)]);
    assert!(!bench.acd.offer_answered(contact(1), user(3), bench.now), "too late");
    assert_eq!(bench.status(3), OperatorStatus::Offered { contact: contact(2) });
    bench.acd.leave(contact(2), bench.now);
    assert_eq!(bench.outputs(), [withdraw(2, 1), withdraw(2, 3)]);
    assert_eq!(bench.status(1), OperatorStatus::Ready);
}

#[test]
fn letting_one_of_many_phones_ring_is_no_fault_but_rejecting_is() {
    let mut bench = bench(by(Strategy::RingAll), 2);
    bench.call(1);
    bench.outputs();
    bench.acd.offer_failed(contact(1), user(1), OfferFailure::Rejected, bench.now);
    assert_eq!(bench.status(1), not_ready("rejected"));
    bench.pass(20 * SECOND);
    assert_eq!(bench.outputs(), [withdraw(1, 2), offer(1, 2)], "rung again, for somebody still waits");
    assert!(bench.acd.offer_answered(contact(1), user(2), bench.now));
}

#[test]
fn phones_are_added_one_by_one_while_the_first_go_on_ringing() {
    let settings = QueueSettings { ring_timeout: 60 * SECOND, ..by(Strategy::Progressive) };
    let mut bench = bench(settings, 3);
    bench.call(1);
    assert_eq!(bench.outputs(), [offer(1, 1)]);
    bench.pass(5 * SECOND);
    assert_eq!(bench.outputs(), [offer(1, 2)]);
    bench.pass(5 * SECOND);
    assert_eq!(bench.outputs(), [offer(1, 3)]);
    assert!(bench.acd.offer_answered(contact(1), user(1), bench.now));
    assert_eq!(bench.outputs(), [withdraw(1, 2), withdraw(1, 3)]);
    bench.call(2);
    assert_eq!(bench.outputs(), [offer(2, 2)], "the next caller begins with one again");
}

#[test]
fn a_phone_that_is_rung_again_does_not_put_off_the_next() {
    let settings = QueueSettings {
        ring_timeout: 4 * SECOND,
        ring_another_after: 10 * SECOND,
        ..by(Strategy::Progressive)
    };
    let mut bench = bench(settings, 2);
    bench.call(1);
    for _ in 0..10 {
        bench.pass(SECOND);
    }
    assert!(bench.outputs().contains(&offer(1, 2)));
}

#[test]
fn skills_are_asked_for_less_and_less() {
    let mut settings = queue("city");
    settings.skills = [("water".to_owned(), 3), ("calm".to_owned(), 1)].into();
    settings.relax_skills_every = Some(60 * SECOND);
    let able = |n, skills: &[(&str, u8)]| OperatorProfile {
        skills: skills.iter().map(|(skill, level)| ((*skill).to_owned(), *level)).collect(),
        ..profile(n, &[Language::Uk], &["city"])
    };
    let profiles = vec![able(1, &[]), able(2, &[("water", 1)]), able(3, &[("water", 5), ("calm", 2)])];
    let mut bench = Bench::with(profiles.clone());
    bench.acd.configure(vec![settings], profiles, bench.now);
    bench.call(1);
    assert_eq!(bench.outputs(), [offer(1, 3)], "the only one who can");
    bench.acd.offer_answered(contact(1), user(3), bench.now);
    bench.call(2);
    bench.pass(60 * SECOND);
    assert!(!bench.outputs().iter().any(|output| matches!(output, Output::Offer { .. })), "water 2 is asked");
    bench.pass(60 * SECOND);
    assert_eq!(bench.rung(), 2, "water 1 is asked, and calm no more");
    bench.acd.offer_answered(contact(2), user(2), bench.now);
    bench.call(3);
    for _ in 0..2 {
        bench.pass(60 * SECOND);
    }
    assert!(!bench.outputs().iter().any(|output| matches!(output, Output::Offer { .. })));
    bench.pass(60 * SECOND);
    assert_eq!(bench.rung(), 1, "at last anybody will do");
}
