"""Every sentence the analyst says, in the reader's language; numbers come in as ingredients.

The action tray keeps its texts in all languages at once (home.actions): they are written through the same catalogues.
"""

import datetime as dt
from collections.abc import Iterable

from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.home import actions
from crm.lib.templatetags import say

SEGMENTS: dict[str, str | Promise] = {"slipping-regulars": gettext_lazy("Regulars slipping away")}
SENTENCES: dict[str, str | Promise] = {
    "slipping-regulars": gettext_lazy("Came three times or more, spend well, and are likely to stay away."),
}

METHODS: dict[str, str | Promise] = {
    "base_rate": gettext_lazy("The shop's average, the same for everyone"),
    "mbgnbd": gettext_lazy("Buying rhythm (MBG/NBD)"),
    "bgnbd": gettext_lazy("Buying rhythm (BG/NBD)"),
    "paretonbd": gettext_lazy("Buying rhythm (Pareto/NBD)"),
    "rhythm": gettext_lazy("Each customer's own clock"),
    "gap_rule": gettext_lazy("Quiet for longer than three usual gaps"),
    "recency": gettext_lazy("Days since the last order"),
    "calibrated": gettext_lazy("Buying rhythm, corrected on your past"),
    "logistic": gettext_lazy("Recency, frequency, money and age"),
    "stacked": gettext_lazy("Buying rhythm plus habits and taste"),
    "logistic_wide": gettext_lazy("Habits and taste"),
    "boosting": gettext_lazy("Boosted decision trees"),
    "blend": gettext_lazy("Several methods together"),
    "network": gettext_lazy("A network of habits (Bayesian network)"),
    "tree": gettext_lazy("A decision tree"),
    "forest": gettext_lazy("A forest of decision trees"),
    "svm": gettext_lazy("Support vector machine"),
    "average": gettext_lazy("The shop's average, the same for everyone"),
    "buying": gettext_lazy("Buying rhythm times the worth of an order"),
    "past_spend": gettext_lazy("Spending of the last weeks"),
    "decayed": gettext_lazy("Past spending, old orders fading"),
    "hurdle": gettext_lazy("Who comes, times what they bring"),
    "ridge": gettext_lazy("Straight lines over habits"),
    "polynomial": gettext_lazy("Curves over habits"),
}

OFFER_METHODS: dict[str, str | Promise] = {
    "popular": gettext_lazy("What sells now"),
    "repeat": gettext_lazy("What this customer buys"),
    "item_item": gettext_lazy("What goes with what this customer buys"),
    "blend": gettext_lazy("What this customer buys and what goes with it"),
    "recent": gettext_lazy("What has sold in the last weeks"),
    "personal": gettext_lazy("What this customer buys most"),
    "personal_popular": gettext_lazy("What this customer buys most, then what sells"),
    "content": gettext_lazy("Products like those this customer buys"),
    "rules": gettext_lazy("Rules of what goes together"),
    "user_user": gettext_lazy("What customers like this one buy"),
    "next_basket": gettext_lazy("The next basket of customers like this one"),
    "ease": gettext_lazy("What goes together, all products at once"),
    "als": gettext_lazy("Hidden tastes"),
    "net": gettext_lazy("A small neural net"),
    "learned": gettext_lazy("Several methods, weighed by your own past"),
    "discover": gettext_lazy("Products new to this customer"),
}

DEMAND_METHODS: dict[str, str | Promise] = {
    "last": gettext_lazy("As many as in the weeks before"),
    "last_year": gettext_lazy("As many as in the same weeks last year"),
    "average": gettext_lazy("The average of the last three months"),
    "smooth": gettext_lazy("Past weeks, old ones fading"),
    "croston": gettext_lazy("How many at a time, and how often (Croston)"),
    "tsb": gettext_lazy("How many at a time, and how likely (TSB)"),
    "season": gettext_lazy("Past weeks and the season"),
    "trend": gettext_lazy("Past weeks, trend and season"),
    "rhythm": gettext_lazy("Each customer's own clock"),
    "blend": gettext_lazy("Several methods, weighed by your own past"),
    "counts": gettext_lazy("What all products' pasts have in common"),
}

