//! Operators against waiting in the busiest hour, by both formulas and by the queue itself, with people as in the books and
//! as they are; and what the queue's strategies make of it.

use super::{Args, HOUR, Outcome, heading, midnight, percent, row};
use crate::acd::Strategy;
use crate::simulation::arrivals::Curve;
use crate::simulation::count::{Count, WITHIN};
use crate::simulation::erlang::{Load, Service, operators_for, service};
use crate::simulation::plot::{Chart, Pen, Series};
use crate::simulation::staffing::MOST_OPERATORS;
use crate::simulation::{Setting, city_queue, simulate};

/// Lines of the table; the middle one is what Erlang A asks for.
const LINES: u32 = 11;

struct Line {
    operators: u32,
    erlang_c: Service,
    erlang_a: Service,
    theory: Count,
    people: Count,
}

/// The busiest hour, as the formulas see it.
fn busiest(args: &Args) -> Load {
    let people = Setting::of_people(args.seed, HOUR, Curve::Even(args.busiest()), vec![1]);
    Load { arrivals: args.busiest(), handling: people.handling(), patience: people.patience, operators: 1 }
}

fn fewest(load: &Load) -> u32 {
    operators_for(load, 0.8, WITHIN.as_secs_f64(), MOST_OPERATORS).unwrap_or(MOST_OPERATORS)
}

pub(super) fn against_waiting(args: &Args) -> Outcome {
    let load = busiest(args);
    let middle = fewest(&load);
    let step = (middle / 30).max(1);
    let lines: Vec<Line> = (0..LINES)
        .map(|line| line_of(args, &load, (middle + line * step).saturating_sub(LINES / 2 * step).max(1)))
        .collect();
    heading(
        &format!(
            "The busiest hour: {:.0} calls, {:.0} s each, patience {:.0} s; answered within {} s",
            load.arrivals * 3_600.0,
            load.handling,
            load.patience,
            WITHIN.as_secs()
        ),
        &[
            "operators",
            "Erlang C",
            "Erlang A",
            "simulated, as in the books",
            "simulated, people",
            "gave up: Erlang A",
            "simulated, people",
            "waited on average, s",
            "95 of 100 answered within, s",
            "busy",
        ],
    );
    for line in &lines {
        row(&[
            line.operators.to_string(),
            percent(line.erlang_c.level),
            percent(line.erlang_a.level),
            percent(line.theory.level()),
            percent(line.people.level()),
            percent(line.erlang_a.abandoned),
            percent(line.people.abandonment()),
            format!("{:.1}", line.people.mean_wait()),
            line.people.wait_of(0.95).to_string(),
            percent(line.people.occupancy()),
        ]);
    }
    args.draw("scale-staffing.svg", &chart(&lines))
}

fn line_of(args: &Args, load: &Load, operators: u32) -> Line {
    let load = Load { operators, ..*load };
    let (length, calls) = (args.hours * HOUR, Curve::Even(load.arrivals));
    let theory = Setting::of_theory(args.seed, length, calls.clone(), vec![operators]);
    let people = Setting::of_people(args.seed, length, calls, vec![operators]);
    let within = WITHIN.as_secs_f64();
    Line {
        operators,
        erlang_c: service(&Load { patience: f64::INFINITY, ..load }, within),
        erlang_a: service(&load, within),
        theory: simulate(&theory, midnight(args.from)),
        people: simulate(&people, midnight(args.from)),
    }
}

fn chart(lines: &[Line]) -> Chart<'static> {
    let series = |name: &str, pen, colour, of: &dyn Fn(&Line) -> f64| Series {
        name: name.to_owned(),
        pen,
        colour,
        points: lines.iter().map(|line| (f64::from(line.operators), 100.0 * of(line))).collect(),
    };
    Chart {
        title: "Answered within 20 s, and given up, in per cent of the busiest hour's calls",
        across: "operators",
        upwards: "per cent",
        series: vec![
            series("Erlang C", Pen::Dashed, 4, &|line| line.erlang_c.level),
            series("Erlang A", Pen::Dashed, 0, &|line| line.erlang_a.level),
            series("simulated as in the books", Pen::Points, 0, &|line| line.theory.level()),
            series("people", Pen::Line, 1, &|line| line.people.level()),
            series("gave up", Pen::Line, 3, &|line| line.people.abandonment()),
        ],
    }
}

pub(super) fn strategies(args: &Args) {
    let load = busiest(args);
    let operators = fewest(&load);
    heading(
        &format!("The queue's strategies in the same hour, {operators} operators"),
        &["strategy", "answered within 20 s", "gave up", "waited on average, s", "busy"],
    );
    for (name, strategy) in [
        ("longest_idle", Strategy::LongestIdle),
        ("least_recent", Strategy::LeastRecent),
        ("fewest_calls", Strategy::FewestCalls),
        ("least_talk_time", Strategy::LeastTalkTime),
        ("round_robin", Strategy::RoundRobin),
        ("random", Strategy::Random),
        ("linear", Strategy::Linear),
        ("progressive", Strategy::Progressive),
        ("ring_all", Strategy::RingAll),
    ] {
        let calls = Curve::Even(load.arrivals);
        let people = Setting::of_people(args.seed, args.hours * HOUR, calls, vec![operators]);
        let count = simulate(&Setting { queue: city_queue(strategy), ..people }, midnight(args.from));
        row(&[
            name.to_owned(),
            percent(count.level()),
            percent(count.abandonment()),
            format!("{:.1}", count.mean_wait()),
            percent(count.occupancy()),
        ]);
    }
}
