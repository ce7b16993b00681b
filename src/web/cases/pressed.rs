//! What an executor's telephone says beside a step of the work: when the button was pressed, which is earlier than the
//! arrival when there was no signal, and where. Both go into the entry of the step as statements, with its own moment
//! the server's.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::address::Point;
use crate::case::{Case, CaseEvent};

use super::super::view::UtcTime;

/// A step without words: accepted, on site.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Step {
    /// When it was pressed, by the telephone's clock.
    pub(super) pressed_at: Option<UtcTime>,
    pub(super) place: Option<Standing>,
}

/// Where somebody stands.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Standing {
    /// Degrees.
    lat: f64,
    lon: f64,
    /// Metres by which it may be wrong.
    accuracy_m: Option<f64>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Declined {
    /// Why, in words.
    pub(super) reason: String,
    pub(super) pressed_at: Option<UtcTime>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct WorkDone {
    /// What was done, in words.
    pub(super) result: String,
    pub(super) pressed_at: Option<UtcTime>,
}

impl Step {
    /// Text that two different steps do not share.
    pub(super) fn digest(&self) -> String {
        format!("{self:?}")
    }

    /// For the journal: how far from `site` it was pressed. Never where, which would be the applicant's address.
    pub(super) fn facts(&self, site: Option<Point>) -> Map<String, Value> {
        let mut facts = Map::new();
        if let Some(UtcTime(at)) = self.pressed_at {
            facts.insert("pressed_at".to_owned(), json!(at));
        }
        if let Some(standing) = self.place {
            let here = Point::from_degrees(standing.lat, standing.lon);
            let distance = here.zip(site).map(|(here, site)| metres(here.metres_to(site)));
            facts.insert("distance_m".to_owned(), json!(distance));
            facts.insert("accuracy_m".to_owned(), json!(standing.accuracy_m.map(metres)));
        }
        facts
    }
}

fn metres(metres: f64) -> u32 {
    metres.round().clamp(0.0, f64::from(u32::MAX)) as u32
}

pub(super) fn site_of(case: &Case) -> Option<Point> {
    case.place.as_ref()?.site.as_ref()?.point
}

/// The step's own entry, which is the `wo.` one, with the facts.
pub(super) fn noted(
    (case, mut events): (Case, Vec<CaseEvent>),
    facts: &Map<String, Value>,
) -> (Case, Vec<CaseEvent>) {
    let step = events.iter_mut().find(|event| event.name.starts_with("wo."));
    if let Some(Value::Object(data)) = step.map(|event| &mut event.data) {
        data.extend(facts.clone());
    }
    (case, events)
}
