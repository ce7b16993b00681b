//! The jitter buffer under even, late, lost, doubled and reordered packets of every codec, with a clock of its own: what
//! is heard, what counts as received, and how long it waits.
#![allow(clippy::unwrap_used, clippy::panic)]

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::codec::Encoders;
use super::super::delay::MIN_MS;
use super::*;
use crate::rtp::g711::Law;

const TICK: Duration = Duration::from_millis(TICK_MS);

/// A packet of 20 ms whose every sample tells its number.
fn packet(number: u32) -> [u8; SAMPLES_PER_TICK] {
    [Law::A.encode(sample(number)); SAMPLES_PER_TICK]
}

fn sample(number: u32) -> i16 {
    Law::A.decode(Law::A.encode(1000 + 64 * (number % 16) as i16))
}

struct Bench {
    buffer: JitterBuffer,
    now: Duration,
    heard: Heard,
}

impl Bench {
    fn new() -> Self {
        Self { buffer: JitterBuffer::new(), now: Duration::from_secs(1), heard: Heard::silent(Band::Narrow) }
    }

    fn insert(&mut self, number: u32) -> Result<(), DropReason> {
        self.buffer.insert(number.wrapping_mul(160), &packet(number), Codec::Pcma, self.now)
    }

    fn take(&mut self) -> &Heard {
        self.now += TICK;
        self.buffer.take(self.now, false, &mut self.heard);
        &self.heard
    }

    /// What was received in the next tick: its middle sample, 0 for none.
    fn received(&mut self) -> i16 {
        self.take().as_received(&mut Block::silent(Band::Narrow)).samples()[80]
    }

    fn delay_ms(&self) -> u32 {
        self.buffer.delay_units(self.now + TICK).unwrap() / 8
    }
}

#[test]
fn an_even_stream_comes_out_whole_and_waits_shortest() {
    let mut bench = Bench::new();
    let start = u32::MAX / 160 - 500;
    let mut heard = Vec::new();
    for number in 0..1000 {
        bench.insert(start.wrapping_add(number)).unwrap();
        heard.push(bench.received());
        if number == 50 {
            assert_eq!(bench.delay_ms(), 40);
        }
    }
    assert_eq!(bench.delay_ms(), MIN_MS);
    assert_eq!(heard[0], 0);
    let expected: Vec<i16> = (0..40).map(|number| sample(start + number)).collect();
    assert_eq!(heard[1..41], expected);
    assert_eq!(*heard.last().unwrap(), sample(start.wrapping_add(998)));
}

#[test]
fn packets_of_a_tick_stay_whole_whenever_they_come_and_a_lost_one_is_told() {
    const LOST: u32 = 150;
    for phase_ms in [0, 1, 5, 10, 15, 19] {
        let mut bench = Bench::new();
        let (mut whole, mut lost) = (0, 0);
        for number in 0..200_u32 {
            let at = bench.now - Duration::from_millis(phase_ms);
            if number != LOST {
                bench.buffer.insert(number * 160, &packet(number), Codec::Pcma, at).unwrap();
            }
            let heard = bench.take();
            whole += u32::from(heard.codec == Some(Codec::Pcma) && heard.share == Share::All);
            lost += u32::from(heard.is_lost);
            assert!(heard.codec.is_none() || heard.payload[80] == Law::A.encode(heard.block.samples()[80]));
        }
        assert!(whole >= 195 && lost == 1, "{phase_ms} ms before the tick: {whole} whole, {lost} lost");
    }
}

#[test]
fn disorder_doubles_and_losses_keep_their_places() {
    let mut bench = Bench::new();
    let mut heard = Vec::new();
    for numbers in [&[0][..], &[], &[2, 1, 1], &[], &[4], &[], &[6, 5]] {
        for (at, number) in numbers.iter().enumerate() {
            let again = numbers[..at].contains(number);
            assert_eq!(bench.insert(*number), if again { Err(DropReason::Duplicate) } else { Ok(()) });
        }
        heard.push(bench.received());
    }
    assert_eq!(bench.insert(3), Err(DropReason::Late));
    heard.extend((0..3).map(|_| bench.received()));
    let expected = [0, 1, 2, 3, 0, 5, 6, 7].map(|n: u32| n.checked_sub(1).map_or(0, sample));
    let heard: Vec<i16> = heard.into_iter().skip_while(|it| *it == 0).collect();
    assert_eq!(heard[..7], expected[1..]);
}

