//! Sound and pictures of a bundle: which ones the entries tell of, what was sealed of each, and what the vCon says of them. One
//! pass over every file gives all of its digests.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde_json::Value;

use super::super::jws;
use super::super::vcon::{ContentHasher, VERSION};
use super::super::{ALWAYS, VCON, recording_name, seconds_name};
use super::log::Log;
use super::{BLOCK, BundleFiles, Difference, Texts, Verified};
use crate::digest::{Hasher, Sha256};
use crate::ids::ContactId;
use crate::journal::VerifierKey;
use crate::recording::{Seal, SecondHasher, Seconds};
use crate::wav::HEADER_LEN;
use crate::wav::header::FRAME_LEN;

/// What an entry sealed of one recording.
struct Sealed {
    sha256: Sha256,
    seal: Option<Seal>,
    frames: u64,
    is_erased: bool,
    /// As the bundle has them.
    seconds: Option<Seconds>,
}

/// What has to be true of the files beside the texts.
#[derive(Default)]
pub(super) struct Content {
    recordings: BTreeMap<String, Sealed>,
    /// Digest by what stands before the dot.
    photos: BTreeMap<String, (Sha256, bool)>,
    /// By the vCon.
    hashes: BTreeMap<String, String>,
}

/// All digests of one file.
struct Digests {
    plain: Sha256,
    /// Of everything behind the head, then of the head, as recordings are sealed.
    rotated: Sha256,
    seconds: Seconds,
    content: String,
}

impl Content {
    pub(super) fn read(texts: &mut Texts<'_>, keys: &[VerifierKey], story: &Value, log: &Log) -> Self {
        let mut content = Self::default();
        for entry in log.of_type("rec.sealed") {
            let data = &entry.fields["data"];
            let call: Option<ContactId> = entry.fields["contact"].as_str().and_then(|call| call.parse().ok());
            let sha256 = data["sha256"].as_str().and_then(Sha256::from_hex);
            let (Some(call), Some(sha256)) = (call, sha256) else { continue };
            let seal: Option<Seal> = serde_json::from_value(data["seal"].clone()).ok();
            let is_erased = log.is_erased(Some(&call.to_string()));
            let frames = data["frames"].as_u64().unwrap_or(0);
            let seconds = content.seconds(texts, call, seal.as_ref(), is_erased);
            content
                .recordings
                .insert(recording_name(call), Sealed { sha256, seal, frames, is_erased, seconds });
        }
        for (event, id) in [("evidence.received", "evidence"), ("applicant.attached", "attachment")] {
            for entry in log.of_type(event) {
                let data = &entry.fields["data"];
                let digest = data["sha256"].as_str().and_then(Sha256::from_hex);
                if let (Some(id), Some(digest)) = (data[id].as_str(), digest) {
                    content.photos.insert(id.to_owned(), (digest, log.is_erased(None)));
                }
            }
        }
        content.read_vcon(texts, keys, story);
        content
    }

    /// The digests of a recording's seconds, where the seal has a root over them.
    fn seconds(
        &self,
        texts: &mut Texts<'_>,
        call: ContactId,
        seal: Option<&Seal>,
        is_erased: bool,
    ) -> Option<Seconds> {
        let seal = seal?;
        let name = seconds_name(call);
        if is_erased && texts.files.open(&name).is_err() {
            return None;
        }
        let text = texts.text(&name);
        let leaves: Option<Vec<Sha256>> = text.lines().map(Sha256::from_hex).collect();
        let octets: Vec<u8> = leaves.unwrap_or_default().iter().flat_map(|leaf| leaf.0).collect();
        let seconds = Seconds::from_bytes(&octets)?;
        if seconds.leaves().len() as u64 == seal.seconds && seconds.root() == seal.root {
            return Some(seconds);
        }
        texts.found.bad(&name, "these are not the seconds that were sealed");
        None
    }

    fn read_vcon(&mut self, texts: &mut Texts<'_>, keys: &[VerifierKey], story: &Value) {
        let document = texts.json(VCON);
        let payload = match jws::open(&document, keys) {
            Ok(payload) => payload,
            Err(error) => return texts.found.bad(VCON, error),
        };
        let vcon: Value = serde_json::from_slice(&payload).unwrap_or_default();
        if vcon["vcon"] != VERSION || vcon["created_at"] != story["made_at"] {
            texts.found.bad(VCON, "it is not the vCon of this case and moment");
        }
        let lists = ["dialog", "attachments"].map(|list| vcon[list].as_array().cloned().unwrap_or_default());
        for object in lists.iter().flatten() {
            if let (Some(url), Some(hash)) = (object["url"].as_str(), object["content_hash"].as_str()) {
                self.hashes.insert(url.to_owned(), hash.to_owned());
            }
        }
    }

