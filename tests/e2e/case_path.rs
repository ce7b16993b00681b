//! A case on its way from the operator to the executor and through control, over the API: who may do what, what the
//! invariants forbid, and what the timeline tells with its places in the recording.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};

const SOON: Duration = Duration::from_secs(10);

/// A photograph that is another for each note.
fn photo(note: &str) -> Vec<u8> {
    let seed = note.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
    crate::photo::jpeg(&crate::photo::scene(seed, 160, 120), 85)
}

/// One case and the people who move it.
pub struct Desk {
    server: Server,
    pub operator: Api,
    pub executor: Api,
    pub control: Api,
    pub number: String,
    call: Value,
}

impl Desk {
    /// A call is taken by olena and ends; its case is hers to complete.
    pub fn after_a_call(caller: &str) -> Self {
        let server = Server::start();
        let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
        let operator = server.sign_in("olena");
        operator.set_ready();
        let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
        citizen.rtp.press(KEYS_TO_QUEUE);
        phone.rings(SOON);
        phone.expect(&Event::Talking, SOON);
        let said = ToneSequence::citizen(51, 1000);
        citizen.rtp.say(&said.samples());
        crate::wait::until_true("the operator to hear", SOON, || {
            phone.rtp.heard().is_some_and(|heard| said.find(&heard.samples).share > 0.6)
        });
        citizen.hang_up();
        let auditor = server.sign_in("audyt");
        let call = auditor.finished_call(caller);
        let number = call["case"].as_str().expect("the call has a case").to_owned();
        let control = server.sign_in("kontrol");
        Self { operator, executor: server.anonymous(), control, number, call, server }
    }

    pub fn path(&self, action: &str) -> String {
        format!("/api/v1/cases/{}{action}", self.number)
    }

    pub fn case(&self) -> Value {
        self.control.get(&self.path(""))
    }

    /// Sets a category and a territory for which somebody is responsible; that organisation.
    fn classify(&self) -> String {
        let category = self.case()["category"].as_str().expect("a category").to_owned();
        let city = self.operator.get("/api/v1/city");
        let territories = city["territories"].as_array().expect("a list");
        let candidates = territories.iter().filter_map(|territory| territory["id"].as_str());
        let (territory, executor) = candidates
            .filter_map(|territory| {
                let path = format!("/api/v1/city/preview?category={category}&territory={territory}");
                let (status, preview) = self.operator.send("GET", &path, None);
                (status == 200)
                    .then(|| (territory, preview["executor"].as_str().expect("an executor").to_owned()))
            })
            .next()
            .expect("somebody is responsible somewhere");
        self.operator.patch(
            &self.path(""),
            &json!({
                "category": category, "territory": territory, "address": "Шевченка 12, кв. 4",
                "description": "Немає води з ранку", "applicant_name": "Марія Коваль",
            }),
        );
        executor
    }

    /// Signs a member of the organisation in, created now.
    pub fn employ(&mut self, organisation: &str) {
        self.server.add_person("vykonavets", "executor", &["--organisation", organisation]);
        self.executor = self.server.sign_in("vykonavets");
    }

    /// Up to `work_reported`: accepted, started, proven, reported.
    fn work(&self) {
        self.executor.post(&self.path("/accept"), &json!({}));
        self.executor.post(&self.path("/start"), &json!({}));
        self.prove_and_report();
    }

    fn prove_and_report(&self) {
        for role in ["before", "after"] {
            let (status, evidence) = self.executor.upload_evidence(
                &self.number,
                role,
                "photo.jpg",
                photo(&format!("{role} {}", self.number)),
            );
            assert!(status == 200 || status == 201, "{status} {evidence}");
            assert!(evidence["sha256"].is_string(), "{evidence}");
        }
        self.executor.post(&self.path("/report"), &json!({ "result": "Замінено засувку, вода є" }));
    }

    fn assert_refused(&self, api: &Api, action: &str, body: &Value, status: &[u16]) {
        let before = self.case();
        let (answered, problem) = api.send("POST", &self.path(action), Some(body));
        assert!(status.contains(&answered), "{action}: {answered} {problem}, expected one of {status:?}");
        assert!(
            problem["title"].is_string() || problem["detail"].is_string(),
            "a problem says why: {problem}"
        );
        assert_eq!(self.case()["state"], before["state"], "{action} was refused");
    }
}

