//! A provider that we wrote for the tests: one server with a registrar that asks for digest, an answer to OPTIONS and
//! an ear for everything else, over UDP or TLS. It can die and come back. It runs on a thread of its own, on a loopback
//! address of its own; calls of it are dialled by `citizen.rs` from that address, or over the connection it has.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

use crate::phone::md5_hex;
use crate::sip_wire::{Message, Transport, Wire, token};
use crate::wait;

pub const USER: &str = "380542001580";
pub const PASSWORD: &str = "trunk-p4ss";
/// Where [`Provider::start_tls`] leaves its certificate.
pub const CERTIFICATE: &str = "provider.pem";
/// How often the thread looks whether it was told to do something.
const LOOK: Duration = Duration::from_millis(15);

#[derive(Debug)]
pub struct Provider {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Ends with the connection that the program under test has opened, or the socket of UDP.
    thread: Option<JoinHandle<Option<Wire>>>,
}

#[derive(Debug)]
struct State {
    alive: bool,
    stopped: bool,
    /// Seconds granted to a REGISTER.
    expires: u32,
    /// REGISTERs with the right digest, and OPTIONS; each copy once.
    registers: Vec<Message>,
    options: usize,
}

impl Provider {
    /// Grants `expires` seconds to who proves [`PASSWORD`]; `server` is the program under test.
    pub fn start(ip: [u8; 4], server: SocketAddr, expires: u32) -> Self {
        let wire = Wire::open(Transport::Udp, IpAddr::from(ip), server);
        Self::run(wire.local, expires, move |state| Some(serve(wire, state)))
    }

    /// The same over TLS, by a certificate for `subject`; who shall trust it finds it in `folder`. Serves one
    /// connection.
    pub fn start_tls(ip: [u8; 4], subject: &str, folder: &Path, expires: u32) -> Self {
        let made = rcgen::generate_simple_self_signed([subject.to_owned()]).expect("a name is a subject");
        fs::write(folder.join(CERTIFICATE), made.cert.pem()).expect("a temporary folder can be written");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .expect("the key was made for the certificate");
        let listener = TcpListener::bind((IpAddr::from(ip), 0)).expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        Self::run(address, expires, move |state| {
            accept(&listener, &Arc::new(config), state).map(|wire| serve(wire, state))
        })
    }

    fn run(
        address: SocketAddr,
        expires: u32,
        work: impl FnOnce(&Mutex<State>) -> Option<Wire> + Send + 'static,
    ) -> Self {
        let state = State { alive: true, stopped: false, expires, registers: Vec::new(), options: 0 };
        let state = Arc::new(Mutex::new(state));
        let thread = std::thread::spawn({
            let state = Arc::clone(&state);
            move || work(&state)
        });
        Self { address, state, thread: Some(thread) }
    }

    /// Stops answering and gives its connection away, for calls over it.
    pub fn hand_over(mut self) -> Wire {
        self.state().stopped = true;
        let thread = self.thread.take().expect("it is taken when the provider goes");
        thread.join().expect("the provider's thread does not panic").expect("the program has connected")
    }

    /// A dead one hears and says nothing.
    pub fn set_alive(&self, alive: bool) {
        self.state().alive = alive;
    }

    /// The REGISTERs it accepted.
    pub fn registers(&self) -> Vec<Message> {
        self.state().registers.clone()
    }

    /// Waits for the `nth` REGISTER, from 1.
    pub fn expect_register(&self, nth: usize, at_most: Duration) -> Message {
        wait::until("a REGISTER", at_most, || self.registers().get(nth - 1).cloned())
    }

    pub fn options(&self) -> usize {
        self.state().options
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding the provider")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.state().stopped = true;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The first connection whose handshake succeeds; none when the provider is stopped before.
fn accept(listener: &TcpListener, config: &Arc<ServerConfig>, state: &Mutex<State>) -> Option<Wire> {
    listener.set_nonblocking(true).expect("a bound socket takes options");
    let local = listener.local_addr().expect("a bound socket has an address");
    while !state.lock().expect("nobody panics while holding the provider").stopped {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).expect("a connected socket takes options");
                if let Ok(wire) = Wire::accepted_tls(stream, local, Arc::clone(config)) {
                    return Some(wire);
                }
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        std::thread::sleep(LOOK);
    }
    None
}

/// Until the provider is stopped; the wire may serve for something else then.
fn serve(mut wire: Wire, state: &Mutex<State>) -> Wire {
    let mut seen = String::new();
    loop {
        let message = wire.receive(LOOK);
        let mut state = state.lock().expect("nobody panics while holding the provider");
        if state.stopped {
            return wire;
        }
        let Some(message) = message.filter(|_| state.alive) else { continue };
        let copy = std::mem::replace(&mut seen, message.expect("Via").to_owned()) == seen;
        match message.method() {
            Some("REGISTER") => {
                let answer = register(&message, &mut state, copy);
                wire.send(answer);
            }
            Some("OPTIONS") => {
                state.options += usize::from(!copy);
                wire.send(message.response(200, "OK", &token("tag"), "", ""));
            }
            _ => {}
        }
    }
}

fn register(request: &Message, state: &mut State, copy: bool) -> String {
    let proven = request.header("Authorization").is_some_and(|value| is_right(value, "REGISTER"));
    if !proven {
        let challenge = "WWW-Authenticate: Digest realm=\"provider\", nonce=\"n0nce\", qop=\"auth\"\r\n";
        return request.response(401, "Unauthorized", &token("tag"), challenge, "");
    }
    if !copy {
        state.registers.push(request.clone());
    }
    let expires = request.expect("Expires").parse().unwrap_or(0).min(state.expires);
    let contact = format!("Contact: {};expires={expires}\r\n", request.expect("Contact"));
    request.response(200, "OK", &token("tag"), &contact, "")
}

/// Whether the credentials prove [`USER`] and [`PASSWORD`] (RFC 2617 3.2.2).
fn is_right(authorization: &str, method: &str) -> bool {
    let field = |name: &str| -> Option<&str> {
        let fields = authorization.strip_prefix("Digest ")?.split(", ");
        let value = fields.filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name)?.1;
        Some(value.trim_matches('"'))
    };
    let right = || -> Option<bool> {
        let ha1 = md5_hex(&format!("{USER}:provider:{PASSWORD}"));
        let ha2 = md5_hex(&format!("{method}:{}", field("uri")?));
        let (nonce, nc, cnonce) = (field("nonce")?, field("nc")?, field("cnonce")?);
        let expected = md5_hex(&format!("{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}"));
        Some(field("username") == Some(USER) && nonce == "n0nce" && field("response")? == expected)
    };
    right().unwrap_or(false)
}
