//! TOML text -> [`Dialplan`]: the keys of the file, its calendars, and the table of nodes.
//! Each node's own keys are read in `parse_node.rs`; what nodes are to each other is judged in `check.rs`.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use toml::de::{DeTable, DeValue};

use super::fields::Fields;
use super::schedule::{Holiday, OpenHours};
use super::source::Source;
use super::{Calendar, Dialplan, MAX_NODES, Node, TextPosition, check, parse_node};
use crate::diagnostic::Diagnostic;
use crate::language::Language;

/// Reads and checks; every complaint about the file is in the error.
pub(super) fn parse(file: &str, text: &str) -> Result<Dialplan, Vec<Diagnostic>> {
    let source = Source::new(file, text);
    let plan = source.table().and_then(|table| read_plan(&source, file, table.get_ref()));
    if let Some(plan) = &plan {
        check::plan(plan, &source);
    }
    match plan {
        Some(plan) if !source.has_complaints() => Ok(plan),
        _ => Err(source.into_complaints()),
    }
}

fn read_plan(source: &Source<'_>, file: &str, table: &DeTable<'_>) -> Option<Dialplan> {
    let mut fields = Fields::new(source, table, 0, "the dialplan".to_owned());
    let languages = read_languages(&mut fields);
    let time_zone = read_time_zone(&mut fields);
    let start = fields.target("start");
    let operator = fields.target("operator");
    let machine = fields.optional_target("machine");
    // Whoever is rung by the city has nothing to report: those plans need no way to the emergency desk.
    let emergency = match &machine {
        Some(_) => Some(fields.optional_target("emergency")),
        None => fields.target("emergency").map(Some),
    };
    let calendars = read_calendars(&mut fields, time_zone.unwrap_or(Tz::UTC));
    let names = node_names(&mut fields);
    let nodes = read_nodes(&mut fields);
    fields.finish();
    let plan = Dialplan {
        file: file.to_owned(),
        languages,
        time_zone: time_zone?,
        start: start?,
        operator: operator?,
        emergency: emergency?,
        machine,
        calendars,
        nodes,
    };
    check::targets(&plan, &names, source);
    Some(plan)
}

fn read_languages(fields: &mut Fields<'_, '_>) -> Vec<Language> {
    let mut languages = Vec::new();
    for (code, offset) in fields.strings("languages") {
        match code.parse::<Language>() {
            Ok(language) if languages.contains(&language) => {
                fields.source.complain(offset, format!("language '{language}' is listed twice"));
            }
            Ok(language) => languages.push(language),
            Err(error) => fields.source.complain(offset, error.to_string()),
        }
    }
    if languages.is_empty() {
        fields.source.complain(
            0,
            "'languages' must list at least one language; the first is spoken until one is chosen",
        );
    }
    languages
}

fn read_time_zone(fields: &mut Fields<'_, '_>) -> Option<Tz> {
    let (name, offset) = fields.string("time_zone")?;
    let zone = name.parse::<Tz>().ok();
    if zone.is_none() {
        fields.source.complain(offset, format!("'{name}' is no IANA time zone, as in \"Europe/Kyiv\""));
    }
    zone
}

fn read_calendars(fields: &mut Fields<'_, '_>, time_zone: Tz) -> BTreeMap<String, Calendar> {
    let Some(value) = fields.value("calendar") else { return BTreeMap::new() };
    let DeValue::Table(table) = value.get_ref() else {
        fields.source.complain(value.span().start, "'calendar' must be tables: [calendar.office]");
        return BTreeMap::new();
    };
    let mut calendars = BTreeMap::new();
    for (name, value) in table {
        let offset = name.span().start;
        let DeValue::Table(table) = value.get_ref() else {
            fields.source.complain(offset, format!("calendar '{}' must be a table", name.get_ref()));
            continue;
        };
        let inner = Fields::new(fields.source, table, offset, format!("calendar '{}'", name.get_ref()));
        calendars.insert(name.get_ref().to_string(), read_calendar(inner, time_zone));
    }
    calendars
}

fn read_calendar(mut fields: Fields<'_, '_>, time_zone: Tz) -> Calendar {
    let always = fields.bool("always", false);
    let emergency = fields.bool("emergency", false);
    let source = fields.source;
    let open: Vec<OpenHours> = fields
        .strings("open")
        .into_iter()
        .filter_map(|(text, offset)| {
            OpenHours::parse(text).map_err(|wrong| source.complain(offset, wrong)).ok()
        })
        .collect();
    let holidays: Vec<Holiday> = fields
        .strings("holidays")
        .into_iter()
        .filter_map(|(text, offset)| {
            Holiday::parse(text).map_err(|wrong| source.complain(offset, wrong)).ok()
        })
        .collect();
    if always != open.is_empty() {
        let at = fields.position();
        source.complain_at(at, "a calendar has either 'open' hours or 'always = true'");
    }
    fields.finish();
    Calendar { time_zone, always, open, holidays, emergency }
}

/// Every name in the node table, also of nodes that cannot be read: exits to them are not wrong.
fn node_names(fields: &mut Fields<'_, '_>) -> Vec<String> {
    match fields.value("node").map(|value| value.get_ref()) {
        Some(DeValue::Table(table)) => table.keys().map(|name| name.get_ref().to_string()).collect(),
        _ => Vec::new(),
    }
}

fn read_nodes(fields: &mut Fields<'_, '_>) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    let Some((table, offset)) = fields.table_of("node") else { return nodes };
    if table.len() > MAX_NODES {
        fields.source.complain(offset, format!("more than {MAX_NODES} nodes"));
    }
    for (name, value) in table.iter().take(MAX_NODES) {
        let at: TextPosition = fields.source.position(name.span().start);
        let DeValue::Table(table) = value.get_ref() else {
            fields.source.complain_at(at, format!("node '{}' must be a table", name.get_ref()));
            continue;
        };
        let what = format!("node '{}'", name.get_ref());
        let inner = Fields::new(fields.source, table, name.span().start, what);
        if let Some(node) = parse_node::read(name.get_ref(), inner) {
            nodes.insert(node.name.clone(), node);
        }
    }
    nodes
}
