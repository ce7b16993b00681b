//! The register from the CSV text a city exports: a header, then a line for each house. Every mistake is listed with
//! its place, a register with mistakes is refused whole. What the columns mean stands in `config.toml`.

use std::collections::HashMap;

use csv::{ByteRecord, ReaderBuilder};

use super::Point;
use super::lexicon::Lexicon;
use super::register::{House, Register, Street, house_key, street_key};
use crate::diagnostic::{Diagnostic, suggestion};

/// A register of a city of a million people has some 20 MiB.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Three times the houses of the largest city there is here.
const MAX_HOUSES: usize = 500_000;
const MAX_STREETS: usize = 20_000;
/// A street that was renamed more often is a mistake in the file.
const MAX_FORMER_NAMES: usize = 16;
/// The longest names of streets have 80.
const MAX_FIELD_CHARS: usize = 200;
/// Mistakes shown; who has more of them mends the export, not the lines.
const MAX_COMPLAINTS: usize = 20;
/// What Excel writes depends on the country.
const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

const COLUMNS: [&str; 9] =
    ["territory", "settlement", "street", "former", "house", "flats", "lat", "lon", "holder"];
const TERRITORY: usize = 0;
const SETTLEMENT: usize = 1;
const STREET: usize = 2;
const FORMER: usize = 3;
const HOUSE: usize = 4;
const FLATS: usize = 5;
const LAT: usize = 6;
const LON: usize = 7;
const HOLDER: usize = 8;

/// Ids of the city plan that a register may name.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    pub territories: Vec<&'a str>,
    /// Organisations.
    pub holders: Vec<&'a str>,
}

impl Register {
    /// Reads the whole text of `file`.
    pub fn import(file: &str, bytes: &[u8], known: &Known<'_>) -> Result<Self, Vec<Diagnostic>> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let message = "this is not UTF-8: export the file as \"CSV UTF-8\"";
            vec![Diagnostic::at_offset(file, &valid, valid.len(), message)]
        })?;
        let mut import = Import::new(file, text, known);
        import.run();
        import.finish()
    }
}

struct Import<'a> {
    file: &'a str,
    text: &'a str,
    known: &'a Known<'a>,
    lexicon: Lexicon,
    delimiter: u8,
    /// Where each of [`COLUMNS`] stands in a line.
    columns: [Option<usize>; COLUMNS.len()],
    streets: Vec<Street>,
    by_key: HashMap<String, usize>,
    /// Keys by what the file says: most lines repeat the street of the line before.
    keys: HashMap<(String, String), String>,
    /// Line of each house, to say where a second one has its first.
    lines: HashMap<(usize, (u32, String)), u64>,
    complaints: Vec<Diagnostic>,
    uncounted: usize,
}

/// One line of the file.
struct Line<'r> {
    record: &'r ByteRecord,
    /// Of its first byte.
    offset: usize,
    number: u64,
}

impl<'a> Import<'a> {
    fn new(file: &'a str, text: &'a str, known: &'a Known<'a>) -> Self {
        Self {
            file,
            text,
            known,
            lexicon: Lexicon::default(),
            delimiter: delimiter_of(text),
            columns: [None; COLUMNS.len()],
            streets: Vec::new(),
            by_key: HashMap::new(),
            keys: HashMap::new(),
            lines: HashMap::new(),
            complaints: Vec::new(),
            uncounted: 0,
        }
    }

    fn run(&mut self) {
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            .comment(Some(b'#'))
            .flexible(true)
            .has_headers(false)
            .from_reader(self.text.as_bytes());
        let mut record = ByteRecord::new();
        let mut width = None;
        // Bytes in memory that are UTF-8: the reader has nothing to complain about.
        while let Ok(true) = reader.read_byte_record(&mut record) {
            let (offset, number) = record.position().map_or((0, 1), |place| (place.byte(), place.line()));
            let offset = start_of(self.text, usize::try_from(offset).unwrap_or(usize::MAX));
            let line = Line { record: &record, offset, number };
            match width {
                None => {
                    if !self.take_header(&line) {
                        return;
                    }
                    width = Some(record.len());
                }
                Some(width) if record.len() != width => {
                    let message = format!("{} fields; the header has {width}", record.len());
                    self.complain_at(offset, message);
                }
                Some(_) => self.take_house(&line),
            }
            if self.lines.len() > MAX_HOUSES || self.streets.len() > MAX_STREETS {
                let most = format!("more than {MAX_HOUSES} houses or {MAX_STREETS} streets");
                self.complain_at(offset, most);
                return;
            }
        }
        if width.is_none() {
            self.complain_at(0, "the header is missing: its first line names the columns".to_owned());
        }
    }

