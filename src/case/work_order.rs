//! The work order an executor holds, and the evidence of the work. Its row follows the case's events: the case
//! decides, the order never moves by itself.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::ids::{EvidenceId, WorkOrderId};
use crate::time::Timestamp;

use super::routing::Because;
use super::{Case, CaseEvent, CaseNumber};

/// The row of a work order; its state follows the case's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkOrder {
    pub id: WorkOrderId,
    pub case: CaseNumber,
    /// Organisation id.
    pub executor: String,
    pub state: WorkOrderState,
    pub task: String,
    pub issued_at: Timestamp,
    pub accept_by: Option<Timestamp>,
    pub resolve_by: Timestamp,
    pub result: Option<String>,
    pub declined_reason: Option<String>,
    /// Why this executor; none in orders that a person gave out.
    pub because: Option<Because>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkOrderState {
    Issued,
    Accepted,
    Declined,
    Started,
    Reported,
    Returned,
    /// Taken back from the executor: the case was withdrawn, merged, or given to somebody else.
    Cancelled,
    Done,
}

impl WorkOrder {
    /// The rows that `events` of one transition, which led to `case`, touch: the one the case held (`previous`), and one
    /// that was issued.
    pub fn after(case: &Case, previous: Option<Self>, events: &[CaseEvent], at: Timestamp) -> Vec<Self> {
        let mut order = previous;
        let mut touched = false;
        let mut rows = Vec::new();
        for event in events {
            let text = |key: &str| event.data[key].as_str().map(str::to_owned);
            if event.name == "wo.issued" {
                rows.extend(order.take().filter(|_| touched));
                let because = serde_json::from_value(event.data["because"].clone()).ok().flatten();
                order = Self::issued(case, text("task").unwrap_or_default(), because, at);
                touched = order.is_some();
                continue;
            }
            let Some(order) = &mut order else { continue };
            order.state = match event.name {
                "wo.accepted" => WorkOrderState::Accepted,
                "wo.declined" => {
                    order.declined_reason = event.reason.clone();
                    WorkOrderState::Declined
                }
                "wo.started" => WorkOrderState::Started,
                "wo.reported" => {
                    order.result = text("result");
                    WorkOrderState::Reported
                }
                "wo.returned" => WorkOrderState::Returned,
                "wo.cancelled" => WorkOrderState::Cancelled,
                "case.closed" if order.state == WorkOrderState::Reported => WorkOrderState::Done,
                "norm.clock_paused" | "norm.clock_resumed" | "norm.extended" => {
                    order.resolve_by =
                        case.deadline.as_ref().map_or(order.resolve_by, |deadline| deadline.resolve_by);
                    order.state
                }
                _ => continue,
            };
            touched = true;
        }
        rows.extend(order.filter(|_| touched));
        rows
    }

    fn issued(case: &Case, task: String, because: Option<Because>, at: Timestamp) -> Option<Self> {
        // Work done by an incident is issued and reported in one step.
        let (order, executor) = (case.state.order()?, case.state.executor()?);
        let deadline = case.deadline.as_ref()?;
        Some(Self {
            id: order,
            case: case.number.clone(),
            executor: executor.to_owned(),
            state: WorkOrderState::Issued,
            task,
            issued_at: at,
            accept_by: deadline.accept_by,
            resolve_by: deadline.resolve_by,
            result: None,
            declined_reason: None,
            because,
        })
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkReport {
    pub result: String,
}

/// Uploaded evidence: the original bytes lie in the store under their digest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EvidenceRef {
    pub id: EvidenceId,
    pub order: WorkOrderId,
    /// `before`, `after` or `other`.
    pub role: String,
    pub content_type: String,
    pub length: u64,
    pub sha256: Sha256,
    pub received_at: Timestamp,
    /// Cycle of the case it was uploaded in.
    pub cycle: u16,
}
