//! [`Message`](super::Message) -> bytes; Content-Length is always written from the body.
//! No value, wherever it came from, can break out of its line.

use std::fmt::Display;

use super::{CSeq, Headers, NameAddr, Request, Response, Via};

impl Request {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Printer::start(format_args!("{} {} SIP/2.0", self.method, self.uri), self.body.len());
        out.vias(&self.via);
        out.header("Max-Forwards", self.max_forwards);
        out.identity(&self.from, &self.to, &self.call_id, &self.cseq);
        out.headers(&self.headers);
        out.finish(&self.body)
    }
}

impl Response {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out =
            Printer::start(format_args!("SIP/2.0 {} {}", self.status.0, self.reason), self.body.len());
        out.vias(&self.via);
        out.identity(&self.from, &self.to, &self.call_id, &self.cseq);
        out.headers(&self.headers);
        out.finish(&self.body)
    }
}

/// Bytes a head takes as a rule; the buffer grows when it takes more.
const USUAL_HEAD_LEN: usize = 768;

struct Printer {
    out: Vec<u8>,
}

impl Printer {
    fn start(line: impl Display, body_len: usize) -> Self {
        let mut printer = Self { out: Vec::with_capacity(USUAL_HEAD_LEN + body_len) };
        printer.line(line);
        printer
    }

    /// One line; control characters become spaces.
    fn line(&mut self, line: impl Display) {
        let text = line.to_string();
        self.out.extend(text.bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
        self.out.extend(b"\r\n");
    }

    fn header(&mut self, name: &str, value: impl Display) {
        self.line(format_args!("{name}: {value}"));
    }

    fn vias(&mut self, vias: &[Via]) {
        for via in vias {
            self.header("Via", via);
        }
    }

    fn identity(&mut self, from: &NameAddr, to: &NameAddr, call_id: &str, cseq: &CSeq) {
        self.header("From", from);
        self.header("To", to);
        // Empty only in the answer to a request that had none.
        if !call_id.is_empty() {
            self.header("Call-ID", call_id);
        }
        self.header("CSeq", cseq);
    }

    fn headers(&mut self, headers: &Headers) {
        for (name, value) in headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length")) {
            self.header(name, value);
        }
    }

    fn finish(mut self, body: &[u8]) -> Vec<u8> {
        self.header("Content-Length", body.len());
        self.out.extend(b"\r\n");
        self.out.extend(body);
        self.out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{Message, parse_datagram};

    #[test]
    fn nothing_breaks_out_of_its_line() {
        let text = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:x@y>;tag=1\r\n\
                    To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 99\r\n\r\n";
        let Message::Request(mut request) = parse_datagram(text.replace("99", "0").as_bytes()).unwrap()
        else {
            unreachable!("an OPTIONS was parsed")
        };
        request.headers.push("Subject", "one\r\nInjected: two");
        request.headers.push("Content-Length", "7");
        request.body = b"hello".to_vec();
        let printed = String::from_utf8(request.to_bytes()).unwrap();
        assert!(printed.contains("\r\nSubject: one  Injected: two\r\n"), "{printed}");
        assert!(printed.ends_with("\r\nContent-Length: 5\r\n\r\nhello"), "{printed}");
        assert_eq!(printed.matches("Content-Length").count(), 1);
    }
}
