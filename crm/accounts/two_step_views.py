"""The second step: asked at the login, set up and switched off by everybody for themselves."""

import datetime as dt

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from crm.accounts import logbook, two_step
from crm.accounts.access import Right, needs, public
from crm.accounts.forms import CodeForm, ConfirmForm
from crm.accounts.models import User
from crm.accounts.throttling import allow, forget
from crm.lib import clock, squares

LOGGED_IN = logbook.kind("logged_in", gettext_lazy("Logged in"), logbook.Group.LOGIN)
WRONG_CODE = logbook.kind("wrong_code", gettext_lazy("Right password, wrong code"), logbook.Group.LOGIN)
STEP_ON = logbook.kind("step_on", gettext_lazy("Switched the second step on"), logbook.Group.LOGIN)
STEP_OFF = logbook.kind("step_off", gettext_lazy("Switched the second step off"), logbook.Group.LOGIN)

HALF = "half_login"  # the session's memory of a right password, until the code
PATIENCE = dt.timedelta(minutes=10)
QUARTER, DAY = dt.timedelta(minutes=15), dt.timedelta(days=1)
CODES = "recovery_codes"  # shown once


def go_on(request: HttpRequest, user: User, *, then: str, now: dt.datetime) -> HttpResponse:
    """Let in somebody whose password was right, or send them on to the code."""
    if not two_step.is_on(user):
        return _let_in(request, user, then=then, now=now)
    request.session.cycle_key()
    half = {"user": user.pk, "hash": user.get_session_auth_hash(), "then": then, "until": (now + PATIENCE).timestamp()}
    request.session[HALF] = half
    return redirect("accounts:second_step")


@public
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for the code of the app, or a recovery code."""
    now = clock.now()
    user, half = _half_in(request, now)
    if user is None:
        return redirect("accounts:login")
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        refusal = _refusal(user, form.cleaned_data["code"], now=now)
        if refusal is None:
            del request.session[HALF]
            return _let_in(request, user, then=half["then"], now=now)
        form.add_error("code", refusal)
    return render(request, "accounts/second_step.html", {"form": form}, status=422 if form.errors else 200)


def _let_in(request: HttpRequest, user: User, *, then: str, now: dt.datetime) -> HttpResponse:
    login(request, user)
    logbook.write(LOGGED_IN, by=user, now=now)
    return redirect(then)


def _half_in(request: HttpRequest, now: dt.datetime) -> tuple[User | None, dict]:
    """Return whose password was right a moment ago in this browser, if it still is theirs."""
    half = request.session.get(HALF) or {}
    user = User.objects.filter(pk=half.get("user"), switched_off_at=None).first()
    if user is None or half["until"] < now.timestamp() or half["hash"] != user.get_session_auth_hash():
        return None, half
    return user, half


def _refusal(user: User, typed: str, *, now: dt.datetime) -> str | None:
    """Try a code; return why it is not taken. Guessing is slow: 5 in a quarter of an hour, 30 a day."""
    who = str(user.pk)
    allowed = [allow("step", who, limit=5, per=QUARTER, now=now), allow("step-day", who, limit=30, per=DAY, now=now)]
    if not all(allowed):
        return _("Too many tries. Wait a quarter of an hour, then try again.")
    try:
        is_right = two_step.accept(user, typed, now=now)
    except two_step.Unreadable:
        return _(
            "This box has another secret key than when you set up your app, as after a restore. Use a recovery code, "
            "or run “manage.py let_in” on the machine."
        )
    if not is_right:
        logbook.write(WRONG_CODE, by=user, now=now)
        return _("This code is not right, or was used before. The app shows a new one every half minute.")
    forget("step", who)
    forget("step-day", who)
    return None


@needs(reading=Right.SELF, writing=Right.SELF)
@never_cache
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the key as a square and as text; the first right code switches the second step on."""
    user = request.user
    if two_step.is_on(user):
        return redirect("accounts:my_login")
    form, secret = CodeForm(request.POST or None), two_step.begin(user)
    if request.method == "POST" and form.is_valid():
        codes = two_step.confirm(user, form.cleaned_data["code"], now=clock.now())
        if codes:
            logbook.write(STEP_ON, by=user, now=clock.now())
            request.session[CODES] = codes
            return redirect("accounts:recovery_codes")
        form.add_error("code", _("This code is not right. Is the clock of your phone right?"))
    address = two_step.address(secret, user=user, shop_name=request.shop.name)
    context = {
        "form": form,
        "square": squares.square(address, label=_("The key for your authenticator app, as a square")),
        "key": " ".join(secret[place : place + 4] for place in range(0, len(secret), 4)),
        "is_required": request.shop.two_step_required,
    }
    return render(request, "accounts/two_step.html", context, status=422 if form.errors else 200)


@needs(reading=Right.SELF, writing=Right.SELF)
@never_cache
@sensitive_post_parameters("current")
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Show the codes just made, once; make new ones for whoever says their password."""
    if not two_step.is_on(request.user):
        return redirect("accounts:two_step")
    form = ConfirmForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        request.session[CODES] = two_step.recovery_codes(request.user)
        return redirect("accounts:recovery_codes")
    context = {"form": form, "codes": request.session.pop(CODES, []) if request.method == "GET" else []}
    return render(request, "accounts/recovery_codes.html", context, status=422 if form.errors else 200)


@needs(reading=Right.SELF, writing=Right.SELF)
@sensitive_post_parameters("current")
@require_http_methods(["GET", "HEAD", "POST"])
def switch_off(request: HttpRequest) -> HttpResponse:
    """Log in with the password alone again, for whoever says it."""
    form = ConfirmForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        two_step.switch_off(request.user)
        logbook.write(STEP_OFF, by=request.user, now=clock.now())
        messages.success(request, _("You log in with your password alone now."))
        return redirect("accounts:my_login")
    return render(request, "accounts/two_step_off.html", {"form": form}, status=422 if form.errors else 200)
