"""Who may see what, and in which language and zone."""

import zoneinfo

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.shortcuts import redirect
from django.utils import timezone, translation

from crm.accounts.models import Shop, User


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
    """Every page is private unless its view says `@public`."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_view(self, request, view, args, kwargs):
        if getattr(view, "is_public", False) or request.user.is_authenticated:
            return None
        return redirect_to_login(request.get_full_path())


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
