//! Replaces (RFC 3891): the dialog that a new call takes the place of.
//! Only read here; which dialog that is, and who may replace it, is decided in `switchboard/transfer.rs`.

use super::dialog::DialogId;
use super::message::Headers;

/// One Replaces value. Its tags are seen from the one who receives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replaces {
    pub call_id: String,
    /// Our own tag in the dialog.
    pub to_tag: String,
    /// The peer's.
    pub from_tag: String,
    /// Only a call that still rings may be replaced.
    pub early_only: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReplacesError {
    /// Answer 400 (RFC 3891 3).
    #[error("more than one Replaces, or Replaces beside Join")]
    Ambiguous,
    /// Answer 400.
    #[error("Replaces without Call-ID, to-tag or from-tag")]
    Malformed,
}

impl Replaces {
    /// `call-id;to-tag=..;from-tag=..[;early-only]`, parameters in any order.
    pub fn parse(text: &str) -> Result<Self, ReplacesError> {
        let mut parts = text.split(';').map(str::trim);
        let call_id = parts.next().filter(|id| !id.is_empty()).ok_or(ReplacesError::Malformed)?.to_owned();
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let tag = match name.trim().to_ascii_lowercase().as_str() {
                "to-tag" => &mut to_tag,
                "from-tag" => &mut from_tag,
                "early-only" => {
                    early_only = true;
                    continue;
                }
                _ => continue,
            };
            if tag.replace(value.trim().to_owned()).is_some() {
                return Err(ReplacesError::Malformed);
            }
        }
        match (to_tag, from_tag) {
            (Some(to_tag), Some(from_tag)) if !to_tag.is_empty() && !from_tag.is_empty() => {
                Ok(Self { call_id, to_tag, from_tag, early_only })
            }
            _ => Err(ReplacesError::Malformed),
        }
    }

    /// The one Replaces of an INVITE; none when it has none.
    pub fn of(headers: &Headers) -> Result<Option<Self>, ReplacesError> {
        let mut values = headers.all("Replaces");
        let Some(first) = values.next() else { return Ok(None) };
        // No list is allowed (RFC 3891 6.1), so a comma can only stand in a second value.
        if values.next().is_some() || headers.first("Join").is_some() {
            return Err(ReplacesError::Ambiguous);
        }
        Self::parse(first).map(Some)
    }

    /// The dialog as its owner knows it.
    pub fn dialog(&self) -> DialogId {
        // A peer from before RFC 3261 has no tag and is named "0" (RFC 3891 6.1).
        let tag = |tag: &str| if tag == "0" { String::new() } else { tag.to_owned() };
        DialogId {
            call_id: self.call_id.clone(),
            local_tag: self.to_tag.clone(),
            remote_tag: tag(&self.from_tag),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let replaces = Replaces::parse("98732@sip.example.com ;from-tag=r33th4x0r ;to-tag=ff87ff").unwrap();
        assert_eq!(replaces.call_id, "98732@sip.example.com");
        assert_eq!(
            (replaces.to_tag.as_str(), replaces.from_tag.as_str(), replaces.early_only),
            ("ff87ff", "r33th4x0r", false)
        );
        let early = Replaces::parse("12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only").unwrap();
        assert!(early.early_only);
        let old = Replaces::parse("87134@171.161.34.23;to-tag=24796;from-tag=0").unwrap();
        assert_eq!(old.dialog().remote_tag, "");
    }

    #[test]
    fn a_value_without_both_tags_is_malformed() {
        for text in
            ["", "a", "a;to-tag=1", "a;from-tag=1", "a;to-tag=;from-tag=2", "a;to-tag=1;to-tag=2;from-tag=3"]
        {
            assert_eq!(Replaces::parse(text), Err(ReplacesError::Malformed), "{text}");
        }
    }

    #[test]
    fn two_of_them_or_a_join_are_ambiguous() {
        let mut headers = Headers::default();
        assert_eq!(Replaces::of(&headers), Ok(None));
        headers.push("Replaces", "a;to-tag=1;from-tag=2");
        assert_eq!(Replaces::of(&headers).unwrap().unwrap().call_id, "a");
        let mut joined = headers.clone();
        joined.push("Join", "b;to-tag=1;from-tag=2");
        assert_eq!(Replaces::of(&joined), Err(ReplacesError::Ambiguous));
        headers.push("Replaces", "b;to-tag=1;from-tag=2");
        assert_eq!(Replaces::of(&headers), Err(ReplacesError::Ambiguous));
    }
}
