//! Somebody with the database, the disk and time, but without the key: whatever they change is found, by the chain or by
//! what was signed; and nothing is found where nobody changed anything.
#![allow(clippy::unwrap_used, clippy::panic)]

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::*;
use crate::journal::{Draft, Entry, EventType, SignerKey};
use crate::people::Actor;
use crate::store::fixture::{Files, at, entry};
use crate::store::tally::Tally;

/// Per cent of all mutations.
const SHARE: u32 = 20;
/// The ways in which `mutate` does it, in its order.
const KINDS: [&str; 10] = [
    "entry altered",
    "entry deleted",
    "entries exchanged",
    "end cut off",
    "entry rewritten with a fitting chain",
    "checkpoint altered",
    "checkpoint deleted",
    "checkpoint of another key",
    "end cut off with its checkpoints",
    "tile flipped, cut or deleted",
];
/// Checkpoints of a signed store.
const CHECKPOINTS: u64 = 5;

/// A store whose last entry tells of the last checkpoint: nothing in it is unsigned but that.
struct SignedStore {
    files: Files,
    store: Store,
    folder: tempfile::TempDir,
    tiles: TileFolder,
    keys: [VerifierKey; 1],
    notes: Vec<Note>,
    size: u64,
}

impl SignedStore {
    async fn of(entries_between: u32) -> Self {
        let files = Files::new();
        let store = files.open().await;
        let folder = tempfile::tempdir().unwrap();
        let tiles = TileFolder::new(folder.path().to_owned());
        let signer = SignerKey::new("city.example/1580", [7; 32]).unwrap();
        let (mut edge, mut notes) = (Edge::default(), Vec::new());
        for round in 0..CHECKPOINTS {
            let draft = |n| entry(EventType::AccessViewed, n, i64::from(n));
            store.journal((0..entries_between).map(draft).collect()).await.unwrap();
            let size = store.counts().await.unwrap().journal_seq;
            for hash in store.entry_hashes(edge.size(), size).await.unwrap() {
                edge.push(leaf_hash(&hash), &mut |tile, hashes| tiles.write(tile, hashes).unwrap());
            }
            edge.partial().for_each(|(tile, hashes)| tiles.write(tile, hashes).unwrap());
            notes.push(signer.sign(size, edge.root()));
            let moment = at(10_000 + i64::try_from(round).unwrap());
            store
                .keep_checkpoint(notes.last().unwrap().clone(), Actor::system("journal"), moment)
                .await
                .unwrap();
        }
        let (keys, size) = ([signer.verifier().clone()], edge.size());
        Self { files, store, folder, tiles, keys, notes, size }
    }

    /// Past the store: nothing refuses what it does, and what was is kept to be brought back.
    async fn intruder(&self) -> SqliteConnection {
        let mut intruder = self.files.intruder().await;
        for statement in [
            "PRAGMA synchronous = OFF",
            "DROP TRIGGER journal_refuses_update",
            "DROP TRIGGER journal_refuses_delete",
            "DROP TRIGGER journal_grows_at_its_end",
            "DROP TRIGGER checkpoints_refuse_update",
            "DROP TRIGGER checkpoints_refuse_delete",
            "DROP TRIGGER checkpoints_grow",
            "CREATE TEMP TABLE journal_before AS SELECT * FROM main.journal",
            "CREATE TEMP TABLE checkpoints_before AS SELECT * FROM main.checkpoints",
        ] {
            sqlx::query(statement).execute(&mut intruder).await.unwrap();
        }
        intruder
    }

    async fn tree_findings(&self, noted: Option<&Note>) -> Vec<TreeFinding> {
        let witness = TreeWitness { keys: &self.keys, tiles: Some(&self.tiles), noted };
        self.store.verify_tree(&witness, &mut |_| {}).await.unwrap().findings
    }

    /// Of chain and tree, in words.
    async fn findings(&self) -> Vec<String> {
        let chain = self.store.verify(&mut |_| {}, None).await.unwrap().findings;
        let tree = self.tree_findings(self.notes.last()).await;
        chain.iter().map(ToString::to_string).chain(tree.iter().map(ToString::to_string)).collect()
    }
}

async fn force(intruder: &mut SqliteConnection, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(intruder).await.unwrap();
}

async fn bring_back(intruder: &mut SqliteConnection) {
    for statement in [
        "BEGIN",
        "DELETE FROM journal",
        "DELETE FROM checkpoints",
        "INSERT INTO journal SELECT * FROM journal_before",
        "INSERT INTO checkpoints SELECT * FROM checkpoints_before",
        "COMMIT",
    ] {
        sqlx::query(statement).execute(&mut *intruder).await.unwrap();
    }
}

