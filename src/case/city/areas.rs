//! Who is responsible: `[[area]]` of the city plan, category x balance holder x territory x time. The most specific rule
//! that is in charge wins, and says why. That no two rules are equally specific is checked when the plan is read
//! (`rivals`); what follows from the choice is `case/routing`.

use std::cmp::Reverse;

use super::CityPlan;
use super::checks::AreaDraft;
use super::reader::{Placed, Reader};
use crate::calendar::Calendar;
use crate::case::routing::{Because, closeness};
use crate::time::Timestamp;

/// Organisations that help the lead with one order; where more are needed it is an incident.
pub(super) const MAX_CO_EXECUTORS: usize = 5;
/// Openings compared before two calendars count as never open together: years of working days.
const MAX_OPENINGS: usize = 2_000;

/// Who is responsible for which categories, where, and when.
#[derive(Clone, Debug)]
pub(in crate::case) struct ServiceArea {
    /// Category ids, parents of categories, or `*`.
    pub(super) categories: Vec<String>,
    /// Empty for the whole city.
    pub(super) territories: Vec<String>,
    /// Organisation ids of who keeps the house; empty for every house.
    pub(super) holders: Vec<String>,
    /// Organisation id of the lead, who answers for the deadline.
    pub(in crate::case) executor: String,
    /// Organisation ids of those who work with the lead.
    pub(in crate::case) co_executors: Vec<String>,
    /// Only while this calendar is open; always when none.
    pub(super) hours: Option<Hours>,
}

#[derive(Clone, Debug)]
pub(super) struct Hours {
    pub(super) name: String,
    pub(super) calendar: Calendar,
}

/// What a case is about, as far as responsibility depends on it.
#[derive(Clone, Copy, Debug)]
pub(in crate::case) struct Matter<'m> {
    pub(in crate::case) category: &'m str,
    /// Territory id.
    pub(in crate::case) territory: Option<&'m str>,
    /// Organisation id of who keeps the house.
    pub(in crate::case) holder: Option<&'m str>,
}

/// How specific a rule is for a matter: the greater wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Rank {
    /// Levels of the category's name that it spells out.
    category: usize,
    holder: bool,
    territory: bool,
    hours: bool,
}

impl CityPlan {
    /// Whether the organisation leads such work at any hour.
    pub(in crate::case) fn may_be_given(&self, executor: &str, matter: Matter<'_>) -> bool {
        let mut areas = self.areas.iter().filter(|area| area.executor == executor);
        areas.any(|area| area.rank(matter).is_some())
    }

    /// The rule in charge at `at`: the closest category first, then a named balance holder, then a named territory, then
    /// one with hours that is open.
    pub(in crate::case) fn responsible(&self, matter: Matter<'_>, at: Timestamp) -> Option<&ServiceArea> {
        let in_charge = self.areas.iter().enumerate().filter(|(_, area)| area.is_in_charge(at));
        in_charge
            .filter_map(|(line, area)| Some(((area.rank(matter)?, Reverse(line)), area)))
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, area)| area)
    }
}

impl ServiceArea {
    fn is_in_charge(&self, at: Timestamp) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.calendar.is_open(at))
    }

    /// In charge at any hour.
    pub(super) fn is_always_in_charge(&self) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.calendar.is_always_open())
    }

    pub(super) fn covers(&self, matter: Matter<'_>) -> bool {
        self.rank(matter).is_some()
    }

    /// None when it does not cover the matter.
    fn rank(&self, matter: Matter<'_>) -> Option<Rank> {
        let category = self.pattern(matter.category).map(|(closeness, _)| closeness)?;
        let named = |list: &[String], it: Option<&str>| {
            list.is_empty() || it.is_some_and(|it| list.iter().any(|id| id == it))
        };
        let fits = named(&self.territories, matter.territory) && named(&self.holders, matter.holder);
        fits.then_some(Rank {
            category,
            holder: !self.holders.is_empty(),
            territory: !self.territories.is_empty(),
            hours: self.hours.is_some(),
        })
    }

    /// The closest of its patterns, and how close it is.
    fn pattern(&self, category: &str) -> Option<(usize, &str)> {
        let fitting = self.categories.iter().filter_map(|id| Some((closeness(id, category)?, id.as_str())));
        fitting.max_by_key(|(closeness, _)| *closeness)
    }

    /// The parts of the rule that made it the closest.
    pub(in crate::case) fn because(&self, matter: Matter<'_>) -> Because {
        let named = |list: &[String], it: Option<&str>| it.filter(|_| !list.is_empty()).map(str::to_owned);
        Because {
            category: self.pattern(matter.category).map_or("*", |(_, pattern)| pattern).to_owned(),
            territory: named(&self.territories, matter.territory),
            holder: named(&self.holders, matter.holder),
            hours: self.hours.as_ref().map(|hours| hours.name.clone()),
        }
    }
}

/// Two rules of which neither is more specific, for the same matter at the same moment: the order of the file would
/// decide, which nobody reads as a rule.
pub(super) fn check_rivals(draft: &[AreaDraft], categories: &[&str], reader: &mut Reader<'_>) {
    let areas: Vec<ServiceArea> = draft.iter().cloned().map(AreaDraft::settled).collect();
    for (later, (area, placed)) in areas.iter().zip(draft).enumerate() {
        for (earlier, other) in areas[..later].iter().enumerate() {
            let Some(category) = categories.iter().find(|category| area.rivals(other, category)) else {
                continue;
            };
            let message = format!(
                "as specific as the area of '{}' (the {} of the file) for category '{category}': only one of them \
                 can be responsible",
                other.executor,
                ordinal(earlier + 1),
            );
            reader.complain(placed.executor.offset, message);
            break;
        }
    }
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

impl ServiceArea {
    fn rivals(&self, other: &Self, category: &str) -> bool {
        let level = |area: &Self| area.pattern(category).map(|(closeness, _)| closeness);
        level(self).is_some()
            && level(self) == level(other)
            && overlap(&self.territories, &other.territories)
            && overlap(&self.holders, &other.holders)
            && match (&self.hours, &other.hours) {
                (Some(one), Some(two)) => are_ever_open_together(&one.calendar, &two.calendar),
                (None, None) => true,
                _ => false,
            }
    }
}

/// Equally specific and with something in common: both name none, or both name one.
fn overlap(one: &[String], other: &[String]) -> bool {
    one.is_empty() && other.is_empty() || one.iter().any(|id| other.contains(id))
}

fn are_ever_open_together(one: &Calendar, other: &Calendar) -> bool {
    let mut at = Timestamp(0);
    // From one's next opening to the other's, until they meet.
    for _ in 0..MAX_OPENINGS {
        let Some(first) = one.next_opening(at) else { return false };
        let Some(second) = other.next_opening(first) else { return false };
        if one.is_open(second) {
            return true;
        }
        at = second;
    }
    false
}

/// Nobody helps themselves, nobody helps twice, and not more than an order can name.
pub(super) fn check_co_executors(area: &AreaDraft, reader: &mut Reader<'_>) {
    if let Some(one) = area.co_executors.get(MAX_CO_EXECUTORS) {
        reader.complain(one.offset, format!("at most {MAX_CO_EXECUTORS} organisations help with one order"));
    }
    let mut seen: Vec<&str> = vec![&area.executor.value];
    for Placed { value, offset } in &area.co_executors {
        if seen.contains(&value.as_str()) {
            reader.complain(*offset, format!("'{value}' has a part in this area already"));
        }
        seen.push(value);
    }
}
