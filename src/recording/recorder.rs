//! Whether calls can be recorded: what stands in the way and since when, and what a new call gets meanwhile. The disk
//! itself is asked by `app/recording_watch.rs`; what it says comes in here, with the time.

use std::io;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::GapReason;
use crate::time::{Now, Timestamp};

/// Writing has to work for this long before the trouble counts as over: a disk that fails every other block would
/// otherwise raise the alarm once a second.
pub const CALM: Duration = Duration::from_secs(3);

/// What a new call gets when its recording cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnable {
    /// 503 with Retry-After: a city that must record has no call that is not recorded.
    #[default]
    Refuse,
    /// It is answered, and its record says that the recording failed: somebody in need is heard first.
    AnswerUnrecorded,
}

/// Why calls cannot be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Impairment {
    /// No room is left, or none that we may take.
    DiskFull,
    /// Less room is left than is kept free.
    LowSpace,
    DiskError,
    /// The disk does not answer in time.
    DiskSlow,
}

impl Impairment {
    /// What a write that ended so says about the disk.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            // A limit on the size of files (RLIMIT_FSIZE) leaves no room either.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull
            }
            io::ErrorKind::TimedOut => Self::DiskSlow,
            _ => Self::DiskError,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::LowSpace => "low_space",
            Self::DiskError => "disk_error",
            Self::DiskSlow => "disk_slow",
        }
    }
}

impl From<Impairment> for GapReason {
    fn from(impairment: Impairment) -> Self {
        match impairment {
            Impairment::DiskFull | Impairment::LowSpace => Self::DiskFull,
            Impairment::DiskError | Impairment::DiskSlow => Self::DiskError,
        }
    }
}

/// The state of recording, as supervisors see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Recorder {
    /// The city records nothing.
    Off,
    #[default]
    Able,
    Impaired {
        cause: Impairment,
        since: Timestamp,
    },
}

/// How the sound of a new call is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keeping {
    /// Not at all: the city records nothing.
    Off,
    /// In a file; without one, as said here.
    Recorded { when_unable: WhenUnable },
    /// Not at all, because of this: the call is answered, and its recording is a failed one.
    Unrecorded(Impairment),
}

/// What is known of the disk.
#[derive(Debug, Default)]
pub struct Health {
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Trouble {
    cause: Impairment,
    since: Timestamp,
    seen_at: Instant,
}

impl Health {
    /// A write or a probe failed. The alarm goes up at the first; a later one that says something else changes its cause.
    pub fn handle_failure(&mut self, cause: Impairment, now: Now) {
        let since = self.trouble.as_ref().map_or(now.utc, |trouble| trouble.since);
        self.trouble = Some(Trouble { cause, since, seen_at: now.mono });
    }

    /// A probe was written. The trouble is over when the last of it is [`CALM`] ago.
    pub fn handle_success(&mut self, now: Now) {
        self.trouble.take_if(|trouble| now.mono.saturating_duration_since(trouble.seen_at) >= CALM);
    }

    pub fn recorder(&self) -> Recorder {
        match self.trouble {
            Some(Trouble { cause, since, .. }) => Recorder::Impaired { cause, since },
            None => Recorder::Able,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_goes_up_at_once_and_down_when_writing_has_worked_for_a_while() {
        let began = crate::time::now();
        let after = |secs: u64| Now {
            mono: began.mono + Duration::from_secs(secs),
            utc: began.utc.plus(Duration::from_secs(secs)),
        };
        let mut health = Health::default();
        health.handle_success(after(0));
        assert_eq!(health.recorder(), Recorder::Able);
        health.handle_failure(Impairment::DiskFull, after(1));
        let full = Recorder::Impaired { cause: Impairment::DiskFull, since: after(1).utc };
        assert_eq!(health.recorder(), full);
        // Every other block fails: the alarm stays, and it is the same alarm.
        for secs in 2..10 {
            health.handle_success(after(secs));
            health.handle_failure(Impairment::DiskFull, after(secs));
            assert_eq!(health.recorder(), full);
        }
        health.handle_failure(Impairment::DiskError, after(10));
        let broken = Recorder::Impaired { cause: Impairment::DiskError, since: after(1).utc };
        assert_eq!(health.recorder(), broken);
        health.handle_success(after(12));
        assert_eq!(health.recorder(), broken);
        health.handle_success(after(13));
        assert_eq!(health.recorder(), Recorder::Able);
    }

    #[test]
    fn a_failed_write_says_what_is_wrong_with_the_disk() {
        for (code, impairment) in [
            (rustix::io::Errno::NOSPC, Impairment::DiskFull),
            (rustix::io::Errno::DQUOT, Impairment::DiskFull),
            (rustix::io::Errno::FBIG, Impairment::DiskFull),
            (rustix::io::Errno::IO, Impairment::DiskError),
            (rustix::io::Errno::ROFS, Impairment::DiskError),
        ] {
            assert_eq!(Impairment::of(&code.into()), impairment, "{code}");
        }
    }
}
