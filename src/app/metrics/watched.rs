//! What watches a city speaks of metrics that exist: every expression of the alerts and of the dashboard is held against
//! the page. Whether Prometheus understands them, and when alerts fire, is promtool's to say (`make test`).

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use serde_json::Value;

use super::Meters;
use crate::net::Counts;

const ALERTS: &str = include_str!("../../../packaging/prometheus/alerts.yml");
const ALERT_TESTS: &str = include_str!("../../../packaging/prometheus/alerts.test.yml");
const DASHBOARD: &str = include_str!("../../../packaging/grafana/ringback.json");
/// What `notify/` adds to the page.
const NOTIFICATIONS: [&str; 3] = [
    "ringback_notifications_halted",
    "ringback_notifications_taken_total",
    "ringback_notifications_attempts_failed_total",
];

/// Families of the page; a histogram goes by its three names.
fn told() -> BTreeSet<String> {
    let page = Meters::default().text(0, &Counts::default());
    let families = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut names: BTreeSet<String> = NOTIFICATIONS.map(str::to_owned).into();
    for (name, kind) in families {
        let parts: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        names.extend(parts.iter().map(|part| format!("{name}{part}")));
    }
    names
}

/// Names of ours in an expression.
fn named(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("ringback_")).map(str::to_owned).collect()
}

#[test]
fn alerts_and_dashboard_name_only_metrics_that_exist() {
    let told = told();
    let board: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let expressions: Vec<&str> = targets.filter_map(|target| target["expr"].as_str()).collect();
    assert!(expressions.len() > 40, "{}", expressions.len());
    for (place, text) in
        [("alerts", ALERTS), ("tests of alerts", ALERT_TESTS), ("board", &expressions.join("\n"))]
    {
        let names = named(text);
        assert!(names.len() > 15, "{place}: {names:?}");
        let unknown: Vec<&String> = names.difference(&told).collect();
        assert!(unknown.is_empty(), "{place}: {unknown:?} are not on the page");
    }
}

#[test]
fn every_alert_is_tested_and_leads_to_its_page_of_the_runbook() {
    let alerts: Vec<&str> = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let pages: Vec<&str> = ALERTS.lines().filter_map(|line| line.trim().strip_prefix("runbook: ")).collect();
    assert!(alerts.len() > 15 && alerts.len() == pages.len(), "{} and {}", alerts.len(), pages.len());
    for (alert, page) in alerts.iter().zip(pages) {
        let words = alert.chars().enumerate().flat_map(|(place, c)| {
            let gap = (place > 0 && c.is_uppercase()).then_some('-');
            gap.into_iter().chain(c.to_lowercase())
        });
        assert_eq!(page, format!("docs/runbook.md#{}", words.collect::<String>()));
        assert!(ALERT_TESTS.contains(&format!("alertname=\"{alert}\"")), "{alert} is in no test");
    }
}

/// https://prometheus.io/docs/practices/naming: counters end in `_total`, nothing else does; one help for each.
#[test]
fn names_keep_the_conventions() {
    let page = Meters::default().text(0, &Counts::default());
    let mut seen = BTreeSet::new();
    for (name, kind) in page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')) {
        assert!(seen.insert(name), "{name} twice");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name} has no unit");
        assert!(page.contains(&format!("# HELP {name} ")), "{name} says nothing of itself");
    }
}
