//! Digits in SIP INFO bodies: `application/dtmf-relay` and `application/dtmf`.

use super::Digit;

/// The digit of an INFO body and its duration in ms (160 when absent); none when it carries none.
pub fn parse(_content_type: &str, _body: &[u8]) -> Option<(Digit, u32)> {
    todo!()
}
