//! `[verify]`, `[reopen]` and `[archive]` of the city plan: how a case ends.
//! What the rules mean is `case/rules.rs`.

use super::reader::{Placed, Reader, Table};
use crate::calendar::Calendar;
use crate::case::norm::Term;
use crate::case::rules::{ArchiveRule, ReopenRule, VerifyRule, WHOLE};

/// Attempts to tell the applicant that a city may ask for.
const MAX_ATTEMPTS: usize = 20;
const DEFAULT_ATTEMPTS: usize = 3;
/// A weekend and a day to answer what was written, if the city does not say otherwise.
const DEFAULT_ANSWER_DAYS: u32 = 3;
/// "It is broken again" is the same trouble for a month, if the city does not say otherwise.
const DEFAULT_WINDOW_DAYS: u32 = 30;
/// Rungs a ladder may skip at once.
const MAX_LEVEL_UP: usize = 3;
/// A year to ask about it.
const DEFAULT_ARCHIVE_DAYS: u32 = 365;

#[derive(Clone, Debug)]
pub(super) struct Endings {
    pub(super) verify: VerifyRule,
    pub(super) reopen: ReopenRule,
    pub(super) archive: ArchiveRule,
}

pub(super) fn endings<'a>(reader: &mut Reader<'a>, root: Table<'a>, clock: &Calendar) -> Endings {
    let verify = verify(reader, root, clock);
    let reopen = reopen(reader, root, clock);
    let archive = archive(reader, root, clock, reopen.window_days);
    Endings { verify, reopen, archive }
}

fn verify<'a>(reader: &mut Reader<'a>, root: Table<'a>, clock: &Calendar) -> VerifyRule {
    let clock = clock.clone();
    let Some(table) = reader.table(root, "verify") else {
        return VerifyRule {
            attempts: DEFAULT_ATTEMPTS,
            on_days: 1,
            answer_days: DEFAULT_ANSWER_DAYS,
            inspect_per_mille: 0,
            clock,
        };
    };
    reader.only(table, &["attempts", "on_days", "answer", "inspect"]);
    let attempts = reader.count(table, "attempts", 1..MAX_ATTEMPTS + 1, DEFAULT_ATTEMPTS);
    let on_days = reader.count(table, "on_days", 1..attempts + 1, 1);
    let inspect_per_mille =
        reader.optional_text(table, "inspect").map_or(0, |text| share(reader, &text).unwrap_or(0));
    let answer_days = days(reader, table, "answer").unwrap_or(DEFAULT_ANSWER_DAYS);
    VerifyRule { attempts, on_days, answer_days, inspect_per_mille, clock }
}

fn reopen<'a>(reader: &mut Reader<'a>, root: Table<'a>, clock: &Calendar) -> ReopenRule {
    let clock = clock.clone();
    let Some(table) = reader.table(root, "reopen") else {
        return ReopenRule { window_days: DEFAULT_WINDOW_DAYS, level_up: 1, clock };
    };
    reader.only(table, &["window", "level_up"]);
    let window_days = days(reader, table, "window").unwrap_or(DEFAULT_WINDOW_DAYS);
    let level_up = reader.count(table, "level_up", 0..MAX_LEVEL_UP + 1, 1);
    ReopenRule { window_days, level_up: u8::try_from(level_up).unwrap_or(1), clock }
}

fn archive<'a>(reader: &mut Reader<'a>, root: Table<'a>, clock: &Calendar, window: u32) -> ArchiveRule {
    let clock = clock.clone();
    let Some(table) = reader.table(root, "archive") else {
        return ArchiveRule { after_days: DEFAULT_ARCHIVE_DAYS.max(window), clock };
    };
    reader.only(table, &["after"]);
    let after_days = days(reader, table, "after").unwrap_or_else(|| DEFAULT_ARCHIVE_DAYS.max(window));
    if after_days < window {
        let offset = table.offset();
        reader.complain(offset, format!("a case may be reopened for {window} days: archive it no earlier"));
    }
    ArchiveRule { after_days, clock }
}

/// A term in calendar days; none where there is none, or none that can be read.
fn days<'a>(reader: &mut Reader<'a>, table: Table<'a>, key: &str) -> Option<u32> {
    let text = reader.optional_text(table, key)?;
    match reader.parsed::<Term>(&text)? {
        Term::Days(days) => Some(days),
        _ => {
            reader.complain(text.offset, format!("'{key}' is in calendar days, as in 30d"));
            None
        }
    }
}

/// `5%` or `0.5%`, in thousandths.
fn share(reader: &mut Reader<'_>, text: &Placed<String>) -> Option<u16> {
    let per_mille = text.value.strip_suffix('%').and_then(|number| {
        let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let sound = digits(whole, 3) && digits(tenths, 1);
        Some(whole.parse::<u16>().ok()? * 10 + tenths.parse::<u16>().ok()?).filter(|_| sound)
    });
    let share = per_mille.filter(|share| *share <= WHOLE);
    if share.is_none() {
        reader
            .complain(text.offset, format!("'{}' is no share from 0% to 100%, as in 5% or 0.5%", text.value));
    }
    share
}
