//! Lexical rules the header parsers share: tokens, quoted strings, escapes, separators, parameters
//! (RFC 3261 25.1). Text in, slices out; nothing here knows a header by name.

use super::parse::Malformed;
use super::uri::Params;

/// `token`: what method and header names are made of.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b))
}

/// Cuts `text` at every `separator` that stands outside quotes and angle brackets; pieces are trimmed,
/// empty ones dropped. A quote or bracket left open is an error, or it would swallow its neighbours.
pub(super) fn split<'t>(
    text: &'t str,
    separator: char,
    what: &'static str,
) -> Result<Vec<&'t str>, Malformed> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            c if c == separator && !quoted && !bracketed => {
                pieces.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if quoted || bracketed {
        return Err(Malformed { what });
    }
    pieces.push(&text[start..]);
    Ok(pieces.into_iter().map(str::trim).filter(|piece| !piece.is_empty()).collect())
}

/// `;name=value;name` parameters; quoted values keep their quotes, escapes stay as they came.
pub(super) fn params(text: &str, what: &'static str) -> Result<Params, Malformed> {
    let mut params = Params::default();
    for piece in split(text, ';', what)? {
        let (name, value) = match piece.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (piece, None),
        };
        let quoted = value.is_some_and(|value| unquote(value).is_some_and(|(_, rest)| rest.is_empty()));
        let clean =
            |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>".contains(c));
        if name.is_empty() || !clean(name) || !(quoted || value.is_none_or(clean)) {
            return Err(Malformed { what });
        }
        params.0.push((name.to_owned(), value.map(str::to_owned)));
    }
    Ok(params)
}

/// Reads the quoted string `text` begins with: its content without escapes, and what follows it.
pub(super) fn unquote(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut content = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((content, &inner[at + 1..])),
            '\\' => content.push(chars.next()?.1),
            c => content.push(c),
        }
    }
    None
}

/// The inverse of [`unquote`]; control characters become spaces, they cannot stand in a header line.
pub(super) fn quote(content: &str) -> String {
    let mut text = String::with_capacity(content.len() + 2);
    text.push('"');
    for c in content.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(if c.is_control() { ' ' } else { c });
    }
    text.push('"');
    text
}

/// Replaces `%41` by `A`. A `%` that starts no escape stands for itself; escapes that are no UTF-8 together
/// become replacement characters.
pub(super) fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        match (first, escaped_byte(tail)) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte two leading hexadecimal digits stand for.
fn escaped_byte(digits: &[u8]) -> Option<u8> {
    let nibble = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(nibble(0)? * 16 + nibble(1)?).ok()
}

/// Percent-escapes every byte of `text` that is neither `unreserved` (RFC 3261 25.1) nor in `also_plain`.
pub(super) fn escape(text: &str, also_plain: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-_.!~*'()".contains(&byte)
            || also_plain.as_bytes().contains(&byte)
        {
            escaped.push(char::from(byte));
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            escaped.push('%');
            escaped.push(char::from(HEX[usize::from(byte >> 4)]));
            escaped.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    escaped
}

/// `1*DIGIT` with surrounding white space; none when it is no number or above `u64`.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    #[test]
    fn lists_split_outside_quotes_and_brackets() {
        let pieces = split(r#""a, \"b" <sip:x@y;p=1,2>, <sip:z> ,, w"#, ',', "list").unwrap();
        assert_eq!(pieces, [r#""a, \"b" <sip:x@y;p=1,2>"#, "<sip:z>", "w"]);
        assert!(split(r#""open, <sip:z>"#, ',', "list").is_err());
        assert!(split("<sip:z, w", ',', "list").is_err());
    }

    #[test]
    fn params_keep_order_quotes_and_valueless_names() {
        let parsed = params(r#"; Tag = 1 ;; lr; q="a;b\"c""#, "params").unwrap();
        assert_eq!(parsed.find("tag"), Some("1"));
        assert!(parsed.contains("LR"));
        assert_eq!(parsed.find("q"), Some(r#""a;b\"c""#));
        for bad in ["=1", "a=b c", "a=\"x\"y", "a b", "a=<x>"] {
            assert!(params(bad, "params").is_err(), "{bad}");
        }
    }

    #[test]
    fn quoting_and_escaping_invert_each_other() {
        for text in ["", "plain", r#"q"b\s"#, "Міська лінія", "a%b c@d;e"] {
            let quoted = quote(text);
            assert_eq!(unquote(&quoted).unwrap(), (text.to_owned(), ""));
            assert_eq!(unescape(&escape(text, "&=+$,;?/")), text);
        }
        assert_eq!(quote("a\r\nb"), "\"a  b\"");
        assert_eq!(unescape("%4a%zz%"), "J%zz%");
        assert_eq!(unescape("%ff"), "\u{fffd}");
    }

    #[test]
    fn numbers_are_digits_within_range() {
        assert_eq!(number(" 0009 "), Some(9));
        for bad in ["", "+1", "-1", "1a", "36893488147419103232"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }
}
