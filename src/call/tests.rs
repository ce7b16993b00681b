//! One call with hand-made messages, put into the phase that a test is about: what an INVITE says, and takeovers whose
//! messages cross.
#![allow(clippy::unwrap_used, clippy::panic)]

mod unrecorded;

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::*;
use crate::acd::{Distributor, OperatorProfile};
use crate::call::effect::Effect;
use crate::call::refusal::Refusal;
use crate::call::turn::{Counters, Routes};
use crate::ids::Mint;
use crate::media;
use crate::phone_number::{NumberingPlan, PhoneNumber};
use crate::recording::{Keeping, WhenUnable};
use crate::sip::message::{
    Flow, Message, Method, NameAddr, Request, StatusCode, Transport, Uri, parse_datagram,
};
use crate::sip::transaction::{Output, ServerTransactionId, TransactionLayer};
use crate::time::Now;

const OFFER: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

fn flow() -> Flow {
    let address = |last, port| SocketAddr::from(([192, 0, 2, last], port));
    Flow { transport: Transport::Udp, local: address(1, 5060), remote: address(7, 5070) }
}

fn user(n: u128) -> UserId {
    UserId(uuid::Uuid::from_u128(n))
}

fn phone_of(n: u128) -> OfferTarget {
    let uri = Uri::parse("sip:202@192.0.2.7:5070").unwrap();
    let device = Device { target: uri.clone(), flow: flow(), route: Vec::new() };
    OfferTarget::new(user(n), NameAddr::new(uri), [device].into()).unwrap()
}

/// Operator 1 has talks; operator 2 is there, too.
struct Bench {
    now: Now,
    sip: TransactionLayer,
    acd: Distributor,
    mint: Mint,
    routes: Routes,
    counters: Counters,
    effects: VecDeque<Effect>,
    tickets: u64,
    /// Every message on the wire, ours only.
    sent: Vec<Message>,
    branch: u32,
    /// How the sound of calls offered from now on is kept.
    keeping: Keeping,
}

impl Bench {
    fn new() -> Self {
        let now = crate::time::now();
        let mut acd = Distributor::new(Vec::new());
        let profile = |n: u128| OperatorProfile {
            user: user(n),
            name: n.to_string(),
            extension: format!("20{n}"),
            languages: Vec::new(),
            queues: Vec::new(),
            skills: Default::default(),
        };
        acd.configure(Vec::new(), vec![profile(1), profile(2)], now.mono);
        acd.handle_registered(user(2), now.mono);
        Self {
            now,
            sip: TransactionLayer::new([5; 32]),
            acd,
            mint: Mint::new([6; 32]),
            routes: Routes::default(),
            counters: Counters::default(),
            effects: VecDeque::new(),
            tickets: 0,
            sent: Vec::new(),
            branch: 0,
            keeping: Keeping::Recorded { when_unable: WhenUnable::Refuse },
        }
    }

    /// A call from a trunk in Ukraine.
    fn offered(&mut self, (transaction, invite): (ServerTransactionId, Request), purpose: Purpose) -> Call {
        let plan = Dialplan::parse("1580.toml", include_str!("../../dialplans/1580.toml")).unwrap();
        let new = NewCall {
            transaction,
            invite,
            flow: flow(),
            origin: "trunk".to_owned(),
            trusted: true,
            guest: None,
            called: PhoneNumber::from_user_part("1580"),
            numbering: NumberingPlan::of_country("380", "0", "00"),
            purpose,
            keeping: self.keeping,
            plan: Arc::new(plan),
            topic_categories: Arc::default(),
        };
        self.turn(|turn| Call::offered(new, turn)).unwrap()
    }

