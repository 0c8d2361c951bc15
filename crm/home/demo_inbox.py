"""What the customers of the demo say: answers to the question after a purchase, and a handful of conversations.

Everything comes in by the acts real customers' words come in by, at the time it was said.
"""

import datetime as dt
import random

from django.utils.translation import gettext as _

from crm.contacts.models import Contact
from crm.listening import answering, asking, digesting, feedback, hearing, moving_on
from crm.listening.models import Answer, Conversation, SavedAnswer, Via
from crm.orders.models import Order

MOST, ASKED = 240, dt.timedelta(days=330)
SCORES, WEIGHTS = (1, 2, 3, 4, 5), (4, 9, 15, 36, 36)
WITH_WORDS = {1: 0.95, 2: 0.9, 3: 0.2, 4: 0.3, 5: 0.45}


def _unhappy() -> list[str]:
    return [
        _("The rye was sold out again when I came at five."),
        _("Sold out, for the third time this month. I came only for the rye."),
        _("The rolls were sold out and nobody could say when there are more."),
        _("Everything I like was sold out by noon."),
        _("I waited a quarter of an hour while two people talked."),
        _("Waited too long, and then the coffee was cold."),
        _("The queue was out of the door and I waited in the rain."),
        _("The cake was dry and I paid more than last time."),
    ]


def _happy() -> list[str]:
    return [
        _("Best bread in the neighbourhood."),
        _("I was in a hurry and you were quick and friendly. Thank you!"),
        _("The new seed loaf was wonderful, I hope there is more of it when I come again."),
        _("My children ask for your pretzels every day."),
        _("Friendly people and fair prices, and I came for the cake."),
        _("You remembered my name. That made my day."),
        _("The croissant was wonderful and the rye too, every time."),
        _("Quick, friendly, and the coffee is good."),
    ]


def write(*, seed: int, now: dt.datetime) -> None:
    """Let customers answer and write; all but the newest complaints are answered and done."""
    chance = random.Random(seed)
    _write_saved()
    sales = Order.objects.filter(kind=Order.Kind.SALE, cancelled_at=None, contact__isnull=False)
    recent = list(
        sales.filter(placed_at__gte=now - ASKED, placed_at__lt=now - dt.timedelta(days=2)).order_by("placed_at", "pk")
    )
    asked = sorted(chance.sample(recent, min(MOST, len(recent) // 4)), key=lambda order: (order.placed_at, order.pk))
    for order in asked:
        _answer(order, chance, now=now)
    _write_conversations([order.contact_id for order in reversed(recent)], now=now)
    taken = {order.pk for order in asked}
    latest = [order for order in reversed(recent) if order.pk not in taken][:2]
    for order, (score, words, hours) in zip(latest, [(2, _unhappy()[0], 26), (1, _unhappy()[5], 5)]):
        _say(order, score, words, at=now - dt.timedelta(hours=hours))
    digesting.renew(now=now)


def _answer(order: Order, chance: random.Random, *, now: dt.datetime) -> None:
    score = chance.choices(SCORES, WEIGHTS)[0]
    words = (_unhappy() if score <= 2 else _happy()) if chance.random() < WITH_WORDS[score] else [""]
    at = min(
        order.placed_at + dt.timedelta(hours=chance.randint(3, 40)), now - dt.timedelta(hours=chance.randint(2, 20))
    )
    said = _say(order, score, chance.choice(words), may_quote=score == 5 and chance.random() < 0.5, at=at)
    if said.conversation_id and at < now - dt.timedelta(days=5):
        conversation = Conversation.objects.get(pk=said.conversation_id)
        _reply(
            conversation,
            _("Thank you for saying so. I am sorry, and we look into it. A small something is on your account."),
            points=20, at=at + dt.timedelta(hours=4),
        )  # fmt: skip


def _say(order: Order, score: int, words: str, *, at: dt.datetime, may_quote: bool = False) -> Answer:
    """Answer the question about an order."""
    asked = asking.Asked(f"order:{order.pk}", order.contact_id, order)
    return feedback.save(asked, score=score, comment=words, may_quote=may_quote, now=at)


def _reply(conversation: Conversation, text: str, *, at: dt.datetime, points: int = 0) -> None:
    """Answer as an owner does, and close the conversation."""
    reply = answering.Reply(
        text=text, form_key=f"demo-{conversation.pk}-{conversation.version}", version=conversation.version,
        points=points, reason=_("We are sorry"), then=Conversation.State.DONE,
    )  # fmt: skip
    answering.answer(conversation, reply, now=at)
    answering.send_due(now=at)


def _write_conversations(newest_first: list[int], *, now: dt.datetime) -> None:
    """Let some people write: by the form, from their own page, on the phone."""
    people = list(dict.fromkeys(newest_first))[:4]
    if len(people) < 4:
        return
    hours = dt.timedelta(hours=1)
    name, email = _("Jonas Reuter"), "jonas.reuter@example.org"
    hearing.hear(
        hearing.Words(
            text=_("Do you bake a birthday cake for twelve people for Saturday? No nuts, please."),
            via=Via.FORM,
            name=name,
            email=email,
            form_key="demo-form",
        ),
        now=now - 20 * hours,
    )
    page = {"via": Via.PAGE, "contact_id": people[0]}
    hearing.hear(
        hearing.Words(text=_("Is the rye bread free of milk?"), form_key="demo-page", **page), now=now - 3 * hours
    )
    line, _new = hearing.hear(
        hearing.Words(
            text=_("Wants twenty pretzels every first Friday of the month."),
            via=Via.PHONE,
            contact_id=people[1],
            by=_("Demo"),
            form_key="demo-phone",
        ),
        now=now - 70 * hours,
    )
    moving_on.remind(line.conversation_id, on=(now + dt.timedelta(days=6)).date())
    asker = Contact.objects.get(pk=people[2])
    line, _new = hearing.hear(
        hearing.Words(
            text=_("Are you open on the second day of Christmas?"),
            via=Via.MAIL,
            email=asker.email,
            name=asker.name,
            subject=_("Christmas"),
            message_id="<demo@example.org>",
        ),
        now=now - 50 * hours,
    )
    _reply(line.conversation, _("Yes, from eight to twelve. See you then!"), at=now - 44 * hours)


def _write_saved() -> None:
    SavedAnswer.objects.bulk_create(
        [
            SavedAnswer(
                title=_("Sorry"),
                text=_(
                    'Hello {{ first_name|"there" }},\n\nthank you for telling us. I am sorry that it went wrong. '
                    "You have {{ points_given }} points more now.\n\nSee you soon at {{ shop_name }}"
                ),
            ),
            SavedAnswer(
                title=_("Opening hours"),
                text=_(
                    'Hello {{ first_name|"there" }},\n\nwe are open Tuesday to Saturday from seven to six.'
                    "\n\n{{ shop_name }}"
                ),
            ),
        ]
    )
