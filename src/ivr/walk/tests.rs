//! Each kind of node and each exit of it, by simulated time; and random callers against the shipped plan.
//! No call around it: inputs go straight into the machine, and its outputs are compared as short words.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::time::Timestamp;

const PLAN: &str = r##"languages = ["uk", "en"]
time_zone = "Europe/Kyiv"
start = "hours"
operator = "city"
emergency = "urgent"
calendar.office = { open = ["Mon-Fri 08:00-17:00"], holidays = ["2026-11-24"] }
calendar.storm = { always = true, emergency = true }
[node]
hours = { kind = "schedule", calendar = "office", open = "greeting", closed = "night", holiday = "holiday", emergency = "bye" }
holiday = { kind = "schedule", calendar = "storm", open = "bye", closed = "bye", holiday = "bye", emergency = "night" }
greeting = { kind = "say", prompt = "greeting", barge_in = false, next = "notice" }
notice = { kind = "say", prompt = "notice", next = "topics" }
night = { kind = "voicemail", prompt = "night", max_secs = 60 }
english = { kind = "set_language", language = "en", next = "@back" }
own = { kind = "lookup", what = "own_cases", deadline_secs = 2, found = "have", not_found = "city", failed = "ask" }
have = { kind = "say", prompt = ["have", "$count"], next = "ask" }
status = { kind = "case_status", deadline_secs = 2, next = "bye", not_found = "ask", failed = "city" }
city = { kind = "queue", prompt = "wait", queue = "city", full = "full", topic = "other" }
urgent = { kind = "queue", queue = "emergency", urgent = true, full = "bye" }
ring = { kind = "callback", prompt = ["ring", "$callback_number"], no_number = "number" }
bye = { kind = "hangup", prompt = "bye" }
[node.topics]
kind = "menu"
prompt = "topics"
timeout_secs = 5
keys = { 1 = "city", 2 = "own", 3 = "ring", 9 = "english", 0 = "urgent" }
no_input = { after = 2, prompt = "still_there", to = "city" }
no_match = { after = 2, prompt = "again", to = "bye" }
[node.ask]
kind = "collect"
prompt = "ask"
into = "case_number"
min_digits = 3
max_digits = 6
timeout_secs = 7
inter_digit_timeout_secs = 3
next = "status"
no_input = { after = 1, to = "city" }
no_match = { after = 2, prompt = "again", to = "city" }
[node.number]
kind = "collect"
prompt = "number"
into = "callback_number"
secret = true
barge_in = false
type_ahead = false
max_digits = 4
next = "ring"
no_input = { after = 1, to = "bye" }
no_match = { after = 1, to = "bye" }
[node.full]
kind = "menu"
prompt = "full"
barge_in = false
keys = { 1 = "ring", 0 = "urgent" }
no_input = { after = 1, to = "night" }
no_match = { after = 1, to = "night" }
"##;

/// Saturday is closed; 2026-11-23 is a Monday, 2026-11-24 its holiday.
const MONDAY_NOON: &str = "2026-11-23T10:00:00Z";

struct Caller {
    walk: Walk,
    now: Now,
}

impl Caller {
    fn at(rfc3339: &str, number: &str) -> Self {
        let utc = chrono::DateTime::parse_from_rfc3339(rfc3339).unwrap().into();
        #[expect(clippy::disallowed_methods, reason = "an origin for simulated time; only differences count")]
        let now = Now { mono: Instant::now(), utc: Timestamp::from_utc(utc) };
        let plan = Dialplan::parse("walk.toml", PLAN).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
        Self { walk: Walk::new(Arc::new(plan), &PhoneNumber::from_user_part(number), now), now }
    }

    fn who_chose(language: Language) -> Self {
        let Self { walk, now } = Self::at(MONDAY_NOON, "");
        Self { walk: Walk::begun_in(Some(language), walk.plan.clone(), &walk.caller, now), now }
    }

