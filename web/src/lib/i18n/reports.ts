// The weekly control report. Titles and definitions of the indicators come with the report itself.
import { messages } from './catalogue'

export const reports = messages({
  'weekly.title': ['Тижневий контрольний звіт', 'Weekly control report', 'Savaitės kontrolės ataskaita', 'Tygodniowy raport kontrolny', 'Еженедельный контрольный отчёт', 'דוח בקרה שבועי'],
  'weekly.week': ['Тиждень {week}', 'Week {week}', 'Savaitė {week}', 'Tydzień {week}', 'Неделя {week}', 'שבוע {week}'],
  'weekly.before': ['Попередній тиждень', 'Week before', 'Ankstesnė savaitė', 'Poprzedni tydzień', 'Предыдущая неделя', 'שבוע קודם'],
  'weekly.next': ['Наступний тиждень', 'Next week', 'Kita savaitė', 'Następny tydzień', 'Следующая неделя', 'שבוע הבא'],
  'weekly.unfinished': ['Тиждень ще триває, цифри зростатимуть. Станом на {time}.', 'The week goes on and figures will grow. As of {time}.', 'Savaitė dar nesibaigė, skaičiai augs. Būklė: {time}.', 'Tydzień trwa, liczby będą rosły. Stan na {time}.', 'Неделя ещё идёт, цифры будут расти. По состоянию на {time}.', 'השבוע עוד נמשך והמספרים יגדלו. נכון ל־{time}.'],
  'weekly.print': ['Друк', 'Print', 'Spausdinti', 'Drukuj', 'Печать', 'הדפסה'],
  'weekly.files': ['Файли звіту', 'Files of the report', 'Ataskaitos failai', 'Pliki raportu', 'Файлы отчёта', 'קובצי הדוח'],
  'weekly.indicator': ['Показник', 'Indicator', 'Rodiklis', 'Wskaźnik', 'Показатель', 'מדד'],
  'weekly.value': ['За тиждень', 'This week', 'Ši savaitė', 'Ten tydzień', 'За неделю', 'השבוע'],
  'weekly.earlier': ['Тижнем раніше', 'Week before', 'Savaite anksčiau', 'Tydzień wcześniej', 'Неделей раньше', 'שבוע קודם'],
  'weekly.change': ['Зміна', 'Change', 'Pokytis', 'Zmiana', 'Изменение', 'שינוי'],
  'weekly.more': ['Визначення і розподіл', 'Definition and breakdown', 'Apibrėžimas ir skaidymas', 'Definicja i podział', 'Определение и разбивка', 'הגדרה ופילוח'],
  'weekly.open': ['Показати список: {name}, {value}', 'Show the list: {name}, {value}', 'Rodyti sąrašą: {name}, {value}', 'Pokaż listę: {name}, {value}', 'Показать список: {name}, {value}', 'הצגת הרשימה: {name}, {value}'],
  'weekly.lines': ['Рядків: {n}', 'Lines: {n}', 'Eilučių: {n}', 'Wierszy: {n}', 'Строк: {n}', 'שורות: {n}'],
  'weekly.empty': ['Список порожній', 'The list is empty', 'Sąrašas tuščias', 'Lista jest pusta', 'Список пуст', 'הרשימה ריקה'],
  'weekly.moreLines': ['Показати ще', 'Show more', 'Rodyti daugiau', 'Pokaż więcej', 'Показать ещё', 'הצגת עוד'],
  'weekly.recompute': ['Перерахувати з журналу', 'Recompute from the journal', 'Perskaičiuoti iš žurnalo', 'Przelicz z dziennika', 'Пересчитать из журнала', 'חישוב מחדש מן היומן'],
  'weekly.recomputing': ['Перераховуємо, це може тривати кілька хвилин…', 'Recomputing; this may take some minutes…', 'Perskaičiuojama, tai gali trukti kelias minutes…', 'Przeliczanie może potrwać kilka minut…', 'Пересчитываем, это может занять несколько минут…', 'מחושב מחדש; זה עשוי לקחת כמה דקות…'],
  'weekly.same': ['Журнал дає ті самі цифри: порівняно {n}.', 'The journal gives the same figures: {n} compared.', 'Žurnalas duoda tuos pačius skaičius: palyginta {n}.', 'Dziennik daje te same liczby: porównano {n}.', 'Журнал даёт те же цифры: сравнено {n}.', 'היומן נותן אותם מספרים: הושוו {n}.'],
  'weekly.differs': ['Журнал дає інші цифри. Хтось змінив записи повз програму, або журнал неповний.', 'The journal gives other figures. Somebody changed records past the program, or the journal is incomplete.', 'Žurnalas duoda kitus skaičius. Kažkas pakeitė įrašus apeidamas programą arba žurnalas neišsamus.', 'Dziennik daje inne liczby. Ktoś zmienił zapisy poza programem albo dziennik jest niepełny.', 'Журнал даёт другие цифры. Кто-то изменил записи в обход программы, или журнал неполон.', 'היומן נותן מספרים אחרים. מישהו שינה רשומות שלא דרך התכנית, או שהיומן חסר.'],
  'weekly.byRows': ['за записами', 'by the records', 'pagal įrašus', 'według zapisów', 'по записям', 'לפי הרשומות'],
  'weekly.byJournal': ['за журналом', 'by the journal', 'pagal žurnalą', 'według dziennika', 'по журналу', 'לפי היומן'],
  'today.title': ['Сьогодні', 'Today', 'Šiandien', 'Dzisiaj', 'Сегодня', 'היום'],
})
