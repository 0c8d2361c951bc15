"""The links of a person, to be handed over."""

from django.utils.translation import gettext_lazy as _

from crm.portal import cards, links
from crm.portal.models import Card

LABELS = {"own_page": _("Your own page"), "card_code": _("Code of your card"), "replaced_at": _("Replaced")}


def hand_over(*, contact_id: int) -> dict:
    """Return the page and card that are theirs."""
    card = Card.objects.filter(contact=contact_id).first()
    return {
        "address": links.address(contact_id), "card_code": cards.code(contact_id),
        "replaced_at": card.replaced_at if card else None,
    }  # fmt: skip
