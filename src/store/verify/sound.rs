//! The auditor's walk over recordings: each row against its own entries, each sealed file against its digests, and files
//! that no row asks for. What is wrong with a file is said by the second where its seconds were sealed (decision 0030).

use std::fmt;
use std::io;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, SqliteConnection};

use super::{Finding, VerifyReport, Watch};
use crate::content_key::{ContentKey, OfAnother};
use crate::digest::Sha256;
use crate::ids::RecordingId;
use crate::recording::{Examined, Recording, RecordingResult, RecordingState, Seal, Seconds, Sound};
use crate::store::row::{self, Fields};
use crate::store::{Store, StoreError, Subject, recordings};
use crate::time;

/// Rows of recordings, and files, asked about at once.
const ROWS_AT_ONCE: usize = 500;
/// Files digested at the same time, at most; a disk has no more heads.
const FILES_AT_ONCE: usize = 4;
/// Ranges of seconds named for one recording; whoever sees so many listens.
const MAX_RANGES: usize = 50;

/// From the end of a call to its sealed recording, at most; after a crash the start of the program seals.
const SEALED_WITHIN_MICROS: i64 = 600_000_000;

/// The folder of the recordings. All of it may block.
pub trait RecordingFiles: Send + Sync {
    /// What the recording's file holds, with `key` where it is encrypted.
    ///
    /// # Errors
    /// `NotFound` when there is no such file; [`OfAnother`] inside when it is encrypted and says that it is another's.
    fn examine(&self, recording: &Recording, key: Option<&ContentKey>, sound: &Sound)
    -> io::Result<Examined>;

    /// Sound files that are there for good, relative to the folder, in an order of their own that is always the same.
    fn paths(&self) -> Box<dyn Iterator<Item = io::Result<String>> + Send + '_>;
}

/// What is wrong with the file of a recording.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FileFault {
    #[error("its file is missing: {0}")]
    Missing(String),
    #[error("it was erased, and its file is still there: {0}")]
    StillThere(String),
    #[error("its file cannot be read: {0}")]
    Unreadable(String),
    #[error("its file is that of recording {0}")]
    Swapped(RecordingId),
    #[error("the head of its file is not what was sealed")]
    Head,
    #[error("{0} not what was sealed")]
    Seconds(Range),
    #[error("its file was cut: {missing} octets are missing at its end, it stops in second {} ({})", .second, clock(*.second))]
    Cut { missing: u64, second: u64 },
    #[error("{0} octets were appended to its file")]
    Appended(u64),
    #[error("the markers behind its sound are not what was sealed")]
    Markers,
    /// Sealed before there were digests of seconds.
    #[error("its file is not the one that was sealed")]
    Altered,
    #[error("the digests of its seconds are not what was sealed")]
    Unproven,
    #[error("its content key was destroyed, and no entry says that it was erased")]
    KeyDestroyed,
}

/// Seconds that follow each other, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    pub first: u64,
    pub last: u64,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = *self;
        if first == last {
            return write!(f, "second {first} ({}) is", clock(first));
        }
        write!(f, "seconds {first} to {last} ({} to {}) are", clock(first), clock(last))
    }
}

/// `00:00:17`.
fn clock(second: u64) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// The error with the name of the row.
fn of(error: StoreError, id: &str) -> StoreError {
    match error {
        StoreError::Corrupt { what, detail } => {
            StoreError::Corrupt { what, detail: format!("{id}: {detail}") }
        }
        other => other,
    }
}

/// A recording with all that is sealed of it.
struct Sealed {
    recording: Recording,
    /// By its entry, and by its row where there is none.
    sha256: Sha256,
    seal: Option<Seal>,
    seconds: Option<Seconds>,
    key: Option<ContentKey>,
    is_erased: bool,
    /// An erasure is being carried out: the file may be gone already.
    is_going: bool,
}

impl Store {
    pub(super) async fn verify_recordings(
        &self,
        report: &mut VerifyReport,
        watch: Watch<'_>,
        files: Option<&dyn RecordingFiles>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT * FROM recordings WHERE id > $1 AND ($3 = 0 OR EXISTS (SELECT 1 FROM journal \
                   WHERE journal.contact = recordings.contact AND journal.seq > $3)) ORDER BY id LIMIT $2";
        loop {
            let query = sqlx::query(sql)
                .bind(&report.after)
                .bind(ROWS_AT_ONCE as i64)
                .bind(row::stored_count(report.since.seq));
            let rows = self.reading(query.fetch_all(&self.readers)).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for rows in rows.chunks(FILES_AT_ONCE) {
                let mut sealed = Vec::new();
                for row in rows {
                    let id: String = Fields::of(row, "recording").plain("id")?;
                    let read = self.verify_recording(&id, report).await;
                    let read = read.map_err(|error| of(error, &id));
                    sealed.extend(report.note(read)?.flatten());
                }
                if let Some(files) = files {
                    self.verify_files(&sealed, report, files).await?;
                }
                report.checked.recordings += rows.len() as u64;
                let last = rows.last().map(|row| Fields::of(row, "recording").plain("id")).transpose()?;
                if report.stops(last.unwrap_or_default(), watch) {
                    return Ok(());
                }
            }
        }
    }

