//! The sending half of a leg: samples into RTP packets of the length the peer asked for (RFC 3550 5.1, RFC 3551 4.5).
//! Time stamps run with the ticks whether anything is sent or not; to whom it goes is the leg's business.

use super::TICK_MS;
use super::block::{Band, Block};
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
/// Octets of the longest packet.
pub(super) const MAX_PACKET: usize = HEADER_LEN + MAX_PAYLOAD;
/// Packets in a row that may be left out for a listener to conceal; then the silence is ours to send.
const MAX_LEFT_OUT: u8 = 5;

/// Room to build a packet in.
pub(super) type PacketBuffer = [u8; MAX_PACKET];

/// Makes the packets of one synchronisation source of ours.
#[derive(Debug)]
pub(super) struct RtpSender {
    pub(super) ssrc: u32,
    sequence_number: u16,
    /// Of the next sample that comes in.
    timestamp: u32,
    encoders: Encoders,
    /// Samples of a packet that is not full yet.
    waiting: Vec<i16>,
    /// The next packet is the first after a pause.
    talk_begins: bool,
    /// The last packet was passed on as it came, or those since were left out.
    relays: bool,
    left_out: u8,
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
            waiting: Vec::new(),
            talk_begins: true,
            relays: false,
            left_out: 0,
            event_timestamp: timestamp,
            packets: 0,
            octets: 0,
        }
    }

    /// Takes a tick's sound, at the codec's rate, and hands out each packet that is full.
    pub(super) fn send(
        &mut self,
        block: &Block,
        session: &AudioSession,
        buffer: &mut PacketBuffer,
        mut transmit: impl FnMut(&[u8]),
    ) {
        let codec = session.codec;
        let packet_len = packet_ms(session) * Band::of(codec).sample_rate() as usize / 1000;
        self.relays = false;
        if self.waiting.is_empty() && block.samples().len() == packet_len {
            self.send_packet(self.timestamp, block.samples(), session, buffer, &mut transmit);
            self.pass_tick(codec);
            return;
        }
        let mut timestamp = self.timestamp.wrapping_sub(codec::units(codec, self.waiting.len()));
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(block.samples());
        self.pass_tick(codec);
        let mut packets = waiting.chunks_exact(packet_len);
        for packet in &mut packets {
            self.send_packet(timestamp, packet, session, buffer, &mut transmit);
            timestamp = timestamp.wrapping_add(codec::units(codec, packet_len));
        }
        let sent = waiting.len() - packets.remainder().len();
        waiting.drain(..sent);
        self.waiting = waiting;
    }

    fn send_packet(
        &mut self,
        timestamp: u32,
        samples: &[i16],
        session: &AudioSession,
        buffer: &mut PacketBuffer,
        transmit: &mut impl FnMut(&[u8]),
    ) {
        let encoded = self.encoders.encode(session.codec, samples, &mut buffer[HEADER_LEN..]);
        if let Some(len) = encoded {
            self.finish_packet(timestamp, len, session, buffer, transmit);
        }
    }

    /// The payload stands in the buffer already.
    fn finish_packet(
        &mut self,
        timestamp: u32,
        payload_len: usize,
        session: &AudioSession,
        buffer: &mut PacketBuffer,
        transmit: &mut impl FnMut(&[u8]),
    ) {
        let header = RtpHeader {
            marker: std::mem::take(&mut self.talk_begins),
            payload_type: session.send_payload_type,
            sequence_number: self.sequence_number,
            timestamp,
            ssrc: self.ssrc,
        };
        buffer[..HEADER_LEN].copy_from_slice(&header.to_bytes());
        transmit(&buffer[..HEADER_LEN + payload_len]);
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.packets += 1;
        self.octets += payload_len as u64;
    }

    /// Passes on a tick's packet as it came. False, and nothing done, where it has to be encoded: it is of another
    /// codec, or the peer wants packets of another length.
    pub(super) fn relay(
        &mut self,
        codec: Codec,
        payload: &[u8],
        session: &AudioSession,
        buffer: &mut PacketBuffer,
        mut transmit: impl FnMut(&[u8]),
    ) -> bool {
        let is_same = codec == session.codec && packet_ms(session) as u64 == TICK_MS;
        if !is_same || !self.waiting.is_empty() || payload.len() > MAX_PAYLOAD {
            return false;
        }
        buffer[HEADER_LEN..HEADER_LEN + payload.len()].copy_from_slice(payload);
        self.finish_packet(self.timestamp, payload.len(), session, buffer, &mut transmit);
        self.pass_tick(codec);
        (self.relays, self.left_out) = (true, 0);
        true
    }

    /// A packet that was to be passed on is lost: its number is left out, as a decoder that remembers hides a loss
    /// better than a packet made up by another encoder. False, and nothing done, where that is not so, or for too
    /// long.
    pub(super) fn leave_out(&mut self, codec: Codec) -> bool {
        let leaves = self.relays && !codec::is_stateless(codec) && self.left_out < MAX_LEFT_OUT;
        if leaves {
            self.left_out += 1;
            self.sequence_number = self.sequence_number.wrapping_add(1);
            self.pass_tick(codec);
        }
        leaves
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
        self.waiting.clear();
        self.talk_begins = true;
        self.relays = false;
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
            sender.send(&block, session, &mut [0; MAX_PACKET], |packet| {
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

    /// What becomes of ticks of Opus that were received, passed on; those that were lost, left out; and of our own.
    #[test]
    fn a_relayed_packet_is_the_same_and_a_lost_one_leaves_a_hole() {
        let session = session(Codec::Opus, 20);
        let (mut sender, mut packets) = (RtpSender::new(1, 0, 0), Vec::new());
        for tick in "rllrrlllllls".chars() {
            let mut transmit = |packet: &[u8]| {
                packets.extend(
                    RtpHeader::parse(packet)
                        .map(|(h, payload)| (h.sequence_number, h.timestamp, payload == b"as it came")),
                );
            };
            let passed = match tick {
                'r' => {
                    sender.relay(Codec::Opus, b"as it came", &session, &mut [0; MAX_PACKET], &mut transmit)
                }
                _ => tick == 'l' && sender.leave_out(Codec::Opus),
            };
            if !passed {
                sender.send(Block::silence(Band::Wide), &session, &mut [0; MAX_PACKET], transmit);
            }
        }
        let relayed = [0, 3, 4].map(|tick: u16| (tick, u32::from(tick) * 960, true));
        let own = [10, 11].map(|tick: u16| (tick, u32::from(tick) * 960, false));
        assert_eq!(packets, [&relayed[..], &own].concat());
    }

    #[test]
    fn what_cannot_be_relayed_is_left_to_be_encoded() {
        let mut sender = RtpSender::new(1, 0, 0);
        let mut relay = |codec, ptime| {
            sender.relay(Codec::Pcma, &[0xd5; 160], &session(codec, ptime), &mut [0; MAX_PACKET], |_| {})
        };
        assert_eq!(
            [relay(Codec::Pcmu, 20), relay(Codec::Pcma, 30), relay(Codec::Pcma, 20)],
            [false, false, true]
        );
        sender.send(Block::silence(Band::Narrow), &session(Codec::Pcma, 30), &mut [0; MAX_PACKET], |_| {});
        let session = session(Codec::Pcma, 20);
        assert!(
            !sender.relay(Codec::Pcma, &[0xd5; 160], &session, &mut [0; MAX_PACKET], |_| {}),
            "samples wait"
        );
        assert!(!sender.leave_out(Codec::Pcma), "any encoder can go on");
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
