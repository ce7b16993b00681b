//! Executors on the telephone: whose code it is, which order is meant, and what a step does to its case. The walk asks
//! (`ivr/order.rs`), rules of codes are `crate::phone_code`'s, those of cases `case/`'s; here they meet the store.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::plans::Voice;
use super::sounds::Spoken;
use crate::call::masked::{MaskedCall, Policy, Wish, may_call};
use crate::case::city::CityPlan;
use crate::case::work_order::{EvidenceRef, WorkOrder, WorkReport};
use crate::case::{Case, CaseEvent, CaseState, InvalidTransition};
use crate::dialplan::PromptRef;
use crate::digest::Sha256;
use crate::ids::{ContactId, Mint, UserId};
use crate::ivr::{Answer, Lookup, OrderStep, SpokenOrder};
use crate::journal::{Draft, EventType, MediaPosition};
use crate::language::Language;
use crate::people::{Actor, Role};
use crate::phone_code::{PhoneCode, Standing};
use crate::speech;
use crate::store::{Store, StoreError, User};
use crate::switchboard::Input;

/// Digits of a sound's name out of the digest of its words.
const NAME_DIGITS: usize = 32;

/// An address that takes longer is not told: the caller hears nothing meanwhile.
const LONGEST_RENDERING: Duration = Duration::from_secs(1);

/// A look-up of an executor.
#[derive(Debug)]
pub(super) enum Asked {
    Open { number: String, code: PhoneCode },
    Step { number: String, by: UserId, step: OrderStep },
}

impl Asked {
    /// The look-up back when it is somebody else's.
    pub(super) fn of(lookup: Lookup) -> Result<Self, Lookup> {
        match lookup {
            Lookup::OpenOrder { number, code } => Ok(Self::Open { number, code }),
            Lookup::OrderStep { number, by, step } => Ok(Self::Step { number, by, step }),
            other => Err(other),
        }
    }
}

/// All that an answer needs, for one look-up.
pub(super) struct FieldDesk {
    pub(super) store: Store,
    pub(super) city: Arc<CityPlan>,
    /// When executors may call applicants.
    pub(super) policy: Option<Policy>,
    pub(super) voice: Voice,
    pub(super) spoken: Arc<Spoken>,
    pub(super) checks: Arc<Semaphore>,
    /// The call, and where in its recording it was asked.
    pub(super) during: (ContactId, Option<MediaPosition>),
    pub(super) inputs: mpsc::Sender<Input>,
}

type Moved = Result<(Case, Vec<CaseEvent>), InvalidTransition>;

impl FieldDesk {
    pub(super) async fn answer(self, asked: Asked) -> Answer {
        let answered = match asked {
            Asked::Open { number, code } => self.open(&number, code).await,
            Asked::Step { number, by, step } => self.step(&number, by, step).await,
        };
        answered.unwrap_or_else(|error| {
            tracing::error!(call.id = %self.during.0, %error, "an executor's call is not answered");
            Answer::Failed
        })
    }

    async fn open(&self, number: &str, code: PhoneCode) -> Result<Answer, StoreError> {
        // Held until a wrong code is on record: of many calls at once, none guesses between look and lock.
        let Ok(turn) = self.checks.clone().acquire_owned().await else { return Ok(Answer::Failed) };
        let at = crate::time::now().utc;
        let known = self.store.field_phone_by_code(code.name()).await?;
        let standing = known.as_ref().map(|known| known.wrongs.standing(at));
        if matches!(standing, Some(Standing::Resting | Standing::Void)) {
            return Ok(Answer::Locked);
        }
        let hash = known.as_ref().and_then(|known| known.code_hash.clone());
        let Some((fits, _turn)) = fits(hash, code, turn).await else { return Ok(Answer::Failed) };
        let Some(user) = known.map(|known| known.user) else { return Ok(Answer::NotFound) };
        if !fits {
            let wrongs = self.store.note_code(user, false, at, Some(self.denied(user, at))).await?;
            let locked = wrongs.standing(at) != Standing::Usable;
            return Ok(if locked { Answer::Locked } else { Answer::NotFound });
        }
        self.store.note_code(user, true, at, None).await?;
        let Some(user) = self.executor(user).await? else { return Ok(Answer::NotFound) };
        let Some((order, case)) = self.order_of(&user, number).await? else { return Ok(Answer::NotFound) };
        Ok(Answer::Order(Box::new(self.told(&user, &order, &case).await)))
    }

    fn denied(&self, user: UserId, at: crate::time::Timestamp) -> Draft {
        let mut entry = Draft::new(EventType::AccessDenied, at, Actor::system("ivr"));
        entry.contact = Some(self.during.0);
        entry.media = self.during.1;
        entry.data = json!({ "what": "phone_code", "user": user });
        entry
    }

