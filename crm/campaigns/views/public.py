"""Pages a customer reaches from a message, without a login."""

from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from crm.accounts.access import public
from crm.campaigns import rendering, tracking
from crm.campaigns.models import Message
from crm.lib import clock


@public
@csrf_exempt  # RFC 8058: mail providers post here without ever having seen the page
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request, token: str):
    """Ask on GET, because link scanners open every address; act on POST only."""
    found = tracking.message_of(token)
    if found == rendering.EXAMPLE:
        return _unlinked(render(request, "campaigns/unsubscribe.html", {"is_example": True}))
    message = found and Message.objects.select_related("rotation__campaign").filter(pk=found).first()
    if not message:
        return _not_ours(request)
    is_done = request.method == "POST"
    if is_done:
        one_click = request.POST.get("List-Unsubscribe") == "One-Click"
        tracking.unsubscribe(message, one_click=one_click, now=clock.now())
    return _unlinked(render(request, "campaigns/unsubscribe.html", {"is_done": is_done}))


@public
@require_safe
def click(request, token: str):
    """Count a click and lead to the address stored when the message was sent, never to one from the request."""
    found = tracking.link_of(token)
    if found is None:
        return _not_ours(request)
    message_id, link = found
    is_prefetch = "prefetch" in (request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", ""))
    if request.method == "GET" and not is_prefetch:
        tracking.record_click(message_id=message_id, link=link, now=clock.now())
    contact_id = Message.objects.values_list("contact_id", flat=True).get(pk=message_id)
    return _unlinked(
        HttpResponseRedirect(tracking.address_for(link, contact_id=contact_id, website=request.shop.website))
    )


def _not_ours(request) -> HttpResponse:
    return _unlinked(render(request, "campaigns/not_found.html", status=404))


def _unlinked(response: HttpResponse) -> HttpResponse:
    """Keep the token out of other sites' logs and out of search engines."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
