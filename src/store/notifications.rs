//! The outbox: messages to applicants, from the moment they are to be sent to the moment it is known what became of them,
//! each step with its journal entry. A message is claimed before it is sent; one that a crash left claimed is sent again
//! under the same id. Numbers, addresses and texts are in the rows only.

mod listing;

use serde_json::json;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

use crate::case::CaseNumber;
use crate::ids::NotificationId;
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::notification::chain::Writing;
use crate::notification::{Channel, Failure, MAX_PER_RECIPIENT_AND_DAY, Occasion, Progress, segments};
use crate::people::Actor;
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{CodeDigest, Store, StoreError};

pub use listing::{Notification, OutboxCounts};

const DAY_MICROS: i64 = 24 * 3_600_000_000;
/// Messages whose time is over, taken at once.
const MAX_EXPIRED: i64 = 200;
/// Messages of one case that are looked at: all occasions of all cycles.
const MAX_OF_CASE: i64 = 200;
/// Reports name an id of ours or the gateway's; longer texts are neither.
pub const MAX_GATEWAY_ID_CHARS: usize = 200;

/// A message that is to go out.
#[derive(Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub id: NotificationId,
    /// None for a test.
    pub case: Option<CaseNumber>,
    pub cycle: u16,
    pub since: Timestamp,
    pub occasion: Occasion,
    pub channel: Channel,
    /// A number or a mail address.
    pub recipient: String,
    pub language: Language,
    pub subject: String,
    pub text: String,
    /// What is kept of the code in the text.
    pub code: Option<CodeDigest>,
    /// Not sent after.
    pub expires_at: Timestamp,
}

/// A message in the hands of its sender.
#[derive(Clone, PartialEq, Eq)]
pub struct Claimed {
    pub id: NotificationId,
    pub case: Option<CaseNumber>,
    pub channel: Channel,
    pub recipient: String,
    pub subject: String,
    pub text: String,
    /// This one included.
    pub attempts: u32,
}

/// What came of an attempt or a report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// The gateway has it, and a report is waited for until then; with none it is the gateway's last word.
    Sent {
        gateway_id: Option<String>,
        report_by: Option<Timestamp>,
    },
    /// To be tried again, not before.
    Again(Timestamp),
    Delivered,
    Failed(Failure),
}

/// A case that has a number now, whose applicant can be written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCase {
    pub number: CaseNumber,
    pub language: Language,
    pub registered_at: Timestamp,
    pub phone: Option<String>,
    pub mail: Option<String>,
}

// Recipients and codes are not for logs.
impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({} {:?} {:?})", self.id, self.occasion, self.channel)
    }
}

impl std::fmt::Debug for Claimed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claimed({} {:?}, attempt {})", self.id, self.channel, self.attempts)
    }
}

impl Store {
    /// Puts a message into the outbox; false when there is one already about the same by the same way. One more than a
    /// recipient gets in a day has failed at once.
    ///
    /// # Errors
    /// Those of the store only.
    pub async fn queue_notification(
        &self,
        outgoing: Outgoing,
        actor: Actor,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer.make(Queue { outgoing, actor, at }).await
    }

    /// Whether anything waits to be sent by `channel` at `at`.
    pub async fn has_notifications(&self, channel: Channel, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM notifications WHERE channel = $1 AND state IN ('queued', 'sending') \
                   AND not_before <= $2 LIMIT 1";
        let query = sqlx::query(sql).bind(channel.name()).bind(at.micros());
        Ok(self.reading(query.fetch_optional(&self.readers)).await?.is_some())
    }

    /// A question that nobody asks any more, because the case has moved on, is left to expire.
    /// Takes at most `most` messages to be sent by `channel`, the longest waiting first; they count as broken off at
    /// `until` if nobody settles them before. `only_tests` at hours when nobody is to be disturbed.
    pub async fn claim_notifications(
        &self,
        channel: Channel,
        at: Timestamp,
        until: Timestamp,
        most: usize,
        only_tests: bool,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.writer.make(Claim { channel, at, until, most, only_tests }).await
    }

    /// What came of it; false when that was settled already.
    pub async fn settle_notification(
        &self,
        id: NotificationId,
        settlement: Settlement,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writer.make(Settle { id, settlement, at }).await
    }

