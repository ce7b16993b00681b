//! An operator's phone that we wrote for the tests: registers with digest over any transport, answers, rejects or lets it
//! ring, hangs up. It runs on a thread of its own, as a phone does. baresip plays the same part in the tests that
//! want a peer we did not write.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};

use crate::rtp_peer::RtpPeer;
use crate::sip_wire::{ANSWER_TIMEOUT, Message, Transport, Wire, session, token, with_body};

/// How often the phone looks whether it was told to do something.
const LOOK: Duration = Duration::from_millis(15);
/// Who calls and leaves must not leave a phone ringing for longer (PAINS 3: zombie ring).
const STOP_RINGING: Duration = Duration::from_millis(100);
/// Number of our reliable provisional response.
const FIRST_RSEQ: u32 = 8100;
/// Events a test leaves unread; more would be a loop.
const MAX_EVENTS: usize = 1000;

/// What the phone does with a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answering {
    Accept,
    /// 486 Busy Here.
    Reject,
    /// 180 and nothing more, until it hangs up.
    LetRing,
    /// 183 with sound and 200 without, both as RFC 3262 wants it: the 200 waits for the PRACK.
    AcceptReliably,
    /// 302 to another phone.
    Redirect(SocketAddr),
}

/// What happened to the phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// INVITE came; the contact as `X-Ringback-Contact` names it.
    Rings {
        contact: String,
    },
    Cancelled,
    /// Our reliable response was acknowledged.
    Pracked,
    /// Our answer was acknowledged.
    Talking,
    HungUpOn,
    /// The new connection works.
    Back,
}

/// How a phone whose connection broke shows that it is back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Return {
    /// Registers the same contact again.
    Registers,
    /// Sends a request of the call.
    Asks,
}

#[derive(Debug)]
enum Order {
    HangUp,
    Reconnect(Return),
    Freeze,
    Stop,
}

#[derive(Debug)]
pub struct Phone {
    /// Where it listens.
    pub address: SocketAddr,
    pub rtp: Arc<RtpPeer>,
    answering: Arc<Mutex<Answering>>,
    invite: Arc<Mutex<Option<Message>>>,
    orders: SyncSender<Order>,
    events: Receiver<(Instant, Event)>,
    thread: Option<JoinHandle<()>>,
}

impl Phone {
    /// Registers `extension` and waits until it is registered; a refusal fails the test.
    pub fn register(server: SocketAddr, extension: &str, password: &str, answering: Answering) -> Self {
        let wire = Wire::open(Transport::Udp, IpAddr::from([127, 0, 0, 1]), server);
        Self::register_over(wire, extension, password, answering)
    }

    /// [`Self::register`] over a connection that is there.
    pub fn register_over(mut wire: Wire, extension: &str, password: &str, answering: Answering) -> Self {
        let loopback = wire.local.ip();
        let answer = register(&mut wire, extension, password);
        assert_eq!(answer.status(), Some(200), "REGISTER of {extension}: {answer:?}");
        let rtp = Arc::new(RtpPeer::start(loopback));
        let answering = Arc::new(Mutex::new(answering));
        let invite = Arc::default();
        let (orders, received_orders) = sync_channel(8);
        let (sent_events, events) = sync_channel(MAX_EVENTS);
        let address = wire.local;
        let line = Line {
            wire,
            extension: extension.to_owned(),
            password: password.to_owned(),
            rtp: Arc::clone(&rtp),
            answering: Arc::clone(&answering),
            invite: Arc::clone(&invite),
            events: sent_events,
            dialog: None,
        };
        let thread = std::thread::spawn(move || line.run(&received_orders));
        Self { address, rtp, answering, invite, orders, events, thread: Some(thread) }
    }

    pub fn set_answering(&self, answering: Answering) {
        *self.answering.lock().expect("the phone's thread does not panic") = answering;
    }

    /// The INVITE it rang for last.
    pub fn invite(&self) -> Option<Message> {
        self.invite.lock().expect("the phone's thread does not panic").clone()
    }

