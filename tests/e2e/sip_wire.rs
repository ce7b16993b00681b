//! SIP as bytes on a socket, for tests that say exactly what is on the wire: a socket, a message taken apart, the
//! texts of requests and of session descriptions. No state machine; `citizen.rs` and `phone.rs` add that.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A final answer over loopback; generous because both cores may be busy.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Udp,
    Tcp,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }
}

/// One SIP message as received.
#[derive(Clone, Debug)]
pub struct Message {
    pub start_line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Message {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut lines = head.split("\r\n");
        let start_line = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (long_name(name.trim()), value.trim().to_owned()))
            .collect();
        Self { start_line, headers, body: body.to_owned() }
    }

    /// None for a request.
    pub fn status(&self) -> Option<u16> {
        self.start_line.strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
    }

    /// None for a response.
    pub fn method(&self) -> Option<&str> {
        if self.status().is_some() { None } else { self.start_line.split(' ').next() }
    }

    /// The first value; names in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn headers_named(&self, name: &'static str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The header's value; its absence fails the test.
    pub fn expect(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    /// Method of the CSeq: what a response answers.
    pub fn answers(&self) -> &str {
        self.expect("CSeq").split(' ').nth(1).unwrap_or_default()
    }

    /// The URI in Contact: where requests of the dialog go.
    pub fn contact_uri(&self) -> String {
        let contact = self.expect("Contact");
        let inside = contact.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(uri, _)| uri);
        inside.unwrap_or_else(|| contact.split(';').next().unwrap_or_default()).to_owned()
    }

    /// Address and port of the audio stream in the session description.
    pub fn audio_address(&self) -> Option<SocketAddr> {
        let ip = self.body.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?;
        let port = self.body.lines().find_map(|line| line.strip_prefix("m=audio "))?.split(' ').next()?;
        Some(SocketAddr::new(ip.trim().parse().ok()?, port.parse().ok()?))
    }

    /// The same answer a UAS gives: the headers that must be copied (RFC 3261 8.2.6.2).
    pub fn response(&self, status: u16, phrase: &str, to_tag: &str, more: &str, body: &str) -> String {
        let mut text = format!("SIP/2.0 {status} {phrase}\r\n");
        for via in self.headers_named("Via") {
            let _ = write!(text, "Via: {via}\r\n");
        }
        let to = self.expect("To");
        let tag = if to.contains(";tag=") { String::new() } else { format!(";tag={to_tag}") };
        let _ = write!(
            text,
            "From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{more}",
            self.expect("From"),
            self.expect("Call-ID"),
            self.expect("CSeq")
        );
        with_body(text, body)
    }
}

/// Compact header names (RFC 3261 7.3.3).
fn long_name(name: &str) -> String {
    match name {
        "v" => "Via",
        "f" => "From",
        "t" => "To",
        "i" => "Call-ID",
        "m" => "Contact",
        "l" => "Content-Length",
        "c" => "Content-Type",
        other => other,
    }
    .to_owned()
}

