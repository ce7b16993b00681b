//! Secrets out of the text of a configuration: passwords, and those in addresses of databases. What is left has as many
//! lines as before, so that line numbers stay right. Works on text that may be no TOML at all: what looks like the value
//! of a password is hidden, and where its end is not found, everything to the end.

/// Stands for a secret, whatever its length.
const MASK: &str = "\"****\"";

/// Keys end so whose values are secrets.
const KEYS: [&str; 2] = ["password", "secret"];

/// `text` without secrets, line by line.
pub(super) fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(end) = end_of_key(rest) {
        let (before, after) = rest.split_at(end);
        shown.push_str(before);
        rest = after;
        let value = after.trim_start_matches(['"', '\'']).trim_start_matches([' ', '\t']);
        if let Some(value) = value.strip_prefix('=') {
            let value = value.trim_start_matches([' ', '\t']);
            let secret = &value[..length_of_literal(value)];
            shown.push_str(&after[..after.len() - value.len()]);
            shown.push_str(MASK);
            shown.extend(secret.matches('\n'));
            rest = &value[secret.len()..];
        }
    }
    shown.push_str(rest);
    shown.split('\n').map(without_address_password).collect::<Vec<_>>().join("\n")
}

/// Where the first word ends that names a secret.
fn end_of_key(text: &str) -> Option<usize> {
    let ends = KEYS.iter().filter_map(|key| text.find(key).map(|found| found + key.len()));
    ends.min()
}

/// Bytes of the string at the beginning of `text`, or of its line when there is none.
fn length_of_literal(text: &str) -> usize {
    let line_end = text.find('\n').unwrap_or(text.len());
    for quotes in ["\"\"\"", "\'\'\'", "\"", "\'"] {
        let Some(inside) = text.strip_prefix(quotes) else { continue };
        let end = end_of_string(inside, quotes);
        return match end {
            Some(end) => 2 * quotes.len() + end,
            None if quotes.len() == 3 => text.len(),
            None => line_end,
        };
    }
    line_end
}

/// Where the closing quotes begin; a backslash hides a double quote.
fn end_of_string(inside: &str, quotes: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + inside[from..].find(quotes)?;
        let backslashes = inside[..end].bytes().rev().take_while(|byte| *byte == b'\\').count();
        if quotes.starts_with('"') && backslashes % 2 == 1 {
            from = end + 1;
            continue;
        }
        if quotes.len() == 1 && inside[..end].contains('\n') {
            return None;
        }
        return Some(end);
    }
}

/// `postgres://user:secret@host/db` without the secret.
fn without_address_password(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(found) = rest.find("://") {
        let (before, after) = rest.split_at(found + 3);
        shown.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || c == '"' || c == '\'').unwrap_or(after.len());
        let host = after[..end].rfind('@');
        rest = match host.and_then(|host| Some((host, after[..host].find(':')?))) {
            Some((host, colon)) => {
                shown.push_str(&after[..=colon]);
                shown.push_str("****");
                &after[host..]
            }
            None => after,
        };
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_however_they_are_written() {
        for (text, shown) in [
            ("password = \"hunter2\" # why", "password = \"****\" # why"),
            ("password='it is \"x\"'\nname = 1", "password=\"****\"\nname = 1"),
            ("password = \"a\\\"b\"\nx", "password = \"****\"\nx"),
            (
                "t = { name = \"a\", password = \"b\", user = \"c\" }",
                "t = { name = \"a\", password = \"****\", user = \"c\" }",
            ),
            ("\"password\" = \"b\"", "\"password\" = \"****\""),
            ("password = \"\"\"\none\ntwo\"\"\"\nx", "password = \"****\"\n\n\nx"),
            ("password = \"\"\"\none", "password = \"****\"\n"),
            ("password = \"open\nname = \"x\"", "password = \"****\"\nname = \"x\""),
            ("password = bare\nx", "password = \"****\"\nx"),
            ("password_file = \"secrets/a\"", "password_file = \"secrets/a\""),
            ("secret = \"a\"\npassword = \"b\"", "secret = \"****\"\npassword = \"****\""),
            ("# the password is in a file", "# the password is in a file"),
            ("url = \"postgres://u:p@ss@h/db\"", "url = \"postgres://u:****@h/db\""),
            ("url = \"sqlite://var/x.db\"", "url = \"sqlite://var/x.db\""),
        ] {
            assert_eq!(masked(text), shown, "{text}");
            assert_eq!(masked(text).matches('\n').count(), text.matches('\n').count(), "{text}");
        }
    }
}
