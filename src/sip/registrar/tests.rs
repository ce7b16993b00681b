//! The registrar, case by case of RFC 3261 10.3: what is granted, refused, listed and forgotten, and what its
//! user hears of it.

#![allow(clippy::unwrap_used)]

mod asking;

use std::net::SocketAddr;

use super::binding::MAX_USER_AGENT_LEN;
use super::contacts::same_address;
use super::*;
use crate::sip::message::{Host, Transport, Uri, Via, sample};

const PHONE: &str = "<sip:201@10.0.0.1:5060>";
const OTHER: &str = "<sip:201@10.0.0.2:5060>";

fn flow(port: u16) -> Flow {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    Flow { transport: Transport::Tcp, local: address(5060), remote: address(port) }
}

fn request(seq: u32, contacts: &[&str], expires: Option<&str>) -> Request {
    let mut request = sample::register("201");
    request.call_id = "phone-1".to_owned();
    request.cseq.seq = seq;
    for contact in contacts {
        request.headers.push("Contact", *contact);
    }
    if let Some(expires) = expires {
        request.headers.push("Expires", expires);
    }
    request.headers.push("User-Agent", "Desk phone 1.0");
    request
}

struct Desk {
    registrar: Registrar,
    now: Instant,
}

impl Desk {
    fn new() -> Self {
        Self { registrar: Registrar::default(), now: crate::time::now().mono }
    }

    fn register(&mut self, request: &Request) -> Response {
        self.registrar.register("201", request, flow(5070), "r1", self.now)
    }

    /// Status of the answer to one REGISTER.
    fn status(&mut self, seq: u32, contacts: &[&str], expires: Option<&str>) -> u16 {
        self.register(&request(seq, contacts, expires)).status.0
    }

    fn wait(&mut self, secs: u64) {
        self.now += Duration::from_secs(secs);
        self.registrar.handle_timeout(self.now);
    }

    fn contacts(&self) -> Vec<String> {
        self.registrar.bindings("201").iter().map(|binding| binding.contact.to_string()).collect()
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.registrar.poll_output()).collect()
    }
}

fn registered() -> Output {
    Output::Registered { user: "201".to_owned() }
}

fn unregistered() -> Output {
    Output::Unregistered { user: "201".to_owned() }
}

fn contacts_of(response: &Response) -> Vec<&str> {
    response.headers.all("Contact").collect()
}

#[test]
fn a_phone_registers_refreshes_and_leaves() {
    let mut desk = Desk::new();
    let answer = desk.register(&request(1, &[PHONE], Some("600")));
    assert_eq!((answer.status, answer.to.tag()), (StatusCode::OK, Some("r1")));
    assert_eq!(contacts_of(&answer), ["<sip:201@10.0.0.1:5060>;expires=600"]);
    assert_eq!(desk.outputs(), [registered()]);
    desk.wait(500);
    let answer = desk.register(&request(2, &[PHONE], Some("600")));
    assert_eq!(contacts_of(&answer), ["<sip:201@10.0.0.1:5060>;expires=600"]);
    assert_eq!(desk.outputs(), [], "a refresh is no news");
    let answer = desk.register(&request(3, &[PHONE], Some("0")));
    assert_eq!((answer.status, contacts_of(&answer)), (StatusCode::OK, vec![]));
    assert_eq!(desk.outputs(), [unregistered()]);
    assert_eq!(desk.registrar.poll_timeout(), None);
}

#[test]
fn a_binding_remembers_its_flow_and_phone() {
    let mut desk = Desk::new();
    desk.status(1, &[PHONE], None);
    let bindings = desk.registrar.bindings("201");
    assert_eq!(bindings[0].flow, flow(5070));
    assert_eq!((bindings[0].call_id.as_str(), bindings[0].seq), ("phone-1", 1));
    assert_eq!(bindings[0].user_agent, "Desk phone 1.0");
}