#[test]
fn from_the_operator_to_the_executor_to_control() {
    let mut desk = Desk::after_a_call("380440000401");
    let organisation = desk.classify();
    desk.employ(&organisation);
    let assigned = desk.operator.post(&desk.path("/assign"), &json!({}));
    assert_eq!(assigned["state"], "assigned", "{assigned}");
    let case = desk.case();
    assert_eq!(case["executor"], organisation.as_str(), "{case}");
    assert!(case["deadline"]["resolve_by"].is_string() && case["deadline"]["norm"].is_string(), "{case}");
    let orders = desk.executor.get("/api/v1/work-orders");
    assert_eq!(orders["items"].as_array().map(Vec::len), Some(1), "{orders}");

    desk.executor.post(&desk.path("/accept"), &json!({}));
    desk.executor.post(&desk.path("/start"), &json!({}));
    assert_eq!(desk.case()["state"], "in_progress");
    desk.prove_and_report();
    assert_eq!(desk.case()["state"], "work_reported");

    // Not by the one who did the work, and not before the citizen knows.
    desk.assert_refused(&desk.executor, "/close", &json!({ "code": "fixed_inspected" }), &[403]);
    desk.assert_refused(&desk.control, "/close", &json!({ "code": "fixed_inspected" }), &[409, 422]);
    desk.control.post(&desk.path("/evidence-accept"), &json!({}));
    assert_eq!(desk.case()["state"], "verification");
    desk.assert_refused(&desk.control, "/close", &json!({ "code": "fixed_confirmed" }), &[409, 422]);
    desk.control
        .post(&desk.path("/tell"), &json!({ "channel": "voice", "delivered": true, "confirmed": true }));
    desk.control.post(&desk.path("/close"), &json!({ "code": "fixed_confirmed" }));
    assert_eq!(desk.case()["state"], "closed");
    assert_case_is_told(&desk);
}

/// Call and case on one clock, with places in the recording; listening is in the journal before the bytes are out.
fn assert_case_is_told(desk: &Desk) {
    let auditor = desk.server.sign_in("audyt");
    let timeline = auditor.get(&desk.path("/timeline"));
    let items = timeline["items"].as_array().expect("a timeline has items");
    let names = event_names(items);
    for wanted in [
        "contact.offered",
        "case.registered",
        "contact.connected",
        "contact.ended",
        "case.classified",
        "norm.applied",
        "wo.issued",
        "wo.accepted",
        "wo.started",
        "evidence.received",
        "wo.reported",
        "evidence.accepted",
        "verify.confirmed",
        "case.closed",
    ] {
        assert!(names.contains(&wanted), "no {wanted} in {names:?}");
    }
    let times: Vec<&str> = items.iter().filter_map(|item| item["at"].as_str()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let connected = event(items, "contact.connected").expect("checked above");
    assert_eq!(connected["recording"], desk.call["recordings"][0]["id"], "{connected}");
    assert!(connected["offset_ms"].as_i64().is_some_and(|offset| offset > 0), "{connected}");
    let closed = event(items, "case.closed").expect("checked above");
    assert_eq!(closed["actor"]["kind"], "control", "{closed}");

    let id = desk.call["id"].as_str().expect("a call has an id");
    let path = format!("/api/v1/calls/{id}/recording");
    let part = auditor.get_raw(&path, Some("bytes=0-99"));
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().expect("the part arrives").len(), 100);
    let played = auditor.timeline(&desk.call);
    let played: Vec<&Value> = played.iter().filter(|item| item["type"] == "access.played").collect();
    assert!(!played.is_empty(), "listening is in the journal");
    assert!(played.iter().all(|item| item["actor"]["kind"] == "auditor"), "{played:?}");
    // Who may not hear does not hear, and the attempt is in the journal.
    let refused = desk.executor.get_raw(&path, None);
    assert_eq!(refused.status(), 403);
    assert!(event(&auditor.timeline(&desk.call), "access.denied").is_some());
}

