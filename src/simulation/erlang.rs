//! The formulas of queueing theory for calls that come by chance, talks of exponential length and callers with exponential
//! patience: Erlang B, Erlang C (nobody gives up), Erlang A (M/M/n+M, callers give up). They are what the simulation is
//! held against, and what a first plan of staff is made by.
//!
//! A. K. Erlang 1917; C. Palm 1946; F. Baccelli and G. Hebuterne 1981, from whose density of the offered wait all figures
//! of Erlang A follow: `v(x) = lambda p(n-1) exp(lambda (1 - e^(-theta x)) / theta - n mu x)`.

/// Steps of Simpson's rule, even. The density is smooth; with these the tests agree to seven digits.
const STEPS: u32 = 4_000;

/// What comes in and who answers.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// Calls a second.
    pub arrivals: f64,
    /// Seconds a call keeps an operator, on average: ringing, talk and wrap-up.
    pub handling: f64,
    /// Seconds a caller waits before giving up, on average; infinite for Erlang C.
    pub patience: f64,
    pub operators: u32,
}

/// What becomes of it in the long run. Shares are of all calls, from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Service {
    /// Answered within the time asked for.
    pub level: f64,
    pub abandoned: f64,
    /// Has to wait at all.
    pub waits: f64,
    /// Seconds in the line, those who give up included.
    pub mean_wait: f64,
    /// The share of their time operators are busy.
    pub occupancy: f64,
}

impl Service {
    /// The line of a load that never ends: more comes than is answered, and nobody gives up.
    const HOPELESS: Self =
        Self { level: 0.0, abandoned: 0.0, waits: 1.0, mean_wait: f64::INFINITY, occupancy: 1.0 };
}

/// The share of calls that find all of `lines` taken where nobody waits; `traffic` in Erlang.
pub fn erlang_b(lines: u32, traffic: f64) -> f64 {
    (1..=lines).fold(1.0, |blocked, line| traffic * blocked / (f64::from(line) + traffic * blocked))
}

/// What the line is like; `within` are the seconds of the service level.
pub fn service(load: &Load, within: f64) -> Service {
    let traffic = load.arrivals * load.handling;
    if traffic <= 0.0 {
        return Service { level: 1.0, abandoned: 0.0, waits: 0.0, mean_wait: 0.0, occupancy: 0.0 };
    }
    if load.operators == 0 || !load.patience.is_finite() && traffic >= f64::from(load.operators) {
        return Service::HOPELESS;
    }
    let density = Density::of(load);
    let end = density.end();
    let all = simpson(0.0, end, |x| density.at(x));
    // How likely the states below n are, as a multiple of that of n - 1.
    let free = 1.0 / erlang_b(load.operators - 1, traffic);
    let scale = 1.0 / (free + load.arrivals * all);
    let weight = load.arrivals * scale;
    let stays = |x: f64| (-x / load.patience).exp();
    let abandoned = weight * simpson(0.0, end, |x| (1.0 - stays(x)) * density.at(x));
    let at_once = free * scale;
    let mean_wait = if load.patience.is_finite() {
        abandoned * load.patience
    } else {
        weight * simpson(0.0, end, |x| x * density.at(x))
    };
    Service {
        level: at_once + weight * simpson(0.0, within.min(end), |x| stays(x) * density.at(x)),
        abandoned,
        waits: 1.0 - at_once,
        mean_wait,
        occupancy: traffic * (1.0 - abandoned) / f64::from(load.operators),
    }
}

/// The fewest operators, up to `most`, with whom `goal` of all calls are answered within so many seconds.
pub fn operators_for(load: &Load, goal: f64, within: f64, most: u32) -> Option<u32> {
    (1..=most).find(|operators| service(&Load { operators: *operators, ..*load }, within).level >= goal)
}

/// The offered wait's density, but for its constant.
struct Density {
    arrivals: f64,
    patience: f64,
    served: f64,
}

impl Density {
    fn of(load: &Load) -> Self {
        let served = f64::from(load.operators) / load.handling;
        Self { arrivals: load.arrivals, patience: load.patience, served }
    }

    fn exponent(&self, x: f64) -> f64 {
        let came = if self.patience.is_finite() { self.patience * -(-x / self.patience).exp_m1() } else { x };
        self.arrivals * came - self.served * x
    }

    fn at(&self, x: f64) -> f64 {
        self.exponent(x).exp()
    }

    /// Where what is left no longer counts: forty powers of e below the highest point.
    fn end(&self) -> f64 {
        let peak = if self.arrivals > self.served && self.patience.is_finite() {
            self.patience * (self.arrivals / self.served).ln()
        } else {
            0.0
        };
        let (floor, mut end) = (self.exponent(peak) - 40.0, peak + 1.0 / self.served);
        while self.exponent(end) > floor {
            end *= 1.2;
        }
        end
    }
}

