//! The address register of the generated city: streets and houses with invented names, spread over the territories of the
//! city plan.

use rand::RngExt;
use rand::rngs::StdRng;

use ringback::case::city::CityPlan;

/// Streets and houses that the city has.
const STREETS: u32 = 1_500;
pub const HOUSES: u32 = 60;

/// An address register of streets and houses with invented names, as its file, and what cases need of each street.
pub fn addresses(plan: &CityPlan, rng: &mut StdRng) -> (String, Vec<(String, String, String)>) {
    const SOUNDS: [&str; 20] = [
        "ба", "ве", "го", "да", "жи", "ко", "ла", "мо", "ни", "по", "ра", "со", "ту", "фе", "хо", "ча", "ша",
        "ли", "ре", "ви",
    ];
    let mut csv = "territory,settlement,street,former,house,flats,lat,lon,holder\n".to_owned();
    let mut streets = Vec::new();
    let territories = plan.territories();
    let rng_offset = rng.random_range(0..160_000_u32);
    for n in 0..STREETS {
        // 7,919 shares no divisor with 20 to the 4th: every street has a name of its own.
        let mixed = (n * 7_919 + rng_offset) % 160_000;
        let mut name: String =
            [1, 20, 400, 8_000].map(|place| SOUNDS[(mixed / place % 20) as usize]).concat();
        name.push_str("нська");
        let street = format!("вулиця {name}");
        let territory = territories[n as usize % territories.len()].id.clone();
        for house in 1..=HOUSES {
            let (lat, lon) = (50.4 + f64::from(n) * 1e-4, 30.4 + f64::from(house) * 1e-4);
            csv.push_str(&format!("{territory},,{street},,{house},,{lat:.5},{lon:.5},\n"));
        }
        streets.push((territory, ringback::address::plain(&name), street));
    }
    (csv, streets)
}
