//! Timers of RFC 3261 17 (table 4 in appendix A) and RFC 6026 by their letters, and their lengths. When each
//! starts and stops is said in the four machines.

use std::time::Duration;

/// Round-trip estimate: retransmission starts from it.
pub const T1: Duration = Duration::from_millis(500);
/// Longest interval between retransmissions of non-INVITE requests and of INVITE responses.
pub const T2: Duration = Duration::from_secs(4);
/// Longest time a message may stay in the network.
pub const T4: Duration = Duration::from_secs(5);
/// 64*T1, the patience of every transaction: timers B, F, H, J, L and M.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(32);
/// Timer D over unreliable transports: at least 32 s.
pub const RESPONSE_ABSORB_TIME: Duration = Duration::from_secs(32);
/// An INVITE not answered for this long gets a 100 from the transaction itself. RFC 3261 17.2.1 allows
/// 200 ms; half of it leaves room for a busy event loop.
pub const TRYING_DELAY: Duration = Duration::from_millis(100);
/// Timer C: a ringing INVITE without news for this long is cancelled. RFC 3261 16.6 wants more than three
/// minutes; peers that still ring repeat their provisional response every minute (13.3.1.1).
pub const PROCEEDING_TIMEOUT: Duration = Duration::from_secs(185);

/// All deadlines of the four machines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Timer {
    /// INVITE client: send the request again (unreliable only).
    A,
    /// INVITE client: no response at all.
    B,
    /// INVITE client: ringing for too long.
    C,
    /// INVITE client: further copies of the failure response are not expected any more.
    D,
    /// Non-INVITE client: send the request again (unreliable only).
    E,
    /// Non-INVITE client: no final response.
    F,
    /// INVITE server: send the failure response again (unreliable only).
    G,
    /// INVITE server: no ACK for the failure response.
    H,
    /// INVITE server: further copies of the ACK are not expected any more.
    I,
    /// Non-INVITE server: further copies of the request are not expected any more.
    J,
    /// Non-INVITE client: further copies of the response are not expected any more.
    K,
    /// INVITE server: further copies of an accepted INVITE are not expected any more (RFC 6026 7.1).
    L,
    /// INVITE client: further 2xx are not expected any more (RFC 6026 7.2).
    M,
    /// INVITE server: its user has not answered yet, so the transaction says 100.
    Trying,
    /// INVITE client: no final response to a cancelled INVITE (RFC 3261 9.1).
    Cancelled,
}

/// How long copies of a message have to be absorbed: not at all over a reliable transport.
pub(super) const fn absorb_time(reliable: bool, over_unreliable: Duration) -> Duration {
    if reliable { Duration::ZERO } else { over_unreliable }
}
