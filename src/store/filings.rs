//! Requests that come in writing: the case and what came with it in one transaction, the code that opens its page, and what
//! applicants add and say afterwards; their pictures are in `attachments`. The journal tells that it came, never what it says.

use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::case::transition::InvalidTransition;
use crate::case::{Case, CaseDraft, CaseNumber};
use crate::digest::Sha256;
use crate::ids::NoteId;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::time::Timestamp;

use super::register::Registration;
use super::row::{self, Fields};
use super::writer::{Change, Ledger, Receipt};
use super::{Store, StoreError, cases, notifications};

/// Notes on one case; somebody with more to say should be called.
const MAX_NOTES: i64 = 100;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Filing {
    pub draft: CaseDraft,
    pub at: Timestamp,
    pub actor: Actor,
    /// `page`, or the name of the key.
    pub source: String,
    pub mail: Option<String>,
    pub media_url: Option<String>,
    /// Code and value of the category's attributes.
    pub answers: Vec<(String, String)>,
    pub consent: bool,
    /// None where nobody is told a code.
    pub code: Option<CodeDigest>,
}

/// What of a request stands beside its case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filed {
    pub source: String,
    pub mail: Option<String>,
    pub media_url: Option<String>,
    pub answers: Vec<(String, String)>,
    pub consent: bool,
}

/// A code as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodeDigest {
    /// Hexadecimal.
    pub salt: String,
    /// Of salt and code.
    pub sha256: Sha256,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub id: NoteId,
    pub source: String,
    pub text: String,
    pub at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Feedback {
    pub cycle: u16,
    /// 1 to 5.
    pub score: u8,
    pub text: String,
    pub at: Timestamp,
}

impl Store {
    /// The case with its number, durable with all that came with it.
    pub async fn file_case(&self, filing: Filing) -> Result<Case, StoreError> {
        self.writer.make(filing).await
    }

    /// The same in two steps, for a client that does not wait.
    pub async fn enqueue_filing(&self, filing: Filing) -> Result<Receipt<Case>, StoreError> {
        self.writer.enqueue(filing).await
    }

    /// What came in writing with the case; none when it did not come so.
    pub async fn filed(&self, case: &CaseNumber) -> Result<Option<Filed>, StoreError> {
        let query = sqlx::query("SELECT * FROM filings WHERE case_number = $1").bind(&case.0);
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        let fields = Fields::of(&row, "filing");
        Ok(Some(Filed {
            source: fields.plain("source")?,
            mail: fields.plain("mail")?,
            media_url: fields.plain("media_url")?,
            answers: fields.json("answers")?,
            consent: fields.flag("consent")?,
        }))
    }

    /// A new code in the place of the one before.
    pub async fn give_code(
        &self,
        case: &CaseNumber,
        code: CodeDigest,
        actor: Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.make(GiveCode { case: case.clone(), code, actor, at }).await
    }

    pub async fn code_of(&self, case: &CaseNumber) -> Result<Option<CodeDigest>, StoreError> {
        let query = sqlx::query("SELECT salt, sha256 FROM case_codes WHERE case_number = $1").bind(&case.0);
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        let fields = Fields::of(&row, "code");
        Ok(Some(CodeDigest { salt: fields.plain("salt")?, sha256: fields.word("sha256")? }))
    }

    /// # Errors
    /// `NotFound` for an unknown case, `Transition` when it has as many as it may have.
    pub async fn add_note(&self, case: &CaseNumber, note: Note, actor: Actor) -> Result<(), StoreError> {
        self.writer.make(AddNote { case: case.clone(), note, actor }).await
    }

    /// The earliest first.
    pub async fn notes_of(&self, case: &CaseNumber) -> Result<Vec<Note>, StoreError> {
        let sql = "SELECT * FROM notes WHERE case_number = $1 ORDER BY at, id LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(MAX_NOTES);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read_note).collect()
    }

    /// # Errors
    /// `Exists` when this closing was rated already, `Transition` while the case is not closed.
    pub async fn rate(
        &self,
        case: &CaseNumber,
        score: u8,
        text: String,
        actor: Actor,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.make(Rate { case: case.clone(), score, text, actor, at }).await
    }

    /// By cycle.
    pub async fn feedback_of(&self, case: &CaseNumber) -> Result<Vec<Feedback>, StoreError> {
        let sql = "SELECT * FROM feedback WHERE case_number = $1 ORDER BY cycle LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(super::MAX_UNPAGED);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read_feedback).collect()
    }
}

