//! The loop closes by telephone: applicants are rung over a trunk when control has found the work done, hear it in their
//! language, and what they press moves their case. Also who does not answer, machines, silence, a program that is killed.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::audio::{ToneSequence, write_mono};
use crate::citizen::Invite;
use crate::desk_phone::{DeskPhone, Talk};
use crate::outside::with_lines_and;
use crate::server::{KEYS_TO_QUEUE, Server};
use crate::transfer::{SOON, user_id};
use crate::wait;

pub const LINE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
/// Mobiles that the line takes calls to.
pub const MOBILE: &str = "+380501234567";
pub const OTHER: &str = "+380507654321";
/// At any hour, so that the test means the same at night.
pub const VERIFICATION: &str = "[verification]\nautomatic = true\nhours = \"00:00-24:00\"\nretry_after_secs = 10\n\
                            retry_busy_secs = 10\nbetween_cases_secs = 0\nring_secs = 10\nkeep_free = 0\n";
/// Who was called may hear it.
const OWN_SOUND: &str = "[citizen]\nown_recording = \"at_once\"\n";

fn greeting() -> ToneSequence {
    ToneSequence::operator(131, 1_500)
}

/// Tones of its own: by chance, parts of one sequence sound like another of the same tones.
pub fn question() -> ToneSequence {
    ToneSequence::colleague(132, 1_500)
}

fn call_us() -> ToneSequence {
    ToneSequence::operator(133, 1_500)
}

/// A server with one line and prompts that can be told apart by ear; who is silent is asked once.
pub fn asking_server() -> (Server, DeskPhone) {
    asking_server_and(OWN_SOUND, |_| {})
}

/// With `more` sections in the configuration, and what `change` does to the files of its folder.
pub fn asking_server_and(more: &str, change: impl FnOnce(&Path)) -> (Server, DeskPhone) {
    let (mut server, mut lines) = with_lines_and(&[LINE], "");
    server.kill();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialplans/verification.toml");
    let plan = fs::read_to_string(shipped).expect("the shipped plan is there");
    let plan = plan
        .replace("\"uk\", \"en\", \"lt\", \"pl\", \"ru\", \"he\"", "\"uk\", \"en\"")
        .replace("timeout_secs = 6", "timeout_secs = 2")
        .replace("no_input = { after = 3,", "no_input = { after = 1,");
    let folder = server.folder().join("dialplans");
    fs::write(folder.join("verification.toml"), plan).expect("the plan can be written");
    fs::create_dir_all(folder.join("prompts/en")).expect("a folder can be made");
    for (id, sound) in [("greeting", greeting()), ("question", question()), ("call_us", call_us())] {
        write_mono(&folder.join(format!("prompts/en/verify.{id}.wav")), &sound.samples(), 8_000);
    }
    let text = fs::read_to_string(server.config_path()).expect("the configuration is there");
    change(server.folder());
    fs::write(server.config_path(), text + VERIFICATION + more).expect("the configuration can be written");
    server.run();
    server.add_person("vykonavets", "executor", &["--organisation", &executor_of_water(&server)]);
    (server, lines.remove(0))
}

/// Where the shipped city has water mended, and by whom.
pub fn water(server: &Server) -> (String, String, String) {
    let desk = server.sign_in("olena");
    let city = desk.get("/api/v1/city");
    let category = "water";
    let territories = city["territories"].as_array().expect("a list");
    let candidates = territories.iter().filter_map(|territory| territory["id"].as_str());
    let found = candidates.filter_map(|territory| {
        let path = format!("/api/v1/city/preview?category={category}&territory={territory}");
        let (status, preview) = desk.send("GET", &path, None);
        let executor = preview["executor"].as_str()?.to_owned();
        (status == 200).then(|| (category.to_owned(), territory.to_owned(), executor))
    });
    found.into_iter().next().expect("somebody is responsible somewhere")
}

pub fn executor_of_water(server: &Server) -> String {
    water(server).2
}

pub fn path(number: &str, action: &str) -> String {
    format!("/api/v1/cases/{number}{action}")
}

/// A citizen reports by telephone and hangs up in the line; the case.
pub fn reported(server: &Server, caller: &str) -> String {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    let call = auditor.call_where(&caller[1..], "with a case", |call| {
        call["direction"] == "inbound" && call["ended_at"].is_null() && call["case"].is_string()
    });
    citizen.hang_up();
    let number = call["case"].as_str().expect("it has one").to_owned();
    work_on(server, &number);
    number
}

/// An operator sends the case to the executor, who begins.
pub fn work_on(server: &Server, number: &str) {
    let (category, territory, _) = water(server);
    let desk = server.sign_in("olena");
    desk.patch(&path(number, ""), &json!({ "category": category, "territory": territory }));
    desk.post(&path(number, "/assign"), &json!({}));
    let executor = server.sign_in("vykonavets");
    executor.post(&path(number, "/accept"), &json!({}));
    executor.post(&path(number, "/start"), &json!({}));
}

