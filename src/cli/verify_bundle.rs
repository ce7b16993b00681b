//! `ringback verify --bundle FILE|FOLDER [--key PUBLIC-KEY]`: an exported case against its signatures, without a configuration
//! or a database. What is looked at stands in `crate::bundle::verify`.

use std::path::Path;

use anyhow::Context as _;

use super::{Failure, Outcome};
use crate::bundle::verify::{Verified, verify};
use crate::export::Source;
use crate::journal::VerifierKey;

pub(super) fn run(place: &Path, keys: &[String]) -> Outcome {
    let trusted: Vec<VerifierKey> = keys
        .iter()
        .map(|key| VerifierKey::parse(key).with_context(|| format!("--key {key}")))
        .collect::<Result<_, _>>()?;
    if !place.exists() {
        return Err(anyhow::anyhow!("{}: there is no such bundle", place.display()).into());
    }
    let verified = match Source::open(place) {
        Ok(mut source) => verify(&mut source, &trusted),
        // What cannot be opened any more was changed.
        Err(error) => return Err(Failure::No(format!("{}: it cannot be read: {error}", place.display()))),
    };
    say(&verified);
    if verified.is_good() { Ok(()) } else { Err(Failure::changed()) }
}

fn say(verified: &Verified) {
    let Verified { case, made_at, size, entries, recordings, erased, photos, files, .. } = verified;
    for difference in &verified.differences {
        println!("{difference}");
    }
    println!("case {case}, exported {made_at}");
    println!(
        "{files} files: {entries} entries of a journal of {size}, {recordings} recordings, {erased} erased ones, {photos} pictures"
    );
    match (&verified.key, verified.is_key_trusted) {
        (Some(key), true) => println!("held against the key {key}"),
        (Some(key), false) => {
            println!(
                "held against the key inside, {key}: compare it with the one the city publishes, or give it with --key"
            );
        }
        (None, _) => println!("there is no key to hold it against"),
    }
}
