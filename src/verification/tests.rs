//! Applicants asked on a paper clock: hours of quiet, attempts spread over days, one call at a time to one number, and
//! random histories in which the store lags behind, the program is killed, people say "no more" and control interferes.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Timelike as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::time::Now;

const MINUTE: Duration = Duration::from_secs(60);

fn id(n: u128) -> ContactId {
    ContactId(uuid::Uuid::from_u128(n))
}

/// From nine to eight in Kyiv on working days, three times on two days, an hour in between.
fn policy() -> Policy {
    let hours = Calendar::weekly(
        "Europe/Kyiv",
        "Mon-Fri".parse().unwrap(),
        "09:00-20:00".parse().unwrap(),
        Default::default(),
    );
    Policy {
        hours: hours.unwrap(),
        attempts: 3,
        on_days: 2,
        retry_busy: 10 * MINUTE,
        retry_after: 60 * MINUTE,
        between_cases: 15 * MINUTE,
        at_once: 2,
    }
}

fn list() -> Verifications {
    let mut list = Verifications::default();
    list.configure(Some(policy()), noon());
    list
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_utc(chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc())
}

/// A Friday.
fn noon() -> Now {
    Now { mono: crate::time::now().mono, utc: at("2026-11-20T12:00:00+02:00") }
}

fn inquiry(n: u32, number: &str) -> Inquiry {
    Inquiry {
        recipient: Recipient { case: CaseNumber(format!("2026-01-{n:06}")), whom: None },
        restored: false,
        since: at("2026-11-20T10:00:00+02:00").plus(Duration::from_secs(u64::from(n))),
        language: Language::Uk,
        topic: None,
        number: diallable(Some(&PhoneNumber::from_user_part(number))),
        attempts: Vec::new(),
        refuses_calls: false,
        given_up: false,
        answered: false,
    }
}

fn take(list: &mut Verifications, now: Now, token: u128) -> Option<Inquiry> {
    list.take_due(now, || id(token)).map(|(_, inquiry)| inquiry)
}

fn tried(inquiry: Inquiry, attempts: &[(&str, Outcome)]) -> Inquiry {
    let made = attempts.iter().zip(900..);
    let attempts = made
        .map(|((when, outcome), n)| Attempt {
            contact: id(n),
            at: at(when),
            outcome: Some(*outcome),
            ended_at: None,
        })
        .collect();
    Inquiry { attempts, ..inquiry }
}

#[test]
fn attempts_rest_and_are_spread_over_the_days() {
    let next = |attempts: &[(&str, Outcome)]| {
        next_attempt(&policy(), &tried(inquiry(1, "+380501112233"), attempts), noon().utc)
    };
    let first = ("2026-11-20T11:55:00+02:00", Outcome::NoAnswer);
    let second = ("2026-11-20T12:00:00+02:00", Outcome::Busy);
    assert_eq!(next(&[]), Some(noon().utc));
    assert_eq!(next(&[first]), Some(at("2026-11-20T12:55:00+02:00")), "the same day, after a rest");
    assert_eq!(
        next(&[("2026-11-20T11:55:00+02:00", Outcome::Busy)]),
        Some(at("2026-11-20T12:05:00+02:00")),
        "a busy line is free soon"
    );
    assert_eq!(next(&[first, second]), Some(at("2026-11-23T09:00:00+02:00")), "the last one on another day");
    assert_eq!(
        next(&[("2026-11-20T11:55:00+02:00", Outcome::Operator)]),
        Some(at("2026-11-23T09:00:00+02:00")),
        "the operator may have settled it"
    );
    let third = ("2026-11-23T09:00:00+02:00", Outcome::Silent);
    assert_eq!(next(&[first, second, third]), None);
    assert_eq!(next(&[("2026-11-20T11:55:00+02:00", Outcome::Confirmed)]), None);
}

#[test]
fn late_in_the_evening_waits_for_the_morning() {
    let late = Now { utc: at("2026-11-20T20:00:00+02:00"), ..noon() };
    let mut list = list();
    list.know(vec![inquiry(1, "+380501112233")], late);
    assert_eq!(take(&mut list, late, 1), None);
    assert_eq!(list.poll_timeout(), Some(late.mono + 60 * MINUTE), "looked at again at the latest then");
    assert_eq!(list.next(inquiry(1, "").case()), Some(at("2026-11-23T09:00:00+02:00")));
    assert_eq!(list.ring_now(inquiry(1, "").case(), late), Err(NotAsked::OutsideHours));
    let morning = Now { utc: at("2026-11-23T09:00:00+02:00"), mono: late.mono + 3_661 * MINUTE };
    assert!(take(&mut list, morning, 1).is_some());
}

