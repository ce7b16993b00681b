//! How long packets have to wait so that the late ones are in time: the spread of their transit times, and the delay
//! that nearly all of them would have met. Whether to grow or to shrink is the jitter buffer's to do.

/// Shortest and longest wait, ms: two packets, so that a sender whose thread is held up for a moment loses nothing, and
/// what a conversation still bears.
pub(super) const MIN_MS: u32 = 40;
pub(super) const MAX_MS: u32 = 200;
/// Wait before anything is known of the way, ms: bridges the usual jitter of two packets.
pub(super) const START_MS: u32 = 40;

/// Packets seen before the spread is believed.
const LEARNT_AFTER: u32 = 25;
/// The spread forgets as if it knew this many packets, 5 s of them.
const MEMORY: f32 = 250.0;
/// Share of the packets that shall be in time; the others are rarer than what concealment hides well.
const IN_TIME: f32 = 0.99;
/// Packets over which the fastest is looked for; two such windows are remembered. 5 s: slow drift of the clocks and
/// changes of the way are followed.
const WINDOW: u32 = 250;
const BIN_MS: u32 = 10;
const BINS: usize = (MAX_MS / BIN_MS) as usize;

/// The transit times of one stream, in units of its RTP clock.
#[derive(Debug)]
pub(super) struct Delay {
    units_per_ms: u32,
    /// Transit time that the others are compared with.
    origin: Option<u32>,
    /// The fastest of the running window and of the one before, from `origin`.
    fastest: i32,
    fastest_before: i32,
    in_window: u32,
    /// Share of the packets that came so much later than the fastest.
    spread: [f32; BINS],
    packets: u32,
}

impl Delay {
    pub(super) fn new(clock_hz: u32) -> Self {
        Self {
            units_per_ms: clock_hz / 1000,
            origin: None,
            fastest: 0,
            fastest_before: 0,
            in_window: 0,
            spread: [0.0; BINS],
            packets: 0,
        }
    }

    /// The way or the sender's clock has changed: transit times before cannot be compared with those to come, their
    /// spread can.
    pub(super) fn forget_origin(&mut self) {
        self.origin = None;
    }

    /// A packet took `transit` (arrival minus time stamp).
    pub(super) fn observe(&mut self, transit: u32) {
        let origin = *self.origin.get_or_insert_with(|| {
            (self.fastest, self.fastest_before, self.in_window) = (0, 0, 0);
            transit
        });
        let relative = transit.wrapping_sub(origin) as i32;
        self.in_window += 1;
        if self.in_window > WINDOW {
            (self.fastest_before, self.fastest, self.in_window) = (self.fastest, relative, 0);
        }
        self.fastest = self.fastest.min(relative);
        let late = relative.saturating_sub(self.fastest.min(self.fastest_before)) as u32;
        let bin = (late / (self.units_per_ms * BIN_MS)) as usize;
        let weight = 1.0 / (self.packets as f32 + 1.0).min(MEMORY);
        for share in &mut self.spread {
            *share *= 1.0 - weight;
        }
        self.spread[bin.min(BINS - 1)] += weight;
        self.packets = self.packets.saturating_add(1);
    }

    /// Transit time of the fastest packet; none before the first.
    pub(super) fn fastest(&self) -> Option<u32> {
        Some(self.origin?.wrapping_add_signed(self.fastest.min(self.fastest_before)))
    }

    /// How long the fastest packets should wait, in units; between [`MIN_MS`] and [`MAX_MS`].
    pub(super) fn target(&self) -> u32 {
        if self.packets < LEARNT_AFTER {
            return START_MS * self.units_per_ms;
        }
        let mut in_time = 0.0;
        let bins = self.spread.iter().take_while(|share| {
            let enough = in_time >= IN_TIME;
            in_time += **share;
            !enough
        });
        (bins.count() as u32 * BIN_MS).clamp(MIN_MS, MAX_MS) * self.units_per_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Target in ms after `packets` of 20 ms whose n-th is late by `late(n)` ms.
    fn target(packets: u32, late: impl Fn(u32) -> u32) -> u32 {
        let mut delay = Delay::new(8000);
        for n in 0..packets {
            let (stamp, arrival) = (n * 160, n * 160 + late(n) * 8);
            delay.observe(arrival.wrapping_sub(stamp));
        }
        delay.target() / 8
    }

    #[test]
    fn an_even_stream_waits_shortest_and_a_jittery_one_as_long_as_it_jitters() {
        assert_eq!(target(10, |_| 0), START_MS);
        assert_eq!(target(500, |_| 0), MIN_MS);
        assert_eq!(target(500, |n| n * 37 % 60), 60);
        assert_eq!(target(500, |n| n * 37 % 500), MAX_MS);
    }

    #[test]
    fn one_late_packet_changes_nothing_and_a_lasting_change_is_learnt() {
        assert_eq!(target(500, |n| if n == 499 { 150 } else { 0 }), MIN_MS);
        assert_eq!(target(700, |n| if n > 500 && n % 10 == 0 { 95 } else { 0 }), 100);
        assert_eq!(target(3000, |n| if n < 500 { n * 37 % 60 } else { 0 }), MIN_MS);
    }

    #[test]
    fn a_slow_clock_is_no_jitter() {
        // 200 ppm: 24 ms in two minutes.
        assert_eq!(target(6000, |n| n / 250), MIN_MS);
    }
}
