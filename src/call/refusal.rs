//! Why a request was refused, and the SIP answer it gets: the one mapping to status codes.
//! Who is refused is decided where requests are judged (`switchboard/admission.rs`, `setup`, `leg/`). A
//! challenge (401) is no refusal: it belongs to `sip/digest_auth.rs`.

use crate::sdp::NegotiationError;
use crate::sip::message::{Request, Response, StatusCode};
use crate::sip::refer::ReferError;
use crate::sip::replaces::ReplacesError;
use crate::sip::session_timer;

/// Seconds a refused caller is asked to wait; short, because a city line frees up all the time.
pub const RETRY_AFTER_SECS: u32 = 5;

/// Methods this element takes (RFC 3261 20.5).
pub const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, REGISTER, INFO, PRACK, UPDATE, REFER";
/// Extensions this element has (RFC 3261 20.37): RFC 3262, RFC 4028, RFC 3891, RFC 4488.
pub const SUPPORTED: &str = "100rel, timer, replaces, norefersub";
/// Bodies this element reads (RFC 3261 20.1).
pub const ACCEPT: &str = "application/sdp, multipart/mixed, application/dtmf-relay, application/dtmf";
/// Longest Retry-After of a 500, in seconds (RFC 3261 14.2, RFC 3311 5.2).
const MAX_OVERLAP_WAIT_SECS: u32 = 10;

/// Every reason a request gets a final answer other than success; counted by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// The Request-URI names nobody here.
    UnknownNumber,
    /// A URI scheme other than sip, sips and tel (RFC 3261 8.2.2.1).
    UnknownScheme,
    /// Offer without PCMA or PCMU.
    NoCommonCodec,
    /// Plain media where it must be encrypted, or encrypted in a way that is not spoken here.
    NoCommonSecurity,
    MalformedSdp,
    /// A body that is not `application/sdp` where one is expected.
    UnknownContentType,
    /// A body that would have to be unpacked.
    UnknownEncoding,
    /// Parts whose boundaries are lost.
    MalformedBody,
    /// The client takes no answer we could write (`Accept`).
    NotAcceptable,
    /// `capacity` calls are up.
    OverCapacity,
    /// The trunk brings more calls at once than it may.
    TrunkFull,
    /// The trunk brings new calls faster than it may.
    TrunkRate,
    /// This node was taken out of service.
    Draining,
    /// The program is stopping and takes no new calls.
    Stopping,
    /// The contact could not be written durably.
    NotDurable,
    /// The disk cannot take the recording that the city insists on.
    CannotRecord,
    /// Sound could not be carried in time, for this call and for those that are on.
    Overloaded,
    /// No RTP port is free.
    NoMedia,
    /// Known method that this element does not take.
    MethodNotAllowed,
    /// Unknown method.
    MethodUnknown,
    /// `Require` or `Proxy-Require` names an extension we do not have.
    ExtensionRequired,
    /// Max-Forwards reached zero.
    TooManyHops,
    /// In-dialog request for a dialog we do not know.
    NoSuchDialog,
    /// CSeq lower than one already seen in the dialog (RFC 3261 12.2.2).
    OutOfOrder,
    /// An offer while ours awaits its answer, or a re-INVITE while another is pending (RFC 3261 14.2).
    RequestPending,
    /// An offer before an earlier one was answered (RFC 3261 14.2, RFC 3311 5.2).
    OverlappingOffer,
    /// A PRACK for no response of ours (RFC 3262 3).
    NoSuchProvisional,
    /// Our reliable provisional response was never acknowledged (RFC 3262 3).
    ProvisionalNotAcknowledged,
    /// Session-Expires below our minimum (RFC 4028 9).
    SessionIntervalTooSmall,
    /// An INVITE without the Contact that a dialog needs.
    NoContact,
    /// Cancelled by the caller.
    Cancelled,
    /// An authenticated phone asked for something its owner may not do.
    Forbidden,
    /// A REFER or Replaces that cannot be read (RFC 3515 2.4.1, RFC 3891 3).
    MalformedTransfer,
    /// A transfer or replacement that we do not take part in.
    Declined,
    /// The colleague talks, or is already rung.
    Busy,
    /// The colleague has no phone here now, or did not pick up.
    Unavailable,
    /// No trunk that takes the number is up, or has room.
    NoLineOut,
    /// SUBSCRIBE to an event package we do not have (RFC 6665 4.2.1).
    BadEvent,
}

