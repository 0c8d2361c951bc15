"""Shopee orders: one row per item, what belongs to the order repeated on each; the header in the shop's language.

The buyer is the user name; names and phones of receivers are masked. The currency stands in the names of columns,
Total Discount(PHP), else it is the country's whose language the header has. Taiwan's names may say whether they are of
the order or of an item: 訂單編號 (單), 商品名稱 (品).
"""

import re
from collections.abc import Sequence
from functools import partial

from django.utils.translation import gettext_lazy as _

from crm.imports.formats import _china, base
from crm.imports.formats.base import Header, Needs, Options, Person, Purchase, PurchaseLine, clean
from crm.imports.values import is_scientific, minor_reader

SLUG = "shopee_orders"
LABEL = _("Shopee orders")
KIND = base.ORDERS
SOURCE = "shopee"

_ALIASES = {
    "number": ["order id", "no. pesanan", "mã đơn hàng", "หมายเลขคำสั่งซื้อ", "訂單編號", "id do pedido"],
    "status": [
        "order status", "status pesanan", "trạng thái đơn hàng", "สถานะการสั่งซื้อ", "訂單狀態", "status do pedido",
    ],
    "return": [
        "return / refund status", "status pembatalan/ pengembalian", "trạng thái trả hàng/hoàn tiền", "退貨 / 退款狀態",
        "status da devolução / reembolso",
    ],
    "placed": [
        "order creation date", "waktu pesanan dibuat", "ngày đặt hàng", "วันที่ทำการสั่งซื้อ", "訂單成立日期", "訂單成立時間",
        "data de criação do pedido",
    ],
    "paid": [
        "order paid time", "waktu pembayaran dilakukan", "thời gian đơn hàng được thanh toán", "เวลาการชำระสินค้า",
        "買家付款時間", "hora do pagamento do pedido",
    ],
    "item": [
        "product name", "nama produk", "tên sản phẩm", "ชื่อสินค้า", "商品名稱", "nome do produto", "product information",
    ],
    "kind": ["variation name", "nama variasi", "tên phân loại hàng", "ชื่อตัวเลือก", "商品選項名稱", "nome da variação"],
    "sku": [
        "sku reference no.", "nomor referensi sku", "sku phân loại hàng", "เลขอ้างอิง sku (sku reference no.)",
        "商品選項貨號", "número de referência sku",
    ],
    "sku2": ["parent sku reference no.", "sku induk", "sku sản phẩm", "主商品貨號",
             "nº de referência do sku principal"],
    "price": ["deal price", "harga setelah diskon", "giá ưu đãi", "ราคาขาย", "商品活動價格", "preço acordado"],
    "full_price": ["original price", "harga awal", "giá gốc", "ราคาตั้งต้น", "商品原價", "preço original"],
    "quantity": ["quantity", "jumlah", "số lượng", "จำนวน", "數量", "quantidade"],
    "returned": ["returned quantity", "số lượng sản phẩm được hoàn trả", "退貨數量"],
    "subtotal": [
        "product subtotal", "total harga produk", "tổng giá bán (sản phẩm)", "ราคาขายสุทธิ", "subtotal do produto",
    ],
    "total": [
        "grand total", "total amount", "total pembayaran", "tổng số tiền người mua thanh toán", "จำนวนเงินทั้งหมด",
        "買家總支付金額", "訂單總金額", "total global", "valor total", "total buyer payment",
    ],
    "shipping": [
        "buyer paid shipping fee", "ongkos kirim dibayar oleh pembeli", "phí vận chuyển mà người mua trả",
        "ค่าจัดส่งที่ชำระโดยผู้ซื้อ", "買家支付運費", "買家支付的運費",
        "taxa de envio pagas pelo comprador",
    ],
    "discount": ["seller voucher", "voucher ditanggung penjual", "mã giảm giá của shop", "賣家優惠券",
                 "cupom do vendedor"],
    "coupon": ["voucher code", "código do cupom"],
    "note": ["remark from buyer", "catatan dari pembeli", "nhận xét từ người mua", "買家備註",
             "observação do comprador"],
    "buyer": ["username (buyer)", "username (pembeli)", "người mua", "ชื่อผู้ใช้ (ผู้ซื้อ)", "買家帳號",
              "nome de usuário (comprador)"],
    "name": ["receiver name", "nama penerima", "tên người nhận", "ชื่อผู้รับ", "收件者姓名", "nome do destinatário"],
    "phone": ["phone number", "no. telepon", "số điện thoại", "หมายเลขโทรศัพท์", "收件者電話", "telefone"],
    "street": ["delivery address", "alamat pengiriman", "địa chỉ nhận hàng", "ที่อยู่ในการจัดส่ง", "收件地址",
               "endereço de entrega"],
    "city": ["city", "kota/kabupaten", "tỉnh/thành phố", "城市", "cidade", "district"],
    "region": ["province", "provinsi", "จังหวัด", "uf", "state"], "country": ["country", "quốc gia", "ประเทศ", "país"],
    "zip": ["zip code", "kode pos", "รหัสไปรษณีย์", "郵遞區號", "cep"],
}  # fmt: skip
_OF_THE_LINE = {"item", "kind", "sku", "sku2", "price", "full_price", "quantity", "returned", "subtotal"}
_AMOUNTS = ("price", "full_price", "subtotal", "total", "shipping", "discount")

