"""Settings → People: who logs in here, what they may do, and whether a password is enough."""

import datetime as dt
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.accounts import letting_in, logbook, people, two_step
from crm.accounts.access import IN_WORDS
from crm.accounts.forms import PersonForm, RoleForm
from crm.accounts.models import OneTimeLink, Shop, TwoStep, User
from crm.lib import clock, digits

INVITED = logbook.kind("invited", gettext_lazy("Invited somebody"), logbook.Group.PEOPLE)
LINKED = logbook.kind("linked", gettext_lazy("Made a link to choose a password"), logbook.Group.PEOPLE)
ROLE = logbook.kind("role", gettext_lazy("Gave a role"), logbook.Group.PEOPLE)
OFF = logbook.kind("switched_off", gettext_lazy("Switched somebody off"), logbook.Group.PEOPLE)
ON = logbook.kind("switched_on", gettext_lazy("Let somebody log in again"), logbook.Group.PEOPLE)
PHONE = logbook.kind("phone_lost", gettext_lazy("Switched somebody's second step off"), logbook.Group.PEOPLE)
REQUIRED = logbook.kind("two_steps_required", gettext_lazy("Required two steps of everybody"), logbook.Group.PEOPLE)
NOT_REQUIRED = logbook.kind("two_steps_left", gettext_lazy("Left the second step to each"), logbook.Group.PEOPLE)

LINK = "link_shown_once"
A_DAY = dt.timedelta(days=1)
INVITATION = OneTimeLink.Purpose.INVITATION


@require_http_methods(["GET", "HEAD", "POST"])
def everybody(request: HttpRequest) -> HttpResponse:
    """List who works here; a POST invites somebody."""
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invited = people.invite(**form.cleaned_data)
        except people.AlreadyHere:
            form.add_error("email", _("Somebody logs in with this e-mail already."))
        else:
            _note(request, INVITED, f"{invited.name}: {invited.get_role_display()}")
            return _hand_out(request, invited)
    confirmed = TwoStep.objects.filter(user=OuterRef("pk"), confirmed_at__isnull=False)
    rows = list(User.objects.annotate(is_two_step=Exists(confirmed)).select_related("link").order_by("pk"))
    for row in rows:
        row.role_form = RoleForm(initial={"role": row.role}, auto_id=f"id_%s_{row.pk}")
    context = {
        "form": form,
        "rows": rows,
        "roles": [(label, IN_WORDS[role]) for role, label in User.Role.choices],
        "link": request.session.pop(LINK, None) if request.method == "GET" else None,
        "can_mail": bool(settings.EMAIL_URL),
        "now": clock.now(),
    }
    return render(request, "accounts/people.html", context, status=422 if form.errors else 200)


@require_POST
def invite_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Make another link for somebody who did not use theirs, or forgot their password."""
    user = get_object_or_404(User, pk=pk, switched_off_at=None)
    _note(request, LINKED, user.name)
    return _hand_out(request, user)


def _hand_out(request: HttpRequest, user: User) -> HttpResponse:
    purpose = OneTimeLink.Purpose.PASSWORD if user.has_usable_password() else INVITATION
    path = letting_in.make(user, purpose, now=clock.now())
    mailed = letting_in.mail(user, path, purpose)
    address = request.build_absolute_uri(path)  # where the owner reaches the box, whoever is beside them does too
    request.session[LINK] = {"name": user.name, "email": user.email, "address": address, "mailed": mailed}
    return redirect("accounts:people")


@require_POST
def give_role(request: HttpRequest, pk: int) -> HttpResponse:
    user, form = get_object_or_404(User, pk=pk), RoleForm(request.POST)
    if form.is_valid():
        try:
            people.give_role(pk, form.cleaned_data["role"])
        except people.LastOwner:
            return _last_owner(request)
        role = User.Role(form.cleaned_data["role"]).label
        _note(request, ROLE, f"{user.name}: {role}")
        messages.success(request, _("%(name)s is “%(role)s” from now on.") % {"name": user.name, "role": role})
    return redirect("accounts:people" if request.user.pk != pk else "home:today")


@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch somebody off, which ends their sessions, or on again; said by the button, so that twice is once."""
    user = get_object_or_404(User, pk=pk)
    name = {"name": user.name}
    if "on" in request.POST:
        people.switch_on(pk)
        _note(request, ON, user.name)
        messages.success(request, _("%(name)s may log in again.") % name)
        return redirect("accounts:people")
    try:
        people.switch_off(pk, now=clock.now())
    except people.LastOwner:
        return _last_owner(request)
    _note(request, OFF, user.name)
    messages.success(request, _("%(name)s is logged out everywhere and cannot log in any more.") % name)
    return redirect("accounts:people")


@require_POST
def forget_phone(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch off the second step of somebody who lost their phone and their recovery codes."""
    user = get_object_or_404(User, pk=pk)
    two_step.switch_off(user)
    _note(request, PHONE, user.name)
    text = _("%(name)s logs in with the password alone, until they set up a phone again.")
    messages.success(request, text % {"name": user.name})
    return redirect("accounts:people")


@require_POST
def require_two_steps(request: HttpRequest) -> HttpResponse:
    """Ask everybody for a second step, or leave it to each."""
    is_required = "on" in request.POST
    Shop.objects.update(two_step_required=is_required)
    _note(request, REQUIRED if is_required else NOT_REQUIRED)
    if is_required:
        messages.success(request, _("Everybody sets up a second step with their next click."))
    else:
        messages.success(request, _("Everybody decides for themselves."))
    return redirect("accounts:people")


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """Show who did what, newest first, of everybody or one person, of one kind or all."""
    group = request.GET.get("group", "")
    group = group if group in logbook.Group.values else ""
    who = digits.read(request.GET.get("who"))
    before = clock.read(request.GET.get("before", "")) or clock.now() + A_DAY
    lines, older = logbook.read(before=before, user_id=who, group=group)
    everybody = {user.pk: user.name for user in User.objects.order_by("pk")}
    context = {
        "lines": [(line, everybody.get(line.user_id, "")) for line in lines],
        "older": urlencode({"who": who or "", "group": group, "before": older.isoformat()}) if older else "",
        "is_older": "before" in request.GET,
        "group": group,
        "groups": logbook.Group.choices,
        "who": who,
        "people": list(everybody.items()),
    }
    return render(request, "accounts/log.html", context)


def _note(request: HttpRequest, kind: str, detail: str = "") -> None:
    logbook.write(kind, by=request.user, now=clock.now(), detail=detail)


def _last_owner(request: HttpRequest) -> HttpResponse:
    messages.error(request, _("Somebody must be left who may do everything. Make another person owner first."))
    return redirect("accounts:people")