impl Refusal {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::UnknownNumber => StatusCode::NOT_FOUND,
            Self::MalformedTransfer => StatusCode::BAD_REQUEST,
            Self::Declined => StatusCode::DECLINE,
            Self::Busy => StatusCode::BUSY_HERE,
            Self::Unavailable => StatusCode::TEMPORARILY_UNAVAILABLE,
            Self::BadEvent => StatusCode(489),
            Self::UnknownScheme => StatusCode(416),
            Self::NoCommonCodec | Self::NoCommonSecurity => StatusCode::NOT_ACCEPTABLE_HERE,
            Self::MalformedSdp | Self::MalformedBody | Self::NoContact => StatusCode::BAD_REQUEST,
            Self::UnknownContentType | Self::UnknownEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode(406),
            Self::OverCapacity
            | Self::TrunkFull
            | Self::TrunkRate
            | Self::Draining
            | Self::Stopping
            | Self::NotDurable
            | Self::CannotRecord
            | Self::Overloaded
            | Self::NoMedia
            | Self::NoLineOut => StatusCode::SERVICE_UNAVAILABLE,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::MethodUnknown => StatusCode::NOT_IMPLEMENTED,
            Self::ExtensionRequired => StatusCode::BAD_EXTENSION,
            Self::TooManyHops => StatusCode::TOO_MANY_HOPS,
            Self::NoSuchDialog | Self::NoSuchProvisional => StatusCode::NO_SUCH_DIALOG,
            Self::OutOfOrder | Self::OverlappingOffer => StatusCode::SERVER_ERROR,
            Self::ProvisionalNotAcknowledged => StatusCode(504),
            Self::SessionIntervalTooSmall => StatusCode(422),
            Self::RequestPending => StatusCode::REQUEST_PENDING,
            Self::Cancelled => StatusCode::REQUEST_TERMINATED,
            Self::Forbidden => StatusCode::FORBIDDEN,
        }
    }

    /// The label of the counter `ringback_sip_refusals_total`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownNumber => "unknown_number",
            Self::UnknownScheme => "unknown_scheme",
            Self::NoCommonCodec => "no_common_codec",
            Self::NoCommonSecurity => "no_common_security",
            Self::MalformedSdp => "malformed_sdp",
            Self::UnknownContentType => "unknown_content_type",
            Self::UnknownEncoding => "unknown_encoding",
            Self::MalformedBody => "malformed_body",
            Self::NotAcceptable => "not_acceptable",
            Self::OverCapacity => "over_capacity",
            Self::TrunkFull => "trunk_full",
            Self::TrunkRate => "trunk_rate",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::NotDurable => "not_durable",
            Self::CannotRecord => "cannot_record",
            Self::Overloaded => "overloaded",
            Self::NoMedia => "no_media",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::MethodUnknown => "method_unknown",
            Self::ExtensionRequired => "extension_required",
            Self::TooManyHops => "too_many_hops",
            Self::NoSuchDialog => "no_such_dialog",
            Self::OutOfOrder => "out_of_order",
            Self::RequestPending => "request_pending",
            Self::OverlappingOffer => "overlapping_offer",
            Self::NoSuchProvisional => "no_such_provisional",
            Self::ProvisionalNotAcknowledged => "provisional_not_acknowledged",
            Self::SessionIntervalTooSmall => "session_interval_too_small",
            Self::NoContact => "no_contact",
            Self::Cancelled => "cancelled",
            Self::Forbidden => "forbidden",
            Self::MalformedTransfer => "malformed_transfer",
            Self::Declined => "declined",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::NoLineOut => "no_line_out",
            Self::BadEvent => "bad_event",
        }
    }

    /// Words for the person who reads the trace, where the standard phrase says too little.
    const fn phrase(self) -> Option<&'static str> {
        match self {
            Self::OverCapacity => Some("All lines are busy"),
            Self::TrunkFull => Some("All lines of this trunk are busy"),
            Self::TrunkRate => Some("Too many calls in a second"),
            Self::Draining => Some("Taken out of service"),
            Self::Stopping => Some("Stopping"),
            Self::NotDurable => Some("The call cannot be registered"),
            Self::CannotRecord => Some("The call cannot be recorded"),
            Self::Overloaded => Some("Too busy to carry another call"),
            Self::NoMedia => Some("No media port free"),
            Self::NoLineOut => Some("No line out is free"),
            Self::MalformedSdp => Some("Bad session description"),
            Self::MalformedBody => Some("Bad multipart body"),
            Self::ProvisionalNotAcknowledged => Some("No PRACK"),
            Self::NoContact => Some("Missing Contact"),
            Self::NoCommonCodec => Some("No common codec"),
            Self::NoCommonSecurity => Some("No common media security"),
            _ => None,
        }
    }

    const fn retry_after_secs(self) -> u32 {
        match self {
            // The next second has room again.
            Self::TrunkRate => 1,
            _ => RETRY_AFTER_SECS,
        }
    }

    /// The whole answer, with the headers RFC 3261 asks for.
    pub fn response(self, request: &Request, to_tag: &str) -> Response {
        let mut response = request.response(self.status(), to_tag);
        if let Some(phrase) = self.phrase() {
            response = response.with_reason(phrase);
        }
        match self {
            Self::UnknownEncoding => return response.with_header("Accept-Encoding", "identity"),
            Self::SessionIntervalTooSmall => {
                return response.with_header("Min-SE", session_timer::MIN_SE_SECS.to_string());
            }
            Self::OverlappingOffer => {
                return response.with_header("Retry-After", overlap_wait_secs(request).to_string());
            }
            _ => {}
        }
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE => {
                response.with_header("Retry-After", self.retry_after_secs().to_string())
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                response.with_header("Allow", ALLOW)
            }
            StatusCode(489) => response.with_header("Allow-Events", crate::sip::refer::EVENT),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => response.with_header("Accept", ACCEPT),
            StatusCode::BAD_EXTENSION => {
                response.with_header("Unsupported", unsupported(request).collect::<Vec<_>>().join(", "))
            }
            StatusCode::NOT_ACCEPTABLE_HERE if self == Self::NoCommonSecurity => {
                response.with_header("Warning", "399 ringback \"SRTP by SDES or DTLS is spoken here\"")
            }
            StatusCode::NOT_ACCEPTABLE_HERE => {
                response.with_header("Warning", "305 ringback \"PCMA and PCMU are spoken here\"")
            }
            _ => response,
        }
    }
}

