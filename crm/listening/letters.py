"""Read a mail as it lies in a file: who wrote what, without what they quote. Pure: bytes in, a Letter out.

Mails lie about themselves: wrong character sets, broken headers, no plain text. What can be read is read, nothing is
run or fetched, and attachments are named, not opened.
"""

import datetime as dt
import email
import email.policy
import hashlib
import html
import re
from dataclasses import dataclass
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime

MOST_BYTES = 25 * 1024 * 1024
MOST_TEXT = 200_000  # letters looked at; a mail of a person is shorter
_MOST_PARTS = 200
_LONGEST_HEADER = 20_000
_ID = re.compile(r"<[!-;=?-~]{1,240}>")
_ADDRESS = re.compile(r"[^\s<>,;:()\[\]\"]+@[^\s<>,;:()\[\]\"]+")
_CHARSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "iso-8859-1": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
}
_QUOTED_HEAD = re.compile(
    r"^\s*("
    r"on\b.{4,200}\bwrote\s*:|am\b.{4,200}\bschrieb\b.{0,120}:|le\b.{4,200}\ba écrit\s*:|el\b.{4,200}\bescribió\s*:"
    r"|.{0,120}在.{2,120}(写道|寫道)\s*[:：]|.{4,120}于.{2,120}(写道|寫道)\s*[:：]"
    r"|-{2,}\s*(original message|ursprüngliche nachricht|原始邮件|原始郵件|message d'origine)\s*-{2,}.*"
    r"|-{4,}\s*(forwarded message|weitergeleitete nachricht|转发的邮件|轉寄郵件|转发邮件信息)\s*-{4,}.*"
    r"|_{20,}"
    r")\s*$",
    re.IGNORECASE,
)
_QUOTED_FIELDS = re.compile(r"^\s*>?\s*\*?(from|von|de|发件人|寄件者)\s*[:：]\*?\s*(.+)$", re.IGNORECASE)
_OTHER_FIELDS = re.compile(
    r"^\s*>?\s*\*?(sent|date|gesendet|datum|to|an|subject|betreff|cc"
    r"|发送时间|发送日期|日期|时间|收件人|主题|主旨|抄送)\s*[:：]\*?\s*(.*)$",
    re.IGNORECASE,
)
_SUBJECT_FIELD = ("subject", "betreff", "主题", "主旨")
_SIGNATURE = re.compile(r"^--\s?$")
_FORWARDED = re.compile(
    r"^\s*(-{4,}.*(forwarded message|weitergeleitete nachricht|转发的邮件|轉寄郵件|转发邮件信息).*"
    r"|begin forwarded message:\s*"
    r"|-{2,}\s*(original message|ursprüngliche nachricht|原始邮件)\s*-{2,})$",
    re.IGNORECASE,
)
_PIECES = re.compile(
    r"<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)"
    r"|<(?P<end>/?)(?P<tag>[a-zA-Z][\w:-]*)(?P<attributes>(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*)>"
    r"|(?P<text>[^<]+|<)",
    re.DOTALL,
)
_UNSEEN = {"script", "style", "head", "title", "template"}
_BREAKING = {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "ul", "ol", "table", "blockquote", "hr"}
_VOID = {"br", "hr", "img", "meta", "link", "input", "area", "base", "col", "embed", "source", "wbr"}
_QUOTE = re.compile(r"^blockquote\b.*\btype\s*=\s*[\"']?cite|\bgmail_quote\b", re.IGNORECASE | re.DOTALL)
_DEEPEST = 200


class NotAMail(ValueError):
    """The file is no mail with a sender."""


@dataclass(frozen=True)
class Letter:
    """`message_id`: what the mail is known by; made from its content where it does not say."""

    name: str
    address: str
    subject: str
    text: str
    message_id: str
    to: tuple[str, ...] = ()
    at: dt.datetime | None = None
    answers_to: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()
    is_automatic: bool = False  # an absence note, a bounce, a newsletter: nobody wrote it to us


def read(data: bytes, *, own: frozenset[str] = frozenset()) -> Letter:
    """Return what a mail says; raise NotAMail. One forwarded from one of our `own` addresses is the mail inside."""
    try:
        return _opened(data, own)
    except RecursionError:  # parts within parts without end: nobody writes so
        raise NotAMail from None


