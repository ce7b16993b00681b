//! A whole audit at the level of rows: opened, a sample fixed, signed, drawn and judged. An honest one verifies, stock tools
//! draw the same calls, and each touch is named.

#![allow(clippy::unwrap_used, clippy::panic)]

use uuid::Uuid;

use super::*;
use crate::audit::sample::{Commitment, DrawRefused, JudgingRefused, Outcome, Strata};
use crate::audit::{Closed, InvalidEngagement, Scope};
use crate::ids::{FindingId, UserId};
use crate::journal::SignerKey;
use crate::people::{Actor, Role};
use crate::store::fixture::{Files, at, contact, recording, recording_id, user};
use crate::store::{Batch, NotedFinding};
use crate::time::Timestamp;

/// Calls there are, and how many of them are drawn.
const CALLS: u32 = 30;
const SIZE: usize = 6;
/// When the public value comes.
const PUBLIC: i64 = 1_000;

fn auditor() -> (UserId, Actor) {
    let user = user(9, Role::Auditor);
    (user.id, Actor::person(Role::Auditor, user.id, None))
}

fn records() -> (UserId, Actor) {
    let user = user(8, Role::Records);
    (user.id, Actor::person(Role::Records, user.id, None))
}

fn engagement(n: u128) -> Engagement {
    Engagement {
        id: EngagementId(Uuid::from_u128(n)),
        auditor: auditor().0,
        from: at(0),
        until: at(10_000),
        scope: Scope { calls_from: Some(at(0)), ..Scope::default() },
        purpose: "yearly audit".to_owned(),
        opened_by: records().0,
        opened_at: at(100),
        closed: None,
    }
    .open()
    .unwrap()
}

/// Thirty ended calls in two queues, one of them recorded; an auditor and an engagement.
async fn engaged(files: &Files) -> Store {
    let store = files.open().await;
    store.create_user(&user(9, Role::Auditor)).await.unwrap();
    store.create_user(&user(8, Role::Records)).await.unwrap();
    for n in 1..=CALLS {
        let queue = Some(if n % 3 == 0 { "duty" } else { "city" }.to_owned());
        let contact = crate::call::contact::Contact { queue, ended_at: Some(at(90)), ..contact(n) };
        store
            .commit(Batch { contacts: vec![contact], recordings: vec![recording(n)], ..Batch::default() })
            .await
            .unwrap();
    }
    store.open_engagement(engagement(1), records().1).await.unwrap();
    store
}

async fn committed(store: &Store) -> SampleId {
    let strata = Strata::Queue;
    let period = (at(0), at(100));
    let (frame, frame_size) = store.frame(&engagement(1).scope, period, strata).await.unwrap().unwrap();
    let commitment = Commitment {
        id: SampleId(Uuid::from_u128(7)),
        engagement: EngagementId(Uuid::from_u128(1)),
        committed_at: at(200),
        calls_from: period.0,
        calls_until: period.1,
        frame_size,
        frame: Sha256::of(frame.as_bytes()),
        size: SIZE,
        strata,
        source: "the lottery of 21 November".to_owned(),
        public_at: at(PUBLIC),
    };
    store.commit_sample(commitment.clone(), frame, auditor().1).await.unwrap();
    commitment.id
}

async fn sign(store: &Store, signed_at: Timestamp) {
    let size = store.counts().await.unwrap().journal_seq;
    let signer = SignerKey::new("city.example/1580", [7; 32]).unwrap();
    let note = signer.sign(size, Sha256::of(&size.to_be_bytes()));
    store.keep_checkpoint(note, Actor::system("journal"), signed_at).await.unwrap();
}

async fn draw(store: &Store, id: SampleId, seconds: i64) -> Result<(), DrawRefused> {
    store.draw_sample(id, "4 8 15 16 23 42".to_owned(), at(seconds), auditor().1).await.unwrap()
}

async fn judge(store: &Store, id: SampleId, place: u32, outcome: Outcome) -> Result<(), JudgingRefused> {
    store.judge_item(id, place, outcome, auditor(), at(1_200 + i64::from(place))).await.unwrap()
}