/// What is done to the row of a checkpoint.
const CHECKPOINT_CHANGES: [&str; 10] = [
    "root = substr(root, 2) || substr(root, 1, 1)",
    "note = replace(note, '1', '2')",
    "note = substr(note, 1, length(note) - 3)",
    "note = 'x' || note",
    "at = at - 1000000",
    "size = size + 1",
    "size = size + 1000",
    "size = -size",
    "entry = entry + 1",
    "entry = entry + 1000",
];

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// Changes an entry and makes the chain fit again, as only somebody careful does.
async fn rewrite(signed: &SignedStore, intruder: &mut SqliteConnection, seq: u64, alter: fn(&mut Entry)) {
    let mut entries = signed.store.entries_after(seq - 1, 1_000).await.unwrap();
    alter(&mut entries[0]);
    let mut before = None;
    force(intruder, "BEGIN".to_owned()).await;
    for entry in &mut entries {
        entry.prev = before.unwrap_or(entry.prev);
        entry.hash = entry.digest().unwrap();
        before = Some(entry.hash);
        let statement = "UPDATE journal SET at = $1, reason = $2, prev = $3, hash = $4 WHERE seq = $5";
        sqlx::query(statement)
            .bind(entry.at.micros())
            .bind(&entry.reason)
            .bind(entry.prev.to_string())
            .bind(entry.hash.to_string())
            .bind(row::stored_count(entry.seq))
            .execute(&mut *intruder)
            .await
            .unwrap();
    }
    force(intruder, "COMMIT".to_owned()).await;
}

/// One way of many; its place in [`KINDS`], and what was done in words.
async fn mutate(
    signed: &SignedStore,
    intruder: &mut SqliteConnection,
    random: &mut Random,
) -> (usize, String) {
    let way = random.below(KINDS.len() as u64);
    let done = mutate_by(way, signed, intruder, random).await;
    (usize::try_from(way).unwrap(), done)
}

async fn mutate_by(
    way: u64,
    signed: &SignedStore,
    intruder: &mut SqliteConnection,
    random: &mut Random,
) -> String {
    let (seq, last) = (1 + random.below(signed.size), signed.size + 1);
    let other = 1 + (seq + random.below(signed.size - 1)) % signed.size;
    let size = random.pick(&signed.notes.iter().map(|note| note.checkpoint.size).collect::<Vec<_>>());
    let statement = match way {
        0 => {
            let change = random.pick(&[
                "at = at - 1000000",
                "data = '{\"n\":77777}'",
                "type = 'access.played'",
                "reason = 'so'",
                "contact = NULL, v = 2",
                "id = id || '0'",
                "actor = '{\"id\":\"else\",\"kind\":\"system\"}'",
                "prev = replace(prev, substr(prev, 9, 1), 'x')",
                "hash = substr(hash, 2) || substr(hash, 1, 1)",
                "v = 2",
            ]);
            format!("UPDATE journal SET {change} WHERE seq = {seq}")
        }
        1 => format!("DELETE FROM journal WHERE seq = {}", 1 + random.below(last)),
        2 => format!(
            "UPDATE journal SET seq = CASE seq WHEN {seq} THEN -{other} WHEN {other} THEN -{seq} END \
             WHERE seq IN ({seq}, {other}); UPDATE journal SET seq = -seq WHERE seq < 0"
        ),
        3 => format!("DELETE FROM journal WHERE seq > {}", last - 1 - random.below(last - 1)),
        4 => {
            let alter = random.pick::<fn(&mut Entry)>(&[
                |entry| entry.at = crate::time::Timestamp(entry.at.micros() - 86_400_000_000),
                |entry| entry.reason = Some("as it should have been".to_owned()),
            ]);
            rewrite(signed, intruder, seq, alter).await;
            return format!("entry {seq} rewritten, the chain made to fit");
        }
        5 => {
            let change = random.pick(&CHECKPOINT_CHANGES);
            format!("UPDATE checkpoints SET {change} WHERE size = {size}")
        }
        6 => format!("DELETE FROM checkpoints WHERE size = {size}"),
        7 => {
            // Signed anew, by whoever did it.
            let forger = SignerKey::new("city.example/1580", [8; 32]).unwrap();
            let note = forger.sign(size, Sha256::of(b"another history"));
            let root = note.checkpoint.root;
            format!("UPDATE checkpoints SET note = '{}', root = '{root}' WHERE size = {size}", note.text())
        }
        8 => {
            // All of it from there on, so that what is left fits together.
            let cut = random.below(signed.size);
            format!("DELETE FROM journal WHERE seq > {cut}; DELETE FROM checkpoints WHERE entry > {cut}")
        }
        _ => return spoil_a_tile(signed, random, size),
    };
    for part in statement.split(';') {
        force(intruder, part.to_owned()).await;
    }
    statement
}

