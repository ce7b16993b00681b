//! An incident as its journal entries tell it (invariant 10), worked out from nothing but their names and data. The auditor
//! compares it with the row.

use serde_json::Value;

use super::Incident;

/// What the entries of one incident add up to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Empty before it was declared.
    pub state: String,
    pub category: String,
    pub cause: String,
    pub executor: String,
    /// As JSON.
    pub area: String,
    pub expected: String,
    pub updates: u32,
}

impl Replayed {
    pub fn apply(&mut self, event: &str, data: &Value) {
        match event {
            "incident.declared" => {
                "open".clone_into(&mut self.state);
                let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
                (self.category, self.cause, self.executor) =
                    (text("category"), text("cause"), text("executor"));
                self.area = data["area"].to_string();
                self.expected = data["expected"].to_string();
            }
            "incident.updated" => {
                self.expected = data["expected"].to_string();
                self.updates = self.updates.saturating_add(1);
            }
            "incident.restored" => "restored".clone_into(&mut self.state),
            "incident.closed" => "closed".clone_into(&mut self.state),
            "incident.cancelled" => "cancelled".clone_into(&mut self.state),
            _ => {}
        }
    }

    /// The first thing in which the row differs from the entries: its name, and both values.
    pub fn difference(&self, incident: &Incident) -> Option<(&'static str, String, String)> {
        let row = Self {
            state: incident.state.name().to_owned(),
            category: incident.matter.category.clone(),
            cause: incident.matter.cause.name().to_owned(),
            executor: incident.matter.executor.clone(),
            area: serde_json::json!(incident.matter.area).to_string(),
            expected: serde_json::json!(incident.expected).to_string(),
            updates: incident.updates,
        };
        let differs = |what, row: &str, journal: &str| {
            (row != journal).then(|| (what, row.to_owned(), journal.to_owned()))
        };
        differs("state", &row.state, &self.state)
            .or_else(|| differs("category", &row.category, &self.category))
            .or_else(|| differs("cause", &row.cause, &self.cause))
            .or_else(|| differs("executor", &row.executor, &self.executor))
            .or_else(|| differs("area", &row.area, &self.area))
            .or_else(|| differs("expected", &row.expected, &self.expected))
            .or_else(|| differs("updates", &row.updates.to_string(), &self.updates.to_string()))
    }
}
