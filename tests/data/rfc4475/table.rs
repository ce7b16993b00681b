//! The 49 torture messages of RFC 4475 and what must become of each: read by the parser test
//! (`src/sip/message/torture.rs`) and by the wire test (`tests/e2e/torture.rs`), which both include this file.
//!
//! The messages lie beside it, one a file, written for this project after what the RFC says is odd about each. Lines
//! that begin with `#` say what that is. Then comes the message: a line ends in CRLF on the wire, `\xHH` is a byte,
//! `\\` a backslash, `\(3*abc)` is abcabcabc; a line feed at the end of the file is a CRLF too.

use std::path::Path;

/// One message, and its outcome when it comes from a trunk, whose word needs no proof.
#[derive(Clone, Copy, Debug)]
pub struct Torture {
    /// Where RFC 4475 describes it.
    pub section: &'static str,
    pub name: &'static str,
    /// What the parser finds malformed; none when it takes the message.
    pub cause: Option<&'static str>,
    /// Statuses answered over UDP, in order; none for silence.
    pub udp: &'static [u16],
    /// The same over TCP.
    pub tcp: &'static [u16],
    /// What becomes of the connection.
    pub stream: Stream,
    /// Why, where the outcome does not go without saying.
    pub why: &'static str,
}

/// A connection after a torture message has come over it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// The next message is read.
    GoesOn,
    /// The rest of this one is waited for, until the connection's patience ends.
    Waits,
    /// Closed: where the next message begins cannot be known.
    Closed,
}

const fn taken(
    section: &'static str,
    name: &'static str,
    statuses: &'static [u16],
    why: &'static str,
) -> Torture {
    Torture { section, name, cause: None, udp: statuses, tcp: statuses, stream: Stream::GoesOn, why }
}

const fn malformed(
    section: &'static str,
    name: &'static str,
    cause: &'static str,
    statuses: &'static [u16],
    why: &'static str,
) -> Torture {
    Torture { cause: Some(cause), ..taken(section, name, statuses, why) }
}

impl Torture {
    /// The outcome over TCP, where it is another one.
    const fn over_tcp(self, tcp: &'static [u16], stream: Stream) -> Self {
        Self { tcp, stream, ..self }
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/rfc4475");
        let path = folder.join(format!("{}-{}.txt", self.section, self.name));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let about: usize =
            text.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
        on_the_wire(&text[about..])
    }
}

const ELSEWHERE: &str = "valid; a proxy would send it on, here only the short number answers";
const CHALLENGED: &str = "valid; who registers is asked for a proof before anything else is looked at";
const NOT_OURS: &str = "a response to nothing that was asked";

