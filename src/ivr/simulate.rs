//! A walk without a telephone: inputs as words in, a transcript out. For `ringback ivr simulate` and tests.
//! The simulated caller is patient: prompts are heard to their end before a key is pressed.

mod transcript;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::Datelike as _;

use super::{About, Answer, Exit, Lookup, Outage, OutagePlace, Output, SpokenOrder, Step, Walk};
use crate::dialplan::{Dialplan, PromptTexts};
use crate::dtmf::Digit;
use crate::ids::{IncidentNumber, UserId};
use crate::language::Language;
use crate::phone_number::PhoneNumber;
use crate::time::Now;

pub use transcript::{Happening, Line, Transcript};

/// A transcript longer than this is a loop of the simulation, not a call.
const MAX_LINES: usize = 2000;
/// Every prompt is taken to last this long.
const PROMPT_SECS: u64 = 4;

/// One thing that happens to the walk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SimulatedInput {
    Digit(Digit),
    /// The caller does nothing until the walk acts by itself: `w`.
    Silence,
    /// The next look-up's answer: `count=2`, `case=in_progress`, `case=on_hold@2026-12-01` with its promised
    /// date, `incident`, `unknown` (where the caller is), `not_found`, `failed`; for an executor `order`, `taken`, `photos`,
    /// `locked`.
    Answer(Answer),
    /// The queue the walk left for takes nobody more: `full`.
    QueueFull,
    /// Too many call, when the walk leaves for a queue: `surge`.
    Surge,
    /// An answering machine has answered a call that was to ask; the first input: `machine`.
    Machine,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "'{0}' is no input: keys 0-9 * #, w for silence, count=N, case=STATE, incident, unknown, order, taken, photos, locked, \
     not_found, failed, full, surge, machine"
)]
pub struct InvalidInput(pub String);

impl SimulatedInput {
    /// Reads one word of the command line: `1`, `12w34#`, `count=2`, `full`.
    pub fn parse(word: &str) -> Result<Vec<Self>, InvalidInput> {
        let invalid = || InvalidInput(word.to_owned());
        if let Some(count) = word.strip_prefix("count=") {
            return Ok(vec![Self::Answer(Answer::Count(count.parse().map_err(|_| invalid())?))]);
        }
        if let Some(state) = word.strip_prefix("case=") {
            let (state, due) = match state.split_once('@') {
                Some((state, due)) => {
                    let due: chrono::NaiveDate = due.parse().map_err(|_| invalid())?;
                    (state, Some((due.year(), due.month(), due.day())))
                }
                None => (state, None),
            };
            return Ok(vec![Self::Answer(Answer::CaseStatus { state: state.to_owned(), due })]);
        }
        match word {
            "full" => return Ok(vec![Self::QueueFull]),
            "surge" => return Ok(vec![Self::Surge]),
            "machine" => return Ok(vec![Self::Machine]),
            "incident" => return Ok(vec![Self::Answer(Answer::Incident(simulated_outage()))]),
            "unknown" => return Ok(vec![Self::Answer(Answer::PlaceUnknown)]),
            "order" => return Ok(vec![Self::Answer(Answer::Order(Box::new(simulated_order())))]),
            "taken" => return Ok(vec![Self::Answer(Answer::StepTaken)]),
            "photos" => return Ok(vec![Self::Answer(Answer::NeedsPhotos)]),
            "locked" => return Ok(vec![Self::Answer(Answer::Locked)]),
            "not_found" => return Ok(vec![Self::Answer(Answer::NotFound)]),
            "failed" => return Ok(vec![Self::Answer(Answer::Failed)]),
            _ => {}
        }
        let key = |c| match c {
            'w' => Some(Self::Silence),
            c => Digit::from_char(c).map(Self::Digit),
        };
        word.chars().filter(|c| *c != ',').map(|c| key(c).ok_or_else(invalid)).collect()
    }
}

