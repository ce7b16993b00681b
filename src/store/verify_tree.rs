//! The auditor's walk over what was signed: the tree over all entry hashes once more, held against each kept checkpoint, its
//! signature, the entry that tells of it, the tiles on the disk, and a checkpoint that was noted elsewhere. It reads
//! hashes alone; that each hash is its entry's is the chain's walk (`verify.rs`).

use serde_json::Value;
use sqlx::sqlite::SqliteRow;

use crate::digest::Sha256;
use crate::files::TileFolder;
use crate::files::tile_folder::octets;
use crate::journal::checkpoint::NotSigned;
use crate::journal::tree::{Edge, Tile, leaf_hash};
use crate::journal::{Note, VerifierKey};

use super::row::{self, Fields};
use super::{Store, StoreError};

/// Findings listed at most.
const MAX_FINDINGS: usize = 1_000;
/// Entries read at once.
const ROWS_AT_ONCE: u32 = 5_000;

/// Something about the checkpoints that should not be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TreeFinding {
    /// What follows is not looked at.
    #[error("tree: entry {seq} is missing or has no readable hash: {detail}")]
    EntryUnreadable { seq: u64, detail: String },
    #[error(
        "checkpoint {size}: entries 1 to {size} are not those it was made of: one was altered, or the checkpoint"
    )]
    RootDiffers { size: u64 },
    #[error("checkpoint {size}: {why}")]
    NotSigned { size: u64, why: NotSigned },
    #[error("checkpoint {size}: size or root of the row are not those that were signed")]
    RowDiffers { size: u64 },
    #[error("checkpoint {size}: no journal entry tells of it; its entry, {entry}, is another or was cut off")]
    NotJournalled { size: u64, entry: u64 },
    #[error("entry {seq}: tells of a checkpoint that is not kept, or is another in size, root or time")]
    NotKept { seq: u64 },
    #[error("checkpoint {size}: the journal ends at entry {last}: its end was cut off")]
    CutOff { size: u64, last: u64 },
    #[error("{path}: the tile is not that of the journal")]
    TileDiffers { path: String },
    #[error("{path}: the tile is missing")]
    TileMissing { path: String },
    #[error("the checkpoint noted elsewhere: {0}")]
    NotedNotSigned(NotSigned),
    #[error("the checkpoint noted elsewhere has {size} entries, the journal {last}: history was cut")]
    HistoryCut { size: u64, last: u64 },
    #[error(
        "the checkpoint noted elsewhere: entries 1 to {size} are not those it was made of: history was rewritten"
    )]
    HistoryRewritten { size: u64 },
}

/// What [`Store::verify_tree`] saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TreeReport {
    /// Entries in the tree, and checkpoints held against it.
    pub entries: u64,
    pub checkpoints: u64,
    /// The first 1,000.
    pub findings: Vec<TreeFinding>,
}

impl TreeReport {
    fn add(&mut self, finding: TreeFinding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// What the tree is held against.
#[derive(Clone, Debug, Default)]
pub struct TreeWitness<'w> {
    /// Keys whose signatures count: today's and those before it.
    pub keys: &'w [VerifierKey],
    /// None where tiles are not looked at.
    pub tiles: Option<&'w TileFolder>,
    /// A checkpoint that somebody kept outside.
    pub noted: Option<&'w Note>,
}

impl Store {
    /// Recomputes the tree over all entries there were when it began and holds what was signed against it, in one pass
    /// whose memory does not grow with the journal. `progress` hears the entries so far. Blocks while it reads tiles.
    ///
    /// # Errors
    /// Only when the store cannot be read at all; what is wrong inside is a [`TreeFinding`].
    pub async fn verify_tree(
        &self,
        witness: &TreeWitness<'_>,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<TreeReport, StoreError> {
        let sql = "SELECT (SELECT COALESCE(MAX(seq), 0) FROM journal) AS last, \
                   (SELECT COALESCE(MAX(size), 0) FROM checkpoints) AS newest";
        let row = self.reading(sqlx::query(sql).fetch_one(&self.readers)).await?;
        let fields = Fields::of(&row, "journal");
        let (last, newest) = (fields.count("last")?, fields.count("newest")?);
        let mut walk = Walk { witness, newest, edge: Edge::default(), report: TreeReport::default() };
        if let Some(noted) = witness.noted {
            walk.note(noted, last);
        }
        self.checkpoints_beyond(last, newest, &mut walk.report).await?;
        while walk.edge.size() < last {
            let rows = self.rows_with_checkpoints(walk.edge.size(), last).await?;
            for row in &rows {
                if let Err(error) = walk.step(row) {
                    let (seq, detail) = (walk.edge.size() + 1, error.to_string());
                    walk.report.add(TreeFinding::EntryUnreadable { seq, detail });
                    return Ok(walk.report);
                }
            }
            if rows.is_empty() {
                break;
            }
            walk.report.entries = walk.edge.size();
            progress(walk.edge.size());
        }
        Ok(walk.report)
    }

    /// Checkpoints whose entries, or whose own entry, are not there.
    async fn checkpoints_beyond(
        &self,
        last: u64,
        newest: u64,
        report: &mut TreeReport,
    ) -> Result<(), StoreError> {
        let sql = "SELECT size, entry FROM checkpoints WHERE (size > $1 OR size < 1 OR entry > $1) AND size <= $2 \
                   ORDER BY size LIMIT $3";
        let query = sqlx::query(sql)
            .bind(row::stored_count(last))
            .bind(row::stored_count(newest))
            .bind(MAX_FINDINGS as i64);
        for row in self.reading(query.fetch_all(&self.readers)).await? {
            let fields = Fields::of(&row, "checkpoint");
            let (size, entry) = (fields.plain::<i64>("size")?, fields.plain::<i64>("entry")?);
            let (size, entry) = (size.unsigned_abs(), entry.unsigned_abs());
            report.add(match size > last {
                true => TreeFinding::CutOff { size, last },
                false => TreeFinding::NotJournalled { size, entry },
            });
        }
        Ok(())
    }

