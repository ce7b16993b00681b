//! Secure sessions end to end: what one side protects the other opens, and nothing else. The cipher's own vectors are
//! in `keystream`.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::rtp::RtpHeader;

/// Hexadecimal digits, spaces ignored.
pub(super) fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

fn key(suite: Suite) -> MasterKey {
    MasterKey::from_random(suite, &std::array::from_fn(|i| i as u8 ^ 0x5a))
}

fn packet(ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let header = RtpHeader { marker: false, payload_type: 8, sequence_number, timestamp: 160, ssrc };
    let mut buffer = [0; 200];
    header.write(&[sequence_number as u8; 160], &mut buffer).unwrap().to_vec()
}

fn protected(sender: &mut SrtpSender, ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let mut buffer = [0; 256];
    sender.protect_rtp(&packet(ssrc, sequence_number), &mut buffer).unwrap().to_vec()
}

fn opened(receiver: &mut SrtpReceiver, mut datagram: Vec<u8>) -> Result<Vec<u8>, Rejection> {
    let len = receiver.unprotect_rtp(&mut datagram)?;
    datagram.truncate(len);
    Ok(datagram)
}

#[test]
fn what_is_protected_opens_over_several_rollovers() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (SrtpSender::new(&key(suite)), SrtpReceiver::new(&key(suite)));
        // Steps of 16,001 pass the end of the sequence numbers thirty times.
        for step in 0..120_u32 {
            let sequence_number = 65_000_u16.wrapping_add((step * 16_001) as u16);
            let datagram = protected(&mut sender, 7, sequence_number);
            let plain = packet(7, sequence_number);
            assert_ne!(datagram[12..40], plain[12..40]);
            assert_eq!(opened(&mut receiver, datagram), Ok(plain), "{suite:?} step {step}");
        }
    }
}

#[test]
fn extensions_and_sources_stay_readable_and_are_authenticated() {
    for suite in Suite::ALL {
        let mut plain = vec![0x80 | 0x10 | 2, 8, 0, 9, 0, 0, 0, 2, 0, 0, 0, 3];
        plain.extend([0xcc; 8]);
        plain.extend([0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0]);
        plain.extend(b"voice");
        let mut buffer = [0; 100];
        let datagram = SrtpSender::new(&key(suite)).protect_rtp(&plain, &mut buffer).unwrap().to_vec();
        assert_eq!((&datagram[..28], &datagram[28..33] == b"voice"), (&plain[..28], false));
        assert_eq!(opened(&mut SrtpReceiver::new(&key(suite)), datagram.clone()), Ok(plain));
        for at in 0..datagram.len() {
            let mut flipped = datagram.clone();
            flipped[at] ^= 1;
            assert!(opened(&mut SrtpReceiver::new(&key(suite)), flipped).is_err(), "{suite:?} octet {at}");
        }
    }
}

#[test]
fn a_packet_opens_once_and_a_late_one_within_the_window() {
    let suite = Suite::AesCm128HmacSha1_80;
    let (mut sender, mut receiver) = (SrtpSender::new(&key(suite)), SrtpReceiver::new(&key(suite)));
    let datagrams: Vec<_> = (0..200).map(|number| protected(&mut sender, 7, number)).collect();
    assert_eq!(opened(&mut receiver, datagrams[0].clone()), Ok(packet(7, 0)));
    assert_eq!(opened(&mut receiver, datagrams[100].clone()), Ok(packet(7, 100)));
    for (number, outcome) in [
        (100, Err(Rejection::Replayed)),
        (99, Ok(packet(7, 99))),
        (99, Err(Rejection::Replayed)),
        (37, Ok(packet(7, 37))),
        (36, Err(Rejection::Replayed)),
        (0, Err(Rejection::Replayed)),
        (101, Ok(packet(7, 101))),
        (37, Err(Rejection::Replayed)),
        (199, Ok(packet(7, 199))),
    ] {
        assert_eq!(opened(&mut receiver, datagrams[number].clone()), outcome, "{number}");
    }
}

