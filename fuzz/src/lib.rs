//! What is fuzzed: one function for each target, bytes in, a panic when something is wrong that must never be.
//! `fuzz_targets/` hands them the inputs of libFuzzer, `tests/fuzz_corpus.rs` those under `corpus/` in every test run.
//!
//! A target is a function here, a line in [`TARGETS`], a file in `fuzz_targets/`, a `[[bin]]` and a folder of seeds.

mod bytes;
mod dialogs;
mod fronts;
mod transactions;

use ringback::dtmf::info;
use ringback::dtmf::telephone_event::TelephoneEvent;
use ringback::journal::{Note, SignerKey, VerifierKey};
use ringback::rtp::RtpHeader;
use ringback::rtp::rtcp::{self, Compound};
use ringback::sdp::description::SessionDescription;
use ringback::sdp::{
    AudioOffer, Codec, Direction, Fingerprint, FreshKeys, IceCredentials, LocalTransport, Protection,
    SrtpPolicy, SrtpTerms,
};
use ringback::sip::digest_auth::{self, Algorithm, Authenticator, Ha1, Verdict};
use ringback::sip::message::framing::{Frame, StreamFramer};
use ringback::sip::message::{MAX_MESSAGE_LEN, Message, Method, Request, mask, parse_datagram};
use ringback::srtp::{MAX_MATERIAL, MAX_OVERHEAD, MasterKey, SrtpReceiver, SrtpSender, Suite};
use ringback::stun::{Answer, BindingRequest, MAX_ANSWER};

pub use dialogs::dialog;
pub use fronts::front;
pub use transactions::transaction;

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const TARGETS: [(&str, Target); 12] = [
    ("message", message),
    ("framing", framing),
    ("sdp", sdp),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("srtp", srtp),
    ("stun", stun),
    ("front", front),
    ("digest", digest),
    ("transaction", transaction),
    ("dialog", dialog),
    ("note", note),
];

/// A datagram: whatever is taken prints to something that is read as the same message; an answer to what is not taken
/// is no amplifier; masking keeps the length and is done with the first time.
pub fn message(data: &[u8]) {
    match parse_datagram(data) {
        Ok(message) => {
            let printed = match &message {
                Message::Request(request) => request.to_bytes(),
                Message::Response(response) => response.to_bytes(),
            };
            assert_eq!(parse_datagram(&printed).as_ref(), Ok(&message), "printed and read again");
            let headers = match &message {
                Message::Request(request) => &request.headers,
                Message::Response(response) => &response.headers,
            };
            for name in ["Contact", "Route", "Record-Route", "Refer-To", "P-Asserted-Identity"] {
                let _ = headers.addresses(name);
            }
            let content_type = headers.first("Content-Type").unwrap_or_default();
            let _ = info::parse(content_type, data);
        }
        Err(error) => {
            let answer = error.answer.map_or(0, |answer| answer.to_bytes().len());
            assert!(answer < data.len() * 4 + 1000, "an answer does not outgrow its request");
        }
    }
    let masked = mask::masked(data);
    assert_eq!(masked.len(), data.len());
    assert_eq!(mask::masked(&masked), masked);
    assert_eq!(mask::without_person(data, "+380 44 111 22 33").len(), data.len());
    let _ = mask::call_id(data);
}

/// A stream: however it is cut, the frames are the same. The first byte says into pieces of what length.
pub fn framing(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    let stream = &stream[..stream.len().min(MAX_MESSAGE_LEN)];
    let whole = frames([stream].into_iter());
    let cut = frames(stream.chunks(usize::from(*piece).max(1)));
    assert_eq!(cut, whole);
}