    /// The row against its entries, at one moment; what its file has to be, if it has one.
    async fn verify_recording(
        &self,
        id: &str,
        report: &mut VerifyReport,
    ) -> Result<Option<Sealed>, StoreError> {
        let mut moment = self.readers.begin().await?;
        let query = sqlx::query("SELECT * FROM recordings WHERE id = $1").bind(id);
        let recording = recordings::read(&self.reading(query.fetch_one(&mut *moment)).await?)?;
        let sql = "SELECT type, at, offset_ms, data FROM journal WHERE contact = $1 \
                   AND type IN ('rec.started', 'rec.gap', 'rec.sealed', 'rec.erased') ORDER BY seq";
        let query = sqlx::query(sql).bind(recording.contact.to_string());
        let entries = self.reading(query.fetch_all(&mut *moment)).await?;
        let sql = "SELECT leaves FROM recording_seconds WHERE recording = $1";
        let leaves = self.reading(sqlx::query(sql).bind(id).fetch_optional(&mut *moment)).await?;
        let is_forgotten = self.is_forgotten(&mut moment, &recording).await?;
        let sql = "SELECT 1 FROM erasure_calls JOIN erasures ON erasures.id = erasure \
                   WHERE erasure_calls.contact = $1 AND erasures.state = 'decided'";
        let query = sqlx::query(sql).bind(recording.contact.to_string());
        let is_going = self.reading(query.fetch_optional(&mut *moment)).await?.is_some();
        drop(moment);
        if is_forgotten {
            report.add(Finding::NeverSealed { id: recording.id, contact: recording.contact });
        }
        let told = Told::read(&entries)?;
        for (what, row, journal) in told.differences(&recording) {
            report.add(Finding::RecordingDiffers { id: recording.id, what, row, journal });
        }
        let Some(sha256) = told.sha256.or(recording.sha256) else { return Ok(None) };
        let leaves: Option<Vec<u8>> =
            leaves.map(|row| Fields::of(&row, "seconds").plain("leaves")).transpose()?;
        let seconds = leaves.and_then(|leaves| Seconds::from_bytes(&leaves));
        let proves = |seal: &Seal, seconds: &Seconds| {
            seconds.leaves().len() as u64 == seal.seconds && seconds.root() == seal.root
        };
        let seconds = seconds.filter(|seconds| told.seal.is_some_and(|seal| proves(&seal, seconds)));
        if told.seal.is_some() && seconds.is_none() {
            report.add(Finding::file(&recording, FileFault::Unproven));
        }
        let key = match self.content_key(&Subject::Call(recording.contact)).await {
            Ok(key) => key,
            // A file that needs it says so.
            Err(StoreError::KeyMissing { .. }) => None,
            Err(StoreError::Erased) if told.is_erased || self.is_told_erased(&recording).await? => None,
            Err(StoreError::Erased) => {
                report.add(Finding::file(&recording, FileFault::KeyDestroyed));
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let is_erased = told.is_erased;
        Ok(Some(Sealed { recording, sha256, seal: told.seal, seconds, key, is_erased, is_going }))
    }

    /// True when an entry says that the recording, or its case, was erased.
    async fn is_told_erased(&self, recording: &Recording) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM journal WHERE contact = $1 AND type = 'rec.erased' UNION ALL \
                   SELECT 1 FROM contacts JOIN journal ON journal.case_number = contacts.case_number \
                   WHERE contacts.id = $1 AND journal.type = 'case.erased' LIMIT 1";
        let query = sqlx::query(sql).bind(recording.contact.to_string());
        Ok(self.reading(query.fetch_optional(&self.readers)).await?.is_some())
    }

    /// It is still being written, by its row, though the call is long over.
    async fn is_forgotten(
        &self,
        moment: &mut SqliteConnection,
        recording: &Recording,
    ) -> Result<bool, StoreError> {
        if recording.state != RecordingState::Capturing {
            return Ok(false);
        }
        let long_ago = time::now().utc.micros() - SEALED_WITHIN_MICROS;
        let query = sqlx::query("SELECT 1 FROM contacts WHERE id = $1 AND ended_at < $2")
            .bind(recording.contact.to_string())
            .bind(long_ago);
        Ok(self.reading(query.fetch_optional(moment)).await?.is_some())
    }

    async fn verify_files(
        &self,
        sealed: &[Sealed],
        report: &mut VerifyReport,
        files: &dyn RecordingFiles,
    ) -> Result<(), StoreError> {
        let examine = |sealed: &Sealed| {
            let Recording { sample_rate, frames, .. } = &sealed.recording;
            let sample_rate = sealed.seal.map_or(*sample_rate, |seal| seal.sample_rate);
            let length = sealed.seal.map(|seal| seal.length);
            let sound = Sound { sample_rate, frames: *frames, length };
            files.examine(&sealed.recording, sealed.key.as_ref(), &sound)
        };
        let examined: Vec<io::Result<Examined>> = std::thread::scope(|scope| {
            let threads: Vec<_> = sealed.iter().map(|sealed| scope.spawn(move || examine(sealed))).collect();
            let died = || Err(io::Error::other("the thread that read it died"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| died())).collect()
        });
        for (sealed, examined) in sealed.iter().zip(examined) {
            for fault in self.faults(sealed, examined).await? {
                report.add(Finding::file(&sealed.recording, fault));
            }
        }
        Ok(())
    }

    async fn faults(
        &self,
        sealed: &Sealed,
        examined: io::Result<Examined>,
    ) -> Result<Vec<FileFault>, StoreError> {
        let path = || sealed.recording.path.clone();
        let examined = match examined {
            Ok(_) if sealed.is_erased => return Ok(vec![FileFault::StillThere(path())]),
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && (sealed.is_erased || sealed.is_going) =>
            {
                return Ok(Vec::new());
            }
            Ok(examined) => examined,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(vec![FileFault::Missing(path())]);
            }
            Err(error) => {
                let other = error.get_ref().and_then(|inner| inner.downcast_ref::<OfAnother>());
                return Ok(vec![other.map_or_else(
                    || FileFault::Unreadable(error.to_string()),
                    |OfAnother(id)| FileFault::Swapped(RecordingId(*id)),
                )]);
            }
        };
        if examined.sha256 == sealed.sha256 {
            return Ok(Vec::new());
        }
        let sql = "SELECT id FROM recordings WHERE sha256 = $1 AND id <> $2 LIMIT 1";
        let query = sqlx::query(sql).bind(examined.sha256.to_string()).bind(sealed.recording.id.to_string());
        if let Some(other) = self.reading(query.fetch_optional(&self.readers)).await? {
            return Ok(vec![FileFault::Swapped(Fields::of(&other, "recording").word("id")?)]);
        }
        Ok(sealed.compare(&examined))
    }

