//! A year of a city from a seed: calls through the day, cases through their states by the program's own transitions, each
//! with the entries it causes, in the order of time. The same seed gives the same year.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use uuid::Uuid;

use ringback::address::{Known, Point, Register};
use ringback::call::contact::{Contact, Disposition};
use ringback::case::city::CityPlan;
use ringback::case::routing::{reroute, route};
use ringback::case::transition::Transition;
use ringback::case::work_order::{EvidenceRef, WorkOrder, WorkReport};
use ringback::case::{
    Applicant, Case, CaseDraft, CaseEvent, CaseNumber, CaseState, ClosingCode, IdentityLevel, Place,
    Priority, ReopenCause, Site, TellingChannel, Told,
};
use ringback::digest::Sha256;
use ringback::ids::{ContactId, EvidenceId, RecordingId, UserId, WorkOrderId};
use ringback::journal::{Draft, EventType};
use ringback::language::Language;
use ringback::people::{Actor, Role};
use ringback::phone_number::PhoneNumber;
use ringback::report::{Standing, Step};
use ringback::termination::Termination;
use ringback::time::Timestamp;

use super::sound::{Recorded, Sounds};
use super::streets::{HOUSES, addresses};

/// Sunday 2026-11-22, noon UTC: the year ends here.
pub const END: i64 = 1_795_348_800_000_000;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 24 * HOUR;
/// Days of the generated time.
const DAYS: i64 = 365;
/// Calls in a thousand that end without a case: asked and answered, or hung up in the menu.
const WITHOUT_CASE: u32 = 150;
/// Calls by hour of the day, in thousandths.
const BY_HOUR: [u32; 24] =
    [12, 8, 6, 5, 5, 10, 22, 45, 72, 82, 80, 74, 66, 64, 66, 64, 60, 56, 52, 48, 40, 30, 20, 13];
/// Telephones that call; some call often.
const CALLERS: u32 = 400_000;
const OPERATORS: u128 = 60;

/// What one moment adds to the database.
#[derive(Default)]
pub struct Moment {
    pub contact: Option<Contact>,
    pub recorded: Option<Recorded>,
    /// A case that nobody will move again, with its work orders: rows are written once, as they are in the end.
    pub over: Option<Underway>,
    pub steps: Vec<Step>,
    pub standings: Vec<Standing>,
    pub drafts: Vec<Draft>,
}

/// A case and its work orders, the one at hand last.
pub struct Underway {
    pub case: Case,
    pub orders: Vec<WorkOrder>,
}

pub struct City {
    rng: StdRng,
    plan: CityPlan,
    pub register: Register,
    sounds: Option<Sounds>,
    /// Territory, street key, street, houses' place.
    streets: Vec<(String, String, String)>,
    categories: Vec<String>,
    waiting: BinaryHeap<Reverse<(i64, u64)>>,
    underway: BTreeMap<u64, Underway>,
    cases: u64,
    wanted: u64,
    year: i32,
    sequence: u64,
    next_call: i64,
}

impl City {
    pub fn new(seed: u64, wanted: u64, sounds: Option<Sounds>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let plan = CityPlan::parse("city.toml", include_str!("../../city.toml")).unwrap();
        let (csv, streets) = addresses(&plan, &mut rng);
        let territories: Vec<&str> = plan.territories().iter().map(|it| it.id.as_str()).collect();
        let organisations: Vec<&str> = plan.organisations().iter().map(|it| it.id.as_str()).collect();
        let known = Known { territories, holders: organisations };
        let register = Register::import("addresses.csv", csv.as_bytes(), &known).unwrap();
        let categories = plan.categories().iter().map(|it| it.id.clone()).collect();
        Self {
            rng,
            plan,
            register,
            sounds,
            streets,
            categories,
            waiting: BinaryHeap::new(),
            underway: BTreeMap::new(),
            cases: 0,
            wanted,
            year: 2025,
            sequence: 0,
            next_call: END - DAYS * DAY,
        }
    }

    /// What happens next; none at the end of the year.
    pub fn next(&mut self) -> Option<Moment> {
        let due = self.waiting.peek().map(|Reverse((at, _))| *at);
        match due {
            Some(at) if at <= self.next_call || self.next_call >= END => {
                let Reverse((at, index)) = self.waiting.pop()?;
                (at < END).then(|| self.advance(index, Timestamp(at)))
            }
            _ if self.next_call < END && self.cases < self.wanted => Some(self.call()),
            _ => None,
        }
    }

