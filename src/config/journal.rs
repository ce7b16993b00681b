//! `[journal]`: the key that signs checkpoints of the journal, where its tree's tiles lie, how often one is made.
//! What a checkpoint is stands in `journal/checkpoint.rs`; when one is due decides `app/checkpointer.rs`. A change takes a
//! restart.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::checks::within;
use super::sms::secret;
use crate::journal::{SignerKey, VerifierKey};
use crate::notify::Secret;

#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    /// The private key itself, for the environment; none switches checkpoints off.
    pub key: Option<Secret>,
    pub key_file: Option<PathBuf>,
    /// Public keys that signed before this one.
    pub former_keys: Vec<String>,
    /// The folder in which `tile/` is.
    pub dir: PathBuf,
    /// Seconds from one checkpoint to the next where something was journalled, 1 to 86,400.
    #[serde(deserialize_with = "within::<1, 86_400, _>")]
    pub checkpoint_secs: u64,
    /// New entries that do not wait for that, 1 to 1,000,000.
    #[serde(deserialize_with = "within::<1, 1_000_000, _>")]
    pub checkpoint_entries: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            key: None,
            key_file: None,
            former_keys: Vec::new(),
            dir: PathBuf::from("data/log"),
            checkpoint_secs: 60,
            checkpoint_entries: 10_000,
        }
    }
}

impl Journal {
    pub(super) fn resolve(&mut self, base: &Path) {
        self.dir = base.join(&self.dir);
        if let Some(file) = &mut self.key_file {
            *file = base.join(&*file);
        }
    }

    /// What is wrong, each with the key it stands at; the private key is in none of it.
    pub(super) fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let private = self.key_file.as_deref().and_then(|file| std::fs::metadata(file).ok());
        if private.is_some_and(|file| file.permissions().mode() & 0o077 != 0) {
            found.push(("key_file", "others can read the private key: chmod 600".to_owned()));
        }
        if let Err(error) = self.read_key() {
            found.push((if self.key_file.is_some() { "key_file" } else { "key" }, error));
        }
        for key in &self.former_keys {
            if let Err(error) = VerifierKey::parse(key) {
                found.push(("former_keys", format!("'{key}': {error}")));
            }
        }
        found
    }

    fn read_key(&self) -> Result<Option<SignerKey>, String> {
        let Some(Secret(text)) = secret(self.key.as_ref(), self.key_file.as_deref())? else {
            return Ok(None);
        };
        SignerKey::parse(&text).map(Some).map_err(|error| error.to_string())
    }

    /// None where nothing is signed. What cannot be read was complained about when the file was checked.
    pub fn signer(&self) -> Option<SignerKey> {
        self.read_key().ok().flatten()
    }

    /// Keys whose signatures count: this one's and those before it.
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        let former = self.former_keys.iter().filter_map(|key| VerifierKey::parse(key).ok());
        self.signer().map(|key| key.verifier().clone()).into_iter().chain(former).collect()
    }
}
