//! Whether a media thread keeps up: how much of the last while it took its turns too late. A machine that is short of
//! time for the calls it has must not be given more: signalling would be the next to starve, and then calls could not
//! even be hung up. What is refused meanwhile, and how, is `switchboard/admission.rs`.

use std::time::{Duration, Instant};

use crate::media::TICK_MS;

/// A turn this late has cost a tick: its packets leave with those of the next one.
const LATE: Duration = Duration::from_millis(TICK_MS);
/// How long a late stretch is remembered; what was longer ago counts for less and less.
const MEMORY: Duration = Duration::from_secs(1);
/// Shares of the time that was late: at the first the thread is overloaded, at the second it is no longer. Far apart,
/// so that it takes 0.7 s of lateness to be the one and up to 2.3 s without it to be the other.
const OVERLOADED: f32 = 0.5;
const WELL: f32 = 0.1;
/// One stretch counts for no more: a program that did not run at all, on a machine put to sleep, was not overloaded.
const MAX_STRETCH: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Punctuality {
    /// Share of the time that was late, 0 to 1.
    late: f32,
    looked_at: Instant,
    overloaded: bool,
}

impl Punctuality {
    pub(super) fn new(now: Instant) -> Self {
        Self { late: 0.0, looked_at: now, overloaded: false }
    }

    /// The turn that was due at `due` begins; true when the thread has become overloaded with it, or well again.
    pub(super) fn note(&mut self, due: Instant, now: Instant) -> bool {
        let stretch = now.saturating_duration_since(self.looked_at).min(MAX_STRETCH);
        self.looked_at = now;
        let is_late = now.saturating_duration_since(due) >= LATE;
        let weight = stretch.as_secs_f32() / MEMORY.as_secs_f32();
        self.late += (f32::from(u8::from(is_late)) - self.late) * weight;
        let overloaded = if self.overloaded { self.late > WELL } else { self.late >= OVERLOADED };
        let changed = overloaded != self.overloaded;
        self.overloaded = overloaded;
        changed
    }

    pub(super) fn is_overloaded(&self) -> bool {
        self.overloaded
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    /// Turns 5 ms apart for `time`, each `late` after it was due; when the state changed, from the beginning.
    fn run(judge: &mut Punctuality, from: Instant, time: Duration, late: Duration) -> Vec<Duration> {
        let turns = u32::try_from(time.as_millis() / 5).unwrap();
        let mut changes = Vec::new();
        for turn in 1..=turns {
            let now = from + Duration::from_millis(5) * turn;
            if judge.note(now - late, now) {
                changes.push(now - from);
            }
        }
        changes
    }

    fn start() -> Instant {
        crate::time::now().mono
    }

    #[test]
    fn a_hiccup_is_no_overload() {
        let start = start();
        let mut judge = Punctuality::new(start);
        assert!(run(&mut judge, start, Duration::from_millis(300), LATE * 20).is_empty());
        let after = start + Duration::from_millis(300);
        assert!(run(&mut judge, after, Duration::from_secs(60), Duration::from_millis(19)).is_empty());
        assert!(!judge.is_overloaded());
    }

    #[test]
    fn lateness_that_lasts_is_an_overload_until_it_is_over_for_good() {
        let start = start();
        let mut judge = Punctuality::new(start);
        let second = Duration::from_secs(1);
        let [began] = run(&mut judge, start, second, LATE)[..] else { panic!("not noticed") };
        assert!((600..800).contains(&began.as_millis()), "after {began:?}");
        assert!(run(&mut judge, start + second, second * 10, LATE).is_empty(), "it stays so");
        let [ended] = run(&mut judge, start + second * 11, second * 4, Duration::ZERO)[..] else {
            panic!("for ever")
        };
        assert!((2_000..2_600).contains(&ended.as_millis()), "after {ended:?}");
        assert!(!judge.is_overloaded());
    }

    #[test]
    fn a_machine_that_slept_was_not_overloaded() {
        let start = start();
        let mut judge = Punctuality::new(start);
        let hours = Duration::from_secs(3 * 3_600);
        assert!(!judge.note(start + LATE, start + hours));
        assert!(!judge.is_overloaded());
    }
}
