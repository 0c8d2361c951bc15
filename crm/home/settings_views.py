"""The shop's settings. They stand here because only this floor knows whether orders exist."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from crm.accounts import logbook
from crm.home.settings_form import SettingsForm
from crm.lib import clock
from crm.orders.models import Order


def settings(request):
    form = SettingsForm(request.POST or None, instance=request.shop, orders_exist=Order.objects.exists())
    if request.method == "POST" and form.is_valid():
        form.save()
        logbook.write(logbook.SETTINGS_CHANGED, by=request.user, now=clock.now(), href=request.path)
        messages.success(request, _("Saved."))
        return redirect("home:settings")
    return render(request, "home/settings.html", {"form": form}, status=422 if form.errors else 200)
