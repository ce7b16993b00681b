//! The jitter buffer: decoded samples placed by RTP time stamp, taken 20 ms at a time. Reordering, doubles and any
//! packet length need no special case; what is missing is silence in its place, so time never shifts unnoticed.

use super::SAMPLES_PER_TICK;
use crate::sdp::Codec;

/// Samples a packet waits between its arrival and its play-out, besides the way to the next tick: 40 ms bridges the
/// usual jitter of two packets and stays below what talkers notice.
pub(super) const TARGET: u32 = 320;
/// Samples kept, a power of two; 512 ms, more than any packet burst worth waiting for.
const CAPACITY: usize = 4096;
/// So many packets in a row too early or too late mean that the sender's clock or the way to it has changed.
const MISPLACED_LIMIT: u8 = 3;
/// Ticks over which the depth is watched before a surplus of a whole tick is given up; 2 s.
const WATCH_TICKS: u16 = 100;

const TICK: u32 = SAMPLES_PER_TICK as u32;

/// The samples of one source on their way to the tick.
#[derive(Debug)]
pub(super) struct JitterBuffer {
    samples: [i16; CAPACITY],
    present: [bool; CAPACITY],
    /// Time stamp of the next sample to be taken; none before the first packet.
    play_at: Option<u32>,
    /// One past the latest sample placed.
    end_at: u32,
    misplaced: u8,
    /// The smallest depth seen in the running watch, and its ticks.
    least_depth: u32,
    watched: u16,
}

impl JitterBuffer {
    pub(super) fn new() -> Self {
        Self {
            samples: [0; CAPACITY],
            present: [false; CAPACITY],
            play_at: None,
            end_at: 0,
            misplaced: 0,
            least_depth: u32::MAX,
            watched: 0,
        }
    }

    /// Forgets everything; the next packet sets the time anew.
    pub(super) fn clear(&mut self) {
        self.play_at = None;
        self.present.fill(false);
        self.misplaced = 0;
        self.start_watch();
    }

    /// Places a packet. False when it came too late or does not fit.
    pub(super) fn insert(&mut self, timestamp: u32, payload: &[u8], codec: Codec) -> bool {
        let len = payload.len() as u32;
        if payload.len() > CAPACITY - (TARGET + TICK) as usize {
            return false;
        }
        let mut play_at = self.play_at.unwrap_or_else(|| self.anchor(timestamp));
        if !fits(play_at, timestamp, len) {
            self.misplaced += 1;
            if self.misplaced < MISPLACED_LIMIT {
                return false;
            }
            play_at = self.anchor(timestamp);
        }
        self.misplaced = 0;
        // What is before `play_at` has been played as silence already.
        let skip = play_at.wrapping_sub(timestamp);
        let skip = if skip < len { skip } else { 0 };
        for (i, octet) in payload.iter().enumerate().skip(skip as usize) {
            let at = slot(timestamp.wrapping_add(i as u32));
            self.samples[at] = codec.decode(*octet);
            self.present[at] = true;
        }
        let end = timestamp.wrapping_add(len);
        if depth(play_at, end) > depth(play_at, self.end_at) {
            self.end_at = end;
        }
        true
    }

    /// Takes the next tick's samples.
    pub(super) fn take(&mut self, out: &mut [i16; SAMPLES_PER_TICK]) {
        out.fill(0);
        let Some(play_at) = self.play_at else { return };
        for (i, sample) in out.iter_mut().enumerate() {
            let at = slot(play_at.wrapping_add(i as u32));
            if std::mem::take(&mut self.present[at]) {
                *sample = self.samples[at];
            }
        }
        self.advance(play_at.wrapping_add(TICK));
    }

    fn advance(&mut self, play_at: u32) {
        self.play_at = Some(play_at);
        let left = depth(play_at, self.end_at);
        if left == 0 {
            // Keeps `end_at` from falling half the number space behind in a long pause.
            self.end_at = play_at;
        }
        self.least_depth = self.least_depth.min(left);
        self.watched += 1;
        if self.watched >= WATCH_TICKS {
            if self.least_depth >= TARGET + TICK {
                self.skip_tick(play_at);
            }
            self.start_watch();
        }
    }

    /// The sender's clock runs faster than ours, or a delay is over: one tick's samples are given up.
    fn skip_tick(&mut self, play_at: u32) {
        for i in 0..TICK {
            self.present[slot(play_at.wrapping_add(i))] = false;
        }
        self.play_at = Some(play_at.wrapping_add(TICK));
    }

