//! The bytes of a message without its secrets, for those who may see how a call was signalled but not what was typed
//! or agreed in confidence: answers to challenges, passwords in URIs, media keys, digits and texts.
//!
//! Works on bytes as they came, readable or not; nothing changes its length, so that Content-Length stays right.
//! RFC 3261 22.4 (credentials), RFC 4568 (`a=crypto`), RFC 8839 (`a=ice-pwd`), RFC 8866 (`k=`).

use std::ops::Range;

use super::{grammar, head};

/// What stands for each masked byte.
const MASK: u8 = b'*';
/// The same in a media key, which stays base64 for those who take captures apart.
const KEY_MASK: u8 = b'x';
/// Parameters of Digest credentials that reveal nothing by themselves; of all others the value is masked.
const PUBLIC_DIGEST_PARAMS: [&str; 9] =
    ["username", "realm", "nonce", "uri", "algorithm", "cnonce", "opaque", "qop", "nc"];
/// Headers that hold credentials or are made of them.
const CREDENTIALS: [&str; 3] = ["authorization", "proxy-authorization", "authentication-info"];
/// Headers with a name before their first address.
const NAMED: [&str; 11] = [
    "from",
    "f",
    "to",
    "t",
    "contact",
    "m",
    "p-asserted-identity",
    "p-preferred-identity",
    "remote-party-id",
    "diversion",
    "history-info",
];
/// The last digits of a number tell whose it is, however much of its country and area is written before them.
const TELLING_DIGITS: usize = 7;
/// Lines of a session description and what of each is secret: all that follows.
const SECRET_SDP: [&str; 3] = ["k=", "a=ice-pwd:", "a=key-mgmt:"];

/// `raw` with every secret replaced by asterisks.
pub fn masked(raw: &[u8]) -> Vec<u8> {
    let mut bytes = raw.to_vec();
    let body = head::find_end(raw, 0).unwrap_or(raw.len());
    let mut typed_text = false;
    let lines = unfolded_lines(&bytes[..body]);
    for (index, line) in lines.into_iter().enumerate() {
        mask_passwords(&mut bytes[line.clone()]);
        let text = bytes[line.clone()].to_ascii_lowercase();
        let name_end = text.iter().position(|byte| *byte == b':').unwrap_or(0);
        let name = text[..name_end].trim_ascii();
        if CREDENTIALS.iter().any(|known| known.as_bytes() == name) {
            mask_credentials(&mut bytes[line.start + name_end + 1..line.end]);
        }
        let says_method = index == 0 || name == b"cseq";
        typed_text |= says_method && words(&text).any(|word| word == b"info" || word == b"message");
    }
    if typed_text {
        mask_text(&mut bytes[body..]);
    } else {
        mask_session(&mut bytes[body..]);
    }
    bytes
}

/// `bytes` without the number and the name of a person: every number that ends like `number`, and the names beside
/// addresses. For readers who need not know who called.
pub fn without_person(bytes: &[u8], number: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let body = head::find_end(&bytes, 0).unwrap_or(bytes.len());
    for line in unfolded_lines(&bytes[..body]) {
        let line = &mut bytes[line];
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(0);
        let name = line[..colon].trim_ascii().to_ascii_lowercase();
        if NAMED.iter().any(|known| known.as_bytes() == name) {
            let bracket = line.iter().position(|byte| *byte == b'<').unwrap_or(colon + 1);
            blot(&mut line[colon + 1..bracket.max(colon + 1)]);
        }
    }
    let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
    let tail = &digits[digits.len().saturating_sub(TELLING_DIGITS)..];
    let mut at = 0;
    while let Some(length) =
        (!tail.is_empty()).then(|| bytes[at..].windows(tail.len()).position(|w| w == tail)).flatten()
    {
        let end = at + length + tail.len();
        let start =
            bytes[..end].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |before| before + 1);
        blot(&mut bytes[start..end]);
        at = end;
    }
    bytes
}

/// The Call-ID of a message that may be no message at all.
pub fn call_id(raw: &[u8]) -> Option<&str> {
    let body = head::find_end(raw, 0).unwrap_or(raw.len());
    unfolded_lines(&raw[..body]).into_iter().find_map(|line| {
        let colon = line.start + raw[line.clone()].iter().position(|byte| *byte == b':')?;
        let name = raw[line.start..colon].trim_ascii();
        let named = name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i");
        if named { std::str::from_utf8(raw[colon + 1..line.end].trim_ascii()).ok() } else { None }
    })
}

/// Places of the lines of a head, each with those that are folded into it.
fn unfolded_lines(head: &[u8]) -> Vec<Range<usize>> {
    let mut lines: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        match lines.last_mut() {
            Some(last) if line.starts_with(b" ") || line.starts_with(b"\t") => last.end = end,
            _ => lines.push(start..end),
        }
        start = end;
    }
    lines
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace)
}

/// Leaves white space, which folded lines are held together by.
fn blot(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| !byte.is_ascii_whitespace()) {
        *byte = MASK;
    }
}

