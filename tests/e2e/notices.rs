//! The loop closes in writing: whom no call reaches gets an SMS with a code, and opens the page with it; where the gateway is
//! dead an e-mail goes instead; and a program that is killed sends nothing twice.

use std::fs;

use serde_json::{Value, json};

use crate::api::{Api, event, event_names};
use crate::desk_phone::DeskPhone;
use crate::gateways::{MailServer, SmsGateway};
use crate::server::Server;
use crate::transfer::SOON;
use crate::verification::{MOBILE, asking_server_and, done, path, reported, state, work_on};
use crate::wait;

const PAGE: &str = "[citizen]\nurl = \"https://city.example/\"\n";

/// A server that rings once, and then writes as `sections` say.
fn writing_server(sections: &str) -> (Server, DeskPhone) {
    asking_server_and(sections, |folder| {
        let file = folder.join("city.toml");
        let plan = fs::read_to_string(&file).expect("the city plan is there");
        let once = plan.replace("attempts = 3\non_days = 2", "attempts = 1\non_days = 1");
        assert_ne!(once, plan, "[verify] is as it was");
        fs::write(file, once).expect("the city plan can be written");
    })
}

/// Number and code of the link in a message.
fn key_in(text: &str) -> (String, String) {
    let link = text.split("https://city.example/#").nth(1).unwrap_or_else(|| panic!("no link in {text}"));
    let key = link.split_whitespace().next().unwrap_or_default();
    let (number, code) = key.split_once('/').unwrap_or_else(|| panic!("no code in {text}"));
    (number.to_owned(), code.to_owned())
}

fn timeline(api: &Api, number: &str) -> Vec<Value> {
    api.get(&path(number, "/timeline"))["items"].as_array().expect("a timeline has items").clone()
}

fn events(api: &Api, number: &str, name: &str, channel: &str) -> Vec<Value> {
    let items = timeline(api, number).into_iter();
    items.filter(|item| item["type"] == name && item["data"]["channel"] == channel).collect()
}

fn is_of(message: &Value, text: &str) -> bool {
    message["text"].as_str().is_some_and(|said| said.contains(text))
}