#[test]
fn whose_work_was_done_first_is_asked_first_and_so_many_at_once() {
    let mut list = list();
    let now = noon();
    list.know((1..=4).rev().map(|n| inquiry(n, &format!("+38050111220{n}"))).collect(), now);
    assert_eq!(take(&mut list, now, 1).unwrap().case(), inquiry(1, "").case());
    assert_eq!(take(&mut list, now, 2).unwrap().case(), inquiry(2, "").case());
    assert_eq!(take(&mut list, now, 3), None, "two at once");
    list.note(id(1), Outcome::NoAnswer, now);
    list.end(id(1), now);
    assert_eq!(take(&mut list, now, 3).unwrap().case(), inquiry(3, "").case());
}

#[test]
fn two_cases_of_one_number_are_asked_about_one_after_the_other() {
    let mut list = list();
    let now = noon();
    list.know(vec![inquiry(1, "+380501112233"), inquiry(2, "+380501112233")], now);
    assert!(take(&mut list, now, 1).is_some());
    assert_eq!(take(&mut list, now, 2), None, "the number is rung");
    assert_eq!(list.ring_now(inquiry(2, "").case(), now), Err(NotAsked::LineBusy));
    list.note(id(1), Outcome::Confirmed, now);
    list.end(id(1), now);
    assert_eq!(take(&mut list, now, 2), None, "and is left in peace for a quarter of an hour");
    assert_eq!(list.poll_timeout(), Some(now.mono + 15 * MINUTE));
    let later = now.plus(15 * MINUTE);
    assert_eq!(take(&mut list, later, 2).unwrap().case(), inquiry(2, "").case());
}

#[test]
fn an_answer_is_not_forgotten_while_the_store_does_not_know_it_yet() {
    let mut list = list();
    let now = noon();
    list.know(vec![inquiry(1, "+380501112233")], now);
    take(&mut list, now, 1).unwrap();
    list.note(id(1), Outcome::Refuted, now);
    list.end(id(1), now);
    let later = now.plus(120 * MINUTE);
    list.know(vec![inquiry(1, "+380501112233")], later);
    assert_eq!(take(&mut list, later, 2), None);
    let again = Inquiry { since: later.utc, ..inquiry(1, "+380501112233") };
    list.know(vec![again.clone()], later);
    assert_eq!(take(&mut list, later, 3).unwrap().since, later.utc, "done again, asked again");
}

#[test]
fn no_more_calls_holds_for_every_case_of_the_number_until_it_is_taken_back() {
    let mut list = list();
    let now = noon();
    let number = PhoneNumber::from_user_part("+380501112233");
    list.know(vec![inquiry(1, "+380501112233"), inquiry(2, "+380501112233")], now);
    take(&mut list, now, 1).unwrap();
    list.note(id(1), Outcome::NoMoreCalls, now);
    list.end(id(1), now);
    let later = now.plus(120 * MINUTE);
    list.know(vec![inquiry(2, "+380501112233")], later);
    assert_eq!(take(&mut list, later, 2), None);
    assert_eq!(list.ring_now(inquiry(2, "").case(), later), Err(NotAsked::NoMoreCalls));
    list.allow_calls(&number, later);
    assert!(take(&mut list, later, 2).is_some());
}

#[test]
fn nobody_is_rung_who_cannot_be() {
    for number in ["", "anonymous", "web-4711", "12", "+3805011122334455", "+", "*71"] {
        let mut list = list();
        list.know(vec![inquiry(1, number)], noon());
        assert_eq!(take(&mut list, noon(), 1), None, "{number}");
        assert_eq!(list.ring_now(inquiry(1, "").case(), noon()), Err(NotAsked::NoNumber), "{number}");
    }
}

#[test]
fn without_a_line_nobody_is_rung_for_a_moment_and_no_attempt_is_lost() {
    let mut list = list();
    let now = noon();
    list.know(vec![inquiry(1, "+380501112233")], now);
    take(&mut list, now, 1).unwrap();
    list.postpone(id(1), now);
    assert_eq!(take(&mut list, now, 2), None);
    let later = now.plus(Duration::from_secs(5));
    assert_eq!(list.poll_timeout(), Some(later.mono));
    assert_eq!(take(&mut list, later, 3).unwrap().attempts.len(), 1);
}

