//! What the person on the phone does, in order.
//! Pure: it is told the time and says the next step. Sound and keys are
//! sent by the phone (`softphone/mod.rs`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::dtmf::Digit;
use crate::media::Sound;

#[derive(Clone, Debug)]
pub enum Act {
    /// Speaks; the next act comes when it is said, or at once when it repeats for ever.
    Play {
        sounds: Vec<Arc<Sound>>,
        repeat: bool,
    },
    /// Presses a key (RFC 4733).
    Press(Digit),
    Wait(Duration),
    HangUp,
}

/// Acts in order, and how long the call may last in all.
#[derive(Clone, Debug)]
pub struct Script {
    acts: VecDeque<Act>,
    longest: Duration,
    waiting: Waiting,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Waiting {
    No,
    Until(Instant),
    ForPlay,
}

/// What to do now.
#[derive(Debug)]
pub(super) enum Step {
    Do(Act),
    /// Nothing until the deadline, the end of what plays, or the far end.
    Wait,
}

/// A key is held this long, and as long a pause follows.
const KEY_TIME: Duration = Duration::from_millis(320);

impl Script {
    /// After the last act the line stays open until the far end hangs up or `longest` is over.
    pub fn new(acts: impl IntoIterator<Item = Act>, longest: Duration) -> Self {
        Self { acts: acts.into_iter().collect(), longest, waiting: Waiting::No }
    }

    pub(super) fn step(&mut self, now: Instant) -> Step {
        match self.waiting {
            Waiting::Until(at) if at > now => return Step::Wait,
            Waiting::ForPlay => return Step::Wait,
            Waiting::Until(_) | Waiting::No => self.waiting = Waiting::No,
        }
        let Some(act) = self.acts.pop_front() else { return Step::Wait };
        match &act {
            Act::Wait(time) => self.waiting = Waiting::Until(now + *time),
            Act::Press(_) => self.waiting = Waiting::Until(now + KEY_TIME),
            Act::Play { repeat: false, .. } => self.waiting = Waiting::ForPlay,
            Act::Play { repeat: true, .. } | Act::HangUp => {}
        }
        Step::Do(act)
    }

    pub(super) fn play_finished(&mut self) {
        if self.waiting == Waiting::ForPlay {
            self.waiting = Waiting::No;
        }
    }

    /// When to look again at the latest; `since` is the answer.
    pub(super) fn deadline(&self, since: Instant) -> Instant {
        let end = since + self.longest;
        match self.waiting {
            Waiting::Until(at) => at.min(end),
            Waiting::ForPlay | Waiting::No => end,
        }
    }

    pub(super) fn is_over(&self, since: Instant, now: Instant) -> bool {
        now >= since + self.longest
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]

    use super::*;
    use crate::time::now;

    #[test]
    fn acts_come_in_order_each_after_its_time() {
        let start = now().mono;
        let digit = Digit::from_char('1').unwrap_or_else(|| panic!("1 is a digit"));
        let mut script = Script::new(
            [Act::Press(digit), Act::Wait(Duration::from_secs(1)), Act::HangUp],
            Duration::from_secs(9),
        );
        assert!(matches!(script.step(start), Step::Do(Act::Press(_))));
        assert!(matches!(script.step(start), Step::Wait));
        assert_eq!(script.deadline(start), start + KEY_TIME);
        let pressed = start + KEY_TIME;
        assert!(matches!(script.step(pressed), Step::Do(Act::Wait(_))));
        assert!(matches!(script.step(pressed), Step::Wait));
        assert!(matches!(script.step(pressed + Duration::from_secs(1)), Step::Do(Act::HangUp)));
    }

    #[test]
    fn what_follows_a_sound_waits_for_its_end() {
        let start = now().mono;
        let mut script = Script::new(
            [Act::Play { sounds: Vec::new(), repeat: false }, Act::HangUp],
            Duration::from_secs(9),
        );
        assert!(matches!(script.step(start), Step::Do(Act::Play { .. })));
        assert!(matches!(script.step(start), Step::Wait));
        script.play_finished();
        assert!(matches!(script.step(start), Step::Do(Act::HangUp)));
    }
}