    /// Cases that are open when the year ends.
    pub fn open(&mut self) -> impl Iterator<Item = Underway> {
        std::mem::take(&mut self.underway).into_values()
    }

    fn id(&mut self, at: Timestamp) -> Uuid {
        let millis = u128::try_from(at.micros() / 1_000).unwrap();
        let random = self.rng.random::<u128>();
        let version = (millis << 80) | (0x7 << 76) | ((random & 0xfff) << 64);
        Uuid::from_u128(version | (0b10 << 62) | (random >> 66))
    }

    /// The next call, spread over days and hours so that the wanted cases come within the year.
    fn call(&mut self) -> Moment {
        let at = Timestamp(self.next_call);
        let hour = usize::try_from((self.next_call / HOUR + 2).rem_euclid(24)).unwrap();
        let calls = self.wanted as f64 * 1_000.0 / f64::from(1_000 - WITHOUT_CASE);
        let an_hour = calls / DAYS as f64 * f64::from(BY_HOUR[hour]) / 1_000.0;
        let gap = -self.rng.random::<f64>().max(1e-9).ln() * HOUR as f64 / an_hour.max(0.01);
        self.next_call += (gap as i64).clamp(1, 12 * HOUR);
        let mut contact = self.contact(at);
        let recorded = self.recorded(&contact);
        contact.recording = recorded.as_ref().map(|recorded| recorded.id);
        let drafts = told_of(&contact, recorded.as_ref());
        let mut moment = Moment { drafts, recorded, ..Moment::default() };
        if let Some(queued_at) = contact.queued_at {
            let (case, events) = self.registered(&contact, queued_at);
            contact.case = Some(case.number.clone());
            self.change(&mut moment, None, case.clone(), &events, &Actor::system("switchboard"), queued_at);
            moment.drafts.iter_mut().for_each(|draft| draft.contact = Some(contact.id));
            // The watch finds the citizen's promise within seconds.
            let found_at = queued_at.plus(std::time::Duration::from_secs(5));
            let (promised, events) = case.clone().watch(&self.plan, found_at);
            self.change(
                &mut moment,
                Some(&case),
                promised.clone(),
                &events,
                &Actor::system("clocks"),
                found_at,
            );
            self.cases += 1;
            let index = self.cases;
            self.underway.insert(index, Underway { case: promised, orders: Vec::new() });
            let soon = if contact.connected_at.is_some() { 200 } else { 2_000 } * SECOND;
            let wait = soon + self.rng.random_range(0..soon);
            self.waiting.push(Reverse((queued_at.micros() + wait, index)));
        }
        moment.contact = Some(contact);
        moment
    }

    fn contact(&mut self, at: Timestamp) -> Contact {
        let after = |seconds: u64| at.plus(std::time::Duration::from_secs(seconds));
        // A tenth of the telephones makes a third of the calls.
        let few = self.rng.random_range(0..3) == 0;
        let caller = self.rng.random_range(0..if few { CALLERS / 10 } else { CALLERS });
        let mut contact = Contact::offered(
            ContactId(self.id(at)),
            at,
            PhoneNumber::from_user_part(&format!("+38050{caller:07}")),
            PhoneNumber::from_user_part("1580"),
            "city".to_owned(),
            String::new(),
        );
        let language = match self.rng.random_range(0..100) {
            0..72 => Language::Uk,
            72..86 => Language::Ru,
            86..92 => Language::En,
            92..96 => Language::Pl,
            96..98 => Language::He,
            _ => Language::Lt,
        };
        contact.language = Some(language);
        contact.answered_at = Some(after(1));
        contact.ivr_path = vec!["welcome".to_owned(), "topics".to_owned()];
        contact.sip_call_id = contact.id.to_string();
        let mut ended = after(self.rng.random_range(15..60));
        contact.disposition = Some(Disposition::Consultation);
        if self.rng.random_range(0..1_000) >= WITHOUT_CASE {
            contact.queued_at = Some(after(22));
            contact.queue = Some("general".to_owned());
            let wait = (-self.rng.random::<f64>().max(1e-9).ln() * 14.0) as u64;
            if wait < 75 {
                contact.connected_at = Some(after(22 + wait));
                contact.operator = Some(UserId(Uuid::from_u128(1 + self.rng.random_range(0..OPERATORS))));
                contact.disposition = Some(Disposition::CaseCreated);
                ended = after(22 + wait + self.rng.random_range(40..400));
            } else {
                contact.disposition = Some(Disposition::Abandoned);
                ended = after(22 + 75 + self.rng.random_range(0..60));
            }
        }
        contact.ended_at = Some(ended);
        contact.termination = Some(Termination::CallerHungUp);
        contact
    }