#[test]
fn a_lost_packet_is_concealed_for_the_listener_only() {
    let mut bench = Bench::new();
    let mut loud = Vec::new();
    for number in 0..30 {
        if number != 20 {
            bench.insert(number).unwrap();
        }
        let heard = bench.take();
        loud.push((
            heard.block.samples()[80] != 0,
            heard.as_received(&mut Block::silent(Band::Narrow)).samples()[80] != 0,
        ));
    }
    let silent: Vec<usize> = (0..30).filter(|at| !loud[*at].1).collect();
    assert_eq!(silent, [0, 21], "ticks without a received sample");
    assert!(loud[21].0, "nothing was made up");
}

#[test]
fn packets_of_any_length_fit_together() {
    let mut bench = Bench::new();
    let octets = [Law::A.encode(800); 960];
    for (at, len) in [(0, 240), (240, 80), (320, 480), (800, 160)] {
        bench.buffer.insert(at, &octets[..len], Codec::Pcma, bench.now).unwrap();
        let again = bench.buffer.insert(at, &octets[..len], Codec::Pcma, bench.now);
        assert_eq!(again, Err(DropReason::Duplicate));
    }
    let expected = Law::A.decode(Law::A.encode(800));
    for tick in 0..6 {
        assert_eq!(
            bench.take().as_received(&mut Block::silent(Band::Narrow)).samples(),
            [expected; SAMPLES_PER_TICK],
            "tick {tick}"
        );
    }
    assert_eq!(bench.received(), 0);
    let giant = bench.buffer.insert(9600, &[0; 2000], Codec::Pcma, bench.now);
    assert_eq!(giant, Err(DropReason::Undecodable));
}

#[test]
fn a_jump_of_the_time_stamps_costs_three_packets_at_most() {
    let mut bench = Bench::new();
    for jump in [0, 900_000_u32, 5_000, 4_000_000_000] {
        let placed: Vec<Result<(), DropReason>> = (0..4)
            .map(|n| bench.buffer.insert(jump.wrapping_add(n * 160), &packet(n), Codec::Pcma, bench.now))
            .collect();
        let before = if jump == 0 { Ok(()) } else { Err(DropReason::Misplaced) };
        assert_eq!(placed, [before, before, Ok(()), Ok(())], "after a jump to {jump}");
        bench.take();
    }
}

#[test]
fn late_packets_are_still_played_and_the_delay_goes_back_when_they_are_over() {
    let mut bench = Bench::new();
    let (mut heard, mut waiting) = (Vec::new(), Vec::new());
    for number in 0..1500_u32 {
        waiting.push(number);
        // At 10 s the way is blocked for 120 ms; then all comes at once.
        if !(500..506).contains(&number) {
            for number in waiting.drain(..) {
                assert_eq!(bench.insert(number), Ok(()), "packet {number}");
            }
        }
        heard.push(bench.received());
        if number == 510 {
            assert!(bench.delay_ms() >= 120, "{}", bench.delay_ms());
        }
    }
    assert!(bench.delay_ms() < MIN_MS + 2 * TICK_MS as u32, "{}", bench.delay_ms());
    let around: Vec<i16> = heard[495..520].iter().copied().filter(|sample| *sample != 0).collect();
    assert!((490..515).all(|number| around.contains(&sample(number)) || number > 505));
    let silent = heard.iter().skip(2).filter(|sample| **sample == 0).count();
    assert!(silent <= 7, "{silent} ticks without sound");
}

#[test]
fn steady_jitter_is_waited_for() {
    let seed = 3;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut bench = Bench::new();
    let mut on_the_way: Vec<(Duration, u32)> = Vec::new();
    let mut missing = 0;
    for number in 0..3000_u32 {
        on_the_way.push((bench.now + Duration::from_millis(rng.random_range(0..60)), number));
        let until = bench.now + TICK;
        on_the_way.sort_unstable();
        while on_the_way.first().is_some_and(|(at, _)| *at < until) {
            let (at, number) = on_the_way.remove(0);
            bench.buffer.insert(number * 160, &packet(number), Codec::Pcma, at).ok();
        }
        let silent = bench.received() == 0;
        missing += usize::from(silent && number > 500);
    }
    let delay = bench.delay_ms();
    assert!((40..=80).contains(&delay), "seed {seed}: {delay} ms");
    assert!(missing <= 75, "seed {seed}: {missing} of 2500 ticks without sound");
}

