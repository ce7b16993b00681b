//! Reception statistics of one RTP source: sequence numbers (RFC 3550 A.1), losses (A.3), interarrival jitter (A.8).
//! Counts only; which packets belong to the source is decided in `media/`.

/// A larger step forward than this is a restart of the sender, not loss (RFC 3550 A.1 MAX_DROPOUT).
const MAX_DROPOUT: u16 = 3000;
/// A larger step back than this is a restart too (RFC 3550 A.1 MAX_MISORDER).
const MAX_MISORDER: u16 = 100;

/// What was received from one source since its first packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reception {
    base_sequence: u32,
    /// Highest sequence number, its wraps above the lower 16 bits.
    highest_sequence: u32,
    received: u64,
    /// Losses of earlier runs of this source, before it restarted its numbering.
    lost_before: u64,
    /// The number that would prove a restart.
    expected_after_restart: Option<u16>,
    /// Sixteen times the jitter, in time stamp units, and the transit time of the last packet.
    jitter_16: u32,
    transit: Option<u32>,
    /// Expected and received at the last report.
    reported: (u64, u64),
}

/// The losses a report block carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Since the last report, in 1/256.
    pub fraction: u8,
    /// Since the beginning; negative when duplicates outnumber the losses.
    pub cumulative: i64,
}

impl Reception {
    /// The first packet of a source; it still has to be counted by [`Self::count`].
    pub fn starting_at(sequence: u16) -> Self {
        Self {
            base_sequence: u32::from(sequence),
            highest_sequence: u32::from(sequence),
            received: 0,
            lost_before: 0,
            expected_after_restart: None,
            jitter_16: 0,
            transit: None,
            reported: (0, 0),
        }
    }

    /// Counts a packet. False for a stray far from the others, which may be the first after a restart.
    pub fn count(&mut self, sequence: u16) -> bool {
        let forward = sequence.wrapping_sub(self.highest_sequence as u16);
        if forward < MAX_DROPOUT {
            self.highest_sequence = self.highest_sequence.wrapping_add(u32::from(forward));
        } else if forward <= u16::MAX - MAX_MISORDER {
            if self.expected_after_restart != Some(sequence) {
                self.expected_after_restart = Some(sequence.wrapping_add(1));
                return false;
            }
            self.restart(sequence);
        }
        self.expected_after_restart = None;
        self.received += 1;
        true
    }

    fn restart(&mut self, sequence: u16) {
        *self = Self { lost_before: self.lost(), jitter_16: self.jitter_16, ..Self::starting_at(sequence) };
    }

    /// Takes a packet's arrival, in time stamp units of any fixed origin, into the jitter (A.8).
    pub fn arrived(&mut self, timestamp: u32, arrival: u32) {
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let difference = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A jump of the time stamps is not jitter; the clamp also keeps the sum within 32 bits.
            let difference = difference.min(1 << 16);
            self.jitter_16 = self.jitter_16 + difference - ((self.jitter_16 + 8) >> 4);
        }
    }

    pub fn received(&self) -> u64 {
        self.received
    }

    /// Highest sequence number received, extended by the number of wraps.
    pub fn highest_sequence(&self) -> u32 {
        self.highest_sequence
    }

    /// Interarrival jitter in time stamp units.
    pub fn jitter(&self) -> u32 {
        self.jitter_16 >> 4
    }

    /// Expected minus received, never negative.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.expected().saturating_sub(self.received)
    }

    fn expected(&self) -> u64 {
        u64::from(self.highest_sequence.wrapping_sub(self.base_sequence)) + 1
    }

    /// The losses for a report block; starts the next interval.
    pub fn report_loss(&mut self) -> Loss {
        let (expected, received) = (self.expected(), self.received);
        let (expected_before, received_before) = std::mem::replace(&mut self.reported, (expected, received));
        let expected_now = expected.saturating_sub(expected_before);
        let lost_now = expected_now.saturating_sub(received - received_before);
        let fraction = (lost_now << 8).checked_div(expected_now).unwrap_or(0).min(255);
        let cumulative = i64::try_from(expected).unwrap_or(i64::MAX) - i64::try_from(received).unwrap_or(0);
        Loss { fraction: fraction as u8, cumulative }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_over_a_wrap() {
        let mut reception = Reception::starting_at(65_530);
        for i in 0..20_u16 {
            if i != 3 && i != 9 {
                assert!(reception.count(65_530_u16.wrapping_add(i)));
            }
        }
        assert_eq!((reception.received(), reception.lost()), (18, 2));
        assert_eq!(reception.highest_sequence(), 65_549);
        assert_eq!(reception.report_loss(), Loss { fraction: 25, cumulative: 2 });
        assert_eq!(reception.report_loss(), Loss { fraction: 0, cumulative: 2 });
    }

    #[test]
    fn late_and_doubled_packets_do_not_move_the_highest_number() {
        let mut reception = Reception::starting_at(10);
        for sequence in [10, 12, 11, 11, 13, 9] {
            assert!(reception.count(sequence));
        }
        assert_eq!((reception.highest_sequence(), reception.lost()), (13, 0));
        assert_eq!(reception.report_loss().cumulative, -2);
    }

    #[test]
    fn a_stray_is_refused_and_a_restart_believed_at_its_second_packet() {
        let mut reception = Reception::starting_at(100);
        assert!(reception.count(100) && reception.count(102));
        assert!(!reception.count(30_000));
        assert!(reception.count(103));
        assert!(!reception.count(30_000) && reception.count(30_001));
        assert_eq!((reception.highest_sequence(), reception.lost()), (30_001, 1));
    }

    #[test]
    fn jitter_of_an_even_stream_is_zero_and_of_an_alternating_one_is_its_swing() {
        let (mut even, mut swinging) = (Reception::starting_at(0), Reception::starting_at(0));
        for i in 0..500_u32 {
            even.arrived((i * 160).wrapping_sub(1000), i * 160);
            swinging.arrived(i * 160, i * 160 + (i % 2) * 40);
        }
        assert_eq!(even.jitter(), 0);
        assert!((38..=40).contains(&swinging.jitter()), "{}", swinging.jitter());
    }
}
