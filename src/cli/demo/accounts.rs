//! The people of the demo, with passwords made at random and printed once.
//! Who they are and what they speak stands here; what the colleague does is in `staff.rs`,
//! what is printed in `invitation.rs`.

use rand::RngExt;

use crate::case::city::CityPlan;
use crate::config::Config;
use crate::language::Language;
use crate::people::Role;
use crate::store::{Store, User};

/// No characters that are easily taken for one another.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
const PASSWORD_CHARS: usize = 12;

/// One person of the demo.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub user: User,
    pub password: Secret,
    /// The page this person works on.
    pub page: &'static str,
}

/// Printed in the box and nowhere else.
#[derive(Clone)]
pub(super) struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[derive(Clone, Debug)]
pub(super) struct Accounts {
    pub people: Vec<Person>,
}

impl Accounts {
    pub(super) fn find(&self, name: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.user.name == name)
    }
}

/// The newcomer's own operator.
pub(super) const NEWCOMER: &str = "olha";
/// Played by the demo itself.
pub(super) const COLLEAGUE: &str = "tomas";

struct Cast {
    name: &'static str,
    role: Role,
    extension: Option<&'static str>,
    languages: &'static [Language],
    page: &'static str,
}

const CAST: [Cast; 9] = [
    Cast {
        name: NEWCOMER,
        role: Role::Operator,
        extension: Some("101"),
        languages: &[Language::Uk, Language::Ru, Language::En, Language::He],
        page: "/desk",
    },
    Cast {
        name: COLLEAGUE,
        role: Role::Operator,
        extension: Some("102"),
        languages: &[Language::Lt, Language::Pl],
        page: "/desk",
    },
    Cast { name: "executor", role: Role::Executor, extension: None, languages: &[], page: "/work" },
    Cast { name: "control", role: Role::Control, extension: None, languages: &[], page: "/control" },
    Cast { name: "mayor", role: Role::MayorOffice, extension: None, languages: &[], page: "/reports" },
    Cast { name: "records", role: Role::Records, extension: None, languages: &[], page: "/hearings" },
    Cast { name: "auditor", role: Role::Auditor, extension: None, languages: &[], page: "/audit" },
    Cast {
        name: "supervisor",
        role: Role::Supervisor,
        extension: Some("103"),
        languages: &[],
        page: "/board",
    },
    Cast { name: "admin", role: Role::Admin, extension: None, languages: &[], page: "/admin" },
];

pub(super) async fn create(config: &Config, store: &Store, organisation: &str) -> anyhow::Result<Accounts> {
    let mut people = Vec::new();
    for member in CAST {
        let password = password();
        let user = super::super::user::account(
            config,
            member.name.to_owned(),
            member.role,
            (member.role == Role::Executor).then(|| organisation.to_owned()),
            member.languages.to_vec(),
            config.queue.iter().map(|queue| queue.name.clone()).collect(),
            member.extension.map(str::to_owned),
            &password,
            None,
        )?;
        store.create_user(&user).await?;
        people.push(Person { user, password: Secret(password), page: member.page });
    }
    Ok(Accounts { people })
}

/// The executor whose page will have something to show: the one for water.
pub(super) fn busiest_organisation(city: &CityPlan) -> String {
    city.organisations().first().map(|organisation| organisation.id.clone()).unwrap_or_default()
}

fn password() -> String {
    let mut rng = rand::rng();
    let letters = (0..PASSWORD_CHARS).map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]));
    letters.collect()
}
