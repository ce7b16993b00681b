//! Services are the city's categories, as far as the world may see them; a service's definition are the questions that
//! its category asks beside the description. Names are in the city's language.

use super::document::{Document, record};
use super::fault::Fault;
use crate::case::city::{Attribute, AttributeKind, Category, CityPlan};

record!(
    /// A kind of request that can be filed.
    OfferedServiceView, "service", {
        service_code: String,
        service_name: String,
        description: String,
        /// Whether there is a definition with questions.
        metadata: bool,
        /// `realtime`: the answer to a request filed has its number.
        r#type: &'static str,
        /// Divided by commas.
        keywords: String,
        group: String,
    }
);

record!(
    /// The questions of a service.
    DefinitionView, "service_definition", {
        service_code: String,
        attributes: Vec<AttributeView>,
    }
);

record!(
    /// One question.
    AttributeView, "attribute", {
        /// False: for reading only; true: to be answered.
        variable: bool,
        code: String,
        /// `string`, `number`, `datetime`, `text`, `singlevaluelist` or `multivaluelist`.
        datatype: &'static str,
        required: bool,
        /// How to answer it.
        datatype_description: String,
        /// Place among the questions, from 1.
        order: u64,
        description: String,
        values: Vec<ValueView>,
    }
);

record!(
    /// An answer that can be chosen.
    ValueView, "value", {
        key: String,
        name: String,
    }
);

/// Categories that the world may see.
pub(super) fn shown(plan: &CityPlan) -> impl Iterator<Item = &Category> {
    plan.categories().iter().filter(|category| !plan.is_restricted(&category.id))
}

/// The category of a service's code.
pub(super) fn known<'p>(plan: &'p CityPlan, code: &str) -> Result<&'p Category, Fault> {
    shown(plan).find(|category| category.id == code).ok_or_else(|| Fault::unknown("service_code", code))
}

pub(super) fn list(plan: &CityPlan) -> Document {
    Document::new("services", &shown(plan).map(|category| service(category, plan)).collect::<Vec<_>>())
}

pub(super) fn definition(category: &Category, plan: &CityPlan) -> Document {
    let attributes = category.filing.attributes.iter().enumerate();
    let attributes = attributes.map(|(n, attribute)| question(n, attribute, plan)).collect();
    Document::new("service_definition", &DefinitionView { service_code: category.id.clone(), attributes })
}

fn service(category: &Category, plan: &CityPlan) -> OfferedServiceView {
    let name = category.name_in(plan.language()).to_owned();
    let filing = &category.filing;
    let keywords = if filing.keywords.is_empty() { name.to_lowercase() } else { filing.keywords.join(",") };
    OfferedServiceView {
        service_code: category.id.clone(),
        description: filing.description.clone().unwrap_or_else(|| name.clone()),
        service_name: name,
        metadata: !filing.attributes.is_empty(),
        r#type: "realtime",
        keywords,
        group: category.group.clone(),
    }
}

fn question(n: usize, attribute: &Attribute, plan: &CityPlan) -> AttributeView {
    let in_language = |name: &std::collections::BTreeMap<_, String>, or: &str| {
        name.get(&plan.language()).cloned().unwrap_or_else(|| or.to_owned())
    };
    let value = |value: &crate::case::city::AttributeValue| ValueView {
        key: value.key.clone(),
        name: in_language(&value.name, &value.key),
    };
    AttributeView {
        variable: true,
        code: attribute.code.clone(),
        datatype: attribute.kind.name(),
        required: attribute.required,
        datatype_description: how(&attribute.kind).to_owned(),
        order: n as u64 + 1,
        description: in_language(&attribute.name, &attribute.code),
        values: attribute.kind.values().iter().map(value).collect(),
    }
}

/// For the people who write clients: in English, as the specification is.
const fn how(kind: &AttributeKind) -> &'static str {
    match kind {
        AttributeKind::String => "a line of text",
        AttributeKind::Text => "text of some lines",
        AttributeKind::Number => "a number, as in 3 or 2.5",
        AttributeKind::DateTime => "a moment, as in 2026-01-31T08:00:00Z",
        AttributeKind::SingleValueList(_) => "one of the keys",
        AttributeKind::MultiValueList(_) => "some of the keys, each in a parameter of its own",
    }
}
