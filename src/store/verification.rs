//! What is known of cases that wait for their applicant's answer: the calls that asked, numbers that want no such calls, and
//! askings that control gave up. Whom to ring when decides `crate::verification`, from this and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::SqliteConnection;

use crate::call::contact::Contact;
use crate::case::{Case, CaseNumber};
use crate::ids::{ContactId, RecordingId};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::language::Language;
use crate::notification::chain::Writing;
use crate::people::Actor;
use crate::phone_number::PhoneNumber;
use crate::time::Timestamp;
use crate::verification::{Attempt, MAX_INQUIRIES, Outcome};

use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Store, StoreError, cases, notifications};

/// `asked` of a call whose outcome is not known yet.
pub(super) const OPEN: &str = "open";
/// Calls that asked about all the cases that wait: ten each.
const MAX_ASKINGS: u32 = 100_000;
/// Numbers without calls listed at most.
const MAX_REFUSED: u32 = 1_000;

// A case in verification is open, which SQLite does not see: said twice, the index of open cases is used.

/// The cases whose applicants are asked.
pub(super) const WAITING: &str = "SELECT * FROM cases WHERE state = 'verification' AND state NOT IN ('closed', 'archived') \
     ORDER BY registered_at, number LIMIT $1";
/// The calls that asked them.
pub(super) const CALLS: &str = "SELECT c.id, c.caller, c.case_number, c.offered_at, c.ended_at, c.recording, c.asked, \
     c.asked_offset_ms FROM cases k JOIN contacts c ON c.case_number = k.number AND c.asked IS NOT NULL \
     WHERE k.state = 'verification' AND k.state NOT IN ('closed', 'archived') ORDER BY c.offered_at, c.id LIMIT $1";
/// Those of their numbers that want no calls.
pub(super) const REFUSING: &str = "SELECT r.number FROM cases k JOIN refused_calls r ON r.number = k.caller \
     WHERE k.state = 'verification' AND k.state NOT IN ('closed', 'archived') AND r.allowed_at IS NULL \
     UNION SELECT r.number FROM cases k, json_each(k.body, '$.joined') j \
     JOIN refused_calls r ON r.number = json_extract(j.value, '$.applicant.number') \
     WHERE k.state = 'verification' AND k.state NOT IN ('closed', 'archived') AND r.allowed_at IS NULL LIMIT $1";
pub(super) const GIVEN_UP: &str = "SELECT g.case_number, g.since FROM cases k \
     JOIN asking_given_up g ON g.case_number = k.number \
     WHERE k.state = 'verification' AND k.state NOT IN ('closed', 'archived') LIMIT $1";
/// The numbers under which the applicants who are asked know their cases.
const ASKED: &str = "SELECT number FROM cases WHERE state = 'verification' AND state NOT IN ('closed', 'archived') \
     UNION SELECT json_extract(j.value, '$.from') FROM cases c, json_each(c.body, '$.joined') j \
     WHERE c.state = 'verification' AND c.state NOT IN ('closed', 'archived')";

/// The messages to them.
pub(super) fn asking_writings() -> String {
    format!(
        "SELECT n.* FROM ({ASKED}) k JOIN notifications n ON n.case_number = k.number \
         AND n.occasion = 'done' ORDER BY n.queued_at, n.id LIMIT $1"
    )
}

/// What they allowed when they filed their cases.
pub(super) fn asking_consents() -> String {
    format!(
        "SELECT f.case_number, f.consent, f.mail FROM ({ASKED}) k \
         JOIN filings f ON f.case_number = k.number LIMIT $1"
    )
}

