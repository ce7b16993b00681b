//! Why a leg or a contact ended: one closed list for the record, the journal and the SIP answer.
//! The technical cause; how it ended for the city is `call::contact::Disposition`, why a
//! request was refused is `call/refusal.rs`.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Termination {
    /// The citizen hung up.
    CallerHungUp,
    /// The operator hung up.
    OperatorHungUp,
    /// Somebody outside hung up, to whom the citizen had been passed on.
    OutsideHungUp,
    /// The dialplan said `hangup`.
    IvrHungUp,
    /// CANCEL before the answer.
    CallerCancelled,
    /// The phone that was called did not pick up, or refused.
    NotAnswered,
    /// The parties were joined elsewhere: a consultation that ended in a transfer.
    Transferred,
    /// No ACK within 64*T1 after 200 OK (RFC 3261 13.3.1.4).
    NotAcknowledged,
    /// No RTP from a leg that should send (hold-aware).
    MediaTimeout,
    /// The leg's signalling transport failed or a request timed out.
    SignallingLost,
    /// No refresh of the session before its interval was over (RFC 4028 10).
    SessionExpired,
    /// A named limit of this program was reached.
    LimitReached,
    /// The contact could not be made durable, or the media could not be opened.
    TechnicalFailure,
    /// The program was stopped in order.
    Shutdown,
    /// The program died; found and closed at the next start.
    Crashed,
}

impl Termination {
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallerHungUp => "caller_hung_up",
            Self::OperatorHungUp => "operator_hung_up",
            Self::OutsideHungUp => "outside_hung_up",
            Self::IvrHungUp => "ivr_hung_up",
            Self::CallerCancelled => "caller_cancelled",
            Self::NotAnswered => "not_answered",
            Self::Transferred => "transferred",
            Self::NotAcknowledged => "not_acknowledged",
            Self::MediaTimeout => "media_timeout",
            Self::SignallingLost => "signalling_lost",
            Self::SessionExpired => "session_expired",
            Self::LimitReached => "limit_reached",
            Self::TechnicalFailure => "technical_failure",
            Self::Shutdown => "shutdown",
            Self::Crashed => "crashed",
        }
    }
}
