//! An encrypted file: a head of 80 octets, then segments, each with its own tag (AES-256-GCM, as STREAM has it: Hoang,
//! Reyhanitabar, Rogaway, Vizár 2015). The nonce of a segment is its index and whether it is the last, the head is authenticated
//! with every one: what was cut, appended, put elsewhere or exchanged with another file does not open, and one segment opens
//! without the others.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use uuid::Uuid;

use super::{CannotOpen, ContentKey, KEY_LEN};

/// Octets of a tag.
const TAG_LEN: u64 = 16;
const MAGIC: &[u8; 8] = b"RBCRYPT1";
/// Longest segment that is read: a head that was tampered with makes nobody reserve more.
const MAX_SEGMENT: u32 = 1 << 20;
/// Longest content, 1 TiB; a WAV file ends at 4 GiB.
const MAX_LENGTH: u64 = 1 << 40;

/// How content is cut into segments: a first one, and equal ones behind it. For sound that is the head of its file and each
/// second, so that what is damaged is one second and not two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// Octets of the first segment, 1 to 1,048,576, as of every other.
    pub first: u32,
    pub each: u32,
}

impl Cut {
    /// For content without seconds.
    pub const BLOCKS: Self = Self { first: 64 * 1024, each: 64 * 1024 };
}

/// No head of an encrypted file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an encrypted file of this program")]
pub struct NotOurs;

/// It is encrypted, and says that it is something else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("it belongs to {0}")]
pub struct OfAnother(pub Uuid);

/// What stands before the segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Of the recording or picture.
    pub id: Uuid,
    pub cut: Cut,
    /// Octets of the content.
    pub length: u64,
    /// Random: no two files have a key in common.
    pub salt: [u8; KEY_LEN],
}

impl Header {
    pub const LEN: usize = 80;

    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        let fields: [&[u8]; 6] = [
            MAGIC,
            &self.cut.first.to_be_bytes(),
            &self.cut.each.to_be_bytes(),
            &self.length.to_be_bytes(),
            self.id.as_bytes(),
            &self.salt,
        ];
        let mut at = 0;
        for field in fields {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        }
        bytes
    }

    pub fn parse(bytes: &[u8; Self::LEN]) -> Result<Self, NotOurs> {
        let part = |from: usize, len: usize| bytes.get(from..from + len).ok_or(NotOurs);
        let number = |from: usize| part(from, 4)?.try_into().map(u32::from_be_bytes).map_err(|_| NotOurs);
        let header = Self {
            cut: Cut { first: number(8)?, each: number(12)? },
            length: u64::from_be_bytes(part(16, 8)?.try_into().map_err(|_| NotOurs)?),
            id: Uuid::from_slice(part(24, 16)?).map_err(|_| NotOurs)?,
            salt: part(40, KEY_LEN)?.try_into().map_err(|_| NotOurs)?,
        };
        let lengths = 1..=MAX_SEGMENT;
        let is_sane = lengths.contains(&header.cut.first) && lengths.contains(&header.cut.each);
        if bytes.starts_with(MAGIC) && is_sane && header.length <= MAX_LENGTH {
            Ok(header)
        } else {
            Err(NotOurs)
        }
    }

    /// How many there are; one even of nothing.
    pub fn segments(&self) -> u64 {
        1 + self.length.saturating_sub(self.cut.first.into()).div_ceil(self.cut.each.into())
    }

    /// Octets of the whole encrypted file.
    pub fn file_len(&self) -> u64 {
        Self::LEN as u64 + self.length + self.segments() * TAG_LEN
    }

    /// The segment with this octet of the content; the last one for what lies behind it.
    pub fn segment_at(&self, at: u64) -> Segment {
        let (first, each) = (u64::from(self.cut.first), u64::from(self.cut.each));
        let index = at.checked_sub(first).map_or(0, |behind| 1 + behind / each).min(self.segments() - 1);
        self.segment(index)
    }

    /// The segment with this index.
    pub fn segment(&self, index: u64) -> Segment {
        let (first, each) = (u64::from(self.cut.first), u64::from(self.cut.each));
        let (start, longest) = if index == 0 { (0, first) } else { (first + (index - 1) * each, each) };
        let length = self.length.saturating_sub(start).min(longest);
        Segment {
            index,
            start,
            length,
            in_file: Self::LEN as u64 + start + index * TAG_LEN,
            is_last: index + 1 == self.segments(),
        }
    }
}

