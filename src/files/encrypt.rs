//! Puts the encrypted form of a recording into the place of the plain one. Each step may be the last before a crash, and doing
//! it all again finishes it: the encrypted file is whole, durable, and read back with the digest that was sealed before the
//! plain one is overwritten. A file that is not what was sealed stays as it is, for `ringback verify` to tell what was done to it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::encrypted_file::{ContentFile, encrypted_path, unfinished_path};
use super::recording_digest::examine_content;
use crate::content_key::{ContentKey, Cut, Header, KEY_LEN, SegmentCipher};
use crate::digest::Sha256;
use crate::recording::Sound;
use crate::wav::HEADER_LEN;
use crate::wav::header::FRAME_LEN;

/// Octets written between two syncs: the disk is never asked for so much at once that calls beside it wait.
const SYNC_EVERY: u64 = 4 << 20;
/// Octets overwritten at once.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Why a recording could not be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// Neither form of the file has the digest that was sealed.
    #[error("{path}: it is not what was sealed, and stays as it is")]
    Altered { path: PathBuf },
    /// Tried again later.
    #[error("{path}: somebody is reading it")]
    InUse { path: PathBuf },
}

/// A sealed recording, and what to encrypt it with.
#[derive(Clone, Debug)]
pub struct ToEncrypt {
    /// The plain file.
    pub path: PathBuf,
    pub id: Uuid,
    /// Hz.
    pub sample_rate: u32,
    /// Of the plain file, as sealed.
    pub sha256: Sha256,
    pub key: ContentKey,
    /// Random, for this file alone.
    pub salt: [u8; KEY_LEN],
}

/// Encrypts the file and removes the plain one; nothing is left to do where that was done before. Octets of the plain file.
///
/// # Errors
/// The plain file is there with all it had, or the encrypted one is whole.
pub fn encrypt(file: &ToEncrypt) -> Result<u64, EncryptError> {
    let path = &file.path;
    let io_error = |source| EncryptError::Io { path: path.clone(), source };
    let encrypted = encrypted_path(path);
    let plain = match File::options().read(true).write(true).open(path) {
        Ok(plain) => Some(plain),
        Err(error) if error.kind() == io::ErrorKind::NotFound && encrypted.exists() => None,
        Err(error) => return Err(io_error(error)),
    };
    let is_made = encrypted.exists() && file.is_whole(&encrypted);
    let Some(plain) = plain else {
        let altered = || EncryptError::Altered { path: encrypted.clone() };
        return if is_made { Ok(0) } else { Err(altered()) };
    };
    if !is_made {
        file.make(&plain, &encrypted)?;
    }
    match plain.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(EncryptError::InUse { path: path.clone() }),
        Err(TryLockError::Error(error)) => return Err(io_error(error)),
    }
    let length = plain.metadata().map_err(io_error)?.len();
    overwrite(&plain, length)
        .and_then(|()| fs::remove_file(path))
        .and_then(|()| sync_folder(path))
        .map_err(io_error)?;
    Ok(length)
}

impl ToEncrypt {
    /// Makes the encrypted form under another name, reads it back, and gives it its own when it is what was sealed.
    fn make(&self, plain: &File, encrypted: &Path) -> Result<(), EncryptError> {
        let io_error = |source| EncryptError::Io { path: self.path.clone(), source };
        let unnamed = unfinished_path(&self.path);
        let made = self.write(plain, &unnamed).map_err(io_error).and_then(|()| {
            if !self.is_whole(&unnamed) {
                return Err(EncryptError::Altered { path: self.path.clone() });
            }
            fs::rename(&unnamed, encrypted).and_then(|()| sync_folder(encrypted)).map_err(io_error)
        });
        if made.is_err() {
            fs::remove_file(&unnamed).ok();
        }
        made
    }

    fn write(&self, plain: &File, unnamed: &Path) -> io::Result<()> {
        let length = plain.metadata()?.len();
        let second = self.sample_rate.saturating_mul(FRAME_LEN as u32).max(1);
        let cut = Cut { first: HEADER_LEN as u32, each: second };
        let cipher = SegmentCipher::new(&self.key, Header { id: self.id, cut, length, salt: self.salt });
        let mut file = File::create(unnamed)?;
        file.write_all(&cipher.header.to_bytes())?;
        let mut unsynced = 0;
        for index in 0..cipher.header.segments() {
            let segment = cipher.header.segment(index);
            let mut content = vec![0; usize::try_from(segment.length).unwrap_or_default()];
            plain.read_exact_at(&mut content, segment.start)?;
            cipher.seal(&segment, &mut content).map_err(io::Error::other)?;
            file.write_all(&content)?;
            unsynced += segment.sealed_len();
            if unsynced >= SYNC_EVERY {
                file.sync_data()?;
                unsynced = 0;
            }
        }
        file.sync_all()
    }

    /// True when the encrypted file at `path` opens and has the digest that was sealed.
    fn is_whole(&self, path: &Path) -> bool {
        let examined = File::open(path)
            .and_then(|file| ContentFile::encrypted(file, self.id, Some(&self.key), false))
            .and_then(|mut content| examine_content(&mut content, &Sound::default()));
        examined.is_ok_and(|examined| examined.sha256 == self.sha256)
    }
}

/// What lay in the file's blocks is not left to whoever reads the disk; a disk that writes elsewhere keeps it, and an encrypted
/// disk helps (docs/administrator.md).
fn overwrite(plain: &File, length: u64) -> io::Result<()> {
    let mut at = 0;
    while at < length {
        let piece = (length - at).min(ZEROS.len() as u64);
        plain.write_all_at(&ZEROS[..usize::try_from(piece).unwrap_or_default()], at)?;
        at += piece;
        if at.is_multiple_of(SYNC_EVERY) {
            plain.sync_data()?;
        }
    }
    plain.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
#[path = "encrypt_tests.rs"]
mod tests;
