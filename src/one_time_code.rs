//! Codes of authenticator apps: TOTP (RFC 6238) over HOTP (RFC 4226), SHA-1, six digits, thirty seconds, which is what
//! every such app reads; and the recovery codes for who has lost theirs. Pure: the moment and the randomness come in.
//! Where the secret lies is `store/second_factors.rs`, when a code is asked for `web/session.rs`.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::time::Timestamp;

/// Octets of a secret: as many as SHA-1 gives (RFC 4226 4, R6).
pub const SECRET_LEN: usize = 20;
/// Seconds for which a code is shown.
const STEP_SECS: i64 = 30;
const DIGITS: u32 = 6;
/// Steps by which the clock of a telephone may be off, either way.
const DRIFT_STEPS: i64 = 1;
/// Of RFC 4648 6, without padding: what is typed where no camera is at hand.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Given at enrolment: one for each telephone lost in a career, and some.
pub const RECOVERY_CODES: usize = 10;
/// 128 bits in hexadecimal digits.
const RECOVERY_DIGITS: usize = 32;

/// What the app and we share.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub [u8; SECRET_LEN]);

/// Without the octets.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The half minute that `at` lies in, counted from 1970 (RFC 6238 4.2).
fn step_at(at: Timestamp) -> i64 {
    at.micros().div_euclid(STEP_SECS * 1_000_000)
}

impl Secret {
    /// The step whose code `typed` is: of those around `at`, and after `last`, the one accepted before: a code that somebody
    /// has read over a shoulder is worth nothing. None when it is none of these.
    pub fn accepts(&self, typed: &str, at: Timestamp, last: i64) -> Option<i64> {
        let typed: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        if typed.len() != DIGITS as usize || !typed.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let now = step_at(at);
        let steps = now - DRIFT_STEPS..=now + DRIFT_STEPS;
        steps.filter(|step| *step > last).find(|step| self.code(*step, DIGITS) == typed)
    }

    /// What an app shows at `at`: for tests that hold one.
    #[cfg(test)]
    pub fn shown(&self, at: Timestamp) -> String {
        self.code(step_at(at), DIGITS)
    }

    /// `HOTP(K, step)` (RFC 4226 5.3).
    fn code(&self, step: i64, digits: u32) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 3)")]
        let mut hmac = Hmac::<Sha1>::new_from_slice(&self.0).expect("HMAC takes any key");
        hmac.update(&step.to_be_bytes());
        let digest: [u8; 20] = hmac.finalize().into_bytes().into();
        let offset = usize::from(digest[19] & 0x0f);
        let chosen = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
        let number = u32::from_be_bytes(chosen) & 0x7fff_ffff;
        format!("{:0width$}", number % 10_u32.pow(digits), width = digits as usize)
    }

    /// As people type it into an app: 32 letters and digits.
    pub fn base32(&self) -> String {
        let (mut text, mut bits, mut count) = (String::new(), 0_u32, 0);
        for octet in self.0 {
            bits = bits << 8 | u32::from(octet);
            count += 8;
            while count >= 5 {
                count -= 5;
                text.push(char::from(BASE32[(bits >> count & 31) as usize]));
            }
        }
        text
    }

    /// What the QR code says (the key URI format of authenticator apps); `account` is percent-encoded.
    pub fn uri(&self, account: &str) -> String {
        let encoded: String = account
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect();
        format!("otpauth://totp/Ringback:{encoded}?secret={}&issuer=Ringback", self.base32())
    }
}

/// A recovery code as it is printed: groups of four, which people read without losing their place.
pub fn printed(code: &str) -> String {
    let groups: Vec<&str> = (0..code.len()).step_by(4).filter_map(|at| code.get(at..at + 4)).collect();
    groups.join("-")
}

/// What somebody typed, when it may be a recovery code.
pub fn recovery_code(typed: &str) -> Option<String> {
    let code: String = typed.chars().filter(|c| *c != '-' && !c.is_whitespace()).collect();
    let fits = code.len() == RECOVERY_DIGITS && code.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| code.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// That of RFC 4226 appendix D and RFC 6238 appendix B.
    fn secret() -> Secret {
        Secret(*b"12345678901234567890")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn the_codes_of_rfc_6238_appendix_b() {
        for (seconds, code) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(secret().code(step_at(at(seconds)), 8), code, "{seconds}");
            assert_eq!(secret().code(step_at(at(seconds)), 6), code[2..], "{seconds}");
        }
    }

    #[test]
    fn the_codes_of_rfc_4226_appendix_d() {
        let codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583"];
        for (step, code) in (0..).zip(codes) {
            assert_eq!(secret().code(step, 6), code);
        }
    }

    #[test]
    fn a_clock_may_be_off_by_one_step_and_no_more() {
        let code = secret().code(1000, 6);
        for (step, fits) in [(998, false), (999, true), (1000, true), (1001, true), (1002, false)] {
            let accepted = secret().accepts(&code, at(step * STEP_SECS), 0);
            assert_eq!(accepted, fits.then_some(1000), "{step}");
        }
    }

    #[test]
    fn a_code_is_good_once_and_those_before_it_no_more() {
        let now = at(1000 * STEP_SECS);
        let code = |step| secret().code(step, 6);
        assert_eq!(secret().accepts(&code(1000), now, 999), Some(1000));
        assert_eq!(secret().accepts(&code(1000), now, 1000), None);
        assert_eq!(secret().accepts(&code(999), now, 1000), None);
        assert_eq!(secret().accepts(&code(1001), now, 1000), Some(1001));
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let now = at(1000 * STEP_SECS);
        for typed in ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "-12345"] {
            assert_eq!(secret().accepts(typed, now, 0), None, "{typed}");
        }
        let code = secret().code(1000, 6);
        let spaced = format!(" {} {} ", &code[..3], &code[3..]);
        assert_eq!(secret().accepts(&spaced, now, 0), Some(1000), "apps show it in two groups");
    }

    #[test]
    fn an_app_is_told_the_secret_in_its_own_words() {
        assert_eq!(secret().base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = secret().uri("Олена К");
        assert!(uri.starts_with("otpauth://totp/Ringback:%D0%9E%D0%BB"), "{uri}");
        assert!(uri.ends_with("?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Ringback"), "{uri}");
        assert_eq!(format!("{:?}", secret()), "Secret(..)");
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let code = "0123456789abcdef0123456789abcdef";
        assert_eq!(printed(code), "0123-4567-89ab-cdef-0123-4567-89ab-cdef");
        assert_eq!(recovery_code(&printed(code).to_uppercase()).as_deref(), Some(code));
        assert_eq!(recovery_code("0123 4567"), None);
    }
}
