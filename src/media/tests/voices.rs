//! Legs of every codec beside each other: known tones in, the same tones out at the far end and on the recording, at
//! their level, through losses, jitter and changes on the way; and rooms of more than two.

use super::block::Band;
use super::codec::{self, Decoders, Encoders};
use super::*;
use crate::sdp::{Content, Format};

/// A phone of any codec that says a tone and keeps what it hears.
struct Voice {
    leg: LegId,
    codec: Codec,
    hz: f64,
    ptime: u8,
    encoders: Encoders,
    decoders: Decoders,
    /// Samples said.
    said: usize,
    sequence_number: u16,
    timestamp: u32,
    /// Packets of the tape already heard, and what they held.
    read: usize,
    heard: Vec<i16>,
}

impl Voice {
    fn new(leg: LegId, codec: Codec, hz: f64) -> Self {
        Self {
            leg,
            codec,
            hz,
            ptime: 20,
            encoders: Encoders::default(),
            decoders: Decoders::default(),
            said: 0,
            sequence_number: 65_000,
            timestamp: u32::MAX - 50_000,
            read: 0,
            heard: Vec::new(),
        }
    }

    fn rate(&self) -> f64 {
        f64::from(Band::of(self.codec).sample_rate())
    }

    fn session(&self) -> AudioSession {
        let phone = Phone::new(self.leg, self.codec, 0.0);
        AudioSession { ptime: self.ptime, ..phone.session() }
    }

    /// The next packet; none while the time of the last one still runs.
    fn packet(&mut self, tick: usize) -> Option<Vec<u8>> {
        let samples = Band::of(self.codec).samples() * usize::from(self.ptime) / TICK_MS as usize;
        if self.said > tick * Band::of(self.codec).samples() {
            return None;
        }
        let step = self.hz * std::f64::consts::TAU / self.rate();
        let tone: Vec<i16> =
            (self.said..self.said + samples).map(|i| (6000.0 * (i as f64 * step).sin()) as i16).collect();
        self.said += samples;
        let mut payload = [0; 1500];
        let len = self.encoders.encode(self.codec, &tone, &mut payload).unwrap();
        let phone = Phone::new(self.leg, self.codec, 0.0);
        let packet =
            phone.wrap(self.codec.payload_type(), self.sequence_number, self.timestamp, &payload[..len]);
        self.sequence_number = self.sequence_number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(codec::units(self.codec, samples));
        Some(packet)
    }

    fn say(&mut self, tick: usize, bench: &mut Room) {
        while let Some(packet) = self.packet(tick) {
            bench.arrive(self.leg, self.codec, &packet);
        }
    }

    fn hear(&mut self, bench: &Room) {
        let rtp = &bench.bench.tape.rtp;
        for (_, _, header, payload) in rtp[self.read..].iter().filter(|(leg, ..)| *leg == self.leg) {
            assert_eq!(header.payload_type, self.codec.payload_type());
            let mut out = [0; 1920];
            let count = self.decoders.decode(self.codec, payload, &mut out);
            self.heard.extend_from_slice(&out[..count]);
        }
        self.read = rtp.len();
    }

    /// Level of a tone in the last second of what was heard, dB of how it was said.
    fn level(&self, hz: f64) -> f64 {
        level(&self.heard, self.rate(), hz)
    }
}

/// Level of a tone in the last second, dB of a voice's; by tenths of a second, so that a tick left out does not count.
fn level(samples: &[i16], rate: f64, hz: f64) -> f64 {
    let last = &samples[samples.len() - rate as usize..];
    let mut power = 0.0;
    for part in last.chunks_exact(rate as usize / 10) {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, sample) in part.iter().enumerate() {
            let angle = i as f64 * hz * std::f64::consts::TAU / rate;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        power += (re * re + im * im) / 10.0;
    }
    let amplitude = 20.0 * power.sqrt() / rate;
    20.0 * (amplitude.max(0.01) / 6000.0).log10()
}

/// A bench whose phones are voices.
struct Room {
    bench: Bench,
    ticks: usize,
}

impl Room {
    fn new(voices: &[&Voice]) -> Self {
        let mut bench = Bench::new(&[]);
        for voice in voices {
            bench.order(Command::Open { leg: voice.leg, seed: voice.leg.0, towards: PHONE_IP, beside: None });
            bench.order(Command::Connect { leg: voice.leg, session: voice.session() });
        }
        Self { bench, ticks: 0 }
    }

    fn arrive(&mut self, leg: LegId, codec: Codec, packet: &[u8]) {
        self.bench.rtp(&Phone::new(leg, codec, 0.0), packet);
    }

    fn talk(&mut self, voices: &mut [&mut Voice], ticks: usize) {
        for _ in 0..ticks {
            for voice in voices.iter_mut() {
                voice.say(self.ticks, self);
            }
            self.ticks += 1;
            self.bench.tick();
            voices.iter_mut().for_each(|voice| voice.hear(self));
        }
    }
}

/// Within a dB of how it was said: codecs may take a little, a converter nothing to speak of.
fn assert_heard(level: f64, what: &str) {
    assert!(level.abs() < 1.2, "{what}: {level:.1} dB");
}

