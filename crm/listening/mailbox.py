"""Look into one mailbox for new mail (INBOX_URL). Each mail is read once; nothing is deleted, moved or marked as read.

What arrived before the box was first looked into stays out of the inbox here. How far it was read is kept by the
mailbox's own numbers (UID and UIDVALIDITY, RFC 3501); what comes twice all the same is known by its Message-ID.
"""

import contextlib
import datetime as dt
import imaplib
import logging
import re
import ssl
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import Q

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.lib import env
from crm.listening import letters, receiving
from crm.listening.models import Desk

log = logging.getLogger(__name__)

EVERY, AFTER_FAILURE = dt.timedelta(minutes=2), dt.timedelta(minutes=15)
AT_ONCE = 20
TIMEOUT = 15  # seconds for each answer of the server
_NUMBER = re.compile(rb"(\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class _Left(RuntimeError):
    """A mail is not taken in, although somebody may have written it: too big, or not to be read."""


@dataclass(frozen=True)
class Address:
    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str


def address(url: str) -> Address:
    """Read imaps://user:password@host/folder, imap+tls:// (STARTTLS) or imap:// on one's own machine."""
    parts = urlsplit(url)
    ports = {"imaps": 993, "imap+tls": 143, "imap": 143}
    if parts.scheme not in ports or not parts.hostname or not parts.username:
        raise env.BadSetting("INBOX_URL: say imaps://user:password@host/INBOX")
    try:
        port = parts.port or ports[parts.scheme]
    except ValueError:
        raise env.BadSetting("INBOX_URL: the port is not a number up to 65535") from None
    folder = unquote(parts.path.lstrip("/")) or "INBOX"
    return Address(parts.scheme, parts.hostname, port, unquote(parts.username), unquote(parts.password or ""), folder)


def poll_due(*, now: dt.datetime) -> int:
    """Read what is new where a mailbox is set and it is time; return how many mails were kept."""
    if not settings.INBOX_URL or Shop.current().is_demo or instance.is_held():
        return 0
    Desk.objects.get_or_create(pk=1)
    due = Q(polled_at=None) | Q(polled_at__lte=now - EVERY)
    if not Desk.objects.filter(due).update(polled_at=now):  # whoever moves the time on has the turn
        return 0
    memory = Desk.current().mailbox
    try:
        kept, memory = _poll(address(settings.INBOX_URL), memory, now=now)
    except (OSError, imaplib.IMAP4.error, ssl.SSLError, env.BadSetting) as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        later = now + AFTER_FAILURE - EVERY
        Desk.objects.update(mailbox=memory | {"error": said, "failed_at": now.isoformat()}, polled_at=later)
        return 0
    Desk.objects.update(mailbox=memory)
    return kept


def _poll(where: Address, memory: dict, *, now: dt.datetime) -> tuple[int, dict]:
    server = _connected(where)
    try:
        server.login(where.user, where.password)
        status, _answer = server.select(_quoted(where.folder), readonly=True)
        if status != "OK":
            raise imaplib.IMAP4.error(f"There is no folder {where.folder}.")
        validity, following = _told(server, "UIDVALIDITY"), _told(server, "UIDNEXT")
        known = memory if memory.get("validity") == validity and memory.get("host") == where.host else {}
        last = known.get("uid")
        if last is None:  # the first look
            return 0, {"host": where.host, "validity": validity, "uid": max(0, following - 1)}
        kept, left = 0, known.get("left", 0)
        for uid in _newer(server, last)[:AT_ONCE]:
            try:
                kept += _take(server, uid, now=now)
            except _Left:
                left += 1
            last = uid
        return kept, {"host": where.host, "validity": validity, "uid": last} | ({"left": left} if left else {})
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            server.logout()


def _connected(where: Address) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if where.scheme == "imaps":
        return imaplib.IMAP4_SSL(where.host, where.port, ssl_context=context, timeout=TIMEOUT)
    server = imaplib.IMAP4(where.host, where.port, timeout=TIMEOUT)
    if where.scheme == "imap+tls":
        server.starttls(context)
    return server


def _told(server: imaplib.IMAP4, name: str) -> int:
    _name, answer = server.response(name)
    found = _NUMBER.search(answer[0] or b"") if answer and answer[0] else None
    if found is None:
        raise imaplib.IMAP4.error(f"The server does not say {name}.")
    return int(found[1])


def _newer(server: imaplib.IMAP4, last: int) -> list[int]:
    _status, answer = server.uid("SEARCH", f"UID {last + 1}:*")
    return sorted(uid for uid in map(int, _NUMBER.findall(answer[0] or b"")) if uid > last)  # "*" is always one


def _take(server: imaplib.IMAP4, uid: int, *, now: dt.datetime) -> int:
    """Keep one mail; return 1 if it is new to us. Raise _Left where only the mailbox can show it."""
    _status, answer = server.uid("FETCH", str(uid), "(RFC822.SIZE)")
    size = _SIZE.search(b" ".join(part for part in answer if isinstance(part, bytes)))
    if size is None:  # somebody has deleted it meanwhile
        return 0
    if int(size[1]) > letters.MOST_BYTES:
        raise _Left
    _status, answer = server.uid("FETCH", str(uid), "(BODY.PEEK[])")
    data = next((part[1] for part in answer if isinstance(part, tuple)), None)
    if data is None:
        return 0
    try:
        _line, is_new = receiving.take(data, own=receiving.own_addresses(Shop.current()), now=now)
    except receiving.NotKept:
        return 0
    except letters.NotAMail:
        raise _Left from None
    except (OperationalError, InterfaceError):  # of the database, not of this mail: the next look takes it
        raise
    except Exception as error:  # one mail that cannot be read must not keep the others out
        log.exception("mail %s", uid)
        raise _Left from error
    return int(is_new)


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
