//! The clocks of a case as the API shows them: how far each has come in words, pauses, extensions, what is asked for,
//! escalations with the names of their posts.

use serde::Serialize;
use utoipa::ToSchema;

use crate::case::city::CityPlan;
use crate::case::escalation::Escalation;
use crate::case::hold::Wish;
use crate::case::{Case, CaseState, Clock, Deadline, HoldReason};
use crate::time::{self, Timestamp};

use super::super::city;
use super::super::view::UtcTime;

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ClocksView {
    /// What the law promises the citizen; null until it is found, or when the city has no such norm.
    citizen: Option<ClockView>,
    /// What the city promises for the work; null before the first assignment.
    executor: Option<ClockView>,
    pauses: Vec<PauseView>,
    extensions: Vec<ExtensionView>,
    /// What the executor asks for and nobody has decided.
    asked: Option<AskedView>,
    escalations: Vec<EscalationView>,
    /// Times a deadline was moved by somebody's decision.
    moved: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ClockView {
    norm: String,
    /// The legal act, as people cite it.
    act: Option<String>,
    /// Never changes.
    first: UtcTime,
    resolve_by: UtcTime,
    /// No extension reaches beyond; null when the norm allows none.
    extendable_to: Option<UtcTime>,
    /// `fresh`, `half` or `late` of the term is used (from 50 and 80 %), `overdue`, `paused`, `stopped`.
    stage: &'static str,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct PauseView {
    #[schema(value_type = String)]
    reason: HoldReason,
    from: UtcTime,
    /// While it goes on, when it will end.
    until: UtcTime,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct ExtensionView {
    #[schema(value_type = String)]
    clock: Clock,
    at: UtcTime,
    from: UtcTime,
    to: UtcTime,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct AskedView {
    /// `pause` or `extension`.
    wish: &'static str,
    #[schema(value_type = Option<String>)]
    reason: Option<HoldReason>,
    /// A date of the city's calendar.
    until: String,
    why: String,
    asked_at: UtcTime,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct EscalationView {
    /// Within the case, from 1.
    number: usize,
    #[schema(value_type = String)]
    clock: Clock,
    missed: UtcTime,
    level: u8,
    to: Vec<PostView>,
    executor_name: Option<String>,
    raised_at: UtcTime,
    /// Unanswered then, it goes one level up.
    answer_by: Option<UtcTime>,
    answer: Option<EscalationAnswerView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct PostView {
    id: String,
    name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct EscalationAnswerView {
    answered_at: UtcTime,
    post: PostView,
    text: String,
}

impl ClocksView {
    pub(in crate::web) fn new(case: &Case, plan: &CityPlan) -> Self {
        let now = time::now().utc;
        let clock =
            |clock| case.deadline_of(clock).map(|deadline| ClockView::new(case, clock, deadline, now));
        let numbered = (1..).zip(&case.clocks.escalations);
        Self {
            citizen: clock(Clock::Citizen),
            executor: clock(Clock::Executor),
            pauses: case
                .clocks
                .pauses
                .iter()
                .map(|pause| PauseView {
                    reason: pause.reason,
                    from: pause.from_at.into(),
                    until: pause.until_at.into(),
                })
                .collect(),
            extensions: case
                .clocks
                .extensions
                .iter()
                .map(|extension| ExtensionView {
                    clock: extension.clock,
                    at: extension.at.into(),
                    from: extension.from.into(),
                    to: extension.to.into(),
                })
                .collect(),
            asked: case.clocks.asked.as_ref().map(|asked| {
                let (wish, reason, until) = match &asked.wish {
                    Wish::Pause { reason, until } => ("pause", Some(*reason), until),
                    Wish::Extension { until, .. } => ("extension", None, until),
                };
                AskedView {
                    wish,
                    reason,
                    until: until.to_string(),
                    why: asked.why.clone(),
                    asked_at: asked.asked_at.into(),
                }
            }),
            escalations: numbered.map(|(number, raised)| EscalationView::new(number, raised, plan)).collect(),
            moved: case.clocks.moved(),
        }
    }
}

impl ClockView {
    fn new(case: &Case, clock: Clock, deadline: &Deadline, now: Timestamp) -> Self {
        let ahead = deadline.warnings.iter().filter(|warning| warning.at > now).count();
        let stage = match &case.state {
            CaseState::OnHold { .. } => "paused",
            _ if !case.is_running(clock) => "stopped",
            _ if now >= deadline.resolve_by => "overdue",
            // Rows older than the clocks have no warnings to count.
            _ if deadline.term.is_none() || ahead >= 2 => "fresh",
            _ if ahead == 1 => "half",
            _ => "late",
        };
        Self {
            norm: deadline.norm.clone(),
            act: deadline.act.clone(),
            first: deadline.first.into(),
            resolve_by: deadline.resolve_by.into(),
            extendable_to: deadline.extendable_to.map(UtcTime),
            stage,
        }
    }
}

impl EscalationView {
    pub(in crate::web) fn new(number: usize, raised: &Escalation, plan: &CityPlan) -> Self {
        let answer = raised.answer.as_ref().map(|answer| EscalationAnswerView {
            answered_at: answer.answered_at.into(),
            post: PostView::new(&answer.post, plan),
            text: answer.text.clone(),
        });
        Self {
            number,
            clock: raised.clock,
            missed: raised.missed.into(),
            level: raised.level,
            to: raised.to.iter().map(|post| PostView::new(post, plan)).collect(),
            executor_name: raised.executor.as_deref().map(|id| city::organisation_name(plan, id)),
            raised_at: raised.raised_at.into(),
            answer_by: raised.answer_by.map(UtcTime),
            answer,
        }
    }
}

impl PostView {
    fn new(id: &str, plan: &CityPlan) -> Self {
        let name = plan.posts().iter().find(|post| post.id == id).map_or(id, |post| &post.name);
        Self { id: id.to_owned(), name: name.to_owned() }
    }
}
