//! Figures from facts, by the table of indicators: of the period and of the one before, whole and broken down, and the
//! list behind each. Values are whole numbers until somebody prints them, so that two ways to one figure are compared
//! exactly.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Timelike;
use serde::Serialize;

use super::fact::{ContactFact, Facts, Standing, Step};
use super::indicator::{Counted, Dimension, How, INDICATORS, Indicator, Rule};
use super::week::Period;
use crate::case::CaseNumber;
use crate::ids::ContactId;
use crate::time::Timestamp;

/// Rows of one breakdown; a city has fewer executors and categories.
const MAX_ROWS: usize = 500;

/// A figure's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Value {
    Count {
        count: u64,
    },
    /// `part` of `whole`; the part may be the larger one where both are of the same week and not of the same cases.
    Share {
        part: u64,
        whole: u64,
    },
    /// Of `count` durations; none when nothing was measured.
    Seconds {
        seconds: Option<u64>,
        count: u64,
    },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figure {
    pub indicator: &'static str,
    pub value: Value,
    /// Of the period before.
    pub before: Value,
    pub breakdowns: Vec<Breakdown>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Breakdown {
    pub by: Dimension,
    /// Ordered by key; the first 500.
    pub rows: Vec<Row>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// None where the fact has none: no executor yet, no district known.
    pub key: Option<String>,
    pub value: Value,
    pub before: Value,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    pub period: Period,
    pub figures: Vec<Figure>,
}

/// One line of the list behind a figure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Member {
    pub at: Timestamp,
    pub contact: Option<ContactId>,
    pub case: Option<CaseNumber>,
    pub executor: Option<String>,
    pub category: Option<String>,
    /// What was measured, of durations.
    pub seconds: Option<u64>,
}

/// Something that is counted and can be told apart.
trait Fact {
    fn key(&self, by: Dimension, period: &Period) -> Option<String>;
    fn member(&self) -> Member;
}

/// The whole report; `now` and `earlier` are the facts of their periods.
pub fn report((period, now): (&Period, &Facts), (before, earlier): (&Period, &Facts)) -> Report {
    let figure = |indicator: &'static Indicator| match &indicator.counted {
        Counted::Contacts(rule) => {
            both(indicator, rule, (period, &now.contacts), (before, &earlier.contacts))
        }
        Counted::Steps(rule) => both(indicator, rule, (period, &now.steps), (before, &earlier.steps)),
        Counted::Open(rule) => both(indicator, rule, (period, &now.open), (before, &earlier.open)),
    };
    Report { period: period.clone(), figures: INDICATORS.iter().map(figure).collect() }
}

/// The list behind a figure, or behind one row of its breakdown: the oldest first. As long as the figure says, for
/// shares as its part.
pub fn members(
    indicator: &Indicator,
    part: Option<(Dimension, Option<&str>)>,
    (period, facts): (&Period, &Facts),
) -> Vec<Member> {
    match &indicator.counted {
        Counted::Contacts(rule) => listed(rule, part, period, &facts.contacts),
        Counted::Steps(rule) => listed(rule, part, period, &facts.steps),
        Counted::Open(rule) => listed(rule, part, period, &facts.open),
    }
}

fn listed<F: Fact>(
    rule: &Rule<F>,
    part: Option<(Dimension, Option<&str>)>,
    period: &Period,
    facts: &[F],
) -> Vec<Member> {
    let is_part = |fact: &&F| part.is_none_or(|(by, key)| fact.key(by, period).as_deref() == key);
    let measured = |fact: &F| match rule.how {
        How::Percentile(_, measure) => measure(fact, period).map(|it| it.as_secs()),
        How::Count | How::ShareOf(_) => None,
    };
    let counted = facts.iter().filter(|fact| (rule.counts)(fact, period)).filter(is_part);
    let mut members: Vec<Member> =
        counted.map(|fact| Member { seconds: measured(fact), ..fact.member() }).collect();
    members.sort();
    members
}

fn both<F: Fact>(
    indicator: &'static Indicator,
    rule: &Rule<F>,
    (period, now): (&Period, &[F]),
    (before, earlier): (&Period, &[F]),
) -> Figure {
    let breakdown = |by: &Dimension| {
        let (mut now, mut earlier) = (groups(rule, *by, period, now), groups(rule, *by, before, earlier));
        let mut keys: Vec<Option<String>> = now.keys().chain(earlier.keys()).cloned().collect();
        keys.sort();
        keys.dedup();
        keys.truncate(MAX_ROWS);
        let row = |key: Option<String>| {
            let value = value(rule, period, now.remove(&key).unwrap_or_default().into_iter());
            let before = self::value(rule, before, earlier.remove(&key).unwrap_or_default().into_iter());
            Row { key, value, before }
        };
        Breakdown { by: *by, rows: keys.into_iter().map(row).collect() }
    };
    Figure {
        indicator: indicator.id,
        value: value(rule, period, now.iter()),
        before: value(rule, before, earlier.iter()),
        breakdowns: indicator.by.iter().map(breakdown).collect(),
    }
}

