//! A witness beside a case: sees what was tried, by whom and when, and keeps count of what the invariants ask for from
//! the inputs alone, never from the case's own bookkeeping. Whatever the machine lets through is held against that.

use std::collections::{BTreeMap, BTreeSet};

use super::steps::CO_EXECUTOR;
use super::*;
use crate::case::replay::Replayed;
use crate::journal::Draft;
use crate::people::ActorKind;

/// What is tried, with what matters of its input.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Tried {
    Report {
        proven: bool,
    },
    AcceptEvidence,
    Answer,
    ForwardTakenOver,
    Tell {
        whom: Option<String>,
        delivered: bool,
        confirmed: Option<bool>,
    },
    Inspect {
        passed: bool,
    },
    Withdraw {
        with_call: bool,
    },
    Reopen,
    Absorb {
        from: String,
    },
    /// An order goes out, to one executor or to two.
    Issue {
        shared: bool,
    },
    /// By whoever has the part.
    Part(PartState),
    GivePart {
        from: &'static str,
        to: Option<&'static str>,
    },
    Attach,
    /// Out of the incident it waited for.
    Detach,
    /// The incident's work is over, and this case waited for it.
    Restored,
    /// The official has received the applicant.
    Receive,
    Other,
}

#[derive(Clone, Debug, Default)]
struct Attempts {
    moments: Vec<Timestamp>,
    reached: bool,
    confirmed: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Witness {
    rule: VerifyRule,
    proven: bool,
    accepted: bool,
    inspected: bool,
    own: Attempts,
    joined: Vec<(String, Attempts)>,
    /// State of each part of the order that went out last.
    parts: BTreeMap<String, PartState>,
    /// An incident has the work.
    waits: bool,
    first_deadline: Option<Timestamp>,
    reopenings: u16,
    ups: u8,
    replayed: Replayed,
    last_at: Timestamp,
}

impl Witness {
    pub(super) fn of(case: &Case, events: &[CaseEvent], rule: VerifyRule, at: Timestamp) -> Self {
        let mut replayed = Replayed::default();
        events.iter().for_each(|event| replayed.apply(event.name, &event.data));
        assert_eq!(replayed.difference(case), None);
        Self {
            rule,
            proven: false,
            accepted: false,
            inspected: false,
            own: Attempts::default(),
            joined: Vec::new(),
            parts: BTreeMap::new(),
            waits: false,
            first_deadline: None,
            reopenings: 0,
            ups: 0,
            replayed,
            last_at: at,
        }
    }

    /// One step that the machine let through.
    pub(super) fn see(
        &mut self,
        tried: &Tried,
        before: &Case,
        (after, events): (&Case, &[CaseEvent]),
        by: &Actor,
        at: Timestamp,
    ) {
        let step = format!("{tried:?} by {by:?}: {} -> {}", before.state.name(), after.state.name());
        assert!(at >= self.last_at, "{step}");
        self.last_at = at;
        self.judge_judges(tried, before, after, by, &step);
        self.count(tried, by, at);
        self.judge_closing(tried, before, after, by, &step);
        if !matches!(after.state.name(), "work_reported" | "verification" | "closed" | "archived") {
            self.proven = false;
            self.accepted = false;
        }
        self.check_row(after, &step);
        for event in events {
            self.replayed.apply(event.name, &event.data);
            let entry = Draft::from_case_event(event, after, by, at);
            let entry = entry.unwrap_or_else(|| panic!("{step}: {} is not in the vocabulary", event.name));
            let text = format!("{} {}", entry.data, entry.reason.unwrap_or_default());
            for secret in ["380441234567", "380502223344", "Марія", "Шевченка", "Тече"] {
                assert!(!text.contains(secret), "{step}: {text}");
            }
        }
        assert_eq!(self.replayed.difference(after), None, "{step}: the entries tell another story");
        if after.state.name() == "work_reported" && before.state.name() != "work_reported" {
            assert!(self.proven, "{step}: done without the evidence that is demanded");
            let is_whole = self.parts.values().all(|part| *part == PartState::Reported);
            assert!(is_whole, "{step}: done with {:?}", self.parts);
        }
        if after.state.name() == "verification" && before.state.name() != "verification" {
            assert!(self.proven && self.accepted, "{step}");
        }
    }

