//! An operator's phone that the test itself drives, step by step and with several calls at once: for transfers, where
//! the order of messages is the subject. Unlike `phone.rs` it does nothing by itself but answer NOTIFY and BYE.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::phone::{authorization, register};
use crate::rtp_peer::RtpPeer;
use crate::server::{LOOPBACK, PASSWORD};
use crate::sip_wire::{ANSWER_TIMEOUT, Message, Transport, Wire, session, token, with_body};

#[derive(Debug)]
pub struct DeskPhone {
    wire: Wire,
    extension: String,
    /// Requests and responses nobody has asked for yet.
    inbox: VecDeque<(Instant, Message)>,
}

/// One call of the phone.
#[derive(Debug)]
pub struct Talk {
    pub rtp: RtpPeer,
    pub call_id: String,
    /// From and To of our requests.
    local: String,
    remote: String,
    target: String,
    cseq: u32,
}

/// An INVITE that is out, with credentials, and not answered yet.
#[derive(Debug)]
pub struct Dialled {
    rtp: RtpPeer,
    call_id: String,
    uri: String,
    from: String,
    branch: String,
}

impl Talk {
    /// What a Replaces says of this dialog to the server (RFC 3891 6.1: tags as the receiver sees them).
    pub fn replaces(&self) -> String {
        format!("{};to-tag={};from-tag={}", self.call_id, tag(&self.remote), tag(&self.local))
    }
}

fn tag(address: &str) -> &str {
    address.split(";tag=").nth(1).expect("both ends of a dialog have a tag")
}

impl DeskPhone {
    pub fn register(server: SocketAddr, extension: &str) -> Self {
        let mut wire = Wire::open(Transport::Udp, LOOPBACK, server);
        let answer = register(&mut wire, extension, PASSWORD);
        assert_eq!(answer.status(), Some(200), "REGISTER of {extension}: {answer:?}");
        Self { wire, extension: extension.to_owned(), inbox: VecDeque::new() }
    }

    /// A second device of the same operator, which is not registered.
    pub fn unregistered(server: SocketAddr, extension: &str) -> Self {
        Self::elsewhere(server, extension, LOOPBACK)
    }