fn assert_not_heard(level: f64, what: &str) {
    assert!(level < -40.0, "{what}: {level:.1} dB");
}

#[test]
fn every_codec_talks_to_every_other_and_both_are_on_the_recording() {
    for codec_a in Codec::ALL {
        for codec_b in Codec::ALL {
            let (mut a, mut b) = (Voice::new(A, codec_a, 440.0), Voice::new(B, codec_b, 1000.0));
            let mut room = Room::new(&[&a, &b]);
            let rate = Band::of(codec_a).sample_rate();
            room.bench.order(Command::Bridge { a: A, b: B });
            room.bench.order(Command::Record { leg: A, recording: RECORDING, sample_rate: rate });
            room.talk(&mut [&mut a, &mut b], 120);
            let what = format!("{codec_a:?} and {codec_b:?}");
            assert_heard(a.level(1000.0), &what);
            assert_heard(b.level(440.0), &what);
            assert_not_heard(a.level(440.0), &what);
            let tape = &room.bench.tape;
            assert_eq!(
                (tape.left.len(), tape.right.len()),
                (120 * rate as usize / 50, 120 * rate as usize / 50)
            );
            assert_heard(level(&tape.left, f64::from(rate), 440.0), &what);
            assert_heard(level(&tape.right, f64::from(rate), 1000.0), &what);
            assert_not_heard(level(&tape.right, f64::from(rate), 440.0), &what);
        }
    }
}

#[test]
fn wideband_stays_wide_between_wideband_legs() {
    for (codec, by_b, on_the_recording) in
        [(Codec::G722, true, true), (Codec::Opus, true, true), (Codec::Pcma, false, true)]
    {
        let (mut a, mut b) = (Voice::new(A, Codec::G722, 6000.0), Voice::new(B, codec, 1000.0));
        let mut room = Room::new(&[&a, &b]);
        room.bench.order(Command::Bridge { a: A, b: B });
        room.bench.order(Command::Record { leg: A, recording: RECORDING, sample_rate: 16_000 });
        room.talk(&mut [&mut a, &mut b], 120);
        if by_b {
            assert!(b.level(6000.0).abs() < 3.0, "{codec:?}: {}", b.level(6000.0));
        } else {
            // Nor what 6 kHz would fold into.
            assert_not_heard(b.level(2000.0), "6 kHz at 8 kHz");
        }
        let recorded = level(&room.bench.tape.left, 16_000.0, 6000.0);
        assert_eq!(recorded.abs() < 3.0, on_the_recording, "{recorded}");
    }
}

#[test]
fn any_packet_length_is_understood_and_sent() {
    for codec in Codec::ALL {
        for ptime in [10, 20, 40, 60] {
            let (mut a, mut b) = (Voice::new(A, codec, 440.0), Voice::new(B, Codec::Pcma, 1000.0));
            a.ptime = ptime;
            let mut room = Room::new(&[&a, &b]);
            room.bench.order(Command::Bridge { a: A, b: B });
            room.talk(&mut [&mut a, &mut b], 150);
            assert_heard(a.level(1000.0), &format!("{codec:?} {ptime} ms, heard"));
            assert_heard(b.level(440.0), &format!("{codec:?} {ptime} ms, said"));
        }
    }
}

#[test]
fn losses_are_hidden_from_the_listener_and_are_silence_on_the_record() {
    for codec in Codec::ALL {
        for percent in [0, 1, 3, 5] {
            let seed = 100 + percent;
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut a, mut b) = (Voice::new(A, codec, 300.0), Voice::new(B, Codec::G722, 0.0));
            let mut room = Room::new(&[&a, &b]);
            let rate = Band::of(codec).sample_rate();
            room.bench.order(Command::Bridge { a: A, b: B });
            room.bench.order(Command::Record { leg: A, recording: RECORDING, sample_rate: rate });
            let mut lost = 0_usize;
            for tick in 0..1000 {
                while let Some(packet) = a.packet(tick) {
                    if tick > 10 && rng.random_bool(percent as f64 / 100.0) {
                        lost += 1;
                    } else {
                        room.arrive(A, codec, &packet);
                    }
                }
                room.bench.tick();
                b.hear(&room);
            }
            let quiet = |samples: &[i16]| {
                let tick = samples.len() / 1000;
                samples.chunks(tick).skip(20).filter(|tick| tick.iter().all(|it| it.abs() < 300)).count()
            };
            let what = format!("seed {seed}, {codec:?} with {percent} % lost");
            assert!(quiet(&b.heard) <= lost / 10, "{what}: {} gaps heard of {lost}", quiet(&b.heard));
            let recorded = quiet(&room.bench.tape.left);
            // The redundancy of Opus is real sound: single losses are none.
            let least = if codec == Codec::Opus { 0 } else { lost * 8 / 10 };
            assert!((least..=lost + 1).contains(&recorded), "{what}: {recorded} gaps recorded of {lost}");
        }
    }
}

