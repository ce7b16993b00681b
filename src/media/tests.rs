//! Legs under packets, ticks and commands: what is heard where, what is recorded, which events come and how often.
//! Simulated time, seeded disorder; sockets are `media_plane/tests.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod keys;
mod strangers;
mod voices;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::*;
use crate::dtmf::telephone_event::TelephoneEvent;
use crate::rtp::RtpHeader;
use crate::rtp::g711::Law;
use crate::rtp::rtcp::{Compound, Rtcp};
use crate::sdp::samples::audio_session;
use crate::sdp::{Codec, Direction};

const A: LegId = LegId(1);
const B: LegId = LegId(2);
const PHONE_IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const RECORDING: RecordingId = RecordingId(Uuid::from_u128(7));
const TICK: Duration = Duration::from_millis(TICK_MS);

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Takes down everything the exchange does.
#[derive(Default)]
struct Tape {
    rtp: Vec<(LegId, SocketAddr, RtpHeader, Vec<u8>)>,
    rtcp: Vec<(LegId, SocketAddr, Vec<u8>)>,
    left: Vec<i16>,
    right: Vec<i16>,
    events: Vec<Event>,
}

impl Sink for Tape {
    fn transmit_rtp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        let (header, payload) = RtpHeader::parse(packet).unwrap();
        self.rtp.push((leg, to, header, payload.to_vec()));
    }

    fn transmit_rtcp(&mut self, leg: LegId, to: SocketAddr, packet: &[u8]) {
        self.rtcp.push((leg, to, packet.to_vec()));
    }

    fn record(&mut self, recording: RecordingId, left: &[i16], right: &[i16]) {
        assert_eq!((recording, left.len()), (RECORDING, right.len()));
        self.left.extend(left);
        self.right.extend(right);
    }

    fn event(&mut self, event: Event) {
        self.events.push(event);
    }
}

impl Tape {
    /// What a leg was sent, decoded.
    fn told(&self, leg: LegId, codec: Codec) -> Vec<i16> {
        let payloads = self.rtp.iter().filter(|(to, ..)| *to == leg).flat_map(|(.., payload)| payload);
        payloads.map(|octet| law(codec).decode(*octet)).collect()
    }

    fn count(&self, event: &Event) -> usize {
        self.events.iter().filter(|seen| *seen == event).count()
    }

    fn digits(&self) -> String {
        let digit = |event: &Event| match event {
            Event::DigitPressed { digit, .. } => Some(digit.as_char()),
            _ => None,
        };
        self.events.iter().filter_map(digit).collect()
    }
}

/// A phone that speaks a tone; its n-th packet is the same whenever it is sent.
struct Phone {
    leg: LegId,
    address: SocketAddr,
    codec: Codec,
    tone_hz: f64,
    sent: u32,
}

impl Phone {
    fn new(leg: LegId, codec: Codec, tone_hz: f64) -> Self {
        Self { leg, address: address(5000 + 2 * leg.0 as u16), codec, tone_hz, sent: 0 }
    }

    fn packet(&self, number: u32) -> Vec<u8> {
        let samples = tone(self.tone_hz, number as usize * SAMPLES_PER_TICK, SAMPLES_PER_TICK);
        let payload: Vec<u8> = samples.iter().map(|sample| law(self.codec).encode(*sample)).collect();
        self.wrap(self.codec.payload_type(), 65_000_u16.wrapping_add(number as u16), number * 160, &payload)
    }

    fn wrap(&self, payload_type: u8, sequence_number: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let ssrc = 1000 + self.leg.0 as u32;
        let header = RtpHeader { marker: false, payload_type, sequence_number, timestamp, ssrc };
        header.write(payload, &mut [0; 1500]).unwrap().to_vec()
    }

    fn session(&self) -> AudioSession {
        AudioSession {
            send_event_payload_type: Some(96),
            receive_event_payload_type: Some(101),
            ..audio_session(self.codec, self.address)
        }
    }
}

fn law(codec: Codec) -> Law {
    if codec == Codec::Pcma { Law::A } else { Law::Mu }
}

fn tone(hz: f64, from: usize, len: usize) -> Vec<i16> {
    let sample = |i: usize| (8000.0 * (i as f64 * hz * std::f64::consts::TAU / 8000.0).sin()) as i16;
    (from..from + len).map(sample).collect()
}

