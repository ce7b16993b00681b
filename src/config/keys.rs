//! `[keys]`: the master key under which content is encrypted at rest, and those before it. What it wraps stands in
//! `content_key/`, what is encrypted in decision 0033. A change takes a restart.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::sms::secret;
use crate::content_key::{KeyRing, MasterKey};
use crate::notify::Secret;

/// Former keys at most; each is needed from one change to the end of its `--rewrap`.
const MAX_FORMER: usize = 20;

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// The key itself, for the environment; none leaves content plain.
    pub key: Option<Secret>,
    pub key_file: Option<PathBuf>,
    /// Of keys that wrapped before this one.
    pub former_key_files: Vec<PathBuf>,
}

impl Keys {
    pub(super) fn resolve(&mut self, base: &Path) {
        for file in self.key_file.iter_mut().chain(&mut self.former_key_files) {
            *file = base.join(&*file);
        }
    }

    /// What is wrong, each with the key it stands at; no secret is in any of it.
    pub(super) fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let current = self.key_file.iter().map(|file| ("key_file", file));
        let former = self.former_key_files.iter().map(|file| ("former_key_files", file));
        for (key, file) in current.chain(former.clone()) {
            let metadata = std::fs::metadata(file);
            if metadata.is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
                found.push((key, format!("others can read {}: chmod 600", file.display())));
            }
        }
        if let Err(error) = self.read_newest() {
            found.push((if self.key_file.is_some() { "key_file" } else { "key" }, error));
        }
        for (key, file) in former {
            if let Err(error) = read_key(None, Some(file)) {
                found.push((key, error));
            }
        }
        if self.former_key_files.len() > MAX_FORMER {
            found.push(("former_key_files", format!("at most {MAX_FORMER} former keys are kept")));
        }
        if matches!(self.read_newest(), Ok(None)) && !self.former_key_files.is_empty() {
            found.push(("former_key_files", "former keys need a newer one: set key_file".to_owned()));
        }
        found
    }

    fn read_newest(&self) -> Result<Option<MasterKey>, String> {
        read_key(self.key.as_ref(), self.key_file.as_deref())
    }

    /// None where content stays plain. What cannot be read was complained about when the file was checked.
    pub fn ring(&self) -> Option<KeyRing> {
        let newest = self.read_newest().ok().flatten()?;
        let former =
            self.former_key_files.iter().filter_map(|file| read_key(None, Some(file)).ok().flatten());
        Some(KeyRing::new(newest, former.collect()))
    }
}

fn read_key(given: Option<&Secret>, file: Option<&Path>) -> Result<Option<MasterKey>, String> {
    let Some(Secret(text)) = secret(given, file)? else { return Ok(None) };
    let named =
        |error| file.map_or_else(|| format!("{error}"), |file| format!("{}: {error}", file.display()));
    MasterKey::parse(&text).map(Some).map_err(named)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn key_file(folder: &Path, n: u8, mode: u32) -> PathBuf {
        let file = folder.join(format!("{n}.key"));
        std::fs::write(&file, MasterKey::new([n; 32]).secret_text()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_key_is_for_its_owner_only_and_has_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        let (good, open) = (key_file(folder.path(), 1, 0o600), key_file(folder.path(), 2, 0o640));
        let keys = Keys { key_file: Some(good.clone()), ..Keys::default() };
        assert_eq!(keys.complaints(), []);
        assert_eq!(keys.ring().unwrap().newest(), &MasterKey::new([1; 32]));
        assert_eq!(Keys::default().ring(), None);
        let complaints = |keys: Keys| keys.complaints().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(complaints(Keys { key_file: Some(open.clone()), ..Keys::default() }), ["key_file"]);
        let missing = folder.path().join("none");
        assert_eq!(complaints(Keys { key_file: Some(missing), ..Keys::default() }), ["key_file"]);
        let key = Some(Secret("CONTENT+KEY+none".to_owned()));
        assert_eq!(complaints(Keys { key, ..Keys::default() }), ["key"]);
        let former_key_files = vec![open];
        let former =
            Keys { key_file: Some(good), former_key_files: former_key_files.clone(), ..Keys::default() };
        assert_eq!(complaints(former), ["former_key_files"], "it may be read by others");
        assert!(complaints(Keys { former_key_files, ..Keys::default() }).len() > 1, "nothing is newer");
    }
}
