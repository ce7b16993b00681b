//! STUN against the vectors of RFC 5769, typed in from it; also the requests that a full ICE agent sends and the reading
//! of our answers, for the tests of who uses them.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

/// RFC 5769 2.1: user `evtj:h6vY`.
const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e2074657374\
    20636c69656e74002400046e0001ff80290008932ff9b151263b3600060009\
    6576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
/// RFC 5769 2.2 and 2.3: 192.0.2.1 and 2001:db8:1234:5678:11:2233:4455:6677, both port 32853.
const RESPONSES: [&str; 2] = [
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643\
     000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147\
     0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c",
];
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
}

/// What a full agent's check looks like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check<'a> {
    pub(crate) transaction: [u8; 12],
    pub(crate) username: &'a str,
    pub(crate) password: &'a str,
    pub(crate) controlling: bool,
    pub(crate) nominates: bool,
}

impl Check<'_> {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut message = BINDING_REQUEST.to_be_bytes().to_vec();
        message.extend([0, 0]);
        message.extend(MAGIC_COOKIE.to_be_bytes());
        message.extend(self.transaction);
        push(&mut message, USERNAME, self.username.as_bytes());
        push(&mut message, PRIORITY, &[0x6e, 0, 1, 0xff]);
        push(&mut message, if self.controlling { ICE_CONTROLLING } else { ICE_CONTROLLED }, &[7; 8]);
        if self.nominates {
            push(&mut message, USE_CANDIDATE, &[]);
        }
        sign(&mut message, self.password);
        message
    }
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend((value.len() as u16).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
    let len = ((message.len() - HEADER) as u16).to_be_bytes();
    message[2..4].copy_from_slice(&len);
}

fn sign(message: &mut Vec<u8>, password: &str) {
    let signature = integrity(message, password);
    push(message, MESSAGE_INTEGRITY, &signature);
    let crc = fingerprint(message);
    push(message, FINGERPRINT, &crc.to_be_bytes());
}

/// The mapped address of a success, or the code of an error; the signature is checked.
pub(crate) fn read_answer(answer: &[u8], transaction: [u8; 12], password: &str) -> Result<Vec<u8>, u16> {
    assert_eq!(answer[8..20], transaction);
    let signature_at = answer.len() - 8 - 24;
    assert_eq!(integrity(&answer[..signature_at], password), answer[signature_at + 4..signature_at + 24]);
    assert_eq!(fingerprint(&answer[..answer.len() - 8]).to_be_bytes(), answer[answer.len() - 4..]);
    match u16::from_be_bytes([answer[0], answer[1]]) {
        BINDING_SUCCESS => Ok(answer[HEADER + 4..signature_at].to_vec()),
        _ => Err(u16::from(answer[26]) * 100 + u16::from(answer[27])),
    }
}

#[test]
fn the_request_of_rfc_5769_is_read_and_its_signature_known() {
    let datagram = bytes(REQUEST);
    let request = BindingRequest::parse(&datagram).unwrap();
    assert_eq!((request.username, request.role), (b"evtj:h6vY".as_slice(), Role::Controlled));
    assert_eq!((request.use_candidate, request.unknown), (false, None));
    assert!(request.is_signed_with(PASSWORD));
    assert!(!request.is_signed_with("VOkJxbRl1RmTxUk/WvJxBu"));
}

#[test]
fn the_responses_of_rfc_5769_carry_our_checksums_and_addresses() {
    let transaction = TransactionId(bytes(REQUEST)[8..20].try_into().unwrap());
    for (text, address) in
        RESPONSES.into_iter().zip(["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"])
    {
        let datagram = bytes(text);
        let signed = datagram.len() - 8;
        assert_eq!(integrity(&datagram[..signed - 24], PASSWORD), datagram[signed - 20..signed]);
        assert_eq!(fingerprint(&datagram[..signed]).to_be_bytes(), datagram[signed + 4..]);
        // Ours has no SOFTWARE attribute; the address is the same octet by octet.
        let mut buffer = [0; MAX_ANSWER];
        let answer = Answer::Success(address.parse().unwrap()).write(transaction, PASSWORD, &mut buffer);
        assert_eq!(read_answer(answer, transaction.0, PASSWORD).unwrap(), datagram[40..signed - 24]);
        assert_eq!(usize::from(answer[3]), answer.len() - 20);
    }
}

#[test]
fn errors_are_signed_too() {
    let transaction = TransactionId([9; 12]);
    let mut buffer = [0; MAX_ANSWER];
    for (answer, code) in [(Answer::RoleConflict, 487), (Answer::UnknownAttribute(0x0030), 420)] {
        let written = answer.write(transaction, PASSWORD, &mut buffer);
        assert_eq!(read_answer(written, transaction.0, PASSWORD), Err(code));
    }
}

#[test]
fn a_check_reads_back_with_all_it_says() {
    let check = Check {
        transaction: [3; 12],
        username: "ours:theirs",
        password: PASSWORD,
        controlling: true,
        nominates: true,
    };
    let datagram = check.to_bytes();
    let request = BindingRequest::parse(&datagram).unwrap();
    assert_eq!((request.transaction, request.role), (TransactionId([3; 12]), Role::Controlling));
    assert!(request.use_candidate && request.is_signed_with(PASSWORD));
    let mut strange = BINDING_REQUEST.to_be_bytes().to_vec();
    strange.resize(HEADER, 0);
    strange[4..8].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    push(&mut strange, 0x0030, b"?");
    push(&mut strange, 0xc057, b"ignored");
    push(&mut strange, USERNAME, b"a:b");
    sign(&mut strange, PASSWORD);
    assert_eq!(BindingRequest::parse(&strange).unwrap().unknown, Some(0x0030));
}

#[test]
fn damaged_requests_are_refused_whole() {
    let datagram = bytes(REQUEST);
    for len in 0..datagram.len() {
        assert!(BindingRequest::parse(&datagram[..len]).is_err(), "cut at {len}");
    }
    for at in 0..datagram.len() * 8 {
        let mut flipped = datagram.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(BindingRequest::parse(&flipped).is_err(), "bit {at}");
    }
    let mut unsigned = datagram[..datagram.len() - 32].to_vec();
    let crc = {
        let len = ((unsigned.len() - HEADER) as u16).to_be_bytes();
        unsigned[2..4].copy_from_slice(&len);
        fingerprint(&unsigned)
    };
    push(&mut unsigned, FINGERPRINT, &crc.to_be_bytes());
    assert_eq!(BindingRequest::parse(&unsigned).unwrap_err(), MalformedStun::Unsigned);
    assert_eq!(BindingRequest::parse(&bytes(RESPONSES[0])).unwrap_err(), MalformedStun::OtherMessage);
    assert!(!is_stun(&[0x80, 0, 0, 0, 0x21, 0x12, 0xa4, 0x42]) && !is_stun(&[0, 1, 0, 0]));
}

/// Lengths that run over each other, whatever the checksum says: read to an end, never beyond.
#[test]
fn lying_lengths_are_read_to_an_end() {
    for len in [0_u16, 1, 3, 5, 0x14, 0xffff] {
        for at in [20, 40, 48, 60] {
            let mut datagram = bytes(REQUEST);
            datagram[at + 2..at + 4].copy_from_slice(&len.to_be_bytes());
            let body = datagram.len() - 8;
            let crc = fingerprint(&datagram[..body]).to_be_bytes();
            datagram[body + 4..].copy_from_slice(&crc);
            let signed =
                BindingRequest::parse(&datagram).is_ok_and(|request| request.is_signed_with(PASSWORD));
            assert!(!signed, "length {len} at {at}");
        }
    }
}