#[test]
fn a_late_packet_of_the_last_round_opens_after_the_rollover() {
    let suite = Suite::AeadAes128Gcm;
    let (mut sender, mut receiver) = (SrtpSender::new(&key(suite)), SrtpReceiver::new(&key(suite)));
    let [before, last, first] = [65_534, 65_535, 0].map(|number| protected(&mut sender, 7, number));
    for (datagram, number) in [(before, 65_534), (first, 0), (last, 65_535)] {
        assert_eq!(opened(&mut receiver, datagram), Ok(packet(7, number)));
    }
}

#[test]
fn sources_count_apart_and_only_genuine_ones_take_a_place() {
    let suite = Suite::AesCm128HmacSha1_32;
    let (mut sender, mut receiver) = (SrtpSender::new(&key(suite)), SrtpReceiver::new(&key(suite)));
    let genuine = protected(&mut sender, 7, 5);
    for ssrc in 0..1000_u32 {
        let mut forged = genuine.clone();
        forged[8..12].copy_from_slice(&(ssrc + 100).to_be_bytes());
        assert_eq!(opened(&mut receiver, forged), Err(Rejection::Forged));
    }
    assert_eq!(opened(&mut receiver, genuine), Ok(packet(7, 5)));
    for ssrc in 100..115 {
        let mut other = SrtpSender::new(&key(suite));
        assert!(opened(&mut receiver, protected(&mut other, ssrc, 9)).is_ok());
    }
    let mut one_more = SrtpSender::new(&key(suite));
    assert_eq!(opened(&mut receiver, protected(&mut one_more, 115, 9)), Err(Rejection::TooManySources));
    assert_eq!(opened(&mut receiver, protected(&mut sender, 7, 6)), Ok(packet(7, 6)));
}

#[test]
fn numbers_that_go_back_are_not_sent() {
    let mut sender = SrtpSender::new(&key(Suite::AesCm128HmacSha1_80));
    let mut buffer = [0; 256];
    for (number, sent) in [(10, true), (10, false), (9, false), (11, true), (0x7fff, true), (0, false)] {
        assert_eq!(sender.protect_rtp(&packet(7, number), &mut buffer).is_some(), sent, "{number}");
    }
    assert!(sender.protect_rtp(&packet(7, 0x8001), &mut [0; 180]).is_none(), "no room for the tag");
}

#[test]
fn rtcp_is_sealed_with_its_index() {
    let compound =
        bytes("80c8000600000007 0102030405060708 0000000a 0000000b 0000000c 81ca0002 00000007 01000000");
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = (SrtpSender::new(&key(suite)), SrtpReceiver::new(&key(suite)));
        let mut sealed = Vec::new();
        for _ in 0..3 {
            let mut buffer = [0; 128];
            sealed.push(sender.protect_rtcp(&compound, &mut buffer).unwrap().to_vec());
        }
        assert_ne!(sealed[0][8..], sealed[1][8..], "each has a key stream of its own");
        for at in [0, 2, 1] {
            let mut datagram = sealed[at].clone();
            let len = receiver.unprotect_rtcp(&mut datagram).unwrap();
            assert_eq!(datagram[..len], compound, "{suite:?}");
            assert_eq!(receiver.unprotect_rtcp(&mut sealed[at].clone()), Err(Rejection::Replayed));
        }
        for at in 0..sealed[0].len() {
            let mut flipped = sealed[0].clone();
            flipped[at] ^= 0x80;
            let outcome = SrtpReceiver::new(&key(suite)).unprotect_rtcp(&mut flipped);
            assert_eq!(outcome, Err(Rejection::Forged), "{suite:?} octet {at}");
        }
        for len in 0..sealed[0].len() {
            assert!(SrtpReceiver::new(&key(suite)).unprotect_rtcp(&mut sealed[0][..len].to_vec()).is_err());
        }
    }
}

#[test]
fn keys_do_not_show_themselves() {
    let shown = format!("{:?}", key(Suite::AeadAes256Gcm));
    assert_eq!(shown, "MasterKey(AEAD_AES_256_GCM)");
    assert_eq!(format!("{:?}", SrtpSender::new(&key(Suite::AeadAes256Gcm))), "SrtpSender");
}
