"""Outlook's contacts: the desktop program (in its language, often in a Windows code page), Outlook.com and Thunderbird.

An address book holds no consent. Fax numbers and pagers are not phones.
"""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "outlook"
LABEL = _("Outlook contacts")
KIND = base.CONTACTS
SOURCE = "outlook"

# English, German, French, Spanish, Italian, Dutch, Chinese; then Outlook.com's and Thunderbird's own.
_ALIASES = {
    "first": ["first name", "vorname", "prénom", "nombre", "nome", "voornaam", "名"],
    "middle": [
        "middle name", "weitere vornamen", "deuxième prénom", "segundo nombre", "secondo nome", "middelste naam",
        "中间名",
    ],
    "last": ["last name", "nachname", "nom", "apellidos", "cognome", "achternaam", "姓"],
    "name": ["display name"],
    "company": ["company", "firma", "société", "organización", "società", "bedrijf", "单位", "公司", "organization"],
    "birthday": ["birthday", "geburtstag", "anniversaire", "cumpleaños", "compleanno", "verjaardag", "生日"],
    "tags": ["categories", "kategorien", "catégories", "categorías", "categorie", "categorieën", "类别"],
    "notes": ["notes", "notizen", "notas", "note", "notities", "附注", "便笺"],
}  # fmt: skip
_EMAILS = [
    "e-mail address", "e-mail 2 address", "e-mail 3 address",
    "e-mail-adresse", "e-mail 2: adresse", "e-mail 3: adresse",
    "adresse de messagerie", "adresse de messagerie 2", "adresse de messagerie 3",
    "dirección de correo electrónico", "dirección del correo electrónico 2", "dirección del correo electrónico 3",
    "indirizzo posta elettronica", "indirizzo posta elettronica 2", "indirizzo posta elettronica 3",
    "e-mailadres", "e-mailadres 2", "e-mailadres 3", "电子邮件地址", "电子邮件 2 地址", "电子邮件 3 地址",
    "email home", "email work", "email other", "primary email", "secondary email",
]  # fmt: skip
_PHONES = [
    "mobile phone", "home phone", "business phone", "primary phone", "other phone", "home phone 2", "business phone 2",
    "home mobile", "car phone", "company main phone", "mobiltelefon", "telefon (mobil)", "telefon privat",
    "telefon (privat)", "telefon geschäftlich", "telefon (geschäftlich)", "tél. mobile", "téléphone (domicile)",
    "téléphone (bureau)", "móvil", "particular", "teléfono del trabajo", "cellulare", "abitazione", "ufficio",
    "mobiele telefoon", "telefoon thuis", "telefoon op werk", "移动电话", "住宅电话", "商务电话", "单位电话",
    "mobile number", "work phone",
]  # fmt: skip
_FIELDS = ("street", "city", "region", "zip", "country")
_PLACES = (  # the names of these columns of one address
    ("home street", "home city", "home state", "home postal code", "home country/region"),
    ("home street", "home city", "home state", "home zip", "home country"),
    ("business street", "business city", "business state", "business postal code", "business country/region"),
    ("business street", "work city", "work state", "work zip", "work country"),
    ("other street", "other city", "other state", "other postal code", "other country/region"),
    ("home address", "home city", "home state", "home zipcode", "home country"),
    ("work address", "work city", "work state", "work zipcode", "work country"),
    ("straße privat", "ort privat", "bundesland/kanton privat", "postleitzahl privat", "land/region privat"),
    ("straße geschäftlich", "ort geschäftlich", "region geschäftlich", "postleitzahl geschäftlich",
     "land/region geschäftlich"),
    ("rue (domicile)", "ville (domicile)", "dép/région (domicile)", "code postal (domicile)", "pays/région (domicile)"),
    ("rue (bureau)", "ville (bureau)", "dép/région (bureau)", "code postal (bureau)", "pays/région (bureau)"),
    ("calle del domicilio particular", "ciudad del domicilio particular", "provincia o estado del domicilio particular",
     "código postal del domicilio particular", "país o región del domicilio particular"),
    ("via (ab.)", "città (ab.)", "provincia (ab.)", "cap (ab.)", "paese/area geografica (ab.)"),
    ("huisadres, straat", "huisadres, plaats", "huisadres, provincie", "huisadres, postcode", "huisadres, land/regio"),
    ("住宅地址 街道", "住宅地址 市/县", "住宅地址 省/市/自治区", "住宅地址 邮政编码", "住宅地址 国家/地区"),
    ("商务地址 街道", "商务地址 市/县", "商务地址 省/市/自治区", "商务地址 邮政编码", "商务地址 国家/地区"),
)  # fmt: skip


def sniff(header: Header) -> float:
    emails = sum(name in header for name in _EMAILS)
    phones = sum(name in header for name in _PHONES)
    if not emails or not phones or header.find(*_ALIASES["first"], *_ALIASES["name"]) is None:
        return 0.0
    has_place = any(place[0] in header for place in _PLACES)
    return 0.7 + 0.1 * (emails > 1) + 0.05 * (phones > 1) + 0.1 * has_place


def needs(header: Header, mapping) -> Needs:
    born = header.find(*_ALIASES["birthday"])
    return Needs(dates=() if born is None else (born,))


def parse(groups, options: Options):
    places = _places(options.header)
    column = options.columns(
        _ALIASES
        | {f"email{number}": [name] for number, name in enumerate(_EMAILS)}
        | {f"phone{number}": [name] for number, name in enumerate(_PHONES)}
        | {f"{field}{number}": [name] for number, place in enumerate(places) for field, name in zip(_FIELDS, place)}
    )
    emails = [column[f"email{number}"] for number, name in enumerate(_EMAILS) if name in options.header]
    phones = [column[f"phone{number}"] for number, name in enumerate(_PHONES) if name in options.header]
    addresses = [[column[f"{field}{number}"] for field in _FIELDS] for number in range(len(places))]
    return base.each(groups, lambda group: _person(*group[0], column, emails, phones, addresses, options))


def _places(header: Header) -> list[tuple[str, ...]]:
    """Return the names of each address the file has: of two ways to name its parts, the one it uses."""
    fullest: dict[str, tuple[str, ...]] = {}
    for place in _PLACES:
        held = fullest.get(place[0])
        if place[0] in header and (held is None or header.share(place) > header.share(held)):
            fullest[place[0]] = place
    return list(fullest.values())


def _person(
    line_number: int, cells, column, emails: Iterable[int], phones: Iterable[int], places, options: Options
) -> Person:
    addresses = _people.emails(cells[index] for index in emails)
    numbers = _people.phones(cells[index] for index in phones)
    if not (addresses or numbers):
        raise BadValue(_("The contact has no e-mail and no phone"))
    parts = [cells[column[name]] for name in ("first", "middle", "last")]
    born, noted = _people.birthday(cells[column["birthday"]], day_first=options.day_first)
    if note := clean(cells[column["notes"]]):
        noted["note"] = note[:500]
    told = next((place for place in places if any(clean(cells[index]) for index in place)), [options.missing] * 5)
    street, city, region, postcode, country = (" ".join(clean(cells[index]).split()) for index in told)
    return Person(
        source=SOURCE,
        name=_people.full_name(*parts) or base.person_name(cells[column["name"]]),
        email=next(iter(addresses), ""),
        phone=next(iter(numbers), ""),
        company=base.company(cells[column["company"]]),
        street=street,
        postcode=postcode,
        city=city,
        region=region,
        country=country,
        birthday=born,
        tags=_people.tags(cells[column["tags"]]),
        extra={**noted, **_people.others(addresses, numbers)},
        authoritative=True,
        line_number=line_number,
    )
