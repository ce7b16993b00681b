//! A supervisor gives an operator another queue while a citizen waits there in vain: the citizen is offered to that
//! operator at once, with sound, and it stays so after a restart. What is refused, and what the desk and the journal say.

use serde_json::{Value, json};

use crate::api::{Api, event};
use crate::audio::ToneSequence;
use crate::citizen::Invite;
use crate::desk_phone::DeskPhone;
use crate::server::{KEYS_TO_QUEUE, Server, Setup};
use crate::transfer::{SOON, say, user_id};
use crate::wait;

/// Asks for one skill, and nobody of the test's people serves it.
const WATER: &str = "[[queue]]\nname = \"water\"\nskills = { gas = 2 }\n";

fn queues_of(api: &Api, name: &str) -> Value {
    let operators = api.items("/api/v1/operators?");
    let operator = operators.iter().find(|operator| operator["name"] == name);
    operator.map(|operator| operator["queues"].clone()).unwrap_or_default()
}

#[test]
fn a_citizen_who_waits_is_offered_to_the_operator_added() {
    let mut server = Server::start_with(&Setup { more: WATER.to_owned(), alone: true, ..Setup::default() });
    let maria = server.sign_in("maria");
    let (olena, petro) = (user_id(&maria, "olena"), user_id(&maria, "petro"));
    let path = |id: &str| format!("/api/v1/operators/{id}/queues");
    let put = |id: &str, body: Value| {
        let (status, answer) = maria.send("PUT", &path(id), Some(&body));
        let name = answer["type"].as_str().unwrap_or_default().rsplit(':').next().map(str::to_owned);
        (status, name.unwrap_or_default())
    };
    let why = "many callers";
    // Olena is to serve another queue only, so that nobody who is there serves the city's.
    let gas = json!({ "gas": 3 });
    let unskilled = put(&olena, json!({ "queues": ["water"], "reason": why }));
    assert_eq!(unskilled, (409, "lacks_skill".to_owned()));
    assert_eq!(put(&olena, json!({ "queues": ["water"], "skills": gas, "reason": why })).0, 204);
    for (id, body, refusal) in [
        (&petro, json!({ "queues": ["water"], "skills": gas, "reason": why }), (409, "queue_deserted")),
        (&olena, json!({ "queues": ["heating"], "reason": why }), (422, "unknown_queue")),
        (&olena, json!({ "queues": [], "reason": why }), (422, "no_queues")),
        (&olena, json!({ "queues": ["city"], "reason": " " }), (422, "no_reason")),
    ] {
        let (status, name) = put(id, body.clone());
        assert_eq!((status, name.as_str()), refusal, "{body}");
    }
    let nobody = "00000000-0000-7000-8000-000000000000";
    assert_eq!(put(nobody, json!({ "queues": ["city"], "reason": why })).0, 404);

    let mut phone = DeskPhone::register(server.sip, "201");
    server.sign_in("olena").set_ready();
    let mut citizen = Invite { caller: "380440000911".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    let auditor = server.sign_in("audyt");
    auditor.call_where("380440000911", "waiting", |call| {
        event(&auditor.timeline(call), "contact.queued").is_some()
    });
    assert_eq!(auditor.status_of("olena"), "ready", "she serves another queue, and nobody rings her");

    assert_eq!(put(&olena, json!({ "queues": ["city", "water"], "reason": why })).0, 204);
    let talk = phone.answer();
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(94, 1500));
    say(&talk.rtp, &citizen.rtp, ToneSequence::operator(95, 1500));

    // Taken away again, the call at hand goes on.
    assert_eq!(put(&olena, json!({ "queues": ["water"], "reason": "calm" })).0, 204);
    wait::until_true("it to be taken over", SOON, || queues_of(&maria, "olena") == json!(["water"]));
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(96, 1000));
    phone.hang_up(talk);
    citizen.is_hung_up_on(SOON);

    server.kill();
    server.run();
    let auditor = server.sign_in("audyt");
    assert_eq!(queues_of(&auditor, "olena"), json!(["water"]), "it outlives a restart");
    assert!(server.output(&["verify"]).status.success());
}
