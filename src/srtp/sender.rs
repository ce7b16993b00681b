//! The sending side of a secure session: gives each packet its index, so that no key stream is used twice
//! (RFC 3711 3.3.1, 3.4). Encryption is `transform`.

use super::transform::{Half, RTCP_CLEAR, RtpPacket, Transform};
use super::{MAX_OVERHEAD, MasterKey};

/// Sources one leg sends with in its life; it has one, and a few more would be a mistake of ours.
const MAX_SOURCES: usize = 4;
/// SRTCP packets under one key (RFC 3711 3.2.1).
const MAX_RTCP_INDEX: u32 = (1 << 31) - 1;

/// Protects what one leg sends.
pub struct SrtpSender {
    rtp: Transform,
    rtcp: Transform,
    /// The highest index of each source of ours.
    sources: Vec<(u32, u64)>,
    rtcp_index: u32,
}

impl SrtpSender {
    pub fn new(key: &MasterKey) -> Self {
        Self {
            rtp: Transform::new(key, Half::Rtp),
            rtcp: Transform::new(key, Half::Rtcp),
            sources: Vec::with_capacity(1),
            rtcp_index: 0,
        }
    }

    /// Writes the protected packet to the start of `buffer`. None when it is no RTP, does not fit, goes back in its
    /// numbers or has used up its key: it must not be sent.
    pub fn protect_rtp<'b>(&mut self, packet: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut read = RtpPacket::read(packet)?;
        read.index = self.next_index(&read)?;
        copy_in(packet, buffer)?;
        let len = self.rtp.seal_rtp(buffer, &read)?;
        Some(&buffer[..len])
    }

    /// The same for an RTCP compound.
    pub fn protect_rtcp<'b>(&mut self, compound: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let ssrc = compound.get(4..RTCP_CLEAR)?.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc))?;
        if self.rtcp_index >= MAX_RTCP_INDEX {
            return None;
        }
        self.rtcp_index += 1;
        copy_in(compound, buffer)?;
        let len = self.rtcp.seal_rtcp(buffer, compound.len(), ssrc, self.rtcp_index)?;
        Some(&buffer[..len])
    }

    /// A leg's numbers only grow, so a smaller one is a rollover.
    fn next_index(&mut self, packet: &RtpPacket) -> Option<u64> {
        let Some((_, highest)) = self.sources.iter_mut().find(|(ssrc, _)| *ssrc == packet.ssrc) else {
            if self.sources.len() == MAX_SOURCES {
                return None;
            }
            self.sources.push((packet.ssrc, packet.index));
            return Some(packet.index);
        };
        let step = packet.sequence_number.wrapping_sub(*highest as u16);
        // Half of the number space forwards is a step, the other half is backwards.
        if step == 0 || step >= 0x8000 {
            return None;
        }
        *highest += u64::from(step);
        (*highest >> 48 == 0).then_some(*highest)
    }
}

fn copy_in(packet: &[u8], buffer: &mut [u8]) -> Option<()> {
    buffer.get_mut(..packet.len() + MAX_OVERHEAD)?[..packet.len()].copy_from_slice(packet);
    Some(())
}

impl std::fmt::Debug for SrtpSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SrtpSender")
    }
}
