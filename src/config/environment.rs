//! Overrides from the environment: `RINGBACK_SECTION__KEY=value`, and `RINGBACK_SECTION__KEY_FILE=path` for a
//! secret that stands in a file. Tables of which there are several (`[[trunk]]`, `[[queue]]`) are counted:
//! `RINGBACK_TRUNK__0__PASSWORD_FILE`.

use std::path::Path;

use toml::Value;

use super::Config;
use crate::diagnostic::Diagnostic;

const PREFIX: &str = "RINGBACK_";
/// A key that is itself a file name, so `_FILE` is part of it.
const KEYS_OF_FILES: [&str; 2] = ["city.file", "password_file"];

/// One override: the variable it came from, where it belongs, and its text.
pub(super) struct Override {
    variable: String,
    path: Vec<String>,
    text: String,
}

pub(super) fn overrides(
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Vec<Override>, Diagnostic> {
    let mut found = Vec::new();
    for (variable, text) in environment {
        let Some(rest) = variable.strip_prefix(PREFIX) else { continue };
        if !rest.contains("__") {
            continue;
        }
        let mut path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        let mut text = text;
        let last = path.last().cloned().unwrap_or_default();
        let is_file_key = KEYS_OF_FILES.iter().any(|key| path.join(".").ends_with(key));
        if let (Some(key), false) = (last.strip_suffix("_file"), is_file_key) {
            text = super::read(Path::new(&text))
                .map_err(|error| complaint(&variable, &format!("{text}: {error}")))?
                .trim_end()
                .to_owned();
            if let Some(place) = path.last_mut() {
                key.clone_into(place);
            }
        }
        found.push(Override { variable, path, text });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// The configuration of `text` with the overrides in force; a wrong value is blamed on its variable.
pub(super) fn lay_over(text: &str, overrides: Vec<Override>) -> Result<Config, Vec<Diagnostic>> {
    let mut table: toml::Table =
        toml::from_str(text).map_err(|error| vec![complaint("", error.message())])?;
    let mut config = None;
    for change in overrides {
        if !put(&mut table, &change.path, &change.text) {
            return Err(vec![complaint(&change.variable, "names no place in the configuration")]);
        }
        let changed = table.clone().try_into::<Config>();
        config = Some(
            changed.map_err(|error| vec![complaint(&change.variable, &super::explain(error.message()))])?,
        );
    }
    Ok(config.unwrap_or_default())
}

fn complaint(variable: &str, message: &str) -> Diagnostic {
    Diagnostic::at_offset(&format!("environment {variable}"), "", 0, message)
}

/// Walks to the place `path` names, making tables on the way, and puts the text there as the value it looks like.
fn put(table: &mut toml::Table, path: &[String], text: &str) -> bool {
    match path {
        [key] => {
            table.insert(key.clone(), value_of(text, table.get(key)));
            true
        }
        [key, index, rest @ ..] if !rest.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
            let element = table.get_mut(key).and_then(Value::as_array_mut).and_then(|items| {
                let index: usize = index.parse().ok()?;
                items.get_mut(index)?.as_table_mut()
            });
            element.is_some_and(|element| put(element, rest, text))
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(toml::Table::new()));
            inner.as_table_mut().is_some_and(|inner| put(inner, rest, text))
        }
        [] => false,
    }
}

/// A number, a truth value or a list where the text is one; text where the file has text, and otherwise.
fn value_of(text: &str, present: Option<&Value>) -> Value {
    if matches!(present, Some(Value::String(_))) {
        return Value::String(text.to_owned());
    }
    match format!("value = {text}").parse::<toml::Table>().ok().and_then(|mut table| table.remove("value")) {
        Some(value @ (Value::Integer(_) | Value::Boolean(_) | Value::Array(_)))
            if looks_the_same(&value, text) =>
        {
            value
        }
        _ => Value::String(text.to_owned()),
    }
}

/// `0042` must not become a number, nor a secret that happens to be digits with a leading zero or sign.
fn looks_the_same(value: &Value, text: &str) -> bool {
    match value {
        Value::Integer(number) => number.to_string() == text,
        _ => true,
    }
}
