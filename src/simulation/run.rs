//! The simulated city: callers who choose, wait, hang up and call again, operators who come, pick up and talk, citizens
//! who are rung back. Decisions are the real queue's; here is only what people do, and when. Time is microseconds from the
//! beginning and jumps to whatever is next.

mod line;
mod people;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::arrivals::About;
use super::count::{Count, LOOK_EVERY, Look};
use super::staffing::MOST_OPERATORS;
use super::{QUEUE, Setting};
use crate::acd::{Distributor, OperatorStatus, Output};
use crate::calendar::{Calendar, DayHours, Week};
use crate::callback::{self, CallBacks};
use crate::ids::{ContactId, UserId};
use crate::language::Language;
use crate::time::Now;

const HOUR: Duration = Duration::from_secs(3_600);
/// The highest rate is taken over this time: what a machine must bear for longer than a moment.
const PEAK_OVER: Duration = Duration::from_secs(10);

/// What is going to happen.
#[derive(Clone, Copy, Debug)]
enum Next {
    Calls {
        about: About,
    },
    CallsAgain {
        about: About,
        language: Language,
        tries: u8,
    },
    LeavesMenu(ContactId),
    LosesPatience(ContactId),
    PicksUp(ContactId, UserId),
    HangsUp(ContactId, UserId),
    /// The phone of somebody who is rung back has rung for long enough.
    CitizenRung(ContactId, UserId),
    ShiftBegins,
    Looks,
}

#[derive(Clone, Copy, Debug)]
struct Caller {
    about: About,
    language: Language,
    /// Calls before this one.
    tries: u8,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Menu,
    Waiting { since: Duration },
    Talking,
}

/// What an operator has been since when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Duty {
    Off,
    Idle,
    Busy,
}

struct City<'a> {
    setting: &'a Setting,
    began: Now,
    at: Duration,
    dice: StdRng,
    acd: Distributor,
    call_backs: CallBacks,
    /// By moment, then in the order it was decided.
    agenda: BTreeMap<(Duration, u64), Next>,
    decided: u64,
    /// Those on the line: in the menu, waiting, talking.
    callers: HashMap<ContactId, Caller>,
    /// Places held in the line for citizens who are rung back.
    held: BTreeSet<ContactId>,
    /// Talks with citizens who were rung back.
    rung_back: BTreeSet<ContactId>,
    duties: BTreeMap<UserId, (Duty, Duration)>,
    /// Operators at work in this hour.
    shift: u32,
    contacts: u128,
    in_menu: usize,
    waiting: usize,
    calls_at_look: u64,
    /// Calls of the running tenth of a minute, and when it began.
    recent: (u64, Duration),
    count: Count,
}

/// Simulates `setting`; `began` is any moment, only its clocks' distance counts, and its date for the hours in which
/// citizens may be rung.
pub fn simulate(setting: &Setting, began: Now) -> Count {
    let mut city = City::new(setting, began);
    city.open();
    while city.step() {}
    city.close();
    city.count
}

impl<'a> City<'a> {
    fn new(setting: &'a Setting, began: Now) -> Self {
        let mut call_backs = CallBacks::default();
        let hours = Calendar::weekly("UTC", Week::ALL, DayHours::from_hour_to_hour(9, 20), BTreeSet::new());
        call_backs.configure(hours.ok().filter(|_| setting.relief.takes_call_back.is_some()).map(|hours| {
            let retry_after = Duration::from_secs(900);
            callback::Policy { hours, attempts: 3, retry_after, abandoned_after: None }
        }));
        Self {
            setting,
            began,
            at: Duration::ZERO,
            dice: StdRng::seed_from_u64(setting.seed),
            acd: Distributor::new(vec![setting.queue.clone()]),
            call_backs,
            agenda: BTreeMap::new(),
            decided: 0,
            callers: HashMap::new(),
            held: BTreeSet::new(),
            rung_back: BTreeSet::new(),
            duties: BTreeMap::new(),
            shift: 0,
            contacts: 0,
            in_menu: 0,
            waiting: 0,
            calls_at_look: 0,
            recent: (0, Duration::ZERO),
            count: Count::default(),
        }
    }

    fn mono(&self) -> Instant {
        self.began.mono + self.at
    }

    fn now(&self) -> Now {
        self.began.plus(self.at)
    }

    fn plan(&mut self, after: Duration, next: Next) {
        self.decided += 1;
        self.agenda.insert((self.at + after, self.decided), next);
    }

    fn open(&mut self) {
        self.hire();
        self.begin_shift();
        self.drain();
        self.plan(LOOK_EVERY, Next::Looks);
        self.expect_call();
    }

