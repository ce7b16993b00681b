//! The search behind the address box: what fits best of streets, their former names and their houses. Every hit says
//! why it is there; a house the register does not know is offered and marked.
//!
//! Each word typed is compared with every word of the register once, some thousands; the names they stand in are
//! weighed after that. The weights below are of a hundred for a word typed as it is written.

use std::cmp::Reverse;

use super::distance::prefix_errors;
use super::fold::other_layouts;
use super::register::{Entry, House, Name, Register, Street, house_key, letter_bits};
use super::spoken::{Spoken, Word, readings};

/// What fits on a screen, and more than anybody reads while somebody speaks.
pub const MAX_HITS: usize = 8;
/// The longest address with everything around it.
pub const MAX_QUERY_CHARS: usize = 200;
/// Names whose houses are looked at.
const MAX_NAMES: usize = 3 * MAX_HITS;
/// Hits this far below the best are no answer.
const SPREAD: i32 = 40;
/// A result below this was not typed as it is written: perhaps the keyboard was in another layout.
const DOUBTFUL: i32 = 75;

const EXACT: i32 = 100;
const BEGINNING: i32 = 80;
const EXACT_SOUND: i32 = 88;
const BEGINNING_SOUND: i32 = 68;
const SIMILAR: i32 = 60;
/// For each error typed.
const ERROR: i32 = 14;
/// At most, for a beginning that is nearly the whole word.
const NEARLY_WHOLE: i32 = 14;

const KIND_FITS: i32 = 6;
const KIND_DIFFERS: i32 = -8;
/// At most, for a name of which every word was typed.
const WHOLE_NAME: i32 = 8;
const FORMER_NAME: i32 = -2;
/// Its word is also a word of the name, as in `Набережна вулиця`.
const KIND_IS_NAME: i32 = 6;
const HOUSE_FOUND: i32 = 12;
/// The number with another letter or fraction than typed.
const HOUSE_NEAR: i32 = 3;
const HOUSE_UNKNOWN: i32 = -6;
const OTHER_LAYOUT: i32 = -4;

/// How the typed words were taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reading {
    AsTyped,
    /// In another script or spelling of the same sounds.
    SameSound,
    /// With the keyboard in another layout.
    OtherLayout,
    /// With typing errors, or with a word too many.
    Similar,
}

impl Reading {
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsTyped => "as_typed",
            Self::SameSound => "same_sound",
            Self::OtherLayout => "other_layout",
            Self::Similar => "similar",
        }
    }
}

#[derive(Clone, Debug)]
pub struct Hit<'r> {
    pub street: &'r Street,
    /// The former name it was found by.
    pub former: Option<&'r str>,
    pub reading: Reading,
    /// None while only a street was typed.
    pub house: Option<HitHouse<'r>>,
    pub flat: Option<String>,
    score: i32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HitHouse<'r> {
    Known(&'r House),
    /// As typed; the register does not have it.
    Unknown(String),
}

/// A name that fits.
#[derive(Clone, Copy, Debug)]
struct Fit {
    name: usize,
    score: i32,
    reading: Reading,
}

/// What the words typed add up to in one name.
#[derive(Clone, Copy, Default)]
struct Tally {
    /// Best of each word typed, in their order.
    words: [Weight; Tally::WORDS],
    /// Words typed that are words of the street itself, a bit each.
    of_street: u16,
}

impl Tally {
    /// Words weighed of what was typed: no name has as many.
    const WORDS: usize = 8;
}

/// How well a typed word is a word of the register; 0 when it is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Weight {
    score: i32,
    reading: Reading,
}

impl Default for Weight {
    fn default() -> Self {
        Self { score: 0, reading: Reading::Similar }
    }
}

