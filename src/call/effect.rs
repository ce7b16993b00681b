//! What the switchboard and its calls want done outside: the only way out of the pure core.
//! Nothing is done here: `app/signalling.rs` carries effects out in order, the
//! simulation of `tests/it` does in tests.

use std::sync::Arc;
use std::time::Instant;

use crate::call::contact::Contact;
use crate::call::ladder::Ladder;
use crate::callback::CallBack;
use crate::case::CaseDraft;
use crate::dialplan::PromptRef;
use crate::ids::{ContactId, IncidentNumber, LegId, RecordingId, UserId};
use crate::ivr::Lookup;
use crate::journal::{Draft, MediaPosition};
use crate::media::{self, PlayId, Sound};
use crate::phone_number::PhoneNumber;
use crate::recording::{Marker, Recording};
use crate::sip::guard::Source;
use crate::sip::message::{Flow, Uri};
use crate::time::Timestamp;

/// Names one [`Effect::Commit`] whose outcome somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

/// Names one [`Effect::Resolve`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ResolutionId(pub u64);

/// Effects are to be carried out in order; those that answer do so by an
/// [`Input`](crate::switchboard::Input).
#[derive(Debug)]
pub enum Effect {
    Transmit {
        bytes: Vec<u8>,
        flow: Flow,
    },
    /// Who is behind this connection has shown a password or is a trunk.
    Vouch {
        flow: Flow,
    },
    /// Nothing that comes from there is read any more until then.
    Shun {
        source: Source,
        until: Instant,
    },
    Media(media::Command),
    /// Plays prompts once; answered by [`media::Event::PlayFinished`].
    PlayPrompts {
        leg: LegId,
        play: PlayId,
        prompts: Vec<PromptRef>,
    },
    /// Plays a sound that is no prompt yet, then prompts; answered like `PlayPrompts`.
    PlayBack {
        leg: LegId,
        play: PlayId,
        sound: Arc<Sound>,
        then: Vec<PromptRef>,
    },
    /// Reads what was said at `leg` and removes the file; its last `cut_ms` were a key. Answered by `DictationRead`.
    ReadDictation {
        leg: LegId,
        path: String,
        cut_ms: u32,
    },
    /// Answered by `PromptKept`.
    KeepPrompt {
        leg: LegId,
        by: UserId,
        prompt: PromptRef,
        sound: Arc<Sound>,
    },
    /// Plays music on hold until something replaces it.
    PlayMusic {
        leg: LegId,
        play: PlayId,
    },
    /// Plays the sound of a phone that rings far away, until something replaces it.
    PlayRinging {
        leg: LegId,
        play: PlayId,
    },
    /// Makes the file; answered by `RecordingOpened` or `RecordingOpenFailed`.
    OpenRecording {
        recording: Recording,
        description: String,
    },
    /// The call was answered at this moment.
    StartRecording {
        recording: RecordingId,
        started_at: Timestamp,
    },
    Mark {
        recording: RecordingId,
        marker: Marker,
    },
    /// Answered by `RecordingSealed`.
    SealRecording {
        recording: RecordingId,
    },
    DiscardRecording {
        recording: RecordingId,
    },
    /// Rows and entries in one transaction; answered by `Committed` when there is a ticket.
    Commit {
        ticket: Option<Ticket>,
        contact: Option<Box<Contact>>,
        recording: Option<Box<Recording>>,
        entries: Vec<Draft>,
    },
    /// One row of the list of those to be rung back, and what there is to tell of it.
    SaveCallBack {
        callback: Box<CallBack>,
        entries: Vec<Draft>,
    },
    /// The messages of a call that is over, in place of those saved before.
    SaveLadder {
        contact: ContactId,
        ladder: Box<Ladder>,
    },
    /// Answered by `CaseRegistered`.
    RegisterCase {
        contact: ContactId,
        draft: Box<CaseDraft>,
        at: Timestamp,
        media: Option<MediaPosition>,
    },
    /// The caller's case, registered from `draft` when they have none, becomes part of the incident; answered by
    /// `CaseRegistered`.
    AttachCaller {
        contact: ContactId,
        incident: IncidentNumber,
        draft: Box<CaseDraft>,
        at: Timestamp,
        media: Option<MediaPosition>,
    },
    /// Finds the servers a URI means; answered by `Resolved`.
    Resolve {
        resolution: ResolutionId,
        uri: Uri,
    },
    /// Answered by `LookupAnswered`.
    Lookup {
        contact: ContactId,
        lookup: Lookup,
        caller: PhoneNumber,
        /// Where in the recording it was asked for.
        media: Option<MediaPosition>,
    },
}