    fn count(&mut self, tried: &Tried, by: &Actor, at: Timestamp) {
        match tried {
            Tried::Report { proven } => self.proven = *proven,
            Tried::AcceptEvidence => {
                self.accepted = true;
                self.forget_results();
            }
            Tried::Answer | Tried::ForwardTakenOver => self.forget_results(),
            Tried::Tell { whom, delivered, confirmed } => {
                let attempts = match whom {
                    None => &mut self.own,
                    Some(from) => &mut self.joined.iter_mut().find(|(known, _)| known == from).unwrap().1,
                };
                attempts.moments.push(at);
                attempts.reached |= delivered;
                attempts.confirmed |= *confirmed == Some(true);
                if *confirmed == Some(false) {
                    self.ups += 1;
                    self.back_to_work();
                }
            }
            Tried::Inspect { passed } => {
                self.inspected = *passed;
                if !passed {
                    self.ups += 1;
                    self.back_to_work();
                }
            }
            Tried::Reopen => {
                self.reopenings += 1;
                self.ups += 1;
                self.back_to_work();
                self.parts.clear();
                self.waits = false;
            }
            Tried::Absorb { from } => self.joined.push((from.clone(), Attempts::default())),
            Tried::Issue { .. } | Tried::Part(_) | Tried::GivePart { .. } => self.count_parts(tried, by),
            Tried::Attach | Tried::Detach | Tried::Restored => self.count_stay(tried, by),
            Tried::Receive => {
                self.forget_results();
                self.own.moments.push(at);
                self.own.reached = true;
            }
            Tried::Withdraw { .. } | Tried::Other => {}
        }
    }

    fn count_parts(&mut self, tried: &Tried, by: &Actor) {
        match tried {
            Tried::Issue { shared } => {
                let asked = shared.then(|| (CO_EXECUTOR.to_owned(), PartState::Asked));
                self.parts = asked.into_iter().collect();
            }
            Tried::Part(state) => {
                let own = by.organisation.as_ref().and_then(|own| self.parts.get_mut(own));
                *own.unwrap_or_else(|| panic!("{by:?} has no part")) = *state;
            }
            Tried::GivePart { from, to } => {
                assert!(self.parts.remove(*from).is_some_and(|state| state != PartState::Reported));
                self.parts.extend(to.map(|to| (to.to_owned(), PartState::Asked)));
            }
            _ => {}
        }
    }

    fn count_stay(&mut self, tried: &Tried, by: &Actor) {
        match tried {
            Tried::Attach => self.waits = true,
            Tried::Detach => self.waits = false,
            Tried::Restored => {
                assert!(self.waits && by.kind == ActorKind::System, "{by:?}");
                self.waits = false;
                self.parts.clear();
                self.forget_results();
                // Control said that the incident is over; the applicants are asked all the same.
                (self.proven, self.accepted) = (true, true);
            }
            _ => {}
        }
    }

    fn back_to_work(&mut self) {
        self.proven = false;
        self.accepted = false;
        self.forget_results();
    }

    /// What is told now is another result than what was told before.
    fn forget_results(&mut self) {
        self.inspected = false;
        self.own = Attempts::default();
        self.joined.iter_mut().for_each(|(_, attempts)| *attempts = Attempts::default());
    }

    fn is_told(&self, attempts: &Attempts) -> bool {
        attempts.reached || self.gave_up(attempts)
    }

    fn gave_up(&self, attempts: &Attempts) -> bool {
        let days: BTreeSet<_> = attempts.moments.iter().map(|at| self.rule.clock.date_of(*at)).collect();
        attempts.moments.len() >= self.rule.attempts && days.len() >= self.rule.on_days
    }

