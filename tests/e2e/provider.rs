//! A provider that we wrote for the tests: one server with a registrar that asks for digest, an answer to OPTIONS and
//! an ear for everything else. It can die and come back. It runs on a thread of its own, on a loopback address of its
//! own; calls of it are dialled by `citizen.rs` from that address.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::phone::md5_hex;
use crate::sip_wire::{Message, Transport, Wire, token};
use crate::wait;

pub const USER: &str = "380542001580";
pub const PASSWORD: &str = "trunk-p4ss";
/// How often the thread looks whether it was told to do something.
const LOOK: Duration = Duration::from_millis(15);

#[derive(Debug)]
pub struct Provider {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
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
        let address = wire.local;
        let state = State { alive: true, stopped: false, expires, registers: Vec::new(), options: 0 };
        let state = Arc::new(Mutex::new(state));
        let thread = std::thread::spawn({
            let state = Arc::clone(&state);
            move || serve(wire, &state)
        });
        Self { address, state, thread: Some(thread) }
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

fn serve(mut wire: Wire, state: &Mutex<State>) {
    let mut seen = String::new();
    loop {
        let message = wire.receive(LOOK);
        let mut state = state.lock().expect("nobody panics while holding the provider");
        if state.stopped {
            return;
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
