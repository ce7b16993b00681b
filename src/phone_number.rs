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

impl PhoneNumber {
    /// Takes the user part of a SIP URI: visual separators (RFC 3966 5.1.1) go, parameters after `;`
    /// go, length is cut to [`MAX_NUMBER_LEN`].
    pub fn from_user_part(user: &str) -> Self {
        let bare = user.split(';').next().unwrap_or_default();
        let dialable = bare.chars().all(|c| c.is_ascii_digit() || "+-.() *#".contains(c));
        let kept = bare.chars().filter(|c| !dialable || !"-.() ".contains(*c));
        Self(kept.take(MAX_NUMBER_LEN).collect())
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
