//! The folder of the recordings: makes files in it that are there after a power cut, name and all. What is written into
//! them is `recording_writer`'s.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::leaf_pages::LeafPages;
use crate::recording::Impairment;
use crate::wav::RecordingHeader;

#[derive(Debug, thiserror::Error)]
pub enum RecordingFileError {
    #[error("recording path {0:?} leaves the recording folder")]
    Path(String),
    #[error("cannot create {path}: {source}")]
    Create { path: PathBuf, source: io::Error },
}

impl RecordingFileError {
    /// What it says about the disk; nothing when the fault is in what was asked for.
    pub fn impairment(&self) -> Option<Impairment> {
        match self {
            Self::Create { source, .. } if source.kind() != io::ErrorKind::AlreadyExists => {
                Some(Impairment::of(source))
            }
            Self::Create { .. } | Self::Path(_) => None,
        }
    }
}

/// What a file is called until it has its head: whoever finds a recording can open it, whenever we were killed.
pub const UNNAMED: &str = "part";

/// Where the recordings of one thread are made.
#[derive(Debug)]
pub struct RecordingFolder {
    root: PathBuf,
    /// The folder in it whose own name is known to be durable: that of the day, nearly always.
    durable: Option<PathBuf>,
    /// Of the recordings that are being written.
    pub(super) leaf_pages: Arc<LeafPages>,
}

impl RecordingFolder {
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let leaf_pages = LeafPages::new(root.clone());
        Self { root, durable: None, leaf_pages }
    }

    /// Creates a file durably, its head written. An existing file is never touched.
    pub(super) fn create(
        &mut self,
        path: &str,
        header: &RecordingHeader,
    ) -> Result<(PathBuf, File), RecordingFileError> {
        let path = self.path_within(path)?;
        match self.create_durably(&path, header) {
            Ok(file) => Ok((path, file)),
            Err(source) => Err(RecordingFileError::Create { path, source }),
        }
    }

    /// Only plain names below the folder: the path comes from the database.
    fn path_within(&self, path: &str) -> Result<PathBuf, RecordingFileError> {
        let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || !plain {
            return Err(RecordingFileError::Path(path.to_owned()));
        }
        Ok(self.root.join(path))
    }

    fn create_durably(&mut self, path: &Path, header: &RecordingHeader) -> io::Result<File> {
        if let Some(parent) = path.parent().filter(|parent| !parent.is_dir()) {
            self.durable = None;
            fs::create_dir_all(parent)?;
        }
        let unnamed = path.with_extension(UNNAMED);
        let file = File::options().read(true).write(true).create_new(true).open(&unnamed)?;
        let made = file
            .write_all_at(&header.to_bytes(0, 0), 0)
            .and_then(|()| file.sync_all())
            .and_then(|()| name(&unnamed, path))
            .and_then(|()| self.make_name_durable(path).inspect_err(|_| remove(path)));
        if made.is_err() {
            remove(&unnamed);
        }
        made.map(|()| file)
    }

    /// The name of a file is durable once every folder on the way is; all but the last are synced once a day.
    fn make_name_durable(&mut self, path: &Path) -> io::Result<()> {
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root)) {
            File::open(folder)?.sync_all()?;
            if self.durable.as_deref() == Some(folder) {
                return Ok(());
            }
        }
        self.durable = path.parent().map(Path::to_owned);
        Ok(())
    }
}

/// Renames a file. Another of that name stays; only we make files here, and each has a name of its own.
fn name(unnamed: &Path, path: &Path) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(unnamed, path)
}

/// A file that could not be made is no recording.
fn remove(path: &Path) {
    fs::remove_file(path).ok();
}
