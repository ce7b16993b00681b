//! Tests only: seeded mutations of good and bad messages. Nothing may panic, and whatever is taken must print to
//! something that is read back as the same message.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::framing::{Frame, StreamFramer};
use super::*;

const ROUNDS: u32 = 100_000;
const SEED: u64 = 0x5eed_1580;

const CORPUS: [&str; 4] = [
    "INVITE sip:1580@city.example;transport=udp SIP/2.0\r\n\
     Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK7;rport, SIP/2.0/TCP [2001:db8::1]:5061\r\n\
     Max-Forwards: 70\r\nf: \"A \\\"B\\\", C\" <sip:+380321@192.0.2.4;user=phone>;tag=1\r\nt: sip:1580@city.example\r\n\
     i: x@y\r\nCSeq: 1 INVITE\r\nm: <sip:a%40b@192.0.2.4:5060>;q=0.7\r\nSupported: timer,\r\n 100rel\r\nl: 3\r\n\r\nv=0",
    "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/TCP h.example;received=192.0.2.9\r\nFrom: <tel:+1-2;x=y>;tag=1\r\n\
     To: B <sips:b:pw@h.example?Subject=x>;tag=2\r\nCall-ID: z\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
    "REGISTER sip:r.example SIP/2.0\nv:SIP/2.0/UDP a;branch=b\nFrom:<sip:a@r>;tag=t\nTo:<sip:a@r>\nCall-ID:1\n\
     CSeq:1 REGISTER\nContact: *\nExpires: 0\n\n",
    "OPTIONS urn:x:y SIP/7.0\r\nVia: SIP / 2.0 / WS a\r\nFrom: urn:a\r\nTo: urn:b\r\nCall-ID: c\r\n\
     CSeq: 0 OPTIONS\r\n\r\n\r\n\r\n",
];

/// Pieces that mean something to one of the parsers.
const TOKENS: [&[u8]; 16] = [
    b"\r\n",
    b"\r\n ",
    b"\n\n",
    b"\"",
    b"<",
    b">",
    b";",
    b",",
    b"@",
    b":",
    b"%",
    b"[",
    b"\\",
    b"\xff\xfe",
    b"99999999999999999999",
    b"\0",
];

/// SplitMix64: enough for choosing mutations.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(sides.max(1)).unwrap()).unwrap()
    }

    fn mutate(&mut self, message: &mut Vec<u8>) {
        let at = self.roll(message.len());
        let end = (at + self.roll(24)).min(message.len());
        match self.roll(6) {
            0 => message[at] = u8::try_from(self.roll(256)).unwrap(),
            1 => drop(message.drain(at..end)),
            2 => drop(message.splice(at..at, TOKENS[self.roll(TOKENS.len())].iter().copied())),
            3 => drop(message.splice(at..end, TOKENS[self.roll(TOKENS.len())].iter().copied())),
            4 => {
                let piece = message[at..end].to_vec();
                let to = self.roll(message.len());
                message.splice(to..to, piece);
            }
            _ => message.truncate(at.max(1)),
        }
        if message.is_empty() {
            message.push(b' ');
        }
    }
}

fn check(bytes: &[u8]) -> bool {
    let (printed, message) = match parse_datagram(bytes) {
        Ok(message) => match &message {
            Message::Request(request) => (request.to_bytes(), message),
            Message::Response(response) => (response.to_bytes(), message),
        },
        Err(error) => {
            if let Some(answer) = error.answer {
                assert!(
                    answer.to_bytes().len() < bytes.len() * 4 + 1000,
                    "an answer does not outgrow its request"
                );
            }
            return false;
        }
    };
    match parse_datagram(&printed) {
        Ok(again) => assert_eq!(again, message, "{}", String::from_utf8_lossy(&printed)),
        Err(error) => panic!("{error}: printed {}", String::from_utf8_lossy(&printed)),
    }
    true
}

#[test]
fn mutated_messages_neither_panic_nor_change_by_printing() {
    let mut dice = Dice(SEED);
    let mut taken = 0;
    for round in 0..ROUNDS {
        let mut message = CORPUS[dice.roll(CORPUS.len())].as_bytes().to_vec();
        for _ in 0..=dice.roll(4) {
            dice.mutate(&mut message);
        }
        let outcome = std::panic::catch_unwind(|| check(&message));
        let Ok(good) = outcome else {
            panic!("seed {SEED:#x}, round {round}: {}", String::from_utf8_lossy(&message))
        };
        taken += u32::from(good);
    }
    assert!(
        (ROUNDS / 20..ROUNDS * 19 / 20).contains(&taken),
        "mutations reach both outcomes: {taken} of {ROUNDS} taken"
    );
}

#[test]
fn mutated_streams_are_framed_or_lost_but_never_kept_for_ever() {
    let mut dice = Dice(SEED + 1);
    for round in 0..2000 {
        let mut stream = CORPUS.concat().into_bytes();
        for _ in 0..=dice.roll(6) {
            dice.mutate(&mut stream);
        }
        let mut framer = StreamFramer::default();
        let mut framed = 0;
        for read in stream.chunks(1 + dice.roll(90)) {
            framer.push(read);
            while let Ok(Some(frame)) = framer.next_frame() {
                framed += match frame {
                    Frame::Message(bytes) | Frame::Oversize(bytes) | Frame::Unmeasured(bytes) => bytes.len(),
                    Frame::Ping => 4,
                };
            }
        }
        assert!(framed <= stream.len(), "seed {SEED:#x}, round {round}");
    }
}
