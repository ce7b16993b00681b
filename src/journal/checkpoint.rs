//! Signed statements of how long the journal is and what its tree's root is: C2SP tlog-checkpoint in a C2SP signed-note,
//! Ed25519 (RFC 8032, key type 1). Owns both texts, the keys' texts, signing and verifying. The tree is `tree`; when
//! statements are made, and where keys and statements are kept, is for others.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::digest::Sha256;

/// A note longer than this is none of ours, octets.
pub const MAX_NOTE_BYTES: usize = 16 * 1024;
/// Signatures looked at in one note.
const MAX_SIGNATURES: usize = 100;
/// Characters in the name of a key.
const MAX_NAME_CHARS: usize = 200;
/// Signature type of Ed25519 in the note format.
const ED25519_TYPE: u8 = 1;
/// An em dash and a space begin each signature.
const SIGNATURE_MARK: &str = "\u{2014} ";
const PRIVATE: &str = "PRIVATE+KEY+";

/// Why a key, a name or a note is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSigned {
    #[error("a name has 1 to {MAX_NAME_CHARS} characters, no white space and no '+'")]
    Name,
    #[error("a private key is PRIVATE+KEY+<name>+<8 hexadecimal digits>+<base64>")]
    PrivateKey,
    #[error("a public key is <name>+<8 hexadecimal digits>+<base64>")]
    PublicKey,
    #[error("the key is not of the kind Ed25519")]
    KeyKind,
    #[error("the key's number does not fit its name and content: it was changed or cut")]
    KeyNumber,
    #[error("the note is longer than {MAX_NOTE_BYTES} octets")]
    TooLong,
    #[error("the note does not end with signatures after an empty line")]
    NoSignatures,
    #[error("a signature line is not '\u{2014} <name> <base64>'")]
    SignatureLine,
    #[error("the note does not begin with an origin, a size and a root of 32 octets in base64, a line each")]
    Body,
    #[error("none of its signatures is by a key of ours")]
    UnknownKey,
    #[error("its signature does not fit its text: it was changed, or not signed by that key")]
    WrongSignature,
}

/// How long the journal was, and the root of its tree then.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Which journal: the name of its key.
    pub origin: String,
    /// Entries 1 to `size`.
    pub size: u64,
    pub root: Sha256,
}

impl fmt::Display for Checkpoint {
    /// The text that is signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root.0))
    }
}

/// A public key: `name+number+base64`, as note tools write it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    pub name: String,
    public: [u8; 32],
}

impl VerifierKey {
    /// Reads `name+number+base64`; white space around it is not part of it.
    pub fn parse(text: &str) -> Result<Self, NotSigned> {
        let (name, public) = keyed(text.trim(), NotSigned::PublicKey)?;
        let key = Self { name: name.to_owned(), public };
        if text.trim() == key.to_string() { Ok(key) } else { Err(NotSigned::KeyNumber) }
    }

    /// The first four octets of the SHA-256 of name, line end, kind and key: which key a signature is by.
    fn number(&self) -> [u8; 4] {
        let kind = [b'\n', ED25519_TYPE];
        let digest = Sha256::of(&[self.name.as_bytes(), &kind, &self.public].concat()).0;
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// The key itself (RFC 8032 5.1.2).
    pub const fn public(&self) -> &[u8; 32] {
        &self.public
    }

    /// Whether `signature` of these octets is by this key.
    pub fn verifies(&self, octets: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public).verify(octets, signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_key(f, self, &self.public)
    }
}

/// A private key. Its text is a secret and is shown by [`Self::secret_text`] alone.
pub struct SignerKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
    verifier: VerifierKey,
}

impl SignerKey {
    /// `seed` is 32 octets nobody can guess (RFC 8032 5.1.5).
    pub fn new(name: &str, seed: [u8; 32]) -> Result<Self, NotSigned> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| NotSigned::PrivateKey)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| NotSigned::PrivateKey)?;
        let verifier = VerifierKey { name: checked_name(name)?.to_owned(), public };
        Ok(Self { seed, pair, verifier })
    }

    /// Reads `PRIVATE+KEY+name+number+base64`; no error repeats any of it.
    pub fn parse(text: &str) -> Result<Self, NotSigned> {
        let rest = text.trim().strip_prefix(PRIVATE).ok_or(NotSigned::PrivateKey)?;
        let (name, seed) = keyed(rest, NotSigned::PrivateKey)?;
        let key = Self::new(name, seed)?;
        if text.trim() == key.secret_text() { Ok(key) } else { Err(NotSigned::KeyNumber) }
    }

    /// What [`Self::parse`] reads; for the key's own file and nothing else.
    pub fn secret_text(&self) -> String {
        struct Text<'k>(&'k SignerKey);
        impl fmt::Display for Text<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(PRIVATE)?;
                write_key(f, &self.0.verifier, &self.0.seed)
            }
        }
        Text(self).to_string()
    }

    /// The public half.
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The signed note that the journal had this size and root.
    pub fn sign(&self, size: u64, root: Sha256) -> Note {
        let checkpoint = Checkpoint { origin: self.verifier.name.clone(), size, root };
        let body = checkpoint.to_string();
        Note { checkpoint, body_len: body.len(), text: self.sign_text(&body) }
    }

    /// The signed note of another text, which ends with a line end and must not read as a checkpoint: its first line is no
    /// name of a key.
    pub fn sign_text(&self, body: &str) -> String {
        let mut signed = self.verifier.number().to_vec();
        signed.extend_from_slice(&self.sign_octets(body.as_bytes()));
        format!("{body}\n{SIGNATURE_MARK}{} {}\n", self.verifier.name, STANDARD.encode(&signed))
    }

    /// The bare signature (RFC 8032 5.1.6), 64 octets; never of what could be a note.
    pub fn sign_octets(&self, octets: &[u8]) -> Vec<u8> {
        self.pair.sign(octets).as_ref().to_vec()
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.verifier)
    }
}

