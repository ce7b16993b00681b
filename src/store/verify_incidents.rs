//! The auditor's walk over the incidents: each against its own entries, and the cases that are part of it against what the
//! entries attached and detached. It only reads.

use std::collections::BTreeSet;

use crate::ids::IncidentNumber;
use crate::incident::Replayed;

use super::row::Fields;
use super::verify::{Finding, VerifyReport};
use super::{Store, StoreError, incidents};

/// Incidents read at once.
const ROWS_AT_ONCE: u32 = 1_000;

impl Store {
    pub(super) async fn verify_incidents(&self, report: &mut VerifyReport) -> Result<(), StoreError> {
        let sql = "SELECT number FROM incidents WHERE number > $1 ORDER BY number LIMIT $2";
        let mut last = IncidentNumber(0);
        loop {
            let query = sqlx::query(sql).bind(i64::from(last.0)).bind(ROWS_AT_ONCE);
            let rows = self.reading(query.fetch_all(&self.readers)).await?;
            if rows.is_empty() {
                return self.verify_incidents_told(report).await;
            }
            for row in &rows {
                last = IncidentNumber(Fields::of(row, "incident").count("number")?);
                let looked_at = self.verify_incident(last, report).await;
                report.note(looked_at)?;
            }
        }
    }

    /// Incidents that were declared and have no row.
    async fn verify_incidents_told(&self, report: &mut VerifyReport) -> Result<(), StoreError> {
        // The words of the index `journal_of_incidents`.
        let sql = "SELECT DISTINCT json_extract(data, '$.incident') AS number FROM journal \
                   WHERE json_extract(data, '$.incident') IS NOT NULL \
                   AND type IN ('incident.declared', 'incident.updated', 'incident.case_attached', \
                   'incident.case_detached', 'incident.restored', 'incident.told_all', 'incident.closed', \
                   'incident.cancelled') AND NOT EXISTS (SELECT 1 FROM incidents \
                   WHERE incidents.number = json_extract(data, '$.incident')) LIMIT $1";
        for row in self.reading(sqlx::query(sql).bind(ROWS_AT_ONCE).fetch_all(&self.readers)).await? {
            let number = IncidentNumber(Fields::of(&row, "incident").count("number")?);
            let (row, journal) = ("missing".to_owned(), "there".to_owned());
            report.add(Finding::IncidentDiffers { number, what: "the row", row, journal });
        }
        Ok(())
    }

    async fn verify_incident(
        &self,
        number: IncidentNumber,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        // One moment for all of it: the program may be at work.
        let mut moment = self.readers.begin().await?;
        let sql = "SELECT body, state, category, declared_at FROM incidents WHERE number = $1";
        let query = sqlx::query(sql).bind(i64::from(number.0));
        let row = self.reading(query.fetch_one(&mut *moment)).await?;
        let incident = incidents::read(&row)?;
        let searched = Fields::of(&row, "incident");
        let searched: [(_, String, _); 4] = [
            ("number", number.to_string(), incident.number.to_string()),
            ("state", searched.plain("state")?, incident.state.name().to_owned()),
            ("category", searched.plain("category")?, incident.matter.category.clone()),
            ("declared at", searched.moment("declared_at")?.to_string(), incident.declared_at.to_string()),
        ];
        for (what, row, journal) in searched.into_iter().filter(|(_, row, body)| row != body) {
            report.add(Finding::IncidentDiffers { number, what, row, journal });
        }
        // The words of the index `journal_of_incidents`.
        let sql = "SELECT type, at, data, case_number FROM journal WHERE json_extract(data, '$.incident') = $1 \
                   AND type IN ('incident.declared', 'incident.updated', 'incident.case_attached', \
                   'incident.case_detached', 'incident.restored', 'incident.told_all', 'incident.closed', \
                   'incident.cancelled') ORDER BY seq";
        let rows = self.reading(sqlx::query(sql).bind(i64::from(number.0)).fetch_all(&mut *moment)).await?;
        let (mut replayed, mut by_journal) = (Replayed::default(), BTreeSet::new());
        for row in &rows {
            let fields = Fields::of(row, "journal entry");
            let (event, data): (String, serde_json::Value) = (fields.plain("type")?, fields.json("data")?);
            replayed.apply(&event, &data);
            if event == "incident.declared" && fields.moment("at")? != incident.declared_at {
                let (row, journal) = (incident.declared_at.to_string(), fields.moment("at")?.to_string());
                report.add(Finding::IncidentDiffers { number, what: "declared at", row, journal });
            }
            let case: Option<String> = fields.plain("case_number")?;
            match (event.as_str(), case) {
                ("incident.case_attached", Some(case)) => {
                    by_journal.insert(case);
                }
                ("incident.case_detached", Some(case)) => {
                    by_journal.remove(&case);
                }
                _ => {}
            }
        }
        if let Some((what, row, journal)) = replayed.difference(&incident) {
            report.add(Finding::IncidentDiffers { number, what, row, journal });
        }
        let sql = "SELECT case_number FROM incident_cases WHERE incident = $1 AND detached_at IS NULL";
        let query = sqlx::query_scalar(sql).bind(i64::from(number.0));
        let by_rows: Vec<String> = self.reading(query.fetch_all(&mut *moment)).await?;
        let by_rows: BTreeSet<String> = by_rows.into_iter().collect();
        if let Some(case) = by_rows.symmetric_difference(&by_journal).next() {
            let holds = |has| if has { case.clone() } else { "nothing".to_owned() };
            let (row, journal) = (holds(by_rows.contains(case)), holds(by_journal.contains(case)));
            report.add(Finding::IncidentDiffers { number, what: "a case", row, journal });
        }
        Ok(())
    }
}
