// The code of a request's page, sent by SMS to who has lost it; and what administrators read about such messages.
import { messages } from './catalogue'

export const code = messages({
  'code.lost': ['Немає коду? Надіслати SMS', 'No code? Get it by SMS', 'Neturite kodo? Gaukite SMS', 'Nie masz kodu? Wyślij SMS', 'Нет кода? Прислать SMS', 'אין קוד? אפשר לקבל ב-SMS'],
  'code.title': ['Код у SMS', 'The code by SMS', 'Kodas SMS žinute', 'Kod SMS-em', 'Код в SMS', 'הקוד ב-SMS'],
  'code.lead': ['Надішлемо на телефон, з яким подано звернення, і на жоден інший.', 'We send it to the telephone the request was made with, and to no other.', 'Išsiųsime į telefoną, iš kurio kreiptasi, ir į jokį kitą.', 'Wyślemy na telefon podany w zgłoszeniu i na żaden inny.', 'Пришлём на телефон, с которым подано обращение, и ни на какой другой.', 'נשלח לטלפון שממנו הוגשה הפנייה, ולא לשום מספר אחר.'],
  'code.phone': ['Телефон зі звернення', 'Telephone of the request', 'Kreipimosi telefonas', 'Telefon ze zgłoszenia', 'Телефон из обращения', 'הטלפון שבפנייה'],
  'code.send': ['Надіслати код', 'Send the code', 'Siųsti kodą', 'Wyślij kod', 'Прислать код', 'שליחת הקוד'],
  'code.sent': ['Якщо номер і телефон збігаються зі зверненням, SMS уже в дорозі. Не прийшло за кілька хвилин? Телефонуйте {short}.', 'If number and telephone are those of the request, an SMS is on its way. Nothing after some minutes? Call {short}.', 'Jei numeris ir telefonas yra iš kreipimosi, SMS jau siunčiama. Po kelių minučių nieko? Skambinkite {short}.', 'Jeśli numer i telefon zgadzają się ze zgłoszeniem, SMS jest w drodze. Nie dotarł po kilku minutach? Zadzwoń {short}.', 'Если номер и телефон совпадают с обращением, SMS уже в пути. Не пришло за несколько минут? Звоните {short}.', 'אם המספר והטלפון הם של הפנייה, ה-SMS בדרך. לא הגיע תוך כמה דקות? התקשרו אל {short}.'],
  'code.off': ['Тут кодів у SMS не надсилають. Телефонуйте {short}: код скаже оператор.', 'Codes are not sent by SMS here. Call {short}: an operator tells it.', 'Čia kodai SMS nesiunčiami. Skambinkite {short}: kodą pasakys operatorius.', 'Tu nie wysyłamy kodów SMS-em. Zadzwoń {short}: kod poda operator.', 'Здесь коды в SMS не присылают. Звоните {short}: код скажет оператор.', 'כאן לא שולחים קודים ב-SMS. התקשרו אל {short} והמוקדן ימסור אותו.'],
  'code.wrongPhone': ['У номері телефону від 7 до 15 цифр', 'A telephone number has 7 to 15 digits', 'Telefono numeryje nuo 7 iki 15 skaitmenų', 'Numer telefonu ma od 7 do 15 cyfr', 'В номере телефона от 7 до 15 цифр', 'במספר טלפון 7 עד 15 ספרות'],
  'event.applicant.code_given': ['Заявникові видано код', 'The applicant was given a code', 'Pareiškėjui duotas kodas', 'Zgłaszający otrzymał kod', 'Заявителю выдан код', 'נמסר קוד לפונה'],
  'event.applicant.code_refused': ['Код просили, але не надіслано', 'A code was asked for and not sent', 'Kodo prašyta, bet neišsiųsta', 'Proszono o kod, nie wysłano', 'Код просили, но не отправлен', 'התבקש קוד ולא נשלח'],
  'occasion.reminder': ['Нагадування про прийом', 'Reminder of an appointment', 'Priminimas apie priėmimą', 'Przypomnienie o wizycie', 'Напоминание о приёме', 'תזכורת לקבלת קהל'],
  'occasion.code': ['Код на прохання', 'Code asked for', 'Paprašytas kodas', 'Kod na prośbę', 'Код по просьбе', 'קוד לפי בקשה'],
})
