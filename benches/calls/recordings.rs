//! What stands in the recordings: every file is read again, both channels are listened to piece by piece.
//! Which piece is whose is `speech.rs`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use ringback::media::SAMPLES_PER_TICK;
use ringback::rtp::g711::Law;

use crate::speech::{self, Listener, Speech};

const FRAME: usize = 4;
const RATE: f64 = 8000.0;

#[derive(Debug, Default)]
pub struct Findings {
    pub files: u64,
    /// Files without a readable header.
    pub broken: u64,
    /// Pieces on both channels.
    pub exact: u64,
    pub jumps: u64,
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
        let Some((left, right, seconds)) = listen(&file, speech) else {
            findings.broken += 1;
            continue;
        };
        for channel in [&left, &right] {
            findings.exact += channel.exact;
            findings.jumps += channel.jumps;
            findings.unknown += channel.unknown;
        }
        match left.speaker.and_then(|caller| lengths.get(caller)) {
            Some(length) => findings.worst_length = findings.worst_length.max((seconds - length).abs()),
            None => findings.anonymous += 1,
        }
    }
    findings
}

fn files(folder: &Path) -> Vec<PathBuf> {
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

/// Both channels, and the length in seconds.
fn listen(file: &Path, speech: &Speech) -> Option<(Listener, Listener, f64)> {
    let mut octets = Vec::new();
    std::fs::File::open(file).unwrap().read_to_end(&mut octets).unwrap();
    let data = data(&octets)?;
    let (mut left, mut right) = (Listener::default(), Listener::default());
    for tick in data.chunks_exact(SAMPLES_PER_TICK * FRAME) {
        for (channel, listener) in [(0, &mut left), (2, &mut right)] {
            let samples: [i16; SAMPLES_PER_TICK] = std::array::from_fn(|frame| {
                let at = frame * FRAME + channel;
                i16::from_le_bytes([tick[at], tick[at + 1]])
            });
            let piece = speech::encode(&samples);
            let mut decoded = [0; SAMPLES_PER_TICK];
            Law::A.decode_into(&piece, &mut decoded);
            // Bit for bit, not what only sounds the same.
            listener.hear((decoded == samples).then_some(&piece), speech);
        }
    }
    Some((left, right, (data.len() / FRAME) as f64 / RATE))
}

/// The samples of a RIFF file.
fn data(octets: &[u8]) -> Option<&[u8]> {
    let mut at = 12;
    loop {
        let head = octets.get(at..at + 8)?;
        let len = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        if &head[..4] == b"data" {
            return octets.get(at + 8..(at + 8 + len).min(octets.len()));
        }
        at += 8 + len + len % 2;
    }
}
