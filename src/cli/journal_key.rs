//! `ringback journal-key FILE`: makes the private key that signs checkpoints of the journal, and prints the public one, which
//! auditors keep. Never replaces a file.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Outcome;
use crate::config::Config;
use crate::journal::{SignerKey, VerifierKey};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the private key goes; readable by its owner only.
    file: PathBuf,
    /// Whose journal it is, as in city.example/1580; without it the address of [citizen] and the short number.
    #[arg(long)]
    origin: Option<String>,
}

pub(super) fn run(config: &Path, args: &Args) -> Outcome {
    let origin = match &args.origin {
        Some(origin) => origin.clone(),
        None => usual_origin(&super::load(config)?),
    };
    let public = make(&args.file, &origin)?;
    println!("{public}");
    Ok(())
}

/// `city.example/1580`, or `ringback/1580` where the city's address is not known.
pub(super) fn usual_origin(config: &Config) -> String {
    let page = config.citizen.page();
    let host = page.as_deref().and_then(|page| page.split_once("://")).map_or("ringback", |(_, host)| host);
    format!("{host}/{}", config.number.short)
}

/// Makes the key and its file; the public half.
pub(super) fn make(file: &Path, origin: &str) -> anyhow::Result<VerifierKey> {
    let key = SignerKey::new(origin, rand::random()).with_context(|| format!("--origin {origin}"))?;
    write_secret(file, &key.secret_text())?;
    Ok(key.verifier().clone())
}

/// Makes a file with a secret that only its owner may read; one that is there stays.
pub(super) fn write_secret(file: &Path, secret: &str) -> anyhow::Result<()> {
    let shown = || file.display().to_string();
    let mut made = File::options().write(true).create_new(true).mode(0o600).open(file).with_context(shown)?;
    writeln!(made, "{secret}").and_then(|()| made.sync_all()).with_context(shown)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("journal.key");
        let public = make(&file, "city.example/1580").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(SignerKey::parse(&text).unwrap().verifier(), &public);
        assert!(make(&file, "city.example/1580").is_err(), "it was overwritten");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        assert!(make(&folder.path().join("other"), "two words").is_err());
        assert!(!folder.path().join("other").exists());
    }
}
