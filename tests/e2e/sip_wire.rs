//! SIP as bytes on a socket, for tests that say exactly what is on the wire: a socket, a message taken apart, the
//! texts of requests and of session descriptions. No state machine; `citizen.rs` and `phone.rs` add that.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, WebSocket};

/// A final answer over loopback; generous because both cores may be busy.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
}

impl Transport {
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
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
        let ip = self
            .body
            .lines()
            .find_map(|line| line.strip_prefix("c=IN IP4 ").or(line.strip_prefix("c=IN IP6 ")))?;
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
        "v=0\r\no=phone 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0 {event}\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:{event} telephone-event/8000\r\n\
         a=fmtp:{event} 0-15\r\na=ptime:20\r\na={direction}\r\n",
        family = if rtp.is_ipv4() { "IP4" } else { "IP6" },
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
    /// Bytes of a stream that are no whole message yet.
    pending: Vec<u8>,
    /// What a browser calls itself: it has no address that it knows (RFC 7118 5).
    invalid_host: String,
    /// Where this peer listens for connections, when it is not where it calls from.
    pub listens_at: Option<SocketAddr>,
    /// The certificate that a TLS server must have.
    trusted: Option<Arc<ClientConfig>>,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// The server under test has connected to us.
    TlsAccepted(Box<StreamOwned<ServerConnection, TcpStream>>),
    Ws(Box<WebSocket<TcpStream>>),
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
            Transport::Ws => {
                let stream = connect_from(from, server);
                let local = stream.local_addr().expect("a connected socket has an address");
                (Socket::Ws(Box::new(web_socket(stream, server))), local)
            }
            Transport::Tls => panic!("TLS needs to know whom to trust: Wire::open_tls"),
        };
        let invalid_host = format!("{}.invalid", token("browser"));
        Self { socket, server, local, pending: Vec::new(), invalid_host, listens_at: None, trusted: None }
    }

    /// Over TLS to a server that must have this very certificate, by its address.
    pub fn open_tls(from: IpAddr, server: SocketAddr, certificate: &Path) -> Self {
        let mut wire = Self::open(Transport::Tcp, from, server);
        wire.trusted = Some(trusting(certificate));
        wire.secure();
        wire
    }

    /// Over TLS with the server under test, which has connected to `local`; an error when the handshake fails.
    pub fn accepted_tls(
        mut stream: TcpStream,
        local: SocketAddr,
        config: Arc<ServerConfig>,
    ) -> std::io::Result<Self> {
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let server = stream.peer_addr()?;
        let mut tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)?;
        }
        Ok(Self {
            socket: Socket::TlsAccepted(Box::new(StreamOwned::new(tls, stream))),
            server,
            local,
            pending: Vec::new(),
            invalid_host: String::new(),
            listens_at: None,
            trusted: None,
        })
    }

    /// The same peer over a new connection.
    pub fn reconnect(&mut self) {
        let Self { invalid_host, trusted, .. } = std::mem::replace(
            self,
            Self::open(
                if self.trusted.is_some() { Transport::Tcp } else { self.transport() },
                self.local.ip(),
                self.server,
            ),
        );
        (self.invalid_host, self.trusted) = (invalid_host, trusted);
        if self.trusted.is_some() {
            self.secure();
        }
    }

    /// From TCP to TLS.
    fn secure(&mut self) {
        let config = self.trusted.clone().expect("set by open_tls");
        let name = ServerName::from(self.server.ip());
        let tls = ClientConnection::new(config, name).expect("an address is a name");
        let Socket::Tcp(stream) = &self.socket else { panic!("opened as TCP") };
        let stream = stream.try_clone().expect("a socket can be cloned");
        self.socket = Socket::Tls(Box::new(StreamOwned::new(tls, stream)));
    }

    /// What the server's certificate is now; the handshake must have happened.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let Socket::Tls(stream) = &self.socket else { return None };
        Some(stream.conn.peer_certificates()?.first()?.to_vec())
    }

    pub fn transport(&self) -> Transport {
        match self.socket {
            Socket::Udp(_) => Transport::Udp,
            Socket::Tcp(_) => Transport::Tcp,
            Socket::Tls(_) | Socket::TlsAccepted(_) => Transport::Tls,
            Socket::Ws(_) => Transport::Ws,
        }
    }

    pub fn send(&mut self, message: impl AsRef<[u8]>) {
        let bytes = message.as_ref();
        match &mut self.socket {
            // A server that was killed refuses; the test notices by what it does not hear.
            Socket::Udp(socket) => drop(socket.send_to(bytes, self.server)),
            Socket::Tcp(stream) => drop(stream.write_all(bytes)),
            Socket::Tls(stream) => drop(stream.write_all(bytes).and_then(|()| stream.flush())),
            Socket::TlsAccepted(stream) => drop(stream.write_all(bytes).and_then(|()| stream.flush())),
            Socket::Ws(socket) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                drop(socket.send(tungstenite::Message::text(text)));
            }
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
                Socket::Tls(stream) => {
                    let _ = stream.sock.set_read_timeout(Some(left));
                    stream.read(&mut buffer)
                }
                Socket::TlsAccepted(stream) => {
                    let _ = stream.sock.set_read_timeout(Some(left));
                    stream.read(&mut buffer)
                }
                Socket::Ws(socket) => {
                    let _ = socket.get_ref().set_read_timeout(Some(left));
                    read_frame(socket, &mut buffer)
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
        if matches!(self.socket, Socket::Udp(_) | Socket::Ws(_)) {
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

    /// Whether the server closes the connection; what it still says is passed over.
    pub fn is_closed_within(&mut self, at_most: Duration) -> bool {
        let Socket::Tcp(stream) = &mut self.socket else { return false };
        let _ = stream.set_read_timeout(Some(at_most));
        let mut buffer = [0_u8; 4096];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => return error.kind() == ErrorKind::ConnectionReset,
            }
        }
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
        let host = match self.transport() {
            Transport::Ws => self.invalid_host.clone(),
            _ => self.local.to_string(),
        };
        format!("Via: SIP/2.0/{} {host};branch=z9hG4bK{branch};rport\r\n", self.transport().name())
    }

    /// The Contact of this end.
    pub fn contact(&self, user: &str) -> String {
        match self.transport() {
            Transport::Udp => format!("<sip:{user}@{}>", self.local),
            Transport::Tcp => format!("<sip:{user}@{};transport=tcp>", self.listens_at.unwrap_or(self.local)),
            Transport::Tls => format!("<sip:{user}@{};transport=tls>", self.local),
            Transport::Ws => format!(
                "<sip:{user}@{0};transport=ws>;reg-id=1;+sip.instance=\"<urn:x:{0}>\"",
                self.invalid_host
            ),
        }
    }
}

/// A browser's handshake (RFC 7118 4).
fn web_socket(stream: TcpStream, server: SocketAddr) -> WebSocket<TcpStream> {
    let mut request = format!("ws://{server}/sip").into_client_request().expect("an address makes a URL");
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", "sip".parse().expect("a word"));
    headers.insert("origin", format!("http://{server}").parse().expect("an address makes an origin"));
    let (socket, _) = tungstenite::client(request, stream).expect("the server takes WebSockets");
    socket
}

/// One message, as a socket would read it.
fn read_frame(socket: &mut WebSocket<TcpStream>, buffer: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match socket.read() {
            Ok(message @ (tungstenite::Message::Text(_) | tungstenite::Message::Binary(_))) => {
                let bytes = message.into_data();
                buffer[..bytes.len()].copy_from_slice(&bytes);
                return Ok(bytes.len());
            }
            Ok(tungstenite::Message::Close(_)) => return Ok(0),
            Ok(_) => {}
            Err(tungstenite::Error::Io(error)) => return Err(error),
            Err(_) => return Ok(0),
        }
    }
}

/// Trusts one certificate.
fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate).expect("the certificate is there");
    roots.add(certificate).expect("it is a certificate");
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
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
