//! The RTCP of a leg (RFC 3550 6): when its next report is due, what it says, and what the peer's reports tell us.
//! The packets themselves are `rtp/rtcp`.

use std::time::{Duration, Instant};

use crate::rtp::Reception;
use crate::rtp::rtcp::{Compound, MAX_WRITTEN, NtpTime, Report, ReportBlock, Rtcp, SenderInfo};

/// The fixed interval for a session of two (RFC 3550 6.2 recommends at least 5 s).
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

/// Octets of our CNAME: 64 random bits in hexadecimal (RFC 7022).
const CNAME_LEN: usize = 16;

/// The reporter of one leg.
#[derive(Debug)]
pub(super) struct Reports {
    cname: [u8; CNAME_LEN],
    /// Origin of our NTP time.
    epoch: Instant,
    next_at: Option<Instant>,
    /// Middle of the peer's last SR, and when it came.
    last_sr: Option<(u32, Instant)>,
    /// Packets we had sent at the last report.
    reported_packets: u32,
}

impl Reports {
    pub(super) fn new(cname: u64, epoch: Instant) -> Self {
        let hex = |i: usize| b"0123456789abcdef"[(cname >> (4 * i)) as usize & 0x0f];
        Self { cname: std::array::from_fn(hex), epoch, next_at: None, last_sr: None, reported_packets: 0 }
    }

    /// The session runs: the first report is one interval away.
    pub(super) fn start(&mut self, now: Instant) {
        self.next_at.get_or_insert(now + INTERVAL);
    }

    pub(super) fn has_started(&self) -> bool {
        self.next_at.is_some()
    }

    /// True once per interval.
    pub(super) fn take_due(&mut self, now: Instant) -> bool {
        match self.next_at {
            Some(at) if at <= now => {
                // A late tick does not move the rhythm; a long stop does not make up for missed reports.
                self.next_at = Some((at + INTERVAL).max(now));
                true
            }
            _ => false,
        }
    }

    /// Reads the peer's compound. False when it is not RTCP.
    pub(super) fn handle_compound(&mut self, datagram: &[u8], source: Option<u32>, now: Instant) -> bool {
        let mut packets = 0;
        for packet in Compound::new(datagram) {
            match packet {
                Ok(Rtcp::SenderReport { ssrc, sender, .. }) if Some(ssrc) == source => {
                    self.last_sr = Some((sender.ntp.middle(), now));
                }
                Ok(_) => {}
                Err(_) => return packets > 0,
            }
            packets += 1;
        }
        packets > 0
    }

    /// Writes our next compound: SR when packets went out since the last, else RR.
    pub(super) fn write<'a>(
        &mut self,
        (ssrc, sender): (u32, SenderInfo),
        source: Option<(u32, &mut Reception)>,
        bye: bool,
        now: Instant,
        buffer: &'a mut [u8; MAX_WRITTEN],
    ) -> &'a [u8] {
        let has_sent = sender.packets != self.reported_packets;
        self.reported_packets = sender.packets;
        let ntp = NtpTime::from_elapsed(now.saturating_duration_since(self.epoch));
        let block = source.map(|(ssrc, reception)| self.block(ssrc, reception, now));
        let sender = has_sent.then_some(SenderInfo { ntp, ..sender });
        Report { ssrc, sender, block, cname: &self.cname, bye }.write(buffer)
    }

    fn block(&self, ssrc: u32, reception: &mut Reception, now: Instant) -> ReportBlock {
        let loss = reception.report_loss();
        let (last_sr, delay) = match self.last_sr {
            Some((middle, at)) => (middle, NtpTime::from_elapsed(now.saturating_duration_since(at)).middle()),
            None => (0, 0),
        };
        ReportBlock {
            ssrc,
            fraction_lost: loss.fraction,
            cumulative_lost: loss.cumulative.clamp(i32::MIN.into(), i32::MAX.into()) as i32,
            highest_sequence: reception.highest_sequence(),
            jitter: reception.jitter(),
            last_sr,
            delay_since_last_sr: delay,
        }
    }
}
