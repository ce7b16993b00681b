//! Datagram or framed stream message -> [`Message`].

use super::{Message, Response};

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
pub fn parse_datagram(_bytes: &[u8]) -> Result<Message, ParseError> {
    todo!()
}
