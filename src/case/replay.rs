//! The case as its journal entries tell it (invariant 10): state, executor, category, promises, escalations, cycle, level
//! and relations, worked out from nothing but the entries' names and data. The auditor compares it with the row; the two are written by different code.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::deadline::Clock;
use super::escalation::Escalation;
use super::{Case, CaseNumber, Part, Relation, RelationKind};
use crate::ids::IncidentNumber;

/// What the entries of one case add up to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Replayed {
    /// Name of the state; empty before the registration.
    pub state: String,
    /// Organisation id of who holds the order.
    pub executor: Option<String>,
    pub code: Option<String>,
    pub cycle: u16,
    pub level: u8,
    pub bounces: u16,
    pub absorbed: u16,
    /// Attempts to tell applicants.
    pub tellings: usize,
    pub inspections: usize,
    /// State by organisation, of those who work with the lead.
    pub parts: BTreeMap<String, String>,
    /// Kind and the other case's number.
    pub relations: BTreeSet<(RelationKind, CaseNumber)>,
    /// What of it was destroyed.
    pub erased: BTreeSet<String>,
    /// Incidents it is part of: at most one.
    pub incidents: BTreeSet<IncidentNumber>,
    /// What the registration, and whoever classified it since, say it is.
    pub matter: Option<Matter>,
    /// First and present end by clock, of those that an entry promised.
    pub promises: BTreeMap<&'static str, String>,
    /// Who was asked about which missed end, and which post answered; in words, in their order.
    pub escalations: Vec<String>,
}

/// Category, territory, priority and language.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Matter {
    pub category: String,
    pub territory: String,
    pub priority: String,
    pub language: String,
}

impl Replayed {
    /// The next entry of the case, by the journal's name and data. Entries that move none of this are passed over.
    pub fn apply(&mut self, event: &str, data: &Value) {
        match event {
            "case.registered" => {
                self.to("registered");
                self.cycle = 1;
                self.matter = Some(Matter::default());
                self.classify(data);
            }
            "case.classified" => self.classify(data),
            "wo.issued" => {
                self.executor = text(data, "executor");
                let asked = data["co_executors"].as_array().into_iter().flatten().filter_map(Value::as_str);
                self.parts = asked.map(|id| (id.to_owned(), "asked".to_owned())).collect();
                self.to("assigned");
            }
            "wo.part_accepted" => self.part(data, "accepted"),
            "wo.part_reported" => self.part(data, "reported"),
            "wo.part_declined" => self.part(data, "declined"),
            "wo.part_given" => {
                self.parts.remove(data["from"].as_str().unwrap_or_default());
                self.part(data, "asked");
            }
            "wo.accepted" => self.to("accepted"),
            "wo.started" | "wo.returned" => self.to("in_progress"),
            "wo.reported" => self.to("work_reported"),
            "evidence.accepted" => self.to("verification"),
            "norm.clock_paused" => self.to("on_hold"),
            "norm.clock_resumed" => self.to(data["state"].as_str().unwrap_or_default()),
            "wo.declined" => {
                self.bounces = count(data, "bounces");
                self.executor = None;
                self.to("registered");
            }
            "wo.cancelled" => self.executor = None,
            "case.forwarded" => self.to("forwarded"),
            "case.forward_answered" if data["taken_over"] == Value::Bool(false) => self.to("registered"),
            "case.explained" | "case.refused" => self.to("explained"),
            "case.closed" => {
                self.code = text(data, "code");
                self.executor = None;
                self.to("closed");
            }
            "case.archived" => self.to("archived"),
            "case.reopened" => {
                self.code = None;
                self.cycle = count(data, "cycle");
            }
            "verify.attempted" | "reply.sent" => self.tellings += 1,
            "verify.inspected" if data["passed"].is_boolean() => self.inspections += 1,
            "case.linked" => self.link(data),
            "case.erased" => {
                let what = data["what"].as_array().into_iter().flatten().filter_map(Value::as_str);
                self.erased.extend(what.map(str::to_owned));
            }
            // An order that was out is cancelled: the incident has the work.
            "incident.case_attached" => {
                self.incidents.extend(incident(data));
                self.to("registered");
            }
            "incident.case_detached" => {
                incident(data).map(|incident| self.incidents.remove(&incident));
            }
            _ => {}
        }
        self.apply_clocks(event, data);
        let moves_level = matches!(event, "case.reopened" | "verify.refuted" | "wo.returned");
        if let Some(level) = data["level"].as_u64().filter(|_| moves_level) {
            self.level = u8::try_from(level).unwrap_or(u8::MAX);
        }
    }

