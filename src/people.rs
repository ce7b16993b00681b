//! Who acts: roles and actors. What each role may do stands in `web/access.rs`.
//! Names, passwords and phones of people are rows of the store
//! (`store/users.rs`); the list of roles is DOMAIN.md's.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// What a person may do (DOMAIN.md, Roles).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Operator,
    Supervisor,
    Control,
    Executor,
    MayorOffice,
    Records,
    Auditor,
    Admin,
}

impl Role {
    pub const ALL: [Self; 8] = [
        Self::Operator,
        Self::Supervisor,
        Self::Control,
        Self::Executor,
        Self::MayorOffice,
        Self::Records,
        Self::Auditor,
        Self::Admin,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::Control => "control",
            Self::Executor => "executor",
            Self::MayorOffice => "mayor_office",
            Self::Records => "records",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// Who did it, in every journal entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    pub kind: ActorKind,
    /// User id, or the component's name for `system`, or the contact id for `applicant`.
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_behalf: Option<String>,
    /// The organisation the person acts for; the close invariant compares it (DOMAIN.md, invariant 3).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organisation: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// The program itself.
    System,
    /// The citizen who called.
    Applicant,
    Operator,
    Supervisor,
    Control,
    Executor,
    MayorOffice,
    Records,
    Auditor,
    Admin,
}

impl Actor {
    /// The program itself, `component` naming the part of it.
    pub fn system(component: &str) -> Self {
        Self { kind: ActorKind::System, id: component.to_owned(), on_behalf: None, organisation: None }
    }

    pub fn person(role: Role, user: UserId, organisation: Option<String>) -> Self {
        let kind = match role {
            Role::Operator => ActorKind::Operator,
            Role::Supervisor => ActorKind::Supervisor,
            Role::Control => ActorKind::Control,
            Role::Executor => ActorKind::Executor,
            Role::MayorOffice => ActorKind::MayorOffice,
            Role::Records => ActorKind::Records,
            Role::Auditor => ActorKind::Auditor,
            Role::Admin => ActorKind::Admin,
        };
        Self { kind, id: user.to_string(), on_behalf: None, organisation }
    }
}
