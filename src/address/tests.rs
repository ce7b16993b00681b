//! What operators type, and what must be found: Ukrainian, Lithuanian and Hebrew, old names, other scripts, wrong keys
//! and typing errors. How long it takes in a city of a million is printed, not judged.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;

use super::{HitHouse, Known, MAX_HITS, Reading, Register};

fn register(lines: &str) -> Register {
    let known = Known { territories: vec!["center", "north"], holders: Vec::new() };
    let text = format!("territory,settlement,street,former,house\n{lines}");
    Register::import("addresses.csv", text.as_bytes(), &known)
        .unwrap_or_else(|complaints| panic!("{complaints:?}"))
}

fn ukrainian() -> Register {
    register(
        "center,,вулиця Тараса Шевченка,вулиця Леніна|Поштова вулиця,12\n\
         center,,вулиця Тараса Шевченка,,12-А\n\
         center,,вулиця Тараса Шевченка,,12/3\n\
         center,,вулиця Тараса Шевченка,,14\n\
         north,,провулок Шевченка,,12\n\
         north,,проспект Миру,проспект Перемоги,4-а\n\
         north,,проспект Миру,,84\n\
         center,,вулиця Михайла Грушевського,вулиця Кірова,7\n\
         center,,Набережна вулиця,,5\n\
         center,,вулиця 9 Травня,,12\n\
         center,,вулиця П’ятихатська,,3\n\
         center,,вулиця Щаслива,,3\n\
         center,,Європейська площа,площа Дзержинського,\n\
         center,с. Зелене,вулиця Садова,,1\n\
         center,с. Лугове,вулиця Садова,,1\n\
         north,,бульвар Лесі Українки,,21\n\
         north,,1-ша Лінія,,4\n\
         north,,вулиця Булгакова,,8\n",
    )
}

/// `street, house, flat; former; reading` of the best hit.
fn best(register: &Register, typed: &str) -> String {
    let hits = register.search(typed);
    let Some(hit) = hits.first() else { return "nothing".to_owned() };
    let mut text = hit.street.name.clone();
    match &hit.house {
        Some(HitHouse::Known(house)) => write!(text, ", {}", house.text).unwrap(),
        Some(HitHouse::Unknown(house)) => write!(text, ", {house}?").unwrap(),
        None => {}
    }
    if let Some(flat) = &hit.flat {
        write!(text, ", кв. {flat}").unwrap();
    }
    if let Some(former) = hit.former {
        write!(text, "; {former}").unwrap();
    }
    if hit.reading != Reading::AsTyped {
        write!(text, "; {}", hit.reading.name()).unwrap();
    }
    text
}

