//! A small week for the tests of the report: some calls, two pieces of work, a case that stays open.
//! Times are seconds after the Monday's midnight.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use uuid::Uuid;

use super::fact::{ContactFact, Facts, Standing, Step, StepKind};
use super::figures::{Report, report};
use super::week::{Period, Week};
use crate::calendar::Calendar;
use crate::call::contact::Disposition;
use crate::case::CaseNumber;
use crate::case::city::CityPlan;
use crate::ids::ContactId;
use crate::language::Language;
use crate::time::Timestamp;

pub(super) fn plan() -> CityPlan {
    CityPlan::parse("city.toml", include_str!("../../city.toml")).unwrap()
}

pub(super) fn week() -> Week {
    "2026-W47".parse().unwrap()
}

/// All of it is over.
pub(super) fn period(week: Week) -> Period {
    let clock = Calendar::always("Europe/Kyiv").unwrap();
    week.period(Timestamp(i64::MAX), Duration::from_secs(30), &clock)
}

/// So many seconds after the week began, a Monday at midnight in Kyiv.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp(period(week()).from.0 + seconds * 1_000_000)
}

pub(super) fn call(n: u128, offered: i64, waited: Option<i64>, disposition: Disposition) -> ContactFact {
    let is_answered = disposition != Disposition::Abandoned;
    let out = waited.map(|waited| at(offered + 10 + waited));
    ContactFact {
        id: ContactId(Uuid::from_u128(n)),
        offered_at: at(offered),
        language: Some(if n.is_multiple_of(2) { Language::He } else { Language::Uk }),
        queued_at: waited.map(|_| at(offered + 10)),
        connected_at: out.filter(|_| is_answered),
        ended_at: Some(out.unwrap_or(at(offered + 5))),
        disposition: Some(disposition),
    }
}

pub(super) fn step(n: u32, kind: StepKind, seconds: i64, executor: &str) -> Step {
    Step {
        case: CaseNumber(format!("2026-01-{n:06}")),
        at: at(seconds),
        kind,
        executor: Some(executor.to_owned()),
        category: "water".to_owned(),
        territory: None,
        language: Language::Uk,
        code: None,
        heard: false,
        begun_at: at(0),
        reported_at: (kind == StepKind::Done).then(|| at(7_200)),
        resolve_by: Some(at(8_000)),
    }
}

pub(super) fn facts() -> Facts {
    let closed = |code: &str, heard| Step {
        code: Some(code.to_owned()),
        heard,
        ..step(1, StepKind::Closed, 9_000, "vodokanal")
    };
    let standing = Standing {
        case: CaseNumber("2026-01-000009".to_owned()),
        since: at(10),
        registered_at: at(-40 * 86_400),
        is_open: true,
        executor: Some("vodokanal".to_owned()),
        category: "water".to_owned(),
        territory: Some("center".to_owned()),
        resolve_by: Some(at(500)),
        promised_by: None,
    };
    Facts {
        contacts: vec![
            call(1, 3_600, Some(20), Disposition::CaseCreated),
            call(2, 3_700, Some(21), Disposition::CaseCreated),
            call(3, 7_300, Some(90), Disposition::Abandoned),
            call(4, 90_000, None, Disposition::Consultation),
        ],
        steps: vec![
            step(1, StepKind::Registered, 5, "vodokanal"),
            step(1, StepKind::Reported, 7_200, "vodokanal"),
            step(1, StepKind::Done, 7_300, "vodokanal"),
            closed("fixed_confirmed", true),
            closed("fixed_unconfirmed", false),
            closed("duplicate", false),
            step(2, StepKind::Reported, 7_200, "=cmd"),
            step(2, StepKind::Refuted, 7_400, "=cmd"),
        ],
        open: vec![standing],
    }
}

pub(super) fn report_of(facts: &Facts) -> Report {
    report((&period(week()), facts), (&period(week().before()), &Facts::default()))
}

pub(super) fn a_report() -> Report {
    report_of(&facts())
}
