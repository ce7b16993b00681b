//! A case on its way to somebody outside: asked for by one person, decided by a second one, made into a package, fetched a
//! bounded number of times before it goes. Pure transitions; rows and entries are the store's, making and keeping `web/`'s.

use serde::{Deserialize, Serialize};

use crate::case::CaseNumber;
use crate::case::transition::InvalidTransition;
use crate::digest::Sha256;
use crate::ids::DisclosureId;
use crate::people::Actor;
use crate::time::Timestamp;

/// Times one package is fetched at most; who needs it oftener keeps it.
pub const MAX_FETCHES: u32 = 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisclosureState {
    /// Waits for the second person.
    Asked,
    Refused,
    /// The package is being made, or its making was broken off.
    Approved,
    /// To be fetched until `until_at`.
    Made,
    /// It could not be made; somebody may have it tried again.
    Failed,
}

/// What is asked for, in words of people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    pub purpose: String,
    pub recipient: String,
    /// Legal basis.
    pub basis: String,
}

impl Terms {
    /// What the journal has of them: it is for ever, and these words may have to go one day.
    pub fn digest(&self) -> Sha256 {
        Sha256::of(serde_json::json!([self.purpose, self.recipient, self.basis]).to_string().as_bytes())
    }
}

/// A package as it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Package {
    pub made_at: Timestamp,
    /// Of the whole ZIP file.
    pub sha256: Sha256,
    /// Octets.
    pub length: u64,
    /// It is removed then.
    pub until_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Disclosure {
    pub id: DisclosureId,
    pub case: CaseNumber,
    pub state: DisclosureState,
    pub terms: Terms,
    pub asked_at: Timestamp,
    /// User id.
    pub asked_by: String,
    pub decided_at: Option<Timestamp>,
    pub decided_by: Option<String>,
    /// Why not.
    pub reason: Option<String>,
    pub package: Option<Package>,
    pub fetches: u32,
}

impl Disclosure {
    /// The second person decides; a reason refuses.
    ///
    /// # Errors
    /// `NotAllowed` for the one who asked, `Invariant` when it is decided.
    pub fn decide(
        self,
        refusal: Option<String>,
        by: &Actor,
        at: Timestamp,
    ) -> Result<Self, InvalidTransition> {
        if self.state != DisclosureState::Asked {
            return Err(InvalidTransition::Invariant("this was decided before"));
        }
        if self.asked_by == by.id {
            return Err(InvalidTransition::NotAllowed(
                "whoever asked does not decide: it takes a second person",
            ));
        }
        let state = if refusal.is_some() { DisclosureState::Refused } else { DisclosureState::Approved };
        Ok(Self { state, decided_at: Some(at), decided_by: Some(by.id.clone()), reason: refusal, ..self })
    }

    /// The package is on the disk, in the place of any before it.
    ///
    /// # Errors
    /// `Invariant` when nobody approved.
    pub fn made(self, package: Package) -> Result<Self, InvalidTransition> {
        self.approved()?;
        Ok(Self { state: DisclosureState::Made, package: Some(package), fetches: 0, ..self })
    }

    /// It could not be made.
    ///
    /// # Errors
    /// As [`Self::made`].
    pub fn failed(self) -> Result<Self, InvalidTransition> {
        self.approved()?;
        Ok(Self { state: DisclosureState::Failed, package: None, fetches: 0, ..self })
    }

    /// Whether it may be made now, for the first time or again.
    ///
    /// # Errors
    /// `Invariant` when nobody approved.
    pub fn approved(&self) -> Result<(), InvalidTransition> {
        match self.state {
            DisclosureState::Asked | DisclosureState::Refused => {
                Err(InvalidTransition::Invariant("nobody has approved this"))
            }
            DisclosureState::Approved | DisclosureState::Made | DisclosureState::Failed => Ok(()),
        }
    }

    /// Somebody fetches the package.
    ///
    /// # Errors
    /// `Invariant` when there is none, its time is over, or it was fetched often enough.
    pub fn fetched(self, at: Timestamp) -> Result<Self, InvalidTransition> {
        match self.package {
            Some(package) if self.state == DisclosureState::Made && package.until_at > at => {}
            _ => {
                return Err(InvalidTransition::Invariant(
                    "there is no package, or its time is over: have it made again",
                ));
            }
        }
        if self.fetches >= MAX_FETCHES {
            return Err(InvalidTransition::Invariant(
                "it was fetched as often as it may be: have it made again",
            ));
        }
        Ok(Self { fetches: self.fetches + 1, ..self })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::ids::UserId;
    use crate::people::Role;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn person(n: u128) -> Actor {
        Actor::person(Role::Records, UserId(uuid::Uuid::from_u128(n)), None)
    }

    fn asked() -> Disclosure {
        let word = |text: &str| text.to_owned();
        Disclosure {
            id: DisclosureId(uuid::Uuid::from_u128(1)),
            case: CaseNumber(word("2026-01-000001")),
            state: DisclosureState::Asked,
            terms: Terms { purpose: word("a"), recipient: word("b"), basis: word("c") },
            asked_at: at(0),
            asked_by: person(1).id,
            decided_at: None,
            decided_by: None,
            reason: None,
            package: None,
            fetches: 0,
        }
    }

    #[test]
    fn it_takes_a_second_person_once() {
        let own = asked().decide(None, &person(1), at(1));
        assert!(matches!(own, Err(InvalidTransition::NotAllowed(_))));
        let approved = asked().decide(None, &person(2), at(1)).unwrap();
        assert_eq!(approved.state, DisclosureState::Approved);
        assert!(approved.decide(None, &person(3), at(2)).is_err());
        let refused = asked().decide(Some("no".to_owned()), &person(2), at(1)).unwrap();
        assert_eq!((refused.state, refused.reason.as_deref()), (DisclosureState::Refused, Some("no")));
        assert!(refused.approved().is_err());
    }

    #[test]
    fn a_package_is_fetched_for_a_while_and_so_many_times() {
        let package = Package { made_at: at(2), sha256: Sha256::of(b"zip"), length: 3, until_at: at(100) };
        assert!(asked().made(package).is_err());
        let made = asked().decide(None, &person(2), at(1)).unwrap().made(package).unwrap();
        assert!(made.clone().fetched(at(100)).is_err(), "its time is over");
        let mut fetched = made;
        for _ in 0..MAX_FETCHES {
            fetched = fetched.fetched(at(99)).unwrap();
        }
        assert!(fetched.clone().fetched(at(99)).is_err());
        assert!(fetched.made(package).unwrap().fetched(at(99)).is_ok(), "made again it begins anew");
    }
}
