//! `RAck` and `RSeq` (RFC 3262 7): the number of a reliable provisional response, and which one a PRACK
//! acknowledges. When one is sent or expected is said in `sip/reliable.rs`.

use std::fmt;

use super::cseq::CSeq;
use super::grammar;
use super::headers::Headers;
use super::parse::Malformed;

const MALFORMED: Malformed = Malformed { what: "RAck" };

/// What a PRACK acknowledges: the response numbered `rseq` to the request of `cseq`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RAck {
    pub rseq: u32,
    pub cseq: CSeq,
}

impl RAck {
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (rseq, cseq) = text.trim().split_once(char::is_whitespace).ok_or(MALFORMED)?;
        Ok(Self { rseq: number(rseq).ok_or(MALFORMED)?, cseq: CSeq::parse(cseq)? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rseq, self.cseq)
    }
}

/// The number of a provisional response that wants a PRACK; none for an unreliable one (RFC 3262 4).
pub fn reliable_number(headers: &Headers) -> Option<u32> {
    let required = headers.tokens("Require").any(|tag| tag.eq_ignore_ascii_case("100rel"));
    required.then(|| number(headers.first("RSeq")?)).flatten()
}

/// 1 to 2^32-1 (RFC 3262 7.1).
fn number(text: &str) -> Option<u32> {
    grammar::number(text).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn rack_names_response_and_request() {
        let rack = RAck::parse(" 776656   1 INVITE").unwrap();
        assert_eq!((rack.rseq, rack.cseq.seq), (776_656, 1));
        assert_eq!(rack.to_string(), "776656 1 INVITE");
        for bad in ["", "1", "1 INVITE", "0 1 INVITE", "x 1 INVITE", "4294967296 1 INVITE", "-1 1 INVITE"] {
            assert!(RAck::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_required_and_numbered_is_reliable() {
        let headers = |lines: &[(&str, &str)]| {
            let mut headers = Headers::default();
            lines.iter().for_each(|(name, value)| headers.push(name, *value));
            reliable_number(&headers)
        };
        assert_eq!(headers(&[("Require", "timer, 100REL"), ("RSeq", "7")]), Some(7));
        assert_eq!(headers(&[("Supported", "100rel"), ("RSeq", "7")]), None);
        assert_eq!(headers(&[("Require", "100rel")]), None);
        assert_eq!(headers(&[("Require", "100rel"), ("RSeq", "0")]), None);
    }
}
