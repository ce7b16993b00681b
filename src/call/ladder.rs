//! The ladder of one call: every SIP message that was sent or received for it, as bytes with the secrets masked, for
//! support. Only what is kept and how much of it; which message belongs to which call is `switchboard/ladders.rs`.

use std::collections::VecDeque;

use crate::sip::message::{Flow, mask};
use crate::time::Timestamp;

/// Messages kept of the beginning of a call, and as many of its end. A call with one operator has about 20; a
/// transfer, a hold or a refresh of the session adds 4 to 10.
const MAX_MESSAGES_PER_END: usize = 128;
/// Bytes kept of the beginning of a call, and as many of its end: 1,000 calls that fill both take 128 MB.
const MAX_BYTES_PER_END: usize = 64 * 1024;
/// A longer message is left out. Real ones have up to 4,000 bytes; one of 64 KiB would push out all others.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Seen from here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MessageDirection {
    Received,
    Sent,
}

impl MessageDirection {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Sent => "sent",
        }
    }
}

/// One rung.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LadderMessage {
    /// Its number within the call, from 1; a gap in the numbers is what was left out.
    pub seq: u32,
    pub at: Timestamp,
    pub direction: MessageDirection,
    pub flow: Flow,
    /// As they were on the wire, secrets masked.
    pub bytes: Vec<u8>,
}

impl LadderMessage {
    /// `raw` as it was on the wire; none when it is too long.
    pub fn kept(
        seq: u32,
        direction: MessageDirection,
        raw: &[u8],
        flow: Flow,
        at: Timestamp,
    ) -> Option<Self> {
        let fits = raw.len() <= MAX_MESSAGE_BYTES;
        fits.then(|| Self { seq, at, direction, flow, bytes: mask::masked(raw) })
    }
}

/// The messages of one call in order: the first ones and the last ones, when there are too many.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ladder {
    first: End,
    last: End,
    /// Messages so far, those left out included.
    count: u32,
}

#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct End {
    messages: VecDeque<LadderMessage>,
    bytes: usize,
}

impl End {
    fn has_room_for(&self, bytes: usize) -> bool {
        self.messages.len() < MAX_MESSAGES_PER_END && self.bytes + bytes <= MAX_BYTES_PER_END
    }

    fn push(&mut self, message: LadderMessage) {
        self.bytes += message.bytes.len();
        self.messages.push_back(message);
    }

    fn drop_oldest(&mut self) {
        let dropped = self.messages.pop_front();
        self.bytes -= dropped.map_or(0, |message| message.bytes.len());
    }
}

impl Ladder {
    /// Adds `raw` as it was on the wire.
    pub fn add(&mut self, direction: MessageDirection, raw: &[u8], flow: Flow, at: Timestamp) {
        self.count = self.count.saturating_add(1);
        let Some(message) = LadderMessage::kept(self.count, direction, raw, flow, at) else { return };
        if self.last.messages.is_empty() && self.first.has_room_for(raw.len()) {
            self.first.push(message);
            return;
        }
        while !self.last.has_room_for(raw.len()) {
            self.last.drop_oldest();
        }
        self.last.push(message);
    }

    /// Of messages that were kept elsewhere; they are numbered anew.
    pub fn of_messages(messages: Vec<LadderMessage>) -> Self {
        let mut ladder = Self::default();
        for message in messages {
            ladder.count = ladder.count.saturating_add(1);
            ladder.first.push(LadderMessage { seq: ladder.count, ..message });
        }
        ladder
    }

    pub fn messages(&self) -> impl Iterator<Item = &LadderMessage> {
        self.first.messages.iter().chain(&self.last.messages)
    }

    /// Messages so far, those left out included.
    pub fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sip::message::Transport;

    fn flow() -> Flow {
        let address = "127.0.0.1:5060".parse().unwrap();
        Flow { transport: Transport::Udp, local: address, remote: address }
    }

    fn ladder_of(count: usize, length: usize) -> Ladder {
        let mut ladder = Ladder::default();
        for _ in 0..count {
            ladder.add(MessageDirection::Sent, &vec![b'x'; length], flow(), Timestamp::default());
        }
        ladder
    }

    #[test]
    fn secrets_are_masked_when_a_message_is_added() {
        let mut ladder = Ladder::default();
        let raw = b"BYE sip:a SIP/2.0\r\nAuthorization: Basic c2VjcmV0\r\n\r\n";
        ladder.add(MessageDirection::Received, raw, flow(), Timestamp::default());
        let kept = String::from_utf8(ladder.messages().next().unwrap().bytes.clone()).unwrap();
        assert!(!kept.contains("c2VjcmV0"), "{kept}");
    }

    #[test]
    fn of_too_many_messages_the_middle_is_left_out_and_the_numbers_show_it() {
        let ladder = ladder_of(1000, 10);
        let numbers: Vec<u32> = ladder.messages().map(|message| message.seq).collect();
        assert_eq!(numbers.len(), 2 * MAX_MESSAGES_PER_END);
        assert_eq!((numbers[0], numbers[127], numbers[128], numbers[255]), (1, 128, 873, 1000));
        assert_eq!(ladder.count(), 1000);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let ladder = ladder_of(300, 3000);
        let bytes: usize = ladder.messages().map(|message| message.bytes.len()).sum();
        assert!(bytes <= 2 * MAX_BYTES_PER_END && bytes > MAX_BYTES_PER_END, "{bytes}");
        assert_eq!(ladder.messages().last().unwrap().seq, 300);
        let giants = ladder_of(3, MAX_MESSAGE_BYTES + 1);
        assert_eq!((giants.messages().count(), giants.count()), (0, 3));
    }
}
