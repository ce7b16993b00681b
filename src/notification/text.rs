//! What is written, in the six languages. An SMS is one or two sentences, so that it costs two or three parts; an e-mail says
//! the same with more words. What the applicant told of the matter itself is never repeated: others read over shoulders.

use super::{Channel, Occasion};
use crate::language::Language;

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
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// For an e-mail.
    pub subject: String,
    pub text: String,
}

/// The texts of one language. `{short}`, `{number}` and `{key}` stand for what [`Facts`] has.
struct Words {
    /// Before the code, where there is no link.
    code: &'static str,
    registered: &'static str,
    done: &'static str,
    test: &'static str,
    registered_subject: &'static str,
    done_subject: &'static str,
    registered_mail: &'static str,
    done_mail: &'static str,
}

/// Subject and text of a message.
pub fn compose(occasion: Occasion, channel: Channel, facts: &Facts<'_>) -> Message {
    let words = words(facts.language);
    let (subject, text) = match (occasion, channel) {
        (Occasion::Registered, Channel::Sms) => (words.registered_subject, words.registered),
        (Occasion::Registered, Channel::Mail) => (words.registered_subject, words.registered_mail),
        (Occasion::Done, Channel::Sms) => (words.done_subject, words.done),
        (Occasion::Done, Channel::Mail) => (words.done_subject, words.done_mail),
        (Occasion::Test, _) => (words.test, words.test),
    };
    let key = match facts.page {
        // After the `#`, so that the code is in no server's log.
        Some(page) => format!("{page}/#{}/{}", facts.number, facts.code),
        None => format!("{} {}", words.code, facts.code),
    };
    let fill = |template: &str| {
        template.replace("{short}", facts.short).replace("{number}", facts.number).replace("{key}", &key)
    };
    Message { subject: fill(subject), text: fill(text) }
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
    test: "{short}: перевірка зв’язку. Відповідати не треба.",
    registered_subject: "Звернення {number} зареєстровано",
    done_subject: "Звернення {number}: чи все виправлено?",
    registered_mail: "Вітаємо!\n\nВаше звернення {number} зареєстровано. Подивитися, що з ним, доповнити його або \
        відкликати:\n\n{key}\n\nПитання? Телефонуйте {short}.\n\nЦей лист надіслала система, відповідей на нього ніхто не читає.\n",
    done_mail: "Вітаємо!\n\nНам доповіли, що роботу за вашим зверненням {number} виконано. Скажіть, будь ласка, чи це \
        так. Якщо ні, звернення повернеться в роботу на рівень вище.\n\n{key}\n\nАбо телефонуйте {short}.\n\nЦей лист \
        надіслала система, відповідей на нього ніхто не читає.\n",
};

const EN: Words = Words {
    code: "code",
    registered: "{short}: request {number} is registered. Follow it: {key}",
    done: "{short}: the work on request {number} is reported done. Is it fixed? Answer: {key}",
    test: "{short}: a test message. No answer is needed.",
    registered_subject: "Request {number} is registered",
    done_subject: "Request {number}: is it fixed?",
    registered_mail: "Hello,\n\nyour request {number} is registered. See what becomes of it, add to it or take it back \
        here:\n\n{key}\n\nQuestions? Call {short}.\n\nThis message was sent by a system; nobody reads answers to it.\n",
    done_mail: "Hello,\n\nwe are told that the work on your request {number} is done. Please say whether it is. If it is \
        not, the request goes back to work, one level up.\n\n{key}\n\nOr call {short}.\n\nThis message was sent by a system; \
        nobody reads answers to it.\n",
};

const LT: Words = Words {
    code: "kodas",
    registered: "{short}: kreipimasis {number} užregistruotas. Stebėti: {key}",
    done: "{short}: pagal kreipimąsi {number} darbas atliktas. Ar sutvarkyta? Atsakyti: {key}",
    test: "{short}: bandomoji žinutė. Atsakyti nereikia.",
    registered_subject: "Kreipimasis {number} užregistruotas",
    done_subject: "Kreipimasis {number}: ar sutvarkyta?",
    registered_mail: "Sveiki,\n\njūsų kreipimasis {number} užregistruotas. Čia matysite, kas su juo vyksta, galėsite jį \
        papildyti arba atsiimti:\n\n{key}\n\nKlausimai? Skambinkite {short}.\n\nŠį laišką išsiuntė sistema, atsakymų į jį niekas \
        neskaito.\n",
    done_mail: "Sveiki,\n\nmums pranešta, kad darbas pagal jūsų kreipimąsi {number} atliktas. Pasakykite, ar taip yra. Jei \
        ne, kreipimasis bus grąžintas vykdyti vienu lygiu aukščiau.\n\n{key}\n\nArba skambinkite {short}.\n\nŠį laišką išsiuntė \
        sistema, atsakymų į jį niekas neskaito.\n",
};

