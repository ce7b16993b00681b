//! Trunks on the wire: the program registers at a provider of ours, refreshes, moves to the second server and back,
//! asks whether servers live, finds them in DNS, knows their calls, and refuses exactly what is above a limit. Over TLS
//! it speaks only to who proves to be the provider.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use crate::citizen::Invite;
use crate::name_server::{NameServer, Record};
use crate::phone::{Answering, Phone};
use crate::provider::{CERTIFICATE, PASSWORD, Provider, USER};
use crate::server::{self, Server, Setup};
use crate::transports::{connect, talk};
use crate::wait;

const FIRST: [u8; 4] = [127, 0, 0, 3];
const SECOND: [u8; 4] = [127, 0, 0, 4];
const SOON: Duration = Duration::from_secs(15);
/// A server that says nothing is passed over after 8 s.
const FAIL_OVER: Duration = Duration::from_secs(25);

/// Everything but the running process: a provider must know where it will listen.
fn prepare() -> Server {
    Server::prepare(&Setup::default())
}

fn run_with(server: &mut Server, edit: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(server.config_path()).expect("the configuration is there");
    fs::write(server.config_path(), edit(text)).expect("the configuration can be written");
    server.run();
}

/// A trunk that registers at these servers.
fn registered_trunk(to: &str, more: &str) -> String {
    format!(
        "[[trunk]]\nname = \"registered\"\nto = [{to}]\nregister = true\nuser = \"{USER}\"\n\
         password = \"{PASSWORD}\"\nprobe_secs = 1\ncountry_code = \"380\"\n{more}\n"
    )
}

/// A series of the trunk that registers, in `/metrics`.
fn trunk_metric(server: &Server, name: &str) -> Option<u64> {
    server.anonymous().find_metric(&format!("{name}{{trunk=\"registered\"}}"))
}

#[test]
fn a_trunk_registers_refreshes_brings_calls_and_leaves() {
    let mut server = prepare();
    // Ten seconds are the least it lets itself be hurried to.
    let provider = Provider::start(FIRST, server.sip, 10);
    let trunk = registered_trunk(&format!("\"sip:{}\"", provider.address), "");
    run_with(&mut server, |text| text + &trunk);

    let register = provider.expect_register(1, SOON);
    assert!(register.start_line.starts_with(&format!("REGISTER sip:{} ", provider.address)), "{register:?}");
    assert!(register.expect("From").contains(&format!("sip:{USER}@{}", provider.address)));
    let contact = register.contact_uri();
    assert!(contact.starts_with(&format!("sip:1580@{}", server.sip)), "{contact}");
    wait::until_true("the trunk to be up", SOON, || {
        trunk_metric(&server, "ringback_trunk_registered") == Some(1)
            && trunk_metric(&server, "ringback_trunk_up") == Some(1)
    });
    wait::until_true("three probes", SOON, || provider.options() >= 3);

    let refresh = provider.expect_register(2, SOON);
    assert_eq!(refresh.header("Call-ID"), register.header("Call-ID"));
    let authorization = refresh.expect("Authorization");
    assert!(authorization.contains("nc=00000002"), "the nonce serves again: {authorization}");

    let invite = Invite { from: IpAddr::from(FIRST), caller: "0501234567".to_owned(), ..Invite::default() };
    let mut citizen = invite.clone().call(server.sip);
    let calls = server.sign_in("audyt").calls();
    assert!(calls.iter().any(|call| call["caller"] == "+380501234567"), "in E.164: {calls:?}");
    citizen.hang_up();
    let stranger = Invite { from: IpAddr::from(SECOND), ..invite }.dial(server.sip).answered();
    assert_eq!(stranger.expect_err("nobody we know").status(), Some(401));

    server.signal("TERM");
    wait::until_true("the binding to be taken back", SOON, || {
        provider.registers().last().is_some_and(|last| last.header("Expires") == Some("0"))
    });
    wait::until_true("the server to stop", SOON, || !server.is_running());
    assert!(!server.log().contains(PASSWORD));
}

