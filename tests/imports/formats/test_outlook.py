import datetime as dt

import pytest

from crm.imports.formats.base import BadRow

from .sheets import sheet

DESKTOP = (
    "First Name,Middle Name,Last Name,Title,Suffix,E-mail Address,E-mail 2 Address,Home Phone,Business Phone,Mobile Phone,"
    "Business Fax,Company,Home Street,Home City,Home State,Home Postal Code,Home Country/Region,Business Street,"
    "Business City,Business State,Business Postal Code,Business Country/Region,Birthday,Notes,Categories"
)
ROW = {
    "First Name": "Linus", "Last Name": "Example", "E-mail Address": "linus@example.com",
    "E-mail 2 Address": "linus@work.example", "Home Phone": "+358 9 000 0001", "Mobile Phone": "+358 40 000 0003",
    "Business Fax": "+358 9 000 0004", "Company": "Kernel Inc", "Business Street": "2 Office St", "Business City": "Espoo",
    "Business Postal Code": "'00100", "Business Country/Region": "Finland", "Birthday": "12/28/1969",
    "Categories": "Friends;Open source",
}  # fmt: skip


def test_the_desktop_program(parse):
    (person,) = parse(sheet(DESKTOP, ROW).replace("\n", "\r\n"))
    assert (person.name, person.email, person.phone) == ("Linus Example", "linus@example.com", "+358 40 000 0003")
    assert (person.street, person.city, person.postcode, person.country) == ("2 Office St", "Espoo", "00100", "Finland")
    assert (person.birthday, person.tags, person.consent) == (dt.date(1969, 12, 28), ["Friends", "Open source"], "")
    assert person.extra == {"other_emails": "linus@work.example", "other_phones": "+358 9 000 0001"}


def test_outlook_com(parse):
    header = "Display Name,First Name,Last Name,Company,Email Home,Email Work,Home Phone,Home Street,Home City,Home State,Home Zip,Home Country,Birthday"
    row = {
        "Display Name": "Ann Example", "Email Work": "ann@example.com", "Home Phone": "030 5551234",
        "Home Street": "High Street 1", "Home City": "Bonn", "Home Zip": "53111", "Home Country": "DE", "Birthday": "20/01/1991",
    }  # fmt: skip
    (person,) = parse("\ufeff" + sheet(header, row))
    assert (person.name, person.email, person.postcode, person.country) == ("Ann Example", "ann@example.com", "53111", "DE")
    assert person.birthday == dt.date(1991, 1, 20)


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("Anrede,Vorname,Weitere Vornamen,Nachname,Firma,Telefon (geschäftlich),Mobiltelefon,E-Mail-Adresse,Geburtstag,Kategorien", "cp1252"),
        ("Titre,Prénom,Deuxième prénom,Nom,Société,Téléphone (bureau),Tél. mobile,Adresse de messagerie,Anniversaire,Catégories", "cp1252"),
        ("称谓,名,中间名,姓,单位,商务电话,移动电话,电子邮件地址,生日,类别", "gb18030"),
    ],
)  # fmt: skip
def test_its_language(parse, header, encoding):
    row = ",Ann,,Müller,Tea Ltd,,+49 170 5551234,ann@example.com,1990-02-03,vip"
    if encoding == "gb18030":
        row = row.replace("Ann", "静").replace("Müller", "陈")
    (person,) = parse(f"{header}\n{row}\n".encode(encoding))
    assert person.name == ("陈静" if encoding == "gb18030" else "Ann Müller")
    assert (person.email, person.phone, person.company) == ("ann@example.com", "+49 170 5551234", "Tea Ltd")
    assert (person.birthday, person.tags, parse.looked.format) == (dt.date(1990, 2, 3), ["vip"], "outlook")


def test_thunderbird_ends_its_header_with_a_comma(parse):
    header = "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Work Phone,Mobile Number,Home Address,"
    (person,) = parse(header + "\nAnn,Example,Ann Example,,ann@example.com,,,+49 170 5551234,High Street 1,\n")
    assert (parse.looked.format, person.phone, person.street) == ("outlook", "+49 170 5551234", "High Street 1")


def test_nobody_to_write_to_is_set_aside(parse):
    (row,) = parse(sheet(DESKTOP, {"First Name": "Ann", "Business Fax": "+49 30 5551234"}))
    assert isinstance(row, BadRow)
