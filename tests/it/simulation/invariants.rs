//! DOMAIN.md's invariants, as far as calls go: what must hold after each step, and what at the end.
//! They look at snapshots, rows and tapes only, never inside a machine; machines left
//! unfinished are `world.rs`'s to find.

use std::collections::{HashMap, HashSet};

use ringback::acd::OperatorStatus;
use ringback::call::contact::Disposition;
use ringback::ids::{ContactId, UserId};
use ringback::journal::EventType;
use ringback::recording::{RecordingResult, RecordingState};
use ringback::switchboard::Snapshot;
use ringback::switchboard::snapshot::CallPhase;

use super::record::{Record, Tape};

/// How far a recording's length may be from the call's.
const LENGTH_TOLERANCE_MS: i64 = 100;

/// One call to one operator, one operator to one call; both sides agree on it.
pub(super) fn after_each_step(snapshot: &Snapshot) {
    let mut holders: HashMap<UserId, ContactId> = HashMap::new();
    // Who is rung to take a call over from an operator who still has it.
    let mut rung: HashMap<UserId, ContactId> = HashMap::new();
    for call in &snapshot.calls {
        if let Some(target) = call.transfer_to {
            assert_ne!(call.operator, Some(target), "{} is transferred to who has it", call.id);
            assert!(rung.insert(target, call.id).is_none(), "operator {target} is rung for two calls");
        }
        if !matches!(call.phase, CallPhase::Ringing | CallPhase::Talking) {
            continue;
        }
        let operator =
            call.operator.unwrap_or_else(|| panic!("{} rings or talks without an operator", call.id));
        assert!(
            call.phase == CallPhase::Ringing || call.also_ringing.is_empty(),
            "{} talks and rings",
            call.id
        );
        for operator in [operator].into_iter().chain(call.also_ringing.iter().copied()) {
            if let Some(other) = holders.insert(operator, call.id) {
                panic!("operator {operator} is in {other} and {}", call.id);
            }
        }
    }
    for operator in &snapshot.operators {
        if let Some(contact) = rung.get(&operator.id) {
            assert_eq!(operator.status, OperatorStatus::Offered { contact: *contact }, "{}", operator.id);
            assert_eq!(holders.get(&operator.id), None, "operator {} is rung and has a call", operator.id);
            continue;
        }
        let (status, phase) = match &operator.status {
            OperatorStatus::Offered { contact } => (Some(contact), CallPhase::Ringing),
            OperatorStatus::Talking { contact } => (Some(contact), CallPhase::Talking),
            _ => (None, CallPhase::Setup),
        };
        match (status, holders.get(&operator.id)) {
            (None, None) => {}
            (Some(contact), Some(held)) if contact == held => {
                let call = snapshot.calls.iter().find(|call| call.id == *contact).unwrap();
                assert_eq!(call.phase, phase, "operator {} and call {contact} disagree", operator.id);
            }
            (status, held) => panic!("operator {} is {status:?}, but the calls say {held:?}", operator.id),
        }
    }
    for call in &snapshot.calls {
        assert!(call.position.is_none() || call.phase != CallPhase::Talking, "{} talks and waits", call.id);
        if call.phase == CallPhase::Waiting {
            assert!(call.position.is_some(), "{} waits in no queue", call.id);
        }
    }
}

/// Each contact is complete, told once, and its recording is as long as the call.
pub(super) fn at_the_end(record: &Record, tapes: &HashMap<ringback::ids::RecordingId, Tape>) {
    let mut numbers = HashSet::new();
    for contact in record.contacts.values() {
        let id = contact.id;
        let events = record.events(id);
        assert_eq!(events.first(), Some(&EventType::ContactOffered), "{id}: {events:?}");
        let count = |event| events.iter().filter(|seen| **seen == event).count();
        assert!(
            contact.ended_at.is_some() && contact.termination.is_some(),
            "{id} is still open: {events:?}"
        );
        assert_eq!(count(EventType::ContactEnded), 1, "{id} ended once: {events:?}");
        assert_eq!(count(EventType::ContactDisposed), 1, "{id} has exactly one disposition: {events:?}");
        assert!(contact.disposition.is_some(), "{id}");
        let cases = record.cases.get(&id).map_or(0, Vec::len);
        if contact.queued_at.is_some() {
            assert_eq!(cases, 1, "{id} was in the queue and has one case: {events:?}");
        }
        assert!(cases <= 1, "{id} has {cases} cases");
        if let Some(number) = &contact.case {
            assert!(numbers.insert(number.clone()), "{number} twice");
        }
        if contact.connected_at.is_none() && contact.queued_at.is_some() {
            // Who was sent on may have left a message.
            let left_word = contact.disposition == Some(Disposition::CaseCreated)
                && events.contains(&EventType::ContactOverflowed);
            assert!(left_word || contact.disposition == Some(Disposition::Abandoned), "{id}: {events:?}");
        }
        check_recording(contact, record, tapes, &events);
    }
}

fn check_recording(
    contact: &ringback::call::contact::Contact,
    record: &Record,
    tapes: &HashMap<ringback::ids::RecordingId, Tape>,
    events: &[EventType],
) {
    let id = contact.id;
    let Some(answered) = contact.answered_at else {
        assert!(!events.contains(&EventType::RecStarted), "{id} was recorded without an answer");
        return;
    };
    let recording = contact.recording.unwrap_or_else(|| panic!("{id} was answered and has no recording"));
    let row = &record.recordings[&recording];
    assert_eq!(row.state, RecordingState::Sealed, "{id}: {events:?}");
    assert_eq!(row.result, Some(RecordingResult::Ok), "{id}");
    assert_eq!(events.iter().filter(|seen| **seen == EventType::RecSealed).count(), 1, "{id}: {events:?}");
    let tape = &tapes[&recording];
    assert!(tape.sealed && tape.frames == row.frames, "{id}");
    let length = i64::try_from(row.frames / 8).unwrap();
    let call = (contact.ended_at.unwrap().micros() - answered.micros()) / 1000;
    assert!(
        (length - call).abs() <= LENGTH_TOLERANCE_MS,
        "{id}: {call} ms of call, {length} ms of recording"
    );
}