/// A checkpoint with signatures that nobody has checked yet, but by [`Self::verify`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    pub checkpoint: Checkpoint,
    text: String,
    /// Octets of `text` that are signed.
    body_len: usize,
}

impl Note {
    /// Reads the text as it is published. Further lines of the body are signed, too, and mean nothing here.
    pub fn parse(text: &str) -> Result<Self, NotSigned> {
        let body_len = split(text)?;
        let body = &text[..body_len];
        let mut lines = body.split('\n');
        let mut line = || lines.next().ok_or(NotSigned::Body);
        let (origin, size, root) = (line()?, line()?, line()?);
        let number: u64 = size.parse().map_err(|_| NotSigned::Body)?;
        let root: [u8; 32] =
            STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(NotSigned::Body)?;
        if origin.is_empty() || number.to_string() != size || i64::try_from(number).is_err() {
            return Err(NotSigned::Body);
        }
        let checkpoint = Checkpoint { origin: origin.to_owned(), size: number, root: Sha256(root) };
        Ok(Self { checkpoint, text: text.to_owned(), body_len })
    }

    /// The whole text, signatures and all.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// One of `keys` signed it, and it is about the journal of that key's name.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<(), NotSigned> {
        signed_by(&self.text, self.body_len, keys, Some(&self.checkpoint.origin))
    }
}

/// The body of a note of any kind that one of `keys` signed.
pub fn signed_text<'t>(text: &'t str, keys: &[VerifierKey]) -> Result<&'t str, NotSigned> {
    let body_len = split(text)?;
    signed_by(text, body_len, keys, None)?;
    Ok(&text[..body_len])
}

/// Octets of the body, where the signatures after it are spelt as they should be.
fn split(text: &str) -> Result<usize, NotSigned> {
    if text.len() > MAX_NOTE_BYTES {
        return Err(NotSigned::TooLong);
    }
    let body_len = text.rfind("\n\n").ok_or(NotSigned::NoSignatures)? + 1;
    let signatures = &text[body_len + 1..];
    if !signatures.ends_with('\n') || signatures.lines().count() > MAX_SIGNATURES {
        return Err(NotSigned::NoSignatures);
    }
    if signatures.lines().all(|line| signature(line).is_some()) {
        Ok(body_len)
    } else {
        Err(NotSigned::SignatureLine)
    }
}

/// One of `keys` signed the body, the one of this name where there must be one.
fn signed_by(
    text: &str,
    body_len: usize,
    keys: &[VerifierKey],
    name_of_key: Option<&str>,
) -> Result<(), NotSigned> {
    let (body, signatures) = (&text[..body_len], &text[body_len + 1..]);
    let mut outcome = Err(NotSigned::UnknownKey);
    for (name, number, bytes) in signatures.lines().filter_map(signature) {
        let is_of = |key: &&VerifierKey| key.name == name && key.number() == number;
        if let Some(key) = keys.iter().find(is_of) {
            let is_named = name_of_key.is_none_or(|wanted| key.name == wanted);
            if is_named && key.verifies(body.as_bytes(), &bytes) {
                return Ok(());
            }
            outcome = Err(NotSigned::WrongSignature);
        }
    }
    outcome
}

/// Name of the key, its number, and the signature.
fn signature(line: &str) -> Option<(&str, [u8; 4], Vec<u8>)> {
    let (name, encoded) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (number, bytes) = bytes.split_first_chunk::<4>()?;
    Some((checked_name(name).ok()?, *number, bytes.to_vec()))
}

fn checked_name(name: &str) -> Result<&str, NotSigned> {
    let is_name = (1..=MAX_NAME_CHARS).contains(&name.chars().count())
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
    if is_name { Ok(name) } else { Err(NotSigned::Name) }
}

/// Name and 32 octets of `name+number+base64`; the number is for the caller to compare.
fn keyed(text: &str, otherwise: NotSigned) -> Result<(&str, [u8; 32]), NotSigned> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(otherwise);
    };
    let bytes = STANDARD.decode(encoded).map_err(|_| otherwise)?;
    match bytes.split_first() {
        Some((&ED25519_TYPE, key)) => Ok((checked_name(name)?, key.try_into().map_err(|_| otherwise)?)),
        _ => Err(NotSigned::KeyKind),
    }
}