    /// At the topics menu, its prompt playing, everything before drained.
    fn at_topics() -> Self {
        let mut caller = Self::at(MONDAY_NOON, "+380441234567");
        caller.heard();
        caller.heard();
        caller.drain();
        assert_eq!(caller.walk.node_name(), "topics");
        caller
    }

    fn press(&mut self, keys: &str) -> Vec<String> {
        for key in keys.chars() {
            self.walk.handle_digit(Digit::from_char(key).unwrap(), self.now);
        }
        self.drain()
    }

    fn heard(&mut self) -> Vec<String> {
        self.walk.handle_play_finished(self.now);
        self.drain()
    }

    fn answer(&mut self, answer: Answer) -> Vec<String> {
        self.walk.handle_lookup(answer, self.now);
        self.drain()
    }

    /// Lets `secs` pass, with a wake-up at their end.
    fn wait(&mut self, secs: u64) -> Vec<String> {
        self.now = self.now.plus(Duration::from_secs(secs));
        self.walk.handle_timeout(self.now);
        self.drain()
    }

    /// Outputs in short: `play a+b`, `stop`, `>node`, `=digits`, `silence`, `wrong`, ...
    fn drain(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.walk.poll_output()).map(|output| short(&output)).collect()
    }
}

fn short(output: &Output) -> String {
    match output {
        Output::PlayPrompt { prompts } => {
            let ids: Vec<&str> = prompts.iter().map(|prompt| prompt.id.as_str()).collect();
            format!("play {}", ids.join("+"))
        }
        Output::StopPrompt => "stop".to_owned(),
        Output::Step(Step::Entered { node }) => format!(">{node}"),
        Output::Step(Step::Digit { digits, .. }) => format!("={digits}"),
        Output::Step(Step::LanguageChosen { language }) => format!("language {language}"),
        Output::Step(Step::NoInput { .. }) => "silence".to_owned(),
        Output::Step(Step::NoMatch { .. }) => "wrong".to_owned(),
        Output::Step(Step::TopicChosen { topic }) => format!("topic {topic}"),
        Output::Lookup(Lookup::OwnCases) => "look up own".to_owned(),
        Output::Lookup(Lookup::CaseStatus { number }) => format!("look up {number}"),
        Output::Lookup(Lookup::Incident { topic, territory, except }) => {
            format!("look up incident {topic:?} {territory:?} {}", except.len())
        }
        Output::Attach { incident, number } => format!("attach {incident} {number:?}"),
        Output::Lookup(Lookup::OpenOrder { number, code }) => format!("open {number} by {}", code.name()),
        Output::Lookup(Lookup::OrderStep { number, step, .. }) => format!("{} {number}", step.name()),
        Output::OrderOpened { case, .. } => format!("opened {case}"),
        Output::Answered(verdict) => format!("answered {}", verdict.name()),
        Output::Leave(exit) => format!("leave {exit:?}"),
    }
}

#[test]
fn the_schedule_decides_by_civil_time() {
    for (at, expected) in [
        // Kyiv is UTC+2 in November.
        ("2026-11-23T05:59:59Z", ">night"),
        ("2026-11-23T06:00:00Z", ">greeting"),
        ("2026-11-23T14:59:59Z", ">greeting"),
        ("2026-11-23T15:00:00Z", ">night"),
        ("2026-11-21T10:00:00Z", ">night"),
        ("2026-11-24T10:00:00Z", ">holiday"),
    ] {
        let outputs = Caller::at(at, "1").drain();
        assert_eq!(outputs[..2], [">hours", expected], "{at}");
    }
    // The second calendar is under an emergency: its exit comes before "always".
    assert_eq!(Caller::at("2026-11-24T10:00:00Z", "1").drain()[2], ">night");
}

