//! A request in writing becomes a case: one way for the citizens' page and for Open311. The case waits for an operator
//! unless its category says that it may go to its executor at once. What the request holds is checked by who takes it in.

pub(super) mod answers;
pub(super) mod picture;
pub(super) mod place;

use crate::case::city::CityPlan;
use crate::case::{Applicant, Case, CaseDraft, IdentityLevel, Place, Priority, routing};
use crate::ids::{AttachmentId, WorkOrderId};
use crate::language::Language;
use crate::people::{Actor, ActorKind};
use crate::phone_number::PhoneNumber;
use crate::store::{Attachment, Filing};
use crate::time;

pub(super) use crate::notify::code;

use super::Web;
use super::error::ApiError;
use code::Code;
use picture::Checked;

/// What anybody writes at once, characters (GeoReport v2 has the same for `description`).
pub(super) const MAX_TEXT_CHARS: usize = 4_000;
/// Names, mail addresses, links.
pub(super) const MAX_WORD_CHARS: usize = 300;

/// A request, checked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) category: String,
    pub(super) description: String,
    pub(super) place: Option<Place>,
    pub(super) language: Language,
    pub(super) number: Option<PhoneNumber>,
    pub(super) name: Option<String>,
    pub(super) mail: Option<String>,
    pub(super) media_url: Option<String>,
    pub(super) answers: Vec<(String, String)>,
    /// May be called and written to.
    pub(super) consent: bool,
    /// `page`, or the name of a key.
    pub(super) source: String,
    /// Whether the applicant gets a code.
    pub(super) with_code: bool,
    pub(super) pictures: Vec<Checked>,
}

/// What has become of it.
#[derive(Clone, Debug)]
pub(super) struct Filed {
    pub(super) case: Case,
    /// Shown once, kept nowhere.
    pub(super) code: Option<Code>,
}

/// Who filed a request, without saying who that is.
pub(super) fn applicant(source: &str) -> Actor {
    Actor { kind: ActorKind::Applicant, ..Actor::system(source) }
}

impl Request {
    fn draft(&self) -> CaseDraft {
        let known = self.number.is_some() || self.name.is_some() || self.mail.is_some();
        CaseDraft {
            contact: None,
            category: self.category.clone(),
            language: self.language,
            priority: Priority::Normal,
            applicant: Applicant {
                identity: if known { IdentityLevel::Stated } else { IdentityLevel::Anonymous },
                number: self.number.clone(),
                name: self.name.clone(),
            },
            place: self.place.clone(),
            description: self.description.clone(),
            ivr_path: Vec::new(),
        }
    }
}

impl Web {
    /// Registers the case with all that came with it; waits as long as the store does once it has begun to write.
    pub(super) async fn file(&self, request: Request) -> Result<Filed, ApiError> {
        let at = time::now().utc;
        let code = request.with_code.then(|| self.with_mint(Code::new));
        let actor = applicant(&request.source);
        let filing = Filing {
            draft: request.draft(),
            at,
            actor: actor.clone(),
            source: request.source,
            mail: request.mail,
            media_url: request.media_url,
            answers: request.answers,
            consent: request.consent,
            code: code.as_ref().map(|code| code.kept(&self.with_mint(|mint| mint.token()))),
        };
        let case = self.store().enqueue_filing(filing).await?.durable().await?;
        tracing::info!(case.id = %case.number, "request filed");
        for picture in request.pictures {
            self.attach(&case, picture, &actor).await?;
        }
        let case = self.assign_at_once(case).await;
        Ok(Filed { case, code })
    }

    /// Keeps a picture with the case.
    pub(super) async fn attach(
        &self,
        case: &Case,
        picture: Checked,
        actor: &Actor,
    ) -> Result<AttachmentId, ApiError> {
        let at = time::now().utc;
        let attachment = Attachment {
            id: AttachmentId(self.with_mint(|mint| mint.uuid(at))),
            case: case.number.clone(),
            content_type: picture.content_type.to_owned(),
            length: picture.original.len() as u64,
            sha256: picture.sha256,
            shown_sha256: picture.shown_sha256,
            received_at: at,
        };
        let id = attachment.id;
        self.store().attach(attachment, picture.original, picture.shown, actor.clone()).await?;
        Ok(id)
    }

    /// The case on its way to the executor where its category allows it and its place is known; otherwise, and when
    /// anything stands against it, as it was: an operator looks at it.
    async fn assign_at_once(&self, case: Case) -> Case {
        let plan = self.city();
        if !may_go_at_once(&case, &plan) {
            return case;
        }
        let at = time::now().utc;
        let order = WorkOrderId(self.with_mint(|mint| mint.uuid(at)));
        let actor = Actor::system("filing");
        let by = actor.clone();
        let changed = self.store().change_case(&case.number, &actor, at, move |case, _| {
            let assignment = routing::route(&plan, &case, order, at)
                .map_err(|_| crate::case::InvalidTransition::Incomplete("routing cannot decide"))?;
            case.assign(assignment, &by, at)
        });
        match changed.await {
            Ok(assigned) => assigned,
            Err(reason) => {
                tracing::warn!(case.id = %case.number, %reason, "a filed request waits for an operator");
                case
            }
        }
    }
}

fn may_go_at_once(case: &Case, plan: &CityPlan) -> bool {
    let placed = case.place.as_ref().is_some_and(|place| place.territory.is_some());
    placed && plan.category(&case.category).is_some_and(|category| category.filing.assign_at_once)
}

/// A text of at most `most` characters, trimmed; none when it says nothing.
pub(super) fn said(text: Option<&str>, most: usize, what: &str) -> Result<Option<String>, ApiError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > most {
        return Err(ApiError::Unprocessable(format!("{what} has at most {most} characters")));
    }
    Ok(Some(text.to_owned()))
}
