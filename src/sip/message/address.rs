//! `name-addr` / `addr-spec` with header parameters: From, To, Contact, Route (RFC 3261 20.10, 25.1).
//! Printed always in angle brackets, so that no parameter changes sides.

use std::fmt;

use super::grammar;
use super::parse::Malformed;
use super::uri::{Params, Uri};

const MALFORMED: Malformed = Malformed { what: "address" };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NameAddr {
    /// Unquoted display name.
    pub display: Option<String>,
    pub uri: Uri,
    /// Header parameters (outside the angle brackets), `tag` among them.
    pub params: Params,
}

impl NameAddr {
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    pub fn tag(&self) -> Option<&str> {
        self.params.find("tag")
    }

    pub fn set_tag(&mut self, tag: &str) {
        self.params.set("tag", Some(tag.to_owned()));
    }

    /// Parses one address.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let text = text.trim();
        if text.starts_with('"') {
            let (display, rest) = grammar::unquote(text).ok_or(MALFORMED)?;
            let bracketed = rest.trim_start().strip_prefix('<').ok_or(MALFORMED)?;
            return Self::parse_bracketed(Some(display), bracketed);
        }
        match text.split_once('<') {
            // The bracket stands inside a quoted parameter, as in `;+sip.instance="<urn:...>"`.
            Some((before, _)) if before.contains('"') => Self::parse_bare(text),
            Some((display, bracketed)) => {
                let display = display.trim();
                Self::parse_bracketed((!display.is_empty()).then(|| display.to_owned()), bracketed)
            }
            None => Self::parse_bare(text),
        }
    }

    /// `text` begins after the `<`.
    fn parse_bracketed(display: Option<String>, text: &str) -> Result<Self, Malformed> {
        let (uri, rest) = text.split_once('>').ok_or(MALFORMED)?;
        let rest = rest.trim_start();
        if !rest.is_empty() && !rest.starts_with(';') {
            return Err(MALFORMED);
        }
        Ok(Self { display, uri: Uri::parse(uri)?, params: grammar::params(rest, MALFORMED.what)? })
    }

    /// Without brackets every `;` begins a header parameter, and `,` and `?` are forbidden (RFC 3261 20).
    fn parse_bare(text: &str) -> Result<Self, Malformed> {
        let (uri, params) = text.split_once(';').unwrap_or((text, ""));
        if uri.contains([',', '?']) {
            return Err(MALFORMED);
        }
        Ok(Self { display: None, uri: Uri::parse(uri)?, params: grammar::params(params, MALFORMED.what)? })
    }

    /// Parses a comma-separated list (Contact, Route, Record-Route); commas inside quotes and angle
    /// brackets do not separate.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Malformed> {
        grammar::split(text, ',', MALFORMED.what)?.into_iter().map(Self::parse).collect()
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", grammar::quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn display_of(text: &str) -> Option<String> {
        NameAddr::parse(text).unwrap().display
    }

    #[test]
    fn display_names_come_quoted_bare_and_not_at_all() {
        assert_eq!(display_of(r#""Q \"x\" \\" <sip:a@b>"#).as_deref(), Some(r#"Q "x" \"#));
        assert_eq!(display_of("caller<sip:a@b>;tag=1").as_deref(), Some("caller"));
        assert_eq!(display_of("Bell, Alexander <sip:a@b>").as_deref(), Some("Bell, Alexander"));
        assert_eq!(display_of("<sip:a@b>"), None);
        assert_eq!(display_of("\"\" <sip:a@b>").as_deref(), Some(""));
    }

    #[test]
    fn parameters_belong_to_the_uri_only_inside_brackets() {
        let inside = NameAddr::parse("<sip:a@b;x=1>;tag=2").unwrap();
        assert_eq!((inside.uri.params.find("x"), inside.tag()), (Some("1"), Some("2")));
        let bare = NameAddr::parse("sip:a@b ;  tag  = 3").unwrap();
        assert_eq!((bare.uri.params.0.len(), bare.tag()), (0, Some("3")));
        assert_eq!(bare.to_string(), "<sip:a@b>;tag=3");
        for text in [r#"<sip:a@b>;+sip.instance="<urn:uuid:1>""#, r#"sip:a@b;+sip.instance="<urn:uuid:1>""#] {
            let phone = NameAddr::parse(text).unwrap();
            assert_eq!(phone.params.find("+sip.instance"), Some(r#""<urn:uuid:1>""#));
            assert_eq!(phone.to_string(), r#"<sip:a@b>;+sip.instance="<urn:uuid:1>""#);
        }
    }

    #[test]
    fn printing_escapes_the_display_name() {
        let mut address = NameAddr::parse("sip:a@b").unwrap();
        address.display = Some("x\" <sip:evil@h>\r\nVia: y".to_owned());
        let printed = address.to_string();
        assert!(!printed.contains('\r') && !printed.contains('\n'), "{printed}");
        let again = NameAddr::parse(&printed).unwrap();
        assert_eq!(again.uri, address.uri);
    }

    #[test]
    fn lists_and_broken_ones() {
        let list = NameAddr::parse_list(r#""a, b" <sip:x@y>, sip:z@w;q=0.5 , <sip:v,w@u>"#).unwrap();
        assert_eq!(list.len(), 3);
        assert_eq!(list[1].params.find("q"), Some("0.5"));
        for text in [
            "",
            "*",
            r#""Mr. J. User <sip:j@example.com>"#,
            "<sip:a@b",
            "<sip:a@b> x",
            "sip:a@b?x=y",
            r#"a "b" <sip:a@b>"#,
            "<>",
            "a <b>",
        ] {
            assert!(NameAddr::parse(text).is_err(), "{text}");
        }
    }
}
