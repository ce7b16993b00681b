//! The auditor's walk over the whole store, part by part: the journal's chain (`chain`), the register number by number
//! and each case against what its entries add up to (here, its rows in `case_rows`), the calls (`contacts`), recordings and their files
//! (`sound`). It only reads, page by page, may run beside a working program, and goes on where it stopped (`state`).

mod case_rows;
mod chain;
mod contacts;
#[cfg(test)]
mod mutations;
mod orders;
mod sound;
mod state;

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use sqlx::sqlite::SqliteRow;

use crate::case::replay::Replayed;
use crate::case::rules::VerifyRule;
use crate::case::{Case, CaseNumber};
use crate::digest::Sha256;
use crate::ids::{
    ContactId, DisclosureId, ErasureId, FindingId, HearingId, HoldId, IncidentNumber, RecordingId,
};
use crate::journal::{Break, EventType, Head};
use crate::recording::Recording;

use super::row::{self, Fields};
use super::verify_pictures::PictureFault;
use super::{Store, StoreError, appointments, inspections, verify_pictures};

pub use sound::{FileFault, Range, RecordingFiles};
pub use state::{Part, VerifyReport, Watch};

/// Findings listed at most; a store with more of them is not going to be understood from a list.
const MAX_FINDINGS: usize = 1_000;
/// For counting the rows of some years on a slow disk.
const COUNT_DEADLINE: Duration = Duration::from_secs(60);
/// Rows of the register read at once.
const ROWS_AT_ONCE: u32 = 1_000;
/// Offices and years of the register looked at; a city has a few of each.
const MAX_REGISTERS: u32 = 10_000;

/// A case with its entries, and what there is of it in other tables.
const REPLAYED: &str = "SELECT journal.type, journal.at, journal.data, journal.hash, journal.seq, cases.body, \
     cases.number, cases.year, cases.office, cases.seq AS place, cases.state, cases.category, \
     cases.executor, cases.caller, cases.registered_at, cases.resolve_by, cases.due_at, cases.level, \
     cases.closed_at, cases.street, cases.house, cases.lat, cases.lon, journal.contact, \
     inspections.entry IS NOT NULL AS drawn, \
     (SELECT json_array(reception, starts_at, ends_at, state, arranged_at) FROM appointments \
     WHERE appointments.case_number = cases.number) AS appointment, \
     EXISTS (SELECT 1 FROM hearings WHERE hearings.case_number = cases.number) AS heard, \
     EXISTS (SELECT 1 FROM work_orders WHERE work_orders.case_number = cases.number) AS ordered, \
     EXISTS (SELECT 1 FROM attachments WHERE attachments.case_number = cases.number UNION ALL \
     SELECT 1 FROM work_orders JOIN evidence ON work_order = work_orders.id \
     WHERE work_orders.case_number = cases.number) AS pictured, \
     EXISTS (SELECT 1 FROM disclosures WHERE disclosures.case_number = cases.number) AS disclosed \
     FROM cases JOIN journal ON journal.case_number = cases.number \
     LEFT JOIN inspections ON inspections.case_number = cases.number AND inspections.entry = journal.seq \
     WHERE cases.number = $1 ORDER BY journal.seq";

