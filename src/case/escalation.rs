//! The ladder a missed promise climbs: from post to post, by the calendar of the norm that was missed. An escalation ends
//! only by the answer of somebody who holds one of its posts (DOMAIN.md, invariant 7); until then it climbs.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::city::CityPlan;
use super::norm::Term;
use super::transition::{InvalidTransition, Transition, said};
use super::{Case, CaseEvent, Clock};
use crate::people::Actor;
use crate::time::Timestamp;

/// Of one case: both clocks, a ladder of nine, and every extension missed again. Beyond it nobody reads them.
pub(super) const MAX_ESCALATIONS: usize = 200;
/// Posts that each executor organisation has for itself begin so, as `executor.head`.
const OF_EXECUTOR: &str = "executor.";

/// The post is one that each executor organisation has.
pub(super) fn is_of_executor(post: &str) -> bool {
    post.starts_with(OF_EXECUTOR)
}

/// A post that people hold, e.g. `deputy_mayor.line`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    pub id: String,
    pub name: String,
}

/// One step of the city's ladder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rung {
    /// From 1 upwards.
    pub level: u8,
    /// After the missed deadline; none is with it.
    pub at: Option<Term>,
    /// Post ids.
    pub to: Vec<String>,
    /// Unanswered so long it goes one level up; none waits for ever.
    pub answer: Option<Term>,
}

/// A post is asked why a promise was missed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Escalation {
    pub clock: Clock,
    /// The deadline that was missed.
    pub missed: Timestamp,
    pub level: u8,
    /// Post ids.
    pub to: Vec<String>,
    /// Whose head is meant by the executor's own posts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executor: Option<String>,
    pub raised_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<Timestamp>,
    /// The next level is asked then, answered or not, when the promise is still not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// Nobody stands above.
    pub is_last: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answer {
    pub answered_at: Timestamp,
    /// User id.
    pub by: String,
    pub post: String,
    pub text: String,
}

impl Escalation {
    /// Of `posts`, those `by` holds, the one this is addressed to.
    pub fn post_of<'p>(&self, posts: &'p [String], organisation: Option<&str>) -> Option<&'p str> {
        let is_own = |post: &str| !is_of_executor(post) || organisation == self.executor.as_deref();
        posts.iter().map(String::as_str).find(|post| self.to.iter().any(|to| to == post) && is_own(post))
    }
}

impl Rung {
    /// Whom it asks: of a case that no executor holds, not the executor's posts.
    fn asked(&self, executor: Option<&str>) -> Vec<String> {
        let exists = |post: &&String| executor.is_some() || !is_of_executor(post);
        self.to.iter().filter(exists).cloned().collect()
    }
}

impl CityPlan {
    /// The lowest rung from `level` upwards that has somebody to ask.
    pub(super) fn rung(&self, level: u8, executor: Option<&str>) -> Option<&Rung> {
        self.rungs(executor).find(|rung| rung.level >= level)
    }

    /// Whom a missed promise asks first: the post above the one that has the case; above the last one there is nobody,
    /// and the last one is asked again.
    pub(super) fn first_rung(&self, case: &Case) -> Option<&Rung> {
        let executor = case.state.executor();
        self.rung(case.level.saturating_add(1), executor).or_else(|| self.rungs(executor).last())
    }

    /// Those that have somebody to ask, from the lowest.
    fn rungs(&self, executor: Option<&str>) -> impl Iterator<Item = &Rung> {
        self.ladder().iter().filter(move |rung| !rung.asked(executor).is_empty())
    }
}

impl Case {
    /// Asks `rung` about the deadline of `clock` that was missed.
    pub(super) fn raise(
        &mut self,
        clock: Clock,
        missed: Timestamp,
        rung: &Rung,
        plan: &CityPlan,
        at: Timestamp,
    ) -> Option<CaseEvent> {
        let executor = self.state.executor();
        let calendar = plan.calendar_of(self.deadline_of(clock)?);
        let end = |term: Option<Term>, from| term.and_then(|term| term.end(from, calendar, false));
        let next = plan.rung(rung.level + 1, executor);
        let escalation = Escalation {
            clock,
            missed,
            level: rung.level,
            to: rung.asked(executor),
            executor: executor.map(str::to_owned),
            raised_at: at,
            answer_by: end(rung.answer, at),
            next_at: next.and_then(|next| end(next.at, missed)),
            is_last: next.is_none(),
            answer: None,
        };
        let raised = json!({
            "number": self.clocks.escalations.len() + 1,
            "clock": clock,
            "missed": missed,
            "level": escalation.level,
            "to": escalation.to,
            "executor": escalation.executor,
            "answer_by": escalation.answer_by,
            "next_at": escalation.next_at,
            "is_last": escalation.is_last,
        });
        self.clocks.escalations.push(escalation);
        Some(CaseEvent::new("esc.raised", raised))
    }

    /// Somebody who holds one of the asked posts answers. `number` counts the case's escalations from 1, `posts` are
    /// those the person holds.
    pub fn answer_escalation(
        mut self,
        number: usize,
        text: &str,
        posts: &[String],
        by: &Actor,
        at: Timestamp,
    ) -> Transition {
        let escalation = number.checked_sub(1).and_then(|index| self.clocks.escalations.get_mut(index));
        let escalation =
            escalation.ok_or(InvalidTransition::Incomplete("the case has no escalation of this number"))?;
        let post = escalation.post_of(posts, by.organisation.as_deref());
        let post =
            post.ok_or(InvalidTransition::NotAllowed("only who holds the post that was asked answers"))?;
        if escalation.answer.is_some() {
            return Err(InvalidTransition::Invariant("this escalation is answered already"));
        }
        let text = said(text, "say what is done about it")?;
        escalation.answer =
            Some(Answer { answered_at: at, by: by.id.clone(), post: post.to_owned(), text: text.to_owned() });
        let answered = json!({
            "number": number,
            "clock": escalation.clock,
            "level": escalation.level,
            "post": post,
            "in_time": escalation.answer_by.is_none_or(|answer_by| at <= answer_by),
        });
        Ok((self, vec![CaseEvent::new("esc.answered", answered).because(text)]))
    }
}
