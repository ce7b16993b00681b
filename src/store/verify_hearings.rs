//! The auditor's walk over the applicants' wishes to hear their own calls: who asked when, what was decided by whom and why,
//! each row against its own entries. Links come and go without entries and prove nothing. It only reads.

use std::collections::BTreeMap;

use sqlx::sqlite::SqliteRow;

use crate::case::CaseNumber;
use crate::ids::HearingId;
use crate::journal::{Entry, EventType};
use crate::people::ActorKind;

use super::row::Fields;
use super::verify::{Finding, VerifyReport};
use super::{Store, StoreError, hearings, journal};

/// Wishes about the calls of one case: each call has one at most, and a case no more calls than this.
const MAX_OF_CASE: u32 = 10_000;

/// What the entries, or the row, say of one wish; moments as the numbers they are kept as.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Wish {
    contact: String,
    asked_at: i64,
    state: String,
    decided_at: Option<i64>,
    /// A person; none when the rule lets everybody hear.
    decided_by: Option<String>,
    reason: Option<String>,
}

impl Store {
    /// Both ways: a row that the journal knows otherwise or not at all, and an entry whose row is gone.
    pub(super) async fn verify_hearings(
        &self,
        case: &CaseNumber,
        report: &mut VerifyReport,
    ) -> Result<(), StoreError> {
        // One moment for rows and entries: the program may be at work.
        let mut moment = self.readers.begin().await?;
        let sql = "SELECT * FROM hearings WHERE case_number = $1 ORDER BY id LIMIT $2";
        let query = sqlx::query(sql).bind(&case.0).bind(MAX_OF_CASE);
        let rows = self.reading(query.fetch_all(&mut *moment)).await?;
        let sql = "SELECT * FROM journal WHERE case_number = $1 \
                   AND type IN ('access.asked', 'access.disclosed', 'access.refused') ORDER BY seq";
        let entries = self.reading(sqlx::query(sql).bind(&case.0).fetch_all(&mut *moment)).await?;
        let mut told: BTreeMap<HearingId, Wish> = BTreeMap::new();
        for row in &entries {
            let entry = journal::read(row)?;
            let Some(id) = entry.data["hearing"].as_str().and_then(|id| id.parse().ok()) else { continue };
            told.entry(id).or_default().apply(&entry);
        }
        for row in &rows {
            let id = hearings::read(row)?.id;
            let (row, journal) = (Wish::read(row)?, told.remove(&id));
            if let Some((what, row, journal)) = difference(Some(row), journal) {
                report.add(Finding::HearingDiffers { id, case: case.clone(), what, row, journal });
            }
        }
        for (id, wish) in told {
            if let Some((what, row, journal)) = difference(None, Some(wish)) {
                report.add(Finding::HearingDiffers { id, case: case.clone(), what, row, journal });
            }
        }
        Ok(())
    }
}

impl Wish {
    fn apply(&mut self, entry: &Entry) {
        let asked = EventType::AccessAsked.name();
        if entry.event == asked {
            self.contact = entry.contact.map(|contact| contact.to_string()).unwrap_or_default();
            self.asked_at = entry.at.micros();
            "asked".clone_into(&mut self.state);
            return;
        }
        let is_refused = entry.event == EventType::AccessRefused.name();
        if is_refused { "refused" } else { "allowed" }.clone_into(&mut self.state);
        self.decided_at = Some(entry.at.micros());
        self.decided_by = (entry.actor.kind != ActorKind::System).then(|| entry.actor.id.clone());
        self.reason.clone_from(&entry.reason);
    }

    fn read(row: &SqliteRow) -> Result<Self, StoreError> {
        let fields = Fields::of(row, "hearing");
        Ok(Self {
            contact: fields.plain("contact")?,
            asked_at: fields.plain("asked_at")?,
            state: fields.plain("state")?,
            decided_at: fields.plain("decided_at")?,
            decided_by: fields.plain("decided_by")?,
            reason: fields.plain("reason")?,
        })
    }
}

