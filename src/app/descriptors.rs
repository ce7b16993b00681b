//! Descriptors: every socket and every open file takes one, and without one no call has sound and no phone gets in.
//! Raises the soft limit to the hard one at the start, and says when even that is less than the configuration may
//! need. POSIX `RLIMIT_NOFILE`; who sets the hard limit is the machine's administrator.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::Config;
use crate::net::Limits;
use crate::web;

/// A call at its largest: the citizen, the operator, and whom the operator asks or transfers to.
const LEGS_PER_CALL: usize = 3;
/// RTP and RTCP.
const SOCKETS_PER_LEG: usize = 2;
const RECORDINGS_PER_CALL: usize = 1;
/// Listeners, the database with its journal and readers, timers and pipes of the runtime, files being served.
const STANDING: usize = 128;

/// What the service may have open at once, as configured.
fn needed(calls: usize, connections: usize) -> u64 {
    let per_call = LEGS_PER_CALL * SOCKETS_PER_LEG + RECORDINGS_PER_CALL;
    let all = calls.saturating_mul(per_call).saturating_add(connections).saturating_add(STANDING);
    u64::try_from(all).unwrap_or(u64::MAX).saturating_add(u64::from(web::MAX_CONNECTIONS))
}

/// Takes all descriptors that the machine allows; the number of them, or none where there is no limit.
fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum || maximum.is_none() {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of descriptors stays as it is");
            current
        }
    }
}

/// Makes as much room as the machine allows, and tells the administrator when that is too little.
pub(super) fn provide(config: &Config, connections: &Limits) {
    let calls = usize::try_from(config.sip.capacity).unwrap_or(usize::MAX);
    let (needed, allowed) = (needed(calls, connections.connections), raise());
    match allowed {
        Some(allowed) if allowed < needed => tracing::warn!(
            allowed,
            needed,
            sip.capacity = calls,
            sip.connections = connections.connections,
            http.connections = web::MAX_CONNECTIONS,
            "descriptors may run out under load: raise the hard limit of open files (RLIMIT_NOFILE; LimitNOFILE= of \
             systemd, ulimit -Hn) or lower `capacity` in [sip]"
        ),
        allowed => tracing::debug!(allowed, needed, "descriptors"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_call_is_counted_with_every_leg_it_may_have() {
        let without_calls = needed(0, 1024);
        assert_eq!(without_calls, 1024 + 4096 + 128);
        assert_eq!(needed(200, 1024), without_calls + 200 * 7);
        assert_eq!(needed(usize::MAX, usize::MAX), u64::MAX, "no overflow");
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        // One less: other tests of this process go on.
        let lowered = maximum.unwrap_or(4096) - 1;
        setrlimit(Resource::Nofile, Rlimit { current: Some(lowered), maximum }).unwrap();
        let raised = raise();
        assert_eq!(raised, getrlimit(Resource::Nofile).current);
        assert!(maximum.is_none() || raised == maximum, "{raised:?} of {maximum:?}");
    }
}
