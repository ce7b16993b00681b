//! RTCP (RFC 3550 6): compound packets read as an iterator bounded by the datagram, and the three compounds we send
//! (SR or RR, SDES CNAME, BYE). When to report and about whom is `media/`.

/// NTP time in RTCP's 32.32 fixed point; only differences matter (RFC 3550 4 lets a sender use elapsed time).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct NtpTime(pub u64);

impl NtpTime {
    pub fn from_elapsed(elapsed: std::time::Duration) -> Self {
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        Self(elapsed.as_secs() << 32 | fraction)
    }

    /// The middle 32 bits, as LSR carries them.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// The sender's part of an SR.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SenderInfo {
    pub ntp: NtpTime,
    pub rtp_timestamp: u32,
    /// Packets and payload octets sent so far, modulo 2^32.
    pub packets: u32,
    pub octets: u32,
}

/// One reception report block (RFC 3550 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ReportBlock {
    /// The source reported on.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the beginning, 24-bit signed on the wire.
    pub cumulative_lost: i32,
    pub highest_sequence: u32,
    /// In time stamp units.
    pub jitter: u32,
    /// Middle of the last SR's NTP time, and the delay since it in 1/65536 s; 0 before the first.
    pub last_sr: u32,
    pub delay_since_last_sr: u32,
}

/// One packet of a compound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rtcp<'a> {
    SenderReport {
        ssrc: u32,
        sender: SenderInfo,
        blocks: ReportBlocks<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        blocks: ReportBlocks<'a>,
    },
    /// The first chunk's source and CNAME.
    SourceDescription {
        ssrc: u32,
        cname: Option<&'a [u8]>,
    },
    /// The first source that leaves.
    Bye {
        ssrc: u32,
    },
    /// APP, feedback, extended reports.
    Other {
        packet_type: u8,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MalformedRtcp {
    #[error("shorter than its header says")]
    Truncated,
    #[error("not RTCP version 2")]
    Version,
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const CNAME: u8 = 1;
const BLOCK_LEN: usize = 24;

/// The largest compound we write: SR with one block, SDES with a CNAME of [`MAX_CNAME`], BYE.
pub const MAX_WRITTEN: usize = 28 + BLOCK_LEN + 8 + 2 + MAX_CNAME + 4 + 8;
/// Octets of a CNAME we write; RFC 7022 names have 16.
pub const MAX_CNAME: usize = 32;

/// Whether a datagram on the RTP port is RTCP (RFC 5761 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

/// The packets of a compound, in order; ends after the first malformed one.
#[derive(Clone, Debug)]
pub struct Compound<'a> {
    rest: &'a [u8],
}

impl<'a> Compound<'a> {
    pub fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }

    fn split_packet(&mut self) -> Result<(u8, u8, &'a [u8]), MalformedRtcp> {
        let head = self.rest.first_chunk::<4>().ok_or(MalformedRtcp::Truncated)?;
        if head[0] >> 6 != 2 {
            return Err(MalformedRtcp::Version);
        }
        let len = 4 + usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
        let packet = self.rest.get(..len).ok_or(MalformedRtcp::Truncated)?;
        self.rest = &self.rest[len..];
        Ok((head[0] & 0x1f, head[1], &packet[4..]))
    }
}

impl<'a> Iterator for Compound<'a> {
    type Item = Result<Rtcp<'a>, MalformedRtcp>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = self.split_packet().and_then(|(count, kind, body)| parse_body(count, kind, body));
        if packet.is_err() {
            self.rest = &[];
        }
        Some(packet)
    }
}

