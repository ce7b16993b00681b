//! The way in writing, when calls reached nobody or may not be made: by SMS, and when that fails by e-mail. What reached the
//! applicant is given its days for an answer; only when all of it is over may the case be closed unconfirmed.

use super::{Channel, Failure, Progress};
use crate::ids::NotificationId;
use crate::time::Timestamp;

/// One message about the work as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Writing {
    pub id: NotificationId,
    pub channel: Channel,
    pub progress: Progress,
    pub failure: Option<Failure>,
    pub queued_at: Timestamp,
    /// When it was delivered or failed, or taken by a gateway that reports nothing.
    pub settled_at: Option<Timestamp>,
}

/// What is known of a message's fate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Pending,
    Reached(Timestamp),
    Lost(Timestamp),
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    Write(Channel),
    /// For its fate, or for an answer.
    Wait,
    /// All ways are used up, or the days for an answer are.
    Over,
}

impl Writing {
    pub fn fate(&self) -> Fate {
        match (self.progress, self.settled_at) {
            (Progress::Failed, at) => Fate::Lost(at.unwrap_or(self.queued_at)),
            (Progress::Delivered | Progress::Sent, Some(at)) => Fate::Reached(at),
            _ => Fate::Pending,
        }
    }
}

/// `ways` are those open to this applicant, in the order they are tried; `answer_deadline` tells until when an answer is
/// waited for after a message has arrived.
pub fn next_step(
    ways: &[Channel],
    writings: &[Writing],
    answer_deadline: impl Fn(Timestamp) -> Timestamp,
    at: Timestamp,
) -> Step {
    let fates = || writings.iter().map(Writing::fate);
    if fates().any(|fate| fate == Fate::Pending) {
        return Step::Wait;
    }
    let reached = fates().filter_map(|fate| match fate {
        Fate::Reached(reached_at) => Some(reached_at),
        _ => None,
    });
    if let Some(reached_at) = reached.max() {
        return if at < answer_deadline(reached_at) { Step::Wait } else { Step::Over };
    }
    let untried = |way: &&Channel| writings.iter().all(|writing| writing.channel != **way);
    ways.iter().find(untried).map_or(Step::Over, |way| Step::Write(*way))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const DAY: i64 = 86_400_000_000;

    fn writing(channel: Channel, progress: Progress, settled: Option<i64>) -> Writing {
        Writing {
            id: NotificationId(Uuid::from_u128(1)),
            channel,
            progress,
            failure: None,
            queued_at: Timestamp::from_micros(0),
            settled_at: settled.map(Timestamp::from_micros),
        }
    }

    fn next(ways: &[Channel], writings: &[Writing], at: i64) -> Step {
        let deadline = |told: Timestamp| Timestamp::from_micros(told.micros() + 3 * DAY);
        next_step(ways, writings, deadline, Timestamp::from_micros(at))
    }

    #[test]
    fn first_by_sms_then_by_mail_then_it_is_over() {
        let both = Channel::ALL;
        assert_eq!(next(&both, &[], 0), Step::Write(Channel::Sms));
        for progress in [Progress::Queued, Progress::Sending, Progress::Sent] {
            assert_eq!(next(&both, &[writing(Channel::Sms, progress, None)], 9 * DAY), Step::Wait);
        }
        let lost = writing(Channel::Sms, Progress::Failed, Some(5));
        assert_eq!(next(&both, &[lost], 6), Step::Write(Channel::Mail));
        assert_eq!(next(&[Channel::Sms], &[lost], 6), Step::Over);
        assert_eq!(next(&both, &[lost, writing(Channel::Mail, Progress::Failed, Some(9))], 10), Step::Over);
        assert_eq!(next(&[Channel::Mail], &[], 0), Step::Write(Channel::Mail));
        assert_eq!(next(&[], &[], 0), Step::Over);
    }

    #[test]
    fn what_arrived_is_given_its_days() {
        let lost = writing(Channel::Sms, Progress::Failed, Some(5));
        for reached in [Progress::Delivered, Progress::Sent] {
            let mail = writing(Channel::Mail, reached, Some(DAY));
            assert_eq!(next(&Channel::ALL, &[lost, mail], 4 * DAY - 1), Step::Wait);
            assert_eq!(next(&Channel::ALL, &[lost, mail], 4 * DAY), Step::Over);
        }
        // An SMS that arrived needs no e-mail after it.
        let sms = writing(Channel::Sms, Progress::Delivered, Some(0));
        assert_eq!(next(&Channel::ALL, &[sms], 9 * DAY), Step::Over);
    }
}
