//! What is in force, for the administrator's pages to show: made by whoever reads the files (`app/plans.rs`), replaced as
//! a whole by each reload. Without secrets but for the texts of the files, which leave the server through `secrets.rs`.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::dialplan::prompt::TONE_PREFIX;
use crate::dialplan::{Dialplan, PromptRef};
use crate::sip::digest_auth::Algorithm;
use crate::speech::PromptLibrary;
use crate::store::PlanText;
use crate::time::Timestamp;
use crate::web::Origins;
use crate::web::terms::{AuditTerms, PublicTerms, SignInTerms};

/// Names of the files among the plans; texts of prompts are `prompts/uk`.
pub const CONFIG: &str = "config";
pub const DIALPLAN: &str = "dialplan";
pub const CITY: &str = "city";
pub const VERIFICATION: &str = "verification";

#[derive(Clone, Debug)]
pub struct InForce {
    /// Since when.
    pub at: Timestamp,
    pub plan: Arc<Dialplan>,
    /// What applicants hear who are asked; none where the program rings nobody.
    pub asking: Option<Arc<Dialplan>>,
    pub prompts: Arc<PromptLibrary>,
    /// Where recordings of prompts are looked for.
    pub prompt_folder: PathBuf,
    /// Everything that was read, the configuration first.
    pub files: Vec<PlanFile>,
    pub queues: Vec<QueueInForce>,
    pub trunks: Vec<TrunkInForce>,
    pub entrance: SipEntrance,
    /// What the world outside may do.
    pub public: PublicTerms,
    pub sign_in: SignInTerms,
    pub audit: AuditTerms,
    /// Where pages come from.
    pub origins: Origins,
    /// The city's own service level.
    pub answer_within: std::time::Duration,
    /// Keys that have changed and wait for a restart.
    pub deferred: Vec<&'static str>,
}

impl InForce {
    /// What is kept as versions.
    pub fn texts(&self) -> Vec<PlanText> {
        let versioned = self.files.iter().filter(|file| file.is_versioned());
        versioned.map(|file| PlanText { file: file.name.clone(), text: file.text.to_string() }).collect()
    }

    /// Every dialplan, that of callers first.
    pub(super) fn plans(&self) -> impl Iterator<Item = &Dialplan> {
        std::iter::once(&*self.plan).chain(self.asking.as_deref())
    }

    /// Every prompt that somebody may hear; tones are no prompts.
    pub(super) fn said(&self) -> BTreeSet<PromptRef> {
        let all = self.plans().flat_map(Dialplan::prompts);
        all.filter(|prompt| !prompt.id.starts_with(TONE_PREFIX)).collect()
    }

    pub(super) fn file(&self, name: &str) -> Option<&PlanFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

/// One file, as it was when it was read.
#[derive(Clone)]
pub struct PlanFile {
    pub name: String,
    pub path: PathBuf,
    pub text: Arc<str>,
}

impl PlanFile {
    /// The configuration is not kept: it may hold secrets.
    pub fn is_versioned(&self) -> bool {
        self.name != CONFIG
    }
}

impl std::fmt::Debug for PlanFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlanFile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A `[[queue]]` as its file writes it.
#[derive(Clone, Debug)]
pub struct QueueInForce {
    pub name: String,
    /// Key and value, in the order in which people read them.
    pub keys: Vec<(&'static str, serde_json::Value)>,
}

/// A `[[trunk]]` without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrunkInForce {
    pub name: String,
    /// Addresses and networks trusted as this trunk.
    pub from: Vec<String>,
    /// The provider's servers, first choice first.
    pub to: Vec<String>,
    pub register: bool,
    /// Digest user.
    pub user: Option<String>,
    /// Seconds between two OPTIONS to each server; 0 asks nothing.
    pub probe_secs: u64,
    pub max_calls: Option<u64>,
    pub max_calls_per_second: Option<u64>,
    /// The number our calls come from.
    pub caller: Option<String>,
    /// Numbers that may be called over it.
    pub takes: Vec<String>,
}

/// How phones reach us.
#[derive(Clone, Debug)]
pub struct SipEntrance {
    pub realm: String,
    pub digest: Vec<Algorithm>,
    /// Our address behind translation.
    pub advertised: Option<IpAddr>,
    pub udp: Vec<SocketAddr>,
    pub tcp: Vec<SocketAddr>,
    pub tls: Vec<SocketAddr>,
}