#[test]
fn a_phone_that_falls_silent_is_forgotten_on_time() {
    let mut desk = Desk::new();
    desk.status(1, &[PHONE], Some("60"));
    desk.outputs();
    assert_eq!(desk.registrar.poll_timeout(), Some(desk.now + Duration::from_secs(60)));
    desk.wait(59);
    assert_eq!((desk.contacts().len(), desk.outputs()), (1, vec![]));
    desk.wait(1);
    assert_eq!((desk.contacts().len(), desk.outputs()), (0, vec![unregistered()]));
    assert_eq!(desk.registrar.poll_timeout(), None);
}

#[test]
fn granted_times() {
    let with_param = "<sip:201@10.0.0.1:5060>;expires=90";
    let table: [(&str, Option<&str>, u64); 7] = [
        (PHONE, None, 300),
        (PHONE, Some("3600"), 3600),
        (PHONE, Some("86400"), 3600),
        (PHONE, Some("99999999999999999999"), 3600),
        (PHONE, Some("soon"), 300),
        (PHONE, Some("30"), 30),
        (with_param, Some("600"), 90),
    ];
    for (contact, expires, granted) in table {
        let mut desk = Desk::new();
        let answer = desk.register(&request(1, &[contact], expires));
        let expected = format!("<sip:201@10.0.0.1:5060>;expires={granted}");
        assert_eq!(contacts_of(&answer), [expected], "{contact} {expires:?}");
    }
}

#[test]
fn too_short_a_time_is_refused_with_the_shortest() {
    let mut desk = Desk::new();
    let answer = desk.register(&request(1, &[PHONE], Some("29")));
    assert_eq!(answer.status, StatusCode::INTERVAL_TOO_BRIEF);
    assert_eq!(answer.headers.first("Min-Expires"), Some("30"));
    assert!(desk.contacts().is_empty() && desk.outputs().is_empty());
}

#[test]
fn query_changes_nothing_and_lists_all_latest_first() {
    let mut desk = Desk::new();
    desk.status(1, &[PHONE], Some("600"));
    desk.wait(100);
    desk.status(2, &[OTHER], Some("60"));
    let answer = desk.register(&request(1, &[], None));
    let expected = ["<sip:201@10.0.0.2:5060>;expires=60", "<sip:201@10.0.0.1:5060>;expires=500"];
    assert_eq!((answer.status, contacts_of(&answer)), (StatusCode::OK, expected.to_vec()));
}

#[test]
fn several_contacts_in_one_or_many_headers() {
    let mut desk = Desk::new();
    assert_eq!(desk.status(1, &[&format!("{PHONE}, {OTHER};expires=60"), "<sip:201@10.0.0.3>"], None), 200);
    assert_eq!(desk.contacts().len(), 3);
    assert_eq!(desk.outputs(), [registered()], "one user, one piece of news");
    assert_eq!(desk.status(2, &[&format!("{PHONE};expires=0"), OTHER], None), 200);
    assert_eq!(desk.contacts(), ["sip:201@10.0.0.2:5060", "sip:201@10.0.0.3"]);
}

#[test]
fn wildcard_removes_all_but_only_alone_and_with_zero() {
    let mut desk = Desk::new();
    desk.status(1, &[PHONE, OTHER], None);
    desk.outputs();
    assert_eq!(desk.status(2, &["*"], None), 400);
    assert_eq!(desk.status(2, &["*"], Some("60")), 400);
    assert_eq!(desk.status(2, &["*", PHONE], Some("0")), 400);
    assert_eq!(desk.contacts().len(), 2);
    assert_eq!(desk.status(1, &["*"], Some("0")), 500, "the number was used");
    assert_eq!(desk.status(2, &["*"], Some("0")), 200);
    assert_eq!((desk.contacts().len(), desk.outputs()), (0, vec![unregistered()]));
    assert_eq!(desk.status(3, &["*"], Some("0")), 200, "nothing to remove is no fault");
}

