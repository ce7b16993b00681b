//! What a leg is told by the others in its room: a single voice as it is, with the packet it came in; several mixed.
//! Who is heard by whom is `room`, passing the packet on or encoding anew `sender`.

use std::collections::BTreeMap;

use super::block::{Band, Block, MAX_SAMPLES};
use super::leg::Leg;
use super::room::Room;
use crate::ids::LegId;
use crate::sdp::Codec;

/// What a tick of a voice came in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packet<'a> {
    /// The tick is this packet.
    Whole(Codec, &'a [u8]),
    /// The tick stands in for a packet that is missing.
    Lost,
    /// The tick is made of parts, or of a silence that was meant.
    None,
}

/// One tick of what a leg is told; kept, so that a tick allocates nothing.
#[derive(Debug)]
pub(super) struct Bridged {
    pub(super) block: Block,
    codec: Option<Codec>,
    payload: Vec<u8>,
    is_lost: bool,
}

impl Bridged {
    pub(super) const fn new() -> Self {
        Self { block: Block::silent(Band::Narrow), codec: None, payload: Vec::new(), is_lost: false }
    }

    pub(super) fn packet(&self) -> Packet<'_> {
        match self.codec {
            Some(codec) => Packet::Whole(codec, &self.payload),
            None if self.is_lost => Packet::Lost,
            None => Packet::None,
        }
    }

    fn set_packet(&mut self, packet: Packet<'_>) {
        (self.codec, self.is_lost) = (None, packet == Packet::Lost);
        if let Packet::Whole(codec, payload) = packet {
            self.codec = Some(codec);
            self.payload.clear();
            self.payload.extend_from_slice(payload);
        }
    }

    /// All that `listener` hears in its room, in its band; what is too loud together is clipped.
    pub(super) fn mix(&mut self, listener: LegId, room: &Room, legs: &BTreeMap<LegId, Box<Leg>>) {
        let band = legs.get(&listener).map_or(Band::Narrow, |leg| leg.band());
        let mut voices = room.audible_to(listener).filter_map(|id| legs.get(&id));
        let Some(first) = voices.next() else {
            self.block.clear(band);
            self.set_packet(Packet::None);
            return;
        };
        self.block.copy_from(first.said(band));
        let Some(second) = voices.next() else {
            self.set_packet(first.said_packet());
            return;
        };
        self.set_packet(Packet::None);
        // Summed before it is clipped, so that the order of the voices does not matter.
        let mut sums = [0_i32; MAX_SAMPLES];
        for voice in [first, second].into_iter().chain(voices) {
            for (sum, sample) in sums.iter_mut().zip(voice.said(band).samples()) {
                *sum += i32::from(*sample);
            }
        }
        for (sample, sum) in self.block.samples_mut().iter_mut().zip(sums) {
            *sample = sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
    }
}
