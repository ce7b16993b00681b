//! Messages out of a byte stream (RFC 3261 18.3): Content-Length framing with limits.
//!
//! After each [`StreamFramer::push`], take frames until there is none. However the bytes were cut into reads, the
//! frames are the same.

use super::MAX_MESSAGE_LEN;
use super::head::{self, Head};
use super::parse::{self, Malformed};

/// Collects the bytes of one connection and yields whole messages.
#[derive(Default, Debug)]
pub struct StreamFramer {
    buffer: Vec<u8>,
    /// Bytes at the front that were already handed out; removed at the next push.
    taken: usize,
    progress: Progress,
}

/// How far the message at the front is understood.
#[derive(Clone, Copy, Default, Debug)]
enum Progress {
    /// Between two messages, where keep-alives stand.
    #[default]
    Between,
    /// Its head has not ended within the first `searched` bytes.
    Head { searched: usize },
    /// Its whole length is known.
    Body { total: usize },
    /// The boundaries are lost; so is the stream.
    Lost,
}

/// One piece of a stream.
#[derive(PartialEq, Eq, Debug)]
pub enum Frame {
    /// A whole message, ready for [`super::parse_datagram`].
    Message(Vec<u8>),
    /// Double CRLF keep-alive (RFC 5626 3.5.1): answer with a single CRLF.
    Ping,
    /// The head of a message whose Content-Length takes it above [`MAX_MESSAGE_LEN`], for
    /// [`super::parse::too_large`]; the stream ends here.
    Oversize(Vec<u8>),
    /// The head of a message that does not say how long it is, for [`super::parse_datagram`], which finds the same
    /// fault and knows the answer; the stream ends here.
    Unmeasured(Vec<u8>),
}

impl StreamFramer {
    /// Adds received bytes; holds at most [`super::MAX_MESSAGE_LEN`] plus one read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.taken);
        self.taken = 0;
        if self.buffer.len() > MAX_MESSAGE_LEN || matches!(self.progress, Progress::Lost) {
            // Frames were not taken, or the stream is over: nothing after this can be followed.
            self.progress = Progress::Lost;
            self.buffer = Vec::new();
            return;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame; an error means the stream cannot be followed any more and must be closed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, Malformed> {
        loop {
            let bytes = &self.buffer[self.taken..];
            match self.progress {
                Progress::Between => match bytes {
                    [b'\r', b'\n', b'\r', b'\n', ..] => {
                        self.taken += 4;
                        return Ok(Some(Frame::Ping));
                    }
                    [] | [b'\r'] | [b'\r', b'\n'] | [b'\r', b'\n', b'\r'] => return Ok(None),
                    [b'\r' | b'\n', ..] => self.taken += 1,
                    _ => self.progress = Progress::Head { searched: 0 },
                },
                Progress::Head { searched } => match head::find_end(bytes, searched) {
                    Some(end) => match self.measure(end) {
                        Some(last) => return Ok(Some(last)),
                        None => continue,
                    },
                    None if bytes.len() > MAX_MESSAGE_LEN => return Err(self.lose(parse::SIZE)),
                    None => {
                        self.progress = Progress::Head { searched: bytes.len() };
                        return Ok(None);
                    }
                },
                Progress::Body { total } => {
                    let Some(message) = bytes.get(..total).map(<[u8]>::to_vec) else { return Ok(None) };
                    self.taken += total;
                    self.progress = Progress::Between;
                    return Ok(Some(Frame::Message(message)));
                }
                Progress::Lost => return Err(Malformed { what: "stream" }),
            }
        }
    }

    /// Reads the length of a message whose head is there; when that ends the stream, its last frame. Without
    /// Content-Length it has no body: the RFC demands the header, old peers leave it out of ACK and BYE.
    fn measure(&mut self, head_end: usize) -> Option<Frame> {
        let head = &self.buffer[self.taken..self.taken + head_end];
        let length = Head::read(head).and_then(|head| head.content_length());
        match length.map(|length| head_end.saturating_add(length.unwrap_or(0))) {
            Ok(total) if total <= MAX_MESSAGE_LEN => {
                self.progress = Progress::Body { total };
                None
            }
            Ok(_) => {
                let oversize = Frame::Oversize(head.to_vec());
                self.lose(parse::SIZE);
                Some(oversize)
            }
            Err(cause) => {
                let unmeasured = Frame::Unmeasured(head.to_vec());
                self.lose(cause);
                Some(unmeasured)
            }
        }
    }

    fn lose(&mut self, cause: Malformed) -> Malformed {
        *self = Self { progress: Progress::Lost, ..Self::default() };
        cause
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn message(body: &str) -> Vec<u8> {
        format!("OPTIONS sip:a@b SIP/2.0\r\nl:  {}\r\nX: y\r\n\r\n{body}", body.len()).into_bytes()
    }

    fn frames_of(framer: &mut StreamFramer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next_frame().unwrap()).collect()
    }

    #[test]
    fn every_way_to_cut_the_stream_gives_the_same_frames() {
        let mut stream = b"\r\n".to_vec();
        stream.extend(message("hello"));
        stream.extend(b"\r\n\r\n");
        stream.extend(message("line\r\n\r\nOPTIONS sip:not@a.message SIP/2.0\r\n\r\n"));
        stream.extend(b"BYE sip:no@length SIP/2.0\n\n");
        stream.extend(b"\r\n\r\n\r\n");
        stream.extend(message(""));
        let mut whole = StreamFramer::default();
        whole.push(&stream);
        let expected = frames_of(&mut whole);
        assert_eq!(expected.len(), 6);
        assert_eq!(expected[1], Frame::Ping);
        assert_eq!(expected[0], Frame::Message(message("hello")));
        for first in 0..stream.len() {
            for second in [first, (first + 1).min(stream.len()), (first + 7).min(stream.len())] {
                let mut framer = StreamFramer::default();
                let mut frames = Vec::new();
                for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                    framer.push(piece);
                    frames.extend(frames_of(&mut framer));
                }
                assert_eq!(frames, expected, "cut at {first} and {second}");
            }
        }
        let mut framer = StreamFramer::default();
        let mut frames = Vec::new();
        for byte in &stream {
            framer.push(&[*byte]);
            frames.extend(frames_of(&mut framer));
        }
        assert_eq!(frames, expected, "byte by byte");
    }

