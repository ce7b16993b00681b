//! Digits in SIP INFO bodies: `application/dtmf-relay` (`Signal=5`, `Duration=160`) and `application/dtmf` (`5`).
//! Neither has an RFC; the forms are those that phones send.

use super::Digit;

/// Milliseconds when the body does not say.
const DEFAULT_DURATION_MS: u32 = 160;
/// Longer presses are cut to this; the number comes from the network.
const MAX_DURATION_MS: u32 = 60_000;
/// A longer body is not one digit.
const MAX_BODY: usize = 256;

/// The digit of an INFO body and its duration in ms (160 when absent); none when it carries none.
pub fn parse(content_type: &str, body: &[u8]) -> Option<(Digit, u32)> {
    let media_type = content_type.split(';').next()?.trim();
    let relay = media_type.eq_ignore_ascii_case("application/dtmf-relay");
    if !relay && !media_type.eq_ignore_ascii_case("application/dtmf") || body.len() > MAX_BODY {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    if !relay && !text.contains('=') {
        return parse_signal(text.trim()).map(|digit| (digit, DEFAULT_DURATION_MS));
    }
    let field = |name: &str| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then_some(value.trim())
        })
    };
    let duration = field("Duration").and_then(|value| value.parse().ok()).unwrap_or(DEFAULT_DURATION_MS);
    Some((parse_signal(field("Signal")?)?, duration.min(MAX_DURATION_MS)))
}

/// One character, or an event code of two digits as some gateways send `*` and `#`.
fn parse_signal(text: &str) -> Option<Digit> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(digit), None) => Digit::from_char(digit),
        (Some('1'), Some('0'..='5')) if text.len() == 2 => Digit::from_event_code(text.parse().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, body: &str) -> Option<(char, u32)> {
        parse(content_type, body.as_bytes()).map(|(digit, duration)| (digit.as_char(), duration))
    }

    #[test]
    fn relay_bodies() {
        assert_eq!(read("application/dtmf-relay", "Signal=5\r\nDuration=250\r\n"), Some(('5', 250)));
        assert_eq!(read("Application/DTMF-Relay; charset=utf-8", "signal= #\n"), Some(('#', 160)));
        assert_eq!(read("application/dtmf-relay", "Duration=x\r\nSignal=d"), Some(('D', 160)));
        assert_eq!(read("application/dtmf-relay", "Signal=10\r\nDuration=4000000"), Some(('*', 60_000)));
    }

    #[test]
    fn plain_bodies() {
        assert_eq!(read("application/dtmf", "7\r\n"), Some(('7', 160)));
        assert_eq!(read("application/dtmf", "11"), Some(('#', 160)));
        assert_eq!(read("application/dtmf", "Signal=1"), Some(('1', 160)));
    }

    #[test]
    fn what_is_no_digit() {
        for body in ["", "Signal=", "Signal=16", "Signal=55", "5", "Signal=x"] {
            assert_eq!(read("application/dtmf-relay", body), None, "{body:?}");
        }
        assert_eq!(read("text/plain", "5"), None);
        assert_eq!(read("application/dtmf", &" ".repeat(300)), None);
        assert_eq!(parse("application/dtmf", &[0xff]), None);
    }
}
