//! Asks the disk of the recordings whether it would take another one: room above the floor, and a small file that is
//! made, synced and removed. What the answer means for calls is `recording/`'s.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::statvfs;

use crate::recording::Impairment;

/// No recording is called so, and no listing shows it.
const NAME: &str = ".ringback-probe";
/// Octets written: two seconds of a call, so that a disk with a few crumbs left does not pass for one with room.
static PROBE: [u8; 64 * 1024] = [0; 64 * 1024];

/// Blocks for as long as the disk does. `floor` is the least room, octets; 0 asks for none.
pub fn probe(folder: &Path, floor: u64) -> Result<(), Impairment> {
    let failed = |error: io::Error| {
        tracing::debug!(folder = %folder.display(), %error, "the disk refused a probe");
        Impairment::of(&error)
    };
    if floor > 0 && free(folder).map_err(failed)? < floor {
        return Err(Impairment::LowSpace);
    }
    let path = folder.join(NAME);
    let written = write(&path);
    // Also what was written in part; what stays is overwritten by the next probe.
    fs::remove_file(&path).ok();
    written.map_err(failed)
}

/// Octets that we may still write.
fn free(folder: &Path) -> io::Result<u64> {
    let room = statvfs(folder)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

fn write(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(&PROBE)?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_good_disk_passes_and_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(probe(folder.path(), 0), Ok(()));
        assert_eq!(probe(folder.path(), 1), Ok(()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_floor_above_the_room_and_a_folder_that_is_gone_are_found() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(probe(folder.path(), u64::MAX), Err(Impairment::LowSpace));
        assert_eq!(probe(&folder.path().join("gone"), 0), Err(Impairment::DiskError));
    }

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        // Every write to it says that no space is left.
        assert_eq!(
            write(Path::new("/dev/full")).map_err(|error| Impairment::of(&error)),
            Err(Impairment::DiskFull)
        );
    }
}
