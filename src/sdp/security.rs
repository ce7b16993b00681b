//! Keys and identities in session descriptions: `a=crypto` (SDES, RFC 4568), `a=fingerprint` (RFC 8122) and `a=setup`
//! (RFC 5763). Which of them an offer or answer carries is `transport`; nothing here shows a key.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::description::{self, Attribute, Media, SessionDescription};
use crate::srtp::{MasterKey, Suite};

/// Some phones leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Packets a key must be good for: 5 hours of 20 ms packets, longer than any call.
const MIN_LIFETIME: u64 = 1 << 20;
/// Digits of the tag of an `a=crypto` line (RFC 4568 9.1).
const MAX_TAG: u32 = 999_999_999;

/// SHA-256 of a certificate: what the peer of a DTLS handshake must prove to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// Our part in a DTLS handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DtlsRole {
    /// Begins: `a=setup:active`.
    Client,
    /// Waits: `a=setup:passive`.
    Server,
}

/// How a stream's packets are protected.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub enum Security {
    #[default]
    None,
    /// Keys came and went in the descriptions; `tag` names the line.
    Sdes { tag: u32, send: MasterKey, receive: MasterKey },
    /// Keys come of a handshake on the media path with who has this certificate.
    Dtls { role: DtlsRole, fingerprint: Fingerprint },
}

/// One `a=crypto` line we can use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Crypto {
    pub(super) tag: u32,
    pub(super) key: MasterKey,
}

impl Crypto {
    /// The first line with a suite of ours; the offerer lists them in order of preference (RFC 4568 5.1.1).
    pub(super) fn first_usable(media: &Media) -> Option<Self> {
        let lines = media.attributes.iter().filter(|attribute| attribute.name == "crypto");
        lines.filter_map(|attribute| Self::parse(attribute.value.as_deref()?)).next()
    }

    /// `1 AES_CM_128_HMAC_SHA1_80 inline:base64|2^31`. None for what we cannot do: several keys, key identifiers
    /// (MKI), short lives, and session parameters that weaken or change the transform.
    fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_whitespace();
        let tag = words.next()?.parse().ok().filter(|tag| *tag <= MAX_TAG)?;
        let name = words.next()?;
        let suite = Suite::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))?;
        let mut parameters = words.next()?.strip_prefix("inline:")?.split('|');
        let material = BASE64.decode(parameters.next()?).ok()?;
        if parameters.any(|parameter| lifetime(parameter).is_none_or(|packets| packets < MIN_LIFETIME)) {
            return None;
        }
        // Window sizes are hints, and what begins with a dash may be ignored (RFC 4568 6.3.7).
        let harmless = |word: &str| word.starts_with("WSH=") || word.starts_with('-');
        words.all(harmless).then_some(())?;
        Some(Self { tag, key: MasterKey::new(suite, &material)? })
    }

    pub(super) fn attribute(&self) -> Attribute {
        let (suite, inline) = (self.key.suite().name(), BASE64.encode(self.key.material()));
        Attribute::with_value("crypto", format_args!("{} {suite} inline:{inline}", self.tag))
    }
}

/// `2^31` or a plain number; none for `1:4`, an MKI.
fn lifetime(parameter: &str) -> Option<u64> {
    match parameter.strip_prefix("2^") {
        Some(exponent) => exponent.parse().ok().and_then(|exponent| 1_u64.checked_shl(exponent)),
        None => parameter.parse().ok(),
    }
}

impl Fingerprint {
    /// The SHA-256 one of a stream, or else of its session. Weaker digests are no identity for us.
    pub(super) fn read(description: &SessionDescription, media: &Media) -> Option<Self> {
        let among = |attributes: &[Attribute]| {
            let lines = attributes.iter().filter(|attribute| attribute.name == "fingerprint");
            lines.filter_map(|attribute| Self::parse(attribute.value.as_deref()?)).next()
        };
        among(&media.attributes).or_else(|| among(&description.attributes))
    }

    /// `sha-256 AB:CD:...`
    fn parse(value: &str) -> Option<Self> {
        let (digest, text) = value.split_once(' ')?;
        let mut fingerprint = [0; 32];
        let mut pairs = text.trim().split(':');
        for octet in &mut fingerprint {
            let pair = pairs.next().filter(|pair| pair.len() == 2)?;
            *octet = u8::from_str_radix(pair, 16).ok()?;
        }
        (digest.eq_ignore_ascii_case("sha-256") && pairs.next().is_none()).then_some(Self(fingerprint))
    }

    pub(super) fn attribute(&self) -> Attribute {
        Attribute::with_value("fingerprint", format_args!("sha-256 {self}"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(at, octet)| {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02X}")
        })
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:02x}{:02x}..)", self.0[0], self.0[1])
    }
}

impl DtlsRole {
    /// Ours, given the peer's `a=setup`: who leaves us the choice begins (RFC 5763 5). None for `holdconn`.
    pub(super) fn opposite(description: &SessionDescription, media: &Media) -> Option<Self> {
        let of_session = || description::find(&description.attributes, "setup");
        match media.attribute("setup").or_else(of_session) {
            Some("actpass" | "active") | None => Some(Self::Server),
            Some("passive") => Some(Self::Client),
            Some(_) => None,
        }
    }

    pub(super) const fn setup(self) -> &'static str {
        match self {
            Self::Client => "active",
            Self::Server => "passive",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// RFC 4568 6.1's own example key.
    const KEY: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    #[test]
    fn crypto_lines_are_read_as_far_as_we_can_do_what_they_say() {
        for (line, usable) in [
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), true),
            (format!("999999999 aes_cm_128_hmac_sha1_32 inline:{KEY}|2^31"), true),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1048576 WSH=64 -x"), true),
            ("1 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==".to_owned(), true),
            ("1 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(), true),
            (format!("1 AEAD_AES_128_GCM inline:{KEY}"), false),
            (format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"), false),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"), false),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^19"), false),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^99"), false),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"), false),
            (format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"), false),
            (format!("1000000000 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"), false),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:AAAA".to_owned(), false),
            ("1 AES_CM_128_HMAC_SHA1_80 inline:%%%%".to_owned(), false),
            ("1 AES_CM_128_HMAC_SHA1_80".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(Crypto::parse(&line).is_some(), usable, "{line}");
        }
    }

    #[test]
    fn a_line_we_write_is_the_line_we_read() {
        let text = format!("7 AES_CM_128_HMAC_SHA1_80 inline:{KEY}");
        let crypto = Crypto::parse(&text).unwrap();
        assert_eq!(crypto.attribute().value, Some(text));
        assert!(!format!("{crypto:?}").contains(KEY));
    }

    #[test]
    fn fingerprints_are_read_whole_or_not_at_all() {
        let text = (0..32).map(|octet| format!("{:02X}", octet * 8)).collect::<Vec<_>>().join(":");
        let read = Fingerprint::parse(&format!("SHA-256 {}", text.to_lowercase())).unwrap();
        assert_eq!((read.0[31], read.to_string()), (248, text.clone()));
        for wrong in
            [format!("sha-1 {text}"), format!("sha-256 {text}:00"), format!("sha-256 {}", &text[3..])]
        {
            assert_eq!(Fingerprint::parse(&wrong), None, "{wrong}");
        }
    }
}
