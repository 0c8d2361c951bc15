"""The owner connects programs in the browser."""

from crm.api.models import ApiKey, Hook, Target


def test_a_key_is_shown_once(owner_client):
    answer = owner_client.post("/settings/connections/keys/new/", {"name": "shop", "scopes": ["orders:read"]}, follow=True)
    shown = answer.context["new_key"]
    assert ApiKey.objects.get().scopes == ["orders:read"]
    assert shown in answer.content.decode()
    assert shown not in owner_client.get("/settings/connections/").content.decode()


def test_a_key_without_a_scope_is_asked_again(owner_client):
    answer = owner_client.post("/settings/connections/keys/new/", {"name": "shop"})
    assert (answer.status_code, ApiKey.objects.count()) == (422, 0)


def test_a_platform_is_connected_and_closed(owner_client):
    answer = owner_client.post("/settings/connections/platforms/new/", {"provider": "woocommerce"}, follow=True)
    hook = Hook.objects.get()
    assert f"/hooks/{hook.token}/" in answer.content.decode()
    owner_client.post(f"/settings/connections/platforms/{hook.pk}/remove/")
    assert Hook.objects.count() == 0


def test_shopify_needs_the_secret_it_shows(owner_client):
    assert owner_client.post("/settings/connections/platforms/new/", {"provider": "shopify"}).status_code == 422


def test_an_address_inside_the_network_is_refused_with_a_reason(owner_client):
    answer = owner_client.post("/settings/connections/programs/new/", {"url": "https://192.168.0.2/", "topics": ["orders"]})
    assert (answer.status_code, Target.objects.count()) == (422, 0)
    assert "Only an https address on the internet" in answer.content.decode()


def test_a_program_is_told_and_stopped(owner_client):
    answer = owner_client.post("/settings/connections/programs/new/", {"url": "https://example.com/in", "topics": ["orders"]}, follow=True)
    assert answer.status_code == 200
    target = Target.objects.get()
    owner_client.post(f"/settings/connections/programs/{target.pk}/switch/")
    target.refresh_from_db()
    assert target.is_active is False


def test_connections_are_private(client, shop, owner):
    assert client.get("/settings/connections/").status_code == 302
