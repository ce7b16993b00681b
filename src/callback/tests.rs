//! The list of call-backs on a paper clock: one place for one number, attempts and their rests, hours of quiet. What becomes
//! of it on real calls is `tests/e2e/callback.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn id(n: u128) -> ContactId {
    ContactId(uuid::Uuid::from_u128(n))
}

/// Rung every day from eight to eight in Kyiv, three times, with ten minutes in between.
fn list() -> CallBacks {
    let hours = Calendar::weekly(
        "Europe/Kyiv",
        "Mon-Sun".parse().unwrap(),
        "08:00-20:00".parse().unwrap(),
        Default::default(),
    );
    let mut list = CallBacks::default();
    list.configure(Some(Policy {
        hours: hours.unwrap(),
        attempts: 3,
        retry_after: 10 * MINUTE,
        abandoned_after: None,
    }));
    list
}

fn at(text: &str) -> Now {
    let utc = chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc();
    Now { mono: crate::time::now().mono, utc: Timestamp::from_utc(utc) }
}

fn noon() -> Now {
    at("2026-11-20T12:00:00+02:00")
}

fn callback(n: u128, now: Now) -> CallBack {
    CallBack {
        origin: id(n),
        number: PhoneNumber::from_user_part(&format!("+38067000000{n}")),
        queue: "city".to_owned(),
        language: Language::Uk,
        topic: None,
        case: None,
        why: Why::Requested,
        since: now.utc,
        attempts: 0,
        not_before: now.utc,
        state: State::Waiting,
    }
}

fn due(list: &mut CallBacks, now: Now, token: u128) -> Option<ContactId> {
    list.take_due(now, || id(token)).map(|(_, callback)| callback.origin)
}

#[test]
fn one_number_has_one_place() {
    let (mut list, now) = (list(), noon());
    list.list(callback(1, now), now).unwrap();
    let again = CallBack { origin: id(2), ..callback(1, now) };
    assert_eq!(list.list(again, now), Err(NotListed::Known));
    assert_eq!(due(&mut list, now, 100), Some(id(1)));
    assert_eq!(due(&mut list, now, 101), None, "one place, one token");
}

#[test]
fn attempts_are_counted_and_rest_in_between_and_keep_the_place() {
    let (mut list, mut now) = (list(), noon());
    let since = now.utc;
    list.list(callback(1, now), now).unwrap();
    for attempt in 1..=3 {
        let token = id(100 + attempt);
        assert_eq!(due(&mut list, now, 100 + attempt), Some(id(1)), "attempt {attempt}");
        assert_eq!(list.begin(token).unwrap().attempts, u32::try_from(attempt).unwrap());
        assert_eq!(due(&mut list, now, 999), None, "one attempt at a time");
        let row = list.end(token, Outcome::NoAnswer, now).unwrap();
        assert_eq!(row.since, since, "the place is kept");
        if attempt < 3 {
            assert_eq!((row.state, row.not_before), (State::Waiting, now.utc.plus(10 * MINUTE)));
            assert_eq!(due(&mut list, now.plus(9 * MINUTE), 999), None);
            now = now.plus(10 * MINUTE);
        } else {
            assert_eq!(row.state, State::GivenUp);
        }
    }
    assert!(list.is_empty() && list.poll_timeout().is_none());
    list.list(callback(1, now), now).unwrap();
}

#[test]
fn nobody_is_rung_in_the_night() {
    let mut list = list();
    let night = at("2026-11-20T21:30:00+02:00");
    let row = list.list(callback(1, night), night).unwrap();
    let morning = at("2026-11-21T08:00:00+02:00").utc;
    assert_eq!(row.not_before, morning);
    for minutes in (0..630).step_by(30) {
        assert_eq!(due(&mut list, night.plus(minutes * MINUTE), 100), None, "after {minutes} minutes");
    }
    assert_eq!(due(&mut list, night.plus(630 * MINUTE), 100), Some(id(1)));
    let evening = at("2026-11-21T19:55:00+02:00");
    list.begin(id(100)).unwrap();
    let row = list.end(id(100), Outcome::Busy, evening).unwrap();
    assert_eq!(row.not_before, at("2026-11-22T08:00:00+02:00").utc, "the rest ends in the night");
}

#[test]
fn who_calls_again_is_off_the_list_unless_being_rung() {
    let (mut list, now) = (list(), noon());
    let first = list.list(callback(1, now), now).unwrap();
    assert_eq!(list.at(&first.number), Some(id(1)));
    assert_eq!(due(&mut list, now, 100), Some(id(1)));
    let (row, token) = list.withdraw(id(1)).unwrap();
    assert_eq!((row.state, token), (State::Withdrawn, Some(id(100))), "its place in the line is free");
    assert_eq!((list.at(&first.number), list.len()), (None, 0));

    list.list(callback(2, now), now).unwrap();
    assert_eq!(due(&mut list, now, 200), Some(id(2)));
    list.begin(id(200)).unwrap();
    assert_eq!(list.withdraw(id(2)), None, "the attempt tells what became of it");
    assert_eq!(list.end(id(200), Outcome::Reached, now).unwrap().state, State::Reached);
}

#[test]
fn the_list_has_an_end_and_can_be_switched_off() {
    let (mut list, now) = (list(), noon());
    for n in 0..MAX_CALL_BACKS as u128 {
        let number = PhoneNumber::from_user_part(&format!("+380{:09}", n));
        list.list(CallBack { number, ..callback(n, now) }, now).unwrap();
    }
    let number = PhoneNumber::from_user_part("+380999999999");
    let one_more = CallBack { origin: id(9_999), number, ..callback(9_999, now) };
    assert_eq!(list.list(one_more.clone(), now), Err(NotListed::Full));
    let mut off = CallBacks::default();
    assert_eq!(off.list(one_more, now), Err(NotListed::Off));
}
