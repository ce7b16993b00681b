//! The figures of a week that fits on a page, worked out by hand; every list is as long as its figure says, and
//! what differs between two reports is named.
#![allow(clippy::unwrap_used, clippy::panic)]

mod histories;

use super::samples::{a_report, facts, period, report_of, step, week};
use super::*;
use crate::case::CaseNumber;

fn value(id: &str) -> Value {
    a_report().figures.iter().find(|figure| figure.indicator == id).unwrap().value
}

#[test]
fn each_indicator_is_what_its_definition_says() {
    let count = |count| Value::Count { count };
    let share = |part, whole| Value::Share { part, whole };
    let seconds = |seconds, count| Value::Seconds { seconds: Some(seconds), count };
    for (id, expected) in [
        ("contacts_offered", count(4)),
        ("contacts_queued", count(3)),
        ("contacts_answered", count(2)),
        ("contacts_abandoned", count(1)),
        ("abandoned_share", share(1, 3)),
        ("service_level", share(1, 3)),
        ("service_level_own", share(2, 3)),
        ("median_wait", seconds(20, 2)),
        ("longest_wait", seconds(90, 3)),
        ("cases_registered", count(1)),
        ("cases_closed", count(3)),
        ("cases_open", count(1)),
        ("overdue_work", count(1)),
        ("overdue_promise", count(0)),
        ("work_reported", count(2)),
        ("told_share", share(1, 2)),
        ("confirmed_share", share(1, 2)),
        ("refuted", count(1)),
        ("false_closures", share(1, 2)),
        ("median_to_done", seconds(7_200, 1)),
        ("median_norm", seconds(8_000, 1)),
        ("done_in_time", share(1, 1)),
        ("closed_unconfirmed", count(1)),
        ("merged_late", count(0)),
    ] {
        assert_eq!(value(id), expected, "{id}");
    }
}

#[test]
fn a_list_is_as_long_as_its_figure_in_whole_and_in_parts() {
    let (facts, period) = (facts(), period(week()));
    for figure in &a_report().figures {
        let indicator = Indicator::of_id(figure.indicator).unwrap();
        let listed = |part| members(indicator, part, (&period, &facts)).len() as u64;
        assert_eq!(listed(None), figure.value.members(), "{}", figure.indicator);
        for breakdown in &figure.breakdowns {
            for row in &breakdown.rows {
                let part = Some((breakdown.by, row.key.as_deref()));
                assert_eq!(listed(part), row.value.members(), "{} {row:?}", figure.indicator);
            }
        }
    }
}

#[test]
fn parts_add_up_to_the_whole() {
    for figure in &a_report().figures {
        for breakdown in &figure.breakdowns {
            let sum: u64 = breakdown.rows.iter().map(|row| row.value.members()).sum();
            assert_eq!(sum, figure.value.members(), "{} by {:?}", figure.indicator, breakdown.by);
        }
    }
}

#[test]
fn a_difference_is_named_by_indicator_and_part() {
    let rows = a_report();
    assert_eq!(differences(&rows, &a_report()), []);
    let mut other = facts();
    other.steps.push(step(3, StepKind::Refuted, 7_500, "heat"));
    let found = differences(&rows, &report_of(&other));
    let whole = found.iter().find(|it| it.indicator == "refuted" && it.part.is_none()).unwrap();
    assert_eq!((whole.rows, whole.journal), (Value::Count { count: 1 }, Value::Count { count: 2 }));
    let heat = Some((Dimension::Executor, Some("heat".to_owned())));
    assert!(found.iter().any(|it| it.indicator == "refuted" && it.part == heat));
    assert!(found.iter().all(|it| matches!(it.indicator, "refuted" | "false_closures") && !it.is_before));
}

#[test]
fn lists_are_in_the_order_of_time_and_name_their_cases() {
    let (facts, period) = (facts(), period(week()));
    let closed = members(Indicator::of_id("cases_closed").unwrap(), None, (&period, &facts));
    assert!(closed.is_sorted_by_key(|member| member.at));
    assert!(closed.iter().all(|member| member.case == Some(CaseNumber("2026-01-000001".to_owned()))));
    let waits = members(Indicator::of_id("longest_wait").unwrap(), None, (&period, &facts));
    assert_eq!(waits.iter().filter_map(|member| member.seconds).max(), Some(90));
}
