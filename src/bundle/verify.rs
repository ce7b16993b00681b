//! Whether a bundle is what the city signed: each checksum and the signature over them, each entry's way to the root of the one
//! checkpoint, each recording against its entry, each picture, the vCon. Reads through [`BundleFiles`] and keeps no sound in
//! memory. `export/verify.py` says the same by other means; a test holds the two against each other.

mod content;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde_json::Value;

use super::sums::{Signed, Sums, is_plain};
use super::{ALWAYS, KEYS, STORY, SUMS, SUMS_NOTE};
use crate::digest::Sha256;
use crate::journal::VerifierKey;
use content::Content;
use log::Log;

pub use log::is_erased_by;

/// Differences listed at most; a bundle with more of them is not going to be understood from a list.
const MAX_DIFFERENCES: usize = 1_000;
/// Octets of one file that is no sound and no picture; the longest history has some 10 MB.
const MAX_TEXT_BYTES: u64 = 64 << 20;
/// Octets read at once.
const BLOCK: usize = 64 * 1024;

/// Where the files of a bundle come from.
pub trait BundleFiles {
    /// All of them, by names relative to the bundle.
    ///
    /// # Errors
    /// When they cannot be listed, or two have one name.
    fn names(&mut self) -> io::Result<Vec<String>>;

    /// One of them, from its beginning.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn open<'f>(&'f mut self, name: &str) -> io::Result<Box<dyn Read + 'f>>;
}

/// Something that is not as it was signed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Difference {
    #[error("the bundle cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}: missing")]
    Missing(String),
    #[error("{0}: nothing in the bundle speaks of this file")]
    Unknown(String),
    #[error("{0}: changed: it does not have the SHA-256 of SHA256SUMS")]
    Changed(String),
    #[error("{name}: {detail}")]
    Bad { name: String, detail: String },
    #[error("entry {seq}: {detail}")]
    Entry { seq: u64, detail: &'static str },
    #[error("recording {name}: {detail}")]
    Recording { name: String, detail: String },
}

/// What was looked at, and what is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Register number.
    pub case: String,
    pub made_at: String,
    /// The key that all of it was held against, and whether whoever asked had brought it.
    pub key: Option<String>,
    pub is_key_trusted: bool,
    /// Entries of the journal when the checkpoint was signed.
    pub size: u64,
    pub entries: u64,
    pub recordings: u64,
    /// Recordings that were erased by the rules of retention, by their entry.
    pub erased: u64,
    pub photos: u64,
    pub files: u64,
    pub differences: Vec<Difference>,
}

impl Verified {
    pub fn is_good(&self) -> bool {
        self.differences.is_empty()
    }

    fn add(&mut self, difference: Difference) {
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(difference);
        }
    }

    fn bad(&mut self, name: &str, detail: impl ToString) {
        self.add(Difference::Bad { name: name.to_owned(), detail: detail.to_string() });
    }
}

/// Everything, against the keys in `trusted`; where there are none, against the one in the bundle, which then proves only that the
/// bundle fits together: whoever asks compares that key with the one the city publishes.
pub fn verify(files: &mut dyn BundleFiles, trusted: &[VerifierKey]) -> Verified {
    let mut found = Verified { is_key_trusted: !trusted.is_empty(), ..Verified::default() };
    let names = match files.names() {
        Ok(names) => names.into_iter().collect::<BTreeSet<_>>(),
        Err(error) => {
            found.add(Difference::Unreadable(error.to_string()));
            return found;
        }
    };
    found.files = names.len() as u64;
    for name in ALWAYS.into_iter().filter(|name| !names.contains(*name)) {
        found.add(Difference::Missing(name.to_owned()));
    }
    let mut texts = Texts { files, found: &mut found };
    let keys = texts.keys(trusted);
    let sums = texts.sums();
    let signed = texts.signed(&keys);
    let story = texts.json(STORY);
    let log = Log::read(&mut texts, &keys);
    let content = Content::read(&mut texts, &keys, &story, &log);
    found.key = keys.first().map(ToString::to_string);
    (found.size, found.entries) = (log.size, log.entries.len() as u64);
    hold_story(&mut found, signed.as_ref(), &story, &log);
    let digests = content.examine(files, &names, &mut found);
    hold_sums(&mut found, &names, &sums, &digests, signed.as_ref());
    found
}

