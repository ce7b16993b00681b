//! The dialplan of one public number: TOML text -> named nodes of closed kinds, with every exit spelt out.
//! The grammar for its authors is `dialplans/README.md`; walking it is `ivr/`. Pure: files are read elsewhere.

mod check;
mod fields;
pub mod node;
mod parse;
mod parse_node;
pub mod prompt;
pub mod schedule;
mod source;
pub mod texts;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use crate::diagnostic::Diagnostic;
use crate::language::Language;

pub use node::{Node, NodeKind, Target};
pub use prompt::{PromptItem, SYSTEM_PROMPTS};
pub use schedule::{Calendar, Standing};
pub use texts::{PromptText, PromptTexts};

/// A dialplan or prompt file larger than this is not one: 1580's tree needs 10 KiB.
pub const MAX_FILE_BYTES: usize = 256 * 1024;
/// A tree with more nodes cannot be reviewed by the people who answer for it.
pub const MAX_NODES: usize = 500;
/// Fewest steps from the start to any node; a caller who must go deeper has hung up long before.
pub const MAX_DEPTH: usize = 16;
/// Keys of one menu: eight choices, the operator, the emergency key, repeat and language fill the keypad.
pub const MAX_MENU_KEYS: usize = 12;
/// Prompt ids in one list; each is a sentence.
pub const MAX_PROMPTS_IN_LIST: usize = 16;
/// Complaints kept about one file: more are not read by anyone, and memory stays bounded.
pub const MAX_COMPLAINTS: usize = 200;

/// A prompt by id in a language; texts and recordings are found by it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PromptRef {
    pub id: String,
    pub language: Language,
}

/// Where something stands in its file; both count from 1, columns in characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TextPosition {
    pub line: usize,
    pub column: usize,
}

/// A parsed and checked dialplan: every target names a node, and no caller can get lost in it.
#[derive(Debug)]
pub struct Dialplan {
    file: String,
    languages: Vec<Language>,
    time_zone: Tz,
    start: Target,
    operator: Target,
    /// None in a plan that asks applicants.
    emergency: Option<Target>,
    machine: Option<Target>,
    calendars: BTreeMap<String, Calendar>,
    nodes: BTreeMap<String, Node>,
}

impl Dialplan {
    /// Parses and checks `text`; `file` names it in the diagnostics. Everything wrong is listed, not only the first.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        parse::parse(file, text)
    }

    /// Every prompt this plan may play, dynamic ones (digits, positions, states, dates) included, per language.
    pub fn prompts(&self) -> Vec<PromptRef> {
        let mut all = BTreeSet::new();
        let in_every_language = |id: &str, all: &mut BTreeSet<PromptRef>| {
            for language in &self.languages {
                all.insert(PromptRef { id: id.to_owned(), language: *language });
            }
        };
        for item in self.nodes.values().flat_map(Node::prompts) {
            match item {
                PromptItem::Text { id, language: None, .. } => in_every_language(id, &mut all),
                PromptItem::Text { id, language: Some(language), .. } => {
                    all.insert(PromptRef { id: id.clone(), language: *language });
                }
                PromptItem::Value { value, .. } => {
                    for id in value.prompts() {
                        in_every_language(&id, &mut all);
                    }
                }
            }
        }
        for id in prompt::dynamic_prompts() {
            in_every_language(&id, &mut all);
        }
        all.into_iter().collect()
    }

    /// Complains about every prompt of this plan that has no text in one of its languages, at the place that
    /// uses it (line 1 for the prompts the program itself needs).
    pub fn check_prompts(&self, texts: &PromptTexts) -> Vec<Diagnostic> {
        check::prompts(self, texts)
    }

    /// Languages offered; the first is in force until one is chosen.
    pub fn languages(&self) -> &[Language] {
        &self.languages
    }

    /// Names of the queues the plan sends callers to.
    pub fn queues(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self
            .nodes
            .values()
            .filter_map(|node| match &node.kind {
                NodeKind::Queue(queue) => Some(queue.queue.as_str()),
                _ => None,
            })
            .collect();
        names.into_iter().collect()
    }

    /// Names of the rosters whose duty officers the plan rings.
    pub fn rosters(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self
            .nodes
            .values()
            .filter_map(|node| match &node.kind {
                NodeKind::Duty(duty) => Some(duty.roster.as_str()),
                _ => None,
            })
            .collect();
        names.into_iter().collect()
    }

    /// Topics the plan can give a call, for the check against the classifier.
    pub fn topics(&self) -> Vec<&str> {
        let names: BTreeSet<&str> = self.nodes.values().filter_map(|node| node.topic.as_deref()).collect();
        names.into_iter().collect()
    }

    /// The file the plan came from, as diagnostics name it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Civil time of the plan, for spoken dates.
    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// Name of the first node.
    pub fn start(&self) -> &str {
        &self.start.node
    }

    /// Name of the queue node that takes a caller whose walk went on for too long.
    pub fn operator(&self) -> &str {
        &self.operator.node
    }

    /// Name of the urgent queue node every menu has a key for; none in a plan that asks applicants.
    pub fn emergency(&self) -> Option<&str> {
        self.emergency.as_ref().map(|target| target.node.as_str())
    }

    /// Name of the node that speaks to an answering machine: only a plan that asks applicants has one.
    pub fn machine(&self) -> Option<&str> {
        self.machine.as_ref().map(|target| target.node.as_str())
    }

    /// What callers can say about the work.
    pub fn answers(&self) -> BTreeSet<node::Verdict> {
        let verdict = |node: &Node| match &node.kind {
            NodeKind::Answer(answer) => Some(answer.verdict),
            _ => None,
        };
        self.nodes.values().filter_map(verdict).collect()
    }

    pub fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// All nodes, by name.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    pub fn calendar(&self, name: &str) -> Option<&Calendar> {
        self.calendars.get(name)
    }
}

#[cfg(test)]
mod tests;
