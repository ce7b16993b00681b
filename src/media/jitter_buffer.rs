//! The jitter buffer: packets in the order of their time stamps, decoded when they are due, 20 ms at a time.
//!
//! It waits as long as [`Delay`] says nearly all packets need: when nothing is there it makes up sound and lets time
//! stand, so that a late packet is still played; what was made up for a packet that never comes is counted as its time.
//! A surplus of delay is given up tick by tick, in pauses first. Which samples were received and which were made up is
//! told with them.

use std::time::Duration;

use super::block::{Band, Block, MAX_SAMPLES};
use super::codec::{self, Decoders};
use super::comfort_noise::ComfortNoise;
use super::concealment::Concealment;
use super::decoded::{Decoded, Heard, Share};
use super::delay::{Delay, MAX_MS};
use super::{DropReason, SAMPLES_PER_TICK, TICK_MS};
use crate::sdp::Codec;

/// Packets kept: 640 ms of the shortest, more than any burst worth waiting for.
const SLOTS: usize = 64;
/// A packet further ahead than this is not of the same stretch of sound, ms: more than anything waits for.
const HORIZON_MS: u32 = 500;
/// So many packets in a row too early, too late or of another kind mean that the sender's clock, the way to it or what
/// it sends has changed.
const MISPLACED_LIMIT: u8 = 3;
/// Ticks without a packet after which the next one may be played with a new delay: nobody hears where a pause ends.
const PAUSE_TICKS: u32 = 5;
/// Ticks over which a surplus must last before a tick is given up, 2 s; and between two of them, 100 ms.
const WATCH_TICKS: u32 = 100;
const SHRINK_TICKS: u32 = 5;
/// Below this mean magnitude a tick is a pause between words: about -50 dB.
const QUIET: u32 = 100;

/// A packet that waits.
#[derive(Debug)]
struct Packet {
    codec: Codec,
    timestamp: u32,
    /// Keeps its room when the packet is gone, so that packets do not allocate.
    payload: Vec<u8>,
}

/// The packets of one source on their way to the tick.
#[derive(Debug)]
pub(super) struct JitterBuffer {
    /// As many as ever waited together.
    packets: Vec<Packet>,
    /// One bit per packet that waits.
    used: u64,
    /// Clock and rate follow from it; packets of another clock or rate begin anew.
    codec: Codec,
    /// Time stamp of the next sample to be decoded; none before the first packet.
    play_at: Option<u32>,
    /// `play_at` is set by the next tick, so that the delay is right.
    retimes: bool,
    decoded: Decoded,
    decoders: Decoders,
    concealment: Concealment,
    /// From its time stamp on the peer is silent but for this.
    noise: Option<(u32, ComfortNoise)>,
    delay: Delay,
    misplaced: u8,
    /// Samples made up while time stood.
    stretched: usize,
    /// Ticks in which nothing was received, at the end.
    pause: u32,
    surplus: u32,
    since_shrink: u32,
    /// Something of this stretch of sound was heard already.
    has_begun: bool,
    /// Samples of the running tick that stand in for a packet that is missing.
    stood_in: usize,
}

impl JitterBuffer {
    pub(super) fn new() -> Self {
        let codec = Codec::Pcma;
        Self {
            packets: Vec::new(),
            used: 0,
            codec,
            play_at: None,
            retimes: false,
            decoded: Decoded::new(),
            decoders: Decoders::default(),
            concealment: Concealment::new(Band::of(codec)),
            noise: None,
            delay: Delay::new(codec.clock_hz()),
            misplaced: 0,
            stretched: 0,
            pause: 0,
            surplus: 0,
            since_shrink: 0,
            has_begun: false,
            stood_in: 0,
        }
    }

