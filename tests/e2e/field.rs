//! Executors outside, with sound: they call the applicant of their order through the city, and neither sees the other's
//! number; or they call the short number themselves, show a code, and take the steps of the work by key.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::audio::{ToneSequence, write_mono};
use crate::citizen::{Citizen, Invite};
use crate::desk_phone::{DeskPhone, Talk};
use crate::outside::with_lines_and;
use crate::server::{KEYS_TO_QUEUE, Server};
use crate::transfer::{SOON, assert_one_recording, say};
use crate::wait;

const LINE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
/// Of the applicant and of the executor; the line takes calls to both.
const APPLICANT: &str = "+380501234567";
const EXECUTOR: &str = "+380507654321";
const MASKED: &str = "[masked_call]\nhours = \"00:00-24:00\"\nattempts_per_day = 2\nring_secs = 10\n";

/// The executors' branch of the shipped plan, in the plan of the tests.
fn branch() -> String {
    let shipped = include_str!("../../dialplans/1580.toml");
    let (_, branch) = shipped.split_once("[node.field]").expect("executors have a branch");
    format!(
        "\n[node.field]{}",
        branch.replace("\"farewell\"", "\"bye\"").replace("\"emergency\"", "\"urgent\"")
    )
}

fn announcement() -> ToneSequence {
    ToneSequence::colleague(141, 1_500)
}

/// A server with one line, prompts that can be told apart, and executors of water and heating.
fn field_server() -> (Server, DeskPhone) {
    let (mut server, mut lines) = with_lines_and(&[LINE], MASKED);
    server.kill();
    let folder = server.folder().join("dialplans");
    let city = fs::read_to_string(folder.join("1580.toml")).expect("the plan is there");
    let city = city.replace("keys = { 1 = \"water\",", "keys = { 7 = \"field\", 1 = \"water\",") + &branch();
    fs::write(folder.join("1580.toml"), city).expect("the plan can be written");
    for language in ["uk", "en"] {
        fs::create_dir_all(folder.join(format!("prompts/{language}"))).expect("a folder can be made");
        let file = folder.join(format!("prompts/{language}/masked.announcement.wav"));
        write_mono(&file, &announcement().samples(), 8_000);
    }
    server.run();
    for (name, organisation) in [("slyusar", "vodokanal"), ("teplyk", "teplomerezha")] {
        server.add_person(name, "executor", &["--organisation", organisation]);
    }
    (server, lines.remove(0))
}

fn path(number: &str, action: &str) -> String {
    format!("/api/v1/cases/{number}{action}")
}

/// A citizen calls and hangs up in the line; the case is with the executor of `category`.
fn ordered(server: &Server, category: &str, caller: &str) -> (String, String) {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    let call = auditor.call_where(&caller[1..], "with a case", |call| {
        call["direction"] == "inbound" && call["ended_at"].is_null() && call["case"].is_string()
    });
    citizen.hang_up();
    let number = call["case"].as_str().expect("it has one").to_owned();
    let desk = server.sign_in("olena");
    let change = json!({ "category": category, "territory": "center", "address": "вулиця Садова, 12" });
    desk.patch(&path(&number, ""), &change);
    desk.post(&path(&number, "/assign"), &json!({}));
    let orders = server.sign_in("kontrol").items("/api/v1/work-orders?");
    let order = orders.iter().find(|order| order["number"] == number.as_str()).expect("an order");
    assert_eq!(order["because"]["category"], category, "{order}");
    (number, order["id"].as_str().expect("an id").to_owned())
}

fn id_of(admin: &Api, name: &str) -> String {
    let people = admin.items("/api/v1/admin/users?");
    let person = people.iter().find(|person| person["name"] == name).expect("a person");
    person["id"].as_str().expect("an id").to_owned()
}

