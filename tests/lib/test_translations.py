"""The Chinese catalogue says everything the English pages say, and its compiled form is up to date.

Whether the source has strings that the catalogue lacks is asked by `make check`: it needs GNU gettext.
"""

import importlib.util

import pytest
from babel.messages import mofile, pofile
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext, pgettext

CATALOGUES = sorted((settings.BASE_DIR / "locale").glob("*/LC_MESSAGES/*.po"))

_spec = importlib.util.spec_from_file_location(
    "check_translations", settings.BASE_DIR / "tools" / "check_translations.py"
)
check_translations = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check_translations)

HEADER = """msgid ""
msgstr ""
"Language: zh_Hans\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


@pytest.fixture
def catalogue(tmp_path):
    """Write a catalogue and its compiled form; return the path of the first."""

    def write(words, *, compiled=None):
        path = tmp_path / "django.po"
        path.write_text(HEADER + (compiled if compiled is not None else words), encoding="utf-8")
        with path.open("rb") as source, path.with_suffix(".mo").open("wb") as target:
            mofile.write_mo(target, pofile.read_po(source))
        path.write_text(HEADER + words, encoding="utf-8")
        return path

    return write


def test_there_is_one_catalogue():
    assert [str(path.relative_to(settings.BASE_DIR)) for path in CATALOGUES] == ["locale/zh_Hans/LC_MESSAGES/django.po"]


@pytest.mark.parametrize("path", CATALOGUES, ids=str)
def test_catalogue_is_complete_and_compiled(path):
    assert check_translations.faults(path) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=str)
def test_catalogue_knows_one_form_for_one_and_many(path):
    with path.open("rb") as file:
        words = pofile.read_po(file)
    assert (str(words.locale), words.num_plurals) == ("zh_Hans", 1)
    assert {len(message.string) for message in words if isinstance(message.id, tuple)} == {1}


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ('msgid "Orders"\nmsgstr "订单"\n', []),
        ('msgid "Orders"\nmsgstr ""\n', ["not translated: 'Orders'"]),
        ('#, fuzzy\nmsgid "Orders"\nmsgstr "订单"\n', ["fuzzy: 'Orders'"]),
        ('msgid "%(a)s of %(b)s"\nmsgstr "%(a)s"\n', ["placeholders differ (%(b)s): '%(a)s of %(b)s'"]),
        ('msgid "A <a href=\\"/x/\\">b</a>"\nmsgstr "甲乙"\n',
         ["placeholders differ (</a> <a href=\"/x/\">): 'A <a href=\"/x/\">b</a>'"]),
        ('msgid "Hello {{ first_name|\\"you\\" }}"\nmsgstr "{{ name }}好"\n',
         ["placeholders differ ({{ first_name {{ name): 'Hello {{ first_name|\"you\" }}'"]),
        ('msgid "%(n)s order"\nmsgid_plural "%(n)s orders"\nmsgstr[0] "订单"\n',
         ["placeholders differ (%(n)s): '%(n)s order'"]),
    ],
)  # fmt: skip
def test_a_faulty_catalogue_is_told(catalogue, words, fault):
    assert check_translations.faults(catalogue(words)) == fault


def test_an_old_compiled_form_is_told(catalogue):
    path = catalogue('msgid "Orders"\nmsgstr "订单"\n', compiled='msgid "Orders"\nmsgstr "单子"\n')
    assert check_translations.faults(path) == [
        "django.mo is older than the catalogue (manage.py compilemessages): 'Orders'"
    ]


def test_a_missing_compiled_form_is_told(catalogue):
    path = catalogue('msgid "Orders"\nmsgstr "订单"\n')
    path.with_suffix(".mo").unlink()
    assert check_translations.faults(path) == ["django.mo is missing: run manage.py compilemessages"]


def test_the_program_speaks_it():
    with translation.override("zh-hans"):
        assert gettext("Customers") == "顾客"
        assert ngettext("%(days)s day ago", "%(days)s days ago", 1) == "%(days)s天前"
        assert pgettext("rows", "New") == "新增"
        assert pgettext("customers", "New") == "新顾客"
