//! The master key: its text in a file, its number, and what it wraps. It wraps content keys and other small secrets of the
//! database; content itself is never encrypted with it. Former ones open what they wrapped until all of it is wrapped anew.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::{CannotOpen, ContentKey, KEY_LEN};
use crate::digest::Sha256;

/// Octets of a nonce. They are random: up to four thousand million wrappings by one key a repetition stays as unlikely as
/// guessing 32 bits (NIST SP 800-38D 8.3), and a city has some millions of calls.
pub const NONCE_LEN: usize = 12;
/// Octets by which what is wrapped is longer than what it was: nonce and tag.
pub const SEALED_EXTRA: usize = NONCE_LEN + 16;
/// Digits of a key's number.
const ID_DIGITS: usize = 8;
const PREFIX: &str = "CONTENT+KEY+";

/// Why a text is no master key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyUnreadable {
    #[error("a content key is {PREFIX}<8 hexadecimal digits>+<base64>, as ringback content-key writes it")]
    Form,
    #[error("the key's number does not fit its content: it was changed or cut")]
    Number,
}

/// A key that wraps others.
#[derive(Clone)]
pub struct MasterKey {
    id: String,
    octets: [u8; KEY_LEN],
    key: LessSafeKey,
}

impl PartialEq for MasterKey {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets
    }
}

/// Without the octets.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

impl MasterKey {
    /// From 32 random octets.
    pub fn new(octets: [u8; KEY_LEN]) -> Self {
        let number = Sha256::of(&[b"ringback master key 1".as_slice(), &octets].concat()).to_string();
        let id = number[..ID_DIGITS].to_owned();
        Self { id, octets, key: aes(&octets) }
    }

    /// Of the text [`Self::secret_text`] gave; white space around it is nothing.
    pub fn parse(text: &str) -> Result<Self, KeyUnreadable> {
        let (id, octets) = text
            .trim()
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('+'))
            .ok_or(KeyUnreadable::Form)?;
        let octets = STANDARD.decode(octets).map_err(|_| KeyUnreadable::Form)?;
        let key = Self::new(octets.try_into().map_err(|_| KeyUnreadable::Form)?);
        if key.id == id { Ok(key) } else { Err(KeyUnreadable::Number) }
    }

    /// What its file holds.
    pub fn secret_text(&self) -> String {
        format!("{PREFIX}{}+{}", self.id, STANDARD.encode(self.octets))
    }

    /// Eight hexadecimal digits that follow from the key and do not tell it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is authenticated beside the secret: which key, and whose secret it is.
    fn beside(&self, of: &str) -> Vec<u8> {
        format!("ringback wrapped 1\0{}\0{of}", self.id).into_bytes()
    }

    fn wrap(&self, secret: &[u8], of: &str, nonce: [u8; NONCE_LEN]) -> Vec<u8> {
        let mut sealed = secret.to_vec();
        let beside = Aad::from(self.beside(of));
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce_of, beside, &mut sealed).expect("a secret is short");
        [nonce.as_slice(), &sealed].concat()
    }

    fn unwrap(&self, sealed: &[u8], of: &str) -> Result<Vec<u8>, CannotOpen> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(CannotOpen)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let secret = self.key.open_in_place(nonce, Aad::from(self.beside(of)), &mut sealed);
        secret.map(|secret| secret.to_vec()).map_err(|_| CannotOpen)
    }
}

fn aes(octets: &[u8; KEY_LEN]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, octets).expect("an AES-256 key has 32 octets"))
}

/// A secret as it lies in the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrapped {
    /// Number of the master key.
    pub master: String,
    /// Nonce, the encrypted secret, tag.
    pub sealed: Vec<u8>,
}

/// The master keys of the city: one that wraps, and those before it.
#[derive(Clone, PartialEq, Debug)]
pub struct KeyRing {
    newest: Arc<MasterKey>,
    former: Arc<[MasterKey]>,
}

impl KeyRing {
    pub fn new(newest: MasterKey, former: Vec<MasterKey>) -> Self {
        Self { newest: Arc::new(newest), former: former.into() }
    }

    pub fn newest(&self) -> &MasterKey {
        &self.newest
    }

    /// True when no other key is left that could open `wrapped` later.
    pub fn is_newest(&self, wrapped: &Wrapped) -> bool {
        wrapped.master == self.newest.id
    }

    /// `of` names whose secret it is and what for; it opens for the same alone. `nonce` is random.
    pub fn wrap(&self, secret: &[u8], of: &str, nonce: [u8; NONCE_LEN]) -> Wrapped {
        Wrapped { master: self.newest.id.clone(), sealed: self.newest.wrap(secret, of, nonce) }
    }

    /// None when none of the keys has the number of the one it was wrapped by.
    pub fn unwrap(&self, wrapped: &Wrapped, of: &str) -> Option<Result<Vec<u8>, CannotOpen>> {
        let mut keys = std::iter::once(&*self.newest).chain(self.former.iter());
        keys.find(|key| key.id == wrapped.master).map(|key| key.unwrap(&wrapped.sealed, of))
    }

    pub fn wrap_content_key(&self, key: &ContentKey, of: &str, nonce: [u8; NONCE_LEN]) -> Wrapped {
        self.wrap(&key.0, of, nonce)
    }
}
