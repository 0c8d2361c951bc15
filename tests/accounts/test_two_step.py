"""The second step: right by the standard's own vectors, each code once, slow to guess, and never a lock-out."""

import base64
import datetime as dt

import pytest
import time_machine
from django.test import override_settings

from crm.accounts import two_step
from crm.accounts.models import RecoveryCode, Shop, TwoStep, User
from tests.conftest import NOW

Role = User.Role
SECONDS = dt.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def near_now():
    with time_machine.travel(NOW, tick=False):
        yield


def digits(user, *, now=NOW, steps: int = 0) -> str:
    secret = two_step._secret(TwoStep.objects.get(user=user))
    return two_step.code(secret, int(now.timestamp()) // two_step.SECONDS + steps)


@pytest.fixture
def armed(owner, shop):
    """The owner with the second step on since an hour ago, and the recovery codes."""
    two_step.begin(owner)
    earlier = NOW - dt.timedelta(hours=1)
    return two_step.confirm(owner, digits(owner, now=earlier), now=earlier)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238_appendix_b(seconds, expected):
    assert two_step.code(b"12345678901234567890", seconds // 30, digits=8) == expected


def test_a_code_is_good_one_step_early_or_late_and_only_once(owner, armed):
    late, far = digits(owner, steps=-1), digits(owner, steps=-2)
    assert [two_step.accept(owner, one, now=NOW) for one in (far, late, late)] == [False, True, False]
    assert two_step.accept(owner, digits(owner), now=NOW) is True
    assert two_step.accept(owner, late, now=NOW) is False
    ahead, too_far = digits(owner, steps=1), digits(owner, steps=2)
    assert [two_step.accept(owner, one, now=NOW) for one in (too_far, ahead)] == [False, True]


def test_the_code_that_set_it_up_does_not_log_in(owner, shop):
    two_step.begin(owner)
    typed = digits(owner)
    assert len(two_step.confirm(owner, typed, now=NOW)) == 10
    assert two_step.accept(owner, typed, now=NOW) is False


def test_digits_may_be_typed_with_spaces_or_full_width(owner, armed):
    typed = digits(owner)
    wide = "".join(chr(ord(one) + 0xFEE0) for one in f"{typed[:3]}{typed[3:]}")
    assert two_step.accept(owner, f"{wide[:3]} {wide[3:]}", now=NOW) is True


def test_a_recovery_code_gets_in_once_and_not_somebody_else(owner, armed, people):
    helper = people[Role.HELPER]
    assert two_step.accept(helper, armed[0], now=NOW) is False
    assert [two_step.accept(owner, armed[0].upper().replace("-", " "), now=NOW) for _try in range(2)] == [True, False]
    assert two_step.codes_left(owner) == 9


def test_neither_key_nor_recovery_codes_lie_open_in_the_database(owner, armed):
    row, secret = TwoStep.objects.get(), two_step._secret(TwoStep.objects.get())
    assert base64.b32encode(secret).decode() not in row.secret
    kept = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert {one.replace("-", "") for one in armed} & kept == set()


def test_login_asks_for_the_code_and_goes_where_one_wanted(client, owner, armed):
    first = client.post("/login/", {"email": owner.email, "password": "correct horse battery", "next": "/orders/"})
    assert (first.status_code, first.url) == (302, "/login/code/")
    assert client.get("/orders/").url == "/login/?next=/orders/"
    wrong = client.post("/login/code/", {"code": "000000"})
    assert wrong.status_code == 422
    assert client.get("/customers/").status_code == 302
    right = client.post("/login/code/", {"code": digits(owner)})
    assert (right.status_code, right.url) == (302, "/orders/")
    assert client.get("/orders/").status_code == 200


def test_nobody_gets_to_the_code_without_a_password(client, owner, armed):
    assert client.get("/login/code/").url == "/login/"
    assert client.post("/login/code/", {"code": digits(owner)}).url == "/login/"


def test_a_right_password_is_forgotten_after_ten_minutes_and_after_a_new_one(client, owner, armed):
    said = {"email": owner.email, "password": "correct horse battery"}
    client.post("/login/", said)
    with time_machine.travel(NOW + 601 * SECONDS, tick=False):
        assert client.get("/login/code/").url == "/login/"
    client.post("/login/", said)
    owner.set_password("another horse battery")
    owner.save()
    assert client.get("/login/code/").url == "/login/"


def test_guessing_stops_after_five_even_with_the_right_code(client, owner, armed):
    client.post("/login/", {"email": owner.email, "password": "correct horse battery"})
    answers = [client.post("/login/code/", {"code": "000000"}) for _try in range(5)]
    assert {one.status_code for one in answers} == {422}
    last = client.post("/login/code/", {"code": digits(owner)})
    assert (last.status_code, "Too many tries" in last.content.decode()) == (422, True)


def test_setting_up_and_switching_off_on_the_pages(owner_client, owner):
    page = owner_client.get("/my-login/second-step/").content.decode()
    secret = base64.b32encode(two_step._secret(TwoStep.objects.get())).decode()
    assert " ".join(secret[place : place + 4] for place in range(0, 32, 4)) in page
    assert "<svg" in page
    assert not two_step.is_on(owner)
    assert owner_client.post("/my-login/second-step/", {"code": "123"}).status_code == 422
    done = owner_client.post("/my-login/second-step/", {"code": digits(owner)}, follow=True).content.decode()
    assert two_step.is_on(owner)
    assert done.count("<li><code>") == 10
    assert owner_client.get("/my-login/second-step/codes/").content.decode().count("<li><code>") == 0
    assert owner_client.get("/my-login/second-step/").url == "/my-login/"
    assert owner_client.post("/my-login/second-step/off/", {"current": "wrong"}).status_code == 422
    assert two_step.is_on(owner)
    assert owner_client.post("/my-login/second-step/off/", {"current": "correct horse battery"}).status_code == 302
    assert (TwoStep.objects.count(), RecoveryCode.objects.count()) == (0, 0)


def test_an_open_session_does_not_let_the_password_be_guessed(owner_client, owner, armed):
    for _try in range(10):
        owner_client.post("/my-login/second-step/off/", {"current": "wrong"})
    answer = owner_client.post("/my-login/second-step/off/", {"current": "correct horse battery"})
    assert (answer.status_code, two_step.is_on(owner)) == (422, True)


def test_the_square_holds_what_apps_read(owner):
    address = two_step.address("JBSWY3DPEHPK3PXP", user=owner, shop_name="Linden: Loaf")
    assert address == (
        "otpauth://totp/Linden%20%20Loaf%3Alena%40example.com?secret=JBSWY3DPEHPK3PXP&issuer=Linden++Loaf"
    )


def test_a_box_with_another_key_says_so_and_takes_a_recovery_code(client, owner, armed):
    typed = digits(owner)
    with override_settings(SECRET_KEY="the key of another box"):
        client.post("/login/", {"email": owner.email, "password": "correct horse battery"})
        page = client.post("/login/code/", {"code": typed})
        assert (page.status_code, "another secret key" in page.content.decode()) == (422, True)
        assert client.post("/login/code/", {"code": armed[3]}).url == "/"
        assert client.get("/my-login/").status_code == 200
    with override_settings(SECRET_KEY="a new key", SECRET_KEY_FALLBACKS=["only-for-tests"]):
        assert two_step.accept(owner, typed, now=NOW) is True


def test_required_two_steps_let_nobody_further_without(owner_client, owner, people, client):
    owner_client.post("/settings/people/two-steps/", {"on": "1"})
    assert Shop.current().two_step_required is True
    assert owner_client.get("/orders/").url == "/my-login/second-step/"
    assert owner_client.get("/orders/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/my-login/second-step/"
    assert [owner_client.get(one).status_code for one in ("/my-login/", "/password/")] == [200, 200]
    owner_client.get("/my-login/second-step/")
    owner_client.post("/my-login/second-step/", {"code": digits(owner)})
    assert owner_client.get("/orders/").status_code == 200
