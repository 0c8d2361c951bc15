"""Import files a shop platform exported."""

import json
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.management.base import BaseCommand, CommandError

from crm.accounts import setup
from crm.accounts.models import Shop
from crm.imports import framing, reading, running, surveying
from crm.imports.formats import FORMATS
from crm.imports.framing import NotReadable
from crm.imports.models import Import
from crm.imports.surveying import FormatUnknown
from crm.lib import clock

_FALLBACK_CURRENCY = "USD"


class Refused(CommandError):
    """One of the files cannot be taken; the others are."""

    def __init__(self, name: str | Path, reason: object):
        super().__init__(f"{name}: {reason}")
        self.reason = str(reason)


class Command(BaseCommand):
    help = "Import orders or customers from files of a shop platform, or from any table of transactions."

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file, or a .zip of several")
        parser.add_argument("--format", choices=list(FORMATS), help="what the files are, where guessing does not do")
        parser.add_argument("--currency", metavar="CODE", help="of amounts without one; default: the shop's")
        parser.add_argument("--timezone", metavar="ZONE", help="of times without one; default: the shop's")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and save nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *, files, format, currency, timezone, dry_run, json: bool, **_options):
        currency = _currency(currency)
        _check_zone(timezone)
        for path in files:
            if not path.is_file():
                raise CommandError(f"{path}: there is no such file.")
        made_for_now = not Shop.objects.exists()
        warnings = self._ensure_shop(files[0], format, currency, timezone)
        said = {"currency": currency, "timezone": timezone}
        options = {name: value for name, value in said.items() if value}
        done, import_ids, refused = [], [], []
        try:
            for name, member in _each(files):
                try:
                    if isinstance(member, Refused):
                        raise member
                    if dry_run:
                        result = self._check(member, name, format, options)
                    else:
                        result = self._import(member, name, format, options, import_ids)
                except Refused as error:
                    refused.append(error)
                    done.append({"file": name, "error": error.reason})
                    continue
                done.append({**result, "file": name, "warnings": warnings + result["warnings"]})
                if not json:
                    self._say(done[-1], dry_run)
        finally:
            if dry_run and made_for_now:
                Shop.objects.all().delete()
        if json:
            self._print({"import_ids": import_ids, "files": done})
        if len(refused) == 1:
            raise refused[0]
        if refused:
            for error in refused:
                self.stderr.write(str(error))
            raise CommandError(f"{len(refused)} of {len(done)} files could not be read; the others were.")

    def _ensure_shop(self, path: Path, format, currency, timezone) -> list[str]:
        """Make a shop where the command comes before the set-up page; return what the owner should know about it."""
        if Shop.objects.exists():
            return []
        guessed = currency or _currency_of(path, format)
        shop = setup.ensure_shop(currency=guessed or _FALLBACK_CURRENCY, timezone=timezone or "UTC")
        assumed = [] if guessed else [f"No currency is given or found: {shop.currency} is assumed. Say --currency."]
        if not timezone:
            assumed.append("No time zone is given: times without one are read as UTC. Say --timezone.")
        return assumed

    def _import(self, path: Path, name: str, format, options, import_ids: list[int]) -> dict:
        now = clock.now()
        try:
            importing = reading.create(
                path, name=Path(name).name, options=options, now=now, format=format or "", state=Import.State.READING
            )
        except (NotReadable, FormatUnknown) as error:
            raise Refused(name, error) from None
        if importing.state == Import.State.MAPPING:
            if not format or not importing.mapping:
                message = running.unknown(reading.look_again(importing))
                _forget(importing)
                raise Refused(name, message)
            Import.objects.filter(pk=importing.pk).update(state=Import.State.READING, heartbeat_at=now, started_at=now)
        import_ids.append(importing.pk)
        importing = reading.read(importing.pk, now=now)
        if importing.state != Import.State.DONE:
            raise Refused(name, importing.error or importing.get_state_display())
        return importing.result

    def _check(self, path: Path, name: str, format, options) -> dict:
        try:
            return reading.check(path, name=Path(name).name, options=options, now=clock.now(), format=format or "")[0]
        except (NotReadable, FormatUnknown) as error:
            raise Refused(name, error) from None

    def _print(self, said: dict) -> None:
        self.stdout.write(json.dumps(said, ensure_ascii=False))

    def _say(self, result: dict, dry_run: bool) -> None:
        would = "would be " if dry_run else ""
        self.stdout.write(
            f"{result['file']}: {FORMATS[result['format']].LABEL}, {result['rows']} rows in {result['seconds']} s"
        )
        for name in ("orders", "contacts", "products"):
            counts = [f"{result[name][what]} {would}{what}" for what in ("created", "updated")]
            self.stdout.write(f"  {name}: {', '.join(counts)}, {result[name]['unchanged']} unchanged")
        for label, totals in (("total", result["gross_total"]), ("refunded", result["refunded_total"])):
            for currency, amount in totals.items():
                self.stdout.write(f"  {label}: {amount} {currency}")
        if result["rejected"]:
            self.stdout.write(f"  rejected rows: {result['rejected']}")
        for warning in result["warnings"]:
            self.stdout.write(f"  note: {warning}")


def _each(paths: list[Path]) -> Iterator[tuple[str, Path | Refused]]:
    """Yield each file with its name, and each file of an archive, unpacked for as long as it is read."""
    for path in paths:
        try:
            found = framing.members(path)
        except NotReadable as error:
            yield str(path), Refused(path, error)
            continue
        if found is None:
            yield str(path), path
            continue
        try:
            yield from ((f"{path}: {name}", member) for name, member in found)
        finally:
            for _name, member in found:
                member.unlink(missing_ok=True)


def _forget(importing: Import) -> None:
    reading.file_of(importing).unlink(missing_ok=True)
    importing.delete()


def _currency(code: str | None) -> str:
    code = (code or "").strip().upper()
    if code and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise CommandError(f"{code} is not a currency code; say for example EUR.")
    return code


def _check_zone(zone: str | None) -> None:
    try:
        if zone:
            ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise CommandError(f"No time zone is called {zone}; say for example Europe/Berlin.") from None


def _currency_of(path: Path, format: str | None) -> str:
    """Return the currency the file's first rows name, or nothing."""
    try:
        looked = surveying.look(path, format=format or "")
    except (NotReadable, FormatUnknown):
        return ""
    column = looked.header.find("currency", "order currency", "currency code")
    column = looked.mapping.get("currency", column)
    if column is None:
        return ""
    codes = [row[column].strip().upper() for row in looked.rows if column < len(row) and row[column].strip()]
    code = max(set(codes), key=codes.count, default="")
    return code if len(code) == 3 and code.isascii() and code.isalpha() else ""
