//! `[[queue]]`: how callers wait and operators are rung.
//! Seconds and their ranges; they come into force in `acd/`. Which operator
//! serves which queue stands with the user.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::json;

use crate::acd::{MAX_SKILL_LEVEL, QueueSettings, Strategy, SurgeLimits};
use crate::web::QueueInForce;

use super::checks::within;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// As the dialplan names it.
    pub name: String,
    /// Who is rung for a caller.
    pub strategy: Strategy,
    /// "progressive": seconds until one more phone rings, 1 to 60.
    #[serde(deserialize_with = "within::<1, 60, _>")]
    pub ring_another_secs: u64,
    /// Seconds by which its callers go before others, 0 to 3,600.
    #[serde(deserialize_with = "within::<0, 3_600, _>")]
    pub head_start_secs: u64,
    /// Dialled from an operator's phone to transfer a caller here, beside the name; none unless given.
    pub extension: Option<String>,
    /// Most callers waiting at once, 1 to 1,000.
    #[serde(deserialize_with = "within::<1, 1_000, _>")]
    pub capacity: u64,
    /// Seconds an operator's phone rings before the next one is tried, 3 to 120.
    #[serde(deserialize_with = "within::<3, 120, _>")]
    pub no_answer_secs: u64,
    /// Seconds after a call in which no other is offered, 0 to 600.
    #[serde(deserialize_with = "within::<0, 600, _>")]
    pub wrap_up_secs: u64,
    /// Seconds between two announcements of the place in the queue, 10 to 600.
    #[serde(deserialize_with = "within::<10, 600, _>")]
    pub announce_secs: u64,
    /// After so many seconds an operator without the caller's language may answer, 0 to 3,600.
    #[serde(deserialize_with = "within::<0, 3_600, _>")]
    pub relax_language_secs: u64,
    /// Skills its operators must have, and at what level, 1 to 5.
    #[serde(deserialize_with = "skills")]
    pub skills: BTreeMap<String, u8>,
    /// After each so many seconds one level less of each skill will do, 0 for never, to 3,600.
    #[serde(deserialize_with = "within::<0, 3_600, _>")]
    pub relax_skills_secs: u64,
    /// After so many seconds a caller takes the dialplan's way for a full queue, 0 for never, to 7,200.
    #[serde(deserialize_with = "within::<0, 7_200, _>")]
    pub max_wait_secs: u64,
    /// Who would wait for longer takes that way at once, 0 for never, to 7,200.
    #[serde(deserialize_with = "within::<0, 7_200, _>")]
    pub max_expected_wait_secs: u64,
    /// So many callers in a minute are a surge, 0 for never, to 3,000.
    #[serde(deserialize_with = "within::<0, 3_000, _>")]
    pub surge_per_minute: u64,
    /// So is a caller who has waited for so many seconds, 0 for never, to 7,200.
    #[serde(deserialize_with = "within::<0, 7_200, _>")]
    pub surge_wait_secs: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            name: "city".to_owned(),
            strategy: Strategy::default(),
            ring_another_secs: 5,
            head_start_secs: 0,
            extension: None,
            capacity: 50,
            no_answer_secs: 20,
            wrap_up_secs: 30,
            announce_secs: 45,
            relax_language_secs: 120,
            skills: BTreeMap::new(),
            relax_skills_secs: 60,
            max_wait_secs: 0,
            max_expected_wait_secs: 0,
            surge_per_minute: 0,
            surge_wait_secs: 0,
        }
    }
}

/// The queues of the shipped dialplan.
pub(super) fn shipped() -> Vec<Queue> {
    ["city", "emergency", "duty"].map(|name| Queue { name: name.to_owned(), ..Queue::default() }).to_vec()
}

impl Queue {
    /// Every key but the name, as the file writes it.
    pub fn described(&self) -> QueueInForce {
        let keys: Vec<(&'static str, serde_json::Value)> = vec![
            ("strategy", json!(self.strategy)),
            ("extension", json!(self.extension)),
            ("capacity", json!(self.capacity)),
            ("no_answer_secs", json!(self.no_answer_secs)),
            ("wrap_up_secs", json!(self.wrap_up_secs)),
            ("announce_secs", json!(self.announce_secs)),
            ("head_start_secs", json!(self.head_start_secs)),
            ("ring_another_secs", json!(self.ring_another_secs)),
            ("relax_language_secs", json!(self.relax_language_secs)),
            ("skills", json!(self.skills)),
            ("relax_skills_secs", json!(self.relax_skills_secs)),
            ("max_wait_secs", json!(self.max_wait_secs)),
            ("max_expected_wait_secs", json!(self.max_expected_wait_secs)),
            ("surge_per_minute", json!(self.surge_per_minute)),
            ("surge_wait_secs", json!(self.surge_wait_secs)),
        ];
        QueueInForce { name: self.name.clone(), keys }
    }

    pub fn settings(&self) -> QueueSettings {
        QueueSettings {
            name: self.name.clone(),
            strategy: self.strategy,
            ring_another_after: Duration::from_secs(self.ring_another_secs),
            head_start: Duration::from_secs(self.head_start_secs),
            capacity: usize::try_from(self.capacity).unwrap_or(usize::MAX),
            ring_timeout: Duration::from_secs(self.no_answer_secs),
            wrap_up: Duration::from_secs(self.wrap_up_secs),
            announce_every: Duration::from_secs(self.announce_secs),
            relax_language_after: Duration::from_secs(self.relax_language_secs),
            skills: self.skills.clone(),
            relax_skills_every: unless_zero(self.relax_skills_secs),
            max_wait: unless_zero(self.max_wait_secs),
            max_expected_wait: unless_zero(self.max_expected_wait_secs),
            surge: SurgeLimits {
                arrivals: usize::try_from(self.surge_per_minute).ok().filter(|limit| *limit > 0),
                wait: unless_zero(self.surge_wait_secs),
            },
        }
    }
}

/// Levels outside of the scale would never be reached, or always.
fn skills<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u8>, D::Error> {
    let skills = BTreeMap::<String, u8>::deserialize(deserializer)?;
    match skills.iter().find(|(_, level)| !(1..=MAX_SKILL_LEVEL).contains(level)) {
        Some((skill, level)) => Err(serde::de::Error::custom(format!(
            "{level} is no level of '{skill}': they go from 1 to {MAX_SKILL_LEVEL}"
        ))),
        None => Ok(skills),
    }
}

fn unless_zero(secs: u64) -> Option<Duration> {
    (secs > 0).then(|| Duration::from_secs(secs))
}