/// Walks `plan` as a caller from `caller` who does `inputs`, beginning at `started`. A look-up fails
/// unless its answer is the next input.
pub fn simulate(
    plan: Arc<Dialplan>,
    texts: &PromptTexts,
    caller: &PhoneNumber,
    inputs: &[SimulatedInput],
    started: Now,
) -> Transcript {
    let asks = plan.machine().is_some();
    let Some(language) = plan.languages().first().copied().filter(|_| asks) else {
        return walk_through(Walk::new(plan, caller, started), texts, inputs, started);
    };
    simulate_in(plan, language, texts, caller, inputs, started)
}

/// An incident whose end nobody can tell.
fn simulated_outage() -> Outage {
    Outage {
        incident: IncidentNumber(1),
        topic: Some("water".to_owned()),
        cause: "failure".to_owned(),
        place: OutagePlace::Address,
        expected: None,
    }
}

/// The order that a simulated executor opens.
fn simulated_order() -> SpokenOrder {
    SpokenOrder {
        case: SIMULATED_CASE.to_owned(),
        number: SIMULATED_CASE.replace('-', ""),
        by: UserId(uuid::Uuid::nil()),
        topic: Some("water".to_owned()),
        place: None,
        due: None,
    }
}

/// The case that a simulated plan asks about.
const SIMULATED_CASE: &str = "2026-01-000042";

/// The same for a caller who is spoken to in `language` from the first word on.
pub fn simulate_in(
    plan: Arc<Dialplan>,
    language: Language,
    texts: &PromptTexts,
    caller: &PhoneNumber,
    inputs: &[SimulatedInput],
    started: Now,
) -> Transcript {
    // A plan that asks has somebody to ask; after `machine` it speaks to an answering machine.
    let walk = if plan.machine().is_some() {
        let machine = inputs.first() == Some(&SimulatedInput::Machine);
        let about = About { case: SIMULATED_CASE, topic: Some("water"), language, restored: false };
        Walk::asking(plan, caller, about, machine, started)
    } else {
        Walk::begun_in(Some(language), plan, caller, started)
    };
    walk_through(walk, texts, inputs, started)
}

fn walk_through(walk: Walk, texts: &PromptTexts, inputs: &[SimulatedInput], started: Now) -> Transcript {
    let inputs = inputs.iter().cloned().collect();
    let mut run =
        Run { walk, texts, inputs, now: started, elapsed: Duration::ZERO, transcript: Transcript::default() };
    run.drain();
    while run.transcript.lines.len() < MAX_LINES && run.advance() {
        run.drain();
    }
    run.transcript
}

struct Run<'t> {
    walk: Walk,
    texts: &'t PromptTexts,
    inputs: VecDeque<SimulatedInput>,
    now: Now,
    elapsed: Duration,
    transcript: Transcript,
}

