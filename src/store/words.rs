//! Words that somebody searches for, as a question to the full-text index of cases (`case_words`, SQLite FTS5). The index
//! knows words as they were written; what people look for ends, or begins, otherwise: Ukrainian and its neighbours change
//! the endings of words, Hebrew puts one-letter words before them.

/// Words looked at; a search of more is a sentence, and its first words find it.
const MAX_WORDS: usize = 8;
/// Letters of a word looked at.
const MAX_LETTERS: usize = 40;
/// Cases whose words fit that are looked at, the newest: more than anybody reads, and a bound for the common word.
pub(super) const MAX_CASES: u32 = 10_000;

/// From this many letters on the last one may be another, from the second on the last two.
const ENDING_OF_ONE: usize = 4;
const ENDING_OF_TWO: usize = 6;

/// Inside a word, as keyboards have them; the index parts words there, and a phrase finds the parts side by side.
const APOSTROPHES: [char; 3] = ['\'', '’', 'ʼ'];

/// "The", "and", "in", "to", "from", "that", "as", written together with the word they stand before.
const HEBREW_PREFIXES: [char; 7] = ['ה', 'ו', 'ב', 'ל', 'מ', 'ש', 'כ'];

/// Every word of `text` must be there, in one of its forms. None when it has no word.
pub(super) fn question(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter_map(word);
    let words: Vec<String> = words.take(MAX_WORDS).collect();
    (!words.is_empty()).then(|| words.join(" AND "))
}

/// The forms of one word. A quotation mark in it is left out: the rest is quoted, and so nothing of it is an operator.
fn word(text: &str) -> Option<String> {
    let letters: Vec<char> = text.chars().filter(|c| *c != '"').take(MAX_LETTERS).collect();
    if !letters.iter().any(|c| c.is_alphanumeric()) {
        return None;
    }
    let forms = if letters.iter().any(is_hebrew) {
        hebrew(&letters)
    } else {
        vec![without_ending(&letters).iter().collect()]
    };
    let quoted: Vec<String> = forms.iter().map(|form: &String| format!("\"{form}\"*")).collect();
    Some(if quoted.len() == 1 { quoted.concat() } else { format!("({})", quoted.join(" OR ")) })
}

fn without_ending(letters: &[char]) -> &[char] {
    let is_word = letters.iter().all(|c| c.is_alphabetic() || APOSTROPHES.contains(c));
    let ending = match letters.len() {
        _ if !is_word => 0,
        n if n >= ENDING_OF_TWO => 2,
        n if n >= ENDING_OF_ONE => 1,
        _ => 0,
    };
    &letters[..letters.len() - ending]
}

const fn is_hebrew(c: &char) -> bool {
    matches!(*c, '\u{5d0}'..='\u{5ea}')
}

/// The word, the word behind each prefix, and what is left of it when its own first letter is one.
fn hebrew(letters: &[char]) -> Vec<String> {
    let plain: String = letters.iter().collect();
    let mut forms: Vec<String> = HEBREW_PREFIXES.iter().map(|prefix| format!("{prefix}{plain}")).collect();
    if letters.len() >= ENDING_OF_ONE && HEBREW_PREFIXES.contains(&letters[0]) {
        forms.push(letters[1..].iter().collect());
    }
    forms.insert(0, plain);
    forms
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use crate::case::CaseDraft;
    use crate::people::Actor;
    use crate::store::fixture::{at, case_draft, contact_id, fresh, offered, page};
    use crate::store::{ContactFilter, Store};

    #[test]
    fn words_become_a_question_and_never_operators() {
        assert_eq!(question("труба").unwrap(), "\"труб\"*");
        assert_eq!(question(" вода,  прорив ").unwrap(), "\"вод\"* AND \"прор\"*");
        assert_eq!(question("12а").unwrap(), "\"12а\"*");
        assert_eq!(question("a\" OR \"b").unwrap(), "\"a\"* AND \"OR\"* AND \"b\"*");
        assert_eq!(question("NEAR(x)*").unwrap(), "\"NEAR(x)*\"*");
        for nothing in ["", "  ", "\"", "*", "- ( )"] {
            assert_eq!(question(nothing), None, "{nothing:?}");
        }
        let many = question(&"слово ".repeat(100)).unwrap();
        assert_eq!(many.matches(" AND ").count(), MAX_WORDS - 1);
        assert!(question(&"щ".repeat(10_000)).unwrap().len() < 200);
    }

    /// Cases of the contacts 1, 2, ... with these descriptions.
    async fn told(store: &Store, descriptions: &[&str]) {
        for (n, description) in (1..).zip(descriptions) {
            store.commit(offered(n)).await.unwrap();
            let draft = CaseDraft { description: (*description).to_owned(), ..case_draft(n) };
            store.register_case(draft, at(i64::from(n)), Actor::system("test"), None).await.unwrap();
        }
    }

    async fn found(store: &Store, words: &str) -> Vec<i64> {
        let filter = ContactFilter { words: Some(words.to_owned()), ..ContactFilter::default() };
        let contacts = store.contacts(&filter, &page(50, None)).await.unwrap().items;
        let mut numbers: Vec<i64> =
            contacts.iter().map(|contact| contact.offered_at.since(at(0)).as_secs() as i64).collect();
        numbers.sort_unstable();
        numbers
    }

    #[tokio::test]
    async fn calls_are_found_by_the_words_of_their_cases() {
        let (store, _files) = fresh().await;
        told(
            &store,
            &[
                "Прорвало трубу біля п’ятого під'їзду, вода у дворі",
                "Другий день немає води, 3-й поверх",
                "אין מים ברחוב הרצל, הצינור התפוצץ",
                "Nuo vakar nėra šilto vandens",
                "",
            ],
        )
        .await;
        for (words, contacts) in [
            ("вода", vec![1, 2]),
            ("ВОДУ", vec![1, 2]),
            ("труба", vec![1]),
            ("п'ятий під’їзд", vec![1]),
            ("вода поверх", vec![2]),
            ("вода газ", vec![]),
            ("מים", vec![3]),
            ("המים", vec![3]),
            ("רחוב", vec![3]),
            ("צינור", vec![3]),
            ("silto vanduo", vec![4]),
            ("silto dujos", vec![]),
            ("silto vandens", vec![4]),
            ("\"", vec![]),
        ] {
            assert_eq!(found(&store, words).await, contacts, "{words}");
        }
    }

    #[tokio::test]
    async fn the_index_follows_descriptions_and_notes() {
        let (store, _files) = fresh().await;
        told(&store, &["газом пахне"]).await;
        let number = store.contact(contact_id(1)).await.unwrap().unwrap().case.unwrap();
        let actor = Actor::system("test");
        let change = store.change_case(&number, &actor, at(9), |mut case, _| {
            "шумить сусід".clone_into(&mut case.description);
            Ok((case, Vec::new()))
        });
        change.await.unwrap();
        assert_eq!(found(&store, "газ").await, [] as [i64; 0]);
        assert_eq!(found(&store, "сусіди").await, [1]);
    }
}
