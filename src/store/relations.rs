//! How cases belong together, as rows: written beside the case that says it, found from the other one. And the two
//! changes that concern two cases at once: merging one into another, and registering one as the repeat of another.

use sqlx::SqliteConnection;

use crate::case::merging::Merged;
use crate::case::work_order::WorkOrder;
use crate::case::{Case, CaseDraft, CaseNumber, RelationKind};
use crate::people::Actor;
use crate::time::Timestamp;

use super::case_change::{MAX_ATTEMPTS, Save, newly_linked};
use super::register::{Registration, Source, drafts};
use super::row::Fields;
use super::writer::{Change, Ledger};
use super::{Store, StoreError, cases};

/// Cases listed that name one case; the case itself bounds how many it names.
const MAX_NAMING: u32 = 100;

impl Store {
    /// Cases that repeat, double or follow `number`, the newest first, at most 100.
    pub async fn cases_naming(
        &self,
        number: &CaseNumber,
    ) -> Result<Vec<(RelationKind, CaseNumber)>, StoreError> {
        let sql = "SELECT kind, case_number FROM case_relations WHERE other = $1 \
                   ORDER BY case_number DESC LIMIT $2";
        let query = sqlx::query(sql).bind(&number.0).bind(MAX_NAMING);
        let rows = self.reading(query.fetch_all(&self.readers)).await?;
        let read = |row| {
            let fields = Fields::of(row, "relation");
            Ok((fields.word("kind")?, fields.word("case_number")?))
        };
        rows.iter().map(read).collect()
    }

