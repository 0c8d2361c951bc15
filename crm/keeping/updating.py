"""Before an update changes the database: a backup, on whose copy it is tried first."""

from django.db import connection
from django.utils.translation import gettext as _

from crm.accounts.models import Shop
from crm.keeping import backing_up, jobs, manifests
from crm.keeping.models import Job
from crm.lib import clock


class NotUpdated(RuntimeError):
    """The database stays as it was; the words say why, and what to do."""


def refuse_newer(applied) -> None:
    """Raise NotUpdated where a newer version of this program has written the database."""
    if newer := manifests.unknown([".".join(one) for one in applied]):
        raise NotUpdated(
            _(
                "A newer version of Regulars has written this database (%(newest)s). "
                "Start that version, or restore a backup made by this one."
            )
            % {"newest": newer[-1]}
        )


def back_up_first() -> backing_up.Made | None:
    """Make a backup where there is a shop; raise NotUpdated where that cannot be done."""
    if "accounts_shop" not in connection.introspection.table_names() or not Shop.objects.exists():
        return None
    with jobs.alone() as is_ours:
        if not is_ours:
            raise NotUpdated(_("Another process makes a backup or export of this shop. Wait until it has ended."))
        try:
            return backing_up.make(now=clock.now(), why=Job.Why.UPDATE)
        except jobs.EXPECTED as error:
            raise NotUpdated(
                _(
                    "The update was not begun, because no backup could be made and proven first (%(words)s). "
                    "UPDATE_WITHOUT_BACKUP=1 goes ahead without one."
                )
                % {"words": jobs.in_words(error)}
            ) from None


def note(made: backing_up.Made) -> None:
    """Write the backup into the log, whose table the update may have brought."""
    now = clock.now()
    Job.objects.create(
        kind=Job.Kind.BACKUP, why=Job.Why.UPDATE, asked_at=now, finished_at=now, ok=not made.proof.problem,
        name=made.backup.name, problem=made.proof.problem[:500],
    )  # fmt: skip