    /// The message a report is about, by our id or the gateway's.
    pub async fn notification_reported(&self, id: &str) -> Result<Option<NotificationId>, StoreError> {
        if id.is_empty() || id.chars().count() > MAX_GATEWAY_ID_CHARS {
            return Ok(None);
        }
        let sql = "SELECT id FROM notifications WHERE id = $1 OR gateway_id = $1 LIMIT 1";
        let row = self.reading(sqlx::query(sql).bind(id).fetch_optional(&self.readers)).await?;
        row.map(|row| Fields::of(&row, "notification").word("id")).transpose()
    }

    /// Messages whose time is over: those not sent have expired, those sent were never reported on. How many.
    pub async fn expire_notifications(&self, at: Timestamp) -> Result<usize, StoreError> {
        let sql = "SELECT id, state FROM notifications WHERE settled_at IS NULL AND due_at IS NOT NULL AND due_at <= $1 \
                   AND (state <> 'sending' OR not_before <= $1) ORDER BY due_at LIMIT $2";
        let query = sqlx::query(sql).bind(at.micros()).bind(MAX_EXPIRED);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        for row in &rows {
            let fields = Fields::of(row, "notification");
            let progress: Progress = fields.word("state")?;
            let failure = if progress == Progress::Sent { Failure::Unreported } else { Failure::Expired };
            self.settle_notification(fields.word("id")?, Settlement::Failed(failure), at).await?;
        }
        Ok(rows.len())
    }

