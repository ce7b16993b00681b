//! The text of a city plan into its parts, section by section.
//! What the parts say of each other is compared in `checks`; how a field is read is `reader`.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeTable;

use super::areas::{Hours, ServiceArea};
use super::checks::{self, Draft};
use super::endings::endings;
use super::promises::{self, Calendars, named_calendar};
use super::reader::{Placed, Reader, Table};
use super::receptions::receptions;
use super::retention::retention;
use super::{
    Category, CityPlan, Duties, Duty, EvidenceRule, MAX_DUTY_PHONES, Organisation, Territory, filing,
};
use crate::calendar::Calendar;
use crate::case::escalation::Post;
use crate::case::proof::ProofRule;
use crate::diagnostic::Diagnostic;
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::picture::fingerprint;

/// Photos one rule may demand.
const MAX_PHOTOS: usize = 20;
/// Roles of evidence an executor can choose when uploading.
const EVIDENCE_ROLES: [&str; 3] = ["before", "after", "other"];
/// Metres a picture may be from its case: below it satellites are not exact enough, above it the rule says nothing.
const FAR_METRES: std::ops::Range<usize> = 10..100_001;
/// Minutes clocks may differ by: a day at most.
const CLOCK_MINUTES: std::ops::Range<usize> = 0..24 * 60 + 1;

const SECTIONS: [&str; 19] = [
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
    "proof",
    "reception",
    "verify",
    "reopen",
    "archive",
    "retention",
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
    let endings = clock.as_ref().map(|clock| endings(&mut reader, root, clock));
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
        receptions: receptions(&mut reader, root, &calendars, city.as_ref().map(|(_, _, zone)| zone)),
        retention: retention(&mut reader, root, clock.as_ref().zip(endings.as_ref())),
    };
    let proof = proof(&mut reader, root);
    let hold = promises::hold(&mut reader, root);
    let duties = duties(&mut reader, root, &calendars);
    checks::check(&draft, &mut reader);
    let complaints = reader.finish();
    let (Some((name, language, _)), Some(clock), Some(endings), true) =
        (city, clock, endings, complaints.is_empty())
    else {
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
        endings,
        receptions: draft.receptions.into_iter().map(|(reception, ..)| reception).collect(),
        retention: draft.retention.into_iter().map(|rule| rule.value).collect(),
        proof,
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
        let keys: Vec<&str> = ["id", "group", "name"].into_iter().chain(filing::KEYS).collect();
        reader.only(table, &keys);
        let (id, group) = (reader.text(table, "id"), reader.text(table, "group"));
        let name = names(reader, table, "category", id.as_ref());
        let filing = filing::read(reader, table);
        let Some(id) = id else { continue };
        let group = group.map_or_else(String::new, |group| group.value);
        categories.push(Placed { value: Category { id: id.value, name, group, filing }, offset: id.offset });
    }
    categories
}

/// The name of a thing in every language of service; a `kind` of thing that lacks one is complained about.
pub(super) fn names<'a>(
    reader: &mut Reader<'a>,
    table: Table<'a>,
    kind: &str,
    id: Option<&Placed<String>>,
) -> BTreeMap<Language, String> {
    let mut names = BTreeMap::new();
    for (code, text) in reader.named_texts(table, "name") {
        if let Some(language) = reader.parsed::<Language>(&code) {
            names.insert(language, text.value);
        }
    }
    if let Some(id) = id {
        for language in Language::ALL.into_iter().filter(|language| !names.contains_key(language)) {
            reader.complain(id.offset, format!("{kind} '{}' has no name in '{language}'", id.value));
        }
    }
    names
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
        reader.only(table, &["categories", "territories", "holders", "executor", "co_executors", "calendar"]);
        let categories = reader.texts(table, "categories");
        if categories.is_empty() {
            reader.complain(table.offset(), "'categories' is missing or empty; [\"*\"] are all");
        }
        let territories = reader.texts(table, "territories");
        let holders = reader.texts(table, "holders");
        let co_executors = reader.texts(table, "co_executors");
        let calendar = named_calendar(reader, table, calendars);
        let name = reader.optional_text(table, "calendar");
        let hours = name.zip(calendar).map(|(name, calendar)| Hours { name: name.value, calendar });
        let Some(executor) = reader.text(table, "executor") else { continue };
        areas.push(checks::AreaDraft { categories, territories, holders, executor, co_executors, hours });
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

/// `[proof]`: what pictures' own statements are held against.
fn proof<'a>(reader: &mut Reader<'a>, root: Table<'a>) -> ProofRule {
    let ordinary = ProofRule::default();
    let Some(table) = reader.table(root, "proof") else { return ordinary };
    reader.only(table, &["far_metres", "clock_minutes", "alike_bits"]);
    let bits = 0..fingerprint::MAX_DISTANCE as usize + 1;
    let minutes = ordinary.clock_tolerance.as_secs() as usize / 60;
    let far = reader.count(table, "far_metres", FAR_METRES, ordinary.far_metres as usize);
    let minutes = reader.count(table, "clock_minutes", CLOCK_MINUTES, minutes);
    let alike = reader.count(table, "alike_bits", bits, ordinary.alike_bits as usize);
    // The ranges above fit into 32 bits.
    ProofRule {
        far_metres: far as u32,
        clock_tolerance: Duration::from_secs(60 * minutes as u64),
        alike_bits: alike as u32,
    }
}

impl checks::AreaDraft {
    pub(super) fn settled(self) -> ServiceArea {
        let whole_city = self.territories.is_empty() || self.territories.iter().any(|id| id.value == "*");
        let values = |list: Vec<Placed<String>>| list.into_iter().map(|item| item.value).collect();
        ServiceArea {
            categories: values(self.categories),
            territories: if whole_city { Vec::new() } else { values(self.territories) },
            holders: values(self.holders),
            executor: self.executor.value,
            co_executors: values(self.co_executors),
            hours: self.hours,
        }
    }
}
