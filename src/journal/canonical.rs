//! Canonical JSON (RFC 8785, JCS) of the values the journal holds: null, booleans, integers, strings, arrays,
//! objects. The same value has the same bytes on every machine, so that a hash over it can be checked by anybody.
//! Fractions are refused: their printing is the one hard part of the RFC, and no fact here needs one.

use serde_json::Value;

/// Integers beyond this lose digits in readers that keep numbers as doubles (RFC 8785 3.2.2.3, RFC 7493 2.2).
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Entries are flat; deeper nesting is a mistake or an attack on the reader's stack.
const MAX_DEPTH: usize = 32;

/// Why a value has no canonical form here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotCanonical {
    #[error("the number {0} is no integer between -(2^53-1) and 2^53-1")]
    Number(String),
    #[error("values are nested deeper than {MAX_DEPTH}")]
    TooDeep,
}

/// The canonical text of `value`: object keys sorted by UTF-16 code units, no white space, shortest escapes.
pub fn canonical(value: &Value) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write_value(value, MAX_DEPTH, &mut text)?;
    Ok(text)
}

/// `value` with a canonical form in any case: what has none becomes the string of its JSON text, so that an entry
/// can always be written and nothing is lost.
pub fn storable(value: Value) -> Value {
    storable_within(value, MAX_DEPTH / 2)
}

fn storable_within(value: Value, depth: usize) -> Value {
    match value {
        Value::Number(number) if !is_safe_integer(&number) => Value::String(number.to_string()),
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::String(value.to_string()),
        Value::Array(items) => items.into_iter().map(|item| storable_within(item, depth - 1)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(key, field)| (key, storable_within(field, depth - 1))).collect()
        }
        other => other,
    }
}

fn write_value(value: &Value, depth: usize, text: &mut String) -> Result<(), NotCanonical> {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) if is_safe_integer(number) => text.push_str(&number.to_string()),
        Value::Number(number) => return Err(NotCanonical::Number(number.to_string())),
        Value::String(string) => write_string(string, text),
        Value::Array(_) | Value::Object(_) if depth == 0 => return Err(NotCanonical::TooDeep),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(item, depth - 1, text)?;
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut keys: Vec<&String> = fields.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(key, text);
                text.push(':');
                write_value(&fields[key], depth - 1, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}

fn is_safe_integer(number: &serde_json::Number) -> bool {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
    magnitude.is_some_and(|magnitude| magnitude <= MAX_SAFE_INTEGER)
}

/// RFC 8785 3.2.2.2: two-character escapes where JSON has them, `\u00xx` for other controls, all else as it is.
fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            control if control < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(control))),
            plain => text.push(plain),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use serde_json::json;

    use super::*;

    #[test]
    fn hand_written_vectors() {
        for (value, bytes) in [
            (json!(null), "null"),
            (json!([true, false, 0, -7]), "[true,false,0,-7]"),
            (json!(9_007_199_254_740_991_i64), "9007199254740991"),
            (json!(-9_007_199_254_740_991_i64), "-9007199254740991"),
            (json!({}), "{}"),
            (json!({"b": 1, "a": {"d": [], "c": ""}}), r#"{"a":{"c":"","d":[]},"b":1}"#),
            // A prefix sorts first, upper case before lower, digits by character and not by value.
            (json!({"aa": 1, "a": 2, "B": 3, "10": 4, "9": 5}), r#"{"10":4,"9":5,"B":3,"a":2,"aa":1}"#),
            (json!("\u{8}\t\n\u{c}\r\"\\/"), r#""\b\t\n\f\r\"\\/""#),
            (json!("\u{0}\u{1f}\u{7f}"), "\"\\u0000\\u001f\u{7f}\""),
            (json!("вода, ŠVIESA, מים, \u{2028}"), "\"вода, ŠVIESA, מים, \u{2028}\""),
        ] {
            assert_eq!(canonical(&value).unwrap(), bytes);
        }
    }

    #[test]
    fn keys_sort_by_utf16_and_not_by_code_point() {
        // U+1F600 is the pair D83D DE00 and so comes before U+FB33, which is the greater code unit.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "\u{20ac}": 3, "\r": 4});
        assert_eq!(canonical(&value).unwrap(), "{\"\\r\":4,\"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn fractions_and_giants_are_refused() {
        for value in
            [json!(0.5), json!(1.0), json!(9_007_199_254_740_992_u64), json!(i64::MIN), json!(u64::MAX)]
        {
            assert!(matches!(canonical(&value), Err(NotCanonical::Number(_))), "{value}");
            let text = value.to_string();
            assert_eq!(storable(value), Value::String(text));
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
        assert!(canonical(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(canonical(&nested(MAX_DEPTH + 1)), Err(NotCanonical::TooDeep));
        assert!(canonical(&storable(nested(100))).is_ok());
    }

    #[test]
    fn white_space_and_order_of_the_source_do_not_matter() {
        let one: Value = serde_json::from_str(r#"{ "x" : [ 1 , 2 ], "a" : "\u00e9" }"#).unwrap();
        let other: Value = serde_json::from_str("{\"a\":\"é\",\"x\":[1,2]}").unwrap();
        assert_eq!(canonical(&one), canonical(&other));
    }
}
