import datetime as dt

from crm.imports.formats.base import BadRow

from .sheets import sheet

NEW = (
    "First Name,Middle Name,Last Name,Nickname,File As,Organization Name,Organization Title,Birthday,Notes,Photo,Labels,"
    "E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,"
    "Phone 2 - Value,Address 1 - Label,Address 1 - Formatted,Address 1 - Street,Address 1 - City,Address 1 - PO Box,"
    "Address 1 - Region,Address 1 - Postal Code,Address 1 - Country,Address 1 - Extended Address"
)
OLD = (
    "Name,Given Name,Additional Name,Family Name,Birthday,Notes,Group Membership,E-mail 1 - Type,E-mail 1 - Value,"
    "E-mail 2 - Type,E-mail 2 - Value,Phone 1 - Type,Phone 1 - Value,Organization 1 - Name"
)
ROW = {
    "First Name": "Ann", "Middle Name": "B", "Last Name": "Example", "Organization Name": "Tea Ltd", "Birthday": "1980-03-22",
    "Notes": "Likes\ntea", "Labels": "* myContacts ::: Friends ::: Tea", "E-mail 1 - Label": "Home",
    "E-mail 1 - Value": "home@example.com ::: second@example.com", "E-mail 2 - Label": "* Work",
    "E-mail 2 - Value": "work@example.com", "Phone 1 - Label": "Work Fax", "Phone 1 - Value": "030 5550000",
    "Phone 2 - Label": "Mobile", "Phone 2 - Value": "+49 170 5551234", "Address 1 - Street": "High Street 1",
    "Address 1 - City": "Bonn", "Address 1 - Postal Code": "53111", "Address 1 - Country": "DE",
}  # fmt: skip


def test_the_new_header(parse):
    (person,) = parse(sheet(NEW, ROW))
    assert (person.name, person.email, person.phone) == ("Ann B Example", "work@example.com", "+49 170 5551234")
    assert (person.company, person.birthday, person.tags) == ("Tea Ltd", dt.date(1980, 3, 22), ["Friends", "Tea"])
    assert (person.street, person.city, person.postcode, person.country) == ("High Street 1", "Bonn", "53111", "DE")
    assert person.extra == {"note": "Likes\ntea", "other_emails": "home@example.com, second@example.com"}
    assert (person.consent, person.authoritative) == ("", True)


def test_the_old_header(parse):
    told = {
        "Name": "Dr Ann Example", "Given Name": "Ann", "Family Name": "Example", "Birthday": " --02-03",
        "Group Membership": "* My Contacts", "E-mail 1 - Type": "* Home", "E-mail 1 - Value": "ann@example.com",
        "Phone 1 - Type": "Main", "Phone 1 - Value": "030 5551234", "Organization 1 - Name": "Tea Ltd",
    }  # fmt: skip
    (person,) = parse(sheet(OLD, told))
    assert (person.name, person.email, person.phone, person.company) == ("Ann Example", "ann@example.com", "030 5551234", "Tea Ltd")
    assert (person.tags, person.birthday, person.extra) == ([], None, {"birthday": "--02-03"})


def test_a_name_in_japanese(parse):
    (person,) = parse(sheet(NEW, {"First Name": "太郎", "Last Name": "山本", "E-mail 1 - Value": "taro@example.com"}))
    assert person.name == "山本太郎"


def test_nobody_to_write_to_is_set_aside(parse):
    (row,) = parse(sheet(NEW, {"First Name": "Ann"}))
    assert (isinstance(row, BadRow), row.reason) == (True, "The contact has no e-mail and no phone")
