//! One operator: phone, intent and work at hand. The status that others see follows from these three, so none of
//! them can contradict it.

use std::time::{Duration, Instant};

use super::tally::Tally;
use super::{OperatorProfile, OperatorStatus};
use crate::ids::ContactId;

/// A phone away no longer than this finds its operator as it left them: a hiccup of the network is no sign-out.
const RETURN_WITHIN: Duration = Duration::from_secs(60);

/// Reasons are typed by people and shown on boards; longer ones are cut, characters.
const MAX_REASON_CHARS: usize = 64;

#[derive(Debug)]
pub(super) struct Operator {
    pub(super) profile: OperatorProfile,
    phone: Phone,
    intent: Intent,
    work: Work,
    /// A call of the operator's own to a colleague: alone, or beside the work at hand to ask about it.
    pub(super) aside: Option<ContactId>,
    /// Taken out of the configuration: leaves with the end of the work at hand.
    pub(super) leaving: bool,
    /// Since when the operator has had nothing to do.
    pub(super) idle_since: Instant,
    /// Calls and talk time since the sign-in.
    pub(super) tally: Tally,
    /// The queue whose call is at hand, and since when: what it takes ends with the wrap-up.
    pub(super) handling: Option<(String, Instant)>,
    status: OperatorStatus,
    status_since: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phone {
    NeverSeen,
    Registered,
    Lost { at: Instant },
}

/// What the operator wants to be once the work at hand is over.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Intent {
    Ready,
    NotReady { reason: String },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Work {
    None,
    Offered {
        contact: ContactId,
    },
    /// Rung by name: by a transfer, or by a colleague. Nobody in the line is held for it.
    Called {
        contact: ContactId,
    },
    Talking {
        contact: ContactId,
        wrap_up: Duration,
        since: Instant,
    },
    WrapUp {
        contact: ContactId,
    },
}

impl Operator {
    pub(super) fn new(profile: OperatorProfile, now: Instant) -> Self {
        Self {
            profile,
            phone: Phone::NeverSeen,
            intent: Intent::NotReady { reason: String::new() },
            work: Work::None,
            aside: None,
            leaving: false,
            idle_since: now,
            tally: Tally::default(),
            handling: None,
            status: OperatorStatus::LoggedOut,
            status_since: now,
        }
    }

    pub(super) fn status(&self) -> &OperatorStatus {
        &self.status
    }

    pub(super) fn status_since(&self) -> Instant {
        self.status_since
    }

    pub(super) fn work(&self) -> Work {
        self.work
    }

    pub(super) fn is_registered(&self) -> bool {
        self.phone == Phone::Registered
    }

    pub(super) fn serves(&self, queue: &str) -> bool {
        self.profile.queues.iter().any(|served| served == queue)
    }

    /// Takes calls now, or will when the one at hand is over.
    pub(super) fn is_at_work(&self) -> bool {
        self.is_registered() && !self.leaving && self.intent == Intent::Ready
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status == OperatorStatus::Ready
    }

    /// True when the operator signs in with it, and has not only been away for a moment.
    pub(super) fn phone_registered(&mut self, now: Instant) -> bool {
        let signs_in = match self.phone {
            Phone::Registered => return false,
            Phone::Lost { at } => now.saturating_duration_since(at) > RETURN_WITHIN,
            Phone::NeverSeen => true,
        };
        self.phone = Phone::Registered;
        if signs_in {
            self.want_not_ready("signed_in");
        }
        signs_in
    }

    /// As a former run left the operator, whose phone was there until `left_at`: if it comes back soon, nothing has changed.
    pub(super) fn restore(&mut self, not_ready: Option<&str>, left_at: Instant) {
        if self.phone != Phone::NeverSeen {
            return;
        }
        self.phone = Phone::Lost { at: left_at };
        match not_ready {
            None => self.want_ready(),
            Some(reason) => self.want_not_ready(reason),
        }
    }

    /// Why the operator takes no calls, none for who is ready; nothing of who is away or has a call to write up, who
    /// must say anew what they want.
    pub(super) fn standing(&self) -> Option<Option<&str>> {
        match (&self.status, &self.intent) {
            (OperatorStatus::Ready, _) => Some(None),
            (OperatorStatus::NotReady { .. }, Intent::NotReady { reason }) => Some(Some(reason.as_str())),
            _ => None,
        }
    }

    pub(super) fn phone_lost(&mut self, now: Instant) {
        if self.is_registered() {
            self.phone = Phone::Lost { at: now };
        }
    }

    pub(super) fn want_ready(&mut self) {
        self.intent = Intent::Ready;
    }

    pub(super) fn want_not_ready(&mut self, reason: &str) {
        self.intent = Intent::NotReady { reason: reason.chars().take(MAX_REASON_CHARS).collect() };
    }

    /// The status changes with [`Self::settle`].
    pub(super) fn take_up(&mut self, work: Work) {
        self.work = work;
    }

    /// Recomputes the status; the new one when it changed. Becoming ready after anything but an offer that came
    /// to nothing starts the idle time.
    pub(super) fn settle(&mut self, now: Instant) -> Option<OperatorStatus> {
        let status = self.derived_status();
        if status == self.status {
            return None;
        }
        if status == OperatorStatus::Ready && !matches!(self.status, OperatorStatus::Offered { .. }) {
            self.idle_since = now;
        }
        self.status = status.clone();
        self.status_since = now;
        Some(status)
    }

    fn derived_status(&self) -> OperatorStatus {
        if let (Work::None, Some(contact)) = (self.work, self.aside) {
            return OperatorStatus::Talking { contact };
        }
        match (self.work, self.phone, &self.intent) {
            (Work::Offered { contact } | Work::Called { contact }, ..) => OperatorStatus::Offered { contact },
            (Work::Talking { contact, .. }, ..) => OperatorStatus::Talking { contact },
            (Work::WrapUp { contact }, ..) => OperatorStatus::WrapUp { contact },
            (Work::None, ..) if self.leaving => OperatorStatus::LoggedOut,
            (Work::None, Phone::NeverSeen | Phone::Lost { .. }, _) => OperatorStatus::LoggedOut,
            (Work::None, Phone::Registered, Intent::Ready) => OperatorStatus::Ready,
            (Work::None, Phone::Registered, Intent::NotReady { reason }) => {
                OperatorStatus::NotReady { reason: reason.clone() }
            }
        }
    }
}
