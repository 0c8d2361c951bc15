"""Answers used often."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from crm.campaigns.fields import FIELDS
from crm.listening.forms import SavedForm
from crm.listening.models import SavedAnswer

_OFFERED = ("first_name", "points_balance", "points_given", "shop_name", "my_page", "last_order_date")


@require_http_methods(["GET", "HEAD", "POST"])
def saved(request: HttpRequest) -> HttpResponse:
    """List them, and write a new one."""
    return _form(request, SavedForm(request.POST or None), _("Saved. It is offered beside every answer now."))


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    answer = get_object_or_404(SavedAnswer, pk=pk)
    return _form(request, SavedForm(request.POST or None, instance=answer), _("Saved."), answer)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    SavedAnswer.objects.filter(pk=pk).delete()
    messages.success(request, _("Deleted."))
    return redirect("listening:saved")


def _form(request: HttpRequest, form: SavedForm, done: str, answer: SavedAnswer | None = None) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, done)
        return redirect("listening:saved")
    context = {
        "form": form, "answer": answer, "answers": SavedAnswer.objects.order_by("title", "pk"),
        "fields": [(f"{{{{ {name} }}}}", FIELDS[name].label) for name in _OFFERED],
    }  # fmt: skip
    return render(request, "listening/saved.html", context, status=422 if form.errors else 200)
