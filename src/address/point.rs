//! A place on the earth as a register gives it, and how far two of them are apart within a city.
//! Distances are for people who ask "is it near?", not for surveyors.

use serde::{Deserialize, Serialize};

/// Metres of one degree of latitude.
const METRES_PER_DEGREE: f64 = 111_320.0;
const MICRO: f64 = 1e6;

/// Millionths of a degree, a tenth of a metre: whole numbers compare and store without surprises.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Point {
    pub lat_micro: i32,
    pub lon_micro: i32,
}

impl Point {
    /// None outside of -90 to 90 and -180 to 180.
    pub fn from_degrees(lat: f64, lon: f64) -> Option<Self> {
        let fits = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
        // In range, both products fit into 32 bits.
        fits.then(|| Self {
            lat_micro: (lat * MICRO).round() as i32,
            lon_micro: (lon * MICRO).round() as i32,
        })
    }

    pub fn lat(self) -> f64 {
        f64::from(self.lat_micro) / MICRO
    }

    pub fn lon(self) -> f64 {
        f64::from(self.lon_micro) / MICRO
    }

    /// On a flat earth: within a city the error is far below the width of a house.
    pub fn metres_to(self, other: Self) -> f64 {
        let north = (other.lat() - self.lat()) * METRES_PER_DEGREE;
        let east = (other.lon() - self.lon()) * METRES_PER_DEGREE * self.lat().to_radians().cos();
        north.hypot(east)
    }

    /// The south-western and north-eastern corner of a square that holds everything within `metres`.
    pub fn around(self, metres: f64) -> (Self, Self) {
        let lat = metres / METRES_PER_DEGREE;
        // Near a pole every longitude is near.
        let lon = lat / self.lat().to_radians().cos().max(0.01);
        let corner = |sign: f64| {
            let lat = (self.lat() + sign * lat).clamp(-90.0, 90.0);
            Self::from_degrees(lat, (self.lon() + sign * lon).clamp(-180.0, 180.0)).unwrap_or(self)
        };
        (corner(-1.0), corner(1.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn distances_are_those_of_a_map() {
        let at = |lat, lon| Point::from_degrees(lat, lon).unwrap();
        let metres = at(50.0, 30.0).metres_to(at(50.001, 30.0));
        assert!((metres - 111.3).abs() < 0.5, "{metres}");
        let metres = at(50.0, 30.0).metres_to(at(50.0, 30.001));
        assert!((metres - 71.6).abs() < 0.5, "{metres}");
        let (south_west, north_east) = at(50.0, 30.0).around(300.0);
        assert!((at(50.0, 30.0).metres_to(at(50.0, north_east.lon())) - 300.0).abs() < 1.0);
        assert!(south_west.lat_micro < 50_000_000 && south_west.lon_micro < 30_000_000);
        assert_eq!(Point::from_degrees(91.0, 0.0), None);
        assert_eq!(Point::from_degrees(f64::NAN, 0.0), None);
    }
}
