//! Messages to applicants, by SMS and by e-mail: what there is to say (`text`), how long it is on a telephone (`segments`),
//! who is written to when nobody was reached by call (`chain`), and when a gateway is left in peace (`breaker`). Pure: the
//! outbox is `store/notifications.rs`, the gateways are `notify`.

pub mod breaker;
pub mod chain;
pub mod segments;
pub mod text;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::time::Timestamp;

/// Messages to one recipient in a day, whatever they are about: a household with trouble has two or three. Whoever files
/// requests in another's name cannot make more of the city's messages rain on them.
pub const MAX_PER_RECIPIENT_AND_DAY: i64 = 10;
/// The longest rest between two attempts at one message.
const MAX_REST: Duration = Duration::from_secs(6 * 3_600);

/// How it goes out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Sms,
    Mail,
}

/// What it is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// The case has its number.
    Registered,
    /// The work is found done: is it fixed?
    Done,
    /// An official receives the applicant soon.
    Reminder,
    /// The applicant has lost the code and asks for another.
    Code,
    /// An administrator tries the way.
    Test,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Queued,
    /// With the gateway at this moment, or when the program was killed.
    Sending,
    /// Taken by the gateway or the mail server.
    Sent,
    /// The gateway reports that it arrived.
    Delivered,
    Failed,
}

/// Why it failed for good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The gateway does not take it: the number or the address is wrong.
    Refused,
    /// The attempts are used up: nobody answered, or not as it should.
    Unanswered,
    /// Its time was over before it could go out.
    Expired,
    /// The gateway reports that it did not arrive.
    Undelivered,
    /// No report came in time.
    Unreported,
    /// The recipient has had enough messages for a day.
    Limit,
}

/// How patiently a way is tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// From the first attempt to the second; each further rest is twice as long, 6 hours at most.
    pub retry: Duration,
    /// Older messages are not sent any more.
    pub within: Duration,
    /// Messages on their way at the same time.
    pub at_once: usize,
    /// An attempt takes no longer.
    pub timeout: Duration,
    /// When people may be disturbed; none for any time.
    pub hours: Option<Calendar>,
    /// How long the gateway's report is waited for; none where it sends none.
    pub report_within: Option<Duration>,
}

impl Channel {
    pub const ALL: [Self; 2] = [Self::Sms, Self::Mail];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Mail => "mail",
        }
    }
}

impl Patience {
    /// When the next attempt is made after `attempts` of them; none when they are used up.
    pub fn retry_deadline(&self, attempts: u32, at: Timestamp) -> Option<Timestamp> {
        let doublings = attempts.saturating_sub(1).min(16);
        let rest = self.retry.saturating_mul(1 << doublings).min(MAX_REST);
        (attempts < self.attempts).then(|| at.plus(rest))
    }

    /// Whether somebody may be written to at this moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.is_open(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_their_bound_and_attempts_end() {
        let patience = Patience {
            attempts: 12,
            retry: Duration::from_secs(60),
            within: Duration::from_secs(86_400),
            at_once: 4,
            timeout: Duration::from_secs(10),
            hours: None,
            report_within: None,
        };
        let rest = |attempts| {
            patience.retry_deadline(attempts, Timestamp::from_micros(0)).map(|at| at.micros() / 1_000_000)
        };
        assert_eq!([rest(1), rest(2), rest(3)], [Some(60), Some(120), Some(240)]);
        assert_eq!(rest(11), Some(6 * 3_600), "never longer");
        assert_eq!([rest(12), rest(13)], [None, None]);
        let endless = Patience { attempts: u32::MAX, ..patience };
        assert!(endless.retry_deadline(u32::MAX - 1, Timestamp::from_micros(0)).is_some());
    }
}