impl Change for Filing {
    type Answer = Case;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Case, StoreError> {
        let Self { draft, at, actor, source, mail, media_url, answers, consent, code } = self;
        let registration = Registration { draft, at, actor: actor.clone(), media: None, relation: None };
        let case = registration.apply(ledger).await?;
        let sql = "INSERT INTO filings (case_number, source, filed_at, mail, media_url, answers, consent) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(sql)
            .bind(&case.number.0)
            .bind(&source)
            .bind(at.micros())
            .bind(&mail)
            .bind(&media_url)
            .bind(row::json(&answers)?)
            .bind(i64::from(consent))
            .execute(&mut *ledger.connection)
            .await?;
        let codes: Vec<&String> = answers.iter().map(|(code, _)| code).collect();
        let data = json!({ "source": source, "answers": codes, "mail": mail.is_some(), "consent": consent });
        let mut entries = vec![about(&case.number, EventType::ApplicantFiled, &actor, at, data)];
        if let Some(code) = code {
            keep_code(ledger.connection, &case.number, &code, at).await?;
            entries.push(about(&case.number, EventType::ApplicantCodeGiven, &actor, at, json!({})));
        }
        ledger.append_all(entries).await?;
        Ok(case)
    }
}

struct GiveCode {
    case: CaseNumber,
    code: CodeDigest,
    actor: Actor,
    at: Timestamp,
}

impl Change for GiveCode {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        standing(ledger.connection, &self.case).await?;
        keep_code(ledger.connection, &self.case, &self.code, self.at).await?;
        notifications::forget_codes(ledger.connection, &self.case).await?;
        let given = about(&self.case, EventType::ApplicantCodeGiven, &self.actor, self.at, json!({}));
        ledger.append_all(vec![given]).await
    }
}

async fn keep_code(
    connection: &mut SqliteConnection,
    case: &CaseNumber,
    code: &CodeDigest,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO case_codes (case_number, salt, sha256, given_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (case_number) DO UPDATE SET salt = $2, sha256 = $3, given_at = $4";
    let query = sqlx::query(sql).bind(&case.0).bind(&code.salt).bind(code.sha256.to_string());
    query.bind(at.micros()).execute(connection).await?;
    Ok(())
}

struct AddNote {
    case: CaseNumber,
    note: Note,
    actor: Actor,
}

impl Change for AddNote {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { case, note, actor } = self;
        standing(ledger.connection, &case).await?;
        let count = "SELECT COUNT(*) AS count FROM notes WHERE case_number = $1";
        if count_of(ledger.connection, count, &case).await? >= MAX_NOTES {
            return Err(InvalidTransition::Invariant("a hundred notes are enough for one request").into());
        }
        sqlx::query("INSERT INTO notes (id, case_number, source, text, at) VALUES ($1, $2, $3, $4, $5)")
            .bind(note.id.to_string())
            .bind(&case.0)
            .bind(&note.source)
            .bind(&note.text)
            .bind(note.at.micros())
            .execute(&mut *ledger.connection)
            .await?;
        let data = json!({ "note": note.id, "source": note.source });
        ledger.append_all(vec![about(&case, EventType::ApplicantNoted, &actor, note.at, data)]).await
    }
}

struct Rate {
    case: CaseNumber,
    score: u8,
    text: String,
    actor: Actor,
    at: Timestamp,
}

impl Change for Rate {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let case = standing(ledger.connection, &self.case).await?;
        if !case.state.has_result() {
            let (state, in_words) = (case.state.name(), case.state.in_words());
            return Err(InvalidTransition::WrongState { state, in_words, wanted: "rated" }.into());
        }
        let sql = "INSERT INTO feedback (case_number, cycle, score, text, at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT DO NOTHING";
        let kept = sqlx::query(sql)
            .bind(&self.case.0)
            .bind(i64::from(case.cycle))
            .bind(i64::from(self.score))
            .bind(&self.text)
            .bind(self.at.micros())
            .execute(&mut *ledger.connection)
            .await?;
        if kept.rows_affected() == 0 {
            return Err(StoreError::Exists("a rating of this result".to_owned()));
        }
        let data = json!({ "cycle": case.cycle, "score": self.score, "words": !self.text.is_empty() });
        let rated = about(&self.case, EventType::ApplicantRated, &self.actor, self.at, data);
        ledger.append_all(vec![rated]).await
    }
}

/// The case as it is in this very transaction.
pub(super) async fn standing(
    connection: &mut SqliteConnection,
    case: &CaseNumber,
) -> Result<Case, StoreError> {
    let query = sqlx::query("SELECT * FROM cases WHERE number = $1").bind(&case.0);
    let case = cases::read(&query.fetch_optional(connection).await?.ok_or(StoreError::NotFound("case"))?)?;
    case.check_words()?;
    Ok(case)
}

pub(super) async fn count_of(
    connection: &mut SqliteConnection,
    sql: &'static str,
    case: &CaseNumber,
) -> Result<i64, StoreError> {
    let row = sqlx::query(sql).bind(&case.0).fetch_one(connection).await?;
    Fields::of(&row, "count").plain("count")
}

pub(super) fn about(
    case: &CaseNumber,
    event: EventType,
    actor: &Actor,
    at: Timestamp,
    data: serde_json::Value,
) -> Draft {
    Draft { case: Some(case.clone()), data, ..Draft::new(event, at, actor.clone()) }
}

fn read_note(row: &SqliteRow) -> Result<Note, StoreError> {
    let fields = Fields::of(row, "note");
    Ok(Note {
        id: fields.word("id")?,
        source: fields.plain("source")?,
        text: fields.plain("text")?,
        at: fields.moment("at")?,
    })
}

