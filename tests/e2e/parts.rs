//! Work that several organisations share, over the API of a running service: the plan names the co-executors, each answers
//! for its part, one declines, control gives its part to another, and only then the lead reports for all.

use std::fs;

use serde_json::{Value, json};

use crate::api::{Api, event_names};
use crate::citizen::Invite;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};

/// Burst pipes below houses of this keeper concern road and lamps, too.
const SHARED: &str = "\n[[area]]\ncategories = [\"water.burst\"]\nholders = [\"zhek-right-bank\"]\n\
                      executor = \"vodokanal\"\nco_executors = [\"roads\", \"misksvitlo\"]\n";

/// Login and organisation of each executor.
const EXECUTORS: [(&str, &str); 4] = [
    ("slyusar", "vodokanal"),
    ("shlyahovyk", "roads"),
    ("elektryk", "misksvitlo"),
    ("teplyk", "teplomerezha"),
];

struct Shared {
    server: Server,
    control: Api,
    number: String,
}

impl Shared {
    /// A citizen called and hung up in the queue; the operator has placed the case at the keeper's house.
    fn work() -> Self {
        let mut server = Server::prepare(&Setup::default());
        let city = server.folder().join("city.toml");
        let text = fs::read_to_string(&city).expect("the plan is there") + SHARED;
        fs::write(city, text).expect("the plan can be written");
        server.run();
        for (name, organisation) in EXECUTORS {
            server.add_person(name, "executor", &["--organisation", organisation]);
        }
        let caller = "380440000577";
        let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
        citizen.rtp.press(KEYS_TO_QUEUE);
        let auditor = server.sign_in("audyt");
        let waits = |call: &Value| call["ended_at"].is_null() && call["case"].is_string();
        auditor.call_where(caller, "with a case", waits);
        citizen.hang_up();
        let number = auditor.finished_call(caller)["case"].as_str().expect("a case").to_owned();
        let shared = Self { control: server.sign_in("kontrol"), number, server };
        let desk = shared.server.sign_in("olena");
        let found = desk.get("/api/v1/addresses?q=lenina%2012")["items"][0].clone();
        let site = json!({ "key": found["key"], "house": found["house"] });
        desk.patch(&shared.path(""), &json!({ "category": "water.burst", "site": site }));
        let assigned = desk.post(&shared.path("/assign"), &json!({}));
        assert_eq!(assigned["executor"], "vodokanal", "{assigned}");
        shared
    }

    fn path(&self, action: &str) -> String {
        format!("/api/v1/cases/{}{action}", self.number)
    }

    fn executor(&self, name: &str) -> Api {
        self.server.sign_in(name)
    }

    fn case(&self) -> Value {
        self.control.get(&self.path(""))
    }

    /// Organisation and state of each part, in the order in which they were asked.
    fn parts(&self) -> Vec<(String, String)> {
        let case = self.case();
        let word = |part: &Value, key: &str| part[key].as_str().expect("a word").to_owned();
        let parts = case["parts"].as_array().expect("a list").iter();
        parts.map(|part| (word(part, "executor"), word(part, "state"))).collect()
    }

    fn assert_parts(&self, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(who, state)| ((*who).to_owned(), (*state).to_owned())).collect();
        assert_eq!(self.parts(), expected);
    }

    fn assert_refused(&self, api: &Api, action: &str, body: &Value, (status, why): (u16, &str)) {
        let (answered, problem) = api.send("POST", &self.path(action), Some(body));
        assert_eq!(answered, status, "{action}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(why)), "{action}: {problem}");
    }

    /// State of this executor's own part in their list; none where the order is not theirs.
    fn own_part(&self, api: &Api) -> Option<String> {
        let orders = api.items("/api/v1/work-orders?");
        let order = orders.iter().find(|order| order["number"] == self.number.as_str())?;
        Some(order["own_part"].as_str().unwrap_or("lead").to_owned())
    }
}

/// Whom the command line names for the house on the case is who was asked.
fn assert_routed_alike(shared: &Shared) {
    let matter = ["route", "--category", "water.burst", "--address", "lenina 12"];
    let output = shared.server.output(&matter);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "executor   vodokanal (КП «Міськводоканал»)",
            "with       roads (КП «Шляхрембуд»)",
            "with       misksvitlo (КП «Міськсвітло»)",
        ]
    );
    assert!(lines[3].starts_with("because    Прорив водопроводу x "), "{said}");
    assert!(lines[3].contains("КП «Житлосервіс Правобережний»"), "{said}");
    assert_eq!(lines[4], "place      вулиця Тараса Шевченка 12");
    assert!(lines[5].starts_with("resolve by 20") && lines[5].ends_with("(norm water-burst)"), "{said}");
}

