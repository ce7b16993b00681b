//! Codes that applicants ask for because they have lost theirs: sent to the number the case knows, so often and no oftener,
//! or not, with the reason in the journal. Whom it goes to is decided before; here it is counted and queued in one
//! transaction, so that two who ask at the same time count as two.

use serde::Serialize;
use serde_json::json;
use sqlx::SqliteConnection;

use crate::case::CaseNumber;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::time::Timestamp;

use super::notifications::Queue;
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Outgoing, Store, StoreError};

/// Codes asked for about one case in an hour: the first may be late, the second lost.
pub const MAX_CODES_PER_CASE_AND_HOUR: i64 = 3;
/// Codes to one number in an hour, whatever the cases: whoever asks for others cannot make it rain on them.
pub const MAX_CODES_PER_NUMBER_AND_HOUR: i64 = 5;
const HOUR_MICROS: i64 = 3_600_000_000;

/// Why no code is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeRefusal {
    /// The number that was given is not the case's.
    OtherNumber,
    /// The case has none, or it is one that the city does not write to.
    NotWritable,
    /// Enough for an hour.
    Limit,
}

impl Store {
    /// Sends a code that was asked for, or says in the journal why not; what came of it.
    ///
    /// # Errors
    /// Those of the store only.
    pub async fn answer_code_request(
        &self,
        case: &CaseNumber,
        answer: Result<Outgoing, CodeRefusal>,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Result<(), CodeRefusal>, StoreError> {
        self.writer.make(CodeRequest { case: case.clone(), answer, actor, at }).await
    }
}

struct CodeRequest {
    case: CaseNumber,
    answer: Result<Outgoing, CodeRefusal>,
    actor: Actor,
    at: Timestamp,
}

impl Change for CodeRequest {
    type Answer = Result<(), CodeRefusal>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Self::Answer, StoreError> {
        let Self { case, answer, actor, at } = self;
        let refusal = match answer {
            Ok(outgoing) if is_within(ledger.connection, &case, &outgoing.recipient, at).await? => {
                // A second one in the same microsecond is the same.
                Queue { outgoing, actor, at }.apply(ledger).await?;
                return Ok(Ok(()));
            }
            Ok(_) => CodeRefusal::Limit,
            Err(refusal) => refusal,
        };
        let data = json!({ "refusal": refusal });
        let entry =
            Draft { case: Some(case), data, ..Draft::new(EventType::ApplicantCodeRefused, at, actor) };
        ledger.append_all(vec![entry]).await?;
        Ok(Err(refusal))
    }
}

async fn is_within(
    connection: &mut SqliteConnection,
    case: &CaseNumber,
    recipient: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "SELECT (SELECT COUNT(*) FROM notifications WHERE case_number = $1 AND occasion = 'code' \
               AND queued_at > $3) AS of_case, (SELECT COUNT(*) FROM notifications WHERE recipient = $2 \
               AND occasion = 'code' AND queued_at > $3) AS of_number";
    let query = sqlx::query(sql).bind(&case.0).bind(recipient).bind(at.micros() - HOUR_MICROS);
    let row = query.fetch_one(connection).await?;
    let fields = Fields::of(&row, "codes asked for");
    let (of_case, of_number): (i64, i64) = (fields.plain("of_case")?, fields.plain("of_number")?);
    Ok(of_case < MAX_CODES_PER_CASE_AND_HOUR && of_number < MAX_CODES_PER_NUMBER_AND_HOUR)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::digest::Sha256;
    use crate::ids::NotificationId;
    use crate::language::Language;
    use crate::notification::{Channel, Occasion};
    use crate::store::CodeDigest;
    use crate::store::fixture::{at, fresh, registered};
    use uuid::Uuid;

    const CODE: &str = "K7QM-3XPA";

    fn outgoing(case: &CaseNumber, n: i64) -> Outgoing {
        Outgoing {
            id: NotificationId(Uuid::from_u128(u128::try_from(n).unwrap())),
            case: Some(case.clone()),
            cycle: 1,
            since: at(n),
            occasion: Occasion::Code,
            channel: Channel::Sms,
            recipient: "+380501112233".to_owned(),
            language: Language::Uk,
            subject: String::new(),
            text: format!("code {CODE}"),
            code: Some(CodeDigest { salt: "00".to_owned(), sha256: Sha256::of(&n.to_be_bytes()) }),
            expires_at: at(n + 3_600),
        }
    }

    async fn ask(store: &Store, case: &CaseNumber, n: i64) -> Result<(), CodeRefusal> {
        let applicant = Actor::system("test");
        store.answer_code_request(case, Ok(outgoing(case, n)), applicant, at(n)).await.unwrap()
    }

    #[tokio::test]
    async fn so_many_codes_in_an_hour_of_a_case_and_to_a_number() {
        let (store, _files) = fresh().await;
        let first = registered(&store, 1).await.number;
        for n in 100..100 + MAX_CODES_PER_CASE_AND_HOUR {
            assert_eq!(ask(&store, &first, n).await, Ok(()), "{n}");
        }
        assert_eq!(ask(&store, &first, 110).await, Err(CodeRefusal::Limit));
        let second = registered(&store, 2).await.number;
        for n in 120..120 + MAX_CODES_PER_NUMBER_AND_HOUR - MAX_CODES_PER_CASE_AND_HOUR {
            assert_eq!(ask(&store, &second, n).await, Ok(()), "{n}");
        }
        assert_eq!(ask(&store, &second, 130).await, Err(CodeRefusal::Limit), "the number has had enough");
        // An hour to the second after the first of all there is room for one.
        assert_eq!(ask(&store, &first, 3_699).await, Err(CodeRefusal::Limit));
        assert_eq!(ask(&store, &first, 3_700).await, Ok(()));
        assert_eq!(ask(&store, &first, 3_700).await, Err(CodeRefusal::Limit));
        assert_eq!(store.written_codes(&first, 10).await.unwrap().len(), 4);
    }

    #[tokio::test]
    async fn every_answer_is_journalled_and_none_says_the_code_or_the_number() {
        let (store, _files) = fresh().await;
        let case = registered(&store, 1).await.number;
        ask(&store, &case, 100).await.unwrap();
        let wrong = Err(CodeRefusal::OtherNumber);
        let answered = store.answer_code_request(&case, wrong, Actor::system("test"), at(101)).await.unwrap();
        assert_eq!(answered, Err(CodeRefusal::OtherNumber));
        let entries = store.entries_after(0, 100).await.unwrap();
        let told: Vec<_> = entries.iter().filter(|entry| entry.case.as_ref() == Some(&case)).collect();
        let names: Vec<_> = told.iter().map(|entry| entry.event.as_str()).skip(1).collect();
        assert_eq!(names, ["notif.queued", "applicant.code_given", "applicant.code_refused"]);
        assert_eq!(told[3].data, json!({ "refusal": "other_number" }));
        let said = told[1..].iter().map(|entry| entry.data.to_string()).collect::<String>();
        assert!(!said.contains(CODE) && !said.contains("380501112233"), "{said}");
        // A code that was asked for goes out by night as well.
        let claimed = store.claim_notifications(Channel::Sms, at(102), at(120), 10, true).await.unwrap();
        assert_eq!(claimed.len(), 1);
        assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
    }
}
