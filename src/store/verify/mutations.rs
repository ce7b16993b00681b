//! Thousands of seeded changes to a small city in which everything happened that the journal speaks of, each one by hand and
//! past the program: rows altered, dated back, emptied, exchanged, renumbered and deleted in every table; sound files, plain and
//! encrypted, flipped, cut, lengthened, deleted, swapped. Every one is found, and nothing is found where nothing was changed.
//! What no entry proves is named in `columns`, with the reason. `crate::store::tally` says how many, and how to repeat a run.
#![allow(clippy::unwrap_used, clippy::panic)]

mod city;
mod columns;
mod words;

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
use crate::files::{
    RecordingFolder, RecordingWriter, TileFolder, ToEncrypt, encrypt, encrypted_path, examine,
};
use crate::ids::UserId;
use crate::journal::{Draft, MediaPosition, Note, SignerKey};
use crate::people::Actor;
use crate::recording::{Examined, Marker, RecordingState, Sound};
use crate::store::fixture::{Files, at, case_draft, contact, contact_id, recording, recording_id};
use crate::store::tally::Tally;
use crate::store::{Batch, Subject, TreeWitness};
use crate::termination::Termination;
use crate::wav::{HEADER_LEN, RecordingHeader};

use city::{CALLS, Folder};
use columns::{PROVEN, Standing, standing};

/// Per cent of all mutations.
const ROWS_SHARE: u32 = 45;
const FILES_SHARE: u32 = 15;

/// The store under attack, and all that brings it back.
struct Scene {
    store: Store,
    files: Files,
    intruder: SqliteConnection,
    folder: tempfile::TempDir,
    /// By its place on the disk.
    sound: BTreeMap<PathBuf, Vec<u8>>,
    tiles: TileFolder,
    key: SignerKey,
    noted: Option<Note>,
}

impl Scene {
    /// A few recorded calls, and a case of each.
    async fn of_calls() -> Self {
        let (files, folder) = (Files::new(), tempfile::tempdir().unwrap());
        let store = files.open().await;
        for n in 1..=CALLS {
            city::call(&store, folder.path(), n, u64::from(n)).await;
        }
        Self::under_attack(store, files, folder).await
    }

    /// All that the journal speaks of.
    async fn of_everything() -> Self {
        let (files, folder) = (Files::new(), tempfile::tempdir().unwrap());
        let store = city::everything(&files, folder.path()).await;
        let mut scene = Self::under_attack(store, files, folder).await;
        scene.noted = Some(city::sign(&scene.store, &scene.tiles, &scene.key, at(90_000)).await);
        scene.keep("journal").await;
        scene.keep("checkpoints").await;
        scene
    }

    async fn under_attack(store: Store, files: Files, folder: tempfile::TempDir) -> Self {
        let mut intruder = files.intruder().await;
        for pragma in ["foreign_keys = OFF", "synchronous = OFF", "ignore_check_constraints = ON"] {
            let pragma = format!("PRAGMA {pragma}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(pragma)).execute(&mut intruder).await.unwrap();
        }
        let triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
        let triggers: Vec<String> = sqlx::query_scalar(triggers).fetch_all(&mut intruder).await.unwrap();
        for trigger in triggers {
            // The log of checkpoints goes on growing until everything stands.
            if trigger != "checkpoints_grow" {
                let drop = format!("DROP TRIGGER {trigger}");
                sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut intruder).await.unwrap();
            }
        }
        let sound = city::sound_in(folder.path());
        let tiles = TileFolder::new(folder.path().join("log"));
        let mut scene =
            Self { store, files, intruder, folder, sound, tiles, key: city::signer(), noted: None };
        for table in columns::tables() {
            scene.keep(table).await;
        }
        scene
    }

    async fn keep(&mut self, table: &str) {
        let again = format!(
            "DROP TABLE IF EXISTS temp.kept_{table}; CREATE TEMP TABLE kept_{table} AS SELECT * FROM main.{table}"
        );
        self.sql(again).await;
    }

