//! Changing a case: load, let the pure transition work it out, save unless somebody was faster. The transition runs
//! in its caller's task, so that no rule of the domain ever holds the writer up.

use sqlx::SqliteConnection;

use crate::case::transition::InvalidTransition;
use crate::case::work_order::{EvidenceRef, WorkOrder};
use crate::case::{Case, CaseEvent, CaseNumber};
use crate::ids::ContactId;
use crate::journal::{Draft, MediaPosition};
use crate::people::Actor;
use crate::time::Timestamp;

use super::register::{Source, drafts};
use super::writer::{Change, Ledger};
use super::{Once, Store, StoreError, appointments, cases, contacts, inspections, report, sent, work_orders};

/// Whether other organisations have parts in the order after these events that they had not before, or no more.
pub(super) fn moves_parts(events: &[CaseEvent]) -> bool {
    events.iter().any(|event| matches!(event.name, "wo.issued" | "wo.part_given"))
}

/// Races one change may lose. Each lost race is another's success, and few people work on one case at a time.
pub(super) const MAX_ATTEMPTS: usize = 32;

/// What moved somebody to change a case, beside the change itself.
#[derive(Clone, Debug, Default)]
pub struct Occasion {
    /// What was said in a call, and where in its recording.
    pub during: Option<(ContactId, Option<MediaPosition>)>,
    /// The request may come again.
    pub once: Option<Once>,
}

impl Store {
    /// Loads, applies `change`, saves row, work order and entries in one transaction. `change` may run again
    /// when the row moved meanwhile; it must be pure. It is given the evidence of the order the case is on.
    ///
    /// # Errors
    /// `NotFound` for an unknown case or a newly linked contact that is unknown, `Transition` when `change` refuses,
    /// `Timeout` after 32 lost races.
    pub async fn change_case<F>(
        &self,
        number: &CaseNumber,
        actor: &Actor,
        at: Timestamp,
        change: F,
    ) -> Result<Case, StoreError>
    where
        F: Fn(Case, &[EvidenceRef]) -> Result<(Case, Vec<CaseEvent>), InvalidTransition>
            + Send
            + Sync
            + 'static,
    {
        self.change_case_for(number, actor, at, Occasion::default(), change).await
    }

    /// The same, because of what was said in a call, and where in its recording.
    ///
    /// # Errors
    /// Those of [`Self::change_case`].
    pub async fn change_case_during<F>(
        &self,
        number: &CaseNumber,
        actor: &Actor,
        at: Timestamp,
        during: Option<(ContactId, Option<MediaPosition>)>,
        change: F,
    ) -> Result<Case, StoreError>
    where
        F: Fn(Case, &[EvidenceRef]) -> Result<(Case, Vec<CaseEvent>), InvalidTransition>
            + Send
            + Sync
            + 'static,
    {
        self.change_case_for(number, actor, at, Occasion { during, once: None }, change).await
    }

    /// The same on any occasion.
    ///
    /// # Errors
    /// Those of [`Self::change_case`]; with `once` also `Repeated` and `KeyTaken`, as said at [`Once`].
    pub async fn change_case_for<F>(
        &self,
        number: &CaseNumber,
        actor: &Actor,
        at: Timestamp,
        occasion: Occasion,
        change: F,
    ) -> Result<Case, StoreError>
    where
        F: Fn(Case, &[EvidenceRef]) -> Result<(Case, Vec<CaseEvent>), InvalidTransition>
            + Send
            + Sync
            + 'static,
    {
        let Occasion { during, once } = occasion;
        let (said_in, media) = during.unzip();
        if let Some(once) = &once {
            self.refuse_repeated(once).await?;
        }
        for _ in 0..MAX_ATTEMPTS {
            let (case, revision) =
                self.case_with_revision(number).await?.ok_or(StoreError::NotFound("case"))?;
            let (previous, evidence) = match case.state.order() {
                Some(order) => (self.work_order(order).await?, self.evidence_of(order).await?),
                None => (None, Vec::new()),
            };
            let before = case.clone();
            let (case, events) = match (change(case, &evidence), &once) {
                (Ok(changed), _) => changed,
                (Err(refused), Some(once)) => {
                    // It may be refused because this very request has just been carried out.
                    self.refuse_repeated(once).await?;
                    return Err(refused.into());
                }
                (Err(refused), None) => return Err(refused.into()),
            };
            let orders = WorkOrder::after(&case, previous, &events, at);
            let linked = newly_linked(&before.contacts, &case);
            // An entry names the contact only where there is no doubt which one it is about.
            let contact = if let [contact] = linked[..] { Some(contact) } else { None };
            let source = Source { at, actor, contact: contact.or(said_in), media: media.flatten() };
            let entries = drafts(&case, &events, &source)?;
            let once = once.clone().map(|once| (once, at));
            let moves_parts = moves_parts(&events);
            let save = Save { before, case, revision, orders, moves_parts, linked, entries, once };
            if let Some(saved) = self.writer.make(save).await? {
                return Ok(saved);
            }
        }
        Err(StoreError::Timeout)
    }
}

