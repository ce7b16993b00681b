//! Cases that are handed over: rows and entries in one transaction. What may follow what is `bundle/disclosure.rs`; the walk of
//! the auditor over them is `verify_disclosures.rs`.

use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;

use crate::bundle::disclosure::{Disclosure, Package, Terms};
use crate::case::CaseNumber;
use crate::ids::DisclosureId;
use crate::journal::{Draft, EventType};
use crate::people::Actor;
use crate::time::Timestamp;

use super::row::{self, Fields};
use super::writer::{Change, Ledger};
use super::{Store, StoreError};

/// Listed at most, the newest; a city hands over some a week.
const MAX_LISTED: u32 = 500;

/// What happens to one.
#[derive(Clone, Debug)]
pub enum DisclosureStep {
    Approve,
    Refuse {
        reason: String,
    },
    Make(Package),
    /// It could not be made, and why in a word of ours.
    Fail {
        cause: &'static str,
    },
    Fetch,
}

impl Store {
    /// All that were ever asked for of a case, for whoever destroys their packages.
    pub async fn disclosures_of(&self, case: &CaseNumber) -> Result<Vec<DisclosureId>, StoreError> {
        let sql = "SELECT id FROM disclosures WHERE case_number = $1 ORDER BY id";
        let rows = self.reading(sqlx::query(sql).bind(&case.0).fetch_all(&self.readers)).await?;
        rows.iter().map(|row| Fields::of(row, "disclosure").word("id")).collect()
    }

    /// Keeps the wish to hand a case over.
    pub async fn ask_disclosure(&self, disclosure: Disclosure, actor: Actor) -> Result<(), StoreError> {
        self.writer.make(Ask { disclosure, actor }).await
    }

    /// # Errors
    /// `NotFound`, and `Transition` when it may not be.
    pub async fn step_disclosure(
        &self,
        id: DisclosureId,
        step: DisclosureStep,
        actor: Actor,
        at: Timestamp,
    ) -> Result<Disclosure, StoreError> {
        self.writer.make(Step { id, step, actor, at }).await
    }

    pub async fn disclosure(&self, id: DisclosureId) -> Result<Option<Disclosure>, StoreError> {
        let query = sqlx::query("SELECT * FROM disclosures WHERE id = $1").bind(id.to_string());
        self.reading(query.fetch_optional(&self.readers)).await?.as_ref().map(read).transpose()
    }

    /// The newest first, at most 500.
    pub async fn disclosures(&self) -> Result<Vec<Disclosure>, StoreError> {
        let sql = "SELECT * FROM disclosures ORDER BY asked_at DESC, id LIMIT $1";
        self.reading(sqlx::query(sql).bind(MAX_LISTED).fetch_all(&self.readers))
            .await?
            .iter()
            .map(read)
            .collect()
    }
}

struct Ask {
    disclosure: Disclosure,
    actor: Actor,
}

impl Change for Ask {
    type Answer = ();

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<(), StoreError> {
        let Self { disclosure, actor } = self;
        let sql = "INSERT INTO disclosures (id, case_number, state, purpose, recipient, basis, asked_at, asked_by) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        sqlx::query(sql)
            .bind(disclosure.id.to_string())
            .bind(&disclosure.case.0)
            .bind(row::word(&disclosure.state)?)
            .bind(&disclosure.terms.purpose)
            .bind(&disclosure.terms.recipient)
            .bind(&disclosure.terms.basis)
            .bind(disclosure.asked_at.micros())
            .bind(&disclosure.asked_by)
            .execute(&mut *ledger.connection)
            .await?;
        let data = json!({ "disclosure": disclosure.id, "terms_sha256": disclosure.terms.digest() });
        let at = disclosure.asked_at;
        ledger.append_all(vec![about(&disclosure, EventType::DisclosureRequested, actor, at, data)]).await
    }
}

struct Step {
    id: DisclosureId,
    step: DisclosureStep,
    actor: Actor,
    at: Timestamp,
}

