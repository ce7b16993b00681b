//! What the service has on its record and on the disk, held against what the callers know: no call without its contact,
//! no row without its file, no file without its row, and how much of the sound is missing. The calls are those of
//! `ledger.rs`; what is wrong is written down and not asserted.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use ringback::call::contact::Contact;
use ringback::recording::{Recording, RecordingResult, RecordingState};
use ringback::store::{ContactFilter, Page, Store};
use ringback::time::Timestamp;

use crate::ledger::Call;
use crate::recordings::{self, Channel, Mark, RATE, Recording as Sound};
use crate::speech::Speech;

/// What may be missing at the end, ms.
const MAY_LACK_MS: i64 = 1000;
/// The service answers before its 200 is heard, and hangs up when the BYE has come, ms.
const MAY_BE_LONGER_MS: i64 = 500;
/// A case that was asked for this long before the end is durable.
const CASE_IS_DURABLE: Duration = Duration::from_secs(1);
const PIECE_MS: i64 = 20;
/// A piece that stands this many pieces from its place is not what was said then.
const ASTRAY: i64 = 25;
const PAGE: u32 = 200;

#[derive(Debug, Default)]
pub struct Account {
    /// Times a file was opened as a crash had left it, and those whose head did not count all samples yet.
    pub opened: u64,
    pub uncounted: u64,
    /// Recordings that were listened to.
    pub listened: u64,
    pub calls: u64,
    pub answered: u64,
    /// Calls that were answered just before the end: their row does not say so yet.
    pub answer_unwritten: u64,
    pub whole: u64,
    pub degraded: u64,
    pub discarded: u64,
    pub with_case: u64,
    /// The worst of all, ms: by the length of the file, by what the caller had said, by what the caller had heard.
    pub lack_ms: i64,
    pub said_lack_ms: i64,
    pub heard_lack_ms: i64,
    /// Pieces of the callers.
    pub exact: u64,
    pub unknown: u64,
    /// What is not as it must be.
    pub complaints: Vec<String>,
    /// Files that have a row.
    paths: HashSet<String>,
}

/// One life of the service.
pub struct Life<'a> {
    pub calls: &'a [Call],
    pub began_at: Timestamp,
    pub killed_at: Instant,
}

impl Account {
    /// Every file, as the crash has left it.
    pub fn open_all(&mut self, folder: &Path) {
        for file in recordings::files(folder) {
            let octets = std::fs::read(&file).unwrap();
            self.opened += 1;
            match crate::riff::read(&octets) {
                Ok(riff) => self.uncounted += u64::from(riff.uncounted > 0),
                Err(error) => self.complain(format!("{} does not open: {error}", file.display())),
            }
        }
    }

    /// Rows and files, after the service has come back.
    pub async fn settle(&mut self, store: &Store, folder: &Path, life: &Life<'_>, speech: &Speech) {
        let mut contacts: BTreeMap<String, Contact> = BTreeMap::new();
        for contact in contacts_since(store, life.began_at).await {
            contacts.insert(contact.sip_call_id.clone(), contact);
        }
        let mut rows = BTreeMap::new();
        for contact in contacts.values() {
            let recordings = store.recordings_of(contact.id).await.unwrap();
            self.check_contact(contact, &recordings);
            for recording in recordings {
                self.check_row(&recording, folder);
                rows.insert(recording.contact, recording);
            }
        }
        for call in life.calls {
            self.calls += 1;
            let contact = contacts.get(&call.call_id);
            if call.answered_at.is_none() {
                continue;
            }
            self.answered += 1;
            let Some(contact) = contact else {
                self.complain(format!("call {} was answered and has no contact", call.call_id));
                continue;
            };
            self.check_case(call, contact, life.killed_at);
            self.answer_unwritten += u64::from(contact.answered_at.is_none());
            match rows.get(&contact.id) {
                Some(recording) => self.check_sound(call, recording, folder, speech),
                None => self.complain(format!("call {} was answered and has no recording", call.call_id)),
            }
        }
        self.look_for_strangers(folder);
    }

    pub fn complain(&mut self, complaint: String) {
        self.complaints.push(complaint);
    }

    fn check_contact(&mut self, contact: &Contact, recordings: &[Recording]) {
        if contact.ended_at.is_none() || contact.termination.is_none() || contact.disposition.is_none() {
            self.complain(format!("contact {} is not closed", contact.id));
        }
        if recordings.len() != 1 {
            self.complain(format!("contact {} has {} recordings", contact.id, recordings.len()));
        }
        if contact.queued_at.is_some() && contact.case.is_none() {
            self.complain(format!("contact {} was in the queue and has no case", contact.id));
        }
        self.with_case += u64::from(contact.case.is_some());
    }

    fn check_row(&mut self, row: &Recording, folder: &Path) {
        let file = folder.join(&row.path);
        if row.state != RecordingState::Sealed {
            self.complain(format!("recording {} is not sealed", row.id));
        }
        match row.result {
            Some(RecordingResult::Ok) => self.whole += 1,
            Some(RecordingResult::Degraded) => self.degraded += 1,
            Some(RecordingResult::Discarded) => self.discarded += 1,
            Some(RecordingResult::Failed) | None => {
                self.complain(format!("recording {} has result {:?}", row.id, row.result));
            }
        }
        if row.result == Some(RecordingResult::Discarded) {
            return;
        }
        self.paths.insert(row.path.clone());
        match std::fs::read(&file).map_err(|error| error.to_string()).and_then(|octets| {
            let riff = crate::riff::read(&octets)?;
            Ok((riff.frames(), riff.uncounted))
        }) {
            Ok((frames, 0)) if frames == row.frames => {}
            Ok((frames, uncounted)) => self.complain(format!(
                "{}: {frames} frames and {uncounted} octets, the row says {}",
                file.display(),
                row.frames
            )),
            Err(error) => self.complain(format!("{}: {error}", file.display())),
        }
    }

