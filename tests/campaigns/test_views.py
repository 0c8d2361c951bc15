import datetime as dt
import re

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.campaigns import sending
from crm.campaigns.models import Campaign, Message, Outgoing
from crm.contacts.models import Segment
from tests.campaigns.conftest import drop
from tests.conftest import NOW
from tests.coupons.conftest import new_coupon

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def at_nine():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def posted(segment):
    """What the composer posts."""

    def make(**more):
        values = {
            "name": "Thank you", "segment": segment.pk, "points": "0", "subject": "Hello", "body": "Hi {{ first_name }}",
            "holdout_percent": "0", "window_days": "7", "version": "1",
        }
        return {name: value for name, value in (values | more).items() if value is not None}

    return make


def text(response) -> str:
    return response.content.decode()


class TestAccess:
    PATHS = [
        "", "new/", "outbox/", "outbox/1/", "outbox/1/mail/", "1/", "1/progress/", "1/edit/", "1/preview/", "1/review/",
    ]  # fmt: skip
    ACTS = ["test", "schedule", "pause", "resume", "stop", "draft", "again", "delete", "settle", "decide"]

    @pytest.mark.parametrize("path", [f"/campaigns/{path}" for path in [*PATHS, *(f"1/{act}/" for act in ACTS)]])
    def test_pages_are_private(self, client, owner, shop, path):
        response = client.get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")

    @pytest.mark.parametrize("act", ACTS)
    def test_acts_are_posts(self, owner_client, campaign, act):
        assert owner_client.get(f"/campaigns/{campaign().pk}/{act}/").status_code == 405


class TestStart:
    def test_recipes_are_offered(self, owner_client, segment):
        page = text(owner_client.get("/campaigns/new/?segment=regulars&recipe=welcome"))
        assert [page.count(f'name="recipe" value="{slug}"') for slug in ("win-back", "welcome", "thank-best")] == [1, 1, 1]
        assert page.count('name="segment" value="regulars"') == 3

    def test_recipe_becomes_a_draft_for_the_group(self, owner_client, segment):
        response = owner_client.post("/campaigns/new/", {"recipe": "win-back", "segment": "regulars"})
        made = Campaign.objects.get()
        assert response["Location"] == f"/campaigns/{made.pk}/edit/"
        assert (made.state, made.segment, made.points, made.holdout_percent) == ("draft", segment, 1, 10)
        assert made.body.startswith("# We miss you, {{ first_name|")

    def test_recipe_finds_its_own_group(self, owner_client, shop):
        loyal = Segment.objects.create(slug="loyal", name="Loyal")
        champions = Segment.objects.create(slug="champions", name="Champions")
        owner_client.post("/campaigns/new/", {"recipe": "thank-best"})
        assert Campaign.objects.get().segment == champions != loyal

    def test_every_recipe_passes_its_own_checks(self, owner_client, segment, person):
        person()
        for slug in ("win-back", "welcome", "thank-best"):
            owner_client.post("/campaigns/new/", {"recipe": slug, "segment": "regulars"})
            page = text(owner_client.get(f"/campaigns/{Campaign.objects.latest('pk').pk}/review/"))
            assert "Blocks" not in page

    def test_no_recipe_is_asked_again(self, owner_client, segment):
        assert owner_client.post("/campaigns/new/", {"recipe": "blank"}).status_code == 422
        assert Campaign.objects.count() == 0