/// Share of the signal's energy at one frequency, 0 to 1.
fn purity(samples: &[i16], hz: f64) -> f64 {
    let (mut re, mut im, mut energy) = (0.0, 0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let (sample, angle) = (f64::from(*sample), i as f64 * hz * std::f64::consts::TAU / 8000.0);
        re += sample * angle.cos();
        im += sample * angle.sin();
        energy += sample * sample;
    }
    if energy == 0.0 { 0.0 } else { 2.0 * (re * re + im * im) / (energy * samples.len() as f64) }
}

/// How much later `of` is than `reference`, by the best correlation within `limit` samples.
fn lag(reference: &[i16], of: &[i16], limit: usize) -> usize {
    let likeness = |lag: usize| -> f64 {
        of[lag..].iter().zip(reference).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    (0..limit).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap()
}

/// Noise that correlates with itself at lag 0 only.
fn noise(seed: u64, len: usize) -> Vec<i16> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len).map(|_| rng.random_range(-8000..8000)).collect()
}

struct Bench {
    exchange: Exchange,
    tape: Tape,
    now: Instant,
}

impl Bench {
    fn new(phones: &[&Phone]) -> Self {
        let now = crate::time::now().mono;
        let mut bench = Self { exchange: Exchange::new(), tape: Tape::default(), now };
        for phone in phones {
            bench.order(Command::Open { leg: phone.leg, seed: phone.leg.0, towards: PHONE_IP, beside: None });
            bench.order(Command::Connect { leg: phone.leg, session: phone.session() });
        }
        bench
    }

    fn order(&mut self, command: Command) {
        self.exchange.handle_command(command, self.now, &mut self.tape);
    }

    fn rtp(&mut self, phone: &Phone, packet: &[u8]) {
        self.exchange.handle_rtp(phone.leg, phone.address, packet, self.now, &mut self.tape);
    }

    fn say(&mut self, phone: &mut Phone) {
        let packet = phone.packet(phone.sent);
        phone.sent += 1;
        self.rtp(phone, &packet);
    }

    fn tick(&mut self) {
        self.now += TICK;
        self.exchange.handle_tick(self.now, &mut self.tape);
    }

    fn ticks(&mut self, ticks: u64) {
        (0..ticks).for_each(|_| self.tick());
    }

    fn record(&mut self) {
        self.order(Command::Record { leg: A, recording: RECORDING, sample_rate: SAMPLE_RATE });
    }
}

#[test]
fn packets_of_one_codec_pass_as_they_came() {
    // Minus zero, which an encoder never says.
    let payload = [0x7f; 160];
    for (codec_b, passed) in [(Codec::Pcmu, 0x7f), (Codec::Pcma, 0xd5)] {
        let (a, b) = (Phone::new(A, Codec::Pcmu, 0.0), Phone::new(B, codec_b, 0.0));
        let mut bench = Bench::new(&[&a, &b]);
        bench.order(Command::Bridge { a: A, b: B });
        for number in 0..50_u16 {
            let packet = a.wrap(0, number, u32::from(number) * 160, &payload);
            bench.rtp(&a, &packet);
            bench.tick();
        }
        let told: Vec<_> = bench.tape.rtp.iter().filter(|(leg, ..)| *leg == B).collect();
        assert!(told.iter().skip(5).all(|(.., payload)| payload[..] == [passed; 160]), "{codec_b:?}");
        for (number, pair) in told.windows(2).enumerate() {
            let (before, after) = (pair[0].2, pair[1].2);
            assert_eq!(after.sequence_number, before.sequence_number.wrapping_add(1), "{codec_b:?} {number}");
            assert_eq!(after.timestamp, before.timestamp.wrapping_add(160), "{codec_b:?} {number}");
        }
    }
}

#[test]
fn a_bridge_carries_each_tone_to_the_other_side_and_into_its_channel() {
    for (codec_a, codec_b) in
        [(Codec::Pcma, Codec::Pcma), (Codec::Pcma, Codec::Pcmu), (Codec::Pcmu, Codec::Pcma)]
    {
        let (mut a, mut b) = (Phone::new(A, codec_a, 440.0), Phone::new(B, codec_b, 1000.0));
        let mut bench = Bench::new(&[&a, &b]);
        bench.order(Command::Bridge { a: A, b: B });
        bench.record();
        for _ in 0..100 {
            bench.say(&mut a);
            bench.say(&mut b);
            bench.tick();
        }
        for (heard, hz) in [
            (bench.tape.told(B, codec_b), 440.0),
            (bench.tape.told(A, codec_a), 1000.0),
            (bench.tape.left.clone(), 440.0),
            (bench.tape.right.clone(), 1000.0),
        ] {
            assert_eq!(heard.len(), 16_000);
            assert!(
                purity(&heard[800..], hz) > 0.98,
                "{codec_a:?} {codec_b:?} {hz} Hz: {}",
                purity(&heard[800..], hz)
            );
        }
        assert!(
            bench.tape.rtp.iter().all(|(leg, to, ..)| *to == if *leg == A { a.address } else { b.address })
        );
    }
}