    /// Its sound, where there is some left.
    fn recorded(&mut self, contact: &Contact) -> Option<Recorded> {
        let id = RecordingId(self.id(contact.offered_at));
        self.sounds.as_mut()?.next(contact.id.0, id, contact.answered_at?)
    }

    /// The sounds have what they need no more.
    pub fn finish(&self) {
        self.sounds.iter().for_each(Sounds::finish);
    }

    fn registered(&mut self, contact: &Contact, at: Timestamp) -> (Case, Vec<CaseEvent>) {
        let year = chrono::Datelike::year(&at.utc());
        if year != self.year {
            (self.year, self.sequence) = (year, 0);
        }
        self.sequence += 1;
        // Half of all is about a few things.
        let index = self.rng.random_range(0..self.categories.len());
        let index = index.min(self.rng.random_range(0..self.categories.len()));
        let draft = CaseDraft {
            contact: Some(contact.id),
            category: self.categories[index].clone(),
            language: contact.language.unwrap_or(Language::Uk),
            priority: if self.rng.random_range(0..40) == 0 { Priority::Urgent } else { Priority::Normal },
            applicant: Applicant {
                identity: IdentityLevel::CallerNumber,
                number: Some(contact.caller.clone()),
                name: None,
            },
            place: Some(self.place()),
            description: "Немає води з самого ранку, прошу перевірити стояк у під'їзді".to_owned(),
            ivr_path: contact.ivr_path.clone(),
        };
        Case::register(draft, CaseNumber::new(year, "01", self.sequence), at)
    }

    fn place(&mut self) -> Place {
        let (territory, key, street) = self.streets[self.rng.random_range(0..self.streets.len())].clone();
        let house = self.rng.random_range(1..=HOUSES);
        let point = Point::from_degrees(
            50.4 + f64::from(self.rng.random_range(0..200_000_u32)) / 1e6,
            30.4 + f64::from(self.rng.random_range(0..300_000_u32)) / 1e6,
        );
        let site = Site {
            key,
            street: street.clone(),
            settlement: None,
            house: Some(house.to_string()),
            flat: None,
            in_register: true,
            point,
            holder: None,
        };
        Place { address: format!("{street}, {house}"), territory: Some(territory), site: Some(site) }
    }

    /// The next step of the case that is due.
    fn advance(&mut self, index: u64, at: Timestamp) -> Moment {
        let mut moment = Moment::default();
        let Some(Underway { case, mut orders }) = self.underway.remove(&index) else { return moment };
        let before = case.clone();
        let (outcome, by) = self.step(case, at);
        // What the city plan refuses, as with nobody in charge at night, is tried again in the morning.
        let Ok((after, events)) = outcome else {
            self.underway.insert(index, Underway { case: before, orders });
            self.waiting.push(Reverse((at.micros() + 12 * HOUR, index)));
            return moment;
        };
        for order in WorkOrder::after(&after, orders.last().cloned(), &events, at) {
            orders.retain(|known| known.id != order.id);
            orders.push(order);
        }
        self.change(&mut moment, Some(&before), after.clone(), &events, &by, at);
        let wait = self.wait(&after);
        let underway = Underway { case: after, orders };
        match wait {
            Some(wait) => {
                self.waiting.push(Reverse((at.micros() + wait, index)));
                self.underway.insert(index, underway);
            }
            None => moment.over = Some(underway),
        }
        moment
    }

