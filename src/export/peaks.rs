//! The loudest sample of each twentieth of a second and side, gathered while a recording is copied: what the page draws.
//! The sound itself is not changed and not kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::wav::HEADER_LEN;
use crate::wav::header::FRAME_LEN;

/// Milliseconds that one peak stands for.
pub(super) const PEAK_MS: u32 = 50;
/// Peaks of one side at most: the longest recording at 8 kHz, 37 hours.
const MAX_PEAKS: usize = 37 * 3600 * 20;

#[derive(Debug)]
pub(super) struct Peaks {
    /// Octets of the head still to come.
    head: usize,
    /// Frames of sound still to come; behind them are markers.
    frames: u64,
    /// Frames of one peak.
    width: u64,
    counted: u64,
    loudest: [u16; 2],
    frame: Vec<u8>,
    sides: [Vec<u8>; 2],
}

impl Peaks {
    pub(super) fn new(sample_rate: u32, frames: u64) -> Self {
        let width = u64::from(sample_rate * PEAK_MS / 1000).max(1);
        Self {
            head: HEADER_LEN,
            frames,
            width,
            counted: 0,
            loudest: [0; 2],
            frame: Vec::new(),
            sides: [vec![], vec![]],
        }
    }

    /// The next octets of the file.
    pub(super) fn update(&mut self, octets: &[u8]) {
        let skipped = self.head.min(octets.len());
        self.head -= skipped;
        for octet in &octets[skipped..] {
            if self.frames == 0 {
                return;
            }
            self.frame.push(*octet);
            if self.frame.len() as u64 == FRAME_LEN {
                self.take();
            }
        }
    }

    fn take(&mut self) {
        for side in 0..2 {
            let sample = i16::from_le_bytes([self.frame[2 * side], self.frame[2 * side + 1]]);
            self.loudest[side] = self.loudest[side].max(sample.unsigned_abs());
        }
        self.frame.clear();
        self.frames -= 1;
        self.counted += 1;
        if self.counted == self.width || self.frames == 0 {
            for (side, loudest) in self.sides.iter_mut().zip(self.loudest) {
                if side.len() < MAX_PEAKS {
                    side.push((loudest >> 7).min(255) as u8);
                }
            }
            (self.counted, self.loudest) = (0, [0; 2]);
        }
    }

    /// Both sides, an octet a peak, base64.
    pub(super) fn finish(self) -> [String; 2] {
        self.sides.map(|side| STANDARD.encode(side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_has_its_loudest_sample_of_fifty_milliseconds() {
        let mut file = vec![0xff; HEADER_LEN];
        for frame in 0..1000_i16 {
            let left = if frame == 399 { -32_768 } else { 0 };
            let right = if frame >= 800 { 1_280 } else { 0 };
            file.extend(i16::to_le_bytes(left));
            file.extend(i16::to_le_bytes(right));
        }
        file.extend(b"cue and more");
        for piece in [1, 3, 7, 5_000] {
            let mut peaks = Peaks::new(8000, 1000);
            file.chunks(piece).for_each(|octets| peaks.update(octets));
            let [left, right] = peaks.finish().map(|side| STANDARD.decode(side).unwrap_or_default());
            assert_eq!((left, right), (vec![255, 0, 0], vec![0, 0, 10]), "in pieces of {piece}");
        }
    }
}
