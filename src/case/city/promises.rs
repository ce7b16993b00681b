//! The part of a city plan that says until when: calendars with their single dates, norms in their versions, the ladder
//! of missed promises, how long a case may be on hold.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::NaiveDate;

use super::checks;
use super::reader::{Placed, Reader, Table};
use crate::calendar::{Calendar, DayHours, SingleDay, Week, parse_date};
use crate::case::escalation::Rung;
use crate::case::hold::HoldRule;
use crate::case::norm::{Norm, Term, Validity};
use crate::case::{Clock, Priority};

/// By name; none for one whose description is wrong, which was complained about already.
pub(super) type Calendars = BTreeMap<String, Option<Calendar>>;

/// Levels of a ladder: above the mayor nobody is left.
const MAX_LEVEL: usize = 9;
/// Posts that need no naming: all people of the control desk hold the one, all of the mayor's office the other.
pub(super) const BUILT_IN_POSTS: [&str; 2] = ["control", "mayor_office"];
/// Where the plan does not say how long a case may be on hold, days: one pause, and all of a case.
const HOLD_DAYS: (u64, u64) = (30, 60);
const MAX_HOLD_DAYS: usize = 366;

pub(super) fn calendars<'a>(
    reader: &mut Reader<'a>,
    root: Table<'a>,
    zone: Option<&Placed<String>>,
) -> Calendars {
    let mut calendars = Calendars::new();
    for (name, table) in reader.named_tables(root, "calendar") {
        reader.only(table, &["tz", "always", "week", "hours", "holidays", "transferred", "short"]);
        let calendar = calendar(reader, table, zone);
        calendars.insert(name.value, calendar);
    }
    calendars
}

/// A calendar in its own zone, else in the city's.
fn calendar<'a>(
    reader: &mut Reader<'a>,
    table: Table<'a>,
    city_zone: Option<&Placed<String>>,
) -> Option<Calendar> {
    let zone = reader.optional_text(table, "tz").or_else(|| city_zone.cloned())?;
    if reader.truth(table, "always") {
        return reader.accept(Calendar::always(&zone.value), zone.offset);
    }
    let week = reader.text(table, "week").and_then(|text| reader.parsed::<Week>(&text));
    let hours = reader.text(table, "hours").and_then(|text| reader.parsed::<DayHours>(&text));
    let mut holidays = BTreeSet::new();
    for date in reader.texts(table, "holidays") {
        holidays.extend(reader.accept(parse_date(&date.value), date.offset));
    }
    let calendar = reader.accept(Calendar::weekly(&zone.value, week?, hours?, holidays), zone.offset)?;
    let calendar = transferred(reader, table, calendar);
    Some(short_days(reader, table, calendar))
}

/// A day off that is worked in place of a working day that is given for it: `{ off = DATE, work = DATE }`.
fn transferred<'a>(reader: &mut Reader<'a>, table: Table<'a>, mut calendar: Calendar) -> Calendar {
    for pair in reader.tables(table, "transferred") {
        reader.only(pair, &["off", "work"]);
        let (off, work) = (date(reader, pair, "off"), date(reader, pair, "work"));
        let (Some(off), Some(work)) = (off, work) else {
            reader.complain(pair.offset(), "a transferred day is { off = DATE, work = DATE }");
            continue;
        };
        if !calendar.is_working_day(off.value) {
            reader.complain(off.offset, format!("no work is done on {} anyway", off.value));
        }
        if calendar.is_working_day(work.value) {
            reader.complain(work.offset, format!("{} is a working day already", work.value));
        }
        calendar = calendar
            .with_single_day(off.value, SingleDay::Off)
            .with_single_day(work.value, SingleDay::Working);
    }
    calendar
}

/// Working days with hours of their own: `short = { DATE = "08:00-16:00" }`.
fn short_days<'a>(reader: &mut Reader<'a>, table: Table<'a>, mut calendar: Calendar) -> Calendar {
    for (name, hours) in reader.named_texts(table, "short") {
        let date = reader.accept(parse_date(&name.value), name.offset);
        let hours = reader.parsed::<DayHours>(&hours);
        let (Some(date), Some(hours)) = (date, hours) else { continue };
        if !calendar.is_working_day(date) {
            reader.complain(name.offset, format!("no work is done on {date}: it has no hours"));
        }
        calendar = calendar.with_single_day(date, SingleDay::Hours(hours));
    }
    calendar
}

