//! Catches what a media machine puts out in one step: packets, recorded blocks, reports. Where they go from
//! there is for `service.rs` and `street.rs` to say.

use std::net::SocketAddr;

use ringback::ids::{LegId, RecordingId};
use ringback::media::{self, Sink};

/// What the media machine hands out in one step.
#[derive(Default)]
pub(super) struct Ears {
    pub rtp: Vec<(SocketAddr, Vec<u8>)>,
    pub rtp_of: Vec<(LegId, SocketAddr, Vec<u8>)>,
    pub blocks: Vec<(RecordingId, u64, bool)>,
    pub events: Vec<media::Event>,
}

impl Sink for Ears {
    fn transmit_rtp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.rtp.push((to, packet.to_vec()));
        self.rtp_of.push((leg, to, packet.to_vec()));
    }

    fn transmit_rtcp(&mut self, _leg: LegId, _to: SocketAddr, _packet: &[u8]) {}

    fn record(&mut self, recording: RecordingId, left: &[i16], right: &[i16]) {
        assert_eq!(left.len(), right.len());
        let loud = left.iter().any(|sample| sample.unsigned_abs() > 4_000);
        self.blocks.push((recording, left.len() as u64, loud));
    }

    fn event(&mut self, event: media::Event) {
        self.events.push(event);
    }
}
