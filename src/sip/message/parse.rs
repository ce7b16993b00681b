//! Datagram or framed stream message -> [`Message`] (RFC 3261 7, 8.1.1, 8.2, 18.3).
//!
//! Lenient where the RFC is: white space, folding, line ends, unknown headers, methods and schemes. Strict where
//! machines rely on it: the six typed headers, the start line, Content-Length.

use super::grammar;
use super::head::{self, Head};
use super::rejection;
use super::{CSeq, MAX_MESSAGE_LEN, Message, Method, NameAddr, Request, Response, StatusCode, Uri, Via};

/// Most Via values of a message: each is a hop, and Max-Forwards starts at 70.
pub(super) const MAX_VIAS: usize = 100;
/// Of a request without the header; RFC 3261 8.1.1.6 demands it, peers of RFC 2543 do not know it.
const DEFAULT_MAX_FORWARDS: u8 = 70;

/// A cause answered 505.
pub(super) const VERSION: Malformed = Malformed { what: "SIP-Version" };
/// A cause answered 513: the message is above [`MAX_MESSAGE_LEN`].
pub const SIZE: Malformed = Malformed { what: "message size" };

/// A part of a message that does not follow its grammar.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("malformed {what}")]
pub struct Malformed {
    /// The grammar rule, e.g. `CSeq`, `Request-URI`.
    pub what: &'static str,
}

/// Why bytes are not a message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{cause}")]
pub struct ParseError {
    pub cause: Malformed,
    /// The answer RFC 3261 wants for a broken request whose Via could still be read (400, 505, 513);
    /// none where silence is right (responses, ACK, no usable Via).
    pub answer: Option<Box<Response>>,
}

/// Parses one whole message: over UDP the body runs to the end of the datagram unless Content-Length
/// is shorter (RFC 3261 18.3).
pub fn parse_datagram(bytes: &[u8]) -> Result<Message, ParseError> {
    if bytes.len() > MAX_MESSAGE_LEN {
        return Err(too_large(bytes));
    }
    let bytes = head::skip_blank_lines(bytes);
    let end = head::find_end(bytes, 0);
    let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
    let head = Head::read(head).map_err(|cause| ParseError { cause, answer: None })?;
    let message = match end {
        Some(_) => read_message(&head, body),
        None => Err(Malformed { what: "end of headers" }),
    };
    message.map_err(|cause| ParseError { answer: rejection::answer(&head, &cause), cause })
}

/// What is wrong with a message above [`MAX_MESSAGE_LEN`]; `bytes` need hold no more than its head.
pub fn too_large(bytes: &[u8]) -> ParseError {
    let bytes = head::skip_blank_lines(&bytes[..bytes.len().min(MAX_MESSAGE_LEN)]);
    let head = head::find_end(bytes, 0).and_then(|end| Head::read(&bytes[..end]).ok());
    ParseError { answer: head.and_then(|head| rejection::answer(&head, &SIZE)), cause: SIZE }
}

/// The header fields both kinds of message must have.
struct Fields {
    via: Vec<Via>,
    from: NameAddr,
    to: NameAddr,
    call_id: String,
    cseq: CSeq,
}

fn read_message(head: &Head, body: &[u8]) -> Result<Message, Malformed> {
    if head.is_response() {
        return read_response(head, body).map(Message::Response);
    }
    read_request(head, body).map(Message::Request)
}

fn read_request(head: &Head, body: &[u8]) -> Result<Request, Malformed> {
    let (method, uri) = read_request_line(&head.start)?;
    let Fields { via, from, to, call_id, cseq } = read_fields(head)?;
    if cseq.method != method {
        return Err(Malformed { what: "CSeq" });
    }
    let max_forwards = match head.single("Max-Forwards")? {
        Some(value) => grammar::number(value)
            .and_then(|hops| u8::try_from(hops).ok())
            .ok_or(Malformed { what: "Max-Forwards" })?,
        None => DEFAULT_MAX_FORWARDS,
    };
    check_contact(head)?;
    let body = read_body(head, body)?;
    let mut headers = other_headers(head);
    headers.remove("Max-Forwards");
    Ok(Request { method, uri, via, from, to, call_id, cseq, max_forwards, headers, body })
}