/// The frames of a stream that comes in `pieces`, and whether it was lost.
fn frames<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> (Vec<Frame>, bool) {
    let mut framer = StreamFramer::default();
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

/// A session description, as an offer and as an answer: what we answer is a description too.
pub fn sdp(data: &[u8]) {
    let ours = AudioOffer {
        session_id: 1,
        session_version: 1,
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        port: 20_000,
        codecs: Codec::ALL.to_vec(),
        running: Vec::new(),
        direction: Direction::SendRecv,
        transport: transport(),
    };
    if let Ok(description) = SessionDescription::parse(data) {
        let printed = description.to_string();
        SessionDescription::parse(printed.as_bytes())
            .expect("what was read is printed so that it can be read");
    }
    if let Ok((answer, _)) = ours.answer(data) {
        SessionDescription::parse(answer.as_bytes()).expect("our answers can be read");
    }
    let _ = ours.accept_answer(data);
}

/// Everything that can be agreed on, and offers of ours with DTLS and ICE.
fn transport() -> LocalTransport {
    let terms = SrtpTerms { policy: SrtpPolicy::Optional, fingerprint: Some(Fingerprint([7; 32])) };
    let ice = IceCredentials::from_tokens(PASSWORD, PASSWORD);
    let keys = FreshKeys { ice, master: [[1; MAX_MATERIAL], [2; MAX_MATERIAL]] };
    LocalTransport { terms, offers: Protection::Dtls, keys: Some(keys), agreed: None }
}

/// Of our end of an ICE session.
const PASSWORD: &str = "0123456789abcdef0123456789abcdef";

/// A connectivity check: nobody has signed it who does not know the password, and each answer has room in its buffer.
pub fn stun(data: &[u8]) {
    let Ok(request) = BindingRequest::parse(data) else { return };
    assert!(!request.is_signed_with(PASSWORD));
    let mut buffer = [0; MAX_ANSWER];
    let from = (std::net::Ipv6Addr::LOCALHOST, 5004).into();
    for answer in [Answer::Success(from), Answer::RoleConflict, Answer::UnknownAttribute(1)] {
        assert!(!answer.write(request.transaction, PASSWORD, &mut buffer).is_empty());
    }
}

/// A packet: none opens that we did not protect, and what we protect opens as it was.
pub fn srtp(data: &[u8]) {
    for suite in Suite::ALL {
        let key = MasterKey::from_random(suite, &[9; MAX_MATERIAL]);
        let mut receiver = SrtpReceiver::new(&key);
        assert!(receiver.unprotect_rtp(&mut data.to_vec()).is_err());
        assert!(receiver.unprotect_rtcp(&mut data.to_vec()).is_err());
        let mut buffer = vec![0; data.len() + MAX_OVERHEAD];
        let mut sender = SrtpSender::new(&key);
        if let Some(sealed) = sender.protect_rtp(data, &mut buffer) {
            let mut sealed = sealed.to_vec();
            let len = receiver.unprotect_rtp(&mut sealed).expect("what was protected opens");
            assert_eq!(&sealed[..len], data);
        }
        if let Some(sealed) = sender.protect_rtcp(data, &mut buffer) {
            let mut sealed = sealed.to_vec();
            let len = receiver.unprotect_rtcp(&mut sealed).expect("what was protected opens");
            assert_eq!(&sealed[..len], data);
        }
    }
}

/// A signed note, or the text of a key: what is read says the same when it is printed, nobody has signed it who does not
/// have the key, and what we sign verifies.
pub fn note(data: &[u8]) {
    let signer = SignerKey::new("city.example/1580", [7; 32]).expect("a sound name");
    let keys = [signer.verifier().clone()];
    let text = String::from_utf8_lossy(data);
    if let Ok(key) = VerifierKey::parse(&text) {
        assert_eq!(VerifierKey::parse(&key.to_string()), Ok(key));
    }
    let _ = SignerKey::parse(&text);
    let Ok(note) = Note::parse(&text) else { return };
    assert_eq!(note.text(), text, "a note is its text");
    assert!(text.starts_with(&note.checkpoint.to_string()), "the signed text is the beginning");
    let ours = signer.sign(note.checkpoint.size, note.checkpoint.root);
    assert_eq!(ours.verify(&keys), Ok(()));
    assert_eq!(Note::parse(ours.text()).as_ref(), Ok(&ours));
    // The seed of ours is the one sound signature there is.
    if note.verify(&keys).is_ok() {
        assert_eq!(note.checkpoint, ours.checkpoint);
        assert!(text.starts_with(SIGNED), "forged: {text}");
    }
}

/// What the seeds' signature is over.
const SIGNED: &str = "city.example/1580\n42\n";

/// An RTP packet: header and payload survive being written again; events in it are read.
pub fn rtp(data: &[u8]) {
    let Ok((header, payload)) = RtpHeader::parse(data) else { return };
    let mut buffer = vec![0; data.len() + 12];
    let written = header.write(payload, &mut buffer).expect("the buffer has room for a header more");
    assert_eq!(RtpHeader::parse(written), Ok((header, payload)));
    if let Some(event) = TelephoneEvent::parse(payload) {
        assert_eq!(TelephoneEvent::parse(&event.to_bytes()), Some(event));
    }
}

/// An RTCP compound: it ends, and after the first malformed packet at once.
pub fn rtcp(data: &[u8]) {
    let _ = rtcp::is_rtcp(data);
    let packets: Vec<_> = Compound::new(data).collect();
    assert!(packets.len() <= data.len() / 4 + 1);
    let malformed = packets.iter().position(Result::is_err);
    assert!(malformed.is_none_or(|at| at + 1 == packets.len()));
}

/// Credentials and challenges: nobody gets in who does not know the password, whatever the header looks like.
pub fn digest(data: &[u8]) {
    let now = ringback::time::now().mono;
    let text = String::from_utf8_lossy(data);
    let mut authenticator = Authenticator::new("city", vec![Algorithm::Sha256, Algorithm::Md5], [7; 32]);
    let mut request = register();
    request.headers.push("Authorization", text.as_ref());
    let secret_of = |user: &str| (user == "201").then(|| Ha1::new("201", "city", "correct-horse"));
    let verdict = authenticator.verify(&request, std::net::Ipv4Addr::LOCALHOST.into(), secret_of, now);
    assert!(!matches!(verdict, Verdict::Accepted { .. }), "{text}");
    let _ = digest_auth::authorization(&text, "201", "correct-horse", &Method::Register, "sip:city", 1, "c");
}

fn register() -> Request {
    let text = "REGISTER sip:city SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa\r\nFrom: <sip:201@city>;tag=a\r\n\
                To: <sip:201@city>\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n\r\n";
    match parse_datagram(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => unreachable!("a sound REGISTER: {other:?}"),
    }
}
