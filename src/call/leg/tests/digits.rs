//! Ten thousand keys by INFO of each kind, over UDP that loses one datagram in twenty, delays and doubles others: none
//! lost, none doubled, none invented. Keys as events and tones are `media/tests/keys.rs`.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::dtmf::Digit;

const KEYS: u32 = 10_000;
const LOSS: f64 = 0.05;
const JITTER_MS: u64 = 30;
/// T1 and T2 of the phone's transactions (RFC 3261 17.1.2.2).
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// A phone in a call, and the way between it and us.
struct Phone {
    bench: Bench,
    tag: String,
    rng: StdRng,
    /// A copy that overtakes nothing: it comes after the next request.
    straggler: Option<String>,
}

impl Phone {
    fn new(seed: u64) -> Self {
        let mut bench = Bench::new();
        let tag = bench.talking(&typed(OFFER));
        Self { bench, tag, rng: StdRng::seed_from_u64(seed), straggler: None }
    }

    fn wait(&mut self, longest: Duration) {
        let by = self.rng.random_range(0..=longest.as_millis() as u64);
        self.bench.run(Duration::from_millis(by));
    }

    /// Carries a datagram to us and what we answer back; whether an answer came.
    fn carry(&mut self, datagram: &str) -> bool {
        self.wait(Duration::from_millis(JITTER_MS));
        if self.rng.random_bool(LOSS) {
            return false;
        }
        let seen = self.bench.receive_text(datagram);
        self.bench.sent.clear();
        assert!(seen.contains(&"> 200".to_owned()), "{seen:?}");
        self.wait(Duration::from_millis(JITTER_MS));
        !self.rng.random_bool(LOSS)
    }

    /// One key: repeated until it is answered, the next one not before.
    fn press(&mut self, seq: u32, content_type: &str, body: &str) {
        let len = body.len();
        let tail = format!("Content-Type: {content_type}\r\nContent-Length: {len}\r\n\r\n{body}");
        let info = self.bench.request("INFO", seq, &self.tag, &tail);
        let mut interval = T1;
        while !self.carry(&info) {
            self.bench.run(interval);
            interval = (2 * interval).min(T2);
        }
        if let Some(straggler) = self.straggler.take() {
            self.carry(&straggler);
        }
        if self.rng.random_bool(LOSS) {
            self.straggler = Some(info);
        }
        self.wait(Duration::from_millis(300));
    }
}

fn all_are_told_once(seed: u64, content_type: &str, body: impl Fn(Digit, &mut StdRng) -> String) {
    let mut phone = Phone::new(seed);
    let mut pressed = String::new();
    for seq in 2..KEYS + 2 {
        let digit = Digit::from_event_code(phone.rng.random_range(0..16)).unwrap();
        pressed.push(digit.as_char());
        let body = body(digit, &mut phone.rng);
        phone.press(seq, content_type, &body);
    }
    assert_eq!(phone.bench.digits.len(), pressed.len(), "seed {seed}");
    assert!(phone.bench.digits == pressed, "seed {seed}: other keys than were pressed");
}

#[test]
fn dtmf_relay() {
    all_are_told_once(61, "application/dtmf-relay", |digit, rng| {
        let duration = rng.random_range(40..2000);
        format!("Signal={}\r\nDuration={duration}\r\n", digit.as_char())
    });
}

#[test]
fn dtmf() {
    // Some write the event's code for the keys that are no figures.
    all_are_told_once(62, "application/dtmf", |digit, rng| match digit.event_code() {
        code @ 10.. if rng.random_bool(0.5) => code.to_string(),
        _ => digit.as_char().to_string(),
    });
}