    /// A device at another address, which is not registered: one outside, or one that has no business here.
    pub fn elsewhere(server: SocketAddr, name: &str, ip: IpAddr) -> Self {
        let wire = Wire::open(Transport::Udp, ip, server);
        Self { wire, extension: name.to_owned(), inbox: VecDeque::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.wire.local
    }

    /// The first message that `wanted` accepts, whether it came already or comes now.
    fn find(&mut self, at_most: Duration, wanted: impl Fn(&Message) -> bool) -> Option<(Instant, Message)> {
        if let Some(place) = self.inbox.iter().position(|(_, message)| wanted(message)) {
            return self.inbox.remove(place);
        }
        let deadline = Instant::now() + at_most;
        loop {
            let left = deadline.checked_duration_since(Instant::now())?;
            let message = self.wire.receive(left)?;
            let arrived = Instant::now();
            if matches!(message.method(), Some("NOTIFY" | "BYE")) {
                self.wire.send(message.response(200, "OK", "", "", ""));
            }
            if wanted(&message) {
                return Some((arrived, message));
            }
            self.inbox.push_back((arrived, message));
        }
    }

    fn final_response(&mut self, call_id: &str, cseq: &str) -> Message {
        let found = self.find(ANSWER_TIMEOUT, |message| {
            message.status().is_some_and(|status| status >= 200)
                && message.header("Call-ID") == Some(call_id)
                && message.header("CSeq") == Some(cseq)
        });
        found.unwrap_or_else(|| panic!("{cseq} is answered; got {:?}", self.inbox)).1
    }

    /// Waits until it rings; the INVITE.
    pub fn is_called(&mut self) -> Message {
        let found = self.find(ANSWER_TIMEOUT, |message| message.method() == Some("INVITE"));
        found.expect("the phone rings").1
    }

    /// The INVITE of a call that may take so long to come.
    pub fn called_within(&mut self, at_most: Duration) -> Option<Message> {
        self.find(at_most, |message| message.method() == Some("INVITE")).map(|(_, invite)| invite)
    }

    /// Waits until it rings, and picks up.
    pub fn answer(&mut self) -> Talk {
        let invite = self.is_called();
        self.pick_up(&invite)
    }

    /// Does not take the call of `invite`; waits for the ACK.
    pub fn refuse(&mut self, invite: &Message, status: u16) {
        self.wire.send(invite.response(status, "No", &token("tag"), "", ""));
        self.is_acknowledged(invite.expect("Call-ID"));
    }

    /// 180 to the INVITE; what a Replaces says of the early dialog to the server.
    pub fn let_ring(&mut self, invite: &Message) -> String {
        let our_tag = token("tag");
        let contact = format!("Contact: {}\r\n", self.wire.contact(&self.extension));
        self.wire.send(invite.response(180, "Ringing", &our_tag, &contact, ""));
        format!("{};to-tag={};from-tag={our_tag}", invite.expect("Call-ID"), tag(invite.expect("From")))
    }

    /// Waits for the CANCEL of a call that rings, and confirms it.
    pub fn is_cancelled(&mut self, invite: &Message) {
        let call_id = invite.expect("Call-ID");
        let found = self.find(ANSWER_TIMEOUT, |message| {
            message.method() == Some("CANCEL") && message.header("Call-ID") == Some(call_id)
        });
        let cancel = found.expect("the ringing is stopped").1;
        self.wire.send(cancel.response(200, "OK", &token("tag"), "", ""));
        self.refuse(invite, 487);
    }

    fn is_acknowledged(&mut self, call_id: &str) {
        let ack = self.find(ANSWER_TIMEOUT, |message| {
            message.method() == Some("ACK") && message.header("Call-ID") == Some(call_id)
        });
        assert!(ack.is_some(), "the answer is acknowledged");
    }

    /// Takes the call of `invite`.
    pub fn pick_up(&mut self, invite: &Message) -> Talk {
        let rtp = RtpPeer::start(self.wire.local.ip());
        rtp.set_remote(invite.audio_address().expect("the INVITE has an offer"));
        let our_tag = token("tag");
        let contact = format!("Contact: {}\r\n", self.wire.contact(&self.extension));
        let body = session(rtp.address, 101, "sendrecv");
        self.wire.send(invite.response(200, "OK", &our_tag, &contact, &body));
        let call_id = invite.expect("Call-ID").to_owned();
        self.is_acknowledged(&call_id);
        Talk {
            rtp,
            call_id,
            local: format!("{};tag={our_tag}", invite.expect("To")),
            remote: invite.expect("From").to_owned(),
            target: invite.contact_uri(),
            cseq: 0,
        }
    }

    /// Calls `user` with credentials; `more` are whole header lines.
    pub fn dial(&mut self, user: &str, more: &str) -> Dialled {
        let server = self.wire.server;
        let uri = format!("sip:{user}@{server}");
        let mut dialled = Dialled {
            rtp: RtpPeer::start(LOOPBACK),
            call_id: token("call"),
            from: format!("<sip:{}@{server}>;tag={}", self.extension, token("tag")),
            branch: token("branch"),
            uri,
        };
        let invite = self.invite(&dialled, 1, more);
        self.wire.send(invite);
        let challenged = self.final_response(&dialled.call_id, "1 INVITE");
        assert_eq!(challenged.status(), Some(401), "a phone is asked who it is: {challenged:?}");
        self.acknowledge_refusal(&dialled, 1, &challenged);
        let challenge = challenged.headers_named("WWW-Authenticate").next().expect("a challenge");
        let authorization = authorization(challenge, &self.extension, PASSWORD, "INVITE", &dialled.uri);
        dialled.branch = token("branch");
        let invite = self.invite(&dialled, 2, &format!("{more}Authorization: {authorization}\r\n"));
        self.wire.send(invite);
        dialled
    }

    fn invite(&self, dialled: &Dialled, cseq: u32, more: &str) -> String {
        let head = format!(
            "INVITE {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} INVITE\r\nContact: {contact}\r\n{more}",
            uri = dialled.uri,
            via = self.wire.via(&dialled.branch),
            from = dialled.from,
            call_id = dialled.call_id,
            contact = self.wire.contact(&self.extension),
        );
        with_body(head, &session(dialled.rtp.address, 101, "sendrecv"))
    }

    fn acknowledge_refusal(&mut self, dialled: &Dialled, cseq: u32, refusal: &Message) {
        let head = format!(
            "ACK {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} ACK\r\n",
            uri = dialled.uri,
            via = self.wire.via(&dialled.branch),
            from = dialled.from,
            to = refusal.expect("To"),
            call_id = dialled.call_id,
        );
        self.wire.send(with_body(head, ""));
    }

    /// Waits for the 180.
    pub fn hears_ringing(&mut self, dialled: &Dialled) {
        let rang = self.find(ANSWER_TIMEOUT, |message| {
            message.status() == Some(180) && message.header("Call-ID") == Some(&dialled.call_id)
        });
        assert!(rang.is_some(), "the phone hears that it rings");
    }

    /// Gives up; when CANCEL was sent.
    pub fn cancel(&mut self, dialled: &Dialled) -> Instant {
        let head = format!(
            "CANCEL {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
             CSeq: 2 CANCEL\r\n",
            uri = dialled.uri,
            via = self.wire.via(&dialled.branch),
            from = dialled.from,
            call_id = dialled.call_id,
        );
        self.wire.send(with_body(head, ""));
        Instant::now()
    }

    /// The final answer: a call, or the status of the refusal.
    pub fn outcome(&mut self, dialled: Dialled) -> Result<Talk, u16> {
        let answer = self.final_response(&dialled.call_id, "2 INVITE");
        if answer.status() != Some(200) {
            self.acknowledge_refusal(&dialled, 2, &answer);
            return Err(answer.status().expect("a response has a status"));
        }
        dialled.rtp.set_remote(answer.audio_address().expect("200 OK describes an audio stream"));
        let mut talk = Talk {
            rtp: dialled.rtp,
            call_id: dialled.call_id,
            local: dialled.from,
            remote: answer.expect("To").to_owned(),
            target: answer.contact_uri(),
            cseq: 2,
        };
        let ack = self.head(&talk, "ACK", 2);
        self.wire.send(with_body(ack, ""));
        talk.cseq = 2;
        Ok(talk)
    }

    fn head(&self, talk: &Talk, method: &str, cseq: u32) -> String {
        format!(
            "{method} {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: {contact}\r\n",
            uri = talk.target,
            via = self.wire.via(&token("branch")),
            from = talk.local,
            to = talk.remote,
            call_id = talk.call_id,
            contact = self.wire.contact(&self.extension),
        )
    }

    /// A request in the dialog; its final answer.
    pub fn request(&mut self, talk: &mut Talk, method: &str, more: &str, body: &str) -> Message {
        talk.cseq += 1;
        let text = with_body(self.head(talk, method, talk.cseq) + more, body);
        self.wire.send(text);
        let answer = self.final_response(&talk.call_id, &format!("{} {method}", talk.cseq));
        if method == "INVITE" {
            let ack = self.head(talk, "ACK", talk.cseq);
            self.wire.send(with_body(ack, ""));
        }
        answer
    }

    /// re-INVITE with this direction.
    pub fn hold(&mut self, talk: &mut Talk, direction: &str) {
        let body = session(talk.rtp.address, 101, direction);
        let answer = self.request(talk, "INVITE", "", &body);
        assert_eq!(answer.status(), Some(200), "{answer:?}");
    }

    /// REFER to a user of the server; what is said to it.
    pub fn refer(&mut self, talk: &mut Talk, to: &str, more: &str) -> Message {
        let refer_to = format!("Refer-To: <sip:{to}@{}>\r\n{more}", self.wire.server);
        self.request(talk, "REFER", &refer_to, "")
    }

    /// REFER of the other end of `talk` into the place of `consultation`.
    pub fn refer_into(&mut self, talk: &mut Talk, consultation: &Talk) -> Message {
        let replaces = consultation.replaces().replace(';', "%3B").replace('=', "%3D").replace('@', "%40");
        let refer_to = format!("Refer-To: <{}?Replaces={replaces}>\r\n", consultation.target);
        self.request(talk, "REFER", &refer_to, "")
    }

    /// The outcomes told by NOTIFY up to the final one.
    pub fn told(&mut self, talk: &Talk) -> Vec<u16> {
        let mut told = Vec::new();
        loop {
            let found = self.find(ANSWER_TIMEOUT, |message| {
                message.method() == Some("NOTIFY") && message.header("Call-ID") == Some(&talk.call_id)
            });
            let notify = found.unwrap_or_else(|| panic!("a final NOTIFY after {told:?}")).1;
            assert!(notify.expect("Event").starts_with("refer"), "{notify:?}");
            assert!(notify.expect("Content-Type").starts_with("message/sipfrag"), "{notify:?}");
            let status = notify.body.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3));
            let status = status.and_then(|digits| digits.parse().ok()).expect("a status line");
            told.push(status);
            let ended = notify.expect("Subscription-State").starts_with("terminated");
            assert_eq!(ended, status >= 200, "{notify:?}");
            if ended {
                return told;
            }
        }
    }

    /// True when a NOTIFY of this call is there by now.
    pub fn was_told(&self, talk: &Talk) -> bool {
        let notify = |message: &Message| {
            message.method() == Some("NOTIFY") && message.header("Call-ID") == Some(&talk.call_id)
        };
        self.inbox.iter().any(|(_, message)| notify(message))
    }

    /// Waits for the server's BYE; when it came.
    pub fn is_hung_up_on(&mut self, talk: &Talk) -> Instant {
        let bye = self.find(ANSWER_TIMEOUT, |message| {
            message.method() == Some("BYE") && message.header("Call-ID") == Some(&talk.call_id)
        });
        bye.unwrap_or_else(|| panic!("no BYE for {}", talk.call_id)).0
    }

    pub fn hang_up(&mut self, mut talk: Talk) {
        let answer = self.request(&mut talk, "BYE", "", "");
        assert_eq!(answer.status(), Some(200), "{answer:?}");
    }
}
