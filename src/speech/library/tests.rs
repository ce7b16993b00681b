//! A small plan, its recorded, rendered and missing prompts; and the texts of the shipped one.
//! The speech program really runs here; rendering many prompts at once and cutting
//! off silence is tested in `render.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

use super::*;

/// The least a plan can be, in one language.
const PLAN: &str = r#"languages = ["en"]
time_zone = "Europe/Vilnius"
start = "city"
operator = "city"
emergency = "city"
node.city = { kind = "queue", prompt = "welcome", queue = "city", urgent = true, full = "bye" }
node.bye = { kind = "voicemail", prompt = "welcome" }
"#;

fn plan() -> Dialplan {
    Dialplan::parse("small.toml", PLAN).unwrap_or_else(|wrong| panic!("{wrong:#?}"))
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dialplans")
}

/// A folder in which every prompt of the small plan has the same short text: rendering is one child.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ids: Vec<String> =
        plan().prompts().into_iter().map(|prompt| format!("{} = \"yes\"\n", prompt.id)).collect();
    std::fs::write(folder.path().join("en.toml"), ids.concat()).unwrap();
    folder
}

fn load(folder: &Path, engine: &str) -> Result<PromptLibrary, Vec<Diagnostic>> {
    PromptLibrary::load(&plan(), folder, &folder.join("cache"), Path::new(engine), &mut |_, _| {})
}

fn prompt(id: &str) -> PromptRef {
    PromptRef { id: id.to_owned(), language: Language::En }
}

#[test]
fn recordings_come_before_speech_and_speech_is_cached() {
    let folder = folder();
    let first = load(folder.path(), "espeak-ng").unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let total = plan().prompts().len();
    assert_eq!(first.origins(), Origins { recorded: 0, cached: 0, rendered: total });
    let spoken = first.sound(&prompt("welcome")).unwrap();

    std::fs::create_dir(folder.path().join("en")).unwrap();
    let key = crate::digest::Sha256::of(b"a recording");
    cache::write(folder.path(), &key, &Sound { samples: vec![7; 800] }).unwrap();
    std::fs::rename(cache::path(folder.path(), &key), folder.path().join("en/welcome.wav")).unwrap();
    let second = load(folder.path(), "espeak-ng").unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    assert_eq!(second.origins(), Origins { recorded: 1, cached: total - 1, rendered: 0 });
    assert_eq!(second.sound(&prompt("welcome")).unwrap().samples, [7; 800]);
    assert_ne!(spoken.samples, [7; 800]);
    assert_eq!(second.sounds(&[prompt("welcome"), prompt("nonsense"), prompt(BEEP)]).len(), 2);
    assert!(second.music().samples.len() > 8000);

    std::fs::write(folder.path().join("en/welcome.wav"), "no sound").unwrap();
    let complaints = load(folder.path(), "espeak-ng").unwrap_err();
    assert!(complaints[0].to_string().contains("en/welcome.wav"), "{complaints:?}");
}

#[test]
fn what_is_missing_is_said() {
    let folder = folder();
    let complaints = load(folder.path(), "/no/such/espeak").unwrap_err();
    assert!(
        complaints[0].to_string().contains("/no/such/espeak:1:1: the speech program cannot be run"),
        "{complaints:?}"
    );
    std::fs::write(folder.path().join("en.toml"), "welcom = \"hello\"\n").unwrap();
    let complaints = load(folder.path(), "espeak-ng").unwrap_err();
    let expected =
        "small.toml:6:40: prompt 'welcome' of node 'city' has no text in 'en'; did you mean 'welcom'?";
    assert!(complaints.iter().any(|complaint| complaint.to_string() == expected), "{complaints:#?}");
    std::fs::remove_file(folder.path().join("en.toml")).unwrap();
    assert!(load(folder.path(), "espeak-ng").unwrap_err()[0].message.contains("cannot be read"));
}

#[test]
fn the_shipped_plan_has_words_in_every_language() {
    let text = std::fs::read_to_string(shipped().join("1580.toml")).unwrap();
    let plan = Dialplan::parse("1580.toml", &text).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    assert_eq!(plan.languages(), Language::ALL);
    let texts =
        read_texts(&shipped().join("prompts"), plan.languages()).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    let complaints = plan.check_prompts(&texts);
    assert!(complaints.is_empty(), "{complaints:#?}");
    // No text is left over, and all languages say the same things but for their own name.
    let asking = std::fs::read_to_string(shipped().join("verification.toml")).unwrap();
    let asking = Dialplan::parse("verification.toml", &asking).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    assert_eq!(asking.check_prompts(&texts), []);
    let used = [plan.prompts(), asking.prompts()].concat();
    for language in Language::ALL {
        for id in texts.ids(language) {
            let prompt = PromptRef { id: id.to_owned(), language };
            assert!(used.contains(&prompt), "nothing says '{id}' in {language}");
        }
    }
    // Hebrew is unintelligible without its sounds.
    let silent: Vec<&str> = texts
        .ids(Language::He)
        .filter(|id| {
            texts.text(&PromptRef { id: (*id).to_owned(), language: Language::He }).unwrap().said.is_none()
        })
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

/// Renders everything that is shipped: slow, for whoever changes the texts (`cargo test -- --ignored shipped`).
#[test]
#[ignore = "half a minute of rendering"]
fn every_shipped_prompt_can_be_spoken() {
    let text = std::fs::read_to_string(shipped().join("1580.toml")).unwrap();
    let plan = Dialplan::parse("1580.toml", &text).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let library = PromptLibrary::load(
        &plan,
        &shipped().join("prompts"),
        cache.path(),
        Path::new("espeak-ng"),
        &mut |_, _| {},
    );
    let library = library.unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    for prompt in plan.prompts() {
        let sound = library.sound(&prompt).unwrap_or_else(|| panic!("{prompt:?}"));
        assert!((1600..8000 * 60).contains(&sound.samples.len()), "{prompt:?}: {sound:?}");
    }
}
