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
                return Ok(());
            }
            for row in &rows {
                last = IncidentNumber(Fields::of(row, "incident").count("number")?);
                let looked_at = self.verify_incident(last, report).await;
                report.note(looked_at)?;
            }
        }
    }

    async fn verify_incident(
        &self,
        number: IncidentNumber,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        // One moment for all of it: the program may be at work.
        let mut moment = self.readers.begin().await?;
        let query = sqlx::query("SELECT body FROM incidents WHERE number = $1").bind(i64::from(number.0));
        let incident = incidents::read(&self.reading(query.fetch_one(&mut *moment)).await?)?;
        // The words of the index `journal_of_incidents`.
        let sql = "SELECT type, data, case_number FROM journal WHERE json_extract(data, '$.incident') = $1 \
                   AND type IN ('incident.declared', 'incident.updated', 'incident.case_attached', \
                   'incident.case_detached', 'incident.restored', 'incident.told_all', 'incident.closed', \
                   'incident.cancelled') ORDER BY seq";
        let rows = self.reading(sqlx::query(sql).bind(i64::from(number.0)).fetch_all(&mut *moment)).await?;
        let (mut replayed, mut by_journal) = (Replayed::default(), BTreeSet::new());
        for row in &rows {
            let fields = Fields::of(row, "journal entry");
            let (event, data): (String, serde_json::Value) = (fields.plain("type")?, fields.json("data")?);
            replayed.apply(&event, &data);
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
