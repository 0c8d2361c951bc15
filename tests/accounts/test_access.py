"""Every address of the box, for each role: open is what docs/reference/people.md says, and nothing else."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import RequestFactory
from django.urls import URLPattern, get_resolver

from crm.accounts.access import RIGHTS, Right, may, may_open, needed, needs
from crm.accounts.middleware import OwnersOnly
from crm.accounts.models import User

Role = User.Role
SAMPLES = {"int": "1", "str": "x", "slug": "x", "path": "x"}
ROW = re.compile(r"^\| `(/[^`]*)` \| (?:.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)


def addresses(patterns, before: str = "/") -> Iterator[tuple[str, object]]:
    for one in patterns:
        if isinstance(one, URLPattern):
            yield before + str(one.pattern), one.callback
        else:
            yield from addresses(one.url_patterns, before + str(one.pattern))


def private() -> list[tuple[str, object]]:
    found = list(addresses(get_resolver().url_patterns))
    return [(address, view) for address, view in found if not getattr(view, "is_public", False)]


def sample(address: str) -> str:
    return re.sub(r"<(?:(\w+):)?\w+>", lambda found: SAMPLES[found[1] or "str"], address)


def documented() -> dict[str, tuple[str, str]]:
    text = (settings.BASE_DIR / "docs" / "reference" / "people.md").read_text()
    return {address: (helper, looker) for address, helper, looker in ROW.findall(text)}


def in_words(view, role: str) -> str:
    reads, writes = (needed(view, method) in RIGHTS[role] for method in ("GET", "POST"))
    return {(True, True): "looks, acts", (True, False): "looks", (False, True): "acts", (False, False): "–"}[reads, writes]


def test_the_reference_lists_exactly_what_is_open_to_others_than_owners():
    said = {address: (in_words(view, Role.HELPER), in_words(view, Role.LOOKER)) for address, view in private()}
    assert documented() == {address: row for address, row in said.items() if row != ("–", "–")}


@pytest.mark.parametrize("role", [Role.HELPER, Role.LOOKER])
def test_every_address_is_refused_to_whoever_may_not_open_it(role, people, log_in):
    client, asked = log_in(people[role]), []
    for address, view in private():
        for method, ask in (("GET", client.get), ("POST", client.post)):
            if not may(people[role], needed(view, method)):
                asked.append((method, address, ask(sample(address), headers={"HX-Request": "true"}).status_code))
    assert len(asked) > 100
    assert [one for one in asked if one[2] != 403] == []


@pytest.mark.parametrize("role", Role)
def test_the_middleware_lets_in_whoever_has_the_right_and_nobody_else(role, people, shop, rf: RequestFactory):
    at_the_door, wrong = OwnersOnly(lambda request: None), []
    for address, view in private():
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            request = rf.generic(method, sample(address))
            request.user, request.shop, request.htmx = people[role], shop, True
            is_in = at_the_door.process_view(request, view, (), {}) is None
            if is_in != (needed(view, method) in RIGHTS[role]):
                wrong.append((method, address))
    assert wrong == []


def test_a_looker_on_writes_nothing_but_their_own_login():
    acts = {right for right in Right if right in RIGHTS[Role.LOOKER]}
    open_to_act = {address for address, view in private() if needed(view, "POST") in acts}
    assert {one for one in open_to_act if not one.startswith(("/password", "/logout", "/my-login"))} == set()


def test_an_unmarked_view_is_the_owners_and_so_is_the_unsaid_half():
    def unmarked(request): ...

    half = needs(reading=Right.SERVE)(lambda request: None)
    assert [needed(unmarked, "GET"), needed(unmarked, "POST")] == [Right.OWN, Right.OWN]
    assert [needed(half, "HEAD"), needed(half, "POST"), needed(half, "DELETE")] == [Right.SERVE, Right.OWN, Right.OWN]


def test_a_role_nobody_knows_may_nothing(people):
    stranger = User(email="x@example.com", name="X", role="gardener")
    assert [may(stranger, right) for right in Right] == [False] * len(Right)


def test_a_refusal_says_whom_to_ask(people, log_in):
    page = log_in(people[Role.HELPER]).get("/settings/")
    assert page.status_code == 403
    assert "Lena Hartmann may do it" in page.content.decode()
    assert 'href="/settings/"' not in page.content.decode()


def test_a_refusal_reaches_htmx_as_a_message(people, log_in):
    answer = log_in(people[Role.HELPER]).get("/quality/", headers={"HX-Request": "true"})
    assert (answer.status_code, "<" in answer.content.decode()) == (403, False)
    assert "Ask Lena Hartmann" in answer.headers["HX-Trigger"]


def test_a_helper_may_tag_but_not_export_from_the_same_list(people, log_in):
    client = log_in(people[Role.HELPER])
    asked = {"everyone": "on", "tag": "nice"}
    said = {act: client.post("/customers/", asked | {"act": act}).status_code for act in ("tag", "export", "write")}
    assert said == {"tag": 302, "export": 403, "write": 403}
    assert client.post("/customers/?q=a", {"save": "1", "name": "A"}).status_code == 403


def test_links_lead_only_where_one_may_go(people, rf: RequestFactory):
    helper, looker = people[Role.HELPER], people[Role.LOOKER]
    asked = ["/settings/", "/customers/1/?x=1#privacy", "/orders/", "https://example.com/", "#tags", "?page=2", "/nowhere/"]
    assert [may_open(helper, one) for one in asked] == [False, True, True, True, True, True, True]
    assert [may_open(looker, one) for one in asked] == [False, False, True, True, True, True, True]
    assert [may_open(people[Role.OWNER], one) for one in asked] == [True] * len(asked)


def test_the_tables_of_rights_stand_in_the_page_of_reference():
    text = Path(settings.BASE_DIR / "docs" / "reference" / "people.md").read_text()
    for role, rights in RIGHTS.items():
        if role != Role.OWNER:
            assert f"| {Role(role).label} | {', '.join(sorted(rights))} |" in text
