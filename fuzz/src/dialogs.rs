//! A dialog under any order of requests and answers, its own and the peer's: RFC 3261 12.
//! Legs and their media are not here.

use ringback::sip::dialog::Dialog;
use ringback::sip::message::{
    Flow, Message, Method, NameAddr, Request, StatusCode, Transport, Uri, parse_datagram,
};

use super::bytes::Choices;

/// Steps of one run; longer inputs say nothing new.
const MAX_STEPS: usize = 100;
const METHODS: [Method; 6] =
    [Method::Invite, Method::Bye, Method::Info, Method::Update, Method::Options, Method::Refer];
/// What peers write into Contact and Record-Route, well and badly.
const ADDRESSES: [&str; 8] = [
    "<sip:peer@192.0.2.1:5070>",
    "<sip:relay.example;lr>, <sip:relay2.example;lr>",
    "<sip:strict.example>",
    "<sip:peer@h;method=BYE?Route=x>",
    "tel:+380441112233",
    "*",
    "\"open <sip:a@b>",
    "",
];

/// No panic; our numbers rise, the peer's never fall; what we send can be read and names the dialog.
pub fn dialog(data: &[u8]) {
    let mut choices = Choices::new(data);
    let invite = request(&Method::Invite, 10, &mut choices);
    let contact = NameAddr::new(Uri::parse("sip:us@127.0.0.1").expect("a sound URI"));
    let dialog = if choices.one_of(2) == 0 {
        Dialog::uas(&invite, "ours", contact, flow())
    } else {
        let mut answer = invite.response(StatusCode::OK, "theirs");
        answer.headers = invite.headers.clone();
        Dialog::uac(&invite, &answer, contact, flow())
    };
    let Ok(mut dialog) = dialog else { return };
    for _ in 0..MAX_STEPS {
        if choices.is_over() {
            break;
        }
        let method = choices.pick(&METHODS);
        match choices.one_of(4) {
            0 => {
                let (before, seq) = (dialog.remote_seq, u32::from(choices.one_of(20)));
                let taken = dialog.receive(&request(&method, seq, &mut choices)).is_ok();
                assert_eq!(taken, before.is_none_or(|before| seq >= before));
                assert!(dialog.remote_seq >= before);
            }
            1 => {
                let before = dialog.local_seq;
                let sent = dialog.request(method);
                assert!(sent.cseq.seq > before && sent.cseq.seq == dialog.local_seq);
                check_sent(&dialog, sent);
            }
            2 => check_sent(&dialog, dialog.ack(10)),
            _ => {
                let request = request(&method, 11, &mut choices);
                let mut answer = request.response(StatusCode(choices.pick(&[180, 200, 486])), "theirs");
                answer.headers = request.headers.clone();
                dialog.receive_response(&answer);
                // Refused when it names no target.
                let _ = dialog.confirm(&answer);
            }
        }
    }
}

/// What we send is read by the peer as a request of this dialog.
fn check_sent(dialog: &Dialog, mut sent: Request) {
    let via = ringback::sip::message::Via::parse("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa");
    sent.via = vec![via.expect("a sound Via")];
    let Ok(Message::Request(read)) = parse_datagram(&sent.to_bytes()) else {
        panic!("cannot be read: {}", String::from_utf8_lossy(&sent.to_bytes()))
    };
    let id = Dialog::id_of_request(&read);
    let theirs = id.map(|id| (id.call_id, id.remote_tag, id.local_tag));
    let ours = (dialog.id.call_id.clone(), dialog.id.local_tag.clone(), dialog.id.remote_tag.clone());
    // A peer from before RFC 3261 has no tag, and its dialogs are found without one.
    assert!(theirs == Some(ours) || dialog.id.remote_tag.is_empty());
}

fn request(method: &Method, seq: u32, choices: &mut Choices<'_>) -> Request {
    let text = format!(
        "{method} sip:us@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n\
         From: <sip:peer@h>{tag}\r\nTo: <sip:us@h>\r\nCall-ID: c\r\nCSeq: {seq} {method}\r\n\r\n",
        tag = choices.pick(&[";tag=theirs", ""]),
    );
    let Ok(Message::Request(mut request)) = parse_datagram(text.as_bytes()) else {
        unreachable!("a sound request: {text}")
    };
    for name in ["Contact", "Record-Route"] {
        request.headers.push(name, choices.pick(&ADDRESSES));
    }
    request
}

fn flow() -> Flow {
    let address = ([127, 0, 0, 1], 5060).into();
    Flow { transport: Transport::Udp, local: address, remote: address }
}
