//! Samples whose seed neither side can choose. First everything is fixed and journalled that the draw depends on; then
//! SHA-256 over the root of the first checkpoint after that and a public value that came later is the seed. Calls are taken
//! in the order of HMAC-SHA-256(seed, id): whoever has the frame redoes it with stock tools (docs/audit-draw.py).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};

use crate::digest::{Hasher, Sha256};
use crate::ids::{ContactId, EngagementId, FindingId, SampleId};
use crate::time::Timestamp;

use super::ScopedCall;

/// Calls that one sample is drawn from: more than a month of a city with three million calls a year.
pub const MAX_FRAME: usize = 300_000;
/// Calls of one sample; who listens to more needs a second one.
pub const MAX_SIZE: usize = 2_000;
/// Samples of one engagement. A draw that did not please is not thrown away, it is one of these.
pub const MAX_SAMPLES: u32 = 50;
pub const MAX_SOURCE_CHARS: usize = 300;
/// Digits of any lottery, and the 64 hexadecimal ones of a beacon's round.
pub const MAX_VALUE_CHARS: usize = 300;
/// From the commitment to the public value, in minutes at least: a checkpoint has to come between, one a minute as shipped.
pub const LEAST_NOTICE_MINUTES: u64 = 5;

/// By what the frame is divided, so that each part has its share of the sample.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strata {
    #[default]
    None,
    Category,
    Queue,
}

impl Strata {
    /// One word without spaces; `-` where there is nothing to divide by.
    pub fn of(self, call: &ScopedCall) -> String {
        let name = match self {
            Self::None => None,
            Self::Category => call.category.as_deref(),
            Self::Queue => call.queue.as_deref(),
        };
        let word: String = name.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join("_");
        if word.is_empty() { "-".to_owned() } else { word }
    }
}

/// What is fixed before anybody can know the seed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Commitment {
    pub id: SampleId,
    pub engagement: EngagementId,
    pub committed_at: Timestamp,
    /// The period of the calls.
    pub calls_from: Timestamp,
    pub calls_until: Timestamp,
    /// Number of calls and SHA-256 of the frame's text.
    pub frame_size: usize,
    pub frame: Sha256,
    pub size: usize,
    pub strata: Strata,
    /// Where the public value will be published.
    pub source: String,
    /// When; it is not known to anybody before.
    pub public_at: Timestamp,
}

/// What the draw was decided by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drawn {
    pub at: Timestamp,
    /// Size of the checkpoint's tree, and its root.
    pub checkpoint: u64,
    pub root: Sha256,
    pub value: String,
}

impl Drawn {
    pub fn seed(&self) -> Sha256 {
        seed(&self.root, &self.value)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DrawRefused {
    #[error("there is no such sample")]
    Unknown,
    #[error("it is drawn already")]
    Drawn,
    #[error("the public value is not out yet")]
    TooEarly,
    #[error("no checkpoint was signed yet since the sample was fixed")]
    NoCheckpoint,
    #[error(
        "the first checkpoint after the sample was fixed came later than the public value: fix another sample"
    )]
    CheckpointTooLate,
    #[error("say what the public value is, in at most {MAX_VALUE_CHARS} characters")]
    Value,
}

impl Commitment {
    /// Puts a public value and the first checkpoint with the commitment's entry in it, signed at `signed_at`, together.
    ///
    /// # Errors
    /// Where somebody could have known or chosen the seed.
    pub fn draw(&self, drawn: Drawn, signed_at: Timestamp) -> Result<Drawn, DrawRefused> {
        if drawn.value.is_empty() || drawn.value.chars().count() > MAX_VALUE_CHARS {
            return Err(DrawRefused::Value);
        }
        if signed_at >= self.public_at {
            return Err(DrawRefused::CheckpointTooLate);
        }
        if drawn.at < self.public_at {
            return Err(DrawRefused::TooEarly);
        }
        Ok(drawn)
    }
}

/// The frame as it is published: a line for each call, its id and its stratum, in the order of ids.
pub fn frame_text<'a>(calls: impl Iterator<Item = (ContactId, &'a str)>) -> String {
    let mut text = String::new();
    for (id, stratum) in calls {
        let _ = writeln!(text, "{id} {stratum}");
    }
    text
}

/// A call that was drawn, and its stratum.
pub type Chosen = (ContactId, String);

/// The seed of a draw: SHA-256 over the root's 32 bytes and the value's UTF-8.
pub fn seed(root: &Sha256, value: &str) -> Sha256 {
    let mut hasher = Hasher::default();
    hasher.update(&root.0);
    hasher.update(value.as_bytes());
    hasher.finish()
}

/// The `size` calls that `seed` takes out of `frame`, in the order in which they are listened to. Each stratum has its
/// share, rounded by the largest remainder; among equal remainders the first name has it. None when the text is no frame.
pub fn choose(frame: &str, size: usize, seed: &Sha256) -> Option<Vec<Chosen>> {
    let mut strata: BTreeMap<&str, Vec<([u8; 32], &str)>> = BTreeMap::new();
    let mut total = 0;
    for line in frame.lines() {
        let (id, stratum) = line.split_once(' ')?;
        strata.entry(stratum).or_default().push((key(seed, id), id));
        total += 1;
    }
    let size = size.min(total);
    let mut remainders: Vec<_> =
        strata.iter().map(|(name, calls)| (size * calls.len() % total, *name)).collect();
    remainders.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    let whole: usize = strata.values().map(|calls| size * calls.len() / total).sum();
    let rounded_up: Vec<_> = remainders.iter().take(size - whole).map(|(_, name)| *name).collect();
    let mut chosen = Vec::with_capacity(size);
    for (name, mut calls) in strata {
        let share = size * calls.len() / total + usize::from(rounded_up.contains(&name));
        calls.sort_unstable();
        chosen.extend(calls.into_iter().take(share).map(|(key, id)| (key, id, name)));
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|(_, id, name)| Some((id.parse().ok()?, name.to_owned()))).collect()
}

