//! What a queue does with real phones: several that ring at once and one that gets the call, a wait that becomes too long
//! and goes on to the answering machine, a minute more to write up.

use serde_json::{Value, json};

use crate::api::{event, event_names};
use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::desk_phone::DeskPhone;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};
use crate::transfer::{SOON, assert_one_recording, say, user_id};
use crate::wait;

#[test]
fn all_phones_ring_the_first_to_answer_talks_and_the_others_fall_silent() {
    let setup = Setup { queue: "strategy = \"ring_all\"\n", alone: true, ..Setup::default() };
    let server = Server::start_with(&setup);
    let mut olena = DeskPhone::register(server.sip, "201");
    let mut petro = DeskPhone::register(server.sip, "202");
    for name in ["olena", "petro"] {
        server.sign_in(name).set_ready();
    }
    let mut citizen = Invite { caller: "380440000901".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let (hers, his) = (olena.is_called(), petro.is_called());
    olena.let_ring(&hers);
    let talk = petro.pick_up(&his);
    olena.is_cancelled(&hers);
    let asked = say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(91, 1500));
    let answered = say(&talk.rtp, &citizen.rtp, ToneSequence::operator(92, 1500));
    let olenas = server.sign_in("olena");
    assert_eq!(olenas.status_of("olena"), "ready", "nothing happened to her but a ringing phone");

    // While he talks the next caller is hers alone; when she declines, nobody is left.
    let mut other = Invite { caller: "380440000902".to_owned(), ..Invite::default() }.call(server.sip);
    other.rtp.press(KEYS_TO_QUEUE);
    let invite = olena.is_called();
    olena.refuse(&invite, 486);
    wait::until_true("her to be out of it", SOON, || olenas.status_of("olena") == "not_ready");
    other.hang_up();

    petro.hang_up(talk);
    let length = citizen.is_hung_up_on(SOON) - citizen.answered_at;
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000901");
    assert_eq!(call["operator"], user_id(&auditor, "petro"), "{call}");
    assert_one_recording(&auditor, &call, &[&asked], &[&answered], length);
    let events = auditor.timeline(&call);
    let connected = event_names(&events).into_iter().filter(|name| *name == "contact.connected").count();
    assert_eq!(connected, 1, "{:?}", event_names(&events));
}

#[test]
fn who_has_waited_too_long_gets_the_answering_machine_and_keeps_the_case() {
    let server = Server::start_with(&Setup { queue: "max_wait_secs = 2\n", alone: true, ..Setup::default() });
    let mut citizen = Invite { caller: "380440000903".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    auditor.call_where("380440000903", "sent on", |call| {
        event(&auditor.timeline(call), "ivr.left").is_some_and(|left| left["data"]["exit"] == "queue")
            && event_names(&auditor.timeline(call)).iter().filter(|name| **name == "ivr.left").count() == 2
    });
    let message = ToneSequence::citizen(93, 2000);
    citizen.rtp.say(&message.samples());
    wait::until_true("the message to be left", SOON, || citizen.rtp.has_finished_speaking());
    citizen.rtp.press("#");
    citizen.is_hung_up_on(SOON);
    let call = auditor.finished_call("380440000903");
    let timeline = auditor.timeline(&call);
    let overflowed = event(&timeline, "contact.overflowed").expect("it is told");
    assert_eq!(overflowed["data"]["queue"], "city", "{overflowed}");
    let waited = overflowed["data"]["waited_ms"].as_i64().expect("it is a number");
    assert!((2_000..2_600).contains(&waited), "{overflowed}");
    assert!(call["case"].is_string(), "{call}");
    let cases = event_names(&timeline).into_iter().filter(|name| *name == "case.registered").count();
    assert_eq!(cases, 1, "{:?}", event_names(&timeline));
    let recording = auditor.recording(&call);
    let found = message.find(&recording.left);
    assert!(found.share > 0.95 - citizen.rtp.forgiven(&message), "{found:?}");
}

#[test]
fn an_operator_has_more_time_to_write_up_when_asked_for() {
    let server = Server::start_with(&Setup { wrap_up_secs: 30, ..Setup::default() });
    let mut olena = DeskPhone::register(server.sip, "201");
    let api = server.sign_in("olena");
    api.set_ready();
    let more = || api.send("POST", "/api/v1/operators/me/wrap-up-more", Some(&json!({})));
    assert_eq!(more().0, 409, "there is nothing to write up");
    let mut citizen = Invite { caller: "380440000904".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let talk = olena.answer();
    citizen.hang_up();
    olena.is_hung_up_on(&talk);
    wait::until_true("her to write up", SOON, || api.status_of("olena") == "wrap_up");
    assert_eq!(more().0, 204);
    // 30 s of the queue and a minute.
    let moment = |me: &Value, key: &str| chrono::DateTime::parse_from_rfc3339(me[key].as_str()?).ok();
    wait::until_true("the wrap-up to be longer", SOON, || {
        let operators = api.items("/api/v1/operators?");
        let me = operators.iter().find(|operator| operator["name"] == "olena").expect("she is there");
        let (since, until) = (moment(me, "since"), moment(me, "wrap_up_ends_at"));
        let lasts = until.zip(since).map(|(until, since)| (until - since).num_milliseconds());
        lasts.is_some_and(|lasts| (lasts - 90_000).abs() < 500)
    });
    api.post("/api/v1/operators/me/wrap-up-done", &json!({}));
    wait::until_true("her to be ready", SOON, || api.status_of("olena") == "ready");
}

#[test]
fn in_a_surge_a_call_back_comes_before_waiting_but_life_safety_before_all() {
    let server = Server::start_with(&Setup { queue: "surge_per_minute = 2\n", ..Setup::default() });
    let api = server.sign_in("audyt");
    let call = |caller: &str, keys: &str| {
        let citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
        citizen.rtp.press(keys);
        citizen
    };
    let waits = |caller: &str| {
        api.call_where(caller, "waiting", |call| event(&api.timeline(call), "contact.queued").is_some())
    };
    let mut first = call("380440000905", KEYS_TO_QUEUE);
    waits("380440000905");
    let surge = || api.items("/api/v1/queues?")[0]["surge_since"].clone();
    assert!(surge().is_null(), "one caller is no surge");

    let mut second = call("380440000906", KEYS_TO_QUEUE);
    api.call_where("380440000906", "asked what to do", |call| {
        let timeline = api.timeline(call);
        timeline.iter().any(|item| item["type"] == "ivr.entered" && item["data"]["node"] == "crowd")
    });
    assert!(surge().is_string());
    second.rtp.press("1");
    second.is_hung_up_on(SOON);
    let promised = api.finished_call("380440000906");
    assert_eq!(promised["disposition"], "case_created", "{promised}");
    assert!(promised["case"].is_string(), "{promised}");
    assert!(event(&api.timeline(&promised), "contact.queued").is_none(), "never waited");

    let mut urgent = call("380440000907", "20");
    let waiting = waits("380440000907");
    let path = api.timeline(&waiting);
    assert!(!path.iter().any(|item| item["data"]["node"] == "crowd"), "{path:?}");
    first.hang_up();
    urgent.hang_up();
}
