// Signing in and staying signed in: where one is signed in, and cases that not everybody may read.
import { messages } from './catalogue'

export const access = messages({
  'sessions.title': ['Де ви увійшли', 'Where you are signed in', 'Kur esate prisijungę', 'Gdzie jesteś zalogowany', 'Где вы вошли', 'היכן התחברת'],
  'sessions.of': ['Де працює: {name}', 'Where {name} is signed in', 'Kur prisijungęs: {name}', 'Gdzie zalogowano: {name}', 'Где работает: {name}', 'היכן מחובר: {name}'],
  'sessions.button': ['Сеанси', 'Sessions', 'Seansai', 'Sesje', 'Сеансы', 'חיבורים'],
  'sessions.buttonOf': ['Сеанси: {name}', 'Sessions of {name}', 'Seansai: {name}', 'Sesje: {name}', 'Сеансы: {name}', 'החיבורים של {name}'],
  'sessions.hint': ['Не впізнаєте місце чи пристрій — завершіть цей сеанс і змініть пароль через адміністратора.', 'If you do not know a place or device, end it and ask the administrator for a new password.', 'Jei vietos ar įrenginio neatpažįstate, užbaikite seansą ir paprašykite administratoriaus naujo slaptažodžio.', 'Jeśli nie poznajesz miejsca lub urządzenia, zakończ sesję i poproś administratora o nowe hasło.', 'Не узнаёте место или устройство — завершите сеанс и попросите у администратора новый пароль.', 'אם המקום או המכשיר אינם מוכרים לך, סיים את החיבור ובקש סיסמה חדשה ממנהל המערכת.'],
  'sessions.own': ['цей пристрій', 'this device', 'šis įrenginys', 'to urządzenie', 'это устройство', 'המכשיר הזה'],
  'sessions.seen': ['востаннє: {time}', 'last used {time}', 'paskutinį kartą: {time}', 'ostatnio: {time}', 'последний раз: {time}', 'שימוש אחרון: {time}'],
  'sessions.opened': ['вхід: {time}', 'since {time}', 'nuo {time}', 'od {time}', 'вход: {time}', 'מאז {time}'],
  'sessions.unknown': ['невідомий браузер', 'unknown browser', 'nežinoma naršyklė', 'nieznana przeglądarka', 'неизвестный браузер', 'דפדפן לא מוכר'],
  'sessions.end': ['Завершити', 'End', 'Užbaigti', 'Zakończ', 'Завершить', 'סיום'],
  'sessions.endOne': ['Завершити: {browser}, {source}', 'End {browser} at {source}', 'Užbaigti: {browser}, {source}', 'Zakończ: {browser}, {source}', 'Завершить: {browser}, {source}', 'לסיים: {browser}, {source}'],
  'sessions.endOthers': ['Завершити всі інші', 'End all others', 'Užbaigti visus kitus', 'Zakończ wszystkie inne', 'Завершить все остальные', 'סיום כל האחרים'],
  'sessions.endAll': ['Завершити всі сеанси', 'Sign out everywhere', 'Atjungti visur', 'Wyloguj wszędzie', 'Завершить все сеансы', 'ניתוק מכל מקום'],
  'sessions.none': ['Зараз ніде', 'Nowhere at the moment', 'Šiuo metu niekur', 'Teraz nigdzie', 'Сейчас нигде', 'כרגע בשום מקום'],
  'restricted.name': ['Захищена справа', 'Protected case', 'Apsaugota byla', 'Sprawa chroniona', 'Защищённое дело', 'פנייה מוגנת'],
  'restricted.text': ['Зміст цієї справи бачать лише люди з окремим допуском. Вам видно, що вона є, її стан і строк; допуск надає адміністратор.', 'Only people with its clearance read this case. You see that it exists, its state and its deadline; the administrator gives clearances.', 'Šią bylą skaito tik turintieji leidimą. Jūs matote, kad ji yra, jos būseną ir terminą; leidimus suteikia administratorius.', 'Tę sprawę czytają tylko osoby z dopuszczeniem. Widzisz, że istnieje, jej stan i termin; dopuszczeń udziela administrator.', 'Содержание этого дела видят только люди с отдельным допуском. Вам видно, что оно есть, его состояние и срок; допуск даёт администратор.', 'רק בעלי הרשאה מתאימה קוראים פנייה זו. מוצגים לך קיומה, מצבה והמועד; הרשאות ניתנות על ידי מנהל המערכת.'],
  'restricted.read': ['Захищена справа: кожне її читання записано в журналі.', 'A protected case: each reading of it is on the journal.', 'Apsaugota byla: kiekvienas skaitymas įrašomas žurnale.', 'Sprawa chroniona: każde jej przeczytanie jest w dzienniku.', 'Защищённое дело: каждое его чтение записано в журнале.', 'פנייה מוגנת: כל קריאה שלה נרשמת ביומן.'],
  'people.clearances': ['Допуски до захищених справ', 'Clearances for protected cases', 'Leidimai skaityti apsaugotas bylas', 'Dopuszczenia do spraw chronionych', 'Допуски к защищённым делам', 'הרשאות לפניות מוגנות'],
  'people.clearancesHint': ['Без допуску людина бачить лише номер, стан і строк справи. Надання й читання записує журнал.', 'Without one a person sees number, state and deadline only. Giving one and each reading are on the journal.', 'Be leidimo matomas tik numeris, būsena ir terminas. Suteikimas ir skaitymas įrašomi žurnale.', 'Bez dopuszczenia widać tylko numer, stan i termin. Udzielenie i czytanie zapisuje dziennik.', 'Без допуска видны только номер, состояние и срок. Выдачу и чтение записывает журнал.', 'בלי הרשאה רואים רק מספר, מצב ומועד. מתן ההרשאה וכל קריאה נרשמים ביומן.'],
  'clearance.welfare': ['соціальна допомога', 'welfare', 'socialinė parama', 'pomoc społeczna', 'социальная помощь', 'רווחה'],
  'clearance.education': ['освіта', 'education', 'švietimas', 'edukacja', 'образование', 'חינוך'],
  'clearance.minors': ['неповнолітні', 'minors', 'nepilnamečiai', 'nieletni', 'несовершеннолетние', 'קטינים'],
})
