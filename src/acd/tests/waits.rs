//! How long a caller waits: what is expected, what is told, who is sent on, who goes first; and how long operators take
//! after a talk.

use super::*;

fn bench(settings: QueueSettings, operators: u128) -> Bench {
    let mut bench = Bench::ukrainian(operators);
    let profiles = (1..=operators).map(|n| profile(n, &[Language::Uk], &["city", "water"])).collect();
    bench.acd.configure(vec![settings, queue("water")], profiles, bench.now);
    bench
}

#[test]
fn a_head_start_goes_first_until_somebody_has_waited_that_much_longer() {
    let settings = QueueSettings { head_start: 60 * SECOND, ..queue("city") };
    let mut bench = bench(settings, 1);
    bench.away(1);
    let water = |n| caller(n, "water", Language::Uk);
    bench.acd.enqueue(water(1), bench.now);
    bench.pass(61 * SECOND);
    bench.acd.enqueue(water(2), bench.now);
    bench.pass(SECOND);
    bench.call(3);
    bench.outputs();
    bench.back(1);
    for n in [1, 3, 2] {
        assert!(bench.outputs().contains(&offer(n, 1)), "{n} is next");
        bench.acd.offer_answered(contact(n), user(1), bench.now);
        bench.acd.call_ended(contact(n), user(1), bench.now);
        bench.acd.end_wrap_up(user(1), bench.now).unwrap();
    }
}

#[test]
fn who_has_waited_too_long_is_sent_on_but_not_while_a_phone_rings() {
    let mut bench = bench(QueueSettings { max_wait: Some(30 * SECOND), ..queue("city") }, 0);
    bench.call(1);
    let urgent = QueueEntry { urgent: true, ..caller(2, "city", Language::Uk) };
    bench.acd.enqueue(urgent, bench.now);
    bench.pass(30 * SECOND);
    assert_eq!(bench.outputs(), [Output::Overflow { contact: contact(1) }]);
    bench.pass(600 * SECOND);
    let waiting = bench.acd.waiting("city");
    assert_eq!(waiting.len(), 1, "whose life may depend on it is never sent on");

    let mut bench = self::bench(QueueSettings { max_wait: Some(30 * SECOND), ..queue("city") }, 1);
    bench.away(1);
    bench.call(1);
    bench.pass(15 * SECOND);
    bench.back(1);
    assert_eq!(bench.outputs(), [offer(1, 1)]);
    bench.pass(15 * SECOND);
    assert_eq!(bench.outputs(), [], "the phone rings: the answer may come at any moment");
    bench.pass(5 * SECOND);
    assert_eq!(bench.outputs(), [withdraw(1, 1), Output::Overflow { contact: contact(1) }]);
    assert_eq!(bench.acd.poll_timeout(), None);
}

#[test]
fn who_is_to_be_rung_back_keeps_the_place_and_is_nobody_on_the_line() {
    let mut bench = bench(QueueSettings { capacity: 2, max_wait: Some(30 * SECOND), ..queue("city") }, 1);
    bench.away(1);
    let came = bench.now;
    bench.pass(60 * SECOND);
    bench.call(2);
    assert!(bench.acd.hold_place(caller(1, "city", Language::Uk), came, bench.now));
    assert!(!bench.acd.hold_place(caller(9, "no queue", Language::Uk), came, bench.now));
    let on_the_line = bench.acd.waiting("city");
    assert_eq!(on_the_line.iter().map(|(entry, _)| entry.contact).collect::<Vec<_>>(), [contact(2)]);
    assert_eq!(bench.call(3), Enqueued::Waiting, "takes nobody's room");
    bench.pass(29 * SECOND);
    bench.outputs();
    bench.back(1);
    for n in [1, 2, 3] {
        assert!(bench.outputs().contains(&offer(n, 1)), "{n} is next, in the order of arrival");
        bench.acd.offer_answered(contact(n), user(1), bench.now);
        bench.acd.call_ended(contact(n), user(1), bench.now);
        bench.acd.end_wrap_up(user(1), bench.now).unwrap();
    }

    bench.away(1);
    bench.acd.hold_place(caller(4, "city", Language::Uk), bench.now, bench.now);
    bench.outputs();
    bench.pass(3_600 * SECOND);
    assert_eq!(bench.outputs(), [], "no place is told to nobody, and no wait is too long");
    bench.acd.leave(contact(4), bench.now);
    bench.back(1);
    assert_eq!(bench.status(1), OperatorStatus::Ready);
}

