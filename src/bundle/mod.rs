//! What an exported case consists of, so that it can be read, heard and proven without this program: the files and their names
//! (here), what it tells (`story`), the checksums and their signature (`sums`), the vCon (`vcon`, signed by `jws`), and the
//! verification (`verify`), which `verify.py` repeats with stock tools. Collecting and writing one is `export/`.

pub mod disclosure;
pub mod jws;
pub mod story;
pub mod sums;
pub mod vcon;
pub mod verify;

use crate::ids::ContactId;

/// Version of the layout; a change that `verify.py` of before would not understand raises it.
pub const FORMAT: u32 = 1;

pub const README: &str = "README.txt";
pub const PAGE: &str = "index.html";
pub const STORY: &str = "case.json";
pub const VCON: &str = "case.vcon.json";
/// Each line the canonical bytes of one entry, in order of their numbers: its SHA-256 is the entry's hash.
pub const ENTRIES: &str = "journal/entries.jsonl";
/// Each line the proof of the entry on the same line.
pub const PROOFS: &str = "journal/proofs.jsonl";
pub const CHECKPOINT: &str = "journal/checkpoint.txt";
pub const KEYS: &str = "journal/keys.txt";
pub const SUMS: &str = "SHA256SUMS";
/// The signature over [`SUMS`].
pub const SUMS_NOTE: &str = "SHA256SUMS.note";
pub const VERIFY_PY: &str = "verify.py";
pub const VERIFY_SH: &str = "verify.sh";

/// What every bundle has.
pub const ALWAYS: [&str; 12] =
    [README, PAGE, STORY, VCON, ENTRIES, PROOFS, CHECKPOINT, KEYS, SUMS, SUMS_NOTE, VERIFY_PY, VERIFY_SH];

/// Entries in a bundle at most, as on a timeline.
pub const MAX_ENTRIES: usize = 10_000;

/// The sealed file of a call.
pub fn recording_name(contact: ContactId) -> String {
    format!("recordings/{contact}.wav")
}

/// The digests of its seconds, a line each.
pub fn seconds_name(contact: ContactId) -> String {
    format!("recordings/{contact}.seconds")
}

/// A picture under its own id.
pub fn photo_name(id: &str, content_type: &str) -> String {
    let ending = match content_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        _ => "bin",
    };
    format!("photos/{id}.{ending}")
}
