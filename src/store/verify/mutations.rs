//! Some thousand seeded changes to a small store with real sound files, each one by hand and past the program: rows of journal,
//! cases, calls, recordings and their seconds; files flipped, cut, lengthened, deleted, swapped. Every one is found, and
//! nothing is found where nothing was changed. `RINGBACK_TEST_SEED` repeats a run, `RINGBACK_TEST_MUTATIONS` says how many.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection};

use super::*;
use crate::call::contact::{Contact, Disposition};
use crate::content_key::{ContentKey, KeyRing, MasterKey};
use crate::files::recording_listing::recording_paths;
use crate::files::{RecordingFolder, RecordingWriter, ToEncrypt, encrypt, encrypted_path, examine};
use crate::ids::UserId;
use crate::journal::{Draft, MediaPosition};
use crate::people::Actor;
use crate::recording::{Examined, Marker, RecordingState, Sound};
use crate::store::fixture::{Files, at, case_draft, contact, contact_id, recording, recording_id};
use crate::store::{Batch, Subject};
use crate::termination::Termination;
use crate::wav::{HEADER_LEN, RecordingHeader};

const CALLS: u32 = 4;
/// A tenth of a second each where nothing is optimised.
const MUTATIONS: u32 = 1_000;

struct Folder(PathBuf);

impl RecordingFiles for Folder {
    fn examine(
        &self,
        recording: &Recording,
        key: Option<&ContentKey>,
        sound: &Sound,
    ) -> io::Result<Examined> {
        examine(&self.0.join(&recording.path), recording.id, key, sound)
    }

    fn paths(&self) -> Box<dyn Iterator<Item = io::Result<String>> + Send + '_> {
        Box::new(recording_paths(&self.0))
    }
}

fn header(recording: &Recording) -> RecordingHeader {
    RecordingHeader {
        started_at: recording.started_at,
        sample_rate: 8000,
        description: "test".to_owned(),
        reference: recording.contact.to_string(),
    }
}

/// A whole call as the program tells it, with `seconds` of sound and some more.
async fn call(store: &Store, folder: &Path, n: u32, seconds: u64) {
    let by = |event, after: i64, data: Value| {
        let mut draft = Draft::new(event, at(i64::from(n) * 100 + after), Actor::system("test"));
        (draft.contact, draft.data) = (Some(contact_id(n)), data);
        draft
    };
    let begin = at(i64::from(n) * 100);
    let after = |seconds: i64| Some(at(i64::from(n) * 100 + seconds));
    let operator = UserId(uuid::Uuid::from_u128(500 + u128::from(n)));
    let mut contact = Contact { offered_at: begin, recording: Some(recording_id(n)), ..contact(n) };
    let offered = json!({ "caller": contact.caller, "called": contact.called, "origin": contact.origin,
        "sip_call_id": contact.sip_call_id });
    let mut recording = Recording { started_at: at(i64::from(n) * 100 + 1), ..recording(n) };
    let header = header(&recording);
    let mut folder = RecordingFolder::new(folder);
    let mut writer = RecordingWriter::create(&mut folder, recording.id, &recording.path, header).unwrap();
    let started = json!({ "path": recording.path });
    let entries = vec![
        by(EventType::ContactOffered, 0, offered),
        by(EventType::ContactAnswered, 1, json!({})),
        by(EventType::IvrEntered, 1, json!({ "step": "entered", "node": "welcome" })),
        by(EventType::RecStarted, 1, started),
    ];
    contact.answered_at = after(1);
    contact.ivr_path = vec!["welcome".to_owned()];
    let batch = Batch {
        contacts: vec![contact.clone()],
        recordings: vec![recording.clone()],
        entries,
        ..Batch::default()
    };
    store.commit(batch).await.unwrap();
    let draft = case_draft(n);
    store.register_case(draft, at(i64::from(n) * 100 + 2), Actor::system("test"), None).await.unwrap();
    let mut noise = StdRng::seed_from_u64(u64::from(n));
    for _ in 0..seconds * 10 + 3 {
        let frames: Vec<u8> = (0..3200).map(|_| noise.random()).collect();
        writer.append(&frames).unwrap();
    }
    writer.mark(Marker { offset_ms: 100, label: "contact.queued".to_owned() });
    let sealed = writer.seal();
    let data = json!({ "frames": sealed.frames, "result": sealed.result, "sha256": sealed.sha256,
        "seal": sealed.proof.as_ref().map(|proof| proof.seal) });
    (recording.state, recording.result) = (RecordingState::Sealed, Some(sealed.result));
    (recording.frames, recording.sha256, recording.proof) = (sealed.frames, sealed.sha256, sealed.proof);
    (contact.queued_at, contact.connected_at, contact.ended_at) = (after(3), after(5), after(60));
    contact.operator = Some(operator);
    contact.topic = Some("water".to_owned());
    contact.termination = Some(Termination::CallerHungUp);
    contact.disposition = Some(Disposition::CaseCreated);
    let mut ended = by(EventType::ContactEnded, 60, json!({ "termination": contact.termination }));
    ended.media = Some(MediaPosition { recording: recording.id, offset_ms: 59_000 });
    let entries = vec![
        by(EventType::ContactQueued, 3, json!({})),
        by(EventType::ContactConnected, 5, json!({ "operator": operator })),
        ended,
        by(EventType::RecSealed, 60, data),
        by(
            EventType::ContactDisposed,
            61,
            json!({ "disposition": "case_created", "language": contact.language, "topic": contact.topic }),
        ),
    ];
    let batch = Batch { contacts: vec![contact], recordings: vec![recording], entries, ..Batch::default() };
    store.commit(batch).await.unwrap();
}

