//! The work order an executor holds, and the evidence of the work.

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::ids::{EvidenceId, WorkOrderId};
use crate::time::Timestamp;

use super::CaseNumber;

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
    Done,
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
