"""The field that asks which customer sent somebody new."""

import datetime as dt

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.contacts import listing, matching
from crm.contacts.models import Contact
from crm.portal import cards, invitations
from crm.rewards import referring

SHOWN = 4


class SentByField(forms.CharField):
    """A customer, found by invitation or card code, e-mail, phone number or name."""

    def __init__(self):
        super().__init__(
            label=gettext_lazy("Sent by"),
            max_length=200,
            required=False,
            help_text=gettext_lazy("The customer who told them of you: code, phone number or name. Empty: nobody."),
            widget=forms.TextInput(attrs={"autocomplete": "off"}),
        )

    def clean(self, value) -> Contact | None:
        text = super().clean(value)
        if not text:
            return None
        found = find(text)
        if len(found) == 1:
            return found[0]
        if not found:
            raise forms.ValidationError(_("No customer has this code, number or name."))
        names = ", ".join(_told(person) for person in found[:SHOWN])
        more = ", …" if len(found) > SHOWN else ""
        said = _("Several customers are meant: %(names)s. Type the phone number or the code.")
        raise forms.ValidationError(said, params={"names": names + more})


def find(text: str) -> list[Contact]:
    """Return the customers who are meant; more than one where it is not clear."""
    if contact := invitations.advocate_of(text) or cards.contact_of(text):
        return [contact]
    alive = Contact.objects.alive().defer("extra").order_by("name", "pk")
    if key := matching.email_key(text):
        return list(alive.filter(email_key=key))
    if (people := listing.with_phone(text)) is not None:
        return list(people.defer("extra").order_by("name", "pk")[: SHOWN + 1])
    exact = list(alive.filter(name__iexact=text)[: SHOWN + 1])
    return exact or (list(alive.filter(listing.search(text))[: SHOWN + 1]) if len(text) > 1 else [])


def refused(friend_id: int, *, advocate: Contact | None, via: str, now: dt.datetime) -> str:
    """Note who sent somebody; return why that does not count, blank where it does or nobody is named."""
    if advocate is None:
        return ""
    try:
        referring.refer(friend_id, advocate_id=advocate.pk, via=via, now=now)
    except referring.CannotRefer as refusal:
        said = _("It was not noted that %(name)s sent them. %(why)s")
        return said % {"name": advocate.display_name, "why": refusal}
    return ""


def _told(person: Contact) -> str:
    rest = person.phone or person.email
    return f"{person.display_name} ({rest})" if rest and rest != person.display_name else person.display_name
