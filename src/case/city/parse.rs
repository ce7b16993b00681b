//! The text of a city plan into its parts, section by section.
//! What the parts say of each other is compared in `checks`; how a field is read is `reader`.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::checks::{self, Draft};
use super::promises::{self, Calendars, named_calendar};
use super::reader::{Placed, Reader, Table};
use super::{
    Category, CityPlan, Duties, Duty, EvidenceRule, MAX_DUTY_PHONES, Organisation, ServiceArea, Territory,
};
use crate::calendar::Calendar;
use crate::case::escalation::Post;
use crate::diagnostic::Diagnostic;
use crate::language::Language;
use crate::phone_number::PhoneNumber;

/// Photos one rule may demand.
const MAX_PHOTOS: usize = 20;
/// Attempts to tell the applicant that a city may ask for.
const MAX_ATTEMPTS: usize = 20;
const DEFAULT_ATTEMPTS: usize = 3;
/// Roles of evidence an executor can choose when uploading.
const EVIDENCE_ROLES: [&str; 3] = ["before", "after", "other"];

const SECTIONS: [&str; 14] = [
    "city",
    "calendar",
    "duty",
    "category",
    "topics",
    "territory",
    "organisation",
    "area",
    "norm",
    "escalate",
    "post",
    "hold",
    "evidence",
    "verify",
];

pub(super) fn parse(file: &str, text: &str) -> Result<CityPlan, Vec<Diagnostic>> {
    let document = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        vec![Diagnostic::at_offset(file, text, offset, error.message())]
    })?;
    let mut reader = Reader::new(file, text);
    let root = Table::root(&document);
    reader.only(root, &SECTIONS);
    let city = city(&mut reader, root);
    let clock =
        city.as_ref().and_then(|(_, _, zone)| reader.accept(Calendar::always(&zone.value), zone.offset));
    let calendars = promises::calendars(&mut reader, root, city.as_ref().map(|(_, _, zone)| zone));
    let draft = Draft {
        categories: categories(&mut reader, root),
        topics: reader.named_texts(root, "topics"),
        territories: named(&mut reader, root, "territory"),
        organisations: named(&mut reader, root, "organisation"),
        areas: areas(&mut reader, root, &calendars),
        norms: promises::norms(&mut reader, root, &calendars),
        posts: named(&mut reader, root, "post"),
        ladder: promises::ladder(&mut reader, root),
        evidence: evidence(&mut reader, root),
    };
    let hold = promises::hold(&mut reader, root);
    let telling_attempts = verify(&mut reader, root);
    let duties = duties(&mut reader, root, &calendars);
    checks::check(&draft, &mut reader);
    let complaints = reader.finish();
    let (Some((name, language, _)), Some(clock), true) = (city, clock, complaints.is_empty()) else {
        return Err(complaints);
    };
    let pair = |(id, name): (Placed<String>, String)| (id.value, name);
    Ok(CityPlan {
        name,
        language,
        clock,
        categories: draft.categories.into_iter().map(|category| category.value).collect(),
        topics: draft.topics.into_iter().map(|(topic, category)| (topic.value, category.value)).collect(),
        territories: draft
            .territories
            .into_iter()
            .map(pair)
            .map(|(id, name)| Territory { id, name })
            .collect(),
        organisations: draft
            .organisations
            .into_iter()
            .map(pair)
            .map(|(id, name)| Organisation { id, name })
            .collect(),
        areas: draft.areas.into_iter().map(checks::AreaDraft::settled).collect(),
        calendars: calendars.into_iter().filter_map(|(name, calendar)| Some((name, calendar?))).collect(),
        norms: draft.norms.into_iter().map(|norm| norm.value).collect(),
        posts: draft.posts.into_iter().map(pair).map(|(id, name)| Post { id, name }).collect(),
        ladder: promises::climbable(draft.ladder),
        hold,
        evidence: draft.evidence.into_iter().map(|(category, rule)| (category.value, rule)).collect(),
        telling_attempts,
        duties: Duties(duties),
    })
}

/// `[city]`: name, language, and the zone of its clock.
fn city<'a>(reader: &mut Reader<'a>, root: Table<'a>) -> Option<(String, Language, Placed<String>)> {
    let Some(city) = reader.table(root, "city") else {
        reader.complain(0, "[city] with 'name', 'language' and 'tz' is missing");
        return None;
    };
    reader.only(city, &["name", "language", "tz"]);
    let name = reader.text(city, "name");
    let language = reader.text(city, "language").and_then(|text| reader.parsed(&text));
    let zone = reader.text(city, "tz");
    Some((name?.value, language?, zone?))
}

