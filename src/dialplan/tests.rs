//! A good small plan, and for each rule a plan that breaks it, with the place of the complaint.
//! Only reading and checking: walking a plan is tested in `ivr/walk/tests.rs`.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

/// Every kind of node once; the line numbers of the table below count from its first line.
const GOOD: &str = r##"languages = ["uk", "en"]
time_zone = "Europe/Kyiv"
start = "hours"
operator = "city"
emergency = "urgent"
calendar.office = { open = ["Mon-Fri 08:00-17:00"], holidays = ["01-01"] }
[node]
hours = { kind = "schedule", calendar = "office", open = "topics", closed = "message", holiday = "message", emergency = "news" }
news = { kind = "say", prompt = ["news", "$count"], next = "topics" }
english = { kind = "set_language", language = "en", next = "@back" }
own = { kind = "lookup", what = "own_cases", found = "ask", not_found = "city", failed = "ask" }
status = { kind = "case_status", next = "bye", not_found = "ask", failed = "city" }
city = { kind = "queue", queue = "city", full = "ring", topic = "other" }
urgent = { kind = "queue", queue = "emergency", urgent = true, full = "bye" }
ring = { kind = "callback", prompt = "ring", no_number = "message" }
message = { kind = "voicemail", prompt = "message" }
bye = { kind = "hangup", prompt = "bye" }
[node.topics]
kind = "menu"
prompt = ["topics", "english@en"]
keys = { 1 = "own", 9 = "english", 0 = "urgent" }
no_input = { after = 2, to = "city" }
no_match = { after = 3, prompt = "again", to = "city" }
[node.ask]
kind = "collect"
prompt = "ask"
into = "case_number"
max_digits = 12
next = "status"
no_input = { after = 1, to = "city" }
no_match = { after = 2, to = "city" }
"##;