fn write_key(f: &mut fmt::Formatter<'_>, key: &VerifierKey, secret_or_public: &[u8; 32]) -> fmt::Result {
    let number = u32::from_be_bytes(key.number());
    let encoded = STANDARD.encode([&[ED25519_TYPE][..], secret_or_public].concat());
    write!(f, "{}+{number:08x}+{encoded}", key.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn key(name: &str, seed: u8) -> SignerKey {
        SignerKey::new(name, [seed; 32]).unwrap()
    }

    #[test]
    fn a_checkpoint_is_signed_read_and_verified() {
        let signer = key("city.example/1580", 7);
        let note = signer.sign(42, Sha256::of(b"abc"));
        let root = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        let begin = format!("city.example/1580\n42\n{root}\n\n\u{2014} city.example/1580 ");
        assert!(note.text().starts_with(&begin), "{}", note.text());
        let read = Note::parse(note.text()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.verify(std::slice::from_ref(signer.verifier())), Ok(()));
        assert_eq!(read.verify(&[]), Err(NotSigned::UnknownKey));
        // Another key of the same name has another number.
        let other = key("city.example/1580", 8).verifier().clone();
        assert_eq!(read.verify(std::slice::from_ref(&other)), Err(NotSigned::UnknownKey));
        assert_eq!(read.verify(&[other, signer.verifier().clone()]), Ok(()));
    }

    #[test]
    fn rfc_8032_test_1_is_the_key_of_its_seed() {
        // Section 7.1: secret 9d61…7f60, public d75a…511a.
        let seed =
            Sha256::from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let public =
            Sha256::from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap();
        assert_eq!(SignerKey::new("a", seed.0).unwrap().verifier().public, public.0);
    }

    #[test]
    fn keys_are_written_and_read_and_hide_themselves() {
        let signer = key("місто.example/1580", 7);
        let secret = signer.secret_text();
        let read = SignerKey::parse(&format!("{secret}\n")).unwrap();
        assert_eq!((read.secret_text(), read.verifier()), (secret.clone(), signer.verifier()));
        let public = signer.verifier().to_string();
        assert_eq!(VerifierKey::parse(&public).as_ref(), Ok(signer.verifier()));
        let encoded = secret.rsplit('+').next().unwrap();
        assert!(!format!("{signer:?}").contains(encoded));
        assert_eq!(SignerKey::parse(&public).err(), Some(NotSigned::PrivateKey));
        // Another name with the same content has another number.
        assert_eq!(SignerKey::parse(&secret.replace("example", "exemple")).err(), Some(NotSigned::KeyNumber));
        for bad in ["", "PRIVATE+KEY+", "PRIVATE+KEY+a+0+AQ==", "PRIVATE+KEY+a b+00000000+AQ=="] {
            assert!(SignerKey::parse(bad).is_err(), "{bad}");
        }
        for name in ["", "a b", "a+b", "a\nb", &"x".repeat(201)] {
            assert_eq!(SignerKey::new(name, [1; 32]).err(), Some(NotSigned::Name), "{name}");
        }
    }

    #[test]
    fn every_changed_octet_of_a_note_is_found() {
        let signer = key("city.example/1580", 7);
        let keys = [signer.verifier().clone()];
        let note = signer.sign(1_000, Sha256::of(b"abc"));
        for place in 0..note.text().len() {
            for bit in [1, 2, 32] {
                let mut bytes = note.text().as_bytes().to_vec();
                bytes[place] ^= bit;
                let read = String::from_utf8(bytes).map(|text| Note::parse(&text));
                let is_good = read.is_ok_and(|note| note.is_ok_and(|note| note.verify(&keys).is_ok()));
                assert!(!is_good, "octet {place}");
            }
        }
    }

    #[test]
    fn what_is_no_note_says_why() {
        let text = key("a", 1).sign(7, Sha256::of(b"x")).text().to_owned();
        let faults = [
            (String::new(), NotSigned::NoSignatures),
            ("a\n7\nx\n".to_owned(), NotSigned::NoSignatures),
            (text.trim_end().to_owned(), NotSigned::NoSignatures),
            (text.replace("\u{2014}", "-"), NotSigned::SignatureLine),
            (text.replace("\n7\n", "\n07\n"), NotSigned::Body),
            (text.replace("\n7\n", "\n+7\n"), NotSigned::Body),
            (text.replace("\n7\n", "\n9223372036854775808\n"), NotSigned::Body),
            (text.replace("=\n\n", "\n\n"), NotSigned::Body),
            (format!("\n{}", &text[1..]), NotSigned::Body),
            (format!("{text}{}", "x".repeat(MAX_NOTE_BYTES)), NotSigned::TooLong),
        ];
        for (text, fault) in faults {
            assert_eq!(Note::parse(&text), Err(fault), "{text}");
        }
        // A line we do not know is signed, and does no harm; a second signature neither.
        let note = Note::parse(&format!("{text}\u{2014} witness AAAAAAAA\n")).unwrap();
        assert_eq!(note.verify(std::slice::from_ref(key("a", 1).verifier())), Ok(()));
    }
}