#[test]
fn clocks_that_differ_cost_a_tick_now_and_then() {
    for ppm in [300, -300_i64] {
        let mut bench = Bench::new();
        let (mut sent, mut silent) = (0_u32, 0);
        // Five minutes.
        for tick in 0..15_000_i64 {
            while i64::from(sent) * 1_000_000 <= tick * (1_000_000 + ppm) {
                bench.insert(sent).ok();
                sent += 1;
            }
            silent += u32::from(bench.received() == 0);
        }
        assert!(silent <= 8, "{ppm} ppm: {silent} ticks without sound");
        assert!((20..=80).contains(&bench.delay_ms()), "{ppm} ppm: {} ms", bench.delay_ms());
    }
}

#[test]
fn noise_fills_a_pause_at_its_level_and_is_not_on_the_record() {
    let mut bench = Bench::new();
    for number in 0..10 {
        bench.insert(number).unwrap();
        bench.take();
    }
    bench.buffer.insert_comfort_noise(1600, ComfortNoise::parse(&[40]).unwrap());
    let mut levels = Vec::new();
    for _ in 0..20 {
        let heard = bench.take();
        levels.push(heard.block.samples().iter().map(|sample| sample.unsigned_abs()).max().unwrap());
    }
    assert!(levels[5..].iter().all(|level| (300..700).contains(level)), "{levels:?}");
    assert_eq!(bench.received(), 0);
    bench.insert(40).unwrap();
    let after: Vec<i16> = (0..4).map(|_| bench.received()).collect();
    assert!(after.contains(&sample(40)), "{after:?}");
}

#[test]
fn opus_hides_single_losses_by_its_redundancy_and_every_codec_survives_garbage() {
    let seed = 8;
    let mut rng = StdRng::seed_from_u64(seed);
    for codec in Codec::ALL {
        let (mut bench, mut encoders) = (Bench::new(), Encoders::default());
        let samples = Band::of(codec).samples();
        let mut silent = 0;
        for number in 0..500_u32 {
            let tone: Vec<i16> = (0..samples)
                .map(|i| {
                    let at =
                        (number as usize * samples + i) as f64 / f64::from(Band::of(codec).sample_rate());
                    (6000.0 * (at * 300.0 * std::f64::consts::TAU).sin()) as i16
                })
                .collect();
            let mut octets = [0; 1500];
            let len = encoders.encode(codec, &tone, &mut octets).unwrap();
            let timestamp = number * codec::units(codec, samples);
            match number % 10 {
                7 if number > 100 => {}
                // Not what the codec's encoder would ever write.
                3 if number > 400 => {
                    let garbage: Vec<u8> = (0..200).map(|_| rng.random()).collect();
                    bench.buffer.insert(timestamp, &garbage, codec, bench.now).ok();
                }
                _ => {
                    let placed = bench.buffer.insert(timestamp, &octets[..len], codec, bench.now);
                    assert!(placed.is_ok() || number > 400, "{codec:?} packet {number}");
                }
            }
            let heard = bench.take();
            silent += u32::from((50..400).contains(&number) && heard.block.is_silent());
        }
        assert_eq!(silent, 0, "seed {seed} {codec:?}: nobody hears a loss");
    }
}

#[test]
fn another_codec_of_the_same_clock_follows_without_a_gap_and_of_another_within_three_packets() {
    let mut bench = Bench::new();
    for number in 0..20 {
        let codec = if number < 10 { Codec::Pcma } else { Codec::Pcmu };
        let octet = if number < 10 { Law::A.encode(2000) } else { Law::Mu.encode(2000) };
        bench.buffer.insert(number * 160, &[octet; 160], codec, bench.now).unwrap();
        let heard = bench.received();
        assert!(number < 2 || heard.abs_diff(2000) < 70, "packet {number}: {heard}");
    }
    let mut encoders = Encoders::default();
    let mut placed = 0;
    for number in 20..40_u32 {
        let mut octets = [0; 400];
        let len = encoders.encode(Codec::G722, &[1000; 320], &mut octets).unwrap();
        let kept = bench.buffer.insert(number * 160, &octets[..len], Codec::G722, bench.now);
        placed += u32::from(kept.is_ok());
        bench.take();
    }
    assert_eq!((placed, bench.heard.block.band()), (18, Band::Wide));
}