/// One applicant of a case in verification, and all that was done to ask them.
#[derive(Clone, PartialEq, Debug)]
pub struct Asking {
    pub case: Case,
    /// Who came with this merged case; none is the case's own applicant.
    pub whom: Option<CaseNumber>,
    pub language: Language,
    /// As it was signalled or stated.
    pub number: Option<PhoneNumber>,
    /// When its evidence was accepted.
    pub since: Timestamp,
    /// Calls since then, the oldest first.
    pub calls: Vec<AskingCall>,
    /// The applicant's number wants no such calls.
    pub refuses_calls: bool,
    pub given_up: bool,
    /// Messages about the work as it stands, the earliest first.
    pub writings: Vec<Writing>,
    /// Where mails may go; none without an address or consent.
    pub mail: Option<String>,
    /// May be written to at the number, too.
    pub may_text: bool,
}

impl Asking {
    /// The case this applicant came with: they have its number, and its code opens their page.
    pub fn known_as(&self) -> &CaseNumber {
        self.whom.as_ref().unwrap_or(&self.case.number)
    }
}

/// One call that was to ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AskingCall {
    pub attempt: Attempt,
    /// Whose phone rang: the applicants of one case have numbers of their own.
    pub number: PhoneNumber,
    /// Where in the recording the outcome was said.
    pub media: Option<MediaPosition>,
}

/// Somebody who wants no calls that ask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedCalls {
    pub number: PhoneNumber,
    /// The call in which they said so, the last if there were several.
    pub contact: ContactId,
    pub at: Timestamp,
}

impl Store {
    /// Every applicant of the cases in verification, those of the oldest case first; at most [`MAX_INQUIRIES`] cases.
    pub async fn askings(&self) -> Result<Vec<Asking>, StoreError> {
        let limit = i64::try_from(MAX_INQUIRIES).unwrap_or(i64::MAX);
        let rows = self.reading(sqlx::query(WAITING).bind(limit).fetch_all(&self.readers)).await?;
        let mut askings = Vec::with_capacity(rows.len());
        for row in &rows {
            let case = cases::read(row)?;
            let Some(since) = case.state.evidence_accepted_at() else { continue };
            askings.extend(of_each_applicant(&case, since));
        }
        if askings.is_empty() {
            return Ok(askings);
        }
        let calls = self.asking_calls().await?;
        let refusing = self.refusing_applicants().await?;
        let given_up = self.given_up().await?;
        let mut writings = self.asking_writings().await?;
        let mut consents = self.asking_consents().await?;
        for asking in &mut askings {
            let of_case = calls.get(&asking.case.number).into_iter().flatten();
            let since = asking.since;
            let theirs = of_case
                .filter(|call| call.attempt.at >= since && Some(&call.number) == asking.number.as_ref());
            asking.calls = theirs.cloned().collect();
            let number = asking.number.as_ref();
            asking.refuses_calls = number.is_some_and(|number| refusing.contains(number));
            asking.given_up = given_up.contains(&(asking.case.number.clone(), asking.since));
            let known_as = asking.known_as().clone();
            (asking.may_text, asking.mail) = consents.remove(&known_as).unwrap_or((true, None));
            asking.writings = writings.remove(&(known_as, asking.since)).unwrap_or_default();
        }
        Ok(askings)
    }

    async fn asking_calls(&self) -> Result<BTreeMap<CaseNumber, Vec<AskingCall>>, StoreError> {
        let rows = self.reading(sqlx::query(CALLS).bind(MAX_ASKINGS).fetch_all(&self.readers)).await?;
        let mut calls: BTreeMap<CaseNumber, Vec<AskingCall>> = BTreeMap::new();
        for row in &rows {
            let fields = Fields::of(row, "contact");
            let ended_at = fields.optional_moment("ended_at")?;
            let word: String = fields.plain("asked")?;
            let outcome = match word.as_str() {
                // A call that is over and says nothing was broken off by a crash.
                OPEN => ended_at.map(|_| Outcome::Interrupted),
                _ => Some(fields.word("asked")?),
            };
            let recording: Option<RecordingId> = fields.optional_word("recording")?;
            let offset: Option<i64> = fields.plain("asked_offset_ms")?;
            let offset_ms = offset.and_then(|ms| u64::try_from(ms).ok());
            let media = recording.zip(offset_ms);
            let media = media.map(|(recording, offset_ms)| MediaPosition { recording, offset_ms });
            let (contact, at) = (fields.word("id")?, fields.moment("offered_at")?);
            let attempt = Attempt { contact, at, outcome, ended_at };
            calls.entry(fields.word("case_number")?).or_default().push(AskingCall {
                attempt,
                number: fields.word("caller")?,
                media,
            });
        }
        Ok(calls)
    }

