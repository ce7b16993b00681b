//! The words of the prompts, one TOML file per language: `queue.next = "..."`, or
//! `{ text = "...", said = "..." }` where the speech program must be given something else than people read.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::PromptRef;
use super::fields::Fields;
use super::prompt::is_prompt_id;
use super::source::Source;
use crate::diagnostic::Diagnostic;
use crate::language::Language;

/// Longest prompt, in characters: half a minute of speech, more than any caller listens to.
pub const MAX_TEXT_CHARS: usize = 600;
/// Tables inside tables in a prompt file; ids like `status.due` need one level.
const MAX_DEPTH: usize = 4;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PromptText {
    /// As people read it.
    pub text: String,
    /// What a speech program is given instead; for Hebrew, which is written without vowels.
    pub said: Option<String>,
}

/// Every known prompt text, by language and id.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PromptTexts {
    by_language: BTreeMap<Language, BTreeMap<String, PromptText>>,
    sources: BTreeMap<Language, String>,
}

impl PromptTexts {
    /// Adds the texts of one file; `file` names it in the diagnostics. A later text of an id replaces the earlier.
    pub fn add(&mut self, language: Language, file: &str, text: &str) -> Result<(), Vec<Diagnostic>> {
        self.sources.insert(language, text.to_owned());
        let source = Source::new(file, text);
        if let Some(table) = source.table() {
            let texts = self.by_language.entry(language).or_default();
            read_table(&source, table.get_ref(), "", texts, 0);
        }
        if source.has_complaints() { Err(source.into_complaints()) } else { Ok(()) }
    }

    pub fn text(&self, prompt: &PromptRef) -> Option<&PromptText> {
        self.by_language.get(&prompt.language)?.get(&prompt.id)
    }

    /// The file last added for `language`, as it was written.
    pub fn source(&self, language: Language) -> Option<&str> {
        self.sources.get(&language).map(String::as_str)
    }

    /// Ids that have a text in `language`.
    pub fn ids(&self, language: Language) -> impl Iterator<Item = &str> {
        self.by_language.get(&language).into_iter().flat_map(|texts| texts.keys().map(String::as_str))
    }
}

fn read_table(
    source: &Source<'_>,
    table: &DeTable<'_>,
    prefix: &str,
    texts: &mut BTreeMap<String, PromptText>,
    depth: usize,
) {
    for (key, value) in table {
        let (id, offset) = (format!("{prefix}{}", key.get_ref()), key.span().start);
        if !is_prompt_id(&id) {
            source.complain(
                offset,
                format!("'{id}' is not a prompt id: lower-case letters, digits, '_' and '.'"),
            );
            continue;
        }
        let read = match value.get_ref() {
            DeValue::String(text) => Some(PromptText { text: text.to_string(), said: None }),
            DeValue::Table(inner) if inner.get("text").is_some_and(|text| text.get_ref().is_str()) => {
                read_said(Fields::new(source, inner, offset, format!("prompt '{id}'")))
            }
            DeValue::Table(inner) if depth < MAX_DEPTH => {
                read_table(source, inner, &format!("{id}."), texts, depth + 1);
                continue;
            }
            _ => {
                source.complain(value.span().start, format!("prompt '{id}' must be a text in quotes"));
                continue;
            }
        };
        let Some(read) = read else { continue };
        if read.text.trim().is_empty() || read.text.chars().count() > MAX_TEXT_CHARS {
            let message = format!("prompt '{id}' must have 1 to {MAX_TEXT_CHARS} characters");
            source.complain(value.span().start, message);
        }
        texts.insert(id, read);
    }
}

fn read_said(mut fields: Fields<'_, '_>) -> Option<PromptText> {
    let text = fields.string("text").map(|(text, _)| text.to_owned());
    let said = fields.optional_string("said").map(|(said, _)| said.to_owned());
    fields.finish();
    Some(PromptText { text: text?, said })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tables_become_dotted_ids_and_said_is_kept() {
        let mut texts = PromptTexts::default();
        let file = "hello = \"Вітаємо\"\n[number]\n0 = \"нуль\"\n1 = { text = \"אחת\", said = \"akhat\" }\n";
        texts.add(Language::He, "he.toml", file).unwrap();
        let text = |id: &str| texts.text(&PromptRef { id: id.to_owned(), language: Language::He }).unwrap();
        assert_eq!(text("hello").text, "Вітаємо");
        assert_eq!(text("number.0").said, None);
        assert_eq!(text("number.1").said.as_deref(), Some("akhat"));
        assert_eq!(texts.ids(Language::He).count(), 3);
        assert_eq!(texts.ids(Language::Uk).count(), 0);
    }

    #[test]
    fn wrong_texts_are_placed() {
        for (file, place) in [
            ("a = 1", "p.toml:1:5: prompt 'a' must be a text"),
            ("\na = \"\"", "p.toml:2:5: prompt 'a' must have 1 to"),
            ("\"A b\" = \"x\"", "p.toml:1:1: 'A b' is not a prompt id"),
            ("a = \"x\"\na = \"y\"", "p.toml:2:1: duplicate key"),
            ("a = { text = \"x\", sayd = \"y\" }", "unknown key 'sayd' in prompt 'a'; did you mean 'said'?"),
        ] {
            let complaints = PromptTexts::default().add(Language::Uk, "p.toml", file).unwrap_err();
            assert!(complaints[0].to_string().contains(place), "{file:?}: {complaints:?}");
        }
    }
}
