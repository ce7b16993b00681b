//! Who calls, by what the INVITE says: the number, the name, and whom the caller had dialled first.
//! P-Asserted-Identity (RFC 3325), Privacy (RFC 3323), Diversion (RFC 5806), History-Info (RFC 7044).
//!
//! A trunk is believed what it asserts, a phone is not. Who wants to stay unknown does: the number behind a
//! withheld one is not kept, shown or rung back. Who calls from the web page has none, and may say one.

use serde_json::{Value, json};

use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::sip::message::{Host, NameAddr, Request};

/// Longest display name kept, in characters: it is shown beside the number.
const MAX_NAME_LEN: usize = 64;

/// Who calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Caller {
    /// Empty when withheld.
    pub(super) number: PhoneNumber,
    pub(super) name: Option<String>,
    /// The number first dialled, when the call was forwarded to us.
    pub(super) diverted_from: Option<PhoneNumber>,
    /// Where the caller wants to be reached, by what was said on the web page.
    pub(super) stated: Option<PhoneNumber>,
}

/// A citizen who calls from the web page, and what was said there. Nothing of it is proven.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guest {
    /// To be greeted in.
    pub language: Option<Language>,
    /// To be reached at.
    pub number: Option<PhoneNumber>,
}

impl Caller {
    /// The name in such a caller's INVITE is that of a pass.
    pub(super) fn guest(guest: &Guest) -> Self {
        let number = PhoneNumber::from_user_part("");
        Self { number, name: None, diverted_from: None, stated: guest.number.clone() }
    }

    /// `trusted`: the INVITE came from a trunk.
    pub(super) fn of(invite: &Request, trusted: bool) -> Self {
        let diverted_from = if trusted { first_dialled(invite) } else { None };
        if is_private(invite) {
            return Self { number: PhoneNumber::from_user_part(""), name: None, diverted_from, stated: None };
        }
        let asserted = if trusted { addresses(invite, "P-Asserted-Identity") } else { Vec::new() };
        let identity = asserted.into_iter().next().unwrap_or_else(|| invite.from.clone());
        let name = identity.display.as_ref().or(invite.from.display.as_ref());
        let name = name.map(|name| name.trim().chars().take(MAX_NAME_LEN).collect::<String>());
        let name = name.filter(|name| !name.is_empty());
        Self { number: number(&identity), name, diverted_from, stated: None }
    }

    /// What the journal keeps beside the number, where it is known.
    pub(super) fn note(&self, data: &mut Value) {
        if let Some(name) = &self.name {
            data["caller_says"] = json!({ "name": name });
        }
        if let Some(number) = &self.stated {
            data["caller_says"] = json!({ "number": number });
        }
        if let Some(number) = &self.diverted_from {
            data["diverted_from"] = json!({ "number": number });
        }
    }
}

/// Privacy that hides the identity, or a From that says so itself (RFC 3323 4.1, RFC 3325 9.3).
fn is_private(invite: &Request) -> bool {
    let mut wishes = invite.headers.all("Privacy").flat_map(|value| value.split([';', ',']));
    let hidden = wishes
        .any(|wish| ["id", "user", "header"].iter().any(|known| wish.trim().eq_ignore_ascii_case(known)));
    let from = &invite.from.uri;
    let anonymous = from.user.as_deref().is_some_and(|user| user.eq_ignore_ascii_case("anonymous"))
        || matches!(&from.host, Host::Name(name) if name == "anonymous.invalid");
    hidden || anonymous
}

/// Diversion names the latest first, History-Info the earliest (RFC 5806 4.1, RFC 7044 5.1).
fn first_dialled(invite: &Request) -> Option<PhoneNumber> {
    let diverted = addresses(invite, "Diversion").pop();
    let first = diverted.or_else(|| {
        let mut history = addresses(invite, "History-Info");
        // With one entry only, nothing was forwarded: it is the number that was dialled.
        (history.len() > 1).then(|| history.swap_remove(0))
    });
    first.map(|address| number(&address)).filter(|number| !number.is_withheld())
}

fn addresses(invite: &Request, header: &str) -> Vec<NameAddr> {
    invite.headers.addresses(header).unwrap_or_default()
}

fn number(address: &NameAddr) -> PhoneNumber {
    PhoneNumber::from_user_part(address.uri.user.as_deref().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::sip::message::{Message, parse_datagram};

    fn caller(from: &str, more: &str, trusted: bool) -> Caller {
        let text = format!(
            "INVITE sip:1580@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: {from};tag=1\r\n\
             To: <sip:1580@b>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n{more}\r\n"
        );
        match parse_datagram(text.as_bytes()).unwrap() {
            Message::Request(invite) => Caller::of(&invite, trusted),
            Message::Response(_) => unreachable!("a request was written"),
        }
    }

    const FROM: &str = "\"Olha\" <sip:+380441112233@provider>";
    const ASSERTED: &str =
        "P-Asserted-Identity: \"Olha K.\" <sip:+380671234567@provider>, <tel:+380671234567>\r\n";

    #[test]
    fn a_trunk_is_believed_and_a_phone_is_not() {
        let believed = caller(FROM, ASSERTED, true);
        assert_eq!((believed.number.as_str(), believed.name.as_deref()), ("+380671234567", Some("Olha K.")));
        let doubted = caller(FROM, ASSERTED, false);
        assert_eq!((doubted.number.as_str(), doubted.name.as_deref()), ("+380441112233", Some("Olha")));
        assert_eq!(caller(FROM, "P-Asserted-Identity: <broken\r\n", true).number.as_str(), "+380441112233");
    }

    #[test]
    fn who_wants_to_stay_unknown_does() {
        for (from, more) in [
            (FROM, "Privacy: id\r\n"),
            (FROM, "Privacy: header;user\r\n"),
            ("Anonymous <sip:anonymous@anonymous.invalid>", ""),
            ("<sip:c8oqz84zk7z@anonymous.invalid>", ""),
        ] {
            let unknown = caller(from, &format!("{ASSERTED}{more}"), true);
            assert!(unknown.number.is_withheld() && unknown.name.is_none(), "{from} {more}: {unknown:?}");
            assert!(unknown.number.as_str().is_empty());
        }
        assert!(!caller(FROM, "Privacy: none\r\n", true).number.is_withheld());
    }

    #[test]
    fn the_number_first_dialled_is_found() {
        let first = |more: &str, trusted| {
            caller(FROM, more, trusted).diverted_from.map(|number| number.as_str().to_owned())
        };
        let diversion = "Diversion: <sip:1581@city>;reason=unconditional\r\nDiversion: <tel:+38044-1582>;reason=no-answer\r\n";
        assert_eq!(first(diversion, true).as_deref(), Some("+380441582"));
        assert_eq!(first(diversion, false), None, "only a trunk is believed");
        let history =
            "History-Info: <sip:1583@city?Reason=SIP%3Bcause%3D302>;index=1, <sip:1580@city>;index=1.1\r\n";
        assert_eq!(first(history, true).as_deref(), Some("1583"));
        assert_eq!(first("History-Info: <sip:1580@city>;index=1\r\n", true), None);
        assert_eq!(first("Diversion: <sip:anonymous@city>\r\n", true), None);
        assert_eq!(first("", true), None);
    }
}
