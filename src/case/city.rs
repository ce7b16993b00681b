//! The city plan (`city.toml`): calendars, norms, categories, organisations, service areas, evidence rules.

use crate::diagnostic::Diagnostic;

#[derive(Clone, Debug)]
pub struct CityPlan {}

/// What a category demands before "done" is believed (invariant 2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvidenceRule {
    pub min_photos: usize,
    pub roles: Vec<String>,
}

impl CityPlan {
    /// Parses and cross-checks; every complaint is listed with its place.
    pub fn parse(_file: &str, _text: &str) -> Result<Self, Vec<Diagnostic>> {
        todo!()
    }

    pub fn evidence_rule(&self, _category: &str) -> Option<&EvidenceRule> {
        todo!()
    }

    /// Attempts to tell the applicant before `fixed_unconfirmed` is allowed.
    pub fn telling_attempts(&self) -> usize {
        todo!()
    }
}