/// The store under attack, and all that brings it back.
struct Scene {
    store: Store,
    files: Files,
    intruder: SqliteConnection,
    folder: tempfile::TempDir,
    sound: BTreeMap<String, Vec<u8>>,
}

impl Scene {
    async fn new() -> Self {
        let (files, folder) = (Files::new(), tempfile::tempdir().unwrap());
        let store = files.open().await;
        for n in 1..=CALLS {
            call(&store, folder.path(), n, u64::from(n)).await;
        }
        let mut intruder = files.intruder().await;
        let triggers: Vec<(String,)> =
            sqlx::query_as("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
                .fetch_all(&mut intruder)
                .await
                .unwrap();
        sqlx::raw_sql("PRAGMA foreign_keys = OFF").execute(&mut intruder).await.unwrap();
        for (trigger,) in triggers {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}")))
                .execute(&mut intruder)
                .await
                .unwrap();
        }
        for table in TABLES {
            let kept = format!("CREATE TEMP TABLE kept_{table} AS SELECT * FROM main.{table}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(kept)).execute(&mut intruder).await.unwrap();
        }
        let paths = (1..=CALLS).map(|n| recording(n).path);
        let sound = paths.map(|path| (path.clone(), fs::read(folder.path().join(&path)).unwrap())).collect();
        Self { store, files, intruder, folder, sound }
    }

    async fn findings(&self) -> Vec<String> {
        let files = Folder(self.folder.path().to_owned());
        let report = self.store.verify(&mut |_| {}, Some(&files)).await.unwrap();
        report.in_words().collect()
    }

    async fn sql(&mut self, statement: String) -> u64 {
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut self.intruder).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}")).rows_affected()
    }

    async fn restore(&mut self, table: &str) {
        self.sql(format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")).await;
    }

    async fn restore_files(&self) {
        for (path, bytes) in &self.sound {
            fs::write(self.folder.path().join(path), bytes).unwrap();
        }
    }
}

const TABLES: [&str; 5] = ["journal", "cases", "contacts", "recordings", "recording_seconds"];

/// What each row is told by, and the columns that are proven. Not among them are those that no entry tells of: a
/// contact's call-back number; a case's body but for what a replay knows.
const COLUMNS: [(&str, &[&str]); 5] = [
    (
        "journal",
        &[
            "id",
            "type",
            "v",
            "at",
            "actor",
            "contact",
            "case_number",
            "recording",
            "offset_ms",
            "reason",
            "data",
            "prev",
            "hash",
            "seq",
        ],
    ),
    (
        "cases",
        &["number", "seq", "year", "office", "state", "category", "executor", "caller", "registered_at"],
    ),
    (
        "contacts",
        &[
            "id",
            "recording",
            "caller",
            "called",
            "origin",
            "sip_call_id",
            "language",
            "topic",
            "ivr_path",
            "operator",
            "case_number",
            "offered_at",
            "answered_at",
            "queued_at",
            "connected_at",
            "ended_at",
            "termination",
            "disposition",
        ],
    ),
    (
        "recordings",
        &[
            "id",
            "contact",
            "path",
            "state",
            "started_at",
            "sample_rate",
            "frames",
            "gaps",
            "result",
            "sha256",
        ],
    ),
    ("recording_seconds", &["recording", "leaves"]),
];