#[test]
fn requests_of_one_phone_must_come_in_order() {
    let mut desk = Desk::new();
    desk.status(5, &[PHONE], None);
    for seq in [4, 5] {
        assert_eq!(desk.status(seq, &[PHONE], Some("0")), 500);
    }
    assert_eq!(desk.status(5, &[OTHER, PHONE], None), 500, "all or nothing");
    assert_eq!(desk.contacts(), ["sip:201@10.0.0.1:5060"]);
    let mut restarted = request(1, &[PHONE], Some("0"));
    restarted.call_id = "phone-1-after-restart".to_owned();
    assert_eq!(desk.register(&restarted).status, StatusCode::OK, "another Call-ID counts anew");
    assert!(desk.contacts().is_empty());
}

#[test]
fn a_restarted_phone_is_no_second_phone() {
    let mut desk = Desk::new();
    desk.register(&request(1, &["<sip:201@127.0.0.1:5062;line=a>", "<sip:201@127.0.0.1:5064>"], None));
    assert_eq!(desk.contacts().len(), 2, "one phone may have two contacts");
    let mut restarted = request(1, &["<sip:201@127.0.0.1:5062;line=b>"], None);
    restarted.call_id = "phone-1-after-restart".to_owned();
    desk.register(&restarted);
    assert_eq!(desk.contacts(), ["sip:201@127.0.0.1:5062;line=b"]);
    let mut other = request(1, &["<sip:201@127.0.0.1:5066>"], None);
    other.call_id = "phone-2".to_owned();
    desk.registrar.register("201", &other, flow(5066), "r1", desk.now);
    assert_eq!(desk.contacts().len(), 2, "from another socket it is another phone");
}

#[test]
fn bad_contacts_are_refused() {
    let mut desk = Desk::new();
    for contact in ["<tel:+380445550123>", "<mailto:a@b.example>", "<<>>"] {
        assert_eq!(desk.status(1, &[contact], None), 400, "{contact}");
    }
    assert!(desk.contacts().is_empty());
}

#[test]
fn the_number_of_contacts_is_bounded() {
    let mut desk = Desk::new();
    let many: Vec<String> = (0..=MAX_BINDINGS_PER_USER).map(|i| format!("<sip:201@10.0.1.{i}>")).collect();
    let refs: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(desk.status(1, &refs, None), 400, "not in one request");
    for (seq, contact) in (1..).zip(&refs) {
        assert_eq!(desk.status(seq, &[contact], None), 200);
    }
    let contacts = desk.contacts();
    assert_eq!(contacts.len(), MAX_BINDINGS_PER_USER);
    assert_eq!(contacts[0], "sip:201@10.0.1.8", "the latest is first");
    assert!(!contacts.contains(&"sip:201@10.0.1.0".to_owned()), "the oldest made room");
}

#[test]
fn a_closed_connection_takes_its_bindings_along() {
    let mut desk = Desk::new();
    desk.status(1, &[PHONE], None);
    desk.registrar.register("201", &request(2, &[OTHER], None), flow(5080), "r1", desk.now);
    desk.registrar.register("202", &request(1, &[PHONE], None), flow(5070), "r1", desk.now);
    desk.outputs();
    desk.registrar.handle_flow_closed(&flow(5070));
    assert_eq!(desk.contacts(), ["sip:201@10.0.0.2:5060"]);
    assert_eq!(desk.outputs(), [Output::Unregistered { user: "202".to_owned() }]);
    desk.registrar.handle_flow_closed(&flow(5080));
    assert_eq!(desk.outputs(), [unregistered()]);
    assert_eq!(desk.registrar.poll_timeout(), None);
}

#[test]
fn a_datagram_that_could_not_be_sent_takes_no_binding_along() {
    let mut desk = Desk::new();
    let over_udp = Flow { transport: Transport::Udp, ..flow(5070) };
    desk.registrar.register("201", &request(1, &[PHONE], None), over_udp, "r1", desk.now);
    desk.registrar.handle_flow_closed(&over_udp);
    assert_eq!((desk.contacts().len(), desk.outputs()), (1, vec![registered()]));
}