#[test]
fn a_peer_may_change_its_codec_and_its_ssrc_without_asking() {
    let mut a = Voice::new(A, Codec::Pcma, 440.0);
    let mut b = Voice::new(B, Codec::Pcma, 1000.0);
    let mut room = Room::new(&[&a, &b]);
    let alternatives = [Codec::Pcmu, Codec::G722, Codec::Opus]
        .map(|codec| Format { payload_type: codec.payload_type(), content: Content::Audio(codec) });
    let session = AudioSession { alternatives: alternatives.to_vec(), ..a.session() };
    room.bench.order(Command::Connect { leg: A, session });
    room.bench.order(Command::Bridge { a: A, b: B });
    for codec in [Codec::Pcmu, Codec::G722, Codec::Opus, Codec::Pcma] {
        (a.codec, a.said) = (codec, 0);
        for tick in 0..150 {
            a.say(tick, &mut room);
            room.bench.tick();
            b.hear(&room);
        }
        assert_heard(b.level(440.0), &format!("after a change to {codec:?}"));
    }
    for tick in 0..100 {
        while let Some(mut packet) = a.packet(150 + tick) {
            packet[8..12].copy_from_slice(&77_u32.to_be_bytes());
            packet[4..8].copy_from_slice(&(tick as u32 * 160).to_be_bytes());
            room.arrive(A, Codec::Pcma, &packet);
        }
        room.bench.tick();
        b.hear(&room);
    }
    assert_heard(b.level(440.0), "after a change of the SSRC");
}

#[test]
fn three_talk_and_a_supervisor_listens_whispers_and_barges_in() {
    let citizen = LegId(1);
    let (mut a, mut b) = (Voice::new(citizen, Codec::Pcma, 440.0), Voice::new(LegId(2), Codec::G722, 1000.0));
    let (mut c, mut d) =
        (Voice::new(LegId(3), Codec::Opus, 1700.0), Voice::new(LegId(4), Codec::Pcmu, 2300.0));
    let mut room = Room::new(&[&a, &b, &c, &d]);
    room.bench.order(Command::Bridge { a: citizen, b: b.leg });
    room.bench.order(Command::Join { leg: c.leg, beside: citizen, role: Role::Talk });
    room.bench.order(Command::Record { leg: citizen, recording: RECORDING, sample_rate: 8000 });
    for (role, by_citizen, by_operator) in [
        (Role::Listen, false, false),
        (Role::Whisper { to: LegId(2) }, false, true),
        (Role::Talk, true, true),
    ] {
        room.bench.order(Command::Join { leg: d.leg, beside: citizen, role });
        room.talk(&mut [&mut a, &mut b, &mut c, &mut d], 130);
        for voice in [&a, &b, &c, &d] {
            for other in [&a, &b, &c] {
                let what = format!("{role:?}: {:?} to {:?}", other.leg, voice.leg);
                if other.leg == voice.leg {
                    assert_not_heard(voice.level(other.hz), &what);
                } else {
                    assert_heard(voice.level(other.hz), &what);
                }
            }
        }
        for (what, level, heard) in [
            ("citizen", a.level(2300.0), by_citizen),
            ("operator", b.level(2300.0), by_operator),
            ("recording", level(&room.bench.tape.right, 8000.0, 2300.0), by_citizen),
        ] {
            let check = if heard { assert_heard } else { assert_not_heard };
            check(level, &format!("{role:?} to the {what}"));
        }
    }
    room.bench.order(Command::Unbridge { leg: LegId(2) });
    room.talk(&mut [&mut a, &mut b, &mut c, &mut d], 60);
    assert_not_heard(b.level(440.0), "after leaving");
    assert_heard(a.level(1700.0), "those who stay");
}

/// What one leg costs: `cargo test --release media::tests::voices::cost -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn cost_of_a_bridged_and_recorded_pair() {
    for (codec_a, codec_b) in [
        (Codec::Pcma, Codec::Pcma),
        (Codec::Pcma, Codec::G722),
        (Codec::Pcma, Codec::Opus),
        (Codec::G722, Codec::G722),
        (Codec::Opus, Codec::Opus),
    ] {
        let (mut a, mut b) = (Voice::new(A, codec_a, 440.0), Voice::new(B, codec_b, 1000.0));
        let mut room = Room::new(&[&a, &b]);
        room.bench.order(Command::Bridge { a: A, b: B });
        let sample_rate = Band::of(codec_a).sample_rate();
        room.bench.order(Command::Record { leg: A, recording: RECORDING, sample_rate });
        let ticks = 5000;
        let packets: Vec<_> = (0..ticks).map(|tick| (a.packet(tick), b.packet(tick))).collect();
        let since = crate::time::now().mono;
        for (from_a, from_b) in &packets {
            from_a.iter().for_each(|packet| room.arrive(A, codec_a, packet));
            from_b.iter().for_each(|packet| room.arrive(B, codec_b, packet));
            room.bench.tick();
        }
        let elapsed = crate::time::now().mono - since;
        let per_leg = elapsed.as_nanos() as f64 / 1000.0 / (2 * ticks) as f64;
        println!("{codec_a:?} to {codec_b:?}: {per_leg:.1} us per leg and tick");
    }
}
