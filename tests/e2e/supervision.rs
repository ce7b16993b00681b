//! A supervisor in a talk, with sound: what each of the three hears while she listens, prompts, speaks with both and takes
//! over, and what stands in the recording. The citizen must never hear what was meant for the operator.

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::audio::ToneSequence;
use crate::call_audio::{Said, assert_heard};
use crate::desk_phone::DeskPhone;
use crate::rtp_peer::RtpPeer;
use crate::server::{Server, Setup};
use crate::transfer::{SOON, assert_one_recording, say, talking};
use crate::wait;

/// `speaker` says something that all `listeners` hear whole and `deaf` hear nothing of.
fn say_to(speaker: &RtpPeer, listeners: &[&RtpPeer], deaf: &[&RtpPeer], sequence: ToneSequence) -> Said {
    for peer in listeners.iter().chain(deaf) {
        peer.listen_anew();
        wait::until_true("sound to flow", SOON, || peer.heard().is_some());
    }
    speaker.say(&sequence.samples());
    let said = Said::by(speaker, sequence);
    for listener in listeners {
        assert_heard(listener, &said);
    }
    let end = said.began + std::time::Duration::from_millis(said.sequence.length_ms() as u64 + 200);
    for peer in deaf {
        wait::until_true("the end of the speech to be over", SOON, || {
            peer.heard().is_some_and(|heard| heard.until() >= end)
        });
        let heard = peer.heard().expect("something was heard").samples;
        assert_eq!(said.sequence.presence(&heard), 0.0, "{}", said.sequence.sketch(&heard));
    }
    said
}

fn supervise(api: &Api, call: &str, how: &str) {
    let wish = json!({ "how": how, "reason": "training" });
    let (status, body) = api.send("POST", &format!("/api/v1/calls/{call}/supervision"), Some(&wish));
    assert_eq!(status, 204, "{how}: {body}");
}

/// The running call of `caller`, as the switchboard's picture has it.
fn id_of(api: &Api, caller: &str) -> String {
    let call = api.call_where(caller, "talking", |call| call["connected_at"].is_string());
    call["id"].as_str().expect("a call has an id").to_owned()
}

fn refused(api: &Api, call: &str, wish: &Value) -> u16 {
    api.send("POST", &format!("/api/v1/calls/{call}/supervision"), Some(wish)).0
}

#[test]
fn a_supervisor_listens_prompts_speaks_and_takes_over() {
    let server = Server::start_alone();
    let (mut citizen, olena, talk) = talking(&server, "380440000951");
    let mut phone = DeskPhone::register(server.sip, "301");
    let maria = server.sign_in("maria");
    let call = id_of(&maria, "380440000951");

    supervise(&maria, &call, "listen");
    let invite = phone.is_called();
    assert_eq!(invite.header("Answer-Mode"), Some("Auto"), "she has asked for it");
    let hers = phone.pick_up(&invite);
    let (c, o, s) = (&citizen.rtp, &talk.rtp, &hers.rtp);
    let asked = say_to(c, &[o, s], &[], ToneSequence::citizen(101, 1500));
    let answered = say_to(o, &[c, s], &[], ToneSequence::operator(102, 1500));
    let muttered = say_to(s, &[], &[c, o], ToneSequence::operator(103, 1500));

    supervise(&maria, &call, "whisper");
    let prompted = say_to(s, &[o], &[c], ToneSequence::operator(104, 1500));
    supervise(&maria, &call, "barge");
    let joined = say_to(s, &[o, c], &[], ToneSequence::operator(105, 1500));
    supervise(&maria, &call, "listen");
    say_to(s, &[], &[c, o], ToneSequence::operator(106, 1500));

    let mut olena = olena;
    supervise(&maria, &call, "take_over");
    olena.is_hung_up_on(&talk);
    let again = json!({ "how": "listen", "reason": "training" });
    assert_eq!(refused(&maria, &call, &again), 409, "the talk is hers");
    let thanked = say(&citizen.rtp, &hers.rtp, ToneSequence::citizen(107, 1500));
    let promised = say(&hers.rtp, &citizen.rtp, ToneSequence::operator(108, 1500));
    phone.hang_up(hers);
    let length = citizen.is_hung_up_on(SOON) - citizen.answered_at;

    let auditor = server.sign_in("audyt");
    let finished = auditor.finished_call("380440000951");
    assert_eq!(finished["operator"], user_id_of_supervisor(&maria), "{finished}");
    let right = [&answered, &joined, &promised];
    assert_one_recording(&auditor, &finished, &[&asked, &thanked], &right, length);
    let recording = auditor.recording(&finished);
    for private in [&muttered, &prompted] {
        for channel in [&recording.left, &recording.right] {
            let found = private.sequence.find(channel);
            assert!(found.share < 0.5, "not what the citizen heard: {found:?}");
        }
    }
    let timeline = auditor.timeline(&finished);
    let monitored: Vec<&Value> =
        timeline.iter().filter(|entry| entry["type"] == "access.monitored").collect();
    let how: Vec<&Value> = monitored.iter().map(|entry| &entry["data"]["how"]).collect();
    assert_eq!(how, ["listen", "whisper", "barge", "listen"], "{:?}", event_names(&timeline));
    for entry in monitored {
        assert_eq!(entry["reason"], "training", "{entry}");
        assert_eq!(entry["actor"]["kind"], "supervisor", "{entry}");
    }
    let transferred = event(&timeline, "contact.transferred").expect("it is told");
    assert_eq!(transferred["data"]["kind"], "take_over", "{transferred}");
    assert_eq!(transferred["actor"]["kind"], "supervisor", "{transferred}");
    assert_eq!(auditor.status_of("olena"), "ready", "her part is over, and written up");
}