fn complaints(text: &str) -> Vec<String> {
    match Dialplan::parse("p.toml", text) {
        Ok(_) => Vec::new(),
        Err(list) => list.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_good_plan_reads() {
    let plan = Dialplan::parse("p.toml", GOOD).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    assert_eq!(plan.languages(), [Language::Uk, Language::En]);
    assert_eq!(plan.queues(), ["city", "emergency"]);
    assert_eq!(plan.topics(), ["other"]);
    assert_eq!((plan.start(), plan.operator(), plan.emergency()), ("hours", "city", Some("urgent")));
    assert_eq!(plan.nodes().count(), 12);
    let NodeKind::Collect(ask) = &plan.node("ask").unwrap().kind else { panic!("no collect") };
    assert_eq!((ask.min_digits, ask.max_digits, ask.terminator), (1, 12, Some('#')));
    let NodeKind::Menu(topics) = &plan.node("topics").unwrap().kind else { panic!("no menu") };
    assert_eq!((topics.no_input.after, topics.no_match.after, topics.barge_in), (2, 3, true));
}

#[test]
fn each_rule_finds_its_breach() {
    // What to replace in GOOD, by what, and the complaint expected.
    let table = [
        ("start = \"hours\"", "", "p.toml:1:1: the dialplan has no 'start'"),
        (
            "start = \"hours\"",
            "start = \"hour\"",
            "p.toml:3:9: there is no node 'hour'; did you mean 'hours'?",
        ),
        ("[\"uk\", \"en\"]", "[]", "p.toml:1:1: 'languages' must list"),
        ("[\"uk\", \"en\"]", "[\"uk\", \"en\", \"uk\"]", "p.toml:1:26: language 'uk' is listed twice"),
        ("[\"uk\", \"en\"]", "[\"uk\", \"fr\"]", "p.toml:1:20: unknown language 'fr'"),
        ("[\"uk\", \"en\"]", "[\"uk\"]", "p.toml:20:21: language 'en' is not among"),
        ("Europe/Kyiv", "Europe/Kiyv", "p.toml:2:13: 'Europe/Kiyv' is no IANA time zone"),
        ("emergency = \"urgent\"", "emergency = \"city\"", "p.toml:5:13: 'emergency' must name a queue node"),
        ("operator = \"city\"", "operator = \"bye\"", "p.toml:4:12: 'operator' must name a queue node"),
        (", 0 = \"urgent\"", "", "p.toml:18:7: menu 'topics' has no key for the emergency node"),
        (
            "calendar = \"office\"",
            "calendar = \"ofice\"",
            "p.toml:8:41: there is no calendar 'ofice'; did you mean 'office'?",
        ),
        ("Mon-Fri 08", "Mo-Fri 08", "p.toml:6:29: 'Mo-Fri 08:00-17:00' is not of the form"),
        ("\"01-01\"", "\"30-02\"", "p.toml:6:65: '30-02' is not a date"),
        ("open = [\"Mon-Fri 08:00-17:00\"], ", "", "p.toml:6:10: a calendar has either"),
        ("kind = \"hangup\"", "kind = \"hangupp\"", "p.toml:17:16: 'kind' is one of menu, say"),
        ("kind = \"hangup\", ", "", "p.toml:17:1: node 'bye' has no 'kind'"),
        (
            "prompt = \"bye\" }",
            "promt = \"bye\" }",
            "p.toml:17:26: unknown key 'promt' in node 'bye'; did you mean 'prompt'?",
        ),
        ("full = \"ring\", ", "", "p.toml:13:1: node 'city' has no 'full'"),
        ("after = 2, to", "after = 9, to", "p.toml:22:22: 'after' must be a whole number from 1 to 5"),
        ("max_digits = 12", "max_digits = \"12\"", "p.toml:28:14: 'max_digits' must be a whole number"),
        ("max_digits = 12", "max_digits = 12\nmin_digits = 13", "p.toml:24:7: min_digits 13 is above"),
        ("max_digits = 12", "max_digits = 12\nterminator = \"9\"", "p.toml:29:14: 'terminator' is"),
        ("9 = \"english\"", "99 = \"english\"", "p.toml:21:21: '99' is not a telephone key"),
        ("9 = \"english\"", "1 = \"english\"", "p.toml:21:21: duplicate key"),
        ("bye = {", "city = {", "p.toml:17:1: duplicate key"),
        ("prompt = \"ring\"", "prompt = []", "p.toml:15:1: node 'ring' says nothing"),
        ("prompt = \"ring\"", "prompt = \"Ring me\"", "p.toml:15:38: 'Ring me' is not a prompt id"),
        ("\"$count\"", "\"$cuont\"", "p.toml:9:42: unknown value '$cuont'"),
        ("language = \"en\", next", "language = \"pl\", next", "p.toml:10:1: language 'pl' is not among"),
        (
            "into = \"case_number\"",
            "into = \"callback_number\"",
            "p.toml:12:1: node 'status' needs a case number",
        ),
        ("emergency = \"news\"", "emergency = \"topics\"", "p.toml:9:1: no exit leads to node 'news'"),
        (
            "no_number = \"message\"",
            "no_number = \"city\"",
            "endless loop without the caller's input: city -> ring -> city",
        ),
        ("next = \"topics\"", "next = \"news\"", "p.toml:9:1: from node 'news' no caller ever reaches"),
        ("languages =", "languages", "p.toml:1:"),
    ];
    let mut missed = Vec::new();
    for (from, to, expected) in table {
        assert!(GOOD.contains(from), "{from} is not in the good plan");
        let found = complaints(&GOOD.replacen(from, to, 1));
        if !found.iter().any(|line| line.contains(expected)) {
            missed.push(format!("{from} -> {to}: wanted {expected}, found {found:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_path_too_deep_is_found() {
    let mut text = GOOD.replace("next = \"topics\"", "next = \"deep0\"");
    for step in 0..=MAX_DEPTH {
        let next = if step == MAX_DEPTH { "topics".to_owned() } else { format!("deep{}", step + 1) };
        text += &format!("[node.deep{step}]\nkind = \"say\"\nprompt = \"news\"\nnext = \"{next}\"\n");
    }
    let found = complaints(&text);
    assert!(found.iter().any(|line| line.contains("steps from the start; the most is 16")), "{found:#?}");
}

#[test]
fn a_huge_or_hopeless_file_is_refused_calmly() {
    assert!(complaints(&"#".repeat(MAX_FILE_BYTES + 1))[0].contains("larger than"));
    assert!(!complaints("").is_empty());
    assert!(!complaints("[node]\n\u{0}\"\"\"").is_empty());
    let wrong: String = (0..400).map(|n| format!("k{n} = 1\n")).collect();
    assert_eq!(complaints(&wrong).len(), MAX_COMPLAINTS);
}

#[test]
fn prompts_without_words_are_found_where_they_are_used() {
    let plan = Dialplan::parse("p.toml", GOOD).unwrap();
    let all: Vec<String> = plan.prompts().into_iter().map(|prompt| prompt.id).collect();
    let file: String =
        all.iter().collect::<BTreeSet<_>>().iter().map(|id| format!("{id} = \"x\"\n")).collect();
    let mut texts = PromptTexts::default();
    texts.add(Language::Uk, "uk.toml", &file).unwrap();
    texts
        .add(Language::En, "en.toml", &file.replace("again = \"x\"\n", "").replace("month.3 =", "month.33 ="))
        .unwrap();
    let found: Vec<String> = plan.check_prompts(&texts).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].starts_with("p.toml:1:1: prompt 'month.3' of the program itself has no text in 'en'"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("p.toml:23:34: prompt 'again' of node 'topics' has no text in 'en'"),
        "{found:?}"
    );
}