/// One change to one row: what it is, and the table it was made in. None where it changes nothing.
async fn change_row(scene: &mut Scene, random: &mut StdRng) -> Option<(String, &'static str)> {
    let (table, columns) = COLUMNS[random.random_range(0..COLUMNS.len())];
    let rows: i64 = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}")))
        .fetch_one(&mut scene.intruder)
        .await
        .unwrap()
        .get(0);
    let row = random.random_range(0..rows);
    let this = format!("rowid = (SELECT rowid FROM {table} ORDER BY rowid LIMIT 1 OFFSET {row})");
    // A journal that lost its very end is whole in itself: the head that was kept elsewhere tells, and rows do here.
    let statement = match random.random_range(0..10) {
        0 => format!("DELETE FROM {table} WHERE {this}"),
        1 => {
            let other = random.random_range(0..rows);
            let column = columns[random.random_range(1..columns.len())];
            format!(
                "UPDATE OR IGNORE {table} SET {column} = (SELECT {column} FROM {table} ORDER BY rowid LIMIT 1 \
                 OFFSET {other}) WHERE {this}"
            )
        }
        2 => {
            let column = columns[random.random_range(0..columns.len())];
            format!("UPDATE OR IGNORE {table} SET {column} = NULL WHERE {this}")
        }
        _ => {
            let column = columns[random.random_range(0..columns.len())];
            let by = [-86_400_000_000_i64, -3_600_000_000, -1, 1, 1_000_000][random.random_range(0..5)];
            let place = random.random_range(1..40);
            format!(
                "UPDATE OR IGNORE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + {by} \
                 WHEN 'text' THEN substr({column}, 1, {place}) || 'x' || substr({column}, {place} + 2) \
                 WHEN 'blob' THEN CAST(substr({column}, 1, {place}) || x'07' || substr({column}, {place} + 2) AS BLOB) \
                 ELSE 'x' END WHERE {this}"
            )
        }
    };
    // What the table's own rules refuse was not changed.
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut scene.intruder).await;
    done.ok()?;
    let differs = format!(
        "SELECT (SELECT COUNT(*) FROM (SELECT * FROM {table} EXCEPT SELECT * FROM kept_{table})) \
        + (SELECT COUNT(*) FROM (SELECT * FROM kept_{table} EXCEPT SELECT * FROM {table}))"
    );
    let changed: i64 =
        sqlx::query(sqlx::AssertSqlSafe(differs)).fetch_one(&mut scene.intruder).await.unwrap().get(0);
    (changed > 0).then_some((statement, table))
}

/// One change to the files.
fn change_file(scene: &Scene, random: &mut StdRng) -> String {
    let path_of = |n: u32| recording(n).path;
    let n = random.random_range(1..=CALLS);
    let path = path_of(n);
    let on_disk = scene.folder.path().join(&path);
    let mut bytes = scene.sound[&path].clone();
    match random.random_range(0..5) {
        0 => {
            fs::remove_file(&on_disk).unwrap();
            return format!("delete {path}");
        }
        1 => {
            let other = path_of(n % CALLS + 1);
            fs::write(&on_disk, &scene.sound[&other]).unwrap();
            fs::write(scene.folder.path().join(&other), &bytes).unwrap();
            return format!("swap {path} and {other}");
        }
        2 => bytes.truncate(random.random_range(0..bytes.len())),
        3 => bytes.extend((0..random.random_range(1..5000)).map(|_| random.random::<u8>())),
        _ => {
            let bit = random.random_range(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&on_disk, &bytes).unwrap();
            return format!("flip bit {bit} of {path}");
        }
    }
    fs::write(&on_disk, &bytes).unwrap();
    format!("{path} has {} octets", bytes.len())
}

#[tokio::test]
async fn every_change_is_found_and_nothing_else() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1580);
    println!("RINGBACK_TEST_SEED={seed}");
    let mutations = std::env::var("RINGBACK_TEST_MUTATIONS").ok().and_then(|count| count.parse().ok());
    let mutations: u32 = mutations.unwrap_or(MUTATIONS);
    let mut random = StdRng::seed_from_u64(seed);
    let mut scene = Scene::new().await;
    assert_eq!(scene.findings().await, [] as [String; 0], "nothing was changed");
    let (mut made, mut missed) = (0, Vec::new());
    while made < mutations {
        if random.random_range(0..4) == 0 {
            let what = change_file(&scene, &mut random);
            if scene.findings().await.is_empty() {
                missed.push(what);
            }
            scene.restore_files().await;
            made += 1;
        } else if let Some((what, table)) = change_row(&mut scene, &mut random).await {
            if scene.findings().await.is_empty() {
                missed.push(what);
            }
            scene.restore(table).await;
            made += 1;
        }
    }
    assert_eq!(scene.findings().await, [] as [String; 0], "everything is as it was");
    assert!(missed.is_empty(), "seed {seed}: {} of {made} were missed: {missed:#?}", missed.len());
    drop(scene.files);
}

