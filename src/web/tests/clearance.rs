//! Restricted cases: who is told what of them, at every address that tells anything of a case; and that nobody reads one
//! off the record.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::events::{connect, next};
use super::service::user_id;
use crate::case::{Applicant, CaseDraft, CaseNumber, IdentityLevel, Place, Priority};
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::store::UserChange;
use crate::switchboard::Snapshot;
use crate::switchboard::snapshot::{CallPhase, LiveCall};
use crate::time;
use crate::web::access::{RULES, Who};
use crate::web::events::live_call;

const NUMBER: &str = "+380671234567";
/// What must not leave: the applicant's name and address, what they said, where it happened and what it is about.
const SECRETS: [&str; 5] = ["Olena", "380671234567", "hungry", "Secret Street", "welfare"];

struct Restricted {
    service: Service,
    /// Of the restricted case.
    path: String,
    call: ContactId,
}

impl Restricted {
    /// A call and its welfare case, and an ordinary case of the same number.
    async fn start() -> Self {
        let service = Service::start().await;
        let call = service.recorded_call(b"no sound", Some(user_id(Role::Operator))).await;
        let register = async |category: &str, contact| {
            let draft = CaseDraft {
                contact,
                category: category.to_owned(),
                language: crate::language::Language::En,
                priority: Priority::Normal,
                applicant: Applicant {
                    identity: IdentityLevel::CallerNumber,
                    number: Some(PhoneNumber::from_user_part(NUMBER)),
                    name: Some("Olena".to_owned()),
                },
                place: Some(Place { address: "Secret Street 1".to_owned(), ..Place::default() }),
                description: "the children are hungry".to_owned(),
                ivr_path: Vec::new(),
            };
            let actor = Actor::system("test");
            service.store.register_case(draft, time::now().utc, actor, None).await.unwrap()
        };
        let case = register("welfare", Some(call)).await;
        register("water", None).await;
        Self { path: format!("/api/v1/cases/{}", case.number), service, call }
    }

    async fn clear(&self, role: Role) {
        let change = UserChange { clearances: Some(vec!["welfare".to_owned()]), ..UserChange::default() };
        let entry = Draft::new(EventType::UserChanged, time::now().utc, Actor::system("test"));
        self.service.store.change_user(user_id(role), change, entry).await.unwrap();
    }

    async fn text(&self, role: Role, path: &str) -> (StatusCode, String) {
        let answer = self.service.get(role, path).await;
        (answer.status(), answer.text().await.unwrap())
    }

    async fn viewed(&self) -> usize {
        // An auditor's search is on the journal whatever it finds.
        let entries = self.service.journalled("access.viewed").await;
        entries.iter().filter(|entry| entry.data["what"] != "search").count()
    }
}

/// Roles that the table lets read cases, and that have no organisation to be confined to.
const READERS: [Role; 6] =
    [Role::Operator, Role::Supervisor, Role::Control, Role::MayorOffice, Role::Records, Role::Auditor];

fn tells(text: &str) -> Vec<&'static str> {
    SECRETS.into_iter().filter(|secret| text.contains(secret)).collect()
}

#[tokio::test]
async fn without_clearance_nothing_tells_more_than_that_it_exists() {
    let it = Restricted::start().await;
    let number = it.path.rsplit('/').next().unwrap().to_owned();
    for role in READERS {
        let (status, text) = it.text(role, &it.path).await;
        assert_eq!(status, StatusCode::OK, "{role:?}");
        let case: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&case["number"], &case["state"]), (&json!(number), &json!("registered")));
        assert_eq!((&case["withheld"], &case["restricted"]), (&json!(true), &json!(true)));
        assert_eq!(tells(&text), [""; 0], "{role:?}: {text}");
        for path in [
            format!("{}/timeline", it.path),
            format!("{}/context", it.path),
            format!("{}/filing", it.path),
            format!("/api/v1/calls/{}", it.call.0),
            format!("/api/v1/calls/{}/timeline", it.call.0),
            format!("/api/v1/calls/{}/recording?reason=x", it.call.0),
            format!("/api/v1/calls/{}/peaks?reason=x", it.call.0),
            format!("/api/v1/calls?case={number}"),
            "/api/v1/work-orders".to_owned(),
            "/api/v1/escalations".to_owned(),
        ] {
            let (status, text) = it.text(role, &path).await;
            assert!(!status.is_server_error(), "{path}: {status}");
            assert_eq!(tells(&text), [""; 0], "{path} as {role:?}: {status} {text}");
        }
        for secret in ["filing", "context"] {
            let (status, _) = it.text(role, &format!("{}/{secret}", it.path)).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{secret} as {role:?}");
        }
    }
    assert_eq!(it.viewed().await, 0, "nobody has read anything");
}