    /// Somebody who was blocked since, or given another role, is nobody here.
    async fn executor(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let user = self.store.user(id).await?;
        Ok(user.filter(|user| user.role == Role::Executor && !user.disabled && user.organisation.is_some()))
    }

    /// The one open order that is meant; none when no number fits, or more than one.
    async fn order_of(&self, user: &User, number: &str) -> Result<Option<(WorkOrder, Case)>, StoreError> {
        let organisation = user.organisation.as_deref().unwrap_or_default();
        let mut orders = self.store.orders_ending_in(organisation, number).await?;
        let (Some(order), true) = (orders.pop(), orders.is_empty()) else { return Ok(None) };
        let case = self.store.case(&order.case).await?;
        let Some(case) = case.filter(|case| case.state.order() == Some(order.id)) else { return Ok(None) };
        Ok(self.is_told(user, &case).await?.then_some((order, case)))
    }

    /// Whether this executor reads the case: what takes a clearance is an order that is not there, to whoever lacks it, and
    /// a reading on the journal to whoever has it.
    async fn is_told(&self, user: &User, case: &Case) -> Result<bool, StoreError> {
        let Some(class) = self.city.privacy_class(&case.category) else { return Ok(true) };
        let cleared = user.clearances.iter().any(|held| held == class);
        let event = if cleared { EventType::AccessViewed } else { EventType::AccessDenied };
        let actor = Actor::person(user.role, user.id, user.organisation.clone());
        let mut entry = Draft::new(event, crate::time::now().utc, actor);
        (entry.contact, entry.media) = (Some(self.during.0), self.during.1);
        entry.case = Some(case.number.clone());
        entry.data = json!({ "what": "order", "channel": "phone" });
        self.store.journal(vec![entry]).await?;
        Ok(cleared)
    }

    async fn told(&self, user: &User, order: &WorkOrder, case: &Case) -> SpokenOrder {
        let address = case.place.as_ref().map(|place| place.address.clone());
        let place = match address.filter(|address| !address.trim().is_empty()) {
            Some(address) => self.speak(address).await,
            None => None,
        };
        SpokenOrder {
            case: case.number.to_string(),
            number: case.number.0.chars().filter(char::is_ascii_digit).collect(),
            by: user.id,
            topic: self.city.topic_of(&case.category).map(str::to_owned),
            place,
            due: Some(self.city.civil_date(order.resolve_by)),
        }
    }

