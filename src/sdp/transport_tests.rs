//! Tests of how streams travel: what browsers and secure phones write, and what we say to it. Descriptions are written
//! out by hand.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::sdp::{AudioOffer, AudioSession, Codec, Direction};

/// What Chromium offers for a call with sound, but for the random words.
const CHROMIUM: &str = "v=0\r\no=- 8126350312094123447 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    a=extmap-allow-mixed\r\na=msid-semantic: WMS 5c1a\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=candidate:4177 1 udp 2122260223 2f7dbd8e-8c2a-4f3c-b7b0-2f4e6f7a9b11.local 51472 typ host generation 0 network-id 1\r\n\
    a=ice-ufrag:Qk2v\r\na=ice-pwd:8rM1wWXh0cO8kN3bq5tYzA+v\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n\
    a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\n\
    a=msid:5c1a 77aa\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
    a=rtpmap:126 telephone-event/8000\r\na=ssrc:3735928559 cname:Xb5\r\na=ssrc:3735928559 msid:5c1a 77aa\r\n";
const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

fn fingerprint(octet: u8) -> Fingerprint {
    Fingerprint([octet; 32])
}

fn keys(number: u8) -> FreshKeys {
    let password = format!("{number:032x}");
    let ice = IceCredentials::from_tokens(&format!("{number:08x}"), &password);
    FreshKeys { ice, master: [[number; MAX_MATERIAL], [number + 1; MAX_MATERIAL]] }
}

fn local(policy: SrtpPolicy, offers: Protection, number: u8) -> LocalTransport {
    let terms = SrtpTerms { policy, fingerprint: Some(fingerprint(0xab)) };
    LocalTransport { terms, offers, keys: Some(keys(number)), agreed: None }
}

fn end(transport: LocalTransport) -> AudioOffer {
    AudioOffer {
        session_id: 7,
        session_version: 1,
        address: "192.0.2.10".parse().unwrap(),
        port: 20_000,
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        running: Vec::new(),
        direction: Direction::SendRecv,
        transport,
    }
}

fn optional(offers: Protection) -> LocalTransport {
    local(SrtpPolicy::Optional, offers, 1)
}

fn phone(media: &str) -> String {
    format!("v=0\r\no=p 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n{media}")
}

fn answer(transport: LocalTransport, offer: &str) -> Result<(String, AudioSession), NegotiationError> {
    end(transport).answer(offer.as_bytes())
}

#[test]
fn a_browser_gets_what_it_needs_and_nothing_else() {
    let (text, session) = answer(optional(Protection::None), CHROMIUM).unwrap();
    let attributes = "a=mid:0\r\na=fingerprint:sha-256 AB:AB:";
    assert!(text.contains(attributes) && text.contains("a=setup:passive\r\na=rtcp-mux\r\n"), "{text}");
    assert!(text.contains("m=audio 20000 UDP/TLS/RTP/SAVPF "), "{text}");
    assert!(text.contains("a=group:BUNDLE 0\r\na=ice-lite\r\nm=audio"), "{text}");
    assert!(
        text.ends_with(
            "a=ice-ufrag:00000001\r\na=ice-pwd:00000000000000000000000000000001\r\n\
             a=candidate:1 1 udp 2130706431 192.0.2.10 20000 typ host\r\na=end-of-candidates\r\n"
        ),
        "{text}"
    );
    let ice = session.transport.ice.as_ref().unwrap();
    assert_eq!((ice.remote.ufrag.as_str(), ice.local.ufrag.as_str()), ("Qk2v", "00000001"));
    assert_eq!((session.transport.rtcp_mux, session.direction), (true, Direction::SendRecv));
    assert_eq!(session.remote_rtp, session.remote_rtcp);
    let Security::Dtls { role, fingerprint } = session.transport.security else { panic!("{session:?}") };
    assert_eq!((role, fingerprint.0[1]), (DtlsRole::Server, 0x11));
    assert!(!format!("{session:?}").contains("8rM1wWXh0cO8kN3bq5tYzA"), "the password shows itself");
}