    fn check_case(&mut self, call: &Call, contact: &Contact, killed_at: Instant) {
        let is_old = |rang_at| killed_at.saturating_duration_since(rang_at) > CASE_IS_DURABLE;
        if contact.case.is_none() && call.rang_at.is_some_and(is_old) {
            self.complain(format!("call {} was offered to an operator and has no case", call.call_id));
        }
    }

    /// How much is missing, and whether what is there is what was said.
    fn check_sound(&mut self, call: &Call, row: &Recording, folder: &Path, speech: &Speech) {
        let Some(length) = call.length() else { return };
        let lack = length.as_millis() as i64 - (row.frames as f64 * 1000.0 / RATE) as i64;
        self.lack_ms = self.lack_ms.max(lack);
        if !(-MAY_BE_LONGER_MS..=MAY_LACK_MS).contains(&lack) {
            self.complain(format!("{}: {lack} ms of {length:?} are missing", row.path));
        }
        if row.result == Some(RecordingResult::Discarded) {
            return;
        }
        let Ok(sound) = recordings::listen(&folder.join(&row.path), speech) else { return };
        self.listened += 1;
        self.exact += sound.left.listener.exact;
        self.unknown += sound.left.listener.unknown;
        let (said, heard) = (said_lack_ms(call, &sound, speech), heard_lack_ms(call, &sound, speech));
        self.said_lack_ms = self.said_lack_ms.max(said);
        self.heard_lack_ms = self.heard_lack_ms.max(heard);
        for (lack, what) in [(said, "said"), (heard, "heard")] {
            if lack > MAY_LACK_MS {
                self.complain(format!("{}: the last {lack} ms of what was {what} are missing", row.path));
            }
        }
        let astray = astray(call, &sound.left, speech);
        if astray > 0 {
            self.complain(format!("{}: {astray} pieces were not said there", row.path));
        }
    }

    fn look_for_strangers(&mut self, folder: &Path) {
        let there: HashSet<String> = recordings::files(folder)
            .iter()
            .filter_map(|file| Some(file.strip_prefix(folder).ok()?.to_str()?.to_owned()))
            .collect();
        let mut complaints: Vec<String> =
            there.difference(&self.paths).map(|file| format!("{file} has no row")).collect();
        complaints.extend(self.paths.difference(&there).map(|file| format!("{file} is gone")));
        self.complaints.append(&mut complaints);
        // Each is told once.
        self.paths = there;
    }
}

async fn contacts_since(store: &Store, from: Timestamp) -> Vec<Contact> {
    let filter = ContactFilter { from: Some(from), ..ContactFilter::default() };
    let (mut contacts, mut cursor) = (Vec::new(), None);
    loop {
        let listed = store.contacts(&filter, &Page { limit: PAGE, cursor }).await.unwrap();
        contacts.extend(listed.items);
        cursor = listed.next;
        if cursor.is_none() {
            return contacts;
        }
    }
}

/// Which piece of its caller a place in the text is; calls are shorter than the text.
fn number_of(call: &Call, place: u64, speech: &Speech) -> i64 {
    let pieces = speech.pieces() as i64;
    (place as i64 - speech.place_of(call.caller, 0) as i64).rem_euclid(pieces)
}

/// Milliseconds from the end of the last piece that is known to the end of the file: whatever stands there was said
/// after it.
fn behind_ms(mark: Mark, frames: u64) -> i64 {
    (frames as i64 - mark.sample) * 1000 / RATE as i64 - PIECE_MS
}

fn said_lack_ms(call: &Call, sound: &Sound, speech: &Speech) -> i64 {
    let said = call.said as i64 * PIECE_MS;
    let Some(mark) = sound.left.marks.last() else { return said - sound.frames as i64 * 1000 / RATE as i64 };
    let recorded = (number_of(call, mark.place, speech) + 1) * PIECE_MS;
    said - recorded - behind_ms(*mark, sound.frames)
}

/// Where nothing of the operator is recorded, all that was heard is missing.
fn heard_lack_ms(call: &Call, sound: &Sound, speech: &Speech) -> i64 {
    let Some((heard, pieces)) = call.heard else { return 0 };
    let Some(mark) = sound.right.marks.last() else { return pieces as i64 * PIECE_MS };
    let all = speech.pieces() as i64;
    let ahead = (heard as i64 - mark.place as i64).rem_euclid(all);
    // The file may be ahead of what has arrived at the caller.
    let ahead = if ahead > all / 2 { ahead - all } else { ahead };
    (ahead * PIECE_MS - behind_ms(*mark, sound.frames)).max(0)
}

/// Pieces that do not stand where the first of them says they should.
fn astray(call: &Call, left: &Channel, speech: &Speech) -> usize {
    let late = |mark: &Mark| mark.sample / 160 - number_of(call, mark.place, speech);
    let Some(usual) = left.marks.first().map(late) else { return 0 };
    left.marks.iter().filter(|mark| (late(mark) - usual).abs() > ASTRAY).count()
}
