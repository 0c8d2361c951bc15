import pytest
from django.utils import translation

from crm.accounts.wording import counted


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("shop", "Points: 1 point, 80 points, appoint"),
        ("services", "Points: 1 point, 80 points, appoint"),
        ("cafe", "Stamps: 1 stamp, 80 stamps, appoint"),
        ("studio", "Credits: 1 credit, 80 credits, appoint"),
    ],
)
def test_points_are_called_what_the_kind_of_business_calls_them(kind, said):
    with translation.override("en"):
        assert counted("Points: 1 point, 80 points, appoint", kind) == said


def test_only_what_is_said_is_changed_on_a_page(db):
    page = (
        '<p class="points">3 points</p> <a href="/points.csv">Points</a><textarea name="points">points</textarea>'
        '<input name="points" value="points"> <td data-label="Points">points'
    )
    with translation.override("en"):
        assert counted(page, "cafe") == (
            '<p class="points">3 stamps</p> <a href="/points.csv">Stamps</a><textarea name="points">points</textarea>'
            '<input name="points" value="points"> <td data-label="Points">stamps'
        )
