//! Photographs for tests, made here: a scene of soft shapes from a seed, saved as a camera would, with the EXIF segment
//! written byte by byte (TIFF 6.0 layout, tags of Exif 3.0). Also used by the end-to-end tests.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

/// What a camera says of a picture.
#[derive(Clone, Default, Debug)]
pub struct Said {
    /// `2026:11:21 08:30:00`, and its offset.
    pub taken: Option<(String, Option<&'static str>)>,
    /// Degrees.
    pub place: Option<(f64, f64)>,
    /// 1 to 8, as EXIF counts.
    pub orientation: u16,
}

/// A scene that differs wholly from that of another seed.
pub fn scene(seed: u64, width: u32, height: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        // xorshift64: any spread of numbers will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let spots: Vec<[f32; 6]> = (0..14).map(|_| std::array::from_fn(|_| next())).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut colour = [60.0, 60.0, 60.0];
        for [at_x, at_y, size, red, green, blue] in &spots {
            let (dx, dy) = (x - at_x, y - at_y);
            let near = (-(dx * dx + dy * dy) / (0.004 + 0.03 * size)).exp();
            for (channel, strength) in colour.iter_mut().zip([red, green, blue]) {
                *channel += near * 330.0 * (strength - 0.4);
            }
        }
        Rgb(colour.map(|channel: f32| channel.clamp(0.0, 255.0) as u8))
    })
}

pub fn jpeg(picture: &RgbImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture).unwrap();
    bytes
}

pub fn saved(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// The photograph with its EXIF segment behind SOI, where cameras put it.
pub fn photo(picture: &RgbImage, said: &Said) -> Vec<u8> {
    with_exif(&jpeg(picture, 90), said)
}

pub fn with_exif(jpeg: &[u8], said: &Said) -> Vec<u8> {
    let mut body = b"Exif\0\0".to_vec();
    body.extend(tiff(said));
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xff, 0xe1]);
    bytes.extend(u16::try_from(body.len() + 2).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// One tag: number, type, count, and its value if it fits into four bytes, else the bytes it points to.
struct Entry {
    tag: u16,
    kind: u16,
    count: u32,
    value: Vec<u8>,
}

impl Entry {
    fn short(tag: u16, value: u16) -> Self {
        Self { tag, kind: 3, count: 1, value: value.to_be_bytes().to_vec() }
    }

    fn long(tag: u16, value: u32) -> Self {
        Self { tag, kind: 4, count: 1, value: value.to_be_bytes().to_vec() }
    }

    fn ascii(tag: u16, text: &str) -> Self {
        let value = [text.as_bytes(), &[0]].concat();
        Self { tag, kind: 2, count: u32::try_from(value.len()).unwrap(), value }
    }

    /// Degrees, minutes, and seconds to a ten-thousandth.
    fn degrees(tag: u16, degrees: f64) -> Self {
        let whole = degrees.abs();
        let minutes = whole.fract() * 60.0;
        let seconds = (minutes.fract() * 60.0 * 10_000.0).round() as u32;
        let parts = [(whole as u32, 1), (minutes as u32, 1), (seconds, 10_000_u32)];
        let value = parts.iter().flat_map(|(top, bottom)| [top.to_be_bytes(), bottom.to_be_bytes()].concat());
        Self { tag, kind: 5, count: 3, value: value.collect() }
    }
}

/// Big-endian TIFF: IFD 0 with the orientation, then the Exif and the GPS directory.
fn tiff(said: &Said) -> Vec<u8> {
    let mut exif = Vec::new();
    if let Some((civil, offset)) = &said.taken {
        exif.push(Entry::ascii(0x9003, civil));
        exif.extend(offset.map(|offset| Entry::ascii(0x9011, offset)));
    }
    let mut gps = Vec::new();
    if let Some((lat, lon)) = said.place {
        gps.push(Entry::ascii(1, if lat < 0.0 { "S" } else { "N" }));
        gps.push(Entry::degrees(2, lat));
        gps.push(Entry::ascii(3, if lon < 0.0 { "W" } else { "E" }));
        gps.push(Entry::degrees(4, lon));
    }
    let pointers = |at: u32, beyond: u32| {
        vec![
            Entry::short(0x0112, said.orientation.max(1)),
            Entry::long(0x8769, at),
            Entry::long(0x8825, beyond),
        ]
    };
    let first = directory(8, &pointers(0, 0));
    let exif_at = 8 + u32::try_from(first.len()).unwrap();
    let exif = directory(exif_at, &exif);
    let gps_at = exif_at + u32::try_from(exif.len()).unwrap();
    let mut bytes = b"MM\0\x2a\0\0\0\x08".to_vec();
    bytes.extend(directory(8, &pointers(exif_at, gps_at)));
    bytes.extend(exif);
    bytes.extend(directory(gps_at, &gps));
    bytes
}

fn directory(at: u32, entries: &[Entry]) -> Vec<u8> {
    let mut table = u16::try_from(entries.len()).unwrap().to_be_bytes().to_vec();
    let mut beyond = Vec::new();
    let values_at = at + 2 + 12 * u32::try_from(entries.len()).unwrap() + 4;
    for entry in entries {
        table.extend(entry.tag.to_be_bytes());
        table.extend(entry.kind.to_be_bytes());
        table.extend(entry.count.to_be_bytes());
        if entry.value.len() <= 4 {
            let mut value = entry.value.clone();
            value.resize(4, 0);
            table.extend(value);
        } else {
            table.extend((values_at + u32::try_from(beyond.len()).unwrap()).to_be_bytes());
            beyond.extend(&entry.value);
            if beyond.len() % 2 == 1 {
                beyond.push(0);
            }
        }
    }
    table.extend([0; 4]);
    table.extend(beyond);
    table
}