#[test]
fn a_notice_that_must_be_heard_keeps_keys_for_later() {
    let mut caller = Caller::at(MONDAY_NOON, "1");
    assert_eq!(caller.drain()[1..], [">greeting", "play greeting"]);
    assert!(caller.press("1").is_empty());
    // The second one need not be heard.
    assert_eq!(caller.heard(), [">notice", ">topics", "=1", ">city", "topic other", "play wait"]);
    let mut caller = Caller::at(MONDAY_NOON, "1");
    assert_eq!(caller.heard().last().unwrap(), "play notice");
    // A key cuts it short and counts in the menu.
    assert_eq!(caller.press("0")[..4], ["stop", ">topics", "=0", ">urgent"]);
    assert!(caller.walk.is_over());
}

#[test]
fn a_menu_takes_a_key_while_it_speaks_or_after() {
    let mut caller = Caller::at_topics();
    assert_eq!(caller.press("1"), ["stop", "=1", ">city", "topic other", "play wait"]);
    let leave = "leave Queue { queue: \"city\", topic: Some(\"other\"), urgent: false }";
    assert_eq!(caller.heard(), [leave]);
    assert!(caller.press("1").is_empty() && caller.walk.poll_timeout().is_none());
    let mut caller = Caller::at_topics();
    assert!(caller.heard().is_empty());
    let urgent = "leave Queue { queue: \"emergency\", topic: None, urgent: true }";
    assert_eq!(caller.press("0"), ["=0", ">urgent", urgent]);
}

#[test]
fn silence_and_wrong_keys_are_counted_apart() {
    let mut caller = Caller::at_topics();
    caller.heard();
    assert!(caller.wait(4).is_empty());
    assert_eq!(caller.wait(1), ["silence", "play still_there+topics"]);
    assert_eq!(caller.press("7"), ["stop", "=7", "wrong", "play again+topics"]);
    caller.heard();
    assert_eq!(caller.wait(5), ["silence", ">city", "topic other", "play wait"]);
    let mut caller = Caller::at_topics();
    caller.press("7");
    assert_eq!(caller.press("*"), ["stop", "=*", "wrong", ">bye", "play bye"]);
    assert_eq!(caller.heard(), ["leave Hangup"]);
}

#[test]
fn a_prompt_that_never_ends_is_taken_for_finished() {
    let mut caller = Caller::at_topics();
    assert!(caller.wait(PLAY_TIMEOUT.as_secs()).is_empty());
    assert_eq!(caller.wait(5), ["silence", "play still_there+topics"]);
}

#[test]
fn the_language_changes_in_place() {
    let mut caller = Caller::at_topics();
    let outputs = caller.press("9");
    assert_eq!(outputs, ["stop", "=9", ">english", "language en", ">topics", "play topics"]);
    assert_eq!(caller.walk.language(), Language::En);
}

#[test]
fn look_ups_take_the_exit_of_their_answer() {
    for (answer, expected) in [
        (Answer::Count(2), vec![">have", "play have+number.2"]),
        (Answer::Count(300), vec![">have", "play have+number.more"]),
        (Answer::Count(0), vec![">city", "topic other", "play wait"]),
        (Answer::NotFound, vec![">city", "topic other", "play wait"]),
        (Answer::Failed, vec![">ask", "play ask"]),
    ] {
        let mut caller = Caller::at_topics();
        assert_eq!(caller.press("2"), ["stop", "=2", ">own", "look up own"]);
        assert_eq!(caller.answer(answer), expected);
    }
    let mut withheld = Caller::at(MONDAY_NOON, "anonymous");
    withheld.heard();
    withheld.heard();
    assert_eq!(withheld.press("2")[2..], [">own", ">city", "topic other", "play wait"]);
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let mut caller = Caller::at_topics();
    caller.press("2");
    assert_eq!(caller.wait(2), [">ask", "play ask"]);
    assert_eq!(caller.press("123#").last().unwrap(), "look up 123");
    // This is the answer to the first look-up.
    assert!(caller.answer(Answer::Count(1)).is_empty());
    assert_eq!(caller.answer(Answer::NotFound), [">ask", "play ask"]);
}

