//! The way of a case in plain words, for those who are not of the city: what state it is in, and what happened to it.
//! No names of persons, no reasons, nothing of what anybody wrote.

use crate::language::Language;

/// A step on the way of a case, as far as the world is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::web) enum Step {
    Registered,
    Assigned,
    Accepted,
    Declined,
    Started,
    Reported,
    /// Sent back to work.
    Returned,
    Checked,
    Explained,
    Forwarded,
    /// The other body has answered.
    Answered,
    OnHold,
    Resumed,
    Merged,
    Reopened,
    Withdrawn,
    Closed,
}

impl Step {
    /// What an entry of the journal tells; none for what is the city's own business.
    pub(in crate::web) fn of_event(event: &str) -> Option<Self> {
        Some(match event {
            "case.registered" => Self::Registered,
            "wo.issued" => Self::Assigned,
            "wo.accepted" => Self::Accepted,
            "wo.declined" => Self::Declined,
            "wo.started" => Self::Started,
            "wo.reported" => Self::Reported,
            "wo.returned" => Self::Returned,
            "evidence.accepted" => Self::Checked,
            "case.explained" | "case.refused" => Self::Explained,
            "case.forwarded" => Self::Forwarded,
            "case.forward_answered" => Self::Answered,
            "norm.clock_paused" => Self::OnHold,
            "norm.clock_resumed" => Self::Resumed,
            "case.merged" => Self::Merged,
            "case.reopened" => Self::Reopened,
            "case.withdrawn" => Self::Withdrawn,
            "case.closed" => Self::Closed,
            _ => return None,
        })
    }

    /// The step that brought a case into a state told by this name. A state that is not told is one of work.
    pub(in crate::web) fn of_state(state: &str) -> Self {
        match state {
            "registered" | "draft" => Self::Registered,
            "assigned" => Self::Assigned,
            "accepted" => Self::Accepted,
            "work_reported" => Self::Reported,
            "verification" => Self::Checked,
            "explained" => Self::Explained,
            "forwarded" => Self::Forwarded,
            "on_hold" => Self::OnHold,
            "merged" => Self::Merged,
            "withdrawn" => Self::Withdrawn,
            "closed" | "archived" => Self::Closed,
            _ => Self::Started,
        }
    }

    /// Its name in the API; the words of the page stand under it.
    pub(in crate::web) const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Assigned => "assigned",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Started => "started",
            Self::Reported => "reported",
            Self::Returned => "returned",
            Self::Checked => "checked",
            Self::Explained => "explained",
            Self::Forwarded => "forwarded",
            Self::Answered => "answered",
            Self::OnHold => "on_hold",
            Self::Resumed => "resumed",
            Self::Merged => "merged",
            Self::Reopened => "reopened",
            Self::Withdrawn => "withdrawn",
            Self::Closed => "closed",
        }
    }

    /// Only of these is the request closed for Open311.
    pub(in crate::web) const fn is_end(self) -> bool {
        matches!(self, Self::Closed)
    }

    pub(super) fn in_words(self, language: Language) -> &'static str {
        let words = WORDS.iter().find(|(step, _)| *step == self).map(|(_, words)| *words);
        let [uk, en, lt, pl, ru, he] = words.unwrap_or_default();
        match language {
            Language::Uk => uk,
            Language::En => en,
            Language::Lt => lt,
            Language::Pl => pl,
            Language::Ru => ru,
            Language::He => he,
        }
    }
}

