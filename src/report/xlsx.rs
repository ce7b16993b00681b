//! The report as a workbook: a sheet of figures with their definitions, and a sheet for each way to break them down.
//! Numbers are numbers, shares are per cent, durations are days by the spreadsheet's own count; texts are never formulas.

use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::figures::{Report, Value};
use super::indicator::Dimension;
use super::names::Names;
use super::words::{self, say};
use super::{Indicator, Row};

/// Seconds of the day that a spreadsheet counts as 1.
const DAY: f64 = 86_400.0;
/// The greatest whole number a cell holds exactly.
const MAX_EXACT: u64 = 1 << 53;

struct Formats {
    head: Format,
    text: Format,
    count: Format,
    share: Format,
    duration: Format,
}

/// The bytes of the file. The same report gives the same cells.
///
/// # Errors
/// Of the writer: a sheet that is too large, of which the bounds of a report know nothing.
pub fn print(report: &Report, week: &str, names: &Names<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    // The moment of the report and not of the printing.
    let created = report.period.to.micros() / 1_000_000;
    let properties = rust_xlsxwriter::DocProperties::new()
        .set_title(format!("{} {week}", say("title", names.language)))
        .set_creation_datetime(&ExcelDateTime::from_timestamp(created)?);
    workbook.set_properties(&properties);
    let formats = Formats {
        head: Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top),
        text: Format::new().set_text_wrap().set_align(FormatAlign::Top),
        count: Format::new().set_num_format("#,##0"),
        share: Format::new().set_num_format("0.0%"),
        duration: Format::new().set_num_format("[h]:mm:ss"),
    };
    figures(sheet(&mut workbook, say("title", names.language), names)?, report, week, names, &formats)?;
    for by in Dimension::ALL {
        let title = say(&format!("by.{}", by.id()), names.language);
        breakdown(sheet(&mut workbook, title, names)?, report, by, names, &formats)?;
    }
    workbook.save_to_buffer()
}

fn sheet<'w>(
    workbook: &'w mut Workbook,
    name: &str,
    names: &Names<'_>,
) -> Result<&'w mut Worksheet, XlsxError> {
    let sheet = workbook.add_worksheet();
    // 31 characters is the format's own limit.
    sheet.set_name(name.chars().take(31).collect::<String>())?;
    sheet.set_right_to_left(names.language.is_right_to_left());
    sheet.set_paper_size(9).set_print_fit_to_pages(1, 0);
    Ok(sheet)
}

fn figures(
    sheet: &mut Worksheet,
    report: &Report,
    week: &str,
    names: &Names<'_>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let heads = ["indicator", "value", "basis", "basis", "before", "definition"];
    for (column, head) in (0_u16..).zip(heads) {
        sheet.write_string_with_format(0, column, say(head, names.language), &formats.head)?;
    }
    sheet.write_string_with_format(0, 1, week, &formats.head)?;
    for (line, figure) in (1_u32..).zip(&report.figures) {
        sheet.write_string_with_format(
            line,
            0,
            words::title(figure.indicator, names.language),
            &formats.text,
        )?;
        write(sheet, (line, 1), figure.value, formats)?;
        let (part, whole) = match figure.value {
            Value::Share { part, whole } => (Some(part), Some(whole)),
            Value::Seconds { count, .. } => (None, Some(count)),
            Value::Count { .. } => (None, None),
        };
        for (column, number) in [(2, part), (3, whole)] {
            if let Some(number) = number {
                sheet.write_number_with_format(line, column, exact(number), &formats.count)?;
            }
        }
        write(sheet, (line, 4), figure.before, formats)?;
        let definition = words::definition(figure.indicator, names.language);
        sheet.write_string_with_format(line, 5, definition, &formats.text)?;
    }
    sheet
        .set_column_width(0, 42)?
        .set_column_width(1, 14)?
        .set_column_width(4, 14)?
        .set_column_width(5, 90)?;
    sheet.set_freeze_panes(1, 1)?;
    Ok(())
}

/// A line for each key; two columns for each indicator, this week and the one before.
fn breakdown(
    sheet: &mut Worksheet,
    report: &Report,
    by: Dimension,
    names: &Names<'_>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let columns: Vec<(&str, &[Row])> = report
        .figures
        .iter()
        .filter(|figure| Indicator::of_id(figure.indicator).is_some_and(|known| known.by.contains(&by)))
        .filter_map(|figure| {
            let found = figure.breakdowns.iter().find(|breakdown| breakdown.by == by)?;
            Some((figure.indicator, found.rows.as_slice()))
        })
        .collect();
    let mut keys: Vec<&Option<String>> =
        columns.iter().flat_map(|(_, rows)| rows.iter().map(|row| &row.key)).collect();
    keys.sort();
    keys.dedup();
    sheet.write_string_with_format(0, 0, say(&format!("by.{}", by.id()), names.language), &formats.head)?;
    for (line, key) in (1_u32..).zip(&keys) {
        sheet.write_string_with_format(line, 0, names.of(by, key.as_deref()), &formats.text)?;
    }
    for (pair, (indicator, rows)) in (0_u16..).zip(&columns) {
        let column = 1 + pair * 2;
        let title = words::title(indicator, names.language);
        let before = format!("{title}: {}", say("before", names.language));
        sheet.write_string_with_format(0, column, title, &formats.head)?;
        sheet.write_string_with_format(0, column + 1, before, &formats.head)?;
        sheet.set_column_width(column, 14)?.set_column_width(column + 1, 14)?;
        for (line, key) in (1_u32..).zip(&keys) {
            if let Some(row) = rows.iter().find(|row| row.key == **key) {
                write(sheet, (line, column), row.value, formats)?;
                write(sheet, (line, column + 1), row.before, formats)?;
            }
        }
    }
    sheet.set_column_width(0, 34)?;
    sheet.set_freeze_panes(1, 1)?;
    Ok(())
}

fn write(
    sheet: &mut Worksheet,
    (line, column): (u32, u16),
    value: Value,
    formats: &Formats,
) -> Result<(), XlsxError> {
    let (number, format) = match value {
        Value::Count { count } => (Some(exact(count)), &formats.count),
        Value::Share { part, whole } => ((whole > 0).then(|| exact(part) / exact(whole)), &formats.share),
        Value::Seconds { seconds, .. } => (seconds.map(|seconds| exact(seconds) / DAY), &formats.duration),
    };
    if let Some(number) = number {
        sheet.write_number_with_format(line, column, number, format)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "bounded by what a cell holds exactly")]
fn exact(number: u64) -> f64 {
    number.min(MAX_EXACT) as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::language::Language;
    use crate::report::samples;

    #[test]
    fn the_workbook_is_a_zip_that_says_the_same_twice() {
        let plan = samples::plan();
        for language in Language::ALL {
            let names = Names { plan: &plan, language };
            let file = print(&samples::a_report(), "2026-W47", &names).unwrap();
            assert!(file.starts_with(b"PK\x03\x04") && file.len() > 5_000);
            assert_eq!(print(&samples::a_report(), "2026-W47", &names).unwrap(), file);
        }
    }
}