#[test]
fn users_expire_each_on_their_own_time() {
    let mut desk = Desk::new();
    for (user, expires) in [("201", "60"), ("202", "120"), ("203", "60")] {
        desk.registrar.register(user, &request(1, &[PHONE], Some(expires)), flow(5070), "r1", desk.now);
    }
    desk.outputs();
    desk.wait(60);
    let users: Vec<Output> =
        ["201", "203"].map(|user| Output::Unregistered { user: user.to_owned() }).to_vec();
    assert_eq!(desk.outputs(), users);
    assert_eq!(desk.registrar.poll_timeout(), Some(desk.now + Duration::from_secs(60)));
}

#[test]
fn addresses_compare_as_rfc_3261_19_1_4_says() {
    let same = |a: &str, b: &str| same_address(&Uri::parse(a).unwrap(), &Uri::parse(b).unwrap());
    assert!(same("sip:201@Phone.example", "sip:201@phone.EXAMPLE"));
    assert!(same("sip:201@h.example;transport=TCP", "sip:201@h.example;Transport=tcp"));
    assert!(same("sip:201@h.example;x=1", "sip:201@h.example"));
    assert!(!same("sip:201@h.example;x=1", "sip:201@h.example;x=2"));
    assert!(!same("sip:201@h.example", "sip:201@h.example;transport=udp"));
    assert!(!same("sip:201@h.example", "sip:201@h.example:5060"));
    assert!(!same("sip:201@h.example", "SIPS:201@h.example"));
    assert!(!same("sip:Alice@h.example", "sip:alice@h.example"));
}

#[test]
fn user_agent_is_cut_between_characters() {
    let mut long = request(1, &[PHONE], None);
    long.headers.set("User-Agent", "ї".repeat(100));
    let mut desk = Desk::new();
    desk.register(&long);
    assert_eq!(desk.registrar.bindings("201")[0].user_agent, "ї".repeat(MAX_USER_AGENT_LEN / 2));
}

fn proxied(seq: u32, contacts: &[&str], path: &str, supported: &str) -> Request {
    let mut request = request(seq, contacts, None);
    for line in path.split('|').filter(|line| !line.is_empty()) {
        request.headers.push("Path", line);
    }
    request.headers.push("Supported", supported);
    let via = |host: &str| Via {
        transport: "UDP".to_owned(),
        host: Host::Name(host.to_owned()),
        port: None,
        params: crate::sip::message::Params::default(),
    };
    request.via = vec![via("proxy.example"), via("phone.example")];
    request
}

#[test]
fn a_path_is_kept_and_returned_and_becomes_the_route() {
    let mut desk = Desk::new();
    let path = "<sip:edge1.example;lr>, <sip:edge2.example;lr>|<sip:edge3.example;lr>";
    let answer = desk.register(&proxied(1, &[PHONE], path, "path"));
    assert_eq!(answer.status, StatusCode::OK);
    let returned: Vec<&str> = answer.headers.all("Path").collect();
    assert_eq!(returned, ["<sip:edge1.example;lr>, <sip:edge2.example;lr>", "<sip:edge3.example;lr>"]);
    let route = desk.registrar.bindings("201")[0].route();
    let hops = ["<sip:edge1.example;lr>", "<sip:edge2.example;lr>", "<sip:edge3.example;lr>"];
    assert_eq!(route, hops.map(|hop| ("Route", hop.to_owned())));
    assert_eq!(desk.register(&request(2, &[PHONE], None)).status, StatusCode::OK);
    assert!(desk.registrar.bindings("201")[0].route().is_empty(), "a refresh without Path goes straight");
}

#[test]
fn a_path_the_phone_does_not_know_of_is_refused() {
    let mut desk = Desk::new();
    let answer = desk.register(&proxied(1, &[PHONE], "<sip:ear.example;lr>", "outbound"));
    assert_eq!((answer.status.0, answer.headers.first("Unsupported")), (420, Some("path")));
    let long = ["<sip:edge.example;lr>"; 9].join(",");
    assert_eq!(desk.register(&proxied(1, &[PHONE], &long, "path")).status.0, 400);
    assert_eq!(desk.register(&proxied(1, &[PHONE], "<<", "path")).status.0, 400);
    assert!(desk.contacts().is_empty());
}

