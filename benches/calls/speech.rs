//! What the telephones say: speech whose every 20 ms is unlike all others, so that whoever hears a piece of it knows
//! which piece it is. Each telephone begins at a place of its own and says its name, a piece that only it has, every
//! five seconds.

use std::collections::HashMap;
use std::process::Command;

use ringback::media::SAMPLES_PER_TICK;
use ringback::rtp::g711::Law;

/// 20 ms of A-law.
pub type Piece = [u8; SAMPLES_PER_TICK];

/// Pieces from one name to the next, and the place of the name among them.
const NAME_EVERY: u64 = 250;
const NAME_AT: u64 = 25;
/// Unknown pieces in a row, after which the beginning of the pieces is looked for again.
const STRANGE_PIECES: u32 = 3;
/// Telephones begin this many pieces apart.
const APART: u64 = 7;
const TEXT: &str = "Good morning. There has been no water in our building since six o'clock, and nobody can tell us when \
    it will be back. The lamp at the corner of the street has been dark for three days; people stumble on the steps. \
    A large branch has come down at the bus stop, and the buses cannot pass. Could somebody please come and see?";

#[derive(Debug)]
pub struct Speech {
    pieces: Vec<Piece>,
    names: Vec<Piece>,
    places: HashMap<Piece, Place>,
}

/// Where a piece belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the text.
    Text(u64),
    /// The name of this telephone.
    Name(usize),
}

impl Speech {
    /// For `telephones` speakers.
    pub fn new(telephones: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("speech.wav");
        let espeak = Command::new("espeak-ng").args(["-v", "en", "-w"]).arg(&file).arg(TEXT).status();
        assert!(espeak.unwrap().success());
        let mut reader = hound::WavReader::open(&file).unwrap();
        let rate = reader.spec().sample_rate;
        let spoken: Vec<i16> = reader.samples().map(Result::unwrap).collect();
        let mut noise = Noise(0x2545_f491);
        // A breath of noise, so that no two pauses are alike.
        let spoken = ringback::wav::resample::resample(&spoken, rate, 8000)
            .into_iter()
            .map(|sample| sample / 2 + noise.next(256))
            .collect::<Vec<i16>>();
        let pieces: Vec<Piece> = spoken.chunks_exact(SAMPLES_PER_TICK).map(encode).collect();
        let names: Vec<Piece> = (0..telephones)
            .map(|_| encode(&std::array::from_fn::<i16, SAMPLES_PER_TICK, _>(|_| noise.next(8000))))
            .collect();
        let texts = pieces.iter().enumerate().map(|(place, piece)| (*piece, Place::Text(place as u64)));
        let all = names.iter().enumerate().map(|(name, piece)| (*piece, Place::Name(name))).chain(texts);
        let places: HashMap<Piece, Place> = all.collect();
        assert_eq!(places.len(), pieces.len() + names.len(), "two pieces are alike");
        Self { pieces, names, places }
    }

    /// What `telephone` says as its `number`th piece.
    pub fn said(&self, telephone: usize, number: u64) -> &Piece {
        if number % NAME_EVERY == NAME_AT {
            &self.names[telephone]
        } else {
            &self.pieces[self.place_of(telephone, number) as usize]
        }
    }

    /// Which place in the text `telephone` says as its `number`th piece, where it does not say its name.
    pub fn place_of(&self, telephone: usize, number: u64) -> u64 {
        (telephone as u64 * APART + number) % self.pieces.len() as u64
    }

    pub fn place(&self, piece: &[u8]) -> Option<Place> {
        self.places.get(piece).copied()
    }

    pub fn pieces(&self) -> u64 {
        self.pieces.len() as u64
    }
}

pub fn encode(samples: &[i16]) -> Piece {
    let mut piece = [0; SAMPLES_PER_TICK];
    Law::A.encode_into(samples, &mut piece);
    piece
}

/// 20 ms as they were heard.
#[derive(Clone, Copy, Debug)]
pub enum Heard<'a> {
    Speech(&'a Piece),
    Silence,
    /// No telephone speech at all.
    Other,
}

