//! Listens for keys in the sound of a leg whose peer sends no telephone events. What tones are keys is
//! `dtmf/in_band.rs`; here they are brought to its rate and steps.

use super::block::{Band, Block, Converter};
use super::decoded::Heard;
use crate::dtmf::in_band::{HOP, Listener};
use crate::dtmf::telephone_event::Press;

#[derive(Debug)]
pub(super) struct Ear {
    listener: Listener,
    converter: Converter,
}

impl Ear {
    pub(super) fn new() -> Self {
        Self { listener: Listener::default(), converter: Converter::new() }
    }

    /// Takes a tick; a key that was let go in it. Two in one tick are none that a finger pressed.
    pub(super) fn hear(&mut self, heard: &Heard) -> Option<Press> {
        let mut room = Block::silent(Band::Narrow);
        let narrow = self.converter.convert(&heard.block, Band::Narrow, &mut room);
        let steps = narrow.samples().len() / HOP;
        let len = heard.block.samples().len() / steps;
        let mut press = None;
        for (step, hop) in narrow.samples().chunks_exact(HOP).enumerate() {
            let Some(hop) = hop.first_chunk() else { continue };
            let received = heard.has_received(step * len..(step + 1) * len);
            press = press.or(self.listener.hear(hop, received));
        }
        press
    }
}
