"""What holds for every address."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, get_resolver

NO_ROW = str(10**20)  # more than a column of the database holds


def addresses(patterns, before: str = "/") -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLPattern):
            yield before + str(one.pattern)
        else:
            yield from addresses(one.url_patterns, before + str(one.pattern))


def test_a_number_no_row_can_have_breaks_no_page(owner_client):
    numbered = [one for one in addresses(get_resolver().url_patterns) if "<int:" in one and not one.startswith("/api/")]
    asked = [re.sub(r"<[^>]+>", "x", re.sub(r"<int:\w+>", NO_ROW, one)) for one in numbered]
    answers = {one: {owner_client.get(one).status_code, owner_client.post(one).status_code} for one in asked}
    assert len(asked) > 50
    assert {one: said for one, said in answers.items() if not said <= {302, 404, 405}} == {}
