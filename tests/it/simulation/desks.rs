//! The operators' side: their telephones register, lose power, forget calls and come back; their owners take breaks. And
//! the reference model of a desk in its plainest form: the telephone itself knows whether it rings or talks, and the desk
//! may say otherwise for [`LONGEST_WRONG`] at most.

use std::time::{Duration, Instant};

use rand::RngExt;

use ringback::acd::OperatorStatus;
use ringback::media::Exchange;
use ringback::sip::message::Response;
use ringback::sip::registration::{Output, Registration};
use ringback::softphone::Account;
use ringback::softphone::line::Line;
use ringback::switchboard::{Command, Snapshot};

use super::city::service;
use super::people::{Role, SECOND_LINE, later, millis};
use super::world::{Happening, TICK, World};

/// No operator is shown in a state that is not theirs for longer.
const LONGEST_WRONG: Duration = Duration::from_secs(5);

impl World {
    /// Every operator's telephone registers; readiness is asked for whenever it is missing.
    pub(super) fn sign_operators_in(&mut self) {
        let operators: Vec<(usize, String)> = (0..self.people.len())
            .filter_map(|person| Some((person, self.account(person)?.extension)))
            .collect();
        for (person, extension) in operators {
            self.begin_registration(person);
            if extension != SECOND_LINE {
                self.agenda.add(self.now.mono, Happening::Ready { person });
            }
        }
        while self.people.iter().any(|person| person.registration.is_some()) {
            self.run_for(TICK);
        }
    }

    fn account(&self, person: usize) -> Option<Account> {
        let Role::Operator { extension, .. } = &self.people[person].role else { return None };
        Some(Account { extension: extension.clone(), password: extension.clone(), registrar: service() })
    }

    pub(super) fn begin_registration(&mut self, person: usize) {
        let Some(account) = self.account(person) else { return };
        let line = &mut self.people[person].line;
        let registration = account.registration(line.local(), line.mint().seed(), self.now.mono);
        self.register(person, registration);
    }

    pub(super) fn go_on_registering(&mut self, person: usize, response: &Response) {
        let Some(mut registration) = self.people[person].registration.take() else { return };
        registration.handle_response(response, self.now.mono);
        self.register(person, registration);
    }

    /// Until the registrar says 200; the transaction layer sees lost datagrams through.
    fn register(&mut self, person: usize, mut registration: Registration) {
        match registration.poll_output().unwrap() {
            Output::Send { request, server } => {
                let time = self.now;
                self.people[person].line.send(*request, server.flow, time).unwrap();
                self.people[person].registration = Some(registration);
                self.serve_person(person);
            }
            Output::Registered { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Whether something happens to an operator's telephone before `until`.
    pub(super) fn draw_trouble(&mut self, person: usize, until: Instant) {
        let at = self.now.mono + (until - self.now.mono).mul_f64(self.rng.random_range(0.1..1.0));
        if self.rng.random_bool(self.plan.crashes) {
            self.seen.crashed += 1;
            self.agenda.add(at, Happening::Vanish { person });
            let back = at + millis(&mut self.rng, 500, 25_000);
            self.agenda.add(back, Happening::Restart { person, registers: true });
        } else if self.rng.random_bool(self.plan.lost_byes) {
            self.seen.forgot += 1;
            self.agenda.add(at, Happening::Restart { person, registers: false });
        }
    }

    pub(super) fn restart(&mut self, person: usize, registers: bool) {
        let seed = self.rng.random();
        let it = &mut self.people[person];
        it.line = Line::new(it.line.local(), seed);
        it.media = Exchange::new();
        (it.leg, it.ringing, it.answer, it.registration) = (None, None, None, None);
        it.wakes_at = None;
        // Whatever its owner was about to do with the call is about nothing now.
        it.rung += 1;
        it.vanished = false;
        if registers {
            self.begin_registration(person);
        }
    }

    /// The owner looks at the desk: ready again, or off for a break.
    pub(super) fn ask_for_readiness(&mut self, person: usize) {
        let Role::Operator { user, .. } = self.people[person].role else { return };
        let snapshot = self.board.snapshot(self.now);
        let status = snapshot.operators.iter().find(|operator| operator.id == user).map(|it| &it.status);
        let command = match status {
            Some(OperatorStatus::NotReady { .. }) => Some(Command::SetReady { operator: user }),
            Some(OperatorStatus::Ready | OperatorStatus::Offered { .. })
                if self.rng.random_bool(self.plan.breaks) =>
            {
                self.seen.breaks += 1;
                Some(Command::SetNotReady { operator: user, reason: "break".to_owned() })
            }
            _ => None,
        };
        if let Some(command) = command {
            self.board.handle_command(command, self.now).unwrap();
            self.carry_out();
        }
        let again = later(self.now.mono, &mut self.rng, 1_000, 4_000);
        self.agenda.add(again, Happening::Ready { person });
    }

    /// Nobody can know what a telephone without power would say; once it is back, it can be asked.
    pub(super) fn check_phones(&mut self, snapshot: &Snapshot) {
        for person in &self.people {
            let Role::Operator { user, .. } = person.role else { continue };
            let operator = snapshot.operators.iter().find(|operator| operator.id == user).unwrap();
            let (rings, talks) = (person.line.is_ringing(), person.line.leg().is_some());
            let agree = person.vanished
                || match operator.status {
                    // A phone that lost power while it rang is rung in vain until the ring timeout.
                    OperatorStatus::Offered { .. } => true,
                    OperatorStatus::Talking { .. } => talks,
                    _ => !rings && !talks,
                };
            if agree {
                self.wrong_since.remove(&user);
                continue;
            }
            let since = *self.wrong_since.entry(user).or_insert(self.now.mono);
            let wrong = self.now.mono - since;
            self.seen.longest_wrong = self.seen.longest_wrong.max(wrong);
            assert!(
                wrong <= LONGEST_WRONG,
                "operator {} is {:?} for {wrong:?}, but the telephone rings: {rings}, talks: {talks}",
                operator.extension,
                operator.status
            );
        }
    }
}
