"""Set up, log in, log out, choose a language."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from crm.accounts import setup as setting_up
from crm.accounts.access import before_setup, public
from crm.accounts.forms import LoginForm, PasswordForm, SetupForm
from crm.accounts.models import User

YEAR = 365 * 24 * 3600


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
        login(request, form.user)
        return redirect(_next(request))
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    return render(request, "accounts/login.html", context, status=422 if form.errors else 200)


def _next(request) -> str:
    """Return where to go after the login: an address of ours, never another host."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return target
    return settings.LOGIN_REDIRECT_URL


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


@sensitive_post_parameters("current", "new")
def password(request):
    """Change the owner's password; other browsers are logged out."""
    form = PasswordForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        request.user.set_password(form.cleaned_data["new"])
        request.user.save(update_fields=["password"])
        update_session_auth_hash(request, request.user)
        messages.success(request, _("Your password is changed. Other browsers are logged out."))
        return redirect("home:settings")
    return render(request, "accounts/password.html", {"form": form}, status=422 if form.errors else 200)
