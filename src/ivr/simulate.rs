//! A walk without a telephone: inputs as words in, a transcript out. For `ringback ivr simulate` and tests.
//! The simulated caller is patient: prompts are heard to their end before a key is pressed.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::Datelike as _;

use super::{Answer, Exit, Lookup, Output, Step, Walk};
use crate::dialplan::{Dialplan, PromptRef, PromptTexts};
use crate::dtmf::Digit;
use crate::phone_number::PhoneNumber;
use crate::time::Now;

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
    /// date, `not_found`, `failed`.
    Answer(Answer),
    /// The queue the walk left for takes nobody more: `full`.
    QueueFull,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("'{0}' is no input: keys 0-9 * #, w for silence, count=N, case=STATE, not_found, failed, full")]
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
            "not_found" => return Ok(vec![Self::Answer(Answer::NotFound)]),
            "failed" => return Ok(vec![Self::Answer(Answer::Failed)]),
            _ => {}
        }
        let key = |c| match c {
            'w' => Some(Self::Silence),
            ',' => None,
            c => Digit::from_char(c).map(Self::Digit),
        };
        word.chars().filter(|c| *c != ',').map(|c| key(c).ok_or_else(invalid)).collect()
    }
}

/// What happened, line by line.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Transcript {
    pub lines: Vec<Line>,
    /// How the walk ended; none when it waits for the caller after the last input.
    pub exit: Option<Exit>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Since the call was answered.
    pub at: Duration,
    pub what: String,
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            let secs = line.at.as_secs();
            writeln!(f, "{:02}:{:02}  {}", secs / 60, secs % 60, line.what)?;
        }
        match &self.exit {
            Some(_) => Ok(()),
            None => writeln!(f, "       (waits for the caller)"),
        }
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
    let walk = Walk::new(plan, caller, started);
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
            if self.inputs.pop_front() != Some(SimulatedInput::QueueFull) {
                return false;
            }
            self.note("the queue is full".to_owned());
            self.transcript.exit = None;
            self.walk.handle_queue_full(self.now);
            return !self.walk.is_over();
        }
        if self.walk.is_playing() {
            self.pass(Duration::from_secs(PROMPT_SECS));
            self.walk.handle_play_finished(self.now);
            return true;
        }
        match self.inputs.pop_front() {
            Some(SimulatedInput::Digit(digit)) => {
                self.note(format!("caller  {}", digit.as_char()));
                self.walk.handle_digit(digit, self.now);
            }
            Some(SimulatedInput::Silence) => {
                self.note("caller  (silence)".to_owned());
                self.wait();
            }
            Some(SimulatedInput::Answer(answer)) => self.walk.handle_lookup(answer, self.now),
            Some(SimulatedInput::QueueFull) => {}
            None => return false,
        }
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

    fn note(&mut self, what: String) {
        self.transcript.lines.push(Line { at: self.elapsed, what });
    }

    fn drain(&mut self) {
        while let Some(output) = self.walk.poll_output() {
            match output {
                Output::PlayPrompt { prompts } => {
                    for prompt in prompts {
                        let line = self.spoken(&prompt);
                        self.note(line);
                    }
                }
                Output::StopPrompt => {}
                Output::Step(step) => self.note_step(&step),
                Output::Lookup(lookup) => self.note_lookup(&lookup),
                Output::Leave(exit) => {
                    self.note(format!("leave   {}", exit_line(&exit)));
                    self.transcript.exit = Some(exit);
                }
            }
        }
    }

    fn spoken(&self, prompt: &PromptRef) -> String {
        let text = self.texts.text(prompt).map_or("", |text| text.text.as_str());
        format!("say     [{}] {}: {text}", prompt.language, prompt.id)
    }

    fn note_step(&mut self, step: &Step) {
        let line = match step {
            Step::Entered { node } => format!("node    {node}"),
            Step::LanguageChosen { language } => format!("choose  language {language}"),
            Step::TopicChosen { topic } => format!("choose  topic {topic}"),
            Step::NoInput { .. } => "        no input".to_owned(),
            Step::NoMatch { .. } => "        no match".to_owned(),
            Step::Digit { digits, .. } => format!("        entered {digits}"),
        };
        self.note(line);
    }

    fn note_lookup(&mut self, lookup: &Lookup) {
        let what = match lookup {
            Lookup::CaseStatus { .. } => "case status",
            Lookup::OwnCases => "own cases",
        };
        self.note(format!("look up {what}"));
        if !matches!(self.inputs.front(), Some(SimulatedInput::Answer(_))) {
            self.inputs.push_front(SimulatedInput::Answer(Answer::Failed));
        }
    }
}

fn exit_line(exit: &Exit) -> String {
    match exit {
        Exit::Queue { queue, topic, urgent } => {
            let topic = topic.as_deref().unwrap_or("none");
            format!("to queue '{queue}', topic {topic}{}", if *urgent { ", urgent" } else { "" })
        }
        Exit::Callback { topic, number } => {
            let number = if number.is_some() { "the typed number" } else { "the caller's number" };
            format!("for a call-back to {number}, topic {}", topic.as_deref().unwrap_or("none"))
        }
        Exit::Voicemail { topic, max_secs } => {
            format!("for a message of at most {max_secs} s, topic {}", topic.as_deref().unwrap_or("none"))
        }
        Exit::Hangup => "by hanging up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

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
}
