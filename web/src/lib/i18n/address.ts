// The address box and what is known around a call.
import { messages } from './catalogue'

export const address = messages({
  'address.type': ['Вулиця, будинок, квартира…', 'Street, house, flat…', 'Gatvė, namas, butas…', 'Ulica, dom, mieszkanie…', 'Улица, дом, квартира…', 'רחוב, בית, דירה…'],
  'address.flat': ['Квартира', 'Flat', 'Butas', 'Mieszkanie', 'Квартира', 'דירה'],
  'address.flatShort': ['кв. {flat}', 'flat {flat}', 'bt. {flat}', 'm. {flat}', 'кв. {flat}', 'דירה {flat}'],
  'address.former': ['колишня назва: {name}', 'formerly {name}', 'anksčiau {name}', 'dawniej {name}', 'прежнее название: {name}', 'לשעבר {name}'],
  'address.noHouse': ['такого будинку в реєстрі немає', 'no such house in the register', 'tokio namo registre nėra', 'nie ma takiego domu w rejestrze', 'такого дома в реестре нет', 'אין בית כזה במרשם'],
  'address.noFlat': ['такої квартири там немає', 'no such flat there', 'tokio buto ten nėra', 'nie ma tam takiego mieszkania', 'такой квартиры там нет', 'אין שם דירה כזו'],
  'address.same_sound': ['інше написання', 'other spelling', 'kita rašyba', 'inna pisownia', 'другое написание', 'כתיב אחר'],
  'address.other_layout': ['інша розкладка клавіатури', 'other keyboard layout', 'kita klaviatūros kalba', 'inny układ klawiatury', 'другая раскладка клавиатуры', 'פריסת מקלדת אחרת'],
  'address.similar': ['схожа назва', 'similar name', 'panašus pavadinimas', 'podobna nazwa', 'похожее название', 'שם דומה'],
  'address.asWritten': ['Залишити як написано: {text}', 'Keep as written: {text}', 'Palikti kaip parašyta: {text}', 'Zostaw jak napisano: {text}', 'Оставить как написано: {text}', 'להשאיר כפי שנכתב: {text}'],
  'address.notInRegister': ['Немає в реєстрі адрес', 'Not in the address register', 'Nėra adresų registre', 'Nie ma w rejestrze adresów', 'Нет в реестре адресов', 'לא במרשם הכתובות'],
  'address.holder': ['Будинок утримує: {name}', 'The house is kept by {name}', 'Namą prižiūri {name}', 'Domem zarządza {name}', 'Дом обслуживает: {name}', 'הבית באחזקת {name}'],

  'context.caller': ['Хто дзвонить', 'Who is calling', 'Kas skambina', 'Kto dzwoni', 'Кто звонит', 'מי מתקשר'],
  'context.nameless': ['Ім’я ще невідоме', 'Name not known yet', 'Vardas dar nežinomas', 'Imię jeszcze nieznane', 'Имя пока неизвестно', 'השם עדיין לא ידוע'],
  'context.lastPlace': ['Минулого разу: {address}', 'Last time: {address}', 'Praeitą kartą: {address}', 'Poprzednio: {address}', 'В прошлый раз: {address}', 'בפעם הקודמת: {address}'],
  'context.sameAddress': ['Адреса та сама', 'Same address', 'Tas pats adresas', 'Ten sam adres', 'Адрес тот же', 'אותה כתובת'],
  'context.nearby': ['Відкриті справи поруч', 'Open cases nearby', 'Atviros bylos netoliese', 'Otwarte sprawy w pobliżu', 'Открытые дела рядом', 'פניות פתוחות בסביבה'],
  'context.nearLast': ['Відкриті справи біля минулої адреси', 'Open cases near the last address', 'Atviros bylos prie ankstesnio adreso', 'Otwarte sprawy przy poprzednim adresie', 'Открытые дела у прошлого адреса', 'פניות פתוחות ליד הכתובת הקודמת'],
  'context.nothingNear': ['Поруч нічого не відкрито', 'Nothing is open nearby', 'Netoliese nieko atviro', 'W pobliżu nic nie jest otwarte', 'Рядом ничего не открыто', 'אין דבר פתוח בסביבה'],
  'context.giveAddress': ['Вкажіть адресу — тут з’являться справи поруч.', 'Give an address and the cases nearby appear here.', 'Įveskite adresą – čia atsiras bylos netoliese.', 'Podaj adres, a pojawią się tu sprawy w pobliżu.', 'Укажите адрес — здесь появятся дела рядом.', 'הזינו כתובת והפניות בסביבה יופיעו כאן.'],
  'context.same_house': ['цей будинок', 'this house', 'šis namas', 'ten dom', 'этот дом', 'אותו בית'],
  'context.same_street': ['ця вулиця', 'this street', 'ši gatvė', 'ta ulica', 'эта улица', 'אותו רחוב'],
  'context.near': ['поруч', 'nearby', 'netoli', 'blisko', 'рядом', 'בקרבת מקום'],
  'context.metres': ['{n} м', '{n} m', '{n} m', '{n} m', '{n} м', '{n} מ׳'],
  'context.attach': ['Дзвінок про цю справу', 'The call is about this', 'Skambutis dėl šios bylos', 'Rozmowa dotyczy tej sprawy', 'Звонок об этом деле', 'השיחה בנושא זה'],
  'desk.chooseDistrict': ['Оберіть район: від нього можуть залежати виконавець і строк.', 'Choose the district: executor and deadline may depend on it.', 'Pasirinkite rajoną: nuo jo gali priklausyti vykdytojas ir terminas.', 'Wybierz dzielnicę: mogą od niej zależeć wykonawca i termin.', 'Выберите район: от него могут зависеть исполнитель и срок.', 'בחרו רובע: הגורם המבצע והמועד עשויים להשתנות.'],
  'keys.disposition': ['чим закінчився дзвінок', 'how the call ended', 'kuo baigėsi skambutis', 'jak zakończyła się rozmowa', 'чем закончился звонок', 'איך הסתיימה השיחה'],
  'keys.attach': ['дзвінок про справу зі списку', 'the call is about a listed case', 'skambutis dėl bylos iš sąrašo', 'rozmowa dotyczy sprawy z listy', 'звонок о деле из списка', 'השיחה בנושא פנייה מהרשימה'],
})