    async fn refusing_applicants(&self) -> Result<BTreeSet<PhoneNumber>, StoreError> {
        let limit = i64::try_from(MAX_INQUIRIES).unwrap_or(i64::MAX);
        let rows = self.reading(sqlx::query(REFUSING).bind(limit).fetch_all(&self.readers)).await?;
        rows.iter().map(|row| Fields::of(row, "number").word("number")).collect()
    }

    async fn given_up(&self) -> Result<BTreeSet<(CaseNumber, Timestamp)>, StoreError> {
        let rows = self.reading(sqlx::query(GIVEN_UP).bind(MAX_ASKINGS).fetch_all(&self.readers)).await?;
        let read = |row| {
            let fields = Fields::of(row, "asking given up");
            Ok((fields.word("case_number")?, fields.moment("since")?))
        };
        rows.iter().map(read).collect()
    }

    async fn asking_writings(&self) -> Result<BTreeMap<(CaseNumber, Timestamp), Vec<Writing>>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(asking_writings())).bind(MAX_ASKINGS);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let mut writings: BTreeMap<_, Vec<Writing>> = BTreeMap::new();
        for row in &rows {
            let fields = Fields::of(row, "notification");
            let key = (fields.word("case_number")?, fields.moment("since")?);
            writings.entry(key).or_default().push(notifications::read_writing(row)?);
        }
        Ok(writings)
    }

    /// Of cases that were filed: whether their applicants may be written to, and their mail addresses.
    async fn asking_consents(&self) -> Result<BTreeMap<CaseNumber, (bool, Option<String>)>, StoreError> {
        let query = sqlx::query(sqlx::AssertSqlSafe(asking_consents())).bind(MAX_ASKINGS);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let read = |row| {
            let fields = Fields::of(row, "filing");
            let (consents, mail) = (fields.flag("consent")?, fields.plain("mail")?);
            Ok((fields.word("case_number")?, (consents, if consents { mail } else { None })))
        };
        rows.iter().map(read).collect()
    }

    /// Control asks no more about this case as it stands.
    ///
    /// # Errors
    /// `NotFound` for an unknown case.
    pub async fn give_up_asking(
        &self,
        case: &CaseNumber,
        since: Timestamp,
        actor: Actor,
        reason: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut entry = Draft::new(EventType::VerifyGivenUp, at, actor);
        (entry.case, entry.reason) = (Some(case.clone()), Some(reason.to_owned()));
        self.writer.make(GivingUp { case: case.clone(), since, entry }).await
    }

    /// Numbers that want no calls that ask, those who said so last first; at most 1,000 of those that contain `part`.
    pub async fn refused_calls(&self, part: &str) -> Result<Vec<RefusedCalls>, StoreError> {
        let sql = "SELECT number, contact, MAX(refused_at) AS at FROM refused_calls WHERE allowed_at IS NULL \
                   AND number LIKE $1 ESCAPE '\\' GROUP BY number ORDER BY at DESC, number LIMIT $2";
        let query = sqlx::query(sql).bind(super::page::containing(part)).bind(MAX_REFUSED);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let read = |row| {
            let fields = Fields::of(row, "refusal");
            let (number, contact) = (fields.word("number")?, fields.word("contact")?);
            Ok(RefusedCalls { number, contact, at: fields.moment("at")? })
        };
        rows.iter().map(read).collect()
    }

    /// Whoever said "no more calls" in the call `contact` may be rung again, and so everybody with their number; the number.
    ///
    /// # Errors
    /// `NotFound` when nobody said so in that call, or it was taken back already.
    pub async fn allow_calls(
        &self,
        contact: ContactId,
        actor: Actor,
        reason: &str,
        at: Timestamp,
    ) -> Result<PhoneNumber, StoreError> {
        let mut entry = Draft::new(EventType::ConsentCallsAllowed, at, actor);
        (entry.contact, entry.reason) = (Some(contact), Some(reason.to_owned()));
        self.writer.make(Allowing { contact, entry }).await
    }
}

