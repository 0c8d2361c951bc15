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


@dataclass
class Invented:
    people: list[Person] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    opened_on: dt.date | None = None
    offer_at: dt.datetime | None = None

    def truth(self) -> dict:
        """Return what was drawn, ready for JSON: one entry per customer, with dates as text."""
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
    _make_offer(random, invented.people, visits, offer_on, today)

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
    return invented


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


def _make_offer(random, people: list[Person], visits: list[list[dt.date]], offer_on: dt.date, today: dt.date) -> None:
    """Send the offer to quiet customers who said yes, hold some out, and let each react as they truly do."""
    window = [
        offer_on + dt.timedelta(days=n) for n in range(1, OFFER_WINDOW_DAYS - 2)
    ]  # a visit moves up to two days on
    for person, dates in zip(people, visits):
        before = [date for date in dates if date < offer_on]
        if person.consent != "yes" or not before or (offer_on - before[-1]).days < OFFER_QUIET_DAYS:
            continue
        if random.random() < OFFER_HELD_OUT:
            person.offered = "held_out"
            continue
        person.offered = "sent"
        if person.offer_effect > 0 and random.random() < person.offer_effect:
            person.offer_brought_order = True
            dates.append(window[int(random.integers(len(window)))])
            dates.sort()
        elif person.offer_effect < 0 and random.random() < -person.offer_effect:
            kept = [date for date in dates if date not in window]
            person.offer_kept_away = len(kept) < len(dates)
            dates[:] = kept
        person.offer_clicked = random.random() < (0.85 if person.offer_brought_order else 0.25)


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