    pub(super) async fn verify_paths(
        &self,
        report: &mut VerifyReport,
        watch: Watch<'_>,
        files: &dyn RecordingFiles,
    ) -> Result<(), StoreError> {
        let mut paths = files.paths().peekable();
        let begun_after = report.after.clone();
        // Where the run before this one stopped; a file that is gone since then lets it look at all of them again.
        let mut skips =
            !begun_after.is_empty() && files.paths().any(|path| path.is_ok_and(|path| path == begun_after));
        while paths.peek().is_some() {
            let mut some = Vec::new();
            for path in paths.by_ref().take(ROWS_AT_ONCE) {
                match path {
                    Ok(path) if skips => skips = path != begun_after,
                    Ok(path) => some.push(path),
                    Err(error) => report.add(Finding::FolderUnreadable(error.to_string())),
                }
            }
            let Some(last) = some.last().cloned() else { continue };
            let mut query = QueryBuilder::new("SELECT path FROM recordings WHERE path IN (");
            let mut list = query.separated(", ");
            for path in &some {
                list.push_bind(path);
            }
            let rows = self.reading(query.push(")").build().fetch_all(&self.readers)).await?;
            let read = |row: &SqliteRow| Fields::of(row, "recording").plain::<String>("path");
            let known = rows.iter().map(read).collect::<Result<std::collections::BTreeSet<_>, _>>()?;
            for path in some {
                report.checked.files += 1;
                if !known.contains(&path) {
                    report.add(Finding::OrphanFile(path));
                }
            }
            if report.stops(last, watch) {
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Sealed {
    /// What can be said of a file with another digest than was sealed.
    fn compare(&self, examined: &Examined) -> Vec<FileFault> {
        let Some(seal) = self.seal else { return vec![FileFault::Altered] };
        let mut faults = Vec::new();
        if examined.head != seal.head {
            faults.push(FileFault::Head);
        }
        let sealed = self.seconds.as_ref().map_or(&[][..], Seconds::leaves);
        let found = examined.seconds.leaves();
        // The last second of a file that was cut is not the one that was sealed: it is shorter, which is said below.
        let is_cut = examined.length < seal.length;
        let whole = if is_cut && found.len() < sealed.len() { found.len() } else { sealed.len() };
        let whole =
            if is_cut { whole.saturating_sub(usize::from(self.ends_within(examined))) } else { whole };
        let altered = (0..whole).filter(|index| sealed.get(*index) != found.get(*index));
        let mut ranges: Vec<Range> = Vec::new();
        for second in altered.map(|index| index as u64) {
            match ranges.last_mut() {
                Some(range) if range.last + 1 == second => range.last = second,
                _ => ranges.push(Range { first: second, last: second }),
            }
        }
        faults.extend(ranges.into_iter().take(MAX_RANGES).map(FileFault::Seconds));
        if is_cut {
            let missing = seal.length - examined.length;
            faults.push(FileFault::Cut { missing, second: (found.len() as u64).saturating_sub(1) });
        } else if examined.length > seal.length {
            if faults.is_empty() && examined.beginning != Some(self.sha256) {
                faults.push(FileFault::Markers);
            }
            faults.push(FileFault::Appended(examined.length - seal.length));
        }
        match (faults.is_empty(), self.seconds.is_some()) {
            (true, true) => vec![FileFault::Markers],
            (true, false) => vec![FileFault::Altered],
            _ => faults,
        }
    }

    /// The file ends before its sound does.
    fn ends_within(&self, examined: &Examined) -> bool {
        let head = crate::wav::HEADER_LEN as u64;
        let sound = self.recording.frames * crate::wav::header::FRAME_LEN;
        examined.length < head + sound && !examined.seconds.leaves().is_empty()
    }
}

/// What the entries say of one recording; a contact has one.
#[derive(Default)]
struct Told {
    path: Option<String>,
    started_at: Option<i64>,
    /// Offset, duration and cause of each, in JSON.
    gaps: Vec<Value>,
    sealed: Option<Value>,
    sha256: Option<Sha256>,
    seal: Option<Seal>,
    is_erased: bool,
}

impl Told {
    fn read(entries: &[SqliteRow]) -> Result<Self, StoreError> {
        let mut told = Self::default();
        for entry in entries {
            let fields = Fields::of(entry, "journal entry");
            let (event, data): (String, Value) = (fields.plain("type")?, fields.json("data")?);
            if event == "rec.started" {
                told.path = data["path"].as_str().map(str::to_owned);
                told.started_at = Some(fields.plain("at")?);
                continue;
            }
            if event == "rec.gap" {
                let offset_ms: Option<i64> = fields.plain("offset_ms")?;
                let (duration_ms, reason) = (&data["duration_ms"], &data["cause"]);
                told.gaps
                    .push(json!({ "offset_ms": offset_ms, "duration_ms": duration_ms, "reason": reason }));
                continue;
            }
            if event == "rec.erased" {
                told.is_erased = true;
                continue;
            }
            told.sha256 = data["sha256"].as_str().and_then(Sha256::from_hex);
            told.seal = serde_json::from_value(data["seal"].clone()).ok();
            told.sealed = Some(data);
        }
        Ok(told)
    }

    /// What, by the row, by the journal.
    fn differences(&self, recording: &Recording) -> Vec<(&'static str, String, String)> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => "none".to_owned(),
            other => other.to_string(),
        };
        let mut found = Vec::new();
        if let Some(path) = self.path.as_ref().filter(|path| **path != recording.path) {
            found.push(("path", recording.path.clone(), path.clone()));
        }
        let started_at = recording.started_at.micros();
        if let Some(told) = self.started_at.filter(|told| *told != started_at) {
            found.push(("started at", started_at.to_string(), told.to_string()));
        }
        if self.is_erased != (recording.state == RecordingState::Erased) {
            let said = |is_erased| if is_erased { "erased" } else { "sealed" }.to_owned();
            found.push(("state", said(!self.is_erased), said(self.is_erased)));
        }
        let result = recording.result.map_or("none", RecordingResult::name).to_owned();
        let is_open = recording.state == RecordingState::Capturing;
        let Some(sealed) = &self.sealed else {
            // What was never answered is not told of, and what is still being written will be.
            if !is_open && recording.result != Some(RecordingResult::Discarded) {
                found.push(("result", result, "not sealed".to_owned()));
            }
            return found;
        };
        if is_open {
            found.push(("state", "capturing".to_owned(), "sealed".to_owned()));
        }
        let gaps = json!(recording.gaps);
        if gaps != json!(self.gaps) {
            found.push(("gaps", gaps.to_string(), json!(self.gaps).to_string()));
        }
        if let Some(seal) = self.seal
            && recording.sample_rate != seal.sample_rate
        {
            found.push(("sample rate", recording.sample_rate.to_string(), seal.sample_rate.to_string()));
        }
        let digest = recording.sha256.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
        let rows = [("result", result), ("frames", recording.frames.to_string()), ("sha256", digest)];
        for (what, row) in rows {
            let journal = text(&sealed[what]);
            if row != journal {
                found.push((what, row, journal));
            }
        }
        found
    }
}
