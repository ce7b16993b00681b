//! What is asked of a gateway, with placeholders filled: escaped as the place needs it, so that no text of an applicant's
//! case can say more than it should.

use crate::diagnostic::suggestion;

/// Known in URL, headers and body.
pub(super) const PLACEHOLDERS: [&str; 4] = ["number", "text", "id", "secret"];

/// How a value stands in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Escape {
    /// In a URL, or a form.
    Percent,
    /// Inside the quotes of a JSON text.
    Json,
    /// In XML, text or attribute.
    Xml,
    /// In a header: as it is.
    Plain,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PlaceholderError {
    #[error("`{{{0}}}` is no placeholder{1}: {{number}}, {{text}}, {{id}} and {{secret}} are")]
    Unknown(String, String),
    #[error("a `{{` has no `}}`, or more than a name in it")]
    Open,
}

impl Escape {
    /// What the Content-Type says the body is.
    pub(super) fn of_body(content_type: &str) -> Self {
        let kind = content_type.to_ascii_lowercase();
        match () {
            () if kind.contains("json") => Self::Json,
            () if kind.contains("xml") => Self::Xml,
            () if kind.contains("urlencoded") => Self::Percent,
            () => Self::Plain,
        }
    }

    fn apply(self, value: &str) -> String {
        match self {
            Self::Percent => {
                form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
            }
            Self::Json => {
                let quoted = serde_json::Value::String(value.to_owned()).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Xml => value.chars().fold(String::new(), |mut text, c| {
                match c {
                    '&' => text.push_str("&amp;"),
                    '<' => text.push_str("&lt;"),
                    '>' => text.push_str("&gt;"),
                    '"' => text.push_str("&quot;"),
                    '\'' => text.push_str("&apos;"),
                    c => text.push(c),
                }
                text
            }),
            Self::Plain => value.to_owned(),
        }
    }
}

enum Piece<'t> {
    Text(&'t str),
    /// By its name.
    Placeholder(&'t str),
}

/// The template in pieces. `{` that is not followed by a small letter is a brace, as JSON has them.
fn pieces(template: &str) -> Result<Vec<Piece<'_>>, PlaceholderError> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let after = &rest[open + 1..];
        if !after.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push(Piece::Text(&rest[..=open]));
            rest = after;
            continue;
        }
        let close = after.find('}').ok_or(PlaceholderError::Open)?;
        let name = &after[..close];
        if !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(PlaceholderError::Open);
        }
        found.extend([Piece::Text(&rest[..open]), Piece::Placeholder(name)]);
        rest = &after[close + 1..];
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

/// The placeholders that a template names.
///
/// # Errors
/// One that does not exist, with the nearest that does.
pub fn check_placeholders(template: &str) -> Result<Vec<&str>, PlaceholderError> {
    let name = |piece| match piece {
        Piece::Placeholder(name) => Some(name),
        Piece::Text(_) => None,
    };
    let names: Vec<&str> = pieces(template)?.into_iter().filter_map(name).collect();
    match names.iter().find(|name| !PLACEHOLDERS.contains(*name)) {
        Some(wrong) => {
            let near = suggestion(wrong, PLACEHOLDERS);
            let hint = near.map(|near| format!("; did you mean `{{{near}}}`?")).unwrap_or_default();
            Err(PlaceholderError::Unknown((*wrong).to_owned(), hint))
        }
        None => Ok(names),
    }
}

/// `template` with the value of each placeholder in its place.
pub(super) fn fill(template: &str, escape: Escape, value: impl Fn(&str) -> String) -> String {
    let Ok(pieces) = pieces(template) else { return template.to_owned() };
    let filled = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Placeholder(name) => escape.apply(&value(name)),
    });
    filled.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_say_no_more_than_they_should() {
        let value = |name: &str| match name {
            "number" => "+380501112233".to_owned(),
            "text" => "\"a\" & <b>\nє".to_owned(),
            other => other.to_owned(),
        };
        let json = fill(r#"{"to": "{number}", "text": "{text}"}"#, Escape::Json, value);
        assert_eq!(json, r#"{"to": "+380501112233", "text": "\"a\" & <b>\nє"}"#);
        let form = fill("to={number}&text={text}", Escape::Percent, value);
        assert_eq!(form, "to=%2B380501112233&text=%22a%22%20%26%20%3Cb%3E%0A%D1%94");
        assert_eq!(fill("<t a='{text}'/>", Escape::Xml, value), "<t a='&quot;a&quot; &amp; &lt;b&gt;\nє'/>");
        assert_eq!(fill("Bearer {secret}", Escape::Plain, value), "Bearer secret");
    }

    #[test]
    fn wrong_placeholders_are_named() {
        assert_eq!(check_placeholders("{\"a\": {\"b\": \"{id}{text}\"}}").ok(), Some(vec!["id", "text"]));
        let wrong = check_placeholders("to={nummber}").map_err(|wrong| wrong.to_string());
        assert!(wrong.as_ref().is_err_and(|wrong| wrong.contains("did you mean `{number}`")), "{wrong:?}");
        assert_eq!(check_placeholders("to={number"), Err(PlaceholderError::Open));
        assert_eq!(check_placeholders("to={nu mber}"), Err(PlaceholderError::Open));
    }
}
