//! Words of an address that are no name: kinds of street with their abbreviations, what stands before a house or a
//! flat, and what says nothing at all. In the languages of service, as operators write them.

use std::collections::HashMap;

use super::fold::plain;

/// Kinds of street as a set: an abbreviation may stand for several.
pub(super) type Kinds = u16;

pub(super) const STREET: Kinds = 1;
const AVENUE: Kinds = 1 << 1;
const LANE: Kinds = 1 << 2;
const BOULEVARD: Kinds = 1 << 3;
const SQUARE: Kinds = 1 << 4;
const EMBANKMENT: Kinds = 1 << 5;
const DESCENT: Kinds = 1 << 6;
const DRIVE: Kinds = 1 << 7;
const HIGHWAY: Kinds = 1 << 8;
const ALLEY: Kinds = 1 << 9;
const QUARTER: Kinds = 1 << 10;
const DEAD_END: Kinds = 1 << 11;

/// Each kind with its words; of several kinds in one name the first here is the name's kind: `вул. Набережна` is a
/// street.
const KINDS: &[(Kinds, &str)] = &[
    (
        STREET,
        "вулиця вул вулиці улица улицы ул vulytsia vulytsya vulitsa vul ulitsa ul ulica street str gatve gatvė gatves gatvės g רחוב רח",
    ),
    (AVENUE, "проспект просп пр-т прт prospekt prospect prosp pr-t avenue ave av prospektas prospekto"),
    (
        LANE,
        "провулок провулку пров переулок переулка пер provulok prov pereulok lane skersgatvis skersgatvio skg zaułek סמטה סמטת סמ",
    ),
    (
        BOULEVARD,
        "бульвар бульвару бульв бул б-р bulvar boulevard blvd bulvaras bulvaro bulv bulwar שדרות שדרה שד",
    ),
    (
        SQUARE,
        "площа площі площадь площади пл майдан майдану ploshcha ploshchad maidan square sq plac placu aikštė aikštės kikar כיכר ככר",
    ),
    (DRIVE, "проїзд проїзду проезд в'їзд заїзд proizd proezd drive passage pravažiavimas przejazd"),
    (HIGHWAY, "шосе шоссе ш shose highway road rd plentas plento pl szosa כביש"),
    (DEAD_END, "тупик туп tupyk tupik akligatvis ślepa"),
    (
        QUARTER,
        "мікрорайон мкр мкрн м-н микрорайон квартал mikroraion mikrorayon mikrorajonas mikr kvartalas masyvas масив массив osiedle os שכונה שכונת שכ",
    ),
    (DESCENT, "узвіз узвозу узв спуск спуску uzviz spusk"),
    (ALLEY, "алея алеї ал аллея аллеи aleia alleya alley alėja alėjos al aleja aleje"),
    (
        EMBANKMENT,
        "набережна набережної наб набережная набережной naberezhna naberezhnaya embankment krantinė krantinės nabrzeże טיילת",
    ),
    // What may be either.
    (AVENUE | DRIVE | LANE, "пр pr"),
];

const FLAT: &str = "квартира квартири кв кімната кімн офіс оф kvartyra kvartira kv flat apartment apt unit butas buto bt mieszkanie mieszkania m lok lokal דירה ד";
const HOUSE: &str =
    "будинок будинку буд дом дома д budynok bud house building bld namas namo nr numer no № בית מספר מס";
const BLOCK: &str = "корпус корп к korpus korp k block blk korpusas bldg блок בניין";
/// The number behind it is no part of the search: entrances and floors.
const ASIDE: &str = "під'їзд підїзд під'їзду пізд п-д подъезд поверх этаж entrance ent floor laiptinė laiptinės aukštas klatka piętro כניסה קומה";
/// Words around an address.
const FILLER: &str = "місто город м г miestas city miasto עיר село с смт пос район р-н на по у в во біля возле около при at the on in ir ner prie przy w ב";

/// What a word means when it is no name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Meaning {
    pub(super) kinds: Kinds,
    pub(super) part: Option<Part>,
    pub(super) filler: bool,
}

/// What the number behind a word is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    House,
    Flat,
    Block,
    Aside,
}

/// Letters of a kind that is still being typed, as in `проспе`, before it is taken for one.
const MIN_KIND_LETTERS: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Lexicon {
    words: HashMap<String, Meaning>,
}

impl Default for Lexicon {
    fn default() -> Self {
        let mut words: HashMap<String, Meaning> = HashMap::new();
        for (kinds, list) in KINDS {
            for word in list.split(' ') {
                words.entry(plain(word)).or_default().kinds |= kinds;
            }
        }
        for (part, list) in
            [(Part::House, HOUSE), (Part::Flat, FLAT), (Part::Block, BLOCK), (Part::Aside, ASIDE)]
        {
            for word in list.split(' ') {
                words.entry(plain(word)).or_default().part = Some(part);
            }
        }
        for word in FILLER.split(' ') {
            words.entry(plain(word)).or_default().filler = true;
        }
        Self { words }
    }
}

impl Lexicon {
    /// Of a plain word; nothing for a name.
    pub(super) fn meaning(&self, word: &str) -> Meaning {
        self.words.get(word).copied().unwrap_or_default()
    }

    /// The kinds a word may become when it is typed on.
    pub(super) fn kinds_begun_by(&self, word: &str) -> Kinds {
        if word.chars().count() < MIN_KIND_LETTERS {
            return 0;
        }
        self.words
            .iter()
            .filter(|(known, _)| known.starts_with(word))
            .fold(0, |kinds, (_, of)| kinds | of.kinds)
    }

    /// Which of the words of a registered name is its kind; none when the name has no other words.
    pub(super) fn kind_of_name(&self, words: &[String]) -> Option<usize> {
        let kinds: Vec<Kinds> = words.iter().map(|word| self.meaning(word).kinds).collect();
        let found = KINDS.iter().find_map(|(kind, _)| kinds.iter().position(|kinds| kinds & kind != 0));
        found.filter(|_| words.len() > 1)
    }
}