    /// False when lines below it would mean nothing.
    fn take_header(&mut self, line: &Line<'_>) -> bool {
        for at in 0..line.record.len() {
            let name = field(line, at).to_lowercase();
            match COLUMNS.iter().position(|known| *known == name) {
                Some(column) if self.columns[column].is_some() => {
                    self.complain_field(line, at, format!("the column '{name}' is there twice"));
                }
                Some(column) => self.columns[column] = Some(at),
                None => {
                    let hint = suggestion(&name, COLUMNS).map_or_else(
                        || format!("known: {}", COLUMNS.join(", ")),
                        |near| format!("did you mean '{near}'?"),
                    );
                    self.complain_field(line, at, format!("unknown column '{name}'; {hint}"));
                }
            }
        }
        for column in [TERRITORY, STREET] {
            if self.columns[column].is_none() {
                self.complain_at(line.offset, format!("the column '{}' is missing", COLUMNS[column]));
            }
        }
        if self.columns[LAT].is_some() != self.columns[LON].is_some() {
            self.complain_at(line.offset, "'lat' and 'lon' go together".to_owned());
        }
        self.complaints.is_empty()
    }

    fn take_house(&mut self, line: &Line<'_>) {
        for at in 0..line.record.len() {
            if field(line, at).chars().count() > MAX_FIELD_CHARS {
                return self.complain_field(line, at, format!("more than {MAX_FIELD_CHARS} characters"));
            }
        }
        let territory = self.value(line, TERRITORY);
        if !self.known.territories.contains(&territory) {
            let near = suggestion(territory, self.known.territories.iter().copied());
            let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            let message = format!("there is no territory '{territory}' in the city plan{hint}");
            return self.complain(line, TERRITORY, message);
        }
        let holder = self.value(line, HOLDER);
        if !holder.is_empty() && !self.known.holders.contains(&holder) {
            let near = suggestion(holder, self.known.holders.iter().copied());
            let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            let message = format!("there is no organisation '{holder}' in the city plan{hint}");
            return self.complain(line, HOLDER, message);
        }
        let flats = self.value(line, FLATS);
        let flats = match flats.parse::<u16>() {
            _ if flats.is_empty() => None,
            Ok(flats) => Some(flats),
            Err(_) => {
                let message = "'flats' is the highest number of a flat, 0 to 65535".to_owned();
                return self.complain(line, FLATS, message);
            }
        };
        let Ok(point) = self.point(line) else { return };
        let Some(street) = self.street(line) else { return };
        let text = self.value(line, HOUSE);
        if text.is_empty() {
            // A line for the street alone: a square, or its former names.
            let street = &mut self.streets[street];
            street.territory.get_or_insert_with(|| territory.to_owned());
            return;
        }
        let key = house_key(text);
        if let Some(first) = self.lines.insert((street, key.clone()), line.number) {
            let message =
                format!("house '{text}' of '{}' is on line {first} already", self.streets[street].name);
            return self.complain(line, HOUSE, message);
        }
        self.streets[street].houses.push(House {
            key,
            text: text.to_owned(),
            territory: territory.to_owned(),
            point,
            flats,
            holder: (!holder.is_empty()).then(|| holder.to_owned()),
        });
    }

    fn point(&mut self, line: &Line<'_>) -> Result<Option<Point>, ()> {
        let (lat, lon) = (self.value(line, LAT), self.value(line, LON));
        if lat.is_empty() && lon.is_empty() {
            return Ok(None);
        }
        // A comma where the country writes one.
        let degrees = |text: &str| text.replace(',', ".").parse::<f64>().ok();
        let point = degrees(lat).zip(degrees(lon)).and_then(|(lat, lon)| Point::from_degrees(lat, lon));
        if point.is_none() {
            let column =
                if degrees(lat).is_none_or(|lat| !(-90.0..=90.0).contains(&lat)) { LAT } else { LON };
            let message =
                "'lat' is -90 to 90 and 'lon' -180 to 180, both in degrees or both empty".to_owned();
            self.complain(line, column, message);
            return Err(());
        }
        Ok(point)
    }

