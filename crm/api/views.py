"""Settings → Connections: keys, platforms that report to us, programs we tell, the visit script."""

import base64
import secrets

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import logbook
from crm.api import describing, inbound, keys, outbound
from crm.api.forms import HookForm, KeyForm, TargetForm
from crm.api.models import ApiKey, Delivery, Event, Hook, Target, Visit
from crm.api.providers.generic import SECRET_PREFIX
from crm.lib import clock

KEY_MADE = logbook.kind("key_made", gettext_lazy("Made a key for a program"), logbook.Group.SETTINGS)
KEY_REVOKED = logbook.kind("key_revoked", gettext_lazy("Took a program's key back"), logbook.Group.SETTINGS)
CONNECTED = logbook.kind("connected", gettext_lazy("Connected another program"), logbook.Group.SETTINGS)
DISCONNECTED = logbook.kind("disconnected", gettext_lazy("Disconnected another program"), logbook.Group.SETTINGS)

_SHOWN_ONCE = "new_api_key"
_PAGE = 50


@require_safe
def connections(request: HttpRequest) -> HttpResponse:
    return _connections(request)


def _connections(request: HttpRequest, *, status: int = 200, **forms) -> HttpResponse:
    context = {
        "keys": [
            (key, [keys.SCOPES[scope] for scope in key.scopes])
            for key in ApiKey.objects.filter(revoked_at=None).order_by("id")
        ],
        "new_key": request.session.pop(_SHOWN_ONCE, "") if request.method == "GET" else "",
        "hooks": [(hook, _address(request, hook)) for hook in Hook.objects.order_by("id")],
        "failed_events": Event.objects.filter(state=Event.State.FAILED).count(),
        "targets": Target.objects.order_by("id"),
        "visit_script": _visit_script(request),
        "has_visits": Visit.objects.exists(),
        "key_form": KeyForm(),
        "hook_form": HookForm(),
        "target_form": TargetForm(),
    }
    return render(request, "api/connections.html", context | forms, status=status)


@require_POST
def key_new(request):
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _connections(request, key_form=form, status=422)
    _key, text = keys.create(**form.cleaned_data, now=clock.now())
    logbook.write(KEY_MADE, by=request.user, now=clock.now(), detail=form.cleaned_data["name"])
    request.session[_SHOWN_ONCE] = text
    return redirect(reverse("api:connections") + "#keys")


@require_POST
def key_revoke(request, pk: int):
    if keys.revoke(pk, now=clock.now()):
        logbook.write(KEY_REVOKED, by=request.user, now=clock.now())
        messages.success(request, _("The key is taken back. Programs that use it are refused from now on."))
    return redirect("api:connections")


@require_POST
def hook_new(request):
    form = HookForm(request.POST)
    if not form.is_valid():
        return _connections(request, hook_form=form, status=422)
    secret = form.cleaned_data["secret"].strip() or SECRET_PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()
    hook = inbound.open_hook(form.cleaned_data["provider"], secret=secret, now=clock.now())
    logbook.write(CONNECTED, by=request.user, now=clock.now(), href=reverse("api:hook", args=[hook.pk]))
    return redirect("api:hook", hook.pk)


@require_safe
def hook(request, pk: int):
    found = get_object_or_404(Hook, pk=pk)
    events = Paginator(Event.objects.filter(hook=found).order_by("-received_at", "-id"), _PAGE)
    context = {"hook": found, "address": _address(request, found), "page": events.get_page(request.GET.get("page"))}
    return render(request, "api/hook.html", context)


@require_POST
def hook_remove(request, pk: int):
    if Hook.objects.filter(pk=pk).delete()[0]:
        logbook.write(DISCONNECTED, by=request.user, now=clock.now())
    messages.success(request, _("The address is closed. What came in through it stays."))
    return redirect("api:connections")


@require_POST
def event_again(request, pk: int):
    event = get_object_or_404(Event, pk=pk)
    if inbound.read_again(pk, now=clock.now()):
        inbound.read(pk, now=clock.now())
        messages.success(request, _("Read once more."))
    return redirect("api:hook", event.hook_id)


@require_POST
def target_new(request):
    form = TargetForm(request.POST)
    if not form.is_valid():
        return _connections(request, target_form=form, status=422)
    target = outbound.open_target(form.cleaned_data["url"], topics=form.cleaned_data["topics"], now=clock.now())
    logbook.write(CONNECTED, by=request.user, now=clock.now(), href=reverse("api:target", args=[target.pk]))
    return redirect("api:target", target.pk)


@require_safe
def target(request, pk: int):
    found = get_object_or_404(Target, pk=pk)
    log = Paginator(Delivery.objects.filter(target=found).order_by("-id"), _PAGE).get_page(request.GET.get("page"))
    labels = [outbound.TOPICS[topic] for topic in found.topics]
    return render(request, "api/target.html", {"target": found, "labels": labels, "page": log})


@require_POST
def target_switch(request, pk: int):
    """Start or stop telling a program."""
    found = get_object_or_404(Target, pk=pk)
    Target.objects.filter(pk=pk).update(is_active=not found.is_active, failing_since=None)
    return redirect("api:target", pk)


@require_POST
def target_remove(request, pk: int):
    if Target.objects.filter(pk=pk).delete()[0]:
        logbook.write(DISCONNECTED, by=request.user, now=clock.now())
    messages.success(request, _("It is not told anything any more."))
    return redirect("api:connections")


@require_POST
def delivery_again(request, pk: int):
    delivery = get_object_or_404(Delivery, pk=pk)
    if outbound.send_again(pk, now=clock.now()):
        outbound.deliver(pk, now=clock.now())
    return redirect("api:target", delivery.target_id)


@require_safe
def reference(request):
    """Describe the API, drawn from its own OpenAPI description."""
    return render(request, "api/reference.html", {"sections": describing.sections(), "base": _site(request)})


def _site(request: HttpRequest) -> str:
    return settings.SITE_URL if settings.HTTPS else request.build_absolute_uri("/").rstrip("/")


def _address(request: HttpRequest, hook: Hook) -> str:
    return _site(request) + reverse("hooks:receive", args=[hook.token])


def _visit_script(request: HttpRequest) -> str:
    return f'<script src="{_site(request)}{reverse("hooks:visit_script")}" defer></script>'
