//! Who is behind a request: trunks that share an address are told apart, and what stands at a trunk's address without
//! being one gains and spoils nothing.

use super::*;

#[test]
fn trunks_of_one_address_are_told_apart_by_the_binding() {
    let other = settings::Trunk { name: "other".to_owned(), ..provider() };
    let mut bench = Bench::new(vec![provider(), other]);
    bench.serve(&[1]);
    let registers = [bench.take(&Method::Register), bench.take(&Method::Register)];
    let lines = registers.map(|(request, _)| {
        let contact = request.headers.addresses("Contact").unwrap().remove(0);
        contact.uri.params.find("line").unwrap().to_owned()
    });
    for (line, name) in lines.iter().zip(["provider", "other"]) {
        let uri = Uri::parse(&format!("sip:1580@192.0.2.100;line={line}")).unwrap();
        assert_eq!(bench.board.trunks.of_source(&uri, flow(1).remote.ip()), Some(name));
        assert_eq!(bench.board.trunks.of_source(&uri, flow(9).remote.ip()), None, "a line proves nothing");
    }
}

#[test]
fn accounts_at_one_address_are_told_apart_by_the_number_called() {
    let account = |name: &str, user: &str| {
        let mut trunk = settings::Trunk { name: name.to_owned(), ..provider() };
        let outward = trunk.outward.as_mut().unwrap();
        outward.credentials.as_mut().unwrap().user = user.to_owned();
        trunk
    };
    let mut bench = Bench::new(vec![account("one", "380542001580"), account("two", "380542001581")]);
    bench.serve(&[1]);
    let of = |called: &str| {
        let uri = Uri::parse(&format!("sip:{called}@192.0.2.100")).unwrap();
        bench.board.trunks.of_source(&uri, flow(1).remote.ip())
    };
    assert_eq!(of("380542001581"), Some("two"));
    assert_eq!((of("380542001580"), of("1580")), (Some("one"), Some("one")), "the first where none is named");
}

/// A browser's proxy may stand where a trunk does.
#[test]
fn a_scanner_behind_a_web_socket_does_not_silence_the_trunk_at_its_address() {
    let mut bench = registered();
    for (source, shunned) in [(1, false), (7, true)] {
        let flow = Flow { transport: Transport::Ws, ..flow(source) };
        let scan = "OPTIONS sip:100@192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bKs\r\n\
                    From: <sip:a@x.invalid>;tag=a\r\nTo: <sip:100@192.0.2.100>\r\nCall-ID: scan\r\n\
                    CSeq: 1 OPTIONS\r\nUser-Agent: friendly-scanner\r\nContent-Length: 0\r\n\r\n";
        let message = Box::new(parse_datagram(scan.as_bytes()).unwrap());
        bench.board.handle_input(Input::Sip { message, flow }, bench.now);
        let effects: Vec<Effect> = std::iter::from_fn(|| bench.board.poll_effect()).collect();
        assert_eq!(effects.iter().any(|effect| matches!(effect, Effect::Shun { .. })), shunned, "{source}");
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Vouch { .. })), "nor is it known");
    }
}

#[test]
fn a_connection_of_a_trunk_is_vouched_for() {
    let mut bench = registered();
    let over_tcp = |source| Flow { transport: Transport::Tcp, ..flow(source) };
    for (source, known) in [(1, true), (7, false)] {
        let text = format!(
            "OPTIONS sip:192.0.2.100 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.{source};branch=z9hG4bKo{source}\r\n\
             From: <sip:a@p.example>;tag=a\r\nTo: <sip:192.0.2.100>\r\nCall-ID: o{source}\r\n\
             CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        let message = Box::new(parse_datagram(text.as_bytes()).unwrap());
        bench.board.handle_input(Input::Sip { message, flow: over_tcp(source) }, bench.now);
        let mut effects = std::iter::from_fn(|| bench.board.poll_effect());
        let vouched =
            effects.any(|effect| matches!(effect, Effect::Vouch { flow } if flow == over_tcp(source)));
        assert_eq!(vouched, known, "{source}");
    }
}
