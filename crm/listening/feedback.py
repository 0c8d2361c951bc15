"""Keep what somebody answered to the question after a purchase; a bad answer becomes an open conversation at once."""

import datetime as dt

from crm.accounts.models import Shop
from crm.lib import clock
from crm.lib.attempts import whole
from crm.listening import hearing, scoring
from crm.listening.asking import Asked
from crm.listening.models import Answer, Desk, Feeling, Via
from crm.rewards import giving

CHANGEABLE = dt.timedelta(days=7)


class TooLate(ValueError):
    """The answer was given more than seven days ago and stays as it is."""


def given(asked: Asked) -> Answer | None:
    """Return what was answered already."""
    return Answer.objects.filter(key=asked.key).first()


def is_changeable(answer: Answer, *, now: dt.datetime) -> bool:
    return now < answer.at + CHANGEABLE


def save(asked: Asked, *, score: int, comment: str, may_quote: bool, now: dt.datetime) -> Answer:
    """Keep an answer or change it; raise TooLate where it stands for more than seven days.

    The question is the one the owner asks now; an answer that is changed keeps its own.
    """
    return whole(_save)(asked, score=score, comment=comment, may_quote=may_quote, now=now)


def _save(asked: Asked, *, score: int, comment: str, may_quote: bool, now: dt.datetime) -> Answer:
    before = Answer.objects.select_for_update().filter(key=asked.key).first()
    if before and not is_changeable(before, now=now):
        raise TooLate
    asks = before.asks if before else Desk.current().asks
    comment = hearing.plain(comment, longest=5_000)
    said = {
        "score": score, "feeling": scoring.feeling(asks, score), "comment": comment,
        "may_quote": may_quote and bool(comment), "changed_at": now,
    }  # fmt: skip
    if before is None:
        answer = Answer.objects.create(
            key=asked.key, contact_id=asked.contact_id, order=asked.order, rotation_id=asked.rotation_id, asks=asks,
            at=now, on_date=clock.local_date(now, Shop.current().timezone), **said,
        )  # fmt: skip
        if asked.contact_id:
            giving.give_for([asked.contact_id], occasion="review", key=f"feedback:{answer.pk}", now=now)
    elif all(getattr(before, name) == value for name, value in said.items() if name != "changed_at"):
        return before
    else:
        answer = before
        for name, value in said.items():
            setattr(answer, name, value)
        answer.save(update_fields=list(said))
    if answer.feeling == Feeling.BAD or answer.conversation_id:
        _tell_owner(answer, now=now)
    return answer


def _tell_owner(answer: Answer, *, now: dt.datetime) -> None:
    """Say a bad answer, and whatever it is changed to later, in a conversation."""
    words = hearing.Words(
        text=f"{answer.score}/{scoring.TOP[answer.asks]}\n{answer.comment}".strip(),
        via=Via.FEEDBACK,
        contact_id=answer.contact_id,
        is_complaint=answer.feeling == Feeling.BAD,
    )
    line, _is_new = hearing.hear(words, now=now)
    if answer.conversation_id != line.conversation_id:
        answer.conversation_id = line.conversation_id
        answer.save(update_fields=["conversation"])
