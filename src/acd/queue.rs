//! One queue: its settings, whose turn it is, and how long its calls take, from which callers are told how long they
//! will wait. Its callers stand in `line`, together with those of all other queues.

use std::time::Duration;

use super::QueueSettings;
use super::surge::Surge;
use crate::ids::UserId;

/// A call changes the mean handling time by this part of its difference: the last dozen count most.
const INERTIA: u32 = 8;

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) settings: QueueSettings,
    /// False once the configuration no longer names the queue: nobody enters, and those who wait are anybody's.
    pub(super) open: bool,
    /// Whose phone rang last for a caller of this queue.
    pub(super) last_rung: Option<UserId>,
    pub(super) surge: Surge,
    /// Talk and wrap-up of a call, on average; none before the first is over.
    handling: Option<Duration>,
}

impl Queue {
    pub(super) fn new(settings: QueueSettings) -> Self {
        Self { settings, open: true, last_rung: None, surge: Surge::default(), handling: None }
    }

    /// A call of this queue is done with, wrap-up included.
    pub(super) fn note_handling(&mut self, time: Duration) {
        self.handling = Some(match self.handling {
            None => time,
            Some(mean) if time >= mean => mean + (time - mean) / INERTIA,
            Some(mean) => mean - (mean - time) / INERTIA,
        });
    }

    /// How long somebody at `position`, from 1, will wait while `operators` are at work: so many calls must end first.
    /// None when nobody can say: nobody is at work, or no call has ended yet.
    pub(super) fn expected_wait(&self, position: usize, operators: usize) -> Option<Duration> {
        let (position, operators) = (u32::try_from(position).ok()?, u32::try_from(operators).ok()?);
        self.handling?.checked_mul(position)?.checked_div(operators)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::tests::queue;
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_wait_is_what_calls_take_over_those_who_answer() {
        let mut queue = Queue::new(queue("city"));
        assert_eq!(queue.expected_wait(1, 3), None, "nothing is known yet");
        queue.note_handling(180 * SECOND);
        assert_eq!(queue.expected_wait(1, 3), Some(60 * SECOND));
        assert_eq!(queue.expected_wait(6, 3), Some(360 * SECOND));
        assert_eq!(queue.expected_wait(6, 0), None, "nobody is at work");
        assert_eq!(queue.expected_wait(usize::MAX, 1), None);
    }

    #[test]
    fn one_long_call_changes_little_and_many_change_all() {
        let mut queue = Queue::new(queue("city"));
        queue.note_handling(100 * SECOND);
        queue.note_handling(900 * SECOND);
        assert_eq!(queue.expected_wait(1, 1), Some(200 * SECOND));
        queue.note_handling(40 * SECOND);
        assert_eq!(queue.expected_wait(1, 1), Some(180 * SECOND));
        for _ in 0..60 {
            queue.note_handling(300 * SECOND);
        }
        let wait = queue.expected_wait(1, 1).unwrap();
        assert!(wait.abs_diff(300 * SECOND) < SECOND, "{wait:?}");
    }
}