fn check(register: &Register, expected: &[(&str, &str)]) {
    let wrong: Vec<String> = expected
        .iter()
        .map(|(typed, wanted)| (typed, wanted, best(register, typed)))
        .filter(|(_, wanted, found)| found != *wanted)
        .map(|(typed, wanted, found)| format!("{typed}: wanted '{wanted}', found '{found}'"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn ukrainian_as_it_is_typed() {
    check(
        &ukrainian(),
        &[
            ("тараса шевч 12 кв 5", "вулиця Тараса Шевченка, 12, кв. 5"),
            ("вул. Шевченка, буд. 12а, кв. 5", "вулиця Тараса Шевченка, 12-А, кв. 5"),
            ("12/3 вул шевченка", "вулиця Тараса Шевченка, 12/3"),
            ("14/3 вул шевченка", "вулиця Тараса Шевченка, 14, кв. 3"),
            ("пров. шевченка 12", "провулок Шевченка, 12"),
            ("Т. Шевченка 14", "вулиця Тараса Шевченка, 14"),
            ("миру 84, кв 7", "проспект Миру, 84, кв. 7"),
            ("просп мир", "проспект Миру"),
            ("набережна 5", "Набережна вулиця, 5"),
            ("вул. Набережна, 5", "Набережна вулиця, 5"),
            ("9 травня 12", "вулиця 9 Травня, 12"),
            ("9травня, 12", "вулиця 9 Травня, 12"),
            ("1 лінія 4", "1-ша Лінія, 4"),
            ("1-ша лінія 4", "1-ша Лінія, 4"),
            ("бульв лесі українки 21", "бульвар Лесі Українки, 21"),
            ("бул 8", "вулиця Булгакова, 8"),
            ("Зелене Садова 1", "вулиця Садова, 1"),
            ("європейська пл", "Європейська площа"),
            ("пятихатская 3", "вулиця П’ятихатська, 3; same_sound"),
            ("п'ятихатська 3", "вулиця П’ятихатська, 3"),
            ("шевченка 99 кв 1", "провулок Шевченка, 99?, кв. 1"),
            ("вулиця", "nothing"),
            ("12", "nothing"),
            ("", "nothing"),
            ("хащі", "nothing"),
        ],
    );
    let hits = ukrainian()
        .search("зелене садова")
        .into_iter()
        .map(|hit| hit.street.settlement.clone())
        .collect::<Vec<_>>();
    assert_eq!(hits[0].as_deref(), Some("с. Зелене"));
}

#[test]
fn old_names_find_the_new_one() {
    check(
        &ukrainian(),
        &[
            ("леніна 12", "вулиця Тараса Шевченка, 12; вулиця Леніна"),
            ("Поштова 14", "вулиця Тараса Шевченка, 14; Поштова вулиця"),
            ("кирова 7", "вулиця Михайла Грушевського, 7; вулиця Кірова"),
            ("перемоги 84", "проспект Миру, 84; проспект Перемоги"),
            ("пл. дзержинского", "Європейська площа; площа Дзержинського"),
            ("lenina 12", "вулиця Тараса Шевченка, 12; вулиця Леніна; same_sound"),
        ],
    );
}

#[test]
fn other_scripts_wrong_keys_and_typing_errors() {
    check(
        &ukrainian(),
        &[
            ("prospekt myru 4a", "проспект Миру, 4-а; same_sound"),
            ("vul. Tarasa Shevchenka 12", "вулиця Тараса Шевченка, 12; same_sound"),
            ("taras shevchenko 14", "вулиця Тараса Шевченка, 14; similar"),
            ("Hrushevskoho 7", "вулиця Михайла Грушевського, 7; same_sound"),
            ("grushevskogo 7", "вулиця Михайла Грушевського, 7; same_sound"),
            ("shchaslyva 3", "вулиця Щаслива, 3; same_sound"),
            ("счастливая 3", "вулиця Щаслива, 3; similar"),
            ("Yevropeiska", "Європейська площа; same_sound"),
            ("вул шевчнека 14", "вулиця Тараса Шевченка, 14; similar"),
            ("шевчекна 14", "вулиця Тараса Шевченка, 14; similar"),
            ("грешевского 7", "вулиця Михайла Грушевського, 7; similar"),
            ("nfhfcf itdxtyrf 12", "вулиця Тараса Шевченка, 12; other_layout"),
            (",ekmdfh ktcs 21", "бульвар Лесі Українки, 21; other_layout"),
        ],
    );
}

#[test]
fn lithuanian() {
    let register = register(
        "center,,Gedimino prospektas,Lenino prospektas,9\n\
         center,,Šv. Jono gatvė,,4\n\
         center,,Kovo 11-osios gatvė,,7\n\
         north,,Žvėryno skersgatvis,,3\n\
         north,,Vytauto Didžiojo gatvė,,12\n\
         north,,Žalgirio g.,,112\n",
    );
    check(
        &register,
        &[
            ("gedimino pr 9-5", "Gedimino prospektas, 9, кв. 5"),
            ("Gedimino 9 bt. 5", "Gedimino prospektas, 9, кв. 5"),
            ("lenino pr. 9", "Gedimino prospektas, 9; Lenino prospektas"),
            ("zveryno skg 3", "Žvėryno skersgatvis, 3"),
            ("zhveryno 3", "Žvėryno skersgatvis, 3; same_sound"),
            ("kovo 11 g. 7", "Kovo 11-osios gatvė, 7"),
            ("kovo 11-osios 7", "Kovo 11-osios gatvė, 7"),
            ("vytauto didz 12", "Vytauto Didžiojo gatvė, 12"),
            ("žalgirio g. 112", "Žalgirio g., 112"),
            ("zalgrio 112", "Žalgirio g., 112; similar"),
            ("гедимино 9", "Gedimino prospektas, 9; same_sound"),
            ("пувшьштщ 9", "Gedimino prospektas, 9; other_layout"),
            ("sv jono 4", "Šv. Jono gatvė, 4"),
        ],
    );
}

#[test]
fn hebrew() {
    let register = register(
        "center,,רחוב הרצל,רחוב המלך ג'ורג',12\n\
         center,,שדרות ירושלים,,40\n\
         north,,רחוב ז'בוטינסקי,,7\n\
         north,,סמטת הגפן,,3\n\
         north,,רחוב בן־גוריון,,21\n",
    );
    check(
        &register,
        &[
            ("הרצל 12 דירה 5", "רחוב הרצל, 12, кв. 5"),
            ("רח' הרצל 12", "רחוב הרצל, 12"),
            ("12 הרצל", "רחוב הרצל, 12"),
            ("המלך גורג 12", "רחוב הרצל, 12; רחוב המלך ג'ורג'"),
            ("שד' ירושלים 40", "שדרות ירושלים, 40"),
            ("ירושלימ 40", "שדרות ירושלים, 40"),
            ("זבוטינסקי 7", "רחוב ז'בוטינסקי, 7"),
            ("ז׳בוטינסקי 7", "רחוב ז'בוטינסקי, 7"),
            ("זבוטינקסי 7", "רחוב ז'בוטינסקי, 7; similar"),
            ("בן גוריון 21", "רחוב בן־גוריון, 21"),
            ("סמטת הגפן 3", "סמטת הגפן, 3"),
            ("vrmk 12", "רחוב הרצל, 12; other_layout"),
        ],
    );
}

#[test]
fn houses_near_the_typed_one_follow_it() {
    let register = ukrainian();
    let hits = register.search("тараса шевченка 12");
    let houses: Vec<_> = hits
        .iter()
        .filter_map(|hit| match &hit.house {
            Some(HitHouse::Known(house)) => Some(house.text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(houses[..3], ["12", "12/3", "12-А"]);
    let unknown = register.search("вулиця тараса шевченка 13");
    assert_eq!(unknown[0].house, Some(HitHouse::Unknown("13".to_owned())));
}

#[test]
fn hits_are_few_and_differ() {
    let lines: String = (1..=200).map(|n| format!("center,,вулиця Садова {n},,1\n")).collect();
    let register = register(&lines);
    let hits = register.search("садова");
    assert_eq!(hits.len(), MAX_HITS);
    let streets: std::collections::BTreeSet<_> = hits.iter().map(|hit| &hit.street.key).collect();
    assert_eq!(streets.len(), MAX_HITS);
    assert!(Register::default().search("садова").is_empty());
}

#[test]
fn whatever_is_typed_is_answered() {
    let register = ukrainian();
    for typed in [
        "/-/-",
        "12//3",
        "кв кв кв 5",
        "а",
        "\u{301}\u{5b0}",
        "🏠 12",
        "-1-2-3",
        "99999999999999999999 шевченка",
    ] {
        register.search(typed);
    }
    assert!(register.search(&"шевченка ".repeat(100_000)).len() <= MAX_HITS);
}

/// Streets and houses of a city of a million people; every third street was renamed.
fn large_city() -> String {
    const KINDS: [&str; 4] = ["вулиця", "провулок", "проспект", "бульвар"];
    const SYLLABLES: [&str; 20] = [
        "ба", "вер", "го", "дни", "жо", "зе", "ки", "лу", "мар", "не", "оль", "при", "ро", "сте", "ту", "хо",
        "це", "чор", "шев", "яр",
    ];
    let name = |n: usize| {
        let at = |divisor: usize| SYLLABLES[(n / divisor) % SYLLABLES.len()];
        format!("{}{}{}ська", at(1), at(20), at(400))
    };
    let mut text = "territory,settlement,street,former,house,flats,lat,lon\n".to_owned();
    for street in 0..3_000 {
        let (kind, own) = (KINDS[street % KINDS.len()], name(street * 7));
        let former =
            if street % 3 == 0 { format!("{kind} {}", name(street * 11 + 3)) } else { String::new() };
        for house in 1..=50 {
            writeln!(text, "center,,{kind} {own} {street},{former},{house},40,50.{street:04},30.{house:04}")
                .unwrap();
        }
    }
    text
}

#[test]
fn how_long_a_large_city_takes() {
    let known = Known { territories: vec!["center"], holders: Vec::new() };
    let text = large_city();
    let began = crate::time::now().mono;
    let register = Register::import("addresses.csv", text.as_bytes(), &known).unwrap();
    let imported = crate::time::now().mono.saturating_duration_since(began);
    assert_eq!((register.street_count(), register.house_count()), (3_000, 150_000));
    let typed = [
        "шев",
        "шевголуська 12 кв 5",
        "вул. Шевголувська, 12/3",
        "prospekt maroliuska 4a",
        "itdujkecmrf 12",
        "12 50 31 бароська",
    ];
    for typed in typed {
        let began = crate::time::now().mono;
        let hits = register.search(typed).len();
        let took = crate::time::now().mono.saturating_duration_since(began);
        println!("{took:?} for '{typed}', {hits} hits");
    }
    println!("{imported:?} for the import of {} MiB", text.len() >> 20);
}