    /// Reads every file once; what is wrong with it is said, its digest answered.
    pub(super) fn examine(
        &self,
        files: &mut dyn BundleFiles,
        names: &BTreeSet<String>,
        found: &mut Verified,
    ) -> BTreeMap<String, Sha256> {
        let mut digests = BTreeMap::new();
        for name in names {
            let sealed = self.recordings.get(name);
            let read = files.open(name).and_then(|mut file| digest(&mut file, sealed));
            let read = match read {
                Ok(read) => read,
                Err(error) => {
                    found.bad(name, format!("it cannot be read: {error}"));
                    continue;
                }
            };
            self.hold(name, sealed, &read, found);
            digests.insert(name.clone(), read.plain);
        }
        for (name, sealed) in &self.recordings {
            match (names.contains(name), sealed.is_erased) {
                (false, true) => found.erased += 1,
                (false, false) => found.add(Difference::Missing(name.clone())),
                (true, _) => found.recordings += 1,
            }
        }
        let stems: BTreeSet<&str> = names.iter().filter_map(|name| photo_id(name)).collect();
        for (id, (_, is_erased)) in &self.photos {
            match (stems.contains(id.as_str()), is_erased) {
                (true, _) => found.photos += 1,
                (false, true) => {}
                (false, false) => found.add(Difference::Missing(format!("photos/{id}"))),
            }
        }
        digests
    }

    fn hold(&self, name: &str, sealed: Option<&Sealed>, read: &Digests, found: &mut Verified) {
        if let Some(hash) = self.hashes.get(name)
            && *hash != read.content
        {
            found.bad(name, "the vCon has another content_hash of it");
        }
        if let Some(sealed) = sealed {
            if sealed.sha256 != read.rotated {
                let detail = sealed.compare(&read.seconds);
                found.add(Difference::Recording { name: name.to_owned(), detail });
            }
        } else if let Some(id) = photo_id(name) {
            match self.photos.get(id) {
                Some((digest, _)) if *digest == read.plain => {}
                Some(_) => found.bad(name, "it is not the picture of its entry"),
                None => found.add(Difference::Unknown(name.to_owned())),
            }
        } else if !ALWAYS.contains(&name) && !self.is_of_a_recording(name) {
            found.add(Difference::Unknown(name.to_owned()));
        }
    }

    fn is_of_a_recording(&self, name: &str) -> bool {
        name.strip_suffix(".seconds").is_some_and(|stem| {
            self.recordings.get(&format!("{stem}.wav")).is_some_and(|sealed| sealed.seal.is_some())
        })
    }
}

impl Sealed {
    /// Where it differs, as far as the digests of its seconds tell.
    fn compare(&self, found: &Seconds) -> String {
        let sealed = self.seconds.as_ref().map_or(&[][..], Seconds::leaves);
        let mut altered = (0..sealed.len()).filter(|at| sealed.get(*at) != found.leaves().get(*at));
        match altered.next() {
            Some(first) => {
                let last = altered.next_back().unwrap_or(first);
                format!("changed: it is not what was sealed, from second {first} to {last}")
            }
            None => "changed: it is not what was sealed".to_owned(),
        }
    }
}

/// `photos/ID.ending`.
fn photo_id(name: &str) -> Option<&str> {
    name.strip_prefix("photos/").and_then(|name| name.split_once('.')).map(|(id, _)| id)
}

fn digest(file: &mut dyn Read, sealed: Option<&Sealed>) -> io::Result<Digests> {
    let (mut plain, mut behind, mut content) =
        (Hasher::default(), Hasher::default(), ContentHasher::default());
    let seal = sealed.and_then(|sealed| sealed.seal);
    let mut seconds = SecondHasher::new(seal.map_or(1, |seal| u64::from(seal.sample_rate) * FRAME_LEN));
    let mut unheard = seal.and(sealed).map_or(0, |sealed| sealed.frames.saturating_mul(FRAME_LEN));
    let mut head = Vec::with_capacity(HEADER_LEN);
    let mut block = vec![0; BLOCK];
    loop {
        let len = match file.read(&mut block) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let octets = &block[..len];
        plain.update(octets);
        content.update(octets);
        let (into_head, rest) = octets.split_at((HEADER_LEN - head.len()).min(len));
        head.extend_from_slice(into_head);
        behind.update(rest);
        let heard = usize::try_from(unheard).unwrap_or(usize::MAX).min(rest.len());
        seconds.update(&rest[..heard]);
        unheard -= heard as u64;
    }
    behind.update(&head);
    Ok(Digests {
        plain: plain.finish(),
        rotated: behind.finish(),
        seconds: seconds.finish(),
        content: content.finish(),
    })
}
