//! What was found out about a picture, as the API shows it: to the control desk and those who watch over it all of it,
//! to executors what they can mend.

use serde::Serialize;
use utoipa::ToSchema;

use crate::address::Point;
use crate::case::proof::{ProofCheck, ProofFlag};
use crate::people::Role;

use super::super::view::UtcTime;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ProofView {
    /// Pixels.
    width: u32,
    height: u32,
    /// As the camera wrote it.
    taken_at: Option<UtcTime>,
    /// Degrees.
    lat: Option<f64>,
    lon: Option<f64>,
    /// Metres between the picture's place and the case's.
    distance_m: Option<u32>,
    /// `too_far`, `too_old`, `no_place`, `no_time`, `in_the_future`, `reused`, `look_alike`.
    #[schema(value_type = Vec<String>)]
    flags: Vec<ProofFlag>,
    look_alike: Option<LookAlikeView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct LookAlikeView {
    /// Register number of the case it was evidence for.
    case: String,
    evidence: String,
    /// Differing bits of 64.
    bits: u32,
    /// Byte for byte.
    same_file: bool,
}

impl ProofView {
    pub(super) fn new(check: &ProofCheck, role: Role) -> Self {
        let is_executor = role == Role::Executor;
        let is_shown = |flag: &ProofFlag| !is_executor || flag.is_for_executors();
        let earlier = check.look_alike.as_ref().filter(|_| !is_executor);
        Self {
            width: check.width,
            height: check.height,
            taken_at: check.taken_at.map(UtcTime),
            lat: check.place.map(Point::lat),
            lon: check.place.map(Point::lon),
            distance_m: check.distance_m,
            flags: check.flags.iter().copied().filter(is_shown).collect(),
            look_alike: earlier.map(|earlier| LookAlikeView {
                case: earlier.case.to_string(),
                evidence: earlier.evidence.to_string(),
                bits: earlier.bits,
                same_file: earlier.is_same_file,
            }),
        }
    }
}
