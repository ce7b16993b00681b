//! The heating of a large part of the city fails on a winter's morning: twelve calls a second at worst. What becomes of the
//! callers when nothing is done, when they may be rung back, when the announcement is heard, and with more operators; and
//! where the first limit is.

use std::time::Duration;

use super::{Args, DAY, HOUR, Outcome, grouped, heading, midnight, percent, row};
use crate::simulation::arrivals::Outage;
use crate::simulation::burden::{Burden, LINE, LIST, PROCESSORS, SET_UPS};
use crate::simulation::count::{Count, Look};
use crate::simulation::plot::{Chart, Pen, Series};
use crate::simulation::staffing::plan;
use crate::simulation::{Relief, Setting, simulate};

/// Of those who call about the outage, who need no more than the announcement; and, in a surge, who would be rung back.
const CONTENT: f64 = 0.8;
const RUNG_BACK: f64 = 0.5;

fn morning() -> Outage {
    Outage {
        begins: 6 * HOUR + HOUR / 2,
        grows: HOUR / 3,
        most: 12.0,
        lasts: 2 * HOUR / 3,
        halves_every: HOUR,
    }
}

struct Way {
    name: String,
    count: Count,
}

pub(super) fn of_a_morning(args: &Args) -> Outcome {
    let outage = morning();
    let announced = |after: Duration| Some((outage.begins + after, CONTENT));
    let ways: Vec<Way> = [
        ("nothing is done", 1.0, Relief::default()),
        ("call-backs", 1.0, Relief { takes_call_back: Some(RUNG_BACK), announcement: None }),
        (
            "announced after 30 minutes",
            1.0,
            Relief { takes_call_back: None, announcement: announced(HOUR / 2) },
        ),
        ("both", 1.0, Relief { takes_call_back: Some(RUNG_BACK), announcement: announced(HOUR / 2) }),
        (
            "both, announced after 10 minutes",
            1.0,
            Relief { takes_call_back: Some(RUNG_BACK), announcement: announced(HOUR / 6) },
        ),
        (
            "both, twice the operators",
            2.0,
            Relief { takes_call_back: Some(RUNG_BACK), announcement: announced(HOUR / 2) },
        ),
        ("twice the operators alone", 2.0, Relief::default()),
    ]
    .into_iter()
    .map(|(name, times, relief)| Way { name: name.to_owned(), count: one(args, times, relief) })
    .collect();
    callers(&ways);
    machines(&ways);
    args.draw("scale-outage.svg", &chart(&ways))
}

fn one(args: &Args, times: f64, relief: Relief) -> Count {
    let calls = args.city(args.from, Some(morning()));
    let usual = args.city(args.from, None);
    let people = Setting::of_people(args.seed, DAY, calls, vec![1]);
    let planned = plan(&usual, DAY, people.handling(), people.patience, args.goal());
    let operators = planned.into_iter().map(|operators| (f64::from(operators) * times).round() as u32);
    simulate(&Setting { operators: operators.collect(), relief, ..people }, midnight(args.from))
}

fn callers(ways: &[Way]) {
    heading(
        "The heating fails at 06:30: twelve calls a second from 06:50 to 07:30, half as many each hour after",
        &[
            "what the city does",
            "calls",
            "of them again",
            "answered",
            "told",
            "rung back",
            "after, minutes",
            "served",
            "gave up",
            "line full",
            "list full",
            "95 of 100 answered within, s",
        ],
    );
    for Way { name, count } in ways {
        row(&[
            name.clone(),
            grouped(count.calls),
            grouped(count.again),
            grouped(count.answered),
            grouped(count.told),
            grouped(count.reached),
            if count.reached > 0 { format!("{:.0}", count.minutes_to_call_back()) } else { String::new() },
            percent(count.served() as f64 / ((count.calls - count.again) as f64).max(1.0)),
            grouped(count.abandoned),
            grouped(count.turned_away),
            grouped(count.list_full),
            count.wait_of(0.95).to_string(),
        ]);
    }
}

fn machines(ways: &[Way]) {
    heading(
        "What the machines carry at the worst moment of that morning",
        &[
            "what the city does",
            "calls at once",
            "of them waiting",
            "longest list",
            "new calls a second",
            "processors",
            "memory, MiB",
            "disk, MB a second",
            "machines of 2 processors",
            "of 8",
        ],
    );
    for Way { name, count } in ways {
        let burden = Burden::of(&count.most);
        row(&[
            name.clone(),
            burden.calls.to_string(),
            count.most.waiting.to_string(),
            count.most.listed.to_string(),
            format!("{:.1}", burden.rate),
            format!("{:.2}", burden.processors),
            format!("{:.0}", burden.memory_mib),
            format!("{:.1}", burden.disk_mb),
            burden.machines(PROCESSORS).to_string(),
            burden.machines(4.0 * PROCESSORS).to_string(),
        ]);
    }
    println!(
        "\nLimits of the program: a line of {LINE}, a list of {LIST} to be rung back; measured on one machine: {SET_UPS} \
         new calls a second."
    );
}

fn chart(ways: &[Way]) -> Chart<'static> {
    let until = 14 * HOUR;
    let series = ways.iter().take(4).enumerate().map(|(colour, way)| {
        let looks = way.count.looks.iter().filter(|look| (5 * HOUR..until).contains(&look.at));
        let unserved = |look: &Look| (look.waiting + look.listed) as f64;
        Series {
            name: way.name.clone(),
            pen: Pen::Line,
            colour,
            points: looks.map(|look| (look.at.as_secs_f64() / 3_600.0, unserved(look))).collect(),
        }
    });
    Chart {
        title: "The heating fails at 06:30: callers waiting, and citizens to be rung back",
        across: "hour of the day",
        upwards: "people",
        series: series.collect(),
    }
}
