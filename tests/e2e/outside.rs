//! A citizen is passed on to a number outside the city, over a trunk, with sound: an executor's mobile. Who may, to
//! which numbers, by which of several lines, and what becomes of the citizen when nobody answers there.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::audio::ToneSequence;
use crate::desk_phone::{DeskPhone, Talk};
use crate::phone::{Answering, Phone};
use crate::server::{PASSWORD, Server, Setup};
use crate::transfer::{SOON, assert_one_recording, say, talking, user_id};

/// As the operator dials it, and in E.164.
const MOBILE: &str = "0501234567";
const MOBILE_E164: &str = "+380501234567";
const FIRST: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 6));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

/// A server with a line to each of these addresses, first choice first, that takes mobile numbers and 112.
fn with_lines(addresses: &[IpAddr]) -> (Server, Vec<DeskPhone>) {
    with_lines_and(addresses, "")
}

/// With `more` sections in the configuration.
pub fn with_lines_and(addresses: &[IpAddr], more: &str) -> (Server, Vec<DeskPhone>) {
    let mut server = Server::prepare(&Setup { alone: true, wrap_up_secs: 600, ..Setup::default() });
    let lines: Vec<DeskPhone> =
        addresses.iter().map(|ip| DeskPhone::elsewhere(server.sip, "line", *ip)).collect();
    let mut text = fs::read_to_string(server.config_path()).expect("the configuration is there");
    for (nth, line) in lines.iter().enumerate() {
        text += &format!(
            "[[trunk]]\nname = \"line{nth}\"\nto = [\"sip:{}\"]\nprobe_secs = 0\ncountry_code = \"380\"\n\
             caller = \"+380542001580\"\ntakes = [\"+38050\", \"112\"]\n",
            line.address()
        );
    }
    fs::write(server.config_path(), text + more).expect("the configuration can be written");
    server.run();
    (server, lines)
}

fn talk_on_the_desk(api: &Api) -> String {
    let olena = user_id(api, "olena");
    let calls = api.calls();
    let call = calls.iter().find(|call| call["operator"] == olena.as_str() && call["ended_at"].is_null());
    call.and_then(|call| call["id"].as_str()).expect("olena talks").to_owned()
}

#[test]
fn a_citizen_is_passed_on_to_a_mobile() {
    let (server, mut lines) = with_lines(&[FIRST]);
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000601");
    let before = say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(71, 1500));
    assert_eq!(olena.refer(&mut talk, MOBILE, "Referred-By: <sip:201@ringback>\r\n").status(), Some(202));
    let invite = lines[0].is_called();
    assert!(invite.start_line.starts_with(&format!("INVITE sip:{MOBILE_E164}@{FIRST}")), "{invite:?}");
    assert!(invite.expect("From").contains("sip:+380542001580@"), "the city calls: {invite:?}");
    for header in ["Referred-By", "X-Ringback-Contact"] {
        assert_eq!(invite.header(header), None, "what is said inside stays inside");
    }
    let mobile = lines[0].pick_up(&invite);
    let told = olena.told(&talk);
    assert_eq!((told.first(), told.last()), (Some(&100), Some(&200)), "{told:?}");
    olena.is_hung_up_on(&talk);
    let after = say(&citizen.rtp, &mobile.rtp, ToneSequence::citizen(72, 1500));
    let answer = say(&mobile.rtp, &citizen.rtp, ToneSequence::operator(73, 1500));

    let desk = server.sign_in("olena");
    let disposition = json!({ "disposition": "transferred_emergency" });
    desk.post(&format!("/api/v1/calls/{}/disposition", talk_on_the_desk(&desk)), &disposition);
    lines[0].hang_up(mobile);
    let length = citizen.is_hung_up_on(SOON) - citizen.answered_at;
    let auditor = server.sign_in("audyt");
    let call = auditor.finished_call("380440000601");
    assert_eq!(call["termination"], "outside_hung_up", "{call}");
    assert_eq!(call["operator"], user_id(&auditor, "olena"), "the last one of the city: {call}");
    assert_eq!(call["disposition"], "transferred_emergency", "{call}");
    assert_one_recording(&auditor, &call, &[&before, &after], &[&answer], length);
    let timeline = auditor.timeline(&call);
    let data = &event(&timeline, "contact.transferred").expect("it is told")["data"];
    assert_eq!((&data["kind"], &data["trunk"]), (&json!("outside"), &json!("line0")), "{data}");
    assert_eq!(data["number"], MOBILE, "{data}");
}

