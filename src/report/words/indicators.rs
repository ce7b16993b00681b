//! Titles and definitions of the indicators, as tables: id; title in uk en lt pl ru he; definition in uk and en.
//! Nothing but words.

type Words = (&'static str, [&'static str; 6], [&'static str; 2]);

pub(super) const WORDS: &[Words] = &[
    (
        "contacts_offered",
        [
            "Дзвінки, що надійшли",
            "Calls offered",
            "Gauti skambučiai",
            "Połączenia przychodzące",
            "Поступившие звонки",
            "שיחות שהתקבלו",
        ],
        [
            "Усі дзвінки громадян на короткий номер за період, зокрема ті, що закінчилися в меню. Без вихідних дзвінків міста та внутрішніх розмов.",
            "All citizens' calls to the short number in the period, those that ended in the menu included. Without calls the city made and calls between its own phones.",
        ],
    ),
    (
        "contacts_queued",
        [
            "Просили оператора",
            "Asked for an operator",
            "Prašė operatoriaus",
            "Prośby o operatora",
            "Просили оператора",
            "ביקשו מוקדן",
        ],
        [
            "Дзвінки, що стали в чергу до операторів хоча б раз.",
            "Calls that entered a queue for operators at least once.",
        ],
    ),
    (
        "contacts_answered",
        [
            "Оператор відповів",
            "Answered by an operator",
            "Atsiliepė operatorius",
            "Odebrane przez operatora",
            "Ответил оператор",
            "נענו בידי מוקדן",
        ],
        ["Дзвінки з черги, на які відповів оператор.", "Calls out of the queue that an operator picked up."],
    ),
    (
        "contacts_abandoned",
        [
            "Не дочекалися",
            "Abandoned in the queue",
            "Nesulaukė atsakymo",
            "Porzucone w kolejce",
            "Не дождались",
            "ניתקו בהמתנה",
        ],
        [
            "Дзвінки з черги, які закінчилися без оператора і без прохання передзвонити; кожен із них має справу або запис для передзвону.",
            "Calls out of the queue that ended without an operator and without a wish to be rung back.",
        ],
    ),
    (
        "abandoned_share",
        [
            "Частка тих, хто не дочекався",
            "Share abandoned",
            "Nesulaukusių dalis",
            "Odsetek porzuconych",
            "Доля недождавшихся",
            "שיעור המנתקים בהמתנה",
        ],
        ["«Не дочекалися» ÷ («Оператор відповів» + «Не дочекалися»).", "Abandoned ÷ (answered + abandoned)."],
    ),
    (
        "service_level",
        [
            "Відповідь за 20 секунд",
            "Answered within 20 seconds",
            "Atsiliepta per 20 sekundžių",
            "Odebrane w 20 sekund",
            "Ответ за 20 секунд",
            "מענה בתוך 20 שניות",
        ],
        [
            "Дзвінки, на які оператор відповів не пізніше ніж за 20 секунд від входу в чергу ÷ (ті, на які відповіли + ті, що не дочекалися). Звична мета — 80 %.",
            "Calls that an operator picked up within 20 seconds of entering the queue ÷ (answered + abandoned). The usual target is 80 %.",
        ],
    ),
    (
        "service_level_own",
        [
            "Відповідь за строк міста",
            "Answered within the city's own time",
            "Atsiliepta per miesto nustatytą laiką",
            "Odebrane w czasie ustalonym przez miasto",
            "Ответ за срок города",
            "מענה בזמן שקבעה העיר",
        ],
        [
            "Те саме зі строком, який установило місто ([report] answer_within_secs).",
            "The same with the time the city has set itself ([report] answer_within_secs).",
        ],
    ),
    (
        "median_wait",
        [
            "Медіана очікування",
            "Median wait",
            "Laukimo mediana",
            "Mediana oczekiwania",
            "Медиана ожидания",
            "חציון ההמתנה",
        ],
        [
            "Половина тих, кому відповіли, чекала в черзі не довше.",
            "Half of those who were answered waited in the queue no longer than this.",
        ],
    ),
    (
        "longest_wait",
        [
            "Найдовше очікування",
            "Longest wait",
            "Ilgiausias laukimas",
            "Najdłuższe oczekiwanie",
            "Самое долгое ожидание",
            "ההמתנה הארוכה ביותר",
        ],
        [
            "Найдовший час у черзі до відповіді оператора або кінця дзвінка.",
            "The longest time in the queue until an operator picked up or the call ended.",
        ],
    ),
    (
        "cases_registered",
        [
            "Зареєстровано звернень",
            "Cases registered",
            "Užregistruoti kreipimaisi",
            "Zarejestrowane zgłoszenia",
            "Зарегистрировано обращений",
            "פניות שנרשמו",
        ],
        ["Звернення, що отримали номер за період.", "Cases that were given a register number in the period."],
    ),
    (
        "cases_closed",
        [
            "Закрито звернень",
            "Cases closed",
            "Užbaigti kreipimaisi",
            "Zamknięte zgłoszenia",
            "Закрыто обращений",
            "פניות שנסגרו",
        ],
        [
            "Закриття за період за кодом. Звернення, яке знову відкрили й закрили, рахується стільки разів, скільки його закривали.",
            "Closings in the period, by code. A case that was reopened and closed again counts as often as it was closed.",
        ],
    ),
    (
        "cases_open",
        [
            "Відкриті наприкінці періоду",
            "Open at the end",
            "Atviri laikotarpio pabaigoje",
            "Otwarte na koniec okresu",
            "Открыты на конец периода",
            "פתוחות בסוף התקופה",
        ],
        [
            "Звернення, не закриті на кінець періоду (поточний тиждень: на цю мить), за віком від реєстрації.",
            "Cases that were not closed at the end of the period (of this week: now), by age since their registration.",
        ],
    ),
    (
        "overdue_work",
        [
            "Робота прострочена",
            "Work overdue",
            "Vėluojantys darbai",
            "Prace po terminie",
            "Работа просрочена",
            "עבודות באיחור",
        ],
        [
            "Відкриті наприкінці періоду звернення, чия робота в руках виконавця і чий строк виконання минув.",
            "Cases open at the end whose work an executor holds and whose executor's deadline had passed.",
        ],
    ),
    (
        "overdue_promise",
        [
            "Обіцянка громадянинові прострочена",
            "Promise to the citizen overdue",
            "Praleistas pažadas piliečiui",
            "Przekroczony termin dla mieszkańca",
            "Обещание гражданину просрочено",
            "הבטחות לאזרח שפג מועדן",
        ],
        [
            "Відкриті наприкінці періоду звернення, чий строк перед громадянином минув; переадресація його не спиняє.",
            "Cases open at the end whose deadline towards the citizen had passed; forwarding does not stop it.",
        ],
    ),
    (
        "work_reported",
        [
            "Виконавці прозвітували",
            "Reported done",
            "Pranešta apie atliktą darbą",
            "Zgłoszone jako wykonane",
            "Исполнители отчитались",
            "דווחו כבוצעו",
        ],
        [
            "Скільки разів виконавець повідомив, що роботу зроблено.",
            "How often an executor reported the work done.",
        ],
    ),
    (
        "told_share",
        [
            "Громадян повідомлено",
            "Applicants told",
            "Pareiškėjai informuoti",
            "Poinformowani mieszkańcy",
            "Граждане оповещены",
            "פונים שעודכנו",
        ],
        [
            "Закриття, перед якими заявник почув результат ÷ усі закриття з результатом (без дублікатів і відкликаних).",
            "Closings before which the applicant was reached with the result ÷ all closings with a result (no doubles, none withdrawn).",
        ],
    ),
    (
        "confirmed_share",
        [
            "Підтверджено заявником",
            "Confirmed by the applicant",
            "Patvirtino pareiškėjas",
            "Potwierdzone przez mieszkańca",
            "Подтверждено заявителем",
            "אושרו בידי הפונה",
        ],
        [
            "Закриття з кодом fixed_confirmed ÷ усі закриття виконаної роботи (fixed_confirmed, fixed_inspected, fixed_unconfirmed).",
            "Closings as fixed_confirmed ÷ all closings of work that was done (fixed_confirmed, fixed_inspected, fixed_unconfirmed).",
        ],
    ),
    (
        "refuted",
        [
            "Спростовано «зроблено»",
            "“Done” refuted",
            "Paneigta „atlikta“",
            "Podważone „wykonano”",
            "Опровергнуто «сделано»",
            "״בוצע״ שהופרך",
        ],
        [
            "Скільки разів заявник, контроль або інспектор виявив, що роботу, про яку прозвітовано, не зроблено.",
            "How often the applicant, control or an inspector found work undone that had been reported done.",
        ],
    ),
    (
        "false_closures",
        [
            "Хибні звіти про виконання",
            "False closures",
            "Melagingi užbaigimai",
            "Fałszywe zamknięcia",
            "Ложные отчёты о выполнении",
            "דיווחי שווא על ביצוע",
        ],
        [
            "«Спростовано „зроблено“» за період ÷ «Виконавці прозвітували» за період.",
            "Refuted in the period ÷ reported done in the period.",
        ],
    ),
    (
        "reopened",
        ["Відкрито знову", "Reopened", "Atverti iš naujo", "Otwarte ponownie", "Открыто снова", "נפתחו מחדש"],
        [
            "Закриті звернення, які відкрили знову; виконавець — той, чию роботу закрили.",
            "Closed cases that were opened again; the executor is the one whose work had been closed.",
        ],
    ),
    (
        "median_to_done",
        [
            "Медіана часу до виконання",
            "Median time to done",
            "Mediana iki atlikimo",
            "Mediana czasu wykonania",
            "Медиана времени до выполнения",
            "חציון הזמן עד לביצוע",
        ],
        [
            "Від реєстрації (або повторного відкриття) до звіту виконавця; лише робота, чиї докази контроль прийняв за період.",
            "From the registration (or reopening) to the executor's report; only work whose evidence control accepted in the period.",
        ],
    ),
    (
        "p80_to_done",
        [
            "80-й процентиль часу до виконання",
            "80th percentile of time to done",
            "80-asis procentilis iki atlikimo",
            "80. percentyl czasu wykonania",
            "80-й процентиль времени до выполнения",
            "אחוזון 80 של הזמן עד לביצוע",
        ],
        [
            "Вісім з десяти робіт зроблено не довше ніж за цей час.",
            "Eight of ten works took no longer than this.",
        ],
    ),
    (
        "median_norm",
        [
            "Медіана нормативного строку",
            "Median time the norm allows",
            "Normos leidžiamo laiko mediana",
            "Mediana czasu według normy",
            "Медиана нормативного срока",
            "חציון הזמן לפי התקן",
        ],
        [
            "Скільки часу норма давала на ті самі роботи, з продовженнями та зупинками.",
            "What the norm allowed for the same works, with extensions and pauses.",
        ],
    ),
    (
        "done_in_time",
        [
            "Виконано в строк",
            "Done in time",
            "Atlikta laiku",
            "Wykonane w terminie",
            "Выполнено в срок",
            "בוצעו במועד",
        ],
        [
            "Роботи, про які прозвітовано не пізніше строку ÷ усі прийняті за період роботи, що мали строк.",
            "Works reported by their deadline ÷ all works accepted in the period that had one.",
        ],
    ),
    (
        "deadlines_moved",
        [
            "Строки перенесено",
            "Deadlines moved",
            "Perkelti terminai",
            "Przesunięte terminy",
            "Сроки перенесены",
            "מועדים שנדחו",
        ],
        [
            "Продовження строків і зупинки годинника за період.",
            "Extensions and pauses of a clock in the period.",
        ],
    ),
    (
        "evidence_rejected",
        [
            "Докази відхилено",
            "Evidence rejected",
            "Atmesti įrodymai",
            "Odrzucone dowody",
            "Доказательства отклонены",
            "ראיות שנדחו",
        ],
        [
            "Скільки разів контроль відхилив докази виконання.",
            "How often control rejected the evidence of work.",
        ],
    ),
    (
        "merged_late",
        [
            "Об’єднано пізно",
            "Merged late",
            "Sujungta per vėlai",
            "Scalone zbyt późno",
            "Объединено поздно",
            "אוחדו באיחור",
        ],
        [
            "Дублікати, об’єднані пізніше ніж через 24 години після реєстрації: доти над ними могли працювати двічі.",
            "Doubles merged later than 24 hours after their registration: until then they may have been worked on twice.",
        ],
    ),
    (
        "closed_unconfirmed",
        [
            "Закрито без підтвердження",
            "Closed unconfirmed",
            "Užbaigta be patvirtinimo",
            "Zamknięte bez potwierdzenia",
            "Закрыто без подтверждения",
            "נסגרו ללא אישור",
        ],
        [
            "Закриття з кодом fixed_unconfirmed: заявника не вдалося застати, спроби вичерпано.",
            "Closings as fixed_unconfirmed: the applicant could not be reached and the attempts are used up.",
        ],
    ),
];