impl Register {
    /// At most [`MAX_HITS`], best first.
    pub fn search(&self, text: &str) -> Vec<Hit<'_>> {
        let text: String = text.chars().take(MAX_QUERY_CHARS).collect();
        let mut hits = self.search_as(&text, None);
        if hits.first().is_none_or(|best| best.score < DOUBTFUL || best.reading == Reading::Similar) {
            for other in other_layouts(&text) {
                hits.extend(self.search_as(&other, Some(Reading::OtherLayout)));
            }
        }
        self.best(hits)
    }

    fn search_as(&self, text: &str, reading: Option<Reading>) -> Vec<Hit<'_>> {
        let mut hits = Vec::new();
        for spoken in readings(text, &self.lexicon) {
            let mut fits = self.fits(&spoken);
            fits.sort_by_key(|fit| Reverse(fit.score));
            fits.truncate(MAX_NAMES);
            for fit in fits {
                self.add_hits(fit, &spoken, &mut hits);
            }
        }
        if let Some(reading) = reading {
            for hit in &mut hits {
                hit.score += OTHER_LAYOUT;
                hit.reading = hit.reading.max(reading);
            }
        }
        hits
    }

    /// Each house once, in the order they are shown.
    fn best<'r>(&'r self, mut hits: Vec<Hit<'r>>) -> Vec<Hit<'r>> {
        let place = |hit: &Hit<'_>| match &hit.house {
            None => (0, String::new()),
            Some(HitHouse::Known(house)) => house.key.clone(),
            Some(HitHouse::Unknown(text)) => house_key(text),
        };
        hits.sort_by_cached_key(|hit| {
            (
                Reverse(hit.score),
                hit.former.is_some(),
                hit.street.name.chars().count(),
                hit.street.key.clone(),
                place(hit),
            )
        });
        let least = hits.first().map_or(0, |best| best.score) - SPREAD;
        let mut shown: Vec<Hit<'r>> = Vec::with_capacity(MAX_HITS);
        for hit in hits.into_iter().take_while(|hit| hit.score >= least) {
            let same = |other: &Hit<'_>| {
                other.street.key == hit.street.key
                    && (place(other) == place(&hit) || other.house.is_none() || hit.house.is_none())
            };
            if !shown.iter().any(same) {
                shown.push(hit);
            }
            if shown.len() == MAX_HITS {
                break;
            }
        }
        shown
    }

    fn fits(&self, spoken: &Spoken) -> Vec<Fit> {
        let mut tallies: Vec<Tally> = vec![Tally::default(); self.names.len()];
        for (at, word) in spoken.words.iter().enumerate().take(Tally::WORDS) {
            let letters = letter_bits(&word.sound);
            for entry in &self.vocabulary {
                let Some((score, reading)) = weigh(word, letters, entry) else { continue };
                let weight = Weight { score, reading };
                for standing in &entry.names {
                    let tally = &mut tallies[standing.name as usize];
                    tally.words[at] = tally.words[at].max(weight);
                    if !standing.settlement {
                        tally.of_street |= 1 << at;
                    }
                }
            }
        }
        let names = self.names.iter().enumerate().zip(&tallies).filter(|(_, tally)| tally.of_street != 0);
        names.filter_map(|((at, name), tally)| judge(at, name, tally, &spoken.words)).collect()
    }

    /// The street, or its houses that may be meant.
    fn add_hits<'r>(&'r self, fit: Fit, spoken: &Spoken, hits: &mut Vec<Hit<'r>>) {
        let name = &self.names[fit.name];
        let street = &self.streets[name.street];
        let mut add = |house: Option<HitHouse<'r>>, flat: Option<&String>, more: i32| {
            hits.push(Hit {
                street,
                former: name.former.and_then(|at| street.former.get(at)).map(String::as_str),
                reading: fit.reading,
                house,
                flat: flat.cloned(),
                score: fit.score + more,
            });
        };
        let Some(house) = &spoken.house else { return add(None, spoken.flat.as_ref(), 0) };
        if let Some(known) = street.house(house) {
            add(Some(HitHouse::Known(known)), spoken.flat.as_ref(), HOUSE_FOUND);
        } else if let Some((house, flat)) = &spoken.pair
            && let Some(known) = street.house(house)
        {
            add(Some(HitHouse::Known(known)), Some(flat), HOUSE_FOUND);
        } else {
            add(Some(HitHouse::Unknown(house.clone())), spoken.flat.as_ref(), HOUSE_UNKNOWN);
        }
        let typed = house_key(house);
        for near in street.houses_numbered(typed.0).iter().filter(|near| near.key != typed && typed.0 != 0) {
            add(Some(HitHouse::Known(near)), spoken.flat.as_ref(), HOUSE_NEAR);
        }
    }
}