fn date<'a>(reader: &mut Reader<'a>, table: Table<'a>, key: &str) -> Option<Placed<NaiveDate>> {
    let text = reader.optional_text(table, key)?;
    let value = reader.accept(parse_date(&text.value), text.offset)?;
    Some(Placed { value, offset: text.offset })
}

pub(super) fn named_calendar<'a>(
    reader: &mut Reader<'a>,
    table: Table<'a>,
    calendars: &Calendars,
) -> Option<Calendar> {
    let name = reader.optional_text(table, "calendar")?;
    let found = calendars.get(&name.value).cloned();
    if found.is_none() {
        checks::complain_unknown(reader, "calendar", &name, calendars.keys().map(String::as_str));
    }
    found.flatten()
}

pub(super) fn norms<'a>(
    reader: &mut Reader<'a>,
    root: Table<'a>,
    calendars: &Calendars,
) -> Vec<Placed<Norm>> {
    reader.tables(root, "norm").into_iter().filter_map(|table| norm(reader, table, calendars)).collect()
}

fn norm<'a>(reader: &mut Reader<'a>, table: Table<'a>, calendars: &Calendars) -> Option<Placed<Norm>> {
    reader.only(
        table,
        &[
            "id",
            "category",
            "priority",
            "clock",
            "accept",
            "resolve",
            "extend_total",
            "calendar",
            "roll",
            "act",
            "valid_from",
            "valid_to",
        ],
    );
    let (id, category) = (reader.text(table, "id"), reader.text(table, "category"));
    let priority = reader.optional_text(table, "priority").map(|text| priority(reader, &text));
    let clock = reader.optional_text(table, "clock").map(|text| clock(reader, &text));
    let accept = term(reader, table, "accept");
    let resolve = reader.text(table, "resolve").and_then(|text| reader.parsed::<Term>(&text));
    let extend_total = term(reader, table, "extend_total");
    let act = reader.optional_text(table, "act").map(|act| act.value);
    let valid = Validity {
        from: date(reader, table, "valid_from").map(|date| date.value),
        to: date(reader, table, "valid_to").map(|date| date.value),
    };
    if valid.from.zip(valid.to).is_some_and(|(from, to)| to < from) {
        reader.complain(table.offset(), "'valid_to' lies before 'valid_from'");
    }
    let roll = match reader.optional_text(table, "roll") {
        Some(text) if text.value != "next_working_day" => {
            reader.complain(text.offset, "'roll' can be \"next_working_day\" only");
            false
        }
        found => found.is_some(),
    };
    let calendar_name = reader.text(table, "calendar");
    let calendar = calendar_name.as_ref().and_then(|_| named_calendar(reader, table, calendars));
    let (id, category) = (id?, category?);
    let clock = clock.unwrap_or(Clock::Executor);
    if clock == Clock::Citizen && accept.is_some() {
        reader.complain(
            category.offset,
            "executors accept orders: a norm of the citizen's clock has no 'accept'",
        );
    }
    let norm = Norm {
        id: id.value,
        clock,
        act,
        category: category.value,
        priority: priority.unwrap_or(Priority::Normal),
        accept,
        resolve: resolve?,
        extend_total,
        calendar: calendar?,
        calendar_name: calendar_name?.value,
        valid,
        roll,
    };
    Some(Placed { value: norm, offset: category.offset })
}

fn term<'a>(reader: &mut Reader<'a>, table: Table<'a>, key: &str) -> Option<Term> {
    reader.optional_text(table, key).and_then(|text| reader.parsed::<Term>(&text))
}

fn clock(reader: &mut Reader<'_>, text: &Placed<String>) -> Clock {
    match text.value.as_str() {
        "citizen" => Clock::Citizen,
        "executor" => Clock::Executor,
        other => {
            reader.complain(text.offset, format!("'{other}' is no clock: one of citizen, executor"));
            Clock::Executor
        }
    }
}

