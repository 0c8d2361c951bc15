"""Invent a bakery with a café, its customers and two years of orders, and keep the truth behind them.

Everything is drawn from known behaviour, so tests can ask the analyst what only this file knows:
who really stopped coming and when, how often somebody comes, and what the offer did to each person.

Kinds of customers
  regular     comes by a clock: gaps are gamma distributed around a mean of their own
  occasional  comes at random, every one to four months
  seasonal    comes before Christmas and Easter only
  one_timer   came once
A regular or occasional customer stops for good on `churned_on`, drawn from an exponential life time.

What an offer does (`offer_effect`, the change in the chance of one more order within a week):
  persuadable +0.45 · sure 0, would have come anyway · lost_cause 0 · do_not_disturb -0.6: stays away for that week
The campaign OFFER does just this; in a shop of more than a year there are others (OTHERS), each with a
strength of its own, by which the effect is multiplied. Whoever is left out of a campaign is left out of its repeats.

The same seed, size and end give the same shop. The names are made up from lists of common names.
"""

import bisect
import datetime as dt
import itertools
from dataclasses import asdict, dataclass, field

from crm.lib import clock

KINDS = {"regular": 0.44, "occasional": 0.31, "one_timer": 0.18, "seasonal": 0.07}
LIFE_DAYS = {"regular": 420, "occasional": 700}
RESPONSES = {"persuadable": (0.35, 0.45), "sure": (0.3, 0.0), "lost_cause": (0.28, 0.0), "do_not_disturb": (0.07, -0.6)}
CONSENTS = {"yes": 0.66, "unknown": 0.28, "no": 0.06}
WEEKDAYS = (0.6, 0.8, 0.9, 1.0, 1.35, 1.9, 1.1)  # Monday to Sunday: Saturday is the busiest
HOURS = {7: 9, 8: 14, 9: 13, 10: 10, 11: 8, 12: 9, 13: 7, 14: 6, 15: 9, 16: 8, 17: 5, 18: 2}
UNNAMED_SHARE = 0.09  # orders at the till by people nobody knows
OFFER_DAYS_AGO = 38
OFFER_WINDOW_DAYS = 7
OFFER_QUIET_DAYS = 21
OFFER_HELD_OUT = 0.2
OFFER_POINTS = 30
FIRST_YEAR = 365  # days the shop was open before it first wrote to anybody but with OFFER, or asked for friends
USED_BROUGHT, USED_ANYWAY = 0.95, 0.6  # of those who came and have a coupon: who use it
REFERRED = 0.2  # of those who joined after the first year
COUNTED_DAYS_AGO = 9  # the larder's shelves
# product -> for how many weeks, at the pace of the last eight, the shelf was filled when it was counted
SHELVES = {20: 9, 21: 3.2, 22: 2.5, 23: 16}

# name, category, price and cost in euros, how often it is bought
PRODUCTS = [
    ("Sourdough loaf", "Bread", 5.20, 1.60, 9),
    ("Rye bread", "Bread", 4.80, 1.45, 6),
    ("Baguette", "Bread", 2.90, 0.70, 8),
    ("Sunflower rolls, 4", "Bread", 3.60, 0.95, 5),
    ("Spelt loaf", "Bread", 5.60, 1.85, 4),
    ("Focaccia", "Bread", 4.40, 1.30, 3),
    ("Butter croissant", "Pastry", 2.60, 0.75, 12),
    ("Almond croissant", "Pastry", 3.40, 1.05, 6),
    ("Cinnamon bun", "Pastry", 3.20, 0.90, 8),
    ("Pain au chocolat", "Pastry", 2.90, 0.90, 6),
    ("Cheese pretzel", "Pastry", 3.10, 0.85, 5),
    ("Poppy seed slice", "Cakes", 3.90, 1.10, 3),
    ("Lemon tart", "Cakes", 4.60, 1.40, 3),
    ("Carrot cake", "Cakes", 4.50, 1.35, 4),
    ("Cheesecake", "Cakes", 4.70, 1.50, 4),
    ("Whole cake to order", "Cakes", 34.00, 11.50, 0.5),
    ("Espresso", "Coffee and tea", 2.40, 0.45, 6),
    ("Cappuccino", "Coffee and tea", 3.60, 0.80, 13),
    ("Flat white", "Coffee and tea", 3.90, 0.85, 8),
    ("Jasmine tea", "Coffee and tea", 3.50, 0.50, 4),
    ("House blend beans, 250 g", "Coffee and tea", 9.80, 4.60, 2),
    ("Quince jam", "Larder", 5.90, 2.30, 1.5),
    ("Forest honey", "Larder", 8.40, 4.10, 1.2),
    ("Granola, 500 g", "Larder", 7.80, 3.00, 1.5),
    ("Christmas stollen", "Seasonal", 18.50, 6.20, 0.0),
    ("Easter lamb cake", "Seasonal", 9.80, 3.10, 0.0),
]
PAIRS = {6: 17, 7: 18, 8: 17, 0: 21, 1: 22, 12: 19, 13: 17, 14: 18}  # who takes the one often takes the other
STOLLEN, LAMB = 24, 25