/// `sip:user:PASSWORD@host`, `https://user:PASSWORD@host`: whatever stands between a colon and an `@` in a URI.
fn mask_passwords(line: &mut [u8]) {
    let text = line.to_ascii_lowercase();
    let mut at = 0;
    while let Some(found) =
        ["sip:", "sips:", "://"].iter().filter_map(|scheme| end_of(&text, scheme, at)).min()
    {
        let rest = &text[found..];
        let length = rest.iter().position(|byte| byte.is_ascii_whitespace() || b"<>\"".contains(byte));
        let uri = &rest[..length.unwrap_or(rest.len())];
        if let Some(host) = uri.iter().rposition(|byte| *byte == b'@')
            && let Some(colon) = uri[..host].iter().position(|byte| *byte == b':')
        {
            blot(&mut line[found + colon + 1..found + host]);
        }
        at = found;
    }
}

/// Where `wanted` ends, sought from `from` on.
fn end_of(text: &[u8], wanted: &str, from: usize) -> Option<usize> {
    let found = text[from..].windows(wanted.len()).position(|window| window == wanted.as_bytes())?;
    Some(from + found + wanted.len())
}

/// The value of a header of [`CREDENTIALS`]. Of a scheme other than Digest all is secret, and of what cannot be taken
/// apart.
fn mask_credentials(value: &mut [u8]) {
    let start = value.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(value.len());
    let value = &mut value[start..];
    let word = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let params = match &value[..word] {
        scheme if scheme.eq_ignore_ascii_case(b"digest") => word,
        // Authentication-Info has no scheme.
        first if first.contains(&b'=') => 0,
        // A secret without a scheme is one all the same.
        _ if value[word..].trim_ascii().is_empty() => return blot(value),
        _ => return blot(&mut value[word..]),
    };
    let value = &mut value[params..];
    let pieces = comma_pieces(value);
    let Some(pieces) = pieces.into_iter().map(|piece| name_of(value, piece)).collect::<Option<Vec<_>>>()
    else {
        return blot(value);
    };
    for (name, param) in pieces {
        if !PUBLIC_DIGEST_PARAMS.contains(&name.as_str()) {
            blot(&mut value[param]);
        }
    }
}

/// The name of a parameter, and where its value is; none when this is no parameter, or its quotes do not match.
fn name_of(value: &[u8], piece: Range<usize>) -> Option<(String, Range<usize>)> {
    let text = &value[piece.clone()];
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let name = std::str::from_utf8(text[..equals].trim_ascii()).ok()?.to_ascii_lowercase();
    let is_whole = text.iter().filter(|byte| **byte == b'"').count() % 2 == 0;
    (grammar::is_token(&name) && is_whole).then_some((name, piece.start + equals + 1..piece.end))
}

/// Pieces between commas outside of quotes; a quote that is left open takes the rest.
fn comma_pieces(value: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                pieces.push(start..at);
                start = at + 1;
            }
            _ => {}
        }
    }
    if start < value.len() {
        pieces.push(start..value.len());
    }
    pieces
}

/// Bodies that a person typed, digit by digit or word by word. Names of fields stay, and how long a key was held.
fn mask_text(body: &mut [u8]) {
    for line in body.split_mut(|byte| *byte == b'\n') {
        let value = line.iter().position(|byte| *byte == b'=').map_or(0, |equals| equals + 1);
        if !line[..value].eq_ignore_ascii_case(b"duration=") {
            blot(&mut line[value..]);
        }
    }
}

/// Keys in session descriptions, wherever in the body these stand.
fn mask_session(body: &mut [u8]) {
    for line in body.split_mut(|byte| *byte == b'\n') {
        let text = line.to_ascii_lowercase();
        if text.starts_with(b"a=crypto:") {
            mask_keys(line, &text);
        }
        if let Some(secret) = SECRET_SDP.iter().find(|start| text.starts_with(start.as_bytes())) {
            blot(&mut line[secret.len()..]);
        }
    }
}

