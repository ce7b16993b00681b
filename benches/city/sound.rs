//! The sound of a city's calls, for `ONLY=verify`: a few whole recordings as the program writes them, each in the folder
//! under as many names as there are calls with it (hard links), so that months of sound fit on a disk. Whoever checks them
//! reads and digests every octet of every name.

use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use ringback::digest::Sha256;
use ringback::files::{RecordingFolder, RecordingWriter};
use ringback::ids::RecordingId;
use ringback::recording::Proof;
use ringback::time::Timestamp;
use ringback::wav::RecordingHeader;

/// Seconds of one recording.
pub const LENGTH: u64 = 180;
/// Recordings that are different; a file system gives one file some tens of thousands of names.
const DIFFERENT: usize = 8;
/// Octets of a second: two sides of 16 bits.
const SECOND: usize = 8_000 * 4;

struct Original {
    path: PathBuf,
    frames: u64,
    sha256: Sha256,
    proof: Proof,
}

pub struct Sounds {
    folder: PathBuf,
    originals: Vec<Original>,
    left: u64,
    given: usize,
}

/// A row of `recordings` with what stands beside it.
pub struct Recorded {
    pub id: RecordingId,
    pub contact: String,
    pub path: String,
    pub started_at: Timestamp,
    pub frames: u64,
    pub sha256: Sha256,
    pub leaves: Vec<u8>,
    pub sealed: Value,
}

impl Sounds {
    /// For `hours` of sound; the folder begins empty.
    pub fn new(folder: &Path, hours: u64, seed: u64) -> Self {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).unwrap();
        let wanted = hours * 3_600 / LENGTH;
        let count = if wanted == 0 { 0 } else { DIFFERENT };
        let originals = (0..count).map(|index| original(folder, index, seed)).collect();
        Self { folder: folder.to_owned(), originals, left: wanted, given: 0 }
    }

    /// The recording of the next call; none when there is sound enough.
    pub fn next(&mut self, contact: Uuid, id: RecordingId, started_at: Timestamp) -> Option<Recorded> {
        self.left = self.left.checked_sub(1)?;
        let original = &self.originals[self.given % self.originals.len()];
        self.given += 1;
        // A thousand names in one folder, as a day has calls.
        let path = format!("{:04}/{contact}.wav", self.given / 1_000);
        let name = self.folder.join(&path);
        fs::create_dir_all(name.parent().unwrap()).unwrap();
        fs::hard_link(&original.path, &name).unwrap();
        Some(Recorded {
            id,
            contact: contact.to_string(),
            path,
            started_at,
            frames: original.frames,
            sha256: original.sha256,
            leaves: original.proof.seconds.to_bytes(),
            sealed: json!({ "frames": original.frames, "result": "ok", "sha256": original.sha256,
                "seal": original.proof.seal }),
        })
    }

    /// The originals' own names are no recording's.
    pub fn finish(&self) {
        for original in &self.originals {
            fs::remove_file(&original.path).unwrap();
        }
    }
}

fn original(folder: &Path, index: usize, seed: u64) -> Original {
    let name = format!("original-{index}.wav");
    let header = RecordingHeader {
        started_at: Timestamp(super::life::END),
        sample_rate: 8_000,
        description: "a call".to_owned(),
        reference: index.to_string(),
    };
    let id = RecordingId(Uuid::from_u128(index as u128));
    let mut writer = RecordingWriter::create(&mut RecordingFolder::new(folder), id, &name, header).unwrap();
    let mut noise = StdRng::seed_from_u64(seed + index as u64);
    let mut second = vec![0; SECOND];
    for _ in 0..LENGTH {
        noise.fill(&mut second[..]);
        writer.append(&second).unwrap();
    }
    let sealed = writer.seal();
    let (sha256, proof) = (sealed.sha256.unwrap(), sealed.proof.unwrap());
    Original { path: folder.join(name), frames: sealed.frames, sha256, proof }
}
