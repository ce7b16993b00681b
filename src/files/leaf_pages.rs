//! Where the digests of a long recording's seconds wait until it is sealed: in one nameless file for all recordings of a
//! writer, by pages of about a minute, so that an hour's call takes no more memory than a short one. The file is gone with the
//! program; what a crash leaves unsealed is digested anew by `recording_repair`. Where no such file can be made or
//! written they wait in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::digest::Sha256;

/// Digests of one page: seconds of one recording.
pub(super) const PAGE: usize = 64;
const DIGEST_LEN: usize = 32;
const PAGE_LEN: usize = PAGE * DIGEST_LEN;

#[derive(Debug)]
pub(super) struct LeafPages {
    folder: PathBuf,
    /// Opened with the first page; none where the file system has no nameless files.
    file: OnceLock<Option<File>>,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    /// Behind the last page of the file.
    end: u64,
    /// Pages that nobody has any more.
    free: Vec<u64>,
}

impl LeafPages {
    pub(super) fn new(folder: PathBuf) -> Arc<Self> {
        Arc::new(Self { folder, file: OnceLock::new(), places: Mutex::default() })
    }

    fn file(&self) -> io::Result<&File> {
        let open = || {
            let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
            openat(CWD, &self.folder, flags, Mode::RUSR | Mode::WUSR).map(File::from).ok()
        };
        self.file.get_or_init(open).as_ref().ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn take(&self) -> u64 {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.free.pop().unwrap_or_else(|| {
            places.end += 1;
            places.end - 1
        })
    }

    fn give_back(&self, mut taken: Vec<u64>) {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).free.append(&mut taken);
    }
}

/// The pages of one recording; they are free again when it is dropped.
#[derive(Debug)]
pub(super) struct Kept {
    pages: Arc<LeafPages>,
    places: Vec<u64>,
}

impl Kept {
    pub(super) fn new(pages: Arc<LeafPages>) -> Self {
        Self { pages, places: Vec::new() }
    }

    /// Keeps the next page.
    ///
    /// # Errors
    /// When it could not be written; then it is not kept.
    pub(super) fn push(&mut self, page: &[Sha256; PAGE]) -> io::Result<()> {
        let file = self.pages.file()?;
        let octets: Vec<u8> = page.iter().flat_map(|leaf| leaf.0).collect();
        let place = self.pages.take();
        self.places.push(place);
        file.write_all_at(&octets, place * PAGE_LEN as u64).inspect_err(|_| {
            self.places.pop();
            self.pages.give_back(vec![place]);
        })
    }

    /// All that were kept, in their order.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub(super) fn read(&self) -> io::Result<Vec<Sha256>> {
        let mut leaves = Vec::with_capacity((self.places.len() + 1) * PAGE);
        let mut octets = [0; PAGE_LEN];
        for place in &self.places {
            self.pages.file()?.read_exact_at(&mut octets, place * PAGE_LEN as u64)?;
            leaves.extend(octets.as_chunks::<DIGEST_LEN>().0.iter().map(|leaf| Sha256(*leaf)));
        }
        Ok(leaves)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.pages.give_back(std::mem::take(&mut self.places));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn page(number: u8) -> [Sha256; PAGE] {
        std::array::from_fn(|index| Sha256::of(&[number, index as u8]))
    }

    #[test]
    fn pages_come_back_in_order_and_are_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let pages = LeafPages::new(folder.path().to_owned());
        let (mut one, mut other) = (Kept::new(pages.clone()), Kept::new(pages.clone()));
        for number in 0..5 {
            one.push(&page(number)).unwrap();
            other.push(&page(100 + number)).unwrap();
        }
        let all = |from: u8| (from..from + 5).flat_map(page).collect::<Vec<_>>();
        assert_eq!((one.read().unwrap(), other.read().unwrap()), (all(0), all(100)));
        drop(one);
        let mut third = Kept::new(pages.clone());
        (0..5).for_each(|number| third.push(&page(number)).unwrap());
        assert_eq!(pages.places.lock().unwrap().end, 10, "nothing grows where pages are free");
        assert_eq!((third.read().unwrap(), other.read().unwrap()), (all(0), all(100)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it has no name");
    }

    #[test]
    fn a_folder_that_is_not_there_keeps_nothing() {
        let mut kept = Kept::new(LeafPages::new("/nowhere/at/all".into()));
        assert!(kept.push(&page(1)).is_err());
        assert_eq!(kept.read().unwrap(), []);
    }
}