#[tokio::test]
async fn what_was_done_to_a_file_is_said_in_words() {
    let scene = Scene::new().await;
    let path = recording(3).path;
    let whole = scene.sound[&path].clone();
    let named = format!("recording {} of call {}: ", recording_id(3), contact_id(3));
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let second = |n: usize| HEADER_LEN + n * 32_000;
    let appended = [&whole[..], b"more"].concat();
    let mut two = flipped(second(1) + 5);
    two[second(2) - 1] ^= 1;
    two[second(3) - 1] ^= 1;
    let cases: [(Vec<u8>, &[&str]); 7] = [
        (flipped(second(2)), &["second 2 (00:00:02) is not what was sealed"]),
        (two, &["seconds 1 to 2 (00:00:01 to 00:00:02) are not what was sealed"]),
        (flipped(100), &["the head of its file is not what was sealed"]),
        (flipped(whole.len() - 1), &["the markers behind its sound are not what was sealed"]),
        (appended, &["4 octets were appended to its file"]),
        (whole[..second(2) + 8].to_vec(), &["its file was cut: "]),
        (scene.sound[&recording(1).path].clone(), &["its file is that of recording "]),
    ];
    for (bytes, expected) in cases {
        fs::write(scene.folder.path().join(&path), bytes).unwrap();
        let found = scene.findings().await;
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(&format!("{named}{expected}")), "{found}, not {expected}");
        }
    }
    fs::remove_file(scene.folder.path().join(&path)).unwrap();
    assert_eq!(scene.findings().await, [format!("{named}its file is missing: {path}")]);
}

#[tokio::test]
async fn a_walk_stops_at_every_page_goes_on_and_looks_at_what_is_new() {
    let mut scene = Scene::new().await;
    let files = Folder(scene.folder.path().to_owned());
    let mut report = VerifyReport::default();
    let mut runs = 0;
    while !report.is_whole() {
        let kept = serde_json::to_string(&report.to_keep()).unwrap();
        let resumed: VerifyReport = serde_json::from_str(&kept).unwrap();
        let mut stop = |_: &VerifyReport| ControlFlow::Break(());
        report = scene.store.verify_from(resumed, &mut stop, Some(&files)).await.unwrap();
        runs += 1;
        assert!(runs < 100, "{report:?}");
    }
    let whole = scene.store.verify(&mut |_| {}, Some(&files)).await.unwrap();
    assert!(runs > 4 && report.is_good(), "{runs} runs: {report:?}");
    assert_eq!((report.checked, report.head), (whole.checked, whole.head));

    // An old change is not looked at, a new one is.
    scene.sql("UPDATE contacts SET disposition = 'nuisance' WHERE rowid = 1".to_owned()).await;
    call(&scene.store, scene.folder.path(), CALLS + 1, 1).await;
    let since = |report: &VerifyReport| report.clone().since();
    let new = scene
        .store
        .verify_from(since(&report), &mut |_| ControlFlow::Continue(()), Some(&files))
        .await
        .unwrap();
    assert!(new.is_good(), "{:?}", new.findings);
    assert_eq!((new.checked.entries, new.checked.contacts, new.checked.recordings), (10, 1, 1));
    scene
        .sql(format!("UPDATE contacts SET disposition = 'nuisance' WHERE id = '{}'", contact_id(CALLS + 1)))
        .await;
    let new = scene
        .store
        .verify_from(since(&report), &mut |_| ControlFlow::Continue(()), Some(&files))
        .await
        .unwrap();
    assert_eq!(new.findings.len(), 1, "{:?}", new.findings);
    // The entry that the earlier run ended at is another one.
    scene.sql(format!("UPDATE journal SET reason = 'x' WHERE seq = {}", report.head.seq)).await;
    let new = scene
        .store
        .verify_from(since(&report), &mut |_| ControlFlow::Continue(()), Some(&files))
        .await
        .unwrap();
    assert!(new.findings[0].to_string().contains("was altered"), "{:?}", new.findings);
}

