//! The repository's own rules, read from its text: layers and absences of ARCHITECTURE.md, file and function
//! sizes, opening comments, links. Everything wrong is listed at once, with file and line.
//!
//! It reads text, not syntax trees: comments and strings are blanked, braces counted. Compiler and clippy hold
//! what they can (clippy.toml); this holds the rest.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file; above this it has a second subject.
const FILE_LINES: usize = 700;
const FUNCTION_LINES: usize = 70;
/// Lines of `//!` that open a file.
const HEADER_LINES: std::ops::RangeInclusive<usize> = 2..=8;
/// Files allowed to be longer than [`FILE_LINES`], each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Folders that hold no text of ours: build output, installed packages, what a run leaves.
const NOT_OURS: &[&str] = &[".git", "target", "node_modules", "dist", "var", "data"];

/// The layers from the bottom up, by the first words of the module path. `sip::message` is wire, the rest of
/// `sip` are machines.
const LAYERS: &[&[&str]] = &[
    &[
        "calendar",
        "content_key",
        "diagnostic",
        "digest",
        "histogram",
        "ids",
        "language",
        "people",
        "one_time_code",
        "phone_code",
        "phone_number",
        "termination",
        "time",
    ],
    &[
        "sip::message",
        "address",
        "dialplan",
        "dtmf",
        "hep",
        "pcap",
        "picture",
        "rtp",
        "sdp",
        "srtp",
        "stun",
        "wav",
    ],
    &["sip", "acd", "audit", "case", "incident", "ivr", "media", "recording"],
    &[
        "journal",
        "bundle",
        "callback",
        "notification",
        "verification",
        "call",
        "report",
        "simulation",
        "switchboard",
    ],
    &["net", "resolver", "media_plane", "store", "files", "export", "web", "notify", "speech"],
    &["config", "app", "cli", "softphone", "main", "lib"],
];
/// Siblings in this layer do not know each other; only `call` and `switchboard` bring them together.
const MACHINES: usize = 2;
/// The highest layer without I/O.
const PURE: usize = 3;

/// What L0-L3 never touch: the outside world has names of its own.
const IMPURE: &[&str] = &[
    "tokio",
    "sqlx",
    "axum",
    "socket2",
    "polling",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "Mutex",
    "RwLock",
    "SystemTime::now",
    "Instant::now",
    "rand::rng",
];
/// Where a name above is the file's very subject.
const IMPURE_ALLOWED: &[(&str, &str)] =
    &[("src/time.rs", "SystemTime::now"), ("src/time.rs", "Instant::now")];

/// Left-overs that must not be committed. Split so that this file does not find itself.
const LEFT_OVERS: &[&str] = &[concat!("tod", "o!("), concat!("unimpl", "emented!("), concat!("db", "g!(")];

/// Paths of somebody's machine and hosts of package registries: a clone must not depend on either.
const FOREIGN: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("registry.npm", "js.org"),
    concat!("registry.yarn", "pkg.com"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("files.python", "hosted.org"),
    concat!("proxy.go", "lang.org"),
    concat!("arti", "factory"),
];

struct Source {
    /// With forward slashes, from the repository's root.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the repository.
fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the repository is readable") {
            let path = entry.expect("a folder of the repository is readable").path();
            if path.is_dir() {
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if !NOT_OURS.contains(&name) {
                    folders.push(path);
                }
            } else if path.ends_with(".git") {
                // The pointer of a linked work tree; not part of the repository.
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push(Source { path: relative(&path), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "only {} text files found: is this the repository?", found.len());
    found
}

fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(root()).expect("walked from the root");
    inside.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn rust_sources() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(|source| source.path.ends_with(".rs"))
}

/// Fails with every complaint on a line of its own.
fn report(rule: &str, complaints: &[String]) {
    let mut text = String::new();
    for complaint in complaints {
        let _ = write!(text, "\n  {complaint}");
    }
    assert!(complaints.is_empty(), "{rule}:{text}");
}

/// `text` with comments, strings and character literals blanked, newlines kept.
fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match literal_end(&chars, at) {
            Some(end) => end,
            None => {
                code.push(chars[at]);
                at += 1;
                continue;
            }
        };
        for &c in &chars[at..end] {
            code.push(if c == '\n' { '\n' } else { ' ' });
        }
        at = end;
    }
    code
}

