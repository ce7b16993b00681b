//! An audit from its invitation to its end, on a working service: two calls are within its scope and a third is not; a sample
//! is fixed, signed by the journal's key, drawn after its public value, listened to and judged. What lies outside is refused,
//! and what is over plays nothing, by its time as by a word of the records office. All of it verifies.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use ringback::ids::{SampleId, UserId};
use ringback::people::{Actor, Role};
use ringback::store::Store;
use ringback::time::Timestamp;
use serde_json::{Value, json};

use crate::api::{Api, event};
use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};
use crate::wait;

const SOON: Duration = Duration::from_secs(40);
/// The published value that decides, with a checkpoint, what is drawn.
const VALUE: &str = "4 8 15 16 23 42";

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A city whose journal is signed each second, with a records office and two auditors from outside.
fn audited_city() -> Server {
    let more = "[journal]\nkey_file = \"journal.key\"\ncheckpoint_secs = 1\n";
    let mut server = Server::prepare(&Setup { more: more.to_owned(), ..Setup::default() });
    let key = server.folder().join("journal.key").display().to_string();
    let made = server.output(&["journal-key", &key, "--origin", "city.example/1580"]);
    assert!(made.status.success(), "{made:?}");
    server.run();
    for (name, role) in [("archiv", "records"), ("invited", "auditor"), ("brief", "auditor")] {
        server.add_person(name, role, &[]);
    }
    server
}

/// A recorded call, ended.
fn call(server: &Server, caller: &str) -> Value {
    let mut citizen = Invite { caller: caller.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    citizen.rtp.say(&ToneSequence::citizen(77, 1500).samples());
    citizen.hang_up();
    // Whoever was never engaged sees the whole city.
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call(caller);
    wait::until_true("the recording is sealed", SOON, || {
        event(&auditor.timeline(&call), "rec.sealed").is_some()
    });
    call
}

fn id(value: &Value) -> &str {
    value["id"].as_str().expect("it has an id")
}

/// Opens an engagement for `auditor`.
fn engage(records: &Api, auditor: &str, until: DateTime<Utc>, scope: &Value) -> Value {
    let choices = records.get("/api/v1/audit/choices");
    let known = choices["auditors"].as_array().expect("a list");
    let known = known.iter().find(|one| one["name"] == auditor).expect("the auditor can be engaged");
    let new = json!({ "auditor": known["id"], "from": moment(Utc::now()), "until": moment(until), "scope": scope,
        "purpose": "наказ 17" });
    records.post("/api/v1/audit/engagements", &new)
}

/// Status, and the name of the problem, of listening to a second of `call`.
fn listen(auditor: &Api, call: &str) -> (u16, String) {
    let path = format!("/api/v1/calls/{call}/recording");
    let answer = auditor.get_raw(&path, Some("bytes=0-32043"));
    let status = answer.status().as_u16();
    if status == 206 {
        let octets = answer.bytes().expect("the sound arrives");
        assert!(octets.starts_with(b"RIFF") && octets[44..].iter().any(|octet| *octet != 0), "it is sound");
        return (status, String::new());
    }
    let problem: Value = answer.json().expect("a problem is said in JSON");
    let name = problem["type"].as_str().unwrap_or_default().rsplit('/').next().unwrap_or_default().to_owned();
    (status, name)
}

/// The lottery of the evening, which the test does not wait for: the draw is made in the store, by the rules of the draw.
fn draw_later(server: &mut Server, sample: &str, auditor: &str, public_at: DateTime<Utc>) {
    server.kill();
    let (url, id): (String, SampleId) = (server.database_url(), sample.parse().expect("an id"));
    let auditor: UserId = auditor.parse().expect("an id");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let store = Store::open(&url, "01").await.expect("the database opens");
        let (by, value) = (Actor::person(Role::Auditor, auditor, None), VALUE.to_owned());
        let early = Timestamp::from_micros(public_at.timestamp_micros() - 1);
        let refused =
            store.draw_sample(id, value.clone(), early, by.clone()).await.expect("the store answers");
        assert!(refused.is_err(), "drawn before the public value was out");
        let at = Timestamp::from_micros(public_at.timestamp_micros());
        store.draw_sample(id, value, at, by).await.expect("the store answers").expect("it is drawn");
        store.close().await;
    });
    server.run();
}

