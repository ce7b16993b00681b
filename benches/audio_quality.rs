//! What the far end hears of a speaker, for every pair of codecs and several losses: the speaker's phone, a lossy and
//! jittery way, the media machine, the listener's phone. Reads one WAV file of speech, writes one per case; the scores
//! are `scripts/audio_quality.py`'s. Usage: `audio_quality SPEECH.wav FOLDER SEED`.

// It stands outside the program, and it fails by panicking.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use audio_codec::g722::{G722Decoder, G722Encoder};
use audio_codec::{Decoder as _, Encoder as _};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use ringback::ids::{LegId, RecordingId};
use ringback::media::{Command, Event, Exchange, Sink, TICK_MS};
use ringback::rtp::RtpHeader;
use ringback::rtp::g711::Law;
use ringback::sdp::{AudioSession, Codec, Direction};
use ringback::wav::resample::resample;

/// The ways between: their names, the share of packets they lose, and how much later than others a packet may be.
const WAYS: [(&str, u32, u64); 5] =
    [("straight", 0, 0), ("0", 0, JITTER_MS), ("1", 1, JITTER_MS), ("3", 3, JITTER_MS), ("5", 5, JITTER_MS)];
const JITTER_MS: u64 = 30;
const SPEAKER: LegId = LegId(1);
const LISTENER: LegId = LegId(2);

fn main() {
    // Cargo passes `--bench` too.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let [speech, folder, seed] = &words[..] else { panic!("usage: audio_quality SPEECH.wav FOLDER SEED") };
    let seed: u64 = seed.parse().unwrap();
    let (samples, rate) = read(Path::new(speech));
    let wide = resample(&samples, rate, 16_000);
    let folder = Path::new(folder);
    write(&folder.join("reference-16000.wav"), &wide, 16_000);
    write(&folder.join("reference-8000.wav"), &resample(&wide, 16_000, 8000), 8000);
    for from in Codec::ALL {
        for to in Codec::ALL {
            for (way, percent, jitter_ms) in WAYS {
                let heard = heard(&wide, from, to, (percent, jitter_ms), seed);
                let name = format!("{}-{}-{way}.wav", from.name(), to.name());
                let both_wide = from.is_wideband() && to.is_wideband();
                let rate = if both_wide { 16_000 } else { 8000 };
                write(&folder.join(name), &resample(&heard, rate_of(to), rate), rate);
            }
        }
    }
}

fn rate_of(codec: Codec) -> u32 {
    if codec.is_wideband() { 16_000 } else { 8000 }
}

/// The listener's phone, with a way of its own that loses nothing.
struct Ear {
    codec: Codec,
    g722: G722Decoder,
    opus: opus::Decoder,
    heard: Vec<i16>,
}

impl Sink for Ear {
    fn transmit_rtp(&mut self, leg: LegId, _: SocketAddr, packet: &[u8]) {
        if leg != LISTENER {
            return;
        }
        let (_, payload) = RtpHeader::parse(packet).unwrap();
        let mut out = [0; 1920];
        let count = match self.codec {
            Codec::Pcma => decode_g711(Law::A, payload, &mut out),
            Codec::Pcmu => decode_g711(Law::Mu, payload, &mut out),
            Codec::G722 => self.g722.decode_into(payload, &mut out).unwrap(),
            Codec::Opus => self.opus.decode(payload, &mut out, false).unwrap(),
        };
        self.heard.extend_from_slice(&out[..count]);
    }

    fn transmit_rtcp(&mut self, _: LegId, _: SocketAddr, _: &[u8]) {}
    fn record(&mut self, _: RecordingId, _: &[i16], _: &[i16]) {}
    fn event(&mut self, _: Event) {}
}

fn decode_g711(law: Law, payload: &[u8], out: &mut [i16]) -> usize {
    law.decode_into(payload, out);
    payload.len()
}

