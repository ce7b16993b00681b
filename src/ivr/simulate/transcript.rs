//! What happened in a simulated walk, line by line, as the command line prints it. The walk itself is taken in
//! `simulate.rs`.

use std::fmt;
use std::time::Duration;

use crate::dialplan::PromptRef;
use crate::dtmf::Digit;
use crate::ids::IncidentNumber;
use crate::ivr::{Exit, Verdict};
use crate::language::Language;

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
    pub what: Happening,
}

/// One line of a transcript; printed as the command line shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    Pressed(Digit),
    Silent,
    Said { prompt: PromptRef, text: String },
    Entered(String),
    LanguageChosen(Language),
    TopicChosen(String),
    NoInput,
    NoMatch,
    Collected(String),
    LookedUp(&'static str),
    QueueFull,
    Surge,
    Answered(Verdict),
    Attached(IncidentNumber),
    Left(Exit),
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pressed(digit) => write!(f, "caller  {}", digit.as_char()),
            Self::Silent => f.write_str("caller  (silence)"),
            Self::Said { prompt, text } => write!(f, "say     [{}] {}: {text}", prompt.language, prompt.id),
            Self::Entered(node) => write!(f, "node    {node}"),
            Self::LanguageChosen(language) => write!(f, "choose  language {language}"),
            Self::TopicChosen(topic) => write!(f, "choose  topic {topic}"),
            Self::NoInput => f.write_str("        no input"),
            Self::NoMatch => f.write_str("        no match"),
            Self::Collected(digits) => write!(f, "        entered {digits}"),
            Self::LookedUp(what) => write!(f, "look up {what}"),
            Self::QueueFull => f.write_str("the queue is full"),
            Self::Surge => f.write_str("too many call"),
            Self::Attached(incident) => write!(f, "attach  to incident {incident}"),
            Self::Answered(verdict) => write!(f, "answer  {}", verdict.name()),
            Self::Left(exit) => write!(f, "leave   {}", exit_line(exit)),
        }
    }
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

fn exit_line(exit: &Exit) -> String {
    match exit {
        Exit::Queue { queue, topic, urgent } => {
            let topic = topic.as_deref().unwrap_or("none");
            format!("to queue '{queue}', topic {topic}{}", if *urgent { ", urgent" } else { "" })
        }
        Exit::Duty { roster, topic } => {
            format!("to who is on duty in '{roster}', topic {}", topic.as_deref().unwrap_or("none"))
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
