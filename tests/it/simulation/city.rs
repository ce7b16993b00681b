//! What the simulated city is configured as: its short number, trunk, queues and operators, the shipped
//! dialplan, and the addresses of everybody. Nothing here changes during a run.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ringback::acd::{OperatorProfile, QueueSettings, Strategy, SurgeLimits};
use ringback::dialplan::Dialplan;
use ringback::ids::{LegId, UserId};
use ringback::language::Language;
use ringback::recording::WhenUnable;
use ringback::sdp::{Codec, SrtpPolicy};
use ringback::sip::digest_auth::{Algorithm, Ha1};
use ringback::switchboard::Settings;
use ringback::switchboard::settings::{Account, Trunk};

pub(super) const SHORT_NUMBER: &str = "1580";
const REALM: &str = "ringback";

pub(super) fn service() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 5060))
}

/// Where a leg of the service listens: one address per leg, so that nothing depends on port reuse.
pub(super) fn service_rtp(leg: LegId) -> SocketAddr {
    let [_, a, b, c] = u32::try_from(leg.0).unwrap().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(100, a, b, c), 20_000))
}

/// A person's telephone: 127.1.x.y.
pub(super) fn address(person: usize, port: u16) -> SocketAddr {
    let [.., a, b] = u32::try_from(person).unwrap().to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(127, 1, a, b), port))
}

fn dialplan() -> Arc<Dialplan> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/dialplans/1580.toml");
    Arc::new(Dialplan::parse(file, &std::fs::read_to_string(file).unwrap()).unwrap())
}

fn queue(name: &str) -> QueueSettings {
    QueueSettings {
        name: name.to_owned(),
        strategy: match name {
            "emergency" => Strategy::RingAll,
            "city" => Strategy::Progressive,
            _ => Strategy::FewestCalls,
        },
        ring_another_after: Duration::from_secs(3),
        head_start: Duration::from_secs(if name == "city" { 0 } else { 20 }),
        skills: Default::default(),
        relax_skills_every: None,
        max_wait: Some(Duration::from_secs(10)),
        max_expected_wait: Some(Duration::from_secs(300)),
        surge: SurgeLimits { arrivals: Some(25), wait: None },
        capacity: 12,
        ring_timeout: Duration::from_secs(8),
        wrap_up: Duration::from_secs(5),
        announce_every: Duration::from_secs(15),
        relax_language_after: Duration::from_secs(10),
    }
}

pub(crate) fn settings(operators: &[(UserId, String)]) -> Settings {
    let plan = dialplan();
    let queues: Vec<QueueSettings> = plan.queues().into_iter().map(queue).collect();
    let names: Vec<String> = queues.iter().map(|queue| queue.name.clone()).collect();
    let profile = |(index, (user, extension)): (usize, &(UserId, String))| OperatorProfile {
        user: *user,
        name: format!("Operator {index}"),
        extension: extension.clone(),
        languages: Language::ALL.into_iter().skip(index % 3).take(4).collect(),
        queues: names.clone(),
        skills: Default::default(),
    };
    Settings {
        recording: Some(WhenUnable::Refuse),
        callback: None,
        verification: None,
        duties: Arc::default(),
        realm: REALM.to_owned(),
        digest: Algorithm::ALL.to_vec(),
        capacity: 60,
        advertised: None,
        session_expires_secs: 1800,
        ask_phones_every: Some(Duration::from_secs(30)),
        guard: ringback::sip::guard::Policy::default(),
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        srtp: SrtpPolicy::Optional,
        short_number: SHORT_NUMBER.to_owned(),
        aliases: Vec::new(),
        plan,
        topic_categories: Arc::default(),
        trunks: vec![Trunk {
            name: "city".to_owned(),
            from: vec!["127.1.0.0/16".parse().unwrap()],
            ..Trunk::default()
        }],
        accounts: operators
            .iter()
            .map(|(user, extension)| {
                let account = Account { user: *user, ha1: Ha1::new(extension, REALM, extension) };
                (extension.clone(), account)
            })
            .collect(),
        operators: operators.iter().enumerate().map(profile).collect(),
        queues,
        queue_extensions: [("810".to_owned(), "city".to_owned())].into(),
        ready_code: "*71".to_owned(),
        not_ready_code: "*72".to_owned(),
        masked: None,
        web_calls: None,
    }
}
