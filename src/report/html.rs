//! The report on paper: one HTML page without anything outside itself, A4, black on white, that a browser prints or saves
//! as PDF. First the indicators by section, then one table for each way to break them down, then the definitions.

use std::fmt::Write as _;

use super::figures::{Figure, Report, Row};
use super::indicator::{Dimension, INDICATORS, Section};
use super::names::Names;
use super::shown;
use super::words::{self, say};
use crate::language::Language;

/// Rows of one table on paper, those of most weight; the other forms have all of them.
const MAX_ROWS: usize = 40;

/// The tables, each with the indicators that are its columns.
const TABLES: &[(Dimension, &[&str])] = &[
    (
        Dimension::Executor,
        &[
            "work_reported",
            "done_in_time",
            "median_to_done",
            "confirmed_share",
            "refuted",
            "false_closures",
            "reopened",
            "overdue_work",
        ],
    ),
    (
        Dimension::Category,
        &[
            "cases_registered",
            "cases_closed",
            "cases_open",
            "overdue_work",
            "median_to_done",
            "false_closures",
        ],
    ),
    (
        Dimension::District,
        &["cases_registered", "cases_closed", "cases_open", "overdue_work", "false_closures", "reopened"],
    ),
    (Dimension::Code, &["cases_closed", "told_share"]),
    (Dimension::Age, &["cases_open", "overdue_promise"]),
    (Dimension::Language, &["contacts_offered", "contacts_answered", "contacts_abandoned", "service_level"]),
    (Dimension::Hour, &["contacts_offered", "contacts_answered", "contacts_abandoned", "service_level"]),
];

/// What stands above the figures.
#[derive(Clone, Debug)]
pub struct Heading<'a> {
    pub city: &'a str,
    /// `2026-W47`.
    pub week: &'a str,
    /// First and last day, as the city writes dates.
    pub days: (String, String),
    /// Date and time by the city's clock.
    pub as_of: String,
    /// The week is not over.
    pub is_unfinished: bool,
    pub is_from_journal: bool,
}

pub fn print(report: &Report, heading: &Heading<'_>, names: &Names<'_>) -> String {
    let language = names.language;
    let direction = if language.is_right_to_left() { "rtl" } else { "ltr" };
    let mut page = String::with_capacity(64 * 1024);
    let title = escaped(say("title", language));
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} {}</title>\n<style>{STYLE}</style>\n",
        escaped(heading.week)
    );
    head(&mut page, heading, language);
    for section in Section::ALL {
        section_table(&mut page, report, section, language);
    }
    for (by, indicators) in TABLES {
        matrix(&mut page, report, *by, indicators, names);
    }
    definitions(&mut page, language);
    page.push_str("</html>\n");
    page
}

fn head(page: &mut String, heading: &Heading<'_>, language: Language) {
    let source = if heading.is_from_journal { "from_journal" } else { "from_rows" };
    let _ = write!(
        page,
        "<header><p class=\"city\">{}</p><h1>{}</h1><p class=\"when\">{} <bdi>{}</bdi> · <bdi>{} – {}</bdi></p>\
         <p class=\"small\">{} <bdi>{}</bdi> · {}</p>",
        escaped(heading.city),
        escaped(say("title", language)),
        escaped(say("week", language)),
        escaped(heading.week),
        escaped(&heading.days.0),
        escaped(&heading.days.1),
        escaped(say("as_of", language)),
        escaped(&heading.as_of),
        escaped(say(source, language)),
    );
    if heading.is_unfinished {
        let _ = write!(page, "<p class=\"notice\">{}</p>", escaped(say("unfinished", language)));
    }
    page.push_str("</header>\n");
}

fn section_table(page: &mut String, report: &Report, section: Section, language: Language) {
    let caption = escaped(say(&format!("section.{}", section.id()), language));
    let _ = write!(page, "<section><h2>{caption}</h2><table class=\"figures\"><thead><tr>");
    for column in ["indicator", "value", "basis", "before", "change"] {
        let _ = write!(page, "<th scope=\"col\">{}</th>", escaped(say(column, language)));
    }
    page.push_str("</tr></thead><tbody>");
    for indicator in INDICATORS.iter().filter(|indicator| indicator.section == section) {
        let Some(figure) = figure(report, indicator.id) else { continue };
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td class=\"n\"><b>{}</b></td><td class=\"n soft\">{}</td><td class=\"n\">{}</td>\
             <td class=\"n\">{}</td></tr>",
            escaped(words::title(indicator.id, language)),
            number(&shown::value(figure.value, language)),
            number(&shown::basis(figure.value)),
            number(&shown::value(figure.before, language)),
            number(&shown::change(figure.value, figure.before, language)),
        );
    }
    page.push_str("</tbody></table></section>\n");
}