/// Said in this call, once; later snapshots of the call say the same.
pub(super) async fn note_refusal(
    connection: &mut SqliteConnection,
    contact: &Contact,
) -> Result<(), StoreError> {
    let sql =
        "INSERT INTO refused_calls (number, contact, refused_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let query = sqlx::query(sql).bind(contact.caller.as_str()).bind(contact.id.to_string());
    query.bind(contact.offered_at.micros()).execute(connection).await?;
    Ok(())
}

fn of_each_applicant(case: &Case, since: Timestamp) -> Vec<Asking> {
    let asking = |whom, language, number| Asking {
        case: case.clone(),
        whom,
        language,
        number,
        since,
        calls: Vec::new(),
        refuses_calls: false,
        given_up: false,
        writings: Vec::new(),
        mail: None,
        may_text: true,
    };
    let joined = case.joined.iter();
    let joined = joined.map(|one| asking(Some(one.from.clone()), one.language, one.applicant.number.clone()));
    std::iter::once(asking(None, case.language, case.applicant.number.clone())).chain(joined).collect()
}

struct GivingUp {
    case: CaseNumber,
    since: Timestamp,
    entry: Draft,
}

impl Change for GivingUp {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let known = sqlx::query("SELECT 1 FROM cases WHERE number = $1").bind(&self.case.0);
        known.fetch_optional(&mut *ledger.connection).await?.ok_or(StoreError::NotFound("case"))?;
        let sql = "INSERT INTO asking_given_up (case_number, since) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let query = sqlx::query(sql).bind(&self.case.0).bind(self.since.micros());
        if query.execute(&mut *ledger.connection).await?.rows_affected() == 0 {
            return Ok(());
        }
        ledger.append_all(vec![self.entry]).await
    }
}

struct Allowing {
    contact: ContactId,
    entry: Draft,
}

impl Change for Allowing {
    type Answer = PhoneNumber;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<PhoneNumber, StoreError> {
        let sql = "UPDATE refused_calls SET allowed_at = $2 WHERE allowed_at IS NULL AND number = \
                   (SELECT number FROM refused_calls WHERE contact = $1 AND allowed_at IS NULL) RETURNING number";
        let query = sqlx::query(sql).bind(self.contact.to_string()).bind(self.entry.at.micros());
        let rows = query.fetch_all(&mut *ledger.connection).await?;
        let row = rows.first().ok_or(StoreError::NotFound("refusal"))?;
        let number = Fields::of(row, "refusal").word("number")?;
        ledger.append_all(vec![self.entry]).await?;
        Ok(number)
    }
}

