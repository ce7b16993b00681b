//! What the parts of a city plan say of each other: no name without its thing, no id twice, and for every category,
//! place and hour somebody who is responsible and a promise that holds.

use std::collections::BTreeSet;

use super::areas::{self, Hours, Matter};
use super::promises::{BUILT_IN_POSTS, RungDraft};
use super::reader::{Placed, Reader};
use super::validity;
use super::{Category, EvidenceRule, Reception};
use crate::case::escalation::is_of_executor;
use crate::case::norm::Norm;
use crate::case::retention::RetentionRule;
use crate::case::routing::closeness;
use crate::diagnostic::suggestion;

/// The plan as read, each part still with its place in the file.
pub(super) struct Draft {
    pub(super) categories: Vec<Placed<Category>>,
    pub(super) topics: Vec<(Placed<String>, Placed<String>)>,
    pub(super) territories: Vec<(Placed<String>, String)>,
    pub(super) organisations: Vec<(Placed<String>, String)>,
    pub(super) areas: Vec<AreaDraft>,
    pub(super) norms: Vec<Placed<Norm>>,
    pub(super) posts: Vec<(Placed<String>, String)>,
    pub(super) ladder: Vec<RungDraft>,
    pub(super) evidence: Vec<(Placed<String>, EvidenceRule)>,
    /// With the post and the categories they name.
    pub(super) receptions: Vec<(Reception, Placed<String>, Vec<Placed<String>>)>,
    pub(super) retention: Vec<Placed<RetentionRule>>,
}

#[derive(Clone)]
pub(super) struct AreaDraft {
    pub(super) categories: Vec<Placed<String>>,
    pub(super) territories: Vec<Placed<String>>,
    pub(super) holders: Vec<Placed<String>>,
    pub(super) executor: Placed<String>,
    pub(super) co_executors: Vec<Placed<String>>,
    pub(super) hours: Option<Hours>,
}

pub(super) fn check(draft: &Draft, reader: &mut Reader<'_>) {
    check_ids(draft, reader);
    check_references(draft, reader);
    // Parts that could not be read would only look like holes.
    if reader.is_content() {
        check_coverage(draft, reader);
    }
}

pub(super) fn complain_unknown<'a>(
    reader: &mut Reader<'_>,
    kind: &str,
    name: &Placed<String>,
    known: impl Iterator<Item = &'a str>,
) {
    let hint =
        suggestion(&name.value, known).map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
    reader.complain(name.offset, format!("there is no {kind} '{}'{hint}", name.value));
}

fn check_ids(draft: &Draft, reader: &mut Reader<'_>) {
    let categories = draft.categories.iter().map(|category| (category.value.id.as_str(), category.offset));
    unique(reader, "category", categories);
    let of_pairs = |pairs: &[(Placed<String>, String)]| -> Vec<(String, usize)> {
        pairs.iter().map(|(id, _)| (id.value.clone(), id.offset)).collect()
    };
    for (kind, pairs) in
        [("territory", &draft.territories), ("organisation", &draft.organisations), ("post", &draft.posts)]
    {
        let ids = of_pairs(pairs);
        unique(reader, kind, ids.iter().map(|(id, offset)| (id.as_str(), *offset)));
    }
    validity::check_versions(&draft.norms, reader);
}

fn unique<'a>(reader: &mut Reader<'_>, kind: &str, ids: impl Iterator<Item = (&'a str, usize)>) {
    let mut seen = BTreeSet::new();
    for (id, offset) in ids {
        if id == "*" {
            reader.complain(offset, format!("'*' is no id of a {kind}"));
        }
        if !seen.insert(id) {
            reader.complain(offset, format!("the {kind} '{id}' is there twice"));
        }
    }
}

