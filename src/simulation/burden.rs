//! What a number of calls asks of machines, by what calls cost when they were measured (docs/performance.md): processor,
//! memory, disk, ports, and how many machines that makes. The dear figures are taken, of a machine with busy neighbours.

use super::count::Look;

/// Milliseconds of processor time a second: of a bridged, recorded call; of one that waits or listens to a menu.
const TALK_MS: f64 = 1.27;
const WAIT_MS: f64 = 0.82;
/// Milliseconds of processor time of a new call: 826 ms a second at a hundred a second.
const SET_UP_MS: f64 = 8.3;
/// Of a processor, before sound comes late: at 1.18 ms a call-second, a thousand calls and two processors nothing was left.
const USABLE: f64 = 0.6;
const MEMORY_KIB: f64 = 106.0;
/// Octets of a recording a second: two channels of 8,000.
const RECORDED: f64 = 16_000.0;
/// Octets of the database for a case, with its calls and journal: 16.9 GB for a million.
const CASE_OCTETS: f64 = 16_900.0;
/// Ports of a call, as `[rtp] ports` counts them, and ports that one address has for them.
const PORTS: f64 = 6.0;
const PORTS_THERE: f64 = 49_152.0;

/// The machine that was measured: so many processors.
pub const PROCESSORS: f64 = 2.0;
/// New calls a second that were set up in time on it.
pub const SET_UPS: f64 = 100.0;
/// The most callers `[[queue]] capacity` allows, and the most that wait to be rung back.
pub const LINE: usize = 1_000;
pub const LIST: usize = crate::callback::MAX_CALL_BACKS;

/// What one moment asks of all machines together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Burden {
    pub calls: usize,
    /// Processors kept busy.
    pub processors: f64,
    pub memory_mib: f64,
    /// Megabytes written a second.
    pub disk_mb: f64,
    pub ports: f64,
    /// New calls a second.
    pub rate: f64,
}

impl Burden {
    pub fn of(most: &Look) -> Self {
        let (talking, quiet) = (most.talking as f64, (most.waiting + most.in_menu) as f64);
        let calls = most.on_air() as f64;
        Self {
            calls: most.on_air(),
            processors: (talking * TALK_MS + quiet * WAIT_MS + most.rate * SET_UP_MS) / 1_000.0,
            memory_mib: calls * MEMORY_KIB / 1_024.0,
            disk_mb: calls * RECORDED / 1e6,
            ports: calls * PORTS,
            rate: most.rate,
        }
    }

    /// Machines of so many processors that carry it, by the first thing that runs out.
    pub fn machines(&self, processors: f64) -> u32 {
        let parts = [
            self.processors / (processors * USABLE),
            self.ports / PORTS_THERE,
            // Records are made durable by one writer on each machine, whatever its processors.
            self.rate / SET_UPS,
        ];
        parts.into_iter().fold(1.0, f64::max).ceil() as u32
    }
}

/// Terabytes of sound, for so many hours on the line.
pub fn terabytes_of_sound(hours: f64) -> f64 {
    hours * 3_600.0 * RECORDED / 1e12
}

/// Gigabytes of rows and journal for so many cases.
pub fn gigabytes_of_rows(cases: f64) -> f64 {
    cases * CASE_OCTETS / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_talks_take_more_than_one_small_machine() {
        let look = Look { talking: 1_000, rate: 5.0, ..Look::default() };
        let burden = Burden::of(&look);
        assert!((burden.processors - 1.3115).abs() < 1e-9, "{burden:?}");
        assert!((burden.disk_mb - 16.0).abs() < 1e-9);
        assert_eq!((burden.machines(2.0), burden.machines(4.0)), (2, 1));
    }

    #[test]
    fn what_runs_out_first_counts() {
        let nothing = Burden::of(&Look::default());
        assert_eq!(nothing.machines(2.0), 1);
        assert_eq!(Burden { rate: 250.0, ..nothing }.machines(64.0), 3);
        assert_eq!(Burden { ports: 50_000.0, ..nothing }.machines(64.0), 2);
        assert_eq!(Burden { processors: 4.0, ..nothing }.machines(2.0), 4);
    }
}
