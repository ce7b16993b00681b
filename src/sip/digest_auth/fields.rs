//! `Digest name=value, name="quoted value"`: the text of challenges and credentials (RFC 7616 3.3, 3.4).
//! Knows nothing of what the fields mean.

use std::fmt::Write as _;

/// Most fields read from one header; the RFCs define a dozen.
const MAX_FIELDS: usize = 32;

/// The fields of one header, unquoted, in order.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// None for another scheme than Digest, for broken quoting and for a field given twice: two readers
    /// could take different ones.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (scheme, mut rest) = value.trim().split_once(|c: char| c.is_ascii_whitespace())?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut fields: Vec<(String, String)> = Vec::new();
        loop {
            rest = rest.trim_start_matches(|c: char| c == ',' || c.is_ascii_whitespace());
            if rest.is_empty() {
                return Some(Self(fields));
            }
            let (name, after) = rest.split_once('=')?;
            let name = name.trim().to_ascii_lowercase();
            let (text, after) = field_value(after.trim_start())?;
            if fields.len() == MAX_FIELDS || fields.iter().any(|(known, _)| *known == name) {
                return None;
            }
            fields.push((name, text));
            rest = after;
        }
    }

    /// `name` in lower case.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// One value and what follows it.
fn field_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

/// A quoted-string (RFC 3261 25.1).
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// `nc`: eight hexadecimal digits (RFC 7616 3.4).
pub(super) fn nonce_count(text: &str) -> Option<u32> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(text, 16).ok()
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tokens_and_quoted_strings_are_read() {
        let fields = Fields::parse(r#"digest Realm="a, \"b\"" ,nc = 0000000a,,qop=auth"#).unwrap();
        assert_eq!(fields.find("realm"), Some(r#"a, "b""#));
        assert_eq!(fields.find("nc"), Some("0000000a"));
        assert_eq!(fields.find("qop"), Some("auth"));
        assert_eq!(fields.find("uri"), None);
    }

    #[test]
    fn what_cannot_be_read_safely_is_nothing() {
        for text in
            ["", "Digest", "Basic abc=", "Digest a=\"open", "Digest a=\"x\\", "Digest a=1, A=2", "Digest abc"]
        {
            assert!(Fields::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_number_of_fields_is_bounded() {
        let many: Vec<String> = (0..=MAX_FIELDS).map(|i| format!("f{i}=x")).collect();
        assert!(Fields::parse(&format!("Digest {}", many.join(","))).is_none());
        assert!(Fields::parse(&format!("Digest {}", many[1..].join(","))).is_some());
    }

    #[test]
    fn quoting_is_undone_by_reading() {
        let name = r#"o"brien \ sons"#;
        let fields = Fields::parse(&format!("Digest username={}", quoted(name))).unwrap();
        assert_eq!(fields.find("username"), Some(name));
    }

    #[test]
    fn nonce_counts_are_eight_hexadecimal_digits() {
        assert_eq!(nonce_count("0000000a"), Some(10));
        assert_eq!(nonce_count("FFFFFFFF"), Some(u32::MAX));
        for text in ["", "1", "+0000001", "0000000g", "000000001"] {
            assert_eq!(nonce_count(text), None, "{text}");
        }
    }
}