/// The end of the comment or literal that starts at `at`, when one does.
fn literal_end(chars: &[char], at: usize) -> Option<usize> {
    let rest = &chars[at..];
    let find = |from: usize, wanted: &str| {
        let wanted: Vec<char> = wanted.chars().collect();
        (from..chars.len())
            .find(|&i| chars[i..].starts_with(&wanted))
            .map_or(chars.len(), |i| i + wanted.len())
    };
    let after_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match rest {
        ['/', '/', ..] => Some(rest.iter().position(|&c| c == '\n').map_or(chars.len(), |i| at + i)),
        ['/', '*', ..] => Some(find(at + 2, "*/")),
        ['r', '"' | '#', ..] if !after_word => {
            let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
            (rest.get(1 + hashes) == Some(&'"'))
                .then(|| find(at + 2 + hashes, &format!("\"{}", "#".repeat(hashes))))
        }
        ['"', ..] => {
            let mut i = at + 1;
            while i < chars.len() && chars[i] != '"' {
                i += if chars[i] == '\\' { 2 } else { 1 };
            }
            Some((i + 1).min(chars.len()))
        }
        ['\'', '\\', ..] => Some(find(at + 3, "'")),
        ['\'', _, '\'', ..] => Some(at + 3),
        _ => None,
    }
}

/// `code` without its `#[cfg(test)]` modules: tests may bring in what they like.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..start]);
        let Some(open) = rest[start..].find(['{', ';']).map(|i| start + i) else { break };
        let end = if rest[open..].starts_with('{') { block_end(rest, open) } else { open + 1 };
        kept.extend(rest[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[end..];
    }
    kept.push_str(rest);
    kept
}

/// The byte after the brace that closes the one at `open`.
fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (i, c) in code[open..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return open + i + 1;
        }
    }
    code.len()
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Where `word` stands on its own, not inside a longer name.
fn occurrences<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        !code[..at].ends_with(part_of_name) && !code[at + word.len()..].starts_with(part_of_name)
    })
}

/// The module a path belongs to, the longest name that [`LAYERS`] knows: `sip::message`, `call`.
fn layer_of(module: &str) -> Option<(usize, &'static str)> {
    let layered =
        LAYERS.iter().enumerate().flat_map(|(layer, names)| names.iter().map(move |name| (layer, *name)));
    layered
        .filter(|(_, name)| {
            module == *name || module.strip_prefix(name).is_some_and(|rest| rest.starts_with("::"))
        })
        .max_by_key(|(_, name)| name.len())
}

/// `src/sip/message/uri.rs` -> `sip::message::uri`.
fn module_of(path: &str) -> Option<String> {
    let inside = path.strip_prefix("src/")?.strip_suffix(".rs")?;
    Some(inside.trim_end_matches("/mod").replace('/', "::"))
}

/// Every module path that `code` names from the crate's root, with its place; groups are taken apart.
fn crate_paths(code: &str) -> Vec<(usize, String)> {
    let mut paths = Vec::new();
    for at in occurrences(code, "crate") {
        if let Some(tail) = code[at..].strip_prefix("crate::") {
            expand(tail, "", at, &mut paths);
        }
    }
    paths
}

/// Reads one path after `prefix`: names joined by `::`, or a group of such paths.
fn expand(tail: &str, prefix: &str, at: usize, paths: &mut Vec<(usize, String)>) {
    if tail.starts_with('{') {
        let inside = &tail[1..block_end(tail, 0) - 1];
        let mut depth = 0_usize;
        let parts = inside.split(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        });
        for part in parts.map(str::trim).filter(|part| !part.is_empty()) {
            expand(part, prefix, at, paths);
        }
        return;
    }
    let name: String = tail.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}::{name}") };
    match tail[name.len()..].strip_prefix("::") {
        Some(more) => expand(more, &path, at, paths),
        None => paths.push((at, path)),
    }
}

/// Source files of the program without its tests: path, module, code.
fn program() -> Vec<(String, String, String)> {
    let sources = rust_sources().filter(|source| source.path.starts_with("src/"));
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    let sources = sources.filter(|source| !is_test(&source.path));
    sources
        .filter_map(|source| {
            let module = module_of(&source.path)?;
            Some((source.path, module, without_tests(&code_only(&source.text))))
        })
        .collect()
}