pub(super) fn newly_linked(before: &[ContactId], case: &Case) -> Vec<ContactId> {
    case.contacts.iter().filter(|contact| !before.contains(contact)).copied().collect()
}

/// A change worked out from `revision`, at which the case was as `before`.
pub(super) struct Save {
    pub(super) before: Case,
    pub(super) case: Case,
    pub(super) revision: i64,
    pub(super) orders: Vec<WorkOrder>,
    /// Other organisations have parts in the order now.
    pub(super) moves_parts: bool,
    pub(super) linked: Vec<ContactId>,
    pub(super) entries: Vec<Draft>,
    pub(super) once: Option<(Once, Timestamp)>,
}

impl Change for Save {
    /// None when the row had moved on.
    type Answer = Option<Case>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Option<Case>, StoreError> {
        let kept = keep(ledger.connection, vec![self]).await?;
        let Some(Save { case, entries, .. }) = kept.into_iter().next() else { return Ok(None) };
        append(ledger, entries).await?;
        Ok(Some(case))
    }
}

/// All rows of changes of different cases but the journal's, many in one statement. The changes that were kept: of the
/// others the case had moved on, and nothing of them is written.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    mut saves: Vec<Save>,
) -> Result<Vec<Save>, StoreError> {
    let steps = saves.iter().map(Save::step).collect::<Vec<_>>();
    let moved = cases::update(connection, &steps).await?;
    saves.retain(|save| moved.contains(&save.case.number));
    let mut counted = report::Counted::default();
    for save in &saves {
        counted.add(Some(&save.before), &save.case, &save.entries);
    }
    counted.keep(connection).await?;
    let orders = saves.iter().flat_map(|save| &save.orders).collect::<Vec<_>>();
    work_orders::save(connection, &orders).await?;
    let with_parts = saves.iter().filter(|save| save.moves_parts).map(|save| &save.case).collect::<Vec<_>>();
    work_orders::save_parts(connection, &with_parts).await?;
    for save in &saves {
        if let Some((once, at)) = &save.once {
            sent::keep(connection, once, None, *at).await?;
        }
        for contact in &save.linked {
            contacts::set_case(connection, *contact, &save.case.number).await?;
        }
    }
    Ok(saves)
}

impl Save {
    fn step(&self) -> cases::Step<'_> {
        cases::Step { before: &self.before, after: &self.case, revision: self.revision }
    }
}

