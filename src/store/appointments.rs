//! Appointments as rows: written from the very entries that the journal keeps, in their transaction, so that the one always
//! follows from the other. That a slot is taken once is the database's word: whoever comes second is refused whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::case::reception::{Booking, Slot};
use crate::case::{Case, CaseDraft, CaseNumber, RelationKind};
use crate::journal::Entry;
use crate::language::Language;
use crate::notification::chain::Writing;
use crate::people::Actor;
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;

use super::case_change::Save;
use super::filings::Filing;
use super::register::{Registration, Source, drafts};
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Store, StoreError, notifications};

/// Appointments of one reception that are listed at once: half a year of full days.
const MAX_LISTED: u32 = 5_000;
/// Reminders that are due together; the others come with the next look.
const MAX_REMINDERS: u32 = 500;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppointmentState {
    Booked,
    Held,
    NoShow,
    /// Its case ended without it: the slot is free again.
    Cancelled,
}

/// A case's appointment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appointment {
    pub case: CaseNumber,
    /// Id of the reception.
    pub reception: String,
    pub slot: Slot,
    pub state: AppointmentState,
    /// When this time was booked or moved to.
    pub arranged_at: Timestamp,
}

/// An appointment of which its applicant may have to be reminded.
#[derive(Clone, PartialEq, Eq)]
pub struct Reminder {
    pub appointment: Appointment,
    pub cycle: u16,
    pub language: Language,
    /// Whom to write to; none who did not give it, or wants no messages.
    pub number: Option<PhoneNumber>,
    pub mail: Option<String>,
    /// What was written about this very arrangement.
    pub writings: Vec<Writing>,
}

// Recipients are not for logs.
impl std::fmt::Debug for Reminder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reminder({} at {:?})", self.appointment.case, self.appointment.slot.starts_at)
    }
}