    /// The first thing in which the row differs from the entries: its name, and both values.
    pub fn difference(&self, case: &Case) -> Option<(&'static str, String, String)> {
        let mut row = Self::of(case);
        // What no entry tells of proves nothing: rows from before there was such an entry, and promises.
        row.matter = row.matter.filter(|_| self.matter.is_some());
        row.promises.retain(|clock, _| self.promises.contains_key(clock));
        let differs = |what, row: String, journal: String| (row != journal).then_some((what, row, journal));
        differs("state", row.state, self.state.clone())
            .or_else(|| differs("executor", said(row.executor), said(self.executor.clone())))
            .or_else(|| differs("code", said(row.code), said(self.code.clone())))
            .or_else(|| differs("cycle", row.cycle.to_string(), self.cycle.to_string()))
            .or_else(|| differs("level", row.level.to_string(), self.level.to_string()))
            .or_else(|| differs("bounces", row.bounces.to_string(), self.bounces.to_string()))
            .or_else(|| differs("absorbed", row.absorbed.to_string(), self.absorbed.to_string()))
            .or_else(|| differs("tellings", row.tellings.to_string(), self.tellings.to_string()))
            .or_else(|| differs("inspections", row.inspections.to_string(), self.inspections.to_string()))
            .or_else(|| differs("parts", format!("{:?}", row.parts), format!("{:?}", self.parts)))
            .or_else(|| differs("relations", format!("{:?}", row.relations), format!("{:?}", self.relations)))
            .or_else(|| differs("erased", format!("{:?}", row.erased), format!("{:?}", self.erased)))
            .or_else(|| differs("incident", format!("{:?}", row.incidents), format!("{:?}", self.incidents)))
            .or_else(|| differs("matter", format!("{:?}", row.matter), format!("{:?}", self.matter)))
            .or_else(|| differs("promise", format!("{:?}", row.promises), format!("{:?}", self.promises)))
            .or_else(|| differs("escalations", row.escalations.join("; "), self.escalations.join("; ")))
    }

    fn of(case: &Case) -> Self {
        let pair = |relation: &Relation| (relation.kind, relation.other.clone());
        let code = case.state.closing().map(|(code, _)| code);
        Self {
            state: case.state.name().to_owned(),
            executor: case.state.executor().map(str::to_owned),
            code: code.and_then(|code| serde_json::to_value(code).ok()?.as_str().map(str::to_owned)),
            cycle: case.cycle,
            level: case.level,
            bounces: case.bounces,
            absorbed: case.absorbed,
            tellings: case.told.len(),
            inspections: case.inspections.len(),
            parts: case
                .parts
                .iter()
                .map(|part: &Part| (part.executor.clone(), part.state.name().to_owned()))
                .collect(),
            relations: case.relations.iter().map(pair).collect(),
            erased: case.erased.iter().map(|content| content.name().to_owned()).collect(),
            incidents: case.incident().into_iter().collect(),
            matter: Some(Matter::of(case)),
            promises: CLOCKS
                .iter()
                .zip([Clock::Executor, Clock::Citizen])
                .filter_map(|(name, clock)| Some((*name, promised(&json!(case.deadline_of(clock)?)))))
                .collect(),
            escalations: case.clocks.escalations.iter().map(asked_and_answered).collect(),
        }
    }

