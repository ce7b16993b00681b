//! What serde cannot say: ranges, and rules between keys.
//! Folders and programs are `cli/check.rs`'s, the contents of the files it names their readers'; of secrets and
//! certificates it is only asked whether they can be read.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Deserializer};

use super::Config;
use crate::diagnostic::Diagnostic;
use crate::net::CredentialsError;
use crate::sdp::SrtpPolicy;
use crate::sip::digest_auth::Algorithm;
use crate::sip::message::Transport;
use crate::sip::server_location;
use crate::switchboard::guests;

/// Port pairs of one call: the citizen's leg, the operator's, and that of whom the operator passes the citizen on to.
const PAIRS_PER_CALL: u64 = 3;

/// Reads a whole number between `MIN` and `MAX`.
pub(super) fn within<'de, const MIN: u64, const MAX: u64, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<u64, D::Error> {
    let number = i64::deserialize(deserializer)?;
    u64::try_from(number)
        .ok()
        .filter(|number| (MIN..=MAX).contains(number))
        .ok_or_else(|| serde::de::Error::custom(format!("{number} is outside {MIN} to {MAX}")))
}

/// Every rule between keys that `config` breaks, each at the key that breaks it.
pub(super) fn check(file: &str, text: &str, config: &Config) -> Vec<Diagnostic> {
    let place = Place { file, text };
    let mut complaints = Vec::new();
    transports(config, &place, &mut complaints);
    if config.sip.realm.is_empty() || config.sip.realm.contains(['"', '\\']) {
        complaints.push(place.at("sip", "realm", 0, "the realm is empty or holds a quote"));
    }
    if config.sip.digest.is_empty() {
        complaints.push(place.at("sip", "digest", 0, "at least one of \"MD5\" and \"SHA-256\" is needed"));
    }
    if config.number.short.is_empty() || !config.number.short.bytes().all(|byte| byte.is_ascii_digit()) {
        complaints.push(place.at("number", "short", 0, "the short number consists of digits, as in 1580"));
    }
    if config.number.aliases.iter().any(String::is_empty) {
        complaints.push(place.at(
            "number",
            "aliases",
            0,
            "an alias is a number as it is dialled, as in +3805421580",
        ));
    }
    if !config.store.is_supported() {
        complaints.push(place.at("store", "url", 0, "the store's URL begins with sqlite://"));
    }
    let office = &config.store.office;
    if office.len() != 2 || !office.bytes().all(|byte| byte.is_ascii_digit()) {
        complaints.push(place.at("store", "office", 0, "the office code is two digits, as in 01"));
    }
    let codes = [&config.operator.ready_code, &config.operator.not_ready_code];
    if codes[0] == codes[1] {
        complaints.push(place.at("operator", "not_ready_code", 0, "both star codes are the same"));
    }
    for (key, code) in ["ready_code", "not_ready_code"].into_iter().zip(codes) {
        let digits = code.strip_prefix('*').unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            complaints.push(place.at("operator", key, 0, "a star code is `*` and digits, as in *71"));
        }
    }
    media(config, &place, &mut complaints);
    trunks(config, &place, &mut complaints);
    queues(config, &place, &mut complaints);
    web_calls(config, &place, &mut complaints);
    open311(config, &place, &mut complaints);
    messages(config, &place, &mut complaints);
    if let Some(oidc) = &config.sign_in.oidc {
        for (key, message) in oidc.complaints(config.http.url.is_some()) {
            complaints.push(place.at("sign_in.oidc", key, 0, &message));
        }
    }
    for (key, message) in config.journal.complaints() {
        complaints.push(place.at("journal", key, 0, &message));
    }
    for (key, message) in config.keys.complaints() {
        complaints.push(place.at("keys", key, 0, &message));
    }
    complaints
}

/// Every listener with its key.
fn listeners(config: &Config) -> impl Iterator<Item = (&'static str, SocketAddr)> {
    let keys = [
        ("udp", config.sip.udp.clone()),
        ("tcp", config.sip.tcp.clone()),
        ("tls", config.sip.tls_listeners()),
    ];
    keys.into_iter().flat_map(|(key, addresses)| addresses.0.into_iter().map(move |address| (key, address)))
}

