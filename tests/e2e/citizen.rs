//! A citizen's phone that we wrote for the tests: one call over UDP or TCP with exact control of what is said when.
//! Its sound is an `RtpPeer`. SIPp plays the same part in the tests that want a peer we did not write.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::rtp_peer::RtpPeer;
use crate::sip_wire::{ANSWER_TIMEOUT, Message, Transport, Wire, session, token, with_body};

/// What an INVITE says; the default is a good call.
#[derive(Clone, Debug)]
pub struct Invite {
    pub transport: Transport,
    /// Loopback address it comes from.
    pub from: IpAddr,
    /// Caller's number.
    pub caller: String,
    /// User part of the Request-URI.
    pub called: String,
    pub event_payload_type: u8,
    /// Leaves the offer to the server (RFC 3261 13.2.1); ours goes with the ACK.
    pub delayed_offer: bool,
    /// Instead of the session description of the RTP peer, whose port stands for `{rtp_port}` in it.
    pub body: Option<String>,
    /// Whole header lines.
    pub more: String,
    /// The last word on the text of the INVITE.
    pub spelling: fn(String) -> String,
}

impl Default for Invite {
    fn default() -> Self {
        Self {
            transport: Transport::Udp,
            from: crate::server::TRUNK,
            caller: "380441112233".to_owned(),
            called: "1580".to_owned(),
            event_payload_type: 101,
            delayed_offer: false,
            body: None,
            more: String::new(),
            spelling: |text| text,
        }
    }
}

/// An answered call.
#[derive(Debug)]
pub struct Citizen {
    pub wire: Wire,
    pub rtp: RtpPeer,
    pub call_id: String,
    /// When 200 OK arrived.
    pub answered_at: Instant,
    /// The 200 OK.
    pub answer: Message,
    request_uri: String,
    /// Route lines of its requests: the proxies that wanted to stay on the way (RFC 3261 12.1.2).
    routes: String,
    from: String,
    to: String,
    cseq: u32,
}

/// An INVITE that is out and not answered yet.
#[derive(Debug)]
pub struct Dialling {
    pub wire: Wire,
    pub rtp: RtpPeer,
    pub call_id: String,
    invite: Invite,
    uri: String,
    from: String,
    branch: String,
    /// Number of the last request.
    cseq: u32,
}

impl Invite {
    /// Sends the INVITE.
    pub fn dial(self, server: SocketAddr) -> Dialling {
        self.dial_with(server, |text| text)
    }

    /// Sends the INVITE as `written` changes it.
    pub fn dial_with(self, server: SocketAddr, written: impl FnOnce(String) -> String) -> Dialling {
        let wire = Wire::open(self.transport, self.from, server);
        self.dial_as(wire, written)
    }

    /// Sends the INVITE over a connection that is there.
    pub fn dial_over(self, wire: Wire) -> Dialling {
        self.dial_as(wire, |text| text)
    }

    fn dial_as(self, wire: Wire, written: impl FnOnce(String) -> String) -> Dialling {
        let server = wire.server;
        let rtp = RtpPeer::start(self.from);
        rtp.set_event_payload_type(self.event_payload_type);
        let mut dialling = Dialling {
            call_id: token("call"),
            uri: format!("sip:{}@{server}", self.called),
            from: format!("<sip:{}@city.test>;tag={}", self.caller, token("tag")),
            branch: token("branch"),
            cseq: 1,
            invite: self,
            wire,
            rtp,
        };
        let request = written((dialling.invite.spelling)(dialling.request()));
        dialling.wire.send(request);
        dialling
    }

    /// Dials and is answered; a refusal fails the test.
    pub fn call(self, server: SocketAddr) -> Citizen {
        self.dial(server).answered().unwrap_or_else(|refusal| panic!("the call was refused: {refusal:?}"))
    }
}

impl Dialling {
    fn request(&self) -> String {
        let body = match &self.invite.body {
            Some(body) => body.replace("{rtp_port}", &self.rtp.address.port().to_string()),
            None if self.invite.delayed_offer => String::new(),
            None => session(self.rtp.address, self.invite.event_payload_type, "sendrecv"),
        };
        let head = format!(
            "INVITE {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 INVITE\r\nContact: {contact}\r\n{more}",
            uri = self.uri,
            via = self.wire.via(&self.branch),
            from = self.from,
            call_id = self.call_id,
            contact = self.wire.contact(&self.invite.caller),
            more = self.invite.more,
        );
        with_body(head, &body)
    }

    /// Gives the call up before it is answered.
    pub fn cancel(&mut self) {
        let text = format!(
            "CANCEL {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 CANCEL\r\n",
            uri = self.uri,
            via = self.wire.via(&self.branch),
            from = self.from,
            call_id = self.call_id,
        );
        self.wire.send(with_body(text, ""));
    }

    /// Waits for a provisional response above 100.
    pub fn ringing(&mut self) -> Message {
        let ringing = self.wire.receive_where(ANSWER_TIMEOUT, |message| {
            message.status().is_some_and(|status| (101..200).contains(&status))
        });
        ringing.expect("it rings before it is answered")
    }

