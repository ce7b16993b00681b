//! The transforms: encrypts, authenticates and opens one packet whose index is known. Counter mode with HMAC-SHA1 is
//! RFC 3711 4, AES-GCM is RFC 7714 8 and 9. Indexes and sources are the business of `sender` and `receiver`.

use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::keystream::{Aes, BLOCK, Label, derive};
use super::{MasterKey, Suite};

/// Octets of RTCP that stay readable: the header and the sender's SSRC.
pub(super) const RTCP_CLEAR: usize = 8;
/// Octets of the word with the E flag and the SRTCP index.
const INDEX_WORD: usize = 4;
/// The E flag: this packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;
const GCM_TAG: usize = 16;
/// Octets of the tag of SRTCP, and of SRTP in the 80-bit suite.
const LONG_TAG: usize = 10;
const SHORT_TAG: usize = 4;
const AUTHENTICATION_KEY: usize = 20;
const GCM_NONCE: usize = 12;

/// Which half of a session: SRTP or SRTCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Half {
    Rtp,
    Rtcp,
}

/// A keyed transform of one half and one direction.
pub(super) enum Transform {
    CounterMode { aes: Aes, salt: [u8; 14], hmac: Box<Hmac<Sha1>>, tag_len: usize },
    Gcm128 { gcm: Box<Aes128Gcm>, salt: [u8; GCM_NONCE] },
    Gcm256 { gcm: Box<Aes256Gcm>, salt: [u8; GCM_NONCE] },
}

impl Transform {
    pub(super) fn new(master: &MasterKey, half: Half) -> Self {
        let [encryption, authentication, salting] = match half {
            Half::Rtp => [Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt],
            Half::Rtcp => [Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt],
        };
        match master.suite() {
            suite @ (Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32) => {
                let (mut key, mut salt) = ([0; 16], [0; 14]);
                let mut authentication_key = [0; AUTHENTICATION_KEY];
                derive(master, encryption, &mut key);
                derive(master, authentication, &mut authentication_key);
                derive(master, salting, &mut salt);
                let short = suite == Suite::AesCm128HmacSha1_32 && half == Half::Rtp;
                Self::CounterMode {
                    aes: Aes::new(&key).expect("16 octets are an AES key"),
                    salt,
                    hmac: Box::new(Hmac::new_from_slice(&authentication_key).expect("HMAC takes any key")),
                    tag_len: if short { SHORT_TAG } else { LONG_TAG },
                }
            }
            Suite::AeadAes128Gcm => {
                let (mut key, mut salt) = ([0; 16], [0; GCM_NONCE]);
                derive(master, encryption, &mut key);
                derive(master, salting, &mut salt);
                Self::Gcm128 { gcm: Box::new(Aes128Gcm::new(&key.into())), salt }
            }
            Suite::AeadAes256Gcm => {
                let (mut key, mut salt) = ([0; 32], [0; GCM_NONCE]);
                derive(master, encryption, &mut key);
                derive(master, salting, &mut salt);
                Self::Gcm256 { gcm: Box::new(Aes256Gcm::new(&key.into())), salt }
            }
        }
    }

    /// Protects the RTP packet of `len` octets at the start of `buffer`; the protected length, or none when the
    /// buffer is too small for the tag.
    pub(super) fn seal_rtp(&self, buffer: &mut [u8], packet: &RtpPacket) -> Option<usize> {
        let RtpPacket { header_len, len, .. } = *packet;
        match self {
            Self::CounterMode { aes, salt, tag_len, .. } => {
                let sealed = len + tag_len;
                buffer.get_mut(len..sealed)?;
                aes.apply_keystream(packet.counter(salt), &mut buffer[header_len..len]);
                let tag = self.rtp_tag(&buffer[..len], packet);
                buffer[len..sealed].copy_from_slice(&tag[..*tag_len]);
                Some(sealed)
            }
            Self::Gcm128 { salt, .. } | Self::Gcm256 { salt, .. } => {
                let (header, rest) = buffer.split_at_mut(header_len);
                let (payload, tail) = rest.split_at_mut(len - header_len);
                let tag = self.gcm_seal(&packet.nonce(salt), header, payload)?;
                tail.get_mut(..GCM_TAG)?.copy_from_slice(&tag);
                Some(len + GCM_TAG)
            }
        }
    }

