//! Deadlines against a second implementation that was written from the rules and shares no code with ours:
//! scripts/deadlines.py with a calendar library of others. A hundred thousand random cases, `RINGBACK_TEST_SEED` repeats
//! them; every one must agree to the microsecond.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ringback::calendar::{Calendar, parse_date};
use ringback::case::city::CityPlan;
use ringback::case::{Clock, Deadline, Priority};
use ringback::time::Timestamp;
use serde_json::{Value, json};

const CASES: usize = 100_000;
/// Disagreements shown before the test gives up.
const MAX_SHOWN: usize = 5;

#[test]
fn a_second_implementation_agrees_on_every_deadline() {
    let seed = std::env::var("RINGBACK_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u32 = seed.unwrap_or_else(rand::random);
    println!("RINGBACK_TEST_SEED={seed}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut second = Command::new("python3")
        .arg(root.join("scripts/deadlines.py"))
        .args([seed.to_string(), CASES.to_string()])
        .env("PYTHONPATH", root.join("target/tools/calendars"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 with `scripts/install-tools.sh test`");
    let (mut plan, mut compared, mut wrong) = (None, 0, Vec::new());
    for line in BufReader::new(second.stdout.take().unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if let Some(text) = line["plan"].as_str() {
            let parsed = CityPlan::parse("plan", text);
            plan =
                Some((parsed.unwrap_or_else(|complaints| panic!("{complaints:?}\n{text}")), text.to_owned()));
            continue;
        }
        let (plan, text) = plan.as_ref().unwrap();
        compared += 1;
        if let Err(difference) = compare(plan, &line) {
            wrong.push(format!("{difference}\n{line}\n{text}"));
            assert!(wrong.len() < MAX_SHOWN, "{}", wrong.join("\n\n"));
        }
    }
    assert!(second.wait().unwrap().success());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(compared, CASES);
}

/// `[category, registered, state, move...]`; a state is `[due, [[percent, at]...]]`.
fn compare(plan: &CityPlan, case: &Value) -> Result<(), String> {
    let at = |value: &Value| Timestamp::from_micros(value.as_i64().unwrap());
    let registered = at(&case[1]);
    let category = format!("k{}", case[0]);
    let norm = plan.norm(&category, Priority::Normal, Clock::Executor, registered).ok_or("no norm")?;
    let mut deadline = norm.promise(registered).ok_or("no deadline")?;
    let calendar = plan.calendar("c").unwrap();
    agree("promise", &deadline, &case[2])?;
    for step in &case.as_array().unwrap()[3..] {
        let now = at(&step[1]);
        let expected = if step[0] == "pause" {
            pause(&mut deadline, now, at(&step[2]), at(&step[3]), calendar);
            &step[4]
        } else {
            let day = parse_date(step[2].as_str().unwrap()).unwrap();
            deadline.extend(calendar.end_of(day), now, calendar);
            &step[3]
        };
        agree(&step.to_string(), &deadline, expected)?;
    }
    Ok(())
}

/// As a case does it: planned to `until`, ended at `ended`.
fn pause(deadline: &mut Deadline, now: Timestamp, until: Timestamp, ended: Timestamp, calendar: &Calendar) {
    deadline.stand_still(now, until, calendar);
    if ended < until {
        deadline.go_on_early(until, ended, calendar);
    }
}

fn agree(what: &str, ours: &Deadline, theirs: &Value) -> Result<(), String> {
    let warnings: Vec<Value> =
        ours.warnings.iter().map(|warning| json!([warning.percent, warning.at.micros()])).collect();
    let ours = json!([ours.resolve_by.micros(), warnings]);
    if ours == *theirs { Ok(()) } else { Err(format!("after {what}: ours {ours}, theirs {theirs}")) }
}
