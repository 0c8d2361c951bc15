"""What the Chinese platforms share: yuan, Beijing time, masked buyers, the words of an order's status.

A platform masks what it does not want to hand over (张**, 138****1234, ##…##). What is masked is left out: it names
nobody, so it is never a key, never a phone, and never brings two people together.
"""

import hashlib
import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.imports.formats.base import BadValue, Options, Person, Purchase, PurchaseLine, clean
from crm.imports.values import is_scientific, moment_reader

CURRENCY = "CNY"
ZONE = ZoneInfo("Asia/Shanghai")  # files name no zone; the platforms write Beijing's, wherever the shop is

read_moment = moment_reader(ZONE, day_first=None)

_MASKED = re.compile(r"[*＊•●]|密文|^[#$~]\S{7,}")
_NOTHING = {"-", "--", "无", "/", "null", "空"}


def told(text: str) -> str:
    """Return what a cell says, without guards; 60粒*1瓶 is a product and nothing masked."""
    text = clean(text)
    return "" if text in _NOTHING else text


@lru_cache(maxsize=16_384)
def said(text: str) -> str:
    """Return what a cell says of a person; nothing where it is masked."""
    text = told(text)
    return "" if _MASKED.search(text) else text


# ---- orders

_CANCELLED = re.compile(r"关闭|取消|作废|删除|不成立")
_REFUNDED = re.compile(r"退款(成功|完成|已完成|已到账|给用户)|已退款|已全额退款|全额退款|全部退款")
_PARTLY_REFUNDED = re.compile(r"部分退款")
_UNPAID = re.compile(r"(待|等待)(买家|用户|顾客)?(付款|支付)|未(付款|支付)|(付款|支付)失败|没有创建支付宝交易")
_PARTLY_PAID = re.compile(r"定金已付|已付定金|待付尾款|等待付尾款")
_PAID = re.compile(
    r"成功|完成|完结|已?发货|已付款|已支付|付款确认|出库|收货|签收|已揽|备货|评价|成团|核销|自提|使用|结算|打印|已打款"
)


@lru_cache(maxsize=1024)
def payment_of(word: str) -> str:
    """Return our word for an order's status; words we do not know stay unknown."""
    if not word:
        return "paid"
    for payment, pattern in (
        ("partly_refunded", _PARTLY_REFUNDED), ("refunded", _REFUNDED), ("unpaid", _CANCELLED),
        ("partly_paid", _PARTLY_PAID), ("unpaid", _UNPAID), ("paid", _PAID),
    ):  # fmt: skip
        if pattern.search(word):
            return payment
    return "unknown"


def is_cancelled(word: str) -> bool:
    return _CANCELLED.search(word) is not None


def is_refunded(word: str) -> bool:
    return _REFUNDED.search(word) is not None and not _PARTLY_REFUNDED.search(word)


def purchase(
    *, source: str, number: str, placed, total_minor: int, word: str, refunded_minor: int = 0, was_paid: bool = False,
    closed=None, **rest,
) -> Purchase:  # fmt: skip
    """Return an order in yuan. One that was paid and then closed was given back, whether or not the file says so."""
    if total_minor < 0:
        raise BadValue(_("The order's total is negative"))
    payment, cancelled = payment_of(word), is_cancelled(word)
    if payment in ("refunded", "unpaid") and not refunded_minor and (payment == "refunded" or (cancelled and was_paid)):
        refunded_minor = total_minor
    if refunded_minor:
        payment = "refunded" if refunded_minor >= total_minor else "partly_refunded"
    return Purchase(
        source=source, number=number, placed_at=placed, currency=CURRENCY, total_minor=total_minor,
        refunded_minor=refunded_minor, payment=payment, payment_word=word,
        cancelled_at=(closed or placed) if cancelled else None, **rest,
    )  # fmt: skip


def placed_at(cells: list[str], *columns: int):
    """Return the first moment these cells hold."""
    for column in columns:
        if text := told(cells[column]):
            moment = read_moment(text)
            if moment is not None:
                return moment
    raise BadValue(_("The row has no date: export the orders with the column that says when they were placed"))


def minor(options: Options, cells: list[str], column: int) -> int:
    """Return an amount in fen; 499.00（系统计算中，该值仅供参考） is 499.00."""
    return options.minor(column, CURRENCY)(clean(cells[column]))


_TIMES = re.compile(r"\s*(?:(?:×|(?<![A-Za-z0-9])x)\s*(\d{1,5})|[(（](\d{1,5})\s*[件个][)）])$")  # not 8克*12