/// An audit up to a finding in the first call and an outcome of the second.
async fn audited(files: &Files) -> (Store, SampleId) {
    let store = engaged(files).await;
    let id = committed(&store).await;
    sign(&store, at(260)).await;
    draw(&store, id, PUBLIC).await.unwrap();
    let first = store.sample_items(id, auditor().0).await.unwrap()[0].0.contact;
    assert_eq!(judge(&store, id, 1, Outcome::Finding).await, Err(JudgingRefused::NothingNoted));
    let finding = NotedFinding {
        id: FindingId(Uuid::from_u128(3)),
        contact: first,
        recording: recording_id(u32::try_from(first.0.as_u128()).unwrap()),
        offset_ms: 1_500,
        author: auditor().0,
        at: at(1_100),
        text: "rude at first".to_owned(),
    };
    store.note_finding(finding, auditor().1).await.unwrap();
    judge(&store, id, 1, Outcome::Finding).await.unwrap();
    judge(&store, id, 2, Outcome::NoSpeech).await.unwrap();
    judge(&store, id, 2, Outcome::InOrder).await.unwrap();
    (store, id)
}

async fn differences(store: &Store) -> Vec<String> {
    let mut report = VerifyReport::default();
    store.verify_audits(&mut report).await.unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_sample_is_drawn_after_a_checkpoint_and_a_later_public_value() {
    let files = Files::new();
    let store = engaged(&files).await;
    let unknown = SampleId(Uuid::nil());
    assert_eq!(draw(&store, unknown, PUBLIC).await, Err(DrawRefused::Unknown));
    sign(&store, at(150)).await;
    let id = committed(&store).await;
    // The checkpoint before knows nothing of the sample.
    assert_eq!(draw(&store, id, PUBLIC).await, Err(DrawRefused::NoCheckpoint));
    sign(&store, at(260)).await;
    sign(&store, at(320)).await;
    assert_eq!(draw(&store, id, PUBLIC - 1).await, Err(DrawRefused::TooEarly));
    assert_eq!(draw(&store, id, PUBLIC).await, Ok(()));
    assert_eq!(draw(&store, id, PUBLIC + 1).await, Err(DrawRefused::Drawn));
    let kept = store.sample(id).await.unwrap().unwrap();
    assert_eq!(kept.drawn.unwrap().checkpoint, kept.entry, "the first one after it");
    let items = store.sample_items(id, auditor().0).await.unwrap();
    let duty = items.iter().filter(|(item, _)| item.stratum == "duty").count();
    assert_eq!((items.len(), duty), (SIZE, 2), "a third of the calls came over the queue of duty");
    assert_eq!(differences(&store).await, [""; 0]);
}

#[tokio::test]
async fn a_checkpoint_that_came_too_late_decides_nothing() {
    let files = Files::new();
    let store = engaged(&files).await;
    let id = committed(&store).await;
    sign(&store, at(PUBLIC)).await;
    assert_eq!(draw(&store, id, PUBLIC + 60).await, Err(DrawRefused::CheckpointTooLate));
}

#[tokio::test]
async fn stock_tools_draw_the_same_calls() {
    let files = Files::new();
    let (store, id) = audited(&files).await;
    let kept = store.sample(id).await.unwrap().unwrap();
    let drawn = kept.drawn.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let frame = folder.path().join("frame.txt");
    std::fs::write(&frame, store.sample_frame(id).await.unwrap().unwrap()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/audit-draw.py");
    let python = std::process::Command::new("python3")
        .arg(script)
        .arg(&frame)
        .args([drawn.root.to_string(), drawn.value, SIZE.to_string()])
        .output()
        .unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let items = store.sample_items(id, auditor().0).await.unwrap();
    let listed = items.iter().map(|(item, _)| format!("{} {}\n", item.contact, item.stratum));
    let expected = format!("frame {}\n{}", kept.commitment.frame, listed.collect::<String>());
    assert_eq!(String::from_utf8(python.stdout).unwrap(), expected);
}

#[tokio::test]
async fn findings_belong_to_their_calls_and_the_last_word_counts() {
    let files = Files::new();
    let (store, id) = audited(&files).await;
    let items = store.sample_items(id, auditor().0).await.unwrap();
    let judged: Vec<_> =
        items.iter().map(|(item, _)| item.judged.as_ref().map(|judged| judged.outcome)).collect();
    assert_eq!(judged[..3], [Some(Outcome::Finding), Some(Outcome::InOrder), None]);
    assert_eq!(items[0].0.judged.as_ref().unwrap().findings, [FindingId(Uuid::from_u128(3))]);
    assert_eq!(store.sample(id).await.unwrap().unwrap().judged, 2);
    assert_eq!(judge(&store, id, 7, Outcome::InOrder).await, Err(JudgingRefused::Unknown));
}

#[tokio::test]
async fn an_engagement_is_closed_once_and_is_for_auditors() {
    let files = Files::new();
    let store = engaged(&files).await;
    let close = || Closed { by: records().0, at: at(300), reason: "done early".to_owned() };
    let id = EngagementId(Uuid::from_u128(1));
    let closed = store.close_engagement(id, close(), records().1).await.unwrap().unwrap();
    assert_eq!(closed.ends_at(), at(300));
    let again = store.close_engagement(id, close(), records().1).await.unwrap();
    assert_eq!(again, Err(InvalidEngagement::Over));
    let of_auditor = store.engagements(Some(auditor().0)).await.unwrap();
    assert_eq!(of_auditor, [(closed, "user9".to_owned())]);
    assert_eq!(store.engagements(Some(records().0)).await.unwrap(), []);
    let nobody = Engagement { auditor: UserId(Uuid::from_u128(8)), opened_by: auditor().0, ..engagement(2) };
    let refused = store.open_engagement(nobody, records().1).await;
    assert!(matches!(refused, Err(StoreError::NotFound("auditor"))), "{refused:?}");
    assert_eq!(differences(&store).await, [""; 0]);
}

#[tokio::test]
async fn honest_audits_verify_and_each_touch_is_named() {
    let honest = Files::new();
    let (store, id) = audited(&honest).await;
    store
        .close_engagement(
            EngagementId(Uuid::from_u128(1)),
            Closed { by: records().0, at: at(2_000), reason: "done".to_owned() },
            records().1,
        )
        .await
        .unwrap()
        .unwrap();
    assert_eq!(differences(&store).await, [""; 0]);
    assert_eq!(id, SampleId(Uuid::from_u128(7)));
    store.close().await;
    for (touch, what) in [
        ("UPDATE audit_engagements SET until_at = until_at + 1", "the end"),
        ("UPDATE audit_engagements SET scope = '{}'", "the scope"),
        ("UPDATE audit_engagements SET purpose = 'another'", "the purpose"),
        ("UPDATE audit_engagements SET closed_at = NULL, closed_by = NULL, closing = NULL", "the closing"),
        ("UPDATE audit_samples SET size = 5", "the commitment"),
        ("UPDATE audit_samples SET source = 'another'", "the commitment"),
        ("UPDATE audit_samples SET frame = substr(frame, 1, 500)", "the frame"),
        ("UPDATE audit_samples SET value = '1 2 3 4 5 6'", "the draw"),
        ("UPDATE audit_samples SET drawn_at = NULL", "the draw"),
        ("DELETE FROM checkpoints", "the checkpoint"),
        (
            "UPDATE audit_items SET contact = (SELECT contact FROM audit_items WHERE place = 3) WHERE place = 4",
            "what was drawn",
        ),
        ("DELETE FROM audit_items WHERE place = 6", "what was drawn"),
        ("UPDATE audit_items SET outcome = 'in_order', findings = '[]' WHERE place = 1", "an outcome"),
        ("UPDATE audit_items SET outcome = NULL WHERE place = 2", "an outcome"),
        ("DELETE FROM audit_items; DELETE FROM audit_samples", "the row"),
    ] {
        let files = honest.after_crash();
        let mut intruder = files.intruder().await;
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut intruder).await.unwrap();
        for trigger in ["audit_samples_refuse_delete", "checkpoints_refuse_delete"] {
            let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER IF EXISTS {trigger}"));
            sqlx::query(drop).execute(&mut intruder).await.unwrap();
        }
        for statement in touch.split("; ") {
            sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&mut intruder).await.unwrap();
        }
        let found = differences(&files.open().await).await;
        assert!(found.len() == 1 && found[0].contains(what), "{touch}: {found:?}");
    }
}