fn categories<'a>(reader: &mut Reader<'a>, root: Table<'a>) -> Vec<Placed<Category>> {
    let mut categories = Vec::new();
    for table in reader.tables(root, "category") {
        reader.only(table, &["id", "group", "name"]);
        let (id, group) = (reader.text(table, "id"), reader.text(table, "group"));
        let mut name = BTreeMap::new();
        for (code, text) in reader.named_texts(table, "name") {
            if let Some(language) = reader.parsed::<Language>(&code) {
                name.insert(language, text.value);
            }
        }
        let Some(id) = id else { continue };
        for language in Language::ALL {
            if !name.contains_key(&language) {
                reader.complain(id.offset, format!("category '{}' has no name in '{language}'", id.value));
            }
        }
        let category =
            Category { id: id.value, name, group: group.map_or_else(String::new, |group| group.value) };
        categories.push(Placed { value: category, offset: id.offset });
    }
    categories
}

/// `[[section]]` with an id and a name.
fn named<'a>(reader: &mut Reader<'a>, root: Table<'a>, section: &str) -> Vec<(Placed<String>, String)> {
    let mut found = Vec::new();
    for table in reader.tables(root, section) {
        reader.only(table, &["id", "name"]);
        if let (Some(id), Some(name)) = (reader.text(table, "id"), reader.text(table, "name")) {
            found.push((id, name.value));
        }
    }
    found
}

fn areas<'a>(reader: &mut Reader<'a>, root: Table<'a>, calendars: &Calendars) -> Vec<checks::AreaDraft> {
    let mut areas = Vec::new();
    for table in reader.tables(root, "area") {
        reader.only(table, &["categories", "territories", "executor", "calendar"]);
        let categories = reader.texts(table, "categories");
        if categories.is_empty() {
            reader.complain(table.offset(), "'categories' is missing or empty; [\"*\"] are all");
        }
        let territories = reader.texts(table, "territories");
        let calendar = named_calendar(reader, table, calendars);
        let Some(executor) = reader.text(table, "executor") else { continue };
        areas.push(checks::AreaDraft { categories, territories, executor, calendar });
    }
    areas
}

fn duties<'a>(reader: &mut Reader<'a>, root: Table<'a>, calendars: &Calendars) -> Vec<Duty> {
    let mut duties = Vec::new();
    for table in reader.tables(root, "duty") {
        reader.only(table, &["roster", "calendar", "phones"]);
        let phones = reader.texts(table, "phones");
        if phones.is_empty() || phones.len() > MAX_DUTY_PHONES {
            reader.complain(table.offset(), format!("'phones' has 1 to {MAX_DUTY_PHONES} numbers"));
        }
        for phone in &phones {
            let digits = phone.value.strip_prefix('+').unwrap_or(&phone.value);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                reader.complain(phone.offset, format!("'{}' is no number, as in +380501234567", phone.value));
            }
        }
        let calendar = named_calendar(reader, table, calendars);
        let Some(roster) = reader.text(table, "roster") else { continue };
        let phones = phones.iter().map(|phone| PhoneNumber::from_user_part(&phone.value)).collect();
        duties.push(Duty { roster: roster.value, calendar, phones });
    }
    duties
}

fn evidence<'a>(reader: &mut Reader<'a>, root: Table<'a>) -> Vec<(Placed<String>, EvidenceRule)> {
    let mut rules = Vec::new();
    for (category, table) in reader.named_tables(root, "evidence") {
        reader.only(table, &["min_photos", "roles"]);
        let min_photos = reader.count(table, "min_photos", 0..MAX_PHOTOS + 1, 0);
        let roles = reader.texts(table, "roles");
        for role in &roles {
            if !EVIDENCE_ROLES.contains(&role.value.as_str()) {
                checks::complain_unknown(reader, "role", role, EVIDENCE_ROLES.into_iter());
            }
        }
        let roles = roles.into_iter().map(|role| role.value).collect();
        rules.push((category, EvidenceRule { min_photos, roles }));
    }
    rules
}

fn verify<'a>(reader: &mut Reader<'a>, root: Table<'a>) -> usize {
    let Some(verify) = reader.table(root, "verify") else { return DEFAULT_ATTEMPTS };
    reader.only(verify, &["attempts"]);
    reader.count(verify, "attempts", 1..MAX_ATTEMPTS + 1, DEFAULT_ATTEMPTS)
}

impl checks::AreaDraft {
    pub(super) fn settled(self) -> ServiceArea {
        let whole_city = self.territories.is_empty() || self.territories.iter().any(|id| id.value == "*");
        let values = |list: Vec<Placed<String>>| list.into_iter().map(|item| item.value).collect();
        ServiceArea {
            categories: values(self.categories),
            territories: if whole_city { Vec::new() } else { values(self.territories) },
            executor: self.executor.value,
            calendar: self.calendar,
        }
    }
}
