//! What a dialplan must be besides readable: every exit leads somewhere, every caller gets somewhere,
//! the emergency key is always there, and everything it says has words in every language.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::fields::did_you_mean;
use super::node::{LookupKind, Node, NodeKind, OrderStep, Slot, Verdict};
use super::prompt::{PromptItem, TONE_PREFIX, Value, dynamic_prompts};
use super::source::Source;
use super::texts::PromptTexts;
use super::{Dialplan, MAX_DEPTH, PromptRef, TextPosition};
use crate::diagnostic::Diagnostic;
use crate::language::Language;

/// Every name in an exit must be that of a node; `names` lists also the nodes that could not be read.
pub(super) fn targets(plan: &Dialplan, names: &[String], source: &Source<'_>) {
    let exits = plan.nodes.values().flat_map(Node::exits).map(|exit| exit.target);
    let special = plan.emergency.iter().chain(&plan.machine);
    for target in [&plan.start, &plan.operator].into_iter().chain(special).chain(exits) {
        if !names.contains(&target.node) {
            let hint = did_you_mean(&target.node, names.iter().map(String::as_str));
            source.complain_at(target.at, format!("there is no node '{}'{hint}", target.node));
        }
    }
}

/// The rules about the plan as a whole.
pub(super) fn plan(plan: &Dialplan, source: &Source<'_>) {
    calendars(plan, source);
    languages(plan, source);
    emergency(plan, source);
    answers(plan, source);
    collected(plan, source);
    incidents(plan, source);
    // A graph with holes would only repeat what was said about the holes.
    if !source.has_complaints() {
        let graph = Graph::of(plan);
        graph.check_reachable(plan, source);
        graph.check_dead_ends(plan, source);
        graph.check_loops(plan, source);
    }
}

fn calendars(plan: &Dialplan, source: &Source<'_>) {
    for node in plan.nodes.values() {
        let NodeKind::Schedule(schedule) = &node.kind else { continue };
        let name = &schedule.calendar.node;
        if !plan.calendars.contains_key(name) {
            let hint = did_you_mean(name, plan.calendars.keys().map(String::as_str));
            source.complain_at(schedule.calendar.at, format!("there is no calendar '{name}'{hint}"));
        }
    }
}

fn languages(plan: &Dialplan, source: &Source<'_>) {
    let check = |language: Language, at: TextPosition| {
        if !plan.languages.contains(&language) {
            source.complain_at(
                at,
                format!("language '{language}' is not among the 'languages' of this dialplan"),
            );
        }
    };
    for node in plan.nodes.values() {
        if let NodeKind::SetLanguage(set) = &node.kind {
            check(set.language, node.at);
        }
        for item in node.prompts() {
            if let PromptItem::Text { language: Some(language), at, .. } = item {
                check(*language, *at);
            }
        }
    }
}

fn emergency(plan: &Dialplan, source: &Source<'_>) {
    if let Some(node) = plan.emergency.as_ref().and_then(|target| plan.nodes.get(&target.node))
        && !matches!(&node.kind, NodeKind::Queue(queue) if queue.urgent)
        && let Some(target) = &plan.emergency
    {
        let message =
            format!("'emergency' must name a queue node with urgent = true; '{}' is none", node.name);
        source.complain_at(target.at, message);
    }
    if let Some(node) = plan.nodes.get(&plan.operator.node)
        && !matches!(&node.kind, NodeKind::Queue(_))
    {
        source.complain_at(
            plan.operator.at,
            format!("'operator' must name a queue node; '{}' is none", node.name),
        );
    }
    let Some(emergency) = &plan.emergency else { return };
    for node in plan.nodes.values() {
        let NodeKind::Menu(menu) = &node.kind else { continue };
        if !menu.keys.iter().any(|(_, target)| target.node == emergency.node) {
            let message =
                format!("menu '{}' has no key for the emergency node '{}'", node.name, emergency.node);
            source.complain_at(node.at, message);
        }
    }
}

/// A plan that asks applicants lets them say yes and no; no other one hears answers.
fn answers(plan: &Dialplan, source: &Source<'_>) {
    let answers = plan.answers();
    match &plan.machine {
        Some(machine) => {
            for (verdict, name) in [(Verdict::Fixed, "fixed"), (Verdict::NotFixed, "not_fixed")] {
                if !answers.contains(&verdict) {
                    let message = format!("a plan with 'machine' asks, but no node has answer = \"{name}\"");
                    source.complain_at(machine.at, message);
                }
            }
        }
        None => {
            let nodes = plan.nodes.values().filter(|node| matches!(node.kind, NodeKind::Answer(_)));
            for node in nodes {
                let message =
                    format!("node '{}' is an answer, but nobody is asked: 'machine' is missing", node.name);
                source.complain_at(node.at, message);
            }
        }
    }
}

