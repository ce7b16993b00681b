//! Calls and their recordings: ranges (RFC 9110 14), what is journalled before the bytes go out, who sees what,
//! and commands to the switchboard.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Service;
use super::service::{new_uuid, user_id};
use crate::files::{ToEncrypt, encrypt, recording_digest};
use crate::ids::ContactId;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::people::Role::{self, Auditor, MayorOffice, Operator, Supervisor};
use crate::store::Subject;
use crate::switchboard::snapshot::{CallPhase, LiveCall};
use crate::switchboard::{Command, CommandError, Conflict, Snapshot};
use crate::time;
use crate::web::calls::stereo_wav;

/// Bytes before the sound in [`stereo_wav`].
const HEAD: u64 = 56;

/// One second of two different ramps.
fn wav() -> Vec<u8> {
    let ramp: Vec<[i16; 2]> = (0..8000).map(|i| [i, -i]).collect();
    stereo_wav(&ramp)
}

async fn play(service: &Service, role: Role, id: ContactId, range: Option<&str>) -> Response {
    let mut request = service.by(role, Method::GET, &format!("/api/v1/calls/{id}/recording"));
    if let Some(range) = range {
        request = request.header("range", range);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn ranges_are_exact() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    let length = wav.len();
    let last = length - 1;
    for (range, first, until) in [
        ("bytes=0-0", 0, 0),
        ("bytes=100-299", 100, 299),
        ("bytes=31000-", 31_000, last),
        ("bytes=-1", last, last),
        ("bytes=-999999", 0, last),
        ("bytes=0-999999", 0, last),
    ] {
        let answer = play(&service, Auditor, id, Some(range)).await;
        assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(answer.headers()["content-range"], format!("bytes {first}-{until}/{length}"), "{range}");
        assert_eq!(answer.headers()["content-length"], (until - first + 1).to_string(), "{range}");
        assert_eq!(answer.headers()["content-type"], "audio/wav");
        assert_eq!(answer.bytes().await.unwrap(), wav[first..=until], "{range}");
    }
    for range in [None, Some("bytes=0-1,5-6"), Some("seconds=0-1"), Some("bytes=9-1")] {
        let answer = play(&service, Auditor, id, range).await;
        assert_eq!(answer.status(), StatusCode::OK, "{range:?}");
        assert_eq!(answer.headers()["accept-ranges"], "bytes");
        assert_eq!(answer.bytes().await.unwrap(), wav, "{range:?}");
    }
    for range in [format!("bytes={length}-"), "bytes=-0".to_owned()] {
        let answer = play(&service, Auditor, id, Some(&range)).await;
        assert_eq!(answer.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(answer.headers()["content-range"], format!("bytes */{length}"));
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn a_range_of_another_version_is_not_served() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    let path = format!("/api/v1/calls/{id}/recording");
    let etag = service.get(Auditor, &path).await.headers()["etag"].to_str().unwrap().to_owned();
    let part = |tag: &str| {
        let request = service.by(Auditor, Method::GET, &path).header("range", "bytes=0-0");
        request.header("if-range", tag).send()
    };
    assert_eq!(part(&etag).await.unwrap().status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part("\"other\"").await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_heard_is_journalled_in_bytes_and_seconds() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    let path = format!("/api/v1/calls/{id}/recording?reason=complaint%20of%20the%20caller");
    let range = format!("bytes={}-{}", HEAD + 16_000, HEAD + 23_999);
    let answer = service.by(Supervisor, Method::GET, &path).header("range", range).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PARTIAL_CONTENT);
    let entries = service.journalled("access.played").await;
    assert_eq!(entries.len(), 1, "journalled before the answer began");
    let entry = &entries[0];
    assert_eq!(
        entry.data,
        json!({ "bytes": [HEAD + 16_000, HEAD + 23_999], "seconds": [0, 1], "millis": [500, 750] })
    );
    assert_eq!(entry.media.unwrap().offset_ms, 500);
    assert_eq!(entry.contact, Some(id));
    assert_eq!(entry.reason.as_deref(), Some("complaint of the caller"));
    assert_eq!(entry.actor.id, user_id(Supervisor).to_string());
}

#[tokio::test]
async fn nothing_is_played_that_is_not_journalled() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    let unheard = [
        play(&service, Supervisor, id, None).await,
        play(&service, MayorOffice, id, None).await,
        service.get(Operator, &format!("/api/v1/calls/{id}/recording?reason=curious")).await,
    ];
    for answer in unheard {
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
    assert_eq!(service.journalled("access.denied").await.len(), 3);
    let head =
        service.by(Auditor, Method::HEAD, &format!("/api/v1/calls/{id}/recording")).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["content-length"], wav.len().to_string());
    play(&service, Auditor, id, Some("bytes=999999-")).await;
    assert!(service.journalled("access.played").await.is_empty());
}

#[tokio::test]
async fn operators_hear_their_own_calls() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, Some(user_id(Operator))).await;
    let path = format!("/api/v1/calls/{id}/recording");
    assert_eq!(service.get(Operator, &path).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(service.get(Operator, &format!("{path}?reason=address")).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_recording_without_its_file_is_404() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    std::fs::remove_file(service.folder.path().join(format!("{id}.wav"))).unwrap();
    assert_eq!(play(&service, Auditor, id, None).await.status(), StatusCode::NOT_FOUND);
    assert!(service.journalled("access.played").await.is_empty());
}

#[tokio::test]
async fn encrypted_sound_is_heard_as_before_until_its_key_is_destroyed() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    let peaks = format!("/api/v1/calls/{id}/peaks?bins=20");
    let before: Value = service.get(Auditor, &peaks).await.json().await.unwrap();
    let recording = service.store.recordings_of(id).await.unwrap().pop().unwrap();
    let path = service.folder.path().join(&recording.path);
    let sha256 = recording_digest(&path).unwrap();
    let key = service.store.content_key_for(Subject::Call(id), time::now().utc).await.unwrap();
    let file =
        ToEncrypt { path: path.clone(), id: recording.id.0, sample_rate: 8000, sha256, key, salt: [3; 32] };
    encrypt(&file).unwrap();
    assert!(!path.exists());
    let whole = play(&service, Auditor, id, None).await;
    assert_eq!(whole.headers()["content-length"], wav.len().to_string());
    assert_eq!(whole.bytes().await.unwrap(), wav);
    for (first, last) in [(0, 0), (100, 299), (683, 685), (31_000, wav.len() - 1)] {
        let part = play(&service, Auditor, id, Some(&format!("bytes={first}-{last}"))).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.bytes().await.unwrap(), wav[first..=last], "{first}-{last}");
    }
    assert_eq!(service.get(Auditor, &peaks).await.json::<Value>().await.unwrap(), before);
    let played = service.journalled("access.played").await.len();
    let entry = Draft::new(EventType::AccessViewed, time::now().utc, Actor::system("test"));
    service.store.destroy_content_key(Subject::Call(id), entry).await.unwrap();
    let gone = play(&service, Auditor, id, None).await;
    assert_eq!(gone.status(), StatusCode::GONE);
    let problem: Value = gone.json().await.unwrap();
    assert_eq!(problem["type"], "urn:ringback:problem:erased", "{problem}");
    assert_eq!(service.get(Auditor, &peaks).await.status(), StatusCode::GONE, "not from what is kept either");
    assert_eq!(service.journalled("access.played").await.len(), played, "nothing was heard");
}

