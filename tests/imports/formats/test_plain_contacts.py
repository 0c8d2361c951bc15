import datetime as dt

import pytest

from crm.imports import surveying
from crm.imports.formats import plain_contacts
from crm.imports.formats.base import BadRow, Header


@pytest.mark.parametrize(
    ("header", "sure"),
    [
        ("Email;First name;Last name", 0.6),
        ("email", 0.55),
        ("Name,Phone", 0.5),
        ("姓名,手机号,生日", 0.5),
        ("メールアドレス,氏名", 0.6),
        ("Nom,Prénom,Adresse e-mail,Ville", 0.6),
        ("Nombre,Apellidos,Correo electrónico,Teléfono", 0.6),
        ("Vorname,Nachname,E-Mail-Adresse,PLZ,Ort", 0.6),
        ("Phone,City", 0.0),
        ("Colour,Width", 0.0),
        ("Order number,Email,Product name", 0.0),
        ("订单号,手机号,姓名", 0.0),
        ("Date,Customer,Email,Amount", 0.0),
        ("SKU,Name,Email,Price", 0.0),
    ],
)
def test_how_sure_a_header_makes_us(header, sure):
    assert plain_contacts.sniff(Header(header.replace(";", ",").split(","))) == sure


def test_a_list_of_people(parse):
    (ann,) = parse(
        "First name,Last name,E-mail,Mobile,Company,Address,Zip,City,Country,Date of birth,Tags,Language,Registered,Newsletter,Shoe size\n"
        "Ann,Example,Ann@Example.com; ann@work.example,+49 170 5551234,Tea Ltd,High Street 1,'00123,Bonn,DE,1955-02-03,"
        "\"vip, new\",de,2024-05-06,yes,39\n"
    )
    assert (ann.name, ann.email, ann.phone, ann.company) == ("Ann Example", "Ann@Example.com", "+49 170 5551234", "Tea Ltd")
    assert (ann.street, ann.postcode, ann.city, ann.country) == ("High Street 1", "00123", "Bonn", "DE")
    assert (ann.birthday, ann.tags, ann.language) == (dt.date(1955, 2, 3), ["vip", "new"], "de")
    assert (ann.joined_at, ann.authoritative) == (dt.datetime(2024, 5, 6, tzinfo=dt.UTC), True)
    assert (ann.consent, ann.consent_detail) == ("yes", "Newsletter = yes")
    assert ann.extra == {"other_emails": "ann@work.example", "Shoe size": "39"}


@pytest.mark.parametrize(
    ("header", "row", "name"),
    [
        ("Nom,Prénom,Courriel", "Dupont,Anne,a@example.com", "Anne Dupont"),
        ("Nombre,Apellidos,Correo", "Ana,García López,a@example.com", "Ana García López"),
        ("Nome,Cognome,Email", "Anna,Rossi,a@example.com", "Anna Rossi"),
        ("姓,名,邮箱", "陈,静,a@example.com", "陈静"),
        ("Name,Email", "Ann Example,a@example.com", "Ann Example"),
    ],
)
def test_names_in_the_languages_of_shops(parse, header, row, name):
    assert [person.name for person in parse(f"{header}\n{row}\n")] == [name]


@pytest.mark.parametrize(
    ("column", "said", "consent"),
    [
        ("Newsletter", "yes", "yes"),
        ("Newsletter", "no", "no"),
        ("Newsletter", "", ""),
        ("Accepts email marketing", "FALSE", "no"),
        ("Unsubscribed", "TRUE", "no"),
        ("Unsubscribed", "FALSE", ""),
        ("Do not contact", "1", "no"),
        ("Status", "unsubscribed", "no"),
        ("Status", "Subscribed", "yes"),
        ("Status", "active", ""),
        ("是否订阅", "是", "yes"),
        ("是否订阅", "否", "no"),
    ],
)
def test_only_an_answer_is_an_answer(parse, column, said, consent):
    (person,) = parse(f"Email,{column}\nann@example.com,{said}\n")
    assert person.consent == consent


def test_a_chinese_list_of_phones(parse):
    text = "会员号,姓名,手机号,生日,积分\n\t900100200300400500,张三,'13900139000,1990-02-03,200\nA2,李**,138****1234,,\n"
    zhang, li = parse(text.encode("gb18030"))
    assert (zhang.key, zhang.name, zhang.phone, zhang.country) == ("900100200300400500", "张三", "13900139000", "CN")
    assert (zhang.extra, zhang.source, li.source) == ({"积分": "200"}, zhang.source, zhang.source)
    assert (li.key, li.phone, zhang.source.startswith("list-")) == ("A2", "", True)


def test_numbers_of_different_lists_are_different_people(parse):
    (first,) = parse("Customer number,Email\n1,a@example.com\n")
    (other,) = parse("Kundennummer,Email\n1,b@example.com\n")
    (without,) = parse("Name,Email\nAnn,b@example.com\n")
    assert (first.source != other.source, without.source) == (True, "list")


def test_rows_that_name_nobody_are_set_aside(parse):
    rows = parse("Email,Name\nnot an address,Ann\n,Bob\nann@example.com,Ann\n")
    assert [row.reason for row in rows if isinstance(row, BadRow)] == [
        "“not an address” is not an e-mail address",
        "The row has no customer number, no e-mail and no phone",
    ]


def test_a_shortened_phone_is_no_phone(parse):
    (person,) = parse("Email,Phone\nann@example.com,1.39E+10\n")
    assert person.phone == ""


def test_spaces_before_quotes(write):
    looked = surveying.look(write('Email, First name\nfoo@example.com, Foo\n"foo2@example.com","Foo2"\n'))
    assert (looked.format, looked.rows[1]) == ("plain_contacts", ["foo2@example.com", "Foo2"])
