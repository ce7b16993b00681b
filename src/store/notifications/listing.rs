//! Messages as the desks see them: how far each is, to whom (masked), and how the ways out do. Never a text; the outbox
//! itself is `notifications.rs`.

use sqlx::sqlite::SqliteRow;

use super::{DAY_MICROS, MAX_OF_CASE, read_writing};
use crate::case::CaseNumber;
use crate::notification::chain::Writing;
use crate::notification::{Channel, Occasion};
use crate::store::row::Fields;
use crate::store::{Store, StoreError};
use crate::time::Timestamp;

/// A message as the desks see it: no text, and no recipient but masked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notification {
    pub writing: Writing,
    pub case: Option<CaseNumber>,
    pub occasion: Occasion,
    pub since: Timestamp,
    pub attempts: u32,
    pub masked: String,
}

/// How one way does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutboxCounts {
    pub waiting: u64,
    /// Taken by the gateway, which has not reported yet.
    pub unreported: u64,
    /// In the last 24 hours.
    pub reached: u64,
    pub failed: u64,
}

impl Store {
    /// Of one case, the earliest first.
    pub async fn notifications_of(&self, case: &CaseNumber) -> Result<Vec<Notification>, StoreError> {
        let sql = "SELECT * FROM notifications WHERE case_number = $1 ORDER BY queued_at, id LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(MAX_OF_CASE);
        self.reading(query.fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    /// The latest of all, the last first.
    pub async fn latest_notifications(&self, most: u32) -> Result<Vec<Notification>, StoreError> {
        let sql = "SELECT * FROM notifications ORDER BY queued_at DESC, id DESC LIMIT $1";
        self.reading(sqlx::query(sql).bind(most).fetch_all(&self.readers)).await?.iter().map(read).collect()
    }

    pub async fn outbox_counts(&self, channel: Channel, at: Timestamp) -> Result<OutboxCounts, StoreError> {
        let sql = "SELECT \
             (SELECT COUNT(*) FROM notifications WHERE channel = $1 AND state IN ('queued', 'sending')) AS waiting, \
             COALESCE(SUM(settled_at IS NULL AND state = 'sent'), 0) AS unreported, \
             COALESCE(SUM(settled_at IS NOT NULL AND state <> 'failed'), 0) AS reached, \
             COALESCE(SUM(state = 'failed'), 0) AS failed \
             FROM notifications WHERE channel = $1 AND queued_at > $2";
        let query = sqlx::query(sql).bind(channel.name()).bind(at.micros() - DAY_MICROS);
        let row = self.reading(query.fetch_one(&self.readers)).await?;
        let fields = Fields::of(&row, "outbox");
        Ok(OutboxCounts {
            waiting: fields.count("waiting")?,
            unreported: fields.count("unreported")?,
            reached: fields.count("reached")?,
            failed: fields.count("failed")?,
        })
    }
}

fn read(row: &SqliteRow) -> Result<Notification, StoreError> {
    let fields = Fields::of(row, "notification");
    let writing = read_writing(row)?;
    let recipient: String = fields.plain("recipient")?;
    let case: Option<String> = fields.plain("case_number")?;
    Ok(Notification {
        masked: masked(writing.channel, &recipient),
        writing,
        case: case.map(CaseNumber),
        occasion: fields.word("occasion")?,
        since: fields.moment("since")?,
        attempts: fields.count("attempts")?,
    })
}

/// Enough to recognise whom one knows.
fn masked(channel: Channel, recipient: &str) -> String {
    match channel {
        Channel::Sms => crate::phone_number::PhoneNumber::from_user_part(recipient).masked(),
        Channel::Mail => {
            let (name, host) = recipient.rsplit_once('@').unwrap_or((recipient, ""));
            format!("{}***@{host}", name.chars().next().unwrap_or('*'))
        }
    }
}