/// The story tells of the case that was signed for, and of the entries that are here.
fn hold_story(found: &mut Verified, signed: Option<&Signed>, story: &Value, log: &Log) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (found.case, found.made_at) = (text(&story["case"]["number"]), text(&story["made_at"]));
    if let Some(signed) = signed
        && (signed.case != found.case || signed.made_at != found.made_at)
    {
        found.bad(STORY, "it is not of the case and the moment that were signed");
    }
    let told: Vec<Option<u64>> =
        story["history"].as_array().into_iter().flatten().map(|line| line["seq"].as_u64()).collect();
    if !told.iter().copied().eq(log.entries.iter().map(|entry| Some(entry.seq))) {
        found.bad(STORY, "its history is not of the entries in the journal folder");
    }
}

fn hold_sums(
    found: &mut Verified,
    names: &BTreeSet<String>,
    sums: &Sums,
    digests: &BTreeMap<String, Sha256>,
    signed: Option<&Signed>,
) {
    for (name, sum) in &sums.0 {
        match digests.get(name) {
            Some(digest) if digest == sum => {}
            Some(_) => found.add(Difference::Changed(name.clone())),
            None if names.contains(name) => {}
            None => found.add(Difference::Missing(name.clone())),
        }
    }
    for name in names.iter().filter(|name| *name != SUMS && *name != SUMS_NOTE) {
        if !sums.0.contains_key(name) || !is_plain(name) {
            found.add(Difference::Unknown(name.clone()));
        }
    }
    if let (Some(signed), Some(digest)) = (signed, digests.get(SUMS))
        && signed.sums != *digest
    {
        found.bad(SUMS_NOTE, "it was signed for other checksums");
    }
}

/// The files that are read whole, and what is wrong with them.
struct Texts<'f> {
    files: &'f mut dyn BundleFiles,
    found: &'f mut Verified,
}

impl Texts<'_> {
    /// Empty when it is not there, which is said once by name.
    fn text(&mut self, name: &str) -> String {
        let mut octets = Vec::new();
        let read =
            self.files.open(name).and_then(|file| file.take(MAX_TEXT_BYTES + 1).read_to_end(&mut octets));
        match read {
            Err(_) if !self.found.differences.contains(&Difference::Missing(name.to_owned())) => {
                self.found.bad(name, "it cannot be read");
            }
            Ok(_) if octets.len() as u64 > MAX_TEXT_BYTES => self.found.bad(name, "it is too long"),
            _ => match String::from_utf8(octets) {
                Ok(text) => return text,
                Err(_) => self.found.bad(name, "it is not UTF-8"),
            },
        }
        String::new()
    }

    fn json(&mut self, name: &str) -> Value {
        let text = self.text(name);
        serde_json::from_str(&text).unwrap_or_else(|_| {
            self.found.bad(name, "it is not JSON");
            Value::Null
        })
    }

    fn keys(&mut self, trusted: &[VerifierKey]) -> Vec<VerifierKey> {
        let text = self.text(KEYS);
        let own: Result<Vec<VerifierKey>, _> = text.lines().map(VerifierKey::parse).collect();
        let own = own.unwrap_or_default();
        if own.is_empty() {
            self.found.bad(KEYS, "it does not hold public keys, a line each");
        }
        if trusted.is_empty() {
            return own;
        }
        if own.iter().any(|key| !trusted.contains(key)) {
            self.found.bad(KEYS, "it holds another key than the one that was given");
        }
        trusted.to_vec()
    }

    fn sums(&mut self) -> Sums {
        let text = self.text(SUMS);
        Sums::parse(&text).unwrap_or_else(|| {
            self.found.bad(SUMS, "it does not hold checksums and names, a line each");
            Sums::default()
        })
    }

    fn signed(&mut self, keys: &[VerifierKey]) -> Option<Signed> {
        let text = self.text(SUMS_NOTE);
        Signed::open(&text, keys).map_err(|error| self.found.bad(SUMS_NOTE, error)).ok()
    }
}
