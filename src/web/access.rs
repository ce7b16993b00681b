//! Who may do what: one table of endpoint x role, and the finer rules about single calls and cases. Nothing else
//! in the web layer compares roles. An endpoint that is not in the table is refused to everybody.

pub(super) mod engagement;

use std::time::Duration;

use axum::http::Method;

use crate::bundle::disclosure::Disclosure;
use crate::call::contact::Contact;
use crate::case::Case;
use crate::case::city::CityPlan;
use crate::people::Role::{
    self, Admin, Auditor, Control, Executor, MayorOffice, Operator, Records, Supervisor,
};
use crate::store::User;

use super::terms::SignInTerms;

/// Whom an endpoint serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    /// Anybody, signed in or not.
    Public,
    /// Whoever is signed in.
    SignedIn,
    Roles(&'static [Role]),
}

/// One row of the table. `path` is spelt as the router spells it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) who: Who,
}

/// Ask whom routing would choose; the administrator to try the rules.
const ROUTING: &[Role] = &[Operator, Supervisor, Control, Admin];
/// Live operation: the desks, the board and those who oversee them.
const LIVE: &[Role] = &[Operator, Supervisor, Control, MayorOffice, Auditor, Admin];
/// Records of calls, with what was said left out.
const CALLS: &[Role] = &[Operator, Supervisor, Control, MayorOffice, Records, Auditor];
/// May hear recordings under the conditions of [`hearing`].
const HEARING: &[Role] = &[Operator, Supervisor, MayorOffice, Auditor];
/// Find out how a call was signalled, when a phone or a trunk does not work as it should.
const TRACING: &[Role] = &[Supervisor, Auditor, Admin];
/// Executors see what [`sees_case`] leaves them.
const CASES: &[Role] = &[Operator, Supervisor, Control, Executor, MayorOffice, Records, Auditor];
const CLASSIFYING: &[Role] = &[Operator, Supervisor];
const ASSIGNING: &[Role] = &[Operator, Supervisor, Control];
/// Decide where routing and executors could not agree, and what the city does not do.
const DISPATCHING: &[Role] = &[Supervisor, Control];
/// See which closed cases were drawn for a visit.
const INSPECTIONS: &[Role] = &[Control, Supervisor, MayorOffice, Auditor];
const EXECUTING: &[Role] = &[Executor];
const CONTROLLING: &[Role] = &[Control];
/// Decide about the clocks of a case.
const DECIDING: &[Role] = &[Supervisor, Control];
const RESUMING: &[Role] = &[Supervisor, Control, Executor];
/// May hold a post that is asked about missed promises.
const ANSWERING: &[Role] = &[Supervisor, Control, Executor, MayorOffice];
const EXPLAINING: &[Role] = &[Operator];
const TALKING: &[Role] = &[Operator];
const HANGING_UP: &[Role] = &[Operator, Supervisor];
const SUPERVISING: &[Role] = &[Supervisor];
/// See who is to be rung back.
const CALLING_BACK: &[Role] = &[Operator, Supervisor, Control, Auditor];
/// See what came of asking applicants.
const ASKING: &[Role] = &[Operator, Supervisor, Control, Auditor];
/// See who wants no calls that ask, and take that back.
const ALLOWING: &[Role] = &[Operator, Supervisor, Control, Admin];
/// See mass outages; nobody's name is in them.
const INCIDENTS: &[Role] = &[Operator, Supervisor, Control, MayorOffice, Auditor];
/// Declare them, move their time, end them.
const DECLARING: &[Role] = &[Supervisor, Control];
/// Have a phone in their page.
const PHONING: &[Role] = &[Operator, Supervisor, Admin];
/// Running the program: everything but content.
const RUNNING: &[Role] = &[Admin];
/// Make appointments with officials; whose list it is [`keeps_list`] says.
const ARRANGING: &[Role] = &[Operator, Supervisor, Control, MayorOffice];
/// Say what became of a reception, under the conditions of [`keeps_list`].
const RECEIVING: &[Role] = &[Supervisor, Control, MayorOffice];
/// See which applicants ask to hear their own calls.
const DISCLOSURES: &[Role] = &[Records, Auditor];
/// Ask that a case is handed over to somebody outside.
const HANDING_OVER: &[Role] = &[Supervisor, Control, MayorOffice, Records, Auditor];
/// See what was asked for, and what became of it.
const HANDED_OVER: &[Role] = &[Supervisor, Control, MayorOffice, Records, Auditor, Admin];
/// Be the second person; never for what one has asked for (`bundle/disclosure.rs`).
const LETTING_GO: &[Role] = &[Records, Auditor, Admin];
/// See what auditors noted about calls.
const FINDINGS: &[Role] = &[MayorOffice, Auditor];
/// Note it: the only thing an auditor writes.
const FINDING: &[Role] = &[Auditor];
/// Place and lift legal holds, ask to erase.
const KEEPING: &[Role] = &[Records];
/// See what is held, waits to be erased, or is gone.
const RECORDS: &[Role] = &[Records, Auditor];
/// See erasures; the administrator to be the second person where the records office has one only.
const ERASURES: &[Role] = &[Records, Auditor, Admin];
/// Agree to an erasure, or refuse it.
const AGREEING: &[Role] = &[Records, Admin];
/// The weekly report, and the list behind each of its figures.
const REPORTS: &[Role] = &[Supervisor, Control, MayorOffice, Records, Auditor];
/// Count the report once more from the journal, which takes the machine a while.
const RECOMPUTING: &[Role] = &[MayorOffice, Auditor];
/// Read entries of the journal as they are, and prove that they stand in it.
const AUDITING: &[Role] = &[Auditor];
/// Give auditors what they may see; an auditor sees what was given.
const ENGAGEMENTS: &[Role] = &[Records, Auditor, Admin];
const ENGAGING: &[Role] = &[Records, Admin];
/// See what was drawn for an auditor, and what came of it.
const SAMPLES: &[Role] = &[Records, Auditor];
const ORDERS: &[Role] = &[Executor, Control, Supervisor, MayorOffice, Auditor];

