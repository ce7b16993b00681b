//! Which SIP message belongs to the ladder of which call, by Call-ID; and until when.
//!
//! A ladder is saved when its call is complete, and once more when what came after that has had its time: the answer
//! to our BYE, and repetitions. Then it is forgotten. What a ladder keeps is `call/ladder.rs`.
//!
//! Registrations and probes of trunks belong to no call: of each the last messages are kept for as long as it lasts.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use crate::call::ladder::{Ladder, LadderMessage, MessageDirection};
use crate::ids::ContactId;
use crate::sip::message::{Flow, mask};
use crate::sip::transaction::timer::T1;
use crate::time::Timestamp;

/// Nothing of a call is repeated for longer (RFC 3261 17: timers F, H, J are 64*T1).
const AFTERMATH_T1: u32 = 64;
/// Call-IDs of one call: its citizen, the operators it was offered to, those it was transferred to. Messages of
/// further ones are not kept.
const MAX_CALL_IDS: usize = 64;
/// Messages kept of one registration or probe: two rounds of a registration that is challenged.
const MAX_ERRAND_MESSAGES: usize = 8;
/// Registrations and probes followed for one trunk: each of its 16 servers, and those of before the last reload.
const MAX_ERRANDS: usize = 20;

/// Ladders of the calls that are on, and of those that were complete a moment ago: as many as the calls that the
/// capacity admits, and those that ended in the last 32 seconds.
#[derive(Debug, Default)]
pub(super) struct Ladders {
    entries: HashMap<ContactId, Entry>,
    by_call_id: HashMap<String, ContactId>,
    /// The message that is being handled: whose it is turns out meanwhile.
    held: Option<Held>,
    /// Complete since the last [`Ladders::settle`].
    completed: Vec<ContactId>,
    forgotten_at: BTreeSet<(Instant, ContactId)>,
    outputs: VecDeque<(ContactId, Box<Ladder>)>,
    /// By Call-ID.
    errands: HashMap<String, Errand>,
}

/// A registration at a provider, or the probes of one of its servers.
#[derive(Debug)]
struct Errand {
    trunk: String,
    messages: VecDeque<LadderMessage>,
}

impl Errand {
    fn add(&mut self, direction: MessageDirection, raw: &[u8], flow: Flow, at: Timestamp) {
        if self.messages.len() == MAX_ERRAND_MESSAGES {
            self.messages.pop_front();
        }
        self.messages.extend(LadderMessage::kept(0, direction, raw, flow, at));
    }

    fn last_at(&self) -> Option<Timestamp> {
        self.messages.back().map(|message| message.at)
    }
}

#[derive(Debug, Default)]
struct Entry {
    ladder: Ladder,
    call_ids: Vec<String>,
    /// Messages the ladder had when it was saved.
    saved: u32,
}

#[derive(Debug)]
struct Held {
    raw: Vec<u8>,
    flow: Flow,
    at: Timestamp,
}

impl Ladders {
    /// A received message, before it is handled.
    pub fn hold(&mut self, raw: Vec<u8>, flow: Flow, at: Timestamp) {
        self.held = Some(Held { raw, flow, at });
    }

    /// A message that goes out now. What it may answer came before it.
    pub fn handle_sent(&mut self, bytes: &[u8], flow: Flow, at: Timestamp) {
        self.place_held();
        self.add(MessageDirection::Sent, bytes, flow, at);
    }