    pub fn hang_up(&self) {
        self.orders.send(Order::HangUp).expect("the phone runs");
    }

    /// Loses its connection and comes back over a new one.
    pub fn reconnect(&self, how: Return) {
        self.orders.send(Order::Reconnect(how)).expect("the phone runs");
    }

    /// Loses the network without a word: nothing is read or sent any more, and no connection ends.
    pub fn freeze(&self) {
        // Nobody listens at the discard port of loopback.
        self.rtp.set_remote(SocketAddr::from(([127, 0, 0, 1], 9)));
        self.orders.send(Order::Freeze).expect("the phone runs");
    }

    /// Waits for the next event; anything else than `wanted` fails the test. When it happened.
    pub fn expect(&self, wanted: &Event, at_most: Duration) -> Instant {
        match self.events.recv_timeout(at_most) {
            Ok((at, event)) => {
                assert_eq!(&event, wanted);
                at
            }
            Err(RecvTimeoutError::Timeout) => panic!("waited {at_most:?} for {wanted:?}"),
            Err(RecvTimeoutError::Disconnected) => panic!("the phone stopped before {wanted:?}"),
        }
    }

    /// It rang no longer than it may after its caller had left. What the machine took from this end is forgiven: its own
    /// lateness, measured meanwhile by its sound.
    pub fn assert_stopped_ringing(&self, rang_on: Duration) {
        let lag = self.rtp.worst_lag();
        assert!(rang_on <= STOP_RINGING + lag, "the phone rang on for {rang_on:?}, itself late by {lag:?}");
    }