    /// Invariant 3 for those who did a part of the work: they judge, tell, merge and close nothing of it.
    fn judge_judges(&self, tried: &Tried, before: &Case, after: &Case, by: &Actor, step: &str) {
        let is_judged = match tried {
            Tried::AcceptEvidence | Tried::Inspect { .. } => true,
            Tried::Tell { .. } => before.state.name() == "verification",
            _ => before.state.order().is_some() && !after.state.is_open(),
        };
        let has_part = by.organisation.as_ref().is_some_and(|own| self.parts.contains_key(own));
        assert!(!(is_judged && has_part), "{step}: by somebody who had a part in it");
    }

    /// Invariants 3 and 4, and what each code claims.
    fn judge_closing(&self, tried: &Tried, before: &Case, after: &Case, by: &Actor, step: &str) {
        let Some((code, _)) = after.state.closing().filter(|_| before.state.is_open()) else { return };
        assert_ne!(by.kind, ActorKind::Executor, "{step}");
        let is_theirs = by.organisation.is_some() && before.state.executor() == by.organisation.as_deref();
        assert!(!is_theirs, "{step}: closed by the organisation that did the work");
        match code {
            ClosingCode::Duplicate => assert!(after.merged_into().is_some(), "{step}"),
            ClosingCode::Withdrawn => {
                let Tried::Withdraw { with_call } = tried else { panic!("{step}") };
                assert!(*with_call || by.kind != ActorKind::Operator, "{step}");
                assert!(self.joined.is_empty(), "{step}: others wait for it");
            }
            _ => {
                assert!(self.is_told(&self.own), "{step}: the applicant was not told");
                for (from, attempts) in &self.joined {
                    assert!(self.is_told(attempts), "{step}: the applicant of {from} was not told");
                }
            }
        }
        let confirmed = self.own.confirmed || self.joined.iter().any(|(_, attempts)| attempts.confirmed);
        match code {
            ClosingCode::FixedConfirmed => assert!(confirmed, "{step}"),
            ClosingCode::FixedInspected => {
                assert!(self.inspected && by.kind == ActorKind::Control, "{step}");
            }
            ClosingCode::FixedUnconfirmed => assert!(!confirmed && self.gave_up(&self.own), "{step}"),
            _ => return,
        }
        assert!(self.proven && self.accepted, "{step}: closed as fixed without evidence");
        assert_eq!(before.state.name(), "verification", "{step}");
    }

    /// Invariants 5, 6 and 12, cycle and level.
    fn check_row(&mut self, case: &Case, step: &str) {
        if let Some(deadline) = &case.deadline {
            let first = *self.first_deadline.get_or_insert(deadline.first);
            assert_eq!(deadline.first, first, "{step}: the first deadline is lost");
        } else {
            assert_eq!(self.first_deadline, None, "{step}: the clock is lost");
        }
        assert_eq!(case.next.is_some(), case.state.is_open(), "{step}: an open case has a next step");
        if let Some(next) = &case.next {
            assert!(!next.owner.is_empty() && !next.action.is_empty(), "{step}");
        }
        assert!(!self.waits || case.state.order().is_none(), "{step}: an incident has the work");
        assert_eq!(case.awaits_incident(), self.waits, "{step}");
        let parts = case.parts.iter().map(|part| (part.executor.clone(), part.state));
        assert_eq!(parts.collect::<BTreeMap<_, _>>(), self.parts, "{step}");
        assert_eq!(case.cycle, 1 + self.reopenings, "{step}");
        assert_eq!(case.level, self.ups.min(9), "{step}");
        assert!(!case.relations.iter().any(|relation| relation.other == case.number), "{step}");
    }

    /// What the walk tells situations apart by, besides the case itself.
    pub(super) fn situation(&self) -> String {
        let told = |attempts: &Attempts| (attempts.reached, attempts.confirmed, self.gave_up(attempts));
        let joined: Vec<_> = self.joined.iter().map(|(_, attempts)| told(attempts)).collect();
        let own = (told(&self.own), self.own.moments.len().min(self.rule.attempts));
        let parts = &self.parts;
        format!("{} {} {} {own:?} {joined:?} {parts:?}", self.proven, self.accepted, self.inspected)
    }
}
