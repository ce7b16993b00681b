//! What is written, in the six languages. An SMS is one or two sentences, so that it costs two or three parts; an e-mail says
//! the same with more words. What the applicant told of the matter itself is never repeated: others read over shoulders.

use chrono::NaiveDateTime;

use super::{Channel, Occasion};
use crate::language::Language;

/// Characters of a place in an SMS: each further part costs the city.
const MAX_PLACE_CHARS: usize = 60;
/// Of most places: street, house and room.
const USUAL_PLACE_CHARS: usize = 36;

/// What a text is made of.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    pub language: Language,
    /// The city's short number: who writes, and whom to call.
    pub short: &'f str,
    /// Register number of the case.
    pub number: &'f str,
    /// Opens the case's page.
    pub code: &'f str,
    /// Address of the page for citizens, without a slash at its end; none where the city has told us none.
    pub page: Option<&'f str>,
    /// For a reminder: where the applicant is awaited.
    pub visit: Option<&'f Visit>,
}

/// An appointment with an official, in the words of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visit {
    /// By the city's clock.
    pub starts_at: NaiveDateTime,
    /// Who receives, in the applicant's language.
    pub who: String,
    pub place: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// For an e-mail.
    pub subject: String,
    pub text: String,
}

/// The texts of one language. `{short}`, `{number}`, `{key}`, `{when}`, `{who}` and `{place}` stand for what [`Facts`] has.
struct Words {
    /// Before the code, where there is no link.
    code: &'static str,
    registered: &'static str,
    done: &'static str,
    reminder: &'static str,
    new_code: &'static str,
    test: &'static str,
    registered_subject: &'static str,
    done_subject: &'static str,
    reminder_subject: &'static str,
    registered_mail: &'static str,
    done_mail: &'static str,
    reminder_mail: &'static str,
    /// Date and time as they are written, in the signs of `strftime`.
    when: &'static str,
}

/// Subject and text of a message.
pub fn compose(occasion: Occasion, channel: Channel, facts: &Facts<'_>) -> Message {
    let words = words(facts.language);
    let (subject, text) = match (occasion, channel) {
        (Occasion::Registered, Channel::Sms) => (words.registered_subject, words.registered),
        (Occasion::Registered, Channel::Mail) => (words.registered_subject, words.registered_mail),
        (Occasion::Done, Channel::Sms) => (words.done_subject, words.done),
        (Occasion::Done, Channel::Mail) => (words.done_subject, words.done_mail),
        (Occasion::Reminder, Channel::Sms) => (words.reminder_subject, words.reminder),
        (Occasion::Reminder, Channel::Mail) => (words.reminder_subject, words.reminder_mail),
        // Asked for by those who have a telephone in their hand.
        (Occasion::Code, _) => (words.registered_subject, words.new_code),
        (Occasion::Test, _) => (words.test, words.test),
    };
    let key = match facts.page {
        // After the `#`, so that the code is in no server's log.
        Some(page) => format!("{page}/#{}/{}", facts.number, facts.code),
        None => format!("{} {}", words.code, facts.code),
    };
    let (when, who, place) = match facts.visit {
        Some(visit) => {
            let place = if channel == Channel::Sms { shortened(&visit.place) } else { visit.place.clone() };
            (visit.starts_at.format(words.when).to_string(), visit.who.as_str(), place)
        }
        None => (String::new(), "", String::new()),
    };
    let fill = |template: &str| {
        let text =
            template.replace("{short}", facts.short).replace("{number}", facts.number).replace("{key}", &key);
        text.replace("{when}", &when).replace("{who}", who).replace("{place}", &place)
    };
    Message { subject: fill(subject), text: fill(text) }
}

fn shortened(place: &str) -> String {
    match place.char_indices().nth(MAX_PLACE_CHARS) {
        None => place.to_owned(),
        Some(_) => place.chars().take(MAX_PLACE_CHARS - 1).chain(['…']).collect(),
    }
}