fn parse_body(count: u8, packet_type: u8, body: &[u8]) -> Result<Rtcp<'_>, MalformedRtcp> {
    let blocks = |offset: usize| {
        let len = usize::from(count) * BLOCK_LEN;
        body.get(offset..offset + len).map(ReportBlocks).ok_or(MalformedRtcp::Truncated)
    };
    Ok(match packet_type {
        SENDER_REPORT => Rtcp::SenderReport {
            ssrc: u32_at(body, 0)?,
            sender: SenderInfo {
                ntp: NtpTime(u64::from(u32_at(body, 4)?) << 32 | u64::from(u32_at(body, 8)?)),
                rtp_timestamp: u32_at(body, 12)?,
                packets: u32_at(body, 16)?,
                octets: u32_at(body, 20)?,
            },
            blocks: blocks(24)?,
        },
        RECEIVER_REPORT => Rtcp::ReceiverReport { ssrc: u32_at(body, 0)?, blocks: blocks(4)? },
        SOURCE_DESCRIPTION if count > 0 => {
            Rtcp::SourceDescription { ssrc: u32_at(body, 0)?, cname: find_cname(&body[4..]) }
        }
        BYE if count > 0 => Rtcp::Bye { ssrc: u32_at(body, 0)? },
        packet_type => Rtcp::Other { packet_type },
    })
}

/// Items are type, length, text; type 0 ends the chunk (RFC 3550 6.5).
fn find_cname(mut items: &[u8]) -> Option<&[u8]> {
    while let [kind, len, rest @ ..] = items {
        let text = rest.get(..usize::from(*len)).filter(|_| *kind != 0)?;
        if *kind == CNAME {
            return Some(text);
        }
        items = &rest[text.len()..];
    }
    None
}

fn u32_at(bytes: &[u8], offset: usize) -> Result<u32, MalformedRtcp> {
    let word =
        bytes.get(offset..).and_then(|rest| rest.first_chunk::<4>()).ok_or(MalformedRtcp::Truncated)?;
    Ok(u32::from_be_bytes(*word))
}

/// The report blocks of one SR or RR, at most 31.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.0.split_first_chunk::<BLOCK_LEN>()?;
        self.0 = rest;
        let word = |i: usize| u32::from_be_bytes([block[i], block[i + 1], block[i + 2], block[i + 3]]);
        Some(ReportBlock {
            ssrc: word(0),
            fraction_lost: block[4],
            // Sign-extends the lower 24 bits.
            cumulative_lost: (word(4) << 8) as i32 >> 8,
            highest_sequence: word(8),
            jitter: word(12),
            last_sr: word(16),
            delay_since_last_sr: word(20),
        })
    }
}

/// What one compound of ours says.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub ssrc: u32,
    /// Present: SR, absent: RR.
    pub sender: Option<SenderInfo>,
    pub block: Option<ReportBlock>,
    /// Cut to [`MAX_CNAME`] octets.
    pub cname: &'a [u8],
    pub bye: bool,
}

impl Report<'_> {
    /// Writes the compound to the start of `buffer` and returns it.
    pub fn write<'a>(&self, buffer: &'a mut [u8; MAX_WRITTEN]) -> &'a [u8] {
        let mut at = 0;
        self.write_report(buffer, &mut at);
        self.write_source_description(buffer, &mut at);
        if self.bye {
            put(buffer, &mut at, &[0x81, BYE, 0, 1]);
            put(buffer, &mut at, &self.ssrc.to_be_bytes());
        }
        &buffer[..at]
    }

    fn write_report(&self, buffer: &mut [u8], at: &mut usize) {
        let blocks = u8::from(self.block.is_some());
        let (packet_type, words) =
            if self.sender.is_some() { (SENDER_REPORT, 6) } else { (RECEIVER_REPORT, 1) };
        put(buffer, at, &[0x80 | blocks, packet_type, 0, words + 6 * blocks]);
        put(buffer, at, &self.ssrc.to_be_bytes());
        if let Some(sender) = self.sender {
            put(buffer, at, &sender.ntp.0.to_be_bytes());
            put(buffer, at, &sender.rtp_timestamp.to_be_bytes());
            put(buffer, at, &sender.packets.to_be_bytes());
            put(buffer, at, &sender.octets.to_be_bytes());
        }
        if let Some(block) = self.block {
            let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
            put(buffer, at, &block.ssrc.to_be_bytes());
            put(buffer, at, &(u32::from(block.fraction_lost) << 24 | lost).to_be_bytes());
            put(buffer, at, &block.highest_sequence.to_be_bytes());
            put(buffer, at, &block.jitter.to_be_bytes());
            put(buffer, at, &block.last_sr.to_be_bytes());
            put(buffer, at, &block.delay_since_last_sr.to_be_bytes());
        }
    }

    /// One chunk; its items end with at least one zero octet, padded to a word.
    fn write_source_description(&self, buffer: &mut [u8], at: &mut usize) {
        let cname = &self.cname[..self.cname.len().min(MAX_CNAME)];
        let padding = 4 - (2 + cname.len()) % 4;
        let words = 1 + (2 + cname.len() + padding) / 4;
        put(buffer, at, &[0x81, SOURCE_DESCRIPTION, 0, words as u8]);
        put(buffer, at, &self.ssrc.to_be_bytes());
        put(buffer, at, &[CNAME, cname.len() as u8]);
        put(buffer, at, cname);
        put(buffer, at, &[0; 4][..padding]);
    }
}