/// The first thing in which they differ: its name, and both values.
fn difference(row: Option<Wish>, journal: Option<Wish>) -> Option<(&'static str, String, String)> {
    let (row, journal) = match (row, journal) {
        (Some(row), Some(journal)) => (row, journal),
        (row, journal) => {
            let there = |one: Option<Wish>| if one.is_some() { "there" } else { "missing" }.to_owned();
            return Some(("the wish", there(row), there(journal)));
        }
    };
    let differs = |what, row: String, journal: String| (row != journal).then_some((what, row, journal));
    let moment = |at: Option<i64>| at.map_or_else(|| "none".to_owned(), |at| at.to_string());
    let said = |word: Option<String>| word.unwrap_or_else(|| "none".to_owned());
    differs("state", row.state, journal.state)
        .or_else(|| differs("call", row.contact, journal.contact))
        .or_else(|| differs("asked at", row.asked_at.to_string(), journal.asked_at.to_string()))
        .or_else(|| differs("decided at", moment(row.decided_at), moment(journal.decided_at)))
        .or_else(|| differs("decided by", said(row.decided_by), said(journal.decided_by)))
        .or_else(|| differs("reason", said(row.reason), said(journal.reason)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::ids::{ContactId, UserId};
    use crate::people::{Actor, Role};
    use crate::store::fixture::{Files, at, contact_id, offered, registered};
    use uuid::Uuid;

    fn hearing(n: u128) -> HearingId {
        HearingId(Uuid::from_u128(n))
    }

    fn records() -> Actor {
        Actor::person(Role::Records, UserId(Uuid::from_u128(9)), None)
    }

    /// Three wishes about one case: let by the rule, refused by a person, and waiting.
    async fn three(files: &Files) -> (Store, CaseNumber) {
        let store = files.open().await;
        let case = registered(&store, 1).await.number;
        let applicant = Actor { kind: ActorKind::Applicant, ..Actor::system("page") };
        for (n, at_once) in [(1, true), (2, false), (3, false)] {
            let call: ContactId = contact_id(n);
            if n > 1 {
                store.commit(offered(n)).await.unwrap();
            }
            let asked = (&case, call);
            let moment = at(100 + i64::from(n));
            store.ask_to_hear(hearing(n.into()), asked, at_once, applicant.clone(), moment).await.unwrap();
        }
        let why = Some("another person speaks in it".to_owned());
        store.decide_hearing(hearing(2), why, records(), at(200)).await.unwrap();
        store.link_hearing(hearing(1), crate::digest::Sha256::of(b"link"), at(900)).await.unwrap();
        (store, case)
    }

    async fn findings(store: &Store) -> Vec<String> {
        let report = store.verify(&mut |_| {}, None).await.unwrap();
        report.findings.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn honest_wishes_have_no_findings_and_each_touch_is_named() {
        let honest = Files::new();
        let (store, case) = three(&honest).await;
        assert_eq!(findings(&store).await, [] as [String; 0]);
        let touches = [
            (
                "UPDATE hearings SET state = 'allowed' WHERE state = 'refused'",
                2,
                "state is 'allowed' in the row and 'refused'",
            ),
            (
                "UPDATE hearings SET state = 'allowed' WHERE state = 'asked'",
                3,
                "state is 'allowed' in the row and 'asked'",
            ),
            ("UPDATE hearings SET asked_at = asked_at - 1 WHERE state = 'asked'", 3, "asked at is "),
            ("UPDATE hearings SET decided_at = decided_at + 1 WHERE state = 'refused'", 2, "decided at is "),
            (
                "UPDATE hearings SET decided_by = 'nobody' WHERE state = 'refused'",
                2,
                "decided by is 'nobody'",
            ),
            (
                "UPDATE hearings SET decided_by = 'nobody' WHERE state = 'allowed'",
                1,
                "decided by is 'nobody' in the row and 'none'",
            ),
            ("UPDATE hearings SET reason = 'lost' WHERE state = 'refused'", 2, "reason is 'lost'"),
            (
                "DELETE FROM hearings WHERE state = 'refused'",
                2,
                "the wish is 'missing' in the row and 'there'",
            ),
        ];
        for (touch, n, words) in touches {
            let files = honest.after_crash();
            let store = files.open().await;
            sqlx::query(touch).execute(&mut files.intruder().await).await.unwrap();
            let found = findings(&store).await;
            let [found] = &found[..] else { panic!("{touch}: {found:?}") };
            let id = hearing(n);
            let named = found.starts_with(&format!("hearing {id} of case {case}: ")) && found.contains(words);
            assert!(named, "{touch}: {found}");
        }
    }

    #[tokio::test]
    async fn a_wish_that_nobody_journalled_or_that_moved_to_another_case_is_named() {
        let honest = Files::new();
        let (store, case) = three(&honest).await;
        let other = registered(&store, 4).await.number;
        drop(store);
        let files = honest.after_crash();
        let store = files.open().await;
        let forged = "INSERT INTO hearings (id, case_number, contact, asked_at, state) \
                      SELECT '00000000-0000-0000-0000-000000000063', number, \
                      (SELECT contact FROM hearings LIMIT 1), 5, 'asked' \
                      FROM cases WHERE seq = 2";
        sqlx::query(forged).execute(&mut files.intruder().await).await.unwrap();
        let expected = format!(
            "hearing {} of case {other}: the wish is 'there' in the row and 'missing' by the journal",
            hearing(0x63)
        );
        assert_eq!(findings(&store).await, [expected]);
        let files = honest.after_crash();
        let store = files.open().await;
        let moved = "UPDATE hearings SET case_number = (SELECT number FROM cases WHERE seq = 2) WHERE state = 'refused'";
        sqlx::query(moved).execute(&mut files.intruder().await).await.unwrap();
        let found = findings(&store).await;
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains(&case.0) && found[1].contains(&other.0), "{found:?}");
        assert!(found.iter().all(|found| found.contains(&hearing(2).to_string())), "{found:?}");
    }
}