const fn words(language: Language) -> &'static Words {
    match language {
        Language::Uk => &UK,
        Language::En => &EN,
        Language::Lt => &LT,
        Language::Pl => &PL,
        Language::Ru => &RU,
        Language::He => &HE,
    }
}

const UK: Words = Words {
    code: "код",
    registered: "{short}: звернення {number} зареєстровано. Стежити: {key}",
    done: "{short}: за зверненням {number} роботу виконано. Усе гаразд чи ні? Відповідь: {key}",
    reminder: "{short}: прийом {when}, {place}. Звернення {number}. Змінити чи скасувати: {key}",
    new_code: "{short}: ви просили доступ до звернення {number}. Якщо не ви, нічого не робіть. {key}",
    test: "{short}: перевірка зв’язку. Відповідати не треба.",
    registered_subject: "Звернення {number} зареєстровано",
    done_subject: "Звернення {number}: чи все виправлено?",
    reminder_subject: "Нагадування: прийом {when}",
    registered_mail: "Вітаємо!\n\nВаше звернення {number} зареєстровано. Подивитися, що з ним, доповнити його або \
        відкликати:\n\n{key}\n\nПитання? Телефонуйте {short}.\n\nЦей лист надіслала система, відповідей на нього ніхто не читає.\n",
    done_mail: "Вітаємо!\n\nНам доповіли, що роботу за вашим зверненням {number} виконано. Скажіть, будь ласка, чи це \
        так. Якщо ні, звернення повернеться в роботу на рівень вище.\n\n{key}\n\nАбо телефонуйте {short}.\n\nЦей лист \
        надіслала система, відповідей на нього ніхто не читає.\n",
    reminder_mail: "Вітаємо!\n\nНагадуємо про прийом за вашим зверненням {number}.\n\nХто приймає: {who}\nКоли: \
        {when}\nДе: {place}\n\nЯкщо прийти не вийде, перенесіть або скасуйте прийом, щоб на цей час міг прийти \
        хтось інший:\n\n{key}\n\nАбо телефонуйте {short}.\n\nЦей лист надіслала система, відповідей на нього \
        ніхто не читає.\n",
    when: "%d.%m.%Y %H:%M",
};

const EN: Words = Words {
    code: "code",
    registered: "{short}: request {number} is registered. Follow it: {key}",
    done: "{short}: the work on request {number} is reported done. Is it fixed? Answer: {key}",
    reminder: "{short}: your appointment is on {when}, {place}. Request {number}. Move or cancel: {key}",
    new_code: "{short}: you asked for access to request {number}. If it was not you, do nothing. {key}",
    test: "{short}: a test message. No answer is needed.",
    registered_subject: "Request {number} is registered",
    done_subject: "Request {number}: is it fixed?",
    reminder_subject: "Reminder: appointment on {when}",
    registered_mail: "Hello,\n\nyour request {number} is registered. See what becomes of it, add to it or take it back \
        here:\n\n{key}\n\nQuestions? Call {short}.\n\nThis message was sent by a system; nobody reads answers to it.\n",
    done_mail: "Hello,\n\nwe are told that the work on your request {number} is done. Please say whether it is. If it is \
        not, the request goes back to work, one level up.\n\n{key}\n\nOr call {short}.\n\nThis message was sent by a system; \
        nobody reads answers to it.\n",
    reminder_mail: "Hello,\n\nthis is a reminder of your appointment, request {number}.\n\nWith: {who}\nWhen: \
        {when}\nWhere: {place}\n\nIf you cannot come, please move or cancel it, so that somebody else can have \
        the time:\n\n{key}\n\nOr call {short}.\n\nThis message was sent by a system; nobody reads answers to \
        it.\n",
    when: "%-d %B %Y, %H:%M",
};