fn at_ask() -> Caller {
    let mut caller = Caller::at_topics();
    caller.press("2");
    caller.answer(Answer::Failed);
    caller
}

#[test]
fn digits_end_by_length_terminator_or_silence() {
    let expected = ["stop", "=123456", ">status", "look up 123456"];
    assert_eq!(at_ask().press("123456"), expected);
    let mut caller = at_ask();
    caller.press("123456");
    // The habitual # after the last digit is nobody's input.
    assert!(caller.press("#").is_empty());
    assert!(caller.walk.typed_ahead.is_empty());
    assert_eq!(at_ask().press("1234#")[1..], ["=1234", ">status", "look up 1234"]);
    let mut caller = at_ask();
    assert_eq!(caller.press("12"), ["stop"]);
    assert!(caller.wait(2).is_empty());
    assert!(caller.press("3").is_empty());
    assert!(caller.wait(2).is_empty());
    assert_eq!(caller.wait(1), ["=123", ">status", "look up 123"]);
}

#[test]
fn short_or_missing_entries_take_their_exits() {
    let mut caller = at_ask();
    assert_eq!(caller.press("12#"), ["stop", "=12", "wrong", "play again+ask"]);
    assert_eq!(caller.press("1*3#")[1..], ["=1*3", "wrong", ">city", "topic other", "play wait"]);
    let mut caller = at_ask();
    caller.heard();
    assert!(caller.wait(6).is_empty());
    assert_eq!(caller.wait(1), ["silence", ">city", "topic other", "play wait"]);
}

#[test]
fn a_case_status_is_spoken() {
    let status = |due| Answer::CaseStatus { state: "in_progress".to_owned(), due };
    for (answer, expected) in [
        (status(None), vec!["play status.is+state.in_progress"]),
        (status(Some((2026, 12, 1))), vec!["play status.is+state.in_progress+status.due+day.1+month.12"]),
        (status(Some((2026, 11, 22))), vec!["play status.is+state.in_progress+status.overdue"]),
        (Answer::NotFound, vec![">ask", "play ask"]),
        (Answer::Failed, vec![">city", "topic other", "play wait"]),
    ] {
        let mut caller = at_ask();
        caller.press("1234#");
        assert_eq!(caller.answer(answer), expected);
    }
    let mut caller = at_ask();
    caller.press("1234#");
    assert_eq!(caller.wait(2)[0], ">city");
}

#[test]
fn a_call_back_goes_to_the_own_number_or_a_typed_one() {
    let mut caller = Caller::at_topics();
    let digits = "number.3+number.8+number.0+number.4+number.4+number.1+number.2+number.3+number.4+number.5+number.6+number.7";
    assert_eq!(caller.press("3")[2..], [">ring".to_owned(), format!("play ring+{digits}")]);
    assert_eq!(caller.heard(), ["leave Callback { topic: None, number: None }"]);
    let mut withheld = Caller::at(MONDAY_NOON, "");
    withheld.heard();
    withheld.heard();
    assert_eq!(withheld.press("3").last().unwrap(), "play number");
    // Neither barge-in nor type-ahead here; the journal sees no digit.
    assert!(withheld.press("99").is_empty());
    assert!(withheld.heard().is_empty());
    let outputs = withheld.press("1234");
    assert_eq!(outputs, ["=****", ">ring", "play ring+number.1+number.2+number.3+number.4"]);
    assert_eq!(withheld.heard(), ["leave Callback { topic: None, number: Some(\"1234\") }"]);
}

#[test]
fn a_voice_message_follows_a_beep() {
    let mut caller = Caller::at("2026-11-21T10:00:00Z", "1");
    assert_eq!(caller.drain()[1..], [">night", "play night+tone.beep"]);
    assert_eq!(caller.heard(), ["leave Voicemail { topic: None, max_secs: 60 }"]);
    caller.walk.handle_queue_full(caller.now);
    assert!(caller.drain().is_empty());
}

