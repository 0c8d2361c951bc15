"""Set up, log in, log out, choose a language and a password."""

import datetime as dt

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import letting_in, logbook, tasks, two_step
from crm.accounts import setup as setting_up
from crm.accounts import two_step_views as second_step
from crm.accounts.access import IN_WORDS, Right, before_setup, needs, public
from crm.accounts.forms import ChoosePasswordForm, ForgottenForm, LoginForm, PasswordForm, SetupForm
from crm.accounts.models import OneTimeLink, User
from crm.accounts.throttling import address_of, allow
from crm.lib import clock, hints

NEW_PASSWORD = logbook.kind("new_password", gettext_lazy("Changed their password"), logbook.Group.LOGIN)
BY_LINK = logbook.kind("by_link", gettext_lazy("Chose a password by a link"), logbook.Group.LOGIN)

YEAR = 365 * 24 * 3600
HOUR = dt.timedelta(hours=1)


@before_setup
@sensitive_post_parameters("password")
def setup(request):
    """Ask for the owner and the shop once; afterwards this address leads to the login."""
    if User.objects.exists():
        return redirect("home:today")
    language = request.LANGUAGE_CODE
    form = SetupForm(
        request.POST or None,
        instance=request.shop,
        initial={
            "language": language,
            "currency": "CNY" if language == "zh-hans" else "EUR",
            "timezone": "Asia/Shanghai" if language == "zh-hans" else "Europe/Berlin",
        }
        if request.shop is None
        else {"language": language},
    )
    if request.method == "POST" and form.is_valid():
        fields = {name: form.cleaned_data[name] for name in form._meta.fields}
        try:
            user = setting_up.set_up(
                owner_name=form.cleaned_data["owner_name"],
                email=form.cleaned_data["email"],
                password=form.cleaned_data["password"],
                **fields,
            )
        except setting_up.AlreadySetUp:
            return redirect("accounts:login")
        login(request, user)
        return redirect("accounts:doors")
    return render(request, "accounts/setup.html", {"form": form}, status=422 if form.errors else 200)


def doors(request):
    """Offer the two ways in: import my shop, or look around in a demo shop."""
    return render(request, "accounts/doors.html")


@public
@sensitive_post_parameters("password")
def log_in(request):
    if request.user.is_authenticated:
        return redirect(_next(request))
    form = LoginForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        return second_step.go_on(request, form.user, then=_next(request), now=clock.now())
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    return render(request, "accounts/login.html", context, status=422 if form.errors else 200)


def _next(request) -> str:
    """Return where to go after the login: an address of ours, never another host."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return target
    return settings.LOGIN_REDIRECT_URL


@needs(writing=Right.SELF)
@require_POST
def log_out(request):
    logout(request)
    return redirect("accounts:login")


@before_setup
@require_POST
def language(request):
    """Keep the language this browser reads in, and go back to the page it was chosen on."""
    chosen = request.POST.get("language", "")
    back = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        back = "/"
    response = HttpResponseRedirect(back)
    if chosen in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, chosen, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    return response


@needs(reading=Right.SELF)
@require_safe
def my_login(request):
    """Show somebody how they log in and what they may do."""
    context = {
        "may_do": IN_WORDS[request.user.role],
        "is_two_step": two_step.is_on(request.user),
        "codes_left": two_step.codes_left(request.user),
    }
    return render(request, "accounts/my_login.html", context)


@needs(reading=Right.SELF, writing=Right.SELF)
@sensitive_post_parameters("current", "new")
def password(request):
    """Change one's own password; other browsers are logged out."""
    form = PasswordForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        request.user.set_password(form.cleaned_data["new"])
        request.user.save(update_fields=["password"])
        update_session_auth_hash(request, request.user)
        logbook.write(NEW_PASSWORD, by=request.user, now=clock.now())
        messages.success(request, _("Your password is changed. Other browsers are logged out."))
        return redirect("accounts:my_login")
    return render(request, "accounts/password.html", {"form": form}, status=422 if form.errors else 200)


@public
def forgotten(request):
    """Have a link mailed to whoever forgot their password; the answer tells nobody who logs in here."""
    form, can_mail = ForgottenForm(request.POST or None), bool(settings.EMAIL_URL)
    if request.method == "POST" and form.is_valid():
        email, now = form.cleaned_data["email"].strip().lower(), clock.now()
        if allow("forgotten-from", address_of(request), limit=20, per=HOUR, now=now) and allow(
            "forgotten", email, limit=3, per=HOUR, now=now
        ):
            hints.hint(tasks.mail_password_link, email=email, language=request.LANGUAGE_CODE)
        messages.info(request, _("If somebody logs in with this address, a link is on its way there. It works once."))
        return redirect("accounts:login")
    context = {"form": form, "can_mail": can_mail}
    return render(request, "accounts/forgotten.html", context, status=422 if form.errors else 200)


@public
@never_cache
@sensitive_post_parameters("new")
def enter(request, token: str):
    """Let whoever has a one-time link choose a password; they log in with it like everybody."""
    link = letting_in.find(token, now=clock.now())
    if link is None:
        return render(request, "accounts/link_over.html", status=404)
    form = ChoosePasswordForm(request.POST or None, user=link.user)
    if request.method == "POST" and form.is_valid():
        if not letting_in.use(link, password=form.cleaned_data["new"]):
            return render(request, "accounts/link_over.html", status=404)
        logbook.write(BY_LINK, by=link.user, now=clock.now())
        messages.success(request, _("Your password is saved. Log in with it."))
        return redirect("accounts:login")
    context = {"form": form, "person": link.user, "is_invitation": link.purpose == OneTimeLink.Purpose.INVITATION}
    return render(request, "accounts/enter.html", context, status=422 if form.errors else 200)
