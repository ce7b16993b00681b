// Which queues an operator serves: the supervisor's dialog, and what the operator's desk says of it.
import { messages } from './catalogue'

export const assign = messages({
  'assign.button': ['Черги…', 'Queues…', 'Eilės…', 'Kolejki…', 'Очереди…', 'תורים…'],
  'assign.title': ['Черги: {name}', 'Queues: {name}', 'Eilės: {name}', 'Kolejki: {name}', 'Очереди: {name}', 'תורים: {name}'],
  'assign.hint': ['Діє одразу й надалі; поточна розмова триває. Оператор побачить, хто змінив і чому.', 'In force at once and from then on; a call at hand goes on. The operator sees who changed it and why.', 'Galioja iš karto ir toliau; dabartinis pokalbis tęsiasi. Operatorius matys, kas ir kodėl pakeitė.', 'Działa od razu i na stałe; trwająca rozmowa się nie przerywa. Operator zobaczy, kto i dlaczego to zmienił.', 'Действует сразу и дальше; текущий разговор продолжается. Оператор увидит, кто изменил и почему.', 'בתוקף מיד ואילך; שיחה מתנהלת נמשכת. המוקדן רואה מי שינה ומדוע.'],
  'assign.waiting': ['чекають: {count}', 'waiting: {count}', 'laukia: {count}', 'czekają: {count}', 'ждут: {count}', 'ממתינים: {count}'],
  'assign.others': ['інших на місці: {count}', 'others there: {count}', 'kitų vietoje: {count}', 'innych na miejscu: {count}', 'других на месте: {count}', 'אחרים במקום: {count}'],
  'assign.alone': ['зараз нікого іншого', 'nobody else is there now', 'dabar nieko kito nėra', 'teraz nie ma nikogo innego', 'сейчас больше никого', 'אין כעת אף אחד אחר'],
  'assign.skill': ['разом дасть навичку «{skill}», рівень {level}', 'gives the skill “{skill}”, level {level}, along with it', 'kartu suteiks įgūdį „{skill}“, lygis {level}', 'nada też umiejętność „{skill}”, poziom {level}', 'вместе даст навык «{skill}», уровень {level}', 'יעניק גם את המיומנות „{skill}”, רמה {level}'],
  'assign.why': ['Чому', 'Why', 'Kodėl', 'Dlaczego', 'Почему', 'מדוע'],
  'assign.save': ['Змінити черги', 'Change the queues', 'Keisti eiles', 'Zmień kolejki', 'Изменить очереди', 'שינוי התורים'],
  'assign.done': ['{name}: черги змінено.', '{name}: the queues are changed.', '{name}: eilės pakeistos.', '{name}: kolejki zmienione.', '{name}: очереди изменены.', '{name}: התורים שונו.'],
  'assign.many_callers': ['багато дзвінків', 'many callers', 'daug skambučių', 'dużo połączeń', 'много звонков', 'פניות רבות'],
  'assign.colleague_away': ['замість колеги', 'in a colleague’s place', 'vietoj kolegos', 'w zastępstwie', 'вместо коллеги', 'במקום עמית'],
  'assign.calm': ['стало спокійно', 'it is calm again', 'nurimo', 'zrobiło się spokojnie', 'стало спокойно', 'נרגע'],
  'assign.said': ['Ваші черги змінено. Тепер ви обслуговуєте: {queues}. Причина: {why}.', 'Your queues have changed. You serve now: {queues}. Reason: {why}.', 'Jūsų eilės pakeistos. Dabar aptarnaujate: {queues}. Priežastis: {why}.', 'Twoje kolejki zmieniono. Teraz obsługujesz: {queues}. Powód: {why}.', 'Ваши очереди изменены. Теперь вы обслуживаете: {queues}. Причина: {why}.', 'התורים שלך שונו. מעכשיו: {queues}. סיבה: {why}.'],
  'assign.mine': ['Мої черги', 'My queues', 'Mano eilės', 'Moje kolejki', 'Мои очереди', 'התורים שלי'],
})