    /// One event: of the agenda, or a deadline of the queue. False when the time is over.
    fn step(&mut self) -> bool {
        let planned = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let deadlines = [self.acd.poll_timeout(), self.call_backs.poll_timeout()];
        let due =
            deadlines.into_iter().flatten().min().map(|at| at.saturating_duration_since(self.began.mono));
        let Some(at) = [planned, due].into_iter().flatten().min().filter(|at| *at < self.setting.length)
        else {
            return false;
        };
        self.at = at.max(self.at);
        if planned == Some(at) {
            if let Some((_, next)) = self.agenda.pop_first() {
                self.happen(next);
            }
        } else {
            self.acd.handle_timeout(self.mono());
        }
        self.drain();
        self.hold_due_places();
        true
    }

    fn happen(&mut self, next: Next) {
        match next {
            Next::Calls { about } => {
                let language = self.some_language();
                self.call(about, language, 0);
                self.expect_call();
            }
            Next::CallsAgain { about, language, tries } => self.call(about, language, tries),
            Next::LeavesMenu(contact) => self.leave_menu(contact),
            Next::LosesPatience(contact) => self.lose_patience(contact),
            Next::PicksUp(contact, operator) => self.pick_up(contact, operator),
            Next::HangsUp(contact, operator) => self.hang_up(contact, operator),
            Next::CitizenRung(contact, operator) => self.citizen_rung(contact, operator),
            Next::ShiftBegins => self.begin_shift(),
            Next::Looks => self.look(),
        }
    }

    /// Does what the queue wants done.
    fn drain(&mut self) {
        while let Some(output) = self.acd.poll_output() {
            match output {
                Output::Offer { contact, operator } => {
                    let after = self.until_picked_up();
                    self.plan(after, Next::PicksUp(contact, operator));
                }
                Output::StatusChanged { operator, status } => self.note_duty(operator, &status),
                Output::Overflow { contact } => self.turn_away(contact),
                Output::SurgeChanged { on, .. } => self.count.surges += u64::from(on),
                // Who picks up in vain is told so then; nobody needs announcements to wait.
                Output::WithdrawOffer { .. }
                | Output::AnnouncePosition { .. }
                | Output::WrapUpEnded { .. } => {}
            }
        }
    }

    fn note_duty(&mut self, operator: UserId, status: &OperatorStatus) {
        let duty = match status {
            OperatorStatus::LoggedOut | OperatorStatus::NotReady { .. } => Duty::Off,
            OperatorStatus::Ready => Duty::Idle,
            OperatorStatus::Offered { .. }
            | OperatorStatus::Talking { .. }
            | OperatorStatus::WrapUp { .. } => Duty::Busy,
        };
        let before = self.duties.insert(operator, (duty, self.at));
        self.count_duty(before);
    }

    fn count_duty(&mut self, of: Option<(Duty, Duration)>) {
        let Some((duty, since)) = of.filter(|(duty, _)| *duty != Duty::Off) else { return };
        let spent = (self.at - since).as_secs_f64();
        self.count.staffed_secs += spent;
        self.count.busy_secs += if duty == Duty::Busy { spent } else { 0.0 };
    }

    fn look(&mut self) {
        let look = Look {
            at: self.at,
            rate: (self.count.calls - self.calls_at_look) as f64 / LOOK_EVERY.as_secs_f64(),
            ..self.glance()
        };
        self.calls_at_look = self.count.calls;
        self.count.looks.push(look);
        self.plan(LOOK_EVERY, Next::Looks);
    }

    fn glance(&self) -> Look {
        Look {
            at: self.at,
            rate: 0.0,
            in_menu: self.in_menu,
            waiting: self.waiting,
            talking: self.callers.len() - self.in_menu - self.waiting + self.rung_back.len(),
            listed: self.call_backs.len(),
            operators: self.shift,
        }
    }

    /// Keeps the most there was of each.
    fn note_most(&mut self) {
        let (glance, most) = (self.glance(), &mut self.count.most);
        if glance.on_air() > most.on_air() {
            (most.at, most.in_menu, most.waiting, most.talking) =
                (glance.at, glance.in_menu, glance.waiting, glance.talking);
        }
        most.listed = most.listed.max(glance.listed);
        most.operators = most.operators.max(glance.operators);
        if self.at >= self.recent.1 + PEAK_OVER {
            most.rate = most.rate.max(self.recent.0 as f64 / (self.at - self.recent.1).as_secs_f64());
            self.recent = (0, self.at);
        }
    }

    /// The time is over: what operators did until then counts.
    fn close(&mut self) {
        self.at = self.setting.length;
        let duties: Vec<_> = self.duties.values().copied().collect();
        duties.into_iter().for_each(|duty| self.count_duty(Some(duty)));
    }

    /// Operators of the hour that begins.
    fn wanted(&self) -> u32 {
        let hours = &self.setting.operators;
        let hour = usize::try_from(self.at.as_secs() / HOUR.as_secs()).unwrap_or(0);
        hours.get(hour % hours.len().max(1)).copied().unwrap_or(0).min(MOST_OPERATORS)
    }

    fn contact(&mut self) -> ContactId {
        self.contacts += 1;
        ContactId(uuid::Uuid::from_u128(self.contacts))
    }
}
