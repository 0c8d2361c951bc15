"""Backups, the export of everything, and the word that a restored shop is the shop now."""

import mimetypes

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts import instance, logbook
from crm.accounts.models import Instance
from crm.keeping import aside, backing_up, confirming, exporting, jobs, shelf, tasks
from crm.keeping.carrying import Carried
from crm.keeping.forms import PlanForm
from crm.keeping.models import Job, Plan
from crm.lib import clock, hints
from crm.lib.templatetags import say

EXPORTED = logbook.kind("all_exported", gettext_lazy("Asked for an export of everything"), logbook.Group.TAKEN_OUT)
DOWNLOADED = logbook.kind("copy_downloaded", gettext_lazy("Downloaded a backup or an export"), logbook.Group.TAKEN_OUT)
DELETED = logbook.kind("backup_deleted", gettext_lazy("Deleted a backup"), logbook.Group.SETTINGS)
CONFIRMED = logbook.kind("shop_confirmed", gettext_lazy("Said that this is the shop now"), logbook.Group.SETTINGS)

SHOWN, LOGGED = 40, 12


@require_http_methods(["GET", "HEAD", "POST"])
def backups(request: HttpRequest) -> HttpResponse:
    """Show the backups there are; a POST changes how many are kept."""
    plan = Plan.current()
    form = PlanForm(request.POST or None, instance=plan)
    if request.method == "POST" and form.is_valid():
        before = backing_up.passphrase(Plan.current())
        is_other = backing_up.passphrase(form.save()) != before
        logbook.write(logbook.SETTINGS_CHANGED, by=request.user, now=clock.now(), href=request.path)
        if is_other:  # the weekly trial opens the newest with the passphrase in force
            jobs.ask(Job.Kind.BACKUP, now=clock.now())
            hints.hint(tasks.do_waiting)
        messages.success(request, _("Saved. A backup is made with the new setting now.") if is_other else _("Saved."))
        return redirect("keeping:backups")
    there = shelf.backups()
    drills = Job.objects.filter(kind=Job.Kind.DRILL, ok=True).order_by("finished_at")
    read_back = dict(drills.values_list("name", "finished_at"))
    context = {
        "form": form,
        "backups": [(one, read_back.get(one.name)) for one in there[:SHOWN]],
        "of_others": shelf.of_others(),
        "aside": aside.there(),
        "more": max(len(there) - SHOWN, 0),
        "total_bytes": sum(one.size for one in there),
        "folder": settings.BACKUP_DIR,
        "last": jobs.latest(Job.Kind.BACKUP),
        "drill": jobs.latest(Job.Kind.DRILL),
        "waiting": list(Job.objects.filter(finished_at=None)),
        "export": jobs.latest(Job.Kind.EXPORT),
        "exported": exporting.made(),
        "kept_days": exporting.KEPT.days,
        "is_sealed": bool(backing_up.passphrase(plan)),
        "unsealed": sum(not one.is_sealed for one in there),
        "is_named_outside": bool(settings.BACKUP_PASSPHRASE),
        "holds_key": backing_up.holds_key(),
        "is_held": instance.is_held(),
        "log": Job.objects.exclude(finished_at=None).order_by("-finished_at")[:LOGGED],
    }
    return render(request, "keeping/backups.html", context, status=422 if form.errors else 200)


@require_safe
def last(request: HttpRequest) -> HttpResponse:
    """Say when the last backup was made, for pages about to change much."""
    newest = shelf.newest(now=clock.now())
    if newest is None:
        return HttpResponse(_("There is no backup yet."))
    return HttpResponse(_("The last backup is of %(moment)s.") % {"moment": say.moment(newest.made_at)})


@require_POST
def start(request: HttpRequest, kind: str) -> HttpResponse:
    """Have the worker make a backup, read one back, or export everything."""
    if kind not in (Job.Kind.BACKUP, Job.Kind.DRILL, Job.Kind.EXPORT):
        raise Http404
    jobs.ask(kind, now=clock.now())
    if kind == Job.Kind.EXPORT:
        logbook.write(EXPORTED, by=request.user, now=clock.now())
    hints.hint(tasks.do_waiting)
    return redirect("keeping:backups")


@require_safe
def download(request: HttpRequest, name: str) -> HttpResponse:
    """Hand out one backup."""
    found = shelf.find(name)
    if found is None:
        raise Http404
    logbook.write(DOWNLOADED, by=request.user, now=clock.now(), detail=found.path.name)
    return _file(found.path)


@require_POST
def delete(request: HttpRequest, name: str) -> HttpResponse:
    """Delete one backup."""
    found = shelf.find(name)
    if found is not None:
        shelf.delete(found)
        logbook.write(DELETED, by=request.user, now=clock.now(), detail=found.path.name)
        messages.success(request, _("The backup is deleted."))
    return redirect("keeping:backups")


@require_POST
def delete_aside(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a shop that a restore put aside."""
    if aside.delete(name):
        messages.success(request, _("What was put aside is deleted."))
    return redirect("keeping:backups")


@require_safe
def download_export(request: HttpRequest) -> HttpResponse:
    """Hand out the export of everything."""
    path = exporting.newest()
    if path is None:
        raise Http404
    logbook.write(DOWNLOADED, by=request.user, now=clock.now(), detail=path.name)
    return _file(path)


@require_POST
def delete_export(request: HttpRequest) -> HttpResponse:
    """Delete the export of everything."""
    exporting.forget_all()
    messages.success(request, _("The export is deleted."))
    return redirect("keeping:backups")


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Show what was under way in a restored shop; a POST says that it is the shop now."""
    if request.method == "POST":
        confirming.confirm(now=clock.now())
        logbook.write(CONFIRMED, by=request.user, now=clock.now())
        messages.success(request, _("This is the shop now. What was under way is paused; go on where you want to."))
        return redirect("home:today")
    restored = jobs.latest(Job.Kind.RESTORE)
    context = {
        "is_held": instance.is_held(),
        "instance": Instance.objects.first(),
        "restored": restored,
        "carried": vars(Carried(**restored.report["carried"])) if restored else None,
        "under_way": confirming.under_way(now=clock.now()),
    }
    return render(request, "keeping/confirm.html", context)


def _file(path) -> FileResponse:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return FileResponse(open(path, "rb"), as_attachment=True, filename=path.name, content_type=kind)