    /// A citizen who talks with operator 1.
    fn talking() -> (Self, Call) {
        let mut bench = Self::new();
        let invite = bench.invite("citizen");
        let mut call = bench.offered(invite, Purpose::Service);
        let leg = bench.turn(|turn| {
            let uri = Uri::parse("sip:201@192.0.2.7:5070").unwrap();
            Leg::outgoing(uri.clone(), NameAddr::new(uri), Vec::new(), flow(), turn)
        });
        let desk = leg.id;
        call.party = Some(Party::at(user(1), leg));
        call.phase = Phase::Talking;
        bench.open_media(&mut call, desk);
        let invite = bench.last_request("INVITE");
        let contact = "<sip:201@192.0.2.7:5070>";
        let answer = invite.response(StatusCode::OK, "desk").with_header("Contact", contact);
        let answer = answer.with_body("application/sdp", OFFER.as_bytes().to_vec());
        let pending = *bench.routes.requests.keys().next().unwrap();
        bench.turn(|turn| call.handle_response(desk, pending, &answer, turn));
        (bench, call)
    }

    fn turn<T>(&mut self, step: impl FnOnce(&mut Turn<'_>) -> T) -> T {
        let done = step(&mut Turn {
            now: self.now,
            sip: &mut self.sip,
            acd: &mut self.acd,
            mint: &mut self.mint,
            routes: &mut self.routes,
            effects: &mut self.effects,
            counters: &mut self.counters,
            tickets: &mut self.tickets,
            advertised: None,
            session_expires_secs: 1800,
            codecs: &[crate::sdp::Codec::Pcma],
            srtp: crate::sdp::SrtpTerms::default(),
            beside: None,
            trunks: None,
        });
        self.settle();
        done
    }

    /// Notes what is on the wire; a request that was received.
    fn settle(&mut self) -> Option<(ServerTransactionId, Request)> {
        let mut received = None;
        while let Some(output) = self.sip.poll_output() {
            match output {
                Output::Transmit { bytes, .. } => self.sent.push(parse_datagram(&bytes).unwrap()),
                Output::RequestReceived { transaction, request, .. } => {
                    received = Some((transaction, *request));
                }
                _ => {}
            }
        }
        received
    }

    fn receive(&mut self, text: &str) -> Option<(ServerTransactionId, Request)> {
        self.sip.handle_message(parse_datagram(text.as_bytes()).unwrap(), flow(), self.now.mono);
        self.settle()
    }

    /// A request of a peer; `dialog` is From, To and Call-ID.
    fn request(&mut self, method: &str, dialog: &str, body: &str) -> String {
        self.branch += 1;
        format!(
            "{method} sip:ringback@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK{branch}\r\n\
             {dialog}CSeq: 7 {method}\r\nContact: <sip:peer@192.0.2.7:5070>\r\nMax-Forwards: 70\r\n\
             Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}",
            branch = self.branch,
            length = body.len(),
        )
    }

    fn invite(&mut self, name: &str) -> (ServerTransactionId, Request) {
        let dialog = format!("From: <sip:{name}@x>;tag={name}\r\nTo: <sip:1580@x>\r\nCall-ID: {name}\r\n");
        let text = self.request("INVITE", &dialog, OFFER);
        self.receive(&text).unwrap()
    }

    fn open_media(&mut self, call: &mut Call, leg: LegId) {
        let opened = media::Event::Opened { leg, local_rtp: SocketAddr::from(([192, 0, 2, 1], 20_000)) };
        self.turn(|turn| call.handle_media(leg, &opened, turn));
    }

    /// Operator 1 takes the talk over at another phone; its leg.
    fn pocket_replaces_desk(&mut self, call: &mut Call) -> LegId {
        let desk = call.party_leg().unwrap();
        assert_eq!(call.may_be_replaced(desk, false), Ok(()));
        let (transaction, invite) = self.invite("pocket");
        self.turn(|turn| call.replace((desk, user(1)), transaction, invite, flow(), turn)).unwrap();
        *call.legs().last().unwrap()
    }

    fn last_request(&self, method: &str) -> Request {
        let requests = self.sent.iter().rev().filter_map(|message| match message {
            Message::Request(request) => Some(request),
            Message::Response(_) => None,
        });
        requests.into_iter().find(|request| request.method.as_str() == method).unwrap().clone()
    }

    fn byes_to(&self, call_id: &str) -> usize {
        let bye = |message: &&Message| match message {
            Message::Request(request) => request.method == Method::Bye && request.call_id == call_id,
            Message::Response(_) => false,
        };
        self.sent.iter().filter(bye).count()
    }

    /// The tag we gave in our 200 to the INVITE of this Call-ID.
    fn answered(&self, call_id: &str) -> Option<String> {
        self.sent.iter().find_map(|message| match message {
            Message::Response(response) if response.call_id == call_id && response.status.is_success() => {
                response.to.tag().map(str::to_owned)
            }
            _ => None,
        })
    }
}

#[test]
fn the_new_phone_is_answered_even_if_the_old_one_hangs_up_first() {
    let (mut bench, mut call) = Bench::talking();
    let desk = call.party_leg().unwrap();
    let desk_dialog = call.party.as_ref().unwrap().leg.dialog().unwrap().clone();
    let pocket = bench.pocket_replaces_desk(&mut call);
    let dialog = format!(
        "From: {}\r\nTo: {}\r\nCall-ID: {}\r\n",
        desk_dialog.remote, desk_dialog.local, desk_dialog.id.call_id
    );
    let bye = bench.request("BYE", &dialog, "");
    let (transaction, bye) = bench.receive(&bye).unwrap();
    bench.turn(|turn| call.handle_request(desk, transaction, &bye, turn));
    assert_eq!(call.phase(), CallPhase::Talking, "the citizen is kept");
    assert_eq!(bench.answered("pocket"), None, "its media is not open yet");
    bench.open_media(&mut call, pocket);
    assert!(bench.answered("pocket").is_some());
    assert_eq!((call.phase(), call.operator()), (CallPhase::Talking, Some(user(1))));
}

#[test]
fn a_page_that_closed_on_hold_is_not_waited_for() {
    let (mut bench, mut call) = Bench::talking();
    let desk = call.party_leg().unwrap();
    let contact = Uri::parse("sip:peer@192.0.2.7:5070").unwrap();
    let socket = |port| {
        let remote = SocketAddr::from(([192, 0, 2, 7], port));
        Flow { transport: Transport::Ws, remote, ..flow() }
    };
    let dialog = call.party.as_ref().unwrap().leg.dialog().unwrap().clone();
    let dialog =
        format!("From: {}\r\nTo: {}\r\nCall-ID: {}\r\n", dialog.remote, dialog.local, dialog.id.call_id);
    let hold = bench.request("INVITE", &dialog, &format!("{OFFER}a=sendonly\r\n"));
    let (transaction, hold) = bench.receive(&hold).unwrap();
    bench.turn(|turn| call.handle_request(desk, transaction, &hold, turn));
    assert!(call.is_held());
    let ack = bench.request("ACK", &dialog, "");
    let Message::Request(ack) = parse_datagram(ack.as_bytes()).unwrap() else { panic!("a request") };
    bench.turn(|turn| call.handle_ack(desk, &ack, turn));
    call.follow_registration(&contact, socket(6001), &mut bench.sip, bench.now.mono);
    // The bench has left the setup out.
    call.timers.stop(Timer::Setup);
    let later = |bench: &mut Bench, call: &mut Call, secs| {
        bench.now.mono += Duration::from_secs(secs);
        bench.turn(|turn| call.handle_timeout(turn));
        bench.now.mono
    };

    let now = later(&mut bench, &mut call, 120);
    call.handle_flow_closed(&socket(6001), now);
    let now = later(&mut bench, &mut call, 50);
    call.follow_registration(&contact, socket(6002), &mut bench.sip, now);
    let now = later(&mut bench, &mut call, 120);
    assert!(call.is_talking(), "the page is back, and holds");
    call.handle_flow_closed(&socket(6001), now);
    let now = later(&mut bench, &mut call, 120);
    assert!(call.is_talking(), "that socket is nobody's any more");
    call.handle_flow_closed(&socket(6002), now);
    later(&mut bench, &mut call, 50);
    assert!(call.is_talking(), "it may come back yet");
    later(&mut bench, &mut call, 11);
    assert!(!call.is_talking(), "nobody holds the citizen any more");
}

#[test]
fn a_late_ack_of_the_new_phone_does_not_end_the_transfer_that_began_meanwhile() {
    let (mut bench, mut call) = Bench::talking();
    let desk_call_id = bench.last_request("INVITE").call_id;
    let pocket = bench.pocket_replaces_desk(&mut call);
    bench.open_media(&mut call, pocket);
    assert_eq!(bench.byes_to(&desk_call_id), 1, "the old phone is let go");
    let our_tag = bench.answered("pocket").unwrap();
    let destination = Destination::Phone(Box::new(phone_of(2)));
    bench.turn(|turn| call.transfer_by_command(destination, turn)).unwrap();
    let dialog =
        format!("From: <sip:pocket@x>;tag=pocket\r\nTo: <sip:1580@x>;tag={our_tag}\r\nCall-ID: pocket\r\n");
    let ack = bench.request("ACK", &dialog, "");
    let Message::Request(ack) = parse_datagram(ack.as_bytes()).unwrap() else { panic!("a request") };
    bench.turn(|turn| call.handle_ack(pocket, &ack, turn));
    assert_eq!(bench.byes_to("pocket"), 0, "the operator stays until somebody answers");
    assert_eq!((call.operator(), call.transfer_target()), (Some(user(1)), Some(user(2))));
}

#[test]
fn which_dialogs_may_be_replaced() {
    let (mut bench, mut call) = Bench::talking();
    let (citizen, desk) = (call.citizen.id, call.party_leg().unwrap());
    assert_eq!(call.may_be_replaced(desk, true), Err(Refusal::Busy), "it does not ring any more");
    assert_eq!(call.may_be_replaced(citizen, false), Err(Refusal::NoSuchDialog), "early, and not ours");
    bench.pocket_replaces_desk(&mut call);
    assert_eq!(call.may_be_replaced(desk, false), Err(Refusal::RequestPending));
}

#[test]
fn colleagues_calls_are_counted_beside_those_of_citizens() {
    let mut bench = Bench::new();
    let invite = bench.invite("operator");
    let purpose = Purpose::Consultation { by: user(1), asked: Asked::Colleague(Box::new(phone_of(2))) };
    let mut call = bench.offered(invite, purpose);
    bench.turn(|turn| call.end(crate::termination::Termination::Shutdown, turn));
    let Counters { calls_offered, calls_ended, consultations, .. } = &bench.counters;
    assert_eq!((*calls_offered, calls_ended.len(), *consultations), (0, 0, 1));
    let invite = bench.invite("citizen");
    let mut call = bench.offered(invite, Purpose::Service);
    bench.turn(|turn| call.end(crate::termination::Termination::Shutdown, turn));
    let Counters { calls_offered, calls_ended, consultations, .. } = &bench.counters;
    assert_eq!((*calls_offered, calls_ended.len(), *consultations), (1, 1, 1));
}

#[test]
fn the_invite_is_read_in_all_its_parts() {
    let mut bench = Bench::new();
    let (transaction, mut invite) = bench.invite("citizen");
    invite.headers.push("Diversion", "<sip:0542001581@provider>;reason=unconditional");
    invite.headers.set("Content-Type", "multipart/mixed;boundary=b");
    let offer = OFFER.replace("c=IN IP4 192.0.2.7", "c=IN IP6 2001:db8::7");
    invite.body = format!("--b\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n--b--").into_bytes();
    bench.offered((transaction, invite), Purpose::Service);
    let towards = bench.effects.iter().find_map(|effect| match effect {
        Effect::Media(media::Command::Open { towards, .. }) => Some(towards.to_string()),
        _ => None,
    });
    assert_eq!(towards.as_deref(), Some("2001:db8::7"), "media is of the family the offer names");
    let offered = bench.effects.iter().find_map(|effect| match effect {
        Effect::Commit { entries, .. } => entries.first().cloned(),
        _ => None,
    });
    assert_eq!(offered.unwrap().data["diverted_from"]["number"], "+380542001581");
}
