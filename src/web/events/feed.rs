//! The feed: the current picture and the deltas that led to it, bounded. A stream that falls behind or resumes looks
//! up what it missed; one that missed more than is kept gets the whole picture again. Nobody is waited for.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::watch;

use crate::switchboard::Snapshot;

use super::view::{Change, Message, Reader};

/// Deltas kept: at ten pictures a second the last 25 s, enough for a page to reconnect.
const HISTORY: usize = 256;

/// The picture now, and how it came about. Cheap to clone: all of it is shared.
#[derive(Clone, Debug)]
pub(in crate::web) struct Feed {
    current: Arc<Snapshot>,
    history: VecDeque<Arc<Step>>,
}

/// From one picture to the next, with its text made once per kind of reader. It keeps what changed and not the pictures:
/// of a thousand calls, hundreds of them would be the largest thing in memory.
#[derive(Debug)]
struct Step {
    /// Number of the picture before.
    from: u64,
    change: Change,
    for_bystanders: OnceLock<Utf8Bytes>,
    for_desks: OnceLock<Utf8Bytes>,
    for_overseers: OnceLock<Utf8Bytes>,
}

/// What a stream sends next, and where it then stands.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) messages: Vec<Utf8Bytes>,
    pub(super) seq: u64,
}

impl Feed {
    pub(super) fn new(current: Arc<Snapshot>) -> Self {
        Self { current, history: VecDeque::new() }
    }

    /// Takes the next picture; an older or equal number is a restart of the switchboard and forgets the history.
    pub(super) fn advance(&mut self, after: Arc<Snapshot>) {
        if after.seq <= self.current.seq {
            self.history.clear();
        } else {
            let change = Change::between(&self.current, &after);
            let from = self.current.seq;
            self.history.push_back(Arc::new(Step::new(from, change)));
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
        self.current = after;
    }

    /// What a reader needs that has seen everything up to `seen` (none: nothing yet).
    pub(super) fn due(&self, seen: Option<u64>, reader: Reader) -> Due {
        let seq = self.current.seq;
        if seen == Some(seq) {
            return Due { messages: Vec::new(), seq };
        }
        let missed = self.history.iter().position(|step| Some(step.from) == seen);
        let messages = match missed {
            Some(first) => self.history.iter().skip(first).map(|step| step.text(reader)).collect(),
            None => vec![text(&Message::snapshot(&self.current, reader))],
        };
        Due { messages, seq }
    }
}

impl Step {
    fn new(from: u64, change: Change) -> Self {
        let (for_bystanders, for_desks, for_overseers) = Default::default();
        Self { from, change, for_bystanders, for_desks, for_overseers }
    }

