//! `/api/v1/admin/users`: people who sign in: added, blocked, given a new password, languages, queues and skills. Rows
//! are `store/users.rs`, the telephone of an operator is `phones.rs`. Passwords go in and never come out.

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::acd::MAX_SKILL_LEVEL;
use crate::ids::UserId;
use crate::journal::{Draft, EventType};
use crate::language::Language;
use crate::people::Role;
use crate::store::{FieldPhone, StoreError, User, UserChange};
use crate::switchboard::{LivePhone, Snapshot};
use crate::time;

use super::super::error::ApiError;
use super::super::extract::{Json, Path};
use super::super::gate::Principal;
use super::super::view::ListView;
use super::super::{Shared, Web, password};
use super::phone_codes::FieldPhoneView;

/// A name is written on a badge.
const MAX_NAME_CHARS: usize = 64;
/// Skills of one person, and characters of each.
const MAX_SKILLS: usize = 32;
const MAX_SKILL_CHARS: usize = 40;

/// Somebody who signs in.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct AdminUserView {
    id: String,
    name: String,
    role: &'static str,
    organisation: Option<String>,
    languages: Vec<&'static str>,
    queues: Vec<String>,
    skills: BTreeMap<String, u8>,
    /// Post ids of the city plan.
    posts: Vec<String>,
    /// Privacy classes of the city plan whose cases this person reads.
    clearances: Vec<String>,
    /// Signs in with a code of an app beside the password.
    second_factor: bool,
    extension: Option<String>,
    blocked: bool,
    /// Phones registered now.
    phones: Vec<DeviceView>,
    /// Of an executor: where they are rung outside, and their code.
    field: Option<FieldPhoneView>,
}

/// A telephone that is registered with us.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::web) struct DeviceView {
    /// `page`, `softphone`, `desk_phone` or `unknown`, by what it calls itself.
    kind: &'static str,
    /// What it calls itself.
    user_agent: String,
    transport: &'static str,
    address: String,
    /// It answers our questions.
    reachable: bool,
}

impl AdminUserView {
    fn new(user: User, snapshot: &Snapshot) -> Self {
        let extension = user.sip.map(|sip| sip.extension);
        let own = |phone: &&LivePhone| Some(&phone.extension) == extension.as_ref();
        Self {
            id: user.id.to_string(),
            name: user.name,
            role: user.role.name(),
            organisation: user.organisation,
            languages: user.languages.iter().map(|language| language.code()).collect(),
            queues: user.queues,
            skills: user.skills,
            posts: user.posts,
            clearances: user.clearances,
            second_factor: user.second_factor,
            blocked: user.disabled,
            phones: snapshot.phones.iter().filter(own).map(DeviceView::from).collect(),
            extension,
            field: None,
        }
    }

    fn outside(self, field: Option<&FieldPhone>) -> Self {
        Self { field: field.map(FieldPhoneView::from), ..self }
    }
}

impl From<&LivePhone> for DeviceView {
    fn from(phone: &LivePhone) -> Self {
        Self {
            kind: kind_of(phone),
            user_agent: phone.user_agent.clone(),
            transport: phone.transport,
            address: phone.address.to_string(),
            reachable: phone.reachable,
        }
    }
}

/// What phones in use begin their User-Agent with, or have in it.
const SOFTPHONES: [&str; 10] = [
    "linphone",
    "baresip",
    "zoiper",
    "microsip",
    "blink",
    "bria",
    "jitsi",
    "twinkle",
    "telephone",
    "portsip",
];
const DESK_PHONES: [&str; 10] =
    ["yealink", "grandstream", "snom", "cisco", "polycom", "poly", "fanvil", "gigaset", "panasonic", "htek"];

fn kind_of(phone: &LivePhone) -> &'static str {
    let name = phone.user_agent.to_ascii_lowercase();
    let is_one_of = |known: &[&str]| known.iter().any(|maker| name.contains(maker));
    if phone.transport.starts_with("WS") {
        "page"
    } else if is_one_of(&SOFTPHONES) {
        "softphone"
    } else if is_one_of(&DESK_PHONES) {
        "desk_phone"
    } else {
        "unknown"
    }
}

/// Everybody, by name.
#[utoipa::path(get, path = "/api/v1/admin/users", tag = "admin",
    responses((status = 200, body = ListView<AdminUserView>), (status = 403)))]