class TestComposer:
    def test_shows_size_and_who_is_left_out(self, owner_client, campaign, person):
        person("Ava Brandt"), person("Mia Silent", consent="no"), person("Kim Paper", email="")
        person("Noa Unasked", consent="unknown")
        page = " ".join(re.sub(r"<[^>]+>", " ", text(owner_client.get(f"/campaigns/{campaign().pk}/edit/"))).split())
        assert "4 customers, 1 may be written to. 1 has no e-mail address. 1 said no. 1 was never asked." in page

    def test_save_goes_back_to_the_draft(self, owner_client, campaign, posted):
        made = campaign()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="New", then="save"))
        assert response["Location"] == f"/campaigns/{made.pk}/edit/"
        made.refresh_from_db()
        assert (made.subject, made.version) == ("New", 2)

    def test_review_button_saves_first(self, owner_client, campaign, posted):
        made = campaign()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="New", then="review"))
        assert response["Location"] == f"/campaigns/{made.pk}/review/"
        assert Campaign.objects.get().subject == "New"

    def test_autosave_answers_with_version_and_preview(self, owner_client, campaign, posted, person):
        ava = person()
        made = campaign()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="For {{ first_name }}"), headers=HTMX)
        page = text(response)
        assert response.status_code == 200
        assert "<html" not in page
        assert '<input type="hidden" name="version" value="2" id="version" hx-swap-oob="true">' in page
        assert f'src="/campaigns/{made.pk}/preview/?as={ava.pk}&amp;v=2"' in page
        assert "<strong>For Ava</strong>" in page

    def test_the_words_of_coupons_stand_beside_the_message(self, owner_client, campaign):
        new_coupon(word="BACK10")
        new_coupon(word="OLD10", starts_on=dt.date(2020, 1, 1), ends_on=dt.date(2020, 2, 1))
        page = owner_client.get(f"/campaigns/{campaign().pk}/edit/")
        assert [word for word, _gives in page.context["coupons"]] == ["BACK10"]
        assert '<code>BACK10</code> <span class="muted">10% off</span>' in page.content.decode()

    def test_the_report_names_the_coupons_the_message_carried(self, owner_client, campaign):
        new_coupon(word="OTHER10", name="Other")
        carried = new_coupon(word="BACK10", name="Come back")
        page = owner_client.get(f"/campaigns/{campaign(body='With BACK10 you save.').pk}/")
        assert list(page.context["coupons"]) == [carried]
        assert "Coupons in the message" in text(page)

    def test_unknown_field_is_named_and_nothing_saved(self, owner_client, campaign, posted):
        made = campaign()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(body="Hi {{ firstname }} {{ x.y }}"))
        page = text(response)
        assert response.status_code == 422
        assert "There are no fields called “firstname”, “x.y”." in page
        assert "Hi {{ firstname }} {{ x.y }}</textarea>" in page
        assert Campaign.objects.get().version == 1

    def test_autosave_of_something_wrong_says_so_in_its_place(self, owner_client, campaign, posted):
        response = owner_client.post(
            f"/campaigns/{campaign().pk}/edit/", posted(body="![x](https://x.example/a.png)"), headers=HTMX
        )
        assert response.status_code == 422
        assert text(response).count('id="saved"') == 1
        assert "Pictures are not sent." in text(response)

    def test_changed_elsewhere_keeps_the_text_and_shows_theirs(self, owner_client, campaign, posted):
        made = campaign()
        owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Theirs"))
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Mine"))
        page = text(response)
        assert response.status_code == 409
        assert 'value="Mine"' in page
        assert "<dd>Theirs</dd>" in page
        assert Campaign.objects.get().subject == "Theirs"

    def test_keep_mine_overwrites_knowingly(self, owner_client, campaign, posted):
        made = campaign()
        owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Theirs"))
        owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Mine", keep_mine="1"))
        assert Campaign.objects.get().subject == "Mine"

    def test_same_save_twice_is_no_conflict(self, owner_client, campaign, posted):
        made = campaign()
        for _ in range(2):
            assert owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Same")).status_code == 302

    def test_scheduled_campaign_cannot_be_edited(self, owner_client, started, posted):
        made = started()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(subject="Other", version="2"))
        assert response["Location"] == f"/campaigns/{made.pk}/"
        assert Campaign.objects.get().subject == "Hello {{ first_name }}"

    def test_preview_is_what_the_chosen_customer_gets_and_may_run_nothing(self, owner_client, campaign, person):
        person("Ava Brandt")
        theo = person("Theo <b>Weber</b>", points_balance=20)
        made = campaign(points=30, body="{{ full_name }}: {{ points_given }} of {{ points_balance }}")
        response = owner_client.get(f"/campaigns/{made.pk}/preview/?as={theo.pk}")
        assert "Theo &lt;b&gt;Weber&lt;/b&gt;: 30 of 50" in text(response)
        assert response.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'; sandbox")
        assert response.headers["X-Frame-Options"] == "SAMEORIGIN"

    def test_preview_of_an_empty_group_has_an_invented_customer(self, owner_client, campaign):
        assert "Hello Alex" in text(owner_client.get(f"/campaigns/{campaign().pk}/preview/?as="))

    def test_customers_can_be_found_and_walked_through(self, owner_client, campaign, person):
        people = [person(name) for name in ("Ava Brandt", "Theo Weber", "Thea Winter")]
        made = campaign()
        page = text(owner_client.get(f"/campaigns/{made.pk}/edit/?as={people[1].pk}"))
        assert f'href="?as={people[0].pk}&amp;who="' in page
        assert f'href="?as={people[2].pk}&amp;who="' in page
        page = text(owner_client.get(f"/campaigns/{made.pk}/edit/?who=the"))
        assert re.findall(r'<option value="\d+"[^>]*>(The[^<]*)</option>', page) == ["Theo Weber", "Thea Winter"]

    def test_draft_can_be_deleted_but_nothing_else(self, owner_client, campaign, started, person):
        person()
        made, gone = campaign(), started()
        sending.sweep(now=NOW)
        owner_client.post(f"/campaigns/{made.pk}/delete/")
        owner_client.post(f"/campaigns/{gone.pk}/delete/")
        assert list(Campaign.objects.values_list("pk", flat=True)) == [gone.pk]


