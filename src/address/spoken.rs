//! What an operator typed, taken apart: words of a street's name, house and flat, in any usual order and punctuation.
//! A number may be any of the three, so there may be several readings; which one is meant the register decides.

use super::fold::{plain, sound};
use super::lexicon::{Kinds, Lexicon, Part};

/// Words and numbers looked at: an address has fewer.
const MAX_TOKENS: usize = 16;
/// Numbers that are tried as a word of the street's name, as in `9 травня 12`.
const MAX_NUMBERS_AS_NAME: usize = 3;
/// Endings that make a number an ordinal: `1-ша`, `5-я`, `11-osios`, `3rd`.
const ORDINALS: [&str; 26] = [
    "и", "я", "ша", "га", "тя", "та", "ма", "го", "ого", "ои", "а-и", "иа", "ая", "ии", "osios", "oios",
    "oji", "asis", "ojo", "oi", "os", "th", "st", "nd", "rd", "ви",
];

/// One word that may be part of a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub(super) plain: String,
    pub(super) sound: Vec<char>,
    /// Kinds of street the word may stand for.
    pub(super) kinds: Kinds,
    /// Says nothing when no name has it.
    pub(super) optional: bool,
}

/// One way to read what was typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Spoken {
    pub(super) words: Vec<Word>,
    /// As typed: `12а`, `12/3`, `12к2`.
    pub(super) house: Option<String>,
    pub(super) flat: Option<String>,
    /// House and flat when what stands in `house` is both: `12/3`, `12-3`.
    pub(super) pair: Option<(String, String)>,
}

/// A piece of the text between spaces and commas.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Word(String),
    /// `12`, `12а`, `12/3`, `12-3`, `12к2`.
    Number(String),
    /// The digits of `1-ша`.
    Ordinal(String),
}

/// Every reading, the plainest first. None where no word of a name is left.
pub(super) fn readings(text: &str, lexicon: &Lexicon) -> Vec<Spoken> {
    let tokens = tokens(text, lexicon);
    let simple =
        |token: &Token| matches!(token, Token::Number(text) if text.bytes().all(|b| b.is_ascii_digit()));
    let numbers = (0..tokens.len()).filter(|at| simple(&tokens[*at])).take(MAX_NUMBERS_AS_NAME).map(Some);
    let all = std::iter::once(None).chain(numbers).map(|as_name| read(&tokens, as_name, lexicon));
    all.filter(|spoken| spoken.words.iter().any(|word| !word.optional || word.kinds != 0)).collect()
}

/// The plain words of a registered name, numbers among them without their endings.
pub(super) fn words_of_name(name: &str, lexicon: &Lexicon) -> Vec<String> {
    let word = |token| match token {
        Token::Word(word) | Token::Number(word) | Token::Ordinal(word) => word,
    };
    tokens(name, lexicon).into_iter().map(word).collect()
}

fn tokens(text: &str, lexicon: &Lexicon) -> Vec<Token> {
    let text = plain(text);
    let kept = |letter: char| letter.is_alphanumeric() || letter == '/' || letter == '-';
    let pieces = text.split(|letter| !kept(letter)).map(|piece| piece.trim_matches(['/', '-']));
    let mut found = Vec::new();
    for piece in pieces.filter(|piece| !piece.is_empty()) {
        take_apart(piece, lexicon, &mut found);
        if found.len() >= MAX_TOKENS {
            found.truncate(MAX_TOKENS);
            break;
        }
    }
    found
}

fn take_apart(piece: &str, lexicon: &Lexicon, found: &mut Vec<Token>) {
    let digits = piece.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(piece.len());
    if digits == 0 {
        let letters = piece.find(|letter: char| letter.is_ascii_digit()).unwrap_or(piece.len());
        let (word, rest) = piece.split_at(letters);
        // `кв5`, `буд.12`
        let before = word.trim_end_matches('-');
        if !rest.is_empty() && lexicon.meaning(before).part.is_some() {
            found.push(Token::Word(before.to_owned()));
            take_apart(rest, lexicon, found);
        } else if piece.contains('-') && lexicon.meaning(piece) == Default::default() {
            found.extend(
                piece
                    .split(['-', '/'])
                    .filter(|part| !part.is_empty())
                    .map(|part| Token::Word(part.to_owned())),
            );
        } else {
            found.push(Token::Word(piece.to_owned()));
        }
        return;
    }
    let (number, rest) = piece.split_at(digits);
    let ending = rest.trim_start_matches('-');
    if ORDINALS.contains(&ending) && (rest.starts_with('-') || ending.chars().count() > 1 || ending == "и") {
        found.push(Token::Ordinal(number.to_owned()));
        return;
    }
    let letters = ending.chars().take_while(|letter| letter.is_alphabetic()).count();
    if letters > 1 && !ending.contains(|letter: char| letter.is_ascii_digit()) {
        // `5кв`, `9травня`
        found.push(Token::Number(number.to_owned()));
        take_apart(ending, lexicon, found);
    } else {
        found.push(Token::Number(piece.to_owned()));
    }
}