/// Somebody must be able to reach us, and TLS needs certificates that can be used.
fn transports(config: &Config, place: &Place<'_>, complaints: &mut Vec<Diagnostic>) {
    let sip = &config.sip;
    if listeners(config).next().is_none() {
        complaints.push(place.at("sip", "", 0, "`udp`, `tcp` and `tls` are all empty: nobody could call"));
    }
    for (key, set, other, other_set) in [
        ("certificate", sip.certificate.is_some(), "private_key", sip.private_key.is_some()),
        ("private_key", sip.private_key.is_some(), "certificate", sip.certificate.is_some()),
    ] {
        if set && !other_set {
            complaints.push(place.at("sip", key, 0, &format!("`{key}` needs `{other}` beside it")));
        }
    }
    if sip.tls.as_ref().is_some_and(|addresses| !addresses.0.is_empty()) && sip.certificate.is_none() {
        complaints.push(place.at("sip", "tls", 0, "`tls` needs `certificate` and `private_key`"));
    }
    if let Err(error) = sip.credentials() {
        let key = match error {
            CredentialsError::Certificate { .. } => "certificate",
            CredentialsError::PrivateKey { .. } => "private_key",
            CredentialsError::Trusted { .. } => "trusted_certificates",
        };
        complaints.push(place.at("sip", key, 0, &error.to_string()));
    }
    for (key, message) in config.http.complaints() {
        complaints.push(place.at("http", key, 0, message));
    }
}

/// Media must be reachable where SIP is, and have ports for every call that is let in.
fn media(config: &Config, place: &Place<'_>, complaints: &mut Vec<Diagnostic>) {
    let bind = &config.rtp.bind.0;
    let of_ipv4 = bind.iter().filter(|ip| ip.is_ipv4()).count();
    if bind.is_empty() || of_ipv4 > 1 || bind.len() - of_ipv4 > 1 {
        complaints.push(place.at("rtp", "bind", 0, "`bind` is one address, or one of IPv4 and one of IPv6"));
    }
    let external = |address: &SocketAddr| !address.ip().is_loopback();
    if bind.iter().all(IpAddr::is_loopback)
        && config.sip.advertised.is_none()
        && let Some((key, _)) = listeners(config).find(|(_, address)| external(address))
    {
        complaints.push(place.at(
            "sip",
            key,
            0,
            "others reach us here, but `bind` in [rtp] is a loopback address: nobody would hear anything; \
             set it to this machine's address, or set `advertised` in [sip]",
        ));
    } else if let Some((key, _)) =
        listeners(config).find(|(_, address)| !bind.iter().any(|ip| ip.is_ipv4() == address.is_ipv4()))
    {
        complaints.push(place.at(
            "sip",
            key,
            0,
            "calls come in here over a family of addresses that `bind` in [rtp] does not have: nobody would hear \
             anything",
        ));
    }
    let codecs = &config.rtp.codecs;
    if codecs.is_empty() {
        complaints.push(place.at("rtp", "codecs", 0, "at least one codec is needed"));
    }
    if codecs.iter().enumerate().any(|(at, codec)| codecs[..at].contains(codec)) {
        complaints.push(place.at("rtp", "codecs", 0, "a codec is named twice"));
    }
    let (needed, pairs) = (config.sip.capacity * PAIRS_PER_CALL, config.rtp.ports.pairs());
    if pairs < needed {
        let (header, key) = if place.names("rtp", "ports") { ("rtp", "ports") } else { ("sip", "capacity") };
        let message = format!(
            "the RTP ports make {pairs} pairs, but `capacity` in [sip] needs {needed}: {PAIRS_PER_CALL} for each call"
        );
        complaints.push(place.at(header, key, 0, &message));
    }
}

/// What requests of ours can go out by: TLS needs an address to call ours, no certificate.
fn ways_out(config: &Config) -> Vec<Transport> {
    let (udp, tcp) = (!config.sip.udp.0.is_empty(), !config.sip.tcp.0.is_empty());
    let tls = tcp || !config.sip.tls_listeners().0.is_empty();
    let ways = [(Transport::Udp, udp), (Transport::Tcp, tcp), (Transport::Tls, tls)];
    ways.into_iter().filter_map(|(transport, open)| open.then_some(transport)).collect()
}

fn trunks(config: &Config, place: &Place<'_>, complaints: &mut Vec<Diagnostic>) {
    let ways_out = ways_out(config);
    let mut names = BTreeSet::new();
    for (index, trunk) in config.trunk.iter().enumerate() {
        if !names.insert(&trunk.name) {
            complaints.push(place.at("[trunk]", "name", index, "another trunk has this name"));
        }
        if trunk.name == guests::ORIGIN {
            let message = "this name stands for calls from the web page";
            complaints.push(place.at("[trunk]", "name", index, message));
        }
        let secret = trunk.secret();
        let digest = match (&trunk.user, &secret) {
            (_, Err(error)) => {
                complaints.push(place.at("[trunk]", "password_file", index, error));
                true
            }
            (Some(_), Ok(Some(_))) => true,
            (Some(_), Ok(None)) => {
                complaints.push(place.at(
                    "[trunk]",
                    "user",
                    index,
                    "`user` needs `password_file` or `password`",
                ));
                true
            }
            (None, _) => false,
        };
        if trunk.from.is_empty() && trunk.to.is_empty() && !digest {
            complaints.push(place.at(
                "[trunk]",
                "name",
                index,
                "a trunk needs `from`, `to` or `user`: nobody could use it",
            ));
        }
        if trunk.to.iter().any(|server| server_location::question(&server.0, &ways_out).is_err()) {
            let message = "a server needs a transport that [sip] has switched off: `udp`, `tcp` or `tls`";
            complaints.push(place.at("[trunk]", "to", index, message));
        }
        for (key, message) in trunk.complaints() {
            complaints.push(place.at("[trunk]", key, index, message));
        }
    }
}