    async fn rows_with_checkpoints(&self, seq: u64, last: u64) -> Result<Vec<SqliteRow>, StoreError> {
        let sql = "SELECT journal.seq, journal.hash, journal.at, \
                   CASE WHEN journal.type = 'log.checkpointed' THEN journal.data END AS telling, \
                   made.note, made.root, told.size AS told_size, told.root AS told_root, told.at AS told_at \
                   FROM journal LEFT JOIN checkpoints AS made ON made.size = journal.seq \
                   LEFT JOIN checkpoints AS told ON told.entry = journal.seq \
                   WHERE journal.seq > $1 AND journal.seq <= $2 ORDER BY journal.seq LIMIT $3";
        let query =
            sqlx::query(sql).bind(row::stored_count(seq)).bind(row::stored_count(last)).bind(ROWS_AT_ONCE);
        self.reading(query.fetch_all(&self.readers)).await
    }
}

struct Walk<'w> {
    witness: &'w TreeWitness<'w>,
    /// Size of the newest checkpoint: up to there tiles must be.
    newest: u64,
    edge: Edge,
    report: TreeReport,
}

impl Walk<'_> {
    /// What can be said of a checkpoint noted elsewhere before the walk.
    fn note(&mut self, noted: &Note, last: u64) {
        if let Err(why) = noted.verify(self.witness.keys) {
            self.report.add(TreeFinding::NotedNotSigned(why));
        }
        let size = noted.checkpoint.size;
        if size > last {
            self.report.add(TreeFinding::HistoryCut { size, last });
        } else if size == 0 && noted.checkpoint.root != self.edge.root() {
            self.report.add(TreeFinding::HistoryRewritten { size });
        }
    }

    /// One entry, and what was signed when it was the last.
    fn step(&mut self, row: &SqliteRow) -> Result<(), StoreError> {
        let fields = Fields::of(row, "journal entry");
        let seq: u64 = fields.count("seq")?;
        if seq != self.edge.size() + 1 {
            let detail = format!("entry {seq} comes in its place");
            return Err(StoreError::Corrupt { what: "journal", detail });
        }
        let hash: Sha256 = fields.word("hash")?;
        let (newest, tiles, report) = (self.newest, self.witness.tiles, &mut self.report);
        self.edge.push(leaf_hash(&hash), &mut |tile, hashes| {
            // The leaves up to the end of it.
            let is_published =
                (tile.index + 1).checked_shl(8 * (tile.level + 1)).is_some_and(|end| end <= newest);
            if let (Some(tiles), true) = (tiles, is_published) {
                check_tile(tiles, tile, hashes, report);
            }
        });
        self.told(seq, &fields)?;
        if let Some(note) = fields.plain::<Option<String>>("note")? {
            self.made(seq, &note, &fields.plain::<String>("root")?);
        }
        if let Some(noted) = self.witness.noted
            && noted.checkpoint.size == seq
            && noted.checkpoint.root != self.edge.root()
        {
            self.report.add(TreeFinding::HistoryRewritten { size: seq });
        }
        Ok(())
    }

    /// A checkpoint of the first `size` entries.
    fn made(&mut self, size: u64, note: &str, root: &str) {
        self.report.checkpoints += 1;
        let note = match Note::parse(note) {
            Ok(note) => note,
            Err(why) => return self.report.add(TreeFinding::NotSigned { size, why }),
        };
        if let Err(why) = note.verify(self.witness.keys) {
            self.report.add(TreeFinding::NotSigned { size, why });
        }
        if note.checkpoint.size != size || note.checkpoint.root.to_string() != root {
            self.report.add(TreeFinding::RowDiffers { size });
        }
        if note.checkpoint.root != self.edge.root() {
            self.report.add(TreeFinding::RootDiffers { size });
        }
        if let Some(tiles) = self.witness.tiles {
            for (tile, hashes) in self.edge.partial() {
                check_tile(tiles, tile, hashes, &mut self.report);
            }
        }
    }

    /// The entry of a checkpoint and its row say the same.
    fn told(&mut self, seq: u64, fields: &Fields<'_>) -> Result<(), StoreError> {
        let telling: Option<Value> = fields.optional_json("telling")?;
        let row: Option<i64> = fields.plain("told_size")?;
        match (telling, row) {
            (None, None) => {}
            (None, Some(size)) => {
                self.report.add(TreeFinding::NotJournalled { size: size.unsigned_abs(), entry: seq });
            }
            (Some(_), None) => self.report.add(TreeFinding::NotKept { seq }),
            (Some(telling), Some(size)) => {
                let is_same = telling["size"] == size
                    && telling["root"] == fields.plain::<String>("told_root")?
                    && fields.plain::<i64>("told_at")? == fields.plain::<i64>("at")?
                    && size.unsigned_abs() < seq;
                if !is_same {
                    self.report.add(TreeFinding::NotKept { seq });
                }
            }
        }
        Ok(())
    }
}

fn check_tile(tiles: &TileFolder, tile: Tile, hashes: &[Sha256], report: &mut TreeReport) {
    match tiles.read(tile) {
        Some(there) if there == octets(hashes) => {}
        Some(_) => report.add(TreeFinding::TileDiffers { path: tile.path() }),
        None => report.add(TreeFinding::TileMissing { path: tile.path() }),
    }
}

#[cfg(test)]
mod tests;
