"""The outbox: what a box without EMAIL_URL would have sent, to read."""

from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from crm.accounts.access import Right, needs
from crm.campaigns import channels
from crm.campaigns.models import Outgoing
from crm.lib.headers import MAIL_PREVIEW_CSP

PAGE_SIZE = 50


@needs(reading=Right.SERVE)
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """List the mails kept here, newest first."""
    kept = Outgoing.objects.order_by("-at", "-pk").defer("text", "html", "headers")
    kept = kept.annotate(is_answer=F("headers__Auto-Submitted"))  # "no": a person wrote it, to one person
    kept = kept.select_related("message__rotation__campaign", "message__contact")
    page = Paginator(kept, PAGE_SIZE).get_page(request.GET.get("page"))
    return render(
        request, "campaigns/outbox.html", {"page": page, "leaves_by_email": channels.current_slug() == "email"}
    )


@needs(reading=Right.SERVE)
@require_safe
def read(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one mail: its headers, its look and its plain text."""
    kept = Outgoing.objects.select_related("message__rotation__campaign", "message__contact")
    outgoing = get_object_or_404(kept, pk=pk)
    context = {"outgoing": outgoing, "is_answer": "Auto-Submitted" in outgoing.headers}
    return render(request, "campaigns/outgoing.html", context)


@needs(reading=Right.SERVE)
@require_safe
@xframe_options_sameorigin
def mail(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the mail's HTML by itself, for the frame it is shown in."""
    outgoing = get_object_or_404(Outgoing, pk=pk)
    return mail_page(outgoing.html)


def mail_page(html: str) -> HttpResponse:
    """Return a mail as a page that may run nothing and shows in a frame of ours only."""
    response = HttpResponse(html)
    response.headers["Content-Security-Policy"] = MAIL_PREVIEW_CSP
    return response
