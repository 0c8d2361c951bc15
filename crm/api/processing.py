"""What is done with people's data by programs, platforms and your website (contacts.processing)."""

from django.utils.translation import gettext as _

from crm.api import visits
from crm.api.models import ApiKey, Target
from crm.contacts import processing
from crm.contacts.processing import Activity
from crm.lib.templatetags import say


def describe() -> Activity:
    urls = Target.objects.filter(is_active=True).values_list("url", flat=True)
    hosts = sorted({processing.host(url) for url in urls})
    tells = _("%(host)s, which is told the numbers of customers and orders that changed.")
    told = [tells % {"host": host} for host in hosts]
    keys = ApiKey.objects.filter(revoked_at=None).order_by("pk").values_list("name", flat=True)
    reads = [_("The program “%(name)s”, as far as its key allows.") % {"name": name} for name in keys]
    return Activity(
        title=_("Website, platforms and programs"),
        purpose=_("Take in orders as they happen, see what customers look at, and work with your other programs."),
        what=_(
            "Pages, products and carts a customer looked at after saying yes, and reports of platforms until they are "
            "read."
        ),
        origin=_("From your website after a yes, from your shop platform, and from programs that hold a key."),
        kept=_("Visits %(days)s days, or until the customer is erased; reports until they are read.")
        % {"days": say.number(visits.KEPT.days)},
        receivers=told + reads,
        safeguards=[_("Reports are signed, keys are kept as hashes, and every key can be taken back.")],
    )