pub const MESSAGES: [Torture; 49] = [
    taken("3.1.1.1", "wsinv", &[481], "valid; its To has a tag, and there is no such dialog"),
    taken("3.1.1.2", "intmeth", &[501], "valid; an unknown method"),
    taken("3.1.1.3", "esc01", &[404], ELSEWHERE),
    taken("3.1.1.4", "escnull", &[401], CHALLENGED),
    taken("3.1.1.5", "esc02", &[501], "valid; an unknown method, not REGISTER"),
    taken("3.1.1.6", "lwsdisp", &[200], ""),
    taken("3.1.1.7", "longreq", &[404], ELSEWHERE),
    taken("3.1.1.8", "dblreq", &[401], "the rest of a datagram is no message")
        .over_tcp(&[401, 404], Stream::GoesOn),
    taken("3.1.1.9", "semiuri", &[200], ""),
    taken("3.1.1.10", "transports", &[200], ""),
    taken("3.1.1.11", "mpart01", &[405], "valid; text messages are not taken here"),
    taken("3.1.1.12", "unreason", &[], NOT_OURS),
    taken("3.1.1.13", "noreason", &[], NOT_OURS),
    malformed("3.1.2.1", "badinv01", "Via", &[400], ""),
    malformed("3.1.2.2", "clerr", "Content-Length", &[400], "a datagram cannot have more to come")
        .over_tcp(&[], Stream::Waits),
    malformed("3.1.2.3", "ncl", "Content-Length", &[400], "").over_tcp(&[400], Stream::Closed),
    malformed("3.1.2.4", "scalar02", "CSeq", &[400], ""),
    malformed("3.1.2.5", "scalarlg", "CSeq", &[], "responses are dropped"),
    malformed("3.1.2.6", "quotbal", "To", &[400], ""),
    malformed("3.1.2.7", "ltgtruri", "Request-URI", &[400], ""),
    malformed("3.1.2.8", "lwsruri", "Request-URI", &[400], ""),
    malformed("3.1.2.9", "lwsstart", "Request-URI", &[400], ""),
    taken("3.1.2.10", "trws", &[200], "forgiven: it can mean nothing else"),
    malformed("3.1.2.11", "escruri", "Request-URI", &[400], ""),
    taken("3.1.2.12", "baddate", &[404], "Date is not looked at; a number that does not answer here"),
    malformed("3.1.2.13", "regbadct", "Contact", &[400], ""),
    taken("3.1.2.14", "badaspec", &[200], "forgiven: it can mean nothing else"),
    taken("3.1.2.15", "baddn", &[200], "forgiven: a display name is only shown"),
    malformed("3.1.2.16", "badvers", "SIP-Version", &[505], ""),
    malformed("3.1.2.17", "mismatch01", "CSeq", &[400], ""),
    malformed("3.1.2.18", "mismatch02", "CSeq", &[400], "the RFC leaves 400 and 501 to us"),
    malformed("3.1.2.19", "bigcode", "Status-Line", &[], "responses are dropped"),
    taken("3.2.1", "badbranch", &[200], "told apart from others as RFC 2543 did"),
    malformed("3.3.1", "insuf", "Call-ID", &[400], ""),
    taken("3.3.2", "unkscm", &[416], ""),
    taken("3.3.3", "novelsc", &[416], ""),
    taken("3.3.4", "unksm2", &[401], CHALLENGED),
    taken("3.3.5", "bext01", &[420], "Proxy-Require is for proxies"),
    taken(
        "3.3.6",
        "invut",
        &[404],
        "the number is judged before the body (RFC 3261 8.2); with ours it is 415",
    ),
    taken("3.3.7", "regaut01", &[401], ""),
    malformed("3.3.8", "multi01", "Call-ID", &[400], ""),
    malformed("3.3.9", "mcl01", "Content-Length", &[400], "").over_tcp(&[400], Stream::Closed),
    taken("3.3.10", "bcast", &[], "two Vias: not for us, and nothing is ever sent on"),
    taken("3.3.11", "zeromf", &[200], "it has arrived, so no hop is needed"),
    taken("3.3.12", "cparam01", &[401], CHALLENGED),
    taken("3.3.13", "cparam02", &[401], CHALLENGED),
    taken("3.3.14", "regescrt", &[401], CHALLENGED),
    taken("3.3.15", "sdp01", &[406], "an answer would be a session description, which it does not accept"),
    taken("3.4.1", "inv2543", &[404], ELSEWHERE).over_tcp(&[404], Stream::Waits),
];

/// Undoes the escapes.
fn on_the_wire(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (piece, length) = match first {
            '\n' => (b"\r\n".to_vec(), 1),
            '\\' => escape(&rest[1..]),
            other => (other.to_string().into_bytes(), other.len_utf8()),
        };
        bytes.extend(piece);
        rest = &rest[length..];
    }
    bytes
}

/// What the text after a backslash stands for, and its length with the backslash.
fn escape(text: &str) -> (Vec<u8>, usize) {
    if text.starts_with('\\') {
        return (vec![b'\\'], 2);
    }
    if let Some(digits) = text.strip_prefix('x') {
        return (vec![u8::from_str_radix(&digits[..2], 16).expect("two hexadecimal digits")], 4);
    }
    let inside = text.strip_prefix('(').and_then(|text| text.split_once(')')).expect("a known escape").0;
    let (count, repeated) = inside.split_once('*').expect("a count and what it repeats");
    let count = count.parse().expect("a count");
    (on_the_wire(repeated).repeat(count), inside.len() + 3)
}