#[test]
fn only_what_is_lacking_is_called_unsupported() {
    let mut desk = Desk::new();
    let mut needy = request(1, &[PHONE], None);
    needy.headers.push("Require", "path, teleport, outbound");
    let answer = desk.register(&needy);
    assert_eq!((answer.status.0, answer.headers.first("Unsupported")), (420, Some("teleport")));
}

const FLOW_1: &str = "<sip:201@10.0.0.1:5060;ob>;reg-id=1;+sip.instance=\"<urn:uuid:0001>\"";
const FLOW_1_AGAIN: &str = "<sip:201@10.0.0.1:6000;ob>;reg-id=1;+sip.instance=\"<urn:uuid:0001>\"";
const FLOW_2: &str = "<sip:201@10.0.0.1:5060;ob>;reg-id=2;+sip.instance=\"<urn:uuid:0001>\"";
const OTHER_PHONE: &str = "<sip:201@10.0.0.3:5060;ob>;reg-id=1;+sip.instance=\"<urn:uuid:0002>\"";

fn outbound(seq: u32, contact: &str) -> Request {
    let mut request = request(seq, &[contact], None);
    request.headers.push("Supported", "path, outbound");
    request
}

#[test]
fn a_device_that_comes_back_over_another_connection_takes_its_place() {
    let mut desk = Desk::new();
    let answer = desk.register(&outbound(1, FLOW_1));
    assert_eq!(answer.headers.first("Require"), Some("outbound"));
    assert!(contacts_of(&answer)[0].contains("+sip.instance=\"<urn:uuid:0001>\";reg-id=1"), "{answer:?}");
    let id = desk.registrar.bindings("201")[0].id;
    for (seq, contact) in (2..).zip([FLOW_2, OTHER_PHONE, FLOW_1_AGAIN]) {
        assert_eq!(desk.register(&outbound(seq, contact)).status, StatusCode::OK);
    }
    let ports: Vec<Option<u16>> =
        desk.registrar.bindings("201").iter().map(|binding| binding.contact.port).collect();
    assert_eq!(ports, [Some(6000), Some(5060), Some(5060)]);
    assert_eq!(desk.registrar.bindings("201")[0].id, id, "the same device");
    let removed = FLOW_1.to_owned() + ";expires=0";
    assert_eq!(contacts_of(&desk.register(&outbound(9, &removed))).len(), 2, "by its name, not its address");
}

#[test]
fn flows_are_told_apart_only_where_they_end_at_us_or_at_a_proxy_that_keeps_them() {
    let mut desk = Desk::new();
    let through = |path: &str, supported: &str| {
        let mut request = proxied(1, &[FLOW_1], path, supported);
        request.headers.set("Supported", supported);
        request
    };
    let blind = "<sip:edge.example;lr>";
    assert_eq!(desk.register(&through(blind, "path, outbound")).status.0, 439);
    assert_eq!(desk.register(&through(blind, "path")).status, StatusCode::OK);
    assert_eq!(desk.registrar.bindings("201")[0].outbound, None);
    let mut keeping = through("<sip:edge.example;lr;ob>", "path, outbound");
    keeping.cseq.seq = 2;
    let answer = desk.register(&keeping);
    assert_eq!((answer.status, answer.headers.first("Require")), (StatusCode::OK, Some("outbound")));
    assert_eq!(desk.registrar.bindings("201").len(), 1);
}

#[test]
fn a_flow_has_one_contact() {
    let mut desk = Desk::new();
    let both = format!("{FLOW_1}, {OTHER}");
    assert_eq!(desk.register(&outbound(1, &both)).status, StatusCode::BAD_REQUEST);
    let moved = format!("{FLOW_1}, {OTHER};expires=0");
    assert_eq!(desk.register(&outbound(1, &moved)).status, StatusCode::OK);
    let nameless = "<sip:201@10.0.0.9>;reg-id=1";
    assert_eq!(desk.register(&outbound(2, nameless)).status, StatusCode::OK);
    assert_eq!(desk.registrar.bindings("201")[0].outbound, None, "reg-id alone says nothing");
}

