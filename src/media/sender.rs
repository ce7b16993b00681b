//! The sending half of a leg: samples into RTP packets of the length the peer asked for (RFC 3550 5.1, RFC 3551 4.5).
//! Time stamps run with the ticks whether anything is sent or not; to whom it goes is the leg's business.

use super::TICK_MS;
use super::block::{Band, Block, MAX_SAMPLES};
use super::codec::{self, Encoders};
use crate::dtmf::telephone_event::TelephoneEvent;
use crate::rtp::RtpHeader;
use crate::rtp::packet::HEADER_LEN;
use crate::rtp::rtcp::SenderInfo;
use crate::sdp::{AudioSession, Codec};

/// Octets of the longest payload: one frame of Opus (RFC 6716 3.2.1); 60 ms of the others take 480.
const MAX_PAYLOAD: usize = 1275;
/// Longest packet we send, ms.
const MAX_PTIME_MS: u8 = 60;
/// Samples waiting for a full packet, at most one short of it, and a tick.
const MAX_WAITING: usize = 3 * MAX_SAMPLES + MAX_SAMPLES;

/// Makes the packets of one synchronisation source of ours.
#[derive(Debug)]
pub(super) struct RtpSender {
    pub(super) ssrc: u32,
    sequence_number: u16,
    /// Of the next sample that comes in.
    timestamp: u32,
    encoders: Encoders,
    waiting: [i16; MAX_WAITING],
    waiting_len: usize,
    /// The next packet is the first after a pause.
    talk_begins: bool,
    /// Where the key that is held began.
    event_timestamp: u32,
    packets: u64,
    octets: u64,
}

impl RtpSender {
    pub(super) fn new(ssrc: u32, sequence_number: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence_number,
            timestamp,
            encoders: Encoders::default(),
            waiting: [0; MAX_WAITING],
            waiting_len: 0,
            talk_begins: true,
            event_timestamp: timestamp,
            packets: 0,
            octets: 0,
        }
    }

    /// Takes a tick's sound, at the codec's rate, and hands out each packet that is full.
    pub(super) fn send(&mut self, block: &Block, session: &AudioSession, mut transmit: impl FnMut(&[u8])) {
        let codec = session.codec;
        let samples = block.samples();
        let waiting_end = self.waiting_len + samples.len();
        self.waiting[self.waiting_len..waiting_end].copy_from_slice(samples);
        let mut timestamp = self.timestamp.wrapping_sub(codec::units(codec, self.waiting_len));
        self.waiting_len = waiting_end;
        self.pass_tick(codec);
        let packet_len = packet_ms(session) * Band::of(codec).sample_rate() as usize / 1000;
        let mut sent = 0;
        while sent + packet_len <= self.waiting_len {
            let mut payload = [0; MAX_PAYLOAD];
            let packet = &self.waiting[sent..sent + packet_len];
            let encoded = self.encoders.encode(codec, packet, &mut payload);
            if let Some(payload) = encoded.and_then(|len| payload.get(..len)) {
                let header = RtpHeader {
                    marker: std::mem::take(&mut self.talk_begins),
                    payload_type: session.send_payload_type,
                    sequence_number: self.sequence_number,
                    timestamp,
                    ssrc: self.ssrc,
                };
                let mut buffer = [0; HEADER_LEN + MAX_PAYLOAD];
                if let Some(packet) = header.write(payload, &mut buffer) {
                    transmit(packet);
                }
                self.sequence_number = self.sequence_number.wrapping_add(1);
                self.packets += 1;
                self.octets += payload.len() as u64;
            }
            timestamp = timestamp.wrapping_add(codec::units(codec, packet_len));
            sent += packet_len;
        }
        self.waiting.copy_within(sent..self.waiting_len, 0);
        self.waiting_len -= sent;
    }

    /// A tick of a key: all packets of one press have the time stamp of its beginning (RFC 4733 2.2).
    pub(super) fn send_event(
        &mut self,
        event: TelephoneEvent,
        begins: bool,
        payload_type: u8,
        codec: Codec,
        mut transmit: impl FnMut(&[u8]),
    ) {
        if begins {
            self.event_timestamp = self.timestamp;
        }
        let header = RtpHeader {
            marker: begins,
            payload_type,
            sequence_number: self.sequence_number,
            timestamp: self.event_timestamp,
            ssrc: self.ssrc,
        };
        let mut buffer = [0; HEADER_LEN + TelephoneEvent::LEN];
        if let Some(packet) = header.write(&event.to_bytes(), &mut buffer) {
            transmit(packet);
        }
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.packets += 1;
        self.octets += TelephoneEvent::LEN as u64;
        self.pause(codec);
    }

    /// A tick in which nothing may be sent.
    pub(super) fn pause(&mut self, codec: Codec) {
        self.restart_packet();
        self.pass_tick(codec);
    }

    fn pass_tick(&mut self, codec: Codec) {
        self.timestamp = self.timestamp.wrapping_add(codec.clock_hz() / 1000 * TICK_MS as u32);
    }

    /// What was agreed changed: half a packet of the old codec is not sent as the new one.
    pub(super) fn restart_packet(&mut self) {
        self.waiting_len = 0;
        self.talk_begins = true;
    }

    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Counters for an SR; the NTP time is the caller's to set.
    pub(super) fn sender_info(&self) -> SenderInfo {
        SenderInfo {
            rtp_timestamp: self.timestamp,
            packets: self.packets as u32,
            octets: self.octets as u32,
            ..SenderInfo::default()
        }
    }
}

