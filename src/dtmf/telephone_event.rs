//! RFC 4733 telephone-event payloads and their de-duplication into one digit per press.
//!
//! A press is many packets with one RTP time stamp and a growing duration, its end sent three times. Any of them may
//! be lost, doubled or late; packets are told apart by the time stamp alone, never by the marker bit.

use std::time::{Duration, Instant};

use super::Digit;

/// No packet of a running event for this long: its end was lost. Senders repeat every 20 to 50 ms (RFC 4733 2.5.1.2).
pub const LOST_END: Duration = Duration::from_millis(200);
/// A time stamp at most this much older than the last ended event is a straggler; more is a new origin.
const STRAGGLER_SECS: u32 = 5;
/// A press longer than 16 bits continues in a segment that starts this much later (RFC 4733 2.5.1.3).
const SEGMENT: u32 = 0xffff;

/// One telephone-event payload (RFC 4733 2.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TelephoneEvent {
    /// 0 to 15 are digits.
    pub code: u8,
    pub end: bool,
    /// Level below 0 dBm0 in dB, 0 to 63.
    pub volume: u8,
    /// So far, in time stamp units.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Octets of one event.
    pub const LEN: usize = 4;

    /// The first event of a payload; none when it is too short.
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let [code, flags, high, low] = *payload.first_chunk()?;
        Some(Self {
            code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, self.volume & 0x3f | if self.end { 0x80 } else { 0 }, high, low]
    }
}

/// A finished press.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Press {
    pub digit: Digit,
    pub duration_ms: u32,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    digit: Digit,
    timestamp: u32,
    clock_hz: u32,
    /// Units of earlier segments.
    before: u32,
    duration: u16,
    end_deadline: Instant,
}

impl Running {
    fn press(self) -> Press {
        let units = self.before.saturating_add(self.duration.into());
        Press { digit: self.digit, duration_ms: units / (self.clock_hz / 1000).max(1) }
    }
}

/// Turns the event packets of one source into presses, each exactly once.
#[derive(Debug, Default)]
pub struct Presses {
    running: Option<Running>,
    /// Time stamp of the last event that ended.
    ended: Option<u32>,
}

impl Presses {
    /// Takes one event packet; `clock_hz` is that of its payload type. A press is reported at its end, or when the
    /// next one begins without one.
    pub fn handle_event(
        &mut self,
        event: TelephoneEvent,
        timestamp: u32,
        clock_hz: u32,
        now: Instant,
    ) -> Option<Press> {
        let digit = Digit::from_event_code(event.code)?;
        if self.is_straggler(timestamp, clock_hz) {
            return None;
        }
        let mut unended = None;
        match &mut self.running {
            Some(running) if running.timestamp == timestamp => {
                running.duration = running.duration.max(event.duration);
            }
            Some(running)
                if running.digit == digit && timestamp == running.timestamp.wrapping_add(SEGMENT) =>
            {
                running.before = running.before.saturating_add(SEGMENT);
                running.timestamp = timestamp;
                running.duration = event.duration;
            }
            running => {
                unended = running.take().map(Running::press);
                *running = Some(Running {
                    digit,
                    timestamp,
                    clock_hz,
                    before: 0,
                    duration: event.duration,
                    end_deadline: now + LOST_END,
                });
            }
        }
        if let Some(running) = &mut self.running {
            running.end_deadline = now + LOST_END;
        }
        if unended.is_none() && event.end { self.finish() } else { unended }
    }

