// Recording a prompt by telephone.
import { messages } from './catalogue'

export const dictation = messages({
  'dictation.button': ['Записати телефоном', 'Record by phone', 'Įrašyti telefonu', 'Nagraj przez telefon', 'Записать по телефону', 'הקלטה בטלפון'],
  'dictation.title': ['Записати телефоном: {id}', 'Record by phone: {id}', 'Įrašyti telefonu: {id}', 'Nagraj przez telefon: {id}', 'Записать по телефону: {id}', 'הקלטה בטלפון: {id}'],
  'dictation.say': ['Скажіть:', 'Say:', 'Pasakykite:', 'Powiedz:', 'Скажите:', 'אמרו:'],
  'dictation.ring': ['Подзвонити мені', 'Ring my phone', 'Skambinti man', 'Zadzwoń do mnie', 'Позвонить мне', 'צלצלו אליי'],
  'dictation.again': ['Подзвонити ще раз', 'Ring once more', 'Skambinti dar kartą', 'Zadzwoń jeszcze raz', 'Позвонить ещё раз', 'צלצול נוסף'],
  'dictation.noPhone': ['Вам ще не видано телефону. Видайте його собі на сторінці «Люди й телефони».', 'You have no phone yet. Give yourself one on the page “People and phones”.', 'Jums dar nepriskirtas telefonas. Priskirkite jį sau puslapyje „Žmonės ir telefonai“.', 'Nie masz jeszcze telefonu. Nadaj go sobie na stronie „Osoby i telefony”.', 'Вам ещё не выдан телефон. Выдайте его себе на странице «Люди и телефоны».', 'עדיין אין לך טלפון. אפשר להקצות אותו בדף „אנשים וטלפונים”.'],
  'dictation.step.ringing': ['Ваш телефон дзвонить: візьміть слухавку', 'Your phone rings: pick it up', 'Skamba jūsų telefonas: atsiliepkite', 'Dzwoni Twój telefon: odbierz', 'Ваш телефон звонит: возьмите трубку', 'הטלפון שלך מצלצל: ענו'],
  'dictation.step.instructing': ['Дочекайтеся сигналу', 'Wait for the tone', 'Palaukite signalo', 'Zaczekaj na sygnał', 'Дождитесь сигнала', 'המתינו לצליל'],
  'dictation.step.speaking': ['Кажіть; будь-яка клавіша закінчує', 'Speak; any key ends', 'Kalbėkite; bet kuris klavišas baigia', 'Mów; dowolny klawisz kończy', 'Говорите; любая клавиша заканчивает', 'דברו; כל מקש מסיים'],
  'dictation.step.reading': ['Опрацьовуємо запис', 'Your recording is being prepared', 'Įrašas ruošiamas', 'Przygotowujemy nagranie', 'Обрабатываем запись', 'ההקלטה מעובדת'],
  'dictation.step.choosing': ['Прослухайте: 1 — зберегти, 2 — ще раз', 'Listen: 1 keeps it, 2 records it again', 'Paklausykite: 1 – išsaugoti, 2 – dar kartą', 'Posłuchaj: 1 – zachowaj, 2 – jeszcze raz', 'Прослушайте: 1 — сохранить, 2 — ещё раз', 'האזינו: 1 לשמירה, 2 להקלטה נוספת'],
  'dictation.step.keeping': ['Зберігаємо', 'It is being kept', 'Išsaugoma', 'Zapisujemy', 'Сохраняем', 'נשמר'],
  'dictation.step.kept': ['Збережено. Почують після публікації.', 'Kept. It is heard after publishing.', 'Išsaugota. Girdės paskelbus.', 'Zachowano. Będzie słychać po publikacji.', 'Сохранено. Услышат после публикации.', 'נשמר. יישמע אחרי הפרסום.'],
  'dictation.step.not_kept': ['Не збережено: слухавку покладено раніше.', 'Not kept: the call ended before.', 'Neišsaugota: ragelis padėtas anksčiau.', 'Nie zachowano: połączenie zakończyło się wcześniej.', 'Не сохранено: трубку положили раньше.', 'לא נשמר: השיחה הסתיימה קודם.'],
  'dictation.step.not_answered': ['Ніхто не відповів.', 'Nobody answered.', 'Niekas neatsiliepė.', 'Nikt nie odebrał.', 'Никто не ответил.', 'לא הייתה תשובה.'],
  'dictation.take': ['спроба {n}', 'take {n}', 'bandymas {n}', 'próba {n}', 'попытка {n}', 'ניסיון {n}'],
  'dictation.end': ['Закінчити', 'Finish', 'Baigti', 'Zakończ', 'Закончить', 'סיום'],
  'dictation.keep': ['Зберегти', 'Keep', 'Išsaugoti', 'Zachowaj', 'Сохранить', 'שמירה'],
  'dictation.anew': ['Ще раз', 'Again', 'Dar kartą', 'Jeszcze raz', 'Ещё раз', 'שוב'],
  'dictation.limit': ['Щонайбільше {secs} с.', 'At most {secs} s.', 'Ne daugiau kaip {secs} s.', 'Najwyżej {secs} s.', 'Не более {secs} с.', 'עד {secs} שניות.'],
})