    async fn findings(&self) -> Vec<String> {
        let files = Folder(self.folder.path().to_owned());
        let report = self.store.verify(&mut |_| {}, Some(&files)).await.unwrap();
        let mut found: Vec<String> = report.in_words().collect();
        if let Some(noted) = &self.noted {
            let keys = [self.key.verifier().clone()];
            let witness = TreeWitness { keys: &keys, tiles: Some(&self.tiles), noted: Some(noted) };
            let tree = self.store.verify_tree(&witness, &mut |_| {}).await.unwrap();
            found.extend(tree.findings.iter().map(ToString::to_string));
        }
        found
    }

    async fn sql(&mut self, statement: String) -> u64 {
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut self.intruder).await;
        done.unwrap_or_else(|error| panic!("{statement}: {error}")).rows_affected()
    }

    async fn count(&mut self, sql: String) -> i64 {
        sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut self.intruder).await.unwrap().get(0)
    }

    async fn is_changed(&mut self, table: &str) -> bool {
        let differs = format!(
            "SELECT (SELECT COUNT(*) FROM (SELECT * FROM {table} EXCEPT SELECT * FROM kept_{table})) \
             + (SELECT COUNT(*) FROM (SELECT * FROM kept_{table} EXCEPT SELECT * FROM {table}))"
        );
        self.count(differs).await > 0
    }

    async fn restore(&mut self, table: &str) {
        self.sql(format!(
            "BEGIN; DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}; COMMIT"
        ))
        .await;
    }

    fn restore_files(&self) {
        for (path, bytes) in &self.sound {
            fs::write(path, bytes).unwrap();
        }
    }
}

/// What is done to a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Altered,
    DatedBack,
    Renumbered,
    Emptied,
    Exchanged,
    Deleted,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::DatedBack => "dated back",
            Self::Renumbered => "renumbered",
            Self::Emptied => "emptied",
            Self::Exchanged => "exchanged",
            Self::Deleted => "deleted",
        }
    }
}

/// One change to one row or two: its kind, and what it was. None where it changed nothing, or the table refused it.
async fn change_row(
    scene: &mut Scene,
    random: &mut StdRng,
    (table, column): (&str, &str),
) -> Option<(Kind, String)> {
    let (key, among) = (columns::key(table), columns::among(table));
    let rows = scene.count(format!("SELECT COUNT(*) FROM {table} {among}")).await;
    assert!(rows > 0, "the city has nothing in {table}");
    let this = |row: i64| {
        format!("({key}) = (SELECT {key} FROM kept_{table} {among} ORDER BY {key} LIMIT 1 OFFSET {row})")
    };
    let row = random.random_range(0..rows);
    let is_moment = column == "at" || column.ends_with("_at") || matches!(column, "resolve_by" | "public_at");
    let kind = match random.random_range(0..12) {
        0 => Kind::Deleted,
        1 => Kind::Emptied,
        2 | 3 => Kind::Exchanged,
        _ if is_moment => Kind::DatedBack,
        4 | 5 if columns::is_number(table, column) => Kind::Renumbered,
        _ => Kind::Altered,
    };
    let place = random.random_range(1..40);
    let statement = match kind {
        // A journal that lost its very end is whole in itself: the checkpoint that was noted elsewhere tells.
        Kind::Deleted => format!("DELETE FROM {table} WHERE {}", this(row)),
        Kind::Emptied => format!("UPDATE {table} SET {column} = NULL WHERE {}", this(row)),
        Kind::Exchanged => {
            let other = random.random_range(0..rows);
            let of = |row| format!("(SELECT {column} FROM kept_{table} WHERE {})", this(row));
            format!(
                "UPDATE {table} SET {column} = CASE WHEN {} THEN {} ELSE {} END WHERE {} OR {}",
                this(row),
                of(other),
                of(row),
                this(row),
                this(other)
            )
        }
        Kind::DatedBack | Kind::Renumbered => {
            let by = match kind {
                Kind::DatedBack => {
                    -[1, 1_000_000, 3_600_000_000, 86_400_000_000_i64][random.random_range(0..4)]
                }
                _ => [-1, 1, 1_000][random.random_range(0..3)],
            };
            format!(
                "UPDATE {table} SET {column} = {column} + {by} WHERE {} AND typeof({column}) = 'integer'",
                this(row)
            )
        }
        Kind::Altered => format!(
            "UPDATE {table} SET {column} = CASE typeof({column}) WHEN 'integer' THEN {column} + 1 \
             WHEN 'text' THEN substr({column}, 1, {place}) || 'x' || substr({column}, {place} + 2) \
             WHEN 'blob' THEN CAST(substr({column}, 1, {place}) || x'07' || substr({column}, {place} + 2) AS BLOB) \
             ELSE 'x' END WHERE {}",
            this(row)
        ),
    };
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.clone())).execute(&mut scene.intruder).await;
    done.ok()?;
    scene.is_changed(table).await.then_some((kind, statement))
}

