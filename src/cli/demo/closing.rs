//! One case of the demo from its beginning to its end, told in words as it happens: reported, done, the citizen rung back over
//! real SIP, "not fixed", done once more, "fixed". The citizen's telephone presses the keys; executor and control are played
//! here, all else is the service.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::accounts::Accounts;
use super::citizens::{Stage, say};
use crate::case::city::CityPlan;
use crate::case::work_order::WorkReport;
use crate::case::{
    Applicant, Case, CaseDraft, CaseNumber, IdentityLevel, InvalidTransition, Place, Priority, routing,
};
use crate::dtmf::Digit;
use crate::ids::WorkOrderId;
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::phone_number::PhoneNumber;
use crate::softphone::{Act, Script, Settings, Softphone};
use crate::store::Store;
use crate::time::now;

/// The citizen's mobile; the demo's trunk `mobile` takes this number alone.
pub(super) const MOBILE: &str = "+380542700444";
/// Between two steps, so that they can be followed.
const STEP: Duration = Duration::from_secs(4);
/// The city rings within this time, or the demo says that it did not.
const PATIENCE: Duration = Duration::from_secs(120);
/// From picking up to the key: greeting, number and question have been heard.
const LISTENS: Duration = Duration::from_secs(20);
const FIRST_RTP_PORT: u16 = 42_000;

pub(super) async fn play(stage: Stage, store: Store, city: Arc<CityPlan>, accounts: Accounts) {
    let story = Story { stage, store, city, accounts };
    if let Err(error) = story.tell().await {
        tracing::warn!(%error, "the demo's case did not come to its end");
    }
}

struct Story {
    stage: Stage,
    store: Store,
    city: Arc<CityPlan>,
    accounts: Accounts,
}

fn line(text: &str) {
    println!("  ↻ {text}");
}

impl Story {
    async fn tell(&self) -> anyhow::Result<()> {
        let mut phone = Softphone::start(Settings {
            sip: self.stage.place.mobile,
            rtp_ports: FIRST_RTP_PORT..=FIRST_RTP_PORT + 99,
            recordings: self.stage.place.folder.join("telephones"),
        })
        .await?;
        let hello = say(&self.stage, Language::Uk, "Алло, слухаю.").await;
        let number = self.register().await?;
        line(&format!("Case {number}: a citizen ({MOBILE}) reported it; it goes to its executor."));
        self.assign(&number).await?;
        for (key, said) in
            [('2', "\"2, it is not fixed\": back to work, one level up"), ('1', "\"1, it is fixed\"")]
        {
            tokio::time::sleep(STEP).await;
            let case = self.work(&number).await?;
            line(&format!("Case {number}: reported done by {}, and control believes it.", org(&case)));
            line(&format!("The city rings {MOBILE} to ask whether it is fixed ..."));
            let mut acts = vec![Act::Play { sounds: vec![hello.clone()], repeat: false }, Act::Wait(LISTENS)];
            acts.extend(Digit::from_char(key).map(Act::Press));
            let script = Script::new(acts, LISTENS * 3);
            phone.answer(script, now().mono + PATIENCE).await?.context("nobody rang")?;
            let after = self.moved_on(&number).await?;
            line(&format!("The citizen pressed {said}. The case {}.", after.state.in_words()));
        }
        line(&format!("Hear both calls and every step between on /audit: case {number}."));
        Ok(())
    }

    /// Something in a place for which somebody is responsible, and which needs no photo to be believed.
    async fn register(&self) -> anyhow::Result<CaseNumber> {
        let at = now().utc;
        let draft = |category: &str, territory: &str| CaseDraft {
            contact: None,
            category: category.to_owned(),
            language: Language::Uk,
            priority: Priority::Normal,
            applicant: Applicant {
                identity: IdentityLevel::Stated,
                number: Some(PhoneNumber::from_user_part(MOBILE)),
                name: None,
            },
            place: Some(Place { territory: Some(territory.to_owned()), ..Place::default() }),
            description: "Розбита лавка у сквері".to_owned(),
            ivr_path: Vec::new(),
        };
        let order = WorkOrderId(uuid::Uuid::nil());
        let categories =
            self.city.categories().iter().filter(|one| self.city.evidence_rule(&one.id).is_none());
        let found = categories
            .flat_map(|category| {
                self.city.territories().iter().map(|territory| draft(&category.id, &territory.id))
            })
            .find(|draft| {
                let (case, _) = Case::register(draft.clone(), CaseNumber::new(2026, "00", 1), at);
                routing::route(&self.city, &case, order, at).is_ok()
            });
        let draft = found.context("the city plan sends nothing anywhere without photos")?;
        Ok(self.store.register_case(draft, at, self.actor(Role::Operator, None)?, None).await?.number)
    }

    fn actor(&self, role: Role, organisation: Option<String>) -> anyhow::Result<Actor> {
        let person = self.accounts.people.iter().find(|person| person.user.role == role);
        let person = person.with_context(|| format!("the demo has no {}", role.name()))?;
        Ok(Actor::person(role, person.user.id, organisation))
    }

    async fn assign(&self, number: &CaseNumber) -> anyhow::Result<()> {
        let operator = self.actor(Role::Operator, None)?;
        let (at, city, by) = (now().utc, self.city.clone(), operator.clone());
        let order = WorkOrderId(crate::ids::Mint::new(rand::random()).uuid(at));
        let assigned = self.store.change_case(number, &operator, at, move |case, _| {
            let assignment = routing::route(&city, &case, order, at)
                .map_err(|_| InvalidTransition::Incomplete("routing cannot decide"))?;
            case.assign(assignment, &by, at)
        });
        let organisation = assigned.await?.state.executor().map(str::to_owned);
        let executor = self.actor(Role::Executor, organisation)?;
        let by = executor.clone();
        self.store.change_case(number, &executor, at, move |case, _| case.accept(&by, at)).await?;
        let by = executor.clone();
        self.store.change_case(number, &executor, at, move |case, _| case.start(&by, at)).await?;
        Ok(())
    }

    /// The executor reports, control accepts; the case as the executor left it.
    async fn work(&self, number: &CaseNumber) -> anyhow::Result<Case> {
        let case = self.store.case(number).await?.context("the case is gone")?;
        let executor = self.actor(Role::Executor, case.state.executor().map(str::to_owned))?;
        let (at, by) = (now().utc, executor.clone());
        let reported = self.store.change_case(number, &executor, at, move |case, evidence| {
            let report = WorkReport { result: "Відремонтовано".to_owned() };
            case.report_work(report, evidence, None, &by, at)
        });
        let reported = reported.await?;
        let control = self.actor(Role::Control, None)?;
        let (at, by) = (now().utc, control.clone());
        self.store.change_case(number, &control, at, move |case, _| case.accept_evidence(&by, at)).await?;
        Ok(reported)
    }

    /// The case, as soon as it has heard of the answer.
    async fn moved_on(&self, number: &CaseNumber) -> anyhow::Result<Case> {
        let until = now().mono + PATIENCE;
        while now().mono < until {
            let case = self.store.case(number).await?.context("the case is gone")?;
            if case.state.evidence_accepted_at().is_none() {
                return Ok(case);
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        anyhow::bail!("the answer did not reach the case")
    }
}

fn org(case: &Case) -> String {
    case.state.executor().unwrap_or("its executor").to_owned()
}
