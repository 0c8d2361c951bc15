"""E-mail by SMTP, with the dialogue taken apart so that the moment of doubt is as short as it can be.

Everything up to the answer to RCPT is definite. `before_payload` runs just before DATA. From the first
byte of the payload until the server's answer nobody can know, so what breaks there is Uncertain.
"""

import re
import smtplib
import ssl
from collections.abc import Callable
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.smtp import EmailBackend

from crm.campaigns.channels.base import Channel, ChannelDown, Mail, NeedsOwner, NoSuchAddress, SendFailed, Uncertain
from crm.lib import env

TIMEOUT = 30  # seconds for each answer of the server
# RFC 3463 and 7505: no such mailbox or domain, bad syntax, moved, takes no mail; a bare 550 may also mean "not you"
NOWHERE = re.compile(r"5\d\d[ -]5\.1\.(1|2|3|6|10)\b")


class Email(Channel):
    def __init__(self, *, url: str | None = None, timeout: float | None = None):
        options = env.email(settings.EMAIL_URL if url is None else url)
        self._backend = EmailBackend(
            host=options["EMAIL_HOST"],
            port=options["EMAIL_PORT"],
            username=options["EMAIL_HOST_USER"],
            password=options["EMAIL_HOST_PASSWORD"],
            use_tls=options["EMAIL_USE_TLS"],
            use_ssl=options["EMAIL_USE_SSL"],
            timeout=TIMEOUT if timeout is None else timeout,
        )

    def send(self, mail: Mail, *, before_payload: Callable[[], None]) -> str:
        payload = _payload(mail)
        server = self._envelope(sender=parseaddr(mail.sender)[1], to=mail.to, size=len(payload))
        try:
            before_payload()
        except BaseException:
            self._reset()
            raise
        self._definite(lambda: server.docmd("DATA"), expect=354)
        try:
            server.send(payload + b".\r\n")
            code, answer = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise Uncertain(_words(error)) from error
        if code != 250:
            self._refused(code, answer)
        return _text(answer)[:200]

    def close(self) -> None:
        try:
            self._backend.close()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _envelope(self, *, sender: str, to: str, size: int) -> smtplib.SMTP:
        """Connect if needed and say MAIL and RCPT; a kept connection the server has closed is opened again."""
        if not to.isascii() and not to.rpartition("@")[0].isascii():
            raise SendFailed(f"{to}: letters outside ASCII before the @ cannot be sent", permanent=True)
        was_open = self._backend.connection is not None
        server = self._connected()
        options = ["body=8bitmime"] if server.has_extn("8bitmime") else []
        if server.has_extn("size"):
            options.append(f"size={size}")
        try:
            code, answer = server.mail(sender, options)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            if was_open:
                return self._envelope(sender=sender, to=to, size=size)
            raise ChannelDown(_words(error)) from error
        if code != 250:
            self._reset()
            if code < 500:
                raise ChannelDown(f"{code} {_text(answer)}")
            raise NeedsOwner(f"{code} {_text(answer)}")
        self._definite(lambda: server.rcpt(_ascii(to)), expect=250)
        return server

    def _connected(self) -> smtplib.SMTP:
        try:
            self._backend.open()
            self._backend.connection.ehlo_or_helo_if_needed()
        except smtplib.SMTPAuthenticationError as error:
            raise NeedsOwner(f"{error.smtp_code} {_text(error.smtp_error)}") from error
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            raise NeedsOwner(_words(error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise ChannelDown(_words(error)) from error
        return self._backend.connection

    def _definite(self, say: Callable[[], tuple[int, bytes]], *, expect: int) -> None:
        """Say one line before the payload: whatever goes wrong here, nothing was taken."""
        try:
            code, answer = say()
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise ChannelDown(_words(error)) from error
        if code != expect and not (expect == 250 and code == 251):
            self._refused(code, answer)

    def _refused(self, code: int, answer: bytes):
        self._reset()
        words = f"{code} {_text(answer)}"
        if code == 421:
            raise ChannelDown(words)
        if NOWHERE.match(words):
            raise NoSuchAddress(words)
        raise SendFailed(words, permanent=code >= 500)

    def _reset(self) -> None:
        try:
            self._backend.connection.rset()
        except (OSError, smtplib.SMTPException):
            self._drop()

    def _drop(self) -> None:
        """Forget a connection that cannot be spoken to any more."""
        connection, self._backend.connection = self._backend.connection, None
        if connection is not None:
            connection.close()


def _payload(mail: Mail) -> bytes:
    """Write the mail as it travels: CRLF lines, leading dots doubled, without the closing dot."""
    message = EmailMultiAlternatives(
        subject=mail.subject, body=mail.text, from_email=mail.sender, to=[mail.to], headers=mail.headers
    )
    message.attach_alternative(mail.html, "text/html")
    data = message.message().as_bytes(linesep="\r\n")
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in data.split(b"\r\n"))


def _ascii(address: str) -> str:
    name, _, domain = address.rpartition("@")
    return f"{name}@{domain.encode('idna').decode()}" if not domain.isascii() else address


def _text(answer: bytes | str) -> str:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:250]
