import pytest

from crm.coupons import issuing
from crm.coupons.models import Coupon
from tests.conftest import NOW


def new_coupon(word: str = "SPRING", *, now=NOW, codes: int = 0, **values) -> Coupon:
    """Make a coupon of ten percent with a shared word, or with codes of its own."""
    kind = Coupon.CodeKind.UNIQUE if codes else Coupon.CodeKind.SHARED
    values = {"name": "Spring", "gives": "percent", "percent": 10, "starts_on": now.date(), "code_kind": kind} | values
    coupon = Coupon.objects.create(**values, created_at=now)
    if codes:
        issuing.issue(coupon, count=codes, now=now)
    else:
        issuing.share(coupon, word=word, now=now)
    return coupon


@pytest.fixture
def coupon(shop):
    return new_coupon()
