//! What a picture's own statements are worth: compared with the order, the place of the case and the clock, and with
//! every picture that was sent before. The findings are facts for the control desk; nothing is refused for them,
//! because an honest executor's telephone may have no satellite in a cellar.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CaseNumber;
use crate::address::Point;
use crate::calendar::Calendar;
use crate::ids::EvidenceId;
use crate::picture::{Capture, CaptureTime};
use crate::time::Timestamp;

/// Differing bits within one order: before and after show the same place and should look alike; a copy of the same
/// photograph differs by less.
pub const SAME_ORDER_BITS: u32 = 1;

/// `[proof]` of the city plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProofRule {
    /// Metres between the picture's place and the case's, from which on it is `too_far`.
    pub far_metres: u32,
    /// What telephones' clocks and the city's may differ by.
    pub clock_tolerance: Duration,
    /// Differing bits of 64 up to which two pictures look alike; 0 finds saved-again copies only.
    pub alike_bits: u32,
}

impl Default for ProofRule {
    fn default() -> Self {
        Self { far_metres: 200, clock_tolerance: Duration::from_secs(10 * 60), alike_bits: 6 }
    }
}

/// Something the control desk should know before it believes a picture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofFlag {
    /// Taken further from the case's place than the rule allows.
    TooFar,
    /// Taken before the order was issued.
    TooOld,
    /// The picture does not say where it was taken.
    NoPlace,
    /// The picture does not say when it was taken.
    NoTime,
    /// Taken after it was received: somebody's clock is wrong, or was set so.
    InTheFuture,
    /// The very same file was evidence before.
    Reused,
    /// It looks like a picture that was evidence before.
    LookAlike,
}

impl ProofFlag {
    /// What an executor can mend by switching on location and clock; the rest is between the city and itself.
    pub const fn is_for_executors(self) -> bool {
        matches!(self, Self::NoPlace | Self::NoTime)
    }
}

/// The earlier picture that this one repeats.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LookAlike {
    pub evidence: EvidenceId,
    pub case: CaseNumber,
    /// Differing bits of 64; 0 of the very same file.
    pub bits: u32,
    pub is_same_file: bool,
}

/// What was found out about one picture when it came in; never changed afterwards.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProofCheck {
    pub width: u32,
    pub height: u32,
    pub taken_at: Option<Timestamp>,
    pub place: Option<Point>,
    /// Between the picture's place and the case's, where both are known.
    pub distance_m: Option<u32>,
    pub flags: Vec<ProofFlag>,
    pub look_alike: Option<LookAlike>,
}

/// What a picture is held against.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    pub rule: &'a ProofRule,
    /// The city's clock, for cameras that wrote none of their own zone.
    pub clock: &'a Calendar,
    /// Where the case is, when that is known.
    pub site: Option<Point>,
    pub issued_at: Timestamp,
    pub received_at: Timestamp,
}

impl Claim<'_> {
    /// The findings as far as the picture itself tells; what it looks like is added by [`ProofCheck::repeating`].
    pub fn check(&self, capture: &Capture, (width, height): (u32, u32)) -> ProofCheck {
        let taken_at = capture.taken.map(|taken| match taken {
            CaptureTime::Moment(at) => at,
            CaptureTime::Civil(civil) => self.clock.moment_of(civil),
        });
        let distance = capture.place.zip(self.site).map(|(taken, site)| taken.metres_to(site));
        let distance_m = distance.map(|metres| metres.round().clamp(0.0, f64::from(u32::MAX)) as u32);
        let mut flags = Vec::new();
        match taken_at {
            None => flags.push(ProofFlag::NoTime),
            Some(at) if at.plus(self.rule.clock_tolerance) < self.issued_at => flags.push(ProofFlag::TooOld),
            Some(at) if at > self.received_at.plus(self.rule.clock_tolerance) => {
                flags.push(ProofFlag::InTheFuture);
            }
            Some(_) => {}
        }
        if capture.place.is_none() {
            flags.push(ProofFlag::NoPlace);
        }
        if distance_m.is_some_and(|metres| metres > self.rule.far_metres) {
            flags.push(ProofFlag::TooFar);
        }
        ProofCheck { width, height, taken_at, place: capture.place, distance_m, flags, look_alike: None }
    }
}