fn check_references(draft: &Draft, reader: &mut Reader<'_>) {
    let categories: Vec<&str> = draft.categories.iter().map(|category| category.value.id.as_str()).collect();
    let territories: Vec<&str> = draft.territories.iter().map(|(id, _)| id.value.as_str()).collect();
    let organisations: Vec<&str> = draft.organisations.iter().map(|(id, _)| id.value.as_str()).collect();
    // A pattern names a category, the parent of one, or all.
    let is_pattern = |id: &str| categories.iter().any(|category| closeness(id, category).is_some());
    for (_, category) in &draft.topics {
        if !categories.contains(&category.value.as_str()) {
            complain_unknown(reader, "category", category, categories.iter().copied());
        }
    }
    let norms =
        draft.norms.iter().map(|norm| Placed { value: norm.value.category.clone(), offset: norm.offset });
    let areas = draft.areas.iter().flat_map(|area| area.categories.iter().cloned());
    let rules = draft.evidence.iter().map(|(category, _)| category.clone());
    let received = draft.receptions.iter().flat_map(|(_, _, categories)| categories.iter().cloned());
    let kept =
        draft.retention.iter().map(|rule| Placed { value: rule.value.category.clone(), offset: rule.offset });
    for pattern in norms
        .chain(areas)
        .chain(rules)
        .chain(received)
        .chain(kept)
        .filter(|pattern| !is_pattern(&pattern.value))
    {
        complain_unknown(reader, "category", &pattern, categories.iter().copied());
    }
    check_ladder(draft, reader);
    for area in &draft.areas {
        for territory in area.territories.iter().filter(|territory| territory.value != "*") {
            if !territories.contains(&territory.value.as_str()) {
                complain_unknown(reader, "territory", territory, territories.iter().copied());
            }
        }
        let named = std::iter::once(&area.executor).chain(&area.co_executors).chain(&area.holders);
        for organisation in named.filter(|named| !organisations.contains(&named.value.as_str())) {
            complain_unknown(reader, "organisation", organisation, organisations.iter().copied());
        }
        areas::check_co_executors(area, reader);
    }
}

/// Every post that is asked exists, and of a case that no executor holds somebody is asked too.
fn check_ladder(draft: &Draft, reader: &mut Reader<'_>) {
    let posts = draft.posts.iter().map(|(id, _)| id.value.as_str());
    let posts: Vec<&str> = posts.chain(BUILT_IN_POSTS).collect();
    let secretaries = draft.receptions.iter().map(|(_, post, _)| post);
    for post in draft.ladder.iter().flat_map(|rung| &rung.to).chain(secretaries) {
        if !posts.contains(&post.value.as_str()) {
            complain_unknown(reader, "post", post, posts.iter().copied());
        }
    }
    let is_citys = |post: &Placed<String>| !is_of_executor(&post.value);
    if let Some(last) = draft.ladder.last()
        && !last.to.iter().any(is_citys)
    {
        reader.complain(last.offset, "the last level asks the executor's own posts only: nobody above them");
    }
}

/// Nobody who calls is told "that is not us": each category has a norm, and an executor everywhere and at any hour.
fn check_coverage(draft: &Draft, reader: &mut Reader<'_>) {
    let areas: Vec<_> = draft.areas.iter().cloned().map(AreaDraft::settled).collect();
    for category in &draft.categories {
        let id = &category.value.id;
        validity::check_coverage(category, &draft.norms, reader);
        let missing: Vec<&str> = draft
            .territories
            .iter()
            .map(|(territory, _)| territory.value.as_str())
            .filter(|territory| {
                let matter = Matter { category: id, territory: Some(territory), holder: None };
                !areas.iter().any(|area| area.is_always_in_charge() && area.covers(matter))
            })
            .collect();
        if !missing.is_empty() {
            let places = missing.join(", ");
            reader.complain(
                category.offset,
                format!("nobody is responsible round the clock for category '{id}' in: {places}"),
            );
        }
    }
    let categories: Vec<&str> = draft.categories.iter().map(|category| category.value.id.as_str()).collect();
    areas::check_rivals(&draft.areas, &categories, reader);
}
