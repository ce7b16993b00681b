//! A long random walk of the distributor beside the model: both must agree after every step, and the promises of the
//! queue are checked on the model. Strategies, skills and limits change with each reload.
//! `RINGBACK_WALK_STEPS` and `RINGBACK_TEST_SEED` lengthen and repeat it.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::tests::{caller, contact, from_environment, profile, start, user};
use super::*;

const OPERATORS: u128 = 6;
const CONTACTS: u128 = 14;
const DEFAULT_STEPS: u64 = 1_000_000;

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
        86..87 => Step::Reload(Box::new(QUEUES.map(|name| random_settings(rng, name)))),
        _ => Step::Wait(Duration::from_millis(rng.random_range(0..40_000))),
    }
}

/// Any settings but the one strategy that nobody can foretell.
fn random_settings(rng: &mut StdRng, name: &str) -> QueueSettings {
    use Strategy::*;
    let strategies =
        [LongestIdle, LeastRecent, FewestCalls, LeastTalkTime, RoundRobin, Linear, RingAll, Progressive];
    let secs = |rng: &mut StdRng, from, to| Duration::from_secs(rng.random_range(from..to));
    let skills = [("water", 3), ("calm", 1)].map(|(skill, level)| (skill.to_owned(), level));
    QueueSettings {
        strategy: strategies[rng.random_range(0..strategies.len())],
        head_start: secs(rng, 0, 2) * 60,
        skills: skills.into_iter().take(rng.random_range(0..3)).collect(),
        relax_skills_every: rng.random::<bool>().then(|| secs(rng, 20, 60)),
        max_wait: rng.random::<bool>().then(|| secs(rng, 30, 200)),
        ..queue(name)
    }
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
        Step::Reload(queues) => acd.configure(queues.to_vec(), profiles.to_vec(), now),
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
            let skills =
                [("water", n % 4), ("calm", n % 2)].map(|(skill, level)| (skill.to_owned(), level as u8));
            OperatorProfile {
                skills: skills.into(),
                ..profile(n, spoken, if n % 2 == 0 { &["city", "water"] } else { &["city"] })
            }
        })
        .collect();
    let mut acd = Distributor::new(vec![]);
    acd.configure(vec![queue("city"), queue("water")], profiles.clone(), now);
    let mut model = new_model(&profiles, now);
    let (mut offers, mut overflows, mut rang_many) = (0_u64, 0_u64, 0_u64);
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
            .filter(|output| {
                matches!(
                    output,
                    Output::Offer { .. } | Output::WithdrawOffer { .. } | Output::Overflow { .. }
                )
            })
            .collect();
        assert_eq!(said, std::mem::take(&mut model.said), "{context}");
        offers += said.iter().filter(|output| matches!(output, Output::Offer { .. })).count() as u64;
        overflows += said.iter().filter(|output| matches!(output, Output::Overflow { .. })).count() as u64;
        rang_many += model.callers.iter().filter(|caller| caller.rung.len() > 2).count() as u64;
        for operator in &model.operators {
            let status = acd.status(operator.profile.user).unwrap();
            assert!(operator.agrees_with(status), "{context}: {operator:?} is {status:?}");
        }
        let waiting = acd.waiting("city").len() + acd.waiting("water").len();
        assert_eq!(waiting, model.callers.len(), "{context}");
        model.check_promises(&context);
    }
    println!("walk: {offers} offers, {overflows} overflows, {rang_many} times more than two phones rang");
    assert!(offers > steps / 10 && overflows > steps / 500 && rang_many > steps / 100, "the walk was varied");
}