/// The administrator enters the telephone.
fn reach(server: &Server, name: &str) -> String {
    let admin = server.sign_in("admin");
    let id = id_of(&admin, name);
    let (status, answer) = admin.send(
        "PUT",
        &format!("/api/v1/admin/users/{id}/field-phone"),
        Some(&json!({ "phone": EXECUTOR })),
    );
    assert_eq!((status, &answer["phone"]), (200, &EXECUTOR.into()), "{answer}");
    id
}

fn code_of(server: &Server, id: &str) -> String {
    let admin = server.sign_in("admin");
    let made = admin.post(&format!("/api/v1/admin/users/{id}/phone-code"), &json!({}));
    let code = made["code"].as_str().expect("a code").to_owned();
    assert_eq!(code.len(), 10);
    let listed = admin.items("/api/v1/admin/users?");
    assert!(!listed.iter().any(|person| person.to_string().contains(&code)), "it is shown once");
    code
}

fn hears(talk: &Talk, what: &str, sequence: &ToneSequence) {
    wait::until_true(what, 3 * SOON, || {
        talk.rtp.heard().is_some_and(|heard| sequence.find(&heard.samples).share > 0.6)
    });
}

fn outbound(auditor: &Api) -> Vec<Value> {
    let mut calls = auditor.calls_of(&APPLICANT[1..]);
    calls.retain(|call| call["direction"] == "outbound");
    calls.sort_by_key(|call| call["offered_at"].to_string());
    calls
}

/// Both telephones are rung, the executor's first, from the city's number; both talk and are recorded.
fn both_talk(server: &Server, line: &mut DeskPhone, number: &str) {
    let invite = line.is_called();
    assert!(invite.start_line.starts_with(&format!("INVITE sip:{EXECUTOR}@{LINE}")), "{invite:?}");
    only_the_city(&format!("{invite:?}"), APPLICANT, invite.expect("From"));
    let executor = line.pick_up(&invite);
    let invite = line.is_called();
    assert!(invite.start_line.starts_with(&format!("INVITE sip:{APPLICANT}@{LINE}")), "{invite:?}");
    only_the_city(&format!("{invite:?}"), EXECUTOR, invite.expect("From"));
    line.let_ring(&invite);
    let applicant = line.pick_up(&invite);
    let answered_at = Instant::now();
    hears(&applicant, "the announcement", &announcement());
    assert!(
        executor.rtp.heard().is_none_or(|heard| announcement().find(&heard.samples).share < 0.3),
        "it is the applicant's to hear"
    );
    // What one says while the other still hears the announcement is said to nobody.
    let auditor = server.sign_in("audyt");
    wait::until_true("both connected", SOON, || {
        outbound(&auditor).pop().is_some_and(|call| call["connected_at"].is_string())
    });
    let asked = say(&executor.rtp, &applicant.rtp, ToneSequence::operator(142, 1_500));
    let told = say(&applicant.rtp, &executor.rtp, ToneSequence::citizen(143, 1_500));
    line.hang_up(executor);
    line.is_hung_up_on(&applicant);
    let length = answered_at.elapsed();
    let call = wait::until("the end", SOON, || {
        let call = outbound(&auditor).pop()?;
        (call["recordings"][0]["result"] == "ok" && call["disposition"].is_string()).then_some(call)
    });
    assert_eq!((&call["case"], &call["disposition"]), (&number.into(), &"case_linked".into()), "{call}");
    assert_one_recording(&auditor, &call, &[&told], &[&asked], length);
    assert!(announcement().find(&auditor.recording(&call).right).share > 0.6, "what was announced is on it");
    let timeline = auditor.timeline(&call);
    let connected = event(&timeline, "contact.connected").expect("it is told");
    assert_eq!(
        (&connected["actor"]["kind"], &connected["data"]["masked"]),
        (&"executor".into(), &true.into())
    );
    let case = auditor.get(&path(number, "/timeline"));
    let contacted = event(case["items"].as_array().expect("items"), "wo.contacted").cloned();
    assert!(contacted.is_some_and(|entry| entry["data"]["call"] == call["id"]), "the case knows of it");
}

