//! Two reports of the same period held against each other: the one of the rows and the one of the journal. Each figure
//! that differs is said in words, so that an auditor knows where to look.

use super::figures::{Report, Row, Value};
use super::indicator::Dimension;

/// A figure that the rows and the journal tell differently.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    pub indicator: &'static str,
    /// In a row of a breakdown; the whole figure otherwise.
    pub part: Option<(Dimension, Option<String>)>,
    /// Of the period before.
    pub is_before: bool,
    pub rows: Value,
    pub journal: Value,
}

/// Where they differ, in the order of the indicators.
pub fn differences(rows: &Report, journal: &Report) -> Vec<Difference> {
    let mut found = Vec::new();
    for (row, entry) in rows.figures.iter().zip(&journal.figures) {
        compare(&mut found, row.indicator, None, (row.value, row.before), (entry.value, entry.before));
        for (one, other) in row.breakdowns.iter().zip(&entry.breakdowns) {
            let mut keys: Vec<_> = one.rows.iter().chain(&other.rows).map(|row| row.key.clone()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let nothing = nothing_of(row.value);
                let of = |rows: &[Row]| {
                    let found = rows.iter().find(|row| row.key == key);
                    found.map_or((nothing, nothing), |row| (row.value, row.before))
                };
                let (one_values, other_values) = (of(&one.rows), of(&other.rows));
                compare(&mut found, row.indicator, Some((one.by, key.clone())), one_values, other_values);
            }
        }
    }
    found
}

fn compare(
    found: &mut Vec<Difference>,
    indicator: &'static str,
    part: Option<(Dimension, Option<String>)>,
    rows: (Value, Value),
    journal: (Value, Value),
) {
    for (is_before, rows, journal) in [(false, rows.0, journal.0), (true, rows.1, journal.1)] {
        if rows != journal {
            found.push(Difference { indicator, part: part.clone(), is_before, rows, journal });
        }
    }
}

const fn nothing_of(value: Value) -> Value {
    match value {
        Value::Count { .. } => Value::Count { count: 0 },
        Value::Share { .. } => Value::Share { part: 0, whole: 0 },
        Value::Seconds { .. } => Value::Seconds { seconds: None, count: 0 },
    }
}
