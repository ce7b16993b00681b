//! The city plan (`city.toml`): calendars, norms, categories, organisations, service areas, evidence rules, duties.
//! Here the plan's words and its answers; `city/parse` reads the text, `city/checks` compares its parts.

#[cfg(test)]
mod area_tests;
mod areas;
mod checks;
mod duty;
mod endings;
mod filing;
mod parse;
mod promises;
mod reader;
mod receptions;
mod retention;
#[cfg(test)]
mod tests;
mod validity;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};

use super::escalation::{Post, Rung};
use super::hold::HoldRule;
use super::norm::Norm;
use super::proof::ProofRule;
use super::reception::Reception;
use super::retention::RetentionRule;
use super::routing::closeness;
use super::rules::{ArchiveRule, ReopenRule, VerifyRule};
use super::{Clock, Priority};
use crate::calendar::Calendar;
use crate::diagnostic::Diagnostic;
use crate::language::Language;
use crate::time::Timestamp;

pub(super) use areas::{Matter, ServiceArea};
pub use duty::{Duties, Duty, MAX_DUTY_PHONES};
use endings::Endings;
pub use filing::{Attribute, AttributeKind, AttributeValue, Filing};

/// Everything the city decides about cases, checked.
#[derive(Clone, Debug)]
pub struct CityPlan {
    name: String,
    language: Language,
    /// The city's clock, for dates that people are told.
    clock: Calendar,
    categories: Vec<Category>,
    /// Category id by IVR topic.
    topics: BTreeMap<String, String>,
    territories: Vec<Territory>,
    organisations: Vec<Organisation>,
    areas: Vec<ServiceArea>,
    calendars: BTreeMap<String, Calendar>,
    norms: Vec<Norm>,
    posts: Vec<Post>,
    /// By level.
    ladder: Vec<Rung>,
    hold: HoldRule,
    /// By category id, a parent of categories, or `*`.
    evidence: BTreeMap<String, EvidenceRule>,
    proof: ProofRule,
    duties: Duties,
    endings: Endings,
    receptions: Vec<Reception>,
    retention: Vec<RetentionRule>,
}

/// A kind of matter; a dotted id is a child, as in `water.burst`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Category {
    pub id: String,
    /// In every language of service.
    pub name: BTreeMap<Language, String>,
    /// Heading in lists, e.g. `utilities`.
    pub group: String,
    /// What requests in writing need.
    pub filing: Filing,
}

/// A part of the city that responsibility may depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Territory {
    pub id: String,
    pub name: String,
}

/// An executor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Organisation {
    pub id: String,
    pub name: String,
}

/// What a category demands before "done" is believed (invariant 2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvidenceRule {
    pub min_photos: usize,
    pub roles: Vec<String>,
}

impl CityPlan {
    /// Parses and cross-checks; every complaint is listed with its place.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        parse::parse(file, text)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language the city's executors read.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Year, month and day of `at` on the city's clock, as told to citizens.
    pub fn civil_date(&self, at: Timestamp) -> (i32, u32, u32) {
        let date = self.clock.date_of(at);
        (date.year(), date.month(), date.day())
    }

    /// The last moment of a day on the city's clock.
    pub fn end_of_day(&self, date: NaiveDate) -> Timestamp {
        self.clock.end_of(date)
    }

    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    pub fn category(&self, id: &str) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    pub fn territories(&self) -> &[Territory] {
        &self.territories
    }

    pub fn territory(&self, id: &str) -> Option<&Territory> {
        self.territories.iter().find(|territory| territory.id == id)
    }

    pub fn organisations(&self) -> &[Organisation] {
        &self.organisations
    }

    /// Who is on duty when the desks are closed.
    pub fn duties(&self) -> &Duties {
        &self.duties
    }

    pub fn organisation(&self, id: &str) -> Option<&Organisation> {
        self.organisations.iter().find(|organisation| organisation.id == id)
    }

    /// The category a case begins with when the caller chose `topic` in the IVR.
    pub fn topic_category(&self, topic: &str) -> Option<&str> {
        self.topics.get(topic).map(String::as_str)
    }

    /// The IVR topic that leads closest to a category.
    pub fn topic_of(&self, category: &str) -> Option<&str> {
        let leads =
            |id: &str| category.strip_prefix(id).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let topics = self.topics.iter().filter(|(_, id)| leads(id));
        topics.max_by_key(|(_, id)| id.len()).map(|(topic, _)| topic.as_str())
    }

    /// Category id by IVR topic.
    pub const fn topic_categories(&self) -> &BTreeMap<String, String> {
        &self.topics
    }

    /// The rule closest to `category`: its own, its parent's, or the one for all.
    pub fn evidence_rule(&self, category: &str) -> Option<&EvidenceRule> {
        let fitting = self.evidence.iter().filter_map(|(id, rule)| Some((closeness(id, category)?, rule)));
        fitting.max_by_key(|(closeness, _)| *closeness).map(|(_, rule)| rule)
    }

    /// When an applicant counts as unreachable, and which closed cases are inspected.
    pub const fn verify_rule(&self) -> &VerifyRule {
        &self.endings.verify
    }

    pub const fn reopen_rule(&self) -> &ReopenRule {
        &self.endings.reopen
    }

    pub const fn archive_rule(&self) -> &ArchiveRule {
        &self.endings.archive
    }

    /// What a picture's own statements are held against.
    pub const fn proof_rule(&self) -> &ProofRule {
        &self.proof
    }

    /// The city's clock, open round the clock.
    pub const fn clock(&self) -> &Calendar {
        &self.clock
    }

    pub fn calendar(&self, name: &str) -> Option<&Calendar> {
        self.calendars.get(name)
    }

    /// Who may be asked about missed promises; beside them the control desk and the mayor's office.
    pub fn posts(&self) -> &[Post] {
        &self.posts
    }

    /// What a missed promise climbs, the lowest rung first; never empty.
    pub fn ladder(&self) -> &[Rung] {
        &self.ladder
    }

    pub const fn hold_rule(&self) -> HoldRule {
        self.hold
    }

    /// The norm of `clock` that applies, in the version in force at the registration: the closest category first, then
    /// the highest priority it asks for, then the order of the file.
    pub fn norm(
        &self,
        category: &str,
        priority: Priority,
        clock: Clock,
        registered_at: Timestamp,
    ) -> Option<&Norm> {
        let fits =
            |norm: &Norm| norm.clock == clock && norm.priority <= priority && norm.is_in_force(registered_at);
        let fitting = self.norms.iter().enumerate().filter(|(_, norm)| fits(norm));
        fitting
            .filter_map(|(line, norm)| {
                Some(((closeness(&norm.category, category)?, norm.priority, Reverse(line)), norm))
            })
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, norm)| norm)
    }
}

impl Category {
    /// The name in `language`; the plan's check demands one for each.
    pub fn name_in(&self, language: Language) -> &str {
        self.name.get(&language).unwrap_or(&self.id)
    }
}
