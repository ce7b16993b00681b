//! What outlives the program: where the phones are, and which operators take calls. Taken from the running switchboard and
//! given to the next one, so that after a restart the phones ring at once and not when they happen to register again.
//!
//! Calls do not outlive it, nor do connections: phones on TCP, TLS and WebSocket come back by themselves. Where this is
//! kept is `files/standing_file.rs`.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Switchboard;
use crate::ids::UserId;
use crate::sip::message::{Flow, NameAddr, Transport, Uri};
use crate::sip::registrar::{KeptBinding, Outbound};
use crate::time::{Now, Timestamp};

/// Phones and operators at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Standing {
    pub at: Timestamp,
    pub phones: Vec<StandingPhone>,
    pub operators: Vec<StandingOperator>,
}

/// A phone that registered over UDP.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingPhone {
    pub extension: String,
    /// As REGISTER had it, a SIP URI.
    pub contact: String,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub call_id: String,
    pub seq: u32,
    pub expires_at: Timestamp,
    pub user_agent: String,
    /// `q` in thousandths.
    pub priority: u16,
    /// Name-addrs, the nearest proxy first.
    pub path: Vec<String>,
    /// `+sip.instance` and `reg-id`.
    pub outbound: Option<(String, u32)>,
}

/// An operator whose phone was there and who had no call at hand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StandingOperator {
    pub operator: UserId,
    /// None for who takes calls.
    pub not_ready: Option<String>,
}

impl StandingPhone {
    fn new(extension: String, kept: KeptBinding, now: Now) -> Self {
        Self {
            extension,
            contact: kept.contact.to_string(),
            local: kept.flow.local,
            remote: kept.flow.remote,
            call_id: kept.call_id,
            seq: kept.seq,
            expires_at: now.utc.plus(kept.expires_in),
            user_agent: kept.user_agent,
            priority: kept.priority,
            path: kept.path.iter().map(ToString::to_string).collect(),
            outbound: kept.outbound.map(|Outbound { instance, reg_id }| (instance, reg_id)),
        }
    }

    /// None where a word of it cannot be read.
    fn read(self, now: Now) -> Option<(String, KeptBinding)> {
        let path: Option<Vec<NameAddr>> = self.path.iter().map(|hop| NameAddr::parse(hop).ok()).collect();
        let kept = KeptBinding {
            contact: Uri::parse(&self.contact).ok()?,
            flow: Flow { transport: Transport::Udp, local: self.local, remote: self.remote },
            call_id: self.call_id,
            seq: self.seq,
            expires_in: self.expires_at.since(now.utc),
            user_agent: self.user_agent,
            priority: self.priority,
            path: path?,
            outbound: self.outbound.map(|(instance, reg_id)| Outbound { instance, reg_id }),
        };
        Some((self.extension, kept))
    }
}

impl Switchboard {
    /// What the next run of the program should know.
    pub fn standing(&self, now: Now) -> Standing {
        let phones = self.registrar.kept(now.mono).into_iter();
        let operators = self.acd.standing().map(|(operator, not_ready)| StandingOperator {
            operator,
            not_ready: not_ready.map(str::to_owned),
        });
        Standing {
            at: now.utc,
            phones: phones.map(|(extension, kept)| StandingPhone::new(extension, kept, now)).collect(),
            operators: operators.collect(),
        }
    }

    /// Takes over what a former run knew: registrations that have not expired, of accounts that there still are; and
    /// operators as they were, when that is not long ago. How many phones it were.
    pub fn restore(&mut self, standing: Standing, now: Now) -> usize {
        let age: Duration = now.utc.since(standing.at);
        let left_at = now.mono.checked_sub(age);
        for StandingOperator { operator, not_ready } in standing.operators {
            if let Some(left_at) = left_at {
                self.acd.restore(operator, not_ready.as_deref(), left_at);
            }
        }
        let mut restored = 0;
        for (extension, kept) in standing.phones.into_iter().filter_map(|phone| phone.read(now)) {
            let is_known = self.settings.accounts.contains_key(&extension);
            restored += usize::from(is_known && self.registrar.restore(&extension, kept, now.mono));
        }
        self.settle(now);
        restored
    }
}