/// The keys of an `a=crypto` line; lifetime and index stay. A key method we do not know is hidden whole.
fn mask_keys(line: &mut [u8], text: &[u8]) {
    let Some(mut key) = end_of(text, "inline:", 0) else { return blot(&mut line[b"a=crypto:".len()..]) };
    loop {
        let length = text[key..].iter().position(|byte| byte.is_ascii_whitespace() || b"|;".contains(byte));
        let end = length.map_or(line.len(), |length| key + length);
        line[key..end].fill(KEY_MASK);
        match end_of(text, "inline:", end) {
            Some(next) => key = next,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(text: &str) -> String {
        let bytes = masked(text.as_bytes());
        assert_eq!(bytes.len(), text.len(), "lengths stay");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn answers_to_challenges_are_hidden_and_what_they_answer_is_not() {
        let text = "REGISTER sip:city SIP/2.0\r\nProxy-Authorization : digest username=\"201\", realm=\"c,ity\",\r\n\
                    \tnonce=abc, uri=\"sip:city\",response=\"0123456789abcdef\", x=secret\r\nTo: <sip:201@city>\r\n\r\n";
        let masked = mask(text);
        assert!(!masked.contains("0123456789abcdef") && !masked.contains("secret"), "{masked}");
        assert!(
            masked.contains("username=\"201\", realm=\"c,ity\",\r\n\tnonce=abc, uri=\"sip:city\""),
            "{masked}"
        );
        assert!(masked.ends_with("To: <sip:201@city>\r\n\r\n"));
        for secret in [
            "Authorization: Bearer SECRET",
            "Authorization: SECRET",
            "AUTHORIZATION:Basic SECRET==",
            "Authorization: Digest response=\"SECRET",
            "Authorization: Digest username=\"a, response=SECRET",
            "Authorization: Digest user\"name=\"a, realm=SECRET",
            "Authorization:\r\n Digest\r\n response=SECRET",
            "Authentication-Info: rspauth=\"SECRET\", nextnonce=SECRET",
        ] {
            let masked = mask(&format!("BYE sip:a SIP/2.0\r\n{secret}\r\n\r\n"));
            assert!(!masked.contains("SECRET"), "{masked}");
        }
    }

    #[test]
    fn passwords_in_uris_are_hidden_wherever_they_stand() {
        let masked = mask(
            "INVITE sip:1580:pin1@city;x=y SIP/2.0\r\nContact: \"a:b@c\" <SIPS:u:pin2@h:5061>, <sip:v@h:5060>\r\n\
             Call-Info: <https://u:pin3@h/x>\r\nTo: sip:w:pin4:5@h\r\n\r\n",
        );
        assert!(!masked.contains("pin"), "{masked}");
        assert!(masked.starts_with("INVITE sip:1580:****@city;x=y SIP/2.0\r\n"), "{masked}");
        assert!(masked.contains("\"a:b@c\" <SIPS:u:****@h:5061>, <sip:v@h:5060>"), "{masked}");
    }

    #[test]
    fn media_keys_are_hidden_in_any_part_of_a_body() {
        let masked = mask(
            "INVITE sip:a SIP/2.0\r\nContent-Type: multipart/mixed\r\n\r\n--b\r\n\r\nv=0\r\nk=clear:KEY\r\n\
             a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31;inline:KEY FEC_KEY=inline:KEY\r\na=crypto:2 X KEY\r\n\
             a=ice-pwd:KEY\r\na=ice-ufrag:frag\r\na=fingerprint:sha-256 AB:CD\r\n--b--\r\n",
        );
        assert!(!masked.replace("FEC_KEY", "").contains("KEY"), "{masked}");
        assert!(masked.contains("inline:xxx|2^31;inline:xxx FEC_KEY=inline:xxx\r\n"), "{masked}");
        assert!(masked.contains("a=ice-ufrag:frag\r\na=fingerprint:sha-256 AB:CD\r\n"), "{masked}");
    }

    #[test]
    fn typed_digits_and_texts_are_hidden() {
        let relay = mask("INFO sip:a SIP/2.0\r\nCSeq: 2 INFO\r\n\r\nSignal=5\r\nDuration=160\r\n");
        assert!(relay.ends_with("\r\n\r\nSignal=*\r\nDuration=160\r\n"), "{relay}");
        assert!(mask("INFO sip:a SIP/2.0\r\n\r\n5").ends_with("\r\n\r\n*"));
        assert!(mask("MESSAGE sip:a SIP/2.0\r\n\r\nmy PIN is 77\r\n").ends_with("\r\n\r\n** *** ** **\r\n"));
        let options = mask("OPTIONS sip:info SIP/2.0\r\nCSeq: 2 OPTIONS\r\n\r\nv=0\r\n");
        assert!(options.ends_with("v=0\r\n"), "{options}");
    }

    #[test]
    fn a_person_is_neither_named_nor_numbered() {
        let text = "INVITE sip:1580@city SIP/2.0\r\nFrom: \"Oksana\" <sip:+380441112233@t>;tag=441112233x\r\n\
                    P-Asserted-Identity: Oksana <tel:0441112233>\r\nm: sip:0441112233@t\r\nTo: <sip:1580@city>\r\n\r\n";
        let masked =
            String::from_utf8(without_person(text.as_bytes(), "+380 44 111 22 33")).unwrap_or_default();
        assert_eq!(masked.len(), text.len());
        assert!(!masked.contains("1112233") && !masked.contains("Oksana"), "{masked}");
        assert!(masked.contains("To: <sip:1580@city>\r\n\r\n"), "{masked}");
        assert_eq!(without_person(b"From: <sip:a@b>\r\n", ""), b"From: <sip:a@b>\r\n");
    }

    #[test]
    fn what_is_no_message_is_masked_all_the_same() {
        for bytes in [&b""[..], b"\r\n", b"\xff\xfe", b":", b"authorization:", b"\r\n\r\nk=", b" \n\n"] {
            assert_eq!(masked(bytes).len(), bytes.len());
            call_id(bytes);
        }
        assert_eq!(call_id(b"SIP/2.0 200 OK\r\nVia: x\r\nI :\r\n a@b\r\n\r\n"), Some("a@b"));
        assert_eq!(call_id(b"SIP/2.0 200 OK\r\n\r\nCall-ID: body\r\n\r\n"), None);
    }
}