    /// The street of the line, new or known; its former names are added to those it has.
    fn street(&mut self, line: &Line<'_>) -> Option<usize> {
        let (name, settlement) = (self.value(line, STREET), self.value(line, SETTLEMENT));
        if !name.chars().any(char::is_alphanumeric) {
            self.complain(line, STREET, "the street has no name".to_owned());
            return None;
        }
        let settlement_of = (!settlement.is_empty()).then_some(settlement);
        let key = match self.keys.get(&(name.to_owned(), settlement.to_owned())) {
            Some(key) => key.clone(),
            None => {
                let key = street_key(&self.lexicon, name, settlement_of);
                self.keys.insert((name.to_owned(), settlement.to_owned()), key.clone());
                key
            }
        };
        let at = match self.by_key.get(&key) {
            Some(at) => *at,
            None => {
                self.by_key.insert(key.clone(), self.streets.len());
                self.streets.push(Street {
                    key,
                    name: name.to_owned(),
                    former: Vec::new(),
                    settlement: settlement_of.map(str::to_owned),
                    territory: None,
                    houses: Vec::new(),
                });
                self.streets.len() - 1
            }
        };
        let former = self.value(line, FORMER);
        for old in former.split('|').map(str::trim).filter(|old| !old.is_empty()) {
            let street = &mut self.streets[at];
            if street.former.iter().any(|known| known == old) || street.name == old {
                continue;
            }
            if street.former.len() == MAX_FORMER_NAMES {
                self.complain(line, FORMER, format!("more than {MAX_FORMER_NAMES} former names"));
                return None;
            }
            street.former.push(old.to_owned());
        }
        Some(at)
    }

    /// Trimmed; empty where the file has no such column.
    fn value<'r>(&self, line: &Line<'r>, column: usize) -> &'r str {
        self.columns[column].map_or("", |at| field(line, at))
    }

    fn complain(&mut self, line: &Line<'_>, column: usize, message: String) {
        let at = self.columns[column].unwrap_or(0);
        self.complain_field(line, at, message);
    }

    fn complain_field(&mut self, line: &Line<'_>, at: usize, message: String) {
        let offset = line.offset + field_start(&self.text[line.offset..], at, self.delimiter);
        self.complain_at(offset, message);
    }

    fn complain_at(&mut self, offset: usize, message: String) {
        if self.complaints.len() < MAX_COMPLAINTS {
            self.complaints.push(Diagnostic::at_offset(self.file, self.text, offset, message));
        } else {
            self.uncounted += 1;
        }
    }

    fn finish(mut self) -> Result<Register, Vec<Diagnostic>> {
        if self.uncounted > 0 {
            let message = format!("and {} more mistakes", self.uncounted);
            self.complaints.push(Diagnostic::at_offset(self.file, self.text, self.text.len(), message));
        }
        if !self.complaints.is_empty() {
            return Err(self.complaints);
        }
        for street in &mut self.streets {
            street.houses.sort_by(|a, b| a.key.cmp(&b.key));
            if let Some(first) = street.houses.first() {
                let one = street.houses.iter().all(|house| house.territory == first.territory);
                street.territory = one.then(|| first.territory.clone());
            }
        }
        Ok(Register::of(self.streets, self.lexicon))
    }
}

/// The text is UTF-8, and so is every field of it.
fn field<'r>(line: &Line<'r>, at: usize) -> &'r str {
    line.record.get(at).and_then(|field| std::str::from_utf8(field).ok()).unwrap_or_default().trim()
}

/// Whatever divides the first line that is no comment most often.
fn delimiter_of(text: &str) -> u8 {
    let header =
        text.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty()).unwrap_or_default();
    let count = |delimiter: u8| header.bytes().filter(|byte| *byte == delimiter).count();
    DELIMITERS.into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// A record begins behind the empty lines and comments before it.
fn start_of(text: &str, mut offset: usize) -> usize {
    loop {
        let rest = text.get(offset..).unwrap_or_default();
        let skipped = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
        let rest = &rest[skipped..];
        offset = (offset + skipped).min(text.len());
        if !rest.starts_with('#') {
            return offset;
        }
        offset += rest.find('\n').unwrap_or(rest.len());
    }
}