#[test]
fn control_rings_at_once_or_gives_up() {
    let mut list = list();
    let now = noon();
    let case = inquiry(1, "").recipient.case;
    list.know(vec![inquiry(1, "+380501112233")], now);
    take(&mut list, now, 1).unwrap();
    assert_eq!(list.ring_now(&case, now), Err(NotAsked::Ringing));
    assert_eq!(list.give_up(&case, now), Err(NotAsked::Ringing));
    list.note(id(1), Outcome::NoAnswer, now);
    list.end(id(1), now);
    assert_eq!(take(&mut list, now, 2), None, "rests");
    list.ring_now(&case, now).unwrap();
    list.know(vec![Inquiry { topic: Some("water".to_owned()), ..inquiry(1, "+380501112233") }], now);
    assert!(take(&mut list, now, 2).is_some(), "also when the store tells of it meanwhile");
    list.note(id(2), Outcome::Busy, now);
    list.end(id(2), now);
    assert_eq!(list.ring_now(&case, now), Err(NotAsked::AnotherDay));
    list.give_up(&case, now).unwrap();
    assert_eq!(list.ring_now(&case, now), Err(NotAsked::GivenUp));
    assert_eq!(take(&mut list, now.plus(6_000 * MINUTE), 3), None);
    assert_eq!(list.ring_now(inquiry(9, "").case(), now), Err(NotAsked::Unknown));
}

#[test]
fn more_cases_than_the_limit_wait_in_the_store() {
    let mut list = list();
    let cases = (0..=MAX_INQUIRIES as u32).map(|n| inquiry(n, "+380501112233"));
    list.know(cases.collect(), noon());
    assert_eq!(list.len(), MAX_INQUIRIES);
}

/// The world around the machine: what the store has, and what really happened.
struct World {
    rng: StdRng,
    now: Now,
    list: Verifications,
    /// What the store knows, and an older reading of it that may still be on its way.
    store: BTreeMap<CaseNumber, Inquiry>,
    reading: Vec<Inquiry>,
    calls: BTreeMap<ContactId, (CaseNumber, PhoneNumber)>,
    refusing: Vec<PhoneNumber>,
    tokens: u128,
    rung: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let store = (0..12)
            .map(|n| inquiry(n, &format!("+38050111220{}", rng.random_range(0..6))))
            .map(|inquiry| (inquiry.case().clone(), inquiry));
        let store: BTreeMap<_, _> = store.collect();
        let reading = store.values().cloned().collect();
        let (list, now, calls, refusing) = (list(), noon(), BTreeMap::new(), Vec::new());
        Self { rng, now, list, store, reading, calls, refusing, tokens: 0, rung: 0 }
    }

    fn step(&mut self) {
        match self.rng.random_range(0..20) {
            0..6 => self.now = self.now.plus(Duration::from_secs(self.rng.random_range(1..7_200))),
            6..9 => self.reading = self.store.values().cloned().collect(),
            9..11 => self.list.know(self.reading.clone(), self.now),
            11..15 => self.hang_up(),
            15 => {
                let case = inquiry(self.rng.random_range(0..13), "").recipient.case;
                self.list.ring_now(&case, self.now).ok();
            }
            16 if self.rng.random_range(0..8) == 0 => self.kill(),
            17 if self.rng.random_range(0..4) == 0 => {
                if let Some(number) = self.refusing.pop() {
                    for inquiry in
                        self.store.values_mut().filter(|known| known.number.as_ref() == Some(&number))
                    {
                        inquiry.refuses_calls = false;
                        inquiry.attempts.retain(|attempt| attempt.outcome != Some(Outcome::NoMoreCalls));
                    }
                    self.kill();
                }
            }
            _ => {}
        }
        self.ring();
    }

    /// Everybody that the machine wants rung; what must hold is looked at with each.
    fn ring(&mut self) {
        loop {
            self.tokens += 1;
            let token = id(self.tokens);
            let Some((contact, asked)) = self.list.take_due(self.now, || token) else { break };
            assert_eq!(contact, token);
            let number = asked.number.clone().unwrap();
            let hour = self.now.utc.utc().with_timezone(&chrono_tz::Europe::Kyiv).hour();
            assert!(policy().hours.is_open(self.now.utc) && (9..20).contains(&hour), "at {:?}", self.now.utc);
            assert!(self.calls.values().all(|(_, rung)| *rung != number), "twice at once");
            assert!(!self.refusing.contains(&number), "after no more calls");
            if self.rng.random_range(0..10) == 0 {
                self.list.postpone(contact, self.now);
                continue;
            }
            let known = self.store.get_mut(asked.case()).unwrap();
            // The attempt is durable before the phone rings.
            known.attempts.push(Attempt { contact, at: self.now.utc, outcome: None, ended_at: None });
            let days: std::collections::BTreeSet<_> =
                known.attempts.iter().map(|attempt| policy().hours.date_of(attempt.at)).collect();
            assert!(known.attempts.len() <= 3, "more often than the attempts");
            assert!(known.attempts.len() < 3 || days.len() >= 2, "on one day: {:?}", known.attempts);
            self.calls.insert(contact, (asked.recipient.case, number));
            assert!(self.calls.len() <= 2, "so many at once");
            self.rung += 1;
        }
    }

    fn hang_up(&mut self) {
        let Some((contact, (case, number))) = self.calls.pop_first() else { return };
        let outcome = Outcome::ALL[self.rng.random_range(0..Outcome::ALL.len())];
        self.list.note(contact, outcome, self.now);
        self.list.end(contact, self.now);
        self.write(&case, Attempt { contact, at: self.now.utc, outcome: Some(outcome), ended_at: None });
        if outcome == Outcome::NoMoreCalls {
            for inquiry in self.store.values_mut().filter(|known| known.number.as_ref() == Some(&number)) {
                inquiry.refuses_calls = true;
            }
            self.refusing.push(number);
        }
        if outcome.confirmed().is_some() && self.rng.random_range(0..2) == 0 {
            // Back to work and done again, or closed: another asking in either case.
            let known = self.store.get_mut(&case).unwrap();
            known.since = self.now.utc;
            known.attempts.clear();
        }
    }

    fn write(&mut self, case: &CaseNumber, attempt: Attempt) {
        let known = self.store.get_mut(case).unwrap();
        let row = known.attempts.iter_mut().find(|known| known.contact == attempt.contact).unwrap();
        row.outcome = row.outcome.or(attempt.outcome);
    }

    /// The program starts again, with what the store has.
    fn kill(&mut self) {
        for (contact, (case, _)) in std::mem::take(&mut self.calls) {
            self.write(
                &case,
                Attempt { contact, at: self.now.utc, outcome: Some(Outcome::Interrupted), ended_at: None },
            );
        }
        self.list = list();
        self.reading = self.store.values().cloned().collect();
        self.list.know(self.reading.clone(), self.now);
    }
}

