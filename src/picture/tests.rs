//! Pictures as cameras make them, as people pass them on, and as somebody who means harm would. All of them are made
//! by `samples.rs`, from a seed.

#![allow(clippy::unwrap_used, clippy::panic)]

use image::{DynamicImage, ImageFormat, Rgb, RgbImage, imageops};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::samples::{Said, jpeg, photo, saved, scene, with_exif};
use super::{Capture, CaptureTime, Fingerprint, Header, Kind, Unreadable, examine, fingerprint, rendition};
use crate::address::Point;
use crate::time::Timestamp;

fn said() -> Said {
    Said {
        taken: Some(("2026:11:21 08:30:00".to_owned(), Some("+02:00"))),
        place: Some((50.907_7, 34.798_1)),
        orientation: 1,
    }
}

#[test]
fn what_the_camera_wrote_is_read_and_not_passed_on() {
    let bytes = photo(&scene(1, 640, 480), &said());
    let picture = examine(Kind::Jpeg, &bytes).unwrap();
    assert_eq!((picture.width, picture.height), (640, 480));
    let taken = chrono::DateTime::parse_from_rfc3339("2026-11-21T08:30:00+02:00").unwrap();
    assert_eq!(picture.capture.taken, Some(CaptureTime::Moment(Timestamp::from_utc(taken.to_utc()))));
    let place = picture.capture.place.unwrap();
    assert!(place.metres_to(Point::from_degrees(50.907_7, 34.798_1).unwrap()) < 1.0, "{place:?}");
    for copy in [&picture.display, &picture.thumbnail] {
        assert!(!copy.windows(4).any(|four| four == b"Exif"), "metadata came through");
        assert_eq!(examine(Kind::Jpeg, copy).unwrap().capture, Capture::default());
    }
    assert_eq!(Header::read(Kind::Jpeg, &picture.thumbnail).unwrap().width, rendition::THUMBNAIL_SIDE);
}

#[test]
fn times_without_a_zone_and_places_beyond_the_line_are_read() {
    let read = |said: Said| examine(Kind::Jpeg, &photo(&scene(1, 64, 48), &said)).unwrap().capture;
    let civil = read(Said { taken: Some(("2026:11:21 08:30:00".to_owned(), None)), ..Said::default() });
    assert!(matches!(civil.taken, Some(CaptureTime::Civil(at)) if at.to_string() == "2026-11-21 08:30:00"));
    let south = read(Said { place: Some((-33.9, -70.5)), ..Said::default() }).place.unwrap();
    assert!((south.lat() + 33.9).abs() < 1e-4 && (south.lon() + 70.5).abs() < 1e-4, "{south:?}");
    for nonsense in ["0000:00:00 00:00:00", "yesterday", "2026:13:41 25:61:61", ""] {
        let said = Said { taken: Some((nonsense.to_owned(), Some("+99:99"))), ..Said::default() };
        assert_eq!(read(said).taken, None, "{nonsense}");
    }
    assert_eq!(read(Said { place: Some((0.0, 0.0)), ..Said::default() }).place, None, "no fix");
}

#[test]
fn pictures_stand_the_way_the_camera_was_held() {
    let mut upright = RgbImage::from_pixel(40, 20, Rgb([20, 20, 20]));
    imageops::replace(&mut upright, &RgbImage::from_pixel(40, 6, Rgb([240, 240, 240])), 0, 0);
    // Held with its right side up: what is stored is turned left, and 6 says "turn it right".
    let stored = imageops::rotate270(&upright);
    let bytes = photo(&stored, &Said { orientation: 6, ..Said::default() });
    let picture = examine(Kind::Jpeg, &bytes).unwrap();
    assert_eq!((picture.width, picture.height), (40, 20));
    let shown = image::load_from_memory(&picture.display).unwrap().into_luma8();
    assert!(shown.get_pixel(20, 2).0[0] > 200 && shown.get_pixel(20, 17).0[0] < 60, "upside down");
}

#[test]
fn a_copy_is_known_after_it_was_saved_anew_made_smaller_or_brighter() {
    let original = scene(7, 1200, 900);
    let of = |bytes: &[u8], kind| examine(kind, bytes).unwrap().fingerprint.unwrap();
    let known = of(&jpeg(&original, 92), Kind::Jpeg);
    let smaller = imageops::resize(&original, 500, 375, imageops::FilterType::Lanczos3);
    let brighter = DynamicImage::ImageRgb8(original.clone()).brighten(18).into_rgb8();
    let copies = [
        of(&jpeg(&original, 40), Kind::Jpeg),
        of(&jpeg(&smaller, 75), Kind::Jpeg),
        of(&jpeg(&brighter, 85), Kind::Jpeg),
        of(&saved(&original, ImageFormat::Png), Kind::Png),
        of(&saved(&original, ImageFormat::WebP), Kind::WebP),
        of(&with_exif(&jpeg(&original, 70), &said()), Kind::Jpeg),
    ];
    for (at, copy) in copies.into_iter().enumerate() {
        assert!(known.distance_within(copy, 4).is_some(), "copy {at}");
    }
}