fn queues(config: &Config, place: &Place<'_>, complaints: &mut Vec<Diagnostic>) {
    let (mut names, mut extensions) = (BTreeSet::new(), BTreeSet::new());
    for (index, queue) in config.queue.iter().enumerate() {
        if !names.insert(&queue.name) {
            complaints.push(place.at("[queue]", "name", index, "another queue has this name"));
        }
        let Some(extension) = &queue.extension else { continue };
        if extension.is_empty() || !extension.bytes().all(|byte| byte.is_ascii_digit()) {
            complaints.push(place.at(
                "[queue]",
                "extension",
                index,
                "an extension consists of digits, as in 810",
            ));
        }
        if !extensions.insert(extension) {
            complaints.push(place.at("[queue]", "extension", index, "another queue has this extension"));
        }
    }
}

/// A page proves itself by MD5 and encrypts its sound: it knows nothing else.
fn web_calls(config: &Config, place: &Place<'_>, complaints: &mut Vec<Diagnostic>) {
    if !config.web_call.enabled {
        return;
    }
    if !config.sip.digest.contains(&Algorithm::Md5) {
        let message = "calls from the page need \"MD5\" in `digest` of [sip]";
        complaints.push(place.at("web_call", "enabled", 0, message));
    }
    if config.rtp.srtp == SrtpPolicy::Off {
        let message = "calls from the page need `srtp` of [rtp]: browsers encrypt all sound";
        complaints.push(place.at("web_call", "enabled", 0, message));
    }
}

/// Keys that can be told apart and read, addresses that programs can be sent to.
fn open311(config: &Config, place: &Place<'_>, complaints: &mut Vec<Diagnostic>) {
    let mut names = BTreeSet::new();
    for (nth, key) in config.open311.key.iter().enumerate() {
        if key.name.trim().is_empty() || !names.insert(&key.name) {
            complaints.push(place.at("open311.key", "name", nth, "keys have names, each its own"));
        }
        if let Err(error) = key.digest() {
            complaints.push(place.at("open311.key", "", nth, &error.to_string()));
        }
    }
    for (name, url) in [("url", &config.open311.url), ("test_url", &config.open311.test_url)] {
        let is_url = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if url.as_ref().is_some_and(|url| !is_url(url)) {
            complaints.push(place.at("open311", name, 0, "an address is as in https://city.example"));
        }
    }
}

/// Gateways that can be asked, and a page that messages can lead to.
fn messages(config: &Config, place: &Place<'_>, complaints: &mut Vec<Diagnostic>) {
    let page = config.citizen.page();
    if let Some(page) = &page
        && !(page.starts_with("https://") || page.starts_with("http://"))
    {
        complaints.push(place.at("citizen", "url", 0, "an address is as in https://city.example"));
    }
    for (table, key, message) in config.sms.complaints(&config.number.short, page.as_deref()) {
        complaints.push(place.at(table, key, 0, &message));
    }
    for (key, message) in config.email.complaints() {
        complaints.push(place.at("email", key, 0, &message));
    }
}

/// Finds keys in the text for complaints about values that are already read.
struct Place<'t> {
    file: &'t str,
    text: &'t str,
}

impl Place<'_> {
    /// The `nth` table `[header]` and, inside it, the line of `key`; the header itself when the key is a default.
    fn at(&self, header: &str, key: &str, nth: usize, message: &str) -> Diagnostic {
        let offset = self.find(header, key, nth).map_or(0, |(offset, _)| offset);
        Diagnostic::at_offset(self.file, self.text, offset, message)
    }

    /// Whether the text sets `key` of `[header]`.
    fn names(&self, header: &str, key: &str) -> bool {
        self.find(header, key, 0).is_some_and(|(_, exact)| exact)
    }

    /// Where the key stands (true), or failing that its header (false).
    fn find(&self, header: &str, key: &str, nth: usize) -> Option<(usize, bool)> {
        let mut offset = 0;
        let mut seen = 0;
        let mut found = None;
        for line in self.text.split_inclusive('\n') {
            let start = offset + (line.len() - line.trim_start().len());
            let content = line.trim();
            offset += line.len();
            if content.starts_with('[') {
                if found.is_some() {
                    break;
                }
                if content.starts_with(&format!("[{header}]")) {
                    if seen == nth {
                        found = Some((start, false));
                    }
                    seen += 1;
                }
            } else if found.is_some() && content.split('=').next().is_some_and(|name| name.trim() == key) {
                return Some((start, true));
            }
        }
        found
    }
}
