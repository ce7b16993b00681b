//! Typing errors between what was typed and a word of the register. Unlike the usual distances, a typed word may be
//! only the beginning of the other: people are still typing. That is why no library's distance is used.

/// Letters compared of a word; street names have few longer ones, and their rest changes nothing.
const MAX_LETTERS: usize = 32;

/// The least number of errors (a letter wrong, missing, too many, or two exchanged) that make `typed` the whole of
/// `word` or its beginning; none above `most`.
pub(super) fn prefix_errors(typed: &[char], word: &[char], most: usize) -> Option<usize> {
    let (typed, word) = (&typed[..typed.len().min(MAX_LETTERS)], &word[..word.len().min(MAX_LETTERS)]);
    if typed.len() > word.len() + most {
        return None;
    }
    // Nothing behind this can be reached by a beginning.
    let word = &word[..word.len().min(typed.len() + most)];
    let mut rows = [[0_usize; MAX_LETTERS + 1]; 3];
    for (letters, errors) in rows[0].iter_mut().enumerate().take(word.len() + 1) {
        *errors = letters;
    }
    for at in 0..typed.len() {
        let (now, last, before_last) = ((at + 1) % 3, at % 3, (at + 2) % 3);
        rows[now][0] = at + 1;
        for other in 0..word.len() {
            let wrong = rows[last][other] + usize::from(typed[at] != word[other]);
            let mut errors = wrong.min(rows[last][other + 1] + 1).min(rows[now][other] + 1);
            if at > 0 && other > 0 && typed[at] == word[other - 1] && typed[at - 1] == word[other] {
                errors = errors.min(rows[before_last][other - 1] + 1);
            }
            rows[now][other + 1] = errors;
        }
        if rows[now][..=word.len()].iter().min() > Some(&most) {
            return None;
        }
    }
    let last = &rows[typed.len() % 3][..=word.len()];
    last.iter().min().copied().filter(|errors| *errors <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_up_to_the_most() {
        let errors = |typed: &str, word: &str, most| {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prefix_errors(&letters(typed), &letters(word), most)
        };
        for (typed, word, expected) in [
            ("sevc", "sevcenka", Some(0)),
            ("sevcenka", "sevcenka", Some(0)),
            ("sevcneka", "sevcenka", Some(1)),
            ("sebcenka", "sevcenka", Some(1)),
            ("secenka", "sevcenka", Some(1)),
            ("sevvcenka", "sevcenka", Some(1)),
            ("sebcneka", "sevcenka", Some(2)),
            ("xyzcenka", "sevcenka", None),
            ("sevcenkaaaa", "sevcenka", None),
            ("", "sevcenka", Some(0)),
        ] {
            assert_eq!(errors(typed, word, 2), expected, "{typed}");
        }
        let long = "a".repeat(100);
        assert_eq!(errors(&long, &long, 2), Some(0));
    }
}
