//! When too many call: arrivals are noted, and every queue is looked at once a second while there is anything to see.
//! What counts as too many, and when it is over, is `surge`.

use std::time::{Duration, Instant};

use super::super::Output;
use super::{Distributor, Timer};

/// A surge is noticed, and its end, at most this late.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Distributor {
    /// Somebody who has not waited yet is about to wait in `queue`; true when there is a surge.
    pub fn note_arrival(&mut self, queue: &str, now: Instant) -> bool {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.surge.note_arrival(now);
        }
        self.judge_surges(now);
        self.surge_since(queue).is_some()
    }

    /// Since when more call `queue` than can be answered; none when they do not.
    pub fn surge_since(&self, queue: &str) -> Option<Instant> {
        self.queues.get(queue)?.surge.since()
    }

    pub(super) fn judge_surges(&mut self, now: Instant) {
        let mut goes_on = false;
        for (name, queue) in &mut self.queues {
            let longest = self.line.of_queue(name).map(|waiting| waiting.since).min();
            let wait = longest.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            if queue.surge.judge(queue.settings.surge, wait, now) {
                let on = queue.surge.since().is_some();
                self.outputs.push_back(Output::SurgeChanged { queue: name.clone(), on });
            }
            goes_on |= !queue.surge.is_idle() || longest.is_some() && queue.settings.surge.wait.is_some();
        }
        if goes_on {
            self.timers.set(Timer::Surges, now + LOOK_EVERY);
        }
    }
}
