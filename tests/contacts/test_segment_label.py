"""Names the night run writes are read in the reader's language; what an owner wrote stays."""

import pytest
from django.utils import translation

from crm.contacts.models import Segment


@pytest.mark.parametrize(
    ("slug", "name", "kind", "label"),
    [
        ("champions", "Champions", "computed", "核心顾客"),
        ("slipping-regulars", "Regulars slipping away", "computed", "正在流失的常客"),
        ("new", "New", "computed", "新顾客"),
        ("made-elsewhere", "Left-handed people", "computed", "Left-handed people"),
        ("orders", "Orders", "saved", "Orders"),
    ],
)
def test_label(slug, name, kind, label):
    segment = Segment(slug=slug, name=name, kind=kind)
    with translation.override("zh-hans"):
        assert segment.label == label
    with translation.override("en"):
        assert segment.label == name


def test_the_customer_list_of_a_computed_segment_is_headed_in_chinese(owner_client):
    Segment.objects.create(slug="slipping-regulars", name="Regulars slipping away")
    owner_client.cookies["language"] = "zh-hans"
    page = owner_client.get("/customers/?segment=slipping-regulars").content.decode()
    assert page.split("<h1>")[1].split("</h1>")[0] == "正在流失的常客"
