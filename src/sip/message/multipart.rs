//! Bodies of several parts (RFC 2046 5.1, RFC 5621): cut at the boundary, each part with its headers.
//!
//! Which part is wanted, and whether one that is not understood may be passed over, is for the reader of the
//! message to say. Parts within parts are not opened.

use super::grammar;
use super::head::{self, Head};
use super::headers::Headers;
use super::parse::Malformed;

/// Most parts of a body. Real ones have two or three: a session description, a picture or a location.
pub const MAX_PARTS: usize = 16;
/// RFC 2046 5.1.1.
const MAX_BOUNDARY_LEN: usize = 70;

const MALFORMED: Malformed = Malformed { what: "multipart body" };

#[derive(Debug)]
pub struct Part<'b> {
    pub headers: Headers,
    pub body: &'b [u8],
}

/// The parts of a body of this Content-Type, in order; text before the first and after the last boundary is
/// no part. An end without its boundary is an error: something was cut off.
pub fn parts<'b>(content_type: &str, body: &'b [u8]) -> Result<Vec<Part<'b>>, Malformed> {
    let boundary = boundary(content_type)?;
    let delimiter = [b"--", boundary.as_bytes()].concat();
    let mut parts = Vec::new();
    let mut begun = None;
    for line in lines(body) {
        let Some(kind) = Delimiter::read(&body[line.clone()], &delimiter) else { continue };
        if let Some(start) = begun.replace(line.end) {
            if parts.len() == MAX_PARTS {
                return Err(MALFORMED);
            }
            parts.push(Part::read(without_line_end(&body[start..line.start.max(start)]))?);
        }
        if kind == Delimiter::Last {
            return Ok(parts);
        }
    }
    Err(MALFORMED)
}

/// The `boundary` parameter (RFC 2046 5.1.1).
fn boundary(content_type: &str) -> Result<String, Malformed> {
    let (_, params) = content_type.split_once(';').ok_or(MALFORMED)?;
    let params = grammar::params(params, MALFORMED.what)?;
    let value = params.find("boundary").ok_or(MALFORMED)?;
    let boundary = grammar::unquote(value).map_or_else(|| value.to_owned(), |(content, _)| content);
    let fits = (1..=MAX_BOUNDARY_LEN).contains(&boundary.len());
    fits.then_some(boundary).ok_or(MALFORMED)
}

/// Every line of `body` with its end.
fn lines(body: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> + use<'_> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next;
        let rest = body.get(start..).filter(|rest| !rest.is_empty())?;
        next = rest.iter().position(|byte| *byte == b'\n').map_or(body.len(), |at| start + at + 1);
        Some(start..next)
    })
}

/// A line that separates parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Delimiter {
    Next,
    Last,
}

impl Delimiter {
    /// White space may follow the boundary (RFC 2046 5.1.1), anything else makes it text.
    fn read(line: &[u8], delimiter: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(delimiter)?;
        let (kind, rest) = match rest.strip_prefix(b"--") {
            Some(rest) => (Self::Last, rest),
            None => (Self::Next, rest),
        };
        rest.trim_ascii().is_empty().then_some(kind)
    }
}

/// The line end before a boundary belongs to the boundary (RFC 2046 5.1.1).
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

impl<'b> Part<'b> {
    /// A part without headers begins with an empty line, one without body may lack it.
    fn read(part: &'b [u8]) -> Result<Self, Malformed> {
        let end = match part {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => head::find_end(part, 0).unwrap_or(part.len()),
        };
        let (head, body) = part.split_at(end);
        // A message's head has a start line before its headers, a part's has not.
        let headers = Head::read(&[b"part\r\n", head].concat())?.headers;
        Ok(Self { headers, body })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TYPE: &str = "multipart/mixed;boundary=\"b 1\"";

    fn bodies(text: &str) -> Result<Vec<(Option<String>, String)>, Malformed> {
        let parts = parts(TYPE, text.as_bytes())?;
        Ok(parts
            .iter()
            .map(|part| {
                let kind = part.headers.first("Content-Type").map(str::to_owned);
                (kind, String::from_utf8_lossy(part.body).into_owned())
            })
            .collect())
    }

    #[test]
    fn parts_are_cut_at_the_boundary_and_nowhere_else() {
        let text = "to be ignored\r\n--b 1\r\nc: application/sdp\r\nContent-Disposition: session\r\n\r\nv=0\r\n\
                    --b 1x\r\n\r\n--b 1 \t\r\n\r\nno headers\r\n--b 1--\r\nthe end --b 1\r\n";
        let expected = [
            (Some("application/sdp".to_owned()), "v=0\r\n--b 1x\r\n".to_owned()),
            (None, "no headers".to_owned()),
        ];
        assert_eq!(bodies(text).unwrap(), expected);
    }

    #[test]
    fn bare_line_feeds_and_empty_parts_are_taken() {
        let text = "--b 1\nContent-Type: text/plain\n\n\n--b 1\n\n--b 1--";
        assert_eq!(
            bodies(text).unwrap(),
            [(Some("text/plain".to_owned()), String::new()), (None, String::new())]
        );
        assert_eq!(
            bodies("--b 1\r\nc: text/plain\r\n--b 1--").unwrap(),
            [(Some("text/plain".to_owned()), String::new())]
        );
        assert_eq!(bodies("--b 1--").unwrap(), []);
    }

    #[test]
    fn what_was_cut_off_or_never_ends_is_refused() {
        for text in ["", "--b 1\r\n\r\nhello", "no boundary"] {
            assert!(bodies(text).is_err(), "{text:?}");
        }
        let many = |count| "--b 1\r\n\r\nx\r\n".repeat(count) + "--b 1--";
        assert_eq!(bodies(&many(MAX_PARTS)).unwrap().len(), MAX_PARTS);
        assert!(bodies(&many(MAX_PARTS + 1)).is_err());
    }

    #[test]
    fn a_boundary_is_needed() {
        let long = format!("multipart/mixed;boundary={}", "b".repeat(MAX_BOUNDARY_LEN + 1));
        for kind in ["multipart/mixed", "multipart/mixed;charset=x", "multipart/mixed;boundary=\"\"", &long] {
            assert!(parts(kind, b"--b\r\n\r\n--b--").is_err(), "{kind}");
        }
        assert_eq!(parts("Multipart/Mixed; Boundary=b", b"--b\r\n\r\n--b--").unwrap().len(), 1);
    }
}
