//! REFER (RFC 3515, 4488): what it asks for, and the NOTIFY that tells how it went.
//! Only the words on the wire: who may transfer whom where is decided in `switchboard/transfer.rs`, what
//! becomes of the call in `call/transfer.rs`.

use super::message::{Headers, NameAddr, Request, Scheme, StatusCode, Uri};
use super::replaces::Replaces;

/// Media type of the body of a NOTIFY (RFC 3420).
pub const SIPFRAG: &str = "message/sipfrag;version=2.0";
/// The event package of the implicit subscription (RFC 3515 3.1).
pub const EVENT: &str = "refer";

/// What a REFER asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refer {
    /// Where the call shall go.
    pub target: Uri,
    /// The dialog it shall take the place of there: an attended transfer (RFC 5589 7).
    pub replaces: Option<Replaces>,
    /// False when the sender wants no NOTIFY (`Refer-Sub: false`, RFC 4488).
    pub subscribes: bool,
    /// Passed on to the target as it came (RFC 3892).
    pub referred_by: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReferError {
    /// Answer 400 (RFC 3515 2.4.1).
    #[error("not exactly one Refer-To, or one that cannot be read")]
    Malformed,
    /// Answer 416.
    #[error("Refer-To is no SIP URI")]
    Scheme,
    /// Answer 603.
    #[error("Refer-To asks for another method than INVITE")]
    Method,
}

impl Refer {
    pub fn read(request: &Request) -> Result<Self, ReferError> {
        let target = the_one_target(&request.headers)?;
        if !matches!(target.scheme, Scheme::Sip | Scheme::Sips) {
            return Err(ReferError::Scheme);
        }
        if target.params.find("method").is_some_and(|method| method != "INVITE") {
            return Err(ReferError::Method);
        }
        let mut values = target.headers_named("Replaces");
        let replaces = match (values.next(), values.next()) {
            (None, _) => None,
            (Some(value), None) => Some(Replaces::parse(&value).map_err(|_| ReferError::Malformed)?),
            (Some(_), Some(_)) => return Err(ReferError::Malformed),
        };
        drop(values);
        let refer_sub = request.headers.first("Refer-Sub").unwrap_or_default();
        let wanted = refer_sub.split(';').next().unwrap_or_default().trim();
        Ok(Self {
            replaces,
            target,
            subscribes: !wanted.eq_ignore_ascii_case("false"),
            referred_by: request.headers.first("Referred-By").map(str::to_owned),
        })
    }
}

fn the_one_target(headers: &Headers) -> Result<Uri, ReferError> {
    let mut values = headers.all("Refer-To");
    match (values.next(), values.next()) {
        (Some(value), None) => {
            let mut targets = NameAddr::parse_list(value).map_err(|_| ReferError::Malformed)?.into_iter();
            match (targets.next(), targets.next()) {
                (Some(target), None) => Ok(target.uri),
                _ => Err(ReferError::Malformed),
            }
        }
        _ => Err(ReferError::Malformed),
    }
}

/// The start line that stands for an outcome (RFC 3515 2.4.5).
pub fn sipfrag(status: StatusCode) -> Vec<u8> {
    format!("SIP/2.0 {} {}\r\n", status.0, status.default_reason()).into_bytes()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::message::{Message, parse_datagram};

    fn refer(more: &str) -> Request {
        let text = format!(
            "REFER sip:ringback@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:201@r>;tag=a\r\nTo: <sip:1@r>;tag=b\r\nCall-ID: c\r\nCSeq: 93809823 REFER\r\n{more}\
             Content-Length: 0\r\n\r\n"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(request) => request,
            Message::Response(_) => panic!("a request was written"),
        }
    }

    #[test]
    fn a_blind_transfer_names_its_target() {
        let read =
            Refer::read(&refer("Refer-To: \"Petro\" <sip:202@ringback>\r\nReferred-By: <sip:201@r>\r\n"))
                .unwrap();
        assert_eq!(read.target.user.as_deref(), Some("202"));
        assert!(read.subscribes && read.replaces.is_none());
        assert_eq!(read.referred_by.as_deref(), Some("<sip:201@r>"));
        assert!(Refer::read(&refer("r: sip:202@ringback\r\n")).is_ok(), "compact form");
        assert!(!Refer::read(&refer("Refer-To: <sip:202@r>\r\nRefer-Sub: false\r\n")).unwrap().subscribes);
    }

    #[test]
    fn an_attended_transfer_names_a_dialog() {
        let more = "Refer-To: <sip:ringback@192.0.2.1?Replaces=1%40x%3Bto-tag%3Db1%3Bfrom-tag%3Da1&Require=replaces>\r\n";
        let replaces = Refer::read(&refer(more)).unwrap().replaces.unwrap();
        assert_eq!(
            (replaces.call_id.as_str(), replaces.to_tag.as_str(), replaces.from_tag.as_str()),
            ("1@x", "b1", "a1")
        );
    }

    #[test]
    fn what_cannot_be_carried_out_is_told_apart() {
        let cases = [
            ("", ReferError::Malformed),
            ("Refer-To: <sip:1@r>\r\nRefer-To: <sip:2@r>\r\n", ReferError::Malformed),
            ("Refer-To: <sip:1@r>, <sip:2@r>\r\n", ReferError::Malformed),
            ("Refer-To: <>\r\n", ReferError::Malformed),
            ("Refer-To: <sip:1@r?Replaces=nonsense>\r\n", ReferError::Malformed),
            ("Refer-To: <http://example.com/>\r\n", ReferError::Scheme),
            ("Refer-To: <tel:+380441112233>\r\n", ReferError::Scheme),
            ("Refer-To: <sip:1@r;method=BYE>\r\n", ReferError::Method),
        ];
        for (more, error) in cases {
            assert_eq!(Refer::read(&refer(more)), Err(error), "{more}");
        }
    }

    #[test]
    fn an_outcome_is_a_status_line() {
        assert_eq!(sipfrag(StatusCode::BUSY_HERE), b"SIP/2.0 486 Busy Here\r\n");
    }
}
