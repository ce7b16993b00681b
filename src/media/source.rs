//! Whose packets a leg believes: symmetric RTP with a strict lock. The first good packet after a (re)connect fixes
//! address and SSRC; later packets from elsewhere are refused. A new SSRC from the fixed address must prove itself.

use std::net::SocketAddr;

use crate::rtp::{Reception, RtpHeader};

/// What to do with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    Known,
    /// The first of a (new) source: nothing that was buffered belongs to it.
    New,
    Refused,
}

/// The peer as a sender of RTP.
#[derive(Debug, Default)]
pub(super) struct Source {
    address: Option<SocketAddr>,
    stream: Option<Stream>,
    /// An unknown SSRC from the right address, and the number its next packet must have.
    candidate: Option<(u32, u16)>,
    rtcp_address: Option<SocketAddr>,
    /// Losses of earlier streams.
    lost_before: u64,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    reception: Reception,
}

impl Source {
    /// The address is learnt anew; the stream goes on if it is the same.
    pub(super) fn relearn(&mut self) {
        self.address = None;
        self.rtcp_address = None;
        self.candidate = None;
    }

    pub(super) fn admit(&mut self, from: SocketAddr, header: &RtpHeader) -> Admission {
        if self.address.is_some_and(|address| address != from) {
            return Admission::Refused;
        }
        let learning = self.address.is_none();
        let admission = match &mut self.stream {
            Some(stream) if stream.ssrc == header.ssrc => {
                let counted = stream.reception.count(header.sequence_number);
                if counted || learning { Admission::Known } else { Admission::Refused }
            }
            None => self.begin(header),
            Some(_) if learning => self.begin(header),
            Some(_) => self.prove(header),
        };
        if admission != Admission::Refused {
            self.address = Some(from);
        }
        admission
    }

    /// Two consecutive packets make a new SSRC of the known address believable.
    fn prove(&mut self, header: &RtpHeader) -> Admission {
        let next = header.sequence_number.wrapping_add(1);
        let expected = self.candidate.replace((header.ssrc, next));
        if expected == Some((header.ssrc, header.sequence_number)) {
            self.begin(header)
        } else {
            Admission::Refused
        }
    }

    fn begin(&mut self, header: &RtpHeader) -> Admission {
        self.lost_before = self.lost();
        self.candidate = None;
        let mut reception = Reception::starting_at(header.sequence_number);
        reception.count(header.sequence_number);
        self.stream = Some(Stream { ssrc: header.ssrc, reception });
        Admission::New
    }

    /// True for another address than the one RTP is known to come from.
    pub(super) fn is_foreign(&self, from: SocketAddr) -> bool {
        self.address.is_some_and(|address| address != from)
    }

    /// Where RTP was seen to come from.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Whether RTCP from this address may be the peer's; its first good one fixes the address. `signalled` counts
    /// until RTP has shown where the peer really is.
    pub(super) fn admit_rtcp(&mut self, from: SocketAddr, signalled: SocketAddr) -> bool {
        let host = self.address.unwrap_or(signalled).ip();
        let expected = self.rtcp_address.map_or(from.ip() == host, |address| address == from);
        if expected {
            self.rtcp_address = Some(from);
        }
        expected
    }

    /// Where our RTCP goes: to where the peer's came from, or beside its RTP, or where it was signalled.
    pub(super) fn rtcp_address(&self, signalled_rtp: SocketAddr, signalled_rtcp: SocketAddr) -> SocketAddr {
        match (self.rtcp_address, self.address) {
            (Some(rtcp), _) => rtcp,
            (None, Some(rtp)) if rtp != signalled_rtp => {
                SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1))
            }
            _ => signalled_rtcp,
        }
    }

    pub(super) fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }

    pub(super) fn reception(&mut self) -> Option<&mut Reception> {
        self.stream.as_mut().map(|stream| &mut stream.reception)
    }

    /// Packets lost over all streams of this leg.
    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.stream.as_ref().map_or(0, |stream| stream.reception.lost())
    }

    /// Jitter of the last stream, in time stamp units.
    pub(super) fn jitter(&self) -> u32 {
        self.stream.as_ref().map_or(0, |stream| stream.reception.jitter())
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    fn header(ssrc: u32, sequence_number: u16) -> RtpHeader {
        RtpHeader { marker: false, payload_type: 8, sequence_number, timestamp: 0, ssrc }
    }

    #[test]
    fn the_first_source_is_kept_until_the_next_connect() {
        let mut source = Source::default();
        assert_eq!(source.admit(address(1000), &header(7, 1)), Admission::New);
        assert_eq!(source.admit(address(2000), &header(7, 2)), Admission::Refused);
        assert_eq!(source.admit(address(1000), &header(7, 2)), Admission::Known);
        source.relearn();
        assert_eq!(source.admit(address(2000), &header(7, 3)), Admission::Known);
        assert_eq!(source.admit(address(1000), &header(7, 4)), Admission::Refused);
        assert_eq!(source.address(), Some(address(2000)));
    }

    #[test]
    fn a_new_ssrc_proves_itself_with_two_packets_in_a_row() {
        let mut source = Source::default();
        source.admit(address(1), &header(7, 1));
        for sequence_number in [50, 52] {
            assert_eq!(source.admit(address(1), &header(8, sequence_number)), Admission::Refused);
        }
        assert_eq!(source.admit(address(1), &header(7, 2)), Admission::Known);
        assert_eq!(source.admit(address(1), &header(8, 53)), Admission::New);
        assert_eq!(source.ssrc(), Some(8));
    }

    #[test]
    fn rtcp_comes_from_the_same_host_and_goes_back_there() {
        let mut source = Source::default();
        let (rtp, rtcp) = (address(4000), address(4001));
        assert_eq!(source.rtcp_address(rtp, rtcp), rtcp);
        source.admit(address(6000), &header(7, 1));
        assert_eq!(source.rtcp_address(rtp, rtcp), address(6001));
        assert!(!source.admit_rtcp(SocketAddr::from(([192, 0, 2, 1], 6001)), rtp));
        assert!(source.admit_rtcp(address(6005), rtp));
        assert!(!source.admit_rtcp(address(6001), rtp));
        assert_eq!(source.rtcp_address(rtp, rtcp), address(6005));
    }
}
