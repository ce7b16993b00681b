//! Tests of offer/answer (RFC 3264): tables of offers and answers, and what must come of them.
//! Descriptions are written out, so that a wrong printer cannot hide behind a wrong parser.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::sdp::Content;

fn ours() -> AudioOffer {
    AudioOffer {
        session_id: 77,
        session_version: 3,
        address: "192.0.2.10".parse().unwrap(),
        port: 20000,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        running: Vec::new(),
        direction: Direction::SendRecv,
        transport: LocalTransport::plain(),
    }
}

fn description(rest: &str) -> String {
    format!("v=0\r\no=peer 1 1 IN IP4 198.51.100.1\r\ns=call\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n{rest}")
}

fn answer(rest: &str) -> Result<(String, AudioSession), NegotiationError> {
    ours().answer(description(rest).as_bytes())
}

fn agreed(rest: &str) -> AudioSession {
    answer(rest).unwrap().1
}

#[test]
fn the_offer_is_complete_and_stable() {
    assert_eq!(
        ours().to_sdp(),
        "v=0\r\no=ringback 77 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
         m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:60\r\na=sendrecv\r\n"
    );
    let six = AudioOffer { address: "2001:db8::1".parse().unwrap(), session_version: 4, ..ours() };
    assert!(six.to_sdp().contains("o=ringback 77 4 IN IP6 2001:db8::1\r\n"));
}

#[test]
fn the_first_codec_of_the_offer_that_we_speak_is_chosen() {
    for (media, codec, payload_type, event) in [
        ("m=audio 4000 RTP/AVP 0 8\r\n", Codec::Pcmu, 0, None),
        ("m=audio 4000 RTP/AVP 8 0\r\n", Codec::Pcma, 8, None),
        (
            "m=audio 4000 RTP/AVP 18 9 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            Codec::Pcma,
            8,
            Some(101),
        ),
        (
            "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 TELEPHONE-EVENT/8000\r\na=fmtp:96 0-15\r\n",
            Codec::Pcmu,
            0,
            Some(96),
        ),
        ("m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/44100\r\n", Codec::Pcmu, 0, None),
        (
            "m=audio 4000 RTP/AVP 111 97\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:97 pcma/8000/1\r\n",
            Codec::Pcma,
            97,
            None,
        ),
        ("m=audio 4000 RTP/AVP 0 8\r\na=rtpmap:0 L16/8000\r\n", Codec::Pcma, 8, None),
        ("m=audio 4000 RTP/AVPF 200 8\r\na=rtpmap:200 PCMU/8000\r\n", Codec::Pcma, 8, None),
    ] {
        let (text, session) = answer(media).unwrap();
        assert_eq!(
            (session.codec, session.send_payload_type, session.receive_payload_type),
            (codec, payload_type, payload_type),
            "{media}"
        );
        assert_eq!(
            (session.send_event_payload_type, session.receive_event_payload_type),
            (event, event),
            "{media}"
        );
        let formats: Vec<String> =
            std::iter::once(payload_type).chain(event).map(|number| number.to_string()).collect();
        assert!(
            text.contains(&format!(
                " {}\r\na=rtpmap:{payload_type} {}/8000\r\n",
                formats.join(" "),
                codec.name()
            )),
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_agreed_says_why() {
    use NegotiationError::{Malformed, NoAudio, NoCodec};
    for (media, error) in [
        ("", NoAudio),
        ("m=video 4000 RTP/AVP 96\r\n", NoAudio),
        ("m=audio 0 RTP/AVP 8\r\n", NoAudio),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 8\r\n", NoAudio),
        ("m=audio 4000 RTP/AVP 18 9\r\n", NoCodec),
        ("m=audio 4000 RTP/AVP 97\r\na=rtpmap:97 PCMA/16000\r\n", NoCodec),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::7\r\n", NoAudio),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 phone.example\r\n", NoAudio),
        ("m=audio x RTP/AVP 8\r\n", Malformed("m=")),
    ] {
        assert_eq!(answer(media), Err(error), "{media}");
    }
    let nowhere = "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
    assert_eq!(ours().answer(nowhere.as_bytes()), Err(Malformed("c=")));
    assert_eq!(ours().answer(b"\xff\xfe"), Err(Malformed("v=")));
}

#[test]
fn directions_and_both_styles_of_hold() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (attribute, wish, expected) in [
        ("", SendRecv, SendRecv),
        ("a=sendrecv\r\n", SendRecv, SendRecv),
        ("a=sendonly\r\n", SendRecv, RecvOnly),
        ("a=recvonly\r\n", SendRecv, SendOnly),
        ("a=inactive\r\n", SendRecv, Inactive),
        ("c=IN IP4 0.0.0.0\r\n", SendRecv, RecvOnly),
        ("c=IN IP4 0.0.0.0\r\na=inactive\r\n", SendRecv, Inactive),
        ("c=IN IP4 0.0.0.0\r\na=recvonly\r\n", SendRecv, Inactive),
        ("", SendOnly, SendOnly),
        ("a=sendonly\r\n", SendOnly, Inactive),
        ("a=recvonly\r\n", SendOnly, SendOnly),
    ] {
        let offer = description(&format!("m=audio 4000 RTP/AVP 8\r\n{attribute}"));
        let (text, session) = AudioOffer { direction: wish, ..ours() }.answer(offer.as_bytes()).unwrap();
        assert_eq!(session.direction, expected, "{attribute} {wish:?}");
        assert!(text.ends_with(&format!("a={}\r\n", expected.attribute())), "{text}");
    }
    let of_the_session = agreed("a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\n");
    assert_eq!(of_the_session.direction, RecvOnly);
    let overridden = agreed("a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n");
    assert_eq!(overridden.direction, SendRecv);
}

#[test]
fn every_further_stream_is_answered_with_port_zero_in_its_place() {
    let (text, session) = answer(
        "m=video 4000 RTP/AVP 96 97\r\na=rtpmap:96 H264/90000\r\nm=audio 4002 RTP/AVP 9\r\n\
         m=audio 4004 RTP/AVP 0\r\nm=audio 4006 RTP/AVP 8\r\nm=application 4008 udp wb\r\n",
    )
    .unwrap();
    assert_eq!(session.remote_rtp.port(), 4004);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        lines,
        [
            "m=video 0 RTP/AVP 96 97",
            "m=audio 0 RTP/AVP 9",
            "m=audio 20000 RTP/AVP 0",
            "m=audio 0 RTP/AVP 8",
            "m=application 0 udp wb"
        ]
    );
}

