//! Incidents: the whole incident as JSON beside its state, the cases that are part of it, and one delivery record for each
//! applicant. The last two follow from the cases and are written with them, in the transaction that moves the case.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use crate::case::part_of::{IncidentNotice, NoticeState, PartOf};
use crate::case::reception::RECEIVE;
use crate::case::work_order::WorkOrder;
use crate::case::{Case, CaseDraft, CaseNumber, IdentityLevel};
use crate::ids::IncidentNumber;
use crate::incident::{Incident, IncidentEvent, MAX_OPEN, Matter, Refused, Step, Wave};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::people::{Actor, ActorKind};
use crate::time::Timestamp;

use super::case_change::{Save, moves_parts, newly_linked};
use super::register::{Registration, Source, drafts};
use super::row::{self, Fields};
use super::writer::{Change, Ledger, Receipt};
use super::{ROWS_AT_ONCE, Store, StoreError, cases, contacts, work_orders};

/// Incidents listed at once; the open ones and the latest of the others.
const MAX_LISTED: u32 = 500;

/// An incident with what its cases add up to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncidentSummary {
    pub incident: Incident,
    /// Part of it now, the closed ones included.
    pub attached: u64,
    /// The closing wave has not come to so many of them.
    pub waiting: u64,
    /// Delivery records by what they have come to.
    pub notices: BTreeMap<NoticeState, u64>,
}

impl IncidentSummary {
    pub fn wave(&self) -> Wave {
        let count = |state| self.notices.get(&state).copied().unwrap_or(0);
        let (confirmed, refuted) = (count(NoticeState::Confirmed), count(NoticeState::Refuted));
        Wave {
            notices: self.notices.values().sum(),
            told: count(NoticeState::Told) + confirmed + refuted,
            confirmed,
            refuted,
            not_reached: count(NoticeState::NotReached),
        }
    }

    /// Nobody is left whom the program still tries to reach.
    pub fn is_told(&self) -> bool {
        let tries = |state| self.notices.get(&state).is_some_and(|count| *count > 0);
        self.waiting == 0 && !tries(NoticeState::Queued) && !tries(NoticeState::Trying)
    }
}

/// One case of an incident, and what telling its own applicant has come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IncidentCase {
    pub case: CaseNumber,
    pub attached_at: Timestamp,
    pub detached_at: Option<Timestamp>,
    pub notice: Option<NoticeState>,
}

impl Store {
    /// # Errors
    /// `Incident` when it is refused, `Exists` when 200 are open.
    pub async fn declare_incident(
        &self,
        matter: Matter,
        expected: Option<Timestamp>,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Incident, StoreError> {
        self.writer.make(Declaration { matter, expected, actor: actor.clone(), at }).await
    }

    /// One step of an incident; `step` is pure.
    ///
    /// # Errors
    /// `NotFound` for an unknown incident, `Incident` when `step` refuses.
    pub async fn move_incident<F>(
        &self,
        number: IncidentNumber,
        actor: &Actor,
        at: Timestamp,
        step: F,
    ) -> Result<Incident, StoreError>
    where
        F: FnOnce(Incident) -> Step + Send + 'static,
    {
        let moved = self.writer.make(Moving { number, actor: actor.clone(), at, step }).await?;
        self.incident_moved.notify_one();
        Ok(moved)
    }

    /// Resolves once somebody has moved an incident since it resolved last. For one who waits.
    pub async fn incident_moved(&self) {
        self.incident_moved.notified().await;
    }

    pub async fn incident(&self, number: IncidentNumber) -> Result<Option<IncidentSummary>, StoreError> {
        let query = sqlx::query("SELECT body FROM incidents WHERE number = $1").bind(i64::from(number.0));
        let Some(row) = self.reading(query.fetch_optional(&self.readers)).await? else { return Ok(None) };
        Ok(Some(self.summary(read(&row)?).await?))
    }

    /// Those that are open, the latest first; at most 200.
    pub async fn open_incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let sql = "SELECT body FROM incidents WHERE state IN ('open', 'restored') AND state = 'open' \
                   ORDER BY number DESC LIMIT $1";
        let limit = i64::try_from(MAX_OPEN).unwrap_or(i64::MAX);
        let rows = self.reading(sqlx::query(sql).bind(limit).fetch_all(&self.readers)).await?;
        rows.iter().map(read).collect()
    }

