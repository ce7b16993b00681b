//! Hebrew for espeak-ng, which cannot guess the vowels the script leaves out: the sounds are written in Latin
//! letters (`lamok'ed ha'iron'i`) and become the program's own phoneme notation.

/// Two letters that are one sound, before single ones.
const PAIRS: [(&str, &str); 5] = [("sh", "S"), ("kh", "X"), ("ch", "tS"), ("ts", "ts"), ("zh", "Z")];
const VOWELS: &str = "aeiou";

/// Words in phoneme brackets, punctuation as it was: it makes the pauses.
///
/// `'` before a vowel stresses it; a word without one is stressed on its last vowel, as Hebrew mostly is.
/// `'` elsewhere (`ha'ir`) is no stress but the glottal stop between two vowels.
pub(super) fn phonemes(latin: &str) -> String {
    let mut out = String::new();
    for word in latin.split_whitespace() {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '\'');
        if !letters.is_empty() {
            out.push_str("[[");
            out.push_str(&word_phonemes(&letters.to_ascii_lowercase()));
            out.push_str("]]");
        }
        out.push_str(&word[letters.len()..]);
        out.push(' ');
    }
    out.trim_end().to_owned()
}

fn word_phonemes(word: &str) -> String {
    let stress = stressed_vowel(word);
    let mut out = String::new();
    let mut at = 0;
    while let Some(letter) = word[at..].chars().next() {
        if let Some((pair, sound)) = PAIRS.iter().find(|(pair, _)| word[at..].starts_with(pair)) {
            out.push_str(sound);
            at += pair.len();
            continue;
        }
        if Some(at) == stress {
            out.push('\'');
        }
        match letter {
            '\'' if is_between_vowels(word, at) => out.push('?'),
            '\'' => {}
            'y' => out.push('j'),
            'r' => out.push('R'),
            letter if letter.is_ascii_alphabetic() => out.push(letter),
            _ => {}
        }
        at += letter.len_utf8();
    }
    out
}

fn is_vowel(letter: Option<char>) -> bool {
    letter.is_some_and(|letter| VOWELS.contains(letter))
}

fn is_between_vowels(word: &str, at: usize) -> bool {
    is_vowel(word[..at].chars().next_back()) && is_vowel(word[at + 1..].chars().next())
}

/// Where the stressed vowel stands: after the last `'` that is not between vowels, or else the last vowel, of
/// two in a row (`ein`) the first.
fn stressed_vowel(word: &str) -> Option<usize> {
    let mut marked =
        word.match_indices('\'').filter(|(at, _)| !is_between_vowels(word, *at)).map(|(at, _)| at + 1);
    let marked = marked.rfind(|at| is_vowel(word[*at..].chars().next()));
    let last = || word.rfind(|letter| VOWELS.contains(letter));
    let first_of_two = |at: usize| at - usize::from(is_vowel(word[..at].chars().next_back()));
    marked.or_else(|| last().map(first_of_two))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_stress_and_pauses() {
        for (latin, expected) in [
            ("shalom!", "[[Sal'om]]!"),
            ("hak'ishu 'efes.", "[[hak'iSu]] [['efes]]."),
            ("ha'ir, khayim", "[[ha?'iR]], [[Xaj'im]]"),
            ("esr'im ve'ekh'ad", "[[esR'im]] [[ve?eX'ad]]"),
            ("bey'anuar", "[[bej'anuaR]]"),
            ("ein shteim", "[['ein]] [[St'eim]]"),
            ("tsva", "[[tsv'a]]"),
            ("- x", "- [[x]]"),
            ("", ""),
        ] {
            assert_eq!(phonemes(latin), expected, "{latin}");
        }
    }
}
