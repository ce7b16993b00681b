//! The journal's part of a bundle: each entry's bytes, its number, its way up to the root, and the signature over that
//! root. What the entries say of sound and pictures is `content`.

use serde_json::Value;

use super::super::{CHECKPOINT, ENTRIES, MAX_ENTRIES, PROOFS};
use super::{Difference, Texts};
use crate::digest::Sha256;
use crate::ids::ContactId;
use crate::journal::tree::{includes, leaf_hash};
use crate::journal::{Note, VerifierKey};

/// Hashes of one proof at most: a tree of 2^63 entries.
const MAX_PROOF: usize = 63;

/// An entry that stands in the checkpoint's tree, as far as it was read.
pub(super) struct Proven {
    pub(super) seq: u64,
    pub(super) fields: Value,
}

#[derive(Default)]
pub(super) struct Log {
    pub(super) size: u64,
    pub(super) entries: Vec<Proven>,
}

impl Log {
    pub(super) fn read(texts: &mut Texts<'_>, keys: &[VerifierKey]) -> Self {
        let note = texts.text(CHECKPOINT);
        let note = match Note::parse(&note).and_then(|note| note.verify(keys).map(|()| note)) {
            Ok(note) => Some(note),
            Err(error) => {
                texts.found.bad(CHECKPOINT, error);
                None
            }
        };
        let (entries, proofs) = (texts.text(ENTRIES), texts.text(PROOFS));
        if entries.lines().count() != proofs.lines().count() || entries.lines().count() > MAX_ENTRIES {
            texts.found.bad(PROOFS, "there is not one proof for each entry");
        }
        let checkpoint = note.map(|note| note.checkpoint);
        let mut log =
            Self { size: checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size), entries: Vec::new() };
        let mut proofs = proofs.lines();
        for (line, text) in entries.lines().enumerate().take(MAX_ENTRIES) {
            let fields: Value = serde_json::from_str(text).unwrap_or_default();
            let Some(seq) = fields["seq"].as_u64().filter(|seq| *seq > 0) else {
                texts.found.bad(ENTRIES, format!("line {} is no entry", line + 1));
                continue;
            };
            let mut wrong = |detail| texts.found.add(Difference::Entry { seq, detail });
            if log.entries.last().is_some_and(|before| before.seq >= seq) {
                wrong("it is not in its place");
            }
            match (proofs.next().and_then(|proof| way(proof, seq)), &checkpoint) {
                (None, _) => wrong("its proof is not on the same line"),
                (Some(way), Some(tree)) => {
                    let leaf = leaf_hash(&Sha256::of(text.as_bytes()));
                    if !includes(&tree.root, tree.size, seq - 1, &leaf, &way) {
                        wrong("it does not stand in the tree of the checkpoint");
                    }
                }
                (Some(_), None) => {}
            }
            log.entries.push(Proven { seq, fields });
        }
        log
    }

    pub(super) fn of_type<'l>(&'l self, event: &'l str) -> impl Iterator<Item = &'l Proven> + 'l {
        self.entries.iter().filter(move |entry| entry.fields["type"] == event)
    }

    /// Whether an entry tells that what was kept of this call, or of the whole case, was destroyed.
    pub(super) fn is_erased(&self, call: Option<&str>) -> bool {
        let erasing =
            |entry: &&Proven| entry.fields["type"].as_str().is_some_and(|event| ERASING.contains(&event));
        self.entries.iter().filter(erasing).any(|entry| {
            let of = entry.fields["contact"].as_str();
            of.is_none() || of == call
        })
    }
}

/// Entries that tell of an erasure.
const ERASING: [&str; 1] = ["rec.erased"];

/// Whether an entry of this type about `of` tells that the sound of `call` was destroyed; one about no call is about them all.
pub fn is_erased_by(event: &str, of: Option<ContactId>, call: ContactId) -> bool {
    ERASING.contains(&event) && of.is_none_or(|of| of == call)
}

/// The proof on a line, where it is of entry `seq`.
fn way(line: &str, seq: u64) -> Option<Vec<Sha256>> {
    let read: Value = serde_json::from_str(line).ok()?;
    let hashes = read["proof"].as_array().filter(|hashes| hashes.len() <= MAX_PROOF)?;
    (read["seq"] == seq).then_some(())?;
    hashes.iter().map(|hash| Sha256::from_hex(hash.as_str()?)).collect()
}