/// The executor proves it, control believes it: verification begins.
pub fn done(server: &Server, number: &str) {
    let executor = server.sign_in("vykonavets");
    for role in ["before", "after"] {
        let seed = number
            .bytes()
            .chain(role.bytes())
            .fold(7, |seed: u64, byte| seed * 31 % 1_000_003 + u64::from(byte));
        let photo = crate::photo::jpeg(&crate::photo::scene(seed, 160, 120), 85);
        let (status, answer) = executor.upload_evidence(number, role, "photo.jpg", photo);
        assert!(status == 200 || status == 201, "{status} {answer}");
    }
    executor.post(&path(number, "/report"), &json!({ "result": "mended" }));
    server.sign_in("kontrol").post(&path(number, "/evidence-accept"), &json!({}));
}

pub fn hears(talk: &Talk, what: &str, sequence: &ToneSequence) {
    wait::until_true(what, 3 * SOON, || {
        talk.rtp.heard().is_some_and(|heard| sequence.find(&heard.samples).share > 0.6)
    });
}

/// The calls that asked, the oldest first.
fn asked(api: &Api, number: &str) -> Vec<Value> {
    let verifications = api.items(&format!("/api/v1/verifications?case={number}&"));
    verifications.first().map_or(Vec::new(), |one| one["attempts"].as_array().cloned().unwrap_or_default())
}

fn outcomes(api: &Api, number: &str) -> Vec<String> {
    asked(api, number)
        .iter()
        .map(|attempt| attempt["outcome"].as_str().unwrap_or("open").to_owned())
        .collect()
}

