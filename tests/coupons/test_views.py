"""The owner makes a coupon, hands out codes and sees what became of them."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.coupons import issuing, redeeming
from crm.coupons.models import Code, Coupon, Use
from crm.coupons.pricing import Basket, Line
from crm.lib import clock
from tests.contacts.people import person
from tests.coupons.conftest import new_coupon

TYPED = {
    "name": "Spring", "gives": "percent", "percent": "10", "starts_on": "2026-01-01", "code_kind": "shared", "word": "Spring",
    "most_per_customer": "", "budget": "100.00",
}  # fmt: skip


def test_a_coupon_is_made_with_its_word(owner_client):
    answer = owner_client.post("/coupons/new/", TYPED, follow=True)
    coupon = Coupon.objects.get()
    assert (coupon.percent, coupon.budget_minor, Code.objects.get().text) == (10, 10_000, "SPRING")
    assert "SPRING" in answer.content.decode()


def test_what_is_missing_is_said_and_the_input_kept(owner_client):
    answer = owner_client.post("/coupons/new/", TYPED | {"percent": "", "word": "ab", "only_for": "Nothing like it"})
    errors = answer.context["form"].errors
    assert (answer.status_code, sorted(errors), Coupon.objects.count()) == (422, ["only_for", "percent", "word"], 0)
    assert 'value="Spring"' in answer.content.decode()


def test_a_taken_word_makes_no_coupon(owner_client):
    owner_client.post("/coupons/new/", TYPED)
    answer = owner_client.post("/coupons/new/", TYPED)
    assert (answer.status_code, Coupon.objects.count()) == (422, 1)


def test_codes_are_made_and_downloaded(owner_client):
    owner_client.post("/coupons/new/", TYPED | {"code_kind": "unique", "word": ""})
    coupon = Coupon.objects.get()
    owner_client.post(f"/coupons/{coupon.pk}/codes/", {"count": "3"})
    lines = b"".join(owner_client.get(f"/coupons/{coupon.pk}/codes.csv").streaming_content).decode().splitlines()
    assert (len(lines), lines[1].startswith("SPRING-"), coupon.most_per_code) == (4, True, 1)


def test_stopping_and_taking_back(owner_client):
    coupon = new_coupon(now=clock.now())
    redeeming.reserve(["SPRING"], basket=Basket([Line(None, 1, 1000)]), key="k", now=clock.now())
    owner_client.post(f"/coupons/{coupon.pk}/roll-back/", {"key": "k"})
    owner_client.post(f"/coupons/{coupon.pk}/switch/")
    coupon.refresh_from_db()
    assert (Use.objects.get().state, coupon.used_count, coupon.stopped_at is None) == ("rolled_back", 0, False)


def test_the_owner_learns_why_a_code_does_not_work(owner_client):
    new_coupon(now=clock.now(), least_minor=5_000)
    page = owner_client.get("/coupons/?code=spring&goods=20").content.decode()
    assert "€30.00 more are needed." in page
    assert "takes €6.00 off" in owner_client.get("/coupons/?code=spring&goods=60").content.decode()


def test_the_list_asks_the_same_number_of_questions_for_one_and_three(owner_client):
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            owner_client.get("/coupons/")
        return len(asked)

    new_coupon("WORD1")
    one = count()
    new_coupon("WORD2")
    new_coupon("WORD3")
    assert count() == one


def test_the_customer_page_shows_own_codes(owner_client):
    ada = person("Ada")
    coupon = new_coupon(codes=1, now=clock.now())
    issuing.issue(coupon, count=0, contact_ids=[ada.pk], now=clock.now())
    text = issuing.text_of(Code.objects.get(contact=ada))
    assert text in owner_client.get(ada.get_absolute_url()).content.decode()