fn only_the_city(invite: &str, other: &str, from: &str) {
    assert!(from.contains("sip:+380542001580@"), "the city calls: {from}");
    assert!(!invite.contains(&other[1..]), "nobody learns the other's number: {invite}");
    for header in ["P-Asserted-Identity", "Remote-Party-ID", "Diversion", "X-Ringback"] {
        assert!(!invite.contains(header), "{header}: {invite}");
    }
}

#[test]
fn an_executor_and_an_applicant_talk_and_see_the_citys_number_only() {
    let (server, mut line) = field_server();
    let (number, order) = ordered(&server, "water", APPLICANT);
    let executor = server.sign_in("slyusar");
    let call = format!("/api/v1/work-orders/{order}/call");
    let view = executor.get(&call);
    assert_eq!((&view["may_call"], &view["why_not"]), (&false.into(), &"no_phone".into()), "{view}");
    assert_eq!(executor.send("POST", &call, Some(&json!({}))).0, 409);
    reach(&server, "slyusar");
    reach(&server, "teplyk");
    let stranger = server.sign_in("teplyk");
    assert_eq!(stranger.send("POST", &call, Some(&json!({}))).0, 403, "somebody else's order");
    assert_eq!(server.sign_in("olena").send("POST", &call, Some(&json!({}))).0, 403, "operators have desks");

    assert_eq!(executor.get(&call)["left_today"], 2);
    let (status, begun) = executor.send("POST", &call, Some(&json!({})));
    assert_eq!(status, 202, "{begun}");
    assert_eq!(executor.send("POST", &call, Some(&json!({}))).0, 409, "one at a time");
    both_talk(&server, &mut line, &number);
    let view = executor.get(&call);
    assert_eq!((&view["left_today"], &view["last"]["state"]), (&1.into(), &"reached".into()), "{view}");

    // Nobody answers: the executor is told, and hung up on.
    assert_eq!(executor.send("POST", &call, Some(&json!({}))).0, 202);
    let invite = line.is_called();
    let talk = line.pick_up(&invite);
    let invite = line.is_called();
    line.refuse(&invite, 486);
    line.is_hung_up_on(&talk);
    let view = wait::until("the end", SOON, || {
        let view = executor.get(&call);
        (view["last"]["state"] == "not_reached").then_some(view)
    });
    assert_eq!((&view["left_today"], &view["why_not"]), (&0.into(), &"used_up".into()), "{view}");
    let refused = executor.send("POST", &call, Some(&json!({})));
    assert_eq!(refused.0, 409, "{}", refused.1);
    let auditor = server.sign_in("audyt");
    let tried = outbound(&auditor).pop().expect("a contact");
    // The timeline has the case's other calls, too.
    let timeline = auditor.timeline(&tried);
    let ended =
        timeline.iter().find(|entry| entry["type"] == "contact.ended" && entry["contact"] == tried["id"]);
    let ended = ended.expect("it is told");
    assert_eq!(ended["reason"], "applicant_busy", "{ended}");
    // What executors may read holds no number of the applicant.
    for read in ["/api/v1/work-orders", &call, &path(&number, ""), &path(&number, "/timeline")] {
        let answer = executor.get(read).to_string();
        assert!(!answer.contains(&APPLICANT[4..]) && !answer.contains(&EXECUTOR[4..]), "{read}: {answer}");
    }
}

/// The executor calls the short number and opens an order.
fn opens(server: &Server, number: &str, code: &str) -> Citizen {
    let citizen = Invite { caller: "+380661112233".to_owned(), ..Invite::default() }.call(server.sip);
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    citizen.rtp.press(&format!("27{digits}#{code}"));
    citizen
}

fn state(api: &Api, number: &str) -> Value {
    api.get(&path(number, ""))["state"].clone()
}