/// What `request` demands and we do not have.
pub fn unsupported(request: &Request) -> impl Iterator<Item = &str> {
    let demanded = request.headers.tokens("Require").chain(request.headers.tokens("Proxy-Require"));
    demanded.filter(|tag| !SUPPORTED.split(", ").any(|known| known.eq_ignore_ascii_case(tag)))
}

/// What we can, in a 2xx to INVITE, UPDATE and OPTIONS (RFC 3261 13.3.1.4, 11.2).
pub fn with_abilities(response: Response) -> Response {
    response.with_header("Allow", ALLOW).with_header("Supported", SUPPORTED).with_header("Accept", ACCEPT)
}

/// Spread over the range by the branch, which no two clients share: they are not to come back together.
fn overlap_wait_secs(request: &Request) -> u32 {
    let branch = request.via.first().and_then(|via| via.branch()).unwrap_or_default();
    branch.bytes().map(u32::from).sum::<u32>() % (MAX_OVERLAP_WAIT_SECS + 1)
}

impl From<&NegotiationError> for Refusal {
    fn from(error: &NegotiationError) -> Self {
        match error {
            NegotiationError::Malformed(_) => Self::MalformedSdp,
            NegotiationError::NoAudio | NegotiationError::NoCodec => Self::NoCommonCodec,
            NegotiationError::NoSecurity => Self::NoCommonSecurity,
        }
    }
}

impl From<ReferError> for Refusal {
    fn from(error: ReferError) -> Self {
        match error {
            ReferError::Malformed => Self::MalformedTransfer,
            ReferError::Scheme => Self::UnknownScheme,
            ReferError::Method => Self::Declined,
        }
    }
}

impl From<ReplacesError> for Refusal {
    fn from(_: ReplacesError) -> Self {
        Self::MalformedTransfer
    }
}
