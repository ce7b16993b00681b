//! What a category says about requests that come in writing, from the citizens' page or by Open311: whether the world
//! may see it, what is asked beside the description, and whether it goes to its executor at once.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::{Placed, Reader, Table};
use super::{CityPlan, parse};
use crate::language::Language;

/// Questions of one category: a form on a telephone, not a census.
const MAX_ATTRIBUTES: usize = 20;
/// Answers to choose from.
const MAX_VALUES: usize = 50;
/// Codes and keys are part of field names.
const MAX_CODE_CHARS: usize = 40;

pub(super) const KEYS: [&str; 7] =
    ["restricted", "privacy", "assign_at_once", "publish", "keywords", "description", "attribute"];

/// The name of a class is given to people with their clearance, and stands in the journal.
const MAX_CLASS_CHARS: usize = 40;

/// The part of a category that written requests need.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Filing {
    /// Never shown to the world, nor is any category below it.
    pub restricted: bool,
    /// Cases of it, and of any category below it, are read only by people with this clearance.
    pub privacy: Option<String>,
    /// Registered and assigned in one go when category and territory are known; otherwise an operator looks first.
    pub assign_at_once: bool,
    /// What citizens write is shown to the world, with telephone and mail addresses blacked out.
    pub publishes_description: bool,
    /// Pictures are shown: to the applicant on the status page, and to the world.
    pub publishes_pictures: bool,
    /// Words that it is found by, beside its name.
    pub keywords: Vec<String>,
    /// What belongs here, in the city's language.
    pub description: Option<String>,
    pub attributes: Vec<Attribute>,
}

/// A question that belongs to a category.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    pub code: String,
    pub kind: AttributeKind,
    pub required: bool,
    /// The question in every language of service.
    pub name: BTreeMap<Language, String>,
}

/// What an answer looks like; the names are those of GeoReport v2.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttributeKind {
    String,
    Text,
    Number,
    DateTime,
    /// One of these.
    SingleValueList(Vec<AttributeValue>),
    /// Some of these.
    MultiValueList(Vec<AttributeValue>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttributeValue {
    pub key: String,
    pub name: BTreeMap<Language, String>,
}

impl AttributeKind {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Text => "text",
            Self::Number => "number",
            Self::DateTime => "datetime",
            Self::SingleValueList(_) => "singlevaluelist",
            Self::MultiValueList(_) => "multivaluelist",
        }
    }

    /// What can be chosen; empty where anything can be written.
    pub fn values(&self) -> &[AttributeValue] {
        match self {
            Self::SingleValueList(values) | Self::MultiValueList(values) => values,
            _ => &[],
        }
    }

    /// Answers in the applicant's own words are never shown to the world.
    pub const fn is_own_words(&self) -> bool {
        matches!(self, Self::String | Self::Text)
    }
}

impl CityPlan {
    /// Its own word or that of a category above it.
    pub fn is_restricted(&self, category: &str) -> bool {
        self.categories().iter().any(|known| {
            (known.filing.restricted || known.filing.privacy.is_some()) && is_within(category, &known.id)
        })
    }

    /// The clearance that reading a case of `category` takes: its own, else that of the nearest category above it.
    pub fn privacy_class(&self, category: &str) -> Option<&str> {
        let classed = self.categories().iter().filter(|known| is_within(category, &known.id));
        let classed = classed.filter_map(|known| Some((known.id.len(), known.filing.privacy.as_deref()?)));
        classed.max_by_key(|(length, _)| *length).map(|(_, class)| class)
    }

    /// Every clearance there is, each once.
    pub fn privacy_classes(&self) -> BTreeSet<&str> {
        self.categories().iter().filter_map(|known| known.filing.privacy.as_deref()).collect()
    }
}

/// Whether `category` is `other` or below it.
fn is_within(category: &str, other: &str) -> bool {
    category.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn privacy<'a>(reader: &mut Reader<'a>, category: Table<'a>) -> Option<String> {
    let class = reader.optional_text(category, "privacy")?;
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if class.value.is_empty() || class.value.len() > MAX_CLASS_CHARS || !class.value.chars().all(is_plain) {
        let complaint =
            format!("a class has 1 to {MAX_CLASS_CHARS} of a to z, 0 to 9 and _, as in \"welfare\"");
        reader.complain(class.offset, complaint);
    }
    Some(class.value)
}

