//! A telephone number or extension as signalled. `Debug` redacts it: numbers never reach a log whole.
//! Cleaned (RFC 3966 5.1.1), not judged: whether it can be dialled or may come in is decided elsewhere. Which
//! role sees it whole stands in `web/access.rs`.

mod numbering;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use numbering::NumberingPlan;

/// Digits with an optional leading `+`, or an extension name; at most 64 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PhoneNumber(String);

/// ITU-T E.164 allows 15 digits; names of extensions may be longer.
pub const MAX_NUMBER_LEN: usize = 64;
/// From a subscriber's number without area code to the longest of E.164; shorter ones are short codes.
const WRITTEN_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

impl PhoneNumber {
    /// Takes the user part of a SIP URI: visual separators (RFC 3966 5.1.1) go, parameters after `;`
    /// go, length is cut to [`MAX_NUMBER_LEN`].
    pub fn from_user_part(user: &str) -> Self {
        let bare = user.split(';').next().unwrap_or_default();
        let dialable = bare.chars().all(|c| c.is_ascii_digit() || "+-.() *#".contains(c));
        let kept = bare.chars().filter(|c| !dialable || !"-.() ".contains(*c));
        Self(kept.take(MAX_NUMBER_LEN).collect())
    }

    /// A number that somebody wrote down to be rung back at: 7 to 15 digits with what people put between them (ITU-T E.123),
    /// and perhaps a `+`. None for anything else: whether it is anybody's nobody knows.
    pub fn written(text: &str) -> Option<Self> {
        let text = text.trim();
        let expected = |c: char| c.is_ascii_digit() || "+-./() \u{a0}".contains(c);
        if text.chars().count() > MAX_NUMBER_LEN || !text.chars().all(expected) {
            return None;
        }
        let kept: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        let digits = kept.strip_prefix('+').unwrap_or(&kept);
        let fits = WRITTEN_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(Self(kept))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for a withheld number (RFC 3323 `anonymous`, or nothing at all).
    pub fn is_withheld(&self) -> bool {
        self.0.is_empty() || self.0.eq_ignore_ascii_case("anonymous")
    }

    /// All but the last two characters masked, for logs and for staff who need not know it.
    pub fn masked(&self) -> String {
        let count = self.0.chars().count();
        self.0.chars().enumerate().map(|(i, c)| if i + 2 < count { '*' } else { c }).collect()
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_a_number_or_nothing() {
        let written = |text: &str| PhoneNumber::written(text).map(|number| number.as_str().to_owned());
        for (text, number) in [
            ("+380 50 111-22-33", "+380501112233"),
            (" (050) 111.22.33 ", "0501112233"),
            ("+1/212/555/0100", "+12125550100"),
            ("111 22 33", "1112233"),
        ] {
            assert_eq!(written(text).as_deref(), Some(number), "{text}");
        }
        let long = "1 ".repeat(40);
        for nonsense in
            ["", "+", "112", "50111222333344445", "05O1112233", "+380+501112233", "0501112233;ext=1", &long]
        {
            assert_eq!(written(nonsense), None, "{nonsense}");
        }
    }
}