const PL: Words = Words {
    code: "kod",
    registered: "{short}: zgłoszenie {number} zarejestrowane. Śledź: {key}",
    done: "{short}: zgłoszenie {number} wykonano. Czy naprawione? Odpowiedz: {key}",
    test: "{short}: wiadomość próbna. Nie trzeba odpowiadać.",
    registered_subject: "Zgłoszenie {number} zarejestrowane",
    done_subject: "Zgłoszenie {number}: czy naprawione?",
    registered_mail: "Dzień dobry,\n\nzgłoszenie {number} zostało zarejestrowane. Tu można sprawdzić, co się z nim dzieje, \
        uzupełnić je albo wycofać:\n\n{key}\n\nPytania? Proszę dzwonić pod {short}.\n\nTę wiadomość wysłał system, odpowiedzi na \
        nią nikt nie czyta.\n",
    done_mail: "Dzień dobry,\n\nzgłoszono nam, że prace dotyczące zgłoszenia {number} wykonano. Prosimy o odpowiedź, czy tak \
        jest. Jeśli nie, zgłoszenie wróci do realizacji o szczebel wyżej.\n\n{key}\n\nMożna też zadzwonić: {short}.\n\nTę \
        wiadomość wysłał system, odpowiedzi na nią nikt nie czyta.\n",
};

const RU: Words = Words {
    code: "код",
    registered: "{short}: обращение {number} зарегистрировано. Следить: {key}",
    done: "{short}: по обращению {number} работа выполнена. Всё исправлено или нет? Ответ: {key}",
    test: "{short}: проверка связи. Отвечать не нужно.",
    registered_subject: "Обращение {number} зарегистрировано",
    done_subject: "Обращение {number}: всё ли исправлено?",
    registered_mail: "Здравствуйте!\n\nВаше обращение {number} зарегистрировано. Посмотреть, что с ним, дополнить его или \
        отозвать:\n\n{key}\n\nВопросы? Звоните {short}.\n\nЭто письмо отправила система, ответов на него никто не читает.\n",
    done_mail: "Здравствуйте!\n\nНам сообщили, что работа по вашему обращению {number} выполнена. Скажите, пожалуйста, так \
        ли это. Если нет, обращение вернётся в работу на уровень выше.\n\n{key}\n\nИли звоните {short}.\n\nЭто письмо отправила \
        система, ответов на него никто не читает.\n",
};

const HE: Words = Words {
    code: "קוד",
    registered: "{short}: פנייה {number} נרשמה. מעקב: {key}",
    done: "{short}: דווח שהעבודה בפנייה {number} הושלמה. האם תוקן? לתשובה: {key}",
    test: "{short}: הודעת ניסיון. אין צורך להשיב.",
    registered_subject: "פנייה {number} נרשמה",
    done_subject: "פנייה {number}: האם תוקן?",
    registered_mail: "שלום,\n\nפנייתך {number} נרשמה. כאן אפשר לראות מה עולה בגורלה, להוסיף לה או לבטל אותה:\n\n{key}\n\n\
        שאלות? אפשר להתקשר אל {short}.\n\nהודעה זו נשלחה ממערכת, ואיש אינו קורא תשובות אליה.\n",
    done_mail: "שלום,\n\nדווח לנו שהעבודה בפנייתך {number} הושלמה. נבקש לומר אם אכן כך. אם לא, הפנייה תחזור לטיפול דרג אחד \
        למעלה.\n\n{key}\n\nאפשר גם להתקשר אל {short}.\n\nהודעה זו נשלחה ממערכת, ואיש אינו קורא תשובות אליה.\n",
};

/// The most parts that an SMS of ours has with this page and short number, and in which language.
pub fn longest(short: &str, page: Option<&str>) -> (usize, Language) {
    let facts = |language| Facts { language, short, number: "2026-01-000042", code: "K7QM-3XPA", page };
    let parts = |language| {
        let text = |occasion| compose(occasion, Channel::Sms, &facts(language)).text;
        let occasions = [Occasion::Registered, Occasion::Done, Occasion::Test];
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
        for language in Language::ALL {
            let mut seen = std::collections::BTreeSet::new();
            for channel in Channel::ALL {
                for occasion in [Occasion::Registered, Occasion::Done] {
                    for page in [Some("https://city.example"), None] {
                        let facts = Facts {
                            language,
                            short: "1580",
                            number: "2026-01-000042",
                            code: "K7QM-3XPA",
                            page,
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

    #[test]
    fn an_sms_is_short_in_every_language() {
        assert!(longest("1580", Some("https://1580.city.example")).0 <= 3);
        assert!(longest("1580", None).0 <= 2);
        assert!(longest("1580", Some(&format!("https://{}.example", "x".repeat(200)))).0 > 3);
    }
}