#[test]
fn an_echoing_phone_is_in_step_on_the_recording() {
    let mut phone = Phone::new(A, Codec::Pcma, 0.0);
    let mut bench = Bench::new(&[&phone]);
    let sound = Arc::new(Sound { samples: noise(3, 24_000) });
    bench.record();
    bench.order(Command::Play { leg: A, play: PlayId(1), sounds: vec![sound], repeat: false });
    for _ in 0..150 {
        bench.tick();
        let (.., payload) = bench.tape.rtp.last().unwrap().clone();
        let packet = phone.wrap(8, phone.sent as u16, phone.sent * 160, &payload);
        phone.sent += 1;
        bench.rtp(&phone, &packet);
    }
    let lag = lag(&bench.tape.right, &bench.tape.left, 1600);
    assert!(lag <= 160, "the echo is {lag} samples behind");
    assert_eq!(bench.tape.left.len(), 24_000);
}

#[test]
fn loss_disorder_and_doubles_leave_the_rest_in_its_place() {
    for seed in 0..8_u64 {
        let mut rng = StdRng::seed_from_u64(seed);
        let (a, b) = (Phone::new(A, Codec::Pcma, 0.0), Phone::new(B, Codec::Pcma, 0.0));
        let mut bench = Bench::new(&[&a, &b]);
        bench.order(Command::Bridge { a: A, b: B });
        bench.record();
        let said = noise(seed, 200 * SAMPLES_PER_TICK);
        let (mut held_back, mut lost): (Option<Vec<u8>>, Vec<usize>) = (None, Vec::new());
        for (i, samples) in said.chunks(SAMPLES_PER_TICK).enumerate() {
            let payload: Vec<u8> = samples.iter().map(|sample| Law::A.encode(*sample)).collect();
            let packet = a.wrap(8, i as u16, i as u32 * 160, &payload);
            let late = held_back.take();
            match rng.random_range(0..10) {
                0 if i > 0 && i < 199 => lost.push(i),
                1 if i > 0 && i < 199 && late.is_none() => held_back = Some(packet),
                2 => (0..2).for_each(|_| bench.rtp(&a, &packet)),
                _ => bench.rtp(&a, &packet),
            }
            if let Some(late) = late {
                bench.rtp(&a, &late);
            }
            bench.tick();
        }
        bench.ticks(5);
        let heard = &bench.tape.left[SAMPLES_PER_TICK..];
        for (i, samples) in said.chunks(SAMPLES_PER_TICK).enumerate() {
            let seen = &heard[i * SAMPLES_PER_TICK..(i + 1) * SAMPLES_PER_TICK];
            if lost.contains(&i) {
                assert!(seen.iter().all(|sample| *sample == 0), "seed {seed}: packet {i} was lost");
            } else if seen.iter().any(|sample| *sample != 0) {
                assert_eq!(lag(samples, seen, 1), 0);
                // The first 5 ms after a loss are faded in.
                let close = samples.iter().zip(seen).skip(40).all(|(a, b)| a.abs_diff(*b) <= 300);
                assert!(close, "seed {seed}: packet {i} is not in its place");
            } else {
                panic!("seed {seed}: packet {i} is missing");
            }
        }
        bench.order(Command::Close { leg: A });
        let Some(Event::Closed { stats, .. }) = bench.tape.events.last() else { panic!("not closed") };
        assert!(stats.packets_lost <= lost.len() as u64, "seed {seed}");
    }
}

