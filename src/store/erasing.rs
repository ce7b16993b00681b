//! Carrying out an erasure that is decided: the files first (`app/eraser.rs` does that), then in one transaction all rows, the
//! key, and the entries that tell of it; then what SQLite would leave behind. Doing it twice does it once, so a crash
//! anywhere in between is made good by doing it again. What becomes of which column is `content.rs`.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{SqliteConnection, SqlitePool};

use crate::case::CaseNumber;
use crate::case::retention::{self, Content};
use crate::ids::{ContactId, ErasureId, RecordingId};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::people::Actor;
use crate::time::Timestamp;

use super::case_change::{self, Save};
use super::content::{self, Owner};
use super::content_keys;
use super::erasures::{self, Erasure, Ground};
use super::holds::Subject;
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Store, StoreError, cases};

/// Pages of the index of words that one step works on: some milliseconds, so that no call's record waits for it.
const PAGES_AT_ONCE: i64 = 64;
/// Steps until the index of the largest city is through; more would be a loop without an end.
const MAX_STEPS: u32 = 100_000;
/// Fewer rows than this were touched by a step that had nothing to do (SQLite, FTS5 section 6.8).
const IDLE_CHANGES: i64 = 2;
/// Readers are in the log for moments only; whoever reads longer lets the next round empty it.
const TRUNCATIONS: u32 = 50;
const ACTOR: &str = "eraser";

/// A picture of work is still somebody's whose photos were not erased: `$1` its digest, `$2` a case that does not count.
/// Applicants' pictures lie with their own case.
const IN_USE: &str = "SELECT EXISTS \
     (SELECT 1 FROM evidence e JOIN work_orders o ON o.id = e.work_order JOIN cases c ON c.number = o.case_number \
     WHERE e.sha256 = $1 AND c.number <> $2 AND c.erased & 2 = 0)";
const PICTURES: &str = "SELECT DISTINCT e.sha256 FROM evidence e JOIN work_orders o ON o.id = e.work_order \
     WHERE o.case_number = $1";

