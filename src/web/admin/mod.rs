//! `/api/v1/admin`: running the program. Admins configure; they read no content of calls or cases. One file per section
//! of the pages; what is in force is `in_force.rs`, and what may be read again is decided in `app/plans.rs`.

pub(super) mod changes;
pub(super) mod dialplan;
pub(super) mod dictations;
mod difference;
mod in_force;
pub(super) mod notices;
pub(super) mod phone_codes;
pub(super) mod phones;
pub(super) mod prompts;
mod provisions;
pub(super) mod queues;
mod secrets;
pub(super) mod service;
pub(super) mod trunks;
pub(super) mod users;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::diagnostic::Diagnostic;
use crate::people::Actor;
use crate::store::PlanText;

use super::Web;
use super::error::ApiError;

pub use in_force::{
    CITY, CONFIG, DIALPLAN, InForce, PlanFile, QueueInForce, SipEntrance, TrunkInForce, VERIFICATION,
};
pub(super) use provisions::Provisions;

/// Reading and checking all configuration files takes well under a second.
const RELOAD_DEADLINE: Duration = Duration::from_secs(15);

/// Keys that have changed and wait for a restart; the complaints of files that are refused.
pub type Reloaded = Result<Vec<&'static str>, Vec<Diagnostic>>;

/// Asks the program to look at its files again.
#[derive(Debug)]
pub struct ReloadRequest {
    pub wanted: Wanted,
    pub by: Actor,
    pub answer: oneshot::Sender<Reloaded>,
}

/// What is to be done with the files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Only say whether they would be taken.
    Check,
    /// Bring them into force.
    Publish,
    /// Take over at once what the rows say of people.
    Users,
    /// Put this text back into its file, and bring all into force.
    Restore(PlanText),
}

impl Web {
    pub(in crate::web) fn in_force(&self) -> Arc<InForce> {
        self.given.in_force.borrow().clone()
    }

    /// People have changed: the switchboard is told now, and not only when it looks next.
    pub(super) async fn take_over_users(&self, by: Actor) {
        // The rows have it: should nobody answer, it is in force within seconds all the same.
        if self.ask_for_reload(Wanted::Users, by).await.is_err() {
            tracing::warn!("users are taken over later");
        }
    }

    async fn ask_for_reload(&self, wanted: Wanted, by: Actor) -> Result<Reloaded, ApiError> {
        let gone = || ApiError::Unavailable("the program does not answer to a reload");
        let (answer, answered) = oneshot::channel();
        let asked = async {
            let request = ReloadRequest { wanted, by, answer };
            self.given.reload.send(request).await.map_err(|_| gone())?;
            answered.await.map_err(|_| gone())
        };
        tokio::time::timeout(RELOAD_DEADLINE, asked).await.unwrap_or_else(|_| Err(gone()))
    }
}
