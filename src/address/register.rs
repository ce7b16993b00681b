//! The address register: streets with all the names they have had, and their houses. Built once by `import`, asked by
//! `search`, never changed: a reload builds a new one.

use std::collections::HashMap;

use super::Point;
use super::fold::{plain, sound};
use super::lexicon::{Kinds, Lexicon};
use super::spoken::words_of_name;

/// Every street and house of the city, and the words they are found by. The empty one finds nothing.
#[derive(Clone, Debug, Default)]
pub struct Register {
    pub(super) streets: Vec<Street>,
    /// Street by its key.
    by_key: HashMap<String, usize>,
    pub(super) names: Vec<Name>,
    pub(super) vocabulary: Vec<Entry>,
    pub(super) lexicon: Lexicon,
    houses: usize,
}

/// A street of today.
#[derive(Clone, Debug)]
pub struct Street {
    /// Names it across reloads and in the store: its plain name, kind and settlement.
    pub key: String,
    /// As the city writes it, kind included: `вулиця Тараса Шевченка`.
    pub name: String,
    /// What it was called before, as the register has it.
    pub former: Vec<String>,
    /// Village or town, where the register names one.
    pub settlement: Option<String>,
    /// Territory id, when all of the street lies in one.
    pub territory: Option<String>,
    /// By number, then by what follows it.
    pub(super) houses: Vec<House>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct House {
    pub(super) key: (u32, String),
    /// As the register writes it: `12-А`.
    pub text: String,
    /// Territory id of the city plan.
    pub territory: String,
    pub point: Option<Point>,
    /// The highest number of a flat.
    pub flats: Option<u16>,
    /// Organisation id of who keeps the house.
    pub holder: Option<String>,
}

/// One name of a street.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) street: usize,
    /// Place among the street's former names; none for today's.
    pub(super) former: Option<usize>,
    pub(super) kinds: Kinds,
    /// Words that are neither the kind nor the settlement.
    pub(super) words: u8,
}

/// A word and the names it stands in.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) plain: String,
    pub(super) sound: Vec<char>,
    /// Which letters it has, a bit each: most words are told apart without comparing.
    pub(super) letters: u64,
    pub(super) names: Vec<Standing>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) name: u32,
    /// The settlement's word, not the street's.
    pub(super) settlement: bool,
}

/// Number and rest of a house in the one form houses are compared by: `12-А`, `12а` and `12 a` are one house.
pub fn house_key(text: &str) -> (u32, String) {
    let text = plain(text);
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    // Longer than any house number is no number.
    let Ok(number) = number.parse::<u32>() else { return (0, text.to_owned()) };
    let mut key = String::new();
    let mut letters = rest.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            // A hyphen divides two numbers; before a letter it says nothing.
            '-' if letters.peek().is_some_and(char::is_ascii_digit) => key.push('-'),
            '/' => key.push('/'),
            letter if letter.is_alphanumeric() => key.push(letter),
            _ => {}
        }
    }
    for block in ["корпус", "корп", "korpusas", "korpus", "korp"] {
        key = key.replace(block, "к");
    }
    (number, sound(&key).into_iter().collect())
}

/// The letters of a word as bits.
pub(super) fn letter_bits(sound: &[char]) -> u64 {
    sound.iter().fold(0, |bits, letter| bits | 1 << (u32::from(*letter) % 64))
}

impl Register {
    pub fn is_empty(&self) -> bool {
        self.streets.is_empty()
    }

    pub fn street_count(&self) -> usize {
        self.streets.len()
    }

    pub const fn house_count(&self) -> usize {
        self.houses
    }

    /// The house nearest to a spot, and the metres to it; none when no house has a place on the map.
    pub fn nearest(&self, point: Point) -> Option<(&Street, &House, f64)> {
        let houses =
            self.streets.iter().flat_map(|street| street.houses.iter().map(move |house| (street, house)));
        let placed =
            houses.filter_map(|(street, house)| Some((street, house, house.point?.metres_to(point))));
        placed.min_by(|a, b| a.2.total_cmp(&b.2))
    }

    pub fn street(&self, key: &str) -> Option<&Street> {
        self.by_key.get(key).map(|at| &self.streets[*at])
    }