fn read_feedback(row: &SqliteRow) -> Result<Feedback, StoreError> {
    let fields = Fields::of(row, "feedback");
    Ok(Feedback {
        cycle: fields.count("cycle")?,
        score: fields.count("score")?,
        text: fields.plain("text")?,
        at: fields.moment("at")?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::case::{CaseState, ClosingCode};
    use crate::ids::AttachmentId;
    use crate::store::Attachment;
    use crate::store::fixture::{at, case_draft, fresh};
    use uuid::Uuid;

    fn filing() -> Filing {
        Filing {
            draft: CaseDraft { contact: None, ..case_draft(1) },
            at: at(5),
            actor: Actor::system("test"),
            source: "page".to_owned(),
            mail: Some("olena@city.example".to_owned()),
            media_url: None,
            answers: vec![("lamps".to_owned(), "3".to_owned())],
            consent: true,
            code: Some(CodeDigest { salt: "00".to_owned(), sha256: Sha256::of(b"code") }),
        }
    }

    fn note(n: u128) -> Note {
        let text = "ще й вода тече".to_owned();
        Note { id: NoteId(Uuid::from_u128(n)), source: "page".to_owned(), text, at: at(6) }
    }

    #[tokio::test]
    async fn a_request_is_kept_with_its_code_and_the_journal_has_no_word_of_it() {
        let (store, _files) = fresh().await;
        let case = store.file_case(filing()).await.unwrap();
        assert_eq!(store.code_of(&case.number).await.unwrap(), filing().code);
        let other = CodeDigest { salt: "11".to_owned(), sha256: Sha256::of(b"other") };
        store.give_code(&case.number, other.clone(), Actor::system("test"), at(6)).await.unwrap();
        assert_eq!(store.code_of(&case.number).await.unwrap(), Some(other));
        store.add_note(&case.number, note(1), Actor::system("test")).await.unwrap();
        assert_eq!(store.notes_of(&case.number).await.unwrap(), [note(1)]);
        let entries = store.case_timeline(&case.number).await.unwrap();
        let events: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
        let expected = [
            "case.registered",
            "applicant.filed",
            "applicant.code_given",
            "applicant.code_given",
            "applicant.noted",
        ];
        assert_eq!(events, expected);
        let journalled: String =
            entries.iter().map(|entry| format!("{} {:?}", entry.data, entry.reason)).collect();
        for secret in ["olena", "вода", "380", "no water"] {
            assert!(!journalled.contains(secret), "{secret} in {journalled}");
        }
    }

    #[tokio::test]
    async fn notes_and_pictures_have_a_bound() {
        let (store, _files) = fresh().await;
        let case = store.file_case(filing()).await.unwrap();
        for n in 0..MAX_NOTES {
            store.add_note(&case.number, note(n as u128), Actor::system("test")).await.unwrap();
        }
        let refused = store.add_note(&case.number, note(999), Actor::system("test")).await;
        assert!(matches!(refused, Err(StoreError::Transition(_))), "{refused:?}");
        let attach = async |n: u128| {
            let attachment = Attachment {
                id: AttachmentId(Uuid::from_u128(n)),
                case: case.number.clone(),
                content_type: "image/png".to_owned(),
                length: 3,
                sha256: Sha256::of(b"png"),
                shown_sha256: Sha256::of(b"jpeg"),
                received_at: at(7),
            };
            store.attach(attachment, b"png".to_vec(), b"jpeg".to_vec(), Actor::system("test")).await
        };
        for n in 0..10 {
            attach(n).await.unwrap();
        }
        assert!(matches!(attach(10).await, Err(StoreError::Transition(_))));
        let kept = store.attachments_of(&case.number).await.unwrap();
        assert_eq!(kept.len(), 10);
        assert_eq!(store.shown_attachment(kept[0].id).await.unwrap().unwrap().1, b"jpeg");
    }

    #[tokio::test]
    async fn a_result_is_rated_once_and_only_when_there_is_one() {
        let (store, _files) = fresh().await;
        let number = store.file_case(filing()).await.unwrap().number;
        let rate =
            async |score| store.rate(&number, score, "дякую".to_owned(), Actor::system("test"), at(9)).await;
        assert!(matches!(rate(5).await, Err(StoreError::Transition(_))));
        let actor = Actor::system("test");
        let close = store.change_case(&number, &actor, at(8), |mut case, _| {
            case.state = CaseState::Closed { code: ClosingCode::FixedConfirmed, closed_at: at(8) };
            Ok((case, Vec::new()))
        });
        close.await.unwrap();
        rate(2).await.unwrap();
        assert!(matches!(rate(5).await, Err(StoreError::Exists(_))));
        let kept = store.feedback_of(&number).await.unwrap();
        assert_eq!(kept, [Feedback { cycle: 1, score: 2, text: "дякую".to_owned(), at: at(9) }]);
        let rated = store.case_timeline(&number).await.unwrap().pop().unwrap();
        assert_eq!(rated.data, json!({ "cycle": 1, "score": 2, "words": true }));
    }
}
