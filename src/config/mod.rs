//! The configuration file: one section per file here, read with serde, every complaint placed at
//! file:line:column. Owns paths (relative ones stand beside the file), ranges and defaults; what the values mean
//! belongs to the modules that use them. `config.toml` at the top of the repository explains every key.

mod addresses;
mod audit;
mod callback;
mod checks;
mod citizen;
mod city;
mod disclosure;
mod email;
mod environment;
mod hep;
mod http;
mod journal;
mod keys;
mod log;
mod masked_call;
mod number;
mod oidc;
mod open311;
mod operator;
mod queue;
mod recording;
mod report;
mod rtp;
mod sign_in;
mod sip;
mod sms;
mod speech;
mod store;
mod trunk;
mod verification;
mod web_call;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::diagnostic::{Diagnostic, suggestion};

pub use addresses::OneOrMore;
pub use audit::{Audit, Engagements};
pub use callback::Callback;
pub use citizen::Citizen;
pub use city::City;
pub use disclosure::Disclosure;
pub use email::Email;
pub use hep::Hep;
pub use http::Http;
pub use journal::Journal;
pub use keys::Keys;
pub use log::Log;
pub use masked_call::MaskedCall;
pub use number::Number;
pub use open311::Open311;
pub use operator::Operator;
pub use queue::Queue;
pub use recording::Recording;
pub use report::Report;
pub use rtp::{PortRange, Rtp};
pub use sign_in::SignIn;
pub use sip::Sip;
pub use sms::Sms;
pub use speech::Speech;
pub use store::Store;
pub use trunk::Trunk;
pub use verification::Verification;
pub use web_call::WebCall;

/// A configuration file larger than this is none, bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Everything the administrator decides, checked.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub sip: Sip,
    pub rtp: Rtp,
    pub http: Http,
    pub store: Store,
    pub recording: Recording,
    pub number: Number,
    pub trunk: Vec<Trunk>,
    pub city: City,
    pub speech: Speech,
    pub queue: Vec<Queue>,
    pub callback: Callback,
    pub verification: Verification,
    pub sms: Sms,
    pub email: Email,
    pub masked_call: MaskedCall,
    pub operator: Operator,
    pub web_call: WebCall,
    pub citizen: Citizen,
    pub open311: Open311,
    pub report: Report,
    pub journal: Journal,
    pub keys: Keys,
    pub disclosure: Disclosure,
    pub sign_in: SignIn,
    pub audit: Audit,
    pub hep: Hep,
    pub log: Log,
}

impl Config {
    /// Reads `file`, lays the environment's `RINGBACK_SECTION__KEY` over it, and checks the whole.
    pub fn load(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::load_with_text(file).map(|(config, _)| config)
    }

    /// The same, and the text of the file.
    pub fn load_with_text(file: &Path) -> Result<(Self, String), Vec<Diagnostic>> {
        let name = file.display().to_string();
        let text = read(file).map_err(|error| vec![Diagnostic::at_offset(&name, "", 0, error)])?;
        let base = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok((Self::parse(&name, &text, std::env::vars(), base)?, text))
    }

    /// `environment` are all variables there are; `base` is where relative paths begin.
    pub fn parse(
        file: &str,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
        base: &Path,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut config: Self = toml::from_str(text).map_err(|error| vec![place(file, text, &error)])?;
        let overrides = environment::overrides(environment).map_err(|complaint| vec![complaint])?;
        if !overrides.is_empty() {
            config = environment::lay_over(text, overrides)?;
        }
        if config.queue.is_empty() {
            config.queue = queue::shipped();
        }
        config.resolve(base);
        let complaints = checks::check(file, text, &config);
        if complaints.is_empty() { Ok(config) } else { Err(complaints) }
    }

    fn resolve(&mut self, base: &Path) {
        for path in [
            &mut self.sip.standing,
            &mut self.recording.dir,
            &mut self.number.dialplan,
            &mut self.city.file,
            &mut self.speech.cache,
            &mut self.verification.dialplan,
        ] {
            *path = base.join(&*path);
        }
        let pem = [&mut self.sip.certificate, &mut self.sip.private_key, &mut self.sip.trusted_certificates];
        for path in pem.into_iter().flatten() {
            *path = base.join(&*path);
        }
        if let Some(register) = &mut self.city.addresses {
            *register = base.join(&*register);
        }
        for key in &mut self.open311.key {
            key.resolve(base);
        }
        for trunk in &mut self.trunk {
            if let Some(file) = &mut trunk.password_file {
                *file = base.join(&*file);
            }
        }
        self.sms.resolve(base);
        self.email.resolve(base);
        self.journal.resolve(base);
        if let Some(oidc) = &mut self.sign_in.oidc {
            oidc.resolve(base);
        }
        self.keys.resolve(base);
        self.disclosure.resolve(base);
        self.store.url = store::resolve(&self.store.url, base);
    }

