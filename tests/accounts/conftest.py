import pytest

from crm.accounts.models import User

Role = User.Role


@pytest.fixture
def people(shop, owner):
    """One person of each role."""
    return {
        Role.OWNER: owner,
        Role.HELPER: User.objects.create_user("hanna@example.org", "Hanna Weiß", "a helper's password", role=Role.HELPER),
        Role.LOOKER: User.objects.create_user("ottokar@example.org", "Ottokar Zabel", "a looker's password", role=Role.LOOKER),
    }


@pytest.fixture
def log_in(client):
    """Return the client, logged in as somebody."""

    def logged_in(user):
        client.force_login(user)
        return client

    return logged_in
