//! The head of a message: where it ends, its start line, its header lines unfolded (RFC 3261 7.3.1).
//! Lines may end in a bare LF; bytes that are no UTF-8 become replacement characters, so that one name in an
//! old code page does not lose the message; control characters become spaces; lines that are
//! no header are skipped (RFC 3261 8.2).

use super::grammar;
use super::headers::Headers;
use super::parse::Malformed;

/// Most header lines of a message. Real ones have 10 to 40; a message of empty headers should not cost more
/// than the bytes it came in.
pub(super) const MAX_HEADER_LINES: usize = 256;

/// Start line and headers, not yet understood.
#[derive(Debug)]
pub(super) struct Head {
    pub start: String,
    /// Every header, the typed ones too.
    pub headers: Headers,
}

/// The length of the head with its empty line; none while that line is not there. The first `searched` bytes
/// are known to hold no complete end.
pub(super) fn find_end(bytes: &[u8], searched: usize) -> Option<usize> {
    // An end cut in two ("\n\r" seen, "\n" to come) starts at most two bytes back.
    let from = searched.saturating_sub(2).min(bytes.len());
    let mut line_ends =
        bytes[from..].iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| from + at + 1);
    line_ends.find_map(|next| match bytes.get(next..) {
        Some([b'\n', ..]) => Some(next + 1),
        Some([b'\r', b'\n', ..]) => Some(next + 2),
        _ => None,
    })
}

/// White space some peers put before a start line (RFC 3261 7.5).
pub(super) fn skip_blank_lines(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    &bytes[blank..]
}

impl Head {
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let start = lines.next().unwrap_or_default().replace(char::is_control, " ");
        let mut unfolded: Vec<String> = Vec::new();
        for line in lines.take_while(|line| !line.is_empty()) {
            let line = line.replace(char::is_control, " ");
            if line.starts_with(' ')
                && let Some(last) = unfolded.last_mut()
            {
                last.push(' ');
                last.push_str(line.trim());
            } else if unfolded.len() < MAX_HEADER_LINES {
                unfolded.push(line);
            } else {
                return Err(Malformed { what: "number of header lines" });
            }
        }
        let mut headers = Headers::default();
        for line in &unfolded {
            if let Some((name, value)) = line.split_once(':')
                && grammar::is_token(name.trim())
            {
                headers.push(name.trim(), value.trim());
            }
        }
        Ok(Self { start, headers })
    }

    pub fn is_response(&self) -> bool {
        self.start.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/"))
    }

    /// The only value of a header that may stand once.
    pub fn single(&self, name: &'static str) -> Result<Option<&str>, Malformed> {
        let mut values = self.headers.all(name);
        let first = values.next();
        if values.next().is_some() { Err(Malformed { what: name }) } else { Ok(first) }
    }

    /// [`Self::single`] for a header every message has.
    pub fn required(&self, name: &'static str) -> Result<&str, Malformed> {
        self.single(name)?.filter(|value| !value.is_empty()).ok_or(Malformed { what: name })
    }

    /// Bytes of the body, as announced.
    pub fn content_length(&self) -> Result<Option<usize>, Malformed> {
        let Some(value) = self.single("Content-Length")? else { return Ok(None) };
        let length = grammar::number(value).and_then(|length| usize::try_from(length).ok());
        length.map(Some).ok_or(Malformed { what: "Content-Length" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn lines_are_unfolded_and_named_in_full() {
        let head = Head::read(
            b"X y z\r\nTO :\r\n sip:a\r\n\t;b\r\nv: 1\nno header\r\nBad Name: 2\r\nv:\xff\r\n\r\n",
        )
        .unwrap();
        assert_eq!(head.start, "X y z");
        let headers: Vec<_> = head.headers.iter().collect();
        assert_eq!(headers, [("TO", "sip:a ;b"), ("Via", "1"), ("Via", "\u{fffd}")]);
    }

    #[test]
    fn the_end_is_found_from_wherever_the_search_stopped() {
        for text in ["a\r\nb\r\n\r\nbody", "a\nb\n\nbody", "a\r\nb\n\r\nbody"] {
            let end = text.find("body").unwrap();
            for cut in 0..end {
                assert_eq!(find_end(&text.as_bytes()[..cut], 0), None, "{text:?} {cut}");
                assert_eq!(find_end(text.as_bytes(), cut), Some(end), "{text:?} {cut}");
            }
        }
    }

    #[test]
    fn header_lines_are_bounded() {
        let mut text = b"X y z\r\n".to_vec();
        text.extend(b"a:b\r\n".repeat(MAX_HEADER_LINES));
        assert_eq!(Head::read(&text).unwrap().headers.len(), MAX_HEADER_LINES);
        text.extend(b"a:b\r\n");
        assert!(Head::read(&text).is_err());
    }
}