CLUSTERS: dict[str, str | Promise] = {
    "outlook": gettext_lazy("What they are expected to spend"),
    "k-means": gettext_lazy("Nearest centre (k-means)"),
    "mixture": gettext_lazy("Overlapping clouds (Gaussian mixture)"),
    "ward": gettext_lazy("Joined step by step (Ward)"),
    "density": gettext_lazy("Dense places (HDBSCAN)"),
}

STAGES: dict[str, str | Promise] = {
    "load": gettext_lazy("Read the books"),
    "rfm": gettext_lazy("Grade customers"),
    "lifecycle": gettext_lazy("Place customers in their life cycle"),
    "churn": gettext_lazy("Estimate who may not come back"),
    "value": gettext_lazy("Estimate what customers will bring"),
    "intent": gettext_lazy("Estimate who will order soon"),
    "recommend": gettext_lazy("Find the next product"),
    "together": gettext_lazy("Find what goes together"),
    "alike": gettext_lazy("Find customers who behave alike"),
    "what_if": gettext_lazy("Find what goes with buying again"),
    "leavers": gettext_lazy("Learn from the field in which you note who left"),
    "ladder": gettext_lazy("Choose the cheapest offer for each customer"),
    "demand": gettext_lazy("Estimate what will be sold"),
    "store": gettext_lazy("Keep the results"),
    "scorecard": gettext_lazy("Compare earlier forecasts with what happened"),
    "publish": gettext_lazy("Update lists and suggestions"),
}


def method(name: str, *, task: str = "") -> str:
    """Return what a candidate of a task is called on screen."""
    return str({"offers": OFFER_METHODS, "demand": DEMAND_METHODS}.get(task, METHODS).get(name, name))


def missing(ingredients: dict) -> str:
    """Say what there is too little of: the answer of NotEnoughData.as_json()."""
    words = {"have": say.number(ingredients["have"]), "need": say.number(ingredients["need"])}
    sentences = {
        "orders": _("There are %(have)s orders to look at; at least %(need)s is needed."),
        "customers": _("There are %(have)s customers with an order; at least %(need)s are needed."),
        "days": _("The orders cover %(have)s days; at least %(need)s are needed."),
        "customers_then": _(
            "%(have)s customers had ordered before the newest days to test on; at least %(need)s are needed."
        ),
        "products": _("%(have)s products sell often enough; at least %(need)s are needed."),
        "assortment": _(
            "%(have)s products are on sale. With fewer than %(need)s, five suggestions hold most of what anybody can "
            "buy, and on your past no advice was clearly better than naming what sells best."
        ),
        "baskets": _("%(have)s customers bought again lately; at least %(need)s are needed to test advice."),
        "baskets_held": _("There are %(have)s baskets to look at; at least %(need)s are needed."),
        "came_back": _("%(have)s customers came back a second time; at least %(need)s are needed."),
        "rows": _("There are %(have)s rows that say yes or no; at least %(need)s are needed."),
        "of_each": _("The smaller side of yes and no has %(have)s rows; at least %(need)s are needed."),
        "future_days": _("The orders end %(have)s days after the cut; the horizon needs %(need)s."),
        "sends": _(
            "%(have)s customers were drawn on the smaller side of sent to and left out; at least %(need)s are needed."
        ),
    }
    return sentences[ingredients["what"]] % words


