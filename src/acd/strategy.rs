//! The strategies: which of the operators who could take a call is rung for it. Their names are those of app_queue and
//! mod_callcenter. Who could take it is `routing`'s; what is counted of each operator is `tally`.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::operator::Operator;
use crate::ids::{ContactId, UserId};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Who has had nothing to do for longest.
    #[default]
    LongestIdle,
    /// Whose last call ended longest ago; who has had none comes first.
    LeastRecent,
    /// Who has had the fewest calls since signing in.
    FewestCalls,
    /// Who has talked the least since signing in.
    LeastTalkTime,
    /// One after the other, each in turn.
    RoundRobin,
    Random,
    /// By extension, lowest first: the second only when the first is not free.
    Linear,
    /// Everybody at once; the first to answer has the call.
    RingAll,
    /// By extension; the phones that ring go on while one more is added each time.
    Progressive,
}

/// What a choice depends on besides the operators.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) contact: ContactId,
    /// Phones rung for this caller so far.
    pub(super) attempts: u64,
    /// Rung last for this queue.
    pub(super) last_rung: Option<UserId>,
}

/// The operator of the lowest rank is rung. Equal ones by idle time, so that no strategy leaves anybody out for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Rank {
    last_call_at: Option<Instant>,
    score: u128,
    idle_since: Instant,
    user: UserId,
}

impl Strategy {
    pub(super) fn rank(self, operator: &Operator, at: Circumstances) -> Rank {
        let (user, tally) = (operator.profile.user, &operator.tally);
        let score = match self {
            Self::LongestIdle | Self::LeastRecent => 0,
            Self::FewestCalls => u128::from(tally.calls),
            Self::LeastTalkTime => tally.talked.as_micros(),
            // How far behind the one rung last, in the circle of all ids.
            Self::RoundRobin => {
                let last = at.last_rung.map_or(0, |last| last.0.as_u128());
                user.0.as_u128().wrapping_sub(last).wrapping_sub(1)
            }
            Self::Random => u128::from(lot(at, user)),
            Self::Linear | Self::RingAll | Self::Progressive => {
                operator.profile.extension.parse().unwrap_or(u128::MAX)
            }
        };
        let last_call_at = tally.last_call_at.filter(|_| self == Self::LeastRecent);
        Rank { last_call_at, score, idle_since: operator.idle_since, user }
    }
}

/// A lot for this operator and this call, the same each time it is drawn. Contacts have random ids, so every call draws
/// anew and the machine needs no dice of its own. The mixing is that of SplitMix64 (Steele, Lea, Flood 2014).
fn lot(at: Circumstances, user: UserId) -> u64 {
    let (contact_high, contact_low) = at.contact.0.as_u64_pair();
    let (user_high, user_low) = user.0.as_u64_pair();
    [contact_high, contact_low, user_high, user_low, at.attempts].into_iter().fold(0, |state: u64, word| {
        let mut mixed = (state ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    })
}