#[test]
fn the_phone_that_is_preferred_is_rung_first_then_the_latest() {
    let mut desk = Desk::new();
    for (seq, contact) in
        (1..).zip(["<sip:a@h>;q=0.5", "<sip:b@h>;q=1.0", "<sip:c@h>;q=0.75", "<sip:d@h>;q=0.5"])
    {
        desk.status(seq, &[contact], None);
    }
    let users: Vec<_> =
        desk.registrar.reachable("201").iter().filter_map(|binding| binding.contact.user.clone()).collect();
    assert_eq!(users, ["b", "c", "d", "a"]);
    desk.status(9, &["<sip:e@h>"], None);
    assert_eq!(desk.registrar.reachable("201")[0].contact.user.as_deref(), Some("e"), "no q is the highest");
}

#[test]
fn a_later_run_knows_the_phones_that_come_by_datagrams() {
    let now = crate::time::now().mono;
    let datagrams = |port| Flow { transport: Transport::Udp, ..flow(port) };
    let mut first = Registrar::default();
    let register = |registrar: &mut Registrar, seq, contact: &str, flow, now| {
        let expires = Some("100");
        registrar.register("201", &request(seq, &[contact], expires), flow, "t", now).status
    };
    assert_eq!(register(&mut first, 1, PHONE, datagrams(7001), now), StatusCode::OK);
    assert_eq!(register(&mut first, 2, OTHER, flow(7002), now), StatusCode::OK);
    let later = now + Duration::from_secs(40);
    let kept = first.kept(later);
    assert_eq!(kept.len(), 1, "the connection of the other one ends: {kept:?}");
    assert_eq!(kept[0].1.expires_in, Duration::from_secs(60));

    let mut second = Registrar::default();
    for (user, binding) in &kept {
        assert!(second.restore(user, binding.clone(), later));
    }
    assert_eq!(second.poll_output(), Some(Output::Registered { user: "201".to_owned() }));
    assert_eq!(second.reachable("201")[0].flow, datagrams(7001));
    // The phone goes on where it was: an old REGISTER is one, and the next one is no second phone.
    assert_eq!(register(&mut second, 1, PHONE, datagrams(7001), later), StatusCode::SERVER_ERROR);
    assert_eq!(register(&mut second, 3, PHONE, datagrams(7001), later), StatusCode::OK);
    assert_eq!(second.bindings("201").len(), 1);
    assert_eq!(second.kept(later + Duration::from_secs(100)), [], "what has expired is not kept");
}

#[test]
fn what_is_restored_is_bounded_and_ends_in_its_time() {
    let now = crate::time::now().mono;
    let mut registrar = Registrar::default();
    let binding = |port: u16, secs| KeptBinding {
        contact: Uri::parse(&format!("sip:201@10.0.0.1:{port}")).unwrap(),
        flow: Flow { transport: Transport::Udp, ..flow(port) },
        call_id: "phone-1".to_owned(),
        seq: 1,
        expires_in: Duration::from_secs(secs),
        user_agent: String::new(),
        priority: 1000,
        path: Vec::new(),
        outbound: None,
    };
    assert!(!registrar.restore("201", binding(7000, 0), now));
    let connection = KeptBinding { flow: flow(7000), ..binding(7000, 60) };
    assert!(!registrar.restore("201", connection, now));
    let taken = (0..20).filter(|port| registrar.restore("201", binding(7000 + port, 1 << 40), now)).count();
    assert_eq!(taken, MAX_BINDINGS_PER_USER);
    registrar.handle_timeout(now + MAX_EXPIRES);
    assert_eq!(registrar.bindings("201").len(), 0, "no longer than anybody is granted");
}
