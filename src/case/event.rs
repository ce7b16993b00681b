//! What happened to a case: the `case.`, `wo.`, `evidence.`, `norm.`, `verify.` and `notif.` entries it causes.

/// One fact; `journal/event.rs` gives it its entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaseEvent {
    /// A name of the journal's vocabulary, e.g. `case.registered`.
    pub name: &'static str,
    pub reason: Option<String>,
    pub data: serde_json::Value,
}