def packed(names: str, *, kinds: str, pieces: str = "", total_minor: int) -> list[PurchaseLine]:
    """Return the lines of a cell that names all products of an order.

    One product costs what the order's goods cost. Of several only the names are known, and only where there
    are as many as the order says it has; none of them is given a price.
    """
    names = told(names)
    if not names:
        return []
    count = _whole(kinds) or 1
    if count == 1:
        name, quantity = (names, many) if (many := _whole(pieces)) else _counted(names)
        return [PurchaseLine(name, "", quantity, round(total_minor / quantity), total_minor)]
    for separator in ("\n", "；", ";", "|", "，", ",", "、"):
        parts = [part.strip() for part in names.split(separator) if part.strip()]
        if len(parts) == count:
            return [PurchaseLine(name, "", quantity, 0, 0) for name, quantity in map(_counted, parts)]
    return []


def _whole(text: str) -> int:
    text = told(text)
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def _counted(name: str) -> tuple[str, int]:
    found = _TIMES.search(name)
    return (name[: found.start()].strip(), int(found[1] or found[2]) or 1) if found else (name, 1)


def product_name(name: str, kind: str) -> str:
    """Return a product's name with its colour and size."""
    name, kind = told(name), told(kind)
    return f"{name} - {kind}" if name and kind and kind not in name else name or kind


# ---- buyers

_MOBILE = re.compile(r"(?:\+?86|0086)?-?(1[3-9]\d{9})")
_WITH_EXTENSION = re.compile(r"(?:\+?86)?-?1[3-9]\d{9}\D+\d+")  # a number the platform lends for one parcel
_OTHER = re.compile(r"\+?[\d() -]{8,20}")


@lru_cache(maxsize=16_384)
def phone(text: str) -> str:
    """Return a number that is this buyer's: not a masked one, nor one lent for a parcel and given to others later."""
    text = said(text).replace(" ", "").removesuffix(".0")
    if not text or is_scientific(text) or _WITH_EXTENSION.fullmatch(text):
        return ""
    if found := _MOBILE.fullmatch(text):
        return found[1]
    return text if _OTHER.fullmatch(text) else ""


_REGIONS = (
    "北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南"
    "|陕西|甘肃|青海|内蒙古|广西|西藏|宁夏|新疆|台湾|香港|澳门"
)
_PLACE = re.compile(
    rf"(?:中国)?\s*(?P<region>(?:{_REGIONS})(?:省|市|壮族自治区|回族自治区|维吾尔自治区|自治区|特别行政区)?)\s*"
    r"(?P<city>[^\s\d区县镇]{2,8}?(?:市|自治州|地区|盟))?\s*"
)
_POSTCODE = re.compile(r"[(（\s](\d{6})[)）]?\s*$")
_ELSEWHERE = {"香港": "HK", "澳门": "MO", "台湾": "TW"}


@lru_cache(maxsize=16_384)
def address(text: str) -> tuple[str, str, str, str]:
    """Return (region, city, street, postcode) of an address in one cell; a masked street is left out."""
    text = clean(text)
    postcode = ""
    if found := _POSTCODE.search(text):
        text, postcode = text[: found.start()], found[1].replace("000000", "")
    region = city = ""
    if found := _PLACE.match(text):
        region, city, text = found["region"], found["city"] or "", text[found.end() :]
        if not city and region.rstrip("市") in ("北京", "天津", "上海", "重庆"):
            city = region
    return region, city, said(text), postcode


def person(
    source: str, *, line_number: int, key: str = "", name: str = "", nickname: str = "", phones: tuple[str, ...] = (),
    place: str = "", region: str = "", city: str = "", district: str = "", **rest,
) -> Person | None:  # fmt: skip
    """Return a buyer, or None where the file hides who it is.

    Without an account or a phone, one full name at one full address is one person.
    """
    key, name, nickname = said(key), said(name), said(nickname)
    if is_scientific(key):
        key = ""  # a spreadsheet lost its digits
    told_region, told_city, street, postcode = address(place)
    if district and street and not street.startswith(district):
        street = f"{said(district)}{street}"
    if not key and name and street and any(char.isdigit() for char in street):
        key = "at-" + hashlib.blake2b(f"{name}|{clean(place)}".encode(), digest_size=8).hexdigest()
    number = next(filter(None, map(phone, phones)), "")
    if not (key or number):
        return None
    region, city = said(region) or told_region, said(city) or told_city
    return Person(
        source=source, key=key, name=(name or nickname)[:200], phone=number, street=street, postcode=postcode,
        city=city, region=region, country=_ELSEWHERE.get(region[:2], "CN"), line_number=line_number, **rest,
    )  # fmt: skip