    /// Waits until it rings; the contact it rings for.
    pub fn rings(&self, at_most: Duration) -> String {
        match self.events.recv_timeout(at_most) {
            Ok((_, Event::Rings { contact })) => contact,
            other => panic!("the phone should ring within {at_most:?}, but: {other:?}"),
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// REGISTER, the challenge, REGISTER with the answer; the last response.
pub fn register(wire: &mut Wire, extension: &str, password: &str) -> Message {
    let contact = wire.contact(extension);
    register_as(wire, extension, password, &contact, "")
}

/// The same with this Contact and further header lines.
pub fn register_as(
    wire: &mut Wire,
    extension: &str,
    password: &str,
    contact: &str,
    further: &str,
) -> Message {
    let (call_id, tag) = (token("register"), token("tag"));
    let uri = format!("sip:{}", wire.server);
    let request = |wire: &Wire, cseq: u32, more: &str| {
        let head = format!(
            "REGISTER {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: <sip:{extension}@{server}>;tag={tag}\r\n\
             To: <sip:{extension}@{server}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\nContact: {contact}\r\n\
             Expires: 120\r\n{further}{more}",
            via = wire.via(&token("branch")),
            server = wire.server,
        );
        with_body(head, "")
    };
    let first = request(wire, 1, "");
    wire.send(first);
    let challenged = wire.final_response(&call_id, "REGISTER").expect("REGISTER is answered");
    if challenged.status() != Some(401) {
        return challenged;
    }
    let challenge = challenged.headers_named("WWW-Authenticate").find(|value| !value.contains("SHA-256"));
    let challenge = challenge.expect("MD5 is offered to old phones");
    let authorization = authorization(challenge, extension, password, "REGISTER", &uri);
    let second = request(wire, 2, &format!("Authorization: {authorization}\r\n"));
    wire.send(second);
    wire.final_response(&call_id, "REGISTER").expect("REGISTER with credentials is answered")
}

/// The `Authorization` value for an MD5 challenge with `qop=auth` (RFC 2617 3.2.2).
pub fn authorization(challenge: &str, user: &str, password: &str, method: &str, uri: &str) -> String {
    let parameter = |name: &str| {
        let at = challenge.find(&format!("{name}=\"")).unwrap_or_else(|| panic!("{name} in {challenge}"));
        challenge[at + name.len() + 2..].split('"').next().unwrap_or_default().to_owned()
    };
    let (realm, nonce) = (parameter("realm"), parameter("nonce"));
    let ha1 = md5_hex(&format!("{user}:{realm}:{password}"));
    let ha2 = md5_hex(&format!("{method}:{uri}"));
    let cnonce = token("c");
    let response = md5_hex(&format!("{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}"));
    format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm=MD5, qop=auth, \
         nc=00000001, cnonce=\"{cnonce}\", response=\"{response}\""
    )
}

pub fn md5_hex(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The phone's thread: one line, one call at a time.
struct Line {
    wire: Wire,
    extension: String,
    password: String,
    rtp: Arc<RtpPeer>,
    answering: Arc<Mutex<Answering>>,
    invite: Arc<Mutex<Option<Message>>>,
    events: SyncSender<(Instant, Event)>,
    dialog: Option<Dialog>,
}

/// The call on the line.
struct Dialog {
    invite: Message,
    tag: String,
    cseq: u32,
    talking: bool,
}

impl Dialog {
    fn request(&self, method: &str, wire: &Wire) -> String {
        let head = format!(
            "{method} {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {to};tag={tag}\r\nTo: {from}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n",
            uri = self.invite.contact_uri(),
            via = wire.via(&token("branch")),
            to = self.invite.expect("To"),
            tag = self.tag,
            from = self.invite.expect("From"),
            call_id = self.invite.expect("Call-ID"),
            cseq = self.cseq,
        );
        with_body(head, "")
    }
}

impl Line {
    fn run(mut self, orders: &Receiver<Order>) {
        loop {
            match orders.try_recv() {
                Ok(Order::Stop) => return,
                Ok(Order::HangUp) => self.hang_up(),
                Ok(Order::Reconnect(how)) => self.reconnect(how),
                Ok(Order::Freeze) => {
                    // Further orders mean nothing but the end.
                    while orders.recv().is_ok_and(|order| !matches!(order, Order::Stop)) {}
                    return;
                }
                Err(_) => {}
            }
            if let Some(message) = self.wire.receive(LOOK) {
                self.handle(message);
            }
        }
    }

    fn tell(&self, event: Event) {
        // The test that dropped its phone reads no more.
        let _ = self.events.try_send((Instant::now(), event));
    }

    fn handle(&mut self, message: Message) {
        match message.method() {
            Some("INVITE") => self.handle_invite(message),
            Some("ACK") => {
                if let Some(dialog) = self.dialog.as_mut().filter(|dialog| !dialog.talking) {
                    dialog.talking = true;
                    self.tell(Event::Talking);
                }
            }
            Some("CANCEL") => {
                self.wire.send(message.response(200, "OK", &token("tag"), "", ""));
                if let Some(dialog) = self.dialog.take() {
                    self.wire.send(dialog.invite.response(487, "Request Terminated", &dialog.tag, "", ""));
                    self.tell(Event::Cancelled);
                }
            }
            Some("BYE") => {
                self.wire.send(message.response(200, "OK", "", "", ""));
                if self.dialog.take().is_some() {
                    self.tell(Event::HungUpOn);
                }
            }
            Some("PRACK") => self.handle_prack(&message),
            Some(_) => self.wire.send(message.response(200, "OK", &token("tag"), "", "")),
            None => {}
        }
    }

    fn handle_invite(&mut self, invite: Message) {
        let again =
            self.dialog.as_ref().is_some_and(|dialog| dialog.invite.header("CSeq") == invite.header("CSeq"));
        if again {
            return;
        }
        *self.invite.lock().expect("no test panics while it holds the phone") = Some(invite.clone());
        let tag = token("tag");
        let contact = invite.header("X-Ringback-Contact").unwrap_or_default().to_owned();
        self.tell(Event::Rings { contact });
        let answering = *self.answering.lock().expect("no test panics while it holds the phone");
        if answering == Answering::Reject {
            self.wire.send(invite.response(486, "Busy Here", &tag, "", ""));
            return;
        }
        if let Answering::Redirect(elsewhere) = answering {
            let contact = format!("Contact: <sip:elsewhere@{elsewhere}>\r\n");
            self.wire.send(invite.response(302, "Moved Temporarily", &tag, &contact, ""));
            return;
        }
        let contact = format!("Contact: {}\r\n", self.wire.contact(&self.extension));
        if answering == Answering::AcceptReliably {
            assert!(invite.expect("Supported").contains("100rel"), "{invite:?}");
            let more = format!("{contact}Require: 100rel\r\nRSeq: {FIRST_RSEQ}\r\n");
            let body = self.description(&invite);
            self.wire.send(invite.response(183, "Session Progress", &tag, &more, &body));
            self.dialog = Some(Dialog { invite, tag, cseq: 1, talking: false });
            return;
        }
        self.wire.send(invite.response(180, "Ringing", &tag, &contact, ""));
        if answering == Answering::Accept {
            let body = self.description(&invite);
            self.wire.send(invite.response(200, "OK", &tag, &contact, &body));
        }
        self.dialog = Some(Dialog { invite, tag, cseq: 1, talking: false });
    }

    fn reconnect(&mut self, how: Return) {
        self.wire.reconnect();
        let answer = match how {
            Return::Registers => register(&mut self.wire, &self.extension, &self.password),
            Return::Asks => {
                let dialog = self.dialog.as_mut().expect("a call is on");
                let request = dialog.request("OPTIONS", &self.wire);
                dialog.cseq += 1;
                self.wire.send(request);
                let answer = self.wire.receive_where(ANSWER_TIMEOUT, |message| message.status().is_some());
                answer.expect("OPTIONS is answered over the new connection")
            }
        };
        assert_eq!(answer.status(), Some(200), "{how:?}: {answer:?}");
        self.tell(Event::Back);
    }

    /// Our end of the sound, which from now on goes to the other end.
    fn description(&self, invite: &Message) -> String {
        if let Some(remote) = invite.audio_address() {
            self.rtp.set_remote(remote);
        }
        session(self.rtp.address, 101, "sendrecv")
    }

    /// The call is answered once its 183 is acknowledged.
    fn handle_prack(&mut self, prack: &Message) {
        self.wire.send(prack.response(200, "OK", "", "", ""));
        assert_eq!(prack.expect("RAck"), format!("{FIRST_RSEQ} 1 INVITE"));
        self.tell(Event::Pracked);
        let Some(dialog) = &self.dialog else { return };
        let contact = format!("Contact: {}\r\n", self.wire.contact(&self.extension));
        let answer = dialog.invite.response(200, "OK", &dialog.tag, &contact, "");
        self.wire.send(answer);
    }

    fn hang_up(&mut self) {
        let Some(dialog) = self.dialog.take() else { return };
        // What only rings is declined.
        if *self.answering.lock().expect("no test panics while it holds the phone") == Answering::LetRing {
            self.wire.send(dialog.invite.response(486, "Busy Here", &dialog.tag, "", ""));
            return;
        }
        let call_id = dialog.invite.expect("Call-ID").to_owned();
        let bye = dialog.request("BYE", &self.wire);
        self.wire.send(bye);
        let answer = self.wire.receive_where(ANSWER_TIMEOUT, |message| {
            message.status().is_some() && message.header("Call-ID") == Some(&call_id)
        });
        assert_eq!(answer.and_then(|answer| answer.status()), Some(200), "BYE of the operator is answered");
    }
}

#[test]
fn the_answer_to_a_challenge_is_the_published_one() {
    // RFC 2617 3.5 gives HA1 and HA2 for these.
    assert_eq!(md5_hex("Mufasa:testrealm@host.com:Circle Of Life"), "939e7578ed9e3c518a452acee763bce9");
    assert_eq!(md5_hex("GET:/dir/index.html"), "39aff3a2bab6126f332b942af96d3366");
}
