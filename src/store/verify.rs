//! The auditor's walk over the whole store: the journal's chain entry by entry, the register number by number, and
//! each sealed recording against its file. It only reads, page by page, and may run beside a working program.

use sqlx::sqlite::SqliteRow;

use crate::digest::Sha256;
use crate::ids::RecordingId;
use crate::journal::Head;
use crate::recording::Recording;

use super::journal::MAX_ENTRIES;
use super::row::{self, Fields};
use super::{Store, StoreError, journal, recordings};

/// Findings listed at most; a store with more of them is not going to be understood from a list.
const MAX_FINDINGS: usize = 1_000;
/// Rows of the register and of recordings read at once.
const ROWS_AT_ONCE: u32 = 1_000;
/// Offices and years of the register looked at; a city has a few of each.
const MAX_REGISTERS: u32 = 10_000;

/// Digest of a recording's file as it lies on the disk, none when it cannot be read. May block.
pub type DigestOf<'a> = &'a (dyn Fn(&Recording) -> Option<Sha256> + Send + Sync);

/// How far [`Store::verify`] has come; each number only grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    pub entries: u64,
    pub cases: u64,
    pub recordings: u64,
}

/// Something that should not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// The entry with this number is missing, altered or unreadable. What follows it proves nothing any more and is
    /// not looked at.
    ChainBroken { seq: u64 },
    /// Register numbers `first` to `last` were given and have no case.
    NumbersMissing { year: i32, office: String, first: u64, last: u64 },
    /// The file of a sealed recording has another digest than its row.
    RecordingAltered(RecordingId),
    /// The file of a sealed recording cannot be read.
    RecordingUnreadable(RecordingId),
}

/// What [`Store::verify`] saw.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VerifyReport {
    pub checked: Progress,
    /// The last entry that follows from all before it. Entries cut off at the end leave no trace in the chain:
    /// compare this with a head that was kept elsewhere.
    pub head: Head,
    /// The first 1,000.
    pub findings: Vec<Finding>,
}

impl VerifyReport {
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl Store {
    /// Checks everything that was there when it began. `progress` is called after each page; the files of recordings
    /// are checked only when `digest_of` is given.
    ///
    /// # Errors
    /// Only when the store cannot be read at all; what is wrong inside is a [`Finding`].
    pub async fn verify(
        &self,
        progress: &mut (dyn FnMut(Progress) + Send),
        digest_of: Option<DigestOf<'_>>,
    ) -> Result<VerifyReport, StoreError> {
        let mut report = VerifyReport::default();
        self.verify_chain(&mut report, progress).await?;
        self.verify_register(&mut report, progress).await?;
        if let Some(digest_of) = digest_of {
            self.verify_recordings(&mut report, progress, digest_of).await?;
        }
        Ok(report)
    }

    async fn verify_chain(
        &self,
        report: &mut VerifyReport,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StoreError> {
        loop {
            let rows = self.rows_after(report.head.seq, MAX_ENTRIES).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let expected = report.head.seq + 1;
                match journal::read(row) {
                    Ok(entry) if entry.seq == expected && entry.follows(&report.head) => {
                        report.head = Head { seq: entry.seq, hash: entry.hash };
                        report.checked.entries += 1;
                    }
                    _ => {
                        report.add(Finding::ChainBroken { seq: expected });
                        return Ok(());
                    }
                }
            }
            progress(report.checked);
        }
    }

    async fn verify_register(
        &self,
        report: &mut VerifyReport,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), StoreError> {
        let sql = "SELECT year, office, last_seq FROM register ORDER BY year, office LIMIT $1";
        let registers = self.reading(sqlx::query(sql).bind(MAX_REGISTERS).fetch_all(&self.readers)).await?;
        for register in &registers {
            let register = Register::read(register)?;
            let mut walk = Walk::default();
            loop {
                let seqs = self.numbers_after(&register, walk.last).await?;
                if seqs.is_empty() {
                    break;
                }
                for seq in seqs {
                    report.checked.cases += 1;
                    walk.step(seq).into_iter().for_each(|gap| report.add(register.missing(gap)));
                }
                progress(report.checked);
            }
            walk.step(register.last_seq + 1).into_iter().for_each(|gap| report.add(register.missing(gap)));
        }
        Ok(())
    }

    async fn numbers_after(&self, register: &Register, seq: u64) -> Result<Vec<u64>, StoreError> {
        let sql = "SELECT seq FROM cases WHERE year = $1 AND office = $2 AND seq > $3 ORDER BY seq LIMIT $4";
        let query = sqlx::query(sql)
            .bind(register.year)
            .bind(&register.office)
            .bind(row::stored_count(seq))
            .bind(ROWS_AT_ONCE);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        rows.iter().map(|row| Fields::of(row, "case").count("seq")).collect()
    }

    async fn verify_recordings(
        &self,
        report: &mut VerifyReport,
        progress: &mut (dyn FnMut(Progress) + Send),
        digest_of: DigestOf<'_>,
    ) -> Result<(), StoreError> {
        let sql = "SELECT * FROM recordings WHERE sha256 IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
        let mut last = String::new();
        loop {
            let query = sqlx::query(sql).bind(&last).bind(ROWS_AT_ONCE);
            let rows = self.reading(query.fetch_all(&self.readers)).await?;
            let Some(end) = rows.last() else { return Ok(()) };
            last = Fields::of(end, "recording").plain("id")?;
            for row in &rows {
                let recording = recordings::read(row)?;
                report.checked.recordings += 1;
                match digest_of(&recording) {
                    Some(digest) if Some(digest) == recording.sha256 => {}
                    Some(_) => report.add(Finding::RecordingAltered(recording.id)),
                    None => report.add(Finding::RecordingUnreadable(recording.id)),
                }
                progress(report.checked);
            }
        }
    }
}

/// The numbers given in one year and office.
struct Register {
    year: i32,
    office: String,
    last_seq: u64,
}

impl Register {
    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let fields = Fields::of(row, "register");
        Ok(Self {
            year: fields.plain("year")?,
            office: fields.plain("office")?,
            last_seq: fields.count("last_seq")?,
        })
    }

    fn missing(&self, (first, last): (u64, u64)) -> Finding {
        Finding::NumbersMissing { year: self.year, office: self.office.clone(), first, last }
    }
}

/// A walk over growing numbers that should start at 1 and leave none out.
#[derive(Default)]
struct Walk {
    last: u64,
}

impl Walk {
    /// Goes on to `seq`; the first and last number left out on the way.
    fn step(&mut self, seq: u64) -> Option<(u64, u64)> {
        let gap = (seq > self.last + 1).then(|| (self.last + 1, seq - 1));
        self.last = self.last.max(seq);
        gap
    }
}
