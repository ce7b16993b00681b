//! The report as a table for other programs: RFC 4180, CRLF, UTF-8. One line per figure and per row of a breakdown, with
//! ids and plain numbers; a text that a spreadsheet would take for a formula is made a text.

use super::figures::{Report, Value};
use super::names::Names;
use super::words;

/// What makes a spreadsheet calculate, at the beginning of a cell.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The report, with its heading.
///
/// # Errors
/// None that a text in memory has; the writer's own, should there be one.
pub fn print(report: &Report, week: &str, names: &Names<'_>) -> Result<Vec<u8>, ::csv::Error> {
    let terminator = ::csv::Terminator::CRLF;
    let mut writer = ::csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    writer.write_record([
        "week",
        "indicator",
        "title",
        "dimension",
        "key",
        "name",
        "unit",
        "value",
        "part",
        "whole",
        "value_before",
        "part_before",
        "whole_before",
        "definition",
    ])?;
    for figure in &report.figures {
        let title = words::title(figure.indicator, names.language);
        let definition = words::definition(figure.indicator, names.language);
        let mut line =
            |dimension: &str, key: &str, name: &str, value: Value, before: Value, definition: &str| {
                let (unit, [whole_value, part, whole]) = cells(value);
                let (_, [before, part_before, whole_before]) = cells(before);
                writer.write_record([
                    week,
                    figure.indicator,
                    title,
                    dimension,
                    &inert(key),
                    &inert(name),
                    unit,
                    &whole_value,
                    &part,
                    &whole,
                    &before,
                    &part_before,
                    &whole_before,
                    definition,
                ])
            };
        line("", "", "", figure.value, figure.before, definition)?;
        for breakdown in &figure.breakdowns {
            for row in &breakdown.rows {
                let name = names.of(breakdown.by, row.key.as_deref());
                let key = row.key.as_deref().unwrap_or_default();
                line(breakdown.by.id(), key, &name, row.value, row.before, "")?;
            }
        }
    }
    writer.into_inner().map_err(|error| ::csv::Error::from(error.into_error()))
}

/// Unit, and value, part and whole; what there is not stays empty.
fn cells(value: Value) -> (&'static str, [String; 3]) {
    match value {
        Value::Count { count } => ("count", [count.to_string(), String::new(), String::new()]),
        Value::Share { part, whole } => {
            let percent = value.per_mille().map(|share| format!("{}.{}", share / 10, share % 10));
            ("percent", [percent.unwrap_or_default(), part.to_string(), whole.to_string()])
        }
        Value::Seconds { seconds, count } => {
            let seconds = seconds.map(|seconds| seconds.to_string()).unwrap_or_default();
            ("seconds", [seconds, String::new(), count.to_string()])
        }
    }
}

/// The text as a spreadsheet shows it and never calculates it (CWE-1236): with an apostrophe before it where it must.
pub fn inert(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::language::Language;
    use crate::report::samples;

    #[test]
    fn what_looks_like_a_formula_is_a_text() {
        for text in ["=1+1", "+380", "-2", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(inert(text), format!("'{text}"));
        }
        assert_eq!(inert("water, \"=1\""), "water, \"=1\"");
    }

    #[test]
    fn every_line_has_its_cells_and_is_read_back() {
        let plan = samples::plan();
        let names = Names { plan: &plan, language: Language::Uk };
        let text = print(&samples::a_report(), "2026-W47", &names).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().count() > 60 && text.contains("\r\n"));
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let records: Vec<_> = reader.records().collect::<Result<_, _>>().unwrap();
        assert!(records.iter().all(|record| record.len() == 14));
        let of = |id: &str, key: &str| {
            let found = records.iter().find(|record| &record[1] == id && &record[4] == key).unwrap();
            (found[5].to_owned(), found[7].to_owned(), found[8].to_owned(), found[9].to_owned())
        };
        let words = |texts: [&str; 4]| texts.map(str::to_owned).into();
        assert_eq!(of("false_closures", ""), words(["", "50.0", "1", "2"]));
        assert_eq!(of("work_reported", "'=cmd"), words(["'=cmd", "1", "", ""]), "an id may be anything");
        assert_eq!(of("median_to_done", ""), words(["", "7200", "", "1"]));
    }
}
