//! Answers to the questions of a category, held to what the questions allow. Unknown questions are refused, so that
//! nothing somebody wrote is lost in silence.

use chrono::DateTime;

use crate::case::city::{Attribute, AttributeKind, Category};

/// A line; a text may have as many characters as a description.
const MAX_LINE_CHARS: usize = 300;
const MAX_TEXT_CHARS: usize = 4_000;

/// What is wrong with the answers, for the client to mend.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::web) enum WrongAnswer {
    #[error("attribute[{0}] was not provided")]
    Missing(String),
    #[error("the service has no attribute '{0}'")]
    Unknown(String),
    #[error("attribute[{0}] {1}")]
    Wrong(String, &'static str),
}

/// Code and value of each answer in the order of the questions; several values of one question one by one.
pub(in crate::web) fn check(
    category: &Category,
    given: &[(String, String)],
) -> Result<Vec<(String, String)>, WrongAnswer> {
    let questions = &category.filing.attributes;
    let unknown = given.iter().find(|(code, _)| !questions.iter().any(|question| question.code == *code));
    if let Some((code, _)) = unknown {
        return Err(WrongAnswer::Unknown(code.chars().take(40).collect()));
    }
    let mut answers = Vec::new();
    for question in questions {
        let values = given.iter().filter(|(code, _)| *code == question.code).map(|(_, value)| value.trim());
        let values: Vec<&str> = values.filter(|value| !value.is_empty()).collect();
        if values.is_empty() && question.required {
            return Err(WrongAnswer::Missing(question.code.clone()));
        }
        check_values(question, &values)?;
        answers.extend(values.into_iter().map(|value| (question.code.clone(), value.to_owned())));
    }
    Ok(answers)
}

fn check_values(question: &Attribute, values: &[&str]) -> Result<(), WrongAnswer> {
    let wrong = |why| Err(WrongAnswer::Wrong(question.code.clone(), why));
    let several = matches!(question.kind, AttributeKind::MultiValueList(_));
    if values.len() > 1 && !several {
        return wrong("has one value");
    }
    for (n, value) in values.iter().enumerate() {
        let length = value.chars().count();
        match &question.kind {
            AttributeKind::String if length > MAX_LINE_CHARS => {
                return wrong("is longer than 300 characters");
            }
            AttributeKind::Text if length > MAX_TEXT_CHARS => {
                return wrong("is longer than 4,000 characters");
            }
            AttributeKind::Number if length > 40 || !value.parse::<f64>().is_ok_and(f64::is_finite) => {
                return wrong("is no number, as in 3 or 2.5");
            }
            AttributeKind::DateTime if DateTime::parse_from_rfc3339(value).is_err() => {
                return wrong("is no moment, as in 2026-01-31T08:00:00Z");
            }
            AttributeKind::SingleValueList(known) | AttributeKind::MultiValueList(known) => {
                if !known.iter().any(|known| known.key == *value) {
                    return wrong("is none of the keys of its list");
                }
                if values[..n].contains(value) {
                    return wrong("has the same value twice");
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::city::{AttributeValue, Filing};

    fn category() -> Category {
        let value = |key: &str| AttributeValue { key: key.to_owned(), name: Default::default() };
        let question = |code: &str, kind, required| Attribute {
            code: code.to_owned(),
            kind,
            required,
            name: Default::default(),
        };
        let attributes = vec![
            question("lamps", AttributeKind::Number, true),
            question("since", AttributeKind::DateTime, false),
            question("pole", AttributeKind::String, false),
            question("kind", AttributeKind::SingleValueList(vec![value("dark"), value("blinks")]), false),
            question("where", AttributeKind::MultiValueList(vec![value("road"), value("yard")]), false),
        ];
        Category {
            id: "light".to_owned(),
            name: Default::default(),
            group: String::new(),
            filing: Filing { attributes, ..Filing::default() },
        }
    }

    fn checked(given: &[(&str, &str)]) -> Result<Vec<(String, String)>, WrongAnswer> {
        let given: Vec<_> =
            given.iter().map(|(code, value)| ((*code).to_owned(), (*value).to_owned())).collect();
        check(&category(), &given)
    }

    #[test]
    fn answers_are_kept_in_the_order_of_the_questions() {
        let given = [("where", "yard"), ("lamps", " 2.5 "), ("where", "road"), ("pole", "")];
        let expected = [("lamps", "2.5"), ("where", "yard"), ("where", "road")];
        assert_eq!(checked(&given), Ok(expected.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()));
    }

    #[test]
    fn each_kind_refuses_what_it_is_not() {
        let long = "x".repeat(301);
        for (code, value) in [
            ("since", "yesterday"),
            ("pole", long.as_str()),
            ("kind", "broken"),
            ("lamps", "NaN"),
            ("lamps", "two"),
        ] {
            let refused = checked(&[("lamps", "1"), (code, value)][usize::from(code == "lamps")..]);
            assert!(matches!(refused, Err(WrongAnswer::Wrong(..))), "{code} {refused:?}");
        }
        for twice in [("kind", ["dark", "blinks"]), ("where", ["road", "road"])] {
            let refused = checked(&[("lamps", "1"), (twice.0, twice.1[0]), (twice.0, twice.1[1])]);
            assert!(matches!(refused, Err(WrongAnswer::Wrong(..))), "{refused:?}");
        }
        assert_eq!(checked(&[]), Err(WrongAnswer::Missing("lamps".to_owned())));
        assert_eq!(checked(&[("colour", "red")]), Err(WrongAnswer::Unknown("colour".to_owned())));
    }
}