pub fn state(api: &Api, number: &str) -> String {
    api.get(&path(number, ""))["state"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn no_sends_it_back_to_work_and_yes_closes_it() {
    let (server, mut line) = asking_server();
    let number = reported(&server, MOBILE);
    done(&server, &number);
    let invite = line.is_called();
    assert!(invite.start_line.starts_with(&format!("INVITE sip:{MOBILE}@{LINE}")), "{invite:?}");
    assert!(invite.expect("From").contains("sip:+380542001580@"), "the city calls: {invite:?}");
    line.let_ring(&invite);
    let talk = line.pick_up(&invite);
    hears(&talk, "the greeting", &greeting());
    hears(&talk, "the question", &question());
    talk.rtp.press("2");
    line.is_hung_up_on(&talk);
    let auditor = server.sign_in("audyt");
    wait::until_true("work again", SOON, || state(&auditor, &number) == "in_progress");

    done(&server, &number);
    let invite = line.is_called();
    let talk = line.pick_up(&invite);
    hears(&talk, "the question", &question());
    talk.rtp.press("1");
    line.is_hung_up_on(&talk);
    wait::until_true("the end", SOON, || state(&auditor, &number) == "closed");
    let timeline = auditor.get(&path(&number, "/timeline"));
    let items = timeline["items"].as_array().expect("a timeline has items");
    let calls: Vec<Value> = wait::until("sealed recordings", SOON, || {
        let mut calls = auditor.calls_of(&MOBILE[1..]);
        calls.retain(|call| call["direction"] == "outbound");
        calls.sort_by_key(|call| call["offered_at"].to_string());
        (calls.len() == 2 && calls.iter().all(|call| call["recordings"][0]["result"] == "ok"))
            .then_some(calls)
    });
    for (name, call, word) in
        [("verify.refuted", &calls[0], "refuted"), ("verify.confirmed", &calls[1], "confirmed")]
    {
        let entry = event(items, name).unwrap_or_else(|| panic!("no {name} in {:?}", event_names(items)));
        assert_eq!(entry["recording"], call["recordings"][0]["id"], "{entry}");
        assert!(entry["offset_ms"].as_i64().is_some_and(|offset| offset > 1_500), "{entry}");
        assert_eq!((&call["asked"], &call["case"]), (&word.into(), &number.as_str().into()), "{call}");
        assert_eq!(call["disposition"], "case_linked", "{call}");
        let recording = auditor.recording(call);
        assert!(question().find(&recording.right).share > 0.6, "the city is on the record");
    }
    let closed = event(items, "case.closed").expect("it is closed");
    assert_eq!(
        (&closed["actor"]["kind"], &closed["data"]["code"]),
        (&"system".into(), &"fixed_confirmed".into())
    );
    assert!(event(items, "verify.attempted").is_some_and(|entry| entry["data"]["outcome"] == "refuted"));
}

#[test]
fn who_is_busy_or_not_reached_is_rung_again_even_by_a_program_that_was_killed() {
    let (mut server, mut line) = asking_server();
    let number = reported(&server, MOBILE);
    done(&server, &number);
    let invite = line.is_called();
    line.refuse(&invite, 486);
    let control = server.sign_in("kontrol");
    wait::until_true("the attempt to be counted", SOON, || outcomes(&control, &number) == ["busy"]);
    server.kill();
    server.run();
    let control = server.sign_in("kontrol");
    assert_eq!(outcomes(&control, &number), ["busy"], "remembered");
    let invite = line.called_within(3 * SOON).expect("rung again");
    line.let_ring(&invite);
    // While it rings.
    server.kill();
    server.run();
    let control = server.sign_in("kontrol");
    wait::until_true("the attempt that broke off", SOON, || {
        outcomes(&control, &number) == ["busy", "interrupted"]
    });
    let waiting = control.items(&format!("/api/v1/verifications?case={number}&")).remove(0);
    assert!(waiting["next_attempt"].is_string() && waiting["over"].is_null(), "{waiting}");
    let (status, problem) = control.send("POST", &format!("/api/v1/verifications/{number}/ring"), None);
    assert_eq!(status, 409, "the third one is for another day: {problem}");
    assert_eq!(state(&control, &number), "verification");
    let reason = json!({ "reason": "the inspector goes there" });
    let give_up = format!("/api/v1/verifications/{number}/give-up");
    assert_eq!(control.send("POST", &give_up, Some(&reason)).0, 204);
    let waiting = control.items(&format!("/api/v1/verifications?case={number}&")).remove(0);
    assert_eq!((&waiting["over"], &waiting["next_attempt"]), (&"given_up".into(), &Value::Null), "{waiting}");
}

/// Speech as far as loudness goes: nothing that could be taken for a tone.
fn speech(seed: u64, ms: usize) -> Vec<i16> {
    let mut random = seed;
    let mut next = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((random >> 48) as i16) / 6
    };
    (0..ms * 8).map(|_| next()).collect()
}

#[test]
fn machines_hear_a_message_and_silence_is_no_answer() {
    let (server, mut line) = asking_server();
    let number = reported(&server, MOBILE);
    done(&server, &number);
    let invite = line.is_called();
    let talk = line.pick_up(&invite);
    talk.rtp.say(&speech(7, 4_500));
    hears(&talk, "what to do when it is not fixed", &call_us());
    let heard = talk.rtp.heard().expect("something is heard").samples;
    assert!(question().find(&heard).share < 0.4, "a machine is asked nothing");
    line.is_hung_up_on(&talk);
    let control = server.sign_in("kontrol");
    wait::until_true("the outcome", SOON, || outcomes(&control, &number) == ["machine"]);
    wait::until_true("the case to hear of it", SOON, || {
        let case = control.get(&path(&number, ""));
        case["told"][0]["delivered"] == false
    });

    let ring = format!("/api/v1/verifications/{number}/ring");
    assert_eq!(control.send("POST", &ring, None).0, 204);
    let invite = line.is_called();
    let talk = line.pick_up(&invite);
    hears(&talk, "the question", &question());
    line.is_hung_up_on(&talk);
    wait::until_true("the outcome", SOON, || outcomes(&control, &number) == ["machine", "silent"]);
    assert_eq!(state(&control, &number), "verification");
}

#[test]
fn an_operator_for_those_who_want_one_and_no_more_calls_for_those_who_do_not() {
    let (server, mut line) = asking_server();
    let number = reported(&server, MOBILE);
    let mut desk = DeskPhone::register(server.sip, "201");
    let olena = server.sign_in("olena");
    olena.set_ready();
    done(&server, &number);
    let invite = line.is_called();
    let talk = line.pick_up(&invite);
    hears(&talk, "the question", &question());
    talk.rtp.press("3");
    let popped = desk.answer();
    let call = wait::until("the operator's call", SOON, || {
        let mut calls = olena.calls_of(&MOBILE[1..]);
        calls.retain(|call| call["direction"] == "outbound" && call["operator"] == user_id(&olena, "olena"));
        calls.pop()
    });
    assert_eq!((&call["case"], &call["asked"]), (&number.as_str().into(), &"operator".into()), "{call}");
    line.hang_up(talk);
    desk.is_hung_up_on(&popped);

    let other = reported(&server, OTHER);
    done(&server, &other);
    let invite = line.is_called();
    assert!(invite.start_line.contains(OTHER), "{invite:?}");
    let talk = line.pick_up(&invite);
    hears(&talk, "the question", &question());
    talk.rtp.press("9");
    line.is_hung_up_on(&talk);
    let refused = wait::until("the wish to be kept", SOON, || {
        olena.items("/api/v1/refused-calls?").into_iter().find(|refused| refused["number"] == OTHER)
    });
    let control = server.sign_in("kontrol");
    let ring = format!("/api/v1/verifications/{other}/ring");
    let (status, problem) = control.send("POST", &ring, None);
    assert!(status == 409 && problem["detail"].to_string().contains("no such calls"), "{status} {problem}");
    let allow = format!("/api/v1/refused-calls/{}/allow", refused["call"].as_str().expect("an id"));
    let reason = json!({ "reason": "changed their mind at the counter" });
    assert_eq!(olena.send("POST", &allow, Some(&reason)).0, 204);
    assert_eq!(olena.send("POST", &allow, Some(&reason)).0, 404, "twice");
    assert_eq!(olena.items("/api/v1/refused-calls?"), Vec::<Value>::new());
}
