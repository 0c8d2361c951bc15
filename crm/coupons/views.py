"""Loyalty → Coupons."""

from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import logbook
from crm.accounts.access import Right, needs
from crm.coupons import issuing, redeeming, wording
from crm.coupons.forms import CouponForm, IssueForm, TryForm
from crm.coupons.models import Code, Coupon
from crm.coupons.pricing import Basket, Line
from crm.lib import clock, csvio, money

EXPORTED = logbook.kind("codes_exported", gettext_lazy("Downloaded coupon codes"), logbook.Group.TAKEN_OUT)

_PAGE = 50


@needs(reading=Right.SERVE)
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    coupons = Coupon.objects.select_related("product", "segment").order_by("-pk")
    page = Paginator(coupons, _PAGE).get_page(request.GET.get("page"))
    rows = [(coupon, wording.gives(coupon, request.shop.currency)) for coupon in page.object_list]
    context = {"page": page, "rows": rows, "today": clock.local_date(clock.now(), request.shop.timezone)}
    return render(request, "coupons/list.html", context | _tried(request))


def _tried(request: HttpRequest) -> dict:
    """Return what a code that the owner wants to look up would give, or why it gives nothing."""
    form = TryForm(request.GET if "code" in request.GET else None)
    if not form.is_bound or not form.is_valid():
        return {"try_form": form}
    goods = money.to_minor(form.cleaned_data["goods"], request.shop.currency)
    basket = Basket([Line(None, 1, goods)])
    try:
        [offer] = redeeming.check([form.cleaned_data["code"]], basket=basket, now=clock.now())
    except redeeming.Refused as refused:
        return {"try_form": form, "refusal": refused.sentence}
    return {"try_form": form, "offer": offer}


def new(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    today = clock.local_date(now, request.shop.timezone)
    initial = {"starts_on": today, "most_per_customer": 1, "code_kind": Coupon.CodeKind.SHARED}
    form = CouponForm(request.POST or None, initial=initial, currency=request.shop.currency)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                coupon = form.save(now=now)
                if coupon.code_kind == Coupon.CodeKind.SHARED:
                    issuing.share(coupon, word=form.cleaned_data["word"], now=now)
            return redirect(coupon)
        except issuing.WordTaken:
            form.add_error("word", _("Another coupon has this word."))
    return render(request, "coupons/new.html", {"form": form}, status=422 if form.errors else 200)


@needs(reading=Right.SERVE)
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, get_object_or_404(Coupon.objects.select_related("product", "segment"), pk=pk))


def _detail(request: HttpRequest, coupon: Coupon, *, status: int = 200, issue_form: IssueForm | None = None):
    uses = coupon.uses.select_related("contact", "order", "code").order_by("-pk")
    currency = request.shop.currency
    context = {
        "coupon": coupon,
        "gives": wording.gives(coupon, currency),
        "conditions": list(wording.conditions(coupon, currency)),
        "shared": Code.objects.filter(coupon=coupon).exclude(text="").first(),
        "issue_form": issue_form or IssueForm(),
        "page": Paginator(uses, _PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "coupons/detail.html", context, status=status)


@require_POST
def issue(request: HttpRequest, pk: int) -> HttpResponse:
    """Make codes; they can be downloaded at any time."""
    coupon, form = get_object_or_404(Coupon, pk=pk), IssueForm(request.POST)
    if not form.is_valid():
        return _detail(request, coupon, issue_form=form, status=422)
    issuing.issue(coupon, count=form.cleaned_data["count"], now=clock.now())
    return redirect(coupon)


@require_safe
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """Hand all codes of a coupon out as a file."""
    coupon = get_object_or_404(Coupon, pk=pk)
    logbook.write(EXPORTED, by=request.user, now=clock.now(), href=coupon.get_absolute_url())
    header = [_("Code"), _("Used"), _("Uses at most"), _("Customer number")]
    rows = ([text, code.used_count, code.most_uses, code.contact_id] for code, text in issuing.texts(coupon))
    return csvio.download(f"codes-{coupon.pk}.csv", header, rows)


@require_POST
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a coupon, or let it go on."""
    stopped = Coupon.objects.filter(pk=pk, stopped_at=None).update(stopped_at=clock.now())
    if not stopped:
        Coupon.objects.filter(pk=pk).update(stopped_at=None)
    return redirect("coupons:detail", pk)


@needs(writing=Right.SERVE)
@require_POST
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one use back, as if it had not been."""
    coupon = get_object_or_404(Coupon, pk=pk)
    key = request.POST.get("key", "")
    if coupon.uses.filter(key=key).exists():
        redeeming.roll_back(key, now=clock.now())
    return redirect(coupon)
