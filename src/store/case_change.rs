//! Changing a case: load, let the pure transition work it out, save unless somebody was faster. The transition runs
//! in its caller's task, so that no rule of the domain ever holds the writer up.

use crate::case::transition::InvalidTransition;
use crate::case::work_order::{EvidenceRef, WorkOrder};
use crate::case::{Case, CaseEvent, CaseNumber};
use crate::ids::ContactId;
use crate::journal::Draft;
use crate::people::Actor;
use crate::time::Timestamp;

use super::register::{Source, drafts};
use super::writer::{Change, Ledger};
use super::{Store, StoreError, cases, contacts, work_orders};

/// Races one change may lose. Each lost race is another's success, and few people work on one case at a time.
const MAX_ATTEMPTS: usize = 32;

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
        F: Fn(Case, &[EvidenceRef]) -> Result<(Case, Vec<CaseEvent>), InvalidTransition> + Send + Sync + 'static,
    {
        for _ in 0..MAX_ATTEMPTS {
            let (case, revision) = self.case_with_revision(number).await?.ok_or(StoreError::NotFound("case"))?;
            let (previous, evidence) = match case.state.order() {
                Some(order) => (self.work_order(order).await?, self.evidence_of(order).await?),
                None => (None, Vec::new()),
            };
            let contacts_before = case.contacts.clone();
            let (case, events) = change(case, &evidence)?;
            let order = WorkOrder::after(&case, previous, &events, at);
            let linked = newly_linked(&contacts_before, &case);
            // An entry names the contact only where there is no doubt which one it is about.
            let contact = if let [contact] = linked[..] { Some(contact) } else { None };
            let entries = drafts(number, events, &Source { at, actor, contact, media: None })?;
            if let Some(saved) = self.writer.make(Save { case, revision, order, linked, entries }).await? {
                return Ok(saved);
            }
        }
        Err(StoreError::Timeout)
    }
}

fn newly_linked(before: &[ContactId], case: &Case) -> Vec<ContactId> {
    case.contacts.iter().filter(|contact| !before.contains(contact)).copied().collect()
}

/// A change worked out from `revision`.
struct Save {
    case: Case,
    revision: i64,
    order: Option<WorkOrder>,
    linked: Vec<ContactId>,
    entries: Vec<Draft>,
}

impl Change for Save {
    /// None when the row had moved on.
    type Answer = Option<Case>;

    async fn apply(self, ledger: &mut Ledger<'_>) -> Result<Option<Case>, StoreError> {
        if !cases::update(ledger.connection, &self.case, self.revision).await? {
            return Ok(None);
        }
        if let Some(order) = &self.order {
            work_orders::save(ledger.connection, order).await?;
        }
        for contact in self.linked {
            contacts::set_case(ledger.connection, contact, &self.case.number).await?;
        }
        ledger.append_all(self.entries).await?;
        Ok(Some(self.case))
    }
}