pub(super) const RULES: &[Rule] = &[
    public("GET", "/livez"),
    public("GET", "/readyz"),
    public("GET", "/metrics"),
    public("GET", "/api/openapi.json"),
    // Hashes and signatures alone: whoever keeps a checkpoint holds the city to its journal.
    public("GET", "/log/checkpoint"),
    public("GET", "/log/tile/{level}/{*index}"),
    // Whoever registers or calls there proves it by digest.
    public("GET", "/sip"),
    public("GET", "/signin"),
    public("GET", "/provision/{token}"),
    public("POST", "/api/v1/session"),
    public("GET", "/api/v1/session/ways"),
    public("GET", "/api/v1/session/oidc"),
    public("GET", "/api/v1/session/oidc/callback"),
    public("GET", "/api/v1/session/oidc/end"),
    public("GET", "/api/v1/web-calls"),
    public("POST", "/api/v1/web-calls"),
    public("GET", "/api/v1/web-calls/{user}"),
    public("GET", "/api/v1/citizen/form"),
    public("GET", "/api/v1/citizen/addresses"),
    public("POST", "/api/v1/citizen/requests"),
    public("POST", "/api/v1/citizen/status"),
    public("POST", "/api/v1/citizen/picture"),
    public("POST", "/api/v1/citizen/photos"),
    public("GET", "/api/v1/sms-reports/{secret}"),
    public("POST", "/api/v1/sms-reports/{secret}"),
    public("POST", "/api/v1/citizen/code"),
    public("POST", "/api/v1/citizen/verdict"),
    public("POST", "/api/v1/citizen/reopen"),
    public("POST", "/api/v1/citizen/withdraw"),
    public("POST", "/api/v1/citizen/rating"),
    public("POST", "/api/v1/citizen/notes"),
    public("POST", "/api/v1/citizen/work-picture"),
    public("GET", "/api/v1/citizen/receptions"),
    public("POST", "/api/v1/citizen/appointments"),
    public("POST", "/api/v1/citizen/appointment-move"),
    public("POST", "/api/v1/citizen/appointment-cancel"),
    public("POST", "/api/v1/citizen/recording"),
    public("POST", "/api/v1/citizen/recording-link"),
    public("GET", "/api/v1/citizen/recordings/{token}"),
    public("GET", "/api/v1/citizen/incidents"),
    public("GET", "/open311/discovery.xml"),
    public("GET", "/open311/discovery.json"),
    public("GET", "/open311/v2/services.xml"),
    public("GET", "/open311/v2/services.json"),
    public("GET", "/open311/v2/services/{file}"),
    public("GET", "/open311/v2/requests.xml"),
    public("GET", "/open311/v2/requests.json"),
    public("GET", "/open311/v2/requests/{file}"),
    public("GET", "/open311/v2/servicerequestupdates.xml"),
    public("GET", "/open311/v2/servicerequestupdates.json"),
    public("POST", "/open311/v2/requests.xml"),
    public("POST", "/open311/v2/requests.json"),
    public("POST", "/open311/v2/servicerequestupdates.xml"),
    public("POST", "/open311/v2/servicerequestupdates.json"),
    public("GET", "/open311/v2/tokens/{file}"),
    public("GET", "/open311/v2/media/{file}"),
    signed_in("GET", "/api/v1/session"),
    signed_in("DELETE", "/api/v1/session"),
    signed_in("GET", "/api/v1/second-factor"),
    signed_in("POST", "/api/v1/second-factor"),
    signed_in("POST", "/api/v1/second-factor/confirm"),
    signed_in("GET", "/api/v1/sessions"),
    signed_in("DELETE", "/api/v1/sessions"),
    signed_in("DELETE", "/api/v1/sessions/{id}"),
    signed_in("GET", "/api/v1/city"),
    only("GET", "/api/v1/city/preview", ROUTING),
    only("GET", "/api/v1/addresses", ASSIGNING),
    only("GET", "/api/v1/calls", CALLS),
    only("GET", "/api/v1/calls/{id}", CALLS),
    only("GET", "/api/v1/calls/{id}/timeline", CALLS),
    only("GET", "/api/v1/calls/{id}/recording", HEARING),
    only("GET", "/api/v1/calls/{id}/peaks", HEARING),
    only("GET", "/api/v1/calls/{id}/findings", FINDINGS),
    only("POST", "/api/v1/calls/{id}/findings", FINDING),
    only("GET", "/api/v1/calls/{id}/ladder", TRACING),
    only("GET", "/api/v1/calls/{id}/ladder.pcap", TRACING),
    only("POST", "/api/v1/calls/{id}/disposition", TALKING),
    only("POST", "/api/v1/calls/{id}/case", TALKING),
    only("POST", "/api/v1/calls/{id}/transfer", TALKING),
    only("POST", "/api/v1/calls/{id}/hangup", HANGING_UP),
    only("POST", "/api/v1/calls/{id}/supervision", SUPERVISING),
    only("DELETE", "/api/v1/calls/{id}/supervision", SUPERVISING),
    only("GET", "/api/v1/callbacks", CALLING_BACK),
    only("POST", "/api/v1/callbacks/{origin}/withdraw", &[Operator, Supervisor]),
    only("GET", "/api/v1/verifications", ASKING),
    only("POST", "/api/v1/verifications/{number}/ring", CONTROLLING),
    only("POST", "/api/v1/verifications/{number}/give-up", CONTROLLING),
    only("GET", "/api/v1/refused-calls", ALLOWING),
    only("POST", "/api/v1/refused-calls/{call}/allow", ALLOWING),
    only("GET", "/api/v1/cases", CASES),
    only("GET", "/api/v1/cases/{number}", CASES),
    only("PATCH", "/api/v1/cases/{number}", CLASSIFYING),
    only("GET", "/api/v1/cases/{number}/context", ASSIGNING),
    only("GET", "/api/v1/cases/{number}/timeline", CASES),
    only("POST", "/api/v1/cases/{number}/assign", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/accept", EXECUTING),
    only("POST", "/api/v1/cases/{number}/start", EXECUTING),
    only("POST", "/api/v1/cases/{number}/decline", EXECUTING),
    only("POST", "/api/v1/cases/{number}/report", EXECUTING),
    only("POST", "/api/v1/cases/{number}/evidence", EXECUTING),
    only("GET", "/api/v1/cases/{number}/evidence/{id}", CASES),
    only("GET", "/api/v1/cases/{number}/evidence/{id}/{size}", CASES),
    only("POST", "/api/v1/cases/{number}/evidence-accept", CONTROLLING),
    only("POST", "/api/v1/cases/{number}/evidence-reject", CONTROLLING),
    only("POST", "/api/v1/cases/{number}/tell", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/return", CONTROLLING),
    // What was only said, the desk closes; as fixed the case lets nobody but control close it.
    only("POST", "/api/v1/cases/{number}/close", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/explain", EXPLAINING),
    only("POST", "/api/v1/cases/{number}/forward", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/forward-answer", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/refuse", DISPATCHING),
    only("POST", "/api/v1/cases/{number}/withdraw", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/merge", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/relations", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/repeat", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/reopen", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/inspection", CONTROLLING),
    only("POST", "/api/v1/cases/{number}/executor", DISPATCHING),
    only("POST", "/api/v1/cases/{number}/part-accept", EXECUTING),
    only("POST", "/api/v1/cases/{number}/part-report", EXECUTING),
    only("POST", "/api/v1/cases/{number}/part-decline", EXECUTING),
    only("POST", "/api/v1/cases/{number}/part-give", DISPATCHING),
    only("POST", "/api/v1/work-orders/{id}/call", EXECUTING),
    only("GET", "/api/v1/work-orders/{id}/call", EXECUTING),
    only("POST", "/api/v1/admin/users/{id}/phone-code", RUNNING),
    only("DELETE", "/api/v1/admin/users/{id}/phone-code", RUNNING),
    only("PUT", "/api/v1/admin/users/{id}/field-phone", RUNNING),
    only("GET", "/api/v1/inspections", INSPECTIONS),
    only("POST", "/api/v1/cases/{number}/code", CLASSIFYING),
    only("POST", "/api/v1/cases/{number}/hold", DECIDING),
    only("POST", "/api/v1/cases/{number}/resume", RESUMING),
    only("POST", "/api/v1/cases/{number}/extend", DECIDING),
    only("POST", "/api/v1/cases/{number}/ask", EXECUTING),
    only("POST", "/api/v1/cases/{number}/ask-approve", DECIDING),
    only("POST", "/api/v1/cases/{number}/ask-refuse", DECIDING),
    only("GET", "/api/v1/escalations", ORDERS),
    only("POST", "/api/v1/escalations/{number}/{escalation}/answer", ANSWERING),
    only("GET", "/api/v1/incidents", INCIDENTS),
    only("POST", "/api/v1/incidents", DECLARING),
    only("GET", "/api/v1/incidents/{number}", INCIDENTS),
    only("GET", "/api/v1/incidents/{number}/cases", INCIDENTS),
    only("POST", "/api/v1/incidents/{number}/expect", DECLARING),
    only("POST", "/api/v1/incidents/{number}/restore", DECLARING),
    only("POST", "/api/v1/incidents/{number}/cancel", DECLARING),
    only("POST", "/api/v1/cases/{number}/incident", ASSIGNING),
    only("POST", "/api/v1/cases/{number}/incident-leave", ASSIGNING),
    only("GET", "/api/v1/cases/{number}/filing", CASES),
    only("GET", "/api/v1/cases/{number}/attachments/{id}", CASES),
    only("GET", "/api/v1/receptions", ARRANGING),
    only("GET", "/api/v1/receptions/{id}/appointments", ARRANGING),
    only("POST", "/api/v1/cases/{number}/appointment", ARRANGING),
    only("POST", "/api/v1/cases/{number}/appointment-held", RECEIVING),
    only("POST", "/api/v1/cases/{number}/appointment-missed", RECEIVING),
    only("POST", "/api/v1/cases/{number}/instructions", RECEIVING),
    only("GET", "/api/v1/hearings", DISCLOSURES),
    only("POST", "/api/v1/hearings/{id}/allow", &[Records]),
    only("POST", "/api/v1/hearings/{id}/refuse", &[Records]),
    only("GET", "/api/v1/holds", RECORDS),
    only("POST", "/api/v1/holds", KEEPING),
    only("POST", "/api/v1/holds/{id}/lift", KEEPING),
    only("GET", "/api/v1/erasures", ERASURES),
    only("POST", "/api/v1/erasures", KEEPING),
    only("POST", "/api/v1/erasures/{id}/agree", AGREEING),
    only("POST", "/api/v1/erasures/{id}/refuse", AGREEING),
    only("GET", "/api/v1/retention", RECORDS),
    only("GET", "/api/v1/cases/{number}/keeping", CALLS),
    only("GET", "/api/v1/calls/{id}/keeping", CALLS),
    only("POST", "/api/v1/cases/{number}/disclosures", HANDING_OVER),
    only("GET", "/api/v1/disclosures", HANDED_OVER),
    only("POST", "/api/v1/disclosures/{id}/approve", LETTING_GO),
    only("POST", "/api/v1/disclosures/{id}/refuse", LETTING_GO),
    only("POST", "/api/v1/disclosures/{id}/make", LETTING_GO),
    only("GET", "/api/v1/disclosures/{id}/package", HANDING_OVER),
    only("GET", "/api/v1/journal/{seq}/proof", AUDITING),
    only("GET", "/api/v1/audit/engagements", ENGAGEMENTS),
    only("POST", "/api/v1/audit/engagements", ENGAGING),
    only("POST", "/api/v1/audit/engagements/{id}/close", ENGAGING),
    only("GET", "/api/v1/audit/choices", ENGAGING),
    only("GET", "/api/v1/audit/engagements/{id}/samples", SAMPLES),
    only("POST", "/api/v1/audit/engagements/{id}/samples", AUDITING),
    only("GET", "/api/v1/audit/samples/{id}", SAMPLES),
    only("GET", "/api/v1/audit/samples/{id}/frame", SAMPLES),
    only("POST", "/api/v1/audit/samples/{id}/draw", AUDITING),
    only("POST", "/api/v1/audit/samples/{id}/items/{place}", AUDITING),
    only("GET", "/api/v1/work-orders", ORDERS),
    only("GET", "/api/v1/reports/weekly", REPORTS),
    only("GET", "/api/v1/reports/weekly/list", REPORTS),
    only("GET", "/api/v1/reports/weekly/file", REPORTS),
    only("POST", "/api/v1/reports/weekly/recompute", RECOMPUTING),
    only("GET", "/api/v1/reports/today", LIVE),
    only("GET", "/api/v1/operators", LIVE),
    only("GET", "/api/v1/queues", LIVE),
    only("GET", "/api/v1/events", LIVE),
    only("GET", "/api/v1/operators/me/phone", PHONING),
    only("POST", "/api/v1/operators/me/status", TALKING),
    only("POST", "/api/v1/operators/{id}/status", SUPERVISING),
    only("PUT", "/api/v1/operators/{id}/queues", SUPERVISING),
    only("POST", "/api/v1/operators/{id}/messages", SUPERVISING),
    only("POST", "/api/v1/operators/messages", SUPERVISING),
    only("POST", "/api/v1/operators/me/wrap-up-done", TALKING),
    only("POST", "/api/v1/operators/me/wrap-up-more", TALKING),
    only("POST", "/api/v1/admin/reload", RUNNING),
    only("POST", "/api/v1/admin/drain", RUNNING),
    only("DELETE", "/api/v1/admin/drain", RUNNING),
    only("GET", "/api/v1/admin/service", RUNNING),
    only("GET", "/api/v1/admin/trunks", RUNNING),
    only("GET", "/api/v1/admin/trunks/{name}/ladder", RUNNING),
    only("GET", "/api/v1/admin/users", RUNNING),
    only("POST", "/api/v1/admin/users", RUNNING),
    only("PATCH", "/api/v1/admin/users/{id}", RUNNING),
    only("POST", "/api/v1/admin/users/{id}/phone", RUNNING),
    only("GET", "/api/v1/admin/users/{id}/sessions", RUNNING),
    only("DELETE", "/api/v1/admin/users/{id}/second-factor", RUNNING),
    only("DELETE", "/api/v1/admin/users/{id}/sessions", RUNNING),
    only("GET", "/api/v1/admin/queues", RUNNING),
    only("GET", "/api/v1/admin/notifications", RUNNING),
    only("POST", "/api/v1/admin/notifications/test", RUNNING),
    only("GET", "/api/v1/admin/dialplan", RUNNING),
    only("POST", "/api/v1/admin/dialplan/simulate", RUNNING),
    only("GET", "/api/v1/admin/prompts", RUNNING),
    only("GET", "/api/v1/admin/prompts/dictation", RUNNING),
    only("POST", "/api/v1/admin/prompts/{language}/{id}/phone", RUNNING),
    only("GET", "/api/v1/admin/prompts/{language}/{id}/sound", RUNNING),
    only("POST", "/api/v1/admin/prompts/{language}/{id}/recording", RUNNING),
    only("DELETE", "/api/v1/admin/prompts/{language}/{id}/recording", RUNNING),
    only("GET", "/api/v1/admin/changes", RUNNING),
    only("GET", "/api/v1/admin/versions", RUNNING),
    only("GET", "/api/v1/admin/versions/{id}", RUNNING),
    only("POST", "/api/v1/admin/versions/{id}/restore", RUNNING),
];

const fn public(method: &'static str, path: &'static str) -> Rule {
    Rule { method, path, who: Who::Public }
}

const fn signed_in(method: &'static str, path: &'static str) -> Rule {
    Rule { method, path, who: Who::SignedIn }
}

const fn only(method: &'static str, path: &'static str, roles: &'static [Role]) -> Rule {
    Rule { method, path, who: Who::Roles(roles) }
}

/// The row for a request; HEAD is answered as GET (RFC 9110 9.3.2).
pub(super) fn rule(method: &Method, path: &str) -> Option<&'static Rule> {
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    RULES.iter().find(|rule| rule.method == method && rule.path == path)
}

/// Numbers and names of citizens: those who talk to them, and the auditor. Everybody else sees them masked.
pub(super) const fn sees_applicants(role: Role) -> bool {
    matches!(role, Operator | Supervisor | Control | Auditor)
}

/// By whose order something is held, and why.
pub(super) const fn sees_holds(role: Role) -> bool {
    matches!(role, Records | Auditor)
}

/// Find calls by the words of citizens: those who oversee the work, not those who do it.
pub(super) const fn searches_words(role: Role) -> bool {
    matches!(role, Supervisor | Control | MayorOffice | Auditor)
}

/// Which searches for calls stand in the journal: all by words, and all of an auditor.
pub(super) fn search_is_journalled(role: Role, by_words: bool) -> bool {
    by_words || role == Auditor
}

/// Why a recording stays closed to somebody whose role may hear recordings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum NotHeard {
    #[error("this role does not hear recordings")]
    Role,
    #[error("operators hear their own calls only")]
    NotOwnCall,
    #[error("say why you listen: ?reason=")]
    ReasonMissing,
}

/// Whether `user` may hear the recording of `contact`, having given `reason`.
pub(super) fn hearing(user: &User, contact: &Contact, reason: Option<&str>) -> Result<(), NotHeard> {
    let reasoned = reason.is_some_and(|reason| !reason.trim().is_empty());
    match user.role {
        Auditor => Ok(()),
        Operator if contact.operator != Some(user.id) => Err(NotHeard::NotOwnCall),
        Operator | Supervisor | MayorOffice if reasoned => Ok(()),
        Operator | Supervisor | MayorOffice => Err(NotHeard::ReasonMissing),
        Control | Executor | Records | Admin => Err(NotHeard::Role),
    }
}

/// The second person of a disclosure.
pub(super) fn decides_disclosures(role: Role) -> bool {
    LETTING_GO.contains(&role)
}

/// Who gets the package of a disclosure: who asked for it, the records office, auditors.
pub(super) fn fetches_disclosure(user: &User, disclosure: &Disclosure) -> bool {
    matches!(user.role, Records | Auditor)
        || HANDING_OVER.contains(&user.role) && disclosure.asked_by == user.id.to_string()
}

/// Executors see the cases their organisation works on, all others in the table see every case.
pub(super) fn sees_case(user: &User, case: &Case) -> bool {
    user.role != Executor
        || user
            .organisation
            .as_deref()
            .is_some_and(|own| case.state.executor() == Some(own) || case.part_of(own).is_some())
}

/// How much of a case somebody gets to see. Lists never show more than [`Sight::Existence`] of a restricted case, whoever
/// asks: its words are read one case at a time, each reading on the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sight {
    /// Number, state, deadline.
    Existence,
    /// All that the role sees; that it was read is journalled.
    Reading,
    /// All that the role sees.
    Free,
}

/// What `user` sees of a case of `category`.
pub(super) fn sight(user: &User, plan: &CityPlan, category: &str) -> Sight {
    match plan.privacy_class(category) {
        None => Sight::Free,
        Some(class) if is_cleared(&user.clearances, class) => Sight::Reading,
        Some(_) => Sight::Existence,
    }
}

/// Whether somebody with these clearances reads cases of this class.
pub(super) fn is_cleared(clearances: &[String], class: &str) -> bool {
    clearances.iter().any(|held| held == class)
}

/// Whether lists keep the words of a case of `category` to themselves.
pub(super) fn is_withheld_in_lists(plan: &CityPlan, category: &str) -> bool {
    plan.privacy_class(category).is_some()
}

/// Whether a search for what stands in a case, such as its applicant's number, may find it.
pub(super) fn is_found(user: &User, plan: &CityPlan, category: &str) -> bool {
    sight(user, plan, category) != Sight::Existence
}

/// Entries of a case's history that concern the executor; the rest is between the citizen and the city.
pub(super) fn sees_entry(role: Role, event: &str) -> bool {
    const EXECUTOR_SEES: [&str; 5] = ["wo.", "evidence.", "norm.", "case.routed", "case.closed"];
    role != Executor || EXECUTOR_SEES.iter().any(|prefix| event.starts_with(prefix))
}

/// The list of a reception, with names: the official's secretary, who holds the `post`, and the desk that talks to
/// applicants anyway.
pub(super) fn keeps_list(user: &User, post: &str) -> bool {
    sees_applicants(user.role) || posts(user).iter().any(|held| held == post)
}

/// Posts a person holds: those the administrator gave, and the one of the role.
pub(super) fn posts(user: &User) -> Vec<String> {
    let of_role = match user.role {
        Control => Some("control"),
        MayorOffice => Some("mayor_office"),
        _ => None,
    };
    user.posts.iter().cloned().chain(of_role.map(str::to_owned)).collect()
}

/// The organisation whose orders and cases a list is confined to; none for roles that see all.
pub(super) fn confined_to(user: &User) -> Option<String> {
    // An executor without an organisation is confined to one that does not exist.
    (user.role == Executor).then(|| user.organisation.clone().unwrap_or_default())
}

/// Whether this person must set up a second factor before anything else.
pub(super) fn lacks_second_factor(user: &User, terms: &SignInTerms) -> bool {
    !user.second_factor && terms.second_factor.contains(&user.role)
}

/// What somebody may do who lacks it: set it up, or leave.
pub(super) fn is_for_setting_up(path: &str) -> bool {
    ["/api/v1/session", "/api/v1/second-factor", "/api/v1/second-factor/confirm"].contains(&path)
}

/// Without use for so long a session of this role ends.
pub(super) const fn idle_limit(role: Role, terms: &SignInTerms) -> Duration {
    if matches!(role, Executor) { terms.field_idle } else { terms.idle }
}

/// Who listens to whom.
pub(super) const fn sees_supervision(role: Role) -> bool {
    matches!(role, Supervisor | Auditor)
}

/// Operators end their own calls, supervisors any.
pub(super) fn may_hang_up(user: &User, held_by: Option<crate::ids::UserId>) -> bool {
    user.role == Supervisor || held_by == Some(user.id)
}