def reason(ingredients: dict, *, currency: str) -> str:
    """Say one reason behind a customer's risk."""
    code = ingredients["code"]
    words = {name: say.number(value) for name, value in ingredients.items() if isinstance(value, int)}
    if code == "quiet_for":
        return ngettext(
            "Quiet for %(days)s day; usually back after %(usual)s.",
            "Quiet for %(days)s days; usually back after %(usual)s.", ingredients["days"],
        ) % words  # fmt: skip
    if code == "bought_lately":
        return ngettext(
            "Last order %(days)s day ago; usually back after %(usual)s.",
            "Last order %(days)s days ago; usually back after %(usual)s.", ingredients["days"],
        ) % words  # fmt: skip
    if code == "only_one_order":
        return _("Has ordered only once.")
    if code == "few_orders":
        return (
            ngettext("Has ordered on %(count)s day only.", "Has ordered on %(count)s days only.", ingredients["count"])
            % words
        )
    if code == "many_orders":
        return (
            ngettext("Has ordered on %(count)s day.", "Has ordered on %(count)s different days.", ingredients["count"])
            % words
        )
    if code in ("fewer_lately", "more_lately"):
        return _("Orders in the last %(days)s days: %(lately)s; in the %(days)s days before: %(before)s.") % words
    if code == "order_size":
        return _("An order is usually about %(amount)s.") % {"amount": say.rough_money(ingredients["minor"], currency)}
    if code in ("last_smaller", "last_larger"):
        return _("The last order was %(last)s; usually about %(usual)s.") % {
            "last": say.money(ingredients["last_minor"], currency),
            "usual": say.rough_money(ingredients["usual_minor"], currency),
        }
    if code == "customer_for":
        return ngettext("First order %(days)s day ago.", "First order %(days)s days ago.", ingredients["days"]) % words
    return ""


def product_reason(ingredients: dict) -> str:
    """Say why this product comes next; "bought_with" carries the other product's `name`."""
    code = ingredients.get("code")
    if code == "every_days":
        return ngettext(
            "Bought about every %(days)s day.", "Bought about every %(days)s days.", ingredients["days"]
        ) % {"days": say.number(ingredients["days"])}  # fmt: skip
    if code == "again":
        return _("Bought once; time for more by now.")
    if code == "bought_with":
        return _("Often bought by people who bought %(product)s.") % {"product": ingredients.get("name", "")}
    if code == "people_like_you":
        return _("Bought by customers with the same habits.")
    if code == "popular":
        return _("Sells best at the moment.")
    return ""


OFFERS: dict[str, str | Promise] = {
    "nothing": gettext_lazy("Nothing"),
    "reminder": gettext_lazy("A reminder, nothing more"),
    "note": gettext_lazy("A note that some of their points expire soon"),
    "points": gettext_lazy("Double points"),
    "shipping": gettext_lazy("Free shipping"),
    "gift": gettext_lazy("A product as a gift"),
    "percent": gettext_lazy("Money off"),
}


def offer(rung: str, ingredients: dict, *, days: int) -> tuple[str, str]:
    """Return what to offer a customer, and why."""
    chance = ingredients["chance"]
    words = {
        "days": say.number(days), "chance": say.percent(chance, 0 if chance >= 0.01 else 1),
        "then": say.percent(chance + ingredients["more"]),
    }  # fmt: skip
    sentences = {
        "may_not_write": _("They may not be written to."),
        "comes_anyway": _("They order within %(days)s days with a chance of %(chance)s without any offer."),
        "unlikely": _("The chance of an order within %(days)s days is %(chance)s, and hardly more with an offer."),
        "no_gain": _("No offer is expected to bring more than it costs."),
        "tested": _("Lifts the chance of an order within %(days)s days from %(chance)s to %(then)s, by your tests."),
        "guess": _("May lift the chance of an order within %(days)s days from %(chance)s to %(then)s: not tested yet."),
    }
    return str(OFFERS[rung]), sentences[ingredients["code"]] % words


def how_good(card: dict | None) -> str:
    """Say how the method in use did on the shop's own past."""
    if not card:
        return _("Grades compare your customers with each other by date, number and value of their orders.")
    words = {
        "method": method(card["champion"]), "caught": say.number(card["caught"]), "picked": say.number(card["picked"]),
        "expected": say.number(card["expected"]), "days": say.number(card["horizon_days"]),
    }  # fmt: skip
    if card["champion"] == card["baseline"]:
        return _("No method beat the shop's average on your own past, so everyone is given the average risk.")
    return (
        _(
            "Method: %(method)s. Tested on your own past: of the %(picked)s customers it found most at risk, "
            "%(caught)s did not order within %(days)s days; %(picked)s picked at random would have given %(expected)s."
        )
        % words
    )


def trust(level: str) -> str:
    """Say how far a young shop's own past carries; nothing where it carries."""
    if level == "early":
        return _("Fewer than 100 customers were there to test on: trust the order of people more than the figures.")
    if level == "growing":
        return _("Fewer than 300 customers were there to test on: the figures will get firmer with more of them.")
    return ""


