//! `[[retention]]` of the city plan: how long recordings, photos and personal words are kept after a case was closed, and
//! calls that no case came from. What the rules mean is `case/retention.rs`.

use super::CityPlan;
use super::endings::Endings;
use super::reader::{Placed, Reader, Table};
use crate::calendar::Calendar;
use crate::case::norm::Term;
use crate::case::retention::RetentionRule;
use crate::case::routing::closeness;

/// A city that changes a rule every week gets through fifty years.
const MAX_VERSION: usize = 2_600;
const MONTHS_OF_YEAR: u32 = 12;
/// Years a term may have: nobody's program keeps anything longer on purpose.
const MAX_YEARS: u32 = 100;
/// The shortest month: a term of months is at least so long.
const DAYS_OF_MONTH: u32 = 28;

impl CityPlan {
    /// How long cases are kept, in the order of the file; none where the city has not said.
    pub fn retention_rules(&self) -> &[RetentionRule] {
        &self.retention
    }

    /// The rule closest to `category`: its own, its parent's, or the one for all.
    pub fn retention_rule(&self, category: &str) -> Option<&RetentionRule> {
        let fitting =
            self.retention.iter().filter_map(|rule| Some((closeness(&rule.category, category)?, rule)));
        fitting.max_by_key(|(closeness, _)| *closeness).map(|(_, rule)| rule)
    }

    /// The rule for calls that no case came from: that of all categories.
    pub fn retention_of_calls(&self) -> Option<&RetentionRule> {
        self.retention.iter().find(|rule| rule.calls_without_case.is_some())
    }
}

/// With the place of each rule's category.
pub(super) fn retention<'a>(
    reader: &mut Reader<'a>,
    root: Table<'a>,
    known: Option<(&Calendar, &Endings)>,
) -> Vec<Placed<RetentionRule>> {
    let mut rules: Vec<Placed<RetentionRule>> = Vec::new();
    // Without a city's clock nothing of the plan counts, which was complained about.
    let Some((clock, endings)) = known else { return rules };
    let window_days = endings.reopen.window_days;
    for table in reader.tables(root, "retention") {
        let Some(rule) = rule(reader, table, clock, window_days) else { continue };
        for known in &rules {
            if known.value.id == rule.value.id {
                reader.complain(
                    table.offset(),
                    format!("the retention rule '{}' is there twice", rule.value.id),
                );
            } else if known.value.category == rule.value.category {
                let text =
                    format!("'{}' and '{}' are about the same category", known.value.id, rule.value.id);
                reader.complain(rule.offset, text);
            }
        }
        rules.push(rule);
    }
    rules
}

fn rule<'a>(
    reader: &mut Reader<'a>,
    table: Table<'a>,
    clock: &Calendar,
    window_days: u32,
) -> Option<Placed<RetentionRule>> {
    reader.only(table, &["id", "version", "category", "recordings", "photos", "words", "calls_without_case"]);
    let (id, category) = (reader.text(table, "id"), reader.text(table, "category"));
    let version = reader.count(table, "version", 1..MAX_VERSION + 1, 1);
    let mut kept = |key| term(reader, table, key, window_days);
    let (recordings, photos, words) = (kept("recordings"), kept("photos"), kept("words"));
    let calls_without_case = term(reader, table, "calls_without_case", 0);
    let is_said = ["recordings", "photos", "words", "calls_without_case"].iter().any(|key| table.has(key));
    if !is_said {
        reader.complain(
            table.offset(),
            "nothing is said about how long: 'recordings', 'photos', 'words' or 'calls_without_case'",
        );
    }
    let (id, category) = (id?, category?);
    if calls_without_case.is_some() && category.value != "*" {
        reader.complain(
            category.offset,
            "calls without a case have no category: 'calls_without_case' is for \"*\"",
        );
    }
    let rule = RetentionRule {
        id: id.value,
        version: u32::try_from(version).unwrap_or(u32::MAX),
        category: category.value,
        recordings,
        photos,
        words,
        calls_without_case,
        clock: clock.clone(),
    };
    Some(Placed { value: rule, offset: category.offset })
}