#[test]
fn in_random_histories_nobody_is_rung_when_they_must_not_be() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(crate::time::now().utc.utc().nanosecond()));
    println!("RINGBACK_TEST_SEED={seed}");
    let mut rung = 0;
    for world in 0..300 {
        let mut world = World::new(seed.wrapping_add(world));
        (0..400).for_each(|_| world.step());
        rung += world.rung;
    }
    assert!(rung > 3_000, "hardly anybody was rung: {rung}");
}

#[test]
fn each_applicant_of_a_merged_case_is_asked_by_themselves() {
    let (mut list, now) = (list(), noon());
    let case = CaseNumber("2026-01-000001".to_owned());
    let merged = Recipient { case: case.clone(), whom: Some(CaseNumber("2026-01-000009".to_owned())) };
    let theirs = Inquiry { recipient: merged.clone(), ..inquiry(1, "+380507654321") };
    list.know(vec![inquiry(1, "+380501112233"), theirs.clone()], now);
    assert_eq!(take(&mut list, now, 1).unwrap().recipient.whom, None);
    assert_eq!(take(&mut list, now, 2).unwrap().recipient, merged);
    list.note(id(1), Outcome::Confirmed, now);
    list.end(id(1), now);
    list.note(id(2), Outcome::Busy, now);
    list.end(id(2), now);
    assert!(list.next(&case).is_some(), "one of them was not reached");
    assert_eq!(list.ring_now(&case, now), Ok(()));
    assert_eq!(take(&mut list, now, 3).unwrap().recipient, merged, "who has answered is left alone");
    assert_eq!(list.give_up(&case, now), Err(NotAsked::Ringing));
    list.end(id(3), now);
    list.give_up(&case, now).unwrap();
    assert_eq!(list.next(&case), None);
    let other = CaseNumber("2026-01-000002".to_owned());
    assert_eq!(list.give_up(&other, now), Err(NotAsked::Unknown));
}