impl Store {
    pub async fn appointment_of(&self, case: &CaseNumber) -> Result<Option<Appointment>, StoreError> {
        let query = sqlx::query("SELECT * FROM appointments WHERE case_number = $1").bind(&case.0);
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// Appointments of a reception that begin in `[from, to)`, in order of time, those given back left out.
    pub async fn appointments(
        &self,
        reception: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Appointment>, StoreError> {
        let sql = "SELECT * FROM appointments WHERE reception = $1 AND starts_at >= $2 AND starts_at < $3 \
                   AND state <> 'cancelled' ORDER BY starts_at LIMIT $4";
        let query = sqlx::query(sql).bind(reception).bind(from.micros()).bind(to.micros()).bind(MAX_LISTED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// Registers a request in writing and books its slot: all of it or nothing.
    ///
    /// # Errors
    /// `Exists` when the slot is taken meanwhile, `Transition` when the case refuses.
    pub async fn file_and_book(&self, filing: Filing, booking: Booking) -> Result<Case, StoreError> {
        self.writer.make(FileAndBook { filing, booking }).await
    }

    /// A new case for what an official instructed; it follows the case of the reception.
    pub async fn register_instruction(
        &self,
        draft: CaseDraft,
        reception: Case,
        at: Timestamp,
        actor: Actor,
    ) -> Result<Case, StoreError> {
        let relation = Some((RelationKind::Follows, Box::new(reception)));
        self.writer.make(Registration { draft, at, actor, media: None, relation }).await
    }

    /// Appointments of `reception` that begin after `now` and by `until`, and of which the applicant may have to be
    /// reminded yet, the next first; at most 500. Whoever has nobody to write to any more says so with [`Self::reminded`].
    pub async fn reminders_due(
        &self,
        reception: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Reminder>, StoreError> {
        let sql = "SELECT a.*, json_extract(k.body, '$.cycle') AS cycle, json_extract(k.body, '$.language') AS language, \
                   CASE WHEN f.consent = 0 THEN NULL ELSE k.caller END AS phone, \
                   CASE WHEN f.consent = 1 THEN f.mail END AS mail \
                   FROM appointments a JOIN cases k ON k.number = a.case_number \
                   LEFT JOIN filings f ON f.case_number = a.case_number \
                   WHERE a.state = 'booked' AND a.reminded_at IS NULL AND a.starts_at > $1 \
                   AND a.starts_at <= $2 AND a.reception = $3 ORDER BY a.starts_at LIMIT $4";
        let query = sqlx::query(sql).bind(now.micros()).bind(until.micros()).bind(reception);
        let rows = self.reading(query.bind(MAX_REMINDERS).fetch_all(&self.readers)).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let mut written = self.reminders_written(reception).await?;
        let read = |row| {
            let (fields, appointment) = (Fields::of(row, "appointment"), read(row)?);
            let phone: Option<String> = fields.plain("phone")?;
            Ok(Reminder {
                cycle: fields.count("cycle")?,
                language: fields.word("language")?,
                number: phone.as_deref().map(PhoneNumber::from_user_part),
                mail: fields.plain("mail")?,
                writings: written.remove(&appointment.case).unwrap_or_default(),
                appointment,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Messages that remind of appointments as they are arranged now, of those nobody has settled.
    async fn reminders_written(
        &self,
        reception: &str,
    ) -> Result<BTreeMap<CaseNumber, Vec<Writing>>, StoreError> {
        let sql = "SELECT n.* FROM appointments a JOIN notifications n ON n.case_number = a.case_number \
                   AND n.since = a.arranged_at AND n.occasion = 'reminder' \
                   WHERE a.state = 'booked' AND a.reminded_at IS NULL AND a.reception = $1 \
                   ORDER BY n.queued_at, n.id LIMIT $2";
        // Of each appointment one by each way.
        let most = MAX_LISTED * 2;
        let rows = self.reading(sqlx::query(sql).bind(reception).bind(most).fetch_all(&self.readers)).await?;
        let mut written: BTreeMap<_, Vec<Writing>> = BTreeMap::new();
        for row in &rows {
            let case = Fields::of(row, "notification").word("case_number")?;
            written.entry(case).or_default().push(notifications::read_writing(row)?);
        }
        Ok(written)
    }

    /// Nobody is to be written to about this time any more. False when somebody said so before, or there is another time.
    pub async fn reminded(&self, appointment: &Appointment, at: Timestamp) -> Result<bool, StoreError> {
        self.writer.make(Reminded { appointment: appointment.clone(), at }).await
    }
}

struct FileAndBook {
    filing: Filing,
    booking: Booking,
}

impl Change for FileAndBook {
    type Answer = Case;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Case, StoreError> {
        let (at, actor) = (self.filing.at, self.filing.actor.clone());
        let case = self.filing.apply(ledger).await?;
        let before = case.clone();
        let (case, events) = case.book(&self.booking, &actor, at)?;
        let source = Source { at, actor: &actor, contact: None, media: None };
        let entries = drafts(&case, &events, &source)?;
        let revision = super::cases::revision(ledger.connection, &case.number).await?;
        let revision = revision.ok_or(StoreError::NotFound("case"))?;
        let save = Save {
            before,
            case,
            revision,
            orders: Vec::new(),
            moves_parts: false,
            linked: Vec::new(),
            entries,
            once: None,
        };
        // Registered in this very transaction: nobody was faster.
        save.apply(ledger).await?.ok_or(StoreError::NotFound("case"))
    }
}

struct Reminded {
    appointment: Appointment,
    at: Timestamp,
}

impl Change for Reminded {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let sql = "UPDATE appointments SET reminded_at = $3 \
                   WHERE case_number = $1 AND arranged_at = $2 AND state = 'booked' AND reminded_at IS NULL";
        let query =
            sqlx::query(sql).bind(&self.appointment.case.0).bind(self.appointment.arranged_at.micros());
        let updated = query.bind(self.at.micros()).execute(&mut *ledger.connection).await?;
        Ok(updated.rows_affected() == 1)
    }
}

/// What the entries of one change mean for the appointment of their case.
///
/// # Errors
/// `Exists` when another case has the slot.
pub(super) async fn follow(connection: &mut SqliteConnection, entries: &[Entry]) -> Result<(), StoreError> {
    for entry in entries.iter().filter(|entry| concerns(&entry.event)) {
        let Some(case) = &entry.case else { continue };
        let row = sqlx::query("SELECT * FROM appointments WHERE case_number = $1").bind(&case.0);
        let before = row.fetch_optional(&mut *connection).await?.as_ref().map(read).transpose()?;
        let Some(after) = told(before.clone(), case, (&entry.event, entry.at), &entry.data) else { continue };
        if before.as_ref() != Some(&after) {
            save(connection, &after, before.as_ref()).await?;
        }
    }
    Ok(())
}

fn concerns(event: &str) -> bool {
    event == "case.closed" || event.starts_with("appt.")
}

/// The appointment once this entry has happened, by the journal's name and data alone; `store/verify.rs` adds up the same.
pub(super) fn told(
    before: Option<Appointment>,
    case: &CaseNumber,
    (event, at): (&str, Timestamp),
    data: &Value,
) -> Option<Appointment> {
    let to = |state| before.clone().map(|appointment| Appointment { state, ..appointment });
    match event {
        "appt.booked" | "appt.moved" => {
            let moment = |key: &str| data[key].as_i64().map(Timestamp::from_micros);
            Some(Appointment {
                case: case.clone(),
                reception: data["reception"].as_str()?.to_owned(),
                slot: Slot { starts_at: moment("starts_at")?, ends_at: moment("ends_at")? },
                state: AppointmentState::Booked,
                arranged_at: at,
            })
        }
        "appt.held" => to(AppointmentState::Held),
        "appt.no_show" => to(AppointmentState::NoShow),
        "case.closed" if before.as_ref().is_some_and(|one| one.state == AppointmentState::Booked) => {
            to(AppointmentState::Cancelled)
        }
        _ => before,
    }
}

/// As SQLite writes the row as a JSON array.
pub(super) fn in_words(appointment: &Appointment) -> Result<String, StoreError> {
    let Appointment { reception, slot, state, arranged_at, .. } = appointment;
    super::row::json(&(reception, slot.starts_at, slot.ends_at, state, arranged_at))
}

async fn save(
    connection: &mut SqliteConnection,
    appointment: &Appointment,
    before: Option<&Appointment>,
) -> Result<(), StoreError> {
    let moved = before.is_none_or(|before| before.arranged_at != appointment.arranged_at);
    let sql = "INSERT INTO appointments (case_number, reception, starts_at, ends_at, state, arranged_at) \
               VALUES ($1, $2, $3, $4, $5, $7) \
               ON CONFLICT (case_number) DO UPDATE SET reception = $2, starts_at = $3, ends_at = $4, state = $5, \
               arranged_at = $7, reminded_at = CASE WHEN $6 THEN NULL ELSE reminded_at END";
    let saved = sqlx::query(sql)
        .bind(&appointment.case.0)
        .bind(&appointment.reception)
        .bind(appointment.slot.starts_at.micros())
        .bind(appointment.slot.ends_at.micros())
        .bind(super::row::word(&appointment.state)?)
        .bind(moved)
        .bind(appointment.arranged_at.micros())
        .execute(connection)
        .await;
    match saved {
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            Err(StoreError::Exists("an appointment at this time".to_owned()))
        }
        other => Ok(other.map(|_| ())?),
    }
}

pub(super) fn read(row: &SqliteRow) -> Result<Appointment, StoreError> {
    let fields = Fields::of(row, "appointment");
    Ok(Appointment {
        case: fields.word("case_number")?,
        reception: fields.plain("reception")?,
        slot: Slot { starts_at: fields.moment("starts_at")?, ends_at: fields.moment("ends_at")? },
        state: fields.word("state")?,
        arranged_at: fields.moment("arranged_at")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::case::CaseDraft;
    use crate::people::Actor;
    use crate::store::fixture::{Files, at, case_draft, fresh};

    fn booking(starts: i64) -> Booking {
        let slot = Slot { starts_at: at(starts), ends_at: at(starts + 900) };
        Booking { reception: "mayor".to_owned(), post: "mayor.reception".to_owned(), slot }
    }

    fn applicant() -> Actor {
        Actor { kind: crate::people::ActorKind::Applicant, ..Actor::system("page") }
    }

    async fn book(store: &Store, starts: i64) -> Result<Case, StoreError> {
        let filing = Filing {
            draft: CaseDraft { contact: None, ..case_draft(1) },
            at: at(1),
            actor: applicant(),
            source: "page".to_owned(),
            mail: None,
            media_url: None,
            answers: Vec::new(),
            consent: false,
            code: None,
        };
        store.file_and_book(filing, booking(starts)).await
    }

    #[tokio::test]
    async fn of_twenty_who_want_a_slot_one_gets_it_and_the_others_leave_nothing() {
        let (store, _files) = fresh().await;
        let wanting: Vec<_> = (0..20)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { book(&store, 3_600).await })
            })
            .collect();
        let mut got = Vec::new();
        for one in wanting {
            match one.await.unwrap() {
                Ok(case) => got.push(case.number),
                Err(StoreError::Exists(what)) => assert!(what.contains("appointment"), "{what}"),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(got, [CaseNumber("2026-01-000001".to_owned())], "and no register number is lost");
        let next = book(&store, 4_500).await.unwrap();
        assert_eq!(next.number.0, "2026-01-000002");
        let report = store.verify(&mut |_| {}, None).await.unwrap();
        assert!(report.is_good(), "{:?}", report.findings);
    }

    #[tokio::test]
    async fn a_slot_given_back_or_moved_from_is_free_again() {
        let (store, _files) = fresh().await;
        let (first, second) = (book(&store, 3_600).await.unwrap(), book(&store, 4_500).await.unwrap());
        let by = applicant();
        let taken = store.change_case(&second.number, &by, at(2), |case, _| {
            case.move_reception(booking(4_500).slot, &booking(3_600), &applicant(), at(2))
        });
        assert!(matches!(taken.await, Err(StoreError::Exists(_))));
        let withdrawn = store.change_case(&first.number, &by, at(3), |case, _| {
            case.withdraw("ill", None, &applicant(), at(3))
        });
        withdrawn.await.unwrap();
        let moved = store.change_case(&second.number, &by, at(4), |case, _| {
            case.move_reception(booking(4_500).slot, &booking(3_600), &applicant(), at(4))
        });
        moved.await.unwrap();
        let listed = store.appointments("mayor", at(0), at(10_000)).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((&listed[0].case, listed[0].slot), (&second.number, booking(3_600).slot));
        let given_back = store.appointment_of(&first.number).await.unwrap().unwrap();
        assert_eq!(given_back.state, AppointmentState::Cancelled);
        book(&store, 4_500).await.unwrap();
        assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
    }

    #[tokio::test]
    async fn each_time_is_reminded_of_once() {
        let (store, _files) = fresh().await;
        let case = book(&store, 3_600).await.unwrap();
        assert!(store.reminders_due("mayor", at(5), at(3_599)).await.unwrap().is_empty());
        let due = store.reminders_due("mayor", at(5), at(3_600)).await.unwrap();
        assert_eq!(due.len(), 1);
        assert!(store.reminded(&due[0].appointment, at(6)).await.unwrap());
        assert!(!store.reminded(&due[0].appointment, at(6)).await.unwrap(), "somebody did");
        assert!(store.reminders_due("mayor", at(5), at(9_000)).await.unwrap().is_empty());
        let by = applicant();
        let moved = store.change_case(&case.number, &by, at(7), |case, _| {
            case.move_reception(booking(3_600).slot, &booking(7_200), &applicant(), at(7))
        });
        moved.await.unwrap();
        assert_eq!(store.reminders_due("mayor", at(8), at(9_000)).await.unwrap().len(), 1, "another time");
    }

    #[tokio::test]
    async fn a_row_that_was_altered_is_found() {
        let files = Files::new();
        let store = files.open().await;
        book(&store, 3_600).await.unwrap();
        let mut intruder = files.intruder().await;
        sqlx::query("UPDATE appointments SET state = 'held'").execute(&mut intruder).await.unwrap();
        let found = store.verify(&mut |_| {}, None).await.unwrap().findings;
        assert!(found[0].to_string().contains("appointment is"), "{found:?}");
    }
}
