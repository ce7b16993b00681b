//! `[[reception]]` of the city plan: which official receives whom, when and where. What the words mean is
//! `case/reception.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::parse;
use super::promises::{Calendars, named_calendar};
use super::reader::{Placed, Reader, Table};
use super::{CityPlan, Reception};
use crate::calendar::{Calendar, DayHours, Week};

/// Minutes of one slot: below five nobody has sat down, above four hours it is a day.
const SLOT_MINUTES: std::ops::Range<usize> = 5..241;
/// Days ahead: people who plan further are called when the time comes.
const AHEAD_DAYS: std::ops::Range<usize> = 1..181;
/// Hours before the beginning: a week at most.
const HOURS_BEFORE: std::ops::Range<usize> = 0..169;
const DEFAULT_AHEAD_DAYS: usize = 30;
const DEFAULT_NOTICE_HOURS: usize = 12;
const DEFAULT_REMIND_HOURS: usize = 24;

impl CityPlan {
    /// Officials who receive citizens, in the order of the file.
    pub fn receptions(&self) -> &[Reception] {
        &self.receptions
    }

    pub fn reception(&self, id: &str) -> Option<&Reception> {
        self.receptions.iter().find(|reception| reception.id == id)
    }
}

pub(super) fn receptions<'a>(
    reader: &mut Reader<'a>,
    root: Table<'a>,
    calendars: &Calendars,
    zone: Option<&Placed<String>>,
) -> Vec<(Reception, Placed<String>, Vec<Placed<String>>)> {
    let mut found: Vec<(Reception, Placed<String>, Vec<Placed<String>>)> = Vec::new();
    for table in reader.tables(root, "reception") {
        let Some(read) = reception(reader, table, calendars, zone) else { continue };
        if found.iter().any(|(known, ..)| known.id == read.0.id) {
            reader.complain(table.offset(), format!("the reception '{}' is there twice", read.0.id));
        }
        found.push(read);
    }
    found
}

/// With its post and its categories, still with their places in the file.
fn reception<'a>(
    reader: &mut Reader<'a>,
    table: Table<'a>,
    calendars: &Calendars,
    zone: Option<&Placed<String>>,
) -> Option<(Reception, Placed<String>, Vec<Placed<String>>)> {
    reader.only(
        table,
        &[
            "id",
            "name",
            "post",
            "place",
            "categories",
            "calendar",
            "days",
            "hours",
            "slot_minutes",
            "ahead_days",
            "notice_hours",
            "remind_hours",
        ],
    );
    let id = reader.text(table, "id");
    let name = parse::names(reader, table, "reception", id.as_ref());
    let (post, place) = (reader.text(table, "post"), reader.text(table, "place"));
    let categories = reader.texts(table, "categories");
    if categories.is_empty() {
        reader.complain(table.offset(), "'categories' is missing or empty; [\"*\"] are all");
    }
    let named = reader.text(table, "calendar");
    let days = named.as_ref().and_then(|_| named_calendar(reader, table, calendars));
    let week = reader.text(table, "days").and_then(|text| reader.parsed::<Week>(&text));
    let hours = reader.text(table, "hours").and_then(|text| reader.parsed::<DayHours>(&text));
    let slot = reader.count(table, "slot_minutes", SLOT_MINUTES, 15);
    let ahead = reader.count(table, "ahead_days", AHEAD_DAYS, DEFAULT_AHEAD_DAYS);
    let notice = reader.count(table, "notice_hours", HOURS_BEFORE, DEFAULT_NOTICE_HOURS);
    let remind = reader.count(table, "remind_hours", HOURS_BEFORE, DEFAULT_REMIND_HOURS);
    let zone = zone?;
    let hours = reader.accept(Calendar::weekly(&zone.value, week?, hours?, BTreeSet::new()), zone.offset)?;
    let (id, post) = (id?, post?);
    let length = |count: usize, unit: u64| Duration::from_secs(u64::try_from(count).unwrap_or(0) * unit);
    let reception = Reception {
        id: id.value,
        name,
        post: post.value.clone(),
        place: place?.value,
        categories: categories.iter().map(|pattern| pattern.value.clone()).collect(),
        slot: length(slot, 60),
        ahead_days: u32::try_from(ahead).unwrap_or(u32::MAX),
        notice: length(notice, 3_600),
        remind: length(remind, 3_600),
        hours,
        days: days?,
    };
    Some((reception, post, categories))
}
