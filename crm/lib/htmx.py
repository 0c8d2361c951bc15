"""What our views say to htmx, and how redirects reach it."""

import json
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers

from crm.lib.headers import VARY_ON


def toast(response: HttpResponse, text: str, *, tone: str = "good", undo_url: str = "") -> HttpResponse:
    """Make the page show a short message, with an Undo button where there is an address for it."""
    response.headers["HX-Trigger"] = json.dumps({"toast": {"text": str(text), "tone": tone, "undo": undo_url}})
    return response


class HtmxRedirects:
    """Let caches tell fragments from pages, and send an expired login to the whole page, not into a cell."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        patch_vary_headers(response, VARY_ON)
        login = resolve_url(settings.LOGIN_URL)
        if request.htmx and response.status_code == 302 and urlsplit(response["Location"]).path == login:
            here = urlsplit(request.htmx.current_url or "/").path
            response = HttpResponse(status=204)
            response.headers["HX-Redirect"] = f"{login}?next={here}"
        return response