    fn text(&self, reader: Reader) -> Utf8Bytes {
        let kept = match reader {
            Reader::Bystander => &self.for_bystanders,
            Reader::Desk => &self.for_desks,
            Reader::Overseer => &self.for_overseers,
        };
        kept.get_or_init(|| text(&Message::delta(&self.change, reader))).clone()
    }
}

pub(super) fn text(message: &Message) -> Utf8Bytes {
    // Views of plain text and numbers always serialise.
    serde_json::to_string(message).unwrap_or_default().into()
}

/// Follows the switchboard's pictures until it stops publishing.
pub(in crate::web) fn follow(mut snapshots: watch::Receiver<Arc<Snapshot>>) -> watch::Receiver<Feed> {
    let (publish, feed) = watch::channel(Feed::new(snapshots.borrow_and_update().clone()));
    tokio::spawn(async move {
        while snapshots.changed().await.is_ok() {
            let next = snapshots.borrow_and_update().clone();
            publish.send_modify(|feed| feed.advance(next));
        }
    });
    feed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::call::supervision::Supervision;
    use crate::ids::UserId;
    use crate::phone_number::PhoneNumber;
    use crate::switchboard::snapshot::{CallPhase, LiveCall, LiveQueue, LiveSupervisor};
    use crate::time::Timestamp;
    use serde_json::{Value, json};

    fn call(n: u128, phase: CallPhase) -> LiveCall {
        LiveCall {
            id: crate::ids::ContactId(uuid::Uuid::from_u128(n)),
            caller: PhoneNumber::from_user_part("+380671234567"),
            from_web: false,
            pass: None,
            stated_number: None,
            phase,
            since: Timestamp::default(),
            answered_at: None,
            language: None,
            topic: None,
            ivr_path: Vec::new(),
            queue: None,
            position: None,
            waiting_since: None,
            operator: None,
            also_ringing: Vec::new(),
            transfer_to: None,
            call_back: false,
            placed_by: None,
            case: None,
            on_hold: false,
            recorded: true,
            supervisors: Vec::new(),
        }
    }

    fn snapshot(seq: u64, calls: Vec<LiveCall>) -> Arc<Snapshot> {
        let queues = vec![LiveQueue {
            name: "water".to_owned(),
            waiting: calls.len(),
            longest_wait_secs: 0,
            callbacks: 0,
            expected_wait_secs: None,
            surge_since: None,
            operators_ready: 0,
            operators_talking: 0,
            skills: Default::default(),
        }];
        Arc::new(Snapshot { seq, calls, queues, ..Snapshot::default() })
    }

    fn messages(due: &Due) -> Vec<Value> {
        due.messages.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[test]
    fn a_new_reader_gets_the_picture_and_then_deltas() {
        let mut feed = Feed::new(snapshot(5, vec![call(1, CallPhase::Ivr), call(2, CallPhase::Ivr)]));
        let first = feed.due(None, Reader::Desk);
        assert_eq!(messages(&first)[0]["type"], "snapshot");
        assert_eq!(messages(&first)[0]["snapshot"]["calls"][0]["caller"], "+380671234567");
        feed.advance(snapshot(7, vec![call(2, CallPhase::Talking), call(3, CallPhase::Ivr)]));
        let next = messages(&feed.due(Some(first.seq), Reader::Bystander));
        assert_eq!(next.len(), 1);
        assert_eq!((&next[0]["type"], &next[0]["seq"]), (&json!("delta"), &json!(7)));
        assert_eq!(next[0]["calls"].as_array().unwrap().len(), 2);
        assert_eq!(next[0]["calls"][0]["phase"], "talking");
        assert_eq!(next[0]["calls"][0]["caller"], "***********67");
        assert_eq!(next[0]["calls_gone"], json!([uuid::Uuid::from_u128(1)]));
        assert_eq!(next[0]["queues"], json!([]), "the queue did not change");
        assert!(feed.due(Some(7), Reader::Desk).messages.is_empty());
    }

    #[test]
    fn an_operator_is_not_told_who_listens() {
        let listened_to = LiveCall {
            supervisors: vec![LiveSupervisor {
                user: UserId(uuid::Uuid::from_u128(9)),
                how: Supervision::Listen,
                present: true,
            }],
            ..call(1, CallPhase::Talking)
        };
        let mut feed = Feed::new(snapshot(1, Vec::new()));
        feed.advance(snapshot(2, vec![listened_to]));
        for (reader, told) in [(Reader::Bystander, 0), (Reader::Desk, 0), (Reader::Overseer, 1)] {
            for due in [feed.due(Some(1), reader), feed.due(None, reader)] {
                let message = &messages(&due)[0];
                let calls = message.get("calls").unwrap_or_else(|| &message["snapshot"]["calls"]);
                assert_eq!(calls[0]["supervisors"].as_array().unwrap().len(), told, "{reader:?}");
            }
        }
    }

    #[test]
    fn history_is_bounded_and_too_old_means_the_whole_picture() {
        let mut feed = Feed::new(snapshot(0, Vec::new()));
        let last = HISTORY as u64 + 10;
        for seq in 1..=last {
            feed.advance(snapshot(seq, Vec::new()));
        }
        assert_eq!(feed.history.len(), HISTORY);
        assert_eq!(messages(&feed.due(Some(3), Reader::Desk))[0]["type"], "snapshot");
        let resumed = messages(&feed.due(Some(last - 2), Reader::Desk));
        assert_eq!(resumed.iter().map(|m| m["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [last - 1, last]);
        assert_eq!(messages(&feed.due(Some(last + 5), Reader::Desk))[0]["type"], "snapshot");
    }

    #[test]
    fn calls_that_do_not_change_are_not_kept_in_history() {
        let calls =
            |phase| (0..1000).map(|n| call(n, if n == 0 { phase } else { CallPhase::Talking })).collect();
        let mut feed = Feed::new(snapshot(0, calls(CallPhase::Ivr)));
        let first = Arc::downgrade(&feed.current);
        feed.advance(snapshot(1, calls(CallPhase::Waiting)));
        assert_eq!(feed.history[0].change.len(), 1);
        assert_eq!(first.strong_count(), 0, "the picture before is gone");
    }

    #[test]
    fn who_only_moves_up_in_the_line_is_told_in_few_words() {
        let waiting =
            |n: u128, position| LiveCall { position: Some(position), ..call(n, CallPhase::Waiting) };
        let mut feed = Feed::new(snapshot(1, vec![waiting(1, 1), waiting(2, 2), waiting(3, 3)]));
        let rung = LiveCall { position: None, ..call(2, CallPhase::Ringing) };
        feed.advance(snapshot(2, vec![rung, waiting(3, 1)]));
        let told = &messages(&feed.due(Some(1), Reader::Desk))[0];
        assert_eq!(told["calls_moved"], json!([{ "id": uuid::Uuid::from_u128(3), "position": 1 }]));
        assert_eq!(told["calls"].as_array().unwrap().len(), 1, "who is rung changes more than the place");
        assert_eq!(told["calls"][0]["phase"], "ringing");
        assert_eq!(told["calls_gone"], json!([uuid::Uuid::from_u128(1)]));
    }

    #[test]
    fn a_number_that_falls_forgets_the_history() {
        let mut feed = Feed::new(snapshot(9, Vec::new()));
        feed.advance(snapshot(10, Vec::new()));
        feed.advance(snapshot(1, Vec::new()));
        assert_eq!(messages(&feed.due(Some(9), Reader::Desk))[0]["type"], "snapshot");
    }
}