/// In the order of uk, en, lt, pl, ru, he.
const WORDS: [(Step, [&str; 6]); 17] = [
    (
        Step::Registered,
        [
            "Звернення зареєстровано.",
            "The request is registered.",
            "Kreipimasis užregistruotas.",
            "Zgłoszenie zarejestrowano.",
            "Обращение зарегистрировано.",
            "הפנייה נרשמה.",
        ],
    ),
    (
        Step::Assigned,
        [
            "Передано виконавцю.",
            "Given to those responsible.",
            "Perduota vykdytojui.",
            "Przekazano wykonawcy.",
            "Передано исполнителю.",
            "הועבר לגורם המבצע.",
        ],
    ),
    (
        Step::Accepted,
        [
            "Виконавець прийняв у роботу.",
            "Those responsible have taken it on.",
            "Vykdytojas priėmė darbą.",
            "Wykonawca przyjął zlecenie.",
            "Исполнитель принял в работу.",
            "הגורם המבצע קיבל את העבודה.",
        ],
    ),
    (
        Step::Declined,
        [
            "Виконавець відмовився; шукаємо іншого.",
            "Declined; another is being found.",
            "Vykdytojas atsisakė; ieškome kito.",
            "Wykonawca odmówił; szukamy innego.",
            "Исполнитель отказался; ищем другого.",
            "הגורם המבצע סירב; מחפשים אחר.",
        ],
    ),
    (
        Step::Started,
        [
            "Роботи тривають.",
            "Work is under way.",
            "Darbai vyksta.",
            "Prace trwają.",
            "Работы идут.",
            "העבודה בעיצומה.",
        ],
    ),
    (
        Step::Reported,
        [
            "Виконавець повідомив про виконання; перевіряємо.",
            "Reported as done; being checked.",
            "Vykdytojas pranešė, kad atlikta; tikriname.",
            "Wykonawca zgłosił wykonanie; sprawdzamy.",
            "Исполнитель сообщил о выполнении; проверяем.",
            "דווח שבוצע; בבדיקה.",
        ],
    ),
    (
        Step::Returned,
        [
            "Повернено на доопрацювання.",
            "Sent back to be put right.",
            "Grąžinta pataisyti.",
            "Zwrócono do poprawy.",
            "Возвращено на доработку.",
            "הוחזר לתיקון.",
        ],
    ),
    (
        Step::Checked,
        [
            "Роботу перевірено; питаємо заявника.",
            "The work is checked; the applicant is asked.",
            "Darbas patikrintas; klausiame pareiškėjo.",
            "Pracę sprawdzono; pytamy zgłaszającego.",
            "Работа проверена; спрашиваем заявителя.",
            "העבודה נבדקה; שואלים את הפונה.",
        ],
    ),
    (
        Step::Explained,
        [
            "Надано роз’яснення.",
            "Explained.",
            "Pateiktas paaiškinimas.",
            "Udzielono wyjaśnienia.",
            "Дано разъяснение.",
            "ניתן הסבר.",
        ],
    ),
    (
        Step::Forwarded,
        [
            "Передано до іншого органу; чекаємо на відповідь.",
            "Passed to another body; its answer is awaited.",
            "Perduota kitai institucijai; laukiame atsakymo.",
            "Przekazano innemu organowi; czekamy na odpowiedź.",
            "Передано в другой орган; ждём ответа.",
            "הועבר לגוף אחר; ממתינים לתשובתו.",
        ],
    ),
    (
        Step::Answered,
        [
            "Інший орган відповів.",
            "The other body has answered.",
            "Kita institucija atsakė.",
            "Inny organ odpowiedział.",
            "Другой орган ответил.",
            "הגוף האחר השיב.",
        ],
    ),
    (Step::OnHold, ["Призупинено.", "On hold.", "Sustabdyta.", "Wstrzymano.", "Приостановлено.", "מושהה."]),
    (
        Step::Resumed,
        [
            "Роботи продовжено.",
            "Work goes on.",
            "Darbai tęsiami.",
            "Prace wznowiono.",
            "Работы продолжены.",
            "העבודה נמשכת.",
        ],
    ),
    (
        Step::Merged,
        [
            "Об’єднано з іншим зверненням.",
            "Joined with another request.",
            "Sujungta su kitu kreipimusi.",
            "Połączono z innym zgłoszeniem.",
            "Объединено с другим обращением.",
            "אוחד עם פנייה אחרת.",
        ],
    ),
    (
        Step::Reopened,
        [
            "Відкрито знову.",
            "Reopened.",
            "Atverta iš naujo.",
            "Otwarto ponownie.",
            "Открыто снова.",
            "נפתח מחדש.",
        ],
    ),
    (
        Step::Withdrawn,
        [
            "Заявник відкликав звернення.",
            "Withdrawn by the applicant.",
            "Pareiškėjas atsiėmė kreipimąsi.",
            "Zgłaszający wycofał zgłoszenie.",
            "Заявитель отозвал обращение.",
            "הפונה משך את הפנייה.",
        ],
    ),
    (Step::Closed, ["Закрито.", "Closed.", "Užbaigta.", "Zamknięto.", "Закрыто.", "נסגר."]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_that_is_searched_for_has_words() {
        for event in crate::journal::EventType::ALL {
            let name = event.name();
            if crate::store::tells(name) {
                assert!(Step::of_event(name).is_some(), "{name}");
            }
        }
        let all = WORDS.map(|(step, _)| step);
        assert!(all.iter().all(|step| !step.in_words(Language::En).is_empty()));
        assert_eq!(Step::of_event("access.viewed"), None);
        assert_eq!(Step::Closed.in_words(Language::He), "נסגר.");
    }
}
