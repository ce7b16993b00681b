//! `SHA256SUMS` as sha256sum writes and checks it, and the note that signs it with the journal's key: which case, made
//! when, and the digest of the sums. Nothing of a bundle can be changed, left out or added without that signature.

use std::collections::BTreeMap;
use std::fmt;

use crate::digest::Sha256;
use crate::journal::checkpoint::{NotSigned, SignerKey, VerifierKey, signed_text};

/// First line of what is signed: with its space it is no name of a key, so this is never taken for a checkpoint.
const TITLE: &str = "ringback bundle";
/// Files that one bundle may have; a case with more calls and pictures than this does not exist.
pub const MAX_FILES: usize = 50_000;

/// Digest of each file by its name, but for the two that hold them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sums(pub BTreeMap<String, Sha256>);

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, digest)| writeln!(f, "{digest}  {name}"))
    }
}

impl Sums {
    /// None when a line is none, a name is spelt in another way than ours, or comes twice.
    pub fn parse(text: &str) -> Option<Self> {
        let mut sums = BTreeMap::new();
        for line in text.lines() {
            let (digest, name) = line.split_once("  ")?;
            let digest = Sha256::from_hex(digest).filter(|read| read.to_string() == digest)?;
            if !is_plain(name) || sums.len() >= MAX_FILES || sums.insert(name.to_owned(), digest).is_some() {
                return None;
            }
        }
        let sums = Self(sums);
        (sums.to_string() == text).then_some(sums)
    }
}

/// Names of ours: letters, digits, `.`, `-`, `_`, and folders that do not lead out.
pub fn is_plain(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    name.len() <= 200 && name.split('/').all(is_part)
}

/// What is signed of the sums.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Signed {
    pub case: String,
    /// RFC 3339.
    pub made_at: String,
    /// Of the file with the sums.
    pub sums: Sha256,
}

impl Signed {
    pub fn sign(&self, key: &SignerKey) -> String {
        let Self { case, made_at, sums } = self;
        key.sign_text(&format!("{TITLE}\n{case}\n{made_at}\n{sums}\n"))
    }

    /// What one of `keys` signed.
    ///
    /// # Errors
    /// `Body` for a note about something else, and what is wrong with a signature.
    pub fn open(note: &str, keys: &[VerifierKey]) -> Result<Self, NotSigned> {
        let body = signed_text(note, keys)?;
        let mut lines = body.lines();
        let mut line = || lines.next().ok_or(NotSigned::Body);
        let (title, case, made_at, sums) = (line()?, line()?, line()?, line()?);
        let sums = Sha256::from_hex(sums).ok_or(NotSigned::Body)?;
        if title != TITLE || lines.next().is_some() {
            return Err(NotSigned::Body);
        }
        Ok(Self { case: case.to_owned(), made_at: made_at.to_owned(), sums })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::journal::Note;

    #[test]
    fn sums_are_written_and_read_and_nothing_else_is() {
        let mut sums = Sums::default();
        sums.0.insert("b.txt".to_owned(), Sha256::of(b"b"));
        sums.0.insert("a/b-1.wav".to_owned(), Sha256::of(b"a"));
        let text = sums.to_string();
        assert_eq!(Sums::parse(&text), Some(sums));
        let first = text.lines().next().unwrap();
        for bad in [
            text.to_uppercase(),
            format!("{first}\n{first}\n"),
            text.replace("  a/b", " *a/b"),
            text.replace("a/b", "../b"),
            text.replace("a/b", "/b"),
            text.trim_end().to_owned(),
            format!("{text}\n"),
        ] {
            assert_eq!(Sums::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn the_signature_over_sums_is_no_checkpoint() {
        let key = SignerKey::new("city.example/1580", [7; 32]).unwrap();
        let signed = Signed {
            case: "2026-01-000042".to_owned(),
            made_at: "2026-11-21T06:38:21.250Z".to_owned(),
            sums: Sha256::of(b"sums"),
        };
        let note = signed.sign(&key);
        let keys = [key.verifier().clone()];
        assert_eq!(Signed::open(&note, &keys), Ok(signed));
        assert_eq!(Note::parse(&note).err(), Some(NotSigned::Body));
        let other = SignerKey::new("city.example/1580", [8; 32]).unwrap();
        assert_eq!(Signed::open(&note, &[other.verifier().clone()]), Err(NotSigned::UnknownKey));
        assert_eq!(Signed::open(&note.replace("000042", "000043"), &keys), Err(NotSigned::WrongSignature));
        let checkpoint = key.sign(7, Sha256::of(b"root"));
        assert_eq!(Signed::open(checkpoint.text(), &keys), Err(NotSigned::Body));
    }
}
