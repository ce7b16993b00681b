//! The address register of a running service: imported at the start, asked by an operator, kept by the case of a real
//! call, changed by a reload; a register with a mistake leaves the old one in force.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server};

const SOON: Duration = Duration::from_secs(10);

#[test]
fn an_address_goes_from_the_register_into_the_case_of_a_call() {
    let server = Server::start();
    let phone = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    let operator = server.sign_in("olena");
    operator.set_ready();
    let mut citizen = Invite { caller: "380440000977".to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    phone.rings(SOON);
    phone.expect(&Event::Talking, SOON);
    citizen.hang_up();
    let call = server.sign_in("audyt").finished_call("380440000977");
    let path = format!("/api/v1/cases/{}", call["case"].as_str().expect("the call has a case"));

    let found = operator.get("/api/v1/addresses?q=lenina%2012%20kv%205");
    let first = &found["items"][0];
    assert_eq!(
        (first["former"].as_str(), first["house"].as_str()),
        (Some("вулиця Леніна"), Some("12")),
        "{found}"
    );
    let site = json!({ "key": first["key"], "house": first["house"], "flat": first["flat"] });
    let case = operator.patch(&path, &json!({ "site": site }));
    assert_eq!(case["place"]["address"], "вулиця Тараса Шевченка, 12, кв. 5", "{case}");
    assert_eq!(case["place"]["territory"], first["territory"]);
    assert!(operator.get(&format!("{path}/context"))["nearby"].is_array());

    let register = server.folder().join("addresses.csv");
    let admin = server.sign_in("admin");
    fs::write(&register, "territory,street,house\ncenter,вулиця Нова,1\nnowhere,вулиця Нова,2\n")
        .expect("a file");
    let (status, refused) = admin.send("POST", "/api/v1/admin/reload", Some(&json!({})));
    assert_eq!(status, 422, "{refused}");
    let complaint = refused["diagnostics"][0].as_str().expect("a complaint");
    assert!(complaint.contains("addresses.csv:3:1: there is no territory 'nowhere'"), "{complaint}");
    assert_eq!(operator.get("/api/v1/addresses?q=lenina%2012")["items"][0]["house"], "12");
    fs::write(&register, "territory,street,house\ncenter,вулиця Нова,1\n").expect("a file");
    admin.post("/api/v1/admin/reload", &json!({}));
    assert_eq!(operator.get("/api/v1/addresses?q=lenina%2012")["items"], json!([]));
    assert_eq!(operator.get("/api/v1/addresses?q=nova%201")["items"][0]["street"], "вулиця Нова");
    let verified = server.output(&["verify"]);
    assert!(verified.status.success(), "{verified:?}");
}
