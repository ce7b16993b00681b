//! Reads TOML tables field by field and collects every complaint with its place, instead of stopping at the first.
//! Knows nothing of cities.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, suggestion};

/// A file with more mistakes than this is not going to be mended from a list.
const MAX_COMPLAINTS: usize = 100;

/// One table and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    fields: &'a DeTable<'a>,
    offset: usize,
}

/// A value and where it stands, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) offset: usize,
}

pub(super) struct Reader<'a> {
    file: &'a str,
    text: &'a str,
    complaints: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, complaints: Vec::new() }
    }

    pub(super) fn complain(&mut self, offset: usize, message: impl Into<String>) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(Diagnostic::at_offset(self.file, self.text, offset, message));
        }
    }

    pub(super) const fn is_content(&self) -> bool {
        self.complaints.is_empty()
    }

    /// All complaints in the order of the file, each once.
    pub(super) fn finish(mut self) -> Vec<Diagnostic> {
        self.complaints.sort_by_key(|complaint| (complaint.line, complaint.column));
        self.complaints.dedup();
        self.complaints
    }

    /// Complains about keys of `table` that are not `known`.
    pub(super) fn only(&mut self, table: Table<'_>, known: &[&str]) {
        for key in table.fields.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = match suggestion(name, known.iter().copied()) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("known here: {}", known.join(", ")),
                };
                self.complain(key.span().start, format!("unknown key '{name}'; {hint}"));
            }
        }
    }

    pub(super) fn text(&mut self, table: Table<'a>, key: &str) -> Option<Placed<String>> {
        let found = self.optional_text(table, key);
        if found.is_none() && table.field(key).is_none() {
            self.complain(table.offset, format!("'{key}' is missing"));
        }
        found
    }

    pub(super) fn optional_text(&mut self, table: Table<'a>, key: &str) -> Option<Placed<String>> {
        let value = table.field(key)?;
        let text = value.get_ref().as_str().map(str::trim).filter(|text| !text.is_empty());
        if text.is_none() {
            self.complain(value.span().start, format!("'{key}' must be a text"));
        }
        text.map(|text| Placed { value: text.to_owned(), offset: value.span().start })
    }

    /// A text that means something else; a wrong one is a complaint.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, text: &Placed<String>) -> Option<T> {
        let parsed = text.value.parse::<T>();
        self.accept(parsed, text.offset)
    }

    pub(super) fn accept<T>(&mut self, result: Result<T, impl Display>, offset: usize) -> Option<T> {
        result.map_err(|error| self.complain(offset, error.to_string())).ok()
    }

    pub(super) fn texts(&mut self, table: Table<'a>, key: &str) -> Vec<Placed<String>> {
        let Some(value) = table.field(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.complain(value.span().start, format!("'{key}' must be a list of texts"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref().as_str() {
                Some(text) => texts.push(Placed { value: text.to_owned(), offset: item.span().start }),
                None => self.complain(item.span().start, format!("'{key}' must be a list of texts")),
            }
        }
        texts
    }

    pub(super) fn truth(&mut self, table: Table<'a>, key: &str) -> bool {
        let Some(value) = table.field(key) else { return false };
        value.get_ref().as_bool().unwrap_or_else(|| {
            self.complain(value.span().start, format!("'{key}' must be true or false"));
            false
        })
    }

    pub(super) fn count(
        &mut self,
        table: Table<'a>,
        key: &str,
        allowed: Range<usize>,
        default: usize,
    ) -> usize {
        let Some(value) = table.field(key) else { return default };
        let number = value.get_ref().as_integer().and_then(|integer| integer.as_str().parse().ok());
        number.filter(|number| allowed.contains(number)).unwrap_or_else(|| {
            let last = allowed.end - 1;
            self.complain(
                value.span().start,
                format!("'{key}' must be a number from {} to {last}", allowed.start),
            );
            default
        })
    }

    /// `[key]`; an empty table when it is absent.
    pub(super) fn table(&mut self, table: Table<'a>, key: &str) -> Option<Table<'a>> {
        let value = table.field(key)?;
        let found = Table::of(value);
        if found.is_none() {
            self.complain(value.span().start, format!("'{key}' must be a table, as in [{key}]"));
        }
        found
    }

    /// `[[key]]`.
    pub(super) fn tables(&mut self, table: Table<'a>, key: &str) -> Vec<Table<'a>> {
        let Some(value) = table.field(key) else { return Vec::new() };
        let items =
            value.get_ref().as_array().map(|items| items.iter().map(Table::of).collect::<Option<Vec<_>>>());
        items.flatten().unwrap_or_else(|| {
            self.complain(value.span().start, format!("'{key}' must be tables, as in [[{key}]]"));
            Vec::new()
        })
    }

    /// Every field of `[key]`, each a table: `[key.name]`.
    pub(super) fn named_tables(&mut self, table: Table<'a>, key: &str) -> Vec<(Placed<String>, Table<'a>)> {
        let Some(outer) = self.table(table, key) else { return Vec::new() };
        let mut found = Vec::new();
        for (name, value) in outer.fields.iter() {
            match Table::of(value) {
                Some(inner) => {
                    let name = Placed { value: name.get_ref().to_string(), offset: name.span().start };
                    found.push((name, inner));
                }
                None => self.complain(
                    value.span().start,
                    format!("must be a table, as in [{key}.{}]", name.get_ref()),
                ),
            }
        }
        found
    }

    /// Every field of `[key]`, each a text.
    pub(super) fn named_texts(
        &mut self,
        table: Table<'a>,
        key: &str,
    ) -> Vec<(Placed<String>, Placed<String>)> {
        let Some(inner) = self.table(table, key) else { return Vec::new() };
        let keys = inner.fields.keys();
        let names: Vec<_> = keys
            .map(|name| Placed { value: name.get_ref().to_string(), offset: name.span().start })
            .collect();
        names.into_iter().filter_map(|name| Some((name.clone(), self.text(inner, &name.value)?))).collect()
    }
}

impl<'a> Table<'a> {
    pub(super) fn root(document: &'a Spanned<DeTable<'a>>) -> Self {
        Self { fields: document.get_ref(), offset: 0 }
    }

    fn of(value: &'a Spanned<DeValue<'a>>) -> Option<Self> {
        Some(Self { fields: value.get_ref().as_table()?, offset: value.span().start })
    }

    pub(super) const fn offset(self) -> usize {
        self.offset
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.field(key).is_some()
    }

    fn field(self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.fields.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }
}
