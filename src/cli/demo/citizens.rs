//! The citizens of the demo: they dial the short number from telephones of their own, listen, press keys, speak, and
//! wait. One of them always waits for the newcomer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::place::Place;
use crate::dtmf::Digit;
use crate::language::Language;
use crate::media::Sound;
use crate::sip::message::{Host, Uri};
use crate::softphone::{Act, PhoneError, Script, Settings, Softphone};
use crate::speech;
use crate::switchboard::Snapshot;
use crate::web::CommandRequest;

/// Everything the actors share.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub place: Place,
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    pub commands: mpsc::Sender<CommandRequest>,
}

/// Time between two calls of the same citizen.
const PAUSE: Duration = Duration::from_secs(40);
/// The one who waits for the newcomer hangs up and calls again after this.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Calls of one citizen in a run: the demo ends by itself some day.
const MAX_CALLS: usize = 200;
/// Ports of the demo's telephones, a hundred each.
const FIRST_RTP_PORT: u16 = 41_000;

struct Citizen {
    number: &'static str,
    language: Language,
    /// Language key and topic key of the dialplan.
    keys: [char; 2],
    words: &'static str,
    /// Seconds on the line, waiting included.
    longest: Duration,
    /// Seconds before the first call.
    starts_after: u64,
}

const CITIZENS: [Citizen; 3] = [
    Citizen {
        number: "380542700111",
        language: Language::Uk,
        keys: ['1', '1'],
        words: "Добрий день! На вулиці Соборній, дванадцять, другий день немає води. У мене вдома мала дитина. \
                Підкажіть, будь ласка, коли полагодять?",
        longest: PATIENCE,
        starts_after: 1,
    },
    Citizen {
        number: "37061200222",
        language: Language::Lt,
        keys: ['3', '6'],
        words: "Laba diena. Mūsų kieme jau savaitę neišvežamos šiukšlės. Adresas Gedimino prospektas penki.",
        longest: Duration::from_secs(75),
        starts_after: 4,
    },
    Citizen {
        number: "48601300333",
        language: Language::Pl,
        keys: ['4', '7'],
        words: "Dzień dobry. Na ulicy Polnej jest duża dziura w jezdni, wczoraj uszkodziłem koło.",
        longest: Duration::from_secs(70),
        starts_after: 50,
    },
];

/// Every citizen lives at the same time.
pub(super) async fn play(stage: Stage) {
    let mut lives = tokio::task::JoinSet::new();
    for (index, citizen) in CITIZENS.into_iter().enumerate() {
        let stage = stage.clone();
        lives.spawn(async move {
            if let Err(error) = live(&stage, index, &citizen).await {
                tracing::warn!(%error, citizen.number, "a citizen of the demo gave up");
            }
        });
    }
    while lives.join_next().await.is_some() {}
}

async fn live(stage: &Stage, index: usize, citizen: &Citizen) -> Result<(), PhoneError> {
    let words = say(stage, citizen.language, citizen.words).await;
    tokio::time::sleep(Duration::from_secs(citizen.starts_after)).await;
    let mut phone = telephone(stage, index).await?;
    for _ in 0..MAX_CALLS {
        let target = Uri::sip(
            Some(&stage.place.config.number.short),
            Host::Ip(stage.place.sip.ip()),
            Some(stage.place.sip.port()),
        );
        match phone.call(target, stage.place.sip, citizen.number, script(citizen, &words), None).await {
            Ok(_) | Err(PhoneError::Refused(..) | PhoneError::NoAnswer) => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Chooses language and topic once the menus have been heard, then tells the story again and again with pauses, as
/// people do until somebody answers.
fn script(citizen: &Citizen, words: &Arc<Sound>) -> Script {
    let pause = Arc::new(Sound { samples: vec![0; 8 * 6_000] });
    let [language, topic] = citizen.keys.map(Digit::from_char);
    let mut acts = vec![Act::Wait(Duration::from_secs(12))];
    acts.extend(language.map(Act::Press));
    acts.push(Act::Wait(Duration::from_secs(6)));
    acts.extend(topic.map(Act::Press));
    acts.push(Act::Wait(Duration::from_secs(8)));
    acts.push(Act::Play { sounds: vec![words.clone(), pause], repeat: true });
    Script::new(acts, citizen.longest)
}

/// A telephone of its own for each actor.
pub(super) async fn telephone(stage: &Stage, index: usize) -> Result<Softphone, PhoneError> {
    let first = FIRST_RTP_PORT + u16::try_from(index).unwrap_or(0) * 100;
    Softphone::start(Settings {
        sip: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        rtp_ports: first..=first + 99,
        recordings: stage.place.folder.join("telephones"),
    })
    .await
}

/// The words as sound; silence when the speech engine fails.
pub(super) async fn say(stage: &Stage, language: Language, words: &'static str) -> Arc<Sound> {
    let speech = stage.place.config.speech.clone();
    let spoken =
        tokio::task::spawn_blocking(move || speech::speak(words, language, &speech.engine, &speech.cache)).await;
    match spoken {
        Ok(Ok(sound)) => sound,
        failed => {
            tracing::warn!(?failed, "an actor of the demo stays silent");
            Arc::new(Sound { samples: vec![0; 8_000] })
        }
    }
}
