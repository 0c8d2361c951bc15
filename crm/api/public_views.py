"""What programs and the shop's own page reach without a login: signed reports, and visits after a yes."""

import datetime as dt
from functools import cache

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import throttling
from crm.accounts.access import public
from crm.api import inbound, tasks, visits
from crm.api.models import Hook
from crm.api.providers.base import BadSignature
from crm.lib import clock, foreign_json, hints

_MOST_VISIT_BYTES = 4_000


@public
@csrf_exempt
@require_POST
def receive(request, token: str):
    """Keep a platform's report and answer at once; reading it is the worker's work."""
    now = clock.now()
    hook = Hook.objects.filter(token=token, is_active=True).first()
    if hook is None:
        return JsonResponse({"detail": "There is no such address."}, status=404)
    try:
        event = inbound.accept(hook, headers=request.headers, body=request.body, now=now)
    except BadSignature:
        return JsonResponse({"detail": "The signature does not fit."}, status=401)
    except inbound.NotJson:
        return JsonResponse({"detail": "The body is not a JSON object."}, status=400)
    if event:
        hints.hint(tasks.read_reports)
    return HttpResponse(status=200)


@public
@csrf_exempt
@require_POST
def visit(request):
    """Take a visit from the shop's page; the answer never tells whether it was kept."""
    now, allowed = clock.now(), False
    if len(request.body) <= _MOST_VISIT_BYTES:
        who = throttling.address_of(request)
        allowed = throttling.allow("visit", who, limit=600, per=dt.timedelta(minutes=10), now=now)
    if allowed:
        try:
            told = foreign_json.read(request.body)
        except ValueError:
            told = None
        if isinstance(told, dict):
            visits.record(told, now=now)
    return HttpResponse(status=204)


@public
@require_safe
def visit_script(request):
    """Serve the script that the shop's own page loads."""
    response = HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=86400"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@cache
def _script() -> bytes:
    with open(finders.find("js/visit.js") or settings.STATIC_ROOT / "js" / "visit.js", "rb") as file:
        return file.read()
