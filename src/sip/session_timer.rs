//! Session timers (RFC 4028): how long a call may last without news of the peer, and who has to bring the news.
//!
//! Pure agreement and arithmetic. Sending the refresh, and ending a call whose refresh never came, is the
//! leg's work (`call/leg/refresh.rs`).

use std::time::{Duration, Instant};

use super::message::{Headers, Request, Response};

/// The shortest interval we agree to, in seconds: the least RFC 4028 5 allows.
pub const MIN_SE_SECS: u32 = 90;
/// What we ask for unless configured otherwise (RFC 4028 7.1 recommends it), in seconds.
pub const DEFAULT_EXPIRES_SECS: u32 = 1_800;
/// No Min-SE of a peer takes us beyond this: a longer interval guards nothing. A day, in seconds.
const MAX_EXPIRES_SECS: u32 = 86_400;
/// A call ends this long before the interval is over, or a third of the interval if that is shorter
/// (RFC 4028 10).
const MARGIN: Duration = Duration::from_secs(32);

/// The option tag.
const TIMER: &str = "timer";

/// What a request of ours asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    expires_secs: u32,
    min_secs: u32,
}

/// What was agreed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// 90 or more.
    pub interval_secs: u32,
    pub refresher: Refresher,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refresher {
    Us,
    Peer,
}

/// The peer asks for less than [`MIN_SE_SECS`]: answer 422 with Min-SE.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("session interval below {MIN_SE_SECS} s")]
pub struct TooSmall;

impl Wish {
    /// `expires_secs` below [`MIN_SE_SECS`] is raised to it.
    pub fn new(expires_secs: u32) -> Self {
        Self { expires_secs: expires_secs.clamp(MIN_SE_SECS, MAX_EXPIRES_SECS), min_secs: MIN_SE_SECS }
    }

    /// Asks for it in a request of ours. A refresh names us as refresher, so that the roles stay as they are
    /// (RFC 4028 7.4).
    pub fn write(self, headers: &mut Headers, refresh: bool) {
        let role = if refresh { ";refresher=uac" } else { "" };
        headers.set("Session-Expires", format!("{}{role}", self.expires_secs));
        headers.set("Min-SE", self.min_secs.to_string());
    }

    /// What to ask for after a 422; none when that would be no larger, or absurd (RFC 4028 7.3).
    pub fn raise(self, refusal: &Response) -> Option<Self> {
        let wanted = refusal.headers.seconds("Min-SE")?;
        (wanted > self.min_secs && wanted <= MAX_EXPIRES_SECS)
            .then(|| Self { expires_secs: self.expires_secs.max(wanted), min_secs: wanted })
    }
}

impl Terms {
    /// What we agree to for an INVITE, re-INVITE or UPDATE of the peer; none when neither side wants a timer
    /// (RFC 4028 9). `wish` is what we would ask for ourselves.
    pub fn answer(request: &Request, wish: Wish) -> Result<Option<Self>, TooSmall> {
        let supported = supports(&request.headers);
        let asked = request.headers.seconds("Session-Expires");
        let least = request.headers.seconds("Min-SE").unwrap_or(MIN_SE_SECS);
        let least = least.clamp(MIN_SE_SECS, MAX_EXPIRES_SECS);
        let interval_secs = match asked {
            Some(asked) if asked < MIN_SE_SECS && supported => return Err(TooSmall),
            // Put in by a proxy for a phone that would not understand a 422.
            Some(asked) if asked < MIN_SE_SECS => return Ok(None),
            Some(asked) => asked.min(wish.expires_secs.max(least)),
            None if supported => wish.expires_secs.max(least),
            None => return Ok(None),
        };
        let refresher = match (supported, refresher(&request.headers)) {
            (false, _) | (true, Some("uas")) => Refresher::Us,
            (true, _) => Refresher::Peer,
        };
        Ok(Some(Self { interval_secs, refresher }))
    }

    /// Tells the peer, in the 2xx to its request.
    pub fn write(self, request: &Request, headers: &mut Headers) {
        let role = match self.refresher {
            Refresher::Us => "uas",
            Refresher::Peer => "uac",
        };
        headers.set("Session-Expires", format!("{};refresher={role}", self.interval_secs));
        if supports(&request.headers) {
            headers.push("Require", TIMER);
        }
    }

    /// What the 2xx to a request of ours says; none when the peer wants no timer (RFC 4028 7.2).
    pub fn of_success(response: &Response) -> Option<Self> {
        let interval_secs = response.headers.seconds("Session-Expires")?.max(MIN_SE_SECS);
        let refresher = match refresher(&response.headers) {
            Some("uas") => Refresher::Peer,
            _ => Refresher::Us,
        };
        Some(Self { interval_secs, refresher })
    }

    /// What a refresh asks for.
    pub fn wish(self) -> Wish {
        Wish::new(self.interval_secs)
    }

    /// When we send the next refresh: half the interval after the last one (RFC 4028 10).
    pub fn refresh_deadline(self, refreshed_at: Instant) -> Option<Instant> {
        (self.refresher == Refresher::Us).then(|| refreshed_at + self.interval() / 2)
    }

    /// When the call ends, whoever should have refreshed it.
    pub fn expiry_deadline(self, refreshed_at: Instant) -> Instant {
        let interval = self.interval();
        refreshed_at + interval - MARGIN.min(interval / 3)
    }

    fn interval(self) -> Duration {
        Duration::from_secs(u64::from(self.interval_secs.min(MAX_EXPIRES_SECS)))
    }
}

/// True when the sender of `headers` knows session timers.
pub fn supports(headers: &Headers) -> bool {
    let mut tags = headers.tokens("Supported").chain(headers.tokens("Require"));
    tags.any(|tag| tag.eq_ignore_ascii_case(TIMER))
}

/// `refresher=` of Session-Expires: `uac` or `uas`.
fn refresher(headers: &Headers) -> Option<&'static str> {
    let mut params = headers.first("Session-Expires")?.split(';').skip(1);
    let value = params.find_map(|param| {
        let (name, value) = param.split_once('=')?;
        name.trim().eq_ignore_ascii_case("refresher").then(|| value.trim())
    })?;
    ["uac", "uas"].into_iter().find(|role| role.eq_ignore_ascii_case(value))
}

#[cfg(test)]
#[path = "session_timer_tests.rs"]
mod tests;