/// Fixes a sample of one call and waits until a checkpoint has signed it; its path, and when its value is public.
fn fix_sample(auditor: &Api, engagement: &str, until: DateTime<Utc>) -> (String, DateTime<Utc>) {
    let public_at = Utc::now() + chrono::Duration::minutes(6);
    let new = json!({ "calls_from": moment(until - chrono::Duration::hours(1)), "calls_until": moment(until), "size": 1,
        "strata": "none", "source": "лотерея", "public_at": moment(public_at) });
    let fixed = auditor.post(&format!("/api/v1/audit/engagements/{engagement}/samples"), &new);
    assert_eq!((&fixed["frame_size"], &fixed["drawn"]), (&json!(2), &Value::Null), "{fixed}");
    let sample = format!("/api/v1/audit/samples/{}", id(&fixed));
    wait::until_true("a checkpoint has signed it, and only the value is missing", SOON, || {
        let (status, problem) =
            auditor.send("POST", &format!("{sample}/draw"), Some(&json!({ "value": VALUE })));
        status == 409 && problem["type"].as_str().is_some_and(|name| name.ends_with("draw_too_early"))
    });
    (sample, public_at)
}

#[test]
fn an_audit_hears_its_sample_and_nothing_outside_of_its_scope_or_time() {
    let mut server = audited_city();
    let calls = ["380440000941", "380440000942"].map(|caller| call(&server, caller));
    let until = Utc::now();
    let outside = call(&server, "380440000943");
    let records = server.sign_in("archiv");
    let scope = json!({ "calls_until": moment(until) });
    let engagement = engage(&records, "invited", Utc::now() + chrono::Duration::hours(2), &scope);

    let auditor = server.sign_in("invited");
    let (sample, public_at) = fix_sample(&auditor, id(&engagement), until);
    let whose = engagement["auditor"].as_str().expect("an id").to_owned();
    draw_later(&mut server, sample.rsplit('/').next().unwrap_or_default(), &whose, public_at);
    let (auditor, records) = (server.sign_in("invited"), server.sign_in("archiv"));
    let drawn = auditor.get(&sample);
    let picked = drawn["items"][0]["call"].as_str().expect("one call was drawn").to_owned();
    assert!(calls.iter().any(|call| id(call) == picked), "{drawn}");

    // The sampled call is heard and judged; another one is not even seen.
    assert_eq!(listen(&auditor, &picked), (206, String::new()));
    assert_eq!(listen(&auditor, id(&outside)), (403, "engagement_outside".to_owned()));
    assert_eq!(auditor.status(&format!("/api/v1/calls/{}", id(&outside))), Some(403));
    let listed = auditor.items("/api/v1/calls");
    assert!(listed.iter().all(|call| call["id"] != outside["id"]), "{listed:?}");
    let judged = auditor.post(&format!("{sample}/items/1"), &json!({ "outcome": "in_order" }));
    assert_eq!(judged["items"][0]["outcome"], "in_order");

    // One that ends by its time, and one that the records office ends.
    let end = Utc::now() + chrono::Duration::seconds(8);
    engage(&records, "brief", end, &json!({}));
    let brief = server.sign_in("brief");
    assert_eq!(listen(&brief, id(&outside)), (206, String::new()), "while it runs");
    let refused = wait::until("the engagement to end", SOON, || {
        let heard = listen(&brief, id(&outside));
        (heard.0 != 206).then_some(heard)
    });
    assert_eq!(refused, (403, "engagement_over".to_owned()));
    assert!(Utc::now() >= end, "it ended before its time");
    let close = format!("/api/v1/audit/engagements/{}/close", id(&engagement));
    records.post(&close, &json!({ "reason": "звіт здано" }));
    assert_eq!(listen(&auditor, &picked), (403, "engagement_over".to_owned()));
    assert_eq!(auditor.status(&sample), Some(403), "nor is its sample read any more");

    // Who heard what is on the journal, and everything agrees with it.
    let whole = server.sign_in("audyt");
    let timeline = whole.get(&format!("/api/v1/calls/{picked}/timeline"));
    let played = event(timeline["items"].as_array().expect("a list"), "access.played").expect("it was heard");
    assert_eq!(played["actor"]["id"], whose.as_str(), "{played}");
    let verify = server.output(&["verify"]);
    assert!(
        verify.status.success(),
        "{}{}",
        String::from_utf8_lossy(&verify.stdout),
        String::from_utf8_lossy(&verify.stderr)
    );
}
