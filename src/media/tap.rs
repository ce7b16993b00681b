//! The recording tap of a leg: one stereo block per tick, whatever happens, both channels on one clock.
//!
//! What a leg sends waits in the jitter buffer before the tick hears it. Sound of our own (prompts, music) is held
//! back for as long before it is recorded, so that an answer to a prompt stands on the file where it was given.
//! Bridged sound has waited in the other leg's buffer already.

use super::jitter_buffer::TARGET;
use super::{SAMPLES_PER_TICK, Sink};
use crate::ids::RecordingId;

/// Ticks that our own sound is held back.
const DELAY_TICKS: usize = TARGET as usize / SAMPLES_PER_TICK;

#[derive(Debug)]
pub(super) struct Tap {
    pub(super) recording: RecordingId,
    pub(super) frames: u64,
    /// Our own sound of the last ticks, oldest at `oldest`.
    delayed: [[i16; SAMPLES_PER_TICK]; DELAY_TICKS],
    oldest: usize,
}

impl Tap {
    pub(super) fn new(recording: RecordingId) -> Self {
        Self { recording, frames: 0, delayed: [[0; SAMPLES_PER_TICK]; DELAY_TICKS], oldest: 0 }
    }

    /// Hands out one tick: `heard` from the leg; to it `own` sound or `bridged` sound.
    pub(super) fn record(
        &mut self,
        heard: &[i16; SAMPLES_PER_TICK],
        own: &[i16; SAMPLES_PER_TICK],
        bridged: &[i16; SAMPLES_PER_TICK],
        sink: &mut impl Sink,
    ) {
        let mut right = std::mem::replace(&mut self.delayed[self.oldest], *own);
        self.oldest = (self.oldest + 1) % DELAY_TICKS;
        // Both at once only while the last of a prompt runs out under the first of the bridge.
        for (sample, bridged) in right.iter_mut().zip(bridged) {
            *sample = sample.saturating_add(*bridged);
        }
        self.frames += SAMPLES_PER_TICK as u64;
        sink.record(self.recording, heard, &right);
    }
}