/// How far [`Store::verify`] has come; each number only grows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    pub entries: u64,
    pub cases: u64,
    pub contacts: u64,
    pub recordings: u64,
    pub files: u64,
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
    /// The program gives no number without the register.
    #[error("register: case {0} has a number that the register never gave")]
    BeyondRegister(CaseNumber),
    /// The case has no `case.registered` entry, as when the end of the journal was cut off.
    #[error("case {0}: its registration is not in the journal")]
    CaseNotJournalled(CaseNumber),
    /// Invariant 10: the row is not what the entries add up to.
    #[error("case {number}: {what} is '{row}' in the row and '{journal}' by the journal")]
    CaseDiffers { number: CaseNumber, what: &'static str, row: String, journal: String },
    /// Invariant 10 again, for a work order.
    #[error("work order {id} of case {case}: {what} is '{row}' in the row and '{journal}' by the journal")]
    OrderDiffers { case: CaseNumber, id: String, what: &'static str, row: String, journal: String },
    /// Invariant 10 again, for an incident.
    #[error("incident {number}: {what} is '{row}' in the row and '{journal}' by the journal")]
    IncidentDiffers { number: IncidentNumber, what: &'static str, row: String, journal: String },
    /// Invariant 10 again, for an applicant's wish to hear a call.
    #[error("hearing {id} of case {case}: {what} is '{row}' in the row and '{journal}' by the journal")]
    HearingDiffers { id: HearingId, case: CaseNumber, what: &'static str, row: String, journal: String },
    /// Invariant 10 again, for a case that was handed over.
    #[error("disclosure {id} of case {case}: {what} is '{row}' in the row and '{journal}' by the journal")]
    DisclosureDiffers { id: DisclosureId, case: CaseNumber, what: &'static str, row: String, journal: String },
    /// Invariant 10 for what an auditor noted.
    #[error("finding {id}: {what} is not what the journal tells")]
    RemarkDiffers { id: FindingId, what: &'static str },
    /// Invariant 10 for what a court or inspector wants kept.
    #[error("legal hold {id} on {subject}: the row is not what the journal tells")]
    HoldDiffers { id: HoldId, subject: String },
    /// Invariant 10 for what was to be destroyed.
    #[error("erasure {id} of {subject}: the row is not what the journal tells")]
    ErasureDiffers { id: ErasureId, subject: String },
    #[error("erasure {id} of {subject}: it was decided and not carried out")]
    NotErased { id: ErasureId, subject: String },
    /// In a table, or the folder of the recordings.
    #[error("erasure {id}: something of {owner} is still there, in {place}")]
    StillThere { id: ErasureId, owner: String, place: &'static str },
    /// Invariant 10 for audits: an engagement, or a sample that is not what its draw gives.
    #[error("{kind} {id}: {what} is not what the journal tells")]
    AuditDiffers { kind: &'static str, id: uuid::Uuid, what: &'static str },
    /// A picture, an applicant's or a crew's: its row, or its octets, are not what the journal tells.
    #[error("{kind} {id} of case {case}: {fault}")]
    PictureDiffers { kind: &'static str, id: String, case: CaseNumber, fault: PictureFault },
    /// The list of visits is not what the hashes decided.
    #[error("case {0}: the draw for an inspection was not followed")]
    DrawDiffers(CaseNumber),
    /// Invariant 10 again, for a call.
    #[error("call {id}: {what} is '{row}' in the row and '{journal}' by the journal")]
    ContactDiffers { id: ContactId, what: &'static str, row: String, journal: String },
    /// Its entries are there.
    #[error("call {0}: its row is missing")]
    ContactMissing(ContactId),
    /// Completeness: it was answered, and neither is there a recording nor does an entry say why not.
    #[error("call {0}: it was answered, and no entry says that it was recorded, or why not")]
    NotRecorded(ContactId),
    /// Completeness: the SIP messages know an answer that the record does not.
    #[error("call {0}: by its SIP messages it was answered, by its row it was not")]
    AnswerNotRecorded(ContactId),
    #[error("recording {id}: {what} is '{row}' in the row and '{journal}' by the journal")]
    RecordingDiffers { id: RecordingId, what: &'static str, row: String, journal: String },
    #[error("recording {id} of call {contact}: {fault}")]
    File { id: RecordingId, contact: ContactId, fault: FileFault },
    /// Its row says that it is being written.
    #[error("recording {id} of call {contact}: the call is over, and it was never sealed")]
    NeverSealed { id: RecordingId, contact: ContactId },
    /// A value in a row that the program cannot have written.
    #[error("{0}")]
    RowUnreadable(String),
    #[error("orphan file {0}: no recording asks for it")]
    OrphanFile(String),
    #[error("the folder of the recordings cannot be read: {0}")]
    FolderUnreadable(String),
}

impl Finding {
    fn file(recording: &Recording, fault: FileFault) -> Self {
        Self::File { id: recording.id, contact: recording.contact, fault }
    }
}

impl Store {
    /// Checks everything from the beginning, and tells `progress` after each page; files only when they are given.
    ///
    /// # Errors
    /// Only when the store cannot be read at all; what is wrong inside is a [`Finding`].
    pub async fn verify(
        &self,
        progress: &mut (dyn FnMut(Progress) + Send),
        files: Option<&dyn RecordingFiles>,
    ) -> Result<VerifyReport, StoreError> {
        let mut watch = |report: &VerifyReport| {
            progress(report.checked);
            ControlFlow::Continue(())
        };
        self.verify_from(VerifyReport::default(), &mut watch, files).await
    }

    /// Goes on where `report` stopped, until its end or until `watch` wants it to stop.
    ///
    /// # Errors
    /// As [`Self::verify`].
    pub async fn verify_from(
        &self,
        mut report: VerifyReport,
        watch: Watch<'_>,
        files: Option<&dyn RecordingFiles>,
    ) -> Result<VerifyReport, StoreError> {
        report.is_interrupted = false;
        while !report.is_whole() {
            let looked_at = match (report.part, files) {
                (Part::Chain, _) => self.verify_chain(&mut report, watch).await,
                (Part::Register, _) => self.verify_register(&mut report, watch).await,
                (Part::Incidents, _) => self.verify_incidents(&mut report).await,
                (Part::Findings, _) => match self.verify_findings(&mut report).await {
                    Ok(()) => self.verify_audits(&mut report).await,
                    failed => failed,
                },
                (Part::Erasures, _) => self.verify_erasures(&mut report).await,
                (Part::Contacts, _) => self.verify_contacts(&mut report, watch).await,
                (Part::Recordings, files) => self.verify_recordings(&mut report, watch, files).await,
                (Part::Files, Some(files)) => self.verify_paths(&mut report, watch, files).await,
                (Part::Files, None) | (Part::Done, _) => Ok(()),
            };
            // The rest of a part that cannot be read is not looked at, which the finding says.
            report.note(looked_at)?;
            if report.is_interrupted {
                break;
            }
            (report.part, report.after) = (report.part.next(), String::new());
        }
        Ok(report)
    }

    /// How much there is to look at, for a walk that begins now; files are not counted.
    pub async fn verify_total(&self, since: &Head) -> Result<Progress, StoreError> {
        let sql = "SELECT (SELECT COALESCE(MAX(seq), 0) FROM journal) AS entries, \
                   (SELECT COALESCE(SUM(last_seq), 0) FROM register) AS cases, \
                   (SELECT COUNT(*) FROM contacts) AS contacts, (SELECT COUNT(*) FROM recordings) AS recordings";
        let row = self.reading_within(COUNT_DEADLINE, sqlx::query(sql).fetch_one(&self.readers)).await?;
        let fields = Fields::of(&row, "total");
        let entries: u64 = fields.count("entries")?;
        Ok(Progress {
            entries: entries.saturating_sub(since.seq),
            cases: fields.count("cases")?,
            contacts: fields.count("contacts")?,
            recordings: fields.count("recordings")?,
            files: 0,
        })
    }

    async fn verify_register(&self, report: &mut VerifyReport, watch: Watch<'_>) -> Result<(), StoreError> {
        let sql = "SELECT year, office, last_seq FROM register ORDER BY year, office LIMIT $1";
        let registers = self.reading(sqlx::query(sql).bind(MAX_REGISTERS).fetch_all(&self.readers)).await?;
        let resumed = Resumed::at(&report.after);
        for register in &registers {
            let register = Register::read(register)?;
            let mut walk = Walk { last: resumed.last_of(&register) };
            loop {
                let cases = self.cases_after(&register, walk.last, report.since.seq).await?;
                if cases.is_empty() {
                    break;
                }
                for case in &cases {
                    let fields = Fields::of(case, "case");
                    let gap = walk.step(fields.count("seq")?);
                    gap.into_iter().for_each(|gap| report.add(register.missing(gap)));
                    let number = fields.word("number")?;
                    if !fields.flag("journalled")? {
                        report.add(Finding::CaseNotJournalled(number));
                    } else if fields.flag("touched")? {
                        let replayed = self.replay(number, report).await;
                        report.note(replayed)?;
                    }
                    report.checked.cases += 1;
                }
                if report.stops(format!("{} {} {}", register.year, register.office, walk.last), watch) {
                    return Ok(());
                }
            }
            walk.step(register.last_seq + 1).into_iter().for_each(|gap| report.add(register.missing(gap)));
            if walk.last > register.last_seq + 1 {
                report.add(Finding::BeyondRegister(CaseNumber::new(
                    register.year,
                    &register.office,
                    walk.last,
                )));
            }
        }
        self.verify_registers(report).await
    }

    /// Cases of a year and office of which the register knows nothing.
    async fn verify_registers(&self, report: &mut VerifyReport) -> Result<(), StoreError> {
        let sql = "SELECT year, office, MAX(seq) AS last_seq FROM cases GROUP BY year, office LIMIT $1";
        let query = sqlx::query(sql).bind(MAX_REGISTERS).fetch_all(&self.readers);
        for row in &self.reading_within(COUNT_DEADLINE, query).await? {
            let given = Register::read(row)?;
            let sql = "SELECT 1 FROM register WHERE year = $1 AND office = $2";
            let query = sqlx::query(sql).bind(given.year).bind(&given.office);
            if self.reading(query.fetch_optional(&self.readers)).await?.is_none() {
                let number = CaseNumber::new(given.year, &given.office, given.last_seq);
                report.add(Finding::BeyondRegister(number));
            }
        }
        Ok(())
    }

    /// The case once more from its entries. Row, entries and draws are of one moment: the program may be at work.
    async fn replay(&self, number: CaseNumber, report: &mut VerifyReport) -> Result<(), StoreError> {
        let rows = self.reading(sqlx::query(REPLAYED).bind(&number.0).fetch_all(&self.readers)).await?;
        let mut replayed = Replayed::default();
        let (mut appointment, mut registered_at) = (None, None);
        let (mut is_heard, mut is_ordered, mut is_disclosed) = (false, false, false);
        let mut has_pictures = false;
        for row in &rows {
            let fields = Fields::of(row, "journal entry");
            let (event, data): (String, serde_json::Value) = (fields.plain("type")?, fields.json("data")?);
            replayed.apply(&event, &data);
            if event == EventType::CaseRegistered.name() {
                registered_at = Some(fields.moment("at")?);
            }
            is_ordered |= fields.flag("ordered")? || event == EventType::WoIssued.name();
            is_heard |= fields.flag("heard")? || data["hearing"].is_string();
            has_pictures |= fields.flag("pictured")? || verify_pictures::is_told(&event);
            is_disclosed |= fields.flag("disclosed")? || data["disclosure"].is_string();
            appointment = appointments::told(appointment, &number, (&event, fields.moment("at")?), &data);
            let hash = Sha256::from_hex(&fields.plain::<String>("hash")?).unwrap_or(Sha256([0; 32]));
            let share = inspections::share(&event, &data).unwrap_or(0);
            if VerifyRule::is_drawn(&hash, share) != fields.flag("drawn")? {
                report.add(Finding::DrawDiffers(number.clone()));
            }
        }
        let Some(row) = rows.last() else { return Ok(()) };
        let case: Case = Fields::of(row, "case").json("body")?;
        let registered_at = registered_at.unwrap_or(case.registered_at);
        for (what, row, journal) in case_rows::columns(&Fields::of(row, "case"), &case, registered_at)? {
            report.add(Finding::CaseDiffers { number: number.clone(), what, row, journal });
        }
        self.verify_case_rows(&case, &rows, report).await?;
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
        if is_ordered {
            self.verify_orders(&number, report).await?;
        }
        if is_disclosed {
            self.verify_disclosures(&number, report).await?;
        }
        if has_pictures {
            self.verify_pictures(&case, report).await?;
        }
        if let Some((what, row, journal)) = replayed.difference(&case) {
            report.add(Finding::CaseDiffers { number, what, row, journal });
        }
        Ok(())
    }

    async fn cases_after(
        &self,
        register: &Register,
        seq: u64,
        since: u64,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let sql = "SELECT seq, number, EXISTS (SELECT 1 FROM journal \
                   WHERE journal.case_number = cases.number AND type = 'case.registered') AS journalled, \
                   $5 = 0 OR EXISTS (SELECT 1 FROM journal \
                   WHERE journal.case_number = cases.number AND journal.seq > $5) AS touched \
                   FROM cases WHERE year = $1 AND office = $2 AND seq > $3 ORDER BY seq LIMIT $4";
        let query = sqlx::query(sql)
            .bind(register.year)
            .bind(&register.office)
            .bind(row::stored_count(seq))
            .bind(ROWS_AT_ONCE)
            .bind(row::stored_count(since));
        self.reading(query.fetch_all(&self.readers)).await
    }
}

/// Where the walk over the register stopped.
struct Resumed {
    year: i32,
    office: String,
    seq: u64,
}

impl Resumed {
    /// Before the first number when nothing is noted.
    fn at(noted: &str) -> Self {
        let mut words = noted.split(' ');
        let year = words.next().and_then(|year| year.parse().ok()).unwrap_or(i32::MIN);
        let office = words.next().unwrap_or_default().to_owned();
        Self { year, office, seq: words.next().and_then(|seq| seq.parse().ok()).unwrap_or(0) }
    }

    /// The last number looked at: none of a later register, all of an earlier one.
    fn last_of(&self, register: &Register) -> u64 {
        match (register.year, register.office.as_str()).cmp(&(self.year, self.office.as_str())) {
            Ordering::Less => register.last_seq,
            Ordering::Equal => self.seq,
            Ordering::Greater => 0,
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
    use crate::store::fixture::{Files, contact_id, fresh, offered, registered};

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
            // The rest of the complaint is the JSON parser's; the call's row tells of the entry, too.
            let found = findings(&store).await;
            let Some(found) = found.first() else { panic!("{alteration}: nothing is found") };
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
        let found = findings(&store).await;
        assert_eq!(found[0], Finding::CaseNotJournalled(case.number));
        let [.., Finding::ContactDiffers { id, .. }] = found[..] else { panic!("{found:?}") };
        assert_eq!(id, contact_id(2));
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
}