    /// Closes `from` as a duplicate of `into`: both rows, the work order and the entries of both in one transaction.
    ///
    /// # Errors
    /// `NotFound` for an unknown case, `Transition` when the cases refuse, `Timeout` after 32 lost races.
    pub async fn merge_cases(
        &self,
        (from, into): (&CaseNumber, &CaseNumber),
        reason: &str,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Case, StoreError> {
        for _ in 0..MAX_ATTEMPTS {
            let known = |found: Option<(Case, i64)>| found.ok_or(StoreError::NotFound("case"));
            let (from, from_revision) = known(self.case_with_revision(from).await?)?;
            let (into, into_revision) = known(self.case_with_revision(into).await?)?;
            let previous = match from.state.order() {
                Some(order) => self.work_order(order).await?,
                None => None,
            };
            let (from_before, into_before) = (from.clone(), into.clone());
            let Merged { closed, into } = from.merge(into, reason, actor, at)?;
            let linked = newly_linked(&into_before.contacts, &into.0);
            let source = Source { at, actor, contact: None, media: None };
            // An entry names the contact only where there is no doubt which one it is about.
            let moved = if let [contact] = linked[..] { Some(contact) } else { None };
            let merging = Merging {
                closed: Save {
                    orders: WorkOrder::after(&closed.0, previous, &closed.1, at),
                    moves_parts: false,
                    entries: drafts(&closed.0, &closed.1, &source)?,
                    before: from_before,
                    case: closed.0,
                    revision: from_revision,
                    linked: Vec::new(),
                    once: None,
                },
                into: Save {
                    orders: Vec::new(),
                    moves_parts: false,
                    entries: drafts(&into.0, &into.1, &Source { contact: moved, ..source })?,
                    linked,
                    before: into_before,
                    case: into.0,
                    revision: into_revision,
                    once: None,
                },
            };
            if let Some(merged) = self.writer.make(merging).await? {
                return Ok(merged);
            }
        }
        Err(StoreError::Timeout)
    }

    /// A new case of `draft` that repeats `earlier`; number, row and relation in one transaction.
    ///
    /// # Errors
    /// `Transition` when the relation is refused.
    pub async fn register_repeat(
        &self,
        draft: CaseDraft,
        earlier: Case,
        at: Timestamp,
        actor: Actor,
    ) -> Result<Case, StoreError> {
        let relation = Some((RelationKind::RepeatOf, Box::new(earlier)));
        self.writer.make(Registration { draft, at, actor, media: None, relation }).await
    }
}

struct Merging {
    closed: Save,
    into: Save,
}

impl Change for Merging {
    /// None when one of the rows had moved on.
    type Answer = Option<Case>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Option<Case>, StoreError> {
        // Both before either is written: nothing half done is left when one has moved on.
        for (number, revision) in [&self.closed, &self.into].map(|save| (&save.case.number, save.revision)) {
            if cases::revision(ledger.connection, number).await? != Some(revision) {
                return Ok(None);
            }
        }
        let closed = self.closed.apply(ledger).await?;
        self.into.apply(ledger).await?;
        Ok(closed)
    }
}

/// Relations are facts: they are added, never taken away. Those of `before` are there already.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    before: Option<&Case>,
    case: &Case,
) -> Result<(), StoreError> {
    let known = before.map_or(&[][..], |before| &before.relations);
    for relation in case.relations.iter().filter(|relation| !known.contains(relation)) {
        let sql = "INSERT INTO case_relations (case_number, kind, other) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        let insert = sqlx::query(sql).bind(&case.number.0).bind(relation.kind.name()).bind(&relation.other.0);
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::ids::UserId;
    use crate::people::Role;
    use crate::store::fixture::{at, case_draft, contact_id, fresh, registered};
    use crate::store::{CaseFilter, fixture};

    fn operator() -> Actor {
        Actor::person(Role::Operator, UserId(uuid::Uuid::from_u128(1)), None)
    }

    #[tokio::test]
    async fn a_merge_moves_contacts_and_closes_one_case_in_one_go() {
        let (store, _files) = fresh().await;
        let (one, two) = (registered(&store, 1).await, registered(&store, 2).await);
        let merged =
            store.merge_cases((&two.number, &one.number), "same pipe", &operator(), at(9)).await.unwrap();
        assert_eq!(merged.merged_into(), Some(&one.number));
        let into = store.case(&one.number).await.unwrap().unwrap();
        assert_eq!(into.contacts, [contact_id(1), contact_id(2)]);
        assert_eq!(store.contact(contact_id(2)).await.unwrap().unwrap().case, Some(one.number.clone()));
        let naming = store.cases_naming(&one.number).await.unwrap();
        assert_eq!(naming, [(RelationKind::DuplicateOf, two.number.clone())]);
        let filter = CaseFilter { related_to: Some(one.number.clone()), ..CaseFilter::default() };
        let listed = store.cases(&filter, &fixture::page(5, None)).await.unwrap();
        assert_eq!(listed.items, [merged]);
        assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());

        let before = store.counts().await.unwrap().journal_seq;
        let again = store.merge_cases((&two.number, &one.number), "same pipe", &operator(), at(10)).await;
        assert!(matches!(again, Err(StoreError::Transition(_))), "{again:?}");
        let unknown = CaseNumber("2026-01-999999".to_owned());
        let nowhere = store.merge_cases((&one.number, &unknown), "same pipe", &operator(), at(10)).await;
        assert!(matches!(nowhere, Err(StoreError::NotFound("case"))));
        assert_eq!(store.counts().await.unwrap().journal_seq, before);
    }

    #[tokio::test]
    async fn two_cases_that_are_merged_into_each_other_at_once_leave_one() {
        let (store, _files) = fresh().await;
        for round in 0..20 {
            let (one, two) =
                (registered(&store, round * 2 + 1).await, registered(&store, round * 2 + 2).await);
            let by = operator();
            let (a, b) = tokio::join!(
                store.merge_cases((&one.number, &two.number), "same", &by, at(99)),
                store.merge_cases((&two.number, &one.number), "same", &by, at(99)),
            );
            assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
        }
        assert_eq!(store.counts().await.unwrap().open_cases, 20);
        assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
    }

    #[tokio::test]
    async fn a_repeat_is_registered_with_its_relation() {
        let (store, _files) = fresh().await;
        let earlier = registered(&store, 1).await;
        let draft = CaseDraft { contact: None, ..case_draft(1) };
        let repeat = store.register_repeat(draft, earlier.clone(), at(20), operator()).await.unwrap();
        assert_eq!(repeat.number.sequence(), Some(2));
        assert_eq!(store.cases_naming(&earlier.number).await.unwrap().len(), 1);
        // A relation that is refused takes no number with it.
        let draft = CaseDraft { contact: None, ..case_draft(1) };
        let later = store.register_repeat(draft, repeat, at(0), operator()).await;
        assert!(matches!(later, Err(StoreError::Transition(_))));
        let draft = CaseDraft { contact: None, ..case_draft(1) };
        let next = store.register_case(draft, at(30), operator(), None).await.unwrap();
        assert_eq!(next.number.sequence(), Some(3));
        assert!(store.verify(&mut |_| {}, None).await.unwrap().is_good());
    }
}