/// One change inside of the JSON that a row has as its body, where that is proven.
async fn change_body(scene: &mut Scene, random: &mut StdRng, table: &str) -> Option<(String, Value)> {
    let rows = scene.count(format!("SELECT COUNT(*) FROM {table}")).await;
    let sql = format!(
        "SELECT rowid, body FROM kept_{table} ORDER BY rowid LIMIT 1 OFFSET {}",
        random.random_range(0..rows)
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(&mut scene.intruder).await.unwrap();
    let mut body: Value = serde_json::from_str(row.get("body")).unwrap();
    let mut leaves = Vec::new();
    columns::leaves(&body, String::new(), &mut leaves);
    leaves.retain(|leaf| standing(table, &columns::path_of(leaf)) == Some(Standing::Proven));
    let leaf = leaves[random.random_range(0..leaves.len())].clone();
    let place = body.pointer_mut(&leaf).unwrap();
    let before = place.clone();
    *place = match &before {
        Value::Bool(is_so) => json!(!is_so),
        Value::Number(number) => json!(number.as_i64().unwrap() + [-1, 1, 7][random.random_range(0..3)]),
        // A moment, a year earlier.
        Value::String(text) if text.contains("2026-") => json!(text.replace("2026-", "2025-")),
        Value::String(text) => json!(format!("{text}x")),
        _ => json!("x"),
    };
    let update =
        format!("UPDATE {table} SET body = $1 WHERE rowid = (SELECT rowid FROM {table} WHERE body = $2)");
    let update =
        sqlx::query(sqlx::AssertSqlSafe(update)).bind(body.to_string()).bind(row.get::<String, _>("body"));
    update.execute(&mut scene.intruder).await.unwrap();
    Some((leaf, before))
}

/// One change to the files: its kind, and what it was.
fn change_file(scene: &Scene, random: &mut StdRng) -> (String, String) {
    let paths: Vec<&PathBuf> = scene.sound.keys().collect();
    let pick = random.random_range(0..paths.len());
    let (path, name) = (paths[pick], paths[pick].display().to_string());
    let is_encrypted = path.extension().is_none_or(|ending| ending != "wav");
    let of = |kind: &str| format!("{kind}, {}", if is_encrypted { "encrypted" } else { "plain" });
    let mut bytes = scene.sound[path].clone();
    let kind = match random.random_range(0..6) {
        0 => {
            fs::remove_file(path).unwrap();
            return (of("recording deleted"), name);
        }
        1 => {
            // Those of its kind: a plain file under an encrypted one's name is no exchange.
            let same: Vec<_> = paths.iter().filter(|other| other.extension() == path.extension()).collect();
            let other = same[random.random_range(0..same.len())];
            if *other != path {
                fs::write(path, &scene.sound[*other]).unwrap();
                fs::write(other, &bytes).unwrap();
                return (of("recordings swapped"), format!("{name} and {}", other.display()));
            }
            bytes.clear();
            "recording cut"
        }
        2 => {
            bytes.truncate(random.random_range(0..bytes.len()));
            "recording cut"
        }
        3 => {
            bytes.extend((0..random.random_range(1..5000)).map(|_| random.random::<u8>()));
            "recording lengthened"
        }
        4 => {
            let (from, length) =
                (random.random_range(HEADER_LEN..bytes.len() / 2), random.random_range(2..2000));
            bytes[from..from + length].reverse();
            "sound reordered"
        }
        _ => {
            let bit = random.random_range(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(path, &bytes).unwrap();
            return (of("bit flipped"), format!("bit {bit} of {name}"));
        }
    };
    fs::write(path, &bytes).unwrap();
    (of(kind), format!("{name}, then of {} octets", bytes.len()))
}

/// Paths in the bodies that are neither proven nor said not to be.
async fn unthought_of(scene: &mut Scene) -> Vec<String> {
    let mut found = Vec::new();
    for table in columns::tables().filter(|table| columns::has_body(table)) {
        let sql = format!("SELECT body FROM {table}");
        let bodies = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(sql)).fetch_all(&mut scene.intruder);
        for body in bodies.await.unwrap() {
            let mut leaves = Vec::new();
            columns::leaves(&serde_json::from_str(&body).unwrap(), String::new(), &mut leaves);
            let paths = leaves.iter().map(|leaf| columns::path_of(leaf));
            found.extend(
                paths.filter(|path| standing(table, path).is_none()).map(|path| format!("{table}: {path}")),
            );
        }
    }
    found.sort();
    found.dedup();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_to_a_row_is_found_and_nothing_else() {
    let mut tally = Tally::new("rows", ROWS_SHARE);
    let mut random = StdRng::seed_from_u64(tally.seed);
    let mut scene = Scene::of_everything().await;
    assert_eq!(scene.findings().await, [] as [String; 0], "nothing was changed");
    let mut bodies = 0;
    assert_eq!(unthought_of(&mut scene).await, [] as [String; 0], "in no list");
    while tally.wants_more() {
        // Each table as often as any other, and its body beside its columns.
        let (table, columns) = PROVEN[random.random_range(0..PROVEN.len())];
        if columns::has_body(table) && random.random() {
            if let Some((leaf, before)) = change_body(&mut scene, &mut random, table).await {
                let is_found = !scene.findings().await.is_empty();
                tally.note(&format!("{table}: body"), &format!("{leaf} was {before}"), is_found);
                bodies += 1;
            }
        } else {
            let column = columns[random.random_range(0..columns.len())];
            if let Some((kind, what)) = change_row(&mut scene, &mut random, (table, column)).await {
                let is_found = !scene.findings().await.is_empty();
                tally.note(&format!("{table}: {}", kind.name()), &what, is_found);
            }
        }
        scene.restore(table).await;
    }
    assert_eq!(scene.findings().await, [] as [String; 0], "everything is as it was");
    println!("rows: {bodies} of them inside of a body");
    drop(scene.files);
    tally.settle();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_to_a_sound_file_is_found_and_nothing_else() {
    let mut tally = Tally::new("recordings", FILES_SHARE);
    let mut random = StdRng::seed_from_u64(tally.seed);
    let mut scene = Scene::of_calls().await;
    scene.store = scene.store.with_keys(Some(KeyRing::new(MasterKey::new([1; 32]), Vec::new())));
    city::encrypted(&scene.store, scene.folder.path(), CALLS / 2).await;
    scene.sound = city::sound_in(scene.folder.path());
    assert_eq!(scene.findings().await, [] as [String; 0], "nothing was changed");
    while tally.wants_more() {
        let (kind, what) = change_file(&scene, &mut random);
        if city::sound_in(scene.folder.path()) != scene.sound {
            tally.note(&kind, &what, !scene.findings().await.is_empty());
        }
        scene.restore_files();
    }
    assert_eq!(scene.findings().await, [] as [String; 0], "everything is as it was");
    tally.settle();
}
