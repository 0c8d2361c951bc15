"""The track record: month by month, what was foretold and what happened."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from crm.accounts.access import Right, needs
from crm.lib import clock
from loyalty import findings, track_record
from loyalty.models import Run


@needs(reading=Right.REPORTS)
def record(request: HttpRequest) -> HttpResponse:
    shop = request.shop
    context = {
        "run": Run.objects.latest_done(),
        "notice": findings.notice(now=clock.now(), shop=shop),
        "behind": track_record.notice(now=clock.now(), shop=shop),
        "questions": track_record.questions(shop=shop),
    }
    return render(request, "loyalty/track_record.html", context)
