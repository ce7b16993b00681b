//! Writes a bundle, file by file: sound and pictures as they are, what is told of them, the proofs, and last the checksums and
//! their signature. At no time is a recording in memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::peaks::Peaks;
use super::sink::{Form, Sink, Written};
use super::{ExportError, Made, Maker, Progress, names, page};
use crate::bundle::story::{Photo, SoundState, Story};
use crate::bundle::sums::{Signed, Sums};
use crate::bundle::vcon::{ContentHashes, id, vcon};
use crate::bundle::{
    CHECKPOINT, ENTRIES, KEYS, PAGE, PROOFS, README, STORY, SUMS, SUMS_NOTE, VCON, VERIFY_PY, VERIFY_SH, jws,
    seconds_name,
};
use crate::digest::{Hasher, Sha256};
use crate::files::open_recording;
use crate::journal::Note;
use crate::journal::tree::{includes, leaf_hash};
use crate::recording::Seconds;

/// The bytes of a picture, none when they are not to be had.
type PhotoBytes<'p> = &'p dyn Fn(&Photo) -> Result<Option<Vec<u8>>, ExportError>;

/// A bundle on its way.
struct Writing<'w> {
    sink: Sink,
    sums: Sums,
    hashes: ContentHashes,
    progress: &'w Progress,
}

impl Writing<'_> {
    fn text(&mut self, name: &str, text: &str) -> Result<(), ExportError> {
        let written = self.sink.put_text(name, text)?;
        self.note(name, written);
        Ok(())
    }

    fn note(&mut self, name: &str, written: Written) {
        self.sums.0.insert(name.to_owned(), written.sha256);
        self.hashes.insert(name.to_owned(), written.content_hash);
    }
}

impl Maker {
    pub(super) fn write(
        &self,
        story: &Story,
        note: &Note,
        (place, form): (PathBuf, Form),
        progress: &Progress,
        photo_bytes: PhotoBytes<'_>,
    ) -> Result<Made, ExportError> {
        let mut story = story.clone();
        let sink = Sink::create(&place, form).map_err(ExportError::file(place.display()))?;
        let mut writing = Writing { sink, sums: Sums::default(), hashes: ContentHashes::default(), progress };
        let sounds = story.recordings.iter().map(|sound| sound.frames * 4).sum();
        progress.all.store(sounds, Ordering::Relaxed);
        let (peaks, missing) = self.write_sounds(&mut story, &mut writing)?;
        write_photos(&mut story, &mut writing, photo_bytes)?;
        self.write_journal(&story, note, &mut writing)?;
        let told = story.to_json();
        writing.text(STORY, &pretty(&told))?;
        let unsigned = vcon(&story, &writing.hashes).to_string();
        writing.text(VCON, &pretty(&jws::sign(&unsigned, &id(&story), &self.key)?))?;
        writing.text(
            PAGE,
            &page::page(&told, &names(&self.plan, &story), &peaks, &self.key.verifier().to_string()),
        )?;
        writing.text(README, &page::readme(&story, &self.key.verifier().to_string()))?;
        writing.text(VERIFY_PY, include_str!("verify.py"))?;
        writing.text(VERIFY_SH, include_str!("verify.sh"))?;
        let sums = writing.sums.to_string();
        let signed = Signed {
            case: story.case.number.to_string(),
            made_at: story.made_at.rfc3339(),
            sums: Sha256::of(sums.as_bytes()),
        };
        writing.sink.put_text(SUMS, &sums)?;
        writing.sink.put_text(SUMS_NOTE, &signed.sign(&self.key))?;
        writing.sink.finish().map_err(ExportError::file(place.display()))?;
        progress.done.store(progress.all.load(Ordering::Relaxed).max(1), Ordering::Relaxed);
        let (sha256, length) = match form {
            Form::Folder => (signed.sums, sums.len() as u64),
            Form::Zip => digest_of(&place).map_err(ExportError::file(place.display()))?,
        };
        let recordings = story.recordings.iter().filter(|sound| sound.file.is_some()).count();
        let (entries, unsigned_entries) = (story.entries.len(), story.unsigned_entries);
        Ok(Made { sha256, length, entries, recordings, missing, unsigned_entries })
    }

