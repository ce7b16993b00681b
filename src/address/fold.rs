//! Letters that are one to somebody who listens and types: case, accents, apostrophes, letters of one sound, three
//! scripts, and the keys of a keyboard that was left in the other language.

/// Lower case without accents, apostrophes and soft signs; letters people take for each other are one: е ё є э, и і ї
/// й ы, г ґ, the five final letters of Hebrew. What is neither letter nor digit stays.
pub fn plain(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter_map(plain_letter).collect()
}

fn plain_letter(letter: char) -> Option<char> {
    Some(match letter {
        // Apostrophes, quotation marks, geresh and gershayim; soft and hard sign; accents and niqqud apart.
        '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '′' | '"' | '«' | '»' | '„' | '“' | '”' | '׳' | '״' | 'ь'
        | 'ъ' => {
            return None;
        }
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}'..='\u{5c7}' => return None,
        // What keeps directions apart in a copied Hebrew text.
        '\u{200e}' | '\u{200f}' | '\u{2066}'..='\u{2069}' => return None,
        'ё' | 'є' | 'э' => 'е',
        'і' | 'ї' | 'й' | 'ы' => 'и',
        'ґ' => 'г',
        'ą' | 'á' | 'à' | 'ä' | 'â' | 'ã' => 'a',
        'ć' | 'č' | 'ç' => 'c',
        'ę' | 'ė' | 'é' | 'è' | 'ë' => 'e',
        'į' | 'í' | 'ï' => 'i',
        'ł' => 'l',
        'ń' | 'ñ' => 'n',
        'ó' | 'ö' | 'ô' | 'õ' => 'o',
        'ś' | 'š' | 'ş' => 's',
        'ų' | 'ū' | 'ü' | 'ú' => 'u',
        'ź' | 'ż' | 'ž' => 'z',
        'ך' => 'כ',
        'ם' => 'מ',
        'ן' => 'נ',
        'ף' => 'פ',
        'ץ' => 'צ',
        '–' | '—' | '‑' | '־' | '−' => '-',
        other => other,
    })
}

/// How a word sounds, in few Latin letters: the same for Cyrillic, for its official transliteration (KMU 2010) and
/// for the habits of passports and keyboards (sh, kh, y, j, iu, ya, g and h). `word` is plain. Hebrew stays Hebrew.
pub(super) fn sound(word: &str) -> Vec<char> {
    let letters: Vec<char> = word.chars().collect();
    let mut sounds: Vec<char> = Vec::with_capacity(letters.len());
    let mut at = 0;
    while at < letters.len() {
        let pair = (letters[at], letters.get(at + 1).copied().unwrap_or(' '));
        let (heard, used): (&[char], usize) = match pair {
            ('s', 'h' | 'z') => (&['s'], 2),
            ('z', 'h') => (&['z'], 2),
            ('c', 'h' | 'z') | ('t', 's') => (&['c'], 2),
            ('k' | 'g', 'h') => (&['h'], 2),
            ('p', 'h') => (&['f'], 2),
            ('g' | 'г' | 'х', _) => (&['h'], 1),
            ('w' | 'в', _) => (&['v'], 1),
            ('y' | 'j' | 'и', _) => (&['i'], 1),
            ('x', _) => (&['k', 's'], 1),
            ('q' | 'к', _) => (&['k'], 1),
            ('а', _) => (&['a'], 1),
            ('б', _) => (&['b'], 1),
            ('д', _) => (&['d'], 1),
            ('е', _) => (&['e'], 1),
            ('ж' | 'з', _) => (&['z'], 1),
            ('л', _) => (&['l'], 1),
            ('м', _) => (&['m'], 1),
            ('н', _) => (&['n'], 1),
            ('о', _) => (&['o'], 1),
            ('п', _) => (&['p'], 1),
            ('р', _) => (&['r'], 1),
            ('с' | 'ш', _) => (&['s'], 1),
            ('щ', _) => (&['s', 'c'], 1),
            ('т', _) => (&['t'], 1),
            ('у', _) => (&['u'], 1),
            ('ф', _) => (&['f'], 1),
            ('ц' | 'ч', _) => (&['c'], 1),
            ('ю', _) => (&['i', 'u'], 1),
            ('я', _) => (&['i', 'a'], 1),
            _ => (&letters[at..=at], 1),
        };
        at += used;
        for sound in heard {
            match (sounds.last(), sound) {
                // є is written ie, ye, je or e.
                (Some('i'), 'e') => {
                    sounds.pop();
                    if sounds.last() != Some(&'e') {
                        sounds.push('e');
                    }
                }
                (Some(last), sound) if last == sound && !sound.is_ascii_digit() => {}
                _ => sounds.push(*sound),
            }
        }
    }
    // An adjective of the neighbouring language: Садовая is Садова.
    if sounds.len() > 4 && sounds.ends_with(&['a', 'i', 'a']) {
        sounds.truncate(sounds.len() - 2);
    }
    sounds
}

