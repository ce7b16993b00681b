//! Recordings with real sound: encrypted, read from anywhere, interrupted at each step, tampered with; and what an hour of it
//! costs.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{Read as _, Seek as _, SeekFrom};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::files::{RecordingFolder, RecordingWriter, examine};
use crate::ids::RecordingId;
use crate::recording::{Examined, Marker};
use crate::time::Timestamp;
use crate::wav::RecordingHeader;

const ID: Uuid = Uuid::from_u128(1);
const KEY: ContentKey = ContentKey::new([3; KEY_LEN]);

/// Seconds of noise, a tenth at the end, one marker.
struct Scene {
    folder: tempfile::TempDir,
    file: ToEncrypt,
    plain: Vec<u8>,
    sound: Sound,
}

impl Scene {
    fn new(seconds: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let header = RecordingHeader {
            started_at: Timestamp::from_micros(0),
            sample_rate: 8000,
            description: "test".into(),
            reference: "a contact".into(),
        };
        let made = &mut RecordingFolder::new(folder.path());
        let mut writer = RecordingWriter::create(made, RecordingId(ID), "a.wav", header).unwrap();
        let mut noise = StdRng::seed_from_u64(u64::from(seconds));
        for _ in 0..seconds * 10 + 1 {
            let frames: Vec<u8> = (0..3200).map(|_| noise.random()).collect();
            writer.append(&frames).unwrap();
        }
        writer.mark(Marker { offset_ms: 100, label: "contact.queued".into() });
        let sealed = writer.seal();
        let path = folder.path().join("a.wav");
        let plain = fs::read(&path).unwrap();
        let length = Some(plain.len() as u64);
        let sound = Sound { sample_rate: 8000, frames: sealed.frames, length };
        let sha256 = sealed.sha256.unwrap();
        let file = ToEncrypt { path, id: ID, sample_rate: 8000, sha256, key: KEY, salt: [9; KEY_LEN] };
        Self { folder, file, plain, sound }
    }

    fn encrypted(&self) -> PathBuf {
        encrypted_path(&self.file.path)
    }

    fn open(&self) -> io::Result<ContentFile> {
        ContentFile::open(&self.file.path, ID, Some(&KEY))
    }