    /// An address as a sound, which nobody could have recorded beforehand. It is not kept on the disk.
    async fn speak(&self, words: String) -> Option<PromptRef> {
        let language = self.city.language();
        let digest = Sha256::of(words.as_bytes()).to_string();
        let id = format!("said.{}", &digest[..NAME_DIGITS.min(digest.len())]);
        let prompt = PromptRef { id, language };
        let (engine, folder) = (self.voice.engine.clone(), self.voice.folder.join(self.during.0.to_string()));
        let rendered = tokio::task::spawn_blocking(move || {
            let sound = speech::speak(&words, language, &engine, &folder);
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                tracing::warn!(%error, "what was said in a call is not removed");
            }
            sound
        });
        match tokio::time::timeout(LONGEST_RENDERING, rendered).await {
            Ok(Ok(Ok(sound))) => {
                self.spoken.keep(prompt.clone(), sound);
                Some(prompt)
            }
            Ok(Ok(Err(complaint))) => {
                tracing::warn!(complaint.message, "an address cannot be spoken");
                None
            }
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn step(&self, number: &str, by: UserId, step: OrderStep) -> Result<Answer, StoreError> {
        let Some(user) = self.executor(by).await? else { return Ok(Answer::NotFound) };
        let Some((order, case)) = self.order_of(&user, number).await? else { return Ok(Answer::NotFound) };
        if step.tells() {
            return Ok(Answer::Order(Box::new(self.told(&user, &order, &case).await)));
        }
        if step == OrderStep::Call {
            return self.call(&user, &order, &case).await;
        }
        let organisation = user.organisation.clone().unwrap_or_default();
        let leads = case.state.executor() == Some(organisation.as_str());
        let actor = Actor::person(Role::Executor, user.id, Some(organisation));
        let (at, by, city) = (crate::time::now().utc, actor.clone(), self.city.clone());
        let done = done_by_telephone(city.language());
        let needs_photos =
            leads && city.evidence_rule(&case.category).is_some_and(|rule| rule.demands_photos());
        let change = move |case: Case, evidence: &[EvidenceRef]| -> Moved {
            let moved = match (step, leads) {
                (OrderStep::Accept, true) => case.accept(&by, at),
                (OrderStep::Accept, false) => case.accept_part(&by, at),
                (_, true) => {
                    let rule = city.evidence_rule(&case.category);
                    let report = WorkReport { result: done.to_owned() };
                    case.report_at_once(report, evidence, rule, &by, at)
                }
                (_, false) => case.report_part(done, &by, at),
            };
            moved.map(by_telephone)
        };
        let parts_done = case.check_parts().is_ok();
        let on_hold = matches!(case.state, CaseState::OnHold { .. });
        let during = Some(self.during);
        match self.store.change_case_during(&case.number, &actor, at, during, change).await {
            Ok(case) => {
                tracing::info!(case.id = %case.number, case.state = case.state.name(), "moved by telephone");
                Ok(Answer::StepTaken)
            }
            Err(StoreError::Transition(refused)) => {
                tracing::info!(case.id = %case.number, %refused, "not moved by telephone");
                let lacks_photos = step == OrderStep::Done && needs_photos && !on_hold && parts_done;
                Ok(if lacks_photos { Answer::NeedsPhotos } else { Answer::NotFound })
            }
            Err(error) => Err(error),
        }
    }

    /// Rings the executor back as soon as they have hung up, and then the applicant.
    async fn call(&self, user: &User, order: &WorkOrder, case: &Case) -> Result<Answer, StoreError> {
        let at = crate::time::now().utc;
        let Some(policy) = &self.policy else { return Ok(Answer::NotFound) };
        let today = policy.hours.start_of(policy.hours.date_of(at));
        let begun_today = self.store.begun_calls(order.id, today).await?.count;
        let phone = self.store.field_phone(user.id).await?.and_then(|known| known.phone);
        let organisation = user.organisation.clone().unwrap_or_default();
        let wish = Wish {
            case,
            order: order.id,
            organisation: Some(&organisation),
            phone: phone.as_ref(),
            begun_today,
        };
        let (applicant, executor) = match may_call(Some(policy), wish, at) {
            Ok(numbers) => numbers,
            Err(why) => {
                tracing::info!(case.id = %case.number, %why, "no masked call");
                return Ok(Answer::NotFound);
            }
        };
        let wanted = MaskedCall {
            id: ContactId(Mint::new(rand::random()).uuid(at)),
            by: user.id,
            organisation,
            case: case.number.clone(),
            order: order.id,
            applicant,
            executor,
            language: case.language,
            staff_language: self.city.language(),
            after: Some(self.during.0),
        };
        self.store.note_masked_call(&wanted, at).await?;
        let sent = self.inputs.send(Input::CallApplicant(Box::new(wanted))).await;
        Ok(if sent.is_ok() { Answer::StepTaken } else { Answer::Failed })
    }
}

/// Whether the code is that of the hash, with the turn, which lasts as long as the check even where nobody waits for it any
/// more. The same work whether there is such a code or not.
async fn fits(
    hash: Option<String>,
    code: PhoneCode,
    turn: OwnedSemaphorePermit,
) -> Option<(bool, OwnedSemaphorePermit)> {
    let check = move || (crate::web::check_password(hash.as_deref(), code.digits()), turn);
    tokio::task::spawn_blocking(check).await.ok()
}

/// The entries of work say by which way it was told.
fn by_telephone((case, mut events): (Case, Vec<CaseEvent>)) -> (Case, Vec<CaseEvent>) {
    for event in events.iter_mut().filter(|event| event.name.starts_with("wo.")) {
        event.data["channel"] = json!("phone");
    }
    (case, events)
}

/// What stands for the words of somebody who pressed a key, in the language that executors and control read.
const fn done_by_telephone(language: Language) -> &'static str {
    match language {
        Language::Uk => "Повідомлено телефоном: виконано",
        Language::En => "Reported done by telephone",
        Language::Lt => "Pranešta telefonu: atlikta",
        Language::Pl => "Zgłoszono telefonicznie: wykonano",
        Language::Ru => "Сообщено по телефону: выполнено",
        Language::He => "דווח בטלפון: בוצע",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use uuid::Uuid;

    use super::*;
    use crate::app::fixture;
    use crate::case::routing::Assignment;
    use crate::case::{Applicant, CaseDraft, Deadline, IdentityLevel, Priority};
    use crate::ids::WorkOrderId;
    use crate::phone_code::WRONG_BEFORE_REST;
    use crate::store::FieldPhoneChange;

    fn desk(store: &Store, checks: &Arc<Semaphore>, call: u128) -> FieldDesk {
        let city = CityPlan::parse("city.toml", include_str!("../../city.toml")).unwrap();
        FieldDesk {
            store: store.clone(),
            city: Arc::new(city),
            policy: None,
            voice: Voice { engine: "none".into(), folder: "none".into() },
            spoken: Arc::default(),
            checks: checks.clone(),
            during: (ContactId(Uuid::from_u128(call)), None),
            inputs: mpsc::channel(1).0,
        }
    }

    fn crew(clearances: &[&str]) -> User {
        User {
            id: UserId(Uuid::from_u128(1)),
            name: "crew".to_owned(),
            role: Role::Executor,
            password_hash: String::new(),
            organisation: Some("vodokanal".to_owned()),
            languages: Vec::new(),
            queues: Vec::new(),
            skills: Default::default(),
            posts: Vec::new(),
            clearances: clearances.iter().map(|class| (*class).to_owned()).collect(),
            second_factor: false,
            sip: None,
            disabled: false,
        }
    }

    /// The number of a case of this category, with an order for the crew.
    async fn ordered(store: &Store, category: &str) -> String {
        let draft = CaseDraft {
            contact: None,
            category: category.to_owned(),
            language: Language::En,
            priority: Priority::Normal,
            applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
            place: None,
            description: "the children are hungry".to_owned(),
            ivr_path: Vec::new(),
        };
        let desk = Actor::person(Role::Supervisor, UserId(Uuid::from_u128(2)), None);
        let case = store.register_case(draft, fixture::at(1), desk.clone(), None).await.unwrap();
        let (order, at) = (WorkOrderId(Mint::new(rand::random()).uuid(fixture::at(9))), fixture::at(9));
        let deadline = Deadline { norm: "all".to_owned(), first: at, resolve_by: at, ..Deadline::default() };
        let assignment = Assignment {
            order,
            executor: "vodokanal".to_owned(),
            executor_name: "Vodokanal".to_owned(),
            deadline,
            co_executors: Vec::new(),
            because: None,
            task: "look".to_owned(),
        };
        let by = desk.clone();
        let change = move |case: Case, _: &[EvidenceRef]| case.assign(assignment.clone(), &by, at);
        store.change_case(&case.number, &desk, at, change).await.unwrap();
        case.number.0.chars().filter(char::is_ascii_digit).collect()
    }

    #[tokio::test]
    async fn an_order_that_takes_a_clearance_is_told_to_those_who_have_it() {
        let store = fixture::store().await;
        let (restricted, ordinary) = (ordered(&store, "welfare").await, ordered(&store, "water").await);
        let checks = Arc::new(Semaphore::new(1));
        let journalled = async |event: &str| {
            let entries = store.entries_after(0, 100).await.unwrap();
            entries.into_iter().filter(|entry| entry.event == event).collect::<Vec<_>>()
        };
        let asked = async |user: &User, number: &str| {
            desk(&store, &checks, 5).order_of(user, number).await.unwrap().is_some()
        };
        let (crew, cleared) = (crew(&[]), crew(&["welfare"]));
        assert!(asked(&crew, &ordinary).await && asked(&cleared, &ordinary).await);
        assert_eq!(journalled("access.viewed").await.len(), 0);
        assert!(!asked(&crew, &restricted).await, "as if there were none");
        let denied = journalled("access.denied").await;
        assert_eq!((denied.len(), denied[0].case.is_some()), (1, true));
        assert_eq!(denied[0].contact, Some(ContactId(Uuid::from_u128(5))));
        assert!(asked(&cleared, &restricted).await);
        let viewed = journalled("access.viewed").await;
        assert_eq!((viewed.len(), viewed[0].case.is_some()), (1, true));
    }

    #[tokio::test]
    async fn many_who_guess_at_once_have_no_more_guesses_than_one() {
        let store = fixture::store().await;
        let executor = crew(&[]);
        store.create_user(&executor).await.unwrap();
        let hash = crate::web::hash_password("1234567890").unwrap();
        let given = FieldPhoneChange::Code { name: "1234".to_owned(), hash };
        let entry = Draft::new(EventType::UserChanged, fixture::at(1), Actor::system("test"));
        store.change_field_phone(executor.id, given, entry).await.unwrap();
        let checks = Arc::new(Semaphore::new(1));
        let guesses = (0..3 * WRONG_BEFORE_REST).map(|n| {
            let code = PhoneCode::parse(&format!("123400000{n}")).unwrap();
            let asked = Asked::Open { number: "42".to_owned(), code };
            tokio::spawn(desk(&store, &checks, u128::from(n)).answer(asked))
        });
        for guess in guesses.collect::<Vec<_>>() {
            assert!(matches!(guess.await.unwrap(), Answer::NotFound | Answer::Locked));
        }
        let kept = store.field_phone(executor.id).await.unwrap().unwrap();
        assert_eq!(kept.wrongs.in_a_row, WRONG_BEFORE_REST, "then it rests");
    }
}