#[test]
fn who_does_not_pick_up_gets_an_sms_and_answers_on_the_page() {
    let gateway = SmsGateway::start();
    let (server, mut line) = writing_server(&(gateway.section() + PAGE));
    let number = reported(&server, MOBILE);
    let registered = gateway.asked.first("the SMS with the number", |message| is_of(message, &number));
    assert_eq!(
        (&registered["to"], &registered["authorization"]),
        (&json!(MOBILE), &json!("Bearer of-the-gateway"))
    );
    let citizen = server.anonymous();
    let (named, code) = key_in(registered["text"].as_str().expect("a text"));
    assert_eq!(named, number);
    citizen.post("/api/v1/citizen/status", &json!({ "number": number, "code": code }));

    done(&server, &number);
    let invite = line.is_called();
    line.refuse(&invite, 486);
    let asked = gateway.asked.first("the SMS that asks", |message| {
        is_of(message, &number) && message["reference"] != registered["reference"]
    });
    let (_, code) = key_in(asked["text"].as_str().expect("a text"));
    let report =
        json!([{ "id": format!("g-{}", asked["reference"].as_str().expect("an id")), "status": "DELIVRD" }]);
    assert_eq!(citizen.send("POST", "/api/v1/sms-reports/of-somebody-else", Some(&report)).0, 404);
    // The report may be there before the program has written down that the message was taken.
    let auditor = server.sign_in("audyt");
    wait::until_true("the message to be on the record as sent", SOON, || {
        events(&auditor, &number, "notif.sent", "sms").len() == 2
    });
    assert_eq!(citizen.send("POST", "/api/v1/sms-reports/0123456789abcdef", Some(&report)).0, 204);
    wait::until_true("the case to hear of it", SOON, || {
        !events(&auditor, &number, "verify.attempted", "sms").is_empty()
    });
    let told = events(&auditor, &number, "verify.attempted", "sms").remove(0);
    assert_eq!(told["data"]["delivered"], true, "{told}");
    let delivered = events(&auditor, &number, "notif.delivered", "sms");
    assert_eq!(delivered.len(), 1, "{:?}", event_names(&timeline(&auditor, &number)));
    let control = server.sign_in("kontrol");
    let waiting = control.items(&format!("/api/v1/verifications?case={number}&")).remove(0);
    assert_eq!(waiting["messages"][0]["state"], "delivered", "{waiting}");
    assert!(waiting["answer_by"].is_string() && waiting["over"] == "used_up", "{waiting}");
    assert_eq!(state(&auditor, &number), "verification", "an answer is waited for");

    let page = citizen.post("/api/v1/citizen/status", &json!({ "number": number, "code": code }));
    assert_eq!(page["may"]["answer"], true, "{page}");
    let verdict = json!({ "number": number, "code": code, "fixed": false });
    citizen.post("/api/v1/citizen/verdict", &verdict);
    let case = auditor.get(&path(&number, ""));
    assert_eq!((&case["state"], &case["level"]), (&json!("in_progress"), &json!(1)), "{case}");
    let items = timeline(&auditor, &number);
    let refuted = event(&items, "verify.refuted").expect("it is refuted");
    assert_eq!(refuted["actor"]["kind"], "applicant", "{refuted}");
    let ours = |item: &&Value| {
        let name = item["type"].as_str().unwrap_or_default();
        ["notif.", "verify.", "applicant.", "case."].iter().any(|subject| name.starts_with(subject))
    };
    let told: Vec<String> = items.iter().filter(ours).map(|item| item["data"].to_string()).collect();
    let leaks = told.iter().find(|data| data.contains(&MOBILE[1..]) || data.contains(&code));
    assert_eq!(leaks, None, "the journal has neither number nor code");
    let verified = server.output(&["verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn where_the_gateway_is_dead_an_e_mail_goes() {
    let dead = SmsGateway::start();
    let nobody = crate::server::free_http_address();
    let sms = dead.section().replace(&dead.address.to_string(), &nobody.to_string());
    let mail = MailServer::start();
    let sms = sms.replace("attempts = 2", "attempts = 2\nregistered = false");
    let (server, mut line) = writing_server(&(sms + &mail.section() + PAGE));
    let citizen = server.anonymous();
    let (category, ..) = crate::verification::water(&server);
    let request = json!({
        "category": category, "description": "no water", "language": "en", "number": MOBILE,
        "mail": "olena@city.example", "consent": true,
    });
    let filed = citizen.post("/api/v1/citizen/requests", &request);
    let number = filed["number"].as_str().expect("a number").to_owned();
    let registered = mail.taken.first("the mail with the number", |mail| mail.text.contains("is registered"));
    assert!(registered.to.contains("<olena@city.example>"), "{registered:?}");
    work_on(&server, &number);
    done(&server, &number);
    let invite = line.is_called();
    line.refuse(&invite, 486);
    let asked = mail.taken.first("the mail that asks", |mail| mail.text.contains("is it fixed?"));
    let auditor = server.sign_in("audyt");
    let failed = events(&auditor, &number, "notif.failed", "sms");
    assert_eq!(
        (&failed[0]["data"]["failure"], &failed[0]["data"]["attempts"]),
        (&json!("unanswered"), &json!(2))
    );
    wait::until_true("the case to hear of both", SOON, || {
        let attempted = |channel| events(&auditor, &number, "verify.attempted", channel);
        let (sms, mail) = (attempted("sms"), attempted("mail"));
        sms.len() == 1
            && mail.len() == 1
            && sms[0]["data"]["delivered"] == false
            && mail[0]["data"]["delivered"] == true
    });
    let (_, code) = key_in(&asked.text.replace("=\r\n", "").replace("=3D", "="));
    citizen.post("/api/v1/citizen/verdict", &json!({ "number": number, "code": code, "fixed": true }));
    assert_eq!(state(&auditor, &number), "closed");
    let closed = event(&timeline(&auditor, &number), "case.closed").expect("it is closed").clone();
    assert_eq!(
        (&closed["data"]["code"], &closed["actor"]["kind"]),
        (&json!("fixed_confirmed"), &json!("system"))
    );
}

#[test]
fn a_program_that_is_killed_sends_nothing_twice() {
    let gateway = SmsGateway::start();
    let (mut server, mut line) = writing_server(&(gateway.section() + PAGE));
    let number = reported(&server, MOBILE);
    let registered = gateway.asked.first("the SMS with the number", |message| is_of(message, &number));
    done(&server, &number);
    gateway.be_silent(true);
    let invite = line.is_called();
    line.refuse(&invite, 486);
    let is_question =
        |message: &Value| is_of(message, &number) && message["reference"] != registered["reference"];
    let first = gateway.asked.first("the SMS that asks", is_question);
    // The gateway has it, and the program does not know.
    server.kill();
    gateway.be_silent(false);
    server.run();
    let auditor = server.sign_in("audyt");
    wait::until_true("the message to be on the record as sent", SOON, || {
        events(&auditor, &number, "notif.sent", "sms").len() == 2
    });
    let questions: Vec<Value> = gateway.asked.all().into_iter().filter(is_question).collect();
    assert!(questions.len() >= 2, "it did not know, so it asked again");
    for again in &questions {
        assert_eq!(
            (&again["reference"], &again["text"]),
            (&first["reference"], &first["text"]),
            "one message"
        );
    }
    assert_eq!(events(&auditor, &number, "notif.queued", "sms").len(), 2, "number and question");
    let again = line.called_within(std::time::Duration::from_secs(1));
    assert!(again.is_none(), "and nobody is rung again");
}
