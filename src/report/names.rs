//! What the keys of a breakdown are called for people: executors, categories and districts by the city plan, the rest
//! by the report's own words. A name that the plan does not have any more is its id.

use super::indicator::Dimension;
use super::words;
use crate::case::city::CityPlan;
use crate::language::Language;

/// Names in one language.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub plan: &'a CityPlan,
    pub language: Language,
}

impl Names<'_> {
    pub fn of(&self, by: Dimension, key: Option<&str>) -> String {
        let Some(key) = key else { return words::say("none", self.language).to_owned() };
        match by {
            Dimension::Executor => self.plan.organisation(key).map_or(key, |it| &it.name).to_owned(),
            Dimension::Category => {
                let category = self.plan.category(key);
                category.map_or(key, |category| category.name_in(self.language)).to_owned()
            }
            Dimension::District => self.plan.territory(key).map_or(key, |it| &it.name).to_owned(),
            Dimension::Hour => format!("{key}:00"),
            Dimension::Language => words::say(&format!("language.{key}"), self.language).to_owned(),
            Dimension::Code => words::say(&format!("code.{key}"), self.language).to_owned(),
            Dimension::Age => words::say(&format!("age.{key}"), self.language).to_owned(),
        }
    }
}