    /// What was promised, and who was asked when it was missed.
    fn apply_clocks(&mut self, event: &str, data: &Value) {
        match event {
            "norm.applied" => {
                let clock = CLOCKS.iter().find(|clock| data["clock"] == **clock);
                self.promises.extend(clock.map(|clock| (*clock, promised(data))));
            }
            "norm.extended" | "norm.clock_paused" | "norm.clock_resumed" => self.move_promises(data),
            "esc.raised" => self.escalations.push(raised(data)),
            "esc.answered" => self.answer(data),
            _ => {}
        }
    }

    fn classify(&mut self, data: &Value) {
        let Some(matter) = &mut self.matter else { return };
        let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        (matter.category, matter.territory) = (text("category"), text("territory"));
        matter.priority = text("priority");
        if let Some(language) = data["language"].as_str() {
            language.clone_into(&mut matter.language);
        }
    }

    /// Entries that move a deadline tell both of them as they are then.
    fn move_promises(&mut self, data: &Value) {
        for clock in CLOCKS {
            let told = &data["deadlines"][clock];
            if told.is_object() {
                self.promises.insert(clock, promised(told));
            }
        }
    }

    fn answer(&mut self, data: &Value) {
        let place = data["number"].as_u64().and_then(|number| usize::try_from(number.checked_sub(1)?).ok());
        if let Some(asked) = place.and_then(|place| self.escalations.get_mut(place)) {
            asked.push_str(&answered(data["post"].as_str().unwrap_or_default()));
        }
    }

    fn link(&mut self, data: &Value) {
        if text(data, "merged").is_some() {
            self.absorbed = self.absorbed.saturating_add(1);
        }
        let kind = text(data, "relation").and_then(|name| RelationKind::from_name(&name));
        if let (Some(kind), Some(other)) = (kind, text(data, "other")) {
            self.relations.insert((kind, CaseNumber(other)));
        }
    }

    fn part(&mut self, data: &Value, state: &str) {
        self.parts.extend(text(data, "executor").map(|executor| (executor, state.to_owned())));
    }

    fn to(&mut self, state: &str) {
        state.clone_into(&mut self.state);
    }
}

/// Names of the clocks in entries.
const CLOCKS: [&str; 2] = ["executor", "citizen"];

impl Matter {
    fn of(case: &Case) -> Self {
        let word = |value: Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            category: case.category.clone(),
            territory: case.place.as_ref().and_then(|place| place.territory.clone()).unwrap_or_default(),
            priority: word(json!(case.priority)),
            language: word(json!(case.language)),
        }
    }
}

/// First and present end of a deadline, and by when it is to be accepted.
fn promised(deadline: &Value) -> String {
    let [first, resolve_by, accept_by] = ["first", "resolve_by", "accept_by"].map(|key| &deadline[key]);
    format!("{first}, now {resolve_by}, accepted by {accept_by}")
}

/// An escalation, as its entry tells it.
fn raised(data: &Value) -> String {
    let told = ["clock", "missed", "level", "to", "executor", "answer_by", "next_at", "is_last"];
    told.map(|key| data[key].to_string()).join(" ")
}

fn answered(post: &str) -> String {
    format!(" answered by {post}")
}

fn asked_and_answered(escalation: &Escalation) -> String {
    let mut words = raised(&json!(escalation));
    if let Some(answer) = &escalation.answer {
        words.push_str(&answered(&answer.post));
    }
    words
}

fn text(data: &Value, key: &str) -> Option<String> {
    data[key].as_str().map(str::to_owned)
}

fn count(data: &Value, key: &str) -> u16 {
    data[key].as_u64().and_then(|count| u16::try_from(count).ok()).unwrap_or(u16::MAX)
}

fn incident(data: &Value) -> Option<IncidentNumber> {
    data["incident"].as_u64().and_then(|number| u32::try_from(number).ok()).map(IncidentNumber)
}

fn said(word: Option<String>) -> String {
    word.unwrap_or_else(|| "none".to_owned())
}