def how_good_value(card: dict, currency: str) -> str:
    """Say how the method in use told money on the shop's own past."""
    words = {
        "method": method(card["champion"]), "told": say.rough_money(card["told_minor"], currency),
        "spent": say.rough_money(card["spent_minor"], currency), "capture": say.percent(card["capture"]),
        "days": say.number(card["horizon_days"]),
    }  # fmt: skip
    return (
        _(
            "Method: %(method)s. Tested on your own past, for %(days)s days after each day of the test: all together "
            "it told %(told)s, and %(spent)s came. The tenth of customers it thought most of brought %(capture)s of "
            "that."
        )
        % words
    )


def how_good_intent(card: dict) -> str:
    """Say how the method in use told who would order soon."""
    words = {
        "method": method(card["champion"]), "caught": say.number(card["caught"]), "picked": say.number(card["picked"]),
        "expected": say.number(card["expected"]), "days": say.number(card["horizon_days"]),
    }  # fmt: skip
    return (
        _(
            "Method: %(method)s. Tested on your own past: of the %(picked)s customers it found most likely to order, "
            "%(caught)s did within %(days)s days; %(picked)s picked at random would have given %(expected)s."
        )
        % words
    )


def why_chances(used: str, mine: dict, other: str, theirs: dict, ends: list[int], *, is_trusted: bool) -> str:
    """Say why the method in use speaks although another did better in figures of these tests.

    One that is trusted more beforehand was passed over, so it was clearly behind.
    """
    words = {
        "other": method(other), "caught": say.number(theirs["caught"]), "picked": say.number(theirs["picked"]),
        "mine": say.number(mine["caught"]), "of": say.number(mine["picked"]),
        "low": say.number(ends[0]), "high": say.number(ends[1]),
        "off": say.percent(theirs["ece"], 1), "mine_off": say.percent(mine["ece"], 1),
    }  # fmt: skip
    seen = _(
        "In these tests “%(other)s” was right for %(caught)s of the %(picked)s customers it named, the method in use "
        "for %(mine)s of %(of)s; their chances were off by %(off)s and %(mine_off)s."
    )
    if ends[0] <= theirs["caught"] <= ends[1]:
        seen = _(
            "In these tests “%(other)s” was right for %(caught)s of the %(picked)s customers it named, the method in "
            "use for %(mine)s of %(of)s, where %(low)s to %(high)s would be no surprise; their chances were off by "
            "%(off)s and %(mine_off)s."
        )
    seen %= words
    language = translation.get_language()
    if is_trusted:
        return actions.sentences(
            seen, _("Over the chances of all customers, “%(other)s” is clearly behind.") % words, language
        )
    rule = _("Over the chances of all customers, “%(other)s” is not ahead by more than chance explains.") % words
    return actions.sentences(actions.sentences(seen, rule, language), _trusted(used), language)


def why_value(used: str, mine: dict, other: str, theirs: dict, currency: str, *, is_trusted: bool) -> str:
    """Say why the method in use speaks although the sums of another were nearer to what came."""
    words = {
        "other": method(other), "off": say.money(round(theirs["mae_minor"]), currency),
        "mine": say.money(round(mine["mae_minor"]), currency),
    }  # fmt: skip
    language = translation.get_language()
    seen = _("In these tests “%(other)s” was off by %(off)s per customer, the method in use by %(mine)s.")
    if is_trusted:
        rule = _("Measured against how large each sum is, “%(other)s” is clearly behind.")
        return actions.sentences(seen % words, rule % words, language)
    rule = _("Measured against how large each sum is, “%(other)s” is not ahead by more than chance explains.")
    if mine["windows"] < 2:
        rule = _("A single stretch of time does not tell which of them will be ahead in the next.")
    return actions.sentences(actions.sentences(seen, rule, language) % words, _trusted(used), language)


def _trusted(used: str) -> str:
    if used == "blend":
        return _("So several methods together are used: their mean is safer than picking one of them.")
    return _("So the one trusted more beforehand is used, because it has less to learn from your past.")


