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
                .map_err(|error| complaint(&variable, &format!("the file it names {error}")))?
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
        config =
            Some(apply(&mut table, &change).map_err(|message| vec![complaint(&change.variable, &message)])?);
    }
    Ok(config.unwrap_or_default())
}

/// Puts one override into `table`. The key's type decides what the text is: text where that fits (a password may
/// consist of digits), otherwise the number, truth value or list it looks like.
fn apply(table: &mut toml::Table, change: &Override) -> Result<Config, String> {
    let mut complaint = String::new();
    let readings = std::iter::once(Value::String(change.text.clone())).chain(typed(&change.text));
    for value in readings {
        let mut changed = table.clone();
        if !put(&mut changed, &change.path, value) {
            return Err("names no place in the configuration".to_owned());
        }
        match changed.clone().try_into::<Config>() {
            Ok(config) => {
                *table = changed;
                return Ok(config);
            }
            Err(error) => complaint = without_value(error.message(), &change.text),
        }
    }
    Err(complaint)
}

/// The complaint without the value, which may be a secret: only what the target's type says about itself is kept.
fn without_value(message: &str, text: &str) -> String {
    if message.starts_with("unknown field") || message.starts_with("missing field") {
        return super::explain(message);
    }
    if let Some((_, expected)) = message.rsplit_once(", expected ") {
        return format!("the value does not fit: expected {expected}");
    }
    let items = match typed(text) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let quoted = std::iter::once(text).chain(items.iter().filter_map(Value::as_str));
    let rest = quoted.filter(|value| !value.is_empty()).find_map(|value| {
        message.strip_prefix(value).or_else(|| message.strip_prefix(&format!("'{value}'")))
    });
    match rest {
        Some(rest) => format!("the value{rest}"),
        None => "the value does not fit this key".to_owned(),
    }
}

fn complaint(variable: &str, message: &str) -> Diagnostic {
    Diagnostic::at_offset(&format!("environment {variable}"), "", 0, message)
}

/// Walks to the place `path` names, making tables on the way, and puts the value there.
fn put(table: &mut toml::Table, path: &[String], value: Value) -> bool {
    match path {
        [key] => {
            table.insert(key.clone(), value);
            true
        }
        [key, index, rest @ ..] if !rest.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => {
            let element = table.get_mut(key).and_then(Value::as_array_mut).and_then(|items| {
                let index: usize = index.parse().ok()?;
                items.get_mut(index)?.as_table_mut()
            });
            element.is_some_and(|element| put(element, rest, value))
        }
        [key, rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(toml::Table::new()));
            inner.as_table_mut().is_some_and(|inner| put(inner, rest, value))
        }
        [] => false,
    }
}

/// The number, truth value or list that the text is; none when it is only text.
fn typed(text: &str) -> Option<Value> {
    let mut table = format!("value = {text}").parse::<toml::Table>().ok().filter(|table| table.len() == 1)?;
    table
        .remove("value")
        .filter(|value| matches!(value, Value::Integer(_) | Value::Boolean(_) | Value::Array(_)))
}
