"""Who gets no campaign for now: people with an open conversation that began with a bad answer, until it is done."""

from django.db.models import Exists, OuterRef, Q

from crm.listening.models import Conversation, Desk


def condition() -> Q:
    """Return who is left out, as a condition on customers that is true at the moment it is asked."""
    return Q(complaints()) & ~Q(Exists(Desk.objects.filter(holds_back=False)))


def is_reason(conversation: Conversation) -> bool:
    """Tell whether this conversation keeps campaigns away from its customer."""
    is_open = conversation.is_complaint and conversation.state != Conversation.State.DONE
    return is_open and Desk.current().holds_back


def complaints() -> Exists:
    """Return the condition that a customer has an open complaint."""
    open_ones = Conversation.objects.filter(is_complaint=True).exclude(state=Conversation.State.DONE)
    return Exists(open_ones.filter(contact=OuterRef("pk")))
