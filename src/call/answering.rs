//! Who has answered a call that is to ask: a person or an answering machine. The rule, by what is heard after the answer:
//! a key is a person; a greeting of up to `machine_after` with a pause after it is a person, and so is silence, as many
//! pick up and wait; speech for longer without a pause of half a second is a machine's, and so is one pure tone. A machine
//! is spoken to when its tone is over or it has been quiet. What is heard is told by `media/voice.rs`.

use std::time::{Duration, Instant};

/// Silence after the answer: whoever says nothing for so long is waiting for us to speak.
const QUIET: Duration = Duration::from_millis(1_500);
/// Speech is told of 60 ms late, its end 200 ms late; with these, half a second is a pause.
const PAUSE: Duration = Duration::from_millis(300);
/// A machine that gives no tone has been quiet for so long when its greeting is over.
const GREETING_OVER: Duration = Duration::from_millis(1_500);
/// No greeting is longer; whatever talks on is spoken to.
const LONGEST_GREETING: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    Person,
    /// Ready to take a message.
    Machine,
}

/// What is heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sound {
    VoiceStarted,
    VoiceStopped,
    ToneEnded,
}

#[derive(Debug)]
pub(super) struct Answering {
    state: State,
    machine_after: Duration,
    deadline: Instant,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing was heard yet.
    Quiet,
    Speaking {
        since: Instant,
    },
    Pausing {
        since: Instant,
    },
    /// A machine's, until then at most.
    Greeting {
        until: Instant,
    },
}

impl Answering {
    pub(super) fn new(machine_after: Duration, now: Instant) -> Self {
        Self { state: State::Quiet, machine_after, deadline: now + QUIET }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn hear(&mut self, sound: Sound, now: Instant) -> Option<Who> {
        match (sound, self.state) {
            (Sound::ToneEnded, _) => return Some(Who::Machine),
            (Sound::VoiceStarted, State::Quiet) => self.speak(now, now),
            (Sound::VoiceStarted, State::Pausing { since }) => self.speak(since, now),
            (Sound::VoiceStarted, State::Greeting { until }) => self.deadline = until,
            (Sound::VoiceStopped, State::Speaking { since }) => {
                self.state = State::Pausing { since };
                self.deadline = now + PAUSE;
            }
            (Sound::VoiceStopped, State::Greeting { until }) => {
                self.deadline = until.min(now + GREETING_OVER);
            }
            _ => {}
        }
        None
    }

    fn speak(&mut self, since: Instant, now: Instant) {
        self.state = State::Speaking { since };
        self.deadline = (since + self.machine_after).max(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Who> {
        if now < self.deadline {
            return None;
        }
        match self.state {
            State::Quiet | State::Pausing { .. } => Some(Who::Person),
            State::Speaking { .. } => {
                let until = now + LONGEST_GREETING;
                self.state = State::Greeting { until };
                self.deadline = until;
                None
            }
            State::Greeting { .. } => Some(Who::Machine),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use Sound::{ToneEnded, VoiceStarted, VoiceStopped};

    /// Who answered, and after how many milliseconds that is known.
    fn judged(heard: &[(u64, Sound)]) -> (Who, u64) {
        let begin = crate::time::now().mono;
        let at = |ms: u64| begin + Duration::from_millis(ms);
        let mut answering = Answering::new(Duration::from_millis(2_500), begin);
        let mut heard = heard.iter().peekable();
        for ms in 0.. {
            while let Some((_, sound)) = heard.next_if(|(when, _)| *when == ms) {
                if let Some(who) = answering.hear(*sound, at(ms)) {
                    return (who, ms);
                }
            }
            if let Some(who) = answering.handle_timeout(at(ms)) {
                return (who, ms);
            }
        }
        unreachable!("every greeting ends")
    }

    #[test]
    fn people_are_brief_or_wait() {
        assert_eq!(judged(&[]), (Who::Person, 1_500));
        assert_eq!(judged(&[(700, VoiceStarted), (1_400, VoiceStopped)]), (Who::Person, 1_700));
        let hello_again =
            [(300, VoiceStarted), (900, VoiceStopped), (1_100, VoiceStarted), (1_700, VoiceStopped)];
        assert_eq!(judged(&hello_again), (Who::Person, 2_000));
    }

    #[test]
    fn machines_talk_on_or_whistle() {
        let greeting = [(500, VoiceStarted), (6_000, VoiceStopped)];
        assert_eq!(judged(&greeting), (Who::Machine, 7_500), "quiet after it");
        let with_a_tone = [(500, VoiceStarted), (6_000, VoiceStopped), (6_900, ToneEnded)];
        assert_eq!(judged(&with_a_tone), (Who::Machine, 6_900));
        assert_eq!(judged(&[(400, ToneEnded)]), (Who::Machine, 400), "a fax");
        let two_sentences = [
            (500, VoiceStarted),
            (2_000, VoiceStopped),
            (2_200, VoiceStarted),
            (5_000, VoiceStopped),
            (6_000, VoiceStarted),
            (7_000, VoiceStopped),
        ];
        assert_eq!(judged(&two_sentences), (Who::Machine, 8_500));
        assert_eq!(judged(&[(500, VoiceStarted)]), (Who::Machine, 33_000), "a radio is spoken to, too");
    }
}