    /// Peaks by file, and the recordings that were sealed and are gone.
    fn write_sounds(
        &self,
        story: &mut Story,
        writing: &mut Writing<'_>,
    ) -> Result<(Value, Vec<String>), ExportError> {
        let (mut drawn, mut missing) = (json!({}), Vec::new());
        for sound in &mut story.recordings {
            let Some(name) = sound.file.clone() else { continue };
            // They tell of a file that is gone, too.
            let handle = tokio::runtime::Handle::current();
            if let Some(seconds) = handle.block_on(self.seconds(sound))? {
                writing.text(&seconds_name(sound.call), &lines(&seconds))?;
            }
            let key = handle.block_on(self.key_of(sound))?;
            let mut file = match open_recording(&self.recordings, &sound.path, sound.id, key.as_ref()) {
                Ok(file) => file,
                Err(error) => {
                    tracing::warn!(recording.id = %sound.id, %error, "a sealed recording cannot be exported");
                    (sound.state, sound.file) = (SoundState::Missing, None);
                    missing.push(name);
                    continue;
                }
            };
            let mut peaks = Peaks::new(sound.sample_rate, sound.frames);
            let written = writing
                .sink
                .put(&name, false, &mut file, writing.progress, &mut |octets| peaks.update(octets))?;
            writing.note(&name, written);
            let [citizen, city] = peaks.finish();
            drawn[&name] = json!([citizen, city]);
        }
        Ok((drawn, missing))
    }

    /// Each entry with its way to the root, which is checked before it is given away.
    fn write_journal(
        &self,
        story: &Story,
        note: &Note,
        writing: &mut Writing<'_>,
    ) -> Result<(), ExportError> {
        let (mut entries, mut proofs) = (String::new(), String::new());
        let tree = &note.checkpoint;
        for entry in &story.entries {
            let proof =
                self.tiles.inclusion(entry.seq, tree.size).ok_or(ExportError::NotProven(entry.seq))?;
            let canonical = entry.canonical().map_err(|_| ExportError::NotProven(entry.seq))?;
            let leaf = leaf_hash(&Sha256::of(canonical.as_bytes()));
            if !includes(&tree.root, tree.size, entry.seq - 1, &leaf, &proof) {
                return Err(ExportError::NotProven(entry.seq));
            }
            let way: Vec<String> = proof.iter().map(ToString::to_string).collect();
            entries.push_str(&canonical);
            entries.push('\n');
            proofs.push_str(&format!("{}\n", json!({ "seq": entry.seq, "proof": way })));
        }
        writing.text(ENTRIES, &entries)?;
        writing.text(PROOFS, &proofs)?;
        writing.text(CHECKPOINT, note.text())?;
        writing.text(KEYS, &format!("{}\n", self.key.verifier()))
    }
}

fn write_photos(
    story: &mut Story,
    writing: &mut Writing<'_>,
    bytes: PhotoBytes<'_>,
) -> Result<(), ExportError> {
    for photo in &mut story.photos {
        let Some(name) = photo.file.clone() else { continue };
        match bytes(photo)? {
            Some(bytes) => {
                let written =
                    writing.sink.put(&name, false, &mut bytes.as_slice(), writing.progress, &mut |_| {})?;
                writing.note(&name, written);
            }
            None => photo.file = None,
        }
    }
    Ok(())
}

fn lines(seconds: &Seconds) -> String {
    seconds.leaves().iter().map(|leaf| format!("{leaf}\n")).collect()
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// SHA-256 and octets of a whole file.
fn digest_of(place: &Path) -> std::io::Result<(Sha256, u64)> {
    let (mut file, mut hasher, mut length) = (File::open(place)?, Hasher::default(), 0);
    let mut block = vec![0; 64 * 1024];
    loop {
        match file.read(&mut block)? {
            0 => return Ok((hasher.finish(), length)),
            len => {
                hasher.update(&block[..len]);
                length += len as u64;
            }
        }
    }
}
