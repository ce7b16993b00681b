//! Destroys the file of a recording: its bytes are overwritten once, then its name goes, both for good before it returns.
//! What may be destroyed is decided in `store/erasures.rs`. On disks that write elsewhere than they read, and in copies, old
//! bytes may stay; against those content is encrypted, not overwritten.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Component, Path};

use super::encrypted_file::{encrypted_path, unfinished_path};

/// Zeros written at once.
const BLOCK: usize = 64 * 1024;

/// Destroys the file at `path` below `root`, plain, encrypted and half encrypted. One that is gone already is well: it was
/// destroyed before a crash.
///
/// # Errors
/// The disk's; `InvalidInput` for a path that would leave the folder.
pub fn erase(root: &Path, path: &str) -> io::Result<()> {
    let is_plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !is_plain {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leaves the recording folder"));
    }
    let plain = root.join(path);
    [unfinished_path(&plain), encrypted_path(&plain), plain].iter().try_for_each(|path| erase_file(path))
}

fn erase_file(path: &Path) -> io::Result<()> {
    let file = match File::options().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    overwrite(&file)?;
    fs::remove_file(path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn overwrite(mut file: &File) -> io::Result<()> {
    let zeros = vec![0; BLOCK];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        file.write_all(&zeros[..count])?;
        left -= count as u64;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_bytes_go_before_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other_name) = (folder.path().join("a.wav"), folder.path().join("same"));
        fs::write(&path, vec![7; 3 * BLOCK + 5]).unwrap();
        fs::hard_link(&path, &other_name).unwrap();
        erase(folder.path(), "a.wav").unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(&other_name).unwrap(), vec![0; 3 * BLOCK + 5]);
        erase(folder.path(), "a.wav").unwrap();
    }

    #[test]
    fn nothing_outside_the_folder_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("recordings");
        fs::create_dir(&inside).unwrap();
        fs::write(folder.path().join("plan"), "kept").unwrap();
        for path in ["../plan", "", "/etc/hostname"] {
            assert!(erase(&inside, path).is_err(), "{path}");
        }
        assert_eq!(fs::read(folder.path().join("plan")).unwrap(), b"kept");
    }
}