/// One line for each key, one column for each indicator; the lines of most weight first, hours and ages in their order.
fn matrix(page: &mut String, report: &Report, by: Dimension, indicators: &[&str], names: &Names<'_>) {
    let language = names.language;
    let column = |id: &&str| {
        let breakdown = figure(report, id)?.breakdowns.iter().find(|breakdown| breakdown.by == by)?;
        Some(breakdown.rows.as_slice())
    };
    let columns: Vec<&[Row]> = indicators.iter().map(|id| column(id).unwrap_or_default()).collect();
    let mut keys: Vec<&Option<String>> =
        columns.iter().flat_map(|rows| rows.iter().map(|row| &row.key)).collect();
    keys.sort();
    keys.dedup();
    let found =
        |rows: &[Row], key: &Option<String>| rows.iter().find(|row| row.key == *key).map(|row| row.value);
    if !matches!(by, Dimension::Hour | Dimension::Age) {
        let weight = |key: &Option<String>| {
            let values = columns.iter().filter_map(|rows| found(rows, key));
            std::cmp::Reverse(values.map(super::figures::Value::members).sum::<u64>())
        };
        keys.sort_by_key(|key| weight(key));
    }
    let left_out = keys.len().saturating_sub(MAX_ROWS);
    keys.truncate(MAX_ROWS);
    if keys.is_empty() {
        return;
    }
    let heading = escaped(say(&format!("by.{}", by.id()), language));
    let _ = write!(page, "<section><h2>{heading}</h2><table class=\"matrix\"><thead><tr><td></td>");
    for id in indicators {
        let _ = write!(page, "<th scope=\"col\">{}</th>", escaped(words::title(id, language)));
    }
    page.push_str("</tr></thead><tbody>");
    for key in keys {
        let name = escaped(&names.of(by, key.as_deref()));
        let _ = write!(page, "<tr><th scope=\"row\"><bdi>{name}</bdi></th>");
        for rows in &columns {
            let text = found(rows, key).map(|value| shown::value(value, language)).unwrap_or_default();
            let _ = write!(page, "<td class=\"n\">{}</td>", number(&text));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table>");
    if left_out > 0 {
        let _ = write!(page, "<p class=\"small\">+{left_out}</p>");
    }
    page.push_str("</section>\n");
}

fn definitions(page: &mut String, language: Language) {
    let _ =
        write!(page, "<section class=\"definitions\"><h2>{}</h2><dl>", escaped(say("definitions", language)));
    for indicator in INDICATORS {
        let _ = write!(
            page,
            "<div><dt>{}</dt><dd>{}</dd></div>",
            escaped(words::title(indicator.id, language)),
            escaped(words::definition(indicator.id, language)),
        );
    }
    page.push_str("</dl></section>\n");
}

fn figure<'r>(report: &'r Report, id: &str) -> Option<&'r Figure> {
    report.figures.iter().find(|figure| figure.indicator == id)
}

/// Numbers read from the left in every script.
fn number(text: &str) -> String {
    format!("<bdi dir=\"auto\">{}</bdi>", escaped(text))
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            plain => safe.push(plain),
        }
    }
    safe
}

const STYLE: &str = "
@page { size: A4; margin: 14mm 13mm 16mm; @bottom-center { content: counter(page) ' / ' counter(pages); font: 8pt sans-serif; color: #555; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 0; max-width: 184mm; font: 9.5pt/1.35 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif; color: #111; background: #fff; }
header { border-block-end: 1.5pt solid #111; margin-block-end: 5mm; padding-block-end: 3mm; }
h1 { font-size: 19pt; line-height: 1.15; margin: 0 0 1mm; }
.city { margin: 0 0 1mm; font-size: 10.5pt; letter-spacing: .04em; color: #333; }
.when { margin: 0; font-size: 11.5pt; }
.small { margin: 1mm 0 0; font-size: 8.5pt; color: #444; }
.notice { margin: 2mm 0 0; padding: 1.5mm 2.5mm; border-inline-start: 2.5pt solid #111; font-weight: 600; }
section { margin-block-end: 5.5mm; }
h2 { font-size: 12pt; margin: 0 0 1.5mm; break-after: avoid; }
table { inline-size: 100%; border-collapse: collapse; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { text-align: start; vertical-align: baseline; padding: 1mm 1.5mm; border-block-end: .4pt solid #bbb; font-weight: 400; }
thead th, thead td { vertical-align: bottom; border-block-end: .8pt solid #111; font-size: 8pt; color: #333; }
.n { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums; }
.soft { color: #444; font-size: 8.5pt; }
.figures { table-layout: fixed; }
.figures th:first-child { inline-size: 42%; }
.figures thead th:nth-child(4) { inline-size: 20%; }
.figures thead th:not(:first-child), .matrix thead th { text-align: end; }
.matrix { font-size: 8.5pt; }
.matrix thead td, .matrix tbody th { inline-size: 22%; }
.matrix thead th { font-size: 7pt; line-height: 1.2; }
.matrix thead th, .matrix tbody td { padding-inline: .8mm; }
dl { margin: 0; columns: 2; column-gap: 7mm; font-size: 8pt; line-height: 1.3; }
dl div { break-inside: avoid; margin-block-end: 2mm; }
dt { font-weight: 700; }
dd { margin: 0; color: #333; }
@media screen { body { padding: 8mm; max-width: 200mm; } section { overflow-x: auto; } }
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;

    #[test]
    fn the_page_says_every_indicator_and_nothing_in_it_is_markup_of_others() {
        let plan = samples::plan();
        let heading = Heading {
            city: "<City> & co",
            week: "2026-W47",
            days: ("16.11.2026".to_owned(), "22.11.2026".to_owned()),
            as_of: "22.11.2026 12:00".to_owned(),
            is_unfinished: true,
            is_from_journal: false,
        };
        for language in Language::ALL {
            let page = print(&samples::a_report(), &heading, &Names { plan: &plan, language });
            for indicator in INDICATORS {
                assert!(page.contains(&escaped(words::title(indicator.id, language))), "{}", indicator.id);
                assert!(page.contains(&escaped(words::definition(indicator.id, language))));
            }
            assert!(page.contains("&lt;City&gt; &amp; co") && !page.contains("<City>"));
            assert!(!page.contains(">?<"), "a word is missing");
            assert_eq!(page.contains("dir=\"rtl\">\n<meta"), language == Language::He);
        }
    }
}
