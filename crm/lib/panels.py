"""A page's pieces that upper floors hand down: the page asks each registered reader what it has to show."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

Reader = Callable[..., dict | None]


@dataclass(frozen=True)
class Panel:
    name: str
    reader: Reader
    template: str


class Panels:
    """The panels of one kind of page, drawn in the order they were registered."""

    def __init__(self, subject: str):
        self.subject = subject
        self.registered: dict[str, Panel] = {}

    def register(self, name: str, reader: Reader, template: str) -> None:
        """Add a panel: `reader(<subject>=, request=) -> dict | None`; None draws nothing."""
        self.registered[name] = Panel(name, reader, template)

    def draw(self, row, request: HttpRequest) -> list[SafeString]:
        """Return the markup of every panel that has something to show about this row."""
        drawn = []
        for panel in self.registered.values():
            context = panel.reader(**{self.subject: row, "request": request})
            if context is not None:
                drawn.append(render_to_string(panel.template, {self.subject: row, **context}, request))
        return drawn