const LT: Words = Words {
    code: "kodas",
    registered: "{short}: kreipimasis {number} užregistruotas. Stebėti: {key}",
    done: "{short}: pagal kreipimąsi {number} darbas atliktas. Ar sutvarkyta? Atsakyti: {key}",
    reminder: "{short}: priėmimas {when}, {place}. Kreipimasis {number}. Keisti, atšaukti: {key}",
    new_code: "{short}: prašėte prieigos prie kreipimosi {number}. Jei ne jūs, nieko nedarykite. {key}",
    test: "{short}: bandomoji žinutė. Atsakyti nereikia.",
    registered_subject: "Kreipimasis {number} užregistruotas",
    done_subject: "Kreipimasis {number}: ar sutvarkyta?",
    reminder_subject: "Priminimas: priėmimas {when}",
    registered_mail: "Sveiki,\n\njūsų kreipimasis {number} užregistruotas. Čia matysite, kas su juo vyksta, galėsite jį \
        papildyti arba atsiimti:\n\n{key}\n\nKlausimai? Skambinkite {short}.\n\nŠį laišką išsiuntė sistema, atsakymų į jį niekas \
        neskaito.\n",
    done_mail: "Sveiki,\n\nmums pranešta, kad darbas pagal jūsų kreipimąsi {number} atliktas. Pasakykite, ar taip yra. Jei \
        ne, kreipimasis bus grąžintas vykdyti vienu lygiu aukščiau.\n\n{key}\n\nArba skambinkite {short}.\n\nŠį laišką išsiuntė \
        sistema, atsakymų į jį niekas neskaito.\n",
    reminder_mail: "Sveiki,\n\nprimename apie priėmimą pagal jūsų kreipimąsi {number}.\n\nKas priima: \
        {who}\nKada: {when}\nKur: {place}\n\nJei negalėsite atvykti, perkelkite arba atšaukite priėmimą, kad \
        šiuo laiku galėtų ateiti kas nors kitas:\n\n{key}\n\nArba skambinkite {short}.\n\nŠį laišką išsiuntė \
        sistema, atsakymų į jį niekas neskaito.\n",
    when: "%Y-%m-%d %H:%M",
};

const PL: Words = Words {
    code: "kod",
    registered: "{short}: zgłoszenie {number} zarejestrowane. Śledź: {key}",
    done: "{short}: zgłoszenie {number} wykonano. Czy naprawione? Odpowiedz: {key}",
    reminder: "{short}: wizyta {when}, {place}. Zgłoszenie {number}. Zmień lub odwołaj: {key}",
    new_code: "{short}: prośba o dostęp do zgłoszenia {number}. Jeśli to nie Państwo, proszę nic nie robić. {key}",
    test: "{short}: wiadomość próbna. Nie trzeba odpowiadać.",
    registered_subject: "Zgłoszenie {number} zarejestrowane",
    done_subject: "Zgłoszenie {number}: czy naprawione?",
    reminder_subject: "Przypomnienie: wizyta {when}",
    registered_mail: "Dzień dobry,\n\nzgłoszenie {number} zostało zarejestrowane. Tu można sprawdzić, co się z nim dzieje, \
        uzupełnić je albo wycofać:\n\n{key}\n\nPytania? Proszę dzwonić pod {short}.\n\nTę wiadomość wysłał system, odpowiedzi na \
        nią nikt nie czyta.\n",
    done_mail: "Dzień dobry,\n\nzgłoszono nam, że prace dotyczące zgłoszenia {number} wykonano. Prosimy o odpowiedź, czy tak \
        jest. Jeśli nie, zgłoszenie wróci do realizacji o szczebel wyżej.\n\n{key}\n\nMożna też zadzwonić: {short}.\n\nTę \
        wiadomość wysłał system, odpowiedzi na nią nikt nie czyta.\n",
    reminder_mail: "Dzień dobry,\n\nprzypominamy o wizycie w sprawie zgłoszenia {number}.\n\nKto przyjmuje: \
        {who}\nKiedy: {when}\nGdzie: {place}\n\nJeśli nie mogą Państwo przyjść, prosimy wizytę przełożyć albo \
        odwołać, aby ktoś inny mógł skorzystać z tego terminu:\n\n{key}\n\nMożna też zadzwonić: {short}.\n\nTę \
        wiadomość wysłał system, odpowiedzi na nią nikt nie czyta.\n",
    when: "%d.%m.%Y %H:%M",
};