impl ProofCheck {
    /// With the earlier picture that this one repeats.
    pub fn repeating(mut self, earlier: Option<LookAlike>) -> Self {
        if let Some(earlier) = &earlier {
            let flag = if earlier.is_same_file { ProofFlag::Reused } else { ProofFlag::LookAlike };
            self.flags.push(flag);
        }
        self.look_alike = earlier;
        self
    }

    /// `evidence.checked`: distances, never places, which would be the applicant's address.
    pub fn journal_data(&self, evidence: EvidenceId) -> Value {
        json!({
            "evidence": evidence,
            "flags": self.flags,
            "taken_at": self.taken_at,
            "distance_m": self.distance_m,
            "look_alike": self.look_alike,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HOUR: i64 = 3_600_000_000;
    /// 2026-11-21 06:00 UTC, 08:00 in Kyiv.
    const MORNING: i64 = 1_795_240_800_000_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_micros(MORNING + hours * HOUR)
    }

    fn flags(taken: Option<CaptureTime>, place: Option<(f64, f64)>) -> Vec<ProofFlag> {
        let clock = Calendar::always("Europe/Kyiv").unwrap();
        let point = |(lat, lon)| Point::from_degrees(lat, lon).unwrap();
        let claim = Claim {
            rule: &ProofRule::default(),
            clock: &clock,
            site: Some(point((50.9, 34.8))),
            issued_at: at(0),
            received_at: at(5),
        };
        claim.check(&Capture { taken, place: place.map(point) }, (4, 3)).flags
    }

    #[test]
    fn a_picture_of_the_right_time_and_place_has_no_flags() {
        assert_eq!(flags(Some(CaptureTime::Moment(at(2))), Some((50.9001, 34.8001))), []);
        let civil = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_hms_opt(10, 0, 0).unwrap();
        assert_eq!(
            flags(Some(CaptureTime::Civil(civil)), Some((50.9, 34.8))),
            [],
            "10:00 in Kyiv is 08:00 UTC"
        );
    }

    #[test]
    fn each_limit_counts_from_just_beyond_it() {
        use ProofFlag::{InTheFuture, NoPlace, NoTime, TooFar, TooOld};
        let here = Some((50.9, 34.8));
        let tolerance = Duration::from_secs(600);
        let exactly = |at: Timestamp| Some(CaptureTime::Moment(at));
        assert_eq!(flags(exactly(Timestamp(at(0).0 - 600_000_000)), here), []);
        assert_eq!(flags(exactly(Timestamp(at(0).0 - 600_000_001)), here), [TooOld]);
        assert_eq!(flags(exactly(at(5).plus(tolerance)), here), []);
        assert_eq!(flags(exactly(Timestamp(at(5).plus(tolerance).0 + 1)), here), [InTheFuture]);
        assert_eq!(flags(exactly(at(1)), Some((50.9 + 199.0 / 111_320.0, 34.8))), []);
        assert_eq!(flags(exactly(at(1)), Some((50.9 + 202.0 / 111_320.0, 34.8))), [TooFar]);
        assert_eq!(flags(None, None), [NoTime, NoPlace]);
    }

    #[test]
    fn a_repetition_is_flagged_by_what_it_repeats() {
        let clock = Calendar::always("Europe/Kyiv").unwrap();
        let claim = Claim {
            rule: &ProofRule::default(),
            clock: &clock,
            site: None,
            issued_at: at(0),
            received_at: at(1),
        };
        let capture =
            Capture { taken: Some(CaptureTime::Moment(at(1))), place: Point::from_degrees(1.0, 1.0) };
        let check = claim.check(&capture, (4, 3));
        assert_eq!((check.distance_m, &check.flags[..]), (None, &[][..]), "no place to compare with");
        let earlier = |is_same_file| LookAlike {
            evidence: EvidenceId(uuid::Uuid::nil()),
            case: CaseNumber("2026-01-000001".to_owned()),
            bits: 0,
            is_same_file,
        };
        let flags = |earlier| check.clone().repeating(earlier).flags;
        assert_eq!(flags(None), []);
        assert_eq!(flags(Some(earlier(true))), [ProofFlag::Reused]);
        assert_eq!(flags(Some(earlier(false))), [ProofFlag::LookAlike]);
        let data = check.repeating(Some(earlier(true))).journal_data(EvidenceId(uuid::Uuid::nil()));
        assert_eq!((&data["flags"], data.get("place")), (&json!(["reused"]), None));
    }
}