pub(in crate::web) async fn list(
    State(web): State<Shared>,
) -> Result<Answer<ListView<AdminUserView>>, ApiError> {
    let (users, snapshot) = (web.store().users().await?, web.snapshot());
    let field = web.store().field_phones().await?;
    let view = |user: User| {
        let field = field.iter().find(|known| known.user == user.id);
        AdminUserView::new(user, &snapshot).outside(field)
    };
    let items = users.into_iter().map(view).collect();
    Ok(Answer(ListView { items, next: None }))
}

/// Somebody new.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct NewUser {
    name: String,
    #[schema(value_type = String, example = "operator")]
    role: Role,
    /// At least 8 bytes.
    password: String,
    /// Of the city plan; an executor needs one.
    #[serde(default)]
    organisation: Option<String>,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    languages: Vec<Language>,
    /// All of the configuration when left out.
    #[serde(default)]
    queues: Option<Vec<String>>,
    /// Levels from 1 to 5.
    #[serde(default)]
    skills: BTreeMap<String, u8>,
    /// Post ids of the city plan.
    #[serde(default)]
    posts: Vec<String>,
    /// Privacy classes of the city plan.
    #[serde(default)]
    clearances: Vec<String>,
}

/// Add somebody. A telephone is given by `POST .../users/{id}/phone`.
#[utoipa::path(post, path = "/api/v1/admin/users", tag = "admin", request_body = NewUser,
    responses((status = 201, body = AdminUserView), (status = 403),
        (status = 409, description = "the name is taken"), (status = 422)))]
pub(in crate::web) async fn create(
    State(web): State<Shared>,
    principal: Principal,
    Json(new): Json<NewUser>,
) -> Result<(StatusCode, Answer<AdminUserView>), ApiError> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(ApiError::unfit("user_name", format!("a name has 1 to {MAX_NAME_CHARS} characters")));
    }
    let organisation = new.organisation.filter(|organisation| !organisation.is_empty());
    match &organisation {
        None if new.role == Role::Executor => {
            return Err(ApiError::unfit("no_organisation", "an executor belongs to an organisation"));
        }
        Some(id) if web.city().organisation(id).is_none() => {
            return Err(ApiError::Unprocessable(format!("the city plan has no organisation '{id}'")));
        }
        _ => {}
    }
    let all = || web.in_force().queues.iter().map(|queue| queue.name.clone()).collect();
    let queues = new.queues.unwrap_or_else(all);
    web.check_queues(&queues)?;
    check_skills(&new.skills)?;
    web.check_posts(&new.posts)?;
    web.check_clearances(&new.clearances)?;
    let at = time::now().utc;
    let user = User {
        id: UserId(web.with_mint(|mint| mint.uuid(at))),
        name,
        role: new.role,
        password_hash: password::hashed(&web.password_checks, new.password).await?,
        organisation,
        languages: new.languages,
        queues,
        skills: new.skills,
        posts: new.posts,
        clearances: new.clearances,
        second_factor: false,
        sip: None,
        disabled: false,
    };
    let mut entry = Draft::new(EventType::UserCreated, at, principal.actor());
    entry.data = json!({ "user": user.id, "role": user.role.name(), "clearances": user.clearances });
    web.store().add_user(&user, entry).await.map_err(|error| error_of("name_taken", error))?;
    Ok((StatusCode::CREATED, Answer(AdminUserView::new(user, &web.snapshot()))))
}

/// What is to be different; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ChangedUser {
    password: Option<String>,
    /// Somebody blocked is signed out, and their phone is not let in.
    blocked: Option<bool>,
    #[schema(value_type = Option<Vec<String>>)]
    languages: Option<Vec<Language>>,
    queues: Option<Vec<String>>,
    skills: Option<BTreeMap<String, u8>>,
    posts: Option<Vec<String>>,
    /// Privacy classes of the city plan.
    clearances: Option<Vec<String>>,
}

impl ChangedUser {
    /// For the journal, which keeps what was changed and not to what, but for clearances.
    fn keys(&self) -> Vec<&'static str> {
        let block = self.blocked.map(|blocked| if blocked { "blocked" } else { "unblocked" });
        let present = [
            self.password.as_ref().map(|_| "password"),
            block,
            self.languages.as_ref().map(|_| "languages"),
            self.queues.as_ref().map(|_| "queues"),
            self.skills.as_ref().map(|_| "skills"),
            self.posts.as_ref().map(|_| "posts"),
            self.clearances.as_ref().map(|_| "clearances"),
        ];
        present.into_iter().flatten().collect()
    }
}

