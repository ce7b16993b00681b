//! A prompt recorded by telephone, with sound: the administrator's own phone rings, what is said there after the tone is
//! heard back, said anew, kept by a key, and is what the next citizen hears. What came before a publication, what cannot
//! be a prompt, and who has no phone.

use serde_json::{Value, json};

use crate::api::Api;
use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::desk_phone::{DeskPhone, Talk};
use crate::server::Server;
use crate::transfer::SOON;
use crate::wait;

const PROMPT: &str = "/api/v1/admin/prompts/uk/test.welcome";

fn dictation(admin: &Api) -> Value {
    admin.get("/api/v1/admin/prompts/dictation")
}

fn reaches(admin: &Api, wanted: &str) {
    // The words that say what to do take their seconds.
    wait::until_true(&format!("the dictation to be at {wanted}"), 3 * SOON, || {
        dictation(admin)["stage"] == wanted
    });
}

/// Half a second: whoever has said the last word looks for the key.
const BREATH: [i16; 4_000] = [0; 4_000];

/// Says it whole, then a key.
fn speak(talk: &Talk, sequence: &ToneSequence) {
    talk.rtp.say(&[sequence.samples().as_slice(), &BREATH].concat());
    wait::until_true("it to be said", 2 * SOON, || talk.rtp.has_finished_speaking());
    talk.rtp.press("5");
}

/// Most of it, in its place; what was said late by this machine was recorded late. Another sequence has less than half.
fn recognises(sequence: &ToneSequence, heard: &[i16], talk: &Talk) -> bool {
    sequence.find(heard).share > (0.9 - talk.rtp.forgiven(sequence)).max(0.6)
}

fn welcome(admin: &Api) -> Value {
    let prompts = admin.get("/api/v1/admin/prompts");
    let items = prompts["items"].as_array().expect("a list has items");
    let welcome = items.iter().find(|item| item["id"] == "test.welcome").expect("it is the plan's");
    welcome["spoken"]["uk"].clone()
}

fn refusal(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default())
}

#[test]
fn what_is_said_into_the_phone_is_what_the_next_citizen_hears() {
    let server = Server::start_alone();
    let admin = server.sign_in("admin");
    let ring = || admin.send("POST", &format!("{PROMPT}/phone"), Some(&json!({ "speak": "en" })));
    assert_eq!(refusal(&ring()), (409, "no_phone"), "the administrator's phone is not there");
    let mut phone = DeskPhone::register(server.sip, "401");
    assert_eq!(admin.send("POST", "/api/v1/admin/prompts/uk/no.such/phone", None).0, 404);
    assert_eq!(ring().0, 204);
    let invite = phone.is_called();
    assert_eq!(invite.header("Answer-Mode"), Some("Auto"), "a phone in the page picks up by itself");
    assert_eq!(refusal(&ring()), (409, "dictating"));
    let talk = phone.pick_up(&invite);

    // Nothing but the key: asked anew.
    reaches(&admin, "speaking");
    talk.rtp.press("5");
    wait::until_true("it to be asked anew", 3 * SOON, || dictation(&admin)["takes"] == 2);
    reaches(&admin, "speaking");
    let first = ToneSequence::citizen(61, 2000);
    speak(&talk, &first);
    talk.rtp.listen_anew();
    reaches(&admin, "choosing");
    wait::until_true("it to be played back", 2 * SOON, || {
        talk.rtp.heard().is_some_and(|heard| recognises(&first, &heard.samples, &talk))
    });
    talk.rtp.press("2");
    wait::until_true("the third take", SOON, || dictation(&admin)["takes"] == 3);
    reaches(&admin, "speaking");
    let second = ToneSequence::citizen(62, 2500);
    speak(&talk, &second);
    reaches(&admin, "choosing");
    assert!(welcome(&admin)["pending"].is_null(), "nothing is kept before it is said to be");
    talk.rtp.press("1");
    phone.is_hung_up_on(&talk);
    reaches(&admin, "kept");
    let kept = welcome(&admin);
    assert_eq!(kept["pending"], "recorded", "{kept}");
    assert_eq!(kept["source"], "spoken", "callers hear it from the next publication on: {kept}");
    let changes = admin.get("/api/v1/admin/changes");
    let expected = json!([{ "language": "uk", "id": "test.welcome", "change": "recorded" }]);
    assert_eq!(changes["recordings"], expected, "{changes}");

    assert_eq!(admin.send("POST", "/api/v1/admin/reload", None).0, 200);
    let lasts = welcome(&admin)["duration_ms"].as_i64().expect("it has a length");
    assert!((2_450..3_100).contains(&lasts), "what was said, and neither silence nor key: {lasts} ms");
    let mut citizen = Invite { caller: "380440000621".to_owned(), ..Invite::default() }.call(server.sip);
    wait::until_true("the citizen to hear it", 2 * SOON, || {
        citizen.rtp.heard().is_some_and(|heard| recognises(&second, &heard.samples, &talk))
    });
    let heard = citizen.rtp.heard().expect("something was heard");
    assert!(first.find(&heard.samples).share < 0.5, "the take that was not kept is heard by nobody");
    citizen.hang_up();
    let left = std::fs::read_dir(server.recording_folder().join("dictations")).expect("there were takes");
    assert_eq!(left.count(), 0, "no take is left behind");
    assert!(server.output(&["verify"]).status.success());
}