impl Change for Step {
    type Answer = Disclosure;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Disclosure, StoreError> {
        let Self { id, step, actor, at } = self;
        let query = sqlx::query("SELECT * FROM disclosures WHERE id = $1").bind(id.to_string());
        let found = query.fetch_optional(&mut *ledger.connection).await?;
        let before = read(&found.ok_or(StoreError::NotFound("disclosure"))?)?;
        let mut data = json!({ "disclosure": id });
        let mut reason = None;
        let (after, event) = match step {
            DisclosureStep::Approve => (before.decide(None, &actor, at)?, EventType::DisclosureApproved),
            DisclosureStep::Refuse { reason: why } => {
                reason = Some(why.clone());
                (before.decide(Some(why), &actor, at)?, EventType::DisclosureRefused)
            }
            DisclosureStep::Make(package) => {
                data["sha256"] = json!(package.sha256);
                data["length"] = json!(package.length);
                data["until_at"] = json!(package.until_at);
                (before.made(package)?, EventType::DisclosureMade)
            }
            DisclosureStep::Fail { cause } => {
                data["cause"] = json!(cause);
                (before.failed()?, EventType::DisclosureFailed)
            }
            DisclosureStep::Fetch => {
                let after = before.fetched(at)?;
                data["sha256"] = json!(after.package.map(|package| package.sha256));
                data["fetch"] = json!(after.fetches);
                (after, EventType::DisclosureFetched)
            }
        };
        save(ledger, &after).await?;
        let mut entry = about(&after, event, actor, at, data);
        entry.reason = reason;
        ledger.append_all(vec![entry]).await?;
        Ok(after)
    }
}

async fn save(ledger: &mut Ledger<'_>, disclosure: &Disclosure) -> Result<(), StoreError> {
    let package = disclosure.package;
    let sql = "UPDATE disclosures SET state = $2, decided_at = $3, decided_by = $4, reason = $5, made_at = $6, \
               sha256 = $7, length = $8, until_at = $9, fetches = $10 WHERE id = $1";
    sqlx::query(sql)
        .bind(disclosure.id.to_string())
        .bind(row::word(&disclosure.state)?)
        .bind(row::micros(disclosure.decided_at))
        .bind(&disclosure.decided_by)
        .bind(&disclosure.reason)
        .bind(row::micros(package.map(|package| package.made_at)))
        .bind(package.map(|package| package.sha256.to_string()))
        .bind(package.map(|package| row::stored_count(package.length)))
        .bind(row::micros(package.map(|package| package.until_at)))
        .bind(i64::from(disclosure.fetches))
        .execute(&mut *ledger.connection)
        .await?;
    Ok(())
}

fn about(disclosure: &Disclosure, event: EventType, actor: Actor, at: Timestamp, data: Value) -> Draft {
    let mut draft = Draft::new(event, at, actor);
    draft.case = Some(disclosure.case.clone());
    draft.data = data;
    draft
}

pub(super) fn read(row: &SqliteRow) -> Result<Disclosure, StoreError> {
    let fields = Fields::of(row, "disclosure");
    let package = match fields.optional_moment("made_at")? {
        Some(made_at) => Some(Package {
            made_at,
            sha256: fields.word("sha256")?,
            length: fields.count("length")?,
            until_at: fields.moment("until_at")?,
        }),
        None => None,
    };
    Ok(Disclosure {
        id: fields.word("id")?,
        case: fields.word("case_number")?,
        state: fields.word("state")?,
        terms: Terms {
            purpose: fields.plain("purpose")?,
            recipient: fields.plain("recipient")?,
            basis: fields.plain("basis")?,
        },
        asked_at: fields.moment("asked_at")?,
        asked_by: fields.plain("asked_by")?,
        decided_at: fields.optional_moment("decided_at")?,
        decided_by: fields.plain("decided_by")?,
        reason: fields.plain("reason")?,
        package,
        fetches: fields.count("fetches")?,
    })
}
