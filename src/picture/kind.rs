//! What kind of picture a file is, by its first bytes. The name and the type that a browser claims count for nothing.
//! ISO BMFF brands for the HEIF family: ISO/IEC 23008-12, annex B.

use image::ImageFormat;

/// A picture format that is accepted as evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Jpeg,
    Png,
    WebP,
}

/// Why a file is not taken, in words for the person who sent it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unwelcome {
    /// No decoder for it is free of patents, and none in memory-safe code is kept well.
    #[error(
        "this is a HEIC picture: set the camera to 'Most compatible' (JPEG), or send the picture from the page, \
         which makes the telephone convert it"
    )]
    Heic,
    #[error("this is a film: send photographs, JPEG, PNG or WebP")]
    Film,
    #[error("a picture is JPEG, PNG or WebP")]
    Unknown,
}

const HEIF_BRANDS: [&[u8]; 8] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif"];

impl Kind {
    /// JPEG (T.81 B.1.1.3: SOI and the next marker), PNG (its signature), WebP (RIFF container, form WEBP).
    pub fn sniff(bytes: &[u8]) -> Result<Self, Unwelcome> {
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Ok(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Ok(Self::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Ok(Self::WebP)
        } else if bytes.get(4..8) == Some(b"ftyp") {
            let brand = bytes.get(8..12).unwrap_or_default();
            Err(if HEIF_BRANDS.contains(&brand) { Unwelcome::Heic } else { Unwelcome::Film })
        } else {
            Err(Unwelcome::Unknown)
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    pub fn of_content_type(content_type: &str) -> Option<Self> {
        [Self::Jpeg, Self::Png, Self::WebP].into_iter().find(|kind| kind.content_type() == content_type)
    }

    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }

    pub(super) const fn format(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::WebP => ImageFormat::WebP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        assert_eq!(Kind::sniff(b"\xff\xd8\xff\xe0rest"), Ok(Kind::Jpeg));
        assert_eq!(Kind::sniff(b"\x89PNG\r\n\x1a\nrest"), Ok(Kind::Png));
        assert_eq!(Kind::sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Ok(Kind::WebP));
        assert_eq!(Kind::sniff(b"\0\0\0\x18ftypheic\0\0"), Err(Unwelcome::Heic));
        assert_eq!(Kind::sniff(b"\0\0\0\x18ftypmp42\0\0"), Err(Unwelcome::Film));
        for other in [
            &b""[..],
            b"\xff\xd8",
            b"GIF89a",
            b"<svg xmlns=",
            b"RIFF\x10\0\0\0WAVE",
            b"RIFF",
            b"\0\0\0\x18ftyp",
        ] {
            assert!(matches!(Kind::sniff(other), Err(Unwelcome::Unknown | Unwelcome::Film)), "{other:?}");
        }
    }
}