/// The facts that matter to the rule, by their key.
fn groups<'f, F: Fact>(
    rule: &Rule<F>,
    by: Dimension,
    period: &Period,
    facts: &'f [F],
) -> BTreeMap<Option<String>, Vec<&'f F>> {
    let mut groups: BTreeMap<Option<String>, Vec<&F>> = BTreeMap::new();
    let in_whole = |fact: &F| match rule.how {
        How::ShareOf(whole) => whole(fact, period),
        How::Count | How::Percentile(..) => false,
    };
    for fact in facts.iter().filter(|fact| (rule.counts)(fact, period) || in_whole(fact)) {
        groups.entry(fact.key(by, period)).or_default().push(fact);
    }
    groups
}

fn value<'f, F: 'f>(rule: &Rule<F>, period: &Period, facts: impl Iterator<Item = &'f F>) -> Value {
    match rule.how {
        How::Count => Value::Count { count: count(facts.filter(|fact| (rule.counts)(fact, period))) },
        How::ShareOf(of) => {
            let (mut part, mut whole) = (0, 0);
            for fact in facts {
                part += u64::from((rule.counts)(fact, period));
                whole += u64::from(of(fact, period));
            }
            Value::Share { part, whole }
        }
        How::Percentile(percent, measure) => {
            let counted = facts.filter(|fact| (rule.counts)(fact, period));
            let mut lengths: Vec<Duration> = counted.filter_map(|fact| measure(fact, period)).collect();
            lengths.sort_unstable();
            // The nearest rank, 1 to n.
            let rank = (lengths.len() * usize::from(percent)).div_ceil(100).max(1);
            let seconds = lengths.get(rank - 1).map(Duration::as_secs);
            Value::Seconds { seconds, count: count(lengths.iter()) }
        }
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

impl Value {
    /// How long the list behind it is.
    pub const fn members(self) -> u64 {
        match self {
            Self::Count { count } | Self::Seconds { count, .. } => count,
            Self::Share { part, .. } => part,
        }
    }

    /// Thousandths of the whole, rounded; none of nothing.
    pub fn per_mille(self) -> Option<u64> {
        match self {
            Self::Share { part, whole } if whole > 0 => Some((part * 2_000 + whole) / (2 * whole)),
            _ => None,
        }
    }
}

impl Fact for ContactFact {
    fn key(&self, by: Dimension, period: &Period) -> Option<String> {
        match by {
            Dimension::Hour => Some(format!("{:02}", period.clock.civil(self.offered_at).hour())),
            Dimension::Language => self.language.map(|language| language.code().to_owned()),
            _ => None,
        }
    }

    fn member(&self) -> Member {
        Member {
            at: self.offered_at,
            contact: Some(self.id),
            case: None,
            executor: None,
            category: None,
            seconds: None,
        }
    }
}

impl Fact for Step {
    fn key(&self, by: Dimension, _: &Period) -> Option<String> {
        match by {
            Dimension::Executor => self.executor.clone(),
            Dimension::Category => Some(self.category.clone()),
            Dimension::District => self.territory.clone(),
            Dimension::Language => Some(self.language.code().to_owned()),
            Dimension::Code => self.code.clone(),
            Dimension::Hour | Dimension::Age => None,
        }
    }

    fn member(&self) -> Member {
        Member {
            at: self.at,
            contact: None,
            case: Some(self.case.clone()),
            executor: self.executor.clone(),
            category: Some(self.category.clone()),
            seconds: None,
        }
    }
}

impl Fact for Standing {
    fn key(&self, by: Dimension, period: &Period) -> Option<String> {
        match by {
            Dimension::Executor => self.executor.clone(),
            Dimension::Category => Some(self.category.clone()),
            Dimension::District => self.territory.clone(),
            Dimension::Age => Some(age(period.to.since(self.registered_at)).to_owned()),
            Dimension::Hour | Dimension::Language | Dimension::Code => None,
        }
    }

    fn member(&self) -> Member {
        Member {
            at: self.registered_at,
            contact: None,
            case: Some(self.case.clone()),
            executor: self.executor.clone(),
            category: Some(self.category.clone()),
            seconds: None,
        }
    }
}

/// Whole days since the registration, in bands; the keys sort as they should be read.
fn age(since: Duration) -> &'static str {
    match since.as_secs() / (24 * 60 * 60) {
        0..=2 => "000-002",
        3..=7 => "003-007",
        8..=30 => "008-030",
        31..=90 => "031-090",
        _ => "091-",
    }
}
