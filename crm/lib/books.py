"""What must be true of the books. Each app registers the checks over its own tables.

See docs/decisions/0004-registries.md. `manage.py check_books` and the daily audit run them all; a check only reads.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

Check = Callable[[], tuple[bool, str]]
CHECKS: dict[str, Check] = {}


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    detail: str


def register(name: str, check: Check) -> None:
    """Add a check: `check() -> (ok, one sentence with figures)`. Called from AppConfig.ready()."""
    CHECKS[name] = check


def run_all() -> list[Finding]:
    """Run every check; one that cannot run counts as failed and does not stop the others."""
    findings = []
    for name, check in CHECKS.items():
        try:
            ok, detail = check()
        except Exception as error:
            log.exception("books check %s could not run", name)
            ok, detail = False, f"{type(error).__name__}: {error}"
        findings.append(Finding(name, ok, str(detail)))
    return findings
