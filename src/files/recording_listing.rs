//! The sound files below the folder of the recordings, plain and encrypted, one after the other and in an order that is always
//! the same, without a list of all of them. Whether each has its row is asked in `store/verify/sound.rs`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What administrators dictate is no call: those files go when the prompt is kept.
const DICTATIONS: &str = "dictations";
/// A file as young as this may have its row still on the way.
const SET_UP: Duration = Duration::from_secs(60);
/// Folders in folders; ours lie three deep.
const MAX_DEPTH: usize = 8;
/// What an encrypted file has behind its plain name.
const ENCRYPTED: &str = ".enc";

/// Paths of files named `.wav` or `.wav.enc`, relative to `root` and as their rows have them, but for those just made. One folder's names are in memory at a time,
/// and those of the folders above it.
pub fn recording_paths(root: &Path) -> impl Iterator<Item = io::Result<String>> + Send + use<> {
    Listing { root: root.to_owned(), ahead: vec![root.to_owned()] }
}

struct Listing {
    root: PathBuf,
    /// What is still to be looked at, the next one last.
    ahead: Vec<PathBuf>,
}

impl Iterator for Listing {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let path = self.ahead.pop()?;
            let within = path.strip_prefix(&self.root).unwrap_or(&path);
            // Gone since its folder was read: a call that was never answered.
            let Ok(kind) = fs::symlink_metadata(&path) else { continue };
            if !kind.is_dir() {
                let is_young = kind.modified().is_ok_and(|at| at.elapsed().map_or(true, |age| age < SET_UP));
                let within = within.to_string_lossy();
                let plain = within.strip_suffix(ENCRYPTED).unwrap_or(&within);
                if plain.ends_with(".wav") && !is_young {
                    return Some(Ok(plain.to_owned()));
                }
            } else if within != Path::new(DICTATIONS) && within.components().count() < MAX_DEPTH {
                let names = fs::read_dir(&path)
                    .and_then(|folder| folder.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
                match names {
                    Ok(mut names) => {
                        names.sort_unstable_by(|a, b| b.cmp(a));
                        self.ahead.extend(names);
                    }
                    Err(error) => {
                        return Some(Err(io::Error::new(
                            error.kind(),
                            format!("{}: {error}", path.display()),
                        )));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn every_old_sound_file_is_listed_once_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let old = SystemTime::UNIX_EPOCH;
        for path in [
            "2026/11/21/b.wav",
            "2026/11/21/a.wav",
            "2026/11/09/c.wav",
            "dictations/d.wav",
            "e.wav.enc",
            "f.txt",
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::File::create(&path).unwrap().set_modified(old).unwrap();
        }
        fs::write(folder.path().join("2026/11/21/young.wav"), "").unwrap();
        let paths: Vec<String> = recording_paths(folder.path()).map(Result::unwrap).collect();
        assert_eq!(paths, ["2026/11/09/c.wav", "2026/11/21/a.wav", "2026/11/21/b.wav", "e.wav"]);
        assert!(recording_paths(&folder.path().join("none")).next().is_none());
    }
}
