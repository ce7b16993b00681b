//! Prompts spoken into telephones, in the whole pure switchboard: phones are written here, disk and media answer at once,
//! time is simulated. With sound they are in `tests/e2e/dictation.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::dtmf::Digit;
use crate::media::{self, PlayId};
use crate::recording::RecordingResult;
use crate::sip::digest_auth::Ha1;
use crate::sip::message::{Flow, Message, Method, Request, StatusCode, Transport, parse_datagram};
use crate::switchboard::dictation::{LONGEST_PROMPT, MAX_TAKES};
use crate::switchboard::settings::Account;
use crate::switchboard::trunks::tests::settings;
use crate::switchboard::{Command, Input, Settings};

const SESSION: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n\
                       m=audio 4000 RTP/AVP 8\r\n";

fn person(n: usize) -> UserId {
    UserId(Uuid::from_u128(n as u128))
}

fn flow() -> Flow {
    let local = "192.0.2.100:5060".parse().unwrap();
    Flow { transport: Transport::Udp, local, remote: "192.0.2.7:5060".parse().unwrap() }
}

fn prompt() -> PromptRef {
    PromptRef { id: "greeting".to_owned(), language: Language::Uk }
}

fn request(text: &str) -> Request {
    match parse_datagram(text.as_bytes()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => panic!("a request"),
    }
}

struct Bench {
    board: Switchboard,
    now: Now,
    /// The last ones of each kind.
    invite: Option<Request>,
    play: Option<(LegId, PlayId)>,
    take: Option<RecordingId>,
    /// What else was wanted, by name.
    wanted: Vec<String>,
}

impl Bench {
    /// `phones` people with a registered phone each, and one more without.
    fn new(phones: usize) -> Self {
        let ha1 = Ha1 { md5: [1; 16], sha256: [1; 32] };
        let account = |n: usize| (format!("40{n}"), Account { user: person(n), ha1: ha1.clone() });
        let settings = Settings { accounts: (0..=phones).map(account).collect(), ..settings(Vec::new()) };
        let now = crate::time::now();
        let mut board = Switchboard::new(settings, [5; 32], now);
        for n in 0..phones {
            let register = format!(
                "REGISTER sip:ringback SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK{n}\r\n\
                 From: <sip:40{n}@ringback>;tag=a\r\nTo: <sip:40{n}@ringback>\r\nCall-ID: r{n}\r\n\
                 CSeq: 1 REGISTER\r\nContact: <sip:40{n}@192.0.2.7>\r\nExpires: 3600\r\nMax-Forwards: 70\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            let answer =
                board.registrar.register(&format!("40{n}"), &request(&register), flow(), "t", now.mono);
            assert!(answer.status.is_success());
        }
        Self { board, now, invite: None, play: None, take: None, wanted: Vec::new() }
    }

    fn dictate(&mut self, n: usize) -> Result<(), CommandError> {
        let command = Command::Dictate { by: person(n), prompt: prompt(), speak: Language::En };
        let outcome = self.board.handle_command(command, self.now);
        self.serve();
        outcome
    }

    fn put(&mut self, input: Input) {
        self.board.handle_input(input, self.now);
        self.serve();
    }

    fn serve(&mut self) {
        while let Some(effect) = self.board.poll_effect() {
            match effect {
                Effect::Transmit { bytes, .. } => match parse_datagram(&bytes).unwrap() {
                    Message::Request(invite) if invite.method == Method::Invite => self.invite = Some(invite),
                    Message::Request(request) => self.wanted.push(request.method.as_str().to_owned()),
                    Message::Response(_) => {}
                },
                Effect::Media(media::Command::Open { leg, .. }) => {
                    let local_rtp = "192.0.2.100:20000".parse().unwrap();
                    let opened = media::Event::Opened { leg, local_rtp };
                    self.board.handle_input(Input::Media(opened), self.now);
                }
                Effect::OpenRecording { recording, .. } => {
                    self.take = Some(recording.id);
                    self.board.handle_input(Input::RecordingOpened { recording: recording.id }, self.now);
                }
                Effect::PlayPrompts { leg, play, prompts } => {
                    self.play = Some((leg, play));
                    self.wanted.extend(prompts.into_iter().map(|prompt| prompt.id));
                }
                Effect::PlayBack { leg, play, .. } => {
                    self.play = Some((leg, play));
                    self.wanted.push("play_back".to_owned());
                }
                Effect::Media(media::Command::Record { .. }) => self.wanted.push("record".to_owned()),
                Effect::Media(media::Command::StopRecording { recording, .. }) => {
                    let ended = media::Event::RecordingEnded { recording, frames: 1 };
                    self.board.handle_input(Input::Media(ended), self.now);
                }
                Effect::SealRecording { recording } => {
                    let sealed = Sealed { result: RecordingResult::Ok, ..Sealed::failed(recording) };
                    self.board.handle_input(Input::RecordingSealed(sealed), self.now);
                }
                Effect::ReadDictation { cut_ms, .. } => self.wanted.push(format!("read {cut_ms}")),
                Effect::KeepPrompt { by, prompt, .. } => {
                    assert_eq!(by, person(0));
                    self.wanted.push(format!("keep {}", prompt.id));
                }
                Effect::DiscardRecording { .. } => self.wanted.push("discard".to_owned()),
                _ => {}
            }
        }
    }

    fn answered(&mut self) {
        let invite = self.invite.take().unwrap();
        let answer = invite
            .response(StatusCode::OK, "phone")
            .with_header("Contact", "<sip:400@192.0.2.7>")
            .with_body("application/sdp", SESSION.as_bytes().to_vec());
        let message = Box::new(Message::Response(answer));
        self.put(Input::Sip { message, flow: flow() });
    }

    fn played(&mut self) {
        let (leg, play) = self.play.take().unwrap();
        self.put(Input::Media(media::Event::PlayFinished { leg, play }));
    }

    fn leg(&self) -> LegId {
        *self.board.dictations.keys().next().unwrap()
    }

    fn presses(&mut self, key: char) {
        let digit = Digit::from_char(key).unwrap();
        let pressed = media::Event::DigitPressed { leg: self.leg(), digit, duration_ms: 100 };
        self.put(Input::Media(pressed));
    }

    fn is_read(&mut self, can_be_a_prompt: bool) {
        let sound = can_be_a_prompt.then(|| Arc::new(Sound { samples: vec![9_000; 8_000] }));
        self.put(Input::DictationRead { leg: self.leg(), sound });
    }

    fn passes(&mut self, time: Duration) {
        self.now = Now { mono: self.now.mono + time, utc: self.now.utc.plus(time) };
        self.board.handle_timeout(self.now);
        self.serve();
    }

    fn wanted(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wanted)
    }