#[tokio::test]
async fn a_list_tells_of_it_that_it_exists_even_to_the_cleared() {
    let it = Restricted::start().await;
    it.clear(Role::Supervisor).await;
    let (_, text) = it.text(Role::Supervisor, "/api/v1/cases").await;
    let list: Value = serde_json::from_str(&text).unwrap();
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let closed: Vec<_> = items.iter().filter(|case| case["withheld"] == true).collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(tells(&closed[0].to_string()), [""; 0]);
    assert_eq!(it.viewed().await, 0, "a list reads nothing");
}

#[tokio::test]
async fn it_is_not_found_by_searching_for_what_stands_in_it() {
    let it = Restricted::start().await;
    it.clear(Role::Supervisor).await;
    for (role, found) in [(Role::Operator, 0), (Role::Supervisor, 1)] {
        for (search, others) in [("caller=671234567", 1), ("category=welfare", 0)] {
            let (status, text) = it.text(role, &format!("/api/v1/cases?{search}")).await;
            assert_eq!(status, StatusCode::OK);
            let list: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(list["items"].as_array().unwrap().len(), found + others, "{search} as {role:?}");
        }
        let (_, text) = it.text(role, "/api/v1/calls?caller=671234567").await;
        let list: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(list["items"].as_array().unwrap().len(), found, "calls as {role:?}");
    }
    let by_category = "/api/v1/reports/weekly/list?indicator=cases_registered&by=category&key=welfare";
    let (status, text) = it.text(Role::Control, by_category).await;
    assert_eq!(status, StatusCode::OK);
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list["total"], &list["withheld"], &list["items"]), (&json!(1), &json!(1), &json!([])));
    let (_, text) = it.text(Role::Supervisor, by_category).await;
    let list: Value = serde_json::from_str(&text).unwrap();
    let number = it.path.rsplit('/').next().unwrap();
    assert_eq!(
        (&list["total"], &list["withheld"], &list["items"][0]["case"]),
        (&json!(1), &json!(0), &json!(number))
    );
}

/// The picture with one call on the restricted case.
fn on_the_line(it: &Restricted, seq: u64, phase: CallPhase) -> Arc<Snapshot> {
    let number = it.path.rsplit('/').next().unwrap();
    let live = LiveCall {
        topic: Some("welfare".to_owned()),
        case: Some(CaseNumber(number.to_owned())),
        operator: Some(user_id(Role::Operator)),
        ..live_call(1, phase)
    };
    Arc::new(Snapshot { seq, calls: vec![live], ..Snapshot::default() })
}

