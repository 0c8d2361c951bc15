"""What all answers together say: counted rightly, honest where they are few, quick where they are many."""

import datetime as dt
import re
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.campaigns.models import Campaign, Message, Rotation
from crm.contacts.models import Contact
from crm.lib import bulk
from crm.listening import digesting, overview, scoring
from crm.listening.models import Answer, Conversation, Desk, Digest, Line
from crm.orders.models import Product
from tests.conftest import NOW
from tests.listening.conftest import new_order, new_person
from tests.listening.test_pages import text_of

PAGE, LIST = reverse("listening:overview"), reverse("listening:answers")
_number = iter(range(1, 10**9))


def given(*scores: int, asks="faces", days_ago=1, comment="", **more) -> None:
    at = NOW - dt.timedelta(days=days_ago)
    Answer.objects.bulk_create(
        Answer(
            key=f"test:{next(_number)}", asks=asks, score=score, feeling=scoring.feeling(asks, score), comment=comment,
            at=at, on_date=at.date(), changed_at=at, **more,
        )
        for score in scores
    )  # fmt: skip


def test_the_last_twelve_months_of_the_question_that_is_asked_now_count(shop):
    given(*[5] * 8, 1, 3)
    given(*[1] * 50, days_ago=366)
    given(*[0] * 20, asks="recommend")
    seen = overview.read(shop=shop, now=NOW)
    assert (seen.counts, seen.others) == ({"bad": 1, "fair": 1, "good": 8}, 20)
    assert seen.score == scoring.share(8, 10)
    Desk.objects.create(asks="recommend")
    assert overview.read(shop=shop, now=NOW).score == scoring.net_promoters(20, 0, 0)


def test_days_are_put_together_by_month(shop):
    for days_ago in (1, 3, 30, 31, 70):  # 19 and 17 November, 21 and 20 October, 11 September
        given(5, 2, days_ago=days_ago)
    seen = overview.read(shop=shop, now=NOW)
    assert [(month.first.isoformat(), month.score.answers) for month in seen.months] == [
        ("2026-09-01", 2), ("2026-10-01", 4), ("2026-11-01", 4),
    ]  # fmt: skip


def test_three_answers_are_too_few_to_say(owner_client):
    given(5, 5, 5)
    page = text_of(owner_client.get(PAGE))
    assert "3 answers since Nov 20, 2025: too few to say how satisfied your customers are." in page
    assert "100%" not in page


def test_ten_are_said_with_their_doubt_and_dates(owner_client):
    given(*[5] * 8, 1, 1)
    page = text_of(owner_client.get(PAGE))
    assert "From 10 answers, Nov 20, 2025 to Nov 20, 2026. With so many, the truth lies between 49% and 94%" in page
    assert "Happy answers 80%" in page


def test_the_share_of_those_asked_who_answered(shop, mia):
    campaign = Campaign.objects.create(name="Ask", subject="S", body="{{ feedback_link }}")
    Campaign.objects.create(name="News", subject="S", body="News")
    rotation = Rotation.objects.create(campaign=campaign, local_date=NOW.date(), started_at=NOW)
    Message.objects.bulk_create(
        Message(rotation=rotation, contact=new_person(f"P{n}"), state=state, due_at=NOW)
        for n, state in enumerate(["sent"] * 10 + ["failed", "held_out"])
    )
    given(5, 1, 3, rotation=rotation)
    seen = overview.read(shop=shop, now=NOW)
    assert [(one.rotation, one.sent, one.rate) for one in seen.mailings] == [(rotation, 10, scoring.share(3, 10))]
    assert seen.rate == scoring.share(3, 10)


def test_products_and_groups_are_compared_from_thirty_answers_on(shop, owner_client):
    rye, cake = (Product.objects.create(name=name, key=name) for name in ("Rye", "Cake"))
    regular = new_person("Regular", group="loyal")
    for n in range(30):
        order = new_order(regular, f"r{n}", rye, rye, *([cake] if n else []))
        given(1 if n < 12 else 5, order=order, contact=regular)
    assert digesting.renew(now=NOW) == 30
    body = Digest.objects.get().body
    assert [(row["name"], row["answers"], row["value"]) for row in body["products"]["rows"]] == [("Rye", 30, 0.6)]
    assert body["products"]["too_few"] == 1
    assert [(row["key"], row["answers"]) for row in body["groups"]["rows"]] == [("loyal", 30)]
    page = text_of(owner_client.get(PAGE))
    assert "Rye 30 60% happy (between 42% and 75%)" in page
    assert "1 product has fewer than 30 answers: too few." in page
    assert "Loyal 30 60% happy" in page


def test_each_word_is_a_door_to_the_comments(shop, owner_client):
    for n in range(12):
        given(1, comment=f"Sold out again, number {n}")
        given(5, comment=f"Lovely again, number {n}")
    digesting.renew(now=NOW)
    assert [word["text"] for word in Digest.objects.get().body["words"]] == ["out again"]
    page = owner_client.get(PAGE).content.decode()
    [href] = re.findall(r'href="([^"]*\?q=[^"]*)"', page)
    assert text_of(owner_client.get(href)).count("Sold out again") == 12