#[test]
fn every_module_has_a_layer() {
    let unknown: Vec<String> = program()
        .into_iter()
        .filter(|(_, module, _)| layer_of(module).is_none())
        .map(|(path, module, _)| format!("{path}: `{module}` stands in no layer of tests/tidy.rs"))
        .collect();
    report("modules without a layer", &unknown);
}

#[test]
fn imports_point_downwards() {
    let mut wrong = Vec::new();
    for (path, module, code) in program() {
        let Some((layer, own)) = layer_of(&module) else { continue };
        for (at, named) in crate_paths(&code) {
            // `pub use crate::X` of the crate's root and macros have no layer.
            let Some((other_layer, other)) = layer_of(&named) else { continue };
            let sibling = layer == MACHINES && other_layer == MACHINES && own != other;
            if other_layer > layer || sibling {
                let why = if sibling { "siblings do not know each other" } else { "imports point downwards" };
                wrong.push(format!(
                    "{path}:{}: `{own}` (L{layer}) names `{named}` (L{other_layer}): {why}",
                    line_of(&code, at)
                ));
            }
        }
        if own == "sip::message" {
            for at in occurrences(&code, "super::super") {
                wrong.push(format!("{path}:{}: `sip::message` reaches up into `sip`", line_of(&code, at)));
            }
        }
    }
    report("layers", &wrong);
}

#[test]
fn pure_layers_stay_pure() {
    let mut wrong = Vec::new();
    for (path, module, code) in program() {
        if layer_of(&module).is_none_or(|(layer, _)| layer > PURE) {
            continue;
        }
        for name in IMPURE.iter().filter(|name| !IMPURE_ALLOWED.contains(&(path.as_str(), **name))) {
            for at in occurrences(&code, name) {
                wrong.push(format!("{path}:{}: `{name}` in a pure layer", line_of(&code, at)));
            }
        }
    }
    report("pure layers", &wrong);
}

#[test]
fn files_open_with_what_they_own() {
    let mut wrong = Vec::new();
    for source in rust_sources() {
        let lines = source.text.lines().take_while(|line| line.starts_with("//!")).count();
        if !HEADER_LINES.contains(&lines) {
            wrong
                .push(format!("{}: opens with {lines} lines of `//!`, wanted {HEADER_LINES:?}", source.path));
        }
    }
    report("opening comments", &wrong);
}

#[test]
fn files_and_functions_stay_short() {
    let mut wrong = Vec::new();
    for source in rust_sources() {
        let lines = source.text.lines().count();
        let allowed = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        if lines > FILE_LINES && !allowed {
            wrong.push(format!("{}: {lines} lines, at most {FILE_LINES}", source.path));
        }
        let code = code_only(&source.text);
        for at in occurrences(&code, "fn") {
            let Some(open) = body_of(&code, at) else { continue };
            let lines = line_of(&code, block_end(&code, open)) - line_of(&code, at) + 1;
            if lines > FUNCTION_LINES {
                let place = line_of(&code, at);
                wrong.push(format!(
                    "{}:{place}: a function of {lines} lines, at most {FUNCTION_LINES}",
                    source.path
                ));
            }
        }
    }
    report("sizes", &wrong);
}

