import pytest
from django.test import Client

from crm.campaigns import rendering, sending
from crm.campaigns.models import Click, Link, Message
from crm.contacts.models import Consent, Contact, Suppression
from crm.lib import tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(owner):
    """A browser without a login that checks CSRF tokens; the box is set up."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def message(started, person, now):
    person()
    started()
    sending.sweep(now=now)
    return Message.objects.get()


def leave_path(message):
    return rendering.unsubscribe_url(message.pk).removeprefix("http://127.0.0.1:8000")


class TestUnsubscribe:
    def test_get_asks_and_writes_nothing(self, visitor, message):
        response = visitor.get(leave_path(message))
        assert response.status_code == 200
        assert "Stop messages from Linden &amp; Loaf?" in response.content.decode()
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert (Contact.objects.get().consent, Consent.objects.count(), Suppression.objects.count()) == ("yes", 0, 0)

    def test_head_writes_nothing(self, visitor, message):
        assert visitor.head(leave_path(message)).status_code == 200
        assert Consent.objects.count() == 0

    def test_one_click_post_of_a_mail_provider_acts(self, visitor, message):
        response = visitor.post(leave_path(message), {"List-Unsubscribe": "One-Click"})
        assert response.status_code == 200
        assert Contact.objects.get().consent == "no"
        noted = Consent.objects.get()
        assert (noted.state, noted.source, noted.detail) == ("no", "click", "Thank you")
        assert Suppression.objects.get().address_hash == tokens.keyed_hash("ava@example.com")

    def test_button_of_the_page_acts(self, visitor, message):
        response = visitor.post(leave_path(message))
        assert "You are unsubscribed" in response.content.decode()
        assert Consent.objects.get().source == "link"

    def test_second_post_changes_nothing(self, visitor, message):
        for _ in range(3):
            assert visitor.post(leave_path(message)).status_code == 200
        assert (Consent.objects.count(), Suppression.objects.count()) == (1, 1)

    @pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: "9" + t, lambda t: t.replace(".", ":"), lambda t: "x"])
    def test_bad_token_is_a_plain_404(self, visitor, message, change):
        token = tokens.sign("unsubscribe", message.pk)
        response = visitor.post(f"/m/u/{change(token)}/")
        assert response.status_code == 404
        assert "This link does not work" in response.content.decode()
        assert Consent.objects.count() == 0

    def test_token_of_another_purpose_does_not_fit(self, visitor, message):
        assert visitor.post(f"/m/u/{tokens.sign('click', message.pk)}/").status_code == 404

    def test_link_of_a_test_message_changes_nothing(self, visitor, message):
        response = visitor.post(rendering.unsubscribe_url(None).removeprefix("http://127.0.0.1:8000"))
        assert "This link belongs to a test message" in response.content.decode()
        assert Consent.objects.count() == 0


class TestClick:
    def path(self, message):
        return f"/m/c/{tokens.sign('click', f'{message.pk}-{Link.objects.get().pk}')}/"

    def test_get_counts_and_leads_to_the_stored_address(self, visitor, message):
        response = visitor.get(self.path(message) + "?next=https://evil.example")
        assert response.status_code == 302
        assert response["Location"] == (
            "https://linden.example/new?utm_source=regulars&utm_medium=email&utm_campaign=thank-you"
        )
        click = Click.objects.get()
        assert (click.message, click.link) == (message, Link.objects.get())

    def test_head_and_prefetch_do_not_count(self, visitor, message):
        assert visitor.head(self.path(message)).status_code == 302
        assert visitor.get(self.path(message), headers={"Sec-Purpose": "prefetch"}).status_code == 302
        assert Click.objects.count() == 0

    def test_post_is_refused(self, owner, client, message):
        assert client.post(self.path(message)).status_code == 405

    @pytest.mark.parametrize("value", ["1", "x-y", "-", "https://evil.example", "1-999999", "999999-1", "1-2-3"])
    def test_forged_and_odd_tokens_are_404(self, visitor, message, value):
        assert visitor.get(f"/m/c/{value}.{'a' * 43}/").status_code == 404
        assert visitor.get(f"/m/c/{tokens.sign('click', value)}/").status_code == 404

    def test_link_of_another_campaign_does_not_fit(self, visitor, message, campaign):
        other = Link.objects.create(campaign=campaign(name="Other"), url="https://other.example", url_hash="x")
        assert visitor.get(f"/m/c/{tokens.sign('click', f'{message.pk}-{other.pk}')}/").status_code == 404
