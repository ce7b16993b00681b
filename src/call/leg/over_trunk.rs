//! A leg that goes out over a trunk: it holds the trunk's place until it ends, and proves itself with the trunk's
//! credentials. Which trunk, and what comes after a failure, is `switchboard/trunks/route_out.rs`.

use crate::call::leg::Leg;
use crate::call::turn::Turn;
use crate::switchboard::trunks::Route;

impl Leg {
    /// Calls over a trunk, as [`Leg::outgoing`] does without one.
    pub fn over_trunk(route: Route, headers: Vec<(&'static str, String)>, turn: &mut Turn<'_>) -> Self {
        let Route { target, from, flow, credentials, hold, .. } = route;
        let mut leg = Self::outgoing(target, from, headers, flow, turn).with_credentials(credentials);
        leg.trunk_place = Some(hold);
        leg
    }
}
