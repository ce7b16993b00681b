//! Day by day: operators planned by Erlang A for each hour, what callers got for it, and what the machines carried at the
//! worst moment and over a year.

use super::{Args, DAY, HOUR, Outcome, grouped, heading, midnight, percent, row};
use crate::simulation::arrivals::CALLS_PER_CASE;
use crate::simulation::burden::{Burden, gigabytes_of_rows, terabytes_of_sound};
use crate::simulation::count::{Count, LOOK_EVERY, Look};
use crate::simulation::plot::{Chart, Pen, Series};
use crate::simulation::staffing::plan;
use crate::simulation::{Setting, simulate};

/// A month has so many lines instead of thirty.
const LINES_BY_DAY: u32 = 31;

/// Sums over days.
#[derive(Default)]
struct Sum {
    calls: u64,
    entered: u64,
    within: u64,
    abandoned: u64,
    hours: f64,
    busy_hours: f64,
    most: Look,
    highest_rate: f64,
    /// Hours all calls were on the line.
    on_air_hours: f64,
}

pub(super) fn day_by_day(args: &Args) -> Outcome {
    heading(
        &format!(
            "From {}, operators by Erlang A for each hour and {} more",
            args.from,
            percent(args.reserve)
        ),
        &[
            "day",
            "calls",
            "most operators",
            "operators' hours",
            "answered within 20 s",
            "gave up",
            "95 of 100 answered within, s",
            "busy",
            "most calls at once",
        ],
    );
    let (mut sum, mut looks) = (Sum::default(), Vec::new());
    for day in 0..args.days {
        let count = one_day(args, day);
        if args.days <= LINES_BY_DAY {
            tell(&args.day(day).format("%a %F").to_string(), &count);
        }
        sum.add(&count);
        if day == 0 {
            looks = count.looks;
        }
    }
    sum.tell(args);
    let series = |name: &str, colour, of: &dyn Fn(&Look) -> f64| Series {
        name: name.to_owned(),
        pen: Pen::Line,
        colour,
        points: looks.iter().map(|look| (look.at.as_secs_f64() / 3_600.0, of(look))).collect(),
    };
    args.draw(
        "scale-day.svg",
        &Chart {
            title: "The first day: calls at once, and the operators planned for each hour",
            across: "hour of the day",
            upwards: "calls, operators",
            series: vec![
                series("on the line", 0, &|look| look.on_air() as f64),
                series("talking", 2, &|look| look.talking as f64),
                series("waiting", 1, &|look| look.waiting as f64),
                series("operators", 4, &|look| f64::from(look.operators)),
            ],
        },
    )
}

fn one_day(args: &Args, day: u32) -> Count {
    let date = args.day(day);
    let calls = args.city(date, None);
    // What is planned depends on the same people's handling time and patience.
    let people = Setting::of_people(args.seed + u64::from(day), DAY, calls.clone(), vec![1]);
    let operators = plan(&calls, DAY, people.handling(), people.patience, args.goal());
    simulate(&Setting { operators, ..people }, midnight(date))
}

fn tell(name: &str, count: &Count) {
    row(&[
        name.to_owned(),
        grouped(count.calls),
        count.most.operators.to_string(),
        format!("{:.0}", count.staffed_secs / 3_600.0),
        percent(count.level()),
        percent(count.abandonment()),
        count.wait_of(0.95).to_string(),
        percent(count.occupancy()),
        count.most.on_air().to_string(),
    ]);
}

impl Sum {
    fn add(&mut self, count: &Count) {
        self.calls += count.calls;
        self.entered += count.entered;
        self.within += count.answered_within;
        self.abandoned += count.abandoned;
        self.hours += count.staffed_secs / 3_600.0;
        self.busy_hours += count.busy_secs / 3_600.0;
        self.highest_rate = self.highest_rate.max(count.most.rate);
        if count.most.on_air() > self.most.on_air() {
            self.most = count.most;
        }
        let looked = LOOK_EVERY.as_secs_f64() / HOUR.as_secs_f64();
        self.on_air_hours += count.looks.iter().map(|look| look.on_air() as f64 * looked).sum::<f64>();
    }

    fn tell(&self, args: &Args) {
        let days = f64::from(args.days);
        row(&[
            format!("{} days", args.days),
            grouped(self.calls),
            self.most.operators.to_string(),
            format!("{:.0}", self.hours),
            percent(self.within as f64 / (self.entered as f64).max(1.0)),
            percent(self.abandoned as f64 / (self.entered as f64).max(1.0)),
            String::new(),
            percent(self.busy_hours / self.hours.max(1.0)),
            self.most.on_air().to_string(),
        ]);
        let burden = Burden::of(&Look { rate: self.highest_rate, ..self.most });
        println!(
            "\nAt the worst moment {} calls and {:.2} new ones a second: {:.2} processors, {:.0} MiB, {:.1} MB a second \
             to disk. {} machine(s) of two processors, and one to spare.",
            burden.calls,
            burden.rate,
            burden.processors,
            burden.memory_mib,
            burden.disk_mb,
            burden.machines(crate::simulation::burden::PROCESSORS)
        );
        println!(
            "A year of such days: {:.1} TB of sound, {:.0} GB of rows and journal, {:.0} people at work for 1,700 hours \
             each.",
            terabytes_of_sound(self.on_air_hours / days * 365.0),
            gigabytes_of_rows(self.calls as f64 / days * 365.0 / CALLS_PER_CASE),
            self.hours / days * 365.0 / 1_700.0
        );
    }
}
