"""Links that work without a login cannot be made up or used for another purpose."""

import pytest

from crm.lib import tokens


@pytest.mark.parametrize("value", [17, "17", "a.b", "lena@example.com", "a:b", ""])
def test_a_token_gives_back_its_value(value):
    assert tokens.read("unsubscribe", tokens.sign("unsubscribe", value)) == str(value)


@pytest.mark.parametrize("token", ["", "17", ".", "17.", ".x", "17.wrong", "17:x", "é.ü"])
def test_what_we_did_not_sign_is_nothing(token):
    assert tokens.read("unsubscribe", token) is None


def test_a_token_is_for_one_purpose():
    assert tokens.read("click", tokens.sign("unsubscribe", 17)) is None


def test_a_changed_value_is_nothing():
    token = tokens.sign("unsubscribe", 17)
    assert tokens.read("unsubscribe", "18" + token.removeprefix("17")) is None


def test_a_token_fits_an_address_as_it_is():
    assert set(tokens.sign("unsubscribe", 17)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_the_keyed_hash_needs_this_boxs_key(settings):
    first = tokens.keyed_hash("lena@example.com")
    assert first == tokens.keyed_hash("lena@example.com")
    assert len(first) == 64
    assert first != tokens.keyed_hash("Lena@example.com")
    settings.SECRET_KEY = "another"
    assert first != tokens.keyed_hash("lena@example.com")
