//! A recording's digests as the file lies on the disk now, plain or encrypted: of the whole, of its head, and of each second of
//! sound, in one pass and in little memory. What they are held against is `store/verify/`'s; while a file is written its digests
//! are computed by `recording_writer`.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::encrypted_file::ContentFile;
use crate::content_key::ContentKey;
use crate::digest::{Hasher, Sha256};
use crate::ids::RecordingId;
use crate::recording::{Examined, SecondHasher, Sound};
use crate::wav::HEADER_LEN;
use crate::wav::header::FRAME_LEN;

/// Octets read at once for a digest.
const DIGEST_BLOCK: usize = 64 * 1024;

/// The digest of a recording as it is now: SHA-256 of everything behind the head, then of the head. The head alone
/// changes while a call is recorded, so the digest of the rest is computed as it is written (decision 0009). With
/// common tools: `(tail -c +685 F; head -c 684 F) | sha256sum`.
pub fn recording_digest(path: &Path) -> io::Result<Sha256> {
    Ok(examine(path, RecordingId(uuid::Uuid::nil()), None, &Sound::default())?.sha256)
}

/// All digests of what the file at `path` holds, plain or encrypted with `key`, taken for a recording of so much sound. Where
/// a second was tampered with, its digest is another, and that of the whole; behind it the next ones count.
///
/// # Errors
/// As [`ContentFile::open`].
pub fn examine(
    path: &Path,
    recording: RecordingId,
    key: Option<&ContentKey>,
    sound: &Sound,
) -> io::Result<Examined> {
    let mut content = ContentFile::open_to_examine(path, recording.0, key)?;
    let mut examined = examine_content(&mut content, sound)?;
    let damage = content.damage();
    if damage.is_broken || damage.appended > 0 {
        // Whatever was read in the place of what does not open: it is not what was sealed.
        examined.beginning = examined.beginning.filter(|_| !damage.is_broken);
        examined.sha256 = Sha256::of(&[b"damaged".as_slice(), &examined.sha256.0].concat());
        examined.length += damage.appended;
    }
    Ok(examined)
}

pub(super) fn examine_content(file: &mut (impl Read + Seek), sound: &Sound) -> io::Result<Examined> {
    let mut behind = Hasher::default();
    let mut head = Vec::with_capacity(HEADER_LEN);
    file.seek(SeekFrom::Start(0))?;
    (&mut *file).take(HEADER_LEN as u64).read_to_end(&mut head)?;
    let mut seconds = SecondHasher::new(u64::from(sound.sample_rate) * FRAME_LEN);
    let mut unheard = sound.frames * FRAME_LEN;
    let mut length = head.len() as u64;
    let whole = |behind: &Hasher| {
        let mut digest = behind.clone();
        digest.update(&head);
        digest.finish()
    };
    let mut beginning = (sound.length == Some(length)).then(|| whole(&behind));
    let mut block = vec![0; DIGEST_BLOCK];
    loop {
        let len = match file.read(&mut block)? {
            0 => break,
            len => len,
        };
        let heard = usize::try_from(unheard).unwrap_or(usize::MAX).min(len);
        seconds.update(&block[..heard]);
        unheard -= heard as u64;
        match sound.length.and_then(|sealed| usize::try_from(sealed.checked_sub(length)?).ok()) {
            Some(cut) if cut > 0 && cut <= len => {
                behind.update(&block[..cut]);
                beginning = Some(whole(&behind));
                behind.update(&block[cut..len]);
            }
            _ => behind.update(&block[..len]),
        }
        length += len as u64;
    }
    Ok(Examined {
        sha256: whole(&behind),
        beginning,
        head: Sha256::of(&head),
        length,
        sample_rate: sound.sample_rate,
        seconds: seconds.finish(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RECORDING: RecordingId = RecordingId(uuid::Uuid::from_u128(1));

    #[test]
    fn what_was_appended_is_told_from_what_was_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let whole: Vec<u8> = (0..HEADER_LEN + 200_000).map(|at| (at % 253) as u8).collect();
        for sealed in [HEADER_LEN, HEADER_LEN + 1, HEADER_LEN + DIGEST_BLOCK, HEADER_LEN + 100_001] {
            std::fs::write(&path, &whole[..sealed]).unwrap();
            let sound = Sound { sample_rate: 8000, frames: 50_000, length: Some(sealed as u64) };
            let before = examine(&path, RECORDING, None, &sound).unwrap();
            assert_eq!(before.beginning, Some(before.sha256), "{sealed}");
            std::fs::write(&path, &whole).unwrap();
            let after = examine(&path, RECORDING, None, &sound).unwrap();
            assert_eq!(after.beginning, Some(before.sha256), "{sealed}");
            assert_ne!(after.sha256, before.sha256);
            assert_eq!((after.length, after.seconds.leaves().len()), (whole.len() as u64, 7));
        }
        std::fs::write(&path, &whole[..100]).unwrap();
        let sound = Sound { sample_rate: 8000, frames: 9, length: Some(200) };
        let short = examine(&path, RECORDING, None, &sound).unwrap();
        assert_eq!((short.beginning, short.length, short.seconds.leaves().len()), (None, 100, 0));
    }
}
