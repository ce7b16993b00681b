//! What kind of picture an upload is, by its first bytes. The name and the type that a browser claims count for
//! nothing.

/// A picture format that is accepted as evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) enum ImageKind {
    Jpeg,
    Png,
    WebP,
}

impl ImageKind {
    /// JPEG (T.81 B.1.1.3: SOI and the next marker), PNG (its signature), WebP (RIFF container, form WEBP).
    pub(in crate::web) fn sniff(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }

    pub(in crate::web) const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    pub(super) fn of_content_type(content_type: &str) -> Option<Self> {
        [Self::Jpeg, Self::Png, Self::WebP].into_iter().find(|kind| kind.content_type() == content_type)
    }

    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        assert_eq!(ImageKind::sniff(b"\xff\xd8\xff\xe0rest"), Some(ImageKind::Jpeg));
        assert_eq!(ImageKind::sniff(b"\x89PNG\r\n\x1a\nrest"), Some(ImageKind::Png));
        assert_eq!(ImageKind::sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Some(ImageKind::WebP));
        for other in [&b""[..], b"\xff\xd8", b"GIF89a", b"<svg xmlns=", b"RIFF\x10\0\0\0WAVE", b"RIFF"] {
            assert_eq!(ImageKind::sniff(other), None, "{other:?}");
        }
    }
}
