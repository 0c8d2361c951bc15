"""Finding, going and beginning: the search page, the Ctrl K palette, the list of keys."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from crm.accounts.access import Right, may_open, needs
from crm.home import places, searching


@needs(reading=Right.ORDERS)
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    if query and not request.htmx:
        order = searching.exact_order(query)
        if order is not None:
            return redirect(order)
    found = searching.search(query).for_whom(request.user)
    template = "home/search.html#found" if request.htmx else "home/search.html"
    return render(request, template, {"found": found})


@needs(reading=Right.ORDERS)
@require_safe
def palette(request: HttpRequest) -> HttpResponse:
    """Return what the Ctrl K palette lists: the matches, or what to begin with."""
    query = request.GET.get("q", "").strip()
    if not request.htmx:
        return redirect(f"{reverse('home:search')}?{urlencode({'q': query})}")
    found = searching.search(query) if query else searching.beginnings(seen=request.COOKIES.get("seen", ""))
    return render(request, "home/palette.html", {"found": found.for_whom(request.user)})


@needs(reading=Right.SELF)
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Say which keys do what, on a page or, for htmx, in a dialog over the page."""
    menu = [place for place in places.MENU if place.href and may_open(request.user, place.href)]
    return render(request, "home/keys.html#keys" if request.htmx else "home/keys.html", {"menu": menu})
