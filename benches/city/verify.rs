//! `make bench ONLY=verify`: a year of a city with months of sound, and `ringback verify` over it as a process of its own: how
//! long each part takes, and whether its memory stays as it was. Every finding is printed; it fails when there is one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::life::City;
use super::sound::Sounds;

/// How often the process is asked what it holds.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What it holds after this time should be what it holds in the end.
const SETTLED: Duration = Duration::from_secs(10);

pub async fn run() {
    let (cases, seed) = (super::number("CASES", 1_000_000), super::number("SEED", 1580));
    let hours = super::number("HOURS", 2_000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("city");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{cases}-{seed}-{hours}h.db"));
    let recordings = folder.join(format!("{cases}-{seed}-{hours}h"));
    let made = match file.with_extension("done").exists() {
        true => Duration::ZERO,
        false => {
            let sounds = Sounds::new(&recordings, hours, seed);
            super::generate(&file, &mut City::new(seed, cases, Some(sounds)), seed).await
        }
    };
    let config = folder.join("verify.toml");
    fs::write(&config, settings(&file, &recordings)).unwrap();
    println!("{:.1} GB of rows made in {:.0} s", octets(&file) / 1e9, made.as_secs_f64());
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ringback"))
        .args(["verify", "--config"])
        .arg(&config)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (settled, peak) = watch(&mut child, began);
    let took = began.elapsed();
    let said: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap).collect();
    said.iter().for_each(|line| println!("{line}"));
    assert!(child.wait().unwrap().success(), "something was found");
    let processor = format!("{:.0}", took.as_secs_f64());
    println!("verified in {processor} s; {settled} KiB after {} s, {peak} KiB at most", SETTLED.as_secs());
    let told = json!({ "cases": cases, "hours": hours, "seconds": took.as_secs(), "settled_kib": settled,
        "peak_kib": peak, "said": said });
    println!("\n{told}");
}

/// What it held when it was under way, and at most, KiB.
fn watch(child: &mut Child, began: Instant) -> (u64, u64) {
    let (mut settled, mut peak) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|it| it.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        if began.elapsed() < SETTLED {
            settled = of("VmRSS:");
        }
        peak = peak.max(of("VmHWM:"));
        std::thread::sleep(LOOK_EVERY);
    }
    (settled, peak)
}

fn octets(file: &Path) -> f64 {
    fs::metadata(file).unwrap().len() as f64
}

fn settings(file: &Path, recordings: &Path) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    format!(
        "[store]\nurl = \"{url}\"\n[recording]\ndir = \"{recordings}\"\n[number]\ndialplan = \"{dialplan}\"\n\
         [city]\nfile = \"{city}\"\n[[queue]]\nname = \"general\"\n",
        url = super::url(file),
        recordings = recordings.display(),
        dialplan = repository.join("dialplans/city-15-80.toml").display(),
        city = repository.join("city.toml").display(),
    )
}