#[test]
fn the_second_server_takes_over_and_the_first_has_us_back() {
    let mut server = prepare();
    let (first, second) = (Provider::start(FIRST, server.sip, 600), Provider::start(SECOND, server.sip, 600));
    first.set_alive(false);
    let to = format!("\"sip:{}\", \"sip:{}\"", first.address, second.address);
    run_with(&mut server, |text| text + &registered_trunk(&to, ""));
    second.expect_register(1, FAIL_OVER);
    assert!(first.registers().is_empty());
    let invite = Invite { from: IpAddr::from(SECOND), ..Invite::default() };
    invite.call(server.sip).hang_up();
    // A probe notices long before the refresh would.
    first.set_alive(true);
    first.expect_register(1, FAIL_OVER);
    wait::until_true("the trunk to be up", SOON, || trunk_metric(&server, "ringback_trunk_up") == Some(1));
    first.set_alive(false);
    second.set_alive(false);
    wait::until_true("the trunk to be down", FAIL_OVER, || {
        trunk_metric(&server, "ringback_trunk_up") == Some(0)
    });
    second.set_alive(true);
    wait::until_true("the trunk to be up again", SOON, || {
        trunk_metric(&server, "ringback_trunk_up") == Some(1)
    });
    assert_eq!(server.log().matches("trunk is down").count(), 1, "each change is told once");
}

#[test]
fn servers_are_found_by_naptr_and_srv_in_their_order() {
    let mut server = prepare();
    let (first, second) = (Provider::start(FIRST, server.sip, 600), Provider::start(SECOND, server.sip, 600));
    let (one, two) = (first.address, second.address);
    let names = NameServer::start(vec![
        ("trunk.test", Record::Naptr(20, 10, "SIP+D2T", "_sip._tcp.trunk.test")),
        ("trunk.test", Record::Naptr(10, 10, "SIP+D2U", "_voice._udp.trunk.test")),
        ("_voice._udp.trunk.test", Record::Srv(20, 100, one.port(), "b.trunk.test")),
        ("_voice._udp.trunk.test", Record::Srv(10, 0, two.port(), "a.trunk.test")),
        ("a.trunk.test", Record::A(SECOND.into())),
        ("b.trunk.test", Record::A(FIRST.into())),
    ]);
    run_with(&mut server, |text| {
        let dns = format!("[sip]\ndns = \"{}\"\n", names.address);
        text.replacen("[sip]\n", &dns, 1) + &registered_trunk("\"sip:trunk.test\"", "")
    });
    let register = second.expect_register(1, SOON);
    assert!(register.start_line.starts_with("REGISTER sip:trunk.test "), "{}", register.start_line);
    assert!(first.registers().is_empty(), "the lower priority number goes first");
    let asked = names.asked();
    assert_eq!(asked[0], "trunk.test 35", "{asked:?}");
    assert_eq!(asked[1], "_voice._udp.trunk.test 33", "{asked:?}");
    // Both servers are the trunk's, whichever has us.
    for source in [FIRST, SECOND] {
        Invite { from: IpAddr::from(source), ..Invite::default() }.call(server.sip).hang_up();
    }
    // The binding moves down the list when its server dies: a new start begins at the first that answers.
    second.set_alive(false);
    server.kill();
    server.run();
    first.expect_register(1, FAIL_OVER);
}