#[test]
fn times_are_repeated_and_the_version_is_ours() {
    let offer = "v=0\r\no=p 9 9 IN IP4 198.51.100.1\r\ns=x\r\nc=IN IP4 198.51.100.1\r\n\
        t=2873397496 2873404696\r\nm=audio 4000 RTP/AVP 8\r\n";
    let first = ours().answer(offer.as_bytes()).unwrap();
    assert!(first.0.contains("t=2873397496 2873404696\r\n"));
    assert!(first.0.contains("o=ringback 77 3 "));
    let again = AudioOffer { session_version: 4, ..ours() }.answer(offer.as_bytes()).unwrap();
    assert_eq!(first.0.replace("77 3", "77 4"), again.0, "only the version differs");
    assert_eq!(first.1, again.1);
}

#[test]
fn rtcp_and_packet_time_follow_the_peer() {
    for (attribute, rtcp, ptime) in [
        ("", "198.51.100.1:4001", 20),
        ("a=rtcp:5000\r\na=ptime:30\r\n", "198.51.100.1:5000", 30),
        ("a=rtcp:5000 IN IP4 203.0.113.9\r\na=ptime:5\r\n", "203.0.113.9:5000", 10),
        ("a=rtcp:0\r\na=ptime:900\r\n", "198.51.100.1:4001", 60),
        ("a=ptime:40\r\na=maxptime:30\r\n", "198.51.100.1:4001", 30),
        ("a=maxptime:10\r\n", "198.51.100.1:4001", 10),
        ("a=rtcp:x\r\na=ptime:x\r\n", "198.51.100.1:4001", 20),
        ("a=rtcp:5000\r\na=rtcp-mux\r\n", "198.51.100.1:4000", 20),
    ] {
        let session = agreed(&format!("m=audio 4000 RTP/AVP 8\r\n{attribute}"));
        assert_eq!((session.remote_rtcp, session.ptime), (rtcp.parse().unwrap(), ptime), "{attribute}");
    }
    assert_eq!(agreed("m=audio 65535 RTP/AVP 8\r\n").remote_rtcp.port(), 65535);
    assert!(answer("m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\n").unwrap().0.contains("a=rtcp-mux\r\n"));
    assert!(!answer("m=audio 4000 RTP/AVP 8\r\n").unwrap().0.contains("rtcp-mux"));
}

