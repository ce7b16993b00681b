//! Header fields that have no typed field of their own: in order, names compared without case and
//! with compact forms expanded (RFC 3261 7.3.3).

use super::address::NameAddr;
use super::parse::Malformed;

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Compact forms are stored under their long name.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((long_name(name).to_owned(), value.into()));
    }

    /// Replaces every value of `name` by one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.push(name, value);
    }

    pub fn remove(&mut self, name: &str) {
        let name = long_name(name);
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The first value of `name`.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every header line of that name, in order; comma-separated lists are not split.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let name = long_name(name).to_owned();
        self.0
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value.as_str())
    }

    /// The comma-separated tokens of every line of `name`, trimmed (Supported, Require, Allow).
    pub fn tokens<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.all(name).flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
    }

    /// Every address of `name`, over all its lines (Contact, Route, Record-Route).
    pub fn addresses(&self, name: &str) -> Result<Vec<NameAddr>, Malformed> {
        let mut addresses = Vec::new();
        for line in self.all(name) {
            addresses.extend(NameAddr::parse_list(line)?);
        }
        Ok(addresses)
    }

    /// Seconds in `name` (Expires, Min-Expires, Session-Expires without its parameters); a number beyond
    /// `u32` is its maximum (RFC 3261 20.19), text that is no number is none.
    pub fn seconds(&self, name: &str) -> Option<u32> {
        let value = self.first(name)?.split([';', '(']).next()?.trim();
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| value.parse().unwrap_or(u32::MAX))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The long form of a compact header name (RFC 3261 20, RFC 3515, RFC 4028, RFC 6665).
pub fn long_name(name: &str) -> &str {
    let [letter] = name.as_bytes() else { return name };
    match letter.to_ascii_lowercase() {
        b'i' => "Call-ID",
        b'm' => "Contact",
        b'e' => "Content-Encoding",
        b'l' => "Content-Length",
        b'c' => "Content-Type",
        b'f' => "From",
        b's' => "Subject",
        b'k' => "Supported",
        b't' => "To",
        b'v' => "Via",
        b'r' => "Refer-To",
        b'b' => "Referred-By",
        b'x' => "Session-Expires",
        b'o' => "Event",
        b'u' => "Allow-Events",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn names_compare_without_case_and_by_their_long_form() {
        let mut headers = Headers::default();
        headers.push("m", "<sip:a@b>, <sip:c@d>");
        headers.push("CONTACT", "sip:e@f");
        assert_eq!(headers.all("contact").count(), 2);
        assert_eq!(headers.addresses("Contact").unwrap().len(), 3);
        headers.set("M", "x y");
        assert_eq!(headers.len(), 1);
        assert!(headers.addresses("Contact").is_err());
    }

    #[test]
    fn seconds_saturate_and_refuse_what_is_no_number() {
        let seconds = |value: &str| {
            let mut headers = Headers::default();
            headers.push("Expires", value);
            headers.seconds("expires")
        };
        assert_eq!(seconds("0"), Some(0));
        assert_eq!(seconds("1800;refresher=uas"), Some(1800));
        assert_eq!(seconds("120 (maintenance)"), Some(120));
        assert_eq!(seconds("1000000000000000"), Some(u32::MAX));
        assert_eq!(seconds("-1"), None);
        assert_eq!(seconds(""), None);
    }
}