@dataclass(frozen=True)
class Offer:
    """One campaign: when it went out, to whom, and what it does to them."""

    slug: str
    days_ago: int  # of its first mailing
    quiet_days: int  # it goes to whoever said yes and has been quiet for at least so long
    held_out: float
    versions: dict[str, float]  # letter -> strength
    weeks: int = 1  # one mailing a week
    points: int = 0
    gives: str = ""  # a coupon: percent, or product
    window_days: int = OFFER_WINDOW_DAYS


OFFER = Offer("thank_you", OFFER_DAYS_AGO, OFFER_QUIET_DAYS, OFFER_HELD_OUT, {"A": 1.0}, points=OFFER_POINTS)
OTHERS = (
    Offer("ten_percent", 250, 7, 0.3, {"A": 1.1}, gives="percent"),
    Offer("free_espresso", 160, 7, 0.3, {"A": 0.9}, gives="product"),
    Offer("summer", 115, 7, 0.3, {"A": 1.0}, gives="percent"),
    Offer("weekly_bread", 73, 0, 0.25, {"A": 0.1, "B": 1.0}, weeks=8),
    Offer("two_weeks", 5, 7, 0.25, {"A": 1.0}, gives="percent", window_days=14),  # still good
)
GIFT = 16  # the espresso

FIRST = {
    "en": "Ava Oliver Priya Theo Grace Noah Amara Leo Ruby Samuel "
    "Isla Kofi Elif Marcus Zoe Daniel Nadia Hugo Maya Finn",
    "de": "Lena Jonas Greta Paul Mia Felix Ida Anton Klara Emil "
    "Frieda Moritz Hanna Karl Johanna Oskar Ella Jakob Leni Till",
    "zh": "晓雨 欣怡 子轩 浩然 思远 雨桐 梓涵 建国 丽华 明哲 佳宁 文博 静怡 志强 美玲 天宇 若曦 俊杰 雪梅 海涛",
}
PINYIN = (
    "xiaoyu xinyi zixuan haoran siyuan yutong zihan jianguo lihua mingzhe jianing wenbo jingyi zhiqiang meiling tianyu "
    "ruoxi junjie xuemei haitao"
)
LAST = {
    "en": "Brandt Patel Okafor Haddad Murphy Clarke Bennett Osei Hughes Rossi Novak Silva Reid Khan Walsh Morgan",
    "de": "Weber Schulz Hoffmann Neumann Krüger Vogel Lorenz Seidel "
    "Albrecht Winter Sommer Busch Jansen Peters Engel Roth",
    "zh": "王 刘 陈 杨 赵 黄 周 吴 徐 孙 马 朱 胡 郭 何 林",
}
LAST_PINYIN = "wang liu chen yang zhao huang zhou wu xu sun ma zhu hu guo he lin"
LANGUAGE_SHARES = {"en": 0.35, "de": 0.45, "zh": 0.2}
CITIES = [("Berlin", "12043"), ("Berlin", "10999"), ("Berlin", "10437"), ("Potsdam", "14467"), ("Berlin", "13353")]
TAGS = ["vegan", "neighbour", "office", "no nuts", "stroller", "cyclist"]
NOTES = [
    "Prefers the loaf well baked.",
    "Asked whether we deliver on Sundays.",
    "Orders a cake every spring for her daughter.",
    "Brings his own cup.",
    "Likes to chat about hiking. Dog is called Muffin.",
    "Nut allergy: point out the almond croissant.",
    "Runs the office round the corner, might want breakfast platters.",
    "喜欢茉莉花茶，常带孩子来。",
]


