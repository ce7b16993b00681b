//! Telephone digits: RFC 4733 events, SIP INFO bodies, tones in the sound; one digit alphabet for all of them.
//! What a digit means in a menu is `ivr/`.

pub mod in_band;
pub mod info;
pub mod telephone_event;

use std::fmt;

/// `0-9 * # A-D`. `Debug` redacts it: a digit may belong to a PIN.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digit(u8);

impl Digit {
    /// From its character; lower-case letters count.
    pub fn from_char(c: char) -> Option<Self> {
        let c = c.to_ascii_uppercase();
        (c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D')).then_some(Self(c as u8))
    }

    /// From the RFC 4733 3.2 event code, 0 to 15.
    pub fn from_event_code(code: u8) -> Option<Self> {
        b"0123456789*#ABCD".get(usize::from(code)).map(|c| Self(*c))
    }

    /// The RFC 4733 event code.
    pub fn event_code(self) -> u8 {
        match self.0 {
            b'*' => 10,
            b'#' => 11,
            letter @ b'A'..=b'D' => letter - b'A' + 12,
            digit => digit - b'0',
        }
    }

    pub fn as_char(self) -> char {
        char::from(self.0)
    }
}

impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(_)")
    }
}