#[test]
fn different_scenes_do_not_look_alike() {
    let prints: Vec<_> = (0..400)
        .map(|seed| Fingerprint::of(&DynamicImage::ImageRgb8(scene(seed + 1, 64, 48))).unwrap())
        .collect();
    let alike =
        |one: usize| (0..one).filter(move |other| prints[one].distance_within(prints[*other], 6).is_some());
    let confused: usize = (0..400).map(|one| alike.clone()(one).count()).sum();
    assert_eq!(confused, 0, "of 79,800 pairs");
}

#[test]
fn next_to_nothing_has_no_fingerprint() {
    for colour in [0, 128, 255] {
        let plain = RgbImage::from_fn(300, 200, |x, _| Rgb([colour, colour, (x % 3) as u8]));
        assert_eq!(examine(Kind::Jpeg, &jpeg(&plain, 90)).unwrap().fingerprint, None);
    }
}

/// Pigeon-hole: whatever 7 bits differ, one band differs in at most one.
#[test]
fn the_index_misses_nothing_within_its_distance() {
    let mut random = StdRng::seed_from_u64(21);
    for round in 0..20_000 {
        let one = Fingerprint { across: random.random(), down: 0 };
        let mut other = one;
        for _ in 0..round % (fingerprint::MAX_DISTANCE + 1) {
            other.across ^= 1 << random.random_range(0..fingerprint::BITS);
        }
        let bands = one.bands().into_iter().zip(other.bands());
        let is_found =
            bands.into_iter().any(|(one, other)| Fingerprint::probes(one).any(|probe| probe == other));
        assert!(is_found, "{:x} {:x}", one.across, other.across);
    }
}

/// A PNG that says `width` x `height` and holds nothing.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    let crc = chunk.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    });
    bytes.extend(chunk);
    bytes.extend((!crc).to_be_bytes());
    bytes.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
    bytes
}

#[test]
fn bombs_are_refused_by_their_headers() {
    for (width, height) in [(10_000, 10_000), (60_000, 2), (u32::MAX >> 1, u32::MAX >> 1), (20_001, 1)] {
        let refused = Header::read(Kind::Png, &png_header(width, height)).unwrap_err();
        assert!(
            matches!(refused, Unreadable::TooManyPixels { .. } | Unreadable::Broken(_)),
            "{width} x {height}: {refused:?}"
        );
    }
    let allowed = Header::read(Kind::Png, &png_header(8_192, 6_144)).unwrap();
    assert!(allowed.cost() < 600 * 1024 * 1024, "{}", allowed.cost());
    // SOF0 of a small photograph made to say 65,500 x 65,500.
    let mut lying = jpeg(&scene(1, 64, 48), 90);
    let at = lying.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    lying[at + 5..at + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    assert!(matches!(
        Header::read(Kind::Jpeg, &lying),
        Err(Unreadable::TooManyPixels { width: 65_500, height: 65_500 })
    ));
    let deep = image::ImageBuffer::from_pixel(20, 20, image::Rgb([1_u16, 2, 3]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    DynamicImage::ImageRgb16(deep).write_to(&mut bytes, ImageFormat::Png).unwrap();
    assert_eq!(Header::read(Kind::Png, bytes.get_ref()).unwrap_err(), Unreadable::TooDeep);
}

/// Cut anywhere, changed anywhere, or pure noise: a picture or a reason, never a panic.
#[test]
fn broken_files_are_answered_not_died_of() {
    let mut random = StdRng::seed_from_u64(4);
    let whole = scene(3, 96, 64);
    let seeds = [
        (Kind::Jpeg, photo(&whole, &said())),
        (Kind::Png, saved(&whole, ImageFormat::Png)),
        (Kind::WebP, saved(&whole, ImageFormat::WebP)),
    ];
    for (kind, seed) in &seeds {
        for cut in (0..seed.len()).step_by(1 + seed.len() / 300) {
            let _ = examine(*kind, &seed[..cut]);
        }
        for _ in 0..1_000 {
            let mut bytes = seed.clone();
            for _ in 0..random.random_range(1..6) {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
            let _ = examine(*kind, &bytes);
        }
        for length in 0..200 {
            let mut noise = seed[..seed.len().min(24)].to_vec();
            noise.extend((0..length * 5).map(|_| random.random::<u8>()));
            let _ = examine(*kind, &noise);
        }
    }
    for length in 0..2_000 {
        let noise = (0..length).map(|_| random.random::<u8>()).collect();
        assert_eq!(Capture::read(noise).place, None);
    }
}