def test_it_is_worked_out_anew_when_answers_came_or_a_day_went_by(shop):
    assert digesting.renew(now=NOW) == 0
    given(5)
    assert (digesting.renew(now=NOW), digesting.renew(now=NOW)) == (1, 0)
    Answer.objects.update(changed_at=NOW + dt.timedelta(minutes=1))
    assert digesting.renew(now=NOW + dt.timedelta(minutes=2)) == 1
    assert digesting.renew(now=NOW + dt.timedelta(hours=20)) == 1
    Digest.objects.update(answers=digesting.MANY)
    Answer.objects.update(changed_at=NOW + dt.timedelta(hours=21))
    assert digesting.renew(now=NOW + dt.timedelta(hours=20, minutes=59)) == 0
    assert digesting.renew(now=NOW + dt.timedelta(hours=21, minutes=1)) == 1


def test_another_question_is_worked_out_at_once(shop):
    given(5)
    given(9, 10, asks="recommend")
    assert digesting.renew(now=NOW) == 1
    Desk.objects.create(asks="recommend")
    assert (digesting.renew(now=NOW), digesting.renew(now=NOW)) == (2, 0)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", 3),
        ("?show=bad", 1),
        ("?show=good", 1),
        ("?show=words", 2),
        ("?show=quote", 1),
        ("?q=DRY", 1),
        ("?show=x", 3),
    ],
)
def test_answers_are_listed_and_narrowed(owner_client, mia, query, shown):
    given(1, comment="The cake was dry")
    given(3)
    given(5, comment="Lovely", may_quote=True, contact=mia)
    page = owner_client.get(LIST + query)
    assert (page.status_code, len(page.context["page"])) == (200, shown)


def test_only_what_may_be_quoted_is_offered_and_with_no_family_name(owner_client, mia):
    given(5, comment="Lovely bread", may_quote=True, contact=mia)
    given(5, comment="Between us", contact=mia)
    given(1, comment="Dry cake", may_quote=True, contact=mia)
    assert owner_client.get(PAGE).context["quotes"] == [("Lovely bread", "Mia")]


def test_the_chart_leaves_out_months_with_too_few(owner_client):
    given(*[5] * 10)
    given(1, days_ago=40)
    figure = owner_client.get(reverse("listening:chart")).json()
    assert figure["data"][0]["y"] == [100.0]


def test_a_hundred_thousand_answers_are_still_quick(shop, owner_client):
    """Server time of the pages and of the work behind them; the number of queries is that of a handful."""
    people = Contact.objects.bulk_create(Contact(name=f"P{n}", joined_at=NOW, group="loyal") for n in range(500))
    given(1, 5, 5, comment="Sold out", contact=people[0])
    for path in (PAGE, LIST, reverse("listening:inbox")):
        owner_client.get(path)
    few = {path: _queries(owner_client, path) for path in (PAGE, LIST)}
    rows = []
    for n in range(100_000):
        score, at = 1 + (n * 7) % 5, NOW - dt.timedelta(days=n % 360, seconds=n)
        words = ("The rye was sold out again", "", "Lovely bread and friendly people", "")[n % 4]
        feeling = scoring.feeling("faces", score)
        rows.append((f"m:{n}", people[n % 500].pk, "faces", score, feeling, words, False, at, at.date(), at))
    columns = ("key", "contact_id", "asks", "score", "feeling", "comment", "may_quote", "at", "on_date", "changed_at")
    bulk.insert(Answer, columns, rows)
    begun = time.process_time()
    assert digesting.renew(now=NOW) == 100_003
    assert time.process_time() - begun < 6
    for path in (PAGE, LIST, LIST + "?show=bad"):
        best = min(_seconds(owner_client, path) for _time in range(3))
        assert best < 0.3, (path, best)  # 0.1 s on a machine that does nothing else
    for path, count in few.items():
        assert _queries(owner_client, path) <= count


def _seconds(client, path: str) -> float:
    begun = time.process_time()
    assert client.get(path).status_code == 200
    return time.process_time() - begun


def _queries(client, path: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        client.get(path)
    return len(asked)


def test_ten_thousand_conversations_are_still_quick(shop, owner_client):
    people = Contact.objects.bulk_create(Contact(name=f"P{n}", joined_at=NOW) for n in range(500))
    conversations, lines = [], []
    for n in range(10_000):
        at = NOW - dt.timedelta(minutes=n)
        state = "open" if n % 9 == 0 else "done"
        conversations.append(Conversation(contact=people[n % 500], via="mail", state=state, opened_at=at, last_at=at))
    for n, one in enumerate(Conversation.objects.bulk_create(conversations, batch_size=500)):
        lines.append(Line(conversation=one, direction="in", via="mail", text=f"Is loaf {n} vegan?", at=one.last_at))
    Line.objects.bulk_create(lines, batch_size=500)
    for path in ("/inbox/", "/inbox/?state=done", "/inbox/?q=vegan", people[0].get_absolute_url()):
        owner_client.get(path)
        best = min(_seconds(owner_client, path) for _time in range(3))
        assert best < 0.3, (path, best)
