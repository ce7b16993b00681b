//! Files on disk: recordings (folder, writer, repair at start-up, probe of their disk), prompts (reader), the tiles of
//! the journal's tree, and what is replaced as a whole. The bytes themselves are `wav/`; which thread writes is `media_plane/`.

pub mod prompt_reader;
pub mod recording_folder;
pub mod recording_probe;
pub mod recording_repair;
pub mod recording_writer;
pub mod tile_folder;
pub mod whole_file;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

pub use prompt_reader::PromptError;
pub use recording_folder::{RecordingFileError, RecordingFolder};
pub use recording_repair::{RepairError, Repaired};
pub use recording_writer::RecordingWriter;
pub use tile_folder::TileFolder;

use crate::digest::{Hasher, Sha256};
use crate::wav::HEADER_LEN;

/// Octets read at once for a digest.
const DIGEST_BLOCK: usize = 64 * 1024;

/// The digest of a recording as it is now: SHA-256 of everything behind the head, then of the head. The head alone
/// changes while a call is recorded, so the digest of the rest is computed as it is written (decision 0009). With
/// common tools: `(tail -c +685 F; head -c 684 F) | sha256sum`.
pub fn recording_digest(path: &Path) -> io::Result<Sha256> {
    digest_of(&mut File::open(path)?)
}

fn digest_of(file: &mut File) -> io::Result<Sha256> {
    let mut digest = Hasher::default();
    let mut head = Vec::with_capacity(HEADER_LEN);
    file.seek(SeekFrom::Start(0))?;
    (&mut *file).take(HEADER_LEN as u64).read_to_end(&mut head)?;
    let mut block = vec![0; DIGEST_BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => break,
            len => digest.update(&block[..len]),
        }
    }
    digest.update(&head);
    Ok(digest.finish())
}