#[test]
fn a_finished_play_is_told_once_and_a_replaced_or_stopped_one_never() {
    let mut bench = Bench::new(&[&Phone::new(A, Codec::Pcma, 0.0), &Phone::new(B, Codec::Pcma, 0.0)]);
    let sound = Arc::new(Sound { samples: tone(500.0, 0, 1000) });
    let finished = |play| Event::PlayFinished { leg: A, play: PlayId(play) };
    let play = |play, sounds, repeat| Command::Play { leg: A, play: PlayId(play), sounds, repeat };
    bench.order(play(1, vec![sound.clone()], false));
    bench.ticks(3);
    bench.order(play(2, vec![sound.clone(), sound.clone()], false));
    bench.ticks(12);
    assert_eq!((bench.tape.count(&finished(1)), bench.tape.count(&finished(2))), (0, 0));
    bench.tick();
    assert_eq!((bench.tape.count(&finished(1)), bench.tape.count(&finished(2))), (0, 1));
    bench.order(play(3, vec![sound.clone()], true));
    bench.ticks(100);
    bench.order(Command::StopPlay { leg: A });
    bench.order(play(4, vec![sound.clone()], false));
    bench.tick();
    bench.order(Command::Bridge { a: A, b: B });
    bench.ticks(20);
    bench.order(play(5, vec![], true));
    bench.tick();
    bench.ticks(20);
    let seen: Vec<usize> = (1..=5).map(|play| bench.tape.count(&finished(play))).collect();
    assert_eq!(seen, [0, 1, 0, 0, 1]);
}

#[test]
fn digits_are_told_once_while_playing_and_are_not_bridged() {
    let (a, b) = (Phone::new(A, Codec::Pcma, 0.0), Phone::new(B, Codec::Pcma, 0.0));
    let mut bench = Bench::new(&[&a, &b]);
    bench.order(Command::Bridge { a: A, b: B });
    let sound = Arc::new(Sound { samples: tone(500.0, 0, 80_000) });
    bench.order(Command::Play { leg: A, play: PlayId(1), sounds: vec![sound], repeat: true });
    let mut sequence_number = 0;
    for (press, code) in [(1_u32, 1_u8), (2, 1), (3, 11)] {
        for (duration, end) in [(160, false), (320, false), (480, true), (480, true), (480, true)] {
            let payload = TelephoneEvent { code, end, volume: 10, duration }.to_bytes();
            let payload_type = if press == 1 { 101 } else { 96 };
            bench.rtp(&a, &a.wrap(payload_type, sequence_number, press * 2000, &payload));
            sequence_number += 1;
            bench.tick();
        }
    }
    assert_eq!(bench.tape.digits(), "11#");
    let told = bench.tape.told(B, Codec::Pcma);
    assert!(told.iter().all(|sample| sample.abs() <= 8), "the events were bridged as sound");
    let event = TelephoneEvent { code: 9, end: false, volume: 10, duration: 800 };
    bench.rtp(&a, &a.wrap(101, sequence_number, 20_000, &event.to_bytes()));
    bench.ticks(20);
    assert_eq!(bench.tape.digits(), "11#9", "the end was lost");
    let audio_started = Event::AudioStarted { leg: A };
    assert_eq!(bench.tape.count(&audio_started), 0, "digits are not audio");
}

#[test]
fn a_held_leg_is_not_sent_to_and_does_not_time_out() {
    for direction in [Direction::RecvOnly, Direction::Inactive, Direction::SendOnly] {
        let a = Phone::new(A, Codec::Pcma, 440.0);
        let mut bench = Bench::new(&[&a]);
        bench.order(Command::Connect { leg: A, session: AudioSession { direction, ..a.session() } });
        bench.record();
        bench.ticks(50 * (MEDIA_TIMEOUT_SECS + 5));
        assert_eq!(bench.tape.rtp.is_empty(), !direction.sends(), "{direction:?}");
        assert_eq!(bench.tape.events, [], "{direction:?}");
        assert_eq!(bench.tape.left.len() as u64, 50 * 160 * (MEDIA_TIMEOUT_SECS + 5));
        bench.order(Command::Connect { leg: A, session: a.session() });
        bench.ticks(50 * MEDIA_TIMEOUT_SECS);
        let both = [Event::WentQuiet { leg: A }, Event::MediaTimeout { leg: A }];
        assert_eq!(bench.tape.events, both, "{direction:?}");
    }
}

#[test]
fn silence_is_no_timeout_as_long_as_something_comes() {
    let a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[&a]);
    for second in 0..40_u32 {
        bench.rtp(&a, &a.wrap(13, second as u16, second * 8000, &[70]));
        bench.ticks(50);
    }
    for _ in 0..10 {
        let report = [0x80, 201, 0, 1, 0, 0, 3, 233];
        let from = SocketAddr::new(a.address.ip(), a.address.port() + 1);
        bench.exchange.handle_rtcp(A, from, &report, bench.now, &mut bench.tape);
        bench.ticks(250);
    }
    let quiet = Event::WentQuiet { leg: A };
    assert_eq!(bench.tape.events, std::slice::from_ref(&quiet), "reports are no sound");
    bench.ticks(50 * MEDIA_TIMEOUT_SECS * 3);
    assert_eq!(bench.tape.events, [quiet, Event::MediaTimeout { leg: A }], "each told once");
}

