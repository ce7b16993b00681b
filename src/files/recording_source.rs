//! A recording's sealed octets for those who hand them on: the one place where an export opens a recording's file.
//! Who may have them is decided elsewhere.

use std::io;
use std::path::{Component, Path};

use super::encrypted_file::ContentFile;
use crate::content_key::ContentKey;
use crate::ids::RecordingId;

/// The octets as they were sealed, from the beginning, also where the file is encrypted by now.
///
/// # Errors
/// `NotFound` when the file is gone, `InvalidInput` for a path that leaves the folder `root`, and those of
/// [`ContentFile::open`].
pub fn open_recording(
    root: &Path,
    path: &str,
    recording: RecordingId,
    key: Option<&ContentKey>,
) -> io::Result<ContentFile> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !plain {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "recording path leaves its folder"));
    }
    ContentFile::open(&root.join(path), recording.0, key)
}