class TestTestMail:
    def test_goes_to_the_owner_into_the_outbox(self, owner_client, campaign, person, posted):
        person()
        made = campaign()
        response = owner_client.post(f"/campaigns/{made.pk}/edit/", posted(then="test"))
        assert response["Location"] == "/campaigns/outbox/"
        kept = Outgoing.objects.get()
        assert (kept.to, kept.subject, kept.message) == ("lena@example.com", "Hello", None)
        assert "Hi Ava" in kept.text
        assert Message.objects.count() == 0

    def test_goes_to_the_owner_by_mail(self, owner_client, campaign, person, sink):
        person()
        owner_client.post(f"/campaigns/{campaign().pk}/test/")
        assert [to for to, _content in sink.accepted] == ["lena@example.com"]

    def test_refusal_is_shown(self, owner_client, campaign, person, sink):
        person()
        sink.rcpt = "550 no such user"
        response = owner_client.post(f"/campaigns/{campaign().pk}/test/", follow=True)
        assert "The test was not sent: 550 no such user" in text(response)


class TestReview:
    @pytest.fixture
    def blocked(self, owner_client, campaign, person):
        """Tell what a campaign's review says blocks it, and that scheduling is refused as well."""

        def ask(**more) -> list[str]:
            made = campaign(**more)
            page = text(owner_client.get(f"/campaigns/{made.pk}/review/"))
            blocks = re.findall(r"Blocks</span><span><strong>[^<]*</strong> ([^<]*)", re.sub(r"<svg.*?</svg>", "", page))
            response = owner_client.post(f"/campaigns/{made.pk}/schedule/", {"version": made.version, "when": "now"})
            assert response.status_code == (422 if blocks else 302)
            return [block.strip() for block in blocks]

        return ask

    def test_nothing_blocks_a_good_one(self, blocked, person):
        person()
        assert blocked() == []

    def test_each_fault_blocks(self, blocked, person):
        assert blocked() == ["Nobody in “Regulars” may be written to."]
        assert blocked(points=5) == ["There is nobody in “Regulars” now."]
        person()
        assert blocked(segment=None) == ["No group of customers is chosen."]
        assert blocked(subject="") == ["The message has no subject."]
        assert blocked(body="") == ["There is neither a message nor stamps to give."]
        assert blocked(body="{{ nope }}") == ["Unknown: nope."]
        assert blocked(body="{{ points_given }}") == [
            "The text speaks of points given, but this campaign gives none."
        ]
        assert blocked(body="[x](http://localhost/x)") == [
            "http://localhost/x?utm_source=regulars&amp;utm_medium=email&amp;utm_campaign=thank-you leads nowhere outside "
            "this machine."
        ]

    def test_mail_that_leaves_needs_sender_postal_address_and_a_public_address(self, blocked, person, shop, sink, settings):
        person()
        settings.SITE_URL = "http://127.0.0.1:8000"
        assert len(blocked()) == 3
        settings.SITE_URL = "https://crm.linden.example"
        shop.address, shop.sender_email = "Lindenstr. 5", "hello@linden.example"
        shop.save()
        assert blocked() == []

    def test_what_happens_is_counted(self, owner_client, campaign, crowd, person):
        crowd(50), person("Mia Silent", consent="no"), person("Kim Paper", email="")
        page = text(owner_client.get(f"/campaigns/{campaign(points=10, holdout_percent=10).pk}/review/"))
        cells = dict(re.findall(r"<tr[^>]*><td>([^<]*)</td><td[^>]*>([^<]*)</td></tr>", page))
        assert cells == {
            "In “Regulars” now": "52", "May be written to: get the message": "50", "Get 10 stamps": "52",
            "Of these left out on purpose, to measure (about)": "5", "No message: no e-mail address": "1",
            "No message: said no": "1", "No message: never asked": "0",
        }  # fmt: skip
        assert "<strong>Stamps</strong> 10 for each of 47 customers, about 470 together." in page

    def test_empty_names_without_other_words_are_told(self, owner_client, campaign, person):
        person("Ava Brandt"), person("", email="nameless@example.com")
        page = text(owner_client.get(f"/campaigns/{campaign().pk}/review/"))
        assert "1 customer has nothing for first_name." in page