    /// Forgets everything of the source but the spread of its delays; the next packet sets the time anew.
    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.play_at = None;
        self.decoded.clear();
        self.decoders.reset();
        self.concealment.forget(Band::of(self.codec));
        self.noise = None;
        self.delay.forget_origin();
        (self.misplaced, self.stretched, self.pause, self.surplus) = (0, 0, 0, 0);
        self.has_begun = false;
    }

    /// Takes a packet that arrived `at`, counted from any fixed origin.
    pub(super) fn insert(
        &mut self,
        timestamp: u32,
        payload: &[u8],
        codec: Codec,
        at: Duration,
    ) -> Result<(), DropReason> {
        let len = codec::duration(codec, payload).ok_or(DropReason::Undecodable)?;
        if self.play_at.is_none() {
            self.begin(timestamp, codec);
        }
        let transit = units_at(codec, at).wrapping_sub(timestamp);
        let (near, late) = self.place(timestamp.wrapping_add(len), codec);
        if near {
            // Those that come too late most of all say how long to wait.
            self.delay.observe(transit);
        }
        if !near || late {
            self.misplaced += 1;
            if self.misplaced < MISPLACED_LIMIT {
                return Err(if near { DropReason::Late } else { DropReason::Misplaced });
            }
            self.begin(timestamp, codec);
            self.delay.observe(transit);
        }
        self.misplaced = 0;
        if self.pause >= PAUSE_TICKS && self.used == 0 {
            self.retimes = true;
        }
        self.keep(timestamp, payload, codec)
    }

    /// The first packet of a stretch of sound.
    fn begin(&mut self, timestamp: u32, codec: Codec) {
        if !same_clock(self.codec, codec) {
            self.delay = Delay::new(codec.clock_hz());
        }
        self.codec = codec;
        self.clear();
        self.play_at = Some(timestamp);
        self.retimes = true;
    }

    /// Whether a packet that ends there belongs to this stretch of sound, and whether its time is over.
    fn place(&self, end: u32, codec: Codec) -> (bool, bool) {
        let Some(play_at) = self.play_at else { return (false, true) };
        let ahead = end.wrapping_sub(play_at) as i32;
        let near = ahead.unsigned_abs() <= codec.clock_hz() / 1000 * HORIZON_MS;
        // Before the first tick any packet may turn out to be the first.
        (near && same_clock(self.codec, codec), ahead <= 0 && !self.retimes)
    }

    fn keep(&mut self, timestamp: u32, payload: &[u8], codec: Codec) -> Result<(), DropReason> {
        if self.waiting().any(|(_, packet)| packet.timestamp == timestamp) {
            return Err(DropReason::Duplicate);
        }
        let slot = self.used.trailing_ones() as usize;
        if slot >= SLOTS {
            return Err(DropReason::Overflow);
        }
        self.used |= 1 << slot;
        match self.packets.get_mut(slot) {
            Some(packet) => {
                (packet.codec, packet.timestamp) = (codec, timestamp);
                packet.payload.clear();
                packet.payload.extend_from_slice(payload);
            }
            None => self.packets.push(Packet { codec, timestamp, payload: payload.to_vec() }),
        }
        Ok(())
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, &Packet)> {
        let mut left = self.used;
        std::iter::from_fn(move || {
            let slot = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            Some((slot, self.packets.get(slot)?))
        })
    }

    /// The peer says that it is silent from `timestamp` on.
    pub(super) fn insert_comfort_noise(&mut self, timestamp: u32, noise: ComfortNoise) {
        self.noise = Some((timestamp, noise));
    }

    /// How long the fastest packets wait now, in ticks.
    pub(super) fn delay_ticks(&self, at: Duration) -> usize {
        let delay = self.delay_units(at).unwrap_or_else(|| self.delay.target());
        let tick = codec::units(self.codec, Band::of(self.codec).samples());
        ((delay + tick / 2) / tick) as usize
    }

    fn delay_units(&self, at: Duration) -> Option<u32> {
        let fastest = self.delay.fastest()?;
        let taken_at = self.play_at?.wrapping_sub(codec::units(self.codec, self.decoded.len));
        let delay = units_at(self.codec, at).wrapping_sub(taken_at).wrapping_sub(fastest);
        Some(u32::try_from(delay as i32).unwrap_or(0))
    }

    /// Takes the next tick's sound; `at` is the tick's time by the clock of [`Self::insert`]. While `quiet`, nothing
    /// is made up: the peer sends something else instead of sound.
    pub(super) fn take(&mut self, at: Duration, quiet: bool, out: &mut Heard) {
        if self.play_at.is_none() {
            out.clear(Band::of(self.codec));
            return;
        }
        if std::mem::take(&mut self.retimes) {
            self.retime(at);
        }
        self.take_block(at, quiet, out);
        self.pause = if out.share == Share::Nothing { self.pause.saturating_add(1) } else { 0 };
        self.shrink(at, out);
    }

    /// Sets the delay to what is wanted.
    fn retime(&mut self, at: Duration) {
        let Some(fastest) = self.delay.fastest() else { return };
        let wanted = units_at(self.codec, at).wrapping_sub(fastest).wrapping_sub(self.delay.target());
        let first = self.earliest().map_or(wanted, |slot| self.packets[slot].timestamp);
        // Whole ticks before the first packet, so that packets of 20 ms are ticks and can be passed on as they are.
        let before = (first.wrapping_sub(wanted) as i32).max(0) as u32;
        let before = before.next_multiple_of(self.tick_units());
        self.play_at = Some(first.wrapping_sub(before));
        self.decoded.clear();
        self.concealment.forget(Band::of(self.codec));
        self.stretched = 0;
    }

    fn take_block(&mut self, at: Duration, quiet: bool, out: &mut Heard) {
        let wanted = Band::of(self.codec).samples();
        out.block.set_band(Band::of(self.codec));
        out.codec = None;
        self.stood_in = 0;
        while self.decoded.len < wanted {
            match self.earliest() {
                Some(slot) if self.gap_before(slot) == 0 && self.decoded.len == 0 => {
                    if self.decode_tick(slot, out) {
                        return;
                    }
                    self.decode(slot);
                }
                Some(slot) if self.gap_before(slot) <= 0 => self.decode(slot),
                Some(slot) => self.bridge(slot, wanted, at, quiet),
                None => {
                    let may_wait = self.delay_units(at).is_some_and(|delay| {
                        delay + self.tick_units() <= MAX_MS * (self.codec.clock_hz() / 1000)
                    });
                    self.make_up(self.wanted_of_decoder(wanted), may_wait, quiet);
                }
            }
        }
        self.decoded.take(out);
        out.is_lost = self.has_begun && self.stood_in >= wanted;
        self.has_begun |= out.share != Share::Nothing;
    }

    /// Samples to be made up for a tick of `wanted`: Opus guesses in steps of 2.5 ms.
    fn wanted_of_decoder(&self, wanted: usize) -> usize {
        let step = if self.codec == Codec::Opus { Band::Wide.sample_rate() as usize / 400 } else { 1 };
        (wanted - self.decoded.len).next_multiple_of(step)
    }

    fn tick_units(&self) -> u32 {
        self.codec.clock_hz() / 1000 * TICK_MS as u32
    }

    /// The packet that is due first.
    fn earliest(&self) -> Option<usize> {
        let play_at = self.play_at?;
        self.waiting()
            .min_by_key(|(_, packet)| packet.timestamp.wrapping_sub(play_at) as i32)
            .map(|(slot, _)| slot)
    }

    /// Units from `play_at` to a packet; negative when it begins before.
    fn gap_before(&self, slot: usize) -> i32 {
        let play_at = self.play_at.unwrap_or(self.packets[slot].timestamp);
        self.packets[slot].timestamp.wrapping_sub(play_at) as i32
    }

    /// Decodes a packet that is due and is all of the tick, straight into it. False, and nothing done, where it is not.
    fn decode_tick(&mut self, slot: usize, out: &mut Heard) -> bool {
        let packet = &mut self.packets[slot];
        let (codec, len) = (packet.codec, codec::duration(packet.codec, &packet.payload).unwrap_or(0));
        let samples = out.block.samples_mut();
        let is_tick = codec::samples(codec, len) == samples.len();
        if !is_tick || self.decoders.decode(codec, &packet.payload, samples) != samples.len() {
            return false;
        }
        std::mem::swap(&mut packet.payload, &mut out.payload);
        let end = packet.timestamp.wrapping_add(len);
        self.concealment.received(samples);
        self.use_up(slot);
        self.play_at = Some(end);
        (out.share, out.codec, out.is_lost) = (Share::All, Some(codec), false);
        (self.has_begun, self.stretched) = (true, 0);
        true
    }

    /// A packet was decoded; the peer is not silent any more.
    fn use_up(&mut self, slot: usize) {
        self.used &= !(1 << slot);
        let timestamp = self.packets[slot].timestamp;
        if self.noise.is_some_and(|(since, _)| (timestamp.wrapping_sub(since) as i32) >= 0) {
            self.noise = None;
        }
    }

    /// Decodes a packet that is due; what of it is over already is left out.
    fn decode(&mut self, slot: usize) {
        let over = codec::samples(self.codec, self.gap_before(slot).unsigned_abs());
        let packet = &self.packets[slot];
        let len = codec::duration(packet.codec, &packet.payload).unwrap_or(0);
        let room = self.decoded.room(codec::samples(packet.codec, len));
        let count = self.decoders.decode(packet.codec, &packet.payload, room);
        let end = packet.timestamp.wrapping_add(len);
        if over < count {
            room.copy_within(over..count, 0);
            self.concealment.received(&mut room[..count - over]);
            self.decoded.push(count - over, true);
            self.stretched = 0;
        }
        self.use_up(slot);
        // A packet of the codec that did not decode counts as its time of loss.
        if self.play_at.is_none_or(|play_at| end.wrapping_sub(play_at) as i32 > 0) {
            let missing = if count == 0 { codec::samples(self.codec, len).saturating_sub(over) } else { 0 };
            self.play_at = Some(end);
            self.decoded.push_silence(missing);
        }
    }

    /// Something is missing before a packet that is there.
    fn bridge(&mut self, slot: usize, wanted: usize, at: Duration, quiet: bool) {
        let mut gap = codec::samples(self.codec, self.gap_before(slot).unsigned_abs());
        let counted = gap.min(self.stretched);
        self.stretched -= counted;
        gap -= counted;
        self.advance(counted);
        if gap == 0 {
            // Less than a sample is missing, if anything.
            self.play_at = Some(self.packets[slot].timestamp);
            return;
        }
        let packet = &self.packets[slot];
        let len = codec::duration(packet.codec, &packet.payload).unwrap_or(0);
        let len = codec::samples(packet.codec, len);
        let room = self.decoded.room(gap);
        if len == gap && room.len() == gap && self.decoders.recover(packet.codec, &packet.payload, room) {
            self.decoded.push(gap, true);
            self.advance(gap);
            self.stood_in += gap;
            return;
        }
        // A packet may be on its way where many are late; what was made up counts if it is not.
        let may_wait = counted == 0
            && self.delay_units(at).is_some_and(|delay| delay + self.tick_units() <= self.delay.target());
        // The packet knows of the time just before it: that part is left for it.
        let unknown = if gap > len { gap - len } else { gap };
        self.make_up(unknown.min(self.wanted_of_decoder(wanted)), may_wait, quiet);
    }

    fn advance(&mut self, samples: usize) {
        let units = codec::units(self.codec, samples);
        self.play_at = self.play_at.map(|play_at| play_at.wrapping_add(units));
    }

    /// Stands in for `count` samples; time goes on unless it `waits`.
    fn make_up(&mut self, count: usize, waits: bool, quiet: bool) {
        let out = self.decoded.room(count);
        out.fill(0);
        let noise = self.noise.as_mut().filter(|(since, _)| {
            self.play_at.is_some_and(|play_at| (play_at.wrapping_sub(*since) as i32) >= 0)
        });
        match noise {
            _ if quiet => {}
            Some((_, noise)) => noise.fill(out),
            None if self.pause >= PAUSE_TICKS => {}
            None => {
                if !self.decoders.conceal(self.codec, out) {
                    self.concealment.conceal(out);
                }
                self.stood_in += count;
            }
        }
        self.decoded.push(count, false);
        if waits {
            self.stretched += count;
        } else {
            self.advance(count);
        }
    }

    /// Gives up a tick of a delay that has been too long for a while: the tick just taken turns into the next one. Up to a
    /// tick is what whole ticks cost, not a surplus.
    fn shrink(&mut self, at: Duration, out: &mut Heard) {
        let too_long = self
            .delay_units(at + Duration::from_millis(TICK_MS))
            .is_some_and(|delay| delay >= self.delay.target() + 2 * self.tick_units());
        self.surplus = if too_long { self.surplus.saturating_add(1) } else { 0 };
        self.since_shrink = self.since_shrink.saturating_add(1);
        let due = self.surplus >= WATCH_TICKS && self.since_shrink >= SHRINK_TICKS;
        let ready = self.used != 0 || self.decoded.len >= out.block.band().samples();
        if !due || !ready || !(is_quiet(&out.block) || self.since_shrink >= WATCH_TICKS) {
            return;
        }
        self.since_shrink = 0;
        let mut next = Heard::silent(out.block.band());
        self.take_block(at, false, &mut next);
        out.turned_into(&next);
        let len = out.block.samples().len() as i32;
        for (at, (sample, next)) in out.block.samples_mut().iter_mut().zip(next.block.samples()).enumerate() {
            let share = at as i32;
            *sample = ((i32::from(*sample) * (len - share) + i32::from(*next) * share) / len) as i16;
        }
    }
}

/// Time in units of the codec's RTP clock.
fn units_at(codec: Codec, at: Duration) -> u32 {
    (at.as_micros() * u128::from(codec.clock_hz()) / 1_000_000) as u32
}

/// Packets of both can follow each other in one stretch of sound.
fn same_clock(a: Codec, b: Codec) -> bool {
    a.clock_hz() == b.clock_hz() && a.is_wideband() == b.is_wideband()
}

fn is_quiet(block: &Block) -> bool {
    let sum: u32 = block.samples().iter().map(|sample| u32::from(sample.unsigned_abs())).sum();
    sum <= QUIET * block.samples().len() as u32
}

const _: () = assert!(SAMPLES_PER_TICK * 2 == MAX_SAMPLES && SLOTS == u64::BITS as usize);

#[cfg(test)]
#[path = "jitter_buffer_tests.rs"]
mod tests;