    /// Acknowledges `ringing` (RFC 3262); a session description answers the one it brought. The answer.
    pub fn prack(&mut self, ringing: &Message, body: &str) -> Message {
        self.cseq += 1;
        let head = format!(
            "PRACK {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} PRACK\r\nRAck: {rseq} 1 INVITE\r\n",
            uri = ringing.contact_uri(),
            via = self.wire.via(&token("branch")),
            from = self.from,
            to = ringing.expect("To"),
            call_id = self.call_id,
            cseq = self.cseq,
            rseq = ringing.expect("RSeq"),
        );
        if let Some(remote) = ringing.audio_address() {
            self.rtp.set_remote(remote);
            self.invite.delayed_offer = false;
        }
        self.wire.send(with_body(head, body));
        self.wire.final_response(&self.call_id, "PRACK").expect("PRACK is answered")
    }

    /// Waits for the final answer: the call, or the refusal, acknowledged as RFC 3261 17.1.1.3 says.
    pub fn answered(mut self) -> Result<Citizen, Message> {
        let answer = self.wire.final_response(&self.call_id, "INVITE").expect("the INVITE is answered");
        let answered_at = Instant::now();
        if answer.status() != Some(200) {
            let ack = format!(
                "ACK {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
                 CSeq: 1 ACK\r\n",
                uri = self.uri,
                via = self.wire.via(&self.branch),
                from = self.from,
                to = answer.expect("To"),
                call_id = self.call_id,
            );
            self.wire.send(with_body(ack, ""));
            return Err(answer);
        }
        // What a PRACK has settled is not said again.
        if let Some(remote) = answer.audio_address() {
            self.rtp.set_remote(remote);
        }
        let recorded: Vec<&str> = answer.headers_named("Record-Route").collect();
        let routes = recorded.iter().rev().map(|route| format!("Route: {route}\r\n")).collect();
        let mut citizen = Citizen {
            request_uri: answer.contact_uri(),
            routes,
            from: self.from,
            to: answer.expect("To").to_owned(),
            wire: self.wire,
            rtp: self.rtp,
            call_id: self.call_id,
            answered_at,
            cseq: self.cseq,
            answer,
        };
        let ack = match self.invite.delayed_offer {
            true => session(citizen.rtp.address, self.invite.event_payload_type, "sendrecv"),
            false => String::new(),
        };
        citizen.acknowledge(1, &ack);
        Ok(citizen)
    }
}

impl Citizen {
    fn head(&self, method: &str, cseq: u32) -> String {
        format!(
            "{method} {uri} SIP/2.0\r\n{via}Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\nContact: {contact}\r\n{routes}",
            routes = self.routes,
            uri = self.request_uri,
            via = self.wire.via(&token("branch")),
            from = self.from,
            to = self.to,
            call_id = self.call_id,
            contact = self.wire.contact("citizen"),
        )
    }

    fn acknowledge(&mut self, cseq: u32, body: &str) {
        let ack = with_body(self.head("ACK", cseq), body);
        self.wire.send(ack);
    }

    /// Sends a request in the dialog; the final answer.
    pub fn request(&mut self, method: &str, more: &str, body: &str) -> Message {
        let answer = self.request_unacknowledged(method, more, body);
        if method == "INVITE" {
            self.acknowledge(self.cseq, "");
        }
        answer
    }

    /// Where the server says that it is reached in this call.
    pub fn contact(&self) -> &str {
        &self.request_uri
    }

    /// The same, but a re-INVITE is left without its ACK.
    pub fn request_unacknowledged(&mut self, method: &str, more: &str, body: &str) -> Message {
        self.cseq += 1;
        let text = with_body(self.head(method, self.cseq) + more, body);
        self.wire.send(text);
        // A repeated 2xx of an earlier INVITE is not meant.
        let numbered = format!("{} {method}", self.cseq);
        let answer = self.wire.receive_where(ANSWER_TIMEOUT, |message| {
            message.status().is_some_and(|status| status >= 200)
                && message.header("Call-ID") == Some(&self.call_id)
                && message.header("CSeq") == Some(&numbered)
        });
        answer.unwrap_or_else(|| panic!("{method} is answered"))
    }

    /// BYE, and when it was sent.
    pub fn hang_up(&mut self) -> Instant {
        let sent_at = Instant::now();
        let answer = self.request("BYE", "", "");
        assert_eq!(answer.status(), Some(200), "{answer:?}");
        sent_at
    }

    /// Waits for the server's BYE and answers it; when it came.
    pub fn is_hung_up_on(&mut self, at_most: Duration) -> Instant {
        self.expect_bye(at_most);
        Instant::now()
    }

    /// Waits for the server's BYE and answers it.
    pub fn expect_bye(&mut self, at_most: Duration) -> Message {
        let bye = self.wire.receive_where(at_most, |message| message.method() == Some("BYE"));
        let bye = bye.unwrap_or_else(|| panic!("no BYE within {at_most:?}"));
        self.wire.send(bye.response(200, "OK", "", "", ""));
        bye
    }
}