@dataclass
class Person:
    number: int
    name: str
    email: str
    phone: str
    city: str
    postcode: str
    language: str
    consent: str
    birthday: dt.date | None
    tags: list[str]
    note: str
    # The truth
    kind: str
    joined_on: dt.date
    churned_on: dt.date | None
    mean_gap_days: float | None
    response: str
    offer_effect: float
    offered: str = ""  # sent, held_out, or nothing
    offer_brought_order: bool = False
    offer_kept_away: bool = False
    offer_clicked: bool = False


@dataclass
class Sale:
    person: int | None  # index of Invented.people
    placed_at: dt.datetime
    lines: list[tuple[int, int]]  # (index of PRODUCTS, quantity)
    number: str = ""
    channel: str = "till"
    refund_line: bool = False
    is_cancelled: bool = False
    coupon: str = ""  # the slug of the offer whose coupon was used


@dataclass
class Mailing:
    """One mailing of an offer. People are indexes of Invented.people."""

    offer: Offer
    at: dt.datetime
    sent: dict[int, str] = field(default_factory=dict)  # person -> version
    held_out: list[int] = field(default_factory=list)
    brought: set[int] = field(default_factory=set)
    kept_away: set[int] = field(default_factory=set)
    clicked: set[int] = field(default_factory=set)


@dataclass
class Invented:
    people: list[Person] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    mailings: list[Mailing] = field(default_factory=list)  # in the order they went out
    referrals: list[tuple[int, int]] = field(default_factory=list)  # friend, who sent them
    stock: dict[int, int] = field(default_factory=dict)  # product -> units counted COUNTED_DAYS_AGO
    opened_on: dt.date | None = None
    offer_at: dt.datetime | None = None

    def first_sales(self) -> dict[int, dt.datetime]:
        """Return when each person bought for the first time."""
        first: dict[int, dt.datetime] = {}
        for sale in self.sales:
            if sale.person is not None:
                first.setdefault(sale.person, sale.placed_at)
        return first

    def truth(self) -> dict:
        """Return what was drawn, ready for JSON: one entry per customer, with dates as text, and one per mailing."""
        numbers = [person.number for person in self.people]
        hidden = {"phone", "city", "postcode", "birthday", "tags", "note"}
        return {
            "opened_on": self.opened_on.isoformat(),
            "offer_at": self.offer_at.isoformat(),
            "offer_window_days": OFFER_WINDOW_DAYS,
            "customers": [
                {
                    name: value.isoformat() if isinstance(value, dt.date) else value
                    for name, value in asdict(person).items()
                    if name not in hidden
                }
                for person in self.people
            ],
            "mailings": [
                {
                    "offer": mailing.offer.slug,
                    "at": mailing.at.isoformat(),
                    "window_days": mailing.offer.window_days,
                    "strength": mailing.offer.versions,
                    "sent": {numbers[n]: letter for n, letter in mailing.sent.items()},
                    "held_out": [numbers[n] for n in mailing.held_out],
                    "brought": sorted(numbers[n] for n in mailing.brought),
                    "kept_away": sorted(numbers[n] for n in mailing.kept_away),
                }
                for mailing in self.mailings
            ],
        }