class TestSchedule:
    def schedule(self, client, made, **more):
        return client.post(f"/campaigns/{made.pk}/schedule/", {"version": made.version, **more})

    def test_now_goes_out_at_once(self, owner_client, campaign, person, django_capture_on_commit_callbacks):
        person()
        made = campaign()
        with django_capture_on_commit_callbacks(execute=True):
            response = self.schedule(owner_client, made, when="now", repeat="once")
        assert response["Location"] == f"/campaigns/{made.pk}/"
        assert Outgoing.objects.get().to == "ava@example.com"
        assert Campaign.objects.get().state == "finished"

    def test_date_and_time_are_those_of_the_shop(self, owner_client, campaign, person):
        person()
        made = campaign()
        self.schedule(owner_client, made, when="later", starts_date="2026-12-01", send_time="09:30", repeat="monthly")
        made.refresh_from_db()
        assert (made.state, made.repeat) == ("scheduled", "monthly")
        assert made.next_at == dt.datetime(2026, 12, 1, 8, 30, tzinfo=dt.UTC)

    def test_past_date_is_refused_and_the_input_kept(self, owner_client, campaign, person):
        person()
        made = campaign()
        response = self.schedule(owner_client, made, when="later", starts_date="2026-11-19", send_time="09:30", repeat="weekly")
        assert response.status_code == 422
        assert "This date and time have passed." in text(response)
        assert 'value="2026-11-19"' in text(response)
        assert Campaign.objects.get().state == "draft"

    def test_above_200_the_number_is_typed(self, owner_client, campaign, crowd):
        crowd(201)
        made = campaign()
        for typed in ("", "200", "x"):
            assert self.schedule(owner_client, made, when="now", confirm_count=typed).status_code == 422
        assert Campaign.objects.get().state == "draft"
        later = {"when": "later", "starts_date": "2026-12-01", "send_time": "09:30"}
        assert self.schedule(owner_client, made, confirm_count="201", **later).status_code == 302
        assert Campaign.objects.get().state == "scheduled"

    def test_double_click_schedules_once(self, owner_client, campaign, person):
        person()
        made = campaign()
        for _ in range(2):
            response = self.schedule(owner_client, made, when="later", starts_date="2026-12-01", send_time="09:30")
            assert response.status_code == 302
        assert Campaign.objects.get().version == 2

    def test_reviewed_version_is_the_one_that_goes_out(self, owner_client, campaign, person):
        person()
        made = campaign()
        Campaign.objects.update(version=2, body="Other text")
        response = self.schedule(owner_client, made, when="now")
        assert response.status_code == 422
        assert "changed in the meantime" in text(response)


class TestReport:
    @pytest.fixture
    def finished(self, started, crowd):
        crowd(3)
        made = started()
        sending.sweep(now=NOW)
        return made

    def test_shows_what_was_sent(self, owner_client, finished):
        page = text(owner_client.get(f"/campaigns/{finished.pk}/"))
        assert "https://linden.example/new</td>" in page
        assert "hx-trigger" not in page.split('id="progress"')[1].split(">")[0]

    def test_progress_asks_again_only_while_it_runs(self, owner_client, started, crowd):
        crowd(3)
        made = started()
        sending.starting.start_due(now=NOW)
        path = f"/campaigns/{made.pk}/progress/"
        assert 'hx-trigger="load delay:1500ms"' in text(owner_client.get(path, headers=HTMX))
        sending.sweep(now=NOW)
        fragment = text(owner_client.get(path, headers=HTMX))
        assert "hx-trigger" not in fragment
        assert "<html" not in fragment
        assert owner_client.get(path)["Location"] == f"/campaigns/{made.pk}/"

    def test_pause_go_on_stop_are_buttons_that_may_be_pressed_twice(self, owner_client, started, crowd):
        crowd(3)
        made = started()
        sending.starting.start_due(now=NOW)
        seen = []
        for act in ("pause", "pause", "resume", "resume", "stop", "stop", "resume"):
            assert owner_client.post(f"/campaigns/{made.pk}/{act}/").status_code == 302
            seen.append(Campaign.objects.get().state)
        assert seen[:2] == ["paused", "paused"]
        assert seen[-3:] == ["stopped"] * 3

    def test_do_it_again_makes_one_draft(self, owner_client, finished):
        for _ in range(2):
            owner_client.post(f"/campaigns/{finished.pk}/again/")
        copy = Campaign.objects.get(state="draft")
        assert (copy.name, copy.subject, copy.body) == ("Thank you, again", finished.subject, finished.body)

    def test_troubles_are_settled_by_the_owner(self, owner_client, started, person, sink):
        person("Ava Brandt"), person("Theo Weber")
        made = started()

        sink.at_data = drop
        sending.sweep(now=NOW)
        page = text(owner_client.get(f"/campaigns/{made.pk}/"))
        one, other = re.findall(r'name="ids" value="(\d+)"', page)
        owner_client.post(f"/campaigns/{made.pk}/settle/", {"ids": [one, "9" * 23, "no"], "act": "sent"})
        owner_client.post(f"/campaigns/{made.pk}/settle/", {"ids": other, "act": "resend"})
        sink.at_data = None
        sending.sweep(now=NOW)
        assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
        assert len(sink.accepted) == 1

    def test_comparison_is_shown(self, owner_client, started, crowd):
        crowd(120)
        made = started(holdout_percent=50)
        sending.sweep(now=NOW)
        assert "Too early to tell" in text(owner_client.get(f"/campaigns/{made.pk}/"))


