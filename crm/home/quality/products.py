"""What may be wrong with products."""

from django.db.models import Count, F
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from crm.home.quality.base import DOUBLE, IMPOSSIBLE, MISSING, PRODUCTS, Check
from crm.orders.models import Product


def _products():
    return Product.objects.filter(is_active=True).order_by(F("earned_minor").desc(nulls_last=True), "id")


def _same_name(scene):
    named = Product.objects.exclude(name="").annotate(folded=Lower("name"))
    doubled = named.order_by().values("folded").annotate(many=Count("id")).filter(many__gt=1)
    return named.filter(folded__in=doubled.values("folded")).order_by("folded", "id")


CHECKS = [
    Check(
        "no_price", PRODUCTS, MISSING, _("No price"),
        _("Offers cannot be worth anything without one."),
        _("Import your product list, or type the price."),
        lambda scene: _products().filter(price_minor=None),
    ),
    Check(
        "no_cost", PRODUCTS, MISSING, _("No cost"),
        _("Without it a discount's profit is only guessed from an average margin."),
        _("Import your product list with the cost column, or type it for the ten best sellers."),
        lambda scene: _products().filter(cost_minor=None),
    ),
    Check(
        "below_cost", PRODUCTS, IMPOSSIBLE, _("Costs more than it sells for"),
        _("Every sale loses money, or one of the numbers is wrong."),
        _("Open the product and compare price and cost."),
        lambda scene: _products().filter(price_minor__lt=F("cost_minor"), price_minor__gt=0), is_urgent=True,
    ),
    Check(
        "no_category", PRODUCTS, MISSING, _("No category"),
        _("Groups by taste and rules for a category cannot see it."),
        _("Import your product list with the category column."),
        lambda scene: _products().filter(category=""),
    ),
    Check(
        "same_product", PRODUCTS, DOUBLE, _("Several products have the same name"),
        _("Its sales are split in two, and neither half shows when it is bought again."),
        _("Give both the same SKU in your shop and import again."),
        _same_name,
    ),
]  # fmt: skip
