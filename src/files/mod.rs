//! Files on disk: recordings (writer, repair at start-up) and prompts (reader). The bytes themselves are `wav/`;
//! which thread writes is `media_plane/`.

pub mod prompt_reader;
pub mod recording_repair;
pub mod recording_writer;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use sha2::Digest as _;

pub use prompt_reader::PromptError;
pub use recording_repair::{RepairError, Repaired};
pub use recording_writer::{RecordingFileError, RecordingWriter};

use crate::digest::Sha256;

/// Octets read at once for a digest.
const DIGEST_BLOCK: usize = 64 * 1024;

/// SHA-256 of a whole file as it is now.
fn digest_of(file: &mut File) -> io::Result<Sha256> {
    let mut digest = sha2::Sha256::new();
    let mut block = vec![0; DIGEST_BLOCK];
    file.seek(SeekFrom::Start(0))?;
    loop {
        let len = file.read(&mut block)?;
        if len == 0 {
            return Ok(Sha256(digest.finalize().into()));
        }
        digest.update(&block[..len]);
    }
}