#[test]
fn the_next_line_is_taken_and_a_no_gives_the_citizen_back() {
    let (server, mut lines) = with_lines(&[FIRST, SECOND]);
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000602");
    assert_eq!(olena.refer(&mut talk, MOBILE, "").status(), Some(202));
    let invite = lines[0].is_called();
    lines[0].refuse(&invite, 503);
    let invite = lines[1].is_called();
    lines[1].refuse(&invite, 486);
    assert_eq!(olena.told(&talk), [100, 486], "busy is the mobile, not the line");
    say(&citizen.rtp, &talk.rtp, ToneSequence::citizen(74, 1000));
    // Both lines are of no use.
    assert_eq!(olena.refer(&mut talk, "112", "").status(), Some(202));
    for line in &mut lines {
        let invite = line.is_called();
        line.refuse(&invite, 503);
    }
    assert_eq!(olena.told(&talk), [100, 503]);
    say(&talk.rtp, &citizen.rtp, ToneSequence::operator(75, 1000));

    // From the desk. The operator has hung up before the mobile is answered, which then never happens.
    let desk = server.sign_in("olena");
    let transfer = format!("/api/v1/calls/{}/transfer", talk_on_the_desk(&desk));
    assert_eq!(desk.send("POST", &transfer, Some(&json!({ "target": MOBILE }))).0, 204);
    let invite = lines[0].is_called();
    olena.hang_up(talk);
    desk.post("/api/v1/operators/me/status", &json!({ "status": "ready" }));
    lines[0].refuse(&invite, 480);
    let again = olena.answer();
    say(&citizen.rtp, &again.rtp, ToneSequence::citizen(76, 1000));
    citizen.hang_up();
    olena.is_hung_up_on(&again);
    let auditor = server.sign_in("audyt");
    let call = auditor.call_where("380440000602", "over", |call| call["ended_at"].is_string());
    let timeline = auditor.timeline(&call);
    assert!(event(&timeline, "contact.transferred").is_none(), "{:?}", event_names(&timeline));
}

/// The transfer is accepted and then told to have been declined.
fn is_declined(phone: &mut DeskPhone, olena: &mut DeskPhone, talk: &mut Talk, to: &str) {
    assert_eq!(phone.refer(talk, to, "").status(), Some(202));
    assert_eq!(olena.told(talk), [100, 603], "{to}");
}

#[test]
fn only_the_operator_and_only_to_the_numbers_that_a_line_takes() {
    let (server, mut lines) = with_lines(&[FIRST]);
    let (mut citizen, mut olena, mut talk) = talking(&server, "380440000603");
    for target in ["+79001234567", "0671234567", "1120", "1580", "*71"] {
        assert_eq!(olena.refer(&mut talk, target, "").status(), Some(202));
        assert_eq!(olena.told(&talk), [100, 603], "{target}");
    }
    // Somebody has learnt the names of her dialog, but is not where her phone is.
    let mut thief = DeskPhone::elsewhere(server.sip, "201", STRANGER);
    is_declined(&mut thief, &mut olena, &mut talk, MOBILE);
    let refer = citizen.request("REFER", &format!("Refer-To: <sip:{MOBILE}@x>\r\n"), "");
    assert_eq!(refer.status(), Some(603), "citizens call nobody at the city's expense");
    let desk = server.sign_in("olena");
    let transfer = format!("/api/v1/calls/{}/transfer", talk_on_the_desk(&desk));
    let to = |number: &str| Some(json!({ "target": number }));
    assert_eq!(desk.send("POST", &transfer, to("+79001234567").as_ref()).0, 409);
    assert_eq!(server.sign_in("petro").send("POST", &transfer, to(MOBILE).as_ref()).0, 403);

    // A colleague's phone that forwards its calls to the line does not get them out either.
    let forwarding = Answering::Redirect(lines[0].address());
    let petro = Phone::register(server.sip, "202", PASSWORD, forwarding);
    assert_eq!(olena.refer(&mut talk, "202", "").status(), Some(202));
    petro.rings(SOON);
    assert_eq!(olena.told(&talk), [100, 302]);

    // Talking with the mobile, neither side can go further; the operator who passed it on can end it.
    assert_eq!(desk.send("POST", &transfer, to(MOBILE).as_ref()).0, 204);
    let mut mobile = lines[0].answer();
    olena.is_hung_up_on(&talk);
    let refer = lines[0].request(&mut mobile, "REFER", "Refer-To: <sip:112@x>\r\n", "");
    assert_eq!(refer.status(), Some(603));
    assert_eq!(desk.send("POST", &transfer, to("202").as_ref()).0, 409);
    let hang_up = transfer.replace("/transfer", "/hangup");
    assert_eq!(desk.send("POST", &hang_up, None::<&Value>).0, 204);
    lines[0].is_hung_up_on(&mobile);
    citizen.is_hung_up_on(SOON);
}
