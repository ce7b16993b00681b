//! `/api/v1/admin`: what administrators see and change, what is journalled of it, and what never leaves the server. What
//! other roles get to hear is `access.rs`.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{PASSWORD, contact, new_uuid, user_id};
use crate::files::prompt_reader;
use crate::ids::ContactId;
use crate::media::Sound;
use crate::people::{Actor, Role};
use crate::store::{Batch, PlanText, Publication};
use crate::switchboard::{LivePhone, LiveTrunk, Snapshot, TrunkState};
use crate::time;

async fn get(service: &Service, path: &str) -> Value {
    let answer = service.get(Role::Admin, &format!("/api/v1/admin/{path}")).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

/// Status and body of a change.
async fn send(service: &Service, method: Method, path: &str, body: Value) -> (u16, Value) {
    let request = service.by(Role::Admin, method, &format!("/api/v1/admin/{path}")).json(&body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn the_state_of_the_service_is_told() {
    let service = Service::start().await;
    let state = get(&service, "service").await;
    assert_eq!(state["short_number"], "1580");
    assert_eq!(state["restart_needed"], json!(["http.bind"]));
    assert_eq!((&state["trunks"], &state["recording"]["state"]), (&json!(0), &json!("able")));
}

#[tokio::test]
async fn a_trunk_is_shown_with_its_state_and_its_last_call() {
    let service = Service::start().await;
    let at = time::now().utc;
    let trunk = LiveTrunk {
        name: "trunk".to_owned(),
        state: TrunkState::Down,
        since: at,
        registered: Some(false),
        calls: 2,
        servers: Vec::new(),
        failure: None,
        turned_away: Some(("trunk_full", at)),
    };
    service.snapshot.send_replace(Arc::new(Snapshot { seq: 2, trunks: vec![trunk], ..Snapshot::default() }));
    let id = ContactId(new_uuid());
    let batch = Batch { contacts: vec![contact(id, at)], ..Batch::default() };
    service.store.commit(batch).await.unwrap();
    let shown = &get(&service, "trunks").await["items"][0];
    assert_eq!(
        (&shown["state"], &shown["calls"], &shown["max_calls"]),
        (&json!("down"), &json!(2), &json!(60))
    );
    assert_eq!(
        (&shown["turned_away"], &shown["last_call"]["id"]),
        (&json!("trunk_full"), &json!(id.to_string()))
    );
    assert!(!shown.to_string().contains("380671234567"), "who called is not said: {shown}");
    let unknown = service.get(Role::Admin, "/api/v1/admin/trunks/nobody/ladder").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_person_is_added_changed_and_blocked_and_all_of_it_is_journalled() {
    let service = Service::start().await;
    let new = json!({ "name": "Леся", "role": "operator", "password": PASSWORD, "languages": ["uk", "pl"],
        "queues": ["city"], "skills": { "water": 3 } });
    let (status, person) = send(&service, Method::POST, "users", new.clone()).await;
    assert_eq!(
        (status, &person["skills"]["water"], &person["blocked"]),
        (201, &json!(3), &json!(false)),
        "{person}"
    );
    assert_eq!(send(&service, Method::POST, "users", new).await.0, 409, "the name is taken");
    let path = format!("users/{}", person["id"].as_str().unwrap());
    let (status, changed) = send(&service, Method::PATCH, &path, json!({ "languages": ["he"] })).await;
    assert_eq!((status, &changed["languages"], &changed["queues"]), (200, &json!(["he"]), &json!(["city"])));
    let sign_in = |password: &'static str| {
        let body = json!({ "user": "Леся", "password": password });
        service.request(Method::POST, "/api/v1/session").json(&body).send()
    };
    assert_eq!(sign_in(PASSWORD).await.unwrap().status(), StatusCode::OK);
    assert_eq!(send(&service, Method::PATCH, &path, json!({ "password": "a better one" })).await.0, 200);
    assert_eq!(sign_in(PASSWORD).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(sign_in("a better one").await.unwrap().status(), StatusCode::OK);
    assert_eq!(send(&service, Method::PATCH, &path, json!({ "blocked": true })).await.0, 200);
    assert_eq!(sign_in("a better one").await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(service.journalled("user.created").await.len(), 1);
    let changes = service.journalled("user.changed").await;
    let keys: Vec<_> = changes.iter().map(|entry| entry.data["changed"][0].as_str().unwrap()).collect();
    assert_eq!(keys, ["languages", "password", "blocked"]);
    assert!(changes.iter().all(|entry| entry.actor.id == user_id(Role::Admin).to_string()));
    assert!(!format!("{changes:?}").contains("better"), "no secret is journalled");
}

#[tokio::test]
async fn what_makes_no_sense_of_a_person_is_refused() {
    let service = Service::start().await;
    let new = |more: Value| {
        let mut body = json!({ "name": "x", "role": "operator", "password": PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for wrong in [
        json!({ "name": "  " }),
        json!({ "password": "short" }),
        json!({ "role": "executor" }),
        json!({ "role": "executor", "organisation": "nobody" }),
        json!({ "queues": ["nowhere"] }),
        json!({ "skills": { "water": 6 } }),
        json!({ "role": "king" }),
        json!({ "languages": ["xx"] }),
    ] {
        let (status, problem) = send(&service, Method::POST, "users", new(wrong.clone())).await;
        assert_eq!(status, 422, "{wrong}: {problem}");
    }
    let admin = format!("users/{}", user_id(Role::Admin));
    let (status, problem) = send(&service, Method::PATCH, &admin, json!({ "blocked": true })).await;
    assert_eq!(status, 409, "the last administrator: {problem}");
    assert_eq!(send(&service, Method::PATCH, &admin, json!({})).await.0, 422, "nothing is asked for");
    assert_eq!(service.store.users().await.unwrap().len(), Role::ALL.len());
}

#[tokio::test]
async fn a_phone_is_set_up_by_a_link_that_is_good_once() {
    let service = Service::start().await;
    let path = format!("users/{}/phone", user_id(Role::Operator));
    let origin = "https://desk.city.example";
    for wrong in [
        json!({ "origin": origin }),
        json!({ "origin": origin, "extension": "8x" }),
        json!({ "origin": origin, "extension": "810" }),
        json!({ "origin": "desk", "extension": "201" }),
    ] {
        assert_eq!(send(&service, Method::POST, &path, wrong.clone()).await.0, 422, "{wrong}");
    }
    let wish = json!({ "origin": origin, "extension": "201" });
    let (status, setup) = send(&service, Method::POST, &path, wish.clone()).await;
    assert_eq!(status, 200, "{setup}");
    assert_eq!(setup["servers"], json!([{ "host": "desk.city.example", "port": 5060, "transport": "udp" }]));
    let password = setup["password"].as_str().unwrap();
    let account = service.store.user(user_id(Role::Operator)).await.unwrap().unwrap().sip.unwrap();
    assert_eq!(account.ha1, crate::sip::digest_auth::Ha1::new("201", "ringback", password));
    let rows = setup["link"]["qr"].as_array().unwrap();
    assert!(rows.len() >= 21 && rows.iter().all(|row| row.as_str().unwrap().len() == rows.len()));
    let link = setup["link"]["url"].as_str().unwrap().strip_prefix(origin).unwrap();
    let head = service.request(Method::HEAD, link).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::METHOD_NOT_ALLOWED);
    let answer = service.request(Method::GET, link).send().await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["cache-control"]),
        (StatusCode::OK, &"no-store".parse().unwrap())
    );
    let xml = answer.text().await.unwrap();
    assert!(xml.contains(">201<") && !xml.contains(password), "{xml}");
    assert_eq!(
        service.request(Method::GET, link).send().await.unwrap().status(),
        StatusCode::NOT_FOUND,
        "once"
    );
    let (_, again) = send(&service, Method::POST, &path, wish).await;
    assert_eq!(again["password"], Value::Null, "the password is shown once");
    let journal = service.store.entries_after(0, 1000).await.unwrap();
    let told: Vec<_> = journal.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(told, ["user.changed", "phone.offered", "phone.provisioned", "phone.offered"]);
    let journal = format!("{journal:?}");
    assert!(!journal.contains(password) && !journal.contains(link.rsplit('/').next().unwrap()));
}

#[tokio::test]
async fn phones_that_are_there_are_shown_by_kind() {
    let service = Service::start().await;
    let path = format!("users/{}/phone", user_id(Role::Operator));
    let wish = json!({ "origin": "http://localhost", "extension": "201" });
    assert_eq!(send(&service, Method::POST, &path, wish).await.0, 200);
    let phone = |user_agent: &str, transport| LivePhone {
        extension: "201".to_owned(),
        user_agent: user_agent.to_owned(),
        transport,
        address: "192.0.2.9".parse().unwrap(),
        reachable: true,
    };
    let phones = vec![
        phone("JsSIP 3", "WSS"),
        phone("Linphone/5", "TCP"),
        phone("Yealink T46U", "UDP"),
        phone("", "UDP"),
    ];
    service.snapshot.send_replace(Arc::new(Snapshot { seq: 2, phones, ..Snapshot::default() }));
    let users = get(&service, "users").await;
    let id = json!(user_id(Role::Operator).to_string());
    let operator = users["items"].as_array().unwrap().iter().find(|user| user["id"] == id).unwrap();
    let kinds: Vec<_> =
        operator["phones"].as_array().unwrap().iter().map(|phone| phone["kind"].clone()).collect();
    assert_eq!(kinds, ["page", "softphone", "desk_phone", "unknown"]);
    assert!(!users.to_string().contains("argon2"), "no hash leaves the server");
}

#[tokio::test]
async fn queues_are_shown_with_the_place_where_they_are_changed() {
    let service = Service::start().await;
    let queues = get(&service, "queues").await;
    let city = &queues["items"][0];
    assert_eq!((&city["name"], &city["line"]), (&json!("city"), &json!(5)));
    assert!(city["file"].as_str().unwrap().ends_with("config.toml"));
    assert!(city["nodes"].as_array().unwrap().contains(&json!("water")));
    assert_eq!(queues["items"][1]["line"], Value::Null);
}

#[tokio::test]
async fn the_tree_is_shown_and_walked_by_the_very_code_of_calls() {
    let service = Service::start().await;
    let tree = get(&service, "dialplan").await;
    let nodes = tree["nodes"].as_array().unwrap();
    let topics = nodes.iter().find(|node| node["name"] == "topics").unwrap();
    assert!(topics["exits"].as_array().unwrap().contains(&json!({ "by": "key", "key": "1", "to": "water" })));
    let whens: Vec<_> =
        topics["prompts"].as_array().unwrap().iter().map(|prompt| prompt["when"].clone()).collect();
    assert_eq!(whens, ["prompt", "prompt", "no_input", "no_match"]);
    let known = |name: &Value| nodes.iter().any(|node| node["name"] == *name);
    let ways = nodes.iter().flat_map(|node| node["exits"].as_array().unwrap());
    assert!(ways.clone().all(|exit| exit["to"].is_null() || known(&exit["to"])));
    let walk = async |body: Value| send(&service, Method::POST, "dialplan/simulate", body).await;
    // A Monday; Kyiv is two hours ahead.
    let (_, noon) = walk(json!({ "inputs": ["1", "1"], "at": "2026-11-23T10:00:00Z" })).await;
    assert_eq!((&noon["exit"]["kind"], &noon["exit"]["topic"]), (&json!("queue"), &json!("water")));
    assert!(
        noon["lines"].as_array().unwrap().iter().any(|line| line["what"] == "said" && line["text"] != "")
    );
    let (_, night) = walk(json!({ "inputs": ["1", "1"], "at": "2026-11-23T22:00:00Z" })).await;
    assert_eq!(night["exit"]["queue"], "duty");
    let (_, hebrew) = walk(json!({ "language": "he" })).await;
    assert!(hebrew["exit"].is_null() && hebrew["lines"].to_string().contains("\"language\":\"he\""));
    for wrong in
        [json!({ "inputs": ["z"] }), json!({ "language": "xx" }), json!({ "inputs": ["1".repeat(201)] })]
    {
        assert_eq!(walk(wrong.clone()).await.0, 422, "{wrong}");
    }
}

/// A recording of so many milliseconds.
fn wav(ms: usize, level: i16) -> Vec<u8> {
    let samples = (0..ms * 8).map(|i| if i % 16 < 8 { level } else { -level }).collect();
    prompt_reader::wav(&Sound { samples }).unwrap()
}

#[tokio::test]
async fn a_recording_is_checked_kept_and_waits_for_publication() {
    let service = Service::start().await;
    let send = |path: &str, bytes: Vec<u8>| {
        service
            .by(Role::Admin, Method::POST, &format!("/api/v1/admin/prompts/{path}/recording"))
            .body(bytes)
            .send()
    };
    for (what, path, bytes, status) in [
        ("no WAV", "uk/greeting", b"RIFF....".to_vec(), 422),
        ("too short", "uk/greeting", wav(100, 9000), 422),
        ("too long", "uk/greeting", wav(121_000, 9000), 422),
        ("silent", "uk/greeting", wav(2000, 40), 422),
        ("an unknown prompt", "uk/nonsense", wav(2000, 9000), 404),
        ("an unknown language", "xx/greeting", wav(2000, 9000), 404),
        ("a way out of the folder", "uk/..%2F..%2Fevil", wav(2000, 9000), 404),
        ("too large", "uk/greeting", vec![0; 24 * 1024 * 1024 + 1], 413),
    ] {
        assert_eq!(send(path, bytes).await.unwrap().status().as_u16(), status, "{what}");
    }
    let file = service.folder.path().join("prompts/uk/greeting.wav");
    assert!(!file.exists());
    let taken: Value = send("uk/greeting", wav(2000, 9000)).await.unwrap().json().await.unwrap();
    assert_eq!(taken["duration_ms"], 2000);
    assert_eq!(prompt_reader::read(&file).unwrap().samples.len(), 16_000);
    let greeting = async || {
        let prompts = get(&service, "prompts").await;
        let items = prompts["items"].as_array().unwrap();
        items.iter().find(|prompt| prompt["id"] == "greeting").unwrap().clone()
    };
    let shown = greeting().await;
    assert_eq!(
        (&shown["spoken"]["uk"]["pending"], &shown["spoken"]["en"]["pending"]),
        (&json!("recorded"), &Value::Null)
    );
    assert_eq!(shown["nodes"], json!(["greeting"]));
    let changes = get(&service, "changes").await;
    assert_eq!(changes["recordings"], json!([{ "language": "uk", "id": "greeting", "change": "recorded" }]));
    let remove =
        || service.by(Role::Admin, Method::DELETE, "/api/v1/admin/prompts/uk/greeting/recording").send();
    assert_eq!(remove().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(remove().await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(greeting().await["spoken"]["uk"]["pending"], Value::Null);
    assert_eq!(service.journalled("prompt.changed").await.len(), 2);
}

#[tokio::test]
async fn a_prompt_can_be_heard() {
    let service = Service::start().await;
    let sound = service.get(Role::Admin, "/api/v1/admin/prompts/uk/greeting/sound").await;
    assert_eq!(sound.headers()["content-type"], "audio/wav");
    let bytes = sound.bytes().await.unwrap();
    assert!(prompt_reader::read_bytes("x.wav".as_ref(), &bytes).unwrap().samples.len() > 1000);
}

#[tokio::test]
async fn changes_on_the_disk_are_shown_without_their_secrets() {
    let service = Service::start().await;
    let states = |changes: &Value| {
        changes["files"].as_array().unwrap().iter().map(|file| file["state"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(states(&get(&service, "changes").await), ["same", "same", "same"]);
    let config = service.folder.path().join("config.toml");
    std::fs::write(&config, super::service::CONFIG.replace("hunter2", "s3cret")).unwrap();
    let plan = service.folder.path().join("1580.toml");
    let text = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text.replace("1 = \"water\"", "1 = \"heating\"")).unwrap();
    std::fs::remove_file(service.folder.path().join("city.toml")).unwrap();
    let changes = get(&service, "changes").await;
    assert_eq!(states(&changes), ["changed", "changed", "unreadable"]);
    let shown = changes.to_string();
    assert!(shown.contains("password = \\\"****\\\""), "{shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("s3cret"), "{shown}");
    assert!(shown.contains("1 = \\\"heating\\\""), "{shown}");
}

#[tokio::test]
async fn versions_are_listed_compared_and_restored() {
    let service = Service::start().await;
    let shipped = include_str!("../../../dialplans/1580.toml");
    let publish = async |text: &str, by: Actor| {
        let text = PlanText { file: "dialplan".to_owned(), text: text.to_owned() };
        service.store.publish(vec![text], Publication::Published, by, time::now().utc).await.unwrap();
    };
    publish(&shipped.replace("Europe/Kyiv", "Europe/Vilnius"), Actor::system("start")).await;
    publish(shipped, Actor::person(Role::Admin, user_id(Role::Admin), None)).await;
    let versions = get(&service, "versions").await;
    let (now, before) = (&versions["items"][0], &versions["items"][1]);
    assert_eq!((&now["in_force"], &now["by"]), (&json!(true), &json!("admin")));
    assert_eq!((&before["in_force"], &before["by"]), (&json!(false), &Value::Null));
    let path = format!("versions/{}", before["id"]);
    let compared = get(&service, &path).await;
    let lines = compared["hunks"][0]["lines"].as_array().unwrap();
    let added: Vec<_> = lines.iter().filter(|line| line["kind"] == "added").collect();
    assert!(added.len() == 1 && added[0]["text"].as_str().unwrap().contains("Vilnius"), "{compared}");
    // The stand-in takes every second one.
    let restore = format!("{path}/restore");
    assert_eq!(send(&service, Method::POST, &restore, json!({})).await.0, 204);
    let (status, problem) = send(&service, Method::POST, &restore, json!({})).await;
    assert_eq!((status, &problem["diagnostics"]), (422, &json!(["city.toml:3:7: unknown key"])));
    assert_eq!(send(&service, Method::POST, "versions/4711/restore", json!({})).await.0, 404);
}