    fn anchor(&mut self, timestamp: u32) -> u32 {
        self.clear();
        let play_at = timestamp.wrapping_sub(TARGET);
        self.play_at = Some(play_at);
        self.end_at = play_at;
        play_at
    }

    fn start_watch(&mut self) {
        self.least_depth = u32::MAX;
        self.watched = 0;
    }
}

fn slot(timestamp: u32) -> usize {
    timestamp as usize % CAPACITY
}

/// Some of the packet is still to be played and none of it lies beyond the buffer.
fn fits(play_at: u32, timestamp: u32, len: u32) -> bool {
    let end = timestamp.wrapping_add(len).wrapping_sub(play_at);
    end != 0 && end as usize <= CAPACITY
}

/// Samples from `play_at` up to `end_at`; 0 when that lies before.
fn depth(play_at: u32, end_at: u32) -> u32 {
    u32::try_from(end_at.wrapping_sub(play_at) as i32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet whose every sample tells its number.
    fn packet(number: u32) -> [u8; SAMPLES_PER_TICK] {
        [Codec::Pcma.encode(sample(number)); SAMPLES_PER_TICK]
    }

    fn sample(number: u32) -> i16 {
        Codec::Pcma.decode(Codec::Pcma.encode(1000 + 64 * (number % 16) as i16))
    }

    fn take(buffer: &mut JitterBuffer) -> [i16; SAMPLES_PER_TICK] {
        let mut out = [0; SAMPLES_PER_TICK];
        buffer.take(&mut out);
        out
    }

    #[test]
    fn an_even_stream_comes_out_two_ticks_later_without_a_seam() {
        let mut buffer = JitterBuffer::new();
        let start = u32::MAX - 500;
        for number in 0..1000 {
            assert!(buffer.insert(start.wrapping_add(number * TICK), &packet(number), Codec::Pcma));
            let expected = if number < 2 { 0 } else { sample(number - 2) };
            assert_eq!(take(&mut buffer), [expected; SAMPLES_PER_TICK], "packet {number}");
        }
    }

    #[test]
    fn disorder_doubles_and_losses_keep_their_places() {
        let mut buffer = JitterBuffer::new();
        for number in [0, 2, 1, 1, 4] {
            assert!(buffer.insert(number * TICK, &packet(number), Codec::Pcma));
        }
        let played: Vec<i16> = (0..8).map(|_| take(&mut buffer)[0]).collect();
        assert_eq!(played, [0, 0, sample(0), sample(1), sample(2), 0, sample(4), 0]);
        assert!(!buffer.insert(3 * TICK, &packet(3), Codec::Pcma), "too late");
    }

    #[test]
    fn packets_of_any_length_fit_together() {
        let mut buffer = JitterBuffer::new();
        assert!(buffer.insert(0, &[Codec::Pcma.encode(800); 240], Codec::Pcma));
        assert!(buffer.insert(240, &[Codec::Pcma.encode(800); 80], Codec::Pcma));
        for _ in 0..2 {
            take(&mut buffer);
        }
        let expected = Codec::Pcma.decode(Codec::Pcma.encode(800));
        assert_eq!([take(&mut buffer), take(&mut buffer)], [[expected; SAMPLES_PER_TICK]; 2]);
        assert_eq!(take(&mut buffer), [0; SAMPLES_PER_TICK]);
        assert!(!buffer.insert(0, &[0; CAPACITY], Codec::Pcma));
    }

    #[test]
    fn a_jump_of_the_time_stamps_costs_three_packets_at_most() {
        let mut buffer = JitterBuffer::new();
        for jump in [0, 900_000, 5_000, 4_000_000_000] {
            let placed: Vec<bool> =
                (0..4).map(|n| buffer.insert(jump + n * TICK, &packet(n), Codec::Pcma)).collect();
            assert_eq!(placed[2..], [true, true], "after a jump to {jump}");
            take(&mut buffer);
        }
    }

    #[test]
    fn a_lasting_surplus_is_given_up_tick_by_tick() {
        let mut buffer = JitterBuffer::new();
        for number in 0..6 {
            buffer.insert(number * TICK, &packet(number), Codec::Pcma);
        }
        for number in 6..600 {
            buffer.insert(number * TICK, &packet(number), Codec::Pcma);
            take(&mut buffer);
        }
        let left = depth(buffer.play_at.unwrap_or(0), buffer.end_at);
        assert!(left <= TARGET + TICK, "{left}");
    }
}
