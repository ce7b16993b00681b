//! What happened to a case: the `case.`, `wo.`, `evidence.`, `norm.`, `verify.` and `reply.` entries it causes.
//! Data names ids, codes, moments and the city's own words; never the applicant's number, name, address or words,
//! which may have to be erased from the row one day.

use serde_json::Value;

/// One fact; `journal/event.rs` gives it its entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseEvent {
    /// A name of the journal's vocabulary, e.g. `case.registered`.
    pub name: &'static str,
    pub reason: Option<String>,
    pub data: Value,
}

impl CaseEvent {
    pub(super) const fn new(name: &'static str, data: Value) -> Self {
        Self { name, reason: None, data }
    }

    pub(super) fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }
}