    fn examined(&self) -> Examined {
        examine(&self.file.path, RecordingId(ID), Some(&KEY), &self.sound).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn assert_readable(&self) {
        let mut content = Vec::new();
        self.open().unwrap().read_to_end(&mut content).unwrap();
        assert_eq!(content, self.plain);
    }
}

/// True when any 16 octets of `plain` that begin at a multiple of 16 stand in `file`.
fn holds_any_of(file: &[u8], plain: &[u8]) -> bool {
    let pieces: std::collections::BTreeSet<&[u8]> = plain.chunks_exact(16).collect();
    file.windows(16).any(|window| pieces.contains(window))
}

#[test]
fn what_was_encrypted_reads_as_before_and_is_nowhere_in_the_folder() {
    let scene = Scene::new(3);
    let before = scene.examined();
    assert_eq!(encrypt(&scene.file).unwrap(), scene.plain.len() as u64);
    assert_eq!(scene.names(), ["a.wav.enc"]);
    assert!(!holds_any_of(&fs::read(scene.encrypted()).unwrap(), &scene.plain[HEADER_LEN..]));
    scene.assert_readable();
    assert_eq!(scene.examined(), before, "digests are those of the sound");
    assert_eq!(scene.open().unwrap().length().unwrap(), scene.plain.len() as u64);
    assert_eq!(encrypt(&scene.file).unwrap(), 0, "once");
    let without = ContentFile::open(&scene.file.path, ID, None).unwrap_err();
    assert_eq!(without.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn any_part_is_read_from_anywhere() {
    let scene = Scene::new(4);
    encrypt(&scene.file).unwrap();
    let mut content = scene.open().unwrap();
    let mut random = StdRng::seed_from_u64(7);
    let end = scene.plain.len();
    for _ in 0..300 {
        let from = random.random_range(0..end);
        let count = random.random_range(0..end - from + 1);
        content.seek(SeekFrom::Start(from as u64)).unwrap();
        let mut part = vec![0; count];
        content.read_exact(&mut part).unwrap();
        assert_eq!(part, scene.plain[from..from + count], "{count} from {from}");
    }
    assert_eq!(content.seek(SeekFrom::End(-4)).unwrap(), end as u64 - 4);
    assert_eq!(content.read_to_end(&mut Vec::new()).unwrap(), 4);
}

#[test]
fn a_crash_at_any_step_is_finished_by_doing_it_again() {
    let whole = Scene::new(2);
    encrypt(&whole.file).unwrap();
    let encrypted = fs::read(whole.encrypted()).unwrap();
    let half = &encrypted[..encrypted.len() / 2];
    // What lies in the folder when the program dies: plain file, unfinished one, encrypted one.
    let plain = whole.plain.clone();
    let mut overwritten = plain.clone();
    overwritten[..40_000].fill(0);
    type Octets<'o> = Option<&'o [u8]>;
    let cases: [(&str, Octets<'_>, Octets<'_>, Octets<'_>); 6] = [
        ("while it is written", Some(&plain), Some(half), None),
        ("before it has its name", Some(&plain), Some(&encrypted), None),
        ("once it has its name", Some(&plain), None, Some(&encrypted)),
        ("while the plain one is overwritten", Some(&overwritten), None, Some(&encrypted)),
        ("once the plain one is gone", None, None, Some(&encrypted)),
        ("where the disk lost the end of the encrypted one", Some(&plain), None, Some(half)),
    ];
    for (what, plain, unnamed, named) in cases {
        let scene = Scene::new(2);
        let unnamed_path = unfinished_path(&scene.file.path);
        let paths = [scene.file.path.clone(), unnamed_path, scene.encrypted()];
        for (path, bytes) in paths.iter().zip([plain, unnamed, named]) {
            match bytes {
                Some(bytes) => fs::write(path, bytes).unwrap(),
                None => drop(fs::remove_file(path)),
            }
        }
        encrypt(&scene.file).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(scene.names(), ["a.wav.enc"], "{what}");
        scene.assert_readable();
    }
}

#[test]
fn what_is_not_what_was_sealed_stays_as_it_is() {
    let scene = Scene::new(2);
    let mut changed = scene.plain.clone();
    changed[20_000] ^= 1;
    fs::write(&scene.file.path, &changed).unwrap();
    assert!(matches!(encrypt(&scene.file), Err(EncryptError::Altered { .. })));
    assert_eq!((scene.names(), fs::read(&scene.file.path).unwrap()), (vec!["a.wav".to_owned()], changed));
    fs::remove_file(&scene.file.path).unwrap();
    assert!(matches!(encrypt(&scene.file), Err(EncryptError::Io { .. })));
}

#[test]
fn who_reads_the_plain_file_reads_it_to_its_end() {
    let scene = Scene::new(2);
    let mut reader = scene.open().unwrap();
    let mut content = vec![0; 10_000];
    reader.read_exact(&mut content).unwrap();
    assert!(matches!(encrypt(&scene.file), Err(EncryptError::InUse { .. })));
    scene.assert_readable();
    reader.read_to_end(&mut content).unwrap();
    assert_eq!(content, scene.plain);
    drop(reader);
    encrypt(&scene.file).unwrap();
    assert_eq!(scene.names(), ["a.wav.enc"]);
}

#[test]
fn what_was_done_to_an_encrypted_file_is_told_by_the_second() {
    let scene = Scene::new(5);
    let before = scene.examined();
    encrypt(&scene.file).unwrap();
    let encrypted = fs::read(scene.encrypted()).unwrap();
    let put = |bytes: &[u8]| fs::write(scene.encrypted(), bytes).unwrap();
    let differ = |after: &Examined| -> Vec<usize> {
        let (before, after) = (before.seconds.leaves(), after.seconds.leaves());
        (0..after.len()).filter(|at| before[*at] != after[*at]).collect()
    };
    let second = |n: usize| Header::LEN + HEADER_LEN + 16 + n * 32_016;
    let mut tampered = encrypted.clone();
    tampered[second(3) + 100] ^= 1;
    put(&tampered);
    let after = scene.examined();
    assert_eq!((differ(&after), after.length), (vec![3], before.length));
    assert_ne!(after.sha256, before.sha256);
    let read = scene.open().unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(read.kind(), io::ErrorKind::InvalidData, "nobody hears what was not said");
    // Two seconds change places.
    let mut reordered = encrypted.clone();
    reordered[second(1)..second(2)].copy_from_slice(&encrypted[second(2)..second(3)]);
    reordered[second(2)..second(3)].copy_from_slice(&encrypted[second(1)..second(2)]);
    put(&reordered);
    assert_eq!(differ(&scene.examined()), [1, 2]);
    // Cut where a second ends.
    put(&encrypted[..second(4)]);
    let after = scene.examined();
    assert_eq!((after.seconds.leaves().len(), after.beginning), (4, None));
    assert!(after.length < before.length && differ(&after).is_empty());
    assert!(scene.open().unwrap().read_to_end(&mut Vec::new()).is_err());
    put(&[encrypted.as_slice(), b"more"].concat());
    let after = scene.examined();
    assert_eq!((after.beginning, after.length), (Some(before.sha256), before.length + 4));
    assert_ne!(after.sha256, before.sha256);
    // The head says that it is less, and the file with it.
    let mut shorter = encrypted[..second(4)].to_vec();
    shorter[16..24].copy_from_slice(&(HEADER_LEN as u64 + 4 * 32_000).to_be_bytes());
    put(&shorter);
    assert_ne!(scene.examined().sha256, before.sha256);
    let of_another = ContentFile::open(&scene.file.path, Uuid::from_u128(2), Some(&KEY)).unwrap_err();
    assert_eq!(of_another.kind(), io::ErrorKind::InvalidData);
    put(b"nothing of ours");
    assert!(scene.open().is_err());
}

/// `cargo test --release hour_costs -- --ignored --nocapture`: milliseconds of processor for an hour of sound.
#[test]
#[ignore = "a measurement"]
fn what_an_hour_costs() {
    let cpu = || {
        let spent = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).unwrap();
        Duration::from(spent)
    };
    let scene = Scene::new(3600);
    let began = cpu();
    scene.examined();
    let plain = cpu() - began;
    let began = cpu();
    encrypt(&scene.file).unwrap();
    let encrypted = cpu() - began;
    let began = cpu();
    let read = io::copy(&mut scene.open().unwrap(), &mut io::sink()).unwrap();
    let decrypted = cpu() - began;
    let began = cpu();
    scene.examined();
    let examined = cpu() - began;
    println!(
        "an hour ({} MB): encrypted, read back and overwritten {encrypted:?}, read {decrypted:?}; \
         verified plain {plain:?}, encrypted {examined:?}",
        read / 1_000_000
    );
}