    /// Cases registered after `after` whose applicants were not written to about it, the earliest first.
    pub async fn unannounced_cases(&self, after: Timestamp, most: u32) -> Result<Vec<NewCase>, StoreError> {
        let sql = "SELECT k.number, k.registered_at, json_extract(k.body, '$.language') AS language, \
                   CASE WHEN f.consent = 0 THEN NULL ELSE k.caller END AS phone, \
                   CASE WHEN f.consent = 1 THEN f.mail END AS mail \
                   FROM cases k LEFT JOIN filings f ON f.case_number = k.number \
                   WHERE k.registered_at > $1 AND (k.caller IS NOT NULL OR f.mail IS NOT NULL) \
                   AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.case_number = k.number \
                                   AND n.occasion = 'registered') \
                   ORDER BY k.registered_at, k.number LIMIT $2";
        let query = sqlx::query(sql).bind(after.micros()).bind(most);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let read = |row| {
            let fields = Fields::of(row, "case");
            Ok(NewCase {
                number: fields.word("number")?,
                language: fields.word("language")?,
                registered_at: fields.moment("registered_at")?,
                phone: fields.plain("phone")?,
                mail: fields.plain("mail")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Codes that came with messages about this case, the latest first, at most `most`.
    pub async fn written_codes(&self, case: &CaseNumber, most: u32) -> Result<Vec<CodeDigest>, StoreError> {
        let sql = "SELECT salt, sha256 FROM notification_codes WHERE case_number = $1 \
                   ORDER BY given_at DESC, notification DESC LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(most);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let read = |row| {
            let fields = Fields::of(row, "code");
            Ok(CodeDigest { salt: fields.plain("salt")?, sha256: fields.word("sha256")? })
        };
        rows.iter().map(read).collect()
    }
}

pub(super) fn read_writing(row: &SqliteRow) -> Result<Writing, StoreError> {
    let fields = Fields::of(row, "notification");
    Ok(Writing {
        id: fields.word("id")?,
        channel: fields.word("channel")?,
        progress: fields.word("state")?,
        failure: fields.optional_word("failure")?,
        queued_at: fields.moment("queued_at")?,
        settled_at: fields.optional_moment("settled_at")?,
    })
}

struct Queue {
    outgoing: Outgoing,
    actor: Actor,
    at: Timestamp,
}

impl Change for Queue {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let Self { outgoing, actor, at } = self;
        let before = count_of_day(ledger.connection, &outgoing.recipient, at).await?;
        let failure = (before >= MAX_PER_RECIPIENT_AND_DAY).then_some(Failure::Limit);
        if !insert(ledger.connection, &outgoing, failure, at).await? {
            return Ok(false);
        }
        let mut data = json!({
            "notification": outgoing.id,
            "channel": outgoing.channel,
            "occasion": outgoing.occasion,
        });
        if outgoing.channel == Channel::Sms {
            data["segments"] = json!(segments::segments(&outgoing.text));
        }
        let about =
            |event, data| Draft { case: outgoing.case.clone(), data, ..Draft::new(event, at, actor.clone()) };
        let mut entries = vec![about(EventType::NotifQueued, data.clone())];
        match (failure, &outgoing.case, &outgoing.code) {
            (Some(failure), ..) => {
                data["failure"] = json!(failure);
                entries.push(about(EventType::NotifFailed, data));
            }
            (None, Some(case), Some(code)) => {
                keep_code(ledger.connection, outgoing.id, case, code, at).await?;
                entries.push(about(EventType::ApplicantCodeGiven, json!({ "notification": outgoing.id })));
            }
            _ => {}
        }
        ledger.append_all(entries).await?;
        Ok(true)
    }
}

async fn count_of_day(
    connection: &mut SqliteConnection,
    recipient: &str,
    at: Timestamp,
) -> Result<i64, StoreError> {
    let sql = "SELECT COUNT(*) AS count FROM notifications WHERE recipient = $1 AND queued_at > $2";
    let row = sqlx::query(sql).bind(recipient).bind(at.micros() - DAY_MICROS).fetch_one(connection).await?;
    Fields::of(&row, "count").plain("count")
}

async fn insert(
    connection: &mut SqliteConnection,
    outgoing: &Outgoing,
    failure: Option<Failure>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO notifications (id, case_number, cycle, since, occasion, channel, recipient, language, \
               subject, text, state, failure, attempts, queued_at, not_before, due_at, settled_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, $13, $14, $15) ON CONFLICT DO NOTHING";
    let is_open = failure.is_none();
    let progress = if is_open { Progress::Queued } else { Progress::Failed };
    let kept = sqlx::query(sql)
        .bind(outgoing.id.to_string())
        .bind(outgoing.case.as_ref().map(|case| &case.0))
        .bind(i64::from(outgoing.cycle))
        .bind(outgoing.since.micros())
        .bind(row::word(&outgoing.occasion)?)
        .bind(outgoing.channel.name())
        .bind(&outgoing.recipient)
        .bind(row::word(&outgoing.language)?)
        .bind(is_open.then_some(&outgoing.subject))
        .bind(is_open.then_some(&outgoing.text))
        .bind(row::word(&progress)?)
        .bind(row::optional_word(failure.as_ref())?)
        .bind(at.micros())
        .bind(is_open.then_some(outgoing.expires_at.micros()))
        .bind((!is_open).then_some(at.micros()))
        .execute(connection)
        .await?;
    Ok(kept.rows_affected() > 0)
}

async fn keep_code(
    connection: &mut SqliteConnection,
    id: NotificationId,
    case: &CaseNumber,
    code: &CodeDigest,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO notification_codes (notification, case_number, salt, sha256, given_at) \
               VALUES ($1, $2, $3, $4, $5)";
    let query = sqlx::query(sql).bind(id.to_string()).bind(&case.0).bind(&code.salt);
    query.bind(code.sha256.to_string()).bind(at.micros()).execute(connection).await?;
    Ok(())
}

/// Codes that came with messages open nothing any more: the applicant has a new one.
pub(super) async fn forget_codes(
    connection: &mut SqliteConnection,
    case: &CaseNumber,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM notification_codes WHERE case_number = $1")
        .bind(&case.0)
        .execute(connection)
        .await?;
    Ok(())
}

struct Claim {
    channel: Channel,
    at: Timestamp,
    until: Timestamp,
    most: usize,
    only_tests: bool,
}

impl Change for Claim {
    type Answer = Vec<Claimed>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Vec<Claimed>, StoreError> {
        let sql = "UPDATE notifications SET state = 'sending', attempts = attempts + 1, not_before = $3 WHERE id IN \
                   (SELECT id FROM notifications WHERE channel = $1 AND state IN ('queued', 'sending') \
                    AND not_before <= $2 AND (due_at IS NULL OR due_at > $2) AND (occasion = 'test' OR NOT $4) \
                    AND (occasion <> 'done' OR EXISTS (SELECT 1 FROM cases k WHERE k.state = 'verification' \
                         AND k.number IN (case_number, (SELECT r.other FROM case_relations r \
                              WHERE r.case_number = notifications.case_number AND r.kind = 'duplicate_of')) \
                         AND json_extract(k.body, '$.state.evidence_accepted_at') = since)) \
                    ORDER BY not_before, id LIMIT $5) RETURNING *";
        let rows = sqlx::query(sql)
            .bind(self.channel.name())
            .bind(self.at.micros())
            .bind(self.until.micros())
            .bind(i64::from(self.only_tests))
            .bind(i64::try_from(self.most).unwrap_or(i64::MAX))
            .fetch_all(&mut *ledger.connection)
            .await?;
        let claimed = |row| {
            let fields = Fields::of(row, "notification");
            Ok(Claimed {
                id: fields.word("id")?,
                case: fields.plain::<Option<String>>("case_number")?.map(CaseNumber),
                channel: fields.word("channel")?,
                recipient: fields.plain("recipient")?,
                subject: fields.plain::<Option<String>>("subject")?.unwrap_or_default(),
                text: fields.plain::<Option<String>>("text")?.unwrap_or_default(),
                attempts: fields.count("attempts")?,
            })
        };
        rows.iter().map(claimed).collect()
    }
}

struct Settle {
    id: NotificationId,
    settlement: Settlement,
    at: Timestamp,
}

impl Settle {
    /// The new state, why it failed, and whether that is the end of it.
    fn outcome(&self) -> (Progress, Option<Failure>, bool) {
        match &self.settlement {
            Settlement::Again(_) => (Progress::Queued, None, false),
            Settlement::Sent { report_by, .. } => (Progress::Sent, None, report_by.is_none()),
            Settlement::Delivered => (Progress::Delivered, None, true),
            Settlement::Failed(failure) => (Progress::Failed, Some(*failure), true),
        }
    }
}

impl Change for Settle {
    type Answer = bool;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<bool, StoreError> {
        let (progress, failure, is_final) = self.outcome();
        let (gateway_id, report_by) = match &self.settlement {
            Settlement::Sent { gateway_id, report_by } => (gateway_id.clone(), *report_by),
            _ => (None, None),
        };
        let again = match self.settlement {
            Settlement::Again(not_before) => Some(not_before.micros()),
            _ => None,
        };
        let is_out = again.is_none();
        // A report may be faster than the answer that the message was taken: what is settled stays.
        let sql = "UPDATE notifications SET state = $2, failure = $3, \
                   settled_at = CASE WHEN $4 THEN $5 END, \
                   sent_at = CASE WHEN $2 = 'sent' THEN $5 ELSE sent_at END, \
                   due_at = CASE WHEN $6 IS NOT NULL THEN due_at ELSE $7 END, \
                   not_before = COALESCE($6, not_before), gateway_id = COALESCE($8, gateway_id), \
                   subject = CASE WHEN $9 THEN NULL ELSE subject END, text = CASE WHEN $9 THEN NULL ELSE text END \
                   WHERE id = $1 AND settled_at IS NULL RETURNING case_number, occasion, channel, attempts";
        let row = sqlx::query(sql)
            .bind(self.id.to_string())
            .bind(row::word(&progress)?)
            .bind(row::optional_word(failure.as_ref())?)
            .bind(i64::from(is_final))
            .bind(self.at.micros())
            .bind(again)
            .bind(row::micros(report_by))
            .bind(gateway_id)
            .bind(i64::from(is_out))
            .fetch_optional(&mut *ledger.connection)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let event = match progress {
            Progress::Sent => EventType::NotifSent,
            Progress::Delivered => EventType::NotifDelivered,
            Progress::Failed => EventType::NotifFailed,
            // Another attempt is no news: how many there were is told with the end.
            Progress::Queued | Progress::Sending => return Ok(true),
        };
        let fields = Fields::of(&row, "notification");
        let mut data = json!({
            "notification": self.id,
            "channel": fields.word::<Channel>("channel")?,
            "occasion": fields.word::<Occasion>("occasion")?,
            "attempts": fields.count::<u32>("attempts")?,
        });
        if let Some(failure) = failure {
            data["failure"] = json!(failure);
        }
        let case = fields.plain::<Option<String>>("case_number")?.map(CaseNumber);
        let entry = Draft { case, data, ..Draft::new(event, self.at, Actor::system("notify")) };
        ledger.append_all(vec![entry]).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
