//! `CSeq` (RFC 3261 20.16): the sequence number of a request and the method it belongs to.
//! The order of numbers is the dialog's business.

use std::fmt;

use super::grammar;
use super::method::Method;
use super::parse::Malformed;

const MALFORMED: Malformed = Malformed { what: "CSeq" };

/// `CSeq` (RFC 3261 20.16); `seq` is below 2^31.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CSeq {
    pub seq: u32,
    pub method: Method,
}

impl CSeq {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (seq, method) = text.trim().split_once(char::is_whitespace).ok_or(MALFORMED)?;
        let seq = grammar::number(seq).and_then(|seq| u32::try_from(seq).ok()).ok_or(MALFORMED)?;
        let method = method.trim_start();
        if seq >= 1 << 31 || !grammar::is_token(method) {
            return Err(MALFORMED);
        }
        Ok(Self { seq, method: Method::from_token(method) })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.method)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn number_and_method() {
        assert_eq!(CSeq::parse(" 0009   INVITE ").unwrap(), CSeq { seq: 9, method: Method::Invite });
        assert_eq!(CSeq::parse("2147483647 fred").unwrap().to_string(), "2147483647 fred");
        for bad in [
            "",
            "INVITE",
            "1",
            "1 ",
            "-1 BYE",
            "2147483648 BYE",
            "36893488147419103232 BYE",
            "1 BYE BYE",
            "1 B<E",
        ] {
            assert!(CSeq::parse(bad).is_err(), "{bad}");
        }
    }
}
