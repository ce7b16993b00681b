//! `ringback route`: whom routing would choose for a matter, there and then, and why. Reads the files the configuration
//! names; nothing is written, and no service need run. The rules are `case/city/areas.rs`'s.

use std::path::Path;

use super::{Failure, Outcome};
use crate::address::{HitHouse, Register};
use crate::app::Plans;
use crate::calendar::Calendar;
use crate::case::city::CityPlan;
use crate::case::{Applicant, Case, CaseDraft, CaseNumber, IdentityLevel, Place, Priority, Site, routing};
use crate::ids::WorkOrderId;
use crate::time::Timestamp;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Category id of the city plan, as in `housing` or `water.burst`.
    #[arg(long)]
    category: String,
    /// Street and house, as the address register finds them; gives territory and balance holder.
    #[arg(long)]
    address: Option<String>,
    /// Territory id, where there is no address, or it has none.
    #[arg(long)]
    territory: Option<String>,
    /// Organisation id of who keeps the house, where there is no address.
    #[arg(long)]
    holder: Option<String>,
    /// When, by the city's clock: `2026-11-21T23:00`; now when left out.
    #[arg(long)]
    at: Option<String>,
    /// The case is a threat to life, or urgent: `normal`, `urgent` or `life_safety`.
    #[arg(long, default_value = "normal")]
    priority: String,
}

pub(super) fn run(file: &Path, args: &Args) -> Outcome {
    let config = super::load(file)?;
    let (_, city, addresses) = Plans::read(&config).map_err(Failure::Config)?;
    let at = moment(args.at.as_deref(), city.clock())?;
    let place = place(args, &addresses)?;
    let priority: Priority = serde_json::from_value(serde_json::Value::String(args.priority.clone()))
        .map_err(|_| Failure::No(format!("there is no priority '{}'", args.priority)))?;
    let draft = CaseDraft {
        contact: None,
        category: args.category.clone(),
        language: city.language(),
        priority,
        applicant: Applicant { identity: IdentityLevel::Anonymous, number: None, name: None },
        place: Some(place),
        description: String::new(),
        ivr_path: Vec::new(),
    };
    let (case, _) = Case::register(draft, CaseNumber(String::new()), at);
    let decided = routing::route(&city, &case, WorkOrderId(uuid::Uuid::nil()), at)
        .map_err(|reason| Failure::No(reason.to_string()))?;
    print!("{}", told(&city, &case, &decided));
    Ok(())
}

fn told(city: &CityPlan, case: &Case, decided: &routing::Assignment) -> String {
    let mut lines = vec![format!("executor   {} ({})", decided.executor, decided.executor_name)];
    for id in &decided.co_executors {
        let name = city.organisation(id).map_or(id.as_str(), |known| known.name.as_str());
        lines.push(format!("with       {id} ({name})"));
    }
    let because = decided.because.as_ref().map(|because| because.in_words(city));
    lines.extend(because.map(|because| format!("because    {because}")));
    if let Some(place) = case.place.as_ref().filter(|place| !place.address.is_empty()) {
        lines.push(format!("place      {}", place.address));
    }
    lines.push(format!("resolve by {} (norm {})", decided.deadline.resolve_by, decided.deadline.norm));
    lines.join("\n") + "\n"
}

fn place(args: &Args, register: &Register) -> Result<Place, Failure> {
    let mut place = Place { territory: args.territory.clone(), ..Place::default() };
    let mut site = Site { holder: args.holder.clone(), ..Site::default() };
    if let Some(words) = &args.address {
        let hits = register.search(words);
        let hit =
            hits.first().ok_or_else(|| Failure::No(format!("no street of the register is '{words}'")))?;
        let house = match &hit.house {
            Some(HitHouse::Known(house)) => Some(*house),
            _ => None,
        };
        let territory = house.map(|house| house.territory.clone()).or_else(|| hit.street.territory.clone());
        place.territory = place.territory.or(territory);
        site.holder = site.holder.or_else(|| house.and_then(|house| house.holder.clone()));
        let number = house.map(|house| format!(" {}", house.text)).unwrap_or_default();
        place.address = format!("{}{number}", hit.street.name);
    }
    place.site = Some(site);
    Ok(place)
}

fn moment(text: Option<&str>, clock: &Calendar) -> Result<Timestamp, Failure> {
    let Some(text) = text else { return Ok(crate::time::now().utc) };
    let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"];
    let civil = formats.iter().find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok());
    civil
        .map(|civil| clock.moment_of(civil))
        .ok_or_else(|| Failure::No(format!("'{text}' is no moment, as in 2026-11-21T23:00")))
}