    /// The press whose end never came, when it is time to give up waiting for it.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Press> {
        let due = self.running.is_some_and(|running| running.end_deadline <= now);
        if due { self.finish() } else { None }
    }

    /// A key is down.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    fn finish(&mut self) -> Option<Press> {
        let running = self.running.take()?;
        self.ended = Some(running.timestamp);
        Some(running.press())
    }

    /// Belongs to an event already reported, or to one before the running one.
    fn is_straggler(&self, timestamp: u32, clock_hz: u32) -> bool {
        let older = |than: u32| than.wrapping_sub(timestamp) < STRAGGLER_SECS * clock_hz;
        let before_running =
            self.running.is_some_and(|running| running.timestamp != timestamp && older(running.timestamp));
        before_running || self.ended.is_some_and(older)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: u8, duration: u16, end: bool) -> TelephoneEvent {
        TelephoneEvent { code, end, volume: 10, duration }
    }

    fn press(digit: char, duration_ms: u32) -> Option<Press> {
        Digit::from_char(digit).map(|digit| Press { digit, duration_ms })
    }

    fn start() -> Instant {
        crate::time::now().mono
    }

    #[test]
    fn payloads_read_back() {
        let sent = event(11, 0x1234, true);
        assert_eq!(TelephoneEvent::parse(&sent.to_bytes()), Some(sent));
        assert_eq!(TelephoneEvent::parse(&sent.to_bytes()[..3]), None);
    }

    #[test]
    fn three_ends_and_stragglers_make_one_press() {
        let (mut presses, now) = (Presses::default(), start());
        assert_eq!(presses.handle_event(event(5, 160, false), 1000, 8000, now), None);
        assert_eq!(presses.handle_event(event(5, 320, false), 1000, 8000, now), None);
        assert_eq!(presses.handle_event(event(5, 800, true), 1000, 8000, now), press('5', 100));
        for _ in 0..2 {
            assert_eq!(presses.handle_event(event(5, 800, true), 1000, 8000, now), None);
        }
        assert_eq!(presses.handle_event(event(5, 480, false), 1000, 8000, now), None);
        assert_eq!(presses.handle_timeout(now + LOST_END), None);
    }

    #[test]
    fn the_same_digit_twice_is_two_presses() {
        let (mut presses, now) = (Presses::default(), start());
        for timestamp in [u32::MAX - 100, 900] {
            assert_eq!(presses.handle_event(event(0, 400, true), timestamp, 8000, now), press('0', 50));
        }
    }

    #[test]
    fn lost_ends_are_made_up_by_the_deadline_or_the_next_press() {
        let (mut presses, now) = (Presses::default(), start());
        assert_eq!(presses.handle_event(event(1, 400, false), 1000, 8000, now), None);
        let later = now + LOST_END / 2;
        assert_eq!(presses.handle_event(event(1, 800, false), 1000, 8000, later), None);
        assert_eq!(presses.handle_timeout(now + LOST_END), None);
        assert_eq!(presses.handle_timeout(later + LOST_END), press('1', 100));
        assert_eq!(presses.handle_event(event(1, 880, true), 1000, 8000, later + LOST_END), None);

        assert_eq!(presses.handle_event(event(2, 400, false), 5000, 8000, later), None);
        assert_eq!(presses.handle_event(event(3, 80, false), 9000, 8000, later), press('2', 50));
        assert_eq!(
            presses.handle_event(event(2, 480, true), 5000, 8000, later),
            None,
            "late end of the reported press"
        );
        assert_eq!(presses.handle_event(event(3, 800, true), 9000, 8000, later), press('3', 100));
    }

    #[test]
    fn only_an_end_packet_arriving_is_a_press() {
        let mut presses = Presses::default();
        assert_eq!(presses.handle_event(event(10, 800, true), 7, 8000, start()), press('*', 100));
    }

    #[test]
    fn a_lost_end_before_a_lone_end_loses_neither() {
        let (mut presses, now) = (Presses::default(), start());
        assert_eq!(presses.handle_event(event(1, 400, false), 1000, 8000, now), None);
        assert_eq!(presses.handle_event(event(2, 800, true), 3000, 8000, now), press('1', 50));
        assert_eq!(presses.handle_event(event(2, 800, true), 3000, 8000, now), press('2', 100));
    }

    #[test]
    fn a_long_press_goes_on_in_segments() {
        let (mut presses, now) = (Presses::default(), start());
        assert_eq!(presses.handle_event(event(9, 0xffff, false), 100, 8000, now), None);
        assert_eq!(presses.handle_event(event(9, 160, false), 100 + SEGMENT, 8000, now), None);
        assert_eq!(presses.handle_event(event(9, 1, true), 100 + SEGMENT, 8000, now), press('9', 65_695 / 8));
    }

    #[test]
    fn every_clock_tells_the_same_time() {
        for clock_hz in [8000_u16, 16_000, 48_000] {
            let (mut presses, now) = (Presses::default(), start());
            let ended = event(4, clock_hz / 10, true);
            assert_eq!(presses.handle_event(ended, 1000, clock_hz.into(), now), press('4', 100));
        }
    }

    #[test]
    fn other_events_are_not_digits() {
        assert_eq!(Presses::default().handle_event(event(16, 800, true), 7, 8000, start()), None);
    }
}