#[tokio::test]
async fn peaks_show_both_sides_and_are_journalled() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    let peaks: Value =
        service.get(Auditor, &format!("/api/v1/calls/{id}/peaks?bins=2")).await.json().await.unwrap();
    assert_eq!(peaks["frames"], 8000);
    let left: Vec<f64> = serde_json::from_value(peaks["channels"][0].clone()).unwrap();
    assert!(
        (left[0] - 3999.0 / 32768.0).abs() < 1e-6 && (left[1] - 7999.0 / 32768.0).abs() < 1e-6,
        "{left:?}"
    );
    assert_eq!(service.journalled("access.viewed").await[0].contact, Some(id));
    assert_eq!(service.get(Auditor, &format!("/api/v1/calls/{id}/peaks?bins=0")).await.status(), 400);
}

#[tokio::test]
async fn callers_are_masked_for_those_who_do_not_talk_to_them() {
    let (service, wav) = (Service::start().await, wav());
    let id = service.recorded_call(&wav, None).await;
    for (role, caller) in [(Operator, "+380671234567"), (MayorOffice, "***********67")] {
        let call: Value = service.get(role, &format!("/api/v1/calls/{id}")).await.json().await.unwrap();
        assert_eq!(call["caller"], caller);
        assert_eq!(call["recordings"][0]["duration_ms"], 1000);
        let list: Value = service.get(role, "/api/v1/calls").await.json().await.unwrap();
        assert_eq!(list["items"][0], call);
    }
}