/// Reads the tokens; the number at `as_name` is a word of the street's name.
fn read(tokens: &[Token], as_name: Option<usize>, lexicon: &Lexicon) -> Spoken {
    let mut spoken = Spoken::default();
    let mut awaited: Option<Part> = None;
    let mut after_house = false;
    for (at, token) in tokens.iter().enumerate() {
        let before_number = matches!(tokens.get(at + 1), Some(Token::Number(_)));
        let house_letter = std::mem::take(&mut after_house);
        match token {
            Token::Ordinal(number) => spoken.words.push(name_word(number, lexicon)),
            Token::Number(number) if as_name == Some(at) => spoken.words.push(name_word(number, lexicon)),
            Token::Number(number) => after_house = spoken.take_number(number, awaited.take()),
            Token::Word(word) if house_letter && !before_number && word.chars().count() == 1 => {
                spoken.add_to_house(word);
            }
            Token::Word(word) => {
                let meaning = lexicon.meaning(word);
                match meaning.part {
                    // A letter alone is more often the beginning of a name: it needs its number.
                    Some(part) if before_number || word.chars().count() > 1 => awaited = Some(part),
                    _ => spoken.words.push(name_word(word, lexicon)),
                }
            }
        }
    }
    spoken
}

fn name_word(plain: &str, lexicon: &Lexicon) -> Word {
    let meaning = lexicon.meaning(plain);
    let kinds = if meaning.kinds == 0 { lexicon.kinds_begun_by(plain) } else { meaning.kinds };
    let optional = kinds != 0 || meaning.filler || meaning.part.is_some();
    Word { plain: plain.to_owned(), sound: sound(plain), kinds, optional }
}

impl Spoken {
    /// True when it is the house, so that a letter of it may follow.
    fn take_number(&mut self, number: &str, awaited: Option<Part>) -> bool {
        match awaited {
            Some(Part::Aside) => false,
            Some(Part::Block) if self.house.is_some() => {
                self.add_to_house(&format!("к{number}"));
                false
            }
            Some(Part::Flat) => {
                self.flat = Some(number.to_owned());
                false
            }
            _ if self.house.is_none() => {
                self.house = Some(number.to_owned());
                self.pair = number
                    .split_once(['/', '-'])
                    .filter(|(_, flat)| flat.bytes().all(|byte| byte.is_ascii_digit()))
                    .map(|(house, flat)| (house.to_owned(), flat.to_owned()));
                true
            }
            _ => {
                self.flat.get_or_insert_with(|| number.to_owned());
                false
            }
        }
    }

    fn add_to_house(&mut self, more: &str) {
        if let Some(house) = &mut self.house {
            house.push_str(more);
            self.pair = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plainest(text: &str) -> (String, Option<String>, Option<String>) {
        let spoken = readings(text, &Lexicon::default()).into_iter().next().unwrap_or_default();
        let words: Vec<&str> = spoken.words.iter().map(|word| word.plain.as_str()).collect();
        (words.join(" "), spoken.house, spoken.flat)
    }

    #[test]
    fn house_and_flat_in_any_order_and_punctuation() {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (text, words, house, flat) in [
            ("шевч 12 кв 5", "шевч", "12", "5"),
            ("Шевченка, буд. 12, кв. 5", "шевченка", "12", "5"),
            ("кв5 буд12 вул.Шевченка", "вул шевченка", "12", "5"),
            ("12/3 шевченка", "шевченка", "12/3", ""),
            ("шевченка 12 5", "шевченка", "12", "5"),
            ("шевченка 12а", "шевченка", "12а", ""),
            ("шевченка 12-А", "шевченка", "12-а", ""),
            ("шевченка 12 а кв 7", "шевченка", "12а", "7"),
            ("шевченка 12 корпус 2", "шевченка", "12к2", ""),
            ("шевченка 12 к 2 кв. 9", "шевченка", "12к2", "9"),
            ("просп. Миру, 84, під’їзд 3", "просп миру", "84", ""),
            ("Gedimino pr. 9-5", "gedimino pr", "9-5", ""),
            ("Gedimino pr. 9 bt. 5", "gedimino pr", "9", "5"),
            ("רחוב הרצל 12 דירה 5", "רחוב הרצל", "12", "5"),
            ("1-ша Лінія 4", "1 линия", "4", ""),
            ("Kovo 11-osios g. 7", "kovo 11 g", "7", ""),
            ("12", "12", "", ""),
            ("", "", "", ""),
        ] {
            assert_eq!(plainest(text), (words.to_owned(), some(house), some(flat)), "{text}");
        }
    }

    #[test]
    fn a_number_may_be_part_of_the_name() {
        let readings = readings("9 травня 12", &Lexicon::default());
        let found = readings.iter().map(|spoken| (spoken.words.len(), spoken.house.as_deref()));
        assert!(found.clone().any(|reading| reading == (2, Some("12"))), "{readings:?}");
        assert!(found.clone().any(|reading| reading == (1, Some("9"))), "{readings:?}");
    }

    #[test]
    fn however_much_is_typed_little_is_read() {
        let long = "вулиця 1 ".repeat(10_000);
        assert!(readings(&long, &Lexicon::default()).iter().all(|spoken| spoken.words.len() <= MAX_TOKENS));
    }
}
