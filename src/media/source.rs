//! Whose packets a leg believes: symmetric RTP with a strict lock. The address that was signalled is believed at once,
//! another one (a phone behind NAT) when it has stayed the same for some packets in a row; then packets from elsewhere
//! are strangers'. A new SSRC from the right address must prove itself.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::rtp::{Reception, RtpHeader};

/// After a (re)connect the signalled address, and the one that was there before, still take over from another one that
/// was faster: where the peer's own packets and a stranger's race, the peer's win. Afterwards the lock is final until
/// the next connect.
pub(super) const LEARNING_WINDOW: Duration = Duration::from_secs(5);
/// Packets in a row, same address and SSRC, that make an address other than the signalled one believable; 80 ms.
pub(super) const LEARNING_PACKETS: u8 = 4;
/// A step of the sequence numbers up to this is loss, not another stream.
const LEARNING_STEP: u16 = 10;

/// What to do with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Admission {
    Known,
    /// The first of a (new) source: nothing that was buffered belongs to it.
    New,
    /// Not believed yet.
    Refused,
    /// From a third address, after the peer's was known.
    Stranger,
}

/// The peer as a sender of RTP.
#[derive(Debug, Default)]
pub(super) struct Source {
    lock: Lock,
    stream: Option<Stream>,
    /// An unknown SSRC from the right address, and the number its next packet must have.
    candidate: Option<(u32, u16)>,
    rtcp_address: Option<SocketAddr>,
    /// Losses of earlier streams.
    lost_before: u64,
}

/// Where the peer is.
#[derive(Debug)]
enum Lock {
    Learning {
        /// It was there before the last connect and has said nothing of moving: it is still sent to, and believed.
        before: Option<SocketAddr>,
        candidate: Option<Candidate>,
        until: Option<Instant>,
    },
    Locked {
        address: SocketAddr,
        before: Option<SocketAddr>,
        /// Until then the signalled address takes over, and from others the one that was there before.
        until: Option<Instant>,
    },
}

impl Default for Lock {
    fn default() -> Self {
        Self::Learning { before: None, candidate: None, until: None }
    }
}

/// An address that was not signalled.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    address: SocketAddr,
    ssrc: u32,
    sequence_number: u16,
    packets: u8,
}

impl Candidate {
    /// The same with one more packet, or a new one where it does not go on.
    fn with(self, from: SocketAddr, header: &RtpHeader) -> Self {
        let step = header.sequence_number.wrapping_sub(self.sequence_number);
        let goes_on = self.address == from && self.ssrc == header.ssrc && (1..=LEARNING_STEP).contains(&step);
        let packets = if goes_on { self.packets.saturating_add(1) } else { 1 };
        Self { packets, ..Self::first(from, header) }
    }

    fn first(address: SocketAddr, header: &RtpHeader) -> Self {
        Self { address, ssrc: header.ssrc, sequence_number: header.sequence_number, packets: 1 }
    }
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    reception: Reception,
}

impl Source {
    /// The address is learnt anew; the stream goes on if it is the same. `moved`: the peer has signalled another
    /// address, so what still comes from the old one are stragglers.
    pub(super) fn relearn(&mut self, moved: bool, now: Instant) {
        let before = self.address().filter(|_| !moved);
        self.lock = Lock::Learning { before, candidate: None, until: Some(now + LEARNING_WINDOW) };
        self.rtcp_address = None;
        self.candidate = None;
    }

    /// `signalled` is where the peer said it is.
    pub(super) fn admit(
        &mut self,
        from: SocketAddr,
        signalled: SocketAddr,
        header: &RtpHeader,
        now: Instant,
    ) -> Admission {
        match self.believe(from, signalled, header, now) {
            Belief::Locked => self.admit_stream(header, false),
            Belief::Learnt => self.admit_stream(header, true),
            Belief::Unknown => Admission::Refused,
            Belief::Stranger => Admission::Stranger,
        }
    }

    fn believe(
        &mut self,
        from: SocketAddr,
        signalled: SocketAddr,
        header: &RtpHeader,
        now: Instant,
    ) -> Belief {
        let (before, until) = match &mut self.lock {
            Lock::Locked { address, .. } if *address == from => return Belief::Locked,
            Lock::Locked { address, before, until } => {
                let takes_over = from == signalled || (Some(from) == *before && *address != signalled);
                if !takes_over || until.is_none_or(|until| until <= now) {
                    return Belief::Stranger;
                }
                (*before, *until)
            }
            Lock::Learning { before, candidate, until } => {
                let next =
                    candidate.map_or_else(|| Candidate::first(from, header), |it| it.with(from, header));
                *candidate = Some(next);
                if from != signalled && Some(from) != *before && next.packets < LEARNING_PACKETS {
                    return Belief::Unknown;
                }
                (*before, *until)
            }
        };
        self.lock = Lock::Locked { address: from, before, until };
        Belief::Learnt
    }

