"""What somebody wrote goes with them; how satisfied people were in all stays."""

import json

from crm.campaigns.models import Outgoing
from crm.listening import answering, asking, digesting, feedback, forgetting, handing_over
from crm.listening.models import Answer, Conversation, Digest, Line
from tests.conftest import NOW
from tests.listening.conftest import key, new_order, say


def fill(contact, number: int) -> None:
    conversation = say(f"Words of {contact.name}", email=contact.email, message_id=f"<{number}@example.com>")
    reply = answering.Reply(
        text=f"Hello {contact.name}", form_key=key(number), version=conversation.version, points=5, reason="x"
    )
    answering.answer(conversation, reply, now=NOW)
    answering.send_due(now=NOW)
    order = new_order(contact, str(number))
    asked = asking.Asked(f"order:{order.pk}", contact.pk, order)
    feedback.save(asked, score=1, comment=f"Secret of {contact.name}", may_quote=True, now=NOW)


def everything() -> str:
    rows = [list(model.objects.values()) for model in (Conversation, Line, Answer, Outgoing)]
    return json.dumps(rows, default=str)


def test_nothing_of_them_is_left_but_a_score(mia, nora):
    fill(mia, 1)
    fill(nora, 2)
    digesting.renew(now=NOW)
    assert forgetting.forget(contact_ids=[mia.pk], now=NOW) == 6  # two conversations of three lines, one answer; its mail besides
    left = everything()
    assert "Mia" not in left
    assert "mia" not in left
    assert left.count("Secret of Nora") == 2
    forgotten = Answer.objects.get(contact=None)
    assert (forgotten.score, forgotten.feeling, forgotten.comment, forgotten.order, forgotten.may_quote) == (
        1, "bad", "", None, False,
    )  # fmt: skip
    assert Outgoing.objects.get().to == "nora@example.org"
    assert (Digest.objects.count(), digesting.renew(now=NOW)) == (0, 2)
    assert forgetting.forget(contact_ids=[mia.pk], now=NOW) == 0


def test_many_are_forgotten_at_once(mia, nora):
    fill(mia, 1)
    fill(nora, 2)
    forgetting.forget(contact_ids=[mia.pk, nora.pk], now=NOW)
    assert (Conversation.objects.count(), Line.objects.count(), Outgoing.objects.count()) == (0, 0, 0)
    assert Answer.objects.filter(contact=None, comment="").count() == 2


def test_everything_is_handed_over_as_json(mia, nora):
    fill(mia, 1)
    fill(nora, 2)
    handed = json.loads(json.dumps(handing_over.hand_over(contact_id=mia.pk), default=str))
    by_mail, complaint = handed["conversations"]
    assert [line["text"] for line in by_mail["lines"]] == ["Words of Mia Fuchs", "Hello Mia Fuchs"]
    assert (by_mail["lines"][1]["points"], by_mail["lines"][1]["to"]) == (5, "mia.fuchs@example.com")
    assert complaint["lines"][0]["text"] == "1/5\nSecret of Mia Fuchs"
    [answer] = handed["feedback"]
    assert (answer["score"], answer["comment"], answer["may_quote"]) == (1, "Secret of Mia Fuchs", True)
    assert "Nora" not in json.dumps(handed)
