//! AES in counter mode (RFC 3711 4.1.1) and the derivation of session keys from master keys, which uses it (4.3,
//! RFC 6188 for 256 bits). Which bytes of a packet are encrypted is `transform`.

use aes_gcm::aes::cipher::{Array, BlockCipherEncrypt, KeyInit};
use aes_gcm::aes::{Aes128, Aes256};

use super::MasterKey;

/// Octets of an AES block.
pub(super) const BLOCK: usize = 16;

/// What a session key is for: the label of RFC 3711 4.3.2.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// The block cipher with a key of 128 or 256 bits.
pub(super) enum Aes {
    Bits128(Box<Aes128>),
    Bits256(Box<Aes256>),
}

impl Aes {
    /// None for a key that has neither 16 nor 32 octets.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Some(Self::Bits128(Box::new(Aes128::new_from_slice(key).ok()?))),
            32 => Some(Self::Bits256(Box::new(Aes256::new_from_slice(key).ok()?))),
            _ => None,
        }
    }

    fn encrypt(&self, block: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = Array::from(block);
        match self {
            Self::Bits128(aes) => aes.encrypt_block(&mut block),
            Self::Bits256(aes) => aes.encrypt_block(&mut block),
        }
        block.into()
    }

    /// XORs `data` with the key stream that begins at `iv`; the last two octets of `iv` count its blocks.
    pub(super) fn apply_keystream(&self, mut iv: [u8; BLOCK], data: &mut [u8]) {
        for (count, chunk) in data.chunks_mut(BLOCK).enumerate() {
            // A datagram has at most 4096 blocks: sixteen bits never wrap.
            iv[14..].copy_from_slice(&(count as u16).to_be_bytes());
            let stream = self.encrypt(iv);
            chunk.iter_mut().zip(stream).for_each(|(octet, mask)| *octet ^= mask);
        }
    }
}

/// Fills `session_key` with the session key of one purpose; the key derivation rate is zero, as everywhere.
pub(super) fn derive(master: &MasterKey, label: Label, session_key: &mut [u8]) {
    // A salt of 96 bits counts as one of 112 with zeros at its end (RFC 7714 11).
    let mut iv = [0; BLOCK];
    iv[..master.salt().len()].copy_from_slice(master.salt());
    iv[7] ^= label as u8;
    session_key.fill(0);
    if let Some(aes) = Aes::new(master.key()) {
        aes.apply_keystream(iv, session_key);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::srtp::Suite;
    use crate::srtp::tests::bytes;

    #[test]
    fn the_key_stream_is_that_of_rfc_3711_b_2() {
        let aes = Aes::new(&bytes("2B7E151628AED2A6ABF7158809CF4F3C")).unwrap();
        let iv: [u8; 16] = bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut stream = [0; 48];
        aes.apply_keystream(iv, &mut stream);
        assert_eq!(
            stream.to_vec(),
            bytes(
                "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB \
                 41E95B3BB0A2E8DD477901E4FCA894C0"
            )
        );
        let mut long = vec![0; 0xff02 * 16];
        aes.apply_keystream(iv, &mut long);
        assert_eq!(
            long[0xfeff * 16..],
            bytes(
                "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE \
                 6A2CC3787889374FBEB4C81B17BA6C44"
            )
        );
    }

    #[test]
    fn with_256_bits_it_is_that_of_rfc_6188_7_1() {
        let key = bytes("57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98");
        let iv: [u8; 16] = bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000").try_into().unwrap();
        let mut stream = vec![0; 0xff02 * 16];
        Aes::new(&key).unwrap().apply_keystream(iv, &mut stream);
        assert_eq!(
            stream[..48],
            bytes(
                "92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac \
                 63c4868b7096d88421b563b8c94c9a31"
            )
        );
        assert_eq!(
            stream[0xfeff * 16..],
            bytes(
                "cea518c90fd91ced9cbb18c078a54711 3dbc4814f4da5f00a08772b63c6a046d \
                 6eb246913062a16891433e97dd01a57f"
            )
        );
    }

    #[test]
    fn session_keys_are_those_of_rfc_3711_b_3() {
        let material = bytes("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(Suite::AesCm128HmacSha1_80, &material).unwrap();
        for (label, expected) in [
            (Label::RtpEncryption, "C61E7A93744F39EE10734AFE3FF7A087"),
            (Label::RtpSalt, "30CBBC08863D8C85D49DB34A9AE1"),
            (
                Label::RtpAuthentication,
                "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE\
                 E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25\
                 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2DC68",
            ),
        ] {
            let expected = bytes(expected);
            let mut session_key = vec![0xff; expected.len()];
            derive(&master, label, &mut session_key);
            assert_eq!(session_key, expected, "{label:?}");
        }
    }
}
