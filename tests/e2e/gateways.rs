//! Stand-ins for what stands behind messages: an SMS gateway that is asked by HTTP, and a mail server (RFC 5321, the few
//! commands a client needs). Both write down what they were given; the gateway can also be slow to answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::wait;

const SOON: Duration = Duration::from_secs(30);

/// What one of them was given.
#[derive(Clone, Debug, Default)]
pub struct Taken<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Taken<T> {
    pub fn all(&self) -> Vec<T> {
        self.0.lock().expect("nobody panics while writing down").clone()
    }

    fn add(&self, one: T) {
        self.0.lock().expect("nobody panics while writing down").push(one);
    }

    /// The first that is as `wanted`, as soon as it has come.
    pub fn first(&self, what: &str, wanted: impl Fn(&T) -> bool) -> T {
        wait::until(what, SOON, || self.all().into_iter().find(|one| wanted(one)))
    }
}

/// An SMS gateway that knows a message by its reference, as the real ones do.
#[derive(Debug)]
pub struct SmsGateway {
    pub address: SocketAddr,
    /// Bodies, with the header that should hold the secret beside them.
    pub asked: Taken<Value>,
    silent: Arc<AtomicBool>,
}

impl SmsGateway {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (asked, silent) = (Taken::default(), Arc::new(AtomicBool::new(false)));
        let gateway = Self { address, asked: asked.clone(), silent: silent.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (asked, silent) = (asked.clone(), silent.clone());
                std::thread::spawn(move || serve_http(stream, &asked, &silent));
            }
        });
        gateway
    }

    /// It takes what it is given, and does not say so.
    pub fn be_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::SeqCst);
    }

    /// `[sms]` of a configuration that asks it.
    pub fn section(&self) -> String {
        format!(
            "[sms]\nurl = \"http://{}/send\"\nheaders = {{ \"Content-Type\" = \"application/json\", \
             \"Authorization\" = \"Bearer {{secret}}\" }}\nsecret = \"of-the-gateway\"\n\
             body = '{{\"to\": \"{{number}}\", \"text\": \"{{text}}\", \"reference\": \"{{id}}\"}}'\n\
             message_id = \"/messages/0/id\"\ntakes = [\"+38050\"]\nhours = \"00:00-24:00\"\ntimeout_secs = 2\n\
             attempts = 2\nretry_secs = 1\n\
             [sms.report]\nsecret = \"0123456789abcdef\"\n",
            self.address
        )
    }
}

fn serve_http(stream: TcpStream, asked: &Taken<Value>, silent: &AtomicBool) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
    loop {
        let (mut length, mut secret, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length is a number");
            }
            if lower.starts_with("authorization:") {
                line[14..].trim().clone_into(&mut secret);
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let mut message: Value = serde_json::from_slice(&body).expect("the body is JSON as configured");
        message["authorization"] = json!(secret);
        asked.add(message.clone());
        if silent.load(Ordering::SeqCst) {
            // Until the other side gives up.
            let _ = reader.read_line(&mut line);
            return;
        }
        let answer =
            json!({ "messages": [{ "id": format!("g-{}", message["reference"].as_str().unwrap_or("")) }] });
        let answer = answer.to_string();
        let head = format!("HTTP/1.1 202 Accepted\r\nContent-Length: {}\r\n\r\n", answer.len());
        if (&stream).write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

/// A mail as it came, headers and body.
#[derive(Clone, Debug, Default)]
pub struct Mail {
    pub to: String,
    pub text: String,
}

#[derive(Debug)]
pub struct MailServer {
    pub address: SocketAddr,
    pub taken: Taken<Mail>,
}

impl MailServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let taken = Taken::default();
        let server = Self { address, taken: taken.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = taken.clone();
                std::thread::spawn(move || serve_smtp(stream, &taken));
            }
        });
        server
    }

    pub fn section(&self) -> String {
        format!(
            "[email]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"City <noreply@city.example>\"\n\
             retry_secs = 1\n",
            self.address.port()
        )
    }
}

fn serve_smtp(stream: TcpStream, taken: &Taken<Mail>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
    let say = |text: &str| (&stream).write_all(format!("{text}\r\n").as_bytes()).is_ok();
    say("220 mail.city.example ESMTP");
    let (mut to, mut line) = (String::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let command = line.to_ascii_uppercase();
        let answered = match command.split([' ', '\r']).next().unwrap_or_default() {
            "EHLO" => say("250-mail.city.example\r\n250 8BITMIME"),
            "RCPT" => {
                line.trim().clone_into(&mut to);
                say("250 OK")
            }
            "DATA" => {
                say("354 go on");
                let text = read_mail(&mut reader);
                taken.add(Mail { to: to.clone(), text });
                say("250 taken")
            }
            "QUIT" => {
                say("221 bye");
                return;
            }
            _ => say("250 OK"),
        };
        if !answered {
            return;
        }
    }
}

/// Up to the line with nothing but a dot (RFC 5321 4.1.1.4).
fn read_mail(reader: &mut impl BufRead) -> String {
    let mut text = String::new();
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 0 && line != ".\r\n" {
        text += &line;
        line.clear();
    }
    text
}