#[test]
fn answers_to_our_offer_are_read_with_both_payload_types() {
    let accept = |media: &str| ours().accept_answer(description(media).as_bytes());
    let session = accept("m=audio 4000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n").unwrap();
    assert_eq!((session.codec, session.send_payload_type, session.receive_payload_type), (Codec::Pcmu, 0, 0));
    assert_eq!((session.send_event_payload_type, session.receive_event_payload_type), (Some(97), Some(101)));
    let dynamic = accept("m=audio 4000 RTP/AVP 98\r\na=rtpmap:98 PCMA/8000\r\na=sendonly\r\n").unwrap();
    assert_eq!((dynamic.send_payload_type, dynamic.receive_payload_type), (98, 8));
    assert_eq!((dynamic.receive_event_payload_type, dynamic.direction), (None, Direction::RecvOnly));
    for (media, error) in [
        ("m=audio 0 RTP/AVP 8\r\n", NegotiationError::NoAudio),
        ("m=video 1 RTP/AVP 8\r\nm=audio 2 RTP/AVP 8\r\n", NegotiationError::NoAudio),
        ("m=audio 4000 RTP/AVP 18\r\n", NegotiationError::NoCodec),
    ] {
        assert_eq!(accept(media), Err(error), "{media}");
    }
    let only_a_law = AudioOffer { codecs: vec![Codec::Pcma], ..ours() };
    let mu_law = description("m=audio 4000 RTP/AVP 0\r\n");
    assert_eq!(only_a_law.accept_answer(mu_law.as_bytes()), Err(NegotiationError::NoCodec));
}

fn all_codecs() -> AudioOffer {
    AudioOffer { codecs: Codec::ALL.to_vec(), ..ours() }
}

#[test]
fn wideband_codecs_are_offered_with_events_at_their_clocks() {
    let text = all_codecs().to_sdp();
    assert!(
        text.contains("m=audio 20000 RTP/AVP 111 9 8 0 101 110\r\na=rtpmap:111 opus/48000/2\r\n"),
        "{text}"
    );
    for line in [
        "a=fmtp:111 minptime=10;useinbandfec=1;maxplaybackrate=16000;maxaveragebitrate=32000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=rtpmap:110 telephone-event/48000",
        "a=fmtp:110 0-15",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line}: {text}");
    }
}

#[test]
fn events_follow_the_clock_of_the_codec_on_any_payload_type() {
    let events = "a=rtpmap:111 opus/48000/2\r\na=rtpmap:96 telephone-event/8000\r\n\
        a=rtpmap:97 telephone-event/48000\r\na=rtpmap:98 telephone-event/16000\r\n";
    for (formats, codec, event, clock_hz) in [
        ("111 9 96 97 98", Codec::Opus, 97, 48_000),
        ("9 111 98 97 96", Codec::G722, 96, 8000),
        ("8 97 98", Codec::Pcma, 97, 48_000),
        ("111 98", Codec::Opus, 98, 16_000),
    ] {
        let offer = description(&format!("m=audio 4000 RTP/AVP {formats}\r\n{events}"));
        let (text, session) = all_codecs().answer(offer.as_bytes()).unwrap();
        assert_eq!((session.codec, session.event_clock_hz), (codec, clock_hz), "{formats}");
        assert_eq!(session.send_event_payload_type, Some(event), "{formats}");
        assert_eq!(session.receive_event_payload_type, Some(event), "{formats}");
        assert!(text.contains(&format!("a=rtpmap:{event} telephone-event/{clock_hz}\r\n")), "{text}");
    }
    let answer = description(
        "m=audio 4000 RTP/AVP 96 100\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:100 telephone-event/48000\r\n",
    );
    let session = all_codecs().accept_answer(answer.as_bytes()).unwrap();
    assert_eq!(
        (session.codec, session.send_payload_type, session.receive_payload_type),
        (Codec::Opus, 96, 111)
    );
    assert_eq!(
        (session.send_event_payload_type, session.receive_event_payload_type, session.event_clock_hz),
        (Some(100), Some(110), 48_000)
    );
}

