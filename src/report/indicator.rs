//! Every indicator of the report, once: which facts it counts, how, and by what it is broken down. The definitions in
//! words stand in `words`, under the same ids. Board, page, files and the recomputation from the journal all count by
//! this table, so they agree to the unit.

use std::time::Duration;

use super::fact::{ContactFact, Standing, Step, StepKind};
use super::week::Period;
use crate::call::contact::Disposition;
use crate::time::Timestamp;

/// The service level that contact centres are compared by: answered within 20 s, for 80 of 100.
const USUAL_ANSWER: Duration = Duration::from_secs(20);
/// A double that is found later than this has been worked on twice.
const MERGED_IN_TIME: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Section {
    Contacts,
    Cases,
    Loop,
    /// What makes the other figures look better than they are.
    Honesty,
}

impl Section {
    pub const ALL: [Self; 4] = [Self::Contacts, Self::Cases, Self::Loop, Self::Honesty];

    pub const fn id(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Cases => "cases",
            Self::Loop => "loop",
            Self::Honesty => "honesty",
        }
    }
}

/// What a figure is broken down by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dimension {
    /// Of the day, by the city's clock: `00` to `23`.
    Hour,
    Language,
    Executor,
    Category,
    District,
    /// Closing code.
    Code,
    /// Days since the registration.
    Age,
}

impl Dimension {
    pub const ALL: [Self; 7] =
        [Self::Hour, Self::Language, Self::Executor, Self::Category, Self::District, Self::Code, Self::Age];

    pub const fn id(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Language => "language",
            Self::Executor => "executor",
            Self::Category => "category",
            Self::District => "district",
            Self::Code => "code",
            Self::Age => "age",
        }
    }

    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.id() == id)
    }
}

type Is<F> = fn(&F, &Period) -> bool;

/// How facts become a figure.
#[derive(Debug)]
pub enum How<F: 'static> {
    /// How many.
    Count,
    /// How many of a hundred of those that are so.
    ShareOf(Is<F>),
    /// So many of a hundred are not longer; by the nearest rank, so it is always one that was measured. Seconds.
    Percentile(u8, fn(&F, &Period) -> Option<Duration>),
}

#[derive(Debug)]
pub struct Rule<F: 'static> {
    /// The facts behind the figure: what its list shows.
    pub counts: Is<F>,
    pub how: How<F>,
}

#[derive(Debug)]
pub enum Counted {
    Contacts(Rule<ContactFact>),
    Steps(Rule<Step>),
    Open(Rule<Standing>),
}

#[derive(Debug)]
pub struct Indicator {
    pub id: &'static str,
    pub section: Section,
    pub counted: Counted,
    pub by: &'static [Dimension],
}

impl Indicator {
    pub fn of_id(id: &str) -> Option<&'static Self> {
        INDICATORS.iter().find(|indicator| indicator.id == id)
    }
}

const fn contacts(id: &'static str, counts: Is<ContactFact>, how: How<ContactFact>) -> Indicator {
    let counted = Counted::Contacts(Rule { counts, how });
    Indicator { id, section: Section::Contacts, counted, by: &[Dimension::Hour, Dimension::Language] }
}

const fn steps(
    section: Section,
    id: &'static str,
    counts: Is<Step>,
    how: How<Step>,
    by: &'static [Dimension],
) -> Indicator {
    Indicator { id, section, counted: Counted::Steps(Rule { counts, how }), by }
}

const fn open(id: &'static str, counts: Is<Standing>, by: &'static [Dimension]) -> Indicator {
    Indicator { id, section: Section::Cases, counted: Counted::Open(Rule { counts, how: How::Count }), by }
}

const MATTER: &[Dimension] = &[Dimension::Category, Dimension::District, Dimension::Language];
const WORK: &[Dimension] = &[Dimension::Executor, Dimension::Category, Dimension::District];
const CLOSING: &[Dimension] =
    &[Dimension::Code, Dimension::Executor, Dimension::Category, Dimension::District];
const BACKLOG: &[Dimension] =
    &[Dimension::Age, Dimension::Executor, Dimension::Category, Dimension::District];