/// Control gives the declined part to those who may have it, and to nobody else.
fn give_to_heating(shared: &Shared) {
    let give = |to: &str| json!({ "from": "misksvitlo", "to": to, "reason": "їхня траншея" });
    shared.assert_refused(&shared.server.sign_in("olena"), "/part-give", &give("teplomerezha"), (403, ""));
    shared.assert_refused(
        &shared.control,
        "/part-give",
        &give("nobody"),
        (422, "has no organisation 'nobody'"),
    );
    shared.assert_refused(
        &shared.control,
        "/part-give",
        &give("roads"),
        (409, "has a part of the work already"),
    );
    shared.assert_refused(
        &shared.control,
        "/part-give",
        &give("vodokanal"),
        (409, "has a part of the work already"),
    );
    shared.control.post(&shared.path("/part-give"), &give("teplomerezha"));
    shared.assert_parts(&[("roads", "accepted"), ("teplomerezha", "asked")]);
}

/// The journal has each step of a part, and its replay finds nothing.
fn assert_told(shared: &Shared) {
    let timeline = shared.server.sign_in("audyt").get(&shared.path("/timeline"));
    let names = event_names(timeline["items"].as_array().expect("items"));
    let of_parts: Vec<&str> = names.into_iter().filter(|name| name.starts_with("wo.part_")).collect();
    let expected =
        ["wo.part_accepted", "wo.part_declined", "wo.part_given", "wo.part_reported", "wo.part_reported"];
    assert_eq!(of_parts, expected);
    let verified = shared.server.output(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_declined_part_is_given_to_another_before_the_lead_reports_for_all() {
    let shared = Shared::work();
    shared.assert_parts(&[("roads", "asked"), ("misksvitlo", "asked")]);
    assert_routed_alike(&shared);
    let [lead, roads, lamps, heat] = EXECUTORS.map(|(name, _)| shared.executor(name));
    assert_eq!(shared.own_part(&lead).as_deref(), Some("lead"));
    assert_eq!(shared.own_part(&lamps).as_deref(), Some("asked"));
    assert_eq!(shared.own_part(&heat), None, "nobody has asked them");
    let empty = json!({});
    roads.post(&shared.path("/part-accept"), &empty);
    shared.assert_refused(&heat, "/part-accept", &empty, (403, ""));
    shared.assert_refused(&lead, "/part-accept", &empty, (403, "that has a part"));
    lamps.post(&shared.path("/part-decline"), &json!({ "reason": "лампи там немає" }));
    let case = shared.case();
    assert_eq!(
        (&case["parts"][1]["state"], &case["parts"][1]["reason"]),
        (&json!("declined"), &json!("лампи там немає"))
    );
    assert_eq!(case["parts"][1]["resolve_by"], case["deadline"]["resolve_by"], "one promise for all");

    lead.post(&shared.path("/accept"), &empty);
    lead.post(&shared.path("/start"), &empty);
    for (role, seed) in [("before", 71), ("after", 72)] {
        let picture = crate::photo::jpeg(&crate::photo::scene(seed, 160, 120), 85);
        let (status, kept) = lead.upload_evidence(&shared.number, role, "photo.jpg", picture);
        assert!(status == 200 || status == 201, "{status} {kept}");
    }
    let done = json!({ "result": "Замінено ділянку" });
    shared.assert_refused(&lead, "/report", &done, (409, "a co-executor declined its part"));
    assert_eq!(shared.case()["next"]["owner"], "dispatcher");

    give_to_heating(&shared);
    assert_eq!(shared.own_part(&lamps), None, "it is not theirs any more");
    assert_eq!(shared.own_part(&heat).as_deref(), Some("asked"));
    assert_eq!(shared.case()["next"]["owner"], "vodokanal");
    shared.assert_refused(&lead, "/report", &done, (409, "has not reported its part yet"));

    for part in [&heat, &roads] {
        part.post(&shared.path("/part-report"), &json!({ "result": "засипано" }));
    }
    shared.assert_refused(&roads, "/part-report", &json!({ "result": "ще раз" }), (409, "answered already"));
    lead.post(&shared.path("/report"), &done);
    shared.control.post(&shared.path("/evidence-accept"), &empty);
    let fixed = json!({ "channel": "voice", "delivered": true, "confirmed": true });
    shared.control.post(&shared.path("/tell"), &fixed);
    shared.control.post(&shared.path("/close"), &json!({ "code": "fixed_confirmed" }));
    assert_eq!(shared.case()["state"], "closed");
    shared.assert_parts(&[("roads", "reported"), ("teplomerezha", "reported")]);
    assert_told(&shared);
}