#[test]
fn a_renewed_offer_keeps_the_path_and_a_new_name_restarts_it() {
    let (_, session) = answer(optional(Protection::None), CHROMIUM).unwrap();
    let again = |offer: &str| {
        let agreed = Some(session.transport.clone());
        answer(LocalTransport { agreed, ..local(SrtpPolicy::Optional, Protection::None, 9) }, offer)
            .unwrap()
            .1
    };
    assert_eq!(again(CHROMIUM).transport, session.transport);
    // The browser may have become the active side of a new offer; the association goes on (RFC 8842 5.3).
    assert_eq!(again(&CHROMIUM.replace("setup:actpass", "setup:passive")).transport, session.transport);
    let restarted = again(&CHROMIUM.replace("Qk2v", "Zz9x")).transport;
    assert_eq!(restarted.security, session.transport.security);
    let ice = restarted.ice.unwrap();
    assert_eq!((ice.remote.ufrag.as_str(), ice.local.ufrag.as_str()), ("Zz9x", "00000009"));
    let other = again(&CHROMIUM.replace("00:11:22", "FF:11:22").replace("actpass", "passive")).transport;
    assert!(matches!(other.security, Security::Dtls { role: DtlsRole::Client, .. }), "{other:?}");
}

#[test]
fn keys_in_an_offer_are_answered_with_ours_under_the_same_tag() {
    for (profile, tag) in [("RTP/SAVP", 1), ("RTP/SAVPF", 42), ("RTP/AVP", 3)] {
        let offer = phone(&format!(
            "m=audio 4000 {profile} 8\r\na=crypto:9 AES_CM_256_HMAC_SHA1_80 inline:{KEY}\r\n\
             a=crypto:{tag} AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31\r\n"
        ));
        let (text, session) = answer(optional(Protection::None), &offer).unwrap();
        let Security::Sdes { send, receive, .. } = session.transport.security else { panic!("{session:?}") };
        assert_eq!((send.suite(), receive.suite()), (Suite::AesCm128HmacSha1_32, Suite::AesCm128HmacSha1_32));
        assert_ne!(send, receive);
        assert!(text.contains(&format!("m=audio 20000 {profile} 8\r\n")), "{text}");
        assert!(text.contains(&format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_32 inline:AQEB")), "{text}");
        assert!(!format!("{session:?}").contains("WVNfX19"));
        let running = LocalTransport {
            agreed: Some(session.transport.clone()),
            ..local(SrtpPolicy::Optional, Protection::None, 9)
        };
        assert_eq!(answer(running.clone(), &offer).unwrap().1.transport, session.transport, "a hold");
        let renewed = answer(running, &offer.replace("WVNf", "AAAA")).unwrap().1.transport;
        assert_ne!(renewed.security, session.transport.security);
    }
}

#[test]
fn the_policy_decides_what_is_taken() {
    let plain = phone("m=audio 4000 RTP/AVP 8\r\n");
    let sdes =
        phone(&format!("m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"));
    let best_effort = sdes.replace("SAVP", "AVP");
    let both = phone(&format!(
        "m=audio 4000 RTP/AVP 8\r\nm=audio 4002 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
    ));
    let keyless = phone("m=audio 4000 RTP/SAVP 8\r\n");
    let nameless = CHROMIUM.replace("sha-256", "sha-1");
    let (none, sdes_used) = (Ok(false), Ok(true));
    for (policy, offer, expected) in [
        (SrtpPolicy::Off, &plain, none.clone()),
        (SrtpPolicy::Off, &sdes, Err(NegotiationError::NoAudio)),
        (SrtpPolicy::Off, &best_effort, none.clone()),
        (SrtpPolicy::Off, &CHROMIUM.to_owned(), Err(NegotiationError::NoAudio)),
        (SrtpPolicy::Optional, &plain, none),
        (SrtpPolicy::Optional, &sdes, sdes_used.clone()),
        (SrtpPolicy::Optional, &best_effort, sdes_used.clone()),
        (SrtpPolicy::Optional, &keyless, Err(NegotiationError::NoSecurity)),
        (SrtpPolicy::Optional, &nameless, Err(NegotiationError::NoSecurity)),
        (SrtpPolicy::Required, &plain, Err(NegotiationError::NoSecurity)),
        (SrtpPolicy::Required, &both, sdes_used.clone()),
        (SrtpPolicy::Required, &best_effort, sdes_used),
    ] {
        let secured = answer(local(policy, Protection::None, 1), offer)
            .map(|(_, session)| session.transport.security != Security::None);
        assert_eq!(secured, expected, "{policy:?} {offer}");
    }
    let mut without_certificate = optional(Protection::None);
    without_certificate.terms.fingerprint = None;
    assert_eq!(answer(without_certificate, CHROMIUM).unwrap_err(), NegotiationError::NoSecurity);
}

#[test]
fn we_agree_with_ourselves_in_every_profile() {
    for offers in [Protection::None, Protection::Sdes, Protection::Dtls] {
        let offerer = end(optional(offers));
        let mut other = local(SrtpPolicy::Optional, Protection::None, 5);
        other.terms.fingerprint = Some(fingerprint(0xcd));
        let (text, answered) = end(other).answer(offerer.to_sdp().as_bytes()).unwrap();
        let accepted = offerer.accept_answer(text.as_bytes());
        match (&answered.transport.security, accepted) {
            (Security::None, Ok(accepted)) => assert_eq!(*accepted.transport, MediaTransport::default()),
            (Security::Sdes { send, receive, .. }, Ok(accepted)) => {
                let expected = Security::Sdes { tag: 1, send: *receive, receive: *send };
                assert_eq!(accepted.transport.security, expected);
            }
            // Two lite agents: nobody would check, so no ICE; and who was left the choice waits.
            (Security::Dtls { role, .. }, Ok(accepted)) => {
                let expected = Security::Dtls { role: DtlsRole::Client, fingerprint: fingerprint(0xcd) };
                assert_eq!((*role, accepted.transport.security), (DtlsRole::Server, expected));
                assert_eq!((accepted.transport.ice, answered.transport.ice), (None, None));
            }
            (_, Err(error)) => panic!("{offers:?}: {error}\n{text}"),
        }
    }
}

#[test]
fn a_browser_answers_our_offer() {
    let offerer = end(optional(Protection::Dtls));
    let offer = offerer.to_sdp();
    assert!(offer.contains("a=setup:actpass\r\na=rtcp-mux\r\na=ice-ufrag:00000001\r\n"), "{offer}");
    assert!(offer.contains("a=group:BUNDLE 0\r\na=ice-lite\r\n") && offer.contains("a=mid:0\r\n"), "{offer}");
    let text = CHROMIUM.replace("actpass", "active");
    let session = offerer.accept_answer(text.as_bytes()).unwrap();
    let ice = session.transport.ice.clone().unwrap();
    assert_eq!((ice.local.ufrag.as_str(), ice.remote.ufrag.as_str()), ("00000001", "Qk2v"));
    assert!(matches!(session.transport.security, Security::Dtls { role: DtlsRole::Server, .. }));
    // A later offer of ours says what runs, and lets the peer keep its role.
    let later = end(LocalTransport {
        agreed: Some(session.transport),
        ..local(SrtpPolicy::Optional, Protection::None, 9)
    });
    let renewed = later.to_sdp();
    assert!(renewed.contains("UDP/TLS/RTP/SAVPF") && renewed.contains("a=setup:actpass"), "{renewed}");
    assert!(renewed.contains("a=ice-ufrag:00000001\r\n"), "{renewed}");
    for broken in [
        CHROMIUM.replace("sha-256", "sha-1"),
        CHROMIUM.replace("actpass", "holdconn"),
        phone("m=audio 4000 RTP/AVP 8\r\n"),
    ] {
        assert_eq!(offerer.accept_answer(broken.as_bytes()).unwrap_err(), NegotiationError::NoSecurity);
    }
}

#[test]
fn an_answer_without_the_key_we_offered_is_none() {
    let offerer = end(optional(Protection::Sdes));
    for (line, good) in [
        (format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"), true),
        ("a=crypto:2 AEAD_AES_128_GCM inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\r\n".to_owned(), true),
        (format!("a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"), false),
        (format!("a=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"), false),
        (String::new(), false),
    ] {
        let text = phone(&format!("m=audio 4000 RTP/SAVP 8\r\n{line}"));
        assert_eq!(offerer.accept_answer(text.as_bytes()).is_ok(), good, "{line}");
    }
}

#[test]
fn rtcp_shares_a_port_and_ice_needs_it() {
    let offer = phone("m=audio 4000 RTP/AVPF 8\r\na=rtcp-mux\r\na=rtcp:4001\r\n");
    let (text, session) = answer(LocalTransport::plain(), &offer).unwrap();
    assert!(text.contains("a=rtcp-mux\r\n") && session.transport.rtcp_mux);
    assert_eq!(session.remote_rtcp.port(), 4000);
    let apart = CHROMIUM.replace("a=rtcp-mux\r\n", "").replace("0.0.0.0", "198.51.100.7");
    let (text, session) = answer(optional(Protection::None), &apart).unwrap();
    assert_eq!((session.transport.ice, text.contains("ice")), (None, false));
    let short = CHROMIUM.replace("8rM1wWXh0cO8kN3bq5tYzA+v", "short");
    assert_eq!(answer(optional(Protection::None), &short).unwrap().1.transport.ice, None);
}