fn user_id_of_supervisor(maria: &Api) -> String {
    let session = maria.get("/api/v1/session");
    session["user"]["id"].as_str().or_else(|| session["id"].as_str()).expect("an id").to_owned()
}

#[test]
fn a_supervisor_stays_through_a_hold_and_goes_with_the_talk() {
    let server = Server::start_with(&Setup { alone: true, ..Setup::default() });
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000952");
    let maria = server.sign_in("maria");
    let call = id_of(&maria, "380440000952");
    let wish = json!({ "how": "listen", "reason": "training" });
    assert_eq!(refused(&maria, &call, &wish), 409, "no phone of hers is registered");
    let mut phone = DeskPhone::register(server.sip, "301");
    assert_eq!(refused(&maria, &call, &json!({ "how": "listen", "reason": " " })), 422, "no reason");
    let stranger = uuid::Uuid::nil().to_string();
    assert_eq!(refused(&maria, &stranger, &wish), 404, "no such call");
    assert_eq!(refused(&server.sign_in("olena"), &call, &wish), 403, "operators do not listen to others");

    supervise(&maria, &call, "listen");
    let hers = phone.answer();
    say_to(&citizen.rtp, &[&talk.rtp, &hers.rtp], &[], ToneSequence::citizen(111, 1000));
    olena.hold(&mut talk, "sendonly");
    say_to(&citizen.rtp, &[], &[&hers.rtp], ToneSequence::citizen(112, 1000));
    olena.hold(&mut talk, "sendrecv");
    say_to(&citizen.rtp, &[&talk.rtp, &hers.rtp], &[], ToneSequence::citizen(113, 1000));
    say_to(&hers.rtp, &[], &[&citizen.rtp, &talk.rtp], ToneSequence::operator(114, 1000));

    let (status, _) = maria.send("DELETE", &format!("/api/v1/calls/{call}/supervision"), None);
    assert_eq!(status, 204);
    phone.is_hung_up_on(&hers);
    supervise(&maria, &call, "whisper");
    let again = phone.answer();
    say_to(&again.rtp, &[&talk.rtp], &[&citizen.rtp], ToneSequence::operator(115, 1000));
    citizen.hang_up();
    phone.is_hung_up_on(&again);
    olena.is_hung_up_on(&talk);
    let auditor = server.sign_in("audyt");
    let timeline = auditor.timeline(&auditor.finished_call("380440000952"));
    let ended = event_names(&timeline).into_iter().filter(|name| *name == "access.monitoring_ended").count();
    assert_eq!(ended, 2, "{:?}", event_names(&timeline));
    assert_eq!(refused(&maria, &call, &wish), 404, "the call is over");
}