    /// Opens a protected RTP packet in place; its plain length, or none when it is forged.
    pub(super) fn open_rtp(&self, datagram: &mut [u8], packet: &RtpPacket) -> Option<usize> {
        let RtpPacket { header_len, len, .. } = *packet;
        match self {
            Self::CounterMode { aes, salt, tag_len, .. } => {
                let plain = len.checked_sub(*tag_len).filter(|plain| *plain >= header_len)?;
                let expected = self.rtp_tag(&datagram[..plain], packet);
                if !bool::from(expected[..*tag_len].ct_eq(&datagram[plain..len])) {
                    return None;
                }
                aes.apply_keystream(packet.counter(salt), &mut datagram[header_len..plain]);
                Some(plain)
            }
            Self::Gcm128 { salt, .. } | Self::Gcm256 { salt, .. } => {
                let plain = len.checked_sub(GCM_TAG).filter(|plain| *plain >= header_len)?;
                let (header, rest) = datagram[..len].split_at_mut(header_len);
                let (payload, tag) = rest.split_at_mut(plain - header_len);
                self.gcm_open(&packet.nonce(salt), header, payload, tag)?;
                Some(plain)
            }
        }
    }

    /// Protects the RTCP compound of `len` octets at the start of `buffer`.
    pub(super) fn seal_rtcp(&self, buffer: &mut [u8], len: usize, ssrc: u32, index: u32) -> Option<usize> {
        let word = (index | ENCRYPTED).to_be_bytes();
        match self {
            Self::CounterMode { aes, salt, tag_len, .. } => {
                let (index_at, tag_at) = (len, len + INDEX_WORD);
                let sealed = tag_at + tag_len;
                buffer.get_mut(..sealed)?;
                aes.apply_keystream(counter(salt, ssrc, index.into()), &mut buffer[RTCP_CLEAR..len]);
                buffer[index_at..tag_at].copy_from_slice(&word);
                let tag = self.rtcp_tag(&buffer[..tag_at]);
                buffer[tag_at..sealed].copy_from_slice(&tag[..*tag_len]);
                Some(sealed)
            }
            Self::Gcm128 { salt, .. } | Self::Gcm256 { salt, .. } => {
                let sealed = len + GCM_TAG + INDEX_WORD;
                let (packet, tail) = buffer.get_mut(..sealed)?.split_at_mut(len);
                let (header, body) = packet.split_at_mut(RTCP_CLEAR);
                let associated = associated_data(header, word);
                let tag = self.gcm_seal(&rtcp_nonce(salt, ssrc, index), &associated, body)?;
                tail[..GCM_TAG].copy_from_slice(&tag);
                tail[GCM_TAG..].copy_from_slice(&word);
                Some(sealed)
            }
        }
    }

    /// Where the index word stands in a protected RTCP packet, and what it says; none when the packet is too short
    /// or not encrypted, which was never agreed.
    pub(super) fn rtcp_index(&self, datagram: &[u8]) -> Option<u32> {
        let tail = match self {
            Self::CounterMode { tag_len, .. } => INDEX_WORD + tag_len,
            Self::Gcm128 { .. } | Self::Gcm256 { .. } => INDEX_WORD,
        };
        let at = datagram.len().checked_sub(tail).filter(|at| *at >= RTCP_CLEAR)?;
        let word = datagram[at..].first_chunk::<INDEX_WORD>().map(|word| u32::from_be_bytes(*word))?;
        (word & ENCRYPTED != 0).then_some(word & !ENCRYPTED)
    }

    /// Opens a protected RTCP packet in place; its plain length, or none when it is forged.
    pub(super) fn open_rtcp(&self, datagram: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let len = datagram.len();
        match self {
            Self::CounterMode { aes, salt, tag_len, .. } => {
                let tag_at = len.checked_sub(*tag_len)?;
                let plain = tag_at.checked_sub(INDEX_WORD).filter(|plain| *plain >= RTCP_CLEAR)?;
                let expected = self.rtcp_tag(&datagram[..tag_at]);
                if !bool::from(expected[..*tag_len].ct_eq(&datagram[tag_at..])) {
                    return None;
                }
                aes.apply_keystream(counter(salt, ssrc, index.into()), &mut datagram[RTCP_CLEAR..plain]);
                Some(plain)
            }
            Self::Gcm128 { salt, .. } | Self::Gcm256 { salt, .. } => {
                let plain = len.checked_sub(GCM_TAG + INDEX_WORD).filter(|plain| *plain >= RTCP_CLEAR)?;
                let (packet, tail) = datagram.split_at_mut(plain);
                let (header, body) = packet.split_at_mut(RTCP_CLEAR);
                let associated = associated_data(header, (index | ENCRYPTED).to_be_bytes());
                self.gcm_open(&rtcp_nonce(salt, ssrc, index), &associated, body, &tail[..GCM_TAG])?;
                Some(plain)
            }
        }
    }

    /// HMAC-SHA1 over the packet and the rollover counter (RFC 3711 4.2).
    fn rtp_tag(&self, packet: &[u8], of: &RtpPacket) -> [u8; 20] {
        let rollover = ((of.index >> 16) as u32).to_be_bytes();
        self.hmac(&[packet, &rollover])
    }

    fn rtcp_tag(&self, packet: &[u8]) -> [u8; 20] {
        self.hmac(&[packet])
    }

