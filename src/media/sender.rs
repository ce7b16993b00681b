//! The sending half of a leg: samples into RTP packets of the length the peer asked for (RFC 3550 5.1, RFC 3551 4.5).
//! Time stamps run with the ticks whether anything is sent or not; to whom it goes is the leg's business.

use super::SAMPLES_PER_TICK;
use crate::dtmf::telephone_event::TelephoneEvent;
use crate::rtp::RtpHeader;
use crate::rtp::packet::HEADER_LEN;
use crate::rtp::rtcp::SenderInfo;
use crate::sdp::AudioSession;

/// Octets of the longest packet, 60 ms.
const MAX_PAYLOAD: usize = 480;
/// Octets waiting for a full packet, at most one short of it, and a tick.
const MAX_WAITING: usize = MAX_PAYLOAD + SAMPLES_PER_TICK;

/// Makes the packets of one synchronisation source of ours.
#[derive(Debug)]
pub(super) struct RtpSender {
    pub(super) ssrc: u32,
    sequence_number: u16,
    /// Of the next sample that comes in.
    timestamp: u32,
    waiting: [u8; MAX_WAITING],
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
            waiting: [0; MAX_WAITING],
            waiting_len: 0,
            talk_begins: true,
            event_timestamp: timestamp,
            packets: 0,
            octets: 0,
        }
    }

    /// Takes a tick's samples and hands out each packet that is full.
    pub(super) fn send(
        &mut self,
        samples: &[i16; SAMPLES_PER_TICK],
        session: &AudioSession,
        mut transmit: impl FnMut(&[u8]),
    ) {
        let waiting_end = self.waiting_len + SAMPLES_PER_TICK;
        session.codec.encode_into(samples, &mut self.waiting[self.waiting_len..waiting_end]);
        self.waiting_len = waiting_end;
        let mut timestamp = self.timestamp.wrapping_sub((waiting_end - SAMPLES_PER_TICK) as u32);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES_PER_TICK as u32);
        let payload_len = usize::from(session.ptime.clamp(10, 60)) * 8;
        let mut sent = 0;
        while sent + payload_len <= self.waiting_len {
            let header = RtpHeader {
                marker: std::mem::take(&mut self.talk_begins),
                payload_type: session.send_payload_type,
                sequence_number: self.sequence_number,
                timestamp,
                ssrc: self.ssrc,
            };
            let mut buffer = [0; HEADER_LEN + MAX_PAYLOAD];
            if let Some(packet) = header.write(&self.waiting[sent..sent + payload_len], &mut buffer) {
                transmit(packet);
            }
            self.sequence_number = self.sequence_number.wrapping_add(1);
            self.packets += 1;
            self.octets += payload_len as u64;
            timestamp = timestamp.wrapping_add(payload_len as u32);
            sent += payload_len;
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
        self.pause();
    }

    /// A tick in which nothing may be sent.
    pub(super) fn pause(&mut self) {
        self.waiting_len = 0;
        self.talk_begins = true;
        self.timestamp = self.timestamp.wrapping_add(SAMPLES_PER_TICK as u32);
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use super::*;
    use crate::sdp::{Codec, Direction};

    fn session(ptime: u8) -> AudioSession {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
        AudioSession {
            codec: Codec::Pcmu,
            send_payload_type: 0,
            receive_payload_type: 0,
            send_event_payload_type: None,
            receive_event_payload_type: None,
            remote_rtp: peer,
            remote_rtcp: peer,
            direction: Direction::SendRecv,
            ptime,
        }
    }

    #[test]
    fn every_packet_length_carries_each_sample_once() {
        for ptime in [10, 20, 30, 40, 60] {
            let mut sender = RtpSender::new(1, u16::MAX, u32::MAX - 100);
            let mut packets: Vec<(RtpHeader, Vec<u8>)> = Vec::new();
            for tick in 0..12 {
                let samples = [1000 * tick; SAMPLES_PER_TICK];
                sender.send(&samples, &session(ptime), |packet| {
                    packets
                        .extend(RtpHeader::parse(packet).map(|(header, payload)| (header, payload.to_vec())));
                });
            }
            let octets: Vec<u8> = packets.iter().flat_map(|(_, payload)| payload.clone()).collect();
            let expected: Vec<u8> =
                (0..12).flat_map(|tick| [Codec::Pcmu.encode(1000 * tick); SAMPLES_PER_TICK]).collect();
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
    fn a_pause_leaves_a_hole_in_the_time_stamps_only() {
        let mut sender = RtpSender::new(1, 0, 0);
        let mut headers = Vec::new();
        for tick in 0..4 {
            if tick == 2 {
                sender.pause();
                continue;
            }
            sender.send(&[0; SAMPLES_PER_TICK], &session(20), |packet| {
                headers.extend(RtpHeader::parse(packet).map(|(header, _)| header));
            });
        }
        let seen: Vec<_> = headers.iter().map(|h| (h.sequence_number, h.timestamp, h.marker)).collect();
        assert_eq!(seen, [(0, 0, true), (1, 160, false), (2, 480, true)]);
    }
}
