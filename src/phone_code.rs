//! The code by which somebody of an executor is known on any telephone: ten digits, of which the first four name the
//! person and the last six are the secret. Wrong ones lock it, for a while and then for good. How it is kept is the store's,
//! how it is hashed `web/password.rs`'s.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::time::Timestamp;

/// Digits that name a person: ten thousand people of executors are more than a city has.
pub const NAME_DIGITS: usize = 4;
/// Digits of the secret.
const SECRET_DIGITS: usize = 6;
pub const DIGITS: usize = NAME_DIGITS + SECRET_DIGITS;
/// After so many wrong ones in a row the code is locked for a while: two slips of the finger are forgiven.
pub const WRONG_BEFORE_REST: u32 = 3;
/// So long each time.
pub const REST: Duration = Duration::from_secs(15 * 60);
/// After so many in a row it is void until the administrator gives a new one: whoever guesses has nine of a million.
pub const WRONG_AT_MOST: u32 = 9;

/// A code as it is typed or printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneCode(String);

/// Without the digits.
impl fmt::Debug for PhoneCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneCode(..)")
    }
}

impl PhoneCode {
    /// None when it is not ten digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let fits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(digits.to_owned()))
    }

    /// A new one out of randomness, of which any bits count.
    pub fn new(randomness: u64) -> Self {
        Self(format!("{:010}", randomness % 10_u64.pow(DIGITS as u32)))
    }

    /// What names the person.
    pub fn name(&self) -> &str {
        &self.0[..NAME_DIGITS]
    }

    /// All digits, for the hash and to be printed once.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// Wrong codes since the last right one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Wrongs {
    pub in_a_row: u32,
    pub locked_until: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Usable,
    /// For a while.
    Resting,
    /// Until there is a new one.
    Void,
}

impl Wrongs {
    pub fn standing(&self, now: Timestamp) -> Standing {
        if self.in_a_row >= WRONG_AT_MOST {
            Standing::Void
        } else if self.locked_until.is_some_and(|until| now < until) {
            Standing::Resting
        } else {
            Standing::Usable
        }
    }

    /// After one more wrong one.
    #[must_use]
    pub fn one_more(self, now: Timestamp) -> Self {
        let in_a_row = self.in_a_row.saturating_add(1).min(WRONG_AT_MOST);
        let rests = in_a_row.is_multiple_of(WRONG_BEFORE_REST);
        Self { in_a_row, locked_until: if rests { Some(now.plus(REST)) } else { self.locked_until } }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_code_is_ten_digits_and_shows_none_of_them() {
        let code = PhoneCode::new(u64::MAX);
        assert_eq!(PhoneCode::parse(code.digits()).as_ref(), Some(&code));
        assert_eq!(PhoneCode::new(7).digits(), "0000000007");
        assert_eq!(PhoneCode::new(7).name(), "0000");
        for wrong in ["", "123456789", "12345678901", "12345٦7890", "123456789a"] {
            assert_eq!(PhoneCode::parse(wrong), None, "{wrong}");
        }
        assert!(!format!("{code:?}").contains(char::is_numeric));
    }

    #[test]
    fn wrong_ones_lock_for_a_while_and_then_for_good() {
        let mut now = Timestamp::from_micros(1_795_000_000_000_000);
        let mut wrongs = Wrongs::default();
        let mut rests = 0;
        for n in 1..=WRONG_AT_MOST {
            assert_eq!(wrongs.standing(now), Standing::Usable, "before the {n}th");
            wrongs = wrongs.one_more(now);
            if wrongs.standing(now) == Standing::Resting {
                rests += 1;
                let end = wrongs.locked_until.unwrap();
                assert_eq!(end.since(now), REST);
                assert_eq!(wrongs.standing(Timestamp::from_micros(end.micros() - 1)), Standing::Resting);
                now = end;
            }
        }
        assert_eq!((rests, wrongs.standing(now.plus(100 * REST))), (2, Standing::Void));
        assert_eq!(wrongs.one_more(now).in_a_row, WRONG_AT_MOST);
    }
}
