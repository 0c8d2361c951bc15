"""What a channel is handed and what it may answer. A channel knows nothing of campaigns, people or consent."""

import datetime as dt
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field


class BadMail(ValueError):
    """A header value holds a line break or another control character, or there is no address."""


class SendFailed(RuntimeError):
    """This mail was surely not taken. `permanent`: trying again will not help."""

    def __init__(self, reason: str, *, permanent: bool):
        super().__init__(reason)
        self.permanent = permanent


class NoSuchAddress(SendFailed):
    """The address does not exist: nothing sent there will ever arrive."""

    def __init__(self, reason: str):
        super().__init__(reason, permanent=True)


class ChannelDown(SendFailed):
    """Nothing can leave at the moment (no connection, "too many messages"); the next try may work."""

    def __init__(self, reason: str):
        super().__init__(reason, permanent=False)


class NeedsOwner(ChannelDown):
    """Nothing can leave until the owner changes something (password, sender address)."""


class Uncertain(RuntimeError):
    """The mail had left when the connection broke: it may have been taken or not."""


class Withheld(RuntimeError):
    """Raised by `before_payload` when the mail may no longer be sent; channels let it pass."""


@dataclass(frozen=True)
class Mail:
    """One rendered mail. `message_id` is our Message's key, None for a test; `headers` are the extra ones."""

    sender: str
    to: str
    subject: str
    text: str
    html: str
    at: dt.datetime
    headers: dict[str, str] = field(default_factory=dict)
    message_id: int | None = None

    def __post_init__(self):
        for name, value in {"From": self.sender, "To": self.to, "Subject": self.subject, **self.headers}.items():
            if any(unicodedata.category(letter) == "Cc" for letter in name + value):
                raise BadMail(f"{name} holds a line break or control character")
        if "@" not in self.to:
            raise BadMail("To is not an address")


class Channel:
    """Send mails one by one; used as a context manager, so that a connection is shared by a batch.

    `same_database` says that sending is only another row of our own database: the caller then
    writes the state and the mail in one transaction, and nothing can be uncertain.
    """

    same_database = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, mail: Mail, *, before_payload: Callable[[], None]) -> str:
        """Send and return the provider's id.

        Call `before_payload` at the last moment at which nothing has left yet; what it raises stops the
        sending. Raise SendFailed when the mail was surely not taken, Uncertain when it may have been.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the connection, if there is one."""
