//! What stands in the recordings: every file is read again, both channels are listened to piece by piece.
//! Which piece is whose is `speech.rs`, the file's own sizes are `riff.rs`.

use std::path::{Path, PathBuf};

use ringback::media::SAMPLES_PER_TICK;
use ringback::rtp::g711::Law;

use crate::riff::{self, FRAME};
use crate::speech::{self, Heard, Listener, Speech};

/// Frames in a second.
pub const RATE: f64 = 8000.0;

#[derive(Debug, Default)]
pub struct Findings {
    pub files: u64,
    /// Files whose sizes are not true.
    pub broken: u64,
    /// Pieces on both channels.
    pub exact: u64,
    pub jumps: u64,
    /// The longest jump, samples.
    pub furthest: u64,
    pub silent: u64,
    pub unknown: u64,
    /// The largest difference between the length of a call and that of its file, seconds.
    pub worst_length: f64,
    /// Files whose caller is heard nowhere.
    pub anonymous: u64,
}

/// Listens to every WAV file below `folder`; `lengths` are those of the calls, seconds, by caller.
pub fn check(folder: &Path, speech: &Speech, lengths: &[f64]) -> Findings {
    let mut findings = Findings::default();
    for file in files(folder) {
        findings.files += 1;
        let Ok(Recording { left, right, frames, .. }) = listen(&file, speech) else {
            findings.broken += 1;
            continue;
        };
        let (left, right, seconds) = (left.listener, right.listener, frames as f64 / RATE);
        for channel in [&left, &right] {
            findings.exact += channel.exact;
            findings.jumps += channel.jumps;
            findings.furthest = findings.furthest.max(channel.furthest);
            findings.silent += channel.silent;
            findings.unknown += channel.unknown;
        }
        match left.speaker.and_then(|caller| lengths.get(caller)) {
            Some(length) => findings.worst_length = findings.worst_length.max((seconds - length).abs()),
            None => findings.anonymous += 1,
        }
    }
    findings
}

/// Every WAV file below `folder`.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "wav") {
            found.push(path);
        }
    }
    found
}

/// Where a piece of the text stands on a channel.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Its first sample; the first piece of a file may have begun before it.
    pub sample: i64,
    pub place: u64,
}

/// What is heard on one channel.
#[derive(Debug, Default)]
pub struct Channel {
    pub listener: Listener,
    /// Every piece of the text that is known, in order.
    pub marks: Vec<Mark>,
}

/// The sound of a whole file.
#[derive(Debug)]
pub struct Recording {
    pub left: Channel,
    pub right: Channel,
    pub frames: u64,
    /// Octets before the samples, of the samples, and behind them.
    pub sizes: [usize; 3],
}

/// Reads the file strictly and listens to both channels.
pub fn listen(file: &Path, speech: &Speech) -> Result<Recording, String> {
    let octets = std::fs::read(file).map_err(|error| error.to_string())?;
    let riff = riff::read(&octets)?;
    if riff.uncounted > 0 {
        return Err(format!("{} octets are not counted", riff.uncounted));
    }
    let (mut left, mut right) = (Channel::default(), Channel::default());
    for (tick, octets) in riff.samples.chunks_exact(SAMPLES_PER_TICK * FRAME).enumerate() {
        for (first, channel) in [(0, &mut left), (2, &mut right)] {
            let samples: [i16; SAMPLES_PER_TICK] = std::array::from_fn(|frame| {
                let at = frame * FRAME + first;
                i16::from_le_bytes([octets[at], octets[at + 1]])
            });
            channel.hear(tick, &samples, speech);
        }
    }
    Ok(Recording { left, right, frames: riff.frames(), sizes: [riff.head, riff.samples.len(), riff.trailer] })
}

impl Channel {
    fn hear(&mut self, tick: usize, samples: &[i16; SAMPLES_PER_TICK], speech: &Speech) {
        let piece = speech::encode(samples);
        let mut decoded = [0; SAMPLES_PER_TICK];
        Law::A.decode_into(&piece, &mut decoded);
        // Bit for bit, not what only sounds the same.
        let heard = match decoded == *samples {
            true => Heard::Speech(&piece),
            false if *samples == [0; SAMPLES_PER_TICK] => Heard::Silence,
            false => Heard::Other,
        };
        self.listener.hear(heard, speech);
        self.marks.extend(self.listener.completed().map(|(place, samples)| Mark {
            sample: (tick * SAMPLES_PER_TICK + samples) as i64 - SAMPLES_PER_TICK as i64,
            place,
        }));
    }
}
