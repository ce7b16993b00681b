//! Copies for the screen: JPEG made from the pixels alone. Nothing the original carried along (place, device, comments,
//! appended files, scripts) gets through, because nothing of it is copied.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageResult, Rgb, RgbImage};

/// Pixels of the longer side: a large screen, half a megabyte.
pub const DISPLAY_SIDE: u32 = 1600;
pub const THUMBNAIL_SIDE: u32 = 320;
/// Of 100; artefacts begin to be seen below.
const QUALITY: u8 = 82;
const WHITE: u32 = 255;

/// At most `side` pixels long; never enlarged.
pub(super) fn reduced(picture: &DynamicImage, side: u32) -> DynamicImage {
    if picture.width() <= side && picture.height() <= side {
        return picture.clone();
    }
    picture.thumbnail(side, side)
}

pub(super) fn small(picture: &DynamicImage) -> DynamicImage {
    reduced(picture, THUMBNAIL_SIDE)
}

/// What is transparent lies on white, as pages show it.
pub(super) fn opaque(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let clear = picture.into_rgba8();
    let (width, height) = clear.dimensions();
    let solid = RgbImage::from_fn(width, height, |x, y| {
        let [red, green, blue, alpha] = clear.get_pixel(x, y).0;
        let over = |colour: u8| {
            let alpha = u32::from(alpha);
            let mixed = (u32::from(colour) * alpha + WHITE * (WHITE - alpha)) / WHITE;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Rgb([over(red), over(green), over(blue)])
    });
    DynamicImage::ImageRgb8(solid)
}

pub(super) fn jpeg(picture: &DynamicImage) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture)?;
    Ok(bytes)
}
