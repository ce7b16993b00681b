//! The auditor's walk over the whole store: the journal's chain entry by entry, the register number by number, each case
//! against what its entries add up to, and each sealed recording against its file. It only reads, page by page, and may run beside a working program.

use sqlx::sqlite::SqliteRow;

use crate::case::replay::Replayed;
use crate::case::rules::VerifyRule;
use crate::case::{Case, CaseNumber};
use crate::digest::Sha256;
use crate::ids::{FindingId, HearingId, IncidentNumber, RecordingId};
use crate::journal::{Break, Head, Verifier};
use crate::recording::Recording;

use super::journal::MAX_ENTRIES;
use super::row::{self, Fields};
use super::{Store, StoreError, appointments, inspections, journal, recordings};

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
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Finding {
    /// What follows the break proves nothing any more and is not looked at.
    #[error("journal: {0}")]
    ChainBroken(#[from] Break),
    /// The row of the entry with this number is no entry; what follows is not looked at.
    #[error("journal: entry {seq}: {detail}")]
    EntryUnreadable { seq: u64, detail: String },
    /// Numbers `first` to `last` were given and have no case.
    #[error("register: numbers {first} to {last} are missing")]
    NumbersMissing { first: CaseNumber, last: CaseNumber },
    /// The case has no `case.registered` entry, as when the end of the journal was cut off.
    #[error("case {0}: its registration is not in the journal")]
    CaseNotJournalled(CaseNumber),
    /// Invariant 10: the row is not what the entries add up to.
    #[error("case {number}: {what} is '{row}' in the row and '{journal}' by the journal")]
    CaseDiffers { number: CaseNumber, what: &'static str, row: String, journal: String },
    /// Invariant 10 again, for an incident.
    #[error("incident {number}: {what} is '{row}' in the row and '{journal}' by the journal")]
    IncidentDiffers { number: IncidentNumber, what: &'static str, row: String, journal: String },
    /// Invariant 10 again, for an applicant's wish to hear a call.
    #[error("hearing {id} of case {case}: {what} is '{row}' in the row and '{journal}' by the journal")]
    HearingDiffers { id: HearingId, case: CaseNumber, what: &'static str, row: String, journal: String },
    /// Invariant 10 for what an auditor noted.
    #[error("finding {id}: {what} is not what the journal tells")]
    RemarkDiffers { id: FindingId, what: &'static str },
    /// The list of visits is not what the hashes decided.
    #[error("case {0}: the draw for an inspection was not followed")]
    DrawDiffers(CaseNumber),
    #[error("recording {0}: the file is not the one that was sealed")]
    RecordingAltered(RecordingId),
    #[error("recording {0}: the file cannot be read")]
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
    /// Nothing was found.
    pub fn is_good(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn add(&mut self, finding: Finding) {
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
        self.verify_incidents(&mut report).await?;
        self.verify_findings(&mut report).await?;
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
        let mut verifier = Verifier::new(Head::default());
        loop {
            let rows = self.rows_after(verifier.head().seq, MAX_ENTRIES).await?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                if let Err(finding) = check_entry(&mut verifier, row) {
                    report.add(finding);
                    return Ok(());
                }
                report.checked.entries += 1;
                report.head = verifier.head();
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
                let cases = self.cases_after(&register, walk.last).await?;
                if cases.is_empty() {
                    break;
                }
                for case in &cases {
                    let fields = Fields::of(case, "case");
                    let gap = walk.step(fields.count("seq")?);
                    gap.into_iter().for_each(|gap| report.add(register.missing(gap)));
                    let number = fields.word("number")?;
                    if fields.flag("journalled")? {
                        self.replay(number, report).await?;
                    } else {
                        report.add(Finding::CaseNotJournalled(number));
                    }
                    report.checked.cases += 1;
                }
                progress(report.checked);
            }
            walk.step(register.last_seq + 1).into_iter().for_each(|gap| report.add(register.missing(gap)));
        }
        Ok(())
    }

    /// The case once more from its entries. Row, entries and draws are of one moment: the program may be at work.
    async fn replay(&self, number: CaseNumber, report: &mut VerifyReport) -> Result<(), StoreError> {
        let sql = "SELECT journal.type, journal.at, journal.data, journal.hash, journal.seq, cases.body, \
                   inspections.entry IS NOT NULL AS drawn, \
                   (SELECT json_array(reception, starts_at, ends_at, state, arranged_at) FROM appointments \
                   WHERE appointments.case_number = cases.number) AS appointment, \
                   EXISTS (SELECT 1 FROM hearings WHERE hearings.case_number = cases.number) AS heard \
                   FROM cases JOIN journal ON journal.case_number = cases.number \
                   LEFT JOIN inspections ON inspections.entry = journal.seq \
                   WHERE cases.number = $1 ORDER BY journal.seq";
        let rows = self.reading(sqlx::query(sql).bind(&number.0).fetch_all(&self.readers)).await?;
        let mut replayed = Replayed::default();
        let (mut appointment, mut is_heard) = (None, false);
        for row in &rows {
            let fields = Fields::of(row, "journal entry");
            let (event, data): (String, serde_json::Value) = (fields.plain("type")?, fields.json("data")?);
            replayed.apply(&event, &data);
            is_heard |= fields.flag("heard")? || data["hearing"].is_string();
            appointment = appointments::told(appointment, &number, (&event, fields.moment("at")?), &data);
            let hash = Sha256::from_hex(&fields.plain::<String>("hash")?).unwrap_or(Sha256([0; 32]));
            let share = inspections::share(&event, &data).unwrap_or(0);
            if VerifyRule::is_drawn(&hash, share) != fields.flag("drawn")? {
                report.add(Finding::DrawDiffers(number.clone()));
            }
        }
        let Some(row) = rows.last() else { return Ok(()) };
        let case: Case = Fields::of(row, "case").json("body")?;
        let kept: Option<String> = Fields::of(row, "appointment").plain("appointment")?;
        let replayed_appointment = appointment.as_ref().map(appointments::in_words).transpose()?;
        if kept != replayed_appointment {
            let said = |one: Option<String>| one.unwrap_or_else(|| "none".to_owned());
            report.add(Finding::CaseDiffers {
                number: number.clone(),
                what: "appointment",
                row: said(kept),
                journal: said(replayed_appointment),
            });
        }
        if is_heard {
            self.verify_hearings(&number, report).await?;
        }
        if let Some((what, row, journal)) = replayed.difference(&case) {
            report.add(Finding::CaseDiffers { number, what, row, journal });
        }
        Ok(())
    }

    async fn cases_after(&self, register: &Register, seq: u64) -> Result<Vec<SqliteRow>, StoreError> {
        let sql = "SELECT seq, number, EXISTS (SELECT 1 FROM journal \
                   WHERE journal.case_number = cases.number AND type = 'case.registered') AS journalled \
                   FROM cases WHERE year = $1 AND office = $2 AND seq > $3 ORDER BY seq LIMIT $4";
        let query = sqlx::query(sql)
            .bind(register.year)
            .bind(&register.office)
            .bind(row::stored_count(seq))
            .bind(ROWS_AT_ONCE);
        self.reading(query.fetch_all(&self.readers)).await
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

fn check_entry(verifier: &mut Verifier, row: &SqliteRow) -> Result<(), Finding> {
    let unreadable = |error: StoreError| Finding::EntryUnreadable {
        seq: verifier.head().seq + 1,
        detail: error.to_string(),
    };
    let entry = journal::read(row).map_err(unreadable)?;
    Ok(verifier.check(&entry)?)
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
        let number = |seq| CaseNumber::new(self.year, &self.office, seq);
        Finding::NumbersMissing { first: number(first), last: number(last) }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::journal::Fault;
    use crate::recording::Recording;
    use crate::store::Batch;
    use crate::store::fixture::{Files, fresh, offered, recording, recording_id, registered, sealed};

    async fn findings(store: &Store) -> Vec<Finding> {
        store.verify(&mut |_| {}, None).await.unwrap().findings
    }

    async fn by_force(files: &Files, statements: &[&'static str]) {
        let mut intruder = files.intruder().await;
        sqlx::query("PRAGMA foreign_keys = OFF").execute(&mut intruder).await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut intruder).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_honest_store_has_no_findings() {
        let (store, _files) = fresh().await;
        for n in 1..=3 {
            registered(&store, n).await;
        }
        let mut steps = Vec::new();
        let report = store.verify(&mut |progress| steps.push(progress), None).await.unwrap();
        assert!(report.is_good(), "{:?}", report.findings);
        assert_eq!((report.checked.entries, report.head.seq, report.checked.cases), (6, 6, 3));
        assert_eq!(steps.last(), Some(&report.checked));
        let (empty, _files) = fresh().await;
        assert_eq!(findings(&empty).await, []);
    }

    #[tokio::test]
    async fn an_altered_or_missing_entry_is_found() {
        let broken = |seq, fault| Finding::ChainBroken(Break { seq, fault });
        let unreadable = "stored journal entry cannot be read: column actor".to_owned();
        let alterations = [
            ("UPDATE journal SET data = '{\"n\":9}' WHERE seq = 2", broken(2, Fault::Altered)),
            ("UPDATE journal SET reason = 'so' WHERE seq = 3", broken(3, Fault::Altered)),
            (
                "UPDATE journal SET actor = 'x' WHERE seq = 1",
                Finding::EntryUnreadable { seq: 1, detail: unreadable },
            ),
            ("DELETE FROM journal WHERE seq = 1", broken(1, Fault::Missing { found: 2 })),
            ("DELETE FROM journal WHERE seq = 2", broken(2, Fault::Missing { found: 3 })),
        ];
        for (alteration, expected) in alterations {
            let files = Files::new();
            let store = files.open().await;
            for n in 1..=3 {
                store.commit(offered(n)).await.unwrap();
            }
            let drop_triggers =
                ["DROP TRIGGER journal_refuses_update", "DROP TRIGGER journal_refuses_delete"];
            by_force(&files, &[drop_triggers[0], drop_triggers[1], alteration]).await;
            let found = findings(&store).await;
            // The rest of the complaint is the JSON parser's.
            let [found] = &found[..] else { panic!("{alteration}: {found:?}") };
            assert!(found.to_string().starts_with(&expected.to_string()), "{alteration}: {found}");
        }
    }

    #[tokio::test]
    async fn a_journal_without_its_end_is_found_by_its_cases() {
        let files = Files::new();
        let store = files.open().await;
        registered(&store, 1).await;
        let before = store.counts().await.unwrap().journal_seq;
        let case = registered(&store, 2).await;
        assert_eq!(before, 2);
        by_force(&files, &["DROP TRIGGER journal_refuses_delete", "DELETE FROM journal WHERE seq > 2"]).await;
        assert_eq!(findings(&store).await, [Finding::CaseNotJournalled(case.number)]);
    }

    #[tokio::test]
    async fn missing_register_numbers_are_found() {
        let files = Files::new();
        let store = files.open().await;
        for n in 1..=6 {
            registered(&store, n).await;
        }
        let removed = "DELETE FROM cases WHERE seq IN (1, 3, 4, 6)";
        let refused = sqlx::query(removed).execute(&mut files.intruder().await).await;
        assert!(refused.is_err(), "a case was deleted");
        by_force(&files, &["DROP TRIGGER cases_are_never_deleted", removed]).await;
        let number = |seq| CaseNumber::new(2026, "01", seq);
        let missing = |first, last| Finding::NumbersMissing { first: number(first), last: number(last) };
        assert_eq!(findings(&store).await, [missing(1, 1), missing(3, 4), missing(6, 6)]);
    }

    #[tokio::test]
    async fn recordings_are_held_against_their_files() {
        let (store, _files) = fresh().await;
        for n in 1..=3 {
            store.commit(Batch { recordings: vec![sealed(n)], ..offered(n) }).await.unwrap();
        }
        store.commit(Batch { recordings: vec![recording(4)], ..offered(4) }).await.unwrap();
        let on_disk = |recording: &Recording| match recording.path.as_str() {
            "2026/11/21/1.wav" => recording.sha256,
            "2026/11/21/2.wav" => Some(Sha256::of(b"other")),
            _ => None,
        };
        let report = store.verify(&mut |_| {}, Some(&on_disk)).await.unwrap();
        let expected =
            [Finding::RecordingAltered(recording_id(2)), Finding::RecordingUnreadable(recording_id(3))];
        assert_eq!(report.findings, expected);
        assert_eq!(report.checked.recordings, 3);
    }
}
