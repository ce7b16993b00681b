//! The recording tap of a leg: one stereo block per tick, whatever happens, both channels on one clock and of one rate.
//!
//! What a leg sends waits in the jitter buffer before the tick hears it. Sound of our own (prompts, music) is held
//! back for as long before it is recorded, so that an answer to a prompt stands on the file where it was given.
//! Bridged sound has waited in the other leg's buffer already.

use super::Sink;
use super::block::{Band, Block, Converter};
use super::delay::MAX_MS;
use crate::ids::RecordingId;
use crate::media::TICK_MS;

/// Ticks that our own sound is held back at most, and one more to write into.
const LINE: usize = MAX_MS as usize / TICK_MS as usize + 1;

#[derive(Debug)]
pub(super) struct Tap {
    pub(super) recording: RecordingId,
    pub(super) frames: u64,
    band: Band,
    left: Converter,
    own: Converter,
    bridged: Converter,
    /// Our own sound of the last ticks: the newest at `next - 1`, the one to be recorded `held` before `next`.
    line: [Block; LINE],
    next: usize,
    held: usize,
}

impl Tap {
    /// `delay_ticks` as in [`Self::record`].
    pub(super) fn new(recording: RecordingId, band: Band, delay_ticks: usize) -> Self {
        Self {
            recording,
            frames: 0,
            band,
            left: Converter::new(),
            own: Converter::new(),
            bridged: Converter::new(),
            line: [Block::silent(band); LINE],
            next: 0,
            held: delay_ticks.min(LINE - 1),
        }
    }

    /// Hands out one tick: `heard` from the leg, which waited for `delay_ticks`; to it `own` sound or `bridged` sound.
    pub(super) fn record(
        &mut self,
        heard: &Block,
        delay_ticks: usize,
        own: &Block,
        bridged: &Block,
        sink: &mut impl Sink,
    ) {
        let left = self.left.convert(heard, self.band);
        let mut right = self.hold_back(own, delay_ticks.min(LINE - 1));
        // Both at once only while the last of a prompt runs out under the first of the bridge.
        right.mix(&self.bridged.convert(bridged, self.band));
        self.frames += self.band.samples() as u64;
        sink.record(self.recording, left.samples(), right.samples());
    }

    /// The delay follows what the leg's packets wait: a longer one begins with a tick of silence, a shorter one waits
    /// for a silent tick to leave out.
    fn hold_back(&mut self, own: &Block, wanted: usize) -> Block {
        self.line[self.next] = self.own.convert(own, self.band);
        self.next = (self.next + 1) % LINE;
        if wanted > self.held {
            self.held += 1;
            return Block::silent(self.band);
        }
        if wanted < self.held && self.oldest().is_silent() {
            self.held -= 1;
        }
        *self.oldest()
    }

    fn oldest(&self) -> &Block {
        &self.line[(self.next + LINE - 1 - self.held) % LINE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(value: i16) -> Block {
        let mut block = Block::silent(Band::Narrow);
        block.samples_mut().fill(value);
        block
    }

    #[test]
    fn our_own_sound_is_as_late_as_the_leg_is() {
        let mut tap = Tap::new(RecordingId(uuid::Uuid::nil()), Band::Narrow, 2);
        let said = [1, 2, 3, 0, 5, 6, 0, 8, 9, 10, 11, 12];
        let waits = [2, 2, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1];
        let out: Vec<i16> = said
            .into_iter()
            .zip(waits)
            .map(|(own, wait)| tap.hold_back(&block(own), wait).samples()[0])
            .collect();
        assert_eq!(out, [0, 0, 0, 1, 2, 3, 5, 6, 8, 9, 10, 11]);
    }
}