#[test]
fn control_returns_and_the_executor_declines() {
    let mut desk = Desk::after_a_call("380440000402");
    let organisation = desk.classify();
    desk.employ(&organisation);
    desk.operator.post(&desk.path("/assign"), &json!({}));
    desk.assert_refused(&desk.operator, "/accept", &json!({}), &[403]);
    desk.assert_refused(&desk.executor, "/decline", &json!({ "reason": "" }), &[400, 409, 422]);
    desk.executor.post(&desk.path("/decline"), &json!({ "reason": "не наша мережа" }));
    let case = desk.case();
    assert_eq!((&case["state"], &case["bounces"]), (&json!("registered"), &json!(1)), "{case}");

    desk.operator.post(&desk.path("/assign"), &json!({}));
    desk.work();
    desk.control.post(&desk.path("/evidence-reject"), &json!({ "reason": "на фото інший будинок" }));
    assert_eq!(desk.case()["state"], "in_progress");
    desk.prove_and_report();
    desk.control.post(&desk.path("/evidence-accept"), &json!({}));
    desk.control.post(&desk.path("/return"), &json!({ "reason": "води знову немає" }));
    assert_eq!(desk.case()["state"], "in_progress");
}

/// The names of the timeline from `after` on, which is one of them.
fn told_since(desk: &Desk, after: &str) -> Vec<String> {
    let timeline = desk.server.sign_in("audyt").get(&desk.path("/timeline"));
    let names: Vec<String> =
        event_names(timeline["items"].as_array().expect("a list")).into_iter().map(str::to_owned).collect();
    let from =
        names.iter().position(|name| name == after).unwrap_or_else(|| panic!("no {after} in {names:?}"));
    names[from..].to_vec()
}

/// `wanted` stands in `names` in this order, whatever stands between.
fn assert_in_order(names: &[String], wanted: &[&str]) {
    let mut rest = names.iter();
    for name in wanted {
        assert!(rest.any(|found| found == name), "{name} is missing or too early in {names:?}");
    }
}

/// Refuted once, closed, reopened, done again, seen by an inspector.
const TWO_CYCLES: &[&str] = &[
    "case.registered",
    "wo.issued",
    "wo.accepted",
    "wo.started",
    "evidence.received",
    "wo.reported",
    "evidence.accepted",
    "verify.refuted",
    "wo.returned",
    "evidence.received",
    "wo.reported",
    "evidence.accepted",
    "verify.confirmed",
    "case.closed",
    "case.reopened",
    "wo.issued",
    "wo.accepted",
    "wo.started",
    "wo.reported",
    "evidence.accepted",
    "verify.inspected",
    "verify.attempted",
    "case.closed",
];

#[test]
fn refuted_done_again_confirmed_closed_and_reopened() {
    let mut desk = Desk::after_a_call("380440000404");
    let organisation = desk.classify();
    desk.employ(&organisation);
    desk.operator.post(&desk.path("/assign"), &json!({}));
    desk.work();
    desk.control.post(&desk.path("/evidence-accept"), &json!({}));
    // The citizen says no: back to the same executor, one level up.
    let told = |confirmed: bool| json!({ "channel": "voice", "delivered": true, "confirmed": confirmed });
    let refuted = desk.control.post(&desk.path("/tell"), &told(false));
    assert_eq!((&refuted["state"], &refuted["level"]), (&json!("in_progress"), &json!(1)), "{refuted}");
    // What was shown before proves nothing now; done again and shown again it does.
    desk.assert_refused(&desk.executor, "/report", &json!({ "result": "тепер точно" }), &[409]);
    desk.prove_and_report();
    desk.control.post(&desk.path("/evidence-accept"), &json!({}));
    // No inspector was there, and operators close nothing as fixed.
    desk.assert_refused(&desk.control, "/close", &json!({ "code": "fixed_inspected" }), &[409]);
    desk.control.post(&desk.path("/tell"), &told(true));
    desk.assert_refused(&desk.operator, "/close", &json!({ "code": "fixed_confirmed" }), &[403]);
    let closed = desk.control.post(&desk.path("/close"), &json!({ "code": "fixed_confirmed" }));
    assert_eq!((&closed["state"], &closed["cycle"]), (&json!("closed"), &json!(1)), "{closed}");
    assert!(closed["reopen_until"].is_string(), "{closed}");

    // Broken again within the window: the same number, the next cycle, another level up, the same executor.
    desk.assert_refused(&desk.operator, "/reopen", &json!({ "reason": " " }), &[422]);
    desk.assert_refused(&desk.executor, "/reopen", &json!({ "reason": "ще раз" }), &[403]);
    let again = desk.operator.post(&desk.path("/reopen"), &json!({ "reason": "знову немає води" }));
    assert_eq!(again["number"], desk.number.as_str());
    assert_eq!(
        (&again["state"], &again["cycle"], &again["level"]),
        (&json!("assigned"), &json!(2), &json!(2))
    );
    assert_eq!(again["executor"], organisation.as_str(), "{again}");
    let first = closed["deadline"]["first"].as_str().expect("a moment");
    assert_eq!(again["deadline"]["first"].as_str(), Some(first), "the first promise is kept in sight");
    desk.work();
    desk.control.post(&desk.path("/evidence-accept"), &json!({}));
    desk.control.post(&desk.path("/inspection"), &json!({ "passed": true, "note": "вода є" }));
    desk.control.post(&desk.path("/tell"), &json!({ "channel": "voice", "delivered": true }));
    let closed = desk.control.post(&desk.path("/close"), &json!({ "code": "fixed_inspected" }));
    assert_eq!(closed["state_data"]["code"], "fixed_inspected", "{closed}");

    assert_in_order(&told_since(&desk, "case.registered"), TWO_CYCLES);
}