    /// The address that is final from now on, told once.
    pub(super) fn settle(&mut self, now: Instant) -> Option<SocketAddr> {
        match &mut self.lock {
            Lock::Locked { address, until, .. } => {
                until.take_if(|until| *until <= now)?;
                Some(*address)
            }
            Lock::Learning { .. } => None,
        }
    }

    /// Which of the address's streams it is; `learnt` when the address has just been believed.
    fn admit_stream(&mut self, header: &RtpHeader, learnt: bool) -> Admission {
        match &mut self.stream {
            Some(stream) if stream.ssrc == header.ssrc => {
                let counted = stream.reception.count(header.sequence_number);
                if counted || learnt { Admission::Known } else { Admission::Refused }
            }
            None => self.begin(header),
            Some(_) if learnt => self.begin(header),
            Some(_) => self.prove(header),
        }
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

    /// Where RTP was seen to come from.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        match self.lock {
            Lock::Locked { address, .. } => Some(address),
            Lock::Learning { before, .. } => before,
        }
    }

    /// Whether RTCP from this address may be the peer's. `signalled` counts until RTP has shown where the peer really
    /// is.
    pub(super) fn expects_rtcp(&self, from: SocketAddr, signalled: SocketAddr) -> bool {
        let host = self.address().unwrap_or(signalled).ip();
        self.rtcp_address.map_or(from.ip() == host, |address| address == from)
    }

    /// Good RTCP came from there: from nowhere else until the next connect.
    pub(super) fn fix_rtcp(&mut self, from: SocketAddr) {
        self.rtcp_address = Some(from);
    }

    /// Where our RTCP goes: to where the peer's came from, or beside its RTP, or where it was signalled.
    pub(super) fn rtcp_address(&self, signalled_rtp: SocketAddr, signalled_rtcp: SocketAddr) -> SocketAddr {
        match (self.rtcp_address, self.address()) {
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

/// What is thought of the address of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Belief {
    Locked,
    /// With this packet.
    Learnt,
    Unknown,
    Stranger,
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SIGNALLED: u16 = 1000;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    fn header(ssrc: u32, sequence_number: u16) -> RtpHeader {
        RtpHeader { marker: false, payload_type: 8, sequence_number, timestamp: 0, ssrc }
    }

    /// A source connected to `SIGNALLED`, with a clock.
    struct Bench {
        source: Source,
        now: Instant,
    }

    impl Bench {
        fn new() -> Self {
            let mut bench = Self { source: Source::default(), now: crate::time::now().mono };
            bench.source.relearn(false, bench.now);
            bench
        }

        fn admit(&mut self, port: u16, ssrc: u32, sequence_number: u16) -> Admission {
            self.source.admit(address(port), address(SIGNALLED), &header(ssrc, sequence_number), self.now)
        }
    }

    #[test]
    fn the_signalled_address_is_believed_at_once_and_strangers_never() {
        let mut bench = Bench::new();
        assert_eq!(bench.admit(SIGNALLED, 7, 1), Admission::New);
        for number in 2..20 {
            assert_eq!(bench.admit(2000, 7, number), Admission::Stranger);
        }
        assert_eq!(bench.admit(SIGNALLED, 7, 2), Admission::Known);
    }

    #[test]
    fn the_address_is_final_once_after_each_connect() {
        let mut bench = Bench::new();
        let after = bench.now + LEARNING_WINDOW;
        assert_eq!(bench.source.settle(after), None, "nothing was heard yet");
        for _ in 0..2 {
            bench.admit(SIGNALLED, 7, 1);
            assert_eq!(bench.source.settle(bench.now), None, "another may still be right");
            assert_eq!(bench.source.settle(after), Some(address(SIGNALLED)));
            assert_eq!(bench.source.settle(after), None, "told already");
            bench.source.relearn(false, bench.now);
        }
    }

    #[test]
    fn another_address_is_believed_when_it_stays_the_same() {
        let mut bench = Bench::new();
        for (port, ssrc, number) in
            [(2000, 7, 1), (2000, 7, 2), (3000, 7, 3), (2000, 7, 4), (2000, 8, 5), (2000, 7, 500)]
        {
            assert_eq!(bench.admit(port, ssrc, number), Admission::Refused, "{port} {ssrc} {number}");
        }
        assert_eq!(bench.admit(2000, 7, 501), Admission::Refused);
        assert_eq!(bench.admit(2000, 7, 503), Admission::Refused);
        assert_eq!(bench.source.address(), None);
        assert_eq!(bench.admit(2000, 7, 504), Admission::New);
        assert_eq!(bench.admit(3000, 7, 505), Admission::Stranger);
        assert_eq!(bench.source.address(), Some(address(2000)));
    }

    #[test]
    fn the_signalled_address_takes_over_within_the_window_only() {
        for (after, expected) in
            [(Duration::from_secs(1), Admission::New), (LEARNING_WINDOW, Admission::Stranger)]
        {
            let mut bench = Bench::new();
            for number in 1..=4 {
                bench.admit(2000, 7, number);
            }
            bench.now += after;
            assert_eq!(bench.admit(SIGNALLED, 9, 50), expected, "{after:?}");
        }
    }

    #[test]
    fn a_reconnect_believes_the_known_address_and_learns_others_slowly() {
        let mut bench = Bench::new();
        for number in 1..=4 {
            bench.admit(2000, 7, number);
        }
        bench.source.relearn(false, bench.now);
        assert_eq!(bench.source.address(), Some(address(2000)), "a silent phone behind NAT is still sent to");
        assert_eq!(bench.admit(3000, 7, 5), Admission::Refused);
        assert_eq!(bench.admit(2000, 7, 5), Admission::Known);
        assert_eq!(bench.admit(3000, 7, 6), Admission::Stranger);
    }

    #[test]
    fn a_flood_at_a_reconnect_does_not_win_over_a_phone_behind_nat() {
        let mut bench = Bench::new();
        for number in 1..=4 {
            bench.admit(2000, 7, number);
        }
        bench.source.relearn(false, bench.now);
        for number in 100..110 {
            bench.admit(3000, 9, number);
        }
        assert_eq!(bench.source.address(), Some(address(3000)), "faster than the phone");
        assert_eq!(bench.admit(2000, 7, 5), Admission::New);
        assert_eq!(bench.admit(3000, 9, 110), Admission::Stranger);
        // Who is where it said goes before where it was.
        assert_eq!(bench.admit(SIGNALLED, 7, 6), Admission::Known);
        assert_eq!(bench.admit(2000, 7, 7), Admission::Stranger);
    }

    #[test]
    fn stragglers_from_where_the_peer_was_do_not_lock_out_where_it_is_now() {
        let mut bench = Bench::new();
        bench.admit(SIGNALLED, 7, 1);
        bench.source.relearn(true, bench.now);
        assert_eq!(bench.source.address(), None);
        let elsewhere = address(1500);
        let mut admit = |from: SocketAddr, number| {
            bench.source.admit(
                from,
                elsewhere,
                &header(if from == address(SIGNALLED) { 7 } else { 8 }, number),
                bench.now,
            )
        };
        assert_eq!(admit(address(SIGNALLED), 2), Admission::Refused, "the old place");
        // The new place is behind NAT: it is neither the old address nor the signalled one.
        for number in 50..53 {
            assert_eq!(admit(address(2000), number), Admission::Refused);
        }
        assert_eq!(admit(address(2000), 53), Admission::New);
        assert_eq!(admit(address(SIGNALLED), 3), Admission::Stranger);
    }

    #[test]
    fn a_new_ssrc_proves_itself_with_two_packets_in_a_row() {
        let mut bench = Bench::new();
        bench.admit(SIGNALLED, 7, 1);
        for sequence_number in [50, 52] {
            assert_eq!(bench.admit(SIGNALLED, 8, sequence_number), Admission::Refused);
        }
        assert_eq!(bench.admit(SIGNALLED, 7, 2), Admission::Known);
        assert_eq!(bench.admit(SIGNALLED, 8, 53), Admission::New);
        assert_eq!(bench.source.ssrc(), Some(8));
    }

    #[test]
    fn rtcp_comes_from_the_same_host_and_goes_back_there() {
        let mut bench = Bench::new();
        let (rtp, rtcp) = (address(SIGNALLED), address(SIGNALLED + 1));
        assert_eq!(bench.source.rtcp_address(rtp, rtcp), rtcp);
        (1..=4).for_each(|number| {
            bench.admit(6000, 7, number);
        });
        assert_eq!(bench.source.rtcp_address(rtp, rtcp), address(6001));
        assert!(!bench.source.expects_rtcp(SocketAddr::from(([192, 0, 2, 1], 6001)), rtp));
        assert!(
            bench.source.expects_rtcp(address(6005), rtp) && bench.source.expects_rtcp(address(6001), rtp)
        );
        bench.source.fix_rtcp(address(6005));
        assert!(!bench.source.expects_rtcp(address(6001), rtp));
        assert_eq!(bench.source.rtcp_address(rtp, rtcp), address(6005));
    }
}
