"""Mails as programs really write them: what was written comes out, and nothing else."""

import base64
import datetime as dt
import time
from email.header import Header
from email.message import EmailMessage

import pytest

from crm.listening import letters

OWN = frozenset({"lena@example.com"})
HEAD = b"From: Mia Fuchs <mia.fuchs@example.com>\r\nTo: hello@linden.example\r\nSubject: Rye bread\r\nDate: Thu, 19 Nov 2026 10:00:00 +0100\r\nMessage-ID: <one@example.com>\r\n"
REPLY = """Yes please, two loaves.

Mia

On Thu, Nov 19, 2026 at 9:12 AM Linden & Loaf <hello@linden.example> wrote:

> Shall we keep a loaf for you?
> Lena
"""


def plain(text: str, *, head: bytes = HEAD, charset: str = "utf-8", encoding: str = "8bit") -> bytes:
    body = text.encode(charset)
    if encoding == "base64":
        body = base64.encodebytes(body)
    kind = f'Content-Type: text/plain; charset="{charset}"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head + b"MIME-Version: 1.0\r\n" + kind.encode() + body


def test_a_plain_reply_comes_without_what_it_quotes():
    letter = letters.read(plain(REPLY))
    assert (letter.name, letter.address, letter.subject) == ("Mia Fuchs", "mia.fuchs@example.com", "Rye bread")
    assert letter.text == "Yes please, two loaves.\n\nMia"
    assert letter.at == dt.datetime(2026, 11, 19, 9, 0, tzinfo=dt.UTC)
    assert (letter.message_id, letter.to) == ("<one@example.com>", ("hello@linden.example",))
    assert (letter.attachments, letter.is_automatic) == ((), False)


@pytest.mark.parametrize(
    "quoted",
    [
        "On Thu, 19 Nov 2026, Linden wrote:\n> old",
        "On Thu, Nov 19, 2026 at 9:12 AM Linden & Loaf\n<hello@linden.example> wrote:\n> old",
        "Am Do., 19. Nov. 2026 um 09:12 Uhr schrieb Linden & Loaf <hello@linden.example>:\n> old",
        "Le jeu. 19 nov. 2026 à 09:12, Linden <hello@linden.example> a écrit :\n> old",
        "在 2026年11月19日，Linden 写道：\n> old",
        "Linden <hello@linden.example> 于2026年11月19日周四 09:12写道：\n\nold",
        "-----Original Message-----\nFrom: Linden\nold",
        "------------------ 原始邮件 ------------------\n发件人: Linden\nold",
        "________________________________\nVon: Linden\nGesendet: heute\nold",
        "From: Linden <hello@linden.example>\nSent: Thursday\nTo: Mia\nSubject: Bread\n\nold",
        "发件人：Linden\n发送时间：2026年11月19日\n收件人：Mia\n主题：面包\n\nold",
        "-- \nMia Fuchs\nold",
        "> old\n> older",
    ],
)
def test_history_and_signature_are_cut_in_every_dress(quoted):
    assert letters.without_history(f"Thank you!\n\n{quoted}\n") == "Thank you!"


def test_words_between_quotes_and_ordinary_lines_stay():
    text = "> Two loaves?\nYes, two.\n> When?\nOn Saturday I wrote: never mind.\nFrom: now on only rye."
    assert letters.without_history(text) == "Yes, two.\nOn Saturday I wrote: never mind.\nFrom: now on only rye."


@pytest.mark.parametrize("named", ["gb2312", "gbk", "GB18030"])
def test_chinese_in_gb18030_whatever_it_is_called(named):
    text = "请问黑麦面包里有牛奶吗？㐂"  # the last letter is in GB18030 only
    head = HEAD.replace(b"Mia Fuchs", Header("王小明", "gb2312").encode().encode()).replace(
        b"Rye bread", Header("面包", "gb2312").encode().encode()
    )
    data = plain("x", head=head).replace(b'charset="utf-8"', f"charset={named}".encode())[:-1] + text.encode("gb18030")
    letter = letters.read(data)
    assert (letter.name, letter.subject, letter.text) == ("王小明", "面包", text)


def test_quoted_printable_and_base64():
    quoted = (
        HEAD
        + b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nDas Brot war gro=DFartig, wirk=\r\nlich."
    )
    assert letters.read(quoted).text == "Das Brot war großartig, wirklich."
    assert letters.read(plain("Grüße", encoding="base64")).text == "Grüße"


