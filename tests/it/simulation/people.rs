//! Citizens and operators: a telephone line, its media, and what its owner will do.
//! Their intentions are drawn here from the seed; how their telephones carry them out is in `street.rs`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use ringback::ids::{LegId, UserId};
use ringback::media::{Exchange, Sound};
use ringback::sip::message::Response;
use ringback::sip::registration::Registration;
use ringback::softphone::line::{Line, Ringing};

#[derive(Debug)]
pub(super) struct Person {
    pub line: Line,
    pub media: Exchange,
    pub rtp: SocketAddr,
    pub leg: Option<LegId>,
    pub role: Role,
    /// Its telephone was thrown into the river: nothing comes in or goes out any more.
    pub vanished: bool,
    /// The next look at the line's timers.
    pub wakes_at: Option<Instant>,
    /// Of an operator's telephone, until the registrar has said 200.
    pub registration: Option<Registration>,
    pub ringing: Option<Ringing>,
    pub rung: u64,
    /// The answer this telephone gave last: its end of the dialog.
    pub answer: Option<Box<Response>>,
    pub talked: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Role {
    Citizen(Temper),
    Operator { user: UserId, extension: String },
}

/// What a citizen will do.
#[derive(Clone, Debug)]
pub(super) struct Temper {
    /// Gives up this long after dialling, even if nobody answered.
    pub patience: Duration,
    /// Keys and the time after the answer at which they are pressed.
    pub keys: Vec<(Duration, char)>,
    pub vanishes: bool,
    /// The telephone insists on reliable ringing (RFC 3262).
    pub insists: bool,
}

impl Temper {
    pub(super) fn draw(rng: &mut StdRng, vanishing: f64) -> Self {
        let impatient = rng.random_bool(0.05);
        let patience = if impatient { millis(rng, 1, 400) } else { millis(rng, 2_000, 45_000) };
        let mut at = Duration::ZERO;
        let keys = (0..rng.random_range(0..8))
            .map(|_| {
                at += millis(rng, 300, 4_000);
                (at, char::from(b"0123456789*#1122333"[rng.random_range(0..19)]))
            })
            .collect();
        Self { patience, keys, vanishes: rng.random_bool(vanishing), insists: rng.random_bool(0.3) }
    }
}

/// What an operator does with a ringing phone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reaction {
    Answer { after: Duration },
    Reject { after: Duration },
    LetRing,
}

impl Reaction {
    pub(super) fn draw(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            0..78 => Self::Answer { after: millis(rng, 100, 6_000) },
            78..90 => Self::Reject { after: millis(rng, 50, 2_000) },
            _ => Self::LetRing,
        }
    }
}

/// The operator who is never ready, but takes what colleagues pass on.
pub(super) const SECOND_LINE: &str = "105";

/// How an operator ends their part of a talk.
#[derive(Clone, Debug)]
pub(super) enum Farewell {
    HangUp,
    /// Passes the citizen on, by REFER from the phone or from the desk; `leaves` hangs up without waiting for the
    /// outcome.
    Transfer {
        to: String,
        by_phone: bool,
        leaves: bool,
    },
    /// Waits for the citizen to go.
    Stay,
}

impl Farewell {
    pub(super) fn draw(rng: &mut StdRng) -> Self {
        match rng.random_range(0..100) {
            0..30 => Self::HangUp,
            30..80 => {
                // Colleagues, mostly busy; who is there for transfers only; the queue by number and by name; nobody.
                let targets = ["100", "101", "102", "103", SECOND_LINE, SECOND_LINE, "810", "city", "999"];
                let to = targets[rng.random_range(0..targets.len())].to_owned();
                Self::Transfer { to, by_phone: rng.random(), leaves: rng.random() }
            }
            _ => Self::Stay,
        }
    }
}

pub(super) fn millis(rng: &mut impl Rng, from: u64, to: u64) -> Duration {
    Duration::from_millis(rng.random_range(from..to))
}

/// A tone, loud enough to be found on a recording.
pub(super) fn tone(hz: f64) -> Arc<Sound> {
    let sample = |i: u32| (f64::from(i) * hz * std::f64::consts::TAU / 8000.0).sin() * 8000.0;
    #[expect(clippy::cast_possible_truncation, reason = "8000 fits")]
    let samples = (0..8000).map(|i| sample(i) as i16).collect();
    Arc::new(Sound { samples })
}

pub(super) fn later(now: Instant, rng: &mut StdRng, from: u64, to: u64) -> Instant {
    now + millis(rng, from, to)
}