    /// Open ones first, then the latest of the others; at most 500.
    pub async fn incidents(&self) -> Result<Vec<IncidentSummary>, StoreError> {
        let sql =
            "SELECT body FROM incidents ORDER BY state <> 'open', state <> 'restored', number DESC LIMIT $1";
        let rows = self.reading(sqlx::query(sql).bind(MAX_LISTED).fetch_all(&self.readers)).await?;
        let mut summaries = Vec::with_capacity(rows.len());
        for row in &rows {
            summaries.push(self.summary(read(row)?).await?);
        }
        Ok(summaries)
    }

    /// Those whose cases the program has to move on or to close them: restored, or with cases that wait although it is
    /// over.
    pub async fn incidents_to_end(&self) -> Result<Vec<IncidentSummary>, StoreError> {
        let sql = "SELECT body FROM incidents WHERE state IN ('open', 'restored') AND state = 'restored' \
                   UNION ALL SELECT body FROM incidents WHERE state IN ('closed', 'cancelled') AND number IN \
                   (SELECT DISTINCT incident FROM incident_cases WHERE restored_at IS NULL AND detached_at IS NULL) \
                   LIMIT $1";
        let rows = self.reading(sqlx::query(sql).bind(MAX_LISTED).fetch_all(&self.readers)).await?;
        let mut summaries = Vec::with_capacity(rows.len());
        for row in &rows {
            summaries.push(self.summary(read(row)?).await?);
        }
        Ok(summaries)
    }

    async fn summary(&self, incident: Incident) -> Result<IncidentSummary, StoreError> {
        let number = i64::from(incident.number.0);
        let sql = "SELECT COUNT(*) FILTER (WHERE detached_at IS NULL) AS attached, \
                   COUNT(*) FILTER (WHERE restored_at IS NULL AND detached_at IS NULL) AS waiting \
                   FROM incident_cases WHERE incident = $1";
        let row = self.reading(sqlx::query(sql).bind(number).fetch_one(&self.readers)).await?;
        let fields = Fields::of(&row, "incident");
        let (attached, waiting) = (fields.count("attached")?, fields.count("waiting")?);
        let sql =
            "SELECT state, COUNT(*) AS notices FROM incident_notices WHERE incident = $1 GROUP BY state";
        let rows = self.reading(sqlx::query(sql).bind(number).fetch_all(&self.readers)).await?;
        let mut notices = BTreeMap::new();
        for row in &rows {
            let fields = Fields::of(row, "incident notice");
            notices.insert(fields.known("state", NoticeState::from_name)?, fields.count("notices")?);
        }
        Ok(IncidentSummary { incident, attached, waiting, notices })
    }

