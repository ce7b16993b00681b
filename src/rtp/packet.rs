//! The RTP packet (RFC 3550 5.1): header and payload, read in place and written into a caller's buffer. CSRC lists,
//! header extensions and padding are stepped over; nothing here keeps state between packets.

/// Octets of the fixed header, the only one we write.
pub const HEADER_LEN: usize = 12;

/// The fields of the fixed header that a receiver needs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtpHeader {
    pub marker: bool,
    /// 0 to 127.
    pub payload_type: u8,
    pub sequence_number: u16,
    /// In units of the payload's clock.
    pub timestamp: u32,
    pub ssrc: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MalformedRtp {
    #[error("shorter than its header says")]
    Truncated,
    #[error("not RTP version 2")]
    Version,
    #[error("more padding than payload")]
    Padding,
}

impl RtpHeader {
    /// Splits a datagram into header and payload.
    pub fn parse(datagram: &[u8]) -> Result<(Self, &[u8]), MalformedRtp> {
        let (fixed, mut rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(MalformedRtp::Truncated)?;
        if fixed[0] >> 6 != 2 {
            return Err(MalformedRtp::Version);
        }
        let csrc_len = usize::from(fixed[0] & 0x0f) * 4;
        rest = rest.get(csrc_len..).ok_or(MalformedRtp::Truncated)?;
        if fixed[0] & 0x10 != 0 {
            rest = skip_extension(rest)?;
        }
        if fixed[0] & 0x20 != 0 {
            rest = strip_padding(rest)?;
        }
        let header = Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence_number: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        };
        Ok((header, rest))
    }

    /// Writes header and payload to the start of `buffer`; the packet written, or none when it does not fit.
    pub fn write<'a>(&self, payload: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let packet = buffer.get_mut(..HEADER_LEN + payload.len())?;
        packet[..HEADER_LEN].copy_from_slice(&self.to_bytes());
        packet[HEADER_LEN..].copy_from_slice(payload);
        Some(packet)
    }

    /// The header alone, for a payload that stands behind its place already.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut header = [0; HEADER_LEN];
        header[0] = 2 << 6;
        header[1] = self.payload_type & 0x7f | if self.marker { 0x80 } else { 0 };
        header[2..4].copy_from_slice(&self.sequence_number.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        header
    }
}

/// RFC 3550 5.3.1: a profile word, a length in 32-bit words, that many words.
fn skip_extension(rest: &[u8]) -> Result<&[u8], MalformedRtp> {
    let (head, body) = rest.split_first_chunk::<4>().ok_or(MalformedRtp::Truncated)?;
    let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
    body.get(words * 4..).ok_or(MalformedRtp::Truncated)
}

/// The last octet counts the padding, itself included.
fn strip_padding(rest: &[u8]) -> Result<&[u8], MalformedRtp> {
    let padding = usize::from(*rest.last().ok_or(MalformedRtp::Padding)?);
    if padding == 0 || padding > rest.len() {
        return Err(MalformedRtp::Padding);
    }
    Ok(&rest[..rest.len() - padding])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    const HEADER: RtpHeader = RtpHeader {
        marker: true,
        payload_type: 101,
        sequence_number: 0xfffe,
        timestamp: 0x8000_0001,
        ssrc: 0xdead_beef,
    };

    #[test]
    fn what_is_written_is_read() {
        let mut buffer = [0; 64];
        let packet = HEADER.write(b"voice", &mut buffer).unwrap();
        assert_eq!(packet[..4], [0x80, 0x80 | 101, 0xff, 0xfe]);
        assert_eq!(RtpHeader::parse(packet), Ok((HEADER, b"voice".as_slice())));
        assert_eq!(HEADER.write(&[0; 53], &mut buffer), None);
    }

    #[test]
    fn csrc_extension_and_padding_are_stepped_over() {
        let mut packet = vec![0x80 | 0x20 | 0x10 | 2, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([0xcc; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        packet.extend(b"voice");
        packet.extend([0, 0, 3]);
        let (header, payload) = RtpHeader::parse(&packet).unwrap();
        assert_eq!((header.sequence_number, header.timestamp, header.ssrc), (1, 2, 3));
        assert_eq!(payload, b"voice");
        for len in 0..28 {
            assert!(RtpHeader::parse(&packet[..len]).is_err(), "cut at {len}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(RtpHeader::parse(&[0x40; 12]), Err(MalformedRtp::Version));
        let mut padded = [0; 13];
        padded[0] = 0xa0;
        assert_eq!(RtpHeader::parse(&padded), Err(MalformedRtp::Padding));
        padded[12] = 2;
        assert_eq!(RtpHeader::parse(&padded), Err(MalformedRtp::Padding));
        assert_eq!(RtpHeader::parse(&padded[..12]), Err(MalformedRtp::Padding));
    }
}
