//! What is asked for which URI, and the order DNS answers are tried in: the examples of RFC 3263 4 and RFC 2782, and
//! the shares of a weighted lot over many draws.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

fn asked(uri: &str) -> Result<Question, LocationError> {
    question(&Uri::parse(uri).unwrap(), &ALL)
}

fn srv(priority: u16, weight: u16, target: &str) -> Srv {
    Srv { priority, weight, port: 5060, target: target.to_owned() }
}

fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Naptr {
    Naptr {
        order,
        preference,
        flags: "s".to_owned(),
        service: service.to_owned(),
        replacement: replacement.to_owned(),
    }
}

#[test]
fn numbers_need_no_question() {
    for (uri, transport, address) in [
        ("sip:192.0.2.1", Transport::Udp, "192.0.2.1:5060"),
        ("sip:192.0.2.1:5070;transport=tcp", Transport::Tcp, "192.0.2.1:5070"),
        ("sips:[2001:db8::1]", Transport::Tls, "[2001:db8::1]:5061"),
        ("sip:192.0.2.1;transport=tls", Transport::Tls, "192.0.2.1:5061"),
    ] {
        let address = address.parse().unwrap();
        assert_eq!(asked(uri).unwrap(), Question::Nothing { transport, address }, "{uri}");
    }
}

#[test]
fn a_port_leaves_only_the_address_open() {
    let expected =
        Question::Addresses { transport: Transport::Udp, host: "p.example".to_owned(), port: 5080 };
    assert_eq!(asked("sip:p.example:5080").unwrap(), expected);
}

#[test]
fn a_named_transport_asks_its_service() {
    let Question::Services { services, or_else } = asked("sip:p.example;transport=tcp").unwrap() else {
        panic!("SRV is asked");
    };
    assert_eq!(services, [Service { name: "_sip._tcp.p.example".to_owned(), transport: Transport::Tcp }]);
    assert_eq!((or_else.port, or_else.transport), (5060, Transport::Tcp));
}

#[test]
fn a_bare_domain_asks_naptr_first() {
    let Question::Naptr { domain, services, or_else } = asked("sip:p.example").unwrap() else {
        panic!("NAPTR is asked");
    };
    assert_eq!(domain, "p.example");
    assert_eq!(services.len(), 3);
    assert_eq!((or_else.port, or_else.transport), (5060, Transport::Udp));
    let Question::Naptr { services, or_else, .. } = asked("sips:p.example").unwrap() else {
        panic!("NAPTR is asked");
    };
    assert_eq!(services.len(), 1, "sips goes over TLS alone");
    assert_eq!((or_else.port, or_else.transport), (5061, Transport::Tls));
}

#[test]
fn what_we_do_not_speak_is_refused() {
    for uri in ["sip:192.0.2.1;transport=sctp", "sips:192.0.2.1;transport=udp", "tel:+380501234567"] {
        assert!(asked(uri).is_err(), "{uri}");
    }
    let uri = Uri::parse("sips:p.example").unwrap();
    assert_eq!(question(&uri, &[Transport::Udp]), Err(LocationError::Transport));
}

#[test]
fn naptr_records_choose_by_order_and_preference() {
    // RFC 3263 4.1.
    let Question::Naptr { services, .. } = asked("sip:example.com").unwrap() else {
        panic!("NAPTR is asked")
    };
    let records = vec![
        naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
        naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
        naptr(100, 50, "SIP+D2U", "_sip._udp.example.com"),
        naptr(10, 10, "E2U+email", "mail.example.com"),
        Naptr { flags: "u".to_owned(), ..naptr(1, 1, "SIP+D2U", "x") },
    ];
    let transports = |wanted: &[Service]| -> Vec<Transport> {
        chosen_services(records.clone(), wanted).iter().map(|service| service.transport).collect()
    };
    assert_eq!(transports(&services), [Transport::Tls, Transport::Tcp, Transport::Udp]);
    assert_eq!(transports(&services[..1]), [Transport::Udp], "what we have not is passed over");
}

#[test]
fn priorities_come_before_weights() {
    let mut mint = Mint::new([7; 32]);
    for _ in 0..100 {
        let records = vec![srv(20, 100, "c"), srv(10, 0, "a"), srv(10, 50, "b"), srv(30, 0, ".")];
        let order: Vec<String> =
            in_order(records, &mut mint).into_iter().map(|record| record.target).collect();
        assert_eq!(order.len(), 3, "a lone dot is nothing");
        assert_eq!(order[2], "c");
    }
}

#[test]
fn equals_share_by_weight() {
    let mut mint = Mint::new([15; 32]);
    let mut firsts = std::collections::HashMap::new();
    for _ in 0..10_000 {
        let records = vec![srv(1, 0, "none"), srv(1, 10, "one"), srv(1, 30, "three")];
        *firsts.entry(in_order(records, &mut mint)[0].target.clone()).or_insert(0_u32) += 1;
    }
    assert!(firsts["none"] < 500, "{firsts:?}");
    let share = f64::from(firsts["three"]) / f64::from(firsts["one"]);
    assert!((2.5..3.5).contains(&share), "{firsts:?}");
}

#[test]
fn the_same_seed_draws_the_same_order() {
    let draw = || in_order((1..9).map(|i| srv(1, i, &i.to_string())).collect(), &mut Mint::new([1; 32]));
    assert_eq!(draw(), draw());
}

#[test]
fn no_answer_makes_the_list_long() {
    let many = (0..1000).map(|i| srv(i, 1, "x")).collect();
    assert_eq!(in_order(many, &mut Mint::new([0; 32])).len(), MAX_SERVERS);
    let addresses = (0..1000_u32).map(|i| IpAddr::from(i.to_be_bytes()));
    assert_eq!(at_port(addresses, 5060).len(), MAX_SERVERS);
    let many = (0..1000).map(|i| naptr(i, 1, "SIP+D2U", "x")).collect();
    let wanted = [Service { name: String::new(), transport: Transport::Udp }];
    assert_eq!(chosen_services(many, &wanted).len(), MAX_SERVERS);
}
