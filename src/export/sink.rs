//! Where a bundle's files go: a folder, or a ZIP in which sound and pictures are stored as they are. Every file is digested on
//! its way.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{ExportError, Progress};
use crate::bundle::vcon::ContentHasher;
use crate::digest::{Hasher, Sha256};

/// Octets copied at once.
const BLOCK: usize = 64 * 1024;

/// What a bundle is written as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Folder,
    Zip,
}

#[derive(Debug)]
pub(super) enum Sink {
    Folder(PathBuf),
    Zip(Box<ZipWriter<BufWriter<File>>>),
}

/// Digests of one file as it was written.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) sha256: Sha256,
    pub(super) content_hash: String,
}

impl Sink {
    /// # Errors
    /// When something is there already.
    pub(super) fn create(place: &Path, form: Form) -> io::Result<Self> {
        match form {
            Form::Folder => {
                fs::create_dir(place)?;
                Ok(Self::Folder(place.to_owned()))
            }
            Form::Zip => {
                let file = File::options().write(true).create_new(true).open(place)?;
                Ok(Self::Zip(Box::new(ZipWriter::new(BufWriter::new(file)))))
            }
        }
    }

    pub(super) fn put_text(&mut self, name: &str, text: &str) -> Result<Written, ExportError> {
        self.put(name, true, &mut text.as_bytes(), &Progress::default(), &mut |_| {})
    }

    /// Copies `from` to its end; `observe` sees what goes by.
    pub(super) fn put(
        &mut self,
        name: &str,
        is_text: bool,
        from: &mut dyn Read,
        progress: &Progress,
        observe: &mut dyn FnMut(&[u8]),
    ) -> Result<Written, ExportError> {
        let mut file;
        let to: &mut dyn Write = match self {
            Self::Folder(folder) => {
                let path = folder.join(name);
                let made =
                    path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create_new(path));
                file = made.map_err(ExportError::file(name))?;
                &mut file
            }
            Self::Zip(zip) => {
                let method = if is_text { CompressionMethod::Deflated } else { CompressionMethod::Stored };
                // Sound of 37 hours does not fit into 4 GiB less a head; the wider form costs 20 octets.
                let options = SimpleFileOptions::default()
                    .compression_method(method)
                    .large_file(!is_text)
                    .unix_permissions(0o644);
                zip.start_file(name, options).map_err(|error| ExportError::file(name)(error.into()))?;
                zip.as_mut()
            }
        };
        copy(from, to, progress, observe).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => ExportError::Stopped,
            _ => ExportError::file(name)(error),
        })
    }

    /// Everything is on the disk when it returns.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Folder(folder) => File::open(folder)?.sync_all(),
            Self::Zip(zip) => {
                let written = zip.finish()?;
                written.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
            }
        }
    }
}

/// `Interrupted` when the work was stopped.
fn copy(
    from: &mut dyn Read,
    to: &mut dyn Write,
    progress: &Progress,
    observe: &mut dyn FnMut(&[u8]),
) -> io::Result<Written> {
    let (mut sha256, mut content) = (Hasher::default(), ContentHasher::default());
    let mut block = vec![0; BLOCK];
    loop {
        if progress.is_stopped.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = match from.read(&mut block) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        to.write_all(&block[..len])?;
        sha256.update(&block[..len]);
        content.update(&block[..len]);
        observe(&block[..len]);
        progress.done.fetch_add(len as u64, Ordering::Relaxed);
    }
    Ok(Written { sha256: sha256.finish(), content_hash: content.finish() })
}
