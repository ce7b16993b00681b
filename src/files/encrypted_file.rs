//! A file of content, plain or encrypted: everybody who opens a recording does it here, and reads what was recorded. Encrypted
//! it lies beside its plain name with `.enc` behind it; who encrypts it is `encrypt`. What the octets look like is
//! `content_key/`.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::content_key::{ContentKey, Header, OfAnother, Segment, SegmentCipher};

/// Behind the name of a plain file: `NAME.wav.enc`.
pub const ENCRYPTED: &str = "enc";
/// Tries to open a file that is being encrypted in this very moment; each ends in a step that happens once.
const TRIES: usize = 3;
/// What stands in the place of a segment that does not open, for who goes on behind it: no silence, which sound may have.
const BROKEN: u8 = 0xA5;

/// Where the encrypted form of the file at `plain` lies.
pub fn encrypted_path(plain: &Path) -> PathBuf {
    let mut name = OsString::from(plain);
    name.push(".");
    name.push(ENCRYPTED);
    name.into()
}

/// Where it lies until it is whole; a crash may leave it there, and nobody can read it.
pub fn unfinished_path(plain: &Path) -> PathBuf {
    plain.with_extension("encrypting")
}

/// An open file of content.
#[derive(Debug)]
pub struct ContentFile {
    form: Form,
    at: u64,
}

#[derive(Debug)]
enum Form {
    /// Locked, shared: it is not overwritten while somebody reads it.
    Plain(File),
    Encrypted(Box<Encrypted>),
}

#[derive(Debug)]
struct Encrypted {
    file: File,
    cipher: SegmentCipher,
    /// The segment read last, opened.
    opened: Option<(Segment, Vec<u8>)>,
    /// What does not open is told as such; otherwise it ends the reading.
    goes_on: bool,
    damage: Damage,
}

/// What an encrypted file suffered, as far as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Damage {
    /// A segment did not open.
    pub is_broken: bool,
    /// Octets behind the last segment.
    pub appended: u64,
}

impl ContentFile {
    /// Opens the file at `plain`, or its encrypted form, which holds what `id` names. The encrypted one counts where both
    /// are: the other is about to go.
    ///
    /// # Errors
    /// `NotFound` when there is neither, `PermissionDenied` when it is encrypted and there is no key, `InvalidData` for what
    /// is no encrypted file or belongs to another ([`OfAnother`]).
    pub fn open(plain: &Path, id: Uuid, key: Option<&ContentKey>) -> io::Result<Self> {
        Self::open_as(plain, id, key, false)
    }

    /// The same for who wants to know everything that is wrong with it: a segment that does not open is read as noise, and
    /// [`Self::damage`] tells.
    pub fn open_to_examine(plain: &Path, id: Uuid, key: Option<&ContentKey>) -> io::Result<Self> {
        Self::open_as(plain, id, key, true)
    }

    fn open_as(plain: &Path, id: Uuid, key: Option<&ContentKey>, goes_on: bool) -> io::Result<Self> {
        let encrypted = encrypted_path(plain);
        for _ in 0..TRIES {
            match File::open(&encrypted) {
                Ok(file) => return Self::encrypted(file, id, key, goes_on),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            let file = match File::open(plain) {
                Ok(file) => file,
                // Encrypted since the first look.
                Err(error) if error.kind() == io::ErrorKind::NotFound && encrypted.exists() => continue,
                Err(error) => return Err(error),
            };
            match file.lock_shared() {
                // A folder without locks: nothing is overwritten there either.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
                locked => locked?,
            }
            // Who overwrites it has made its encrypted form before.
            if !encrypted.exists() {
                return Ok(Self { form: Form::Plain(file), at: 0 });
            }
        }
        Err(io::ErrorKind::NotFound.into())
    }

    pub(super) fn encrypted(
        file: File,
        id: Uuid,
        key: Option<&ContentKey>,
        goes_on: bool,
    ) -> io::Result<Self> {
        let mut head = [0; Header::LEN];
        file.read_exact_at(&mut head, 0)?;
        let header = Header::parse(&head).map_err(invalid)?;
        if header.id != id {
            return Err(invalid(OfAnother(header.id)));
        }
        let missing =
            || io::Error::new(io::ErrorKind::PermissionDenied, "it is encrypted, and its key is not there");
        let cipher = SegmentCipher::new(key.ok_or_else(missing)?, header);
        let appended = file.metadata()?.len().saturating_sub(header.file_len());
        let damage = Damage { is_broken: false, appended };
        let encrypted = Encrypted { file, cipher, opened: None, goes_on, damage };
        Ok(Self { form: Form::Encrypted(Box::new(encrypted)), at: 0 })
    }

    /// Octets of the content.
    pub fn length(&self) -> io::Result<u64> {
        match &self.form {
            Form::Plain(file) => Ok(file.metadata()?.len()),
            Form::Encrypted(encrypted) => Ok(encrypted.cipher.header.length),
        }
    }

    /// What reading has found so far; none of a plain file, whose octets speak for themselves.
    pub fn damage(&self) -> Damage {
        match &self.form {
            Form::Plain(_) => Damage::default(),
            Form::Encrypted(encrypted) => encrypted.damage,
        }
    }
}

impl Read for ContentFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.form {
            Form::Plain(file) => file.read_at(into, self.at)?,
            Form::Encrypted(encrypted) => encrypted.read_at(into, self.at)?,
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for ContentFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length()?.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Encrypted {
    fn read_at(&mut self, into: &mut [u8], at: u64) -> io::Result<usize> {
        if into.is_empty() || at >= self.cipher.header.length {
            return Ok(0);
        }
        let segment = self.cipher.header.segment_at(at);
        let (_, content) = match self.opened.take_if(|(opened, _)| *opened == segment) {
            Some(opened) => self.opened.insert(opened),
            None => {
                let Some(content) = self.open_segment(&segment)? else { return Ok(0) };
                self.opened.insert((segment, content))
            }
        };
        let inside = usize::try_from(at - segment.start).unwrap_or(usize::MAX);
        let rest = content.get(inside..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    /// None where the file was cut, for who goes on.
    fn open_segment(&mut self, segment: &Segment) -> io::Result<Option<Vec<u8>>> {
        let length = usize::try_from(segment.sealed_len()).unwrap_or(usize::MAX);
        let mut content = vec![0; length];
        match self.file.read_exact_at(&mut content, segment.in_file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && self.goes_on => return Ok(None),
            Err(error) => return Err(error),
        }
        match self.cipher.open(segment, &mut content) {
            Ok(()) => Ok(Some(content)),
            Err(_) if self.goes_on => {
                self.damage.is_broken = true;
                Ok(Some(vec![BROKEN; usize::try_from(segment.length).unwrap_or_default()]))
            }
            Err(error) => Err(invalid(error)),
        }
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
