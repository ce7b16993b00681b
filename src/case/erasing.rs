//! What destroying leaves of a case: number, category, the place of the work as far as it is public, states, times, and
//! what the city's own staff wrote down as reasons. Who the applicant was and what they said goes. Only a case that is over
//! is destroyed, and one whose words are gone is never worked on again.

use serde_json::{Value, json};

use super::retention::{Content, Contents};
use super::transition::{InvalidTransition, Transition};
use super::{Applicant, Case, CaseEvent, CaseNumber, Place, Site};

impl Case {
    /// Whether it may be destroyed as it stands.
    ///
    /// # Errors
    /// An open case is still somebody's work.
    pub fn check_erasable(&self) -> Result<(), InvalidTransition> {
        if self.state.is_open() { Err(self.refused("erased")) } else { Ok(()) }
    }

    /// Without `what`. `why` is what the entry tells besides: the erasure's id, rule and version. `is_public`: the city shows
    /// the place of such matters to everybody, so street and house stay.
    pub fn erase(mut self, what: &Contents, why: Value, is_public: bool) -> Transition {
        self.check_erasable()?;
        if what.contains(&Content::Words) {
            self.description.clear();
            self.applicant.forget();
            self.joined.iter_mut().for_each(|joined| joined.applicant.forget());
            self.place = self.place.map(|place| place.without_person(is_public));
            self.clocks.asked = None;
        }
        self.erased.extend(what.iter().copied());
        let mut told = why;
        told["what"] = json!(what);
        Ok((self, vec![CaseEvent::new("case.erased", told)]))
    }

    /// Forgets the applicant who came with `from`, a case that was merged into this one and is destroyed now. None when
    /// there was none.
    pub fn forget_joined(mut self, from: &CaseNumber) -> Option<Self> {
        let named = |applicant: &Applicant| applicant.number.is_some() || applicant.name.is_some();
        let joined =
            self.joined.iter_mut().find(|joined| joined.from == *from && named(&joined.applicant))?;
        joined.applicant.forget();
        Some(self)
    }

    /// Refuses what needs words that are gone.
    ///
    /// # Errors
    /// For a case whose words were erased.
    pub fn check_words(&self) -> Result<(), InvalidTransition> {
        if self.erased.contains(&Content::Words) {
            return Err(InvalidTransition::Invariant(
                "what this case was about has been erased: register a new case",
            ));
        }
        Ok(())
    }
}

impl Applicant {
    /// How well they were known stays, for statistics.
    fn forget(&mut self) {
        (self.number, self.name) = (None, None);
    }
}

impl Place {
    /// The territory always stays. Of the address what the register has of it: somebody's free text may name anything, and
    /// a flat is a home.
    fn without_person(self, is_public: bool) -> Self {
        let site =
            self.site.filter(|site| is_public && site.in_register).map(|site| Site { flat: None, ..site });
        let address = site.as_ref().map_or_else(String::new, |site| {
            let parts = [Some(site.street.as_str()), site.house.as_deref()];
            parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
        });
        Self { address, territory: self.territory, site }
    }
}
