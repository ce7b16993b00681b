//! Pictures that applicants send: taken for what their content is, measured before they are unpacked, and made small for
//! showing, without what the camera wrote into them. The original is kept as it came.

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use tokio::sync::Semaphore;

use super::super::cases::image::ImageKind;
use super::super::error::ApiError;
use crate::digest::Sha256;

/// A photo of a telephone's camera has 2 to 6 MiB.
pub(in crate::web) const MAX_BYTES: usize = 10 * 1024 * 1024;
/// Of one picture: what telephones take without being told to. 100 MB in memory, and few at once.
const MAX_PIXELS: u64 = 26_000_000;
const MAX_SIDE: u32 = 12_000;
/// Of the shown one: a telephone's screen, twice.
const SHOWN_SIDE: u32 = 1_280;
const SHOWN_QUALITY: u8 = 80;
/// Pictures unpacked at once.
pub(in crate::web) const AT_ONCE: usize = 2;

/// A picture that can be kept and shown.
#[derive(Clone)]
pub(in crate::web) struct Checked {
    pub(in crate::web) content_type: &'static str,
    pub(in crate::web) original: Vec<u8>,
    pub(in crate::web) sha256: Sha256,
    /// JPEG.
    pub(in crate::web) shown: Vec<u8>,
    pub(in crate::web) shown_sha256: Sha256,
}

impl std::fmt::Debug for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checked").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// Checks in its turn, off the async threads.
pub(in crate::web) async fn check(turns: &Arc<Semaphore>, bytes: Vec<u8>) -> Result<Checked, ApiError> {
    let Ok(turn) = turns.clone().try_acquire_owned() else {
        return Err(ApiError::Unavailable("too many pictures at this moment"));
    };
    let checked = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        examine(bytes)
    });
    checked.await.map_err(|error| ApiError::internal("picture check died", &error))?
}

fn examine(original: Vec<u8>) -> Result<Checked, ApiError> {
    let kind = ImageKind::sniff(&original);
    let kind =
        kind.ok_or_else(|| ApiError::UnsupportedMediaType("a picture is JPEG, PNG or WebP".to_owned()))?;
    let shown = shown(&original)?;
    Ok(Checked {
        content_type: kind.content_type(),
        sha256: Sha256::of(&original),
        shown_sha256: Sha256::of(&shown),
        original,
        shown,
    })
}

/// The header is asked first: a small file may promise a picture that fills the memory.
fn shown(original: &[u8]) -> Result<Vec<u8>, ApiError> {
    let broken = |_| ApiError::Unprocessable("the picture cannot be opened".to_owned());
    let reader = ImageReader::new(Cursor::new(original)).with_guessed_format();
    let mut reader =
        reader.map_err(|_| ApiError::Unprocessable("the picture cannot be opened".to_owned()))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_PIXELS * 12);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ApiError::Unprocessable(format!(
            "the picture has {width} x {height} pixels, {MAX_PIXELS} in all are allowed"
        )));
    }
    let turned = decoder.orientation().map_err(broken)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    picture.apply_orientation(turned);
    if picture.width().max(picture.height()) > SHOWN_SIDE {
        picture = picture.thumbnail(SHOWN_SIDE, SHOWN_SIDE);
    }
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, SHOWN_QUALITY);
    picture.to_rgb8().write_with_encoder(encoder).map_err(broken)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use image::{ImageFormat, RgbImage};

    fn saved(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::from_pixel(width, height, image::Rgb([200, 30, 30])).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn pictures_are_made_small_and_lose_what_the_camera_wrote() {
        let mut original = saved(2_000, 1_000, ImageFormat::Jpeg);
        // A comment behind SOI, as a camera's notes stand.
        original.splice(2..2, [0xff, 0xfe, 0, 9].into_iter().chain(*b"50.4501"));
        let checked = examine(original.clone()).unwrap();
        assert_eq!((checked.content_type, &checked.original), ("image/jpeg", &original));
        let shown = image::load_from_memory(&checked.shown).unwrap();
        assert_eq!((shown.width(), shown.height()), (1_280, 640));
        assert!(!checked.shown.windows(7).any(|window| window == b"50.4501"));
        assert!(examine(saved(20, 20, ImageFormat::Png)).is_ok());
        assert!(examine(saved(20, 20, ImageFormat::WebP)).is_ok());
    }

    #[test]
    fn bombs_and_other_files_are_refused() {
        // One colour: 13,000 pixels of a side fit into few bytes.
        let mut bomb = saved(4, 4, ImageFormat::Png);
        bomb[16..24].copy_from_slice(&[0, 0, 0x32, 0xc8, 0, 0, 0x32, 0xc8]);
        for bytes in [bomb, b"\xff\xd8\xff\xe0nothing".to_vec(), saved(6_000, 4_400, ImageFormat::Png)] {
            assert!(matches!(examine(bytes), Err(ApiError::Unprocessable(_))));
        }
        for bytes in [b"GIF89a".to_vec(), b"<svg/>".to_vec(), Vec::new()] {
            assert!(matches!(examine(bytes), Err(ApiError::UnsupportedMediaType(_))));
        }
    }
}