/// Milliseconds per packet: what the peer wants, or for Opus the next shorter frame it has (RFC 6716 2.1.4).
fn packet_ms(session: &AudioSession) -> usize {
    let wanted = session.ptime.clamp(10, MAX_PTIME_MS);
    let ms = match (session.codec, wanted) {
        (Codec::Opus, ..20) => 10,
        (Codec::Opus, ..40) => 20,
        (Codec::Opus, ..60) => 40,
        _ => wanted,
    };
    ms.into()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::media::SAMPLES_PER_TICK;
    use crate::rtp::g711::Law;
    use crate::sdp::samples::audio_session;

    fn session(codec: Codec, ptime: u8) -> AudioSession {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
        AudioSession { ptime, ..audio_session(codec, peer) }
    }

    /// The packets of `ticks` ticks; every sample of tick n is 1000 n.
    fn packets(session: &AudioSession, sender: &mut RtpSender, ticks: i16) -> Vec<(RtpHeader, Vec<u8>)> {
        let mut packets = Vec::new();
        for tick in 0..ticks {
            let mut block = Block::silent(Band::of(session.codec));
            block.samples_mut().fill(1000 * tick);
            sender.send(&block, session, |packet| {
                packets.extend(RtpHeader::parse(packet).map(|(header, payload)| (header, payload.to_vec())));
            });
        }
        packets
    }

    #[test]
    fn every_packet_length_carries_each_sample_once() {
        for ptime in [10, 20, 30, 40, 60] {
            let mut sender = RtpSender::new(1, u16::MAX, u32::MAX - 100);
            let packets = packets(&session(Codec::Pcmu, ptime), &mut sender, 12);
            let octets: Vec<u8> = packets.iter().flat_map(|(_, payload)| payload.clone()).collect();
            let expected: Vec<u8> =
                (0..12).flat_map(|tick| [Law::Mu.encode(1000 * tick); SAMPLES_PER_TICK]).collect();
            assert_eq!(octets, expected, "{ptime} ms");
            for (i, (header, payload)) in packets.iter().enumerate() {
                assert_eq!(payload.len(), usize::from(ptime) * 8);
                assert_eq!(header.sequence_number, u16::MAX.wrapping_add(i as u16));
                assert_eq!(header.timestamp, (u32::MAX - 100).wrapping_add((i * payload.len()) as u32));
                assert_eq!(header.marker, i == 0);
            }
        }
    }

    #[test]
    fn every_codec_counts_time_by_its_own_clock() {
        for (codec, ptime, step, count) in [
            (Codec::G722, 20, 160, 12),
            (Codec::G722, 30, 240, 8),
            (Codec::Opus, 10, 480, 24),
            (Codec::Opus, 30, 960, 12),
            (Codec::Opus, 50, 1920, 6),
            (Codec::Opus, 60, 2880, 4),
        ] {
            let packets = packets(&session(codec, ptime), &mut RtpSender::new(1, 0, 0), 12);
            let stamps: Vec<u32> = packets.iter().map(|(header, _)| header.timestamp).collect();
            assert_eq!(stamps, (0..count).map(|n| n * step).collect::<Vec<u32>>(), "{codec:?} {ptime} ms");
            assert!(packets.iter().all(|(header, payload)| {
                codec::duration(codec, payload) == Some(step) && header.payload_type == codec.payload_type()
            }));
        }
    }

    #[test]
    fn a_pause_leaves_a_hole_in_the_time_stamps_only() {
        let mut sender = RtpSender::new(1, 0, 0);
        let session = session(Codec::Pcmu, 20);
        let mut headers = packets(&session, &mut sender, 2);
        sender.pause(Codec::Pcmu);
        headers.extend(packets(&session, &mut sender, 1));
        let seen: Vec<_> = headers.iter().map(|(h, _)| (h.sequence_number, h.timestamp, h.marker)).collect();
        assert_eq!(seen, [(0, 0, true), (1, 160, false), (2, 480, true)]);
    }
}
