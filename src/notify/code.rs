//! The code that opens a case's page to its applicant: eight letters and digits that are not mistaken for one another,
//! 40 random bits. Told once, on the page, by an operator or in a message; the store has a salted digest. Guessing is stopped
//! by `web/login_limit.rs`, not by its length.

use std::fmt;

use subtle::ConstantTimeEq;

use crate::digest::Sha256;
use crate::ids::Mint;
use crate::store::CodeDigest;

/// Crockford's base 32: no I, L, O, U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 8;
/// What is compared with where there is no such case, so that it takes the same time.
const NOBODY: [u8; 32] = [0; 32];

/// As it is shown: `K7QM-3XPA`.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    pub fn new(mint: &mut Mint) -> Self {
        let bytes = mint.bytes::<LENGTH>();
        Self(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect())
    }

    /// As people type it: any case, with or without the dash, O for 0 and I or L for 1.
    pub fn typed(text: &str) -> Option<Self> {
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-').take(LENGTH + 1);
        let meant = letters.map(|c| match c.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        });
        let code: String = meant.collect();
        let known = code.bytes().all(|byte| LETTERS.contains(&byte));
        (code.len() == LENGTH && known).then_some(Self(code))
    }

    /// What is compared where no code was typed.
    pub fn none() -> Self {
        Self("0".repeat(LENGTH))
    }

    /// What is kept of it.
    pub fn kept(&self, salt: &str) -> CodeDigest {
        CodeDigest { salt: salt.to_owned(), sha256: self.digest(salt) }
    }

    fn digest(&self, salt: &str) -> Sha256 {
        Sha256::of(format!("{salt}:{}", self.0).as_bytes())
    }

    /// Whether it is the one that is kept. Takes the same time whether one is kept or not.
    pub fn opens(&self, kept: Option<&CodeDigest>) -> bool {
        let salt = kept.map_or("00000000000000000000000000000000", |kept| kept.salt.as_str());
        let wanted = kept.map_or(NOBODY, |kept| kept.sha256.0);
        let fits: bool = self.digest(salt).0.ct_eq(&wanted).into();
        fits && kept.is_some()
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", &self.0[..LENGTH / 2], &self.0[LENGTH / 2..])
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_opens_as_it_was_typed_and_only_its_own_case() {
        let mut mint = Mint::new([7; 32]);
        let (code, other) = (Code::new(&mut mint), Code::new(&mut mint));
        let kept = code.kept("salt");
        let shown = code.to_string();
        for typed in [shown.clone(), shown.to_lowercase(), shown.replace('-', " "), shown.replace('0', "o")] {
            assert!(Code::typed(&typed).unwrap().opens(Some(&kept)), "{typed}");
        }
        assert!(!other.opens(Some(&kept)) && code.opens(Some(&code.kept("pepper"))));
        assert_ne!(code.kept("pepper").sha256, kept.sha256);
        assert!(!code.opens(None));
        assert_eq!(format!("{code:?}"), "Code(..)");
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in ["", "K7QM", "K7QM-3XPA-1", "K7QM-3XPU", "К7QM-3XPA", &"1".repeat(10_000)] {
            assert_eq!(Code::typed(text), None);
        }
    }
}
