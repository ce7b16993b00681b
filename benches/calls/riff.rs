//! Strict reading of a recording's file: every chunk is whole, every size is true. It is written anew from the format's
//! definition (RIFF, 16-bit stereo PCM), so that a mistake of the program's own reader is not repeated here.

const RIFF_HEAD: usize = 12;
const CHUNK_HEAD: usize = 8;
/// Octets of a sample on both channels.
pub const FRAME: usize = 4;
const RATE: u32 = 8000;

/// A file that opens.
#[derive(Debug)]
pub struct Riff<'a> {
    pub samples: &'a [u8],
    /// Octets before the samples, and of the chunks behind them.
    pub head: usize,
    pub trailer: usize,
    /// Octets that no size counts: a crash came before the head was brought up to date.
    pub uncounted: usize,
}

impl Riff<'_> {
    pub fn frames(&self) -> u64 {
        (self.samples.len() / FRAME) as u64
    }
}

/// The whole file, or what is wrong with it.
pub fn read(octets: &[u8]) -> Result<Riff<'_>, String> {
    let head = octets.get(..RIFF_HEAD).ok_or("no head")?;
    if &head[..4] != b"RIFF" || &head[8..] != b"WAVE" {
        return Err("not RIFF WAVE".to_owned());
    }
    let end = number(&head[4..8]) as usize + 8;
    let counted = octets.get(..end).ok_or_else(|| format!("{end} octets claimed, {} there", octets.len()))?;
    let mut at = RIFF_HEAD;
    let (mut is_ours, mut samples) = (false, None);
    while at < end {
        let (name, body) = chunk(counted, at)?;
        match name {
            b"fmt " => is_ours = is_our_format(body),
            b"data" if !is_ours => return Err("samples of another format, or of none".to_owned()),
            b"data" if body.len() % FRAME != 0 => return Err("half a frame".to_owned()),
            b"data" => samples = Some((at + CHUNK_HEAD, body)),
            _ => {}
        }
        at += CHUNK_HEAD + body.len().next_multiple_of(2);
    }
    let (head, samples) = samples.ok_or("no samples")?;
    let trailer = end - head - samples.len();
    Ok(Riff { samples, head, trailer, uncounted: octets.len() - end })
}

fn chunk(octets: &[u8], at: usize) -> Result<(&[u8], &[u8]), String> {
    let head = octets.get(at..at + CHUNK_HEAD).ok_or_else(|| format!("half a chunk at {at}"))?;
    let len = number(&head[4..]) as usize;
    let body = octets.get(at + CHUNK_HEAD..at + CHUNK_HEAD + len.next_multiple_of(2));
    let body = body.ok_or_else(|| format!("the chunk at {at} is longer than the file"))?;
    Ok((&head[..4], &body[..len]))
}

/// PCM, two channels, the octets a second and a frame that follow from it, 16 bits.
fn is_our_format(body: &[u8]) -> bool {
    body.len() >= 16
        && body[..4] == [1, 0, 2, 0]
        && number(&body[4..8]) == RATE
        && number(&body[8..12]) == RATE * FRAME as u32
        && body[12..16] == [FRAME as u8, 0, 16, 0]
}

fn number(octets: &[u8]) -> u32 {
    octets.iter().rev().fold(0, |sum, octet| sum << 8 | u32::from(*octet))
}