def test_a_page_without_plain_text_is_read_as_words():
    page = (
        b"<html><head><title>no</title><style>p{color:red}</style></head><body><p>The cake<br>was&nbsp;dry.</p>"
        b"<script>alert(1)</script><div>Mia</div>"
        b'<div class="gmail_quote">On Thu wrote <blockquote type="cite"><p>old</p></blockquote></div></body></html>'
    )
    letter = letters.read(HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n" + page)
    assert letter.text == "The cake\nwas dry.\n\nMia"


def test_of_several_parts_the_plain_one_is_read_and_files_are_named():
    message = EmailMessage()
    message["From"], message["Message-ID"] = "Mia <mia@example.com>", "<two@example.com>"
    message["In-Reply-To"], message["References"] = "<b@x.example>", "<a@x.example> <b@x.example>"
    message.set_content("A photo of the cake.")
    message.add_alternative("<p>A <b>photo</b> of the cake.</p>", subtype="html")
    message.add_attachment(b"\xff\xd8" * 50, maintype="image", subtype="jpeg", filename="Kuchen größer.jpg")
    message.add_attachment("notes", filename="../../etc/notes.txt")
    letter = letters.read(message.as_bytes())
    assert letter.text == "A photo of the cake."
    assert letter.attachments == ("Kuchen größer.jpg", "notes.txt")
    assert letter.answers_to == ("<a@x.example>", "<b@x.example>", "<b@x.example>")


def test_broken_headers_are_read_as_far_as_they_go():
    data = (
        b"From: =?utf-8?B?broken?= \xe7\x8e\x8b <mia@example.com>\nSubject: Rohes \xc3\xbc\n\tund mehr\n"
        b"Date: the day before\nMessage-ID: nonsense\nContent-Type: text/plain; charset=no-such-thing\n\nHallo \xc3\xbc"
    )
    letter = letters.read(data)
    assert (letter.address, letter.subject, letter.text) == ("mia@example.com", "Rohes ü und mehr", "Hallo ü")
    assert (letter.at, letter.answers_to) == (None, ())
    assert letter.message_id == letters.read(data).message_id != letters.read(data + b"!").message_id
    assert letter.message_id.endswith("@no-id.invalid>")


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff" * 200, b"Subject: no sender\n\nHello", b"From: undisclosed\n\nHello"]
)
def test_what_is_no_mail_is_refused(data):
    with pytest.raises(letters.NotAMail):
        letters.read(data)


def test_ten_megabytes_are_read_quickly_and_not_kept():
    message = EmailMessage()
    message["From"] = "mia@example.com"
    message.set_content("See the film.")
    message.add_attachment(bytes(7_500_000), maintype="video", subtype="mp4", filename="film.mp4")
    data = message.as_bytes()
    assert len(data) > 10_000_000
    begun = time.process_time()
    letter = letters.read(data)
    assert (letter.text, letter.attachments) == ("See the film.", ("film.mp4",))
    assert time.process_time() - begun < 2


def test_a_long_line_does_not_take_long():
    begun = time.process_time()
    letters.without_history("on " + "a" * 100_000 + "\n" + "From: " * 20_000 + "\n" + "在" * 50_000)
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "extra",
    [b"Auto-Submitted: auto-replied\r\n", b"List-Unsubscribe: <mailto:x@example.com>\r\n", b"Precedence: bulk\r\n"],
)
def test_what_a_program_wrote_is_marked(extra):
    assert letters.read(plain("I am away", head=HEAD + extra)).is_automatic is True
    assert letters.read(plain("Hello", head=HEAD + b"Auto-Submitted: no\r\n")).is_automatic is False


def test_a_mail_forwarded_as_a_file_is_the_one_inside():
    inner = EmailMessage()
    inner["From"], inner["Subject"], inner["Message-ID"] = "Mia <mia@example.com>", "Cake", "<inner@example.com>"
    inner.set_content("Is there cake?")
    outer = EmailMessage()
    outer["From"], outer["Subject"] = "Lena <lena@example.com>", "Fwd: Cake"
    outer.set_content("see below")
    outer.add_attachment(inner)
    letter = letters.read(outer.as_bytes(), own=OWN)
    assert (letter.address, letter.subject, letter.text, letter.message_id) == (
        "mia@example.com", "Cake", "Is there cake?", "<inner@example.com>",
    )  # fmt: skip


def test_a_mail_forwarded_in_the_text_is_the_one_below():
    text = (
        "fyi\n\n---------- Forwarded message ---------\nFrom: Mia Fuchs <mia@example.com>\n"
        "Date: Thu, Nov 19, 2026\nSubject: Cake\nTo: Lena <lena@example.com>\n\nIs there cake on Sunday?\n"
    )
    data = plain(text, head=HEAD.replace(b"Mia Fuchs <mia.fuchs@example.com>", b"Lena <lena@example.com>"))
    letter = letters.read(data, own=OWN)
    assert (letter.name, letter.address, letter.subject) == ("Mia Fuchs", "mia@example.com", "Cake")
    assert letter.text == "Is there cake on Sunday?"


def test_the_answer_goes_where_they_ask_for_it():
    letter = letters.read(plain("Hello", head=HEAD + b"Reply-To: office@example.com\r\n"))
    assert (letter.name, letter.address) == ("Mia Fuchs", "office@example.com")


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<!--" * 200_000,
        HEAD + b"Content-Type: text/html\r\n\r\n<a " + b"a='" * 200_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<" * 500_000,
        HEAD + b"Content-Type: text/html\r\n\r\n" + b"<p>" * 100_000 + b"</div>" * 100_000,
        HEAD + b"References: " + b"<a@b> " * 100_000 + b"\r\n\r\nhi",
        b"From: " + b"a@b.example, " * 50_000 + b"\r\n\r\nhi",
        b"From: a@b.example\r\nSubject: " + b"=?utf-8?q?a?= " * 50_000 + b"\r\n\r\nhi",
        HEAD + b"\r\n" + b"On a, b c d e\n" * 50_000,
    ],
)
def test_mails_made_to_be_slow_are_not(data):
    begun = time.process_time()
    assert letters.read(data).address
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("data", [b"From: " + b"(" * 100_000 + b" a@b.example\r\n\r\nhi", HEAD])
def test_parts_within_parts_without_end_are_no_mail(data):
    for level in range(1_500):
        data = b'Content-Type: multipart/mixed; boundary="b%d"\n\n--b%d\n%b\n--b%d--\n' % (level, level, data, level)
    with pytest.raises(letters.NotAMail):
        letters.read(b"From: a@b.example\n" + data)