#[test]
fn work_goes_on_by_telephone_with_a_code() {
    let (server, mut line) = field_server();
    let (water, _) = ordered(&server, "water", APPLICANT);
    let (heating, _) = ordered(&server, "heating", "+380509998877");
    let (slyusar, teplyk) = (reach(&server, "slyusar"), reach(&server, "teplyk"));
    let (plumber, heater) = (code_of(&server, &slyusar), code_of(&server, &teplyk));
    let control = server.sign_in("kontrol");

    // Water demands a photo: accepted by key, not done by key.
    let mut call = opens(&server, &water, &plumber);
    call.rtp.press("1");
    wait::until_true("accepted", 3 * SOON, || state(&control, &water) == "accepted");
    call.rtp.press("2");
    let auditor = server.sign_in("audyt");
    let calls = || auditor.calls_of("380661112233");
    wait::until_true("told of the photos", 3 * SOON, || {
        calls().iter().any(|call| call["ivr_path"].to_string().contains("order_photos"))
    });
    assert_eq!(state(&control, &water), "accepted");
    // 3: hung up, rung back, and connected with the applicant.
    call.rtp.press("3");
    call.is_hung_up_on(3 * SOON);
    both_talk(&server, &mut line, &water);

    let mut call = opens(&server, &heating, &heater);
    call.rtp.press("2");
    call.is_hung_up_on(3 * SOON);
    wait::until_true("reported", SOON, || state(&control, &heating) == "work_reported");
    let timeline = auditor.get(&path(&heating, "/timeline"));
    let items = timeline["items"].as_array().expect("items");
    let reported = event(items, "wo.reported").unwrap_or_else(|| panic!("{:?}", event_names(items)));
    assert_eq!(reported["data"]["channel"], "phone", "{reported}");
    assert!(reported["recording"].is_string() && reported["offset_ms"].as_i64().is_some_and(|ms| ms > 0));
    let digits = serde_json::to_string(&auditor.items("/api/v1/calls?")).expect("text");
    let journal: Vec<Value> = calls().iter().flat_map(|call| auditor.timeline(call)).collect();
    let told = serde_json::to_string(&journal).expect("text");
    assert!(!told.contains(&plumber) && !told.contains(&heater) && !digits.contains(&heater));
    for call in calls() {
        assert_eq!(call["disposition"], "case_linked", "{call}");
    }
    let verified = server.output(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn wrong_codes_lock_and_only_the_administrator_opens() {
    let (server, _line) = field_server();
    let (water, _) = ordered(&server, "water", APPLICANT);
    let id = reach(&server, "slyusar");
    let code = code_of(&server, &id);
    let last = if code.ends_with('0') { '1' } else { '0' };
    let wrong = format!("{}{last}", &code[..9]);
    let control = server.sign_in("kontrol");
    let digits: String = water.chars().filter(char::is_ascii_digit).collect();
    let mut call = opens(&server, &water, &wrong);
    for _ in 0..2 {
        call.rtp.press(&format!("{digits}#{wrong}"));
    }
    call.is_hung_up_on(6 * SOON);
    let admin = server.sign_in("admin");
    let person = |admin: &Api| {
        let people = admin.items("/api/v1/admin/users?");
        people.into_iter().find(|person| person["id"] == id.as_str()).expect("a person")
    };
    assert_eq!(person(&admin)["field"]["code"], "resting", "{}", person(&admin));
    // The right one does not help while it rests.
    let mut call = opens(&server, &water, &code);
    call.is_hung_up_on(3 * SOON);
    assert_eq!(state(&control, &water), "assigned");
    let new = code_of(&server, &id);
    assert_eq!(person(&admin)["field"]["code"], "usable");
    let mut call = opens(&server, &water, &new);
    call.rtp.press("1");
    wait::until_true("accepted", 3 * SOON, || state(&control, &water) == "accepted");
    call.hang_up();
}
