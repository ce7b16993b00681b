//! `ringback simulate-city`: a city of three million on paper. Prints tables as Markdown and draws the plots of
//! docs/scale.md. Reads no configuration and touches nothing else; a seed repeats every figure. What is simulated is
//! `simulation/`'s; here is only which cities, and how it is told.

mod outage;
mod staffing;
mod week;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{Days, NaiveDate};

use super::{Failure, Outcome};
use crate::simulation::arrivals::{CALLS_PER_CASE, CASES_A_YEAR, Curve, Outage};
use crate::simulation::count::WITHIN;
use crate::simulation::plot::Chart;
use crate::simulation::staffing::Goal;
use crate::time::{Now, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What is told.
    #[arg(value_enum, default_value = "all")]
    part: Part,
    /// Repeats every figure.
    #[arg(long, default_value_t = 1580)]
    seed: u64,
    /// Calls a year of an ordinary year; a city of three million when left out.
    #[arg(long, default_value_t = CASES_A_YEAR * CALLS_PER_CASE, value_parser = calls_a_year)]
    calls: f64,
    /// Days of `week`, from its first.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// The first day of `week`, and the day of the outage.
    #[arg(long, default_value = "2026-01-12")]
    from: NaiveDate,
    /// Simulated hours of each line of `staffing` and `strategies`.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    hours: u32,
    /// A tenth more operators than Erlang A asks for is 0.1.
    #[arg(long, default_value_t = 0.05, value_parser = reserve)]
    reserve: f64,
    /// Folder for the plots, scale-*.svg; it is made. None are drawn without it.
    #[arg(long)]
    plots: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Part {
    All,
    /// Operators against waiting in the busiest hour: Erlang C, Erlang A, simulation.
    Staffing,
    /// The queue's strategies in that hour.
    Strategies,
    /// Day by day: operators, waiting, and what the machines carry.
    Week,
    /// The heating fails on a January morning.
    Outage,
}

/// Up to some thirty calls a second in the busiest hour: the plan knows no more than a thousand operators.
fn calls_a_year(text: &str) -> Result<f64, String> {
    within(text, 1_000.0, 30_000_000.0)
}

fn reserve(text: &str) -> Result<f64, String> {
    within(text, 0.0, 1.0)
}

fn within(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (least..=most).contains(&value) { Ok(value) } else { Err(format!("outside {least} to {most}")) }
}

pub(super) fn run(args: &Args) -> Outcome {
    if let Some(folder) = &args.plots {
        std::fs::create_dir_all(folder).map_err(|error| no_plot(folder, &error))?;
    }
    let told = |part| args.part == Part::All || args.part == part;
    if told(Part::Staffing) {
        staffing::against_waiting(args)?;
    }
    if told(Part::Strategies) {
        staffing::strategies(args);
    }
    if told(Part::Week) {
        week::day_by_day(args)?;
    }
    if told(Part::Outage) {
        outage::of_a_morning(args)?;
    }
    Ok(())
}

impl Args {
    fn city(&self, first: NaiveDate, outage: Option<Outage>) -> Curve {
        Curve::City { first, calls_a_year: self.calls, outage }
    }

    fn day(&self, day: u32) -> NaiveDate {
        self.from.checked_add_days(Days::new(u64::from(day))).unwrap_or(self.from)
    }

    /// Calls a second in the busiest hour of the first day.
    fn busiest(&self) -> f64 {
        let day = self.city(self.from, None);
        (0..24).map(|hour| day.rate(hour * HOUR).0).fold(0.0, f64::max)
    }

    const fn goal(&self) -> Goal {
        Goal { level: 0.8, within: WITHIN, fewest: 6, reserve: self.reserve }
    }

    fn draw(&self, name: &str, chart: &Chart<'_>) -> Outcome {
        let Some(folder) = &self.plots else { return Ok(()) };
        let file = folder.join(name);
        std::fs::write(&file, chart.svg()).map_err(|error| no_plot(&file, &error))
    }
}

fn no_plot(at: &Path, error: &std::io::Error) -> Failure {
    Failure::No(format!("{}: {error}", at.display()))
}

/// Midnight of `date` by the simulated city's clock, which knows no summer time.
fn midnight(date: NaiveDate) -> Now {
    let utc = Timestamp::from_utc(date.and_time(chrono::NaiveTime::MIN).and_utc());
    Now { mono: crate::time::now().mono, utc }
}

fn heading(title: &str, columns: &[&str]) {
    println!("\n{title}\n\n| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()));
}

fn row(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// As in 45.2 %.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// With a comma after each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut groups: Vec<&str> =
        digits.as_bytes()[first..].chunks(3).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    if first > 0 {
        groups.insert(0, &digits[..first]);
    }
    groups.join(",")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_are_grouped_and_limits_told() {
        let told = [0, 999, 1_000, 45_678, 3_540_000].map(grouped);
        assert_eq!(told, ["0", "999", "1,000", "45,678", "3,540,000"]);
        assert_eq!(percent(0.4523), "45.2 %");
        assert_eq!(calls_a_year("1e3"), Ok(1_000.0));
        assert!(calls_a_year("1e9").is_err() && reserve("NaN").is_err() && reserve("x").is_err());
    }

    #[test]
    fn the_busiest_hour_of_the_design_load_has_some_1500_calls() {
        let args = Args {
            part: Part::All,
            seed: 1,
            calls: CASES_A_YEAR * CALLS_PER_CASE,
            days: 7,
            from: NaiveDate::from_ymd_opt(2026, 1, 12).unwrap(),
            hours: 20,
            reserve: 0.0,
            plots: None,
        };
        let calls = args.busiest() * 3_600.0;
        assert!((1_400.0..1_600.0).contains(&calls), "{calls}");
        assert_eq!(args.day(31), NaiveDate::from_ymd_opt(2026, 2, 12).unwrap());
    }
}