/// Change somebody. It is in force at once.
#[utoipa::path(patch, path = "/api/v1/admin/users/{id}", tag = "admin", params(("id" = String, Path)),
    request_body = ChangedUser,
    responses((status = 200, body = AdminUserView), (status = 403), (status = 404),
        (status = 409, description = "the last administrator stays"), (status = 422)))]
pub(in crate::web) async fn change(
    State(web): State<Shared>,
    principal: Principal,
    Path(id): Path<UserId>,
    Json(changed): Json<ChangedUser>,
) -> Result<Answer<AdminUserView>, ApiError> {
    let keys = changed.keys();
    if keys.is_empty() {
        return Err(ApiError::Unprocessable("nothing is to be changed".to_owned()));
    }
    web.check_queues(changed.queues.as_deref().unwrap_or_default())?;
    check_skills(changed.skills.as_ref().unwrap_or(&BTreeMap::new()))?;
    web.check_posts(changed.posts.as_deref().unwrap_or_default())?;
    web.check_clearances(changed.clearances.as_deref().unwrap_or_default())?;
    let password_hash = match changed.password {
        Some(password) => Some(password::hashed(&web.password_checks, password).await?),
        None => None,
    };
    let change = UserChange {
        password_hash,
        disabled: changed.blocked,
        languages: changed.languages,
        queues: changed.queues,
        skills: changed.skills,
        posts: changed.posts,
        clearances: changed.clearances,
        sip: None,
    };
    let mut entry = Draft::new(EventType::UserChanged, time::now().utc, principal.actor());
    entry.data = json!({ "user": id, "changed": keys });
    if let Some(clearances) = &change.clearances {
        entry.data["clearances"] = json!(clearances);
    }
    let user = web.store().change_user(id, change, entry).await?;
    web.sessions_ended();
    web.take_over_users(principal.actor()).await;
    let field = web.store().field_phone(user.id).await?;
    Ok(Answer(AdminUserView::new(user, &web.snapshot()).outside(field.as_ref())))
}

/// What is taken, where the caller knows that it can only be this.
pub(super) fn error_of(taken: &'static str, error: StoreError) -> ApiError {
    match error {
        StoreError::Exists(_) => ApiError::conflict(taken, error.to_string()),
        other => other.into(),
    }
}

impl Web {
    fn check_posts(&self, posts: &[String]) -> Result<(), ApiError> {
        let city = self.city();
        let unknown = posts.iter().find(|id| !city.posts().iter().any(|post| post.id == **id));
        let complaint = |id: &String| format!("the city plan has no post '{id}'");
        unknown.map_or(Ok(()), |id| Err(ApiError::Unprocessable(complaint(id))))
    }

    fn check_clearances(&self, classes: &[String]) -> Result<(), ApiError> {
        let city = self.city();
        let known = city.privacy_classes();
        let unknown = classes.iter().find(|class| !known.contains(class.as_str()));
        let complaint = |class: &String| format!("the city plan has no privacy class '{class}'");
        unknown.map_or(Ok(()), |class| Err(ApiError::unfit("unknown_clearance", complaint(class))))
    }

    pub(in crate::web) fn check_queues(&self, queues: &[String]) -> Result<(), ApiError> {
        let in_force = self.in_force();
        let unknown = queues.iter().find(|name| !in_force.queues.iter().any(|queue| queue.name == **name));
        let complaint = |name: &String| format!("there is no queue '{name}' in the configuration");
        unknown.map_or(Ok(()), |name| Err(ApiError::unfit("unknown_queue", complaint(name))))
    }
}

pub(in crate::web) fn check_skills(skills: &BTreeMap<String, u8>) -> Result<(), ApiError> {
    let fits = |(name, level): (&String, &u8)| {
        (1..=MAX_SKILL_CHARS).contains(&name.chars().count()) && (1..=MAX_SKILL_LEVEL).contains(level)
    };
    if skills.len() <= MAX_SKILLS && skills.iter().all(fits) {
        return Ok(());
    }
    Err(ApiError::Unprocessable(format!(
        "at most {MAX_SKILLS} skills, each with a name of 1 to {MAX_SKILL_CHARS} characters and a level from 1 to \
         {MAX_SKILL_LEVEL}"
    )))
}
