//! Whole packets against the vectors of RFC 7714 16 and 17, typed in from it.
//! Their keys are session keys: nothing is derived.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::srtp::tests::bytes;

/// One salt for all, and the keys count up from zero.
const SALT: [u8; GCM_NONCE] = *b"Quid pro quo";
const RTP: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
    61727465 73207472 6573";
const RTCP: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
    deadbeef deadbeef deadbeef";
const RTCP_INDEX: u32 = 0x5d4;

fn gcm(bits: usize) -> Transform {
    let key: Vec<u8> = (0..32).take(bits / 8).collect();
    match bits {
        128 => Transform::Gcm128 { gcm: Box::new(Aes128Gcm::new_from_slice(&key).unwrap()), salt: SALT },
        _ => Transform::Gcm256 { gcm: Box::new(Aes256Gcm::new_from_slice(&key).unwrap()), salt: SALT },
    }
}

#[test]
fn rtp_is_sealed_and_opened_as_in_rfc_7714_16_1_and_16_2() {
    let plain = bytes(RTP);
    for (bits, sealed) in [
        (
            128,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b
             36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce",
        ),
        (
            256,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f
             1ba63799 b87b 7aa3db36 dfffd6b0 f9bb7878 d7a76c13",
        ),
    ] {
        let (transform, sealed) = (gcm(bits), bytes(sealed));
        let mut buffer = [0; 100];
        buffer[..plain.len()].copy_from_slice(&plain);
        let packet = RtpPacket::read(&plain).unwrap();
        let len = transform.seal_rtp(&mut buffer, &packet).unwrap();
        assert_eq!(buffer[..len], sealed, "{bits} bits");
        let packet = RtpPacket::read(&sealed).unwrap();
        let len = transform.open_rtp(&mut buffer[..len], &packet).unwrap();
        assert_eq!(buffer[..len], plain, "{bits} bits");
    }
}

#[test]
fn rtcp_is_sealed_and_opened_as_in_rfc_7714_17_1_and_17_2() {
    let plain = bytes(RTCP);
    for (bits, sealed) in [
        (
            128,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46
             86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            256,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658
             c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ] {
        let (transform, sealed) = (gcm(bits), bytes(sealed));
        let ssrc = u32::from_be_bytes(*plain[4..].first_chunk().unwrap());
        let mut buffer = [0; 100];
        buffer[..plain.len()].copy_from_slice(&plain);
        let len = transform.seal_rtcp(&mut buffer, plain.len(), ssrc, RTCP_INDEX).unwrap();
        assert_eq!(buffer[..len], sealed, "{bits} bits");
        assert_eq!(transform.rtcp_index(&sealed), Some(RTCP_INDEX));
        let len = transform.open_rtcp(&mut buffer[..len], ssrc, RTCP_INDEX).unwrap();
        assert_eq!(buffer[..len], plain, "{bits} bits");
    }
}