def _opened(data: bytes, own: frozenset[str]) -> Letter:
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    letter = _read(message, data)
    if letter.address.lower() in own:
        for part in _parts(message):
            if part.get_content_type() == "message/rfc822" and part.is_multipart():
                inner = part.get_payload(0)
                return _read(inner, inner.as_bytes())
        return _forwarded(message, letter) or letter
    return letter


def without_history(text: str) -> str:
    """Return what was written, without what is quoted below and the signature."""
    kept: list[str] = []
    lines = text.splitlines()
    for at, line in enumerate(lines):
        joined = f"{line} {lines[at + 1].strip()}" if at + 1 < len(lines) else line  # a head broken over two lines
        if _SIGNATURE.match(line) or _QUOTED_HEAD.match(line) or _is_broken_head(line, joined):
            break
        if _QUOTED_FIELDS.match(line) and _is_head_of_fields(lines, at):
            break
        kept.append(line)
    while kept and (not kept[-1].strip() or kept[-1].lstrip().startswith(">")):
        kept.pop()
    own = "\n".join(line for line in kept if not line.lstrip().startswith(">"))
    return re.sub(r"\n{3,}", "\n\n", own).strip()


def text_of_html(page: str) -> str:
    """Return the words of a page, in lines, without what it quotes.

    Cut by one pattern that never looks back: the standard library's parser takes minutes for a page made to be slow.
    """
    written: list[str] = []
    unseen: list[str] = []  # the tags that hide what is inside, outermost first
    for piece in _PIECES.finditer(page[: MOST_TEXT * 5]):
        if (tag := (piece["tag"] or "").lower()) == "":
            if not unseen and piece["text"]:
                written.append(html.unescape(piece["text"].replace("\n", " ")))
        elif piece["end"]:
            if tag in unseen:
                del unseen[len(unseen) - 1 - unseen[::-1].index(tag) :]
            elif tag in _BREAKING and not unseen:
                written.append("\n")
        elif tag not in _VOID and (unseen or tag in _UNSEEN or _QUOTE.search(f"{tag} {piece['attributes']}")):
            if len(unseen) < _DEEPEST:
                unseen.append(tag)
        elif tag in _BREAKING:
            written.append("\n")
    lines = (" ".join(line.split()) for line in "".join(written).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _read(message: Message, data: bytes) -> Letter:
    senders = _addresses(message, "From") or _addresses(message, "Reply-To") or _addresses(message, "Sender")
    if not senders:
        raise NotAMail
    answer_to = _addresses(message, "Reply-To")
    name, address = senders[0]
    if answer_to and answer_to[0][1]:
        address = answer_to[0][1]
    found = _ID.search(_header(message, "Message-ID"))
    automatic = _header(message, "Auto-Submitted").strip().lower()
    return Letter(
        name=name,
        address=address,
        subject=_header(message, "Subject"),
        text=without_history(_body(message)) or _body(message)[:2000].strip(),
        message_id=found[0] if found else f"<{hashlib.sha256(data).hexdigest()}@no-id.invalid>",
        to=tuple(one for _name, one in _addresses(message, "To")),
        at=_date(message),
        answers_to=tuple(_ID.findall(_header(message, "References") + _header(message, "In-Reply-To"))),
        attachments=tuple(_attachments(message)),
        is_automatic=automatic not in ("", "no")
        or bool(message.get("List-Unsubscribe") or message.get("List-Id"))
        or _header(message, "Precedence").lower() in ("bulk", "list", "junk")
        or address.lower().startswith(("mailer-daemon@", "postmaster@")),
    )


def _parts(message: Message) -> list[Message]:
    parts = []
    for part in message.walk():
        parts.append(part)
        if len(parts) == _MOST_PARTS:
            break
    return parts


def _header(message: Message, name: str) -> str:
    """Return a header as people read it, on one line, whatever is wrong with it."""
    return next((_shown(value) for value in _raw(message, name)), "")


def _raw(message: Message, name: str) -> list[str]:
    """Return the values of a header as they came, still encoded; bare bytes among them are read like a text's."""
    values = [value for known, value in message.raw_items() if known.lower() == name.lower()]
    return [_decoded(str(value)[:_LONGEST_HEADER].encode("utf-8", "surrogateescape"), None) for value in values]


def _shown(value: str) -> str:
    """Return an encoded text as people read it."""
    try:
        pieces = decode_header(value)
    except Exception:  # the library raises several kinds for broken words
        pieces = [(value, None)]
    written = "".join(
        piece if isinstance(piece, str) else _decoded(piece, charset) if charset else piece.decode("raw-unicode-escape")
        for piece, charset in pieces
    )
    return " ".join(written.split())


def _addresses(message: Message, name: str) -> list[tuple[str, str]]:
    """Return the (name, address) pairs of a header: cut while still encoded, so that a comma in a name does not cut."""
    values = _raw(message, name)
    found = [(_shown(shown), "".join(address.split())) for shown, address in getaddresses(values) if "@" in address]
    return found or [("", one) for value in values for one in _ADDRESS.findall(value)]


def _date(message: Message) -> dt.datetime | None:
    try:
        at = parsedate_to_datetime(_header(message, "Date"))
        at = at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
    except (TypeError, ValueError, OverflowError):
        return None
    return at if at.year >= 1990 else None


def _body(message: Message) -> str:
    """Return the plain text; of a mail that is only a page, its words."""
    plain, page = [], []
    for part in _parts(message):
        if part.is_multipart() or _file_name(part) or part.get_content_disposition() == "attachment":
            continue
        if part.get_content_type() == "text/plain":
            plain.append(_content(part))
        elif part.get_content_type() == "text/html":
            page.append(_content(part))
    text = "\n".join(plain).strip()
    return text[:MOST_TEXT] if text else "\n".join(text_of_html(one) for one in page)[:MOST_TEXT]


def _content(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return _decoded(payload or b"", part.get_content_charset())


def _decoded(data: bytes, charset: str | None) -> str:
    """Return bytes as text: by what they say they are, then as UTF-8, Chinese or Western, whatever fits."""
    named = (charset or "utf-8").lower().strip("\"' ")
    for name in (_CHARSETS.get(named, named), "utf-8", "gb18030"):
        try:
            return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            continue
    return data.decode("cp1252", "replace")


def _file_name(part: Message) -> str:
    try:
        return _shown(part.get_filename() or "")
    except Exception:  # the library raises several kinds for broken names
        return "?"


def _attachments(message: Message) -> list[str]:
    names = []
    for part in _parts(message):
        name = _file_name(part)
        if name and not part.is_multipart():
            names.append(name.rpartition("/")[2].rpartition("\\")[2][:120])
    return names[:20]


def _is_broken_head(line: str, joined: str) -> bool:
    begins = line.lower().lstrip().startswith(("on ", "am ", "le ", "el "))
    return begins and _QUOTED_HEAD.match(joined) is not None


def _is_head_of_fields(lines: list[str], at: int) -> bool:
    """Tell whether a "From:" begins the head of a quoted mail: more such lines follow."""
    return sum(bool(_OTHER_FIELDS.match(line)) for line in lines[at + 1 : at + 6]) >= 2


def _forwarded(message: Message, outer: Letter) -> Letter | None:
    """Return the mail that was forwarded inside the text of another."""
    lines = _body(message).splitlines()
    start = next((at for at, line in enumerate(lines) if _FORWARDED.match(line)), 0)
    for at in range(start, len(lines)):
        head = _QUOTED_FIELDS.match(lines[at])
        if not head or not _is_head_of_fields(lines, at):
            continue
        sender = _ADDRESS.search(head[2])
        if not sender:
            continue
        address, subject, end = sender[0], "", at + 1
        while end < len(lines) and (field := _OTHER_FIELDS.match(lines[end])):
            subject = field[2].strip() if field[1].lower() in _SUBJECT_FIELD else subject
            end += 1
        name = head[2].partition(address)[0].strip(" <[\"'*(").removesuffix("mailto:").strip(" <[\"'*(")
        body = "\n".join(line.removeprefix("> ").removeprefix(">") for line in lines[end:])
        return Letter(
            name=name, address=address, subject=subject or outer.subject, text=without_history(body) or body.strip(),
            message_id=outer.message_id, at=outer.at, attachments=outer.attachments,
        )  # fmt: skip
    return None