/// Ends the headers: type and length of the body, the empty line, the body.
pub fn with_body(mut head: String, body: &str) -> String {
    if !body.is_empty() && !head.contains("\r\nContent-Type:") {
        head.push_str("Content-Type: application/sdp\r\n");
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n{body}", body.len());
    head
}

/// A token that no other call in this process uses.
pub fn token(kind: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{kind}{}x{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A session description: PCMA, PCMU and telephone-event with this payload type.
pub fn session(rtp: SocketAddr, event_payload_type: u8, direction: &str) -> String {
    format!(
        "v=0\r\no=phone 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0 {event}\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:{event} telephone-event/8000\r\n\
         a=fmtp:{event} 0-15\r\na=ptime:20\r\na={direction}\r\n",
        ip = rtp.ip(),
        port = rtp.port(),
        event = event_payload_type,
    )
}

/// A socket towards one server.
#[derive(Debug)]
pub struct Wire {
    socket: Socket,
    pub server: SocketAddr,
    pub local: SocketAddr,
    /// Bytes of a TCP stream that are no whole message yet.
    pending: Vec<u8>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Wire {
    /// From the given loopback address: trunks are told apart by it.
    pub fn open(transport: Transport, from: IpAddr, server: SocketAddr) -> Self {
        let (socket, local) = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind((from, 0)).expect("loopback has free ports");
                let local = socket.local_addr().expect("a bound socket has an address");
                (Socket::Udp(socket), local)
            }
            Transport::Tcp => {
                let stream = connect_from(from, server);
                let local = stream.local_addr().expect("a connected socket has an address");
                (Socket::Tcp(stream), local)
            }
        };
        Self { socket, server, local, pending: Vec::new() }
    }

    pub fn transport(&self) -> Transport {
        match self.socket {
            Socket::Udp(_) => Transport::Udp,
            Socket::Tcp(_) => Transport::Tcp,
        }
    }

    pub fn send(&mut self, message: impl AsRef<[u8]>) {
        let bytes = message.as_ref();
        match &mut self.socket {
            // A server that was killed refuses; the test notices by what it does not hear.
            Socket::Udp(socket) => drop(socket.send_to(bytes, self.server)),
            Socket::Tcp(stream) => drop(stream.write_all(bytes)),
        }
    }

    /// The next message, or none within `at_most` or when the connection is closed.
    pub fn receive(&mut self, at_most: Duration) -> Option<Message> {
        let deadline = Instant::now() + at_most;
        let mut buffer = [0_u8; 65_536];
        loop {
            if let Some(message) = self.take_message() {
                return Some(message);
            }
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            let read = match &mut self.socket {
                Socket::Udp(socket) => {
                    let _ = socket.set_read_timeout(Some(left));
                    socket.recv(&mut buffer)
                }
                Socket::Tcp(stream) => {
                    let _ = stream.set_read_timeout(Some(left));
                    stream.read(&mut buffer)
                }
            };
            match read {
                Ok(0) => return None,
                Ok(length) => self.pending.extend(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                // The port of a killed server answers with ICMP; another read may still bring a message.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(_) => return None,
            }
        }
    }

    fn take_message(&mut self) -> Option<Message> {
        if matches!(self.socket, Socket::Udp(_)) {
            let text = String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned();
            return (!text.trim().is_empty()).then(|| Message::parse(&text));
        }
        while self.pending.starts_with(b"\r\n") {
            self.pending.drain(..2);
        }
        let head = self.pending.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&self.pending[..head]).into_owned();
        let length: usize =
            Message::parse(&text).header("Content-Length").and_then(|value| value.parse().ok()).unwrap_or(0);
        if self.pending.len() < head + length {
            return None;
        }
        let whole: Vec<u8> = self.pending.drain(..head + length).collect();
        Some(Message::parse(&String::from_utf8_lossy(&whole)))
    }

    /// The next message that `wanted` accepts; others are passed over.
    pub fn receive_where(&mut self, at_most: Duration, wanted: impl Fn(&Message) -> bool) -> Option<Message> {
        let deadline = Instant::now() + at_most;
        loop {
            let left = deadline.checked_duration_since(Instant::now())?;
            let message = self.receive(left)?;
            if wanted(&message) {
                return Some(message);
            }
        }
    }

    /// The final response to a request with this Call-ID and method.
    pub fn final_response(&mut self, call_id: &str, method: &str) -> Option<Message> {
        self.receive_where(ANSWER_TIMEOUT, |message| {
            message.status().is_some_and(|status| status >= 200)
                && message.header("Call-ID") == Some(call_id)
                && message.answers() == method
        })
    }

    /// The Via of a request from here; `rport` asks for symmetric signalling (RFC 3581).
    pub fn via(&self, branch: &str) -> String {
        format!("Via: SIP/2.0/{} {};branch=z9hG4bK{branch};rport\r\n", self.transport().name(), self.local)
    }

    /// The Contact of this end.
    pub fn contact(&self, user: &str) -> String {
        match self.transport() {
            Transport::Udp => format!("<sip:{user}@{}>", self.local),
            Transport::Tcp => format!("<sip:{user}@{};transport=tcp>", self.local),
        }
    }
}

/// A TCP connection from a chosen loopback address; `std` cannot bind before it connects.
fn connect_from(from: IpAddr, server: SocketAddr) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::for_address(server), socket2::Type::STREAM, None)
        .expect("a socket can be made");
    socket.bind(&SocketAddr::new(from, 0).into()).expect("loopback has free ports");
    socket.connect(&server.into()).expect("the server listens on TCP");
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).expect("a connected socket takes options");
    stream
}

#[test]
fn messages_are_taken_apart() {
    let text = "SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a;branch=1\r\nVia: SIP/2.0/UDP b\r\nCSeq: 2 INVITE\r\nm: <sip:1580@127.0.0.1:5;x=y>\r\n\r\n\
                c=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 8\r\n";
    let message = Message::parse(text);
    assert_eq!(message.status(), Some(200));
    assert_eq!(message.method(), None);
    assert_eq!(message.headers_named("via").count(), 2);
    assert_eq!(message.answers(), "INVITE");
    assert_eq!(message.contact_uri(), "sip:1580@127.0.0.1:5;x=y");
    assert_eq!(message.audio_address(), Some(SocketAddr::from(([127, 0, 0, 1], 4000))));
}