fn priority(reader: &mut Reader<'_>, text: &Placed<String>) -> Priority {
    match text.value.as_str() {
        "normal" => Priority::Normal,
        "urgent" => Priority::Urgent,
        "life_safety" => Priority::LifeSafety,
        other => {
            reader.complain(
                text.offset,
                format!("'{other}' is no priority: one of normal, urgent, life_safety"),
            );
            Priority::Normal
        }
    }
}

/// A rung and the posts it names, with their places.
pub(super) struct RungDraft {
    pub(super) rung: Rung,
    pub(super) to: Vec<Placed<String>>,
    pub(super) offset: usize,
}

/// `[[escalate]]`: level by level, each later than the one below.
pub(super) fn ladder<'a>(reader: &mut Reader<'a>, root: Table<'a>) -> Vec<RungDraft> {
    let mut ladder: Vec<RungDraft> = Vec::new();
    for table in reader.tables(root, "escalate") {
        reader.only(table, &["level", "at", "to", "answer"]);
        let level = reader.count(table, "level", 1..MAX_LEVEL + 1, 1);
        if level != ladder.len() + 1 {
            reader.complain(
                table.offset(),
                format!("the levels go up one by one: {} is next", ladder.len() + 1),
            );
        }
        let at = reader.text(table, "at").and_then(|text| match text.value.as_str() {
            "0" => None,
            after => {
                let term = after.strip_prefix('+').unwrap_or(after).to_owned();
                wait(reader, &Placed { value: term, offset: text.offset })
            }
        });
        if level == 1 && at.is_some() {
            reader.complain(table.offset(), "the first level is asked with the missed deadline: at = \"0\"");
        }
        let to = reader.texts(table, "to");
        if to.is_empty() {
            reader.complain(table.offset(), "'to' is missing or empty: the posts that are asked");
        }
        let answer = reader.optional_text(table, "answer").and_then(|text| wait(reader, &text));
        let rung = Rung {
            level: u8::try_from(level).unwrap_or(u8::MAX),
            at,
            to: to.iter().map(|post| post.value.clone()).collect(),
            answer,
        };
        ladder.push(RungDraft { rung, to, offset: table.offset() });
    }
    ladder
}

/// A term, or hours as people write them: `4h`.
fn wait(reader: &mut Reader<'_>, text: &Placed<String>) -> Option<Term> {
    let hours = text.value.strip_suffix('h').map(|hours| format!("PT{hours}H"));
    let term = hours.as_deref().unwrap_or(&text.value).parse::<Term>();
    let term = term.map_err(|_| format!("'{}' is no time to wait, as in 4h, 1wd or 3d", text.value));
    reader.accept(term, text.offset)
}

/// The ladder as it is climbed; without one the control desk is asked.
pub(super) fn climbable(ladder: Vec<RungDraft>) -> Vec<Rung> {
    if ladder.is_empty() {
        let [control, _] = BUILT_IN_POSTS;
        return vec![Rung { level: 1, at: None, to: vec![control.to_owned()], answer: None }];
    }
    ladder.into_iter().map(|draft| draft.rung).collect()
}

/// `[hold]`: days of one pause, and of all pauses of a case.
pub(super) fn hold<'a>(reader: &mut Reader<'a>, root: Table<'a>) -> HoldRule {
    let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
    let Some(table) = reader.table(root, "hold") else {
        return HoldRule { longest: days(HOLD_DAYS.0), total: days(HOLD_DAYS.1) };
    };
    reader.only(table, &["longest_days", "total_days"]);
    let mut count = |key, default: u64| {
        let default = usize::try_from(default).unwrap_or(MAX_HOLD_DAYS);
        days(u64::try_from(reader.count(table, key, 1..MAX_HOLD_DAYS + 1, default)).unwrap_or(0))
    };
    let rule =
        HoldRule { longest: count("longest_days", HOLD_DAYS.0), total: count("total_days", HOLD_DAYS.1) };
    if rule.total < rule.longest {
        reader.complain(
            table.offset(),
            "all pauses together may not be shorter than one: total_days, longest_days",
        );
    }
    rule
}