    /// Keys under which cases of the street may have been kept: its own, and those of its former names.
    pub fn keys_of(&self, street: &Street) -> Vec<String> {
        let former = street.former.iter().map(|name| self.key_of(name, street.settlement.as_deref()));
        std::iter::once(street.key.clone()).chain(former).collect()
    }

    pub(super) fn key_of(&self, name: &str, settlement: Option<&str>) -> String {
        street_key(&self.lexicon, name, settlement)
    }

    /// Indexes streets whose houses are complete.
    pub(super) fn of(streets: Vec<Street>, lexicon: Lexicon) -> Self {
        let mut register = Self { lexicon, ..Self::default() };
        register.houses = streets.iter().map(|street| street.houses.len()).sum();
        register.by_key = streets.iter().enumerate().map(|(at, street)| (street.key.clone(), at)).collect();
        let mut words: HashMap<String, usize> = HashMap::new();
        for (at, street) in streets.iter().enumerate() {
            register.add_name(at, None, &street.name, street.settlement.as_deref(), &mut words);
            for (former, name) in street.former.iter().enumerate() {
                register.add_name(at, Some(former), name, street.settlement.as_deref(), &mut words);
            }
        }
        register.streets = streets;
        register
    }

    fn add_name(
        &mut self,
        street: usize,
        former: Option<usize>,
        name: &str,
        settlement: Option<&str>,
        known: &mut HashMap<String, usize>,
    ) {
        let mut words = words_of_name(name, &self.lexicon);
        let kind = self.lexicon.kind_of_name(&words).map(|at| words.remove(at));
        let kinds = kind.map_or(0, |kind| self.lexicon.meaning(&kind).kinds);
        self.names.push(Name { street, former, kinds, words: u8::try_from(words.len()).unwrap_or(u8::MAX) });
        let name = u32::try_from(self.names.len() - 1).unwrap_or(u32::MAX);
        let of_settlement = settlement.map(|name| words_of_name(name, &self.lexicon)).unwrap_or_default();
        let settled = of_settlement.into_iter().map(|word| (word, true));
        for (word, settlement) in words.into_iter().map(|word| (word, false)).chain(settled) {
            let at = *known.entry(word.clone()).or_insert_with(|| {
                let sound = sound(&word);
                let letters = letter_bits(&sound);
                self.vocabulary.push(Entry { plain: word, sound, letters, names: Vec::new() });
                self.vocabulary.len() - 1
            });
            self.vocabulary[at].names.push(Standing { name, settlement });
        }
    }
}

/// Words without the kind, the kind as a number, the settlement.
pub(super) fn street_key(lexicon: &Lexicon, name: &str, settlement: Option<&str>) -> String {
    let mut words = words_of_name(name, lexicon);
    let kind = lexicon.kind_of_name(&words).map(|at| words.remove(at));
    let kinds = kind.map_or(0, |kind| lexicon.meaning(&kind).kinds);
    let settlement = settlement.map(|name| format!("@{}", plain(name))).unwrap_or_default();
    format!("{}#{kinds}{settlement}", words.join(" "))
}

impl Street {
    /// Houses of this number, whatever follows it.
    pub(super) fn houses_numbered(&self, number: u32) -> &[House] {
        let from = self.houses.partition_point(|house| house.key.0 < number);
        let to = self.houses.partition_point(|house| house.key.0 <= number);
        &self.houses[from..to]
    }

    /// The house, however its number is written.
    pub fn house(&self, text: &str) -> Option<&House> {
        let key = house_key(text);
        self.houses_numbered(key.0).iter().find(|house| house.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_house_in_every_spelling() {
        for spellings in [
            ["12а", "12-А", "12 a", "12A"].as_slice(),
            &["12/3", "12 / 3"],
            &["12к2", "12 корпус 2", "12корп.2", "12-к2"],
            &["9-5"],
        ] {
            for spelling in spellings {
                assert_eq!(house_key(spelling), house_key(spellings[0]), "{spelling}");
            }
        }
        let different = ["12", "12а", "12б", "12/3", "12-3", "12к3", "13", "123"];
        let keys: std::collections::BTreeSet<_> = different.iter().map(|text| house_key(text)).collect();
        assert_eq!(keys.len(), different.len());
        assert_eq!(house_key("99999999999").0, 0);
    }
}
