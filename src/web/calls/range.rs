//! The `Range` and `If-Range` headers (RFC 9110 14.2, 13.1.5). One byte range is served; several at once, other
//! units and malformed headers are ignored, as 14.2 allows, and the whole is sent.

/// What a request wants of a representation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) enum Wanted {
    Whole,
    /// Both inclusive and inside the representation.
    Part {
        first: u64,
        last: u64,
    },
    /// Answer 416.
    Unsatisfiable,
}

/// Reads `header` for a representation of `length` bytes.
pub(in crate::web) fn wanted(header: &str, length: u64) -> Wanted {
    let Some((unit, set)) = header.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    // A list may hold empty elements (RFC 9110 5.6.1.2).
    let mut specs = set.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty());
    match (specs.next(), specs.next()) {
        (Some(spec), None) => one(spec, length).unwrap_or(Wanted::Whole),
        _ => Wanted::Whole,
    }
}

/// `first-last`, `first-` or `-suffix`; none when it is not a range at all.
fn one(spec: &str, length: u64) -> Option<Wanted> {
    let (from, to) = spec.split_once('-')?;
    if from.is_empty() {
        let suffix = number(to)?;
        if suffix == 0 || length == 0 {
            return Some(Wanted::Unsatisfiable);
        }
        return Some(Wanted::Part { first: length.saturating_sub(suffix), last: length - 1 });
    }
    let first = number(from)?;
    let last = if to.is_empty() { u64::MAX } else { number(to)? };
    if last < first {
        return None;
    }
    if first >= length {
        return Some(Wanted::Unsatisfiable);
    }
    Some(Wanted::Part { first, last: last.min(length - 1) })
}

/// `1*DIGIT` of any length: what does not fit is larger than any file.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// True when a range may be served: no `If-Range`, or exactly our strong entity tag (never a weak one or a date).
pub(in crate::web) fn if_range_holds(header: Option<&str>, etag: Option<&str>) -> bool {
    header.is_none_or(|wanted| etag == Some(wanted.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: fn(u64, u64) -> Wanted = |first, last| Wanted::Part { first, last };

    #[test]
    fn single_ranges() {
        assert_eq!(wanted("bytes=0-0", 100), PART(0, 0));
        assert_eq!(wanted("bytes=0-99", 100), PART(0, 99));
        assert_eq!(wanted("bytes=10-", 100), PART(10, 99));
        assert_eq!(wanted("bytes=90-200", 100), PART(90, 99));
        assert_eq!(wanted("bytes=-1", 100), PART(99, 99));
        assert_eq!(wanted("bytes=-1000", 100), PART(0, 99));
        assert_eq!(wanted("Bytes= , 5-6 ,", 100), PART(5, 6));
        assert_eq!(wanted("bytes=1-99999999999999999999999", 100), PART(1, 99));
    }

    #[test]
    fn ranges_outside_are_unsatisfiable() {
        for header in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(wanted(header, 100), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(wanted("bytes=0-0", 0), Wanted::Unsatisfiable);
        assert_eq!(wanted("bytes=-5", 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn what_is_no_single_byte_range_is_ignored() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-2-3",
            "seconds=1-2",
            "bytes=0-1,5-6",
            "bytes=0x1-2",
            "bytes=1 - 2",
        ] {
            assert_eq!(wanted(header, 100), Wanted::Whole, "{header:?}");
        }
    }

    #[test]
    fn if_range_needs_the_same_strong_tag() {
        assert!(if_range_holds(None, None));
        assert!(if_range_holds(Some("\"a\""), Some("\"a\"")));
        assert!(!if_range_holds(Some("W/\"a\""), Some("\"a\"")));
        assert!(!if_range_holds(Some("\"a\""), None));
        assert!(!if_range_holds(Some("Sat, 21 Nov 2026 06:38:21 GMT"), Some("\"a\"")));
    }
}
