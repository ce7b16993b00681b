//! Which live calls take a clearance to be told of, and to whom they are told all the same. A call's class is that of its
//! case's category, before there is a case that of the topic chosen. Categories of cases on the line are kept here, so that the
//! picture waits for the store once per case.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::case::CaseNumber;
use crate::case::city::CityPlan;
use crate::ids::{ContactId, UserId};
use crate::store::{Store, User};
use crate::switchboard::Snapshot;
use crate::switchboard::snapshot::LiveCall;

use super::super::access;
use super::view::Reader;

/// A store that takes longer holds the board up for no longer: what is not known is told to nobody else meanwhile.
const STORE_DEADLINE: Duration = Duration::from_millis(200);

/// A clearance that nobody has: of calls whose case could not be looked up.
const UNKNOWN: &str = "";

/// The clearance it takes, by call; calls that are anybody's are not in it.
pub(super) type Classes = HashMap<ContactId, Arc<str>>;

/// Categories of the cases on the line.
#[derive(Debug)]
pub(in crate::web) struct LiveCases {
    categories: Mutex<HashMap<CaseNumber, String>>,
    /// Moves when one of them may have changed.
    moved: watch::Sender<u64>,
}

impl Default for LiveCases {
    fn default() -> Self {
        Self { categories: Mutex::default(), moved: watch::Sender::new(0) }
    }
}

impl LiveCases {
    /// A case has this category from now on. Also kept where it is on no line, until the next look: whoever is looking it
    /// up at this moment must not put the former one over it.
    pub(in crate::web) fn note(&self, number: &CaseNumber, category: &str) {
        let mut categories = self.categories.lock().unwrap_or_else(PoisonError::into_inner);
        if categories.insert(number.clone(), category.to_owned()).as_deref() != Some(category) {
            self.moved.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// The classes of all calls in `snapshot`, as far as their cases are known.
    pub(super) fn classes(&self, snapshot: &Snapshot, plan: &CityPlan) -> Arc<Classes> {
        if plan.privacy_classes().is_empty() {
            return Arc::default();
        }
        let categories = self.categories.lock().unwrap_or_else(PoisonError::into_inner);
        let class = |call: &LiveCall| match &call.case {
            Some(case) => categories.get(case).map_or(Some(UNKNOWN), |category| plan.privacy_class(category)),
            None => plan.privacy_class(plan.topic_categories().get(call.topic.as_ref()?)?),
        };
        Arc::new(snapshot.calls.iter().filter_map(|call| Some((call.id, class(call)?.into()))).collect())
    }

    /// Looks up the cases that came to a line, and forgets those that left.
    pub(super) async fn learn(&self, snapshot: &Snapshot, store: &Store) {
        let live: HashSet<&CaseNumber> =
            snapshot.calls.iter().filter_map(|call| call.case.as_ref()).collect();
        let new: Vec<CaseNumber> = {
            let mut categories = self.categories.lock().unwrap_or_else(PoisonError::into_inner);
            categories.retain(|number, _| live.contains(number));
            live.iter().filter(|number| !categories.contains_key(**number)).map(|it| (*it).clone()).collect()
        };
        if new.is_empty() {
            return;
        }
        match tokio::time::timeout(STORE_DEADLINE, store.categories_of(&new)).await {
            Ok(Ok(found)) => {
                let mut categories = self.categories.lock().unwrap_or_else(PoisonError::into_inner);
                for (number, category) in found {
                    categories.entry(number).or_insert(category);
                }
            }
            Ok(Err(error)) => tracing::warn!(%error, "categories of live cases are not known"),
            Err(_) => tracing::warn!("categories of live cases are not known in time"),
        }
    }
}

/// Who looks at the picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Viewer {
    pub(super) reader: Reader,
    pub(super) user: UserId,
    pub(super) clearances: Vec<String>,
}

impl Viewer {
    pub(super) fn new(user: &User) -> Self {
        Self { reader: Reader::of(user.role), user: user.id, clearances: user.clearances.clone() }
    }

    /// Whether this person is told who calls and what about. Whom the call rings, who talks and who was let in must know, as
    /// they hear it anyway.
    pub(super) fn is_told(&self, call: &LiveCall, class: Option<&Arc<str>>) -> bool {
        let Some(class) = class else { return true };
        access::is_cleared(&self.clearances, class)
            || call.operator == Some(self.user)
            || call.also_ringing.contains(&self.user)
            || call.transfer_to == Some(self.user)
            || call.supervisors.iter().any(|supervisor| supervisor.user == self.user)
    }
}
