import datetime as dt

import pytest

from crm.campaigns import automating, scheduling
from crm.campaigns.models import Automation
from crm.home import automation_notices

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def welcome(shop, now):
    made = automating.make("welcome", shop=shop)
    automating.switch_on(made, now=now)
    return made


def test_one_that_runs_is_no_news(welcome, shop, now, owner_client):
    assert automation_notices.stopped(now=now, shop=shop) is None


def test_one_that_holds_its_messages_back_is_told(welcome, shop, now, owner_client):
    step = welcome.steps.get(step=2)
    scheduling.pause(step, now=now)
    assert automation_notices.stopped(now=now, shop=shop) is None  # by the owner
    scheduling.resume(step, now=now)
    scheduling.pause(step, now=now, problem="The mail server refused us.")
    told = automation_notices.stopped(now=now, shop=shop)
    assert (told.title, told.text) == ("The automation “Welcome new customers” needs you", "The mail server refused us.")
    assert told.link_url == welcome.get_absolute_url()
    assert "The mail server refused us." in owner_client.get("/").content.decode()


def test_one_that_switched_itself_off_is_told_for_two_weeks(welcome, shop, now):
    Automation.objects.update(on_since=None, ran_at=now, problem="The budget of points is used up.")
    assert automation_notices.stopped(now=now + 13 * DAY, shop=shop).text == "The budget of points is used up."
    assert automation_notices.stopped(now=now + 15 * DAY, shop=shop) is None