    #[test]
    fn lengths_that_cannot_be_trusted_end_the_stream() {
        for length in ["-1", "x", "18446744073709551616", "1\r\nl: 2"] {
            let mut framer = StreamFramer::default();
            let head = format!("BYE sip:a SIP/2.0\r\nl: {length}\r\n\r\n").into_bytes();
            framer.push(&head);
            assert_eq!(framer.next_frame(), Ok(Some(Frame::Unmeasured(head))), "{length}");
            assert!(framer.next_frame().is_err(), "{length}");
            framer.push(&message(""));
            assert!(framer.next_frame().is_err(), "{length}: the stream stays lost");
        }
    }

    #[test]
    fn an_announced_giant_is_told_by_its_head() {
        for length in [MAX_MESSAGE_LEN.to_string(), u64::MAX.to_string()] {
            let head = format!("BYE sip:a SIP/2.0\r\nContent-Length: {length}\r\n\r\n").into_bytes();
            let mut framer = StreamFramer::default();
            framer.push(&head);
            assert_eq!(framer.next_frame().unwrap(), Some(Frame::Oversize(head)));
            assert!(framer.next_frame().is_err());
        }
    }

    #[test]
    fn a_head_without_end_is_cut_off() {
        let mut framer = StreamFramer::default();
        let mut pushed = 0;
        let error = loop {
            framer.push(&[b'x'; 1000]);
            pushed += 1000;
            match framer.next_frame() {
                Ok(frame) => assert_eq!(frame, None),
                Err(error) => break error,
            }
        };
        assert_eq!(error, parse::SIZE);
        assert!(pushed <= MAX_MESSAGE_LEN + 1000);
        framer.push(&[b'x'; 1000]);
        assert!(framer.buffer.is_empty(), "a lost stream keeps nothing");
    }
}
