//! The keys of one TOML table, read one by one: each reader complains in place and gives what it can,
//! and whatever nobody asked for is an unknown key.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::node::{Retry, Target};
use super::prompt::{self, PromptItem};
use super::source::Source;
use super::{MAX_PROMPTS_IN_LIST, TextPosition};
use crate::diagnostic::suggestion;

/// Attempts of a caller at one node: after five times of the same they need a person.
const ATTEMPTS: RangeInclusive<i64> = 1..=5;

pub(super) struct Fields<'s, 't> {
    pub(super) source: &'s Source<'t>,
    table: &'s DeTable<'t>,
    /// Where to complain about what is missing.
    offset: usize,
    /// Names the table in complaints: `node 'topics'`.
    what: String,
    known: Vec<&'static str>,
}

impl<'s, 't> Fields<'s, 't> {
    pub(super) fn new(source: &'s Source<'t>, table: &'s DeTable<'t>, offset: usize, what: String) -> Self {
        Self { source, table, offset, what, known: Vec::new() }
    }

    pub(super) fn position(&self) -> TextPosition {
        self.source.position(self.offset)
    }

    /// The value of `key`, which from now on is a known one.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'s Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.table.get(key)
    }

    fn required(&mut self, key: &'static str) -> Option<&'s Spanned<DeValue<'t>>> {
        let value = self.value(key);
        if value.is_none() {
            self.source.complain(self.offset, format!("{} has no '{key}'", self.what));
        }
        value
    }

    fn wrong_kind(&self, value: &Spanned<DeValue<'t>>, key: &str, wanted: &str) {
        self.source.complain(value.span().start, format!("'{key}' must be {wanted}"));
    }

    fn text_of(&self, key: &'static str, value: &'s Spanned<DeValue<'t>>) -> Option<(&'s str, usize)> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_kind(value, key, "a text in quotes");
        }
        text.map(|text| (text, value.span().start))
    }

    /// A text that must be there, with its offset.
    pub(super) fn string(&mut self, key: &'static str) -> Option<(&'s str, usize)> {
        let value = self.required(key)?;
        self.text_of(key, value)
    }

    pub(super) fn optional_string(&mut self, key: &'static str) -> Option<(&'s str, usize)> {
        let value = self.value(key)?;
        self.text_of(key, value)
    }

    /// Texts with their offsets; nothing when the key is absent.
    pub(super) fn strings(&mut self, key: &'static str) -> Vec<(&'s str, usize)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(entries) = value.get_ref() else {
            self.wrong_kind(value, key, "a list of texts");
            return Vec::new();
        };
        entries.iter().filter_map(|entry| self.text_of(key, entry)).collect()
    }

    /// A text that must be one of the names in `all`; absent and required is complained about.
    pub(super) fn one_of<T: Copy>(&mut self, key: &'static str, all: &[(&'static str, T)]) -> Option<T> {
        let (text, offset) = self.string(key)?;
        let found = all.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
            let hint = did_you_mean(text, names.iter().copied());
            self.source.complain(offset, format!("'{key}' is one of {}{hint}", names.join(", ")));
        }
        found
    }

    pub(super) fn bool(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.value(key) else { return default };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_kind(value, key, "true or false");
            default
        })
    }

    /// A whole number within `range`.
    pub(super) fn integer(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i64>,
        default: Option<i64>,
    ) -> Option<i64> {
        let value = match default {
            Some(_) => self.value(key),
            None => self.required(key),
        };
        let Some(value) = value else { return default };
        let number = value.get_ref().as_integer();
        let number = number.and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.wrong_kind(value, key, &format!("a whole number from {} to {}", range.start(), range.end()));
        }
        number
    }

    /// Whole seconds within `range`.
    pub(super) fn secs(&mut self, key: &'static str, range: RangeInclusive<i64>, default: i64) -> Duration {
        let secs = self.integer(key, range, Some(default)).unwrap_or(default);
        Duration::from_secs(secs.unsigned_abs())
    }

    pub(super) fn table_of(&mut self, key: &'static str) -> Option<(&'s DeTable<'t>, usize)> {
        let value = self.required(key)?;
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_kind(value, key, "a table");
            return None;
        };
        Some((table, value.span().start))
    }

    /// An exit: the name of a node.
    pub(super) fn target(&mut self, key: &'static str) -> Option<Target> {
        let (node, offset) = self.string(key)?;
        Some(Target { node: node.to_owned(), at: self.source.position(offset) })
    }

    pub(super) fn optional_target(&mut self, key: &'static str) -> Option<Target> {
        let (node, offset) = self.optional_string(key)?;
        Some(Target { node: node.to_owned(), at: self.source.position(offset) })
    }

    /// A prompt list; a single prompt may stand without brackets.
    pub(super) fn prompts(&mut self, key: &'static str) -> Vec<PromptItem> {
        let single = self.table.get(key).filter(|value| value.get_ref().is_str());
        let texts = match single {
            Some(_) => self.optional_string(key).into_iter().collect(),
            None => self.strings(key),
        };
        if let Some((_, offset)) = texts.get(MAX_PROMPTS_IN_LIST) {
            self.source.complain(*offset, format!("more than {MAX_PROMPTS_IN_LIST} prompts in one list"));
        }
        let items = texts.into_iter().take(MAX_PROMPTS_IN_LIST).filter_map(|(text, offset)| {
            let item = prompt::parse_item(text, self.source.position(offset));
            item.map_err(|message| self.source.complain(offset, message)).ok()
        });
        items.collect()
    }

    /// A prompt list without which the node would be silent.
    pub(super) fn spoken(&mut self, key: &'static str) -> Vec<PromptItem> {
        let prompts = self.prompts(key);
        if prompts.is_empty() {
            self.source
                .complain(self.offset, format!("{} says nothing: '{key}' is missing or empty", self.what));
        }
        prompts
    }

    /// `no_input = { after = 2, prompt = "...", to = "..." }`.
    pub(super) fn retry(&mut self, key: &'static str) -> Option<Retry> {
        let (table, offset) = self.table_of(key)?;
        let mut inner = Fields::new(self.source, table, offset, format!("'{key}' of {}", self.what));
        let after = inner.integer("after", ATTEMPTS, Some(1));
        let prompt = inner.prompts("prompt");
        let to = inner.target("to");
        inner.finish();
        Some(Retry { after: u32::try_from(after?).ok()?, prompt, to: to? })
    }

    /// Complains about every key nobody asked for.
    pub(super) fn finish(self) {
        for key in self.table.keys() {
            let name: &DeString<'_> = key.get_ref();
            if !self.known.iter().any(|known| known == name) {
                let hint = did_you_mean(name, self.known.iter().copied());
                self.source
                    .complain(key.span().start, format!("unknown key '{name}' in {}{hint}", self.what));
            }
        }
    }
}

/// `: did you mean 'x'?`, or nothing when no known name is near.
pub(super) fn did_you_mean<'n>(wrong: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    suggestion(wrong, known).map(|name| format!("; did you mean '{name}'?")).unwrap_or_default()
}
