//! What a collector such as Homer gets of a real call: every message once, with the addresses it travelled between, in order,
//! and no password. The collector is a socket of ours that reads HEP by itself.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use crate::citizen::Invite;
use crate::phone::{Answering, Event, Phone};
use crate::server::{KEYS_TO_QUEUE, PASSWORD, Server, Setup};

const SOON: Duration = Duration::from_secs(20);
const CALLER: &str = "380440000377";

/// One packet's chunks by their number.
type Chunks = BTreeMap<u16, Vec<u8>>;

fn chunks(packet: &[u8]) -> Chunks {
    assert_eq!(&packet[..4], b"HEP3");
    assert_eq!(usize::from(number(&packet[4..6])), packet.len());
    let (mut rest, mut found) = (&packet[6..], Chunks::new());
    while !rest.is_empty() {
        let length = usize::from(number(&rest[4..6]));
        assert_eq!(number(&rest[..2]), 0, "a chunk of the generic vendor");
        found.insert(number(&rest[2..4]), rest[6..length].to_vec());
        rest = &rest[length..];
    }
    found
}

fn number(octets: &[u8]) -> u16 {
    u16::from_be_bytes([octets[0], octets[1]])
}

fn address(chunks: &Chunks, ip: u16, port: u16) -> SocketAddr {
    let octets: [u8; 4] = chunks[&ip].as_slice().try_into().expect("an IPv4 address");
    SocketAddr::from((Ipv4Addr::from(octets), number(&chunks[&port])))
}

fn text(chunks: &Chunks) -> String {
    String::from_utf8(chunks[&0x000f].clone()).expect("these messages are text")
}

fn call_id(chunks: &Chunks) -> String {
    let message = text(chunks);
    let line = message.lines().find_map(|line| line.strip_prefix("Call-ID: "));
    line.expect("every message has a Call-ID").to_owned()
}

/// Until the citizen's BYE was answered.
fn collect(collector: &UdpSocket) -> Vec<Vec<u8>> {
    collector.set_read_timeout(Some(SOON)).expect("a timeout is set");
    let (mut packets, mut buffer) = (Vec::new(), vec![0; 65_536]);
    loop {
        let length = collector.recv(&mut buffer).expect("the answer to the BYE");
        packets.push(buffer[..length].to_vec());
        let message = text(&chunks(&buffer[..length]));
        let is_of_bye = message.lines().any(|line| line.starts_with("CSeq: ") && line.ends_with(" BYE"));
        if message.starts_with("SIP/2.0 200") && is_of_bye && message.contains(CALLER) {
            return packets;
        }
    }
}

#[test]
fn a_collector_gets_every_message_of_a_call_once_and_no_password() {
    let collector = UdpSocket::bind("127.0.0.1:0").expect("a port of the collector");
    let at = collector.local_addr().expect("it is bound");
    let more = format!("[hep]\ncollector = \"{at}\"\nagent_id = 77\n");
    let server = Server::start_with(&Setup { more, ..Setup::default() });
    let operator = Phone::register(server.sip, "201", PASSWORD, Answering::Accept);
    server.sign_in("olena").set_ready();
    let mut citizen = Invite { caller: CALLER.to_owned(), ..Invite::default() }.call(server.sip);
    citizen.rtp.press(KEYS_TO_QUEUE);
    operator.rings(SOON);
    operator.expect(&Event::Talking, SOON);
    citizen.hang_up();
    operator.expect(&Event::HungUpOn, SOON);

    let packets = collect(&collector);
    let seen: Vec<Chunks> = packets.iter().map(|packet| chunks(packet)).collect();
    let register = seen.iter().find(|chunks| text(chunks).contains("Authorization: Digest"));
    let register = text(register.expect("the phone showed its password"));
    assert!(register.contains("response=****"), "{register}");
    let invite = seen.iter().find(|chunks| text(chunks).starts_with("INVITE sip:1580")).expect("it began");
    let call_id = call_id(invite);
    let citizens: Vec<&Chunks> = seen.iter().filter(|chunks| self::call_id(chunks) == call_id).collect();
    let first_words = |chunks: &&Chunks| text(chunks).split(' ').take(2).collect::<Vec<_>>().join(" ");
    let told: Vec<String> = citizens.iter().map(first_words).collect();
    assert!(told[0].starts_with("INVITE ") && told.contains(&"SIP/2.0 200".to_owned()), "{told:?}");
    for method in ["INVITE sip:1580", "ACK sip:", "BYE sip:"] {
        assert_eq!(told.iter().filter(|line| line.starts_with(method)).count(), 1, "{method} in {told:?}");
    }
    let answer = citizens[1];
    assert_eq!(address(invite, 4, 8), server.sip);
    assert_eq!((address(answer, 3, 7), address(answer, 4, 8)), (server.sip, address(invite, 3, 7)));
    assert_eq!((invite[&1].as_slice(), invite[&0x000c].as_slice()), (&[2][..], &[0, 0, 0, 77][..]));
    let moments: Vec<_> = seen.iter().map(|chunks| (chunks[&9].clone(), chunks[&10].clone())).collect();
    assert!(moments.is_sorted(), "in the order in which they were seen");
    let of = |fate| server.anonymous().metric_of("ringback_hep_messages_total", "fate", fate);
    assert_eq!(of("lost"), 0);
    assert!(of("sent") >= packets.len() as u64);
}
