"""What Taobao's and Tmall's two reports (订单 and 宝贝) share: numbers, buyers, and what counts as paid."""

import re

from crm.imports.formats import _china
from crm.imports.formats.base import Options, Person

SOURCE = "taobao"

# "phone_or_address" is the cell of newer Tmall files that holds 张三，86-13900139000，广东省 … in one.
PERSON = {
    "buyer": ["买家会员名", "买家昵称"], "name": ["收货人姓名", "收货人"], "phone": ["联系手机", "手机"],
    "phone2": ["联系电话"], "address": ["修改后的收货地址"], "address2": ["收货地址"],
}  # fmt: skip
ORDER = {
    "placed": ["订单创建时间", "买家下单时间"], "paid": ["订单付款时间", "买家付款时间"], "status": ["订单状态"],
    "done": ["确认收货时间"], "refunded": ["退款金额"], "channel": ["店铺名称"],
}  # fmt: skip

_COMMAS = re.compile(r"[，,]")


def person(cells, column, line_number: int) -> Person | None:
    name, phones = cells[column["name"]], (cells[column["phone"]], cells[column["phone2"]])
    place = next((text for key in ("address", "address2") if (text := cells[column[key]].strip())), "")
    parts = [part.strip() for part in _COMMAS.split(place)]
    if len(parts) >= 3 and (_china.phone(parts[1]) or "*" in parts[1]):
        name, phones, place = name or parts[0], (*phones, parts[1]), "，".join(parts[2:])
    return _china.person(
        SOURCE,
        key=cells[column["buyer"]],
        name=name,
        nickname=cells[column["buyer"]],
        phones=phones,
        place=place,
        line_number=line_number,
    )


def was_paid(cells, column) -> bool:
    return bool(_china.told(cells[column["paid"]]) or _china.told(cells[column["done"]]))


def refunded(options: Options, cells, column) -> int:
    return abs(_china.minor(options, cells, column["refunded"]))