impl Store {
    /// Paths of the files that go with a decided erasure, relative to the folder of the recordings.
    pub async fn files_to_erase(&self, id: ErasureId) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT recordings.path FROM erasures JOIN erasure_calls ON erasure = erasures.id \
                   JOIN recordings ON recordings.contact = erasure_calls.contact \
                   WHERE erasures.id = $1 AND erasures.state = 'decided' AND instr(what, '\"recordings\"') > 0 \
                   ORDER BY recordings.path";
        let query = sqlx::query_scalar(sql).bind(id.to_string());
        self.reading(query.fetch_all(&self.readers)).await
    }

    /// Its files are gone: now the rows. `is_public`: places of such matters are shown to everybody, so the house stays.
    ///
    /// # Errors
    /// `NotFound` when it is not decided, or done already.
    pub async fn finish_erasure(
        &self,
        id: ErasureId,
        is_public: bool,
        at: Timestamp,
    ) -> Result<Erasure, StoreError> {
        self.writer.make(Finish { id, is_public, at }).await
    }

    /// After erasures: the index of words forgets what it marked only, the gaps of pages are zeroed, and the write-ahead log
    /// is emptied. False when a reader kept the log; the next round empties it.
    pub async fn scrub(&self) -> Result<bool, StoreError> {
        let mut is_first = true;
        for _ in 0..MAX_STEPS {
            if !self.writer.make(MergeWords { is_first }).await? {
                break;
            }
            is_first = false;
        }
        self.zero_gaps().await?;
        for _ in 0..TRUNCATIONS {
            if truncate(&self.readers).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// One try. It waits for readers as long as SQLite waits for anybody.
async fn truncate(readers: &SqlitePool) -> Result<bool, StoreError> {
    let (busy, _, _): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(readers).await?;
    Ok(busy == 0)
}

struct MergeWords {
    is_first: bool,
}

impl Change for MergeWords {
    /// There is more to do.
    type Answer = bool;
    const IS_LONG: bool = true;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let changes = "SELECT total_changes()";
        let before: i64 = sqlx::query_scalar(changes).fetch_one(&mut *ledger.connection).await?;
        // A negative number takes all of the index up, a positive one goes on with it.
        let pages = if self.is_first { -PAGES_AT_ONCE } else { PAGES_AT_ONCE };
        let sql = "INSERT INTO case_words (case_words, rank) VALUES ('merge', $1)";
        sqlx::query(sql).bind(pages).execute(&mut *ledger.connection).await?;
        let after: i64 = sqlx::query_scalar(changes).fetch_one(&mut *ledger.connection).await?;
        Ok(after - before >= IDLE_CHANGES)
    }
}

struct Finish {
    id: ErasureId,
    is_public: bool,
    at: Timestamp,
}

impl Change for Finish {
    type Answer = Erasure;
    const IS_LONG: bool = true;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Erasure, StoreError> {
        let Self { id, is_public, at } = self;
        let query = sqlx::query("SELECT * FROM erasures WHERE id = $1 AND state = 'decided'");
        let row = query.bind(id.to_string()).fetch_optional(&mut *ledger.connection).await?;
        let erasure = erasures::read(&row.ok_or(StoreError::NotFound("decided erasure"))?)?;
        let is_wordless = erasure.what.contains(&Content::Words);
        if let (Subject::Case(number), true) = (&erasure.subject, is_wordless) {
            // Before the calls: whether the city still knows the number is asked there.
            let sql = "UPDATE cases SET caller = NULL WHERE number = $1";
            sqlx::query(sql).bind(&number.0).execute(&mut *ledger.connection).await?;
        }
        let mut entries = erase_calls(ledger.connection, &erasure, at).await?;
        let case = match &erasure.subject {
            Subject::Case(number) => Some(erase_rows_of_case(ledger.connection, number, &erasure, at).await?),
            Subject::Call(_) => None,
        };
        let sql = "UPDATE erasures SET state = 'done', done_at = $2 WHERE id = $1 RETURNING *";
        let query = sqlx::query(sql).bind(id.to_string()).bind(at.micros());
        let done = erasures::read(&query.fetch_one(&mut *ledger.connection).await?)?;
        if let Some(saves) = case {
            entries.extend(erase_case(ledger.connection, saves, &erasure, is_public, at).await?);
        }
        case_change::append(ledger, entries).await?;
        Ok(done)
    }
}

/// The content of each call that goes, and the entries that tell of it.
async fn erase_calls(
    connection: &mut SqliteConnection,
    erasure: &Erasure,
    at: Timestamp,
) -> Result<Vec<Draft>, StoreError> {
    let sql = "SELECT contact FROM erasure_calls WHERE erasure = $1 ORDER BY contact";
    let query = sqlx::query_scalar(sql).bind(erasure.id.to_string());
    let calls: Vec<String> = query.fetch_all(&mut *connection).await?;
    let mut entries = Vec::new();
    for call in calls {
        let sql =
            "SELECT id, contact, sha256 FROM recordings WHERE contact = $1 AND state <> 'erased' ORDER BY id";
        let recordings = sqlx::query(sql).bind(&call).fetch_all(&mut *connection).await?;
        for content in &erasure.what {
            take_out(&mut *connection, Owner::Call(&call), *content).await?;
        }
        let what: Vec<Content> =
            erasure.what.iter().copied().filter(|content| *content != Content::Photos).collect();
        if what.is_empty() {
            continue;
        }
        let bits: i64 = what.iter().map(|content| content.bit()).sum();
        let sql = "UPDATE contacts SET erased = erased | $2 WHERE id = $1 RETURNING id";
        let row = sqlx::query(sql).bind(&call).bind(bits).fetch_one(&mut *connection).await?;
        let contact: ContactId = Fields::of(&row, "contact").word("id")?;
        if what.contains(&Content::Recordings) {
            content_keys::destroy(&mut *connection, &Subject::Call(contact), at).await?;
            for row in &recordings {
                entries.push(recording_erased(row, erasure, at)?);
            }
        }
        let mut draft = Draft::new(EventType::ContactErased, at, Actor::system(ACTOR));
        draft.contact = Some(contact);
        draft.data = json!({ "erasure": erasure.id, "what": what });
        entries.push(draft);
    }
    Ok(entries)
}

fn recording_erased(row: &SqliteRow, erasure: &Erasure, at: Timestamp) -> Result<Draft, StoreError> {
    let fields = Fields::of(row, "recording");
    let recording: RecordingId = fields.word("id")?;
    let mut draft = Draft::new(EventType::RecErased, at, Actor::system(ACTOR));
    draft.contact = Some(fields.word("contact")?);
    draft.media = Some(MediaPosition { recording, offset_ms: 0 });
    let sha256: Option<String> = fields.plain("sha256")?;
    draft.data = json!({ "erasure": erasure.id, "sha256": sha256 });
    Ok(draft)
}

async fn take_out(
    connection: &mut SqliteConnection,
    owner: Owner<'_>,
    content: Content,
) -> Result<(), StoreError> {
    for sql in content::taking_out(owner, content) {
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(owner.id()).execute(&mut *connection).await?;
    }
    Ok(())
}

/// All rows but the case's own, which it takes out of itself: the case as it stands, and the one it was merged into.
async fn erase_rows_of_case(
    connection: &mut SqliteConnection,
    number: &CaseNumber,
    erasure: &Erasure,
    at: Timestamp,
) -> Result<Vec<CaseNumber>, StoreError> {
    for content in &erasure.what {
        take_out(&mut *connection, Owner::Case(&number.0), *content).await?;
    }
    if erasure.what.contains(&Content::Photos) {
        erase_pictures(&mut *connection, number).await?;
        content_keys::destroy(&mut *connection, &Subject::Case(number.clone()), at).await?;
    }
    let sql = "UPDATE cases SET erased = erased | $2 WHERE number = $1";
    let bits = retention::to_bits(&erasure.what);
    sqlx::query(sql).bind(&number.0).bind(bits).execute(&mut *connection).await?;
    let mut touched = vec![number.clone()];
    if erasure.what.contains(&Content::Words) {
        touched.extend(erasures::case(connection, number).await?.merged_into().cloned());
    }
    Ok(touched)
}

async fn erase_pictures(connection: &mut SqliteConnection, number: &CaseNumber) -> Result<(), StoreError> {
    let pictures: Vec<String> =
        sqlx::query_scalar(PICTURES).bind(&number.0).fetch_all(&mut *connection).await?;
    for sha256 in pictures {
        let in_use: i64 =
            sqlx::query_scalar(IN_USE).bind(&sha256).bind(&number.0).fetch_one(&mut *connection).await?;
        if in_use != 0 {
            continue;
        }
        for sql in [
            "DELETE FROM evidence_views WHERE sha256 = $1",
            "UPDATE evidence_blobs SET content = x'' WHERE sha256 = $1",
        ] {
            sqlx::query(sql).bind(&sha256).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// The case itself, first of `touched`, and whoever else knows its applicant.
async fn erase_case(
    connection: &mut SqliteConnection,
    touched: Vec<CaseNumber>,
    erasure: &Erasure,
    is_public: bool,
    at: Timestamp,
) -> Result<Vec<Draft>, StoreError> {
    let Subject::Case(own) = &erasure.subject else { return Ok(Vec::new()) };
    let mut saves = Vec::new();
    for number in touched {
        let before = erasures::case(&mut *connection, &number).await?;
        let revision = cases::revision(&mut *connection, &number).await?;
        let revision = revision.ok_or(StoreError::NotFound("case"))?;
        let (case, events) = if number == *own {
            before.clone().erase(&erasure.what, why(erasure), is_public)?
        } else {
            let Some(case) = before.clone().forget_joined(own) else { continue };
            (case, Vec::new())
        };
        let actor = Actor::system(ACTOR);
        let drafts = events.iter().filter_map(|event| Draft::from_case_event(event, &case, &actor, at));
        let entries: Vec<Draft> = drafts.collect();
        let (orders, linked) = (Vec::new(), Vec::new());
        saves.push(Save { before, case, revision, orders, moves_parts: false, linked, entries, once: None });
    }
    let kept = case_change::keep(connection, saves).await?;
    Ok(kept.into_iter().flat_map(|save| save.entries).collect())
}

/// What the case's entry tells besides.
fn why(erasure: &Erasure) -> Value {
    let mut why = json!({ "erasure": erasure.id });
    if let Ground::Rule { id, version } = &erasure.ground {
        (why["rule"], why["version"]) = (json!(id), json!(version));
    }
    why
}

/// Pictures of a case that are there and nobody else's, counted.
pub(super) async fn pictures_left(
    connection: &mut SqliteConnection,
    number: &str,
) -> Result<usize, StoreError> {
    let pictures: Vec<String> = sqlx::query_scalar(PICTURES).bind(number).fetch_all(&mut *connection).await?;
    let mut left = 0;
    for sha256 in pictures {
        let sql = "SELECT 1 FROM evidence_blobs WHERE sha256 = $1 AND length(content) > 0 \
                   UNION ALL SELECT 1 FROM evidence_views WHERE sha256 = $1 LIMIT 1";
        let is_there = sqlx::query(sql).bind(&sha256).fetch_optional(&mut *connection).await?.is_some();
        let in_use = sqlx::query_scalar::<_, i64>(IN_USE).bind(&sha256).bind(number);
        if is_there && in_use.fetch_one(&mut *connection).await? == 0 {
            left += 1;
        }
    }
    let sql = "SELECT COUNT(*) FROM attachment_contents \
               WHERE attachment IN (SELECT id FROM attachments WHERE case_number = $1)";
    let sent: i64 = sqlx::query_scalar(sql).bind(number).fetch_one(&mut *connection).await?;
    Ok(left + usize::try_from(sent).unwrap_or(0))
}
