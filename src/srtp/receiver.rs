//! The receiving side of a secure session: finds the index of each packet, refuses what was there before and what is
//! forged (RFC 3711 3.3). A source is remembered only once a packet of it was genuine, so that a stranger cannot fill
//! the table.

use super::MasterKey;
use super::transform::{Half, RTCP_CLEAR, RtpPacket, Transform};

/// Packets that may come late, or twice: 1.3 s of 20 ms packets (RFC 3711 3.3.2 asks for at least 64).
const WINDOW: u64 = 64;
/// Sources a peer may use in the life of one key. A browser changes its source when its microphone changes.
const MAX_SOURCES: usize = 16;

/// Why a packet was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    #[error("neither RTP nor RTCP")]
    Malformed,
    #[error("there before, or too late to tell")]
    Replayed,
    #[error("authentication failed")]
    Forged,
    #[error("more sources than a peer may have")]
    TooManySources,
}

/// Opens what one leg receives.
pub struct SrtpReceiver {
    rtp: Transform,
    rtcp: Transform,
    rtp_sources: Vec<(u32, Window)>,
    rtcp_sources: Vec<(u32, Window)>,
}

impl SrtpReceiver {
    pub fn new(key: &MasterKey) -> Self {
        Self {
            rtp: Transform::new(key, Half::Rtp),
            rtcp: Transform::new(key, Half::Rtcp),
            rtp_sources: Vec::with_capacity(1),
            rtcp_sources: Vec::with_capacity(1),
        }
    }

    /// Opens a datagram in place; the plain packet is its first octets, as many as the answer says.
    pub fn unprotect_rtp(&mut self, datagram: &mut [u8]) -> Result<usize, Rejection> {
        let mut packet = RtpPacket::read(datagram).ok_or(Rejection::Malformed)?;
        let known = find(&self.rtp_sources, packet.ssrc);
        packet.index = match known {
            Some(at) => {
                let window = &self.rtp_sources[at].1;
                let index = window.index_of(packet.sequence_number).ok_or(Rejection::Replayed)?;
                window.admit(index)?;
                index
            }
            None => packet.sequence_number.into(),
        };
        let len = self.rtp.open_rtp(datagram, &packet).ok_or(Rejection::Forged)?;
        remember(&mut self.rtp_sources, known, packet.ssrc, packet.index)?;
        Ok(len)
    }

    /// The same for RTCP, which carries its index.
    pub fn unprotect_rtcp(&mut self, datagram: &mut [u8]) -> Result<usize, Rejection> {
        let ssrc =
            datagram.get(4..RTCP_CLEAR).and_then(|ssrc| ssrc.first_chunk()).ok_or(Rejection::Malformed)?;
        let ssrc = u32::from_be_bytes(*ssrc);
        let index = self.rtcp.rtcp_index(datagram).ok_or(Rejection::Forged)?;
        let known = find(&self.rtcp_sources, ssrc);
        if let Some(at) = known {
            self.rtcp_sources[at].1.admit(index.into())?;
        }
        let len = self.rtcp.open_rtcp(datagram, ssrc, index).ok_or(Rejection::Forged)?;
        remember(&mut self.rtcp_sources, known, ssrc, index.into())?;
        Ok(len)
    }
}

impl std::fmt::Debug for SrtpReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SrtpReceiver")
    }
}

fn find(sources: &[(u32, Window)], ssrc: u32) -> Option<usize> {
    sources.iter().position(|(known, _)| *known == ssrc)
}

fn remember(
    sources: &mut Vec<(u32, Window)>,
    known: Option<usize>,
    ssrc: u32,
    index: u64,
) -> Result<(), Rejection> {
    match known {
        Some(at) => sources[at].1.accept(index),
        None if sources.len() < MAX_SOURCES => sources.push((ssrc, Window { highest: index, seen: 1 })),
        None => return Err(Rejection::TooManySources),
    }
    Ok(())
}

/// The last [`WINDOW`] indexes of one source.
#[derive(Clone, Copy, Debug)]
struct Window {
    highest: u64,
    /// Bit n: the index n below the highest was there.
    seen: u64,
}

impl Window {
    /// The index nearest to the highest that has these low 16 bits (RFC 3711 3.3.1); none before the first packet of
    /// all.
    fn index_of(&self, sequence_number: u16) -> Option<u64> {
        let step = sequence_number.wrapping_sub(self.highest as u16) as i16;
        self.highest.checked_add_signed(step.into()).filter(|index| index >> 48 == 0)
    }

    fn admit(&self, index: u64) -> Result<(), Rejection> {
        let behind = self.highest.saturating_sub(index);
        let seen = index <= self.highest && (behind >= WINDOW || self.seen >> behind & 1 != 0);
        if seen { Err(Rejection::Replayed) } else { Ok(()) }
    }

    fn accept(&mut self, index: u64) {
        if index > self.highest {
            let step = index - self.highest;
            self.seen = if step < WINDOW { self.seen << step } else { 0 } | 1;
            self.highest = index;
        } else {
            self.seen |= 1 << (self.highest - index);
        }
    }
}