pub(super) fn read<'a>(reader: &mut Reader<'a>, category: Table<'a>) -> Filing {
    let published = reader.texts(category, "publish");
    for what in &published {
        if !["description", "pictures"].contains(&what.value.as_str()) {
            reader.complain(what.offset, "'publish' lists \"description\", \"pictures\" or both");
        }
    }
    let publishes = |what: &str| published.iter().any(|one| one.value == what);
    let keywords = reader.texts(category, "keywords");
    for word in keywords.iter().filter(|word| word.value.trim().is_empty() || word.value.contains(',')) {
        reader.complain(word.offset, "a keyword is a word or a few, without a comma");
    }
    let mut attributes: Vec<Attribute> = Vec::new();
    for table in reader.tables(category, "attribute") {
        let Some(attribute) = attribute(reader, table) else { continue };
        if attributes.iter().any(|known| known.code == attribute.code) {
            reader.complain(table.offset(), format!("the attribute '{}' is there twice", attribute.code));
        } else if attributes.len() == MAX_ATTRIBUTES {
            reader.complain(table.offset(), format!("a category has at most {MAX_ATTRIBUTES} attributes"));
        } else {
            attributes.push(attribute);
        }
    }
    Filing {
        restricted: reader.truth(category, "restricted"),
        privacy: privacy(reader, category),
        assign_at_once: reader.truth(category, "assign_at_once"),
        publishes_description: publishes("description"),
        publishes_pictures: publishes("pictures"),
        keywords: keywords.into_iter().map(|word| word.value.trim().to_owned()).collect(),
        description: reader.optional_text(category, "description").map(|text| text.value),
        attributes,
    }
}

fn attribute<'a>(reader: &mut Reader<'a>, table: Table<'a>) -> Option<Attribute> {
    reader.only(table, &["code", "type", "required", "name", "values"]);
    let code = reader.text(table, "code").and_then(|code| plain(reader, code));
    let name = parse::names(reader, table, "attribute", code.as_ref());
    let (required, values) = (reader.truth(table, "required"), values(reader, table));
    let kind = reader.text(table, "type")?;
    let is_list = kind.value.ends_with("list");
    if is_list == values.is_empty() {
        let message = if is_list { "a list needs 'values'" } else { "only lists have 'values'" };
        reader.complain(kind.offset, message);
    }
    let kind = match kind.value.as_str() {
        "string" => AttributeKind::String,
        "text" => AttributeKind::Text,
        "number" => AttributeKind::Number,
        "datetime" => AttributeKind::DateTime,
        "singlevaluelist" => AttributeKind::SingleValueList(values),
        "multivaluelist" => AttributeKind::MultiValueList(values),
        other => {
            let known = "string, text, number, datetime, singlevaluelist, multivaluelist";
            reader.complain(kind.offset, format!("'{other}' is no type of an attribute: one of {known}"));
            return None;
        }
    };
    Some(Attribute { code: code?.value, kind, required, name })
}

fn values<'a>(reader: &mut Reader<'a>, table: Table<'a>) -> Vec<AttributeValue> {
    let mut values: Vec<AttributeValue> = Vec::new();
    for table in reader.tables(table, "values") {
        reader.only(table, &["key", "name"]);
        let key = reader.text(table, "key").and_then(|key| plain(reader, key));
        let name = parse::names(reader, table, "value", key.as_ref());
        let Some(key) = key else { continue };
        if values.iter().any(|known| known.key == key.value) {
            reader.complain(key.offset, format!("the value '{}' is there twice", key.value));
        } else if values.len() == MAX_VALUES {
            reader.complain(key.offset, format!("a list has at most {MAX_VALUES} values"));
        } else {
            values.push(AttributeValue { key: key.value, name });
        }
    }
    values
}

/// A code that can be a part of `attribute[code]`.
fn plain(reader: &mut Reader<'_>, code: Placed<String>) -> Option<Placed<String>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if code.value.len() <= MAX_CODE_CHARS && code.value.bytes().all(is_plain) {
        return Some(code);
    }
    reader.complain(code.offset, format!("a code is at most {MAX_CODE_CHARS} letters, digits and _ - ."));
    None
}
