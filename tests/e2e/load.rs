//! Many talks at once, each a citizen and an operator of whom we know who hears whom: what the program must carry while
//! something is done to it. Says in the end which talks went on, how long the longest silence between two packets was, and
//! whether the recordings hold what was said.

use std::time::Duration;

use crate::audio::ToneSequence;
use crate::citizen::{Citizen, Invite};
use crate::phone::{Answering, Event, Phone};
use crate::rtp_peer::RtpPeer;
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};
use crate::wait;

/// Somebody may be rung last of all.
const SOON: Duration = Duration::from_secs(60);
/// Of one talk, from both sides.
const SPEECH_MS: usize = 3000;
/// Between two packets of 20 ms: two may be late or lost, and nobody hears it.
const LONGEST_GAP: Duration = Duration::from_millis(60);
/// Of a sequence, what must be there.
const WHOLE: f64 = 0.95;

/// One citizen and the operator they talk with.
#[derive(Debug)]
pub struct Talk {
    caller: String,
    citizen: Citizen,
    phone: Phone,
    said: ToneSequence,
    answered: ToneSequence,
}

/// What a server needs for so many phones behind one address.
pub const SIP: &str = "phone_requests_per_sec = 1000\n";

fn name(index: usize) -> String {
    format!("operator{index:02}")
}

fn extension(index: usize) -> String {
    (500 + index).to_string()
}

/// Brings `count` operators to work and a citizen to each.
pub fn talks(server: &Server, count: usize) -> Vec<Talk> {
    for index in 0..count {
        let more = ["--sip-extension", &extension(index), "--languages", "uk,en", "--queues", "city"];
        server.add_person(&name(index), "operator", &more);
    }
    // Now, and not when the program looks next.
    server.sign_in("admin").post("/api/v1/admin/reload", &serde_json::json!({}));
    let phones: Vec<Phone> = (0..count)
        .map(|index| Phone::register(server.sip, &extension(index), PASSWORD, Answering::Accept))
        .collect();
    let mut citizens: Vec<(String, Citizen)> = (0..count)
        .map(|index| {
            let caller = format!("3804455{index:05}");
            let citizen = Invite { caller: caller.clone(), ..Invite::default() }.call(server.sip);
            (caller, citizen)
        })
        .collect();
    citizens.iter().for_each(|(_, citizen)| citizen.rtp.press(KEYS_TO_QUEUE));
    let auditor = server.sign_in("audyt");
    let mut ids: Vec<String> = citizens
        .iter()
        .map(|(caller, _)| {
            let call = auditor.call_where(caller, "in the queue", |call| call["case"].is_string());
            call["id"].as_str().expect("a call has an id").to_owned()
        })
        .collect();
    (0..count).for_each(|index| server.sign_in(&name(index)).set_ready());
    let pair = |(index, phone): (usize, Phone)| {
        let contact = phone.rings(SOON);
        phone.expect(&Event::Talking, SOON);
        let place = ids.iter().position(|id| *id == contact).expect("a call of ours");
        ids.remove(place);
        let (caller, citizen) = citizens.remove(place);
        let (said, answered) = (
            ToneSequence::citizen(1000 + index as u64, SPEECH_MS),
            ToneSequence::operator(2000 + index as u64, SPEECH_MS),
        );
        Talk { caller, citizen, phone, said, answered }
    };
    phones.into_iter().enumerate().map(pair).collect()
}

/// The longest gap of all, and how late the latest listener was: as many threads as the program has legs, so that is what
/// the machine took at its worst moment, from the program as well. A gap longer than [`LONGEST_GAP`] beside that fails the
/// test.
pub fn judge_gaps(talks: &[Talk]) -> (Duration, Duration) {
    let gap = talks.iter().map(Talk::longest_gap).max().expect("there are talks");
    let lag = talks.iter().map(Talk::lag).max().expect("there are talks");
    assert!(gap <= LONGEST_GAP + lag, "a gap of {gap:.1?}, the latest listener late by {lag:.1?}");
    (gap, lag)
}

impl Talk {
    pub fn speak(&self) {
        self.citizen.rtp.say(&self.said.samples());
        self.phone.rtp.say(&self.answered.samples());
    }

    pub fn has_spoken(&self) -> bool {
        self.citizen.rtp.has_finished_speaking() && self.phone.rtp.has_finished_speaking()
    }

    pub fn watch_gaps(&self) {
        self.citizen.rtp.watch_gaps();
        self.phone.rtp.watch_gaps();
    }

    /// The longest gap in both directions.
    fn longest_gap(&self) -> Duration {
        let of = |peer: &RtpPeer| {
            assert!(peer.longest_gap() > Duration::ZERO, "nothing came to {}", self.caller);
            peer.longest_gap()
        };
        of(&self.citizen.rtp).max(of(&self.phone.rtp))
    }

    /// How late the listeners themselves were.
    fn lag(&self) -> Duration {
        self.citizen.rtp.worst_lag().max(self.phone.rtp.worst_lag())
    }

    /// Each heard the other.
    pub fn assert_heard(&self) {
        for (peer, sequence) in [(&self.citizen.rtp, &self.answered), (&*self.phone.rtp, &self.said)] {
            let least = WHOLE - peer.forgiven(sequence);
            wait::until_true("the speech to arrive", SOON, || {
                peer.heard().is_some_and(|heard| sequence.find(&heard.samples).share >= least)
            });
        }
    }

    /// Hangs up: the call was on until now, and its recording holds what both said.
    pub fn end(mut self, server: &Server) {
        self.citizen.hang_up();
        // The first event since they began to talk.
        self.phone.expect(&Event::HungUpOn, SOON);
        let auditor = server.sign_in("audyt");
        let call = auditor.finished_call(&self.caller);
        assert_eq!(call["termination"], "caller_hung_up", "{call}");
        assert_eq!(call["recordings"][0]["result"], "ok", "{call}");
        assert_eq!(call["recordings"][0]["gaps"], serde_json::json!([]), "{call}");
        let recording = auditor.recording(&call);
        for (peer, channel, sequence) in [
            (&self.citizen.rtp, &recording.left, &self.said),
            (&*self.phone.rtp, &recording.right, &self.answered),
        ] {
            let found = sequence.find(channel);
            assert!(found.share >= WHOLE - peer.forgiven(sequence), "{}: {found:?}", self.caller);
        }
    }
}