    fn stage(&self) -> &'static str {
        self.board.live_dictations()[0].stage
    }
}

#[test]
fn a_prompt_is_spoken_heard_and_kept() {
    let mut bench = Bench::new(1);
    bench.dictate(0).unwrap();
    assert_eq!(bench.invite.as_ref().unwrap().headers.first("Answer-Mode"), Some("Auto"));
    bench.answered();
    assert_eq!(bench.wanted(), ["studio.speak", "tone.beep", "ACK"]);
    bench.presses('5');
    assert!(bench.wanted().is_empty(), "a key before the tone is none");
    bench.played();
    assert_eq!((bench.wanted(), bench.stage()), (vec!["record".to_owned()], "speaking"));
    bench.presses('5');
    assert_eq!(bench.wanted(), ["read 180"], "the key and what it takes to know it");
    bench.is_read(false);
    assert_eq!(bench.wanted(), ["studio.unfit"]);
    bench.played();
    assert_eq!(bench.wanted(), ["studio.speak", "tone.beep"], "asked anew");
    bench.played();
    bench.passes(LONGEST_PROMPT - Duration::from_millis(1));
    assert_eq!(bench.wanted(), ["record"]);
    bench.passes(Duration::from_millis(1));
    assert_eq!(bench.wanted(), ["read 0"], "a prompt lasts no longer");
    bench.is_read(true);
    bench.presses('9');
    assert_eq!(bench.wanted(), ["play_back", "play_back"], "any other key says it once more");
    bench.presses('1');
    assert_eq!(bench.wanted(), ["keep greeting"]);
    bench.put(Input::PromptKept { leg: bench.leg(), kept: true });
    bench.played();
    assert_eq!(bench.wanted(), ["studio.kept", "BYE"]);
    let live = &bench.board.live_dictations()[0];
    assert_eq!((live.stage, live.takes, live.is_over()), ("kept", 2, true));
    assert!(bench.board.dictations.is_empty() && bench.board.owners.is_empty());
}

#[test]
fn who_hangs_up_or_decides_nothing_changes_nothing() {
    let mut bench = Bench::new(1);
    bench.dictate(0).unwrap();
    bench.passes(Duration::from_secs(30));
    assert_eq!(bench.stage(), "not_answered");
    let mut bench = Bench::new(1);
    bench.dictate(0).unwrap();
    bench.answered();
    bench.played();
    let leg = bench.leg();
    bench.put(Input::Media(media::Event::MediaTimeout { leg }));
    let wanted = bench.wanted();
    for last in ["BYE", "discard"] {
        assert!(wanted.iter().any(|one| one == last), "the take goes with its file: {wanted:?}");
    }
    assert_eq!(bench.stage(), "not_kept");
    bench.dictate(0).unwrap();
    assert_eq!(bench.stage(), "ringing", "the one before is told no longer");
    bench.answered();
    bench.played();
    bench.presses('#');
    bench.is_read(true);
    bench.played();
    bench.wanted();
    bench.passes(Duration::from_secs(30));
    // Said again while nobody answers it.
    assert!(
        matches!(bench.wanted().as_slice(), [bye, again @ ..] if bye == "BYE" && again.iter().all(|one| one == bye))
    );
    assert_eq!(bench.stage(), "not_kept");
}

#[test]
fn takes_and_dictations_have_their_limits() {
    let mut bench = Bench::new(5);
    assert_eq!(bench.dictate(5), Err(Conflict::NoPhone.into()));
    for n in 0..MAX_DICTATIONS {
        assert_eq!(bench.dictate(n), Ok(()));
    }
    assert_eq!(bench.dictate(0), Err(Conflict::Dictating.into()));
    assert_eq!(bench.dictate(MAX_DICTATIONS), Err(CommandError::Full));

    let mut bench = Bench::new(1);
    bench.dictate(0).unwrap();
    bench.answered();
    for take in 1..=MAX_TAKES {
        assert_eq!(bench.board.live_dictations()[0].takes, take);
        bench.played();
        bench.presses('5');
        bench.is_read(true);
        bench.presses('2');
    }
    assert_eq!(bench.stage(), "not_kept");
    assert_eq!(bench.wanted().last().map(String::as_str), Some("BYE"));
}
