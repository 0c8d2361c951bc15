"""Read settings from the environment, with types and clear errors."""

import os
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit


class BadSetting(ValueError):
    """An environment variable holds something we cannot use."""


def read_file(path: Path) -> None:
    """Put the NAME=value lines of a file into the environment; what is set there already wins."""
    if not path.is_file():
        return
    for count, line in enumerate(path.read_text().splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            raise BadSetting(f"{path.name} line {count}: say NAME=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        os.environ.setdefault(name, value)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise BadSetting(f"{name}={value!r}: say 1 or 0")


def number(name: str, default: int) -> int:
    value = text(name)
    try:
        return int(value) if value else default
    except ValueError:
        raise BadSetting(f"{name}={value!r}: say a whole number") from None


def items(name: str) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()]


def database(url: str, *, sqlite_init: str, default_path: Path) -> dict:
    """Turn DATABASE_URL into Django's settings: postgres://user:pass@host/name or sqlite:///path."""
    if not url or url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:").removeprefix("//").removeprefix("/") if url else ""
        if url.startswith("sqlite:////"):
            path = "/" + path.lstrip("/")
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path or str(default_path),
            "CONN_MAX_AGE": 600,  # opening costs 5 ms; closing the last one copies the whole log back, 30 ms a write
            "OPTIONS": {
                "timeout": 30,
                "transaction_mode": "IMMEDIATE",
                "init_command": sqlite_init,
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise BadSetting(f"DATABASE_URL: {parts.scheme!r} is not known; say postgres:// or sqlite://")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise BadSetting("DATABASE_URL: it names no database; say postgres://user:password@host/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": _host(parts),
        "PORT": str(_port(parts, "DATABASE_URL") or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=30min",
            **dict(parse_qsl(parts.query)),
        },
    }


def _host(parts: SplitResult) -> str:
    """Return the host as it was written: it may be the folder of a Unix socket, where letters have a size."""
    host = parts.netloc.rpartition("@")[2]
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return unquote(host.partition(":")[0])


def _port(parts: SplitResult, name: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise BadSetting(f"{name}: the port is not a number up to 65535") from None


def email(url: str) -> dict:
    """Turn EMAIL_URL into Django's settings: smtp://, smtps:// (TLS from the start) or smtp+tls://."""
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps", "smtp+tls"} or not parts.hostname:
        raise BadSetting("EMAIL_URL: say smtp+tls://user:password@host:587")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": _port(parts, "EMAIL_URL") or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_TIMEOUT": 30,
    }