#[tokio::test]
async fn the_live_picture_tells_of_its_call_to_the_cleared_and_to_whose_it_is() {
    let it = Restricted::start().await;
    it.clear(Role::Control).await;
    it.service.snapshot.send_replace(on_the_line(&it, 2, CallPhase::Ringing));
    let told = |message: &Value| {
        let calls = message.get("calls").unwrap_or_else(|| &message["snapshot"]["calls"]);
        let number = calls[0]["caller"] == NUMBER;
        assert_eq!(calls[0]["withheld"], !number, "{message}");
        assert_eq!(calls[0]["topic"] == "welfare", number, "{message}");
        assert!(number || !message.to_string().contains("welfare"), "{message}");
        number
    };
    let readers = [(Role::Supervisor, false), (Role::Control, true), (Role::Operator, true)];
    let mut streams = Vec::new();
    for (role, sees) in readers {
        let mut socket = connect(&it.service, role, "", None).await.unwrap();
        // The first may be of before the case was looked up: closed to all but those whose call it is.
        let mut first = next(&mut socket).await;
        if !told(&first) && sees {
            first = next(&mut socket).await;
        }
        assert_eq!(told(&first), sees, "{role:?}");
        streams.push((role, sees, socket));
    }
    it.service.snapshot.send_replace(on_the_line(&it, 3, CallPhase::Talking));
    for (role, sees, socket) in &mut streams {
        assert_eq!(told(&next(socket).await), *sees, "a delta to {role:?}");
    }
    // The operator finds that it is about water: that opens it to everybody, with no other picture.
    it.clear(Role::Operator).await;
    let change = it.service.by(Role::Operator, Method::PATCH, &it.path).json(&json!({ "category": "water" }));
    assert_eq!(change.send().await.unwrap().status(), StatusCode::OK);
    let anew = next(&mut streams[0].2).await;
    assert_eq!(anew["type"], "snapshot");
    assert_eq!(
        (&anew["snapshot"]["calls"][0]["withheld"], &anew["snapshot"]["calls"][0]["caller"]),
        (&json!(false), &json!(NUMBER))
    );
}

#[tokio::test]
async fn a_code_that_opens_its_page_takes_the_clearance() {
    let it = Restricted::start().await;
    let give = format!("{}/code", it.path);
    assert_eq!(it.service.post(Role::Supervisor, &give, json!({})).await.status(), StatusCode::FORBIDDEN);
    it.clear(Role::Supervisor).await;
    assert_eq!(it.service.post(Role::Supervisor, &give, json!({})).await.status(), StatusCode::OK);
    // Who talks with the applicant about it knows what is there.
    assert_eq!(it.service.post(Role::Operator, &give, json!({})).await.status(), StatusCode::FORBIDDEN);
    it.service.snapshot.send_replace(on_the_line(&it, 2, CallPhase::Talking));
    assert_eq!(it.service.post(Role::Operator, &give, json!({})).await.status(), StatusCode::OK);
}

/// Whatever is asked of a restricted case by those whose role may ask: refused, not there, or nothing told.
#[tokio::test]
async fn no_address_tells_of_it_or_changes_it_without_clearance() {
    let it = Restricted::start().await;
    let number = it.path.rsplit('/').next().unwrap().to_owned();
    let before = it.service.store.case(&CaseNumber(number.clone())).await.unwrap().unwrap();
    let mut asked = 0;
    for rule in RULES.iter().filter(|rule| rule.path.contains("{number}") && rule.who != Who::Public) {
        let path = super::routes::address(&rule.path.replace("{number}", &number));
        for role in READERS {
            let body = json!({ "reason": "the same", "into": "2026-01-000002", "category": "water" });
            let request = it.service.by(role, rule.method.parse().unwrap(), &path).json(&body);
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let text = answer.text().await.unwrap();
            assert!(
                !status.is_server_error() || status == 503,
                "{} {path} as {role:?}: {status}",
                rule.method
            );
            assert_eq!(tells(&text), [""; 0], "{} {path} as {role:?}: {status} {text}", rule.method);
            assert!(
                rule.method == "GET" || !status.is_success(),
                "{} {path} as {role:?}: {status}",
                rule.method
            );
            asked += 1;
        }
    }
    assert!(asked > 200, "{asked}");
    let after = it.service.store.case(&CaseNumber(number)).await.unwrap().unwrap();
    assert_eq!(after, before, "nothing has changed");
    assert_eq!(it.viewed().await, 0);
}