def win_back(kind: str, *, people: int, risk: float, at_stake: str, days: int) -> str:
    """Write one text of the suggestion to win back slipping regulars."""
    words = {"count": say.number(people), "risk": say.percent(risk), "amount": at_stake, "days": say.number(days)}
    if kind == "title":
        return ngettext(
            "Win back %(count)s regular who is slipping away",
            "Win back %(count)s regulars who are slipping away", people,
        ) % words  # fmt: skip
    if kind == "evidence":
        return (
            _(
                "On average they will stay away for the next %(days)s days with a chance of %(risk)s; "
                "about %(amount)s of their usual spending is at stake."
            )
            % words
        )
    return _("Write to them")


def welcome(kind: str, *, people: int, days: int) -> str:
    """Write one text of the suggestion to welcome new customers."""
    words = {"count": say.number(people), "days": say.number(days)}
    if kind == "title":
        return ngettext("Welcome %(count)s new customer", "Welcome %(count)s new customers", people) % words
    if kind == "evidence":
        return (
            _("They placed their first order within the last %(days)s days and have not come a second time yet.")
            % words
        )
    return _("Send a welcome")


def thank(kind: str, *, people: int, share: float) -> str:
    """Write one text of the suggestion to thank the champions."""
    words = {"count": say.number(people), "share": say.percent(share)}
    if kind == "title":
        return ngettext("Thank your %(count)s best customer", "Thank your %(count)s best customers", people) % words
    if kind == "evidence":
        return _("They bought recently, buy often, and brought %(share)s of what known customers spent.") % words
    return _("Say thank you")


def rescue(kind: str, *, people: int) -> str:
    """Write one text of the suggestion to write to the group at risk, where no chances could be estimated."""
    words = {"count": say.number(people)}
    if kind == "title":
        return ngettext(
            "Write to %(count)s customer who has gone quiet", "Write to %(count)s customers who have gone quiet", people
        ) % words  # fmt: skip
    if kind == "evidence":
        return _("They used to come often and have not ordered for longer than most of your customers.")
    return _("Write to them")


def restock(kind: str, *, products: int, until: dt.date, first: Iterable[tuple[str, dt.date]]) -> str:
    """Write one text of the suggestion to order what runs out."""
    if kind == "title":
        words = {"count": say.number(products), "date": say.day(until)}
        return ngettext(
            "%(count)s product will probably run out before %(date)s",
            "%(count)s products will probably run out before %(date)s", products,
        ) % words  # fmt: skip
    if kind == "evidence":
        named = [_("%(product)s about %(date)s") % {"product": name, "date": say.day(day)} for name, day in first]
        return _("The first: %(products)s.") % {"products": "; ".join(named)}
    return _("See what to order")


def restock_why(card: dict, *, counted_from: dt.date) -> str:
    """Say what the suggestion to order rests on."""
    language = translation.get_language()
    rests_on = _(
        "Your counts, the oldest of %(date)s, less what was sold since. The range is what the units that will be "
        "missing sell for."
    ) % {"date": say.day(counted_from)}  # fmt: skip
    return actions.sentences(rests_on, how_good_demand(card), language)


def how_good_demand(card: dict) -> str:
    """Say how the method in use told units on the shop's own past, beside the plain rule."""
    if not card["windows"]:
        return _("Your books do not reach back far enough yet to test a forecast, so the spans are wide on purpose.")
    words = {
        "method": method(card["champion"], task="demand"), "weeks": say.number(card["weeks"]),
        "times": say.number(card["windows"]), "covered": say.number(round(100 * card["covered"])),
        "date": say.day(card["until"]), "better": say.percent(max(1 - card["relative"], 0)),
    }  # fmt: skip
    if card["champion"] == card["baseline"]:
        return (
            _(
                "Tested on your own past, %(times)s times %(weeks)s weeks up to %(date)s: nothing beat the plain rule "
                "“as many as in the weeks before”, so that is used. Of 100 products, %(covered)s ended up within their "
                "span."
            )
            % words
        )
    return (
        _(
            "Method: %(method)s. Tested on your own past, %(times)s times %(weeks)s weeks up to %(date)s: its errors "
            "were %(better)s smaller than those of the plain rule “as many as in the weeks before”. Of 100 products, "
            "%(covered)s ended up within their span."
        )
        % words
    )
