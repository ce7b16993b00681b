//! `[[queue]]`: how callers wait and operators are rung.
//! Seconds and their ranges; they come into force in `acd/`. Which operator
//! serves which queue stands with the user.

use std::time::Duration;

use serde::Deserialize;

use crate::acd::QueueSettings;

use super::checks::within;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Queue {
    /// As the dialplan names it.
    pub name: String,
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
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            name: "city".to_owned(),
            extension: None,
            capacity: 50,
            no_answer_secs: 20,
            wrap_up_secs: 30,
            announce_secs: 45,
            relax_language_secs: 120,
        }
    }
}

/// The queues of the shipped dialplan.
pub(super) fn shipped() -> Vec<Queue> {
    ["city", "emergency", "duty"].map(|name| Queue { name: name.to_owned(), ..Queue::default() }).to_vec()
}

impl Queue {
    pub fn settings(&self) -> QueueSettings {
        QueueSettings {
            name: self.name.clone(),
            capacity: usize::try_from(self.capacity).unwrap_or(usize::MAX),
            ring_timeout: Duration::from_secs(self.no_answer_secs),
            wrap_up: Duration::from_secs(self.wrap_up_secs),
            announce_every: Duration::from_secs(self.announce_secs),
            relax_language_after: Duration::from_secs(self.relax_language_secs),
        }
    }
}