#[tokio::test]
async fn each_reading_by_the_cleared_is_on_the_journal() {
    let it = Restricted::start().await;
    for (n, role) in READERS.into_iter().enumerate() {
        it.clear(role).await;
        let (status, text) = it.text(role, &it.path).await;
        assert_eq!(status, StatusCode::OK, "{role:?}");
        assert!(text.contains("hungry") && text.contains("Secret Street"), "{role:?}: {text}");
        assert_eq!(text.contains("Olena"), crate::web::access::sees_applicants(role), "{role:?}");
        let entries = it.service.journalled("access.viewed").await;
        assert_eq!(entries.len(), n + 1, "{role:?}");
        let last = entries.last().unwrap();
        assert_eq!(last.actor.id, user_id(role).to_string());
        assert_eq!(last.case.as_ref().unwrap().0, it.path.rsplit('/').next().unwrap());
        assert_eq!(tells(&last.data.to_string()), [""; 0]);
    }
    let before = it.viewed().await;
    for path in [
        format!("{}/timeline", it.path),
        format!("{}/filing", it.path),
        format!("{}/context", it.path),
        format!("/api/v1/calls/{}", it.call.0),
        format!("/api/v1/calls/{}/timeline", it.call.0),
    ] {
        let so_far = it.viewed().await;
        assert_eq!(it.text(Role::Operator, &path).await.0, StatusCode::OK, "{path}");
        assert_eq!(it.viewed().await, so_far + 1, "{path}");
    }
    assert_eq!(it.viewed().await, before + 5);
}

#[tokio::test]
async fn the_caller_is_not_known_by_a_case_that_not_everybody_reads() {
    let it = Restricted::start().await;
    let ordinary: Value = serde_json::from_str(&it.text(Role::Operator, "/api/v1/cases").await.1).unwrap();
    let ordinary =
        ordinary["items"].as_array().unwrap().iter().find(|case| case["withheld"] == false).unwrap();
    let path = format!("/api/v1/cases/{}/context", ordinary["number"].as_str().unwrap());
    it.clear(Role::Supervisor).await;
    for role in [Role::Operator, Role::Supervisor] {
        let context: Value = serde_json::from_str(&it.text(role, &path).await.1).unwrap();
        assert_eq!(context["of_number"], json!([]), "{role:?}");
        assert_eq!(context["nearby"], json!([]), "{role:?}");
    }
}

#[tokio::test]
async fn without_clearance_it_is_not_changed_either() {
    let it = Restricted::start().await;
    let other = json!({ "description": "nothing", "category": "water" });
    let change = it.service.by(Role::Operator, Method::PATCH, &it.path).json(&other);
    let refused = change.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let problem: Value = refused.json().await.unwrap();
    assert_eq!(problem["type"], "urn:ringback:problem:not_cleared");
    let merge = format!("{}/merge", it.path);
    let into = json!({ "into": "2026-01-000002", "reason": "the same" });
    let merged = it.service.post(Role::Operator, &merge, into).await;
    assert_eq!(merged.status(), StatusCode::FORBIDDEN);
    it.clear(Role::Operator).await;
    let change = it.service.by(Role::Operator, Method::PATCH, &it.path).json(&other);
    assert_eq!(change.send().await.unwrap().status(), StatusCode::OK);
    // It is about water now, and anybody's to read.
    assert!(it.text(Role::Supervisor, &it.path).await.1.contains("Secret Street"));
}

#[tokio::test]
async fn clearances_are_given_by_the_administrator_and_on_the_journal() {
    let it = Restricted::start().await;
    let path = format!("/api/v1/admin/users/{}", user_id(Role::Operator));
    let give = |classes: Value| {
        it.service.by(Role::Admin, Method::PATCH, &path).json(&json!({ "clearances": classes })).send()
    };
    assert_eq!(give(json!(["secrets"])).await.unwrap().status(), StatusCode::UNPROCESSABLE_ENTITY);
    let given: Value = give(json!(["welfare"])).await.unwrap().json().await.unwrap();
    assert_eq!(given["clearances"], json!(["welfare"]));
    assert!(it.text(Role::Operator, &it.path).await.1.contains("hungry"), "at once");
    assert_eq!(give(json!([])).await.unwrap().status(), StatusCode::OK);
    assert!(!it.text(Role::Operator, &it.path).await.1.contains("hungry"), "and gone at once");
    let entries = it.service.journalled("user.changed").await;
    let told: Vec<_> = entries.iter().map(|entry| entry.data["clearances"].clone()).collect();
    assert_eq!(told, [json!(["welfare"]), json!([])]);
    // An administrator configures and reads nothing, cleared or not.
    it.clear(Role::Admin).await;
    assert_eq!(it.text(Role::Admin, &it.path).await.0, StatusCode::FORBIDDEN);
}