const RU: Words = Words {
    code: "код",
    registered: "{short}: обращение {number} зарегистрировано. Следить: {key}",
    done: "{short}: по обращению {number} работа выполнена. Всё исправлено или нет? Ответ: {key}",
    reminder: "{short}: приём {when}, {place}. Обращение {number}. Изменить или отменить: {key}",
    new_code: "{short}: вы просили доступ к обращению {number}. Если не вы, ничего не делайте. {key}",
    test: "{short}: проверка связи. Отвечать не нужно.",
    registered_subject: "Обращение {number} зарегистрировано",
    done_subject: "Обращение {number}: всё ли исправлено?",
    reminder_subject: "Напоминание: приём {when}",
    registered_mail: "Здравствуйте!\n\nВаше обращение {number} зарегистрировано. Посмотреть, что с ним, дополнить его или \
        отозвать:\n\n{key}\n\nВопросы? Звоните {short}.\n\nЭто письмо отправила система, ответов на него никто не читает.\n",
    done_mail: "Здравствуйте!\n\nНам сообщили, что работа по вашему обращению {number} выполнена. Скажите, пожалуйста, так \
        ли это. Если нет, обращение вернётся в работу на уровень выше.\n\n{key}\n\nИли звоните {short}.\n\nЭто письмо отправила \
        система, ответов на него никто не читает.\n",
    reminder_mail: "Здравствуйте!\n\nНапоминаем о приёме по вашему обращению {number}.\n\nКто принимает: \
        {who}\nКогда: {when}\nГде: {place}\n\nЕсли прийти не получится, перенесите или отмените приём, чтобы на \
        это время мог прийти кто-то другой:\n\n{key}\n\nИли звоните {short}.\n\nЭто письмо отправила система, \
        ответов на него никто не читает.\n",
    when: "%d.%m.%Y %H:%M",
};

const HE: Words = Words {
    code: "קוד",
    registered: "{short}: פנייה {number} נרשמה. מעקב: {key}",
    done: "{short}: דווח שהעבודה בפנייה {number} הושלמה. האם תוקן? לתשובה: {key}",
    reminder: "{short}: פגישה ב-{when}, {place}. פנייה {number}. לשינוי או לביטול: {key}",
    new_code: "{short}: התבקשה גישה לפנייה {number}. אם לא ביקשת, אין צורך לעשות דבר. {key}",
    test: "{short}: הודעת ניסיון. אין צורך להשיב.",
    registered_subject: "פנייה {number} נרשמה",
    done_subject: "פנייה {number}: האם תוקן?",
    reminder_subject: "תזכורת: קבלת קהל ב-{when}",
    registered_mail: "שלום,\n\nפנייתך {number} נרשמה. כאן אפשר לראות מה עולה בגורלה, להוסיף לה או לבטל אותה:\n\n{key}\n\n\
        שאלות? אפשר להתקשר אל {short}.\n\nהודעה זו נשלחה ממערכת, ואיש אינו קורא תשובות אליה.\n",
    done_mail: "שלום,\n\nדווח לנו שהעבודה בפנייתך {number} הושלמה. נבקש לומר אם אכן כך. אם לא, הפנייה תחזור לטיפול דרג אחד \
        למעלה.\n\n{key}\n\nאפשר גם להתקשר אל {short}.\n\nהודעה זו נשלחה ממערכת, ואיש אינו קורא תשובות אליה.\n",
    reminder_mail: "שלום,\n\nתזכורת לפגישה בעניין פנייתך {number}.\n\nעם מי: {who}\nמתי: {when}\nהיכן: \
        {place}\n\nאם לא ניתן להגיע, נבקש לשנות את המועד או לבטל אותו, כדי שמישהו אחר יוכל \
        לבוא:\n\n{key}\n\nאפשר גם להתקשר אל {short}.\n\nהודעה זו נשלחה ממערכת, ואיש אינו קורא תשובות אליה.\n",
    when: "%d.%m.%Y %H:%M",
};