/// The integral by Simpson's rule.
fn simpson(from: f64, to: f64, of: impl Fn(f64) -> f64) -> f64 {
    let step = (to - from) / f64::from(STEPS);
    let inner: f64 =
        (1..STEPS).map(|i| of(from + step * f64::from(i)) * if i % 2 == 0 { 2.0 } else { 4.0 }).sum();
    (of(from) + inner + of(to)) * step / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < 1e-6 * wanted.abs().max(1.0), "{found}, not {wanted}");
    }

    /// By the fractions of the definition: (a^n/n!) / sum(a^k/k!).
    #[test]
    fn erlang_b_by_hand() {
        near(erlang_b(1, 1.0), 1.0 / 2.0);
        near(erlang_b(2, 1.0), 1.0 / 5.0);
        near(erlang_b(3, 2.0), 4.0 / 19.0);
        near(erlang_b(4, 3.0), 27.0 / 131.0);
    }

    /// Two Erlang and three operators: 4 of 9 wait, each as long as one of three operators takes with one to spare.
    #[test]
    fn without_abandonment_it_is_erlang_c() {
        let load = Load { arrivals: 2.0, handling: 1.0, patience: f64::INFINITY, operators: 3 };
        let found = service(&load, 0.5);
        near(found.waits, 4.0 / 9.0);
        near(found.mean_wait, 4.0 / 9.0);
        near(found.level, 1.0 - 4.0 / 9.0 * (-0.5_f64).exp());
        near(found.abandoned, 0.0);
        near(found.occupancy, 2.0 / 3.0);
        let patient = service(&Load { patience: 1e7, ..load }, 0.5);
        near((patient.waits * 1e4).round(), (found.waits * 1e4).round());
        assert_eq!(service(&Load { operators: 2, ..load }, 0.5), Service::HOPELESS);
    }

    /// The table's line for 10 Erlang and 14 operators: 0.1741.
    #[test]
    fn erlang_c_as_the_tables_have_it() {
        let load = Load { arrivals: 10.0, handling: 1.0, patience: f64::INFINITY, operators: 14 };
        assert!((service(&load, 1.0).waits - 0.1741).abs() < 5e-5, "{:?}", service(&load, 1.0));
    }

    /// Where patience and handling are equally long all who are there leave at the same rate, waiting or not: their number
    /// is Poisson's, whatever the number of operators.
    #[test]
    fn with_patience_as_long_as_a_call_the_number_there_is_poissons() {
        let (traffic, operators) = (12.0_f64, 10_u32);
        let mut likely = (-traffic).exp();
        let (mut below, mut waiting) = (0.0, 0.0);
        for there in 0..200_u32 {
            if there < operators {
                below += likely;
            } else {
                waiting += f64::from(there - operators) * likely;
            }
            likely *= traffic / f64::from(there + 1);
        }
        let load = Load { arrivals: traffic / 180.0, handling: 180.0, patience: 180.0, operators };
        let found = service(&load, 20.0);
        near(found.waits, 1.0 - below);
        near(found.abandoned, waiting / traffic);
        near(found.mean_wait, waiting / load.arrivals);
    }

    /// One operator, one call a minute, a minute each, a minute of patience: the number there is Poisson's with mean 1, so
    /// 1/e are answered at once and as many calls are lost as wait: 1/e.
    #[test]
    fn erlang_a_of_one_operator_by_hand() {
        let load = Load { arrivals: 1.0 / 60.0, handling: 60.0, patience: 60.0, operators: 1 };
        let found = service(&load, 0.0);
        near(found.level, (-1.0_f64).exp());
        near(found.abandoned, (-1.0_f64).exp());
        near(found.occupancy, 1.0 - (-1.0_f64).exp());
    }

    #[test]
    fn more_operators_are_never_worse_and_the_fewest_are_found() {
        let load = Load { arrivals: 0.4, handling: 210.0, patience: 180.0, operators: 0 };
        let level = |operators| service(&Load { operators, ..load }, 20.0).level;
        assert!((1..140).all(|n| level(n) <= level(n + 1) + 1e-9));
        let fewest = operators_for(&load, 0.8, 20.0, 200);
        assert!(fewest.is_some_and(|n| level(n) >= 0.8 && level(n - 1) < 0.8), "{fewest:?}");
        assert_eq!(operators_for(&load, 0.8, 20.0, 50), None);
        assert!((service(&Load { arrivals: 0.0, ..load }, 20.0).level - 1.0).abs() < f64::EPSILON);
    }
}
