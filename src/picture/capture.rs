//! When and where a picture was taken, as the camera wrote it (Exif 3.0, CIPA DC-008). Anybody can write anything
//! there: it is a statement to be compared, never a proof. What it is compared with is `case/proof.rs`.

use chrono::{DateTime, NaiveDateTime, Utc};
use exif::{Exif, Field, In, Reader, Tag, Value};

use crate::address::Point;
use crate::time::Timestamp;

/// `2026:11:21 08:30:00`.
const CIVIL: &str = "%Y:%m:%d %H:%M:%S";
/// Seconds east of Greenwich that a clock on earth can be set to: 14 hours.
const MAX_OFFSET_SECS: i32 = 14 * 3600;

/// A moment as the camera knew it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CaptureTime {
    /// With its offset from UTC, or by satellite.
    Moment(Timestamp),
    /// By the camera's clock on the wall, wherever that hung.
    Civil(NaiveDateTime),
}

/// What the camera says of one picture.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Capture {
    pub taken: Option<CaptureTime>,
    pub place: Option<Point>,
}

impl Capture {
    /// `exif` begins with its TIFF header. What cannot be read is not there.
    pub fn read(exif: Vec<u8>) -> Self {
        let mut reader = Reader::new();
        reader.continue_on_error(true);
        let read = reader.read_raw(exif).or_else(|error| error.distill_partial_result(|_| {}));
        read.map(|exif| Self { taken: taken(&exif), place: place(&exif) }).unwrap_or_default()
    }
}

fn taken(exif: &Exif) -> Option<CaptureTime> {
    let civil = |tag| NaiveDateTime::parse_from_str(text(exif, tag)?, CIVIL).ok();
    let by_clock = civil(Tag::DateTimeOriginal).or_else(|| civil(Tag::DateTimeDigitized));
    let offset = text(exif, Tag::OffsetTimeOriginal).and_then(offset_secs);
    match (by_clock, offset) {
        (Some(civil), Some(offset)) => {
            let utc = civil.checked_sub_signed(chrono::TimeDelta::seconds(i64::from(offset)))?;
            Some(CaptureTime::Moment(Timestamp::from_utc(utc.and_utc())))
        }
        // By satellite when the camera's own clock has no zone: that is UTC by definition.
        (civil, None) => by_satellite(exif).or_else(|| civil.map(CaptureTime::Civil)),
        (None, Some(_)) => by_satellite(exif),
    }
}

fn by_satellite(exif: &Exif) -> Option<CaptureTime> {
    let date = chrono::NaiveDate::parse_from_str(text(exif, Tag::GPSDateStamp)?, "%Y:%m:%d").ok()?;
    let [hours, minutes, seconds] = thirds(exif, Tag::GPSTimeStamp)?;
    let within = |value: f64, end: f64| (0.0..end).contains(&value).then_some(value as u32);
    let time = date.and_hms_opt(within(hours, 24.0)?, within(minutes, 60.0)?, within(seconds, 60.0)?)?;
    let moment: DateTime<Utc> = time.and_utc();
    Some(CaptureTime::Moment(Timestamp::from_utc(moment)))
}

fn place(exif: &Exif) -> Option<Point> {
    let degrees = |value, reference, negative: &str| {
        let [degrees, minutes, seconds] = thirds(exif, value)?;
        let size = degrees + minutes / 60.0 + seconds / 3600.0;
        Some(if text(exif, reference)?.eq_ignore_ascii_case(negative) { -size } else { size })
    };
    let lat = degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, "S")?;
    let lon = degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, "W")?;
    // Cameras without a fix write zeros; nobody has a city in the Gulf of Guinea's open sea.
    Point::from_degrees(lat, lon).filter(|point| point.lat_micro != 0 || point.lon_micro != 0)
}

/// `+02:00`; none of what is no offset.
fn offset_secs(text: &str) -> Option<i32> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let secs = i32::from(hours) * 3600 + i32::from(minutes) * 60;
    (minutes < 60 && secs <= MAX_OFFSET_SECS).then_some(sign * secs)
}

fn text(exif: &Exif, tag: Tag) -> Option<&str> {
    match &field(exif, tag)?.value {
        Value::Ascii(lines) => std::str::from_utf8(lines.first()?).ok().map(str::trim),
        _ => None,
    }
}

/// Degrees, minutes, seconds; or hours, minutes, seconds.
fn thirds(exif: &Exif, tag: Tag) -> Option<[f64; 3]> {
    let Value::Rational(parts) = &field(exif, tag)?.value else { return None };
    let [first, second, third] = parts[..] else { return None };
    let of = |part: exif::Rational| (part.denom != 0).then(|| part.to_f64());
    Some([of(first)?, of(second)?, of(third)?])
}

fn field(exif: &Exif, tag: Tag) -> Option<&Field> {
    exif.get_field(tag, In::PRIMARY)
}