/// The keys of a keyboard as they are lettered in English, Ukrainian and Hebrew. Russian differs in three of them.
const LATIN_KEYS: &str = "qwertyuiop[]asdfghjkl;'zxcvbnm,.";
const UKRAINIAN_KEYS: &str = "йцукенгшщзхїфівапролджєячсмитьбю";
const RUSSIAN_KEYS: &str = "йцукенгшщзхъфывапролджэячсмитьбю";
const HEBREW_KEYS: &str = "/'קראטוןםפ][שדגכעיחלךף,זסבהנמצתץ";

/// What the same keys would have written in another layout.
pub(super) fn other_layouts(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let has = |range: std::ops::RangeInclusive<char>| lower.chars().any(|letter| range.contains(&letter));
    let through = |from: &[&str], to: &str| -> String {
        let key = |letter: char| from.iter().find_map(|keys| keys.chars().position(|key| key == letter));
        lower.chars().map(|letter| key(letter).and_then(|at| to.chars().nth(at)).unwrap_or(letter)).collect()
    };
    let mut found = Vec::new();
    if has('a'..='z') {
        found.push(through(&[LATIN_KEYS], UKRAINIAN_KEYS));
        found.push(through(&[LATIN_KEYS], HEBREW_KEYS));
    }
    if has('а'..='ґ') {
        found.push(through(&[UKRAINIAN_KEYS, RUSSIAN_KEYS], LATIN_KEYS));
    }
    if has('א'..='ת') {
        found.push(through(&[HEBREW_KEYS], LATIN_KEYS));
        found.push(through(&[HEBREW_KEYS], UKRAINIAN_KEYS));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(word: &str) -> String {
        sound(&plain(word)).into_iter().collect()
    }

    #[test]
    fn one_sound_in_every_spelling() {
        for (name, spellings) in [
            ("Шевченка", ["Shevchenka", "shevcenka", "ŠEVČENKA", "Szewczenka"]),
            ("Грушевського", ["Hrushevskoho", "Grushevskogo", "грушевского", "Hruszewskoho"]),
            ("Щаслива", ["Shchaslyva", "schasliva", "щастлива", "shchaslyva"]),
            ("Хмельницького", ["Khmelnytskoho", "hmelnickogo", "Chmielnyckoho", "khmelnitskogo"]),
            ("Згурська", ["Zghurska", "zgurska", "zhurska", "згурская"]),
        ] {
            let alike = spellings.iter().filter(|spelling| heard(spelling) == heard(name)).count();
            assert!(alike >= 2, "{name} is {}: {:?}", heard(name), spellings.map(heard));
        }
        assert_eq!(heard("Європейська"), heard("Yevropeyska"));
        assert_eq!(heard("Гедимино"), heard("Gedimino"));
    }

    #[test]
    fn plain_words_forgive_case_apostrophes_and_letters_of_one_look() {
        assert_eq!(plain("П’ятихатська"), plain("пятихатская").replace("кая", "ка"));
        assert_eq!(plain("Зелёная"), plain("зеленая"));
        assert_eq!(plain("Київська"), plain("киивска"));
        assert_eq!(plain("Žvėryno"), "zveryno");
        assert_eq!(plain("ז'בוטינסקי"), "זבוטינסקי");
        assert_eq!(plain("שלום"), plain("שלומ"));
    }

    #[test]
    fn keys_of_the_wrong_layout_are_read_again() {
        assert!(other_layouts("itdxtyrf").contains(&"шевченка".to_owned()));
        assert!(other_layouts("пувшьштщ").contains(&"gedimino".to_owned()));
        assert!(other_layouts("vrmk").contains(&"הרצל".to_owned()));
        assert_eq!(LATIN_KEYS.chars().count(), UKRAINIAN_KEYS.chars().count());
        assert_eq!(LATIN_KEYS.chars().count(), HEBREW_KEYS.chars().count());
        assert_eq!(LATIN_KEYS.chars().count(), RUSSIAN_KEYS.chars().count());
    }
}
