//! The file of what outlives the program, `standing` of `[sip]`: written whole, readable by its owner alone, for it tells where
//! the phones are. A file that is missing, too large or unreadable costs the phones a registration, never the start.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::whole_file;
use crate::switchboard::Standing;

/// Ten thousand phones are some four million bytes; more was not written here.
const MAX_BYTES: u64 = 16 << 20;
/// Read and write for the owner.
const MODE: u32 = 0o600;

/// Puts `standing` in the place of what was there.
///
/// # Errors
/// When the folder is missing or the disk does not take it; the file is as it was.
pub fn write(path: &Path, standing: &Standing) -> io::Result<()> {
    let text = serde_json::to_vec(standing)?;
    if !path.exists() {
        // The permissions of the file that is replaced are kept.
        File::options().write(true).create_new(true).mode(MODE).open(path)?;
    }
    whole_file::replace(path, &text)
}

/// What a former run has left; none where it left nothing.
///
/// # Errors
/// When it cannot be read, is larger than 16 MiB, or others may write it.
pub fn read(path: &Path) -> io::Result<Option<Standing>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let about: fs::Metadata = file.metadata()?;
    if about.permissions().mode() & 0o022 != 0 {
        // Whoever may write it says where calls go.
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "others may write it"));
    }
    if about.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large"));
    }
    let mut text = Vec::new();
    file.by_ref().take(MAX_BYTES).read_to_end(&mut text)?;
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&text)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn what_was_written_is_read_and_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("standing.json");
        assert!(read(&path).unwrap().is_none(), "the first start");
        let mut standing =
            Standing { at: Timestamp::from_micros(7), phones: Vec::new(), operators: Vec::new() };
        for micros in [7, 8] {
            standing.at = Timestamp::from_micros(micros);
            write(&path, &standing).unwrap();
            assert_eq!(read(&path).unwrap().as_ref(), Some(&standing));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "{\"at\":").unwrap();
        assert!(read(&path).is_err());
        File::options().write(true).open(&path).unwrap().set_len(MAX_BYTES + 1).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "too large");
        fs::write(&path, "").unwrap();
        assert!(read(&path).unwrap().is_none(), "made, and the power went");
        assert!(write(&folder.path().join("no/such"), &standing).is_err());
    }
}
