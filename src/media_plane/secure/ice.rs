//! The ICE-lite agent of a leg (RFC 8445 2.5, 7.3): it checks nothing itself, answers the peer's checks and learns from
//! them where the peer is. Whoever does not know the password gets no answer and is not let through.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::sdp::IceSession;
use crate::stun::{Answer, BindingRequest, MAX_ANSWER, Role};

/// Addresses of a peer that are kept: its networks times its ways through them; more is no telephone.
const MAX_PATHS: usize = 8;
/// A path that the peer has not checked for this long is not sent to any more (RFC 7675 5.1).
pub(super) const CONSENT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct IceAgent {
    session: IceSession,
    /// Our name fragment and the peer's, as its checks carry them.
    username: String,
    paths: Vec<Path>,
    /// The one the peer chose, as of its last check with USE-CANDIDATE.
    nominated: Option<SocketAddr>,
}

/// An address of the peer that a good check came from.
#[derive(Clone, Copy, Debug)]
struct Path {
    remote: SocketAddr,
    checked_at: Instant,
}

/// A check that was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) bytes: Vec<u8>,
    /// The check counts: its sender is who we were told, and the path is good.
    pub(super) valid: bool,
}

impl IceAgent {
    pub(super) fn new(session: IceSession) -> Self {
        let username = username(&session);
        Self { session, username, paths: Vec::new(), nominated: None }
    }

    pub(super) fn session(&self) -> &IceSession {
        &self.session
    }

    /// New credentials; media goes on over the old path until a new one is nominated (RFC 8445 9).
    pub(super) fn restart(&mut self, session: IceSession) {
        self.username = username(&session);
        self.session = session;
    }

    /// Answers a check; none for what is no check of our peer.
    pub(super) fn handle_check(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) -> Option<Answered> {
        let request = BindingRequest::parse(datagram).ok()?;
        if request.username != self.username.as_bytes()
            || !request.is_signed_with(&self.session.local.password)
        {
            return None;
        }
        let answer = match (request.unknown, request.role) {
            (Some(kind), _) => Answer::UnknownAttribute(kind),
            (None, Role::Controlled) => Answer::RoleConflict,
            (None, _) => Answer::Success(from),
        };
        let valid = matches!(answer, Answer::Success(_));
        if valid {
            self.learn(from, request.use_candidate, now);
        }
        let mut buffer = [0; MAX_ANSWER];
        let bytes = answer.write(request.transaction, &self.session.local.password, &mut buffer).to_vec();
        Some(Answered { bytes, valid })
    }

    fn learn(&mut self, remote: SocketAddr, nominates: bool, now: Instant) {
        if nominates {
            self.nominated = Some(remote);
        }
        let nominated = self.nominated;
        if let Some(path) = self.paths.iter_mut().find(|path| path.remote == remote) {
            path.checked_at = now;
            return;
        }
        if self.paths.len() == MAX_PATHS {
            let others = self.paths.iter().enumerate().filter(|(_, path)| Some(path.remote) != nominated);
            if let Some((oldest, _)) = others.min_by_key(|(_, path)| path.checked_at) {
                self.paths.swap_remove(oldest);
            }
        }
        self.paths.push(Path { remote, checked_at: now });
    }

    /// Whether something other than a check may come from there.
    pub(super) fn admits(&self, from: SocketAddr) -> bool {
        self.paths.iter().any(|path| path.remote == from)
    }

    /// Where to send: the nominated path, or the one checked last before there is one; none without consent.
    pub(super) fn destination(&self, now: Instant) -> Option<SocketAddr> {
        let fresh = |path: &&Path| now.saturating_duration_since(path.checked_at) < CONSENT;
        let alive = || self.paths.iter().filter(fresh);
        let nominated = alive().find(|path| Some(path.remote) == self.nominated);
        nominated.or_else(|| alive().max_by_key(|path| path.checked_at)).map(|path| path.remote)
    }
}