/// Where field number `at` begins in a line, quotation marks counted out.
fn field_start(line: &str, at: usize, delimiter: u8) -> usize {
    let (mut left, mut quoted) = (at, false);
    for (offset, byte) in line.bytes().enumerate() {
        if left == 0 {
            return offset;
        }
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if byte == delimiter && !quoted => left -= 1,
            _ => {}
        }
    }
    0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HEADER: &str = "territory,settlement,street,former,house,flats,lat,lon,holder\n";

    fn import(text: &str) -> Result<Register, Vec<String>> {
        let known = Known { territories: vec!["center", "north"], holders: vec!["zhek"] };
        let read = Register::import("addresses.csv", text.as_bytes(), &known);
        read.map_err(|complaints| complaints.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn streets_houses_and_former_names_are_read() {
        let text = format!(
            "# a comment\n{HEADER}\
             center,,вулиця Тараса Шевченка,вулиця Леніна|Поштова вулиця,12-А,40,50.4501,30.5234,zhek\n\
             north,,вулиця Тараса Шевченка,,14,,,,\n\
             center,с. Зелене,вулиця Тараса Шевченка,,1,,,,\n\
             north,,\"площа \"\"Ринок\"\", стара\",,,,,,\n"
        );
        let register = import(&text).unwrap();
        assert_eq!((register.street_count(), register.house_count()), (3, 3));
        let hits = register.search("леніна 12а");
        let house = register.street(&hits[0].street.key).unwrap().house("12 a").unwrap();
        assert_eq!(
            (house.text.as_str(), house.flats, house.holder.as_deref()),
            ("12-А", Some(40), Some("zhek"))
        );
        assert_eq!(house.point, Point::from_degrees(50.4501, 30.5234));
        let territories: Vec<_> = register.streets.iter().map(|street| street.territory.as_deref()).collect();
        assert_eq!(territories, [None, Some("center"), Some("north")]);
        assert_eq!(register.keys_of(&register.streets[0]).len(), 3);
    }

    #[test]
    fn semicolons_tabs_and_a_byte_order_mark_are_understood() {
        for text in [
            "\u{feff}territory;street;house;lat;lon\r\ncenter;вулиця Садова;5;50,45;30,52\r\n",
            "territory\tstreet\thouse\tlat\tlon\ncenter\tвулиця Садова\t5\t50.45\t30.52\n",
        ] {
            let register = import(text).unwrap();
            assert_eq!(register.streets[0].houses[0].point, Point::from_degrees(50.45, 30.52), "{text}");
        }
    }

    #[test]
    fn each_mistake_has_its_place() {
        let line =
            |line: &str| import(&format!("{HEADER}center,,вулиця Садова,,1,,,,\n\n{line}\n")).unwrap_err();
        for (text, complaint) in [
            (
                "centre,,вулиця Садова,,2,,,,",
                "4:1: there is no territory 'centre' in the city plan; did you mean 'center'?",
            ),
            (
                "center,,вулиця Садова,,2,,,,zhak",
                "4:29: there is no organisation 'zhak' in the city plan; did you mean 'zhek'?",
            ),
            ("center,,вулиця Садова,,2,many,,,", "4:26: 'flats' is the highest number of a flat, 0 to 65535"),
            ("center,,вулиця Садова,,2,,50.4,,", "4:32: 'lat' is -90 to 90"),
            ("center,,вулиця Садова,,2,,950,30,", "4:27: 'lat' is -90 to 90"),
            ("center,,\"вулиця, Садова\",,1,,950,30,", "4:30: 'lat' is -90 to 90"),
            ("center,, ,,2,,,,", "4:9: the street has no name"),
            ("center,,Садова вул.,,1,,,,", "4:22: house '1' of 'вулиця Садова' is on line 2 already"),
            ("center,,вулиця Садова", "4:1: 3 fields; the header has 9"),
        ] {
            let complaints = line(text);
            let expected = format!("addresses.csv:{complaint}");
            assert!(complaints.len() == 1 && complaints[0].starts_with(&expected), "{text}: {complaints:?}");
        }
    }

    #[test]
    fn a_header_that_is_wrong_is_all_that_is_told() {
        for (text, complaint) in [
            ("", "1:1: the header is missing"),
            ("territory,streat\ncenter,x", "1:11: unknown column 'streat'; did you mean 'street'?"),
            ("street,house\nx,1", "1:1: the column 'territory' is missing"),
            ("territory,street,street\n", "1:18: the column 'street' is there twice"),
            ("territory,street,lat\n", "1:1: 'lat' and 'lon' go together"),
        ] {
            let complaints = import(text).unwrap_err();
            assert!(
                complaints[0].starts_with(&format!("addresses.csv:{complaint}")),
                "{text}: {complaints:?}"
            );
        }
        let known = Known::default();
        let complaints =
            Register::import("a.csv", b"territory,street\ncenter,\xe2\xf3\xeb\n", &known).unwrap_err();
        assert!(complaints[0].to_string().starts_with("a.csv:2:8: this is not UTF-8"), "{complaints:?}");
    }

    #[test]
    fn what_is_shown_of_many_mistakes_is_bounded() {
        let lines = "nowhere,,вулиця Садова,,1,,,,\n".repeat(500);
        let complaints = import(&format!("{HEADER}{lines}")).unwrap_err();
        assert_eq!(complaints.len(), MAX_COMPLAINTS + 1);
        assert!(complaints[MAX_COMPLAINTS].ends_with("and 480 more mistakes"), "{complaints:?}");
        let names: Vec<String> = (0..20).map(|n| format!("вулиця {n}")).collect();
        let complaints =
            import(&format!("{HEADER}center,,вулиця Садова,{},1,,,,\n", names.join("|"))).unwrap_err();
        assert!(complaints[0].contains("more than 16 former names"), "{complaints:?}");
        let long = "а".repeat(MAX_FIELD_CHARS + 1);
        let complaints = import(&format!("{HEADER}center,,{long},,1,,,,\n")).unwrap_err();
        assert!(complaints[0].contains("more than 200 characters"), "{complaints:?}");
    }
}
