//! A witness beside a case: sees what was tried, by whom and when, and keeps count of what the invariants ask for from
//! the inputs alone, never from the case's own bookkeeping. Whatever the machine lets through is held against that.

use std::collections::BTreeSet;

use super::*;
use crate::case::replay::Replayed;
use crate::journal::Draft;
use crate::people::ActorKind;

/// What is tried, with what matters of its input.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Tried {
    Report { proven: bool },
    AcceptEvidence,
    Answer,
    ForwardTakenOver,
    Tell { whom: Option<String>, delivered: bool, confirmed: Option<bool> },
    Inspect { passed: bool },
    Withdraw { with_call: bool },
    Reopen,
    Absorb { from: String },
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
        self.count(tried, at);
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
        }
        if after.state.name() == "verification" && before.state.name() != "verification" {
            assert!(self.proven && self.accepted, "{step}");
        }
    }

    fn count(&mut self, tried: &Tried, at: Timestamp) {
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
            }
            Tried::Absorb { from } => self.joined.push((from.clone(), Attempts::default())),
            Tried::Withdraw { .. } | Tried::Other => {}
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
        assert_eq!(case.cycle, 1 + self.reopenings, "{step}");
        assert_eq!(case.level, self.ups.min(9), "{step}");
        assert!(!case.relations.iter().any(|relation| relation.other == case.number), "{step}");
    }

    /// What the walk tells situations apart by, besides the case itself.
    pub(super) fn situation(&self) -> String {
        let told = |attempts: &Attempts| (attempts.reached, attempts.confirmed, self.gave_up(attempts));
        let joined: Vec<_> = self.joined.iter().map(|(_, attempts)| told(attempts)).collect();
        let own = (told(&self.own), self.own.moments.len().min(self.rule.attempts));
        format!("{} {} {} {own:?} {joined:?}", self.proven, self.accepted, self.inspected)
    }
}
