//! Wrapping and segments: what was made opens in its place, for its subject and with its key, and nothing else opens at all.
//! Whole files on a disk are `files/encrypt_tests.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use uuid::Uuid;

use super::*;

#[test]
fn a_master_key_is_read_as_it_was_written_and_not_when_it_was_cut() {
    let key = MasterKey::new([7; KEY_LEN]);
    let text = key.secret_text();
    assert_eq!(MasterKey::parse(&format!(" {text}\n")).unwrap(), key);
    assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.id()));
    let with_anothers_number = text.replace(key.id(), MasterKey::new([8; KEY_LEN]).id());
    for (spoilt, why) in [
        (&text[..text.len() - 4], KeyUnreadable::Form),
        (&text.replacen("CONTENT", "PRIVATE", 1), KeyUnreadable::Form),
        (&with_anothers_number, KeyUnreadable::Number),
        ("", KeyUnreadable::Form),
    ] {
        assert_eq!(MasterKey::parse(spoilt).unwrap_err(), why, "{spoilt}");
    }
}

#[test]
fn what_is_wrapped_opens_for_its_subject_and_a_key_that_is_there() {
    let ring = KeyRing::new(MasterKey::new([1; KEY_LEN]), Vec::new());
    let wrapped = ring.wrap_content_key(&ContentKey::new([9; KEY_LEN]), "call:1", [3; NONCE_LEN]);
    assert_eq!(wrapped.sealed.len(), KEY_LEN + SEALED_EXTRA);
    let of = "call:1";
    assert_eq!(ring.unwrap(&wrapped, of), Some(Ok(vec![9; KEY_LEN])));
    assert_eq!(ring.unwrap(&wrapped, "call:2"), Some(Err(CannotOpen)));
    let newer = KeyRing::new(MasterKey::new([2; KEY_LEN]), vec![MasterKey::new([1; KEY_LEN])]);
    assert!(!newer.is_newest(&wrapped) && newer.unwrap(&wrapped, of) == Some(Ok(vec![9; KEY_LEN])));
    let other = KeyRing::new(MasterKey::new([2; KEY_LEN]), Vec::new());
    assert_eq!(other.unwrap(&wrapped, of), None);
    for at in 0..wrapped.sealed.len() {
        let mut changed = wrapped.clone();
        changed.sealed[at] ^= 1;
        assert_eq!(ring.unwrap(&changed, of), Some(Err(CannotOpen)), "octet {at}");
    }
    let cut = Wrapped { sealed: wrapped.sealed[..11].to_vec(), ..wrapped };
    assert_eq!(ring.unwrap(&cut, of), Some(Err(CannotOpen)));
}

fn header(length: u64) -> Header {
    Header { id: Uuid::from_u128(5), cut: Cut { first: 10, each: 100 }, length, salt: [4; KEY_LEN] }
}

#[test]
fn segments_cover_the_content_once_and_the_file_without_a_hole() {
    for length in [0, 1, 9, 10, 11, 109, 110, 111, 1000, 1010] {
        let header = header(length);
        let (mut content, mut file) = (0, Header::LEN as u64);
        for index in 0..header.segments() {
            let segment = header.segment(index);
            assert_eq!((segment.start, segment.in_file), (content, file), "{length}");
            (content, file) = (content + segment.length, file + segment.sealed_len());
            for at in segment.start..content {
                assert_eq!(header.segment_at(at), segment, "octet {at} of {length}");
            }
        }
        assert_eq!((content, file), (length, header.file_len()));
    }
}

#[test]
fn a_segment_opens_in_its_place_in_its_file_alone() {
    let (key, header) = (ContentKey::new([6; KEY_LEN]), header(333));
    let cipher = SegmentCipher::new(&key, header);
    let seal = |index: u64| {
        let segment = header.segment(index);
        let mut content = vec![index as u8; segment.length as usize];
        cipher.seal(&segment, &mut content).unwrap();
        content
    };
    let opens = |cipher: &SegmentCipher, index: u64, mut sealed: Vec<u8>| {
        cipher.open(&cipher.header.segment(index), &mut sealed).map(|()| sealed)
    };
    assert_eq!(opens(&cipher, 1, seal(1)), Ok(vec![1; 100]));
    assert_eq!(opens(&cipher, 4, seal(4)), Ok(vec![4; 23]));
    assert_eq!(opens(&cipher, 2, seal(1)), Err(CannotOpen), "put elsewhere");
    let cut = SegmentCipher::new(&key, Header { length: 310, ..header });
    assert_eq!(opens(&cut, 3, seal(3)), Err(CannotOpen), "the file was cut before its last segment");
    let same_cut = Header { id: Uuid::from_u128(6), ..header };
    assert_eq!(opens(&SegmentCipher::new(&key, same_cut), 1, seal(1)), Err(CannotOpen), "another file's");
    let other = SegmentCipher::new(&ContentKey::new([5; KEY_LEN]), header);
    assert_eq!(opens(&other, 1, seal(1)), Err(CannotOpen), "another key");
    assert_eq!(opens(&cipher, 1, Vec::new()), Err(CannotOpen));
}

#[test]
fn a_head_is_read_as_written_and_bounds_what_is_reserved() {
    let header = header(12_345);
    let bytes = header.to_bytes();
    assert_eq!(Header::parse(&bytes), Ok(header));
    let spoilt = |at: usize, octet: u8| {
        let mut bytes = bytes;
        bytes[at] = octet;
        Header::parse(&bytes)
    };
    assert_eq!(spoilt(0, b'X'), Err(NotOurs));
    assert_eq!(spoilt(8, 0xFF), Err(NotOurs), "a segment of 4 GiB");
    assert_eq!(spoilt(16, 0xFF), Err(NotOurs), "longer than any file");
    let nothing = Header { cut: Cut { first: 0, each: 0 }, ..header }.to_bytes();
    assert_eq!(Header::parse(&nothing), Err(NotOurs));
}

#[test]
fn a_picture_opens_whole_under_its_own_name_or_not_at_all() {
    let key = ContentKey::new([6; KEY_LEN]);
    let id = Uuid::from_u128(5);
    for length in [0, 1, 65_535, 65_536, 65_537, 200_000] {
        let picture: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let sealed = seal_whole(&key, id, [4; KEY_LEN], &picture).unwrap();
        assert_eq!(open_whole(&key, id, &sealed), Ok(picture), "{length}");
        assert_eq!(open_whole(&key, Uuid::from_u128(6), &sealed), Err(CannotOpen));
        assert_eq!(open_whole(&ContentKey::new([7; KEY_LEN]), id, &sealed), Err(CannotOpen));
        assert_eq!(open_whole(&key, id, &sealed[..sealed.len() - 1]), Err(CannotOpen));
        assert_eq!(open_whole(&key, id, &[sealed.as_slice(), b"x"].concat()), Err(CannotOpen));
    }
    assert_eq!(open_whole(&key, id, b""), Err(CannotOpen));
}