#[test]
fn a_peer_that_falls_silent_is_told_once_for_each_silence_and_not_on_hold() {
    let mut a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[&a]);
    bench.ticks(50 * (QUIET_SECS + 1));
    assert_eq!(bench.tape.count(&Event::WentQuiet { leg: A }), 1, "it has never said anything");
    for silences in 2..=3 {
        bench.say(&mut a);
        bench.ticks(50 * QUIET_SECS - 1);
        assert_eq!(bench.tape.count(&Event::WentQuiet { leg: A }), silences - 1);
        bench.ticks(50);
        assert_eq!(bench.tape.count(&Event::WentQuiet { leg: A }), silences);
    }
    bench.say(&mut a);
    bench.order(Command::Connect {
        leg: A,
        session: AudioSession { direction: Direction::SendOnly, ..a.session() },
    });
    bench.ticks(50 * (QUIET_SECS + 1));
    assert_eq!(bench.tape.count(&Event::WentQuiet { leg: A }), 3, "on hold");
}

#[test]
fn reports_go_out_every_five_seconds_and_tell_the_losses() {
    let mut a = Phone::new(A, Codec::Pcma, 440.0);
    let mut bench = Bench::new(&[&a]);
    for i in 0..1001 {
        if i % 10 == 9 {
            a.sent += 1;
        } else {
            bench.say(&mut a);
        }
        bench.tick();
    }
    assert_eq!(bench.tape.rtcp.len(), 4);
    let (_, to, datagram) = bench.tape.rtcp[1].clone();
    assert_eq!(to.port(), a.address.port() + 1);
    let packets: Vec<Rtcp<'_>> = Compound::new(&datagram).map(Result::unwrap).collect();
    let [Rtcp::SenderReport { sender, mut blocks, .. }, Rtcp::SourceDescription { cname: Some(cname), .. }] =
        packets[..]
    else {
        panic!("{packets:?}")
    };
    let block = blocks.next().unwrap();
    assert_eq!((sender.packets, sender.octets, cname.len()), (500, 80_000, 16));
    assert_eq!((block.fraction_lost, block.ssrc), (25, 1001));
    bench.order(Command::Close { leg: A });
    let last = &bench.tape.rtcp.last().unwrap().2;
    assert!(Compound::new(last).any(|packet| matches!(packet, Ok(Rtcp::Bye { .. }))));
}

#[test]
fn a_recording_is_as_long_as_the_ticks_and_ends_with_its_leg() {
    let mut bench = Bench::new(&[]);
    bench.order(Command::Open { leg: A, seed: 1, towards: PHONE_IP, beside: None });
    bench.record();
    bench.ticks(7);
    bench.order(Command::Close { leg: A });
    bench.order(Command::Close { leg: A });
    bench.order(Command::StopRecording { leg: A, recording: RECORDING });
    bench.order(Command::Unbridge { leg: A });
    bench.tick();
    let ended = Event::RecordingEnded { recording: RECORDING, frames: 7 * 160 };
    assert_eq!(bench.tape.events, [ended, Event::Closed { leg: A, stats: LegStats::default() }]);
    assert_eq!(bench.tape.left, [0; 7 * 160]);
    assert!(bench.exchange.is_empty());
}

#[test]
fn unbridging_is_symmetric_and_harmless() {
    let (mut a, mut b) = (Phone::new(A, Codec::Pcma, 440.0), Phone::new(B, Codec::Pcma, 1000.0));
    let mut bench = Bench::new(&[&a, &b]);
    bench.order(Command::Unbridge { leg: A });
    bench.order(Command::Bridge { a: A, b: B });
    bench.order(Command::Bridge { a: A, b: LegId(9) });
    bench.order(Command::Unbridge { leg: B });
    for _ in 0..20 {
        bench.say(&mut a);
        bench.say(&mut b);
        bench.tick();
    }
    for leg in [A, B] {
        assert!(bench.tape.told(leg, Codec::Pcma).iter().all(|sample| sample.abs() <= 8));
    }
}