/// The most parts that an SMS of ours has with this page and short number, and in which language.
pub fn longest(short: &str, page: Option<&str>) -> (usize, Language) {
    let visit = Visit {
        starts_at: NaiveDateTime::default(),
        who: String::new(),
        place: "X".repeat(USUAL_PLACE_CHARS),
    };
    let visit = Some(&visit);
    let facts =
        |language| Facts { language, short, number: "2026-01-000042", code: "K7QM-3XPA", page, visit };
    let parts = |language| {
        let text = |occasion| compose(occasion, Channel::Sms, &facts(language)).text;
        let occasions =
            [Occasion::Registered, Occasion::Done, Occasion::Reminder, Occasion::Code, Occasion::Test];
        occasions.into_iter().map(|occasion| super::segments::segments(&text(occasion))).max().unwrap_or(0)
    };
    let lengths = Language::ALL.into_iter().map(|language| (parts(language), language));
    lengths.max_by_key(|(parts, _)| *parts).unwrap_or((0, Language::Uk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_its_facts_and_nothing_unfilled() {
        let visit = visit("Площа Незалежності, 2");
        for language in Language::ALL {
            let mut seen = std::collections::BTreeSet::new();
            for channel in Channel::ALL {
                for occasion in [Occasion::Registered, Occasion::Done, Occasion::Reminder] {
                    for page in [Some("https://city.example"), None] {
                        let facts = Facts {
                            language,
                            short: "1580",
                            number: "2026-01-000042",
                            code: "K7QM-3XPA",
                            page,
                            visit: Some(&visit),
                        };
                        let Message { subject, text } = compose(occasion, channel, &facts);
                        assert!(!text.contains(['{', '}']) && !subject.contains(['{', '}']), "{text}");
                        assert!(text.contains("2026-01-000042") && text.contains("K7QM-3XPA"), "{text}");
                        assert!(text.contains("1580") && !subject.contains('\n'), "{text}");
                        let link = "https://city.example/#2026-01-000042/K7QM-3XPA";
                        assert_eq!(text.contains(link), page.is_some(), "{text}");
                        assert!(seen.insert(text), "{language} says the same twice");
                    }
                }
            }
        }
    }

    fn visit(place: &str) -> Visit {
        let date = chrono::NaiveDate::from_ymd_opt(2026, 3, 9).unwrap_or_default();
        let starts_at = date.and_hms_opt(9, 15, 0).unwrap_or_default();
        Visit { starts_at, who: "The mayor".to_owned(), place: place.to_owned() }
    }

    fn reminder(language: Language, channel: Channel, place: &str) -> String {
        let visit = visit(place);
        let facts = Facts {
            language,
            short: "1580",
            number: "2026-01-000042",
            code: "K7QM-3XPA",
            page: None,
            visit: Some(&visit),
        };
        compose(Occasion::Reminder, channel, &facts).text
    }

    #[test]
    fn a_reminder_says_when_and_where_and_a_long_place_is_cut_in_an_sms() {
        let long = "Площа Незалежності, ".repeat(20);
        for language in Language::ALL {
            for (channel, place) in
                [(Channel::Sms, "кабінет 21"), (Channel::Mail, "кабінет 21"), (Channel::Mail, long.as_str())]
            {
                let text = reminder(language, channel, place);
                assert!(text.contains("09:15") && text.contains("2026") && text.contains(place), "{text}");
                assert_eq!(text.contains("The mayor"), channel == Channel::Mail, "{text}");
            }
            let text = reminder(language, Channel::Sms, &long);
            assert!(text.contains('…') && text.chars().count() < 200, "{text}");
        }
    }

    #[test]
    fn an_sms_is_short_in_every_language() {
        assert!(longest("1580", Some("https://1580.city.example")).0 <= 3);
        assert!(longest("1580", None).0 <= 2);
        assert!(longest("1580", Some(&format!("https://{}.example", "x".repeat(200)))).0 > 3);
    }
}