fn put(buffer: &mut [u8], at: &mut usize, bytes: &[u8]) {
    buffer[*at..*at + bytes.len()].copy_from_slice(bytes);
    *at += bytes.len();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 7,
        fraction_lost: 3,
        cumulative_lost: -2,
        highest_sequence: 0x1_0002,
        jitter: 40,
        last_sr: 9,
        delay_since_last_sr: 10,
    };

    #[test]
    fn a_sender_report_with_cname_and_bye_reads_back() {
        let sender =
            SenderInfo { ntp: NtpTime(0x1234_5678_9abc_def0), rtp_timestamp: 5, packets: 6, octets: 960 };
        for cname in [&b"a"[..], b"ab", b"abcdef", &[b'x'; MAX_CNAME]] {
            let report = Report { ssrc: 77, sender: Some(sender), block: Some(BLOCK), cname, bye: true };
            let mut buffer = [0; MAX_WRITTEN];
            let packets: Vec<_> = Compound::new(report.write(&mut buffer)).map(Result::unwrap).collect();
            let [Rtcp::SenderReport { ssrc: 77, sender: read, blocks }, sdes, Rtcp::Bye { ssrc: 77 }] =
                packets[..]
            else {
                panic!("{packets:?}")
            };
            assert_eq!(read, sender);
            assert_eq!(blocks.collect::<Vec<_>>(), [BLOCK]);
            assert_eq!(sdes, Rtcp::SourceDescription { ssrc: 77, cname: Some(cname) });
        }
        assert_eq!(sender.ntp.middle(), 0x5678_9abc);
    }

    #[test]
    fn a_receiver_report_without_blocks_reads_back() {
        let report = Report { ssrc: 1, sender: None, block: None, cname: b"name", bye: false };
        let mut buffer = [0; MAX_WRITTEN];
        let datagram = report.write(&mut buffer);
        assert!(is_rtcp(datagram));
        let packets: Vec<_> = Compound::new(datagram).map(Result::unwrap).collect();
        let Rtcp::ReceiverReport { ssrc: 1, mut blocks } = packets[0] else { panic!("{packets:?}") };
        assert_eq!((blocks.next(), packets.len()), (None, 2));
    }

    #[test]
    fn any_cut_or_flipped_compound_is_read_to_an_end() {
        let report = Report { ssrc: 1, sender: None, block: Some(BLOCK), cname: b"name", bye: true };
        let mut buffer = [0; MAX_WRITTEN];
        let datagram = report.write(&mut buffer).to_vec();
        for len in 0..datagram.len() {
            let whole = Compound::new(&datagram[..len]).all(|packet| packet.is_ok());
            assert_eq!(whole, matches!(len, 0 | 32 | 48), "cut at {len}");
            for bit in 0..8 {
                let mut flipped = datagram.clone();
                flipped[len] ^= 1 << bit;
                assert!(Compound::new(&flipped).count() <= 32);
            }
        }
    }
}