fn username(session: &IceSession) -> String {
    format!("{}:{}", session.local.ufrag, session.remote.ufrag)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::sdp::IceCredentials;
    use crate::stun::tests::{Check, read_answer};

    const PASSWORD: &str = "0123456789abcdef0123456789abcdef";

    fn credentials(ufrag: &str, password: &str) -> IceCredentials {
        IceCredentials { ufrag: ufrag.to_owned(), password: password.to_owned() }
    }

    fn agent() -> IceAgent {
        let (local, remote) = (credentials("ours", PASSWORD), credentials("them", "x"));
        IceAgent::new(IceSession { local, remote })
    }

    fn check(nominates: bool) -> Check<'static> {
        let (username, password) = ("ours:them", PASSWORD);
        Check { transaction: [1; 12], username, password, controlling: true, nominates }
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 7], port))
    }

    #[test]
    fn a_good_check_is_answered_and_its_sender_believed() {
        let (mut agent, now) = (agent(), crate::time::now().mono);
        assert_eq!((agent.destination(now), agent.admits(at(1))), (None, false));
        let answered = agent.handle_check(at(1), &check(false).to_bytes(), now).unwrap();
        assert!(answered.valid && agent.admits(at(1)) && !agent.admits(at(2)));
        assert!(read_answer(&answered.bytes, [1; 12], PASSWORD).is_ok());
        assert_eq!(agent.destination(now), Some(at(1)));
    }

    #[test]
    fn who_does_not_know_the_password_or_the_names_hears_nothing() {
        let (mut agent, now) = (agent(), crate::time::now().mono);
        for wrong in [
            Check { password: "0123456789abcdef0123456789abcdeF", ..check(true) },
            Check { username: "ours:then", ..check(true) },
            Check { username: "them:ours", ..check(true) },
        ] {
            assert!(agent.handle_check(at(1), &wrong.to_bytes(), now).is_none(), "{wrong:?}");
        }
        assert!(!agent.admits(at(1)));
    }

    #[test]
    fn a_peer_that_wants_to_be_controlled_is_told_the_conflict() {
        let (mut agent, now) = (agent(), crate::time::now().mono);
        let controlled = Check { controlling: false, ..check(true) };
        let answered = agent.handle_check(at(1), &controlled.to_bytes(), now).unwrap();
        assert_eq!(read_answer(&answered.bytes, [1; 12], PASSWORD), Err(487));
        assert!(!answered.valid && !agent.admits(at(1)));
    }

    #[test]
    fn the_last_nominated_path_is_used_until_consent_ends() {
        let (mut agent, start) = (agent(), crate::time::now().mono);
        let later = |secs| start + Duration::from_secs(secs);
        agent.handle_check(at(1), &check(true).to_bytes(), start);
        agent.handle_check(at(2), &check(false).to_bytes(), later(1));
        assert_eq!(agent.destination(later(1)), Some(at(1)));
        agent.handle_check(at(2), &check(true).to_bytes(), later(2));
        assert_eq!(agent.destination(later(2)), Some(at(2)));
        agent.handle_check(at(1), &check(false).to_bytes(), later(20));
        assert_eq!(agent.destination(later(31)), Some(at(2)));
        assert_eq!(agent.destination(later(32)), Some(at(1)));
        assert_eq!(agent.destination(later(50)), None);
    }

    #[test]
    fn paths_are_few_and_the_nominated_one_stays() {
        let (mut agent, start) = (agent(), crate::time::now().mono);
        agent.handle_check(at(1), &check(true).to_bytes(), start);
        for port in 2..100 {
            let now = start + Duration::from_millis(port.into());
            agent.handle_check(at(port), &check(false).to_bytes(), now);
        }
        let admitted: Vec<u16> = (1..100).filter(|port| agent.admits(at(*port))).collect();
        assert_eq!(admitted, [1, 93, 94, 95, 96, 97, 98, 99]);
        assert_eq!(agent.destination(start + Duration::from_secs(1)), Some(at(1)));
    }

    #[test]
    fn after_a_restart_only_the_new_names_count_and_media_goes_on() {
        let (mut agent, now) = (agent(), crate::time::now().mono);
        agent.handle_check(at(1), &check(true).to_bytes(), now);
        let local = credentials("new1", "fedcba9876543210fedcba9876543210");
        agent.restart(IceSession { local, remote: credentials("new2", "y") });
        assert!(agent.handle_check(at(2), &check(true).to_bytes(), now).is_none());
        assert_eq!(agent.destination(now), Some(at(1)));
        let password = "fedcba9876543210fedcba9876543210";
        let fresh = Check { username: "new1:new2", password, ..check(true) };
        assert!(agent.handle_check(at(2), &fresh.to_bytes(), now).unwrap().valid);
        assert_eq!(agent.destination(now), Some(at(2)));
    }
}