#[tokio::test]
async fn what_should_be_there_and_is_not_is_found() {
    let mut scene = Scene::new().await;
    let orphan = scene.folder.path().join("2026/11/20/orphan.wav");
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    fs::File::create(&orphan).unwrap().set_modified(long_ago).unwrap();
    assert_eq!(scene.findings().await, ["orphan file 2026/11/20/orphan.wav: no recording asks for it"]);
    fs::remove_file(&orphan).unwrap();

    // A call that came in and was answered by its SIP messages alone; and one that nobody recorded, nor says why.
    for n in [8, 9] {
        let mut offered = Draft::new(EventType::ContactOffered, at(i64::from(n)), Actor::system("test"));
        let mut ended = Draft::new(EventType::ContactEnded, at(i64::from(n) + 1), Actor::system("test"));
        let mut answered = Draft::new(EventType::ContactAnswered, at(i64::from(n)), Actor::system("test"));
        for draft in [&mut offered, &mut ended, &mut answered] {
            draft.contact = Some(contact_id(n));
        }
        let mut row = Contact { ended_at: Some(at(i64::from(n) + 1)), ..contact(n) };
        let mut entries = vec![offered, ended];
        if n == 9 {
            row.answered_at = Some(at(i64::from(n)));
            entries.push(answered);
        }
        scene.store.commit(Batch { contacts: vec![row], entries, ..Batch::default() }).await.unwrap();
    }
    let ladder = format!(
        "INSERT INTO ladder_messages (contact, seq, at, direction, transport, local, remote, bytes) VALUES \
         ('{}', 1, 1, 'sent', 'udp', '', '', CAST('SIP/2.0 200 OK{}CSeq: 1 INVITE{}' AS BLOB))",
        contact_id(8),
        "\r\n",
        "\r\n"
    );
    scene.sql(ladder).await;
    let mut found = scene.findings().await;
    found.sort();
    let expected = [
        format!("call {}: by its SIP messages it was answered, by its row it was not", contact_id(8)),
        format!(
            "call {}: it was answered, and no entry says that it was recorded, or why not",
            contact_id(9)
        ),
    ];
    assert_eq!(found, expected);
}

/// Where second `n` of a sealed recording begins in its encrypted file.
fn second(n: usize) -> usize {
    80 + HEADER_LEN + 16 + n * 32_016
}

#[tokio::test]
async fn an_encrypted_file_is_proven_as_a_plain_one_and_its_broken_second_named() {
    let mut scene = Scene::new().await;
    scene.store = scene.store.with_keys(Some(KeyRing::new(MasterKey::new([1; 32]), Vec::new())));
    let mut paths = Vec::new();
    for recording in scene.store.plain_recordings(None, 10).await.unwrap() {
        let key = scene.store.content_key_for(Subject::Call(recording.contact), at(1)).await.unwrap();
        let path = scene.folder.path().join(&recording.path);
        let (id, sample_rate, sha256) = (recording.id.0, recording.sample_rate, recording.sha256.unwrap());
        encrypt(&ToEncrypt { path: path.clone(), id, sample_rate, sha256, key, salt: rand::random() })
            .unwrap();
        paths.push(encrypted_path(&path));
    }
    assert_eq!((paths.len(), scene.findings().await), (CALLS as usize, Vec::<String>::new()));
    let of = |n: u32| format!("recording {} of call {}: ", recording_id(n), contact_id(n));
    let whole = fs::read(&paths[3]).unwrap();
    let mut altered = whole.clone();
    altered[second(2) + 9] ^= 4;
    fs::write(&paths[3], &altered).unwrap();
    assert_eq!(scene.findings().await, [of(4) + "second 2 (00:00:02) is not what was sealed"]);
    fs::write(&paths[3], &whole[..second(3)]).unwrap();
    let found = scene.findings().await;
    assert!(found.len() == 1 && found[0].starts_with(&(of(4) + "its file was cut: ")), "{found:?}");
    fs::write(&paths[3], [whole.as_slice(), b"more"].concat()).unwrap();
    assert_eq!(scene.findings().await, [of(4) + "4 octets were appended to its file"]);
    fs::copy(&paths[2], &paths[3]).unwrap();
    let swapped = of(4) + &format!("its file is that of recording {}", recording_id(3));
    assert_eq!(scene.findings().await, [swapped]);
    fs::write(&paths[3], &whole).unwrap();
    // Nobody can hear it any more: an entry says why, or it is a finding.
    let entry = Draft::new(EventType::AccessViewed, at(900), Actor::system("test"));
    scene.store.destroy_content_key(Subject::Call(contact_id(4)), entry).await.unwrap();
    let destroyed = of(4) + "its content key was destroyed, and no entry says that it was erased";
    assert_eq!(scene.findings().await, [destroyed]);
    let without = scene.store.clone().with_keys(None);
    let files = Folder(scene.folder.path().to_owned());
    let found: Vec<String> = without.verify(&mut |_| {}, Some(&files)).await.unwrap().in_words().collect();
    let locked =
        found.iter().filter(|finding| finding.ends_with("it is encrypted, and its key is not there"));
    assert_eq!(locked.count(), 3, "{found:?}");
}
