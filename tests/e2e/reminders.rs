//! Appointments are reminded of by SMS, once for each time and never of one that was given back, also when the program is
//! killed in between; and who has lost the code of the page gets another by SMS, at the number the case knows and no other.

use std::fs;

use serde_json::{Value, json};

use crate::api::Api;
use crate::gateways::SmsGateway;
use crate::server::Server;
use crate::transfer::SOON;
use crate::verification::{asking_server_and, path};
use crate::wait;

const PAGE: &str = "[citizen]\nurl = \"https://city.example/\"\n";
const PLACE: &str = "кабінет 21";

/// The mayor receives on every working day at any hour, and whoever comes within a week is reminded at once.
fn reminding_server(gateway: &SmsGateway) -> Server {
    let (server, _line) = asking_server_and(&(gateway.section() + PAGE), |folder| {
        let file = folder.join("city.toml");
        let plan = fs::read_to_string(&file).expect("the city plan is there");
        let usual = "days = \"Wed\"\nhours = \"09:00-12:00\"\nslot_minutes = 15";
        let open = "days = \"Mon-Fri\"\nhours = \"00:00-24:00\"\nslot_minutes = 15\nnotice_hours = 0\nremind_hours = 168";
        let changed = plan.replace(usual, open);
        assert_ne!(changed, plan, "the mayor receives as before");
        fs::write(file, changed).expect("the city plan can be written");
    });
    server
}

/// Free times with the mayor, the earliest first.
fn free(citizen: &Api) -> Vec<String> {
    let list = citizen.get("/api/v1/citizen/receptions");
    let receptions = list["items"].as_array().expect("a list");
    let mayor = receptions.iter().find(|one| one["id"] == "mayor").expect("the mayor receives");
    let slots = mayor["free"].as_array().expect("a list").iter();
    slots.map(|slot| slot["starts_at"].as_str().expect("a moment").to_owned()).collect()
}

/// Number and code.
fn booked(citizen: &Api, starts_at: &str, phone: &str) -> Value {
    let wish = json!({
        "reception": "mayor", "starts_at": starts_at, "category": "water", "topic": "Третій рік без води",
        "language": "uk", "name": "Олена", "number": phone, "consent": true,
    });
    let answer = citizen.post("/api/v1/citizen/appointments", &wish);
    json!({ "number": answer["number"], "code": answer["code"] })
}

fn is_reminder(message: &Value, key: &Value) -> bool {
    let text = message["text"].as_str().unwrap_or_default();
    text.contains(PLACE) && text.contains(key["number"].as_str().expect("a number"))
}

fn queued(api: &Api, key: &Value, occasion: &str) -> usize {
    let number = key["number"].as_str().expect("a number");
    let timeline = api.get(&path(number, "/timeline"));
    let items = timeline["items"].as_array().expect("a timeline has items").iter();
    items.filter(|item| item["type"] == "notif.queued" && item["data"]["occasion"] == occasion).count()
}

fn is_verified(server: &Server) {
    let verified = server.output(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn an_appointment_is_reminded_of_once_and_only_while_it_stands() {
    let gateway = SmsGateway::start();
    let mut server = reminding_server(&gateway);
    let citizen = server.anonymous();
    let times = free(&citizen);

    // Killed while the gateway has it: the same message once more, not another.
    gateway.be_silent(true);
    let first = booked(&citizen, &times[20], "+380501110001");
    let reminder = gateway.asked.first("the reminder", |message| is_reminder(message, &first));
    server.kill();
    gateway.be_silent(false);
    server.run();
    let auditor = server.sign_in("audyt");
    let again = |message: &Value| is_reminder(message, &first);
    wait::until_true("the reminder to come again", 3 * SOON, || {
        gateway.asked.all().iter().filter(|message| again(message)).count() >= 2
    });
    for message in gateway.asked.all().iter().filter(|message| again(message)) {
        assert_eq!((&message["reference"], &message["text"]), (&reminder["reference"], &reminder["text"]));
    }

    // Given back before the gateway took it: nobody is told to come.
    gateway.be_silent(true);
    let citizen = server.anonymous();
    let second = booked(&citizen, &times[21], "+380501110002");
    gateway.asked.first("the reminder that gets stuck", |message| is_reminder(message, &second));
    citizen.post("/api/v1/citizen/appointment-cancel", &second);
    gateway.be_silent(false);
    let tried = gateway.asked.all().iter().filter(|message| is_reminder(message, &second)).count();

    // Moved: the new time is reminded of. By then the other one's next attempt was due for long.
    let third = booked(&citizen, &times[22], "+380501110003");
    gateway.asked.first("the reminder of the first time", |message| is_reminder(message, &third));
    let mut to = third.clone();
    to["starts_at"] = json!(times[23]);
    citizen.post("/api/v1/citizen/appointment-move", &to);
    wait::until_true("the reminder of the new time", 3 * SOON, || {
        let texts = gateway.asked.all();
        let texts: std::collections::BTreeSet<_> = texts
            .iter()
            .filter(|message| is_reminder(message, &third))
            .map(|one| one["text"].to_string())
            .collect();
        texts.len() == 2
    });
    let since = gateway.asked.all().iter().filter(|message| is_reminder(message, &second)).count();
    assert_eq!(since, tried, "an appointment that was given back is not reminded of");
    let counts = [&first, &second, &third].map(|key| queued(&auditor, key, "reminder"));
    assert_eq!(counts, [1, 1, 2]);
    is_verified(&server);
}

#[test]
fn a_lost_code_comes_by_sms_to_the_number_of_the_case_and_to_no_other() {
    let gateway = SmsGateway::start();
    let server = reminding_server(&gateway);
    let citizen = server.anonymous();
    let key = booked(&citizen, &free(&citizen)[20], "+380501110004");
    let ask = |phone: &str| {
        citizen.send(
            "POST",
            "/api/v1/citizen/code",
            Some(&json!({ "number": key["number"], "phone": phone })),
        )
    };
    let wrong = ask("+380507777777");
    let right = ask("050 111 00 04");
    assert_eq!(wrong, right, "nobody learns whose number it is");
    assert_eq!(right.0, 202);
    let sent = gateway.asked.first("the code", |message| {
        message["text"].as_str().is_some_and(|text| text.contains("Якщо не ви"))
    });
    assert_eq!(sent["to"], "+380501110004");
    let link =
        sent["text"].as_str().and_then(|text| text.split("https://city.example/#").nth(1)).expect("a link");
    let (number, code) = link.trim().split_once('/').expect("number and code");
    let page = citizen.post("/api/v1/citizen/status", &json!({ "number": number, "code": code }));
    assert_eq!(page["number"], key["number"]);
    let auditor = server.sign_in("audyt");
    assert_eq!(queued(&auditor, &key, "code"), 1);
    let timeline = auditor.get(&path(number, "/timeline")).to_string();
    assert!(timeline.contains("applicant.code_refused") && !timeline.contains(code), "{timeline}");
    assert!(gateway.asked.all().iter().all(|message| message["to"] != "+380507777777"));
    is_verified(&server);
}