/// The entries of such changes, and the rows that are written from entries.
pub(super) async fn append(ledger: &mut Ledger<'_>, entries: Vec<Draft>) -> Result<(), StoreError> {
    let entries = ledger.append_and_show(entries).await?;
    inspections::follow(ledger.connection, &entries).await?;
    appointments::follow(ledger.connection, &entries).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::case::routing::Assignment;
    use crate::case::work_order::WorkOrderState;
    use crate::case::{CaseState, Deadline};
    use crate::ids::{UserId, WorkOrderId};
    use crate::people::Role;
    use crate::store::WorkOrderFilter;
    use crate::store::fixture::{at, contact_id, fresh, offered, page, registered};

    fn noted(case: Case) -> Result<(Case, Vec<CaseEvent>), InvalidTransition> {
        let data = serde_json::json!({ "bounces": case.bounces });
        Ok((case, vec![CaseEvent { name: "case.classified", reason: None, data }]))
    }

    #[tokio::test]
    async fn nobodys_change_is_lost_in_a_race() {
        let (store, _files) = fresh().await;
        let number = registered(&store, 1).await.number;
        let before = store.counts().await.unwrap().journal_seq;
        let changers: Vec<_> = (0..20)
            .map(|_| {
                let (store, number) = (store.clone(), number.clone());
                tokio::spawn(async move {
                    let actor = Actor::system("test");
                    let change = store.change_case(&number, &actor, at(9), |mut case, _| {
                        case.bounces += 1;
                        noted(case)
                    });
                    change.await.unwrap().bounces
                })
            })
            .collect();
        let mut answers = Vec::new();
        for changer in changers {
            answers.push(changer.await.unwrap());
        }
        answers.sort_unstable();
        assert_eq!(answers, (1..=20).collect::<Vec<_>>(), "each saw its own count");
        assert_eq!(store.case(&number).await.unwrap().unwrap().bounces, 20);
        let entries = store.entries_after(before, 100).await.unwrap();
        let journalled: Vec<_> =
            entries.iter().map(|entry| entry.data["bounces"].as_u64().unwrap()).collect();
        assert_eq!(journalled, (1..=20).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_refused_change_leaves_all_as_it_was() {
        let (store, _files) = fresh().await;
        let case = registered(&store, 1).await;
        let before = store.counts().await.unwrap().journal_seq;
        let actor = Actor::system("test");
        let refused = store.change_case(&case.number, &actor, at(9), |_, _| {
            Err(InvalidTransition::Invariant("not like this"))
        });
        assert!(matches!(refused.await, Err(StoreError::Transition(InvalidTransition::Invariant(_)))));
        let unspeakable = store.change_case(&case.number, &actor, at(9), |case, _| {
            Ok((case, vec![CaseEvent { name: "case.sung", reason: None, data: serde_json::json!({}) }]))
        });
        assert!(matches!(unspeakable.await, Err(StoreError::Corrupt { what: "case event", .. })));
        let unlinkable = store.change_case(&case.number, &actor, at(9), |mut case, _| {
            case.contacts.push(contact_id(99));
            noted(case)
        });
        assert!(matches!(unlinkable.await, Err(StoreError::NotFound("contact"))));
        let unknown = CaseNumber("2026-01-999999".to_owned());
        let nowhere = store.change_case(&unknown, &actor, at(9), |case, _| noted(case));
        assert!(matches!(nowhere.await, Err(StoreError::NotFound("case"))));
        assert_eq!(store.case(&case.number).await.unwrap(), Some(case));
        assert_eq!(store.counts().await.unwrap().journal_seq, before);
    }

    #[tokio::test]
    async fn linking_moves_the_contact_to_the_case() {
        let (store, _files) = fresh().await;
        let number = registered(&store, 1).await.number;
        store.commit(offered(2)).await.unwrap();
        let actor = Actor::system("test");
        let linked = store
            .change_case(&number, &actor, at(9), |case, _| case.link(contact_id(2), at(9)))
            .await
            .unwrap();
        assert_eq!(linked.contacts, [contact_id(1), contact_id(2)]);
        assert_eq!(store.contact(contact_id(2)).await.unwrap().unwrap().case, Some(number));
        let last = store.entries_after(0, 100).await.unwrap().pop().unwrap();
        assert_eq!((last.event.as_str(), last.contact), ("case.linked", Some(contact_id(2))));
    }

    #[tokio::test]
    async fn the_work_order_follows_its_case() {
        let (store, _files) = fresh().await;
        let number = registered(&store, 1).await.number;
        let order = WorkOrderId(uuid::Uuid::from_u128(1));
        let deadline = Deadline {
            norm: "water".to_owned(),
            first: at(90),
            resolve_by: at(90),
            accept_by: Some(at(60)),
            ..Deadline::default()
        };
        let assignment = Assignment {
            order,
            executor: "vodokanal".to_owned(),
            executor_name: "Vodokanal".to_owned(),
            deadline,
            co_executors: Vec::new(),
            because: None,
            task: "mend the pipe".to_owned(),
        };
        let operator = Actor::person(Role::Operator, UserId(uuid::Uuid::from_u128(1)), None);
        let by = operator.clone();
        store
            .change_case(&number, &operator, at(9), move |case, _| {
                case.assign(assignment.clone(), &by, at(9))
            })
            .await
            .unwrap();
        let issued = store.work_order(order).await.unwrap().unwrap();
        assert_eq!(
            (issued.state, issued.resolve_by, &issued.case),
            (WorkOrderState::Issued, at(90), &number)
        );

        let worker =
            Actor::person(Role::Executor, UserId(uuid::Uuid::from_u128(2)), Some("vodokanal".to_owned()));
        let by = worker.clone();
        let accepted = store
            .change_case(&number, &worker, at(10), move |case, _| case.accept(&by, at(10)))
            .await
            .unwrap();
        assert!(matches!(accepted.state, CaseState::Accepted { .. }));
        let followed = store.work_order(order).await.unwrap().unwrap();
        assert_eq!(followed, WorkOrder { state: WorkOrderState::Accepted, ..issued });

        let filter = WorkOrderFilter {
            executor: Some("vodokanal".to_owned()),
            states: vec![WorkOrderState::Accepted],
        };
        assert_eq!(store.work_orders(&filter, &page(5, None)).await.unwrap().items, [followed]);
        let others = WorkOrderFilter { executor: Some("heat".to_owned()), states: Vec::new() };
        assert_eq!(store.work_orders(&others, &page(5, None)).await.unwrap().items, []);
    }

    /// Order `n` to be done until second `until`, led by `lead` with `with`.
    fn work(n: u128, until: i64, lead: &str, with: &[&str]) -> Assignment {
        Assignment {
            order: WorkOrderId(uuid::Uuid::from_u128(n)),
            executor: lead.to_owned(),
            executor_name: lead.to_owned(),
            deadline: Deadline {
                norm: "water".to_owned(),
                first: at(until),
                resolve_by: at(until),
                ..Deadline::default()
            },
            co_executors: with.iter().map(|executor| (*executor).to_owned()).collect(),
            because: None,
            task: "mend the pipe".to_owned(),
        }
    }

    #[tokio::test]
    async fn an_organisation_lists_what_it_leads_and_what_it_has_a_part_in() {
        let (store, _files) = fresh().await;
        let operator = Actor::person(Role::Operator, UserId(uuid::Uuid::from_u128(1)), None);
        let given = [
            work(1, 400, "water", &["heat"]),
            work(2, 300, "heat", &["water"]),
            work(3, 200, "water", &[]),
            work(4, 100, "roads", &["heat"]),
        ];
        for (n, assignment) in (1..).zip(given) {
            let number = registered(&store, n).await.number;
            let by = operator.clone();
            let change = move |case: Case, _: &[_]| case.assign(assignment.clone(), &by, at(9));
            store.change_case(&number, &operator, at(9), change).await.unwrap();
        }
        for states in [Vec::new(), vec![WorkOrderState::Issued]] {
            for (executor, expected) in [("water", [3, 2, 1]), ("heat", [4, 2, 1])] {
                let filter = WorkOrderFilter { executor: Some(executor.to_owned()), states: states.clone() };
                let (mut listed, mut cursor) = (Vec::new(), None);
                for _ in 0..3 {
                    let one = store.work_orders(&filter, &page(1, cursor)).await.unwrap();
                    listed.extend(one.items.into_iter().map(|order| order.id.0.as_u128()));
                    cursor = one.next;
                }
                assert_eq!((listed, cursor), (expected.to_vec(), None), "{executor} {states:?}");
            }
        }
        let done = WorkOrderFilter { executor: Some("water".to_owned()), states: vec![WorkOrderState::Done] };
        assert_eq!(store.work_orders(&done, &page(5, None)).await.unwrap().items, []);
        for (digits, expected) in [("000002", vec![2]), ("1", vec![1]), ("4", vec![])] {
            let found = store.orders_ending_in("water", digits).await.unwrap();
            assert_eq!(found.iter().map(|order| order.id.0.as_u128()).collect::<Vec<_>>(), expected);
        }
    }
}