    /// What the next one to act does.
    fn step(&mut self, case: Case, at: Timestamp) -> (Transition, Actor) {
        let operator = Actor::person(Role::Operator, UserId(Uuid::from_u128(3)), None);
        let control = Actor::person(Role::Control, UserId(Uuid::from_u128(900)), None);
        let executor = Actor::person(
            Role::Executor,
            UserId(Uuid::from_u128(901)),
            case.state.executor().map(str::to_owned),
        );
        let dice = self.rng.random_range(0..100);
        match &case.state {
            CaseState::Registered if dice < 18 && case.cycle == 1 && case.bounces == 0 => {
                (case.explain("За графіком", &operator, at), operator)
            }
            CaseState::Registered => {
                let order = WorkOrderId(self.id(at));
                let by = if case.bounces > 1 { control } else { operator };
                let assignment = route(&self.plan, &case, order, at);
                match assignment {
                    Ok(assignment) => (case.assign(assignment, &by, at), by),
                    Err(_) => (case.explain("Не в плані міста", &by, at), by),
                }
            }
            CaseState::Assigned { .. } if dice < 4 => {
                (case.decline("Не наша мережа", &executor, at), executor)
            }
            CaseState::Assigned { .. } => (case.accept(&executor, at), executor),
            CaseState::Accepted { .. } => (case.start(&executor, at), executor),
            CaseState::InProgress { order, .. } => {
                let shown = ["before", "after"].map(|role| EvidenceRef {
                    id: EvidenceId(Uuid::from_u128(9)),
                    order: *order,
                    role: role.to_owned(),
                    content_type: "image/jpeg".to_owned(),
                    length: 90_000,
                    sha256: Sha256::of(role.as_bytes()),
                    received_at: at,
                    cycle: case.cycle,
                });
                let rule = self.plan.evidence_rule(&case.category).cloned();
                let report = WorkReport { result: "Замінено ділянку труби".to_owned() };
                (case.report_work(report, &shown, rule.as_ref(), &executor, at), executor)
            }
            CaseState::WorkReported { .. } if dice < 5 => {
                (case.reject_evidence("Інший будинок", &control, at), control)
            }
            CaseState::WorkReported { .. } => (case.accept_evidence(&control, at), control),
            CaseState::Verification { .. } => self.verify(case, at),
            CaseState::Explained { code, .. } => {
                let (code, rule) = (*code, self.plan.verify_rule().clone());
                if case.is_heard() {
                    return (case.close(code, &rule, &operator, at), operator);
                }
                let told = tell(&case, true, None, at);
                (case.tell(told, &operator, at), operator)
            }
            CaseState::Closed { code, .. } if code.is_fixed() => self.reopen(case, at),
            _ => (Ok((case, Vec::new())), operator),
        }
    }

    /// The applicant is asked, until there is an answer or the attempts are used up.
    fn verify(&mut self, case: Case, at: Timestamp) -> (Transition, Actor) {
        let control = Actor::person(Role::Control, UserId(Uuid::from_u128(900)), None);
        let rule = self.plan.verify_rule().clone();
        let dice = self.rng.random_range(0..100);
        let told = |delivered, confirmed| tell(&case, delivered, confirmed, at);
        let attempts = case.told.iter().filter(|told| told.cycle == case.cycle).count();
        let last = case.told.iter().rev().find(|told| told.cycle == case.cycle);
        if last.is_some_and(|told| told.confirmed == Some(true)) {
            return (case.close(ClosingCode::FixedConfirmed, &rule, &control, at), control);
        }
        if attempts > 3 && last.is_some_and(|told| told.confirmed.is_none()) {
            return (case.close(ClosingCode::FixedUnconfirmed, &rule, &control, at), control);
        }
        let told = match dice {
            0..62 => told(true, Some(true)),
            62..69 => told(true, Some(false)),
            _ => told(false, None),
        };
        let caller = Actor::system("verification");
        (case.tell(told, &caller, at), caller)
    }

    fn reopen(&mut self, case: Case, at: Timestamp) -> (Transition, Actor) {
        let operator = Actor::person(Role::Operator, UserId(Uuid::from_u128(3)), None);
        let order = WorkOrderId(self.id(at));
        let Ok(assignment) = reroute(&self.plan, &case, order, at) else {
            return (Ok((case, Vec::new())), operator);
        };
        let rule = self.plan.reopen_rule().clone();
        (case.reopen(assignment, &rule, ReopenCause::Applicant, "Знову тече", &operator, at), operator)
    }