#[test]
fn a_full_queue_takes_its_exit_and_keeps_the_topic() {
    let mut caller = Caller::at_topics();
    caller.press("1");
    caller.walk.handle_queue_full(caller.now);
    assert!(caller.drain().is_empty(), "the walk has not left yet");
    caller.heard();
    caller.walk.handle_queue_full(caller.now);
    assert_eq!(caller.drain(), [">full", "play full"]);
    // No barge-in, but the key typed ahead counts once the prompt is over.
    assert!(caller.press("1").is_empty());
    assert_eq!(caller.heard()[..2], ["=1", ">ring"]);
    assert!(caller.heard()[0].contains("topic: Some(\"other\")"));
}

#[test]
fn a_circling_caller_is_stopped() {
    let mut caller = Caller::at_topics();
    let mut outputs = Vec::new();
    for _ in 0..MAX_STEPS_PER_SECOND {
        outputs.extend(caller.press("9"));
    }
    assert_eq!(outputs.last().unwrap(), "play system.technical");
    assert_eq!(caller.heard(), ["leave Hangup"]);
    // Slowly enough, the same caller gets a person.
    let mut caller = Caller::at_topics();
    let reached = (0..MAX_STEPS).any(|_| {
        caller.wait(1);
        caller.press("9").contains(&">city".to_owned())
    });
    assert!(reached);
}

/// A small linear congruential generator: the tests need variety, not quality.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn random_callers_always_end_or_are_awaited() {
    let shipped = Dialplan::parse("1580.toml", include_str!("../../../dialplans/1580.toml"));
    let plan = Arc::new(shipped.unwrap_or_else(|wrong| panic!("{wrong:#?}")));
    let mut endings = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let mut random = Seeded(seed);
        let start = Caller::at(MONDAY_NOON, "1").now.plus(Duration::from_secs(random.below(14 * 24) * 3600));
        let number = PhoneNumber::from_user_part(if random.below(4) == 0 { "" } else { "0441234567" });
        let mut caller = Caller { walk: Walk::new(plan.clone(), &number, start), now: start };
        for _ in 0..300 {
            for output in std::iter::from_fn(|| caller.walk.poll_output()) {
                if let Output::Leave(exit) = output {
                    endings.insert(format!("{exit:?}").split([' ', '{']).next().unwrap().to_owned());
                }
            }
            assert!(caller.walk.is_over() || caller.walk.poll_timeout().is_some(), "seed {seed}");
            assert!(caller.walk.typed_ahead.len() <= MAX_TYPED_AHEAD, "seed {seed}");
            one_event(&mut caller, &mut random);
        }
    }
    assert_eq!(endings.into_iter().collect::<Vec<_>>(), ["Callback", "Hangup", "Queue", "Voicemail"]);
}

fn one_event(caller: &mut Caller, random: &mut Seeded) {
    let now = caller.now;
    match random.below(6) {
        0 | 1 => {
            let key = b"0123456789*#"[random.below(12) as usize];
            caller.walk.handle_digit(Digit::from_char(char::from(key)).unwrap(), now);
        }
        2 => caller.walk.handle_play_finished(now),
        3 => caller.walk.handle_queue_full(now),
        4 => {
            let status = Answer::CaseStatus { state: "on_hold".to_owned(), due: Some((2026, 12, 31)) };
            let answers = [Answer::Count(3), status, Answer::NotFound, Answer::Failed];
            caller.walk.handle_lookup(answers[random.below(4) as usize].clone(), now);
        }
        _ => {
            caller.now = now.plus(Duration::from_secs(random.below(20)));
            caller.walk.handle_timeout(caller.now);
        }
    }
}