#[test]
fn a_later_offer_of_ours_leaves_every_payload_type_its_meaning() {
    let offer = description(
        "m=audio 4000 RTP/AVP 101 8 111\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:111 telephone-event/48000\r\n",
    );
    let running = all_codecs().answer(offer.as_bytes()).unwrap().1.receivable();
    let again = AudioOffer { running: running.clone(), ..all_codecs() };
    let text = again.to_sdp();
    for line in [
        "rtpmap:101 opus/48000/2",
        "rtpmap:111 telephone-event/48000",
        "rtpmap:127 telephone-event/8000",
        "rtpmap:9 G722/8000",
    ] {
        assert!(text.contains(&format!("a={line}\r\n")), "{line}: {text}");
    }
    assert!(text.contains("m=audio 20000 RTP/AVP 101 9 8 0 127 111\r\n"), "{text}");
    let answer = description(
        "m=audio 4000 RTP/AVP 101 111\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:111 telephone-event/48000\r\n",
    );
    let session = again.accept_answer(answer.as_bytes()).unwrap();
    assert_eq!((session.receive_payload_type, session.receive_event_payload_type), (101, Some(111)));
    let third = AudioOffer { running: session.receivable(), ..all_codecs() };
    assert_eq!(third.to_sdp(), text, "and it stays so");
}

#[test]
fn a_later_offer_of_ours_keeps_every_m_line_in_its_place() {
    let offer = description(
        "m=video 4000 RTP/AVP 97\r\na=mid:v\r\nm=audio 4002 RTP/AVP 8\r\na=mid:a\r\nm=image 4004 udptl t38\r\n",
    );
    let (text, session) = ours().answer(offer.as_bytes()).unwrap();
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with("m=") || line.starts_with("a=mid"));
        lines.map(str::to_owned).collect()
    };
    let said =
        ["m=video 0 RTP/AVP 97", "a=mid:v", "m=audio 20000 RTP/AVP 8", "a=mid:a", "m=image 0 udptl t38"];
    assert_eq!(lines(&text), said);
    let again = |session: &AudioSession| AudioOffer {
        codecs: vec![Codec::Pcma],
        running: session.receivable(),
        transport: LocalTransport { agreed: Some(session.transport.clone()), ..LocalTransport::plain() },
        ..ours()
    };
    assert_eq!(lines(&again(&session).to_sdp().replace(" 101", "")), said);
    let answer = description("m=video 0 RTP/AVP 97\r\nm=audio 4002 RTP/AVP 8\r\nm=image 0 udptl t38\r\n");
    let accepted = again(&session).accept_answer(answer.as_bytes()).unwrap();
    assert_eq!((accepted.remote_rtp.port(), &accepted.transport), (4002, &session.transport));
    let moved = description("m=audio 4002 RTP/AVP 8\r\nm=video 0 RTP/AVP 97\r\n");
    assert_eq!(again(&session).accept_answer(moved.as_bytes()), Err(NegotiationError::NoAudio));
}

#[test]
fn sound_is_not_sent_to_groups() {
    for address in ["IP4 224.0.1.75", "IP4 255.255.255.255", "IP6 ff02::1"] {
        let offer = format!(
            "v=0\r\no=p 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN {address}\r\nt=0 0\r\nm=audio 4 RTP/AVP 8\r\n"
        );
        let ours = AudioOffer {
            address: if address.contains("IP6") { "2001:db8::1" } else { "192.0.2.1" }.parse().unwrap(),
            ..ours()
        };
        assert_eq!(ours.answer(offer.as_bytes()), Err(NegotiationError::NoAudio), "{address}");
    }
    let elsewhere = agreed("m=audio 4000 RTP/AVP 8\r\na=rtcp:5000 IN IP4 224.0.1.75\r\n");
    assert_eq!(elsewhere.remote_rtcp, "198.51.100.1:5000".parse().unwrap());
}