#[test]
fn a_second_call_about_the_same_is_merged_and_its_caller_is_told_too() {
    let mut desk = Desk::after_a_call("380440000405");
    let organisation = desk.classify();
    desk.employ(&organisation);
    desk.operator.post(&desk.path("/assign"), &json!({}));
    let phone = Phone::register(desk.server.sip, "201", PASSWORD, Answering::Accept);
    desk.operator.set_ready();
    let mut neighbour =
        Invite { caller: "380440000406".to_owned(), ..Invite::default() }.call(desk.server.sip);
    neighbour.rtp.press(KEYS_TO_QUEUE);
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    neighbour.hang_up();
    let second = desk.server.sign_in("audyt").finished_call("380440000406");
    let second = second["case"].as_str().expect("the call has a case").to_owned();
    let merge = json!({ "into": desk.number, "reason": "той самий стояк" });
    let merged = desk.operator.post(&format!("/api/v1/cases/{second}/merge"), &merge);
    assert_eq!(merged["state_data"]["code"], "duplicate", "{merged}");
    let case = desk.case();
    assert_eq!((&case["joined"][0]["from"], &case["contacts"][1]), (&json!(second), &merged["contacts"][0]));

    desk.work();
    desk.control.post(&desk.path("/evidence-accept"), &json!({}));
    desk.control
        .post(&desk.path("/tell"), &json!({ "channel": "voice", "delivered": true, "confirmed": true }));
    desk.assert_refused(&desk.control, "/close", &json!({ "code": "fixed_confirmed" }), &[409]);
    let to_second = json!({ "channel": "sms", "delivered": true, "whom": second });
    desk.control.post(&desk.path("/tell"), &to_second);
    desk.control.post(&desk.path("/close"), &json!({ "code": "fixed_confirmed" }));
    assert_eq!(desk.case()["state"], "closed");
}

#[test]
fn a_photo_must_be_a_photo() {
    let mut desk = Desk::after_a_call("380440000403");
    let organisation = desk.classify();
    desk.employ(&organisation);
    desk.operator.post(&desk.path("/assign"), &json!({}));
    desk.executor.post(&desk.path("/accept"), &json!({}));
    desk.executor.post(&desk.path("/start"), &json!({}));
    let (status, _) = desk.executor.upload_evidence(&desk.number, "after", "photo.jpg", b"<script>".to_vec());
    assert_eq!(status, 415);
    let mut large = photo("large");
    large.resize(10 * 1024 * 1024 + 1, 0);
    let (status, _) = desk.executor.upload_evidence(&desk.number, "after", "photo.jpg", large);
    assert_eq!(status, 413);
    let (status, _) = desk.operator.upload_evidence(&desk.number, "after", "photo.jpg", photo("not mine"));
    assert_eq!(status, 403);
}