#[cfg(test)]
mod joined;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::case::CaseState;
    use crate::ids::WorkOrderId;
    use crate::store::Batch;
    use crate::store::fixture::{at, contact, contact_id, fresh, offered, recording_id, registered};
    use crate::verification::Asked;

    async fn verifying(store: &Store, n: u32) -> Case {
        let number = registered(store, n).await.number;
        let actor = Actor::system("test");
        let change = |mut case: Case, _: &[_]| {
            case.state = CaseState::Verification {
                order: WorkOrderId(uuid::Uuid::from_u128(1)),
                executor: "vodokanal".to_owned(),
                reported_at: at(90),
                evidence_accepted_at: at(100),
            };
            Ok((case, Vec::new()))
        };
        store.change_case(&number, &actor, at(100), change).await.unwrap()
    }

    async fn asked(store: &Store, n: u32, case: &Case, seconds: i64, outcome: Option<Outcome>) -> Contact {
        let asked = Some(Asked { outcome, offset_ms: outcome.map(|_| 4_200) });
        let call = Contact {
            case: Some(case.number.clone()),
            caller: case.applicant.number.clone().unwrap(),
            offered_at: at(seconds),
            recording: Some(recording_id(n)),
            asked,
            ..contact(n)
        };
        store.commit(Batch { contacts: vec![call.clone()], ..Batch::default() }).await.unwrap();
        call
    }

    #[tokio::test]
    async fn calls_of_this_asking_are_read_with_what_came_of_them() {
        let (store, _files) = fresh().await;
        assert_eq!(store.askings().await.unwrap(), []);
        let case = verifying(&store, 1).await;
        asked(&store, 11, &case, 50, Some(Outcome::Refuted)).await;
        asked(&store, 12, &case, 101, Some(Outcome::Busy)).await;
        let open = asked(&store, 13, &case, 102, None).await;
        let [asking] = &store.askings().await.unwrap()[..] else { unreachable!("one case waits") };
        assert_eq!((&asking.case, asking.since), (&case, at(100)));
        let calls: Vec<_> =
            asking.calls.iter().map(|call| (call.attempt.contact, call.attempt.outcome)).collect();
        let expected = [(contact_id(12), Some(Outcome::Busy)), (contact_id(13), None)];
        assert_eq!(calls, expected, "not those of an earlier asking");
        let position = MediaPosition { recording: recording_id(12), offset_ms: 4_200 };
        assert_eq!(asking.calls[0].media, Some(position));
        // A crash: the next start ends the call, and it says nothing.
        let ended = Contact { ended_at: Some(at(110)), ..open };
        store.commit(Batch { contacts: vec![ended], ..Batch::default() }).await.unwrap();
        let outcome = store.askings().await.unwrap()[0].calls[1].attempt.outcome;
        assert_eq!(outcome, Some(Outcome::Interrupted));
    }

    #[tokio::test]
    async fn no_more_calls_is_kept_until_it_is_taken_back() {
        let (store, _files) = fresh().await;
        let case = verifying(&store, 1).await;
        let said = asked(&store, 12, &case, 101, Some(Outcome::NoMoreCalls)).await;
        assert!(store.askings().await.unwrap()[0].refuses_calls);
        let refused = store.refused_calls("").await.unwrap();
        assert_eq!(refused, [RefusedCalls { number: said.caller.clone(), contact: said.id, at: at(101) }]);
        let allowed =
            store.allow_calls(said.id, Actor::system("test"), "asked us to", at(120)).await.unwrap();
        assert_eq!(allowed, said.caller);
        let twice = store.allow_calls(said.id, Actor::system("test"), "again", at(121)).await;
        assert!(matches!(twice, Err(StoreError::NotFound("refusal"))));
        // The same call is written once more when its recording is sealed.
        let ended = Contact { ended_at: Some(at(130)), ..said };
        store.commit(Batch { contacts: vec![ended], ..Batch::default() }).await.unwrap();
        assert!(!store.askings().await.unwrap()[0].refuses_calls);
        assert_eq!(store.refused_calls("").await.unwrap(), []);
    }

    #[tokio::test]
    async fn giving_up_holds_for_this_asking_and_is_told_once() {
        let (store, _files) = fresh().await;
        let case = verifying(&store, 1).await;
        store.commit(offered(2)).await.unwrap();
        for _ in 0..2 {
            let gave_up =
                store.give_up_asking(&case.number, at(100), Actor::system("test"), "inspected", at(110));
            gave_up.await.unwrap();
        }
        assert!(store.askings().await.unwrap()[0].given_up);
        let entries = store.entries_after(0, 100).await.unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.event == "verify.given_up").count(), 1);
        let unknown = CaseNumber("2026-01-999999".to_owned());
        let nowhere = store.give_up_asking(&unknown, at(100), Actor::system("test"), "why", at(110)).await;
        assert!(matches!(nowhere, Err(StoreError::NotFound("case"))));
    }
}
