//! The guard as a whole: who is heard, who hears 503, who hears nothing; and a flood of every table, after which the
//! next good request is heard.

use std::net::IpAddr;

use super::*;

const PHONE: u32 = 1;
const STRANGER: u32 = 2;

fn source(number: u32) -> Source {
    Source::from(IpAddr::from(number.to_be_bytes()))
}

fn knock_of<'a>(from: u32, user_agent: &'a str, name: &'a str) -> Knock<'a> {
    Knock { source: source(from), trusted: false, connected: false, user_agent, display: "", name }
}

struct Door {
    guard: Guard,
    now: Instant,
}

impl Door {
    fn new(policy: Policy) -> Self {
        Self { guard: Guard::new(policy), now: crate::time::now().mono }
    }

    fn knock(&mut self, from: u32, user_agent: &str, name: &str) -> Judgement {
        self.guard.judge(knock_of(from, user_agent, name), self.now)
    }

    fn trunk(&mut self, user_agent: &str) -> Judgement {
        let knock = knock_of(3, user_agent, "1580");
        self.guard.judge(Knock { trusted: true, ..knock }, self.now)
    }

    fn wait(&mut self, secs: u64) {
        self.now += Duration::from_secs(secs);
    }

    fn unheard(&self, reason: Reason) -> u64 {
        self.guard.counts().unheard.get(reason.name()).copied().unwrap_or_default()
    }
}

#[test]
fn a_scanner_is_dropped_and_nothing_more_is_heard_of_it_until_the_box_opens() {
    let mut door = Door::new(Policy::default());
    assert_eq!(door.knock(STRANGER, "friendly-scanner", "100"), Judgement::Drop);
    assert_eq!(door.knock(STRANGER, "Yealink", "201"), Judgement::Drop);
    assert_eq!((door.unheard(Reason::Scanner), door.unheard(Reason::Penalty)), (1, 1));
    assert_eq!(door.guard.poll_shunned(), Some((source(STRANGER), door.now + Duration::from_secs(60))));
    assert_eq!(door.knock(PHONE, "Yealink", "201"), Judgement::Pass);
    door.wait(60);
    assert_eq!(door.knock(STRANGER, "Yealink", "201"), Judgement::Pass);
}

#[test]
fn a_scanner_that_hides_its_name_is_known_by_its_questions() {
    let mut door = Door::new(Policy { asked_names: 8, ..Policy::default() });
    let passed =
        (100..200).filter(|name| door.knock(STRANGER, "Yealink", &name.to_string()) == Judgement::Pass);
    assert_eq!(passed.count(), 8);
    assert_eq!(door.unheard(Reason::Scan), 1);
    assert_eq!(door.guard.counts().penalties, 1);
}

#[test]
fn an_office_full_of_phones_is_no_scanner_once_one_of_them_showed_its_password() {
    let mut door = Door::new(Policy { asked_names: 8, ..Policy::default() });
    for name in 200..208 {
        assert_eq!(door.knock(PHONE, "", &name.to_string()), Judgement::Pass);
    }
    door.guard.note_proof("200", source(PHONE), door.now);
    for name in 208..250 {
        assert_eq!(door.knock(PHONE, "", &name.to_string()), Judgement::Pass);
    }
}

#[test]
fn an_acquaintance_cannot_be_put_into_the_box_by_a_forged_message() {
    let mut door = Door::new(Policy::default());
    door.guard.note_proof("201", source(PHONE), door.now);
    assert_eq!(door.knock(PHONE, "friendly-scanner", "100"), Judgement::Drop);
    assert_eq!(door.knock(PHONE, "Yealink", "201"), Judgement::Pass);
    assert_eq!(door.guard.poll_shunned(), None);
    door.wait(ACQUAINTANCE.as_secs());
    assert!(!door.guard.is_acquainted(source(PHONE), door.now));
}

#[test]
fn above_its_rate_a_stranger_hears_nothing_and_an_acquaintance_503() {
    let mut door = Door::new(Policy::default());
    door.guard.note_proof("201", source(PHONE), door.now);
    let judgements =
        |door: &mut Door, from| (0..300).map(|_| door.knock(from, "", "201")).collect::<Vec<_>>();
    let of_stranger = judgements(&mut door, STRANGER);
    assert_eq!(of_stranger.iter().filter(|judgement| **judgement == Judgement::Pass).count(), 50);
    assert!(of_stranger[50..].iter().all(|judgement| *judgement == Judgement::Drop));
    let of_phone = judgements(&mut door, PHONE);
    assert_eq!(of_phone.iter().filter(|judgement| **judgement == Judgement::Pass).count(), 250);
    assert!(of_phone[250..].iter().all(|judgement| *judgement == Judgement::Busy));
    door.wait(1);
    assert_eq!(door.knock(STRANGER, "", "201"), Judgement::Pass);
}

#[test]
fn a_trunk_has_the_limit_it_was_given() {
    let mut door = Door::new(Policy::default());
    for _ in 0..10_000 {
        assert_eq!(door.trunk("friendly-scanner"), Judgement::Pass);
    }
    door.guard.configure(Policy { trunks: Some(Rate::per_second(1, 1)), ..Policy::default() });
    door.wait(10);
    assert_eq!((door.trunk(""), door.trunk("")), (Judgement::Pass, Judgement::Busy));
}

#[test]
fn all_strangers_together_have_a_limit() {
    let mut door = Door::new(Policy::default());
    let passed = (0..10_000).filter(|from| door.knock(1000 + from, "", "201") == Judgement::Pass).count();
    assert_eq!(passed, 50 * 50);
    assert_eq!(door.unheard(Reason::StrangersRate), 10_000 - 2500);
    let connected = Knock { connected: true, ..knock_of(STRANGER, "", "201") };
    assert_eq!(door.guard.judge(connected, door.now), Judgement::Pass, "a connection is a way in");
    door.guard.note_proof("201", source(PHONE), door.now);
    assert_eq!(door.knock(PHONE, "", "201"), Judgement::Pass, "who is known is heard all the same");
}

#[test]
fn a_locked_out_guesser_is_counted_and_the_owner_is_not_locked() {
    let mut door = Door::new(Policy::default());
    door.guard.note_proof("201", source(PHONE), door.now);
    for _ in 0..5 {
        door.guard.note_failure("201", source(STRANGER), door.now);
    }
    assert!(door.guard.is_locked_out("201", source(STRANGER), door.now));
    assert!(!door.guard.is_locked_out("201", source(PHONE), door.now));
    assert_eq!(door.guard.counts().locks.get("name_from_source"), Some(&1));
}

#[test]
fn every_table_is_bounded_and_the_next_good_request_is_heard() {
    let mut door = Door::new(Policy::default());
    door.guard.note_proof("201", source(PHONE), door.now);
    for number in 10_000..40_000 {
        door.wait(1);
        let agent = if number % 2 == 0 { "svmap" } else { "" };
        door.knock(number, agent, &number.to_string());
        door.guard.note_failure(&number.to_string(), source(number), door.now);
        door.guard.poll_shunned();
        if number % 1000 == 0 {
            door.guard.note_proof("201", source(PHONE), door.now);
        }
    }
    assert_eq!(door.guard.len(), MAX_BUCKETS);
    assert_eq!(door.knock(PHONE, "", "201"), Judgement::Pass);
    assert_eq!(door.knock(STRANGER, "", "201"), Judgement::Pass);
    assert!(!door.guard.is_locked_out("201", source(PHONE), door.now));
}
