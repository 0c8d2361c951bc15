"""PrestaShop customers: the grid's export and the import template of PrestaShop and thirty bees.

`Newsletter` is a box: ticked is a yes, unticked is no answer. Partner offers are somebody else's mail.
"""

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _people, base
from crm.imports.formats._prestashop import SOURCE
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "prestashop_customers"
LABEL = _("PrestaShop customers")
KIND = base.CONTACTS

_ALIASES = {
    "id": ["id", "customer id"],
    "first": ["first name", "first name *", "prénom", "vorname", "nombre", "nome", "voornaam", "imię"],
    "last": ["last name", "last name *", "nom", "nachname", "apellidos", "cognome", "achternaam", "nazwisko"],
    "email": ["email address", "email", "email *", "e-mail", "adresse e-mail", "e-mail-adresse",
              "dirección de correo electrónico", "indirizzo email", "e-mailadres", "adres e-mail"],
    "company": ["company", "société", "unternehmen", "empresa", "azienda", "bedrijf"],
    "group": ["group", "default group", "groupe", "gruppe", "grupo", "gruppo", "groep"],
    "groups": ["groups (x;y;z...)"],
    "newsletter": ["newsletter", "newsletter (0/1)", "lettre d'information", "boletín de noticias"],
    "birthday": ["birthday (yyyy-mm-dd)", "birthday", "date de naissance"],
    "joined": ["registration", "registration date", "inscription", "registrierung", "anmeldung", "registro",
               "registrazione", "registratie", "rejestracja"],
}  # fmt: skip
_OWN = [
    "social title", "titre", "anrede", "titles id (mr = 1; ms = 2; else 0)", "partner offers", "opt-in (0/1)",
    "enabled", "active (0/1)", "last visit", "dernière visite", "groups (x;y;z...)", "default group id", "registration",
    "titolo", "tratamiento", "offres partenaires", "ultima visita", "última visita", "letzter besuch",
]  # fmt: skip


def sniff(header: Header) -> float:
    needed = [header.find(*_ALIASES[field]) for field in ("id", "first", "last", "email", "newsletter")]
    own = sum(name in header for name in _OWN)
    return 0.0 if None in needed or not own else min(0.65 + 0.1 * own, 0.95)


def needs(header: Header, mapping) -> Needs:
    joined = header.find(*_ALIASES["joined"])
    return Needs(order_key=base.KeyIn(header.find(*_ALIASES["id"])), dates=() if joined is None else (joined,))


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    present = [index for index in column.values() if index != options.missing]
    return base.each(groups, lambda group: _person(base.merged(group, present), column, options, group[0][0]))


def _person(cells, column, options: Options, line_number: int) -> Person:
    said = cells[column["newsletter"]]
    born, noted = _people.birthday(cells[column["birthday"]], day_first=options.day_first)
    groups = [cells[column["group"]], *cells[column["groups"]].split(";")]
    person = base.person_of(
        cells, column, source=SOURCE, line_number=line_number, key=clean(cells[column["id"]]), authoritative=True,
        birthday=born, extra=noted, joined_at=base.joined(cells[column["joined"]], options, line_number),
        tags=list(dict.fromkeys(group[:40] for part in groups if (group := clean(part)))),
        consent_detail=f"PrestaShop: Newsletter = {said.strip()}",
    )  # fmt: skip
    if not (person.key or person.email):
        raise BadValue(_now("The row has no customer number and no e-mail"))
    person.consent = "yes" if base.is_yes(said) and person.email else ""
    return person