#[test]
fn who_chose_a_language_before_is_greeted_in_it_where_the_plan_speaks_it() {
    for (chosen, spoken) in [(Language::En, Language::En), (Language::He, Language::Uk)] {
        let mut caller = Caller::who_chose(chosen);
        assert_eq!(caller.walk.language(), spoken);
        let prompts = std::iter::from_fn(|| caller.walk.poll_output()).find_map(|output| match output {
            Output::PlayPrompt { prompts } => Some(prompts),
            _ => None,
        });
        assert!(prompts.unwrap().iter().all(|prompt| prompt.language == spoken));
    }
}

/// Numbers of nodes that executors walk through, in the shipped plan.
fn executor() -> Caller {
    let shipped = Dialplan::parse("1580.toml", include_str!("../../../dialplans/1580.toml"));
    let plan = Arc::new(shipped.unwrap_or_else(|wrong| panic!("{wrong:#?}")));
    let now = Caller::at(MONDAY_NOON, "1").now;
    let mut caller = Caller { walk: Walk::new(plan, &PhoneNumber::from_user_part("1"), now), now };
    caller.drain();
    caller.heard();
    caller.press("9");
    caller
}

fn order() -> Answer {
    Answer::Order(Box::new(crate::ivr::SpokenOrder {
        case: "2026-01-000042".to_owned(),
        number: "202601000042".to_owned(),
        by: crate::ids::UserId(uuid::Uuid::from_u128(5)),
        topic: Some("water".to_owned()),
        place: None,
        due: Some((2026, 12, 1)),
    }))
}

#[test]
fn an_executor_opens_an_order_by_number_and_code_and_takes_its_steps() {
    let mut caller = executor();
    caller.press("42#");
    let typed = caller.press("1234567890");
    assert!(typed.contains(&"=****".to_owned()), "the code is no journal's business: {typed:?}");
    assert_eq!(typed.last().map(String::as_str), Some("open 42 by 1234"));
    let told = caller.answer(order());
    assert_eq!(told[0], "opened 2026-01-000042");
    assert!(told[1].starts_with("play order.number+number.2+number.0+number.2+number.6"), "{told:?}");
    assert!(told[1].ends_with("topic.water+order.place_unknown+order.due+day.1+month.12"), "{told:?}");
    caller.heard();
    assert_eq!(caller.press("1").last().map(String::as_str), Some("accept 202601000042"));
    assert_eq!(caller.answer(Answer::StepTaken), [">order_accepted", "play order.accepted"]);
    caller.heard();
    assert_eq!(caller.press("2").last().map(String::as_str), Some("done 202601000042"));
    assert_eq!(caller.answer(Answer::NeedsPhotos), [">order_photos", "play order.photos"]);
    caller.heard();
    caller.press("3");
    assert_eq!(caller.answer(Answer::NotFound), [">order_no_call", "play order.no_call"]);
    caller.heard();
    caller.press("4");
    assert!(caller.answer(order())[1].starts_with("play order.number"));
    caller.heard();
    caller.press("2");
    assert_eq!(caller.answer(Answer::StepTaken), [">order_reported", "play order.done"]);
}

#[test]
fn wrong_codes_end_the_call_and_without_one_there_is_no_step() {
    let mut caller = executor();
    for n in 1..=4 {
        caller.press("42#");
        let typed = caller.press("1234567890");
        if n == 4 {
            assert_eq!(typed.last().map(String::as_str), Some("play order.locked+goodbye"), "{typed:?}");
            break;
        }
        assert_eq!(typed.last().map(String::as_str), Some("open 42 by 1234"));
        assert_eq!(caller.answer(Answer::NotFound), [">order_wrong", "play order.wrong"]);
        caller.heard();
    }
    let mut caller = executor();
    caller.press("42#");
    caller.press("1234567890");
    assert_eq!(caller.answer(Answer::Locked), [">order_locked", "play order.locked+goodbye"]);
    let shown = format!(
        "{:?}",
        Lookup::OpenOrder { number: "42".to_owned(), code: crate::phone_code::PhoneCode::new(7) }
    );
    assert!(!shown.contains("0000000007"), "{shown}");
}