/// Calendar days, months or years (`90d`, `18mo`, `3y`), not below the days in which a case may be reopened: it would go
/// back to work without what it was about.
fn term<'a>(reader: &mut Reader<'a>, table: Table<'a>, key: &str, window_days: u32) -> Option<Term> {
    let text = reader.optional_text(table, key)?;
    let years = text.value.strip_suffix('y').and_then(|years| years.parse::<u32>().ok());
    let term = match years {
        Some(years) if (1..=MAX_YEARS).contains(&years) => Some(Term::Months(years * MONTHS_OF_YEAR)),
        _ => text.value.parse::<Term>().ok(),
    };
    let days = match term {
        Some(Term::Days(days)) => days,
        Some(Term::Months(months)) => months.saturating_mul(DAYS_OF_MONTH),
        _ => {
            reader
                .complain(text.offset, format!("'{}' is no time to keep, as in 90d, 18mo or 3y", text.value));
            return None;
        }
    };
    if days < window_days {
        let text_said = format!("a case may be reopened for {window_days} days: keep it no shorter");
        reader.complain(text.offset, text_said);
    }
    term
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    const PLAN: &str = include_str!("../../../city.toml");

    fn with(more: &str) -> Result<CityPlan, Vec<String>> {
        CityPlan::parse("city.toml", &format!("{PLAN}\n{more}"))
            .map_err(|complaints| complaints.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_closest_category_counts_and_nothing_is_destroyed_unless_the_plan_says_so() {
        assert_eq!(CityPlan::parse("city.toml", PLAN).unwrap().retention_rule("water"), None);
        let plan = with(
            "[[retention]]\nid = \"all\"\ncategory = \"*\"\nversion = 2\nrecordings = \"3y\"\ncalls_without_case = \"90d\"\n\
             [[retention]]\nid = \"water\"\ncategory = \"water\"\nwords = \"18mo\"\n",
        )
        .unwrap();
        let of = |category: &str| plan.retention_rule(category).map(|rule| (rule.id.as_str(), rule.version));
        assert_eq!((of("water.burst"), of("roads")), (Some(("water", 1)), Some(("all", 2))));
        assert_eq!(plan.retention_rule("roads").unwrap().recordings, Some(Term::Months(36)));
        assert_eq!(plan.retention_of_calls().unwrap().id, "all");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let rules = [
            ("id = \"a\"\ncategory = \"watr\"\nwords = \"3y\"", "watr"),
            ("id = \"a\"\ncategory = \"*\"\nwords = \"3wd\"", "'3wd' is no time to keep"),
            ("id = \"a\"\ncategory = \"*\"\nwords = \"101y\"", "'101y' is no time to keep"),
            ("id = \"a\"\ncategory = \"*\"\nphotos = \"5d\"", "may be reopened for"),
            ("id = \"a\"\ncategory = \"*\"", "nothing is said"),
            ("id = \"a\"\ncategory = \"water\"\ncalls_without_case = \"90d\"", "have no category"),
            ("id = \"a\"\ncategory = \"*\"\nwords = \"3y\"\nsound = \"3y\"", "sound"),
            (
                "id = \"a\"\ncategory = \"*\"\nwords = \"3y\"\n[[retention]]\nid = \"b\"\ncategory = \"*\"\nwords = \"2y\"",
                "the same category",
            ),
            (
                "id = \"a\"\ncategory = \"*\"\nwords = \"3y\"\n[[retention]]\nid = \"a\"\ncategory = \"water\"\nwords = \"2y\"",
                "there twice",
            ),
        ];
        for (rule, said) in rules {
            let complaints = with(&format!("[[retention]]\n{rule}\n")).unwrap_err();
            let [complaint] = &complaints[..] else { panic!("{rule}: {complaints:?}") };
            assert!(complaint.starts_with("city.toml:") && complaint.contains(said), "{complaint}");
        }
    }
}
