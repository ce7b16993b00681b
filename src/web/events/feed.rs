//! The feed: the current picture and the deltas that led to it, bounded. A stream that falls behind or resumes looks
//! up what it missed; one that missed more than is kept gets the whole picture again. Nobody is waited for.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::watch;

use crate::case::city::CityPlan;
use crate::switchboard::Snapshot;

use super::super::Shared;
use super::classes::{Classes, LiveCases, Viewer};
use super::view::{Change, Message, Reader};

/// Deltas kept: at ten pictures a second the last 25 s, enough for a page to reconnect.
const HISTORY: usize = 256;

/// The picture now, and how it came about. Cheap to clone: all of it is shared.
#[derive(Clone, Debug)]
pub(in crate::web) struct Feed {
    current: Arc<Snapshot>,
    /// Which of its calls take a clearance.
    classes: Arc<Classes>,
    /// How often that became another without another picture: all that was told before is told anew.
    recasts: u64,
    history: VecDeque<Arc<Step>>,
}

/// From one picture to the next, with its text made once per kind of reader; what takes a clearance is not in it. It keeps
/// what changed and not the pictures: of a thousand calls, hundreds of them would be the largest thing in memory.
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
    pub(super) seen: Seen,
}

/// How far a stream has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) seq: u64,
    /// 0 of a stream that resumes and does not know: where there were any it gets the whole picture.
    pub(super) recasts: u64,
}

impl Feed {
    /// The first picture, of whose cases nothing is known yet.
    pub(in crate::web) fn first(current: Arc<Snapshot>, cases: &LiveCases, plan: &CityPlan) -> Self {
        let classes = cases.classes(&current, plan);
        Self::new(current, classes)
    }

    fn new(current: Arc<Snapshot>, classes: Arc<Classes>) -> Self {
        Self { current, classes, recasts: 0, history: VecDeque::new() }
    }

    /// Takes the next picture; an older or equal number is a restart of the switchboard and forgets the history.
    pub(super) fn advance(&mut self, after: Arc<Snapshot>, classes: Arc<Classes>) {
        if Arc::ptr_eq(&after, &self.current) {
            return self.recast(classes);
        }
        if after.seq <= self.current.seq {
            self.history.clear();
        } else {
            let change = Change::between((&self.current, &self.classes), (&after, &classes));
            let from = self.current.seq;
            self.history.push_back(Arc::new(Step::new(from, change)));
            if self.history.len() > HISTORY {
                self.history.pop_front();
            }
        }
        (self.current, self.classes) = (after, classes);
    }

    /// The same picture, of which other calls take a clearance now.
    fn recast(&mut self, classes: Arc<Classes>) {
        if classes != self.classes {
            self.classes = classes;
            self.recasts += 1;
            self.history.clear();
        }
    }

    /// What a reader needs that has seen everything up to `seen` (none: nothing yet).
    pub(super) fn due(&self, seen: Option<Seen>, viewer: &Viewer) -> Due {
        let now = Seen { seq: self.current.seq, recasts: self.recasts };
        let whole = || vec![text(&Message::snapshot((&self.current, &self.classes), viewer))];
        // What is known to be cast otherwise is worth nothing.
        let seen = seen.filter(|seen| seen.recasts == self.recasts);
        let messages = match seen {
            None => whole(),
            Some(seen) if seen.seq == now.seq => Vec::new(),
            Some(seen) => match self.history.iter().position(|step| step.from == seen.seq) {
                Some(first) => self.history.iter().skip(first).map(|step| step.text(viewer)).collect(),
                None => whole(),
            },
        };
        Due { messages, seen: now }
    }
}

impl Step {
    fn new(from: u64, change: Change) -> Self {
        let (for_bystanders, for_desks, for_overseers) = Default::default();
        Self { from, change, for_bystanders, for_desks, for_overseers }
    }

    fn text(&self, viewer: &Viewer) -> Utf8Bytes {
        if self.change.has_more_for(viewer) {
            return text(&Message::delta(&self.change, viewer.reader, Some(viewer)));
        }
        let kept = match viewer.reader {
            Reader::Bystander => &self.for_bystanders,
            Reader::Desk => &self.for_desks,
            Reader::Overseer => &self.for_overseers,
        };
        kept.get_or_init(|| text(&Message::delta(&self.change, viewer.reader, None))).clone()
    }
}

pub(super) fn text(message: &Message) -> Utf8Bytes {
    // Views of plain text and numbers always serialise.
    serde_json::to_string(message).unwrap_or_default().into()
}

/// Follows the switchboard's pictures until it stops publishing, or nobody is left to tell.
pub(in crate::web) fn follow(web: &Shared, publish: watch::Sender<Feed>) {
    let (mut snapshots, mut plans) = (web.given.snapshot.clone(), web.given.city.clone());
    let mut cases = web.live_cases.subscribe();
    let web = Arc::downgrade(web);
    tokio::spawn(async move {
        // Of the first picture the cases are not known yet.
        snapshots.mark_changed();
        loop {
            let changed = tokio::select! {
                changed = snapshots.changed() => changed,
                Ok(()) = plans.changed() => Ok(()),
                Ok(()) = cases.changed() => Ok(()),
            };
            let (Ok(()), Some(web)) = (changed, web.upgrade()) else { return };
            let next = snapshots.borrow_and_update().clone();
            if !web.city().privacy_classes().is_empty() {
                web.live_cases.learn(&next, web.store()).await;
            }
            let classes = web.live_cases.classes(&next, &web.city());
            publish.send_modify(|feed| feed.advance(next, classes));
        }
    });
}

