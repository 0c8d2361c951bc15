"""Youzan (有赞) customers. There is no customer number: phones are the key, and two people may share one.

What a row says of a person when it joined tells people without a phone, or on one phone, apart.
"""

import hashlib

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, _people, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, clean

SLUG = "youzan_customers"
LABEL = _("Youzan customers (有赞)")
KIND = base.CONTACTS
SOURCE = "youzan"

_ALIASES = {
    "name": ["客户姓名"], "nickname": ["客户昵称"], "phone": ["客户手机号"], "birthday": ["客户生日"],
    "gender": ["客户性别"], "tags": ["标签"], "joined": ["成为客户时间"],
    "points": ["客户积分"], "stored_value": ["客户储值余额"], "level": ["免费等级"],
}  # fmt: skip
_EXTRA = ("gender", "points", "stored_value", "level")


def sniff(header: Header) -> float:
    if not {"客户手机号", "成为客户时间"} <= header.index.keys():
        return 0.0
    return 0.75 + 0.2 * header.share(["客户姓名", "客户昵称", "客户积分", "消费次数"])


def needs(header: Header, mapping) -> Needs:
    return Needs()


def parse(groups, options: Options):
    column = options.columns(_ALIASES)
    return base.each(groups, lambda group: _person(*group[0], column, options))


def _person(line_number: int, cells, column, options: Options) -> Person:
    told = {name: clean(cells[index]) for name, index in column.items()}
    name, nickname = _china.said(told["name"]), _china.said(told["nickname"])
    phone = _china.phone(told["phone"])
    joined = base.joined(told["joined"], options, line_number, _china.read_moment)
    identity = [told[field] for field in ("name", "nickname", "phone", "joined")]
    if not any(identity[:3]):
        raise BadValue(_("The row has no name and no phone"))
    born, noted = _people.birthday(told["birthday"], day_first=options.day_first)
    return Person(
        source=SOURCE,
        key="at-" + hashlib.blake2b("|".join(identity).encode(), digest_size=8).hexdigest(),
        name=name or nickname,
        phone=phone,
        country="CN",
        birthday=born,
        tags=_people.tags(told["tags"]),
        extra={**noted, **{field: told[field] for field in _EXTRA if _china.said(told[field])}},
        joined_at=joined,
        authoritative=True,
        line_number=line_number,
    )
