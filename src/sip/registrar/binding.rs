//! One binding: where a phone is and how it is reached, and whether it still answers. Which phone replaces which is
//! the registrar's to say.

use std::time::{Duration, Instant};

use super::contacts::{Wanted, same_address};
use crate::sip::message::{Flow, NameAddr, Request, Uri};

/// Questions in a row without an answer after which a phone is no longer rung: one may be lost with its copies.
pub const FAILURES_UNTIL_UNREACHABLE: u8 = 3;
/// How long an answer to OPTIONS may take: time for four copies over UDP.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest User-Agent text kept, in bytes.
pub(super) const MAX_USER_AGENT_LEN: usize = 128;

/// Names a binding for as long as it lasts, refreshes included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BindingId(pub u64);

/// A device and which of its flows (RFC 5626): another contact of the same takes the place of this one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outbound {
    pub instance: String,
    pub reg_id: u32,
}

#[derive(Clone, Debug)]
pub struct Binding {
    pub id: BindingId,
    pub contact: Uri,
    /// Where the REGISTER came from: INVITEs go there (symmetric signalling).
    pub flow: Flow,
    pub call_id: String,
    pub seq: u32,
    pub expires_at: Instant,
    pub user_agent: String,
    /// `q` in thousandths (RFC 3261 20.10); the highest is rung first.
    pub priority: u16,
    /// Proxies on the way to the phone, the nearest to us first (RFC 3327).
    pub path: Vec<NameAddr>,
    pub outbound: Option<Outbound>,
    question: Question,
    failures: u8,
}

/// What of a binding outlives the program: all that the next run needs to ring the phone, and to know its next REGISTER.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptBinding {
    pub contact: Uri,
    pub flow: Flow,
    pub call_id: String,
    pub seq: u32,
    pub expires_in: Duration,
    pub user_agent: String,
    pub priority: u16,
    pub path: Vec<NameAddr>,
    pub outbound: Option<Outbound>,
}

/// The OPTIONS that ask whether the phone is still there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Question {
    /// Nobody wants to know.
    Never,
    Next {
        ask_at: Instant,
    },
    Asked {
        answer_deadline: Instant,
    },
}

/// What the clock makes of a binding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    Ask,
}

impl Binding {
    /// As `wanted` by `request`, which came over `flow`; it counts as a sign of life.
    pub(super) fn new(
        id: BindingId,
        wanted: Wanted,
        request: &Request,
        path: Vec<NameAddr>,
        flow: Flow,
        expires_at: Instant,
    ) -> Self {
        let user_agent = request.headers.first("User-Agent").unwrap_or_default();
        Self {
            id,
            contact: wanted.contact,
            flow,
            call_id: request.call_id.clone(),
            seq: request.cseq.seq,
            expires_at,
            user_agent: user_agent[..user_agent.floor_char_boundary(MAX_USER_AGENT_LEN)].to_owned(),
            priority: wanted.priority,
            path,
            outbound: wanted.outbound,
            question: Question::Never,
            failures: 0,
        }
    }

    /// As a former run of the program knew it; what it did not know of, as of a phone that has just registered.
    pub(super) fn restored(id: BindingId, kept: KeptBinding, expires_at: Instant) -> Self {
        let KeptBinding { contact, flow, call_id, seq, user_agent, priority, path, outbound, .. } = kept;
        Self {
            id,
            contact,
            flow,
            call_id,
            seq,
            expires_at,
            user_agent,
            priority,
            path,
            outbound,
            question: Question::Never,
            failures: 0,
        }
    }

    pub(super) fn kept(&self, now: Instant) -> KeptBinding {
        KeptBinding {
            contact: self.contact.clone(),
            flow: self.flow,
            call_id: self.call_id.clone(),
            seq: self.seq,
            expires_in: self.expires_at.saturating_duration_since(now),
            user_agent: self.user_agent.clone(),
            priority: self.priority,
            path: self.path.clone(),
            outbound: self.outbound.clone(),
        }
    }

    /// False once it has left several OPTIONS without an answer.
    pub fn is_reachable(&self) -> bool {
        self.failures < FAILURES_UNTIL_UNREACHABLE
    }

    /// Headers that take a request of ours along the path (RFC 3327 5.4).
    pub fn route(&self) -> Vec<(&'static str, String)> {
        self.path.iter().map(|hop| ("Route", hop.to_string())).collect()
    }

    /// The same flow of the same device, whatever its contact says (RFC 5626 6); without such names, the same contact.
    pub(super) fn is_of(&self, wanted: &Wanted) -> bool {
        match (&self.outbound, &wanted.outbound) {
            (Some(own), Some(wanted)) => own == wanted,
            _ => same_address(&self.contact, &wanted.contact),
        }
    }

    /// Whether the phone behind `flow` was restarted since: another Call-ID from the very socket of this binding
    /// (RFC 3261 10.2.4 has one Call-ID for each boot), so that a contact which differs by a boot's own parameter is no
    /// second phone. Behind a proxy one socket has many phones; devices with names of their own are told apart by them.
    pub(super) fn is_of_former_life(&self, request: &Request, path: &[NameAddr], flow: &Flow) -> bool {
        let is_direct = self.path.is_empty() && path.is_empty() && self.outbound.is_none();
        is_direct && self.flow == *flow && self.call_id != request.call_id
    }

    /// As listed in the answer to REGISTER.
    pub(super) fn listed(&self, now: Instant) -> NameAddr {
        let mut listed = NameAddr::new(self.contact.clone());
        if let Some(Outbound { instance, reg_id }) = &self.outbound {
            listed.params.set("+sip.instance", Some(instance.clone()));
            listed.params.set("reg-id", Some(reg_id.to_string()));
        }
        let left = self.expires_at.saturating_duration_since(now);
        listed.params.set("expires", Some(left.as_secs().to_string()));
        listed
    }

    pub(super) fn deadline(&self) -> Instant {
        match self.question {
            Question::Never => self.expires_at,
            Question::Next { ask_at: at } | Question::Asked { answer_deadline: at } => {
                at.min(self.expires_at)
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, every: Option<Duration>, now: Instant) -> Due {
        let (Question::Next { ask_at: at } | Question::Asked { answer_deadline: at }) = self.question else {
            return Due::Nothing;
        };
        if at > now {
            return Due::Nothing;
        }
        let Some(every) = every else {
            self.question = Question::Never;
            return Due::Nothing;
        };
        if matches!(self.question, Question::Asked { .. }) {
            self.failures = self.failures.saturating_add(1);
            // In doubt it is asked again at once; who is known to be gone is asked at leisure.
            if !self.is_reachable() {
                self.question = Question::Next { ask_at: now + every };
                return Due::Nothing;
            }
        }
        self.question = Question::Asked { answer_deadline: now + ANSWER_TIMEOUT };
        Due::Ask
    }

    /// Asks after `every` from now on, or never.
    pub(super) fn ask_every(&mut self, every: Option<Duration>, now: Instant) {
        self.question = match every {
            Some(every) => Question::Next { ask_at: now + every },
            None => Question::Never,
        };
    }

    pub(super) fn handle_answered(&mut self, every: Option<Duration>, now: Instant) {
        self.failures = 0;
        self.ask_every(every, now);
    }
}