#[cfg(test)]
pub(in crate::web) mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::call::supervision::Supervision;
    use crate::ids::UserId;
    use crate::phone_number::PhoneNumber;
    use crate::switchboard::snapshot::{CallPhase, LiveCall, LiveQueue, LiveSupervisor};
    use crate::time::Timestamp;
    use crate::web::events::view::Reader;
    use serde_json::{Value, json};

    pub(in crate::web) fn call(n: u128, phase: CallPhase) -> LiveCall {
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

    fn at(seq: u64) -> Option<Seen> {
        Some(Seen { seq, recasts: 0 })
    }

    fn viewer(reader: Reader) -> Viewer {
        Viewer { reader, user: UserId(uuid::Uuid::from_u128(1_000)), clearances: Vec::new() }
    }

    fn messages(due: &Due) -> Vec<Value> {
        due.messages.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[test]
    fn a_new_reader_gets_the_picture_and_then_deltas() {
        let mut feed =
            Feed::new(snapshot(5, vec![call(1, CallPhase::Ivr), call(2, CallPhase::Ivr)]), Arc::default());
        let first = feed.due(None, &viewer(Reader::Desk));
        assert_eq!(messages(&first)[0]["type"], "snapshot");
        assert_eq!(messages(&first)[0]["snapshot"]["calls"][0]["caller"], "+380671234567");
        feed.advance(snapshot(7, vec![call(2, CallPhase::Talking), call(3, CallPhase::Ivr)]), Arc::default());
        let next = messages(&feed.due(at(first.seen.seq), &viewer(Reader::Bystander)));
        assert_eq!(next.len(), 1);
        assert_eq!((&next[0]["type"], &next[0]["seq"]), (&json!("delta"), &json!(7)));
        assert_eq!(next[0]["calls"].as_array().unwrap().len(), 2);
        assert_eq!(next[0]["calls"][0]["phase"], "talking");
        assert_eq!(next[0]["calls"][0]["caller"], "***********67");
        assert_eq!(next[0]["calls_gone"], json!([uuid::Uuid::from_u128(1)]));
        assert_eq!(next[0]["queues"], json!([]), "the queue did not change");
        assert!(feed.due(at(7), &viewer(Reader::Desk)).messages.is_empty());
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
        let mut feed = Feed::new(snapshot(1, Vec::new()), Arc::default());
        feed.advance(snapshot(2, vec![listened_to]), Arc::default());
        for (reader, told) in [(Reader::Bystander, 0), (Reader::Desk, 0), (Reader::Overseer, 1)] {
            for due in [feed.due(at(1), &viewer(reader)), feed.due(None, &viewer(reader))] {
                let message = &messages(&due)[0];
                let calls = message.get("calls").unwrap_or_else(|| &message["snapshot"]["calls"]);
                assert_eq!(calls[0]["supervisors"].as_array().unwrap().len(), told, "{reader:?}");
            }
        }
    }

    /// Classes of these calls.
    fn classed(calls: &[u128]) -> Arc<Classes> {
        let class = |n: &u128| (crate::ids::ContactId(uuid::Uuid::from_u128(*n)), "welfare".into());
        Arc::new(calls.iter().map(class).collect())
    }

    fn told(due: &Due) -> Vec<(bool, String, Value)> {
        let of = |message: Value| {
            let calls = message.get("calls").unwrap_or_else(|| &message["snapshot"]["calls"]).clone();
            calls.as_array().unwrap().clone()
        };
        let calls = messages(due).into_iter().flat_map(of);
        calls
            .map(|call| {
                let caller = call["caller"].as_str().unwrap().to_owned();
                (call["withheld"].as_bool().unwrap(), caller, call["topic"].clone())
            })
            .collect()
    }

    #[test]
    fn a_call_that_takes_a_clearance_is_told_to_the_cleared_and_to_whom_it_rings() {
        let rung = UserId(uuid::Uuid::from_u128(7));
        let hungry = |phase| LiveCall {
            topic: Some("welfare".to_owned()),
            operator: Some(rung),
            ivr_path: vec!["hungry".to_owned()],
            ..call(1, phase)
        };
        let mut feed = Feed::new(snapshot(1, vec![hungry(CallPhase::Ivr)]), classed(&[1]));
        feed.advance(snapshot(2, vec![hungry(CallPhase::Ringing)]), classed(&[1]));
        let (hidden, open) =
            ((true, String::new(), json!(null)), (false, "+380671234567".to_owned(), json!("welfare")));
        for reader in [Reader::Desk, Reader::Overseer] {
            let nobody = viewer(reader);
            let cleared = Viewer { clearances: vec!["welfare".to_owned()], ..nobody.clone() };
            let otherwise = Viewer { clearances: vec!["minors".to_owned()], ..nobody.clone() };
            let own = Viewer { user: rung, ..nobody.clone() };
            for seen in [None, at(1)] {
                assert_eq!(told(&feed.due(seen, &nobody)), std::slice::from_ref(&hidden));
                assert_eq!(told(&feed.due(seen, &otherwise)), std::slice::from_ref(&hidden));
                assert_eq!(told(&feed.due(seen, &cleared)), std::slice::from_ref(&open));
                assert_eq!(told(&feed.due(seen, &own)), std::slice::from_ref(&open));
                assert_eq!(told(&feed.due(seen, &nobody)), std::slice::from_ref(&hidden), "and not by then");
                assert!(!feed.due(seen, &nobody).messages[0].contains("hungry"));
            }
        }
    }

    #[test]
    fn a_call_whose_case_becomes_another_is_told_anew() {
        let mut feed = Feed::new(snapshot(1, vec![call(1, CallPhase::Talking)]), Arc::default());
        let first = feed.due(None, &viewer(Reader::Desk));
        assert!(!told(&first)[0].0);
        // Nothing but the class: the operator has chosen another category.
        feed.advance(feed.current.clone(), classed(&[1]));
        let anew = feed.due(Some(first.seen), &viewer(Reader::Desk));
        assert_eq!(messages(&anew)[0]["type"], "snapshot");
        assert!(told(&anew)[0].0);
        assert!(feed.due(Some(anew.seen), &viewer(Reader::Desk)).messages.is_empty());
        feed.advance(feed.current.clone(), classed(&[1]));
        assert!(feed.due(Some(anew.seen), &viewer(Reader::Desk)).messages.is_empty(), "the same again");
        // With the next picture it is a change like any other.
        feed.advance(snapshot(2, vec![call(1, CallPhase::Talking)]), Arc::default());
        let delta = feed.due(Some(anew.seen), &viewer(Reader::Desk));
        assert_eq!(messages(&delta)[0]["type"], "delta");
        assert!(!told(&delta)[0].0);
    }

    #[test]
    fn history_is_bounded_and_too_old_means_the_whole_picture() {
        let mut feed = Feed::new(snapshot(0, Vec::new()), Arc::default());
        let last = HISTORY as u64 + 10;
        for seq in 1..=last {
            feed.advance(snapshot(seq, Vec::new()), Arc::default());
        }
        assert_eq!(feed.history.len(), HISTORY);
        assert_eq!(messages(&feed.due(at(3), &viewer(Reader::Desk)))[0]["type"], "snapshot");
        let resumed = messages(&feed.due(at(last - 2), &viewer(Reader::Desk)));
        assert_eq!(resumed.iter().map(|m| m["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [last - 1, last]);
        assert_eq!(messages(&feed.due(at(last + 5), &viewer(Reader::Desk)))[0]["type"], "snapshot");
    }

    #[test]
    fn calls_that_do_not_change_are_not_kept_in_history() {
        let calls =
            |phase| (0..1000).map(|n| call(n, if n == 0 { phase } else { CallPhase::Talking })).collect();
        let mut feed = Feed::new(snapshot(0, calls(CallPhase::Ivr)), Arc::default());
        let first = Arc::downgrade(&feed.current);
        feed.advance(snapshot(1, calls(CallPhase::Waiting)), Arc::default());
        assert_eq!(feed.history[0].change.len(), 1);
        assert_eq!(first.strong_count(), 0, "the picture before is gone");
    }

    #[test]
    fn who_only_moves_up_in_the_line_is_told_in_few_words() {
        let waiting =
            |n: u128, position| LiveCall { position: Some(position), ..call(n, CallPhase::Waiting) };
        let mut feed =
            Feed::new(snapshot(1, vec![waiting(1, 1), waiting(2, 2), waiting(3, 3)]), Arc::default());
        let rung = LiveCall { position: None, ..call(2, CallPhase::Ringing) };
        feed.advance(snapshot(2, vec![rung, waiting(3, 1)]), Arc::default());
        let told = &messages(&feed.due(at(1), &viewer(Reader::Desk)))[0];
        assert_eq!(told["calls_moved"], json!([{ "id": uuid::Uuid::from_u128(3), "position": 1 }]));
        assert_eq!(told["calls"].as_array().unwrap().len(), 1, "who is rung changes more than the place");
        assert_eq!(told["calls"][0]["phase"], "ringing");
        assert_eq!(told["calls_gone"], json!([uuid::Uuid::from_u128(1)]));
    }

    #[test]
    fn a_number_that_falls_forgets_the_history() {
        let mut feed = Feed::new(snapshot(9, Vec::new()), Arc::default());
        feed.advance(snapshot(10, Vec::new()), Arc::default());
        feed.advance(snapshot(1, Vec::new()), Arc::default());
        assert_eq!(messages(&feed.due(at(9), &viewer(Reader::Desk)))[0]["type"], "snapshot");
    }
}
