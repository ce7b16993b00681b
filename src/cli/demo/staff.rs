//! The newcomer's colleague: an operator played by the demo, with a registered telephone, who answers callers in
//! Lithuanian and Polish.

use std::time::Duration;

use tokio::sync::oneshot;

use super::accounts::{Accounts, COLLEAGUE};
use super::citizens::{Stage, say, telephone};
use crate::ids::UserId;
use crate::language::Language;
use crate::softphone::{Account, Act, PhoneError, Script};
use crate::switchboard::Command;
use crate::time::now;

/// The telephone's place among the demo's port ranges, after the citizens'.
const PHONE: usize = 9;
/// A call of the colleague lasts at most this long.
const LONGEST_CALL: Duration = Duration::from_secs(40);
/// The registration is renewed at least this often.
const SHIFT: Duration = Duration::from_secs(20 * 60);

pub(super) async fn play(stage: Stage, accounts: Accounts) {
    if let Err(error) = work(&stage, &accounts).await {
        tracing::warn!(%error, "the colleague of the demo went home");
    }
}

async fn work(stage: &Stage, accounts: &Accounts) -> Result<(), PhoneError> {
    let Some(person) = accounts.find(COLLEAGUE) else { return Ok(()) };
    let Some(sip) = &person.user.sip else { return Ok(()) };
    let greeting = say(
        stage,
        Language::Lt,
        "Laba diena, miesto kontaktų centras, Tomas. Užregistravau. Ačiū, kad paskambinote.",
    )
    .await;
    let mut phone = telephone(stage, PHONE).await?;
    loop {
        let account = Account {
            extension: sip.extension.clone(),
            password: person.password.0.clone(),
            registrar: stage.place.sip,
        };
        phone.register(account).await?;
        get_ready(stage, person.user.id).await;
        let shift = now().mono + SHIFT;
        while now().mono < shift {
            let acts = [
                Act::Wait(Duration::from_secs(1)),
                Act::Play { sounds: vec![greeting.clone()], repeat: false },
                Act::Wait(Duration::from_secs(14)),
                Act::HangUp,
            ];
            phone.answer(Script::new(acts, LONGEST_CALL), shift).await?;
        }
    }
}

/// Ready as soon as the switchboard has seen the registration.
async fn get_ready(stage: &Stage, operator: UserId) {
    let mut snapshot = stage.snapshot.clone();
    let registered = snapshot
        .wait_for(|snapshot| snapshot.operators.iter().any(|live| live.id == operator && live.registered))
        .await
        .is_ok();
    let (answer, answered) = oneshot::channel();
    if registered && stage.commands.send((Command::SetReady { operator }, answer)).await.is_ok() {
        match answered.await {
            Ok(Ok(())) => {}
            refused => tracing::warn!(?refused, "the colleague of the demo is not ready"),
        }
    }
}