pub const INDICATORS: &[Indicator] = &[
    contacts("contacts_offered", |_, _| true, How::Count),
    contacts("contacts_queued", |it, _| it.queued_at.is_some(), How::Count),
    contacts("contacts_answered", |it, _| it.is_answered(), How::Count),
    contacts("contacts_abandoned", |it, _| it.is_abandoned(), How::Count),
    contacts(
        "abandoned_share",
        |it, _| it.is_abandoned(),
        How::ShareOf(|it, _| it.is_answered() || it.is_abandoned()),
    ),
    contacts(
        "service_level",
        |it, _| it.is_answered_within(USUAL_ANSWER),
        How::ShareOf(|it, _| it.is_answered() || it.is_abandoned()),
    ),
    contacts(
        "service_level_own",
        |it, period| it.is_answered_within(period.answer_within),
        How::ShareOf(|it, _| it.is_answered() || it.is_abandoned()),
    ),
    contacts("median_wait", |it, _| it.is_answered(), How::Percentile(50, |it, _| it.wait())),
    contacts("longest_wait", |it, _| it.wait().is_some(), How::Percentile(100, |it, _| it.wait())),
    steps(Section::Cases, "cases_registered", |it, _| it.is(StepKind::Registered), How::Count, MATTER),
    steps(Section::Cases, "cases_closed", |it, _| it.is(StepKind::Closed), How::Count, CLOSING),
    open("cases_open", |_, _| true, BACKLOG),
    open("overdue_work", |it, period| is_past(it.resolve_by, period), WORK),
    open("overdue_promise", |it, period| is_past(it.promised_by, period), BACKLOG),
    steps(Section::Loop, "work_reported", |it, _| it.is(StepKind::Reported), How::Count, WORK),
    steps(
        Section::Loop,
        "told_share",
        |it, _| it.has_result() && it.heard,
        How::ShareOf(|it, _| it.has_result()),
        CLOSING,
    ),
    steps(
        Section::Loop,
        "confirmed_share",
        |it, _| it.is_closed_as("fixed_confirmed"),
        How::ShareOf(|it, _| it.is_fixed()),
        WORK,
    ),
    steps(Section::Loop, "refuted", |it, _| it.is(StepKind::Refuted), How::Count, WORK),
    steps(
        Section::Loop,
        "false_closures",
        |it, _| it.is(StepKind::Refuted),
        How::ShareOf(|it, _| it.is(StepKind::Reported)),
        WORK,
    ),
    steps(Section::Loop, "reopened", |it, _| it.is(StepKind::Reopened), How::Count, WORK),
    steps(Section::Loop, "median_to_done", |it, _| it.took().is_some(), took(50), WORK),
    steps(Section::Loop, "p80_to_done", |it, _| it.took().is_some(), took(80), WORK),
    steps(
        Section::Loop,
        "median_norm",
        |it, _| it.allowed().is_some(),
        How::Percentile(50, |it, _| it.allowed()),
        WORK,
    ),
    steps(
        Section::Loop,
        "done_in_time",
        |it, _| it.is_in_time(),
        How::ShareOf(|it, _| it.allowed().is_some()),
        WORK,
    ),
    steps(Section::Honesty, "deadlines_moved", |it, _| it.is(StepKind::DeadlineMoved), How::Count, WORK),
    steps(Section::Honesty, "evidence_rejected", |it, _| it.is(StepKind::EvidenceRejected), How::Count, WORK),
    steps(Section::Honesty, "merged_late", |it, _| it.is_merged_late(), How::Count, MATTER),
    steps(
        Section::Honesty,
        "closed_unconfirmed",
        |it, _| it.is_closed_as("fixed_unconfirmed"),
        How::Count,
        WORK,
    ),
];

const fn took(percent: u8) -> How<Step> {
    How::Percentile(percent, |it, _| it.took())
}

fn is_past(deadline: Option<Timestamp>, period: &Period) -> bool {
    deadline.is_some_and(|deadline| deadline < period.to)
}

impl ContactFact {
    /// By an operator, after the queue.
    fn is_answered(&self) -> bool {
        self.queued_at.is_some() && self.connected_at.is_some()
    }

    /// Left the queue with nothing.
    fn is_abandoned(&self) -> bool {
        self.queued_at.is_some()
            && self.connected_at.is_none()
            && self.disposition == Some(Disposition::Abandoned)
    }

    fn is_answered_within(&self, limit: Duration) -> bool {
        self.is_answered() && self.wait().is_some_and(|wait| wait <= limit)
    }

    /// In the queue, until an operator or the end of the call. None while it goes on.
    fn wait(&self) -> Option<Duration> {
        Some(self.connected_at.or(self.ended_at)?.since(self.queued_at?))
    }
}

impl Step {
    fn is(&self, kind: StepKind) -> bool {
        self.kind == kind
    }

    fn is_closed_as(&self, code: &str) -> bool {
        self.kind == StepKind::Closed && self.code.as_deref() == Some(code)
    }

    fn is_fixed(&self) -> bool {
        self.kind == StepKind::Closed && self.code.as_deref().is_some_and(|code| code.starts_with("fixed_"))
    }

    /// There is something to be told: doubles are told with the case they went into, and who withdrew knows.
    fn has_result(&self) -> bool {
        self.kind == StepKind::Closed
            && !matches!(self.code.as_deref(), Some("duplicate" | "withdrawn") | None)
    }

    /// From the beginning of the cycle until the work was reported, of work whose evidence was accepted.
    fn took(&self) -> Option<Duration> {
        Some(self.reported_at?.since(self.begun_at))
    }

    /// What the norm allowed for it.
    fn allowed(&self) -> Option<Duration> {
        self.reported_at.and(self.resolve_by).map(|by| by.since(self.begun_at))
    }

    fn is_in_time(&self) -> bool {
        self.reported_at.zip(self.resolve_by).is_some_and(|(reported, by)| reported <= by)
    }

    fn is_merged_late(&self) -> bool {
        self.kind == StepKind::Merged && self.at.since(self.begun_at) > MERGED_IN_TIME
    }
}
