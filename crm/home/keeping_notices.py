"""What the backups have to say on the Today page: nothing is sent from a copy, none was made, a trial failed."""

import datetime as dt

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from crm.accounts import instance
from crm.accounts.models import Shop
from crm.home.notices import Notice
from crm.keeping import jobs, shelf
from crm.keeping.models import Job
from crm.lib.templatetags import say

TOO_OLD = dt.timedelta(days=3)


def held(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say that this is a restored or copied shop, which sends nothing."""
    if not instance.is_held():
        return None
    return Notice(
        title=_("Nothing is sent from here"),
        text=_(
            "This shop was restored from a backup or copied from another place. If the other one still runs, "
            "customers would get everything twice. Look at what was under way, then say that this is the shop now."
        ),
        tone="warn",
        post_url=reverse("keeping:confirm"),
        button=_("Yes, this is the shop now"),
        link_url=reverse("keeping:confirm"),
        link=_("See what was under way"),
    )


def backups(*, now: dt.datetime, shop: Shop) -> Notice | None:
    """Say that the newest backup is old, or that the last trial failed."""
    if not settings.BACKUP_NIGHTLY:
        return None
    newest = shelf.newest(now=now)
    if newest is None and now - shop.created_at <= TOO_OLD:
        return None
    last, drill = (jobs.latest(kind, finished_at__lte=now + jobs.CLOCK) for kind in (Job.Kind.BACKUP, Job.Kind.DRILL))
    if newest is None or now - newest.made_at > TOO_OLD:
        text = (
            _("The last good backup is of %(moment)s.") % {"moment": say.moment(newest.made_at)}
            if newest
            else _("No backup lies in %(folder)s any more. Is its disk there?") % {"folder": settings.BACKUP_DIR}
            if last and last.ok
            else _("There is no backup of this shop yet.")
        )
        return _notice(_("No new backup"), " ".join([text, *_problem(last)]))
    if last and not last.ok:
        return _notice(_("The last backup did not come about"), " ".join(_problem(last)))
    if drill and not drill.ok:
        return _notice(_("A backup could not be read back"), " ".join(_problem(drill)))
    return None


def _problem(job: Job | None) -> list[str]:
    return [job.problem] if job and job.problem else []


def _notice(title: str, text: str) -> Notice:
    return Notice(title=title, text=text, tone="bad", link_url=reverse("keeping:backups"), link=_("See the backups"))