class TestLists:
    def test_list_takes_the_same_questions_at_one_and_three(self, owner_client, started, person):
        person()
        counts = []
        for _ in range(2):
            started()
            sending.sweep(now=NOW)
            with CaptureQueriesContext(connection) as queries:
                assert owner_client.get("/campaigns/").status_code == 200
            counts.append(len(queries))
        started()
        sending.sweep(now=NOW)
        with CaptureQueriesContext(connection) as queries:
            owner_client.get("/campaigns/")
        assert len(queries) == counts[0]

    def test_list_filters_by_state(self, owner_client, campaign, started):
        campaign(name="A draft"), started(name="A planned one")
        page = text(owner_client.get("/campaigns/?state=scheduled"))
        assert ("A planned one" in page, "A draft" in page) == (True, False)

    def test_empty_list_offers_recipes(self, owner_client):
        assert "Choose a recipe" in text(owner_client.get("/campaigns/"))

    def test_outbox_is_read_in_the_app(self, owner_client, started, person):
        person()
        started()
        sending.sweep(now=NOW)
        kept = Outgoing.objects.get()
        assert f'href="/campaigns/outbox/{kept.pk}/"' in text(owner_client.get("/campaigns/outbox/"))
        assert f'src="/campaigns/outbox/{kept.pk}/mail/"' in text(owner_client.get(f"/campaigns/outbox/{kept.pk}/"))
        mail = owner_client.get(f"/campaigns/outbox/{kept.pk}/mail/")
        assert text(mail) == kept.html
        assert mail.headers["Content-Security-Policy"].endswith("sandbox")

    def test_outbox_takes_the_same_questions_at_one_and_three(self, owner_client, started, person):
        counts = []
        for name in ("Ava", "Theo"):
            person(name)
            started()
            sending.sweep(now=NOW)
            with CaptureQueriesContext(connection) as queries:
                owner_client.get("/campaigns/outbox/")
            counts.append(len(queries))
        assert Outgoing.objects.count() == 3
        assert counts[0] == counts[1]


class TestOwnAutosaveOnItsWay:
    """A button is pressed while the same page's autosave is under way: both carry the version the page was opened at."""

    @pytest.fixture
    def draft(self, owner_client):
        return Campaign.objects.create(name="Thank you", subject="Hello", body="Hello")

    def send(self, client, draft, *, subject: str, desk: str, autosave: bool):
        fields = {"name": "Thank you", "subject": subject, "body": "Hello", "window_days": "7", "version": "1", "desk": desk}
        headers = {"HX-Request": "true"} if autosave else {}
        return client.post(f"/campaigns/{draft.pk}/edit/", fields | {"then": "save"}, headers=headers).status_code

    def test_button_after_own_autosave_is_no_conflict(self, owner_client, draft):
        assert self.send(owner_client, draft, subject="Hello th", desk="a1", autosave=True) == 200
        assert self.send(owner_client, draft, subject="Hello there", desk="a1", autosave=False) == 302
        draft.refresh_from_db()
        assert draft.subject == "Hello there"

    def test_autosave_that_arrives_late_does_not_win(self, owner_client, draft):
        assert self.send(owner_client, draft, subject="Hello there", desk="a1", autosave=False) == 302
        assert self.send(owner_client, draft, subject="Hello th", desk="a1", autosave=True) == 409
        draft.refresh_from_db()
        assert draft.subject == "Hello there"

    def test_another_tab_is_a_conflict(self, owner_client, draft):
        assert self.send(owner_client, draft, subject="From here", desk="a1", autosave=True) == 200
        assert self.send(owner_client, draft, subject="From there", desk="b2", autosave=False) == 409
