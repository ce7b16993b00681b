//! The address box and what surrounds a call, through the API: found in the demo city's register, kept by a case as the
//! register has it, near what else is open, and a call put on a case there is already.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{contact, new_uuid, user_id};
use crate::case::{Applicant, Case, CaseDraft, IdentityLevel, Priority};
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::people::Role::{Control, Operator, Supervisor};
use crate::phone_number::PhoneNumber;
use crate::store::Batch;
use crate::switchboard::{Command, CommandError};
use crate::time;

const CALLER: &str = "+380671234567";

async fn registered(service: &Service, caller: &str, of: Option<ContactId>) -> Case {
    let draft = CaseDraft {
        contact: of,
        category: "water".to_owned(),
        language: crate::language::Language::Uk,
        priority: Priority::Normal,
        applicant: Applicant {
            identity: IdentityLevel::CallerNumber,
            number: Some(PhoneNumber::from_user_part(caller)),
            name: None,
        },
        place: None,
        description: String::new(),
        ivr_path: Vec::new(),
    };
    service.store.register_case(draft, time::now().utc, Actor::system("test"), None).await.unwrap()
}

/// A call that the operator has had.
async fn call(service: &Service) -> ContactId {
    let id = ContactId(new_uuid());
    let mut contact = contact(id, time::now().utc);
    contact.operator = Some(user_id(Operator));
    let told = [
        (EventType::ContactOffered, json!({})),
        (EventType::ContactAnswered, json!({})),
        (EventType::IvrEntered, json!({ "node": contact.ivr_path[0] })),
        (EventType::RecStarted, json!({})),
        (EventType::ContactEnded, json!({ "termination": contact.termination })),
    ];
    let entry = |(event, data)| {
        let by = Actor::person(Operator, user_id(Operator), None);
        Draft { contact: Some(id), data, ..Draft::new(event, contact.offered_at, by) }
    };
    let entries = told.map(entry).into();
    let batch = Batch { contacts: vec![contact], entries, ..Batch::default() };
    service.store.commit(batch).await.unwrap();
    id
}