    /// Cases that are or were part of it, by their numbers after `after`.
    pub async fn cases_of_incident(
        &self,
        number: IncidentNumber,
        after: Option<&CaseNumber>,
        limit: u32,
    ) -> Result<Vec<IncidentCase>, StoreError> {
        let sql = "SELECT c.case_number, c.attached_at, c.detached_at, n.state FROM incident_cases c \
                   LEFT JOIN incident_notices n ON n.incident = c.incident AND n.case_number = c.case_number \
                   AND n.whom = '' WHERE c.incident = $1 AND c.case_number > $2 ORDER BY c.case_number LIMIT $3";
        let after = after.map_or("", |case| case.0.as_str());
        let query = sqlx::query(sql).bind(i64::from(number.0)).bind(after).bind(limit);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let read = |row| {
            let fields = Fields::of(row, "case of an incident");
            Ok(IncidentCase {
                case: fields.word("case_number")?,
                attached_at: fields.moment("attached_at")?,
                detached_at: fields.optional_moment("detached_at")?,
                notice: fields.optional_word("state")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Cases of it that the end of the incident has not come to, by their numbers after `after`.
    pub async fn cases_awaiting_incident(
        &self,
        number: IncidentNumber,
        after: Option<&CaseNumber>,
        limit: u32,
    ) -> Result<Vec<CaseNumber>, StoreError> {
        let sql = "SELECT case_number FROM incident_cases WHERE incident = $1 AND restored_at IS NULL \
                   AND detached_at IS NULL AND case_number > $2 ORDER BY case_number LIMIT $3";
        let after = after.map_or("", |case| case.0.as_str());
        let query = sqlx::query_scalar(sql).bind(i64::from(number.0)).bind(after).bind(limit);
        let numbers: Vec<String> = self.reading(query.fetch_all(&self.readers)).await?;
        Ok(numbers.into_iter().map(CaseNumber).collect())
    }

    /// A caller pressed the key: their open case of this matter, or a new one of `draft`, becomes part of the incident.
    /// Asked again it changes nothing. Where the incident was cancelled meanwhile, the case is registered all the same.
    pub async fn enqueue_attachment(
        &self,
        incident: IncidentNumber,
        draft: CaseDraft,
        at: Timestamp,
        media: Option<MediaPosition>,
    ) -> Result<Receipt<Case>, StoreError> {
        self.writer.enqueue(Attaching { incident, draft, at, media }).await
    }
}

struct Declaration {
    matter: Matter,
    expected: Option<Timestamp>,
    actor: Actor,
    at: Timestamp,
}

impl Change for Declaration {
    type Answer = Incident;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Incident, StoreError> {
        let sql = "SELECT COALESCE(MAX(number), 0) + 1 AS next, \
                   COUNT(*) FILTER (WHERE state = 'open') AS open FROM incidents";
        let row = sqlx::query(sql).fetch_one(&mut *ledger.connection).await?;
        let fields = Fields::of(&row, "incident");
        if fields.count::<usize>("open")? >= MAX_OPEN {
            return Err(StoreError::Exists(format!("each of the {MAX_OPEN} places for open incidents")));
        }
        let number = IncidentNumber(fields.count("next")?);
        let (incident, events) = Incident::declare(self.matter, self.expected, number, &self.actor, self.at)?;
        let sql =
            "INSERT INTO incidents (number, state, category, declared_at, body) VALUES ($1, $2, $3, $4, $5)";
        let insert = sqlx::query(sql).bind(i64::from(number.0)).bind(incident.state.name());
        let insert = insert.bind(&incident.matter.category).bind(incident.declared_at.micros());
        insert.bind(row::json(&incident)?).execute(&mut *ledger.connection).await?;
        ledger.append_all(entries(&events, &self.actor, self.at)?).await?;
        Ok(incident)
    }
}

struct Moving<F> {
    number: IncidentNumber,
    actor: Actor,
    at: Timestamp,
    step: F,
}

impl<F: FnOnce(Incident) -> Step + Send + 'static> Change for Moving<F> {
    type Answer = Incident;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Incident, StoreError> {
        let known = current(ledger.connection, self.number).await?;
        let (incident, events) = (self.step)(known.ok_or(StoreError::NotFound("incident"))?)?;
        let sql = "UPDATE incidents SET state = $2, body = $3 WHERE number = $1";
        let update = sqlx::query(sql).bind(i64::from(self.number.0)).bind(incident.state.name());
        update.bind(row::json(&incident)?).execute(&mut *ledger.connection).await?;
        ledger.append_all(entries(&events, &self.actor, self.at)?).await?;
        Ok(incident)
    }
}

struct Attaching {
    incident: IncidentNumber,
    draft: CaseDraft,
    at: Timestamp,
    media: Option<MediaPosition>,
}

impl Change for Attaching {
    type Answer = Case;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Case, StoreError> {
        let Self { incident: number, draft, at, media } = self;
        let contact = draft.contact.ok_or(StoreError::NotFound("contact"))?;
        let incident = current(ledger.connection, number).await?;
        let actor = Actor {
            kind: ActorKind::Applicant,
            id: contact.to_string(),
            on_behalf: None,
            organisation: None,
        };
        // What this very call was registered as goes first: it is on that case.
        let known = match (contacts::case_of(ledger.connection, contact).await?, &incident) {
            (Some(number), _) => Some(with_revision(ledger.connection, &number).await?),
            (None, Some(incident)) => own_case(ledger.connection, incident, &draft).await?,
            (None, None) => None,
        };
        let known = match known {
            Some(known) => known,
            None => {
                let registration = Registration { draft, at, actor: actor.clone(), media, relation: None };
                let registered = registration.apply(ledger).await?;
                with_revision(ledger.connection, &registered.number).await?
            }
        };
        let (case, revision) = known;
        let before = case.clone();
        let order_before = match case.state.order() {
            Some(order) => work_orders::standing(ledger.connection, order).await?,
            None => None,
        };
        let linked = case.link(contact, at);
        let (case, mut events) = linked.unwrap_or_else(|_| (before.clone(), Vec::new()));
        let is_over =
            incident.as_ref().is_none_or(|incident| matches!(incident.state.name(), "cancelled" | "closed"));
        let until = incident.and_then(|incident| incident.expected).unwrap_or(at);
        let plain = case.clone();
        let case = match case.attach(number, until, &actor, at) {
            Ok((attached, attaching)) if !is_over => {
                events.extend(attaching);
                attached
            }
            // Its work goes on by itself: the caller hears of it as of any case.
            _ => plain,
        };
        let source = Source { at, actor: &actor, contact: Some(contact), media };
        let save = Save {
            entries: drafts(&case, &events, &source)?,
            linked: newly_linked(&before.contacts, &case),
            orders: WorkOrder::after(&case, order_before, &events, at),
            before,
            case,
            revision,
            moves_parts: moves_parts(&events),
            once: None,
        };
        save.apply(ledger).await?.ok_or(StoreError::Timeout)
    }
}

/// The caller's open case that is part of this incident already, or one that nobody works on and is of its category.
async fn own_case(
    connection: &mut SqliteConnection,
    incident: &Incident,
    draft: &CaseDraft,
) -> Result<Option<(Case, i64)>, StoreError> {
    // A number that was only typed may be anybody's.
    if draft.applicant.identity != IdentityLevel::CallerNumber {
        return Ok(None);
    }
    let Some(caller) = draft.applicant.number.as_ref().filter(|number| !number.is_withheld()) else {
        return Ok(None);
    };
    let sql = "SELECT k.number FROM cases k LEFT JOIN incident_cases i ON i.case_number = k.number \
               AND i.incident = $2 AND i.detached_at IS NULL \
               WHERE k.caller = $1 AND k.state NOT IN ('closed', 'archived') \
               AND (i.incident IS NOT NULL OR k.state = 'registered' AND k.category = $3 \
                    AND json_extract(k.body, '$.next.action') <> $4) \
               ORDER BY i.incident IS NULL, k.registered_at DESC LIMIT 1";
    let query = sqlx::query_scalar(sql).bind(caller.as_str()).bind(i64::from(incident.number.0));
    let number: Option<String> =
        query.bind(&incident.matter.category).bind(RECEIVE).fetch_optional(&mut *connection).await?;
    match number {
        Some(number) => with_revision(connection, &CaseNumber(number)).await.map(Some),
        None => Ok(None),
    }
}

async fn with_revision(
    connection: &mut SqliteConnection,
    number: &CaseNumber,
) -> Result<(Case, i64), StoreError> {
    let query = sqlx::query("SELECT * FROM cases WHERE number = $1").bind(&number.0);
    let row = query.fetch_optional(connection).await?.ok_or(StoreError::NotFound("case"))?;
    Ok((cases::read(&row)?, Fields::of(&row, "case").plain("revision")?))
}

async fn current(
    connection: &mut SqliteConnection,
    number: IncidentNumber,
) -> Result<Option<Incident>, StoreError> {
    let query = sqlx::query("SELECT body FROM incidents WHERE number = $1").bind(i64::from(number.0));
    query.fetch_optional(connection).await?.as_ref().map(read).transpose()
}

pub(super) fn read(row: &SqliteRow) -> Result<Incident, StoreError> {
    Fields::of(row, "incident").json("body")
}

fn entries(events: &[IncidentEvent], actor: &Actor, at: Timestamp) -> Result<Vec<Draft>, StoreError> {
    let draft = |event: &IncidentEvent| {
        let name = EventType::from_name(event.name).ok_or_else(|| StoreError::Corrupt {
            what: "incident event",
            detail: format!("'{}' is not in the journal's vocabulary", event.name),
        })?;
        let mut draft = Draft::new(name, at, actor.clone());
        (draft.reason, draft.data) = (event.reason.clone(), event.data.clone());
        Ok(draft)
    };
    events.iter().map(draft).collect()
}

/// The stays and delivery records of these cases as far as the steps changed them, beside them.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    steps: &[&cases::Step<'_>],
) -> Result<(), StoreError> {
    let (mut stays, mut notices) = (Vec::new(), Vec::new());
    for cases::Step { before, after, .. } in steps {
        // All of a case in their order: of two stays in one incident the later one stands.
        if after.incidents != before.incidents {
            stays.extend(after.incidents.iter().map(|stay| (&after.number, stay)));
        }
        let now = after.incident_notices();
        if now != before.incident_notices() {
            notices.extend(now.into_iter().map(|notice| (&after.number, notice)));
        }
    }
    for stays in stays.chunks(ROWS_AT_ONCE) {
        save_stays(connection, stays).await?;
    }
    for notices in notices.chunks(ROWS_AT_ONCE) {
        save_notices(connection, notices).await?;
    }
    Ok(())
}

async fn save_stays(
    connection: &mut SqliteConnection,
    stays: &[(&CaseNumber, &PartOf)],
) -> Result<(), StoreError> {
    let mut upsert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO incident_cases (incident, case_number, attached_at, restored_at, detached_at) ",
    );
    upsert.push_values(stays, |mut values, (case, stay)| {
        values
            .push_bind(i64::from(stay.incident.0))
            .push_bind(&case.0)
            .push_bind(stay.attached_at.micros())
            .push_bind(row::micros(stay.restored_at))
            .push_bind(row::micros(stay.detached_at));
    });
    upsert.push(
        " ON CONFLICT (incident, case_number) DO UPDATE SET attached_at = excluded.attached_at, \
         restored_at = excluded.restored_at, detached_at = excluded.detached_at",
    );
    upsert.build().execute(connection).await?;
    Ok(())
}

async fn save_notices(
    connection: &mut SqliteConnection,
    notices: &[(&CaseNumber, IncidentNotice)],
) -> Result<(), StoreError> {
    let mut upsert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO incident_notices (incident, case_number, whom, language, queued_at, state) ",
    );
    upsert.push_values(notices, |mut values, (case, notice)| {
        values
            .push_bind(i64::from(notice.incident.0))
            .push_bind(&case.0)
            .push_bind(notice.whom.as_ref().map_or("", |whom| whom.0.as_str()))
            .push_bind(notice.language.code())
            .push_bind(notice.queued_at.micros())
            .push_bind(notice.state.name());
    });
    upsert.push(
        " ON CONFLICT (incident, case_number, whom) DO UPDATE SET state = excluded.state, \
         language = excluded.language",
    );
    upsert.build().execute(connection).await?;
    Ok(())
}

impl From<Refused> for StoreError {
    fn from(refused: Refused) -> Self {
        Self::Incident(refused)
    }
}