impl Run<'_> {
    /// Lets the next thing happen; false when nothing is left.
    fn advance(&mut self) -> bool {
        if self.walk.is_over() {
            return self.come_back();
        }
        if self.walk.is_playing() {
            self.pass(Duration::from_secs(PROMPT_SECS));
            self.walk.handle_play_finished(self.now);
            return true;
        }
        match self.inputs.pop_front() {
            Some(SimulatedInput::Digit(digit)) => {
                self.note(Happening::Pressed(digit));
                self.walk.handle_digit(digit, self.now);
            }
            Some(SimulatedInput::Silence) => {
                self.note(Happening::Silent);
                self.wait();
            }
            Some(SimulatedInput::Answer(answer)) => self.walk.handle_lookup(answer, self.now),
            Some(SimulatedInput::QueueFull | SimulatedInput::Surge | SimulatedInput::Machine) => {}
            None => return false,
        }
        true
    }

    /// What brings a walk back that has left for a queue; false when nothing does.
    fn come_back(&mut self) -> bool {
        let Some(Exit::Queue { urgent, .. }) = self.transcript.exit else { return false };
        match self.inputs.pop_front() {
            Some(SimulatedInput::QueueFull) => {
                self.note(Happening::QueueFull);
                self.walk.handle_queue_full(self.now);
            }
            Some(SimulatedInput::Surge) if !urgent => {
                self.note(Happening::Surge);
                if !self.walk.handle_surge(self.now) {
                    return false;
                }
            }
            _ => return false,
        }
        self.transcript.exit = None;
        true
    }

    fn wait(&mut self) {
        if let Some(deadline) = self.walk.poll_timeout() {
            self.pass(deadline.saturating_duration_since(self.now.mono));
            self.walk.handle_timeout(self.now);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        self.elapsed += time;
    }

    fn note(&mut self, what: Happening) {
        self.transcript.lines.push(Line { at: self.elapsed, what });
    }

    fn drain(&mut self) {
        while let Some(output) = self.walk.poll_output() {
            match output {
                Output::PlayPrompt { prompts } => {
                    for prompt in prompts {
                        let text =
                            self.texts.text(&prompt).map_or_else(String::new, |text| text.text.clone());
                        self.note(Happening::Said { prompt, text });
                    }
                }
                Output::StopPrompt => {}
                Output::Step(step) => self.note_step(step),
                Output::Lookup(lookup) => self.note_lookup(&lookup),
                Output::Answered(verdict) => self.note(Happening::Answered(verdict)),
                Output::Attach { incident, .. } => self.note(Happening::Attached(incident)),
                Output::OrderOpened { .. } => {}
                Output::Leave(exit) => {
                    self.note(Happening::Left(exit.clone()));
                    self.transcript.exit = Some(exit);
                }
            }
        }
    }

    fn note_step(&mut self, step: Step) {
        self.note(match step {
            Step::Entered { node } => Happening::Entered(node),
            Step::LanguageChosen { language } => Happening::LanguageChosen(language),
            Step::TopicChosen { topic } => Happening::TopicChosen(topic),
            Step::NoInput { .. } => Happening::NoInput,
            Step::NoMatch { .. } => Happening::NoMatch,
            Step::Digit { digits, .. } => Happening::Collected(digits),
        });
    }

    fn note_lookup(&mut self, lookup: &Lookup) {
        self.note(Happening::LookedUp(match lookup {
            Lookup::CaseStatus { .. } => "case status",
            Lookup::OwnCases => "own cases",
            Lookup::Incident { .. } => "incident",
            Lookup::OpenOrder { .. } => "order",
            Lookup::OrderStep { step, .. } => step.name(),
        }));
        if !matches!(self.inputs.front(), Some(SimulatedInput::Answer(_))) {
            self.inputs.push_front(SimulatedInput::Answer(Answer::Failed));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::dialplan::PromptRef;
    use crate::ivr::Verdict;
    use crate::time::Timestamp;

    #[test]
    fn words_become_inputs() {
        let digit = |c| SimulatedInput::Digit(Digit::from_char(c).unwrap());
        assert_eq!(SimulatedInput::parse("1,w#").unwrap(), [digit('1'), SimulatedInput::Silence, digit('#')]);
        assert_eq!(SimulatedInput::parse("count=2").unwrap(), [SimulatedInput::Answer(Answer::Count(2))]);
        assert_eq!(SimulatedInput::parse("full").unwrap(), [SimulatedInput::QueueFull]);
        for wrong in ["x", "count=", "count=-1", "1z", "case=closed@soon"] {
            assert!(SimulatedInput::parse(wrong).is_err(), "{wrong}");
        }
    }
    /// Walks the shipped plan on a Monday; the lines after the answer, without times.
    fn walk_1580(hour: u32, words: &[&str]) -> (Vec<String>, Option<Exit>) {
        let plan = Dialplan::parse("1580.toml", include_str!("../../dialplans/1580.toml")).unwrap();
        let mut texts = PromptTexts::default();
        texts.add(Language::Uk, "uk.toml", include_str!("../../dialplans/prompts/uk.toml")).unwrap();
        let at =
            chrono::NaiveDate::from_ymd_opt(2026, 11, 23).unwrap().and_hms_opt(hour, 0, 0).unwrap().and_utc();
        #[expect(clippy::disallowed_methods, reason = "an origin for simulated time; only differences count")]
        let started = Now { mono: std::time::Instant::now(), utc: Timestamp::from_utc(at) };
        let inputs: Vec<_> = words.iter().flat_map(|word| SimulatedInput::parse(word).unwrap()).collect();
        let caller = PhoneNumber::from_user_part("0501234567");
        let transcript = simulate(Arc::new(plan), &texts, &caller, &inputs, started);
        (transcript.to_string().lines().map(|line| line[7..].to_owned()).collect(), transcript.exit)
    }

    #[test]
    fn the_shipped_plan_serves_its_callers() {
        let queue = |queue: &str, topic: &str, urgent| {
            Some(Exit::Queue { queue: queue.to_owned(), topic: Some(topic.to_owned()), urgent })
        };
        let callback = |topic: &str| Some(Exit::Callback { topic: Some(topic.to_owned()), number: None });
        let message =
            |topic: Option<&str>| Some(Exit::Voicemail { topic: topic.map(str::to_owned), max_secs: 120 });
        // UTC; Kyiv is two hours ahead: 10 is noon, 22 is midnight.
        for (hour, words, expected) in [
            (10, "1 1", queue("city", "water", false)),
            (10, "0", queue("emergency", "emergency", true)),
            (10, "0 full", queue("city", "emergency", true)),
            (10, "0 full full", Some(Exit::Hangup)),
            (10, "1 1 surge 1", Some(Exit::Callback { topic: Some("water".to_owned()), number: None })),
            (10, "1 1 surge w", queue("city", "water", false)),
            (10, "1 1 surge 3 surge", queue("city", "water", false)),
            (10, "1 1 surge 0", queue("emergency", "emergency", true)),
            (10, "0 surge", queue("emergency", "emergency", true)),
            (10, "w ww", queue("city", "other", false)),
            (10, "2 7 full 1", callback("roads")),
            (10, "2 7 full 3", message(Some("roads"))),
            (10, "2 7 full ww", callback("roads")),
            (10, "5 9 count=2 202601000042# case=in_progress@2026-12-01 w w", Some(Exit::Hangup)),
            (10, "6 9 failed 202601000042# not_found 2 8", queue("city", "other", false)),
            (22, "1 1", queue("duty", "breakdown", false)),
            (22, "1 1 full 2", message(Some("breakdown"))),
            (22, "3 ww", message(None)),
            (22, "4 0", queue("emergency", "emergency", true)),
            (10, "1 9", None),
        ] {
            let (lines, exit) = walk_1580(hour, &words.split(' ').collect::<Vec<_>>());
            assert_eq!(exit, expected, "{hour} h, {words}: {lines:#?}");
        }
    }

    #[test]
    fn a_caller_may_be_spoken_to_in_another_language_from_the_start() {
        let plan = Dialplan::parse("1580.toml", include_str!("../../dialplans/1580.toml")).unwrap();
        let caller = PhoneNumber::from_user_part("0501234567");
        let texts = PromptTexts::default();
        let spoken = simulate_in(Arc::new(plan), Language::He, &texts, &caller, &[], crate::time::now());
        let in_hebrew = spoken.lines.iter().any(|line| {
            matches!(&line.what, Happening::Said { prompt, .. } if prompt.id == "greeting" && prompt.language == Language::He)
        });
        assert!(in_hebrew, "{spoken}");
    }

    #[test]
    fn the_transcript_reads_like_a_call() {
        let (lines, _) = walk_1580(10, &["1", "1"]);
        let expected = [
            "node    greeting",
            "say     [uk] greeting: Вітаємо! Ви зателефонували на міську гарячу лінію п'ятнадцять вісімдесят.",
        ];
        assert_eq!(lines[..2], expected);
        assert!(lines.contains(&"caller  1".to_owned()) && lines.contains(&"choose  language uk".to_owned()));
        assert_eq!(lines.last().unwrap(), "leave   to queue 'city', topic water");
        let (lines, _) = walk_1580(10, &["1", "9", "count=1"]);
        assert_eq!(lines.last().unwrap(), "(waits for the caller)");
    }

    #[test]
    fn the_shipped_plan_asks_in_every_language() {
        let plan = Dialplan::parse("verification.toml", include_str!("../../dialplans/verification.toml"));
        let plan = Arc::new(plan.unwrap());
        let mut texts = PromptTexts::default();
        for (language, text) in [
            (Language::Uk, include_str!("../../dialplans/prompts/uk.toml")),
            (Language::En, include_str!("../../dialplans/prompts/en.toml")),
            (Language::Lt, include_str!("../../dialplans/prompts/lt.toml")),
            (Language::Pl, include_str!("../../dialplans/prompts/pl.toml")),
            (Language::Ru, include_str!("../../dialplans/prompts/ru.toml")),
            (Language::He, include_str!("../../dialplans/prompts/he.toml")),
        ] {
            texts.add(language, "prompts", text).unwrap();
        }
        assert_eq!(plan.check_prompts(&texts), []);
        let walk = |language, words: &str| {
            let inputs: Vec<_> = words.split(' ').map(|word| SimulatedInput::parse(word).unwrap()).collect();
            let caller = PhoneNumber::from_user_part("+380501234567");
            simulate_in(plan.clone(), language, &texts, &caller, &inputs.concat(), crate::time::now())
        };
        let answers = |transcript: &Transcript| -> Vec<Verdict> {
            let verdict = |line: &Line| match line.what {
                Happening::Answered(verdict) => Some(verdict),
                _ => None,
            };
            transcript.lines.iter().filter_map(verdict).collect()
        };
        for language in Language::ALL {
            let asked = walk(language, "w 0 2");
            let said: Vec<&PromptRef> = asked
                .lines
                .iter()
                .filter_map(|line| match &line.what {
                    Happening::Said { prompt, .. } => Some(prompt),
                    _ => None,
                })
                .collect();
            assert!(said.iter().all(|prompt| prompt.language == language), "{said:?}");
            let ids: Vec<&str> = said.iter().map(|prompt| prompt.id.as_str()).take(17).collect();
            assert_eq!(ids[..4], ["verify.greeting", "verify.case", "number.2", "number.0"]);
            assert_eq!(ids[14..], ["topic.water", "verify.done", "verify.question"], "{ids:?}");
            assert_eq!((answers(&asked), asked.exit), (vec![Verdict::NotFixed], Some(Exit::Hangup)));
        }
        let queue = Exit::Queue { queue: "city".to_owned(), topic: Some("water".to_owned()), urgent: false };
        let callback = Exit::Callback { topic: Some("water".to_owned()), number: None };
        for (words, answered, exit) in [
            ("1", vec![Verdict::Fixed], Exit::Hangup),
            ("9", vec![Verdict::NoMoreCalls], Exit::Hangup),
            ("3", vec![], queue),
            ("3 full", vec![], callback),
            ("7 * # 1", vec![Verdict::Fixed], Exit::Hangup),
            ("7 7 7", vec![], Exit::Hangup),
            ("w w w", vec![], Exit::Hangup),
            ("machine", vec![], Exit::Hangup),
        ] {
            let transcript = walk(Language::En, words);
            assert_eq!((answers(&transcript), transcript.exit), (answered, Some(exit)), "{words}");
        }
        let message = walk(Language::En, "machine").to_string();
        assert!(!message.contains("verify.question") && message.contains("verify.call_us"), "{message}");
    }
}
