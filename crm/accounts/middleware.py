"""Who may see what, and in which language and zone."""

import zoneinfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.text import get_text_list
from django.utils.translation import gettext
from django_htmx.http import HttpResponseClientRedirect

from crm.accounts import two_step
from crm.accounts.access import NotForYou, Right, may, needed
from crm.accounts.models import Shop, User
from crm.lib.htmx import toast


class FirstVisit:
    """Until there is an owner and a shop, every address leads to the set-up page."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if request.shop and (request.user.is_authenticated or User.objects.exists()):
            return None
        if getattr(view, "works_before_setup", False):
            return None
        return redirect("accounts:setup")


class OwnersOnly:
    """Every page is the owners' alone, unless its view says who else may open it (accounts.access)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if getattr(view, "is_public", False):
            return None
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        right = needed(view, request.method)
        if not may(request.user, right):
            return _refused(request)
        if request.shop.two_step_required and right != Right.SELF and not two_step.is_on(request.user):
            here = redirect("accounts:two_step")
            return HttpResponseClientRedirect(here.url) if request.htmx else here
        return None

    def process_exception(self, request, exception):
        return _refused(request) if isinstance(exception, NotForYou) else None


def _refused(request):
    """Say that this is not theirs to do, and whom to ask."""
    owners = User.objects.filter(role=User.Role.OWNER, switched_off_at=None).order_by("pk")
    names = get_text_list([owner.name for owner in owners])
    if request.htmx:
        text = gettext("Your login may not do this. Ask %(names)s. Nothing was changed.") % {"names": names}
        return toast(HttpResponse(text, status=403, content_type="text/plain"), text, tone="bad")
    return render(request, "accounts/refused.html", {"names": names}, status=403)


class ShopLanguageAndZone:
    """Speak the language chosen in this browser, else the shop's; tell times in the shop's zone."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.shop = Shop.objects.first()
        language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
        if language not in dict(settings.LANGUAGES):
            if request.shop:
                language = request.shop.language
            else:
                language = translation.get_language_from_request(request)
        zone = zoneinfo.ZoneInfo(request.shop.timezone if request.shop else "UTC")
        with translation.override(language), timezone.override(zone):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
            if hasattr(response, "render") and not response.is_rendered:
                response.render()
        response.headers.setdefault("Content-Language", language)
        return response