/// Where a segment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Segment {
    index: u64,
    /// Its first octet in the content.
    pub start: u64,
    /// Its octets in the content.
    pub length: u64,
    /// Where it lies in the file.
    pub in_file: u64,
    is_last: bool,
}

impl Segment {
    /// Octets in the file.
    pub const fn sealed_len(&self) -> u64 {
        self.length + TAG_LEN
    }

    /// Three octets of nothing, the index, 1 for the last.
    fn nonce(&self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.index.to_be_bytes());
        nonce[11] = u8::from(self.is_last);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// Encrypts and opens the segments of one file.
pub struct SegmentCipher {
    pub header: Header,
    beside: [u8; Header::LEN],
    key: LessSafeKey,
}

/// Without the key.
impl std::fmt::Debug for SegmentCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentCipher").field("header", &self.header).finish_non_exhaustive()
    }
}

impl SegmentCipher {
    pub fn new(key: &ContentKey, header: Header) -> Self {
        let prk = key.of_file(&header.salt);
        let of_file = prk.expand(&[b"ringback file 1"], &AES_256_GCM).expect("HKDF gives 255 blocks");
        let key = LessSafeKey::new(UnboundKey::from(of_file));
        Self { header, beside: header.to_bytes(), key }
    }

    /// Turns the content of a segment into what stands in the file.
    pub fn seal(&self, segment: &Segment, content: &mut Vec<u8>) -> Result<(), CannotOpen> {
        let beside = Aad::from(self.beside);
        self.key.seal_in_place_append_tag(segment.nonce(), beside, content).map_err(|_| CannotOpen)
    }

    /// Turns what stands in the file into the content of the segment.
    pub fn open(&self, segment: &Segment, sealed: &mut Vec<u8>) -> Result<(), CannotOpen> {
        let beside = Aad::from(self.beside);
        let length = match self.key.open_in_place(segment.nonce(), beside, sealed) {
            Ok(content) => content.len(),
            Err(_) => return Err(CannotOpen),
        };
        sealed.truncate(length);
        Ok(())
    }
}

/// A whole picture as one encrypted file, in memory. `salt` is random, for it alone.
pub fn seal_whole(
    key: &ContentKey,
    id: Uuid,
    salt: [u8; KEY_LEN],
    content: &[u8],
) -> Result<Vec<u8>, CannotOpen> {
    let header = Header { id, cut: Cut::BLOCKS, length: content.len() as u64, salt };
    let cipher = SegmentCipher::new(key, header);
    let mut sealed = header.to_bytes().to_vec();
    let mut rest = content;
    for index in 0..header.segments() {
        let segment = header.segment(index);
        let (part, behind) =
            rest.split_at(usize::try_from(segment.length).unwrap_or(usize::MAX).min(rest.len()));
        let mut part = part.to_vec();
        cipher.seal(&segment, &mut part)?;
        sealed.append(&mut part);
        rest = behind;
    }
    Ok(sealed)
}

/// What [`seal_whole`] made of the picture `id`.
pub fn open_whole(key: &ContentKey, id: Uuid, sealed: &[u8]) -> Result<Vec<u8>, CannotOpen> {
    let (head, mut rest) = sealed.split_first_chunk::<{ Header::LEN }>().ok_or(CannotOpen)?;
    let header = Header::parse(head).map_err(|_| CannotOpen)?;
    if header.id != id || header.file_len() != sealed.len() as u64 {
        return Err(CannotOpen);
    }
    let cipher = SegmentCipher::new(key, header);
    let mut content = Vec::with_capacity(rest.len());
    for index in 0..header.segments() {
        let segment = header.segment(index);
        let length = usize::try_from(segment.sealed_len()).map_err(|_| CannotOpen)?;
        let (part, behind) = rest.split_at_checked(length).ok_or(CannotOpen)?;
        let mut part = part.to_vec();
        cipher.open(&segment, &mut part)?;
        content.append(&mut part);
        rest = behind;
    }
    Ok(content)
}