/// `METHOD SP Request-URI SP SIP/2.0`: single spaces, no headers in the URI (RFC 3261 7.1, 19.1.1). Spaces at the
/// end are forgiven.
fn read_request_line(line: &str) -> Result<(Method, Uri), Malformed> {
    const REQUEST_LINE: Malformed = Malformed { what: "Request-Line" };
    const REQUEST_URI: Malformed = Malformed { what: "Request-URI" };
    let (method, rest) = line.trim_end().split_once(' ').ok_or(REQUEST_LINE)?;
    let (uri, version) = rest.rsplit_once(' ').ok_or(REQUEST_LINE)?;
    if !grammar::is_token(method) {
        return Err(REQUEST_LINE);
    }
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        let is_sip = version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case("SIP/"));
        return Err(if is_sip { VERSION } else { REQUEST_LINE });
    }
    if uri.contains(char::is_whitespace) {
        return Err(REQUEST_URI);
    }
    let uri = Uri::parse(uri).ok().filter(|uri| uri.uri_headers.is_none()).ok_or(REQUEST_URI)?;
    Ok((Method::from_token(method), uri))
}

fn read_response(head: &Head, body: &[u8]) -> Result<Response, Malformed> {
    let (status, reason) = read_status_line(&head.start)?;
    let Fields { via, from, to, call_id, cseq } = read_fields(head)?;
    let body = read_body(head, body)?;
    Ok(Response { status, reason, via, from, to, call_id, cseq, headers: other_headers(head), body })
}

/// `SIP/2.0 SP 3DIGIT SP Reason-Phrase`; the phrase and its space may be missing.
fn read_status_line(line: &str) -> Result<(StatusCode, String), Malformed> {
    const STATUS_LINE: Malformed = Malformed { what: "Status-Line" };
    let (version, rest) = line.split_once(' ').ok_or(STATUS_LINE)?;
    if !version.eq_ignore_ascii_case("SIP/2.0") {
        return Err(VERSION);
    }
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let code = grammar::number(code).filter(|code| (100..700).contains(code)).ok_or(STATUS_LINE)?;
    let code = u16::try_from(code).map_err(|_| STATUS_LINE)?;
    Ok((StatusCode(code), reason.trim().to_owned()))
}

fn read_fields(head: &Head) -> Result<Fields, Malformed> {
    let mut via = Vec::new();
    for line in head.headers.all("Via") {
        via.extend(Via::parse_list(line)?);
    }
    if via.is_empty() || via.len() > MAX_VIAS {
        return Err(Malformed { what: "Via" });
    }
    let address =
        |name: &'static str| NameAddr::parse(head.required(name)?).map_err(|_| Malformed { what: name });
    let call_id = head.required("Call-ID")?;
    // It has to be given back byte for byte, which a replaced character is not.
    if call_id.contains(|c: char| c == char::REPLACEMENT_CHARACTER || c.is_whitespace()) {
        return Err(Malformed { what: "Call-ID" });
    }
    Ok(Fields {
        via,
        from: address("From")?,
        to: address("To")?,
        call_id: call_id.to_owned(),
        cseq: CSeq::parse(head.required("CSeq")?)?,
    })
}

/// Contact is where the peer will be sought, so a doubtful one is refused before anything relies on it
/// (RFC 3261 20.10).
fn check_contact(head: &Head) -> Result<(), Malformed> {
    let readable = |line: &str| line == "*" || NameAddr::parse_list(line).is_ok();
    if head.headers.all("Contact").all(readable) { Ok(()) } else { Err(Malformed { what: "Contact" }) }
}

fn read_body(head: &Head, rest: &[u8]) -> Result<Vec<u8>, Malformed> {
    let length = head.content_length()?.unwrap_or(rest.len());
    rest.get(..length).map(<[u8]>::to_vec).ok_or(Malformed { what: "Content-Length" })
}

/// What has no typed field and is not made anew when printing.
fn other_headers(head: &Head) -> super::Headers {
    let mut headers = head.headers.clone();
    for name in ["Via", "From", "To", "Call-ID", "CSeq", "Content-Length"] {
        headers.remove(name);
    }
    headers
}
