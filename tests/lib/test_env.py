"""Settings come from the environment, typed, with an error that names the variable."""

import os
from pathlib import Path

import pytest

from crm.lib import env


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    monkeypatch.delenv("REGULARS_X", raising=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", True), ("TRUE", True), (" yes ", True), ("on", True), ("0", False), ("No", False), ("off", False), ("", True)],
)
def test_flag_reads_the_usual_words(monkeypatch, text, expected):
    monkeypatch.setenv("REGULARS_X", text)
    assert env.flag("REGULARS_X", default=True) is expected


def test_flag_refuses_other_words(monkeypatch):
    monkeypatch.setenv("REGULARS_X", "perhaps")
    with pytest.raises(env.BadSetting, match="REGULARS_X='perhaps': say 1 or 0"):
        env.flag("REGULARS_X")


def test_number_reads_whole_numbers_only(monkeypatch):
    assert env.number("REGULARS_X", 7) == 7
    monkeypatch.setenv("REGULARS_X", "12")
    assert env.number("REGULARS_X", 7) == 12
    monkeypatch.setenv("REGULARS_X", "1.5")
    with pytest.raises(env.BadSetting, match=r"REGULARS_X='1\.5': say a whole number"):
        env.number("REGULARS_X", 7)


def test_items_are_split_at_commas_and_stripped(monkeypatch):
    monkeypatch.setenv("REGULARS_X", " a.example, ,b.example ,")
    assert env.items("REGULARS_X") == ["a.example", "b.example"]
    assert env.items("REGULARS_Y") == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("", "/box/default.sqlite3"),
        ("sqlite://", "/box/default.sqlite3"),
        ("sqlite:///shop.sqlite3", "shop.sqlite3"),
        ("sqlite:////srv/Shop.sqlite3", "/srv/Shop.sqlite3"),
    ],
)
def test_sqlite_urls_name_a_file(url, name):
    found = env.database(url, sqlite_init="PRAGMA x;", default_path=Path("/box/default.sqlite3"))
    assert found == {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "CONN_MAX_AGE": 600,
        "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE", "init_command": "PRAGMA x;"},
    }


def _postgres(url: str) -> tuple:
    found = env.database(url, sqlite_init="", default_path=Path("/x"))
    assert found["ENGINE"] == "django.db.backends.postgresql"
    return tuple(found[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://lena:p%40ss@db.example:5433/shop", ("lena", "p@ss", "db.example", "5433", "shop")),
        ("postgresql://db/shop", ("", "", "db", "", "shop")),
        ("postgres://lena@%2FTmp%2FPg/shop", ("lena", "", "/Tmp/Pg", "", "shop")),
        ("postgres://lena@[::1]:5432/shop", ("lena", "", "::1", "5432", "shop")),
        ("postgres:///shop", ("", "", "", "", "shop")),
    ],
)
def test_postgres_urls_are_taken_apart(url, expected):
    assert _postgres(url) == expected


def test_postgres_options_come_from_the_query_and_win():
    found = env.database("postgres://h/shop?sslmode=require&connect_timeout=9", sqlite_init="", default_path=Path("/x"))
    assert found["OPTIONS"] == {
        "connect_timeout": "9",
        "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=30min",
        "sslmode": "require",
    }


@pytest.mark.parametrize("url", ["mysql://h/x", "postgres://h", "postgres://h:99999/x", "postgres://h:p/x"])
def test_database_urls_we_cannot_use_are_refused(url):
    with pytest.raises(env.BadSetting, match="DATABASE_URL: "):
        env.database(url, sqlite_init="", default_path=Path("/x"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("smtp://mail.example", ("mail.example", 25, "", "", False, False)),
        ("smtps://me%40x.de:s%3Acret@mail.example", ("mail.example", 465, "me@x.de", "s:cret", True, False)),
        ("smtp+tls://me:secret@mail.example:2525", ("mail.example", 2525, "me", "secret", False, True)),
    ],
)
def test_mail_urls_say_how_tls_is_spoken(url, expected):
    found = env.email(url)
    keys = ("HOST", "PORT", "HOST_USER", "HOST_PASSWORD", "USE_SSL", "USE_TLS")
    assert tuple(found[f"EMAIL_{key}"] for key in keys) == expected


@pytest.mark.parametrize("url", ["mail.example:25", "http://mail.example", "smtp://", "smtp://h:port"])
def test_mail_urls_we_cannot_use_are_refused(url):
    with pytest.raises(env.BadSetting, match="EMAIL_URL"):
        env.email(url)


def test_a_file_fills_what_the_environment_leaves_open(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "environ", {"SET": "outside"})
    path = tmp_path / ".env"
    path.write_text("# a note\n\nSET=inside\nexport NEW = two words \nQUOTED=\"a # b\"\nEMPTY=\nURL=postgres://u:p=1@h/x\n")
    env.read_file(path)
    assert os.environ == {
        "SET": "outside", "NEW": "two words", "QUOTED": "a # b", "EMPTY": "", "URL": "postgres://u:p=1@h/x",
    }  # fmt: skip


def test_a_file_with_a_broken_line_says_which(tmp_path):
    path = tmp_path / ".env"
    path.write_text("A_B=1\nnot a setting\n")
    with pytest.raises(env.BadSetting, match=r"\.env line 2: say NAME=value"):
        env.read_file(path)


def test_a_missing_file_is_no_error(tmp_path):
    env.read_file(tmp_path / "none")