    /// Microseconds until somebody moves the case again; none when it is over.
    fn wait(&mut self, case: &Case) -> Option<i64> {
        let hours = |rng: &mut StdRng, mean: f64| {
            (-rng.random::<f64>().max(1e-9).ln() * mean * HOUR as f64) as i64 + SECOND
        };
        Some(match &case.state {
            CaseState::Registered => hours(&mut self.rng, 1.0),
            CaseState::Assigned { .. } => hours(&mut self.rng, 2.0),
            CaseState::Accepted { .. } => hours(&mut self.rng, 12.0),
            CaseState::InProgress { .. } => hours(&mut self.rng, 30.0),
            CaseState::WorkReported { .. } => hours(&mut self.rng, 5.0),
            CaseState::Verification { .. } => hours(&mut self.rng, 9.0),
            CaseState::Explained { .. } => hours(&mut self.rng, 0.5),
            CaseState::Closed { code, .. } if code.is_fixed() && case.cycle == 1 => {
                if self.rng.random_range(0..100) >= 4 {
                    return None;
                }
                hours(&mut self.rng, 100.0).min(20 * DAY)
            }
            _ => return None,
        })
    }

    /// Entries, steps and standing of one change, as the store makes them.
    fn change(
        &self,
        moment: &mut Moment,
        before: Option<&Case>,
        after: Case,
        events: &[CaseEvent],
        by: &Actor,
        at: Timestamp,
    ) {
        let drafts: Vec<Draft> =
            events.iter().filter_map(|event| Draft::from_case_event(event, &after, by, at)).collect();
        moment.steps.extend(Step::of_change(before, &after, &drafts));
        let standing = Standing::of(&after, at);
        if !drafts.is_empty() && before.is_none_or(|before| !standing.is_same(&Standing::of(before, at))) {
            moment.standings.push(standing);
        }
        moment.drafts.extend(drafts);
    }
}

fn tell(case: &Case, delivered: bool, confirmed: Option<bool>, at: Timestamp) -> Told {
    Told {
        at,
        language: case.language,
        channel: TellingChannel::Voice,
        delivered,
        confirmed,
        cycle: case.cycle,
        whom: None,
        contact: None,
        notification: None,
    }
}

/// What the journal tells of the call.
fn told_of(contact: &Contact, recorded: Option<&Recorded>) -> Vec<Draft> {
    let of = |event, at: Option<Timestamp>, data| {
        let mut draft = Draft::new(event, at?, Actor::system("switchboard"));
        (draft.contact, draft.case, draft.data) = (Some(contact.id), contact.case.clone(), data);
        Some(draft)
    };
    let offered = json!({ "caller": contact.caller, "called": contact.called, "origin": contact.origin });
    let language = json!({ "language": contact.language });
    let queued = json!({ "queue": contact.queue, "language": contact.language, "urgent": false });
    let connected = json!({ "operator": contact.operator, "queue": contact.queue });
    let disposed = json!({ "disposition": contact.disposition, "language": contact.language });
    let entered = |node: &str| json!({ "step": "entered", "node": node });
    let path = recorded.map_or_else(|| contact.id.to_string(), |recorded| recorded.path.clone());
    let unsealed = || json!({ "frames": 480_000, "result": "ok" });
    let sealed = recorded.map_or_else(unsealed, |recorded| recorded.sealed.clone());
    let after = |seconds| Some(contact.offered_at.plus(std::time::Duration::from_secs(seconds)));
    [
        of(EventType::ContactOffered, Some(contact.offered_at), offered),
        of(EventType::ContactAnswered, contact.answered_at, json!({})),
        of(EventType::RecStarted, contact.answered_at, json!({ "path": path })),
        of(EventType::IvrEntered, contact.answered_at, entered("welcome")),
        of(EventType::IvrLanguageChosen, after(9), language),
        of(EventType::IvrEntered, after(10), entered("topics")),
        of(EventType::ContactQueued, contact.queued_at, queued),
        of(EventType::ContactConnected, contact.connected_at, connected),
        of(EventType::ContactEnded, contact.ended_at, json!({ "termination": contact.termination })),
        of(EventType::RecSealed, contact.ended_at, sealed),
        of(EventType::ContactDisposed, contact.ended_at, disposed),
    ]
    .into_iter()
    .flatten()
    .collect()
}