# The language of a header is the country's: the place of its word for "order" among the names above.
_CURRENCIES = ("", "IDR", "VND", "THB", "TWD", "BRL")
_COUNTRIES = {
    "SGD": "SG", "MYR": "MY", "PHP": "PH", "IDR": "ID", "VND": "VN", "THB": "TH", "TWD": "TW", "BRL": "BR",
}  # fmt: skip
_GROUPED_BY_DOTS = {"IDR", "VND"}  # 150.000 has no decimals there, whatever the rest of the file tells
_SUFFIX = re.compile(r"\s*\((?:([A-Z]{3})|[單品])\)\s*$")

_CANCELLED = re.compile(r"cancel|batal|huỷ|hủy|ยกเลิก|不成立|取消|canceled")
_UNPAID = re.compile(r"unpaid|belum bayar|chờ thanh toán|chưa thanh toán|ที่ต้องชำระ|尚未付款|待付款|não pago|to pay")
_DONE = re.compile(
    r"completed|delivered|received|selesai|telah dikirim|hoàn thành|đã giao|đã nhận|สำเร็จ|จัดส่งสำเร็จ|完成|concluído"
)
_UNDER_WAY = re.compile(r"ship|dikirim|pengiriman|chờ lấy hàng|đang giao|ที่ต้องจัดส่ง|การจัดส่ง|待出貨|運送|enviar|enviado")
_GIVEN_BACK = re.compile(
    r"refund.*(paid|complete)|completed|approved|selesai|disetujui|hoàn thành|đã chấp nhận|完成|reembolso conclu"
)


def sniff(header: Header) -> float:
    plain = _without_currency(header)
    if any(plain.find(*_ALIASES[name]) is None for name in ("number", "status", "item")):
        return 0.0
    marks = [plain.find(*_ALIASES[name]) is not None for name in ("buyer", "price", "sku", "placed", "return")]
    return 0.6 + 0.07 * sum(marks) if sum(marks) >= 2 and (marks[0] or marks[1]) else 0.0


def needs(header: Header, mapping) -> Needs:
    plain = _without_currency(header)
    found = [plain.find(*_ALIASES[name]) for name in (*_AMOUNTS, "placed")]
    *amounts, placed = found
    return Needs(
        order_key=base.KeyIn(plain.find(*_ALIASES["number"])),
        amounts=tuple(index for index in amounts if index is not None),
        dates=() if placed is None else (placed,),
    )


def parse(groups, options: Options):
    build = partial(_purchase, currency=_currency(options))
    return base.each_order(groups, options, _aliases(options.header), build, of_the_line=_OF_THE_LINE)


def _aliases(header: Header) -> dict[str, list[str]]:
    """Return the names of columns as this file has them, with its currency in brackets."""
    told = {base.fold(_SUFFIX.sub("", name)): base.fold(name) for name in header.names}
    return {field: [told.get(name, name) for name in names] for field, names in _ALIASES.items()}


def _without_currency(header: Header) -> Header:
    return Header([_SUFFIX.sub("", name) for name in header.names])


