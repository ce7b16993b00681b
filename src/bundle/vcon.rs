//! The case as a vCon (draft-ietf-vcon-vcon-core-04): who spoke, the recordings and pictures by their place in the bundle
//! with a digest, nothing analysed. The version of that format stands here and nowhere else. Signing it is `jws`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::STORY;
use super::story::{Photo, PhotoKind, Sound, Story};
use crate::call::contact::{Contact, Direction};
use crate::digest::Sha256;
use crate::people::Role;
use crate::phone_number::PhoneNumber;

/// The `vcon` parameter of draft-ietf-vcon-vcon-core-04.
pub const VERSION: &str = "0.4.0";
/// The draft's own name for WAV.
const WAV: &str = "audio/x-wav";
/// Index of the city among the parties.
const CITY: usize = 0;

/// SHA-512 of a file, as vCon writes it: `sha512-` and base64url.
#[derive(Clone, Debug, Default)]
pub struct ContentHasher(sha2::Sha512);

impl ContentHasher {
    pub fn update(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }

    pub fn finish(self) -> String {
        format!("sha512-{}", URL_SAFE_NO_PAD.encode(self.0.finalize()))
    }
}

/// Content hash of each file of the bundle by its name.
pub type ContentHashes = BTreeMap<String, String>;

/// The unsigned vCon. What it names by `url` are files of the bundle, relative to it.
pub fn vcon(story: &Story, hashes: &ContentHashes) -> Value {
    let parties = Parties::of(story);
    let dialog: Vec<Value> = story.calls.iter().map(|call| dialog(call, story, &parties, hashes)).collect();
    let mut attachments: Vec<Value> =
        story.photos.iter().map(|photo| attachment(photo, &parties, hashes)).collect();
    attachments.push(content(
        json!({ "purpose": "case", "start": story.made_at.rfc3339(), "party": CITY }),
        STORY,
        "application/json",
        hashes,
    ));
    if !dialog.is_empty() {
        attachments.iter_mut().for_each(|attachment| attachment["dialog"] = json!(0));
    }
    json!({
        "vcon": VERSION,
        "uuid": id(story),
        "created_at": story.made_at.rfc3339(),
        "subject": format!("{} {}", story.case.number, story.case.category),
        "parties": parties.list,
        "dialog": dialog,
        "attachments": attachments,
        "analysis": [],
    })
}

/// UUIDv8 (RFC 9562 5.8) of case and moment: the same bundle has the same.
pub fn id(story: &Story) -> String {
    let digest = Sha256::of(format!("{} {}", story.case.number, story.made_at).as_bytes());
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest.0[..16]);
    uuid::Builder::from_custom_bytes(octets).into_uuid().to_string()
}

struct Parties {
    list: Vec<Value>,
    citizens: BTreeMap<String, usize>,
    people: BTreeMap<String, usize>,
}

impl Parties {
    fn of(story: &Story) -> Self {
        let city = json!({ "tel": story.short_number, "role": "contact_centre" });
        let mut parties = Self { list: vec![city], citizens: BTreeMap::new(), people: BTreeMap::new() };
        let applicant = &story.case.applicant;
        let own = applicant.number.as_ref().map(PhoneNumber::as_str).unwrap_or_default();
        let callers = story.calls.iter().map(|call| call.caller.as_str());
        for number in std::iter::once(own).chain(callers) {
            if parties.citizens.contains_key(number) {
                continue;
            }
            let mut party = json!({ "role": "applicant" });
            if !number.is_empty() {
                party["tel"] = json!(number);
            }
            if let Some(name) = applicant.name.as_ref().filter(|_| number == own) {
                party["name"] = json!(name);
            }
            parties.citizens.insert(number.to_owned(), parties.list.len());
            parties.list.push(party);
        }
        for person in story.people.iter().filter(|person| person.role == Role::Operator.name()) {
            parties.people.insert(person.id.clone(), parties.list.len());
            parties.list.push(json!({ "name": person.name, "uuid": person.id, "role": "agent" }));
        }
        parties
    }

    fn citizen(&self, call: &Contact) -> usize {
        self.citizens.get(call.caller.as_str()).copied().unwrap_or(CITY + 1)
    }

    /// Who was heard on the city's side.
    fn city(&self, call: &Contact) -> Value {
        let operator = call.operator.and_then(|operator| self.people.get(&operator.to_string()));
        operator.map_or_else(|| json!(CITY), |operator| json!([CITY, operator]))
    }
}

fn dialog(call: &Contact, story: &Story, parties: &Parties, hashes: &ContentHashes) -> Value {
    let sound = story.recordings.iter().find(|sound| sound.call == call.id);
    let Some(sound) = sound.filter(|_| call.answered_at.is_some()) else { return incomplete(call, parties) };
    // Left is the citizen, right the city.
    let channels = json!([parties.citizen(call), parties.city(call)]);
    let mut dialog = json!({
        "type": "recording",
        "start": sound.started_at.rfc3339(),
        "duration": sound.duration_ms() as f64 / 1000.0,
        "parties": channels,
    });
    if call.direction == Direction::Outbound {
        dialog["originator"] = json!(CITY);
    }
    with_sound(dialog, sound, hashes)
}

/// What is erased has no content: everything else about it stays.
fn with_sound(dialog: Value, sound: &Sound, hashes: &ContentHashes) -> Value {
    match &sound.file {
        Some(file) => content(dialog, file, WAV, hashes),
        None => dialog,
    }
}

fn incomplete(call: &Contact, parties: &Parties) -> Value {
    let disposition = match call.direction {
        Direction::Outbound => "no-answer",
        Direction::Inbound if call.answered_at.is_some() => "failed",
        Direction::Inbound => "hung-up",
    };
    json!({
        "type": "incomplete",
        "start": call.offered_at.rfc3339(),
        "parties": [parties.citizen(call), CITY],
        "disposition": disposition,
    })
}

fn attachment(photo: &Photo, parties: &Parties, hashes: &ContentHashes) -> Value {
    let (purpose, party) = match photo.kind {
        PhotoKind::Evidence => ("evidence", CITY),
        PhotoKind::Attachment => {
            ("applicant_picture", parties.citizens.values().min().copied().unwrap_or(CITY))
        }
    };
    let attachment = json!({ "purpose": purpose, "start": photo.received_at.rfc3339(), "party": party });
    match &photo.file {
        Some(file) => content(attachment, file, &photo.content_type, hashes),
        None => attachment,
    }
}

fn content(mut object: Value, file: &str, mediatype: &str, hashes: &ContentHashes) -> Value {
    object["mediatype"] = json!(mediatype);
    object["filename"] = json!(file.rsplit('/').next().unwrap_or(file));
    object["url"] = json!(file);
    object["content_hash"] = json!(hashes.get(file));
    object
}
