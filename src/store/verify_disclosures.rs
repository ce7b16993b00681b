//! The auditor's walk over the cases that were handed over: who asked for what, who decided, which package was made and how
//! often it was fetched, each row against its own entries. It only reads.

use std::collections::BTreeMap;

use crate::bundle::disclosure::Disclosure;
use crate::case::CaseNumber;
use crate::ids::DisclosureId;
use crate::journal::Entry;

use super::verify::{Finding, VerifyReport};
use super::{Store, StoreError, disclosures, journal};

/// Disclosures of one case.
const MAX_OF_CASE: u32 = 10_000;

/// What row or entries say of one, each word by its name.
type Said = BTreeMap<&'static str, String>;

impl Store {
    pub(super) async fn verify_disclosures(
        &self,
        case: &CaseNumber,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        // One moment for rows and entries: the program may be at work.
        let mut moment = self.readers.begin().await?;
        let sql = "SELECT * FROM disclosures WHERE case_number = $1 ORDER BY id LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(MAX_OF_CASE);
        let rows = self.reading(query.fetch_all(&mut *moment)).await?;
        let sql = "SELECT * FROM journal WHERE case_number = $1 AND type LIKE 'disclosure.%' ORDER BY seq";
        let entries = self.reading(sqlx::query(sql).bind(&case.0).fetch_all(&mut *moment)).await?;
        let mut told: BTreeMap<DisclosureId, Said> = BTreeMap::new();
        for row in &entries {
            let entry = journal::read(row)?;
            let Some(id) = entry.data["disclosure"].as_str().and_then(|id| id.parse().ok()) else { continue };
            apply(told.entry(id).or_default(), &entry);
        }
        for row in &rows {
            let row = disclosures::read(row)?;
            let (journal, id) = (told.remove(&row.id).unwrap_or_default(), row.id);
            let row = said(&row);
            let keys = row.keys().chain(journal.keys());
            if let Some(what) = keys.copied().find(|what| row.get(what) != journal.get(what)) {
                let value = |said: &Said| said.get(what).cloned().unwrap_or_else(|| "none".to_owned());
                let (row, journal) = (value(&row), value(&journal));
                report.add(Finding::DisclosureDiffers { id, case: case.clone(), what, row, journal });
            }
        }
        for id in told.into_keys() {
            let (row, journal) = ("missing".to_owned(), "there".to_owned());
            report.add(Finding::DisclosureDiffers { id, case: case.clone(), what: "the row", row, journal });
        }
        Ok(())
    }
}

fn said(row: &Disclosure) -> Said {
    let mut said = Said::from([
        ("state", serde_json::json!(row.state).as_str().unwrap_or_default().to_owned()),
        ("terms", row.terms.digest().to_string()),
        ("asked at", row.asked_at.to_string()),
        ("asked by", row.asked_by.clone()),
        ("fetches", row.fetches.to_string()),
    ]);
    let mut add = |what, value: Option<String>| said.extend(value.map(|value| (what, value)));
    add("decided at", row.decided_at.map(|at| at.to_string()));
    add("decided by", row.decided_by.clone());
    add("reason", row.reason.clone());
    add("sha256", row.package.map(|package| package.sha256.to_string()));
    said
}

fn apply(said: &mut Said, entry: &Entry) {
    let (at, by) = (entry.at.to_string(), entry.actor.id.clone());
    let text = |key: &str| entry.data[key].as_str().unwrap_or_default().to_owned();
    let mut state = |word: &str| said.insert("state", word.to_owned());
    match entry.event.as_str() {
        "disclosure.requested" => {
            state("asked");
            said.extend([("terms", text("terms_sha256")), ("asked at", at), ("asked by", by)]);
            said.insert("fetches", "0".to_owned());
        }
        "disclosure.approved" | "disclosure.refused" => {
            state(if entry.reason.is_some() { "refused" } else { "approved" });
            said.extend([("decided at", at), ("decided by", by)]);
            said.extend(entry.reason.clone().map(|reason| ("reason", reason)));
        }
        "disclosure.made" => {
            state("made");
            said.extend([("sha256", text("sha256")), ("fetches", "0".to_owned())]);
        }
        "disclosure.failed" => {
            state("failed");
            said.insert("fetches", "0".to_owned());
            said.remove("sha256");
        }
        "disclosure.fetched" => {
            said.insert("fetches", entry.data["fetch"].to_string());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::bundle::disclosure::{DisclosureState, Package, Terms};
    use crate::digest::Sha256;
    use crate::ids::UserId;
    use crate::people::{Actor, Role};
    use crate::store::DisclosureStep;
    use crate::store::fixture::{at, fresh, registered};

    #[tokio::test]
    async fn a_changed_row_is_found_and_a_whole_life_is_not() {
        let (store, files) = fresh().await;
        let case = registered(&store, 1).await.number;
        let person = |n| Actor::person(Role::Records, UserId(uuid::Uuid::from_u128(n)), None);
        let id = DisclosureId(uuid::Uuid::from_u128(5));
        let word = |text: &str| text.to_owned();
        let asked = Disclosure {
            id,
            case: case.clone(),
            state: DisclosureState::Asked,
            terms: Terms { purpose: word("суд"), recipient: word("Суд"), basis: word("ухвала") },
            asked_at: at(10),
            asked_by: person(1).id,
            decided_at: None,
            decided_by: None,
            reason: None,
            package: None,
            fetches: 0,
        };
        store.ask_disclosure(asked, person(1)).await.unwrap();
        let own = store.step_disclosure(id, DisclosureStep::Approve, person(1), at(11)).await;
        assert!(matches!(own, Err(StoreError::Transition(_))), "{own:?}");
        let package = Package { made_at: at(13), sha256: Sha256::of(b"zip"), length: 3, until_at: at(1000) };
        for (step, by) in [
            (DisclosureStep::Approve, 2),
            (DisclosureStep::Fail { cause: "store" }, 2),
            (DisclosureStep::Make(package), 2),
            (DisclosureStep::Fetch, 1),
            (DisclosureStep::Fetch, 2),
        ] {
            let made = store.step_disclosure(id, step.clone(), person(by), at(12)).await;
            let found = store.verify(&mut |_| {}, None).await.unwrap();
            assert_eq!(found.findings, [], "after {step:?}");
            made.unwrap();
        }
        assert_eq!(store.disclosures().await.unwrap()[0].fetches, 2);
        let mut intruder = files.intruder().await;
        for change in
            ["fetches = 1", "recipient = 'B'", "decided_by = 'x'", "state = 'refused'", "asked_at = 1"]
        {
            let kept = "CREATE TEMP TABLE IF NOT EXISTS kept AS SELECT * FROM disclosures";
            sqlx::raw_sql(kept).execute(&mut intruder).await.unwrap();
            let sql = format!("UPDATE disclosures SET {change}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut intruder).await.unwrap();
            let found = store.verify(&mut |_| {}, None).await.unwrap().findings;
            assert!(matches!(&found[..], [Finding::DisclosureDiffers { .. }]), "{change}: {found:?}");
            let back = "DELETE FROM disclosures; INSERT INTO disclosures SELECT * FROM kept";
            sqlx::raw_sql(back).execute(&mut intruder).await.unwrap();
        }
        sqlx::raw_sql("DELETE FROM disclosures").execute(&mut intruder).await.unwrap();
        assert_eq!(store.verify(&mut |_| {}, None).await.unwrap().findings.len(), 1);
    }
}
