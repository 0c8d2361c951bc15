"""The pages of this box under the names people type: where one can go, and what one can begin."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class Place:
    url_name: str
    label: Promise
    words: Promise  # what else people type to find it
    icon: str
    keys: str = ""  # the keys that lead there; those of pages are written again in the menu (base.html)

    @property
    def href(self) -> str | None:
        """Return the address, or None where the app behind it is not installed."""
        try:
            return reverse(self.url_name)
        except NoReverseMatch:
            return None

    def is_meant_by(self, words: list[str]) -> bool:
        known = f"{self.label} {self.words}".casefold()
        # Chinese is written without spaces, so there a word may stand anywhere.
        return all(
            word in known if not word.isascii() else any(one.startswith(word) for one in known.split())
            for word in words
        )


ACTS = [
    Place("typed:contact_new", _("Add a customer"), _("new person"), "user-plus"),
    Place("typed:order_new", _("Add an order"), _("new sale"), "shopping-bag"),
    Place("till:counter", _("Open the till"), _("counter cash scan card points redeem"), "wallet"),
    Place("listening:new", _("Note what they said"), _("phone call counter complaint conversation"), "phone"),
    Place("campaigns:new", _("Write a campaign"), _("new message mail newsletter win back"), "megaphone"),
    Place("imports:new", _("Import a file"), _("upload csv shopify woocommerce"), "upload"),
    Place("coupons:new", _("Make a coupon"), _("new code discount voucher gift card"), "ticket"),
    Place("rewards:rule_new", _("Add a rule for points"), _("new earning birthday welcome"), "star"),
    Place("rewards:reward_new", _("Add a reward"), _("new gift redeem points"), "gift"),
    Place("accounts:password", _("Change password"), _("login account security"), "lock"),
]

MENU = [
    Place("home:today", _("Today"), _("start home suggestions figures"), "sun", "g t"),
    Place("listening:inbox", _("Inbox"), _("messages conversations answer mail questions"), "inbox", "g m"),
    Place("contacts:list", _("Customers"), _("people contacts list"), "users", "g c"),
    Place("orders:list", _("Orders"), _("sales purchases refunds"), "shopping-bag", "g o"),
    Place("campaigns:list", _("Campaigns"), _("messages mail newsletter"), "megaphone", "g p"),
    Place("rewards:home", _("Loyalty"), _("points rules welcome gift earning"), "gift", "g l"),
    Place("loyalty:insights", _("Insights"), _("charts reports cohorts revenue statistics"), "chart-column", "g i"),
]

PAGES = [
    *MENU,
    Place("listening:overview", _("What customers say"), _("feedback nps survey score satisfaction unhappy"), "smile"),
    Place("listening:saved", _("Saved answers"), _("snippets templates replies"), "message-square"),
    Place("listening:settings", _("Inbox settings"), _("contact form question mailbox"), "settings"),
    Place("contacts:segments", _("Groups of customers"), _("segments saved filters"), "layers"),
    Place("contacts:duplicates", _("Customers who may be one person"), _("duplicates merge twice same"), "merge"),
    Place("contacts:privacy", _("Privacy"), _("erase delete forget gdpr data retention copy"), "shield-check"),
    Place("orders:products", _("Products"), _("articles items prices stock"), "package"),
    Place("campaigns:automations", _("Automations"), _("welcome birthday win back by itself series"), "repeat"),
    Place("campaigns:outbox", _("Outbox"), _("sent messages mail"), "mail"),
    Place("coupons:list", _("Coupons"), _("codes discounts vouchers gift cards"), "ticket"),
    Place("rewards:cost", _("What the programme costs"), _("points liability accountant expiry"), "coins"),
    Place("rewards:programme", _("How points live"), _("points expiry grace refunds reminders"), "hourglass"),
    Place("rewards:replay", _("Try other rules"), _("points simulate what if replay"), "flask-conical"),
    Place("loyalty:risk", _("Customers you may lose"), _("churn risk slipping at risk"), "heart-pulse"),
    Place("loyalty:offers", _("What to offer whom"), _("discount ladder reminder offers"), "gift"),
    Place("loyalty:demand", _("What will sell"), _("forecast demand stock reorder"), "trending-up"),
    Place("loyalty:together", _("What goes together"), _("baskets bundles pairs cross-selling"), "link"),
    Place("loyalty:alike", _("Who behaves alike"), _("clusters kinds of customers"), "users"),
    Place("loyalty:what_if", _("What goes with buying again"), _("causes network what if"), "lightbulb"),
    Place("loyalty:track_record", _("Track record"), _("forecasts accuracy came true"), "target"),
    Place("loyalty:fairness", _("Is everybody treated alike?"), _("fairness bias"), "scale"),
    Place("loyalty:share", _("Numbers to hand on"), _("report privacy landlord bank"), "send"),
    Place("loyalty:method", _("How this is worked out"), _("night run method report card accuracy"), "circle-help"),
    Place("imports:list", _("Import"), _("upload file csv undo"), "upload"),
    Place("home:quality", _("How good your data is"), _("quality duplicates missing wrong"), "shield-check"),
    Place(
        "home:settings",
        _("Settings"),
        _("shop name currency time zone language sender address night run hour"),
        "settings",
    ),
    Place("api:connections", _("Connections"), _("api keys webhooks platform shopify woocommerce"), "plug"),
    Place(
        "accounts:people",
        pgettext_lazy("who log in", "People"),
        _("helper accountant role invite login staff"),
        "users",
    ),
    Place("accounts:log", _("Who did what"), _("audit history log exports logins"), "history"),
    Place("accounts:my_login", _("My login"), _("password second step two factor totp phone recovery codes"), "lock"),
    Place("keeping:backups", _("Backups and export"), _("backup restore download everything zip leave"), "archive"),
    Place("home:keys", _("Keyboard shortcuts"), _("keys hotkeys"), "keyboard", "?"),
]
