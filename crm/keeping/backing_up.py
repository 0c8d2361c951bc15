"""Make a backup: snapshot, pack, read back, prove, and only then give it its name."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.keeping import manifests, packing, proving, shelf, snapshots
from crm.keeping.models import Job, Plan


@dataclass(frozen=True)
class Made:
    backup: shelf.Backup
    proof: proving.Proof


def passphrase(plan: Plan) -> str:
    """Return what backups are encrypted with; "" where they are not."""
    return settings.BACKUP_PASSPHRASE or plan.passphrase


def make(*, now: dt.datetime, why: str = Job.Why.ASKED) -> Made:
    """Make and prove a backup, then let old ones go. The caller holds the lock of keeping.jobs."""
    plan = _plan()
    secret = passphrase(plan)
    is_old = why == Job.Why.UPDATE  # the tables are those of an earlier version: the copy is updated first, for trial
    with shelf.scratch() as scratch:
        files = _files()
        database, uploads = snapshots.size(), sum(part.path.stat().st_size for part in files)
        last = shelf.newest(now=now)
        is_shop = not _is_held()  # a copy lets nothing go: what lies there may be the backups of the shop itself
        # The snapshot and its trial copy lie beside the database for a while; an encrypted file is unpacked there too.
        needed = 2 * database + (database + uploads if secret else 0)
        room = last.size * 5 // 4 if last else database + uploads
        shelf.make_room(scratch=needed, backup=room, now=now, may_delete=is_shop)
        taken = snapshots.take(scratch, prove_books=not is_old)
        manifest = manifests.describe(taken.facts, applied=taken.applied, now=now)
        half = shelf.half(now=now, why=why, is_sealed=bool(secret))
        try:
            with open(half, "wb", opener=packing.private) as target:
                packing.write(target, manifest=manifest, parts=[taken.part, *_key(), *files], passphrase=secret)
            taken.part.path.unlink()
            proof = proving.prove(half, scratch=scratch, passphrase=secret, is_drill=is_old)
            if taken.findings is not None:
                proof.findings = [vars(finding) for finding in taken.findings]
            backup = shelf.put(half)
        finally:
            half.unlink(missing_ok=True)
    zone = Shop.objects.values_list("timezone", flat=True).first()
    if is_shop:
        shelf.thin(plan, zone=zone or "UTC", now=now)
    return Made(backup, proof)


def _plan() -> Plan:
    try:
        return Plan.current()
    except DatabaseError:  # before the update that brings the table
        return Plan()


def _is_held() -> bool:
    try:
        return instance.is_held()
    except DatabaseError:  # likewise
        return False


def _files() -> list[packing.Part]:
    """Return the uploaded files: imports that wait or may be read differently need them."""
    home: Path = settings.MEDIA_ROOT
    found = sorted(path for path in home.rglob("*") if path.is_file() and not path.is_symlink())
    found = [path for path in found if settings.BACKUP_DIR not in path.parents]  # no backup holds backups
    return [packing.Part(packing.FILES + path.relative_to(home).as_posix(), path) for path in found]


def _key() -> list[packing.Part]:
    own = manifests.own_key()
    return [packing.Part(manifests.KEY_FILE, own)] if own else []


def holds_key() -> bool:
    """Tell whether a backup made now brings the secret key along."""
    return manifests.own_key() is not None
