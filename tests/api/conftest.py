import json

import pytest

from crm.api import keys


@pytest.fixture
def ask(client, shop, owner, now):
    """Ask the API as a program with a key of the given scopes: ask("GET", "/customers", scopes=[...])."""
    made = {}

    def ask(method, path, body=None, *, scopes=tuple(keys.SCOPES), idempotency_key="", key=None):
        if key is None:
            if scopes not in made:
                made[scopes] = keys.create(name="web shop", scopes=scopes, now=now)[1]
            key = made[scopes]
        headers = {"Authorization": f"Bearer {key}"}
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        data = None if body is None else json.dumps(body)
        return client.generic(method, f"/api/v1{path}", data or "", content_type="application/json", headers=headers)

    return ask