#[test]
fn what_odd_phones_write_is_understood() {
    let odd = "v=0\r\no=Front Desk 20518 0 IN IP4 198.51.100.1\r\ns=\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n\
        m=video 0 RTP/AVP\r\nm=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 97 13 18 8\r\n\
        a=rtpmap:8\r\na=rtpmap:97  telephone-event/8000\r\na=fmtp:97 0-11,16\r\na=fmtp:18\r\na=ptime:\r\n";
    let (text, session) = ours().answer(odd.as_bytes()).unwrap();
    assert_eq!((session.codec, session.remote_rtp.port(), session.ptime), (Codec::Pcma, 4002, 20));
    assert_eq!(session.receive_event_payload_type, Some(97));
    let answered = SessionDescription::parse(text.as_bytes()).unwrap();
    let ports: Vec<u16> = answered.media.iter().map(|media| media.port).collect();
    assert_eq!(ports, [0, 0, 20_000]);
}

#[test]
fn a_giant_list_of_formats_is_refused_before_it_is_looked_through() {
    let list = |count: usize| {
        let formats: Vec<String> = (0..count).map(|number| (number % 128).to_string()).collect();
        answer(&format!("m=audio 4000 RTP/AVP {}\r\n", formats.join(" ")))
    };
    assert_eq!(list(128).unwrap().1.codec, Codec::Pcmu);
    assert_eq!(list(129), Err(NegotiationError::Malformed("number of formats")));
}

#[test]
fn whatever_else_was_offered_may_be_sent() {
    let offer = description(
        "m=audio 4000 RTP/AVP 8 0 96 18 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n",
    );
    let (text, session) = all_codecs().answer(offer.as_bytes()).unwrap();
    let others: Vec<(u8, Content)> =
        session.alternatives.iter().map(|format| (format.payload_type, format.content)).collect();
    assert_eq!(others, [(0, Content::Audio(Codec::Pcmu)), (96, Content::Audio(Codec::Opus))]);
    assert!(text.contains("m=audio 20000 RTP/AVP 8 101\r\n"), "one codec is answered: {text}");
    let answer = description("m=audio 4000 RTP/AVP 9\r\n");
    let session = all_codecs().accept_answer(answer.as_bytes()).unwrap();
    assert!(session.alternatives.contains(&Format::of(Codec::Pcma)));
    assert_eq!(session.receive_event_payload_type, None);
}

#[test]
fn codecs_that_are_not_configured_are_not_spoken() {
    let only_g711 = ours().answer(description("m=audio 4000 RTP/AVP 9 0\r\n").as_bytes()).unwrap().1;
    assert_eq!((only_g711.codec, only_g711.alternatives), (Codec::Pcmu, vec![]));
    for wrong in ["opus/48000", "opus/48000/1", "opus/16000/2", "G722/16000"] {
        let offer = description(&format!("m=audio 4000 RTP/AVP 96 8\r\na=rtpmap:96 {wrong}\r\n"));
        assert_eq!(all_codecs().answer(offer.as_bytes()).unwrap().1.codec, Codec::Pcma, "{wrong}");
    }
}

#[test]
fn we_agree_with_ourselves() {
    let offerer = AudioOffer { port: 30000, direction: Direction::SendOnly, ..ours() };
    let (text, answered) = ours().answer(offerer.to_sdp().as_bytes()).unwrap();
    let accepted = offerer.accept_answer(text.as_bytes()).unwrap();
    assert_eq!((answered.direction, accepted.direction), (Direction::RecvOnly, Direction::SendOnly));
    assert_eq!((answered.remote_rtp.port(), accepted.remote_rtp.port()), (30000, 20000));
    assert_eq!((answered.codec, accepted.codec), (Codec::Pcma, Codec::Pcma));
    assert_eq!(accepted.send_event_payload_type, Some(101));
}

/// Cuts and replaces bytes of sound descriptions by a fixed pattern; nothing may panic, and what we answer can
/// be read again.
#[test]
fn damaged_descriptions_never_panic() {
    let sound = description(
        "m=audio 4000/2 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:1 IN IP4 1.2.3.4\r\nm=video 1 a 1\r\n",
    );
    for at in 0..sound.len() {
        for byte in [b'\n', b' ', b'=', b'/', b'9', 0xff] {
            let mut damaged = sound.clone().into_bytes();
            damaged[at] = byte;
            for bytes in [&damaged[..], &damaged[..at], &damaged[at..]] {
                if let Ok((text, _)) = ours().answer(bytes) {
                    assert!(SessionDescription::parse(text.as_bytes()).is_ok(), "{text}");
                }
            }
        }
    }
}
