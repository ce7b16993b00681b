//! Who looks for what is here: programs that say so themselves, and sources that ask for one name after the other.
//! What then becomes of them is [`super::Guard`]'s to say.

use std::time::{Duration, Instant};

use super::recent::Recent;
use super::source::Source;
use crate::digest::Sha256;

/// What scanning programs write into User-Agent or the display name of From, in lower case. Nobody's phone is
/// called so; people may have a name with one of these inside.
const SCANNERS: [&str; 16] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "svmap",
    "svwar",
    "svcrack",
    "svcrash",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sundayddr",
    "vaxsipuseragent",
    "vaxipuseragent",
    "iwar",
    "sivus",
    "pplsip",
];
/// Octets of a text that are looked at; scanners give their name at the front.
const MAX_LOOKED_AT: usize = 128;
/// Sources whose questions are remembered: some thousand spoofed or rented addresses, 24 octets for each name.
pub const MAX_ASKING_SOURCES: usize = 4096;
/// A name asked for counts this long, unless the password for it follows.
const NAME_MEMORY: Duration = Duration::from_secs(60);

/// True where the name of a scanner stands by itself.
pub(super) fn is_scanner(text: &str) -> bool {
    let looked_at = text[..text.floor_char_boundary(MAX_LOOKED_AT)].to_ascii_lowercase();
    let stands_alone = |at: usize, scanner: &str| {
        let (before, after) = (&looked_at[..at], &looked_at[at + scanner.len()..]);
        !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric)
    };
    SCANNERS.iter().any(|scanner| looked_at.match_indices(scanner).any(|(at, _)| stands_alone(at, scanner)))
}

/// Names that each source asked for without having shown a password.
#[derive(Debug)]
pub(super) struct Questions {
    sources: Recent<Source, Vec<(u64, Instant)>>,
}

impl Questions {
    pub(super) fn new() -> Self {
        Self { sources: Recent::new(MAX_ASKING_SOURCES) }
    }

    /// Notes that `source` asked for `name`; true when those are more than `limit` different ones within a minute.
    pub(super) fn ask(&mut self, source: Source, name: &str, limit: usize, now: Instant) -> bool {
        let name = fingerprint(name);
        let names = self.sources.touch(source, Vec::new);
        names.retain(|(known, at)| *known != name && now.saturating_duration_since(*at) < NAME_MEMORY);
        if names.len() >= limit {
            return true;
        }
        names.push((name, now));
        false
    }

    pub(super) fn forget(&mut self, source: Source) {
        self.sources.remove(&source);
    }

    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }
}

/// Names come from strangers and may be long; eight octets tell them apart well enough.
fn fingerprint(name: &str) -> u64 {
    let Sha256(digest) = Sha256::of(name.as_bytes());
    let (first, _) = digest.split_at(size_of::<u64>());
    first.iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(last: u8) -> Source {
        Source::from(std::net::IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn scanners_are_known_by_name_in_any_case() {
        for name in ["friendly-scanner", "SIPVicious 0.3", "sipcli/v1.8", "VaxSIPUserAgent/3.5", "x svWar"] {
            assert!(is_scanner(name), "{name}");
        }
        let names = ["Yealink SIP-T46S", "baresip v3", "Anil Tiwari", "Świwarska", "", &"ї".repeat(100)];
        for name in names {
            assert!(!is_scanner(name), "{name}");
        }
    }

    #[test]
    fn the_same_name_again_is_one_question() {
        let now = crate::time::now().mono;
        let mut questions = Questions::new();
        for _ in 0..100 {
            assert!(!questions.ask(source(1), "201", 3, now));
        }
    }

    #[test]
    fn one_name_after_the_other_is_a_scan_until_they_are_forgotten() {
        let now = crate::time::now().mono;
        let mut questions = Questions::new();
        for name in ["100", "101", "102"] {
            assert!(!questions.ask(source(1), name, 3, now));
        }
        assert!(questions.ask(source(1), "103", 3, now));
        assert!(!questions.ask(source(2), "103", 3, now), "somebody else has asked nothing yet");
        assert!(!questions.ask(source(1), "104", 3, now + NAME_MEMORY));
    }

    #[test]
    fn the_number_of_sources_is_bounded() {
        let now = crate::time::now().mono;
        let mut questions = Questions::new();
        for number in 0..u32::try_from(MAX_ASKING_SOURCES).unwrap_or(u32::MAX) + 500 {
            let address = std::net::IpAddr::from(number.to_be_bytes());
            questions.ask(Source::from(address), "201", 3, now);
        }
        assert_eq!(questions.len(), MAX_ASKING_SOURCES);
    }
}
