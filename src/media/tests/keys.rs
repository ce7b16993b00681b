//! Ten thousand keys of every kind through a lossy, jittery way: none lost, none doubled, none invented. INFO has a
//! way of its own, `call/leg/tests/digits.rs`.

use super::*;
use crate::sdp::Codec;

/// Pressed keys, and the packets that tell of them: when they leave, in ms, and what they are.
struct Presses {
    keys: String,
    packets: Vec<(u64, Vec<u8>)>,
}

const KEYS: &[u8] = b"0123456789*#ABCD";

impl Presses {
    /// RFC 4733 as phones send it: a packet every 20 to 50 ms, the end three times, the next key after a short pause.
    fn of_events(clock_hz: u32, every_ms: u32, rng: &mut StdRng) -> Self {
        let phone = Phone::new(A, Codec::Pcma, 0.0);
        let (mut keys, mut packets) = (String::new(), Vec::new());
        let (mut ms, mut sequence_number) = (0, 0_u16);
        for _ in 0..10_000 {
            let code = rng.random_range(0..16);
            keys.push(char::from(KEYS[usize::from(code)]));
            let held = rng.random_range(4..12);
            let timestamp = (ms * u64::from(clock_hz) / 1000) as u32;
            for step in 1..=held + 2 {
                let duration = (step.min(held) * every_ms * clock_hz / 1000) as u16;
                let event = TelephoneEvent { code, end: step >= held, volume: 10, duration };
                packets.push((ms, phone.wrap(96, sequence_number, timestamp, &event.to_bytes())));
                sequence_number = sequence_number.wrapping_add(1);
                ms += u64::from(every_ms);
            }
            ms += rng.random_range(3..20) * 20;
        }
        Self { keys, packets }
    }

    /// The two tones in G.711, packet by packet, from a phone that sends no events.
    fn of_tones(rng: &mut StdRng) -> Self {
        let phone = Phone::new(A, Codec::Pcma, 0.0);
        let (mut keys, mut packets) = (String::new(), Vec::new());
        let mut packet = 0_u32;
        for _ in 0..10_000 {
            let code = rng.random_range(0..16);
            keys.push(char::from(KEYS[code]));
            // Row and column of each key as KEYS has them.
            let (row, column) =
                [(3, 1), (0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
                    .into_iter()
                    .chain([(3, 0), (3, 2), (0, 3), (1, 3), (2, 3), (3, 3)])
                    .nth(code)
                    .unwrap();
            let low = [697.0, 770.0, 852.0, 941.0][row];
            let high = [1209.0, 1336.0, 1477.0, 1633.0][column];
            for step in 0..16 {
                let angle = |hz: f64, i: usize| i as f64 * hz * std::f64::consts::TAU / 8000.0;
                let sample = |i: usize| {
                    let sound = step < 9;
                    let level = if sound { 4000.0 } else { 0.0 };
                    (level * (angle(low, i).sin() + angle(high, i).sin())) as i16
                };
                let at = packet as usize * 160;
                let payload: Vec<u8> = (at..at + 160).map(|i| Law::A.encode(sample(i))).collect();
                packets.push((u64::from(packet) * 20, phone.wrap(8, packet as u16, packet * 160, &payload)));
                packet += 1;
            }
        }
        Self { keys, packets }
    }

    /// What the leg heard of them with one packet in twenty lost and up to 30 ms of jitter.
    fn through_a_bad_way(mut self, session: AudioSession, rng: &mut StdRng) -> (String, String) {
        let phone = Phone::new(A, Codec::Pcma, 0.0);
        let mut bench = Bench::new(&[]);
        bench.order(Command::Open { leg: A, seed: 1, towards: PHONE_IP, beside: None });
        bench.order(Command::Connect { leg: A, session });
        for (at, _) in &mut self.packets {
            *at += rng.random_range(0..30);
        }
        self.packets.sort_by_key(|(at, _)| *at);
        let since = bench.now;
        for (at, packet) in &self.packets {
            while bench.now + TICK <= since + Duration::from_millis(*at) {
                bench.tick();
            }
            if !rng.random_bool(0.05) {
                let now = since + Duration::from_millis(*at);
                bench.exchange.handle_rtp(A, phone.address, packet, now, &mut bench.tape);
            }
        }
        bench.ticks(50);
        (self.keys, bench.tape.digits())
    }
}

#[test]
fn events_of_every_clock() {
    for (clock_hz, every_ms) in [(8000, 20), (16_000, 30), (48_000, 50)] {
        let seed = u64::from(clock_hz);
        let mut rng = StdRng::seed_from_u64(seed);
        let presses = Presses::of_events(clock_hz, every_ms, &mut rng);
        let session = AudioSession { event_clock_hz: clock_hz, ..Phone::new(A, Codec::Pcma, 0.0).session() };
        let (pressed, told) = presses.through_a_bad_way(session, &mut rng);
        assert_eq!(told.len(), pressed.len(), "seed {seed}, {clock_hz} Hz");
        assert!(told == pressed, "seed {seed}, {clock_hz} Hz: other keys than were pressed");
    }
}

#[test]
fn tones_in_the_sound() {
    let seed = 4;
    let mut rng = StdRng::seed_from_u64(seed);
    let presses = Presses::of_tones(&mut rng);
    let session = AudioSession {
        send_event_payload_type: None,
        receive_event_payload_type: None,
        ..Phone::new(A, Codec::Pcma, 0.0).session()
    };
    let (pressed, told) = presses.through_a_bad_way(session, &mut rng);
    assert_eq!(told.len(), pressed.len(), "seed {seed}");
    assert!(told == pressed, "seed {seed}: other keys than were pressed");
}

#[test]
fn keys_of_ours_wait_for_nobody_who_takes_none() {
    let deaf = AudioSession { send_event_payload_type: None, ..Phone::new(A, Codec::Pcma, 0.0).session() };
    let mut bench = Bench::new(&[&Phone::new(A, Codec::Pcma, 0.0)]);
    let press = |bench: &mut Bench, key| {
        let digit = crate::dtmf::Digit::from_char(key).unwrap();
        bench.order(Command::SendDigit { leg: A, digit });
    };
    press(&mut bench, '1');
    press(&mut bench, '2');
    bench.tick();
    bench.order(Command::Connect { leg: A, session: deaf });
    press(&mut bench, '3');
    bench.ticks(50);
    bench.order(Command::Connect { leg: A, session: Phone::new(A, Codec::Pcma, 0.0).session() });
    press(&mut bench, '4');
    bench.ticks(50);
    let events = bench.tape.rtp.iter().filter(|(_, _, header, _)| header.payload_type == 96);
    let mut codes: Vec<u8> = events.map(|(.., payload)| payload[0]).collect();
    codes.dedup();
    assert_eq!(codes, [1, 4]);
}

#[test]
fn tones_beside_events_are_told_once() {
    let mut rng = StdRng::seed_from_u64(9);
    let presses = Presses::of_tones(&mut rng);
    let (_, told) = presses.through_a_bad_way(Phone::new(A, Codec::Pcma, 0.0).session(), &mut rng);
    assert_eq!(told, "", "events were agreed, so tones are sound");
}