#[test]
fn limits_refuse_exactly_and_places_come_back() {
    let mut server = prepare();
    run_with(&mut server, |text| {
        text.replace("name = \"provider\"\n", "name = \"provider\"\nmax_calls = 2\n")
    });
    let mut calls = [(); 2].map(|()| Invite::default().call(server.sip));
    let refused = Invite::default().dial(server.sip).answered().expect_err("both places are taken");
    assert_eq!((refused.status(), refused.header("Retry-After")), (Some(503), Some("5")), "{refused:?}");
    for call in &mut calls {
        call.hang_up();
    }
    Invite::default().call(server.sip).hang_up();

    let (status, problem) = {
        let text = fs::read_to_string(server.config_path()).expect("the configuration is there");
        let text = text.replace("max_calls = 2\n", "max_calls_per_second = 3\n");
        fs::write(server.config_path(), text).expect("the configuration can be written");
        server.sign_in("admin").send("POST", "/api/v1/admin/reload", Some(&serde_json::json!({})))
    };
    assert_eq!(status, 200, "{problem}");
    // All at once: only what a second may bring is let in.
    let dialled = [(); 8].map(|()| Invite::default().dial(server.sip));
    let outcomes = dialled.map(|call| call.answered());
    let mut answered = 0;
    for outcome in outcomes {
        match outcome {
            Ok(mut call) => {
                answered += 1;
                call.hang_up();
            }
            Err(refused) => {
                let said = (refused.status(), refused.header("Retry-After"));
                assert_eq!(said, (Some(503), Some("1")), "{refused:?}");
            }
        }
    }
    // The machine may be slow enough for a further place to come up while the eight are sent.
    assert!((3..=5).contains(&answered), "{answered} of 8");
}

/// The trunk registers over TLS and trusts nobody but who has the provider's certificate; we have none ourselves.
fn run_over_tls(server: &mut Server, provider: &Provider) {
    let trunk = registered_trunk(&format!("\"sip:{};transport=tls\"", provider.address), "");
    run_with(server, |text| {
        text.replacen("[sip]\n", &format!("[sip]\ntrusted_certificates = \"{CERTIFICATE}\"\n"), 1)
            + &trunk.replace("probe_secs = 1", "probe_secs = 0")
    });
}

#[test]
fn a_trunk_over_tls_registers_and_a_call_over_its_connection_is_heard_both_ways() {
    let mut server = Server::prepare(&Setup { alone: true, ..Setup::default() });
    let provider = Provider::start_tls(FIRST, "127.0.0.3", server.folder(), 600);
    run_over_tls(&mut server, &provider);
    let register = provider.expect_register(1, SOON);
    assert!(register.expect("Via").starts_with("SIP/2.0/TLS "), "{register:?}");
    assert!(register.contact_uri().contains(";transport=tls"), "{register:?}");
    wait::until_true("the trunk to be up", SOON, || trunk_metric(&server, "ringback_trunk_up") == Some(1));

    let invite = Invite { from: IpAddr::from(FIRST), caller: "0501234567".to_owned(), ..Invite::default() };
    let mut citizen = invite.dial_over(provider.hand_over()).answered().expect("the call is answered");
    assert!(citizen.contact().contains(";transport=tls"), "{}", citizen.contact());
    let operator = Phone::register(server.sip, "201", server::PASSWORD, Answering::Accept);
    connect(&server, &citizen, &operator);
    talk(&citizen.rtp, &operator.rtp, 89);
    operator.hang_up();
    citizen.is_hung_up_on(SOON);
    assert_eq!(server.anonymous().metric("ringback_sip_handshakes_failed_total"), 0);
}

#[test]
fn a_provider_that_cannot_prove_its_name_gets_no_register() {
    let mut server = prepare();
    let provider = Provider::start_tls(FIRST, "other.test", server.folder(), 600);
    run_over_tls(&mut server, &provider);
    wait::until_true("the trunk to be down", SOON, || trunk_metric(&server, "ringback_trunk_up") == Some(0));
    assert_eq!(trunk_metric(&server, "ringback_trunk_registered"), Some(0));
    assert!(server.anonymous().metric("ringback_sip_handshakes_failed_total") >= 1);
    let log = server.log();
    let complaint = log.lines().find(|line| line.contains("TLS peer")).expect("the log says why");
    for wanted in ["WARN", "127.0.0.3", "not valid for name", "other.test"] {
        assert!(complaint.contains(wanted), "{wanted} in {complaint}");
    }
    assert!(provider.registers().is_empty() && !log.contains(PASSWORD));
}