async fn json_of(answer: Response) -> Value {
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn change(service: &Service, case: &Case, change: Value) -> Response {
    let path = format!("/api/v1/cases/{}", case.number);
    service.by(Operator, Method::PATCH, &path).json(&change).send().await.unwrap()
}

async fn find(service: &Service, typed: &str) -> Value {
    let request = service.by(Operator, Method::GET, "/api/v1/addresses").query(&[("q", typed)]);
    json_of(request.send().await.unwrap()).await
}

async fn context(service: &Service, case: &Case) -> Value {
    json_of(service.get(Operator, &format!("/api/v1/cases/{}/context", case.number)).await).await
}

#[tokio::test]
async fn an_old_name_finds_the_house_and_the_case_keeps_it_as_the_register_has_it() {
    let service = Service::start().await;
    let case = registered(&service, CALLER, None).await;
    let found = find(&service, "леніна 12 кв 5").await;
    let first = &found["items"][0];
    assert_eq!(found["register"], true);
    assert_eq!(
        (
            &first["street"],
            &first["former"],
            &first["by_former"],
            &first["house"],
            &first["flat"],
            &first["territory"]
        ),
        (
            &json!("вулиця Тараса Шевченка"),
            &json!("вулиця Леніна"),
            &json!(true),
            &json!("12"),
            &json!("5"),
            &json!("center")
        ),
    );
    let site = json!({ "site": { "key": first["key"], "house": "12", "flat": "5" } });
    let place = json_of(change(&service, &case, site).await).await["place"].clone();
    assert_eq!(place["address"], "вулиця Тараса Шевченка, 12, кв. 5");
    assert_eq!((&place["territory"], &place["site"]["in_register"]), (&json!("center"), &json!(true)));
    assert!(place["site"]["lat"].as_f64().unwrap() > 50.0 && place["site"]["holder"] == "zhek-right-bank");

    let flat = json_of(change(&service, &case, json!({ "flat": "7" })).await).await;
    assert_eq!(flat["place"]["address"], "вулиця Тараса Шевченка, 12, кв. 7");
    let unknown = json!({ "site": { "key": first["key"], "house": "999" } });
    let place = json_of(change(&service, &case, unknown).await).await["place"].clone();
    assert_eq!((&place["site"]["in_register"], &place["site"]["lat"]), (&json!(false), &Value::Null));
    assert_eq!(
        place["territory"], "center",
        "what the operator has chosen stays where the register cannot say"
    );
    let written = json_of(change(&service, &case, json!({ "address": "біля ринку" })).await).await;
    assert_eq!(
        (&written["place"]["address"], &written["place"]["site"]["in_register"]),
        (&json!("біля ринку"), &json!(false))
    );
    let emptied = json_of(change(&service, &case, json!({ "address": "" })).await).await;
    assert_eq!(emptied["place"]["site"], Value::Null);
}

#[tokio::test]
async fn what_the_register_does_not_know_is_nobodys_claim() {
    let service = Service::start().await;
    let case = registered(&service, CALLER, None).await;
    let key = find(&service, "паркова").await["items"][0]["key"].clone();
    for refused in [
        json!({ "site": { "key": "вулиця Атлантиди#1" } }),
        json!({ "site": { "key": key }, "address": "Паркова" }),
        json!({ "site": { "key": key, "house": "1".repeat(21) } }),
        json!({ "site": { "key": key, "in_register": true } }),
        json!({ "flat": "1".repeat(21) }),
    ] {
        assert_eq!(
            change(&service, &case, refused.clone()).await.status(),
            StatusCode::UNPROCESSABLE_ENTITY,
            "{refused}"
        );
    }
    let long = format!("/api/v1/addresses?q={}", "a".repeat(201));
    let refused = service.get(Operator, &long).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(service.get(Operator, "/api/v1/addresses").await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_context_of_a_call_names_the_caller_and_what_is_open_around() {
    let service = Service::start().await;
    let key = find(&service, "паркова").await["items"][0]["key"].clone();
    let site = |house: &str| json!({ "site": { "key": key, "house": house } });
    let before = registered(&service, CALLER, None).await;
    let named = json!({ "applicant_name": "Олена", "site": { "key": key, "house": "14" } });
    json_of(change(&service, &before, named).await).await;
    let neighbour = registered(&service, "+380500000001", None).await;
    json_of(change(&service, &neighbour, site("12")).await).await;
    let case = registered(&service, CALLER, None).await;

    let ringing = context(&service, &case).await;
    assert_eq!((&ringing["known_name"], &ringing["near_last_place"]), (&json!("Олена"), &json!(true)));
    assert_eq!(ringing["last_place"]["address"], "вулиця Паркова, 14");
    assert_eq!(ringing["of_number"][0]["number"], before.number.0.as_str());
    assert_eq!(ringing["nearby"][0]["how"], "same_house", "{ringing}");

    json_of(change(&service, &case, site("12")).await).await;
    let placed = context(&service, &case).await;
    let near: Vec<_> = placed["nearby"]
        .as_array()
        .unwrap()
        .iter()
        .map(|near| (&near["case"]["number"], &near["how"]))
        .collect();
    let expected = [
        (&json!(neighbour.number.0), &json!("same_house")),
        (&json!(before.number.0), &json!("same_street")),
    ];
    assert_eq!(near, expected);
    assert!(placed["nearby"][1]["metres"].as_u64().unwrap() < 300);
    let stranger = registered(&service, "", None).await;
    let nothing = context(&service, &stranger).await;
    assert_eq!(
        (&nothing["known_name"], &nothing["of_number"], &nothing["nearby"]),
        (&Value::Null, &json!([]), &json!([]))
    );
    let control = service.get(Control, &format!("/api/v1/cases/{}/context", case.number)).await;
    assert_eq!(control.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_call_is_put_on_a_case_there_is_and_its_own_ends_as_a_duplicate() {
    let mut service = Service::with_switchboard(Arc::new(|_| Err(CommandError::Unknown))).await;
    let target = registered(&service, "+380500000001", None).await;
    let id = call(&service).await;
    let own = registered(&service, CALLER, Some(id)).await;
    let path = format!("/api/v1/calls/{id}/case");
    for (choice, status) in
        [(json!({ "case": "2026-01-999999" }), 404), (json!({ "case": "../1" }), 404), (json!({}), 422)]
    {
        assert_eq!(service.post(Operator, &path, choice).await.status(), status);
    }
    assert_eq!(
        service.post(Supervisor, &path, json!({ "case": target.number })).await.status(),
        StatusCode::FORBIDDEN
    );
    let linked = service.post(Operator, &path, json!({ "case": target.number })).await;
    assert_eq!(linked.status(), StatusCode::NO_CONTENT);
    let again = service.post(Operator, &path, json!({ "case": target.number })).await;
    assert_eq!(again.status(), StatusCode::NO_CONTENT, "asking again changes nothing");

    let case = service.store.case(&target.number).await.unwrap().unwrap();
    assert_eq!(case.contacts, [id]);
    let own = service.store.case(&own.number).await.unwrap().unwrap();
    assert_eq!(own.state.name(), "closed");
    assert_eq!(service.store.contact(id).await.unwrap().unwrap().case, Some(target.number.clone()));
    let merged = service.journalled("case.merged").await;
    assert_eq!((merged.len(), &merged[0].data["into"]), (1, &json!(target.number)));
    // The one case says whose duplicate it is, the other what it took in.
    let linked = service.journalled("case.linked").await;
    assert_eq!((linked.len(), &linked[1].data["merged"]), (2, &json!(own.number)));
    assert_eq!(linked[1].contact, Some(id));
    assert_eq!(case.joined.len(), 1, "who called waits for its result too");
    assert!(service.store.verify(&mut |_| {}, None).await.unwrap().is_good());
    let told = service.commands.recv().await.unwrap();
    assert_eq!(told, Command::LinkCase { contact: id, case: target.number });
}

#[tokio::test]
async fn a_case_that_others_called_about_is_not_closed_with_the_call() {
    let service = Service::start().await;
    let target = registered(&service, "+380500000001", None).await;
    let id = call(&service).await;
    let own = registered(&service, CALLER, Some(id)).await;
    let other = call(&service).await;
    service
        .store
        .change_case(&own.number, &Actor::system("test"), time::now().utc, move |case, _| {
            case.link(other, time::now().utc)
        })
        .await
        .unwrap();
    let linked =
        service.post(Operator, &format!("/api/v1/calls/{id}/case"), json!({ "case": target.number })).await;
    assert_eq!(linked.status(), StatusCode::NO_CONTENT);
    assert_eq!(service.store.case(&own.number).await.unwrap().unwrap().state.name(), "registered");
}

#[tokio::test]
async fn the_promise_is_told_before_the_district_and_by_priority() {
    let service = Service::start().await;
    let city_wide = json_of(service.get(Operator, "/api/v1/city/preview?category=water.burst").await).await;
    assert_eq!((&city_wide["executor"], &city_wide["norm"]), (&json!("vodokanal"), &json!("water-burst")));
    let urgent = service
        .get(Operator, "/api/v1/city/preview?category=water&territory=north&priority=life_safety")
        .await;
    assert_eq!(json_of(urgent).await["norm"], "water-life-safety");
}
