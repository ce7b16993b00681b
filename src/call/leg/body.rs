//! The session description in a message body: by itself, or as one part of several (RFC 3261 20.11, RFC 5621).
//!
//! A part that may be passed over is, one that must be understood and is not refuses the message. What the
//! description says is `sdp`'s.

use crate::call::refusal::Refusal;
use crate::sip::message::{Headers, multipart};

pub(super) const SDP: &str = "application/sdp";

/// The session description; none in a message without body, or with a body that is optional to understand.
pub(super) fn session_description<'m>(
    headers: &Headers,
    body: &'m [u8],
) -> Result<Option<&'m [u8]>, Refusal> {
    let content_type = headers.first("Content-Type").unwrap_or_default();
    if body.is_empty() || !is_multipart(content_type) {
        return single(headers, body);
    }
    is_readable(headers)?;
    let parts = multipart::parts(content_type, body).map_err(|_| Refusal::MalformedBody)?;
    // Alternatives say the same in several ways, related parts serve the first: neither has to be understood
    // whole (RFC 2046 5.1.4, RFC 2387).
    let mixed = media_type(content_type).eq_ignore_ascii_case("multipart/mixed");
    let mut found = None;
    for part in &parts {
        match single(&part.headers, part.body) {
            Ok(Some(description)) => drop(found.get_or_insert(description)),
            Err(refusal) if mixed => return Err(refusal),
            Ok(None) | Err(_) => {}
        }
    }
    Ok(found)
}

/// The description in `received`, which cannot be refused any more: a response, an ACK.
pub(super) fn description_of<'m>(headers: &Headers, body: &'m [u8]) -> Option<&'m [u8]> {
    session_description(headers, body).ok().flatten()
}

fn single<'m>(headers: &Headers, body: &'m [u8]) -> Result<Option<&'m [u8]>, Refusal> {
    if body.is_empty() {
        return Ok(None);
    }
    let disposition = headers.first("Content-Disposition").unwrap_or("session");
    let mut words = disposition.split(';').map(str::trim);
    let session = words.next().is_some_and(|kind| kind.eq_ignore_ascii_case("session"));
    let is_sdp = media_type(headers.first("Content-Type").unwrap_or_default()).eq_ignore_ascii_case(SDP);
    let understood = if is_sdp && session { is_readable(headers) } else { Err(Refusal::UnknownContentType) };
    match understood {
        Ok(()) => Ok(Some(body)),
        Err(_) if words.any(is_optional) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Nothing is unpacked here: a small body that unfolds into a large one is an old trick.
fn is_readable(headers: &Headers) -> Result<(), Refusal> {
    let plain = headers.tokens("Content-Encoding").all(|coding| coding.eq_ignore_ascii_case("identity"));
    let transfer = headers.first("Content-Transfer-Encoding").unwrap_or("binary");
    let direct = ["7bit", "8bit", "binary"].iter().any(|known| transfer.eq_ignore_ascii_case(known));
    if plain && direct { Ok(()) } else { Err(Refusal::UnknownEncoding) }
}

fn is_optional(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        name.trim().eq_ignore_ascii_case("handling") && value.trim().eq_ignore_ascii_case("optional")
    })
}

fn is_multipart(content_type: &str) -> bool {
    let kind = media_type(content_type);
    ["multipart/mixed", "multipart/related", "multipart/alternative"]
        .iter()
        .any(|known| kind.eq_ignore_ascii_case(known))
}

fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIXED: &str = "multipart/mixed;boundary=b";

    fn read(lines: &[(&str, &str)], body: &str) -> Result<Option<String>, Refusal> {
        let mut headers = Headers::default();
        lines.iter().for_each(|(name, value)| headers.push(name, *value));
        let found = session_description(&headers, body.as_bytes())?;
        Ok(found.map(|found| String::from_utf8_lossy(found).into_owned()))
    }

    fn part(headers: &str, body: &str) -> String {
        format!("--b\r\n{headers}\r\n\r\n{body}\r\n")
    }

    #[test]
    fn a_description_stands_alone_or_among_others() {
        let sdp = || Ok(Some("v=0".to_owned()));
        assert_eq!(read(&[], ""), Ok(None));
        assert_eq!(read(&[("c", "Application/SDP;charset=utf-8")], "v=0"), sdp());
        let picture =
            part("Content-Type: image/png\r\nContent-Disposition: icon; handling=optional", "\u{1}");
        let body = format!("{picture}{}--b--", part("Content-Type: application/sdp", "v=0"));
        assert_eq!(read(&[("Content-Type", MIXED)], &body), sdp());
        let second = format!("{}{body}", part("c: application/sdp", "v=1"));
        assert_eq!(read(&[("Content-Type", MIXED)], &second), Ok(Some("v=1".to_owned())), "the first counts");
    }

    #[test]
    fn what_must_be_understood_and_is_not_refuses_the_message() {
        let unknown = Err(Refusal::UnknownContentType);
        assert_eq!(read(&[("Content-Type", "application/xml")], "<x/>"), unknown);
        assert_eq!(read(&[], "v=0"), unknown, "no type at all");
        let early = ("Content-Disposition", "early-session");
        assert_eq!(read(&[("Content-Type", SDP), early], "v=0"), unknown, "RFC 3959 is not spoken here");
        let isup =
            part("Content-Type: application/isup\r\nContent-Disposition: signal; handling=required", "x");
        let body = format!("{isup}{}--b--", part("Content-Type: application/sdp", "v=0"));
        assert_eq!(read(&[("Content-Type", MIXED)], &body), unknown);
        assert_eq!(read(&[("Content-Type", MIXED)], "cut off"), Err(Refusal::MalformedBody));
    }

    #[test]
    fn of_alternatives_the_one_that_is_understood_counts() {
        let text = part("Content-Type: text/plain", "a call from Kyiv");
        let body = format!("{text}{}--b--", part("Content-Type: application/sdp", "v=0"));
        let alternative = ("Content-Type", "multipart/alternative;boundary=b");
        assert_eq!(read(&[alternative], &body), Ok(Some("v=0".to_owned())));
    }

    #[test]
    fn what_may_be_passed_over_is() {
        let optional = ("Content-Disposition", "render; Handling = Optional");
        assert_eq!(read(&[("Content-Type", "text/plain"), optional], "hello"), Ok(None));
        assert_eq!(read(&[("Content-Type", MIXED)], "--b\r\n--b--"), Ok(None), "nothing in it");
    }

    #[test]
    fn packed_bodies_are_not_opened() {
        let packed = Err(Refusal::UnknownEncoding);
        assert_eq!(read(&[("Content-Type", SDP), ("e", "gzip")], "x"), packed);
        assert_eq!(
            read(&[("Content-Type", SDP), ("Content-Encoding", "identity")], "x"),
            Ok(Some("x".to_owned()))
        );
        assert_eq!(read(&[("Content-Type", MIXED), ("Content-Encoding", "gzip")], "x"), packed);
        let base64 = part("Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64", "dj0w");
        assert_eq!(read(&[("Content-Type", MIXED)], &format!("{base64}--b--")), packed);
    }
}