/// Somebody who listens to one speaker, piece by piece. The exchange may begin its 20 ms anywhere in those of the speaker;
/// where, is found by the first piece that is known.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Who is heard, once a name was.
    pub speaker: Option<usize>,
    /// Pieces of 20 ms heard so far.
    heard: u64,
    /// Where in time the text begins, samples, modulo its length; it moves when something is left out or comes twice.
    origin: Option<u64>,
    /// The last 20 ms, and how many samples of it belong to the piece before.
    last: Piece,
    shift: Option<usize>,
    strange: u32,
    /// Pieces that came exactly as they were said.
    pub exact: u64,
    /// How often the text went on earlier or later than it stopped, and the furthest of it, samples.
    pub jumps: u64,
    pub furthest: u64,
    /// Pieces of silence, as where a key is pressed, and other pieces that nobody said, after the first that somebody
    /// did.
    pub silent: u64,
    pub unknown: u64,
    /// The last piece of the text that was known.
    last_place: Option<u64>,
    /// The one that the last 20 ms completed, and with which of their samples it ended.
    completed: Option<(u64, usize)>,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            speaker: None,
            heard: 0,
            origin: None,
            last: [0; SAMPLES_PER_TICK],
            shift: None,
            strange: 0,
            exact: 0,
            jumps: 0,
            furthest: 0,
            silent: 0,
            unknown: 0,
            last_place: None,
            completed: None,
        }
    }
}

impl Listener {
    /// A piece was heard that a telephone has said.
    pub fn knows_somebody(&self) -> bool {
        self.shift.is_some()
    }

    /// The next 20 ms.
    pub fn hear(&mut self, heard: Heard<'_>, speech: &Speech) {
        self.heard += 1;
        let silence = [0; SAMPLES_PER_TICK];
        let piece = if let Heard::Speech(piece) = heard { piece } else { &silence };
        let mut both = [0; 2 * SAMPLES_PER_TICK];
        both[..SAMPLES_PER_TICK].copy_from_slice(&self.last);
        both[SAMPLES_PER_TICK..].copy_from_slice(piece);
        self.last = *piece;
        self.completed = None;
        if self.shift.is_none() {
            let known = |shift: &usize| speech.place(&both[*shift..*shift + SAMPLES_PER_TICK]).is_some();
            self.shift = (1..=SAMPLES_PER_TICK).find(known);
        }
        let place = self.shift.and_then(|shift| speech.place(&both[shift..shift + SAMPLES_PER_TICK]));
        match place {
            Some(place) => self.know(place, speech),
            None => self.wonder(matches!(heard, Heard::Silence)),
        }
    }

    /// The place in the text of the last piece that was known.
    pub fn last(&self) -> Option<u64> {
        self.last_place
    }

    /// The piece of the text that the last 20 ms completed, and how many of their samples belong to it.
    pub fn completed(&self) -> Option<(u64, usize)> {
        self.completed
    }

    fn know(&mut self, place: Place, speech: &Speech) {
        self.exact += 1;
        self.strange = 0;
        let place = match place {
            Place::Name(speaker) => {
                self.speaker = Some(speaker);
                return;
            }
            Place::Text(place) => place,
        };
        let length = speech.pieces() * SAMPLES_PER_TICK as u64;
        let end = self.heard * SAMPLES_PER_TICK as u64 + self.shift.unwrap_or(0) as u64;
        let origin = (end + length - place * SAMPLES_PER_TICK as u64) % length;
        if let Some(before) = self.origin.replace(origin).filter(|before| *before != origin) {
            let later = (origin + length - before) % length;
            self.jumps += 1;
            self.furthest = self.furthest.max(later.min(length - later));
        }
        self.last_place = Some(place);
        self.completed = self.shift.map(|shift| (place, shift));
    }

    fn wonder(&mut self, is_silent: bool) {
        if self.origin.is_some() {
            self.silent += u64::from(is_silent);
            self.unknown += u64::from(!is_silent);
            self.strange += 1;
        }
        // The pieces may begin elsewhere now.
        if self.strange > STRANGE_PIECES {
            self.shift = None;
        }
    }
}

/// Marsaglia's xorshift: always the same.
struct Noise(u32);

impl Noise {
    /// Evenly spread around zero, `width` wide.
    fn next(&mut self, width: u32) -> i16 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        ((self.0 >> 8) % width) as i16 - (width / 2) as i16
    }
}