#[tokio::test]
async fn lists_turn_pages() {
    let (service, wav) = (Service::start().await, wav());
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(service.recorded_call(&wav, None).await.to_string());
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Value =
            service.get(Auditor, &format!("/api/v1/calls?limit=2{cursor}")).await.json().await.unwrap();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    made.reverse();
    assert_eq!(seen, made, "newest first, each once");
}

#[tokio::test]
async fn the_switchboard_decides_and_its_answers_are_passed_on() {
    let refusing = |command: &Command| match command {
        Command::SetReady { .. } => Err(Conflict::PhoneOffline.into()),
        Command::EndWrapUp { .. } => Err(CommandError::Unknown),
        Command::Dispose { .. } => Err(CommandError::NotYours),
        _ => Err(CommandError::Unavailable),
    };
    let service = Service::with_switchboard(Arc::new(refusing)).await;
    let id = new_uuid();
    let post = |path: &str, body: Value| {
        let path = path.replace("{id}", &id.to_string());
        let request = service.by(Operator, Method::POST, &path).json(&body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(post("/api/v1/operators/me/status", json!({ "status": "ready" })).await, 409);
    assert_eq!(post("/api/v1/operators/me/wrap-up-done", json!({})).await, 404);
    assert_eq!(post("/api/v1/calls/{id}/disposition", json!({ "disposition": "nuisance" })).await, 403);
    let pause = json!({ "status": "not_ready", "reason": "lunch" });
    assert_eq!(post("/api/v1/operators/me/status", pause).await, 503);
}

#[tokio::test]
async fn operators_hang_up_their_own_calls_and_supervisors_any() {
    let mut service = Service::start().await;
    let id = ContactId(new_uuid());
    let call = LiveCall {
        id,
        caller: crate::phone_number::PhoneNumber::from_user_part("100"),
        from_web: false,
        pass: None,
        stated_number: None,
        phase: CallPhase::Talking,
        since: time::now().utc,
        answered_at: None,
        language: None,
        topic: None,
        ivr_path: Vec::new(),
        queue: None,
        position: None,
        waiting_since: None,
        operator: Some(user_id(Role::Executor)),
        also_ringing: Vec::new(),
        transfer_to: None,
        call_back: false,
        placed_by: None,
        case: None,
        on_hold: false,
        recorded: true,
        supervisors: Vec::new(),
    };
    service.snapshot.send_replace(Arc::new(Snapshot { seq: 2, calls: vec![call], ..Snapshot::default() }));
    let path = format!("/api/v1/calls/{id}/hangup");
    assert_eq!(service.post(Operator, &path, json!({})).await.status(), 403);
    assert_eq!(service.post(Supervisor, &path, json!({})).await.status(), 204);
    let carried_out = service.commands.recv().await.unwrap();
    assert_eq!(carried_out, Command::HangUp { contact: id, by: user_id(Supervisor) });
    let gone = format!("/api/v1/calls/{}/hangup", new_uuid());
    assert_eq!(service.post(Supervisor, &gone, json!({})).await.status(), 404);
}

#[tokio::test]
async fn operators_pass_their_callers_on() {
    let mut service = Service::start().await;
    let id = ContactId(new_uuid());
    let path = format!("/api/v1/calls/{id}/transfer");
    assert_eq!(service.post(Supervisor, &path, json!({ "target": "202" })).await.status(), 403);
    assert_eq!(service.post(Operator, &path, json!({ "target": "2-02" })).await.status(), 204);
    let target = crate::phone_number::PhoneNumber::from_user_part("202");
    let carried_out = service.commands.recv().await.unwrap();
    assert_eq!(carried_out, Command::Transfer { contact: id, by: user_id(Operator), target });
}