/// What speaks of an incident, or joins one, needs some node that looks for one.
fn incidents(plan: &Dialplan, source: &Source<'_>) {
    let looks =
        |node: &Node| matches!(&node.kind, NodeKind::Lookup(lookup) if lookup.what == LookupKind::Incident);
    if plan.nodes.values().any(looks) {
        return;
    }
    for node in plan.nodes.values() {
        let speaks = |item: &&PromptItem| matches!(item, PromptItem::Value { value: Value::Incident, .. });
        if matches!(node.kind, NodeKind::Attach(_)) || node.prompts().iter().any(speaks) {
            let message = format!(
                "node '{}' is about an incident, but no node looks for one (what = \"incident\")",
                node.name
            );
            source.complain_at(node.at, message);
        }
    }
}

/// A node that speaks of what was collected needs some node that collects it.
fn collected(plan: &Dialplan, source: &Source<'_>) {
    let collects = |slot: Slot| {
        plan.nodes
            .values()
            .any(|node| matches!(&node.kind, NodeKind::Collect(collect) if collect.into == slot))
    };
    for node in plan.nodes.values() {
        let needs: &[(Slot, &str, &str)] = match &node.kind {
            NodeKind::CaseStatus(_) => &[(Slot::CaseNumber, "case number", "case_number")],
            NodeKind::Lookup(lookup) if lookup.what == LookupKind::CaseStatus => {
                &[(Slot::CaseNumber, "case number", "case_number")]
            }
            NodeKind::WorkOrder(order) if order.step == OrderStep::Open => &[
                (Slot::OrderNumber, "order number", "order_number"),
                (Slot::PhoneCode, "phone code", "phone_code"),
            ],
            _ => &[],
        };
        for (_, what, slot) in needs.iter().filter(|(slot, _, _)| !collects(*slot)) {
            let message =
                format!("node '{}' needs a {what}, but no node collects one (into = \"{slot}\")", node.name);
            source.complain_at(node.at, message);
        }
    }
    let opens =
        |node: &Node| matches!(&node.kind, NodeKind::WorkOrder(order) if order.step == OrderStep::Open);
    let has_open = plan.nodes.values().any(opens);
    let steps = plan.nodes.values().filter(|node| matches!(node.kind, NodeKind::WorkOrder(_)));
    for node in steps.filter(|_| !has_open) {
        let message =
            format!("node '{}' takes a step of an order, but no node has step = \"open\"", node.name);
        source.complain_at(node.at, message);
    }
}

/// Complains about every prompt without words, once per place and language.
pub(super) fn prompts(plan: &Dialplan, texts: &PromptTexts) -> Vec<Diagnostic> {
    let mut complaints = Vec::new();
    let mut require = |id: &str, language: Language, at: TextPosition, user: &str| {
        let prompt = PromptRef { id: id.to_owned(), language };
        if id.starts_with(TONE_PREFIX) || texts.text(&prompt).is_some() {
            return;
        }
        let hint = did_you_mean(id, texts.ids(language));
        complaints.push(Diagnostic {
            file: plan.file.clone(),
            line: at.line,
            column: at.column,
            message: format!("prompt '{id}' of {user} has no text in '{language}'{hint}"),
        });
    };
    for node in plan.nodes.values() {
        for item in node.prompts() {
            if let PromptItem::Value { value, at } = item {
                for id in value.prompts() {
                    for language in &plan.languages {
                        require(&id, *language, *at, &format!("node '{}'", node.name));
                    }
                }
            }
            let PromptItem::Text { id, language, at } = item else { continue };
            let one = language.map(|language| vec![language]);
            for language in one.as_deref().unwrap_or(&plan.languages) {
                require(id, *language, *at, &format!("node '{}'", node.name));
            }
        }
    }
    for id in dynamic_prompts() {
        for language in &plan.languages {
            require(&id, *language, TextPosition { line: 1, column: 1 }, "the program itself");
        }
    }
    complaints.sort_by_key(|complaint| (complaint.line, complaint.column));
    complaints.truncate(super::MAX_COMPLAINTS);
    complaints
}