/// How well a typed word is this word of the register, and how it was taken.
fn weigh(word: &Word, letters: u64, entry: &Entry) -> Option<(i32, Reading)> {
    // A number is that number or none.
    if word.plain.starts_with(|first: char| first.is_ascii_digit()) {
        return (word.plain == entry.plain).then_some((EXACT, Reading::AsTyped));
    }
    // Letters of what was typed that the other word has not got: each is an error.
    let missing = (letters & !entry.letters).count_ones() as usize;
    let most = match word.sound.len() {
        0..=3 => 0,
        4..=6 => 1,
        _ => 2,
    };
    if missing > most {
        return None;
    }
    let share = |whole: usize, part: usize| {
        i32::try_from(part * 100 / whole.max(1)).unwrap_or(100).min(100) * NEARLY_WHOLE / 100
    };
    if entry.plain == word.plain {
        return Some((EXACT, Reading::AsTyped));
    }
    if entry.plain.starts_with(&word.plain) {
        return Some((BEGINNING + share(entry.plain.len(), word.plain.len()), Reading::AsTyped));
    }
    if missing == 0 && entry.sound == word.sound {
        return Some((EXACT_SOUND, Reading::SameSound));
    }
    let share = share(entry.sound.len(), word.sound.len());
    // One letter sounds like the beginning of half the city.
    if word.sound.len() > 1 && missing == 0 && entry.sound.starts_with(&word.sound) {
        return Some((BEGINNING_SOUND + share, Reading::SameSound));
    }
    let errors = prefix_errors(&word.sound, &entry.sound, most).filter(|errors| *errors > 0)?;
    let errors = i32::try_from(errors).unwrap_or(i32::MAX);
    Some((SIMILAR + share / 2 - ERROR * (errors - 1), Reading::Similar))
}

/// Whether the name is meant, and how surely. One word too many is forgiven where another one fits.
fn judge(at: usize, name: &Name, tally: &Tally, words: &[Word]) -> Option<Fit> {
    let typed = || words.iter().zip(tally.words);
    let must = typed().filter(|(word, _)| !word.optional).count();
    let considered = |word: &Word, weight: Weight| !word.optional || must == 0 && weight.score > 0;
    let (mut sum, mut count, mut unmatched, mut reading) = (0, 0, 0, Reading::AsTyped);
    for (_, weight) in typed().filter(|(word, weight)| considered(word, *weight)) {
        count += 1;
        sum += weight.score;
        unmatched += i32::from(weight.score == 0);
        reading = reading.max(weight.reading);
    }
    if count == 0 || unmatched > 1 || unmatched == count {
        return None;
    }
    let mut score = sum / count;
    let matched = tally.of_street.count_ones().min(u32::from(name.words));
    score += i32::try_from(matched).unwrap_or(0) * WHOLE_NAME / i32::from(name.words.max(1));
    for (word, found) in typed().filter(|(word, _)| word.kinds != 0) {
        score += match (found.score > BEGINNING && must > 0, word.kinds & name.kinds != 0) {
            (true, _) => KIND_IS_NAME,
            (false, true) => KIND_FITS,
            (false, false) if name.kinds != 0 => KIND_DIFFERS,
            (false, false) => 0,
        };
    }
    if name.former.is_some() {
        score += FORMER_NAME;
    }
    Some(Fit { name: at, score, reading })
}