/// The opening brace of the function whose `fn` stands at `at`; none for a type or a declaration.
fn body_of(code: &str, at: usize) -> Option<usize> {
    let name = code[at + 2..].trim_start();
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    let mut depth = 0_i32;
    for (i, c) in code[at..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at + i),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[test]
fn nothing_is_left_over() {
    let mut wrong = Vec::new();
    for source in rust_sources() {
        let code = code_only(&source.text);
        for word in LEFT_OVERS {
            for (at, _) in code.match_indices(word) {
                wrong.push(format!("{}:{}: `{word}..)`", source.path, line_of(&code, at)));
            }
        }
    }
    report("left over", &wrong);
}

#[test]
fn no_machine_and_no_registry_is_named() {
    let mut wrong = Vec::new();
    for source in sources() {
        for word in FOREIGN {
            for (at, _) in source.text.match_indices(word) {
                // `pages/work/` is a folder of ours: a path of a machine begins with its slash.
                let inside = source.text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
                if !(word.starts_with('/') && inside) {
                    wrong.push(format!("{}:{}: `{word}`", source.path, line_of(&source.text, at)));
                }
            }
        }
    }
    report("machine paths and registry hosts", &wrong);
}

#[test]
fn lock_files_hold_no_addresses() {
    let mut wrong = Vec::new();
    for source in sources() {
        let address = match source.path.rsplit('/').next() {
            Some("package-lock.json") => "\"resolved\"",
            Some("Cargo.lock") => "source = \"git+",
            _ => continue,
        };
        for (at, _) in source.text.match_indices(address) {
            wrong.push(format!("{}:{}: {address}", source.path, line_of(&source.text, at)));
        }
    }
    report("download addresses", &wrong);
}

#[test]
fn links_inside_the_repository_resolve() {
    let mut wrong = Vec::new();
    for source in sources().into_iter().filter(|source| source.path.ends_with(".md")) {
        for (line, target) in links(&source.text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let here = root().join(&source.path);
            let path: PathBuf =
                if file.is_empty() { here } else { here.parent().expect("a file has a folder").join(file) };
            if !path.exists() {
                wrong.push(format!("{}:{line}: {target} is not there", source.path));
            } else if !anchor.is_empty() && !has_anchor(&path, anchor) {
                wrong.push(format!("{}:{line}: {target} has no such heading", source.path));
            }
        }
    }
    report("links", &wrong);
}

/// A test that a document points to, as in `proxy::rtpengine_carries_the_sound`, is in `tests/e2e/`.
#[test]
fn tests_named_in_documents_are_there() {
    let mut wrong = Vec::new();
    for source in sources().into_iter().filter(|source| source.path.starts_with("docs/")) {
        for (index, line) in source.text.lines().enumerate() {
            for named in line.split('`').skip(1).step_by(2) {
                let Some((file, test)) = named.split_once("::") else { continue };
                let text = fs::read_to_string(root().join(format!("tests/e2e/{file}.rs")));
                if !text.is_ok_and(|text| text.contains(&format!("#[test]\nfn {test}() {{"))) {
                    wrong.push(format!("{}:{}: no test {named}", source.path, index + 1));
                }
            }
        }
    }
    report("tests", &wrong);
}

/// Targets of `[text](target)` outside code, with their lines.
fn links(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (index, line) in markdown.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second part between backticks is code.
        for prose in line.split('`').step_by(2) {
            for (at, _) in prose.match_indices("](") {
                let target: String =
                    prose[at + 2..].chars().take_while(|c| !matches!(c, ')' | ' ')).collect();
                found.push((index + 1, target));
            }
        }
    }
    found
}

/// Whether `path` is a Markdown file with a heading that `#anchor` leads to.
fn has_anchor(path: &Path, anchor: &str) -> bool {
    let Ok(text) = fs::read_to_string(path) else { return false };
    text.lines().filter(|line| line.starts_with('#')).any(|line| {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).eq(anchor.chars())
    })
}

/// The rules are held by text scanning, so the scanner itself is held by examples.
mod scanner {
    use super::*;

    #[test]
    fn comments_strings_and_characters_are_no_code() {
        let code = code_only("a /* { */ b // {\n\"{\\\"\" r#\"{\"\"# '{' '\\n' 'a: loop c");
        assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "'a:", "loop", "c"]);
    }

    #[test]
    fn groups_are_taken_apart() {
        let paths: Vec<_> = crate_paths("use crate::{time, sip::{message::Method, dialog}}; crate::call::X")
            .into_iter()
            .map(|(_, path)| path)
            .collect();
        assert_eq!(paths, ["time", "sip::message::Method", "sip::dialog", "call::X"]);
    }

    #[test]
    fn wire_and_machines_of_sip_are_told_apart() {
        assert_eq!(layer_of("sip::message::uri"), Some((1, "sip::message")));
        assert_eq!(layer_of("sip::transaction"), Some((2, "sip")));
        assert_eq!(layer_of("sipp"), None);
    }

    #[test]
    fn test_modules_are_left_out_and_functions_measured() {
        let code = "fn a() {\n}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}";
        let kept = without_tests(code);
        assert!(!kept.contains("fn b") && kept.contains("fn c"));
        assert_eq!(line_of(code, code.len()), line_of(&kept, kept.len()));
        assert_eq!(body_of("fn a(x: [u8; 2]) -> T where T: X {", 0), Some(33));
        assert_eq!(body_of("fn(u8) {", 0), None);
    }

    #[test]
    fn links_in_code_are_no_links() {
        assert_eq!(links("[a](b.md) `[c](d)`\n```\n[e](f)\n```\n"), [(1, "b.md".to_owned())]);
    }
}
