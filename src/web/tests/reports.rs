//! The weekly report over HTTP: the list behind a figure is as long as the figure, today's calls are the week's, the
//! journal gives the same until somebody touches a row, and files come as what they are.

#![allow(clippy::unwrap_used, clippy::panic)]

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::new_uuid;
use crate::call::contact::{Contact, Disposition};
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::store::Batch;
use crate::time;

/// A call of this moment that gave up in the queue, as the switchboard tells of it.
fn abandoned() -> Batch {
    let now = time::now().utc;
    let (caller, called) =
        (PhoneNumber::from_user_part("+380501112233"), PhoneNumber::from_user_part("1580"));
    let id = ContactId(new_uuid());
    let mut contact = Contact::offered(id, now, caller, called, "city".to_owned(), "call".to_owned());
    contact.language = Some(Language::Pl);
    (contact.queued_at, contact.ended_at) = (Some(now), Some(now));
    contact.disposition = Some(Disposition::Abandoned);
    let told = [
        (EventType::ContactOffered, json!({ "origin": "city" })),
        (EventType::ContactQueued, json!({ "language": "pl" })),
        (EventType::ContactEnded, json!({ "termination": "caller_hung_up" })),
        (EventType::ContactDisposed, json!({ "disposition": "abandoned", "language": "pl" })),
    ];
    let entries = told.map(|(event, data)| {
        let mut draft = Draft::new(event, now, Actor::system("switchboard"));
        (draft.contact, draft.data) = (Some(id), data);
        draft
    });
    Batch { contacts: vec![contact], entries: entries.to_vec(), ..Batch::default() }
}

async fn filled() -> Service {
    let service = Service::start().await;
    for _ in 0..3 {
        service.store.commit(abandoned()).await.unwrap();
        let draft = crate::case::CaseDraft { contact: None, ..crate::case::tests::draft() };
        service.store.register_case(draft, time::now().utc, Actor::system("test"), None).await.unwrap();
    }
    service
}

async fn got(service: &Service, method: Method, path: &str) -> Value {
    let answer = service.by(Role::MayorOffice, method, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

fn figures(report: &Value) -> Vec<&Value> {
    let sections = report["sections"].as_array().unwrap();
    sections.iter().flat_map(|section| section["figures"].as_array().unwrap()).collect()
}

#[tokio::test]
async fn every_list_is_as_long_as_its_figure_says() {
    let service = filled().await;
    let report = got(&service, Method::GET, "/api/v1/reports/weekly?language=en").await;
    let (week, to) = (report["week"].as_str().unwrap(), report["to"].as_str().unwrap());
    // What happens meanwhile does not make the lists longer than the figures.
    service.store.commit(abandoned()).await.unwrap();
    let mut shown = 0;
    for figure in figures(&report) {
        let id = figure["id"].as_str().unwrap();
        let path = format!("/api/v1/reports/weekly/list?week={week}&to={to}&indicator={id}");
        let list = got(&service, Method::GET, &path).await;
        assert_eq!(list["total"], figure["value"]["members"], "{id}");
        shown += list["items"].as_array().unwrap().len();
    }
    assert!(shown >= 12, "{shown} lines");
    let by = format!(
        "/api/v1/reports/weekly/list?week={week}&to={to}&indicator=contacts_offered&by=language&key=pl"
    );
    assert_eq!(got(&service, Method::GET, &by).await["total"], 3);
    for wrong in ["indicator=nothing", "indicator=cases_open&by=hour", "indicator=cases_open&week=2026-W99"] {
        let path = format!("/api/v1/reports/weekly/list?{wrong}");
        let status = service.by(Role::Auditor, Method::GET, &path).send().await.unwrap().status();
        assert!(matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST), "{wrong}: {status}");
    }
}

#[tokio::test]
async fn the_boards_figures_are_the_reports() {
    let service = filled().await;
    let today = got(&service, Method::GET, "/api/v1/reports/today?language=en").await;
    let report = got(&service, Method::GET, "/api/v1/reports/weekly?language=en").await;
    let figures = figures(&report);
    let of_today = today["figures"].as_array().unwrap();
    assert_eq!(of_today.len(), 9);
    for figure in of_today {
        // All calls there are were made today.
        let weekly = figures.iter().find(|other| other["id"] == figure["id"]).unwrap();
        assert_eq!(figure["value"], weekly["value"]);
    }
    assert_eq!(of_today[0]["value"]["count"], 3);
}

#[tokio::test]
async fn the_journal_gives_the_same_figures() {
    let service = filled().await;
    let path = "/api/v1/reports/weekly/recompute?language=en";
    let recomputed = got(&service, Method::POST, path).await;
    assert_eq!((&recomputed["same"], &recomputed["differences"]), (&json!(true), &json!([])));
    assert!(recomputed["compared"].as_u64().unwrap() > 50);
}

#[tokio::test]
async fn files_are_what_they_say_and_journalled() {
    let service = filled().await;
    for (format, content_type, begins) in [
        ("html", "text/html; charset=utf-8", "<!doctype html>"),
        ("csv", "text/csv; charset=utf-8; header=present", "week,indicator"),
        ("json", "application/json", "{"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"),
    ] {
        let path = format!("/api/v1/reports/weekly/file?format={format}");
        let answer = service.by(Role::MayorOffice, Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], content_type);
        assert!(answer.bytes().await.unwrap().starts_with(begins.as_bytes()), "{format}");
    }
    let entries = service.store.entries_after(0, 1_000).await.unwrap();
    let issued: Vec<_> = entries.iter().filter(|entry| entry.event == "report.issued").collect();
    assert_eq!(issued.len(), 4);
    assert_eq!(issued[3].data["format"], "xlsx");
    let path = "/api/v1/reports/weekly?week=2199-W01";
    let early = service.by(Role::MayorOffice, Method::GET, path).send().await.unwrap();
    assert_eq!(early.status(), StatusCode::BAD_REQUEST);
}
