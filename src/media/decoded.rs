//! Samples between the decoder and the tick, each with the mark whether the peer has sent it or it was made up: who
//! listens hears both, the record holds only the former.

use super::block::{Band, Block, MAX_SAMPLES};
use super::codec::MAX_PACKET_MS;

/// Decoded samples kept: two ticks and the longest packet.
pub(super) const MAX_DECODED: usize = 2 * MAX_SAMPLES + MAX_PACKET_MS as usize * 16;

/// One tick as it came out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// For whoever listens.
    pub(super) block: Block,
    /// Which of its samples the peer has sent; the others were made up.
    pub(super) received: [bool; MAX_SAMPLES],
}

impl Heard {
    pub(super) const fn silent(band: Band) -> Self {
        Self { block: Block::silent(band), received: [false; MAX_SAMPLES] }
    }

    /// For the record: what was not received is silence in its place.
    pub(super) fn as_received(&self) -> Block {
        let mut block = self.block;
        for (sample, received) in block.samples_mut().iter_mut().zip(self.received) {
            if !received {
                *sample = 0;
            }
        }
        block
    }

    pub(super) fn received(&self) -> &[bool] {
        &self.received[..self.block.band().samples()]
    }
}

/// Samples on their way from the decoder to the tick.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) samples: [i16; MAX_DECODED],
    received: [bool; MAX_DECODED],
    pub(super) len: usize,
}

impl Decoded {
    pub(super) const fn new() -> Self {
        Self { samples: [0; MAX_DECODED], received: [false; MAX_DECODED], len: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Counts samples that were written behind the end.
    pub(super) fn push(&mut self, count: usize, received: bool) {
        let end = (self.len + count).min(MAX_DECODED);
        self.received[self.len..end].fill(received);
        self.len = end;
    }

    pub(super) fn push_silence(&mut self, count: usize) {
        let end = (self.len + count).min(MAX_DECODED);
        self.samples[self.len..end].fill(0);
        self.push(end - self.len, false);
    }

    /// A tick's samples from the beginning; true when any of them was received.
    pub(super) fn take(&mut self, out: &mut Heard) -> bool {
        let len = out.block.band().samples();
        out.block.samples_mut().copy_from_slice(&self.samples[..len]);
        out.received[..len].copy_from_slice(&self.received[..len]);
        self.samples.copy_within(len..self.len, 0);
        self.received.copy_within(len..self.len, 0);
        self.len -= len;
        out.received().contains(&true)
    }
}