/// The speaker's packets, 20 ms each.
fn packets(speech: &[i16], codec: Codec) -> Vec<Vec<u8>> {
    let mut g722 = G722Encoder::new();
    let mut opus = opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    opus.set_bitrate(opus::Bitrate::Bits(32_000)).unwrap();
    opus.set_inband_fec(true).unwrap();
    opus.set_packet_loss_perc(5).unwrap();
    let samples = resample(speech, 16_000, rate_of(codec));
    let ticks = samples.chunks_exact(rate_of(codec) as usize * TICK_MS as usize / 1000);
    let encode = |(number, tick): (usize, &[i16])| {
        let mut payload = [0; 1500];
        let len = match codec {
            Codec::Pcma | Codec::Pcmu => {
                let law = if codec == Codec::Pcma { Law::A } else { Law::Mu };
                law.encode_into(tick, &mut payload);
                tick.len()
            }
            Codec::G722 => g722.encode_into(tick, &mut payload).unwrap(),
            Codec::Opus => opus.encode(tick, &mut payload).unwrap(),
        };
        let header = RtpHeader {
            marker: number == 0,
            payload_type: codec.payload_type(),
            sequence_number: number as u16,
            timestamp: number as u32 * codec.clock_hz() / 1000 * TICK_MS as u32,
            ssrc: 1,
        };
        header.write(&payload[..len], &mut [0; 1600]).unwrap().to_vec()
    };
    ticks.enumerate().map(encode).collect()
}

fn session(codec: Codec, port: u16) -> AudioSession {
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    AudioSession {
        codec,
        send_payload_type: codec.payload_type(),
        receive_payload_type: codec.payload_type(),
        send_event_payload_type: Some(101),
        receive_event_payload_type: Some(101),
        event_clock_hz: codec.clock_hz(),
        alternatives: Vec::new(),
        remote_rtp: peer,
        remote_rtcp: peer,
        direction: Direction::SendRecv,
        ptime: 20,
        transport: Box::default(),
    }
}

fn heard(speech: &[i16], from: Codec, to: Codec, (percent, jitter_ms): (u32, u64), seed: u64) -> Vec<i16> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut ear = Ear {
        codec: to,
        g722: G722Decoder::new(),
        opus: opus::Decoder::new(16_000, opus::Channels::Mono).unwrap(),
        heard: Vec::new(),
    };
    let (mut exchange, start) = (Exchange::new(), Instant::now());
    for (leg, codec, port) in [(SPEAKER, from, 4000), (LISTENER, to, 4002)] {
        exchange.handle_command(
            Command::Open { leg, seed, towards: Ipv4Addr::LOCALHOST.into(), beside: None },
            start,
            &mut ear,
        );
        exchange.handle_command(Command::Connect { leg, session: session(codec, port) }, start, &mut ear);
    }
    exchange.handle_command(Command::Bridge { a: SPEAKER, b: LISTENER }, start, &mut ear);
    let packets = packets(speech, from);
    let ticks = packets.len() as u64 + 20;
    let mut arrivals: Vec<(u64, Vec<u8>)> = (0_u64..)
        .zip(packets)
        .filter(|_| !rng.random_bool(f64::from(percent) / 100.0))
        .map(|(number, packet)| (number * TICK_MS * 1000, packet))
        .collect();
    if jitter_ms > 0 {
        for (at, _) in &mut arrivals {
            *at += rng.random_range(0..jitter_ms * 1000);
        }
        arrivals.sort_by_key(|(at, _)| *at);
    }
    let mut arrivals = arrivals.into_iter().peekable();
    for tick in 1..=ticks {
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at < tick * TICK_MS * 1000) {
            let now = start + Duration::from_micros(at);
            exchange.handle_rtp(
                SPEAKER,
                SocketAddr::from((Ipv4Addr::LOCALHOST, 4000)),
                &packet,
                now,
                &mut ear,
            );
        }
        exchange.handle_tick(start + Duration::from_millis(tick * TICK_MS), &mut ear);
    }
    ear.heard
}

fn read(path: &Path) -> (Vec<i16>, u32) {
    let mut reader = hound::WavReader::open(path).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().bits_per_sample), (1, 16));
    (reader.samples().map(Result::unwrap).collect(), reader.spec().sample_rate)
}

fn write(path: &Path, samples: &[i16], sample_rate: u32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
}