def invent(*, customers: int, years: float, seed: int, now: dt.datetime, zone: str) -> Invented:
    """Return a shop that opened `years` ago and took its last orders a moment before `now`."""
    import numpy as np

    random = np.random.default_rng(seed)
    today = clock.local_date(now, zone)
    invented = Invented(opened_on=today - dt.timedelta(days=round(365 * years)))
    days_open = (today - invented.opened_on).days
    invented.people = [_person(random, n, invented.opened_on, days_open) for n in range(customers)]
    visits = [_visits(random, person, today) for person in invented.people]

    offer_on = today - dt.timedelta(days=min(OFFER_DAYS_AGO, days_open // 2))
    invented.offer_at = clock.at_local(offer_on, dt.time(9), zone)
    for on, offer in _calendar(today, offer_on, since=invented.opened_on + dt.timedelta(days=FIRST_YEAR)):
        left_out = {n for one in invented.mailings if one.offer is offer for n in one.held_out}
        met = left_out.union(*(one.sent for one in invented.mailings if one.offer is offer))
        mailing = Mailing(offer, clock.at_local(on, dt.time(9), zone))
        _make_offer(random, mailing, invented.people, visits, on, left_out=left_out, met=met)
        invented.mailings.append(mailing)
    _note_offer(invented)

    sales = []
    for index, (person, dates) in enumerate(zip(invented.people, visits)):
        favourites = _favourites(random)
        for date in dates:
            sales.append(_sale(random, index, person, date, favourites, zone))
    for _ in range(round(len(sales) * UNNAMED_SHARE / (1 - UNNAMED_SHARE))):
        date = invented.opened_on + dt.timedelta(days=int(random.integers(0, days_open + 1)))
        sales.append(_sale(random, None, None, date, _favourites(random), zone))
    sales = sorted(
        (sale for sale in sales if sale.placed_at <= now), key=lambda sale: (sale.placed_at, sale.person or -1)
    )
    for n, sale in enumerate(sales, start=1):
        sale.number = f"D-{n:06d}"
    invented.sales = sales
    aside = np.random.default_rng([seed, 1])  # of what stands beside the orders
    _use_coupons(aside, invented)
    invented.referrals = _referrals(aside, invented)
    invented.stock = _stock(invented.sales, today)
    return invented


def _calendar(today: dt.date, offer_on: dt.date, *, since: dt.date) -> list[tuple[dt.date, Offer]]:
    """Return the days of all mailings with their offers, in order: OFFER's, and of the others those after `since`."""
    days = [(offer_on, OFFER)]
    for offer in OTHERS:
        first = today - dt.timedelta(days=offer.days_ago)
        if first >= since:
            days += [(first + dt.timedelta(weeks=week), offer) for week in range(offer.weeks)]
    return sorted(days, key=lambda one: one[0])


class _Weighted:
    """Things with weights, to draw from quickly: numpy's own weighted choice takes 30 times as long for one thing."""

    def __init__(self, weights: dict):
        self.things = list(weights)
        self.cumulated = list(itertools.accumulate(weights.values()))

    def draw(self, random):
        return self.things[bisect.bisect_right(self.cumulated, random.random() * self.cumulated[-1])]


_KIND, _CONSENT, _LANGUAGE = _Weighted(KINDS), _Weighted(CONSENTS), _Weighted(LANGUAGE_SHARES)
_RESPONSE = _Weighted({name: share for name, (share, _effect) in RESPONSES.items()})
_HOUR = _Weighted(HOURS)
_PRODUCT = _Weighted({n: product[4] for n, product in enumerate(PRODUCTS) if product[4]})
# A visit moves up to two days on, to a livelier day of the week.
_DAYS_ON = [_Weighted({days_on: WEEKDAYS[(weekday + days_on) % 7] for days_on in range(3)}) for weekday in range(7)]


def _person(random, number: int, opened_on: dt.date, days_open: int) -> Person:
    language = _LANGUAGE.draw(random)
    first, last = int(random.integers(20)), int(random.integers(16))
    if language == "zh":
        name = LAST["zh"].split()[last] + FIRST["zh"].split()[first]
        address = f"{PINYIN.split()[first]}.{LAST_PINYIN.split()[last]}"
    else:
        parts = FIRST[language].split()[first], LAST[language].split()[last]
        name, address = " ".join(parts), ".".join(parts).lower().replace("ü", "ue")
    kind = _KIND.draw(random)
    # A third were there from the first weeks; the others found the shop one by one, a few more each month.
    joined_days = random.integers(0, 30) if random.random() < 0.3 else days_open * random.random() ** 0.8
    joined_on = opened_on + dt.timedelta(days=min(int(joined_days), days_open - 1))
    if kind == "regular":
        gap = float(min(max(random.lognormal(2.4, 0.45), 3.5), 35))
    elif kind == "occasional":
        gap = float(random.uniform(30, 110))
    else:
        gap = None
    churned_on = None
    if kind in LIFE_DAYS:
        end = joined_on + dt.timedelta(days=int(random.exponential(LIFE_DAYS[kind])) + 1)
        churned_on = end if end < opened_on + dt.timedelta(days=days_open) else None
    elif kind == "one_timer":
        churned_on = joined_on + dt.timedelta(days=1)
    response = _RESPONSE.draw(random)
    if kind == "one_timer":
        response = "lost_cause" if random.random() < 0.8 else "persuadable"
    city, postcode = CITIES[int(random.integers(len(CITIES)))]
    return Person(
        number=number + 1,
        name=name,
        email=f"{address}{number + 1}@example.com",
        phone=f"+49 30 5550{number + 1:06d}" if random.random() < 0.45 else "",
        city=city,
        postcode=postcode,
        language={"en": "en", "de": "de", "zh": "zh-hans"}[language],
        consent=_CONSENT.draw(random),
        birthday=dt.date(1955, 1, 1) + dt.timedelta(days=int(random.integers(0, 18_000)))
        if random.random() < 0.4
        else None,
        tags=[TAGS[int(random.integers(len(TAGS)))]] if random.random() < 0.15 else [],
        note=NOTES[int(random.integers(len(NOTES)))] if random.random() < 0.06 else "",
        kind=kind,
        joined_on=joined_on,
        churned_on=churned_on,
        mean_gap_days=gap and round(gap, 1),
        response=response,
        offer_effect=RESPONSES[response][1],
    )


def _visits(random, person: Person, today: dt.date) -> list[dt.date]:
    """Return the dates this person came of their own accord; the first one is the day they joined."""
    if person.kind == "one_timer":
        return [person.joined_on]
    if person.kind == "seasonal":
        dates = [person.joined_on]
        for year in range(person.joined_on.year, today.year + 1):
            for start, length in ((dt.date(year, 3, 18), 30), (dt.date(year, 11, 24), 29)):
                for _ in range(int(random.integers(1, 4))):
                    dates.append(start + dt.timedelta(days=int(random.integers(length))))
        return sorted({date for date in dates if person.joined_on <= date <= today})
    shape = 4.0 if person.kind == "regular" else 1.2
    end = min(person.churned_on or today, today)
    date, dates = float(0), []
    last = (end - person.joined_on).days
    while date <= last:
        dates.append(person.joined_on + dt.timedelta(days=int(date)))
        date += max(1.0, random.gamma(shape, person.mean_gap_days / shape))
    return dates


def _make_offer(
    random, mailing: Mailing, people: list[Person], visits: list[list[dt.date]], on: dt.date, *, left_out: set[int],
    met: set[int],
) -> None:  # fmt: skip
    """Send an offer to customers who said yes, hold some out, and let each react as they truly do.

    `left_out` are those held out of an earlier mailing of it, `met` all whom such a mailing reached or left out.
    """
    offer, letters = mailing.offer, list(mailing.offer.versions)
    window = [on + dt.timedelta(days=n) for n in range(1, offer.window_days - 2)]  # a visit moves up to two days on
    for n, (person, dates) in enumerate(zip(people, visits)):
        before = [date for date in dates if date < on]
        if person.consent != "yes" or not before or (on - before[-1]).days < offer.quiet_days:
            continue
        if n in left_out or (n not in met and random.random() < offer.held_out):
            mailing.held_out.append(n)
            continue
        letter = letters[int(random.integers(len(letters)))] if len(letters) > 1 else letters[0]
        mailing.sent[n] = letter
        effect = person.offer_effect * offer.versions[letter]
        if effect > 0 and random.random() < effect:
            mailing.brought.add(n)
            dates.append(window[int(random.integers(len(window)))])
            dates.sort()
        elif effect < 0 and random.random() < -effect:
            kept = [date for date in dates if date not in window]
            if len(kept) < len(dates):
                mailing.kept_away.add(n)
            dates[:] = kept
        if random.random() < (0.85 if n in mailing.brought else 0.25):
            mailing.clicked.add(n)


def _note_offer(invented: Invented) -> None:
    """Write on each person what the campaign OFFER did to them."""
    [mailing] = [one for one in invented.mailings if one.offer is OFFER]
    for n, person in enumerate(invented.people):
        person.offered = "sent" if n in mailing.sent else "held_out" if n in mailing.held_out else ""
        person.offer_brought_order = n in mailing.brought
        person.offer_kept_away = n in mailing.kept_away
        person.offer_clicked = n in mailing.clicked


def _use_coupons(random, invented: Invented) -> None:
    """Let those who came while their coupon was good use it, once each, or forget it at home."""
    for mailing in invented.mailings:
        if not mailing.offer.gives:
            continue
        until, holders = mailing.at + dt.timedelta(days=mailing.offer.window_days), set(mailing.sent)
        for sale in invented.sales:
            if sale.person not in holders or not mailing.at < sale.placed_at <= until:
                continue
            holders.remove(sale.person)
            share = USED_BROUGHT if sale.person in mailing.brought else USED_ANYWAY
            if random.random() < share and not (sale.refund_line or sale.is_cancelled):
                sale.coupon = mailing.offer.slug
                if mailing.offer.gives == "product" and GIFT not in dict(sale.lines):
                    sale.lines = sorted([*sale.lines, (GIFT, 1)])


def _referrals(random, invented: Invented) -> list[tuple[int, int]]:
    """Return which of the people who came after the first year were sent by whom."""
    since, found = invented.opened_on + dt.timedelta(days=FIRST_YEAR), []
    first = invented.first_sales()
    for n, person in enumerate(invented.people):
        if person.joined_on < since or n not in first or random.random() >= REFERRED:
            continue
        known = [
            other
            for other, at in first.items()
            if at < first[n] - dt.timedelta(days=30) and invented.people[other].kind == "regular"
            and invented.people[other].churned_on is None
        ]  # fmt: skip
        if known:
            found.append((n, known[int(random.integers(len(known)))]))
    return found


def _stock(sales: list[Sale], today: dt.date) -> dict[int, int]:
    """Return how many of the larder's products were on the shelf when they were counted."""
    since = today - dt.timedelta(weeks=8)
    sold = dict.fromkeys(SHELVES, 0)
    for sale in sales:
        if sale.placed_at.date() >= since and not sale.is_cancelled:
            for product, quantity in sale.lines:
                if product in sold:
                    sold[product] += quantity
    return {product: max(round(weeks * sold[product] / 8), 1) for product, weeks in SHELVES.items()}


def _favourites(random) -> list[int]:
    return [_PRODUCT.draw(random) for _ in range(3)]


def _sale(random, index, person, date: dt.date, favourites: list[int], zone: str) -> Sale:
    if person is None or date != person.joined_on:
        date += dt.timedelta(days=_DAYS_ON[date.weekday()].draw(random))
    time = dt.time(_HOUR.draw(random), int(random.random() * 60), int(random.random() * 60))
    lines: dict[int, int] = {}
    for _ in range(1 + int(random.poisson(1.3))):
        product = favourites[int(random.random() * 3)] if random.random() < 0.75 else _PRODUCT.draw(random)
        lines[product] = lines.get(product, 0) + (2 if random.random() < 0.25 else 1)
        if product in PAIRS and random.random() < 0.45:
            lines[PAIRS[product]] = 1
    season = (
        STOLLEN if date.month == 12 or (date.month, date.day) > (11, 20) else LAMB if date.month in (3, 4) else None
    )
    if season is not None and random.random() < (0.8 if person is not None and person.kind == "seasonal" else 0.1):
        lines[season] = 1
    return Sale(
        person=index,
        placed_at=clock.at_local(date, time, zone),
        lines=sorted(lines.items()),
        channel="web" if index is not None and random.random() < 0.2 else "till",
        refund_line=bool(random.random() < 0.012),
        is_cancelled=bool(random.random() < 0.006),
    )
