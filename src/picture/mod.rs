//! Pictures people send as evidence: what kind of file it is (by content), what the camera wrote into it, what it looks
//! like, and copies that are safe to show. Total: bytes in, facts or a reason out; no clock, no file, no network.
//!
//! A picture is taken apart only when its header promises to fit [`MAX_PIXELS`]; what that costs is [`Header::cost`].

pub mod capture;
pub mod fingerprint;
pub mod kind;
pub mod rendition;
#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod tests;

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits, metadata::Orientation};

pub use capture::{Capture, CaptureTime};
pub use fingerprint::Fingerprint;
pub use kind::{Kind, Unwelcome};

/// The largest sensors in telephones have 50 million pixels (8,192 x 6,144), those above send files larger than any
/// limit of ours.
pub const MAX_PIXELS: u64 = 52_000_000;
/// Pixels of one side; a panorama is longer than wide.
const MAX_SIDE: u32 = 20_000;
/// Bytes of a pixel in memory: red, green, blue, and transparency where there is one. Deeper ones are no photographs.
const MAX_PIXEL_BYTES: u64 = 4;
/// What a decoder may take beside the pixels: a progressive JPEG keeps its coefficients until the end.
const WORKING_FACTOR: u64 = 3;
/// What the camera wrote beside the picture; a segment of JPEG has 64 KiB, other files may claim anything.
const MAX_EXIF_BYTES: usize = 1024 * 1024;

/// Why a file that begins like a picture is none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the picture cannot be opened: {0}")]
    Broken(String),
    #[error(
        "the picture has {width} x {height} pixels, {MAX_PIXELS} in all and {MAX_SIDE} on a side are allowed"
    )]
    TooManyPixels { width: u32, height: u32 },
    #[error("the picture has more than 8 bits a colour: no camera of a telephone makes such files")]
    TooDeep,
}

/// What the first bytes promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub width: u32,
    pub height: u32,
    pixel_bytes: u64,
}

/// All that is known of a picture once it was looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Picture {
    /// As shown, which is after turning it the way the camera was held.
    pub width: u32,
    pub height: u32,
    pub capture: Capture,
    /// None of a picture that shows next to nothing: black, white, fog.
    pub fingerprint: Option<Fingerprint>,
    /// JPEG of the whole picture without anything but its pixels, at most [`rendition::DISPLAY_SIDE`] long.
    pub display: Vec<u8>,
    /// The same, small.
    pub thumbnail: Vec<u8>,
}

impl Header {
    /// Reads the header and refuses what is too large to be taken apart.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn read(kind: Kind, bytes: &[u8]) -> Result<Self, Unreadable> {
        let decoder = open(kind, bytes)?;
        let (width, height) = decoder.dimensions();
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Unreadable::Broken("it has no pixels".to_owned()));
        }
        if pixels > MAX_PIXELS || width > MAX_SIDE || height > MAX_SIDE {
            return Err(Unreadable::TooManyPixels { width, height });
        }
        let pixel_bytes = decoder.total_bytes().div_ceil(pixels);
        if pixel_bytes > MAX_PIXEL_BYTES {
            return Err(Unreadable::TooDeep);
        }
        Ok(Self { width, height, pixel_bytes })
    }

    /// Bytes of memory that looking at the picture takes at most, about.
    pub const fn cost(self) -> u64 {
        self.width as u64 * self.height as u64 * self.pixel_bytes * WORKING_FACTOR
    }
}

/// Looks at a picture. Takes some 100 ms for 12 million pixels; never on a thread that others wait for.
///
/// # Errors
/// See [`Unreadable`].
pub fn examine(kind: Kind, bytes: &[u8]) -> Result<Picture, Unreadable> {
    let header = Header::read(kind, bytes)?;
    let mut decoder = open(kind, bytes)?;
    // Metadata that cannot be read are metadata that are not there.
    let exif = decoder.exif_metadata().ok().flatten().filter(|exif| exif.len() <= MAX_EXIF_BYTES);
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let whole = DynamicImage::from_decoder(decoder).map_err(|error| broken(&error))?;
    // Turned when it is small: turning copies.
    let mut small = rendition::reduced(&whole, rendition::DISPLAY_SIDE);
    drop(whole);
    small.apply_orientation(orientation);
    let is_turned = matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    );
    let (width, height) =
        if is_turned { (header.height, header.width) } else { (header.width, header.height) };
    let shown = rendition::opaque(small);
    let thumbnail = rendition::small(&shown);
    Ok(Picture {
        width,
        height,
        capture: exif.map(Capture::read).unwrap_or_default(),
        fingerprint: Fingerprint::of(&shown),
        display: rendition::jpeg(&shown).map_err(|error| broken(&error))?,
        thumbnail: rendition::jpeg(&thumbnail).map_err(|error| broken(&error))?,
    })
}

fn open(kind: Kind, bytes: &[u8]) -> Result<impl ImageDecoder + '_, Unreadable> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind.format());
    let mut limits = Limits::default();
    limits.max_image_width = None;
    limits.max_image_height = None;
    limits.max_alloc = Some(MAX_PIXELS * MAX_PIXEL_BYTES * WORKING_FACTOR);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| broken(&error))
}

fn broken(error: &image::ImageError) -> Unreadable {
    Unreadable::Broken(error.to_string())
}
