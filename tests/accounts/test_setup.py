"""The first visit, and who may see what afterwards."""

import pytest
from django.urls import reverse

from crm.accounts import setup
from crm.accounts.models import Shop, User

FORM = {
    "owner_name": "Lena Hartmann",
    "email": "Lena@Example.com",
    "password": "correct horse battery",
    "name": "Linden & Loaf",
    "kind": "cafe",
    "currency": "EUR",
    "timezone": "Europe/Berlin",
    "language": "en",
}


def test_every_address_leads_to_set_up_on_an_empty_box(client, db):
    response = client.get("/customers/")
    assert (response.status_code, response["Location"]) == (302, reverse("accounts:setup"))


def test_set_up_page_makes_owner_and_shop_and_logs_in(client, db):
    response = client.post(reverse("accounts:setup"), FORM)
    assert (response.status_code, response["Location"]) == (302, reverse("accounts:doors"))
    user, shop = User.objects.get(), Shop.current()
    assert (user.email, user.name, shop.name, shop.currency) == (
        "lena@example.com", "Lena Hartmann", "Linden & Loaf", "EUR",
    )
    assert client.get(reverse("accounts:doors")).status_code == 200


def test_wrong_set_up_form_keeps_what_was_typed(client, db):
    response = client.post(reverse("accounts:setup"), FORM | {"password": "short"})
    assert response.status_code == 422
    assert response.context["form"]["name"].value() == "Linden & Loaf"
    assert User.objects.count() == 0


def test_set_up_completes_a_shop_made_by_a_command(client, db):
    setup.ensure_shop(currency="USD", timezone="UTC")
    client.post(reverse("accounts:setup"), FORM)
    assert Shop.objects.count() == 1
    assert Shop.current().timezone == "Europe/Berlin"


def test_set_up_works_once(owner_client):
    response = owner_client.post(reverse("accounts:setup"), FORM)
    assert response.status_code == 302
    assert User.objects.count() == 1


def test_second_owner_is_refused(shop, owner):
    with pytest.raises(setup.AlreadySetUp):
        setup.set_up(owner_name="Eve", email="eve@example.com", password="x" * 12, name="Eve's", currency="EUR")


def test_unknown_zone_is_named(db):
    with pytest.raises(setup.BadZone, match="Mars/Olympus"):
        setup.ensure_shop(currency="EUR", timezone="Mars/Olympus")


def test_pages_are_private(client, shop, owner):
    response = client.get("/customers/")
    assert (response.status_code, response["Location"]) == (302, f"{reverse('accounts:login')}?next=/customers/")


def test_login_goes_where_one_wanted_to_and_never_elsewhere(client, shop, owner):
    credentials = {"email": "LENA@example.com", "password": "correct horse battery"}
    response = client.post(reverse("accounts:login"), credentials | {"next": "/customers/"})
    assert response["Location"] == "/customers/"
    client.logout()
    response = client.post(reverse("accounts:login"), credentials | {"next": "https://evil.example/"})
    assert response["Location"] == reverse("home:today")


def test_wrong_password_says_so(client, shop, owner):
    response = client.post(reverse("accounts:login"), {"email": "lena@example.com", "password": "wrong"})
    assert response.status_code == 422
    assert "_auth_user_id" not in client.session


def test_htmx_with_an_expired_login_reloads_the_whole_page(client, shop, owner):
    response = client.get(
        "/customers/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/customers/"}
    )
    assert (response.status_code, response["HX-Redirect"]) == (204, f"{reverse('accounts:login')}?next=/customers/")


def test_chosen_language_stays_in_the_browser(client, shop, owner):
    response = client.post(reverse("accounts:language"), {"language": "zh-hans"})
    assert response.cookies["language"].value == "zh-hans"
    response = client.get(reverse("accounts:login"))
    assert response["Content-Language"] == "zh-hans"


def test_unknown_language_is_ignored(client, shop, owner):
    response = client.post(reverse("accounts:language"), {"language": "tlh"})
    assert "language" not in response.cookies


def test_security_headers_are_on_every_page(client, shop, owner):
    response = client.get(reverse("accounts:login"))
    assert "script-src 'self';" in response["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["Cache-Control"] == "private, no-store"


def test_password_change_needs_the_current_one(owner_client, owner):
    wrong = owner_client.post(reverse("accounts:password"), {"current": "no", "new": "another long sentence"})
    assert wrong.status_code == 422
    owner_client.post(
        reverse("accounts:password"), {"current": "correct horse battery", "new": "another long sentence"}
    )
    owner.refresh_from_db()
    assert owner.check_password("another long sentence")
