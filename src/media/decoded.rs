//! Samples between the decoder and the tick, each with the mark whether the peer has sent it or it was made up: who
//! listens hears both, the record holds only the former. A tick that is one packet keeps it as it came, for whoever
//! speaks the same codec.

use std::ops::Range;

use super::block::{Band, Block, MAX_SAMPLES};
use super::codec::MAX_PACKET_MS;
use crate::sdp::Codec;

/// Decoded samples kept: two ticks and the longest packet.
pub(super) const MAX_DECODED: usize = 2 * MAX_SAMPLES + MAX_PACKET_MS as usize * 16;

/// How much of a tick the peer has sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Share {
    Nothing,
    Some,
    All,
}

/// One tick as it came out.
#[derive(Debug)]
pub(super) struct Heard {
    /// For whoever listens.
    pub(super) block: Block,
    pub(super) share: Share,
    /// Which of its samples the peer has sent, where it has sent some; the others were made up.
    received: Vec<bool>,
    /// All of it stands in for a packet that is missing.
    pub(super) is_lost: bool,
    /// The codec of the packet that the block is all of.
    pub(super) codec: Option<Codec>,
    /// That packet; keeps its room.
    pub(super) payload: Vec<u8>,
}

impl Heard {
    pub(super) const fn silent(band: Band) -> Self {
        let (share, is_lost, codec) = (Share::Nothing, false, None);
        Self { block: Block::silent(band), share, received: Vec::new(), is_lost, codec, payload: Vec::new() }
    }

    /// Makes it a silent one.
    pub(super) fn clear(&mut self, band: Band) {
        self.block.clear(band);
        (self.share, self.is_lost, self.codec) = (Share::Nothing, false, None);
    }

    /// For the record: what was not received is silence in its place, made in `room`.
    pub(super) fn as_received<'a>(&'a self, room: &'a mut Block) -> &'a Block {
        match self.share {
            Share::All => return &self.block,
            Share::Nothing => return Block::silence(self.block.band()),
            Share::Some => room.copy_from(&self.block),
        }
        for (sample, received) in room.samples_mut().iter_mut().zip(&self.received) {
            if !received {
                *sample = 0;
            }
        }
        room
    }

    /// The tick turns into the `next` one: what counts as received is what is of that.
    pub(super) fn turned_into(&mut self, next: &Self) {
        self.received.clone_from(&next.received);
        self.share = next.share;
        (self.is_lost, self.codec) = (false, None);
    }

    /// The peer has sent all of these samples.
    pub(super) fn has_received(&self, samples: Range<usize>) -> bool {
        match self.share {
            Share::All => true,
            Share::Nothing => false,
            Share::Some => !self.received[samples].contains(&false),
        }
    }
}

/// Samples on their way from the decoder to the tick.
#[derive(Debug)]
pub(super) struct Decoded {
    /// As long as the longest stretch so far.
    samples: Vec<i16>,
    pub(super) len: usize,
    /// How many of them were made up, and, only where there are any, which were not.
    made_up: usize,
    received: Vec<bool>,
}

impl Decoded {
    pub(super) const fn new() -> Self {
        Self { samples: Vec::new(), len: 0, made_up: 0, received: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        (self.len, self.made_up) = (0, 0);
    }

    /// Room behind the end for `count` samples, or for as many as are left of [`MAX_DECODED`].
    pub(super) fn room(&mut self, count: usize) -> &mut [i16] {
        let end = (self.len + count).min(MAX_DECODED);
        if self.samples.len() < end {
            self.samples.resize(end, 0);
        }
        &mut self.samples[self.len..end]
    }

    /// Counts samples that were written into the room.
    pub(super) fn push(&mut self, count: usize, received: bool) {
        let end = (self.len + count).min(self.samples.len());
        if !received || self.made_up > 0 {
            if self.made_up == 0 {
                self.received.clear();
            }
            self.received.resize(self.len, true);
            self.received.resize(end, received);
            self.made_up += if received { 0 } else { end - self.len };
        }
        self.len = end;
    }

    pub(super) fn push_silence(&mut self, count: usize) {
        self.room(count).fill(0);
        self.push(count, false);
    }

    /// A tick's samples from the beginning.
    pub(super) fn take(&mut self, out: &mut Heard) {
        let len = out.block.band().samples();
        out.block.samples_mut().copy_from_slice(&self.samples[..len]);
        self.samples.copy_within(len..self.len, 0);
        self.len -= len;
        out.share = Share::All;
        if self.made_up > 0 {
            out.received.clear();
            out.received.extend(self.received.drain(..len));
            let made_up = out.received.iter().filter(|received| !**received).count();
            self.made_up -= made_up;
            out.share = match made_up {
                0 => Share::All,
                made_up if made_up < len => Share::Some,
                _ => Share::Nothing,
            };
        }
    }
}