/// Who leads to whom, `"@back"` resolved to everyone who leads to the node that goes back.
struct Graph<'p> {
    /// By node: where it leads, and whether the caller must do something for it.
    exits: BTreeMap<&'p str, Vec<(&'p str, bool)>>,
}

impl<'p> Graph<'p> {
    fn of(plan: &'p Dialplan) -> Self {
        let mut exits: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
        for node in plan.nodes.values() {
            let leads = node.exits().into_iter().map(|exit| (exit.target.node.as_str(), exit.needs_input));
            exits.insert(&node.name, leads.collect());
        }
        let back: Vec<&str> =
            plan.nodes.values().filter(|node| node.goes_back()).map(|node| node.name.as_str()).collect();
        for name in back {
            let callers = exits.iter().filter(|(_, leads)| leads.iter().any(|(to, _)| *to == name));
            let callers: Vec<(&str, bool)> = callers.map(|(from, _)| (*from, false)).collect();
            exits.insert(name, callers);
        }
        Self { exits }
    }

    fn leads(&self, from: &str) -> &[(&'p str, bool)] {
        self.exits.get(from).map_or(&[], Vec::as_slice)
    }

    /// Steps from any of `roots` to each node that can be reached.
    fn distances<'a>(&'a self, roots: &[&'a str]) -> BTreeMap<&'a str, usize> {
        let mut distances: BTreeMap<&str, usize> = roots.iter().map(|root| (*root, 0)).collect();
        let mut pending: VecDeque<&str> = roots.iter().copied().collect();
        while let Some(from) = pending.pop_front() {
            let next = distances.get(from).copied().unwrap_or(0) + 1;
            for (to, _) in self.leads(from) {
                if !distances.contains_key(to) {
                    distances.insert(to, next);
                    pending.push_back(to);
                }
            }
        }
        distances
    }

    fn check_reachable(&self, plan: &Dialplan, source: &Source<'_>) {
        let special = plan.emergency.iter().chain(&plan.machine).map(|target| target.node.as_str());
        let roots: Vec<&str> =
            [plan.start.node.as_str(), plan.operator.node.as_str()].into_iter().chain(special).collect();
        let distances = self.distances(&roots);
        for node in plan.nodes.values() {
            match distances.get(node.name.as_str()) {
                None => source.complain_at(node.at, format!("no exit leads to node '{}'", node.name)),
                Some(steps) if *steps > MAX_DEPTH => {
                    let message = format!(
                        "node '{}' is {steps} steps from the start; the most is {MAX_DEPTH}",
                        node.name
                    );
                    source.complain_at(node.at, message);
                }
                Some(_) => {}
            }
        }
    }

    /// From every node an operator, a message, a call-back or a farewell must be in reach.
    fn check_dead_ends(&self, plan: &Dialplan, source: &Source<'_>) {
        for node in plan.nodes.values() {
            let ends = self
                .distances(&[&node.name])
                .keys()
                .any(|name| plan.nodes.get(*name).is_some_and(Node::is_terminal));
            if !ends {
                let message = format!("from node '{}' no caller ever reaches a person or the end", node.name);
                source.complain_at(node.at, message);
            }
        }
    }

    /// A circle of exits that take themselves would keep a silent caller for ever.
    fn check_loops(&self, plan: &Dialplan, source: &Source<'_>) {
        let mut reported = BTreeSet::new();
        for node in plan.nodes.values() {
            let Some(circle) = self.circle_from(&node.name) else { continue };
            let members: BTreeSet<&str> = circle.iter().copied().collect();
            if reported.insert(members) {
                let way = circle.join(" -> ");
                let message = format!("endless loop without the caller's input: {way} -> {}", node.name);
                source.complain_at(node.at, message);
            }
        }
    }

    /// The shortest way from `start` back to it by exits that need no input.
    fn circle_from<'a>(&'a self, start: &'a str) -> Option<Vec<&'a str>> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut pending = VecDeque::from([start]);
        while let Some(from) = pending.pop_front() {
            for (to, _) in self.leads(from).iter().filter(|(_, needs_input)| !needs_input) {
                if *to == start {
                    let mut way = vec![from];
                    while let Some(before) = came_from.get(way[way.len() - 1]) {
                        way.push(before);
                    }
                    way.reverse();
                    return Some(way);
                }
                if !came_from.contains_key(to) {
                    came_from.insert(to, from);
                    pending.push_back(to);
                }
            }
        }
        None
    }
}
