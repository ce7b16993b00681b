//! Messages out of a byte stream (RFC 3261 18.3): Content-Length framing with limits.

use super::parse::Malformed;

/// Collects the bytes of one connection and yields whole messages.
#[derive(Default, Debug)]
pub struct StreamFramer {
    buffer: Vec<u8>,
}

/// One piece of a stream.
#[derive(PartialEq, Eq, Debug)]
pub enum Frame {
    /// A whole message, ready for [`super::parse_datagram`].
    Message(Vec<u8>),
    /// Double CRLF keep-alive (RFC 5626 3.5.1): answer with a single CRLF.
    Ping,
}

impl StreamFramer {
    /// Adds received bytes; holds at most [`super::MAX_MESSAGE_LEN`] plus one read.
    pub fn push(&mut self, _bytes: &[u8]) {
        todo!()
    }

    /// The next frame; an error means the stream cannot be followed any more and must be closed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        let _ = &self.buffer;
        todo!()
    }
}
