//! What a picture looks like in 128 bits, so that the same photograph is found again after it was saved anew, made
//! smaller, brighter or stripped. A difference hash: is each spot of a coarse grid darker than its neighbour?
//! Cropped, mirrored or turned copies have other fingerprints; see decision 0021.

use image::DynamicImage;
use image::imageops::{self, FilterType};

/// Bits compared by the index; a copy differs in few of them.
pub const BITS: u32 = 64;
/// Parts of the index: see [`Fingerprint::bands`].
pub const BANDS: usize = 4;
/// The most differing bits the index finds for certain: of 7 spread over four bands, one band has at most one.
pub const MAX_DISTANCE: u32 = 7;
/// Least difference between the darkest and the brightest spot, of 255: below it the bits are noise.
const LEAST_CONTRAST: u8 = 16;
/// Spots on a side: one more than bits, for the last one's neighbour.
const GRID: u32 = 9;

/// Two difference hashes of one picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint {
    /// Each spot with its right neighbour, row by row; what the index knows.
    pub across: u64,
    /// Each spot with the one below; confirms what the index found.
    pub down: u64,
}

impl Fingerprint {
    /// None of a picture that shows next to nothing.
    pub fn of(picture: &DynamicImage) -> Option<Self> {
        let grid = imageops::resize(&picture.to_luma8(), GRID, GRID, FilterType::Triangle);
        let spots = || grid.pixels().map(|spot| spot.0[0]);
        let contrast = spots().max()?.saturating_sub(spots().min()?);
        if contrast < LEAST_CONTRAST {
            return None;
        }
        let spot = |x, y| grid.get_pixel(x, y).0[0];
        let (mut across, mut down) = (0, 0);
        for y in 0..GRID - 1 {
            for x in 0..GRID - 1 {
                across = across << 1 | u64::from(spot(x, y) < spot(x + 1, y));
                down = down << 1 | u64::from(spot(x, y) < spot(x, y + 1));
            }
        }
        Some(Self { across, down })
    }

    /// The four parts of `across`, 16 bits each.
    pub const fn bands(self) -> [u16; BANDS] {
        let a = self.across;
        [(a >> 48) as u16, (a >> 32) as u16, (a >> 16) as u16, a as u16]
    }

    /// What a look-alike within [`MAX_DISTANCE`] has in at least one band: the band itself, or with one bit changed.
    pub fn probes(band: u16) -> impl Iterator<Item = u16> {
        std::iter::once(band).chain((0..u16::BITS).map(move |bit| band ^ (1 << bit)))
    }

    /// Differing bits of [`BITS`] when the other looks like this one within `most`; both hashes must agree.
    pub fn distance_within(self, other: Self, most: u32) -> Option<u32> {
        let across = (self.across ^ other.across).count_ones();
        let down = (self.down ^ other.down).count_ones();
        (across <= most && across + down <= 2 * most).then_some((across + down).div_ceil(2))
    }
}
