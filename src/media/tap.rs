//! The recording tap of a leg: one stereo block per tick, whatever happens, both channels on one clock and of one rate.
//!
//! What a leg sends waits in the jitter buffer before the tick hears it. Sound of our own (prompts, music) is held
//! back for as long before it is recorded, so that an answer to a prompt stands on the file where it was given.
//! Bridged sound has waited in the other leg's buffer already.

use super::Sink;
use super::block::{Band, Block, Converter};
use super::decoded::Heard;
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
    /// Ticks that our own sound is held back.
    held: usize,
    /// None while our own sound has been silent for as long as it can be held back.
    line: Option<Box<Line>>,
}

/// Our own sound of the last ticks.
#[derive(Debug)]
struct Line {
    /// The newest is at `next - 1`, the one to be recorded `held` before it.
    blocks: [Block; LINE],
    next: usize,
    /// Silent ticks at the end.
    silent: usize,
}

/// Room for what a tick is made into.
#[derive(Debug)]
pub(super) struct Scratch {
    left: Block,
    converted: Block,
    right: Block,
    bridged: Block,
}

impl Scratch {
    pub(super) const fn new() -> Self {
        let block = Block::silent(Band::Narrow);
        Self { left: block, converted: block, right: block, bridged: block }
    }
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
            held: delay_ticks.min(LINE - 1),
            line: None,
        }
    }

    /// Hands out one tick: what was `heard` from the leg, which waited for `delay_ticks`; to it our `own` sound or
    /// `bridged` sound, none being silence.
    pub(super) fn record(
        &mut self,
        heard: &Heard,
        delay_ticks: usize,
        (own, bridged): (Option<&Block>, Option<&Block>),
        scratch: &mut Scratch,
        sink: &mut impl Sink,
    ) {
        let left = self.left.convert(heard.as_received(&mut scratch.left), self.band, &mut scratch.converted);
        let held_back = self.hold_back(own, delay_ticks.min(LINE - 1), &mut scratch.right);
        let bridged = bridged.map(|block| self.bridged.convert(block, self.band, &mut scratch.bridged));
        let right = match (held_back, bridged) {
            (false, None) => Block::silence(self.band),
            (false, Some(bridged)) => bridged,
            (true, bridged) => {
                // Both at once only while the last of a prompt runs out under the first of the bridge.
                if let Some(bridged) = bridged {
                    scratch.right.mix(bridged);
                }
                &scratch.right
            }
        };
        self.frames += self.band.samples() as u64;
        sink.record(self.recording, left.samples(), right.samples());
    }

    /// The delay follows what the leg's packets wait: a longer one begins with a tick of silence, a shorter one waits
    /// for a silent tick to leave out. False when nothing is to be heard now, else it is in `out`.
    fn hold_back(&mut self, own: Option<&Block>, wanted: usize, out: &mut Block) -> bool {
        if own.is_none() && self.line.as_ref().is_none_or(|line| line.silent >= LINE) {
            self.line = None;
            self.held =
                if wanted > self.held { self.held + 1 } else { self.held - usize::from(wanted < self.held) };
            return false;
        }
        let line = self.line.get_or_insert_with(|| Box::new(Line::new(self.band)));
        line.push(self.own.convert(own.unwrap_or(Block::silence(self.band)), self.band, out));
        if wanted > self.held {
            self.held += 1;
            return false;
        }
        if wanted < self.held && line.held_back(self.held).is_silent() {
            self.held -= 1;
        }
        out.copy_from(line.held_back(self.held));
        true
    }
}

impl Line {
    fn new(band: Band) -> Self {
        Self { blocks: [Block::silent(band); LINE], next: 0, silent: LINE }
    }

    fn push(&mut self, block: &Block) {
        self.silent = if block.is_silent() { self.silent + 1 } else { 0 };
        self.blocks[self.next].copy_from(block);
        self.next = (self.next + 1) % LINE;
    }

    /// The block of `ticks` ago.
    fn held_back(&self, ticks: usize) -> &Block {
        &self.blocks[(self.next + LINE - 1 - ticks) % LINE]
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
        let held_back = |(own, wait)| {
            let mut out = Block::silent(Band::Narrow);
            let is_heard = tap.hold_back((own != 0).then_some(&block(own)), wait, &mut out);
            if is_heard { out.samples()[0] } else { 0 }
        };
        let out: Vec<i16> = said.into_iter().zip(waits).map(held_back).collect();
        assert_eq!(out, [0, 0, 0, 1, 2, 3, 5, 6, 8, 9, 10, 11]);
    }
}