fn key(seed: &Sha256, id: &str) -> [u8; 32] {
    let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(&seed.0).expect("HMAC takes any key");
    hmac.update(id.as_bytes());
    hmac.finalize().into_bytes().into()
}

/// What an auditor says of a call of the sample; all but the first two say why it tells nothing. In codes, since the
/// journal holds no words about a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    InOrder,
    /// Belongs to what was noted about the call.
    Finding,
    NoRecording,
    NoSpeech,
    Unintelligible,
    /// Its content was erased by the rules of retention.
    Erased,
    /// A test call or a wrong number.
    NotACase,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JudgingRefused {
    #[error("the sample has no such call")]
    Unknown,
    #[error("note the finding at its moment of the recording first")]
    NothingNoted,
}

/// A call of a sample, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    pub place: u32,
    pub contact: ContactId,
    pub stratum: String,
    pub judged: Option<Judged>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judged {
    pub outcome: Outcome,
    pub at: Timestamp,
    pub findings: Vec<FindingId>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use uuid::Uuid;

    use super::*;
    use crate::audit::tests::at;

    fn frame(strata: &[(&str, u32)]) -> String {
        let calls = strata.iter().flat_map(|(name, count)| (0..*count).map(move |_| *name));
        let calls: Vec<_> =
            calls.enumerate().map(|(n, name)| (ContactId(Uuid::from_u128(n as u128 + 1)), name)).collect();
        frame_text(calls.iter().map(|(id, name)| (*id, *name)))
    }

    fn commitment() -> Commitment {
        Commitment {
            id: SampleId(Uuid::nil()),
            engagement: EngagementId(Uuid::nil()),
            committed_at: at(0),
            calls_from: at(-100),
            calls_until: at(0),
            frame_size: 1,
            frame: Sha256::of(b""),
            size: 1,
            strata: Strata::None,
            source: "the lottery".to_owned(),
            public_at: at(300),
        }
    }

    fn drawn(seconds: i64, value: &str) -> Drawn {
        Drawn { at: at(seconds), checkpoint: 1, root: Sha256::of(b"root"), value: value.to_owned() }
    }

    #[test]
    fn the_checkpoint_comes_before_the_value_and_the_draw_after_both() {
        let commitment = commitment();
        assert!(commitment.draw(drawn(300, "7"), at(299)).is_ok());
        assert_eq!(commitment.draw(drawn(299, "7"), at(60)), Err(DrawRefused::TooEarly));
        assert_eq!(commitment.draw(drawn(400, "7"), at(300)), Err(DrawRefused::CheckpointTooLate));
        assert_eq!(commitment.draw(drawn(300, ""), at(60)), Err(DrawRefused::Value));
        let long = "7".repeat(MAX_VALUE_CHARS + 1);
        assert_eq!(commitment.draw(drawn(300, &long), at(60)), Err(DrawRefused::Value));
    }

    #[test]
    fn each_stratum_has_its_share_and_every_seed_another_sample() {
        let frame = frame(&[("heat", 50), ("light", 3), ("water", 47)]);
        let chosen = choose(&frame, 10, &Sha256::of(b"1")).unwrap();
        let of = |name: &str| chosen.iter().filter(|(_, stratum)| stratum == name).count();
        // 5, 0.3 and 4.7: the largest remainder is water's.
        assert_eq!((of("heat"), of("light"), of("water"), chosen.len()), (5, 0, 5, 10));
        assert_eq!(choose(&frame, 10, &Sha256::of(b"1")).unwrap(), chosen);
        assert_ne!(choose(&frame, 10, &Sha256::of(b"2")).unwrap(), chosen);
        // Equal remainders: the first name.
        let even = self::frame(&[("b", 1), ("a", 1)]);
        let one = choose(&even, 1, &Sha256::of(b"1")).unwrap();
        assert_eq!(one.iter().map(|(_, stratum)| stratum.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn all_are_drawn_where_as_many_are_asked_for_and_none_out_of_nothing() {
        let frame = frame(&[("-", 3)]);
        assert_eq!(choose(&frame, 3, &Sha256::of(b"1")).unwrap().len(), 3);
        assert_eq!(choose(&frame, 9, &Sha256::of(b"1")).unwrap().len(), 3);
        assert_eq!(choose("", 3, &Sha256::of(b"1")), Some(Vec::new()));
        assert_eq!(choose("no frame at all", 1, &Sha256::of(b"1")), None);
    }

    #[test]
    fn every_call_is_drawn_about_as_often_as_every_other() {
        let frame = frame(&[("-", 20)]);
        let mut times = BTreeMap::new();
        for n in 0..2_000_u32 {
            for (id, _) in choose(&frame, 5, &Sha256::of(&n.to_be_bytes())).unwrap() {
                *times.entry(id).or_insert(0_u32) += 1;
            }
        }
        // 500 expected with a deviation of 19; the seeds are fixed, so this is no matter of luck.
        assert!(times.len() == 20 && times.values().all(|times| (420..580).contains(times)), "{times:?}");
    }

    #[test]
    fn strata_are_one_word() {
        let call = ScopedCall { offered_at: at(0), category: None, queue: Some("a b\nc".to_owned()) };
        assert_eq!(Strata::Queue.of(&call), "a_b_c");
        assert_eq!(Strata::Category.of(&call), "-");
        assert_eq!(Strata::None.of(&call), "-");
    }
}
