//! The store and the disk of the simulation: they answer late, in order, and sometimes not well.
//! Here is what they hold; when and how they answer is in `service.rs`, what
//! must be true of it in `invariants.rs`.

use std::collections::HashMap;

use ringback::call::contact::Contact;
use ringback::case::CaseDraft;
use ringback::ids::{ContactId, RecordingId};
use ringback::journal::{Draft, EventType};
use ringback::recording::Recording;

/// What was written, as the database would hold it.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub contacts: HashMap<ContactId, Contact>,
    pub by_call_id: HashMap<String, ContactId>,
    pub recordings: HashMap<RecordingId, Recording>,
    pub entries: HashMap<ContactId, Vec<Draft>>,
    pub cases: HashMap<ContactId, Vec<CaseDraft>>,
    pub registered: u64,
}

impl Record {
    pub(super) fn write(
        &mut self,
        contact: Option<Contact>,
        recording: Option<Recording>,
        entries: Vec<Draft>,
    ) {
        if let Some(contact) = contact {
            self.by_call_id.insert(contact.sip_call_id.clone(), contact.id);
            self.contacts.insert(contact.id, contact);
        }
        if let Some(recording) = recording {
            self.recordings.insert(recording.id, recording);
        }
        for entry in entries {
            if let Some(contact) = entry.contact {
                self.entries.entry(contact).or_default().push(entry);
            }
        }
    }

    /// In order of time, as the timeline shows them.
    pub(super) fn events(&self, contact: ContactId) -> Vec<EventType> {
        let mut entries: Vec<&Draft> = self.entries.get(&contact).into_iter().flatten().collect();
        entries.sort_by_key(|entry| entry.at);
        entries.into_iter().map(|entry| entry.event).collect()
    }
}

/// One recording file.
#[derive(Debug, Default)]
pub(super) struct Tape {
    pub open: bool,
    pub frames: u64,
    /// Ticks in which the citizen was heard.
    pub loud_ticks: u64,
    pub sealed: bool,
    pub discarded: bool,
}