/// Flips, shortens or removes; the folder is put back by the next writer.
fn spoil_a_tile(signed: &SignedStore, random: &mut Random, size: u64) -> String {
    let edge = signed.tiles.edge(size).unwrap();
    let (tile, hashes) = edge.partial().next().unwrap();
    let path = signed.folder.path().join(tile.path());
    let mut bytes = octets(hashes);
    match random.below(3) {
        0 => std::fs::remove_file(&path).unwrap(),
        1 => std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
        _ => {
            let place = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            bytes[place] ^= 1 << random.below(8);
            std::fs::write(&path, bytes).unwrap();
        }
    }
    format!("spoilt {}", tile.path())
}

#[tokio::test]
async fn mutations_are_found_and_clean_stores_are_clean() {
    let signed = SignedStore::of(5).await;
    assert_eq!(signed.findings().await, [""; 0]);
    let mut intruder = signed.intruder().await;
    let mut tally = Tally::new("journal and tiles", SHARE);
    let mut random = Random(tally.seed);
    while tally.wants_more() {
        let before = signed.tiles.edge(signed.size).unwrap();
        let kept: Vec<(Tile, Vec<u8>)> = signed
            .notes
            .iter()
            .filter_map(|note| signed.tiles.edge(note.checkpoint.size))
            .flat_map(|edge| edge.partial().map(|(tile, hashes)| (tile, octets(hashes))).collect::<Vec<_>>())
            .collect();
        let (way, done) = mutate(&signed, &mut intruder, &mut random).await;
        tally.note(KINDS[way], &done, !signed.findings().await.is_empty());
        bring_back(&mut intruder).await;
        for (tile, bytes) in kept {
            std::fs::write(signed.folder.path().join(tile.path()), bytes).unwrap();
        }
        assert_eq!(signed.tiles.edge(signed.size).as_ref(), Some(&before));
        if tally.made().is_multiple_of(100) {
            assert_eq!(signed.findings().await, [""; 0], "after it was undone: {done}");
        }
    }
    tally.settle();
}

#[tokio::test]
async fn a_checkpoint_noted_elsewhere_is_a_beginning_of_the_journal_or_history_was_changed() {
    let signed = SignedStore::of(5).await;
    for note in &signed.notes {
        assert_eq!(signed.tree_findings(Some(note)).await, []);
    }
    let other = SignedStore::of(6).await;
    let (foreign, longest) = (&other.notes[0], &other.notes[4]);
    assert_eq!(
        signed.tree_findings(Some(foreign)).await,
        [TreeFinding::HistoryRewritten { size: foreign.checkpoint.size }]
    );
    let last = signed.size + 1;
    assert_eq!(
        signed.tree_findings(Some(longest)).await,
        [TreeFinding::HistoryCut { size: longest.checkpoint.size, last }]
    );
    let forger = SignerKey::new("city.example/1580", [8; 32]).unwrap();
    let same = &signed.notes[1].checkpoint;
    let forged = forger.sign(same.size, same.root);
    assert_eq!(
        signed.tree_findings(Some(&forged)).await,
        [TreeFinding::NotedNotSigned(NotSigned::UnknownKey)]
    );
}

#[tokio::test]
async fn full_tiles_are_held_against_the_journal() {
    let signed = SignedStore::of(120).await;
    assert_eq!(signed.tree_findings(None).await, []);
    for path in ["tile/0/000", "tile/0/001", "tile/1/000.p/2"] {
        let file = signed.folder.path().join(path);
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        let found = signed.tree_findings(None).await;
        assert!(found.contains(&TreeFinding::TileDiffers { path: path.to_owned() }), "{found:?}");
        std::fs::remove_file(&file).unwrap();
        let found = signed.tree_findings(None).await;
        assert!(found.contains(&TreeFinding::TileMissing { path: path.to_owned() }), "{found:?}");
        bytes[40] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(signed.tree_findings(None).await, []);
}

#[tokio::test]
async fn the_database_refuses_to_change_checkpoints() {
    let signed = SignedStore::of(2).await;
    let mut intruder = signed.files.intruder().await;
    for attempt in [
        "UPDATE checkpoints SET note = 'x'",
        "DELETE FROM checkpoints",
        "INSERT OR REPLACE INTO checkpoints SELECT * FROM checkpoints",
        "INSERT INTO checkpoints SELECT size + 100, root, note, at, entry FROM checkpoints",
    ] {
        let refusal = sqlx::query(attempt).execute(&mut intruder).await.unwrap_err().to_string();
        assert!(refusal.contains("append-only"), "{attempt}: {refusal}");
    }
    let again = signed.notes[0].clone();
    assert!(signed.store.keep_checkpoint(again, Actor::system("journal"), at(1)).await.is_err());
    let newest = signed.store.newest_checkpoint().await.unwrap().unwrap();
    assert_eq!(Some(&newest.note), signed.notes.last());
    let draft = Draft::new(EventType::LogVerified, at(2), Actor::system("test"));
    signed.store.journal(vec![draft]).await.unwrap();
    assert_eq!(signed.tree_findings(None).await, []);
}
