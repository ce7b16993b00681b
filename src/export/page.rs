//! The bundle's `index.html`: one file without network, in the city's language, whose policy lets in its own script and style
//! alone (by their digests); and the README. Words come from the built pages, where all other texts are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::bundle::story::Story;
use crate::digest::Sha256;
use crate::language::Language;

/// Absent until the pages are built; then the bundle's page shows the names of words.
#[derive(rust_embed::Embed)]
#[folder = "web/dist/bundle"]
#[allow_missing = true]
struct Built;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

pub(super) fn page(told: &Value, names: &Value, peaks: &Value, key: &str) -> String {
    let language = told["language"].as_str().unwrap_or("en");
    let words = words(language);
    let story = json!({
        "story": told, "names": names, "peaks": peaks, "words": words, "key": key, "lang": language,
    });
    let dir = if language == "he" { "rtl" } else { "ltr" };
    let number = told["case"]["number"].as_str().unwrap_or_default();
    let parts = [
        ("lang", language.to_owned()),
        ("dir", dir.to_owned()),
        ("title", number.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()),
        ("style_hash", STANDARD.encode(Sha256::of(STYLE.as_bytes()).0)),
        ("script_hash", STANDARD.encode(Sha256::of(SCRIPT.as_bytes()).0)),
        ("style", STYLE.to_owned()),
        ("script", SCRIPT.to_owned()),
        // Nothing that was said or written can end the element it stands in.
        ("story", story.to_string().replace('<', "\\u003c")),
    ];
    let mut page = String::new();
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.extend(parts.iter().find(|(part, _)| *part == name).map(|(_, text)| text.as_str()));
        rest = after;
    }
    page.push_str(rest);
    page
}

/// Texts of one language by their keys.
fn words(language: &str) -> Value {
    let built = Built::get("words.json");
    let all: Option<Value> = built.and_then(|file| serde_json::from_slice(&file.data).ok());
    all.map_or_else(|| json!({}), |mut all| all[language].take())
}

pub(super) fn readme(story: &Story, key: &str) -> String {
    let code = json!(story.language);
    let words = words(code.as_str().unwrap_or("en"));
    let own = words["bundle.readme"].as_str().filter(|_| story.language != Language::En);
    let own = own.map(|text| format!("{text}\n\n")).unwrap_or_default();
    let (number, made_at, format) = (&story.case.number, story.made_at.rfc3339(), crate::bundle::FORMAT);
    let unsigned = match story.unsigned_entries {
        0 => String::new(),
        count => format!("\n{count} newer entries of the case were not signed yet and are not in here.\n"),
    };
    format!(
        "{own}\
Case {number}, exported {made_at} (layout {format})

Unpack the archive and open index.html in any browser. Nothing is fetched from anywhere.

index.html              the case, its calls and pictures; click an event to hear that second
case.json               the same for programs
case.vcon.json          the conversations as a vCon (draft-ietf-vcon-vcon-core-04), signed (JWS, EdDSA)
recordings/CALL.wav     the sealed recording of a call: left the citizen, right the city, a marker for each event
recordings/CALL.seconds SHA-256 of a zero octet and each second of its sound, a line each
photos/                 pictures as they came
journal/entries.jsonl   each line one entry of the city's journal, canonical JSON (RFC 8785)
journal/proofs.jsonl    on the same line: the way from that entry to the root of the tree (RFC 9162)
journal/checkpoint.txt  size and root of that tree, signed with the city's key (C2SP tlog-checkpoint)
journal/keys.txt        the city's public key (Ed25519, C2SP signed-note)
SHA256SUMS              digest of every file; SHA256SUMS.note is the signature over it
verify.py, verify.sh    check all of it with python3, openssl and sha256sum

To check: sh verify.sh, or python3 verify.py. Exit code 0: everything is as it was signed.
The key in here proves that the parts fit together. That they are the city's shows the key the city publishes:

{key}

    python3 verify.py --key 'THE LINE ABOVE, AS THE CITY PUBLISHED IT'

A recording is sealed by the SHA-256 of everything behind its head of 684 octets, then of the head:
(tail -c +685 F; head -c 684 F) | sha256sum gives the sha256 of its entry rec.sealed.
{unsigned}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_said_stays_text_and_the_policy_fits_the_script() {
        let told = json!({ "language": "he", "case": { "number": "2026-01-000001\"><b>" }, "said": "</script><b>{{style}}" });
        let page = page(&told, &json!({}), &json!({}), "key");
        assert!(page.contains(r#"<html lang="he" dir="rtl">"#));
        assert_eq!(page.matches("</script>").count(), 2, "the data and the player");
        assert!(page.contains(r"\u003c/script>\u003cb>{{style}}"), "what was said is no template");
        let hash = STANDARD.encode(Sha256::of(SCRIPT.as_bytes()).0);
        assert!(page.contains(&format!("script-src 'sha256-{hash}'")));
        assert!(page.contains(&format!("<script>{SCRIPT}</script>")));
        assert!(!page.contains("http:") && !page.contains("https:"), "nothing outside is named");
    }
}