    fn hmac(&self, parts: &[&[u8]]) -> [u8; 20] {
        let Self::CounterMode { hmac, .. } = self else { return [0; 20] };
        let mut hmac = hmac.as_ref().clone();
        parts.iter().for_each(|part| hmac.update(part));
        hmac.finalize().into_bytes().into()
    }

    fn gcm_seal(&self, nonce: &[u8; GCM_NONCE], associated: &[u8], data: &mut [u8]) -> Option<[u8; GCM_TAG]> {
        let nonce = Nonce::<Aes128Gcm>::from(*nonce);
        let tag = match self {
            Self::Gcm128 { gcm, .. } => gcm.encrypt_inout_detached(&nonce, associated, data.into()),
            Self::Gcm256 { gcm, .. } => gcm.encrypt_inout_detached(&nonce, associated, data.into()),
            Self::CounterMode { .. } => return None,
        };
        tag.ok().map(Into::into)
    }

    fn gcm_open(
        &self,
        nonce: &[u8; GCM_NONCE],
        associated: &[u8],
        data: &mut [u8],
        tag: &[u8],
    ) -> Option<()> {
        let nonce = Nonce::<Aes128Gcm>::from(*nonce);
        let tag = Tag::<Aes128Gcm>::from(*tag.first_chunk::<GCM_TAG>()?);
        let opened = match self {
            Self::Gcm128 { gcm, .. } => gcm.decrypt_inout_detached(&nonce, associated, data.into(), &tag),
            Self::Gcm256 { gcm, .. } => gcm.decrypt_inout_detached(&nonce, associated, data.into(), &tag),
            Self::CounterMode { .. } => return None,
        };
        opened.ok()
    }
}

/// What a transform must know of an RTP packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct RtpPacket {
    /// Fixed header, CSRC list and extension: authenticated, not encrypted.
    pub(super) header_len: usize,
    pub(super) len: usize,
    pub(super) ssrc: u32,
    pub(super) sequence_number: u16,
    /// Rollover counter and sequence number, 48 bits.
    pub(super) index: u64,
}

impl RtpPacket {
    /// Reads what stands in the clear; the index is still to be found. None when it is no RTP.
    pub(super) fn read(datagram: &[u8]) -> Option<Self> {
        let fixed = datagram.first_chunk::<12>().filter(|fixed| fixed[0] >> 6 == 2)?;
        let mut header_len = 12 + usize::from(fixed[0] & 0x0f) * 4;
        if fixed[0] & 0x10 != 0 {
            let head = datagram.get(header_len..)?.first_chunk::<4>()?;
            header_len += 4 + usize::from(u16::from_be_bytes([head[2], head[3]])) * 4;
        }
        let sequence_number = u16::from_be_bytes([fixed[2], fixed[3]]);
        (header_len <= datagram.len()).then_some(Self {
            header_len,
            len: datagram.len(),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            sequence_number,
            index: sequence_number.into(),
        })
    }

    fn counter(&self, salt: &[u8; 14]) -> [u8; BLOCK] {
        counter(salt, self.ssrc, self.index)
    }

    /// RFC 7714 8.1: SSRC, rollover counter and sequence number, XORed with the salt.
    fn nonce(&self, salt: &[u8; GCM_NONCE]) -> [u8; GCM_NONCE] {
        let mut nonce = *salt;
        xor(&mut nonce[2..6], &self.ssrc.to_be_bytes());
        xor(&mut nonce[6..12], &self.index.to_be_bytes()[2..]);
        nonce
    }
}

/// RFC 3711 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
fn counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; BLOCK] {
    let mut iv = [0; BLOCK];
    iv[..14].copy_from_slice(salt);
    xor(&mut iv[4..8], &ssrc.to_be_bytes());
    xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
    iv
}

/// RFC 7714 9.1.
fn rtcp_nonce(salt: &[u8; GCM_NONCE], ssrc: u32, index: u32) -> [u8; GCM_NONCE] {
    let mut nonce = *salt;
    xor(&mut nonce[2..6], &ssrc.to_be_bytes());
    xor(&mut nonce[8..12], &index.to_be_bytes());
    nonce
}

/// RFC 7714 9.2: the readable header and the index word.
fn associated_data(header: &[u8], word: [u8; INDEX_WORD]) -> [u8; RTCP_CLEAR + INDEX_WORD] {
    let mut associated = [0; RTCP_CLEAR + INDEX_WORD];
    associated[..RTCP_CLEAR].copy_from_slice(header);
    associated[RTCP_CLEAR..].copy_from_slice(&word);
    associated
}

fn xor(to: &mut [u8], with: &[u8]) {
    to.iter_mut().zip(with).for_each(|(octet, mask)| *octet ^= mask);
}

#[cfg(test)]
#[path = "transform_tests.rs"]
mod tests;