    /// The names a call goes by in SIP.
    pub fn adopt<'c>(&mut self, contact: ContactId, call_ids: impl Iterator<Item = &'c str>) {
        let entry = self.entries.entry(contact).or_default();
        for call_id in call_ids {
            if !self.by_call_id.contains_key(call_id) && entry.call_ids.len() < MAX_CALL_IDS {
                self.by_call_id.insert(call_id.to_owned(), contact);
                entry.call_ids.push(call_id.to_owned());
            }
        }
    }

    /// Nothing more is expected of this call.
    pub fn complete(&mut self, contact: ContactId) {
        self.completed.push(contact);
    }

    /// A request to the provider of `trunk` has this Call-ID, and so will the answer.
    pub fn follow(&mut self, call_id: &str, trunk: &str) {
        if self.errands.contains_key(call_id) {
            return;
        }
        let of_trunk = || self.errands.iter().filter(|(_, errand)| errand.trunk == trunk);
        if of_trunk().count() >= MAX_ERRANDS {
            let oldest = of_trunk().min_by_key(|(_, errand)| errand.last_at()).map(|(id, _)| id.clone());
            self.errands.retain(|call_id, _| Some(call_id) != oldest.as_ref());
        }
        let errand = Errand { trunk: trunk.to_owned(), messages: VecDeque::new() };
        self.errands.insert(call_id.to_owned(), errand);
    }

    /// Trunks that are configured no more are forgotten.
    pub fn keep_trunks(&mut self, is_known: impl Fn(&str) -> bool) {
        self.errands.retain(|_, errand| is_known(&errand.trunk));
    }

    /// The last registrations and probes of a trunk, in the order of time.
    pub fn of_trunk(&self, trunk: &str) -> Ladder {
        let own = self.errands.values().filter(|errand| errand.trunk == trunk);
        let mut messages: Vec<LadderMessage> = own.flat_map(|errand| errand.messages.clone()).collect();
        messages.sort_by_key(|message| message.at);
        Ladder::of_messages(messages)
    }

    pub fn of(&self, contact: ContactId) -> Option<&Ladder> {
        self.entries.get(&contact).map(|entry| &entry.ladder)
    }

    /// After each input, when all machines are quiet.
    pub fn settle(&mut self, now: Instant) {
        self.place_held();
        self.held = None;
        for contact in std::mem::take(&mut self.completed) {
            self.save(contact);
            self.forgotten_at.insert((now + T1 * AFTERMATH_T1, contact));
        }
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, contact)) = self.forgotten_at.first().copied()
            && at <= now
        {
            self.forgotten_at.remove(&(at, contact));
            self.save(contact);
            let call_ids = self.entries.remove(&contact).map(|entry| entry.call_ids).unwrap_or_default();
            for call_id in call_ids {
                self.by_call_id.remove(&call_id);
            }
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.forgotten_at.first().map(|(at, _)| *at)
    }

    /// A ladder to be saved.
    pub fn poll_output(&mut self) -> Option<(ContactId, Box<Ladder>)> {
        self.outputs.pop_front()
    }

    /// When something came since it was saved last.
    fn save(&mut self, contact: ContactId) {
        let Some(entry) = self.entries.get_mut(&contact) else { return };
        if entry.ladder.count() > entry.saved {
            entry.saved = entry.ladder.count();
            self.outputs.push_back((contact, Box::new(entry.ladder.clone())));
        }
    }

    /// Puts the held message into its ladder, when it is known by now whose it is.
    fn place_held(&mut self) {
        if let Some(Held { raw, flow, at }) = self.held.take()
            && !self.add(MessageDirection::Received, &raw, flow, at)
        {
            self.held = Some(Held { raw, flow, at });
        }
    }

    /// False when it belongs to no call and no trunk's errand.
    fn add(&mut self, direction: MessageDirection, raw: &[u8], flow: Flow, at: Timestamp) -> bool {
        let Some(call_id) = mask::call_id(raw) else { return false };
        if let Some(entry) = self.by_call_id.get(call_id).and_then(|contact| self.entries.get_mut(contact)) {
            entry.ladder.add(direction, raw, flow, at);
            return true;
        }
        let errand = self.errands.get_mut(call_id);
        if let Some(errand) = errand {
            errand.add(direction, raw, flow, at);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;
    use crate::ids::Mint;
    use crate::sip::message::Transport;

    fn flow() -> Flow {
        let address = "127.0.0.1:5060".parse().unwrap();
        Flow { transport: Transport::Udp, local: address, remote: address }
    }

    fn message(call_id: &str) -> Vec<u8> {
        format!("OPTIONS sip:a SIP/2.0\r\nCall-ID: {call_id}\r\n\r\n").into_bytes()
    }

    fn directions(ladder: &Ladder) -> Vec<&'static str> {
        ladder.messages().map(|message| message.direction.name()).collect()
    }

    #[test]
    fn a_message_finds_its_call_even_when_the_call_begins_with_it() {
        let mut ladders = Ladders::default();
        let contact = ContactId(Mint::new([7; 32]).uuid(Timestamp::default()));
        let now = crate::time::now().mono;
        ladders.hold(message("stranger"), flow(), Timestamp::default());
        ladders.handle_sent(&message("stranger"), flow(), Timestamp::default());
        ladders.settle(now);
        ladders.hold(message("a"), flow(), Timestamp::default());
        ladders.adopt(contact, ["a", "b"].into_iter());
        ladders.handle_sent(&message("b"), flow(), Timestamp::default());
        ladders.handle_sent(&message("a"), flow(), Timestamp::default());
        ladders.settle(now);
        assert_eq!(directions(ladders.of(contact).unwrap()), ["received", "sent", "sent"]);
    }

    #[test]
    fn of_a_trunk_the_last_errands_are_kept_apart_from_those_of_others() {
        let mut ladders = Ladders::default();
        let at = |micros| Timestamp::from_micros(micros);
        ladders.follow("register", "city");
        ladders.follow("probe", "city");
        ladders.follow("other", "spare");
        for n in 0..20 {
            ladders.handle_sent(&message("register"), flow(), at(4 * n));
            ladders.hold(message("register"), flow(), at(4 * n + 1));
            ladders.settle(crate::time::now().mono);
            ladders.handle_sent(&message("other"), flow(), at(4 * n + 2));
        }
        ladders.handle_sent(&message("probe"), flow(), at(3));
        let city = ladders.of_trunk("city");
        assert_eq!(city.count(), 9);
        let numbers: Vec<u32> = city.messages().map(|message| message.seq).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(city.messages().next().unwrap().at, at(3), "by time, not by errand");
        ladders.keep_trunks(|trunk| trunk == "spare");
        assert_eq!((ladders.of_trunk("city").count(), ladders.of_trunk("spare").count()), (0, 8));
    }

    #[test]
    fn errands_of_one_trunk_are_bounded() {
        let mut ladders = Ladders::default();
        for n in 0..100 {
            ladders.follow(&format!("call-{n}"), "city");
            ladders.handle_sent(&message(&format!("call-{n}")), flow(), Timestamp::from_micros(n));
        }
        assert_eq!(ladders.errands.len(), MAX_ERRANDS);
        assert_eq!(ladders.of_trunk("city").messages().last().unwrap().at, Timestamp::from_micros(99));
    }

    #[test]
    fn a_ladder_is_saved_at_the_end_and_again_when_something_followed() {
        let mut ladders = Ladders::default();
        let contact = ContactId(Mint::new([7; 32]).uuid(Timestamp::default()));
        let now = crate::time::now().mono;
        ladders.adopt(contact, ["a"].into_iter());
        ladders.handle_sent(&message("a"), flow(), Timestamp::default());
        ladders.complete(contact);
        ladders.settle(now);
        assert_eq!(ladders.poll_output().unwrap().1.count(), 1);
        ladders.hold(message("a"), flow(), Timestamp::default());
        ladders.settle(now);
        assert!(ladders.poll_output().is_none());
        let later = ladders.poll_timeout().unwrap();
        assert_eq!(later, now + Duration::from_secs(32));
        ladders.handle_timeout(later);
        assert_eq!(ladders.poll_output().unwrap().1.count(), 2);
        assert!(ladders.of(contact).is_none() && ladders.by_call_id.is_empty());
        assert!(ladders.poll_timeout().is_none() && ladders.forgotten_at.is_empty());
    }
}