    /// The folder with the prompt texts (`<lang>.toml`) and recorded prompts (`<lang>/<id>.wav`).
    pub fn prompts(&self) -> PathBuf {
        self.number.dialplan.parent().unwrap_or(Path::new(".")).join("prompts")
    }

    /// Keys of `other` that differ and that only a restart can change.
    pub fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        [
            ("sip.udp", self.sip.udp == other.sip.udp),
            ("sip.tcp", self.sip.tcp == other.sip.tcp),
            ("sip.tls", self.sip.tls_listeners() == other.sip.tls_listeners()),
            ("sip.realm", self.sip.realm == other.sip.realm),
            ("sip.digest", self.sip.digest == other.sip.digest),
            ("sip.standing", self.sip.standing == other.sip.standing),
            ("rtp.bind", self.rtp.bind == other.rtp.bind),
            ("rtp.ports", self.rtp.ports == other.rtp.ports),
            ("rtp.threads", self.rtp.threads == other.rtp.threads),
            ("rtp.codecs", self.rtp.codecs == other.rtp.codecs),
            ("rtp.srtp", self.rtp.srtp == other.rtp.srtp),
            ("http.bind", self.http.bind == other.http.bind),
            ("store", self.store == other.store),
            ("journal", self.journal == other.journal),
            ("hep", self.hep == other.hep),
            ("keys", self.keys == other.keys),
            ("disclosure", self.disclosure == other.disclosure),
            ("recording.enabled", self.recording.enabled == other.recording.enabled),
            ("recording.dir", self.recording.dir == other.recording.dir),
            ("number.short", self.number.short == other.number.short),
        ]
        .into_iter()
        .filter_map(|(key, same)| (!same).then_some(key))
        .collect()
    }

    /// Puts back what only a restart changes, so that nothing of it comes into force by half: the keys of
    /// [`Self::needs_restart`].
    pub fn keep_until_restart(&mut self, running: &Self) {
        let Sip { udp, tcp, realm, digest, standing, .. } = running.sip.clone();
        // What the running listeners came from, so that a certificate that is new does not seem to have brought any.
        let tls = Some(running.sip.tls_listeners());
        self.sip = Sip { udp, tcp, tls, realm, digest, standing, ..self.sip.clone() };
        self.rtp = running.rtp.clone();
        self.http.bind = running.http.bind;
        self.store = running.store.clone();
        self.journal = running.journal.clone();
        self.keys = running.keys.clone();
        self.disclosure = running.disclosure.clone();
        self.recording.enabled = running.recording.enabled;
        self.recording.dir.clone_from(&running.recording.dir);
        self.number.short.clone_from(&running.number.short);
    }
}

/// The whole of a configuration text, or why it cannot be read.
pub(crate) fn read(file: &Path) -> Result<String, String> {
    let length = std::fs::metadata(file).map_err(|error| format!("cannot be read: {error}"))?.len();
    if length > MAX_FILE_BYTES {
        return Err(format!("is {length} bytes long; at most {MAX_FILE_BYTES} are read"));
    }
    std::fs::read_to_string(file).map_err(|error| format!("cannot be read: {error}"))
}

/// The whole of a file that may be large, or why it cannot be read.
pub(crate) fn read_bytes(file: &Path, most: u64) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(file).map_err(|error| format!("cannot be read: {error}"))?.len();
    if length > most {
        return Err(format!("is {length} bytes long; at most {most} are read"));
    }
    std::fs::read(file).map_err(|error| format!("cannot be read: {error}"))
}

fn place(file: &str, text: &str, error: &toml::de::Error) -> Diagnostic {
    let offset = error.span().map_or(0, |span| span.start);
    Diagnostic::at_offset(file, text, offset, explain(error.message()))
}

/// Adds "did you mean" to serde's complaint about an unknown key.
fn explain(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((wrong, known)) = names.split_first() else { return message.to_owned() };
    if !message.starts_with("unknown field") {
        return message.to_owned();
    }
    match suggestion(wrong, known.iter().copied()) {
        Some(near) => format!("unknown key `{wrong}`; did you mean `{near}`?"),
        None => format!("unknown key `{wrong}`; known here: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