def _currency(options: Options) -> str:
    for name in options.header.names:
        if (found := _SUFFIX.search(name.strip())) and found[1]:
            return found[1]
    plain = _without_currency(options.header)
    place = next((i for i, name in enumerate(_ALIASES["number"]) if name in plain), 0)
    return _CURRENCIES[place] or options.currency


def _minor(options: Options, column: int, currency: str):
    if currency in _GROUPED_BY_DOTS and options.marks.get(column) in ("unknown", None, "", "."):
        return minor_reader(currency, ",")
    return options.minor(column, currency)


def _purchase(rows, cells, column, options: Options, *, currency: str) -> Purchase:
    line_number = rows[0][0]
    said = {name: _minor(options, column[name], currency) for name in _AMOUNTS}
    quantity = options.quantity(column["quantity"])
    lines, back = [], 0
    for _number, row in rows:
        line, returned = _line(row, column, said, quantity)
        lines.append(line)
        back += returned
    shipping = said["shipping"](cells[column["shipping"]])
    if cells[column["total"]].strip():
        total = base.required_total(cells[column["total"]], said["total"])
    else:
        options.warn("no_total_column", line_number)
        total = sum(line.total_minor for line in lines) + shipping
    word, returning = clean(cells[column["status"]]), clean(cells[column["return"]]).casefold()
    placed = base.required_moment(cells[column["placed"]] or cells[column["paid"]], options)
    is_cancelled = _CANCELLED.search(word.casefold()) is not None
    payment, refunded = _payment(word, cells, column, options), 0
    if returning and _GIVEN_BACK.search(returning) and not is_cancelled:
        refunded = min(back or total, total)
        payment = "refunded" if refunded == total else "partly_refunded"
    return Purchase(
        source=SOURCE, number=base.order_number(cells[column["number"]]), placed_at=placed,
        currency=currency, total_minor=total, shipping_minor=shipping, refunded_minor=refunded,
        discount_minor=abs(said["discount"](cells[column["discount"]])), payment=payment, payment_word=word,
        cancelled_at=placed if is_cancelled else None, coupon_code=clean(cells[column["coupon"]]),
        note=clean(cells[column["note"]]), lines=lines, person=_person(cells, column, currency, line_number),
        line_number=line_number,
    )  # fmt: skip


def _payment(word: str, cells: Sequence[str], column, options: Options) -> str:
    """Return our word for a status; what is on its way may still be paid in cash at the door."""
    word = word.casefold()
    if _CANCELLED.search(word) or _UNPAID.search(word):
        return "unpaid"
    if _DONE.search(word) or not word:
        return "paid"
    if _UNDER_WAY.search(word):
        return "paid" if column["paid"] == options.missing or clean(cells[column["paid"]]) else "unpaid"
    return "unknown"


def _line(cells, column, said, quantity) -> tuple[PurchaseLine, int]:
    """Return a line, and what its pieces that came back had cost."""
    many = quantity(cells[column["quantity"]])
    price = cells[column["price"]].strip()
    unit = said["price"](price) if price else said["full_price"](cells[column["full_price"]])
    stated = cells[column["subtotal"]].strip()
    total = said["subtotal"](stated) if stated else round(unit * many)
    returned = quantity(text) if (text := cells[column["returned"]].strip()) else 0
    name = _china.product_name(cells[column["item"]], cells[column["kind"]])
    sku = clean(cells[column["sku"]]) or clean(cells[column["sku2"]])
    return PurchaseLine(name, sku, many, unit, total), round(total / many * returned) if many else 0


def _person(cells, column, currency: str, line_number: int) -> Person | None:
    buyer, phone = _china.said(cells[column["buyer"]]), _china.said(cells[column["phone"]])
    if is_scientific(buyer):
        buyer = ""
    if is_scientific(phone):
        phone = ""
    if not (buyer or phone):
        return None
    return Person(
        source=SOURCE, key=buyer, name=_china.said(cells[column["name"]])[:200] or buyer, phone=phone,
        street=_china.said(cells[column["street"]]), city=_china.said(cells[column["city"]]),
        region=_china.said(cells[column["region"]]), postcode=_china.said(cells[column["zip"]]),
        country=clean(cells[column["country"]]) or _COUNTRIES.get(currency, ""), line_number=line_number,
    )  # fmt: skip
