//! The report's words: titles and definitions in every language of service. Definition and formula say what `indicator`
//! computes; a test holds that none is missing.

mod indicators;
mod labels;

use crate::language::Language;

/// An indicator's title.
pub fn title(indicator: &str, language: Language) -> &'static str {
    let found = indicators::WORDS.iter().find(|(id, ..)| *id == indicator);
    found.map_or("?", |(_, titles, _)| titles[place(language)])
}

/// What it counts, and how.
pub fn definition(indicator: &str, language: Language) -> &'static str {
    let found = indicators::WORDS.iter().find(|(id, ..)| *id == indicator);
    found.map_or("?", |(_, _, definitions)| definitions[place(language)])
}

/// A word of the report itself: headings, names of sections and keys.
pub fn say(word: &str, language: Language) -> &'static str {
    labels::WORDS.iter().find(|(id, _)| *id == word).map_or("?", |(_, texts)| texts[place(language)])
}

/// The order of the columns below.
const fn place(language: Language) -> usize {
    match language {
        Language::Uk => 0,
        Language::En => 1,
        Language::Lt => 2,
        Language::Pl => 3,
        Language::Ru => 4,
        Language::He => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Dimension, INDICATORS, Section};

    #[test]
    fn everything_that_is_shown_has_words_and_each_once() {
        for indicator in INDICATORS {
            assert!(
                indicators::WORDS.iter().filter(|(id, ..)| *id == indicator.id).count() == 1,
                "{}",
                indicator.id
            );
        }
        assert_eq!(indicators::WORDS.len(), INDICATORS.len());
        let sections = Section::ALL.map(|section| format!("section.{}", section.id()));
        let dimensions = Dimension::ALL.map(|by| format!("by.{}", by.id()));
        for word in sections.iter().chain(&dimensions) {
            assert_ne!(say(word, Language::He), "?", "{word}");
        }
        let texts = labels::WORDS.iter().flat_map(|(_, texts)| texts);
        let titles =
            indicators::WORDS.iter().flat_map(|(_, titles, definitions)| titles.iter().chain(definitions));
        assert!(texts.chain(titles).all(|text| !text.trim().is_empty()));
    }
}