#[test]
fn the_wait_is_told_from_what_calls_took() {
    let settings = QueueSettings { capacity: 10, max_expected_wait: Some(300 * SECOND), ..queue("city") };
    let mut bench = bench(settings, 2);
    for n in [1, 2] {
        bench.call(n);
        bench.acd.offer_answered(contact(n), user(n), bench.now);
    }
    assert_eq!(bench.acd.expected_wait("city", 1), None, "no call has ended yet");
    bench.pass(170 * SECOND);
    bench.acd.call_ended(contact(1), user(1), bench.now);
    // 170 s of talk and 30 s of wrap-up.
    bench.pass(30 * SECOND);
    assert_eq!(bench.acd.expected_wait("city", 1), Some(100 * SECOND), "two are at work");
    assert_eq!(bench.call(3), Enqueued::Waiting);
    bench.acd.offer_answered(contact(3), user(1), bench.now);
    bench.outputs();
    for n in [4, 5, 6] {
        assert_eq!(bench.call(n), Enqueued::Waiting, "{n}");
    }
    assert_eq!(bench.call(7), Enqueued::Full, "the fourth would wait for 400 s");
    let urgent = QueueEntry { urgent: true, ..caller(8, "city", Language::Uk) };
    assert_eq!(bench.acd.enqueue(urgent, bench.now), Enqueued::Waiting);
    bench.pass(45 * SECOND);
    let told = bench.outputs().into_iter().map(|output| match output {
        Output::AnnouncePosition { contact, position, expected_wait } => (contact, position, expected_wait),
        other => panic!("{other:?}"),
    });
    let expected = [(8, 1, 100), (4, 2, 200), (5, 3, 300), (6, 4, 400)];
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|(_, position, _)| *position);
    assert_eq!(told, expected.map(|(n, position, secs)| (contact(n), position, Some(secs * SECOND))));
    // Whoever pauses does not count any more.
    bench.away(1);
    assert_eq!(bench.acd.expected_wait("city", 1), Some(200 * SECOND));
}

#[test]
fn where_somebody_is_free_no_mean_keeps_a_caller_out() {
    let mut bench = bench(QueueSettings { max_expected_wait: Some(SECOND), ..queue("city") }, 1);
    bench.call(1);
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    bench.pass(900 * SECOND);
    bench.acd.call_ended(contact(1), user(1), bench.now);
    bench.pass(30 * SECOND);
    assert_eq!(bench.call(2), Enqueued::Waiting, "answered at once");
    bench.acd.offer_answered(contact(2), user(1), bench.now);
    assert_eq!(bench.call(3), Enqueued::Full, "a call takes 930 s here");
}

#[test]
fn more_time_is_a_minute_and_comes_to_an_end() {
    let mut bench = bench(queue("city"), 1);
    assert_eq!(bench.acd.extend_wrap_up(user(1)), Err(WrapUpError::NotInWrapUp));
    assert_eq!(bench.acd.extend_wrap_up(user(9)), Err(WrapUpError::Unknown));
    bench.call(1);
    bench.acd.offer_answered(contact(1), user(1), bench.now);
    assert_eq!(bench.acd.extend_wrap_up(user(1)), Err(WrapUpError::NotInWrapUp));
    bench.acd.call_ended(contact(1), user(1), bench.now);
    let ended_at = bench.now;
    assert_eq!(bench.acd.wrap_up_deadline(user(1)), Some(ended_at + 30 * SECOND));
    bench.acd.extend_wrap_up(user(1)).unwrap();
    bench.pass(89 * SECOND);
    assert_eq!(bench.status(1), OperatorStatus::WrapUp { contact: contact(1) });
    while bench.acd.extend_wrap_up(user(1)).is_ok() {}
    assert_eq!(bench.acd.extend_wrap_up(user(1)), Err(WrapUpError::NoMoreTime));
    assert_eq!(bench.acd.wrap_up_deadline(user(1)), Some(ended_at + 900 * SECOND));
    bench.now = ended_at + 900 * SECOND;
    bench.acd.handle_timeout(bench.now);
    assert_eq!(bench.status(1), OperatorStatus::Ready, "what the operator was before");
}

#[test]
fn a_surge_is_told_when_it_begins_and_when_it_is_over() {
    let surge = |on| Output::SurgeChanged { queue: "city".to_owned(), on };
    let surge_limits = SurgeLimits { arrivals: Some(3), wait: Some(60 * SECOND) };
    let mut bench = bench(QueueSettings { surge: surge_limits, ..queue("city") }, 0);
    assert!(!bench.acd.note_arrival("city", bench.now));
    assert!(!bench.acd.note_arrival("city", bench.now));
    assert!(!bench.acd.note_arrival("water", bench.now), "each queue has its own");
    assert!(bench.acd.note_arrival("city", bench.now));
    assert_eq!(bench.outputs(), [surge(true)]);
    assert_eq!(bench.acd.surge_since("city"), Some(bench.now));
    // A minute until the arrivals are forgotten, two of calm.
    for _ in 0..179 {
        bench.pass(SECOND);
    }
    assert_eq!(bench.outputs(), []);
    bench.pass(SECOND);
    bench.pass(SECOND);
    assert_eq!(bench.outputs(), [surge(false)]);
    assert_eq!(bench.acd.poll_timeout(), None, "nobody looks any more");

    // Nobody comes, but somebody waits.
    bench.call(1);
    bench.acd.note_arrival("city", bench.now);
    bench.outputs();
    for _ in 0..61 {
        bench.pass(SECOND);
    }
    assert!(bench.outputs().contains(&surge(true)));
}
