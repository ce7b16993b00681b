//! What came of a simulated city: calls by their end, waits, how busy operators were, and every few minutes a look at the
//! whole. Callers who call again are new calls, as on any wallboard.

use std::time::Duration;

/// Answered so soon is what the service level counts.
pub const WITHIN: Duration = Duration::from_secs(20);
/// From one [`Look`] to the next.
pub const LOOK_EVERY: Duration = Duration::from_secs(300);
/// Waits are counted to the second up to this; longer ones as this.
const LONGEST: usize = 7_200;

#[derive(Clone, PartialEq, Debug)]
pub struct Count {
    /// Came to the menu.
    pub calls: u64,
    /// Of these, by somebody who had called before and was not served.
    pub again: u64,
    /// Wanted an operator now: those told, rung back later or turned away are not among them.
    pub entered: u64,
    pub answered: u64,
    pub answered_within: u64,
    pub abandoned: u64,
    /// The line was full.
    pub turned_away: u64,
    /// Heard what was known of the outage and needed no more.
    pub told: u64,
    /// Asked to be rung back.
    pub listed: u64,
    /// Wanted it, and the list was full.
    pub list_full: u64,
    pub reached: u64,
    /// Attempts to ring somebody back that came to nothing.
    pub unreached: u64,
    /// Seconds between a promise to be rung back and the talk, in sum.
    pub promised_secs: f64,
    waits: Vec<u64>,
    /// Seconds in the line, of all who entered and left it.
    pub waited_secs: f64,
    /// Seconds of all operators: busy with a call, and at work.
    pub busy_secs: f64,
    pub staffed_secs: f64,
    pub looks: Vec<Look>,
    pub most: Look,
    /// Times a surge began.
    pub surges: u64,
}

/// The city at one moment; also the most there was of each.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Look {
    pub at: Duration,
    /// Calls since the look before, a second; as the most, over ten seconds.
    pub rate: f64,
    pub in_menu: usize,
    pub waiting: usize,
    pub talking: usize,
    /// To be rung back.
    pub listed: usize,
    pub operators: u32,
}

impl Look {
    /// Calls the machines carry.
    pub const fn on_air(&self) -> usize {
        self.in_menu + self.waiting + self.talking
    }
}

impl Default for Count {
    fn default() -> Self {
        Self {
            calls: 0,
            again: 0,
            entered: 0,
            answered: 0,
            answered_within: 0,
            abandoned: 0,
            turned_away: 0,
            told: 0,
            listed: 0,
            list_full: 0,
            reached: 0,
            unreached: 0,
            promised_secs: 0.0,
            waits: vec![0; LONGEST + 1],
            waited_secs: 0.0,
            busy_secs: 0.0,
            staffed_secs: 0.0,
            looks: Vec::new(),
            most: Look::default(),
            surges: 0,
        }
    }
}

impl Count {
    /// Somebody leaves the line after `wait`, answered or not.
    pub(super) fn note_wait(&mut self, wait: Duration, is_answered: bool) {
        self.waited_secs += wait.as_secs_f64();
        if is_answered {
            self.answered += 1;
            self.answered_within += u64::from(wait <= WITHIN);
            self.waits[usize::try_from(wait.as_secs()).unwrap_or(LONGEST).min(LONGEST)] += 1;
        } else {
            self.abandoned += 1;
        }
    }

    /// The share of all who entered the line that was answered in time.
    pub fn level(&self) -> f64 {
        share(self.answered_within, self.entered)
    }

    pub fn abandonment(&self) -> f64 {
        share(self.abandoned, self.entered)
    }

    pub fn mean_wait(&self) -> f64 {
        self.waited_secs / (self.entered as f64).max(1.0)
    }

    pub fn occupancy(&self) -> f64 {
        self.busy_secs / self.staffed_secs.max(1.0)
    }

    /// So long waited at most that share of those who were answered, seconds.
    pub fn wait_of(&self, part: f64) -> usize {
        let wanted = (part * self.answered as f64).ceil();
        let mut sum = 0;
        self.waits
            .iter()
            .position(|count| {
                sum += count;
                sum as f64 >= wanted
            })
            .unwrap_or(LONGEST)
    }

    /// People who were served in the end: by an operator, at once or rung back, or by the announcement.
    pub const fn served(&self) -> u64 {
        self.answered + self.told + self.reached
    }

    /// Minutes from the promise to the talk.
    pub fn minutes_to_call_back(&self) -> f64 {
        self.promised_secs / (self.reached as f64).max(1.0) / 60.0
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / (whole as f64).max(1.0)
}
