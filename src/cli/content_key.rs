//! `ringback content-key FILE`: makes the key under which content is encrypted; never replaces a file. `ringback content-key
//! --rewrap`: wraps all keys of calls and cases with the newest key of the configuration, beside a working service.

use std::path::{Path, PathBuf};

use super::{Outcome, journal_key};
use crate::content_key::MasterKey;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the key goes; readable by its owner only.
    #[arg(required_unless_present = "rewrap", conflicts_with = "rewrap")]
    file: Option<PathBuf>,
    /// Everything that former keys wrapped is wrapped with the newest one; stopped anywhere, the next run goes on. Restart the
    /// service with the newest key first.
    #[arg(long)]
    rewrap: bool,
}

pub(super) async fn run(config: &Path, args: &Args) -> Outcome {
    let Some(file) = &args.file else { return rewrap(config).await };
    println!("{}", make(file)?);
    Ok(())
}

/// Makes the key and its file; the key's number.
pub(super) fn make(file: &Path) -> anyhow::Result<String> {
    let key = MasterKey::new(rand::random());
    journal_key::write_secret(file, &key.secret_text())?;
    Ok(key.id().to_owned())
}

async fn rewrap(config: &Path) -> Outcome {
    let config = super::load(config)?;
    let Some(keys) = config.keys.ring() else {
        return Err(anyhow::anyhow!("[keys] of the configuration names no key").into());
    };
    let store = crate::app::open_store(&config).await?;
    let mut told = |done: u64| eprintln!("{done} wrapped");
    let secrets = store.wrap_second_factors().await;
    let done = store.rewrap_content_keys(&mut told).await;
    store.close().await;
    let done = done? + secrets?;
    println!("{done} secrets were wrapped anew; nothing needs a key before {} any more", keys.newest().id());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("content.key");
        let number = make(&file).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(MasterKey::parse(&text).unwrap().id(), number);
        assert!(make(&file).is_err(), "it was overwritten");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}
