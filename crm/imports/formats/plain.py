"""Any table of transactions: the columns are guessed from their names and contents, or matched by the owner.

With an invoice column, rows of one invoice are one order. Without one, rows that name products are one order per
customer and moment (the time of day where rows have one, else the day), and rows of customer, date and amount alone
are one order each. A negative quantity, or an invoice such as C536379 among numbers, is a return. Two equal lines are
two lines.
"""

import datetime as dt
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from django.utils.translation import gettext_lazy as _

from crm.contacts.identity import People, email_key
from crm.imports import values
from crm.imports.formats import _naming, base
from crm.imports.formats.base import BadValue, Header, Needs, Options, Person, Purchase, PurchaseLine, Row, clean
from crm.lib import money
from crm.orders.purchases import Purchases

SLUG = "plain"
LABEL = _("Any table of transactions")
KIND = base.ORDERS
SOURCE = "file"

FIELDS = {
    "date": _("Date"), "time": _("Time"), "amount": _("Amount of the row"), 
    "order_total": _("Total of the whole order"),
    "quantity": _("Quantity"), "unit_price": _("Price of one"), "invoice": _("Order or invoice number"),
    "customer": _("Customer number or name"), "name": _("Customer's name"), "email": _("E-mail"), "phone": _("Phone"),
    "sku": _("Product number (SKU)"), "product": _("Product name"), "category": _("Product category"),
    "discount": _("Discount"), "shipping": _("Shipping"), "tax": _("Tax"), "currency": _("Currency"),
    "status": _("Status"), "coupon": _("Coupon code"), "channel": _("Shop or channel"), "street": _("Street"),
    "postcode": _("Postcode"), "city": _("City"), "country": _("Country"),
}  # fmt: skip

_OF_THE_LINE = {"amount", "quantity", "unit_price", "invoice", "sku", "product", "category", "discount"}

# Names of columns in the languages shops write them, without blanks and punctuation; the more telling come first.
NAMES = {
    "invoice": "invoiceno invoicenumber invoiceid invoice orderid orderno ordernumber ordernr orderref order"
    " receiptno receiptnumber receiptid receipt billno billnumber bill transactionid transactionno"
    " transactionnumber transaction basketid basket ticket ticketid bonnummer bonnr bon belegnummer belegnr"
    " beleg rechnungsnummer rechnungsnr rechnung bestellnummer bestellnr bestellung auftragsnummer"
    " numerodecommande numérodecommande commande numerofacture numérodefacture facture numerodepedido"
    " númerodepedido pedido factura numeroordine ordine fattura scontrino bestelnummer bestelling"
    " factuurnummer bonnetje 订单号 订单编号 单号 发票号 小票号 交易号 流水号 注文番号 주문번호 номерзаказа",
    "date": "invoicedate orderdate purchasedate saledate transactiondate transactiontimestamp datetime"
    " timestamp date orderedat placedat purchasedat createdat soldat paidat day bestelldatum rechnungsdatum"
    " kaufdatum belegdatum datum datedecommande datecommande datefacture dateachat fechadepedido fechadecompra"
    " fecha dataordine datavendita data besteldatum orderdatum 订单日期 下单时间 交易时间 成交时间 付款时间"
    " 日期 时间 注文日 購入日 날짜 주문일 датазаказа дата",
    "time": "time ordertime uhrzeit heure hora ora tijd 时刻",
    "customer": "customerid customerno customernumber clientid clientno userid memberid memberno cardid"
    " cardno loyaltyid loyaltycard buyerid householdid personid accountid customer client member buyer"
    " household user kundennummer kundennr kundenid kunde numeroclient numéroclient idcliente numerodecliente"
    " cliente klantnummer klantid klant 客户编号 客户id 客户号 会员编号 会员号 会员卡号 用户id 客户 会员"
    " 顧客id 고객번호 клиент",
    "name": "customername clientname buyername fullname name kundenname nomclient nom nombre nombrecliente"
    " nome naam 客户姓名 客户名称 会员姓名 姓名 买家",
    "email": "email emailaddress customeremail mail mailadresse correo correoelectronico courriel 邮箱 电子邮件 メール",
    "phone": "phone phonenumber mobile mobilenumber telephone tel telefon telefonnummer handy telefono"
    " teléfono téléphone telefoon 手机号 手机 电话 联系电话",
    "sku": "stockcode sku productid productcode productno itemid itemcode itemno articleno articlenumber"
    " articleid ean barcode artikelnummer artikelnr reference référence referencia codigo código codice"
    " artikelcode 商品编码 商品编号 货号 商品id 条码",
    "product": "productname itemname description product item lineitem title artikelbezeichnung artikel"
    " bezeichnung produktname produkt produit désignation designation article producto descripcion descripción"
    " prodotto descrizione omschrijving 商品名称 产品名称 商品 品名 商品名",
    "category": "productcategory category department warengruppe kategorie categorie catégorie categoria"
    " categoría 类别 分类 品类",
    "quantity": "quantity qty units pieces menge anzahl stück stueck quantite quantité cantidad quantita"
    " quantità aantal 数量 件数 销售数量 個数 수량 количество",
    "unit_price": "unitprice itemprice priceperunit priceeach price einzelpreis stückpreis stueckpreis preis"
    " prixunitaire prix preciounitario precio prezzounitario prezzo stuksprijs prijs 单价 价格 售价 単価 단가"
    " цена",
    "amount": "linetotal lineamount salesvalue amount totalamount totalprice netamount grossamount amountpaid"
    " total sales saleamount spend spent revenue value sum paid gesamtbetrag betrag gesamt summe umsatz"
    " montant montanttotal importe importo bedrag totaal 实付金额 消费金额 销售额 金额 总额 总价 金額 금액"
    " сумма",
    "order_total": "ordertotal invoicetotal grandtotal basketvalue ordervalue orderamount rechnungsbetrag"
    " 订单金额 订单总额",
    "discount": "discount discountamount rabatt remise descuento sconto korting 折扣 优惠金额",
    "shipping": "shipping shippingcost postage versand versandkosten livraison envio envío spedizione verzending 运费",
    "tax": "tax taxes vat mwst steuer tva iva btw 税",
    "currency": "currency currencycode währung waehrung devise moneda valuta 币种 货币",
    "status": "orderstatus paymentstatus status statut estado stato 订单状态 状态",
    "coupon": "couponcode coupon voucher vouchercode promocode gutschein gutscheincode",
    "channel": "channel storeid store shop location filiale kanal magasin tienda negozio winkel 渠道 门店",
    "street": "street address streetaddress strasse straße adresse direccion dirección indirizzo straat 地址",
    "postcode": "postcode zip zipcode postalcode plz postleitzahl codepostal codigopostal cap 邮编",
    "city": "city town stadt ort ville ciudad città citta plaats 城市",
    "country": "country countrycode land pays país pais paese 国家",
}
_KNOWN = _naming.vocabulary(NAMES)
_SHAPES = str.maketrans("123456789", "000000000")
_SEVERAL = "several"
_MIDNIGHT = dt.time()

_PAYMENT = {
    word: payment
    for payment, words in {
        "paid": "paid,complete,completed,closed,done,success,succeeded,fulfilled,shipped,delivered,processing,bezahlt,"
        "abgeschlossen,versendet,payé,pagado,pagato,betaald,交易成功,交易完成,已完成,已付款,已发货,已支付",
        "unpaid": "unpaid,pending,open,on hold,on-hold,failed,offen,unbezahlt,ausstehend,impayé,pendiente,"
        "等待买家付款,待付款,未付款",
        "refunded": "refunded,erstattet,remboursé,reembolsado,rimborsato,已退款,退款成功",
        "partly_refunded": "partially refunded,partly refunded,partially_refunded,部分退款",
        "cancelled": "cancelled,canceled,void,voided,storniert,annulé,cancelado,annullato,geannuleerd,"
        "交易关闭,已取消,已关闭",
    }.items()
    for word in words.split(",")
}


@dataclass(slots=True)
class Guess:
    """What the columns seem to mean, how sure we are, and what the owner should look at."""

    mapping: dict[str, int] = field(default_factory=dict)
    confidence: float = 0.0


def sniff(header: Header) -> float:
    """Return how well the names of the columns alone tell a transaction: never as sure as a platform's own format."""
    return _confidence(_by_name(header))


def guess(header: Header, rows: Sequence[list[str]]) -> Guess:
    """Return what each column means, by its name and by what the first rows hold."""
    mapping = _by_name(header)
    samples = {
        index: [row[index] for row in rows if index < len(row) and row[index].strip()] for index in range(len(header))
    }
    for name, fits in (
        ("date", _is_date), ("amount", _is_amount), ("unit_price", _is_amount), ("quantity", _is_amount),
        ("order_total", _is_amount), ("email", lambda text: email_key(text) is not None),
        ("status", lambda text: text.strip().casefold() in _PAYMENT), ("currency", lambda text: len(text.strip()) == 3),
    ):  # fmt: skip
        if name in mapping and not _mostly(fits, samples[mapping[name]]):
            del mapping[name]
    if "unit_price" in mapping and "quantity" not in mapping and "amount" not in mapping:
        mapping["amount"] = mapping.pop("unit_price")
    if {"amount", "invoice"} <= mapping.keys() and "order_total" not in mapping and _is_repeated(mapping, rows):
        mapping["order_total"] = mapping.pop("amount")
    if (
        "customer" in mapping
        and "email" not in mapping
        and _mostly(lambda text: email_key(text) is not None, samples[mapping["customer"]])
    ):
        mapping["email"] = mapping.pop("customer")
    confidence = _confidence(mapping)
    if confidence < base.SURE:
        mapping = _by_content(header, samples, mapping)
    return Guess(mapping, confidence)


def source_of(header: Header, mapping: Mapping[str, int]) -> str:
    """Return whose numbers a table holds: customer 1 of one till is not customer 1 of another.

    Known by the names of the columns that identify and pay, so that further columns change nothing.
    """
    telling = ("invoice", "customer", "email", "phone", "name", "date", "amount", "unit_price", "order_total")
    names = sorted(values.fold(header.names[mapping[name]]) for name in telling if name in mapping)
    return f"{SOURCE}-{hashlib.blake2b('|'.join(names).encode(), digest_size=3).hexdigest()}"


def needs(header: Header, mapping: Mapping[str, int]) -> Needs:
    date, customer = mapping.get("date"), _customer_column(mapping)
    amounts = tuple(
        mapping[name]
        for name in ("amount", "unit_price", "order_total", "discount", "shipping", "tax", "quantity")
        if name in mapping
    )
    wanted = Needs(amounts=amounts, dates=() if date is None else (date,))
    if "invoice" in mapping:
        invoice = mapping["invoice"]
        wanted.order_key = base.KeyIn(invoice, lambda cells: "" if date is None or not cells[date] else None)
        wanted.tags = lambda block: _number_shapes([cells[invoice] for cells in block])
    elif _has_products(mapping) and customer is not None and date is not None:
        time = mapping.get("time", date)
        wanted.order_key = _customer_and_moment(customer, date, time)
        wanted.fingerprint = _fingerprint_of(mapping)  # of rows that name nobody
        at = (date,) if time == date else (date, time)
        wanted.tags = lambda block: _ways_of_writing([" ".join([cells[index] for index in at]) for cells in block])
    elif date is not None:
        wanted.fingerprint = _fingerprint_of(mapping)
    return wanted


def parse(groups, options: Options):
    missing, mapping = options.missing, options.mapping
    column = {name: mapping.get(name, missing) for name in FIELDS}
    reader = _Reader(column, options)
    return base.each(groups, reader.purchase)


def in_columns(options: Options) -> Callable[[list[Row]], Purchases | None] | None:
    """Return how to read rows that are an order each all at once, where numbers, days and amounts are all they tell."""
    is_plain = {"invoice", "date", "amount"} <= options.mapping.keys() <= {"invoice", "date", "amount", "customer"}
    if not is_plain or money.digits(options.currency) != 2:
        return None
    source = options.source or source_of(options.header, options.mapping)
    mark = options.marks.get(options.mapping["amount"], options.mark)
    places = [options.mapping.get(name, options.missing) for name in ("invoice", "date", "amount", "customer")]

    def read(rows: list[Row]) -> Purchases | None:
        line_numbers, records = zip(*rows)
        columns = list(zip(*records))
        numbers, dates, amounts, customers = (columns[place] for place in places)
        totals = values.usual_minors(amounts) if mark == "." else None
        placed_at = values.usual_moments(dates, options.zone)
        if totals is None or placed_at is None or not (values.are_numerals(numbers) and values.are_numerals(customers)):
            return None
        return Purchases.told(
            len(rows), source=[source], number=numbers, placed_at=placed_at, currency=[options.currency],
            total_minor=totals, kind=["return" if total < 0 else "sale" for total in totals], line_number=line_numbers,
            person=People.told(len(rows), source=[source], key=customers, line_number=line_numbers),
        )  # fmt: skip

    return read


class _Reader:
    """Turns the rows of one order into a purchase."""

    def __init__(self, column: dict[str, int], options: Options):
        self.column, self.options = column, options
        self.source = options.source or source_of(options.header, options.mapping)
        self.has_invoice, self.has_time = (column[name] != options.missing for name in ("invoice", "time"))
        self.by_moment = not self.has_invoice and _has_products(options.mapping)
        self.may_repeat = self.by_moment and _may_write_a_moment_twice(options.tags)
        self.c_is_return = options.tags["number"] > options.tags["c"] > 0
        self.quantity = options.quantity(column["quantity"])
        self.order_level = [column[name] for name in FIELDS.keys() - _OF_THE_LINE if column[name] != options.missing]
        self.times = lru_cache(maxsize=16_384)(self._times)
        self.fingerprint = _fingerprint_of(options.mapping)
        self.occurrences: dict[int, int] = {}
        has = {name for name, place in column.items() if place != options.missing}
        self.has_products = bool(has & {"sku", "product"})
        self.is_amount_alone = not has & {"sku", "product", "quantity", "unit_price"}
        self.is_key_alone = not has & {"name", "email", "phone", "street", "postcode", "city", "country"}
        self.amounts: dict[str, Callable[[str], int]] = {}  # how to read the column, by currency
        self.is_bare = not has & {"status", "discount", "shipping", "tax", "coupon", "channel"}

    def purchase(self, group) -> Purchase:
        column, options = self.column, self.options
        cells = base.merged(group, self.order_level)
        line_number = group[0][0]
        placed_at = self._placed_at(cells)
        currency = base.currency_code(cells[column["currency"]], options.currency)
        if self.is_amount_alone:
            lines, total = [], sum([self._amount(row, currency) for _line_number, row in group])
        else:
            lines = [self._line(row, currency) for _line_number, row in group]
            total = sum([line.total_minor for line in lines])
        number = self._number(cells, placed_at)
        if cells[column["order_total"]].strip():
            total = options.minor(column["order_total"], currency)(cells[column["order_total"]])
        is_return = total < 0 or (total == 0 and bool(lines) and all(line.quantity < 0 for line in lines))
        if self.c_is_return and total > 0 and _number_shape(number) == "c":
            is_return, total = True, -total
            for line in lines:
                line.quantity, line.total_minor = -abs(line.quantity), -abs(line.total_minor)
        person = self._person(cells, line_number)
        if self.is_bare:
            return Purchase(
                source=self.source, number=number, placed_at=placed_at, currency=currency, total_minor=total,
                kind="return" if is_return else "sale", lines=lines if self.has_products else [], person=person,
                line_number=line_number,
            )  # fmt: skip
        minor = options.minor(column["discount"], currency)
        word = cells[column["status"]].strip()
        payment = _PAYMENT.get(word.casefold(), "unknown") if word else "paid"
        is_cancelled = payment == "cancelled"
        return Purchase(
            source=self.source, number=number, placed_at=placed_at, currency=currency, total_minor=total,
            kind="return" if is_return else "sale",
            discount_minor=sum(abs(minor(row[column["discount"]])) for _line_number, row in group),
            shipping_minor=minor(cells[column["shipping"]]), tax_minor=minor(cells[column["tax"]]),
            payment="unpaid" if is_cancelled else payment, payment_word=word,
            cancelled_at=placed_at if is_cancelled else None, coupon_code=clean(cells[column["coupon"]]),
            channel=clean(cells[column["channel"]]), lines=lines if self.has_products else [],
            person=person, line_number=line_number,
        )  # fmt: skip

    def _placed_at(self, cells: list[str]):
        text = cells[self.column["date"]]
        if self.has_time:
            text = f"{text.strip()} {cells[self.column['time']].strip()}".strip()
        return base.required_moment(text, self.options)

    def _amount(self, cells: list[str], currency: str) -> int:
        said = cells[self.column["amount"]]
        if said and not said.isspace():
            read = self.amounts.get(currency)
            if read is None:
                read = self.amounts[currency] = self.options.minor(self.column["amount"], currency)
            return read(said)
        if self.column["order_total"] == self.options.missing:
            raise BadValue(_("The row has no amount"))
        return 0

    def _line(self, cells: list[str], currency: str) -> PurchaseLine:
        column = self.column
        quantity = self.quantity(cells[column["quantity"]])
        price, said = cells[column["unit_price"]], cells[column["amount"]]
        if said and said.strip():
            total = self.options.minor(column["amount"], currency)(said)
            if quantity < 0 < total:
                total = -total
        elif price and price.strip():
            total = self.times(price, quantity, currency)
        elif column["order_total"] != self.options.missing:
            total = 0
        else:
            raise BadValue(_("The row has no amount"))
        if price and price.strip():
            unit = self.options.minor(column["unit_price"], currency)(price)
        else:
            unit = abs(round(total / quantity)) if quantity else abs(total)
        if total < 0 < quantity and column["quantity"] == self.options.missing:
            quantity = -1  # a file without quantities: the sign stands on the amount
        return PurchaseLine(
            clean(cells[column["product"]]),
            clean(cells[column["sku"]]),
            quantity,
            unit,
            total,
            clean(cells[column["category"]]),
        )

    def _times(self, price: str, quantity: float, currency: str) -> int:
        """Return price times quantity in minor units, rounded once: unit prices may have more decimals than money."""
        mark = self.options.marks.get(self.column["unit_price"], self.options.mark)
        amount = values.read_amount(price, mark) or Decimal(0)
        exact = amount * Decimal(str(quantity)) * Decimal(10) ** money.digits(currency)
        return int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))

    def _number(self, cells: list[str], placed_at) -> str:
        if self.has_invoice:
            return base.order_number(cells[self.column["invoice"]])
        customer = cells[self.column["customer"]] or cells[self.column["email"]] or cells[self.column["name"]]
        local = placed_at.astimezone(self.options.zone)
        stem = f"{clean(customer)[:60]}:{local:%Y%m%d}"
        if self.by_moment and customer:
            parts = "%H%M%S%f" if local.microsecond else "%H%M%S"
            number = f"{stem}T{local:{parts}}" if local.time() != _MIDNIGHT else stem
            return self._told_apart(number, base.checksum(number)) if self.may_repeat else number
        text = self.fingerprint(cells)
        number = f"{stem}:{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=5).hexdigest()}"
        key = base.checksum(text)
        return self._told_apart(number, key) if key in self.options.repeated else number

    def _told_apart(self, number: str, key: int) -> str:
        """Return the number of an order, another one for each that says the same: equal rows are real."""
        count = self.occurrences[key] = self.occurrences.get(key, 0) + 1
        return f"{number}:{count}" if count > 1 else number

    def _person(self, cells: list[str], line_number: int) -> Person | None:
        column = self.column
        text, name, email, phone = cells[column["customer"]], "", "", ""
        if self.is_key_alone and text.isdecimal():
            return Person(self.source, text, line_number=line_number)
        key = clean(text)
        if not self.is_key_alone:
            email = base.first_email(cells[column["email"]])
            told = (clean(cells[column["name"]]), email, clean(cells[column["phone"]]))
            name, email, phone = ("" if "*" in text else text for text in told)  # 张** and 138****1234 name nobody
        if values.is_scientific(key):
            raise BadValue(
                _("A spreadsheet shortened the customer number; export again and do not open the file there")
            )
        if "*" in key:
            key = ""
        if key.endswith(".0") and key[:-2].isdecimal():
            key = key[:-2]  # a whole number that passed through a table of decimals
        if not (key or email or phone):
            if not name:
                return None
            key = " ".join(name.casefold().split())
        if not name and not (key[-1:].isdigit() or any(char.isdigit() for char in key)):
            name = key
        if self.is_key_alone:
            return Person(source=self.source, key=key, name=name[:200], line_number=line_number)
        return Person(
            source=self.source, key=key, name=name[:200], email=email, phone=phone,
            street=clean(cells[column["street"]]), postcode=clean(cells[column["postcode"]]),
            city=clean(cells[column["city"]]), country=clean(cells[column["country"]]), line_number=line_number,
        )  # fmt: skip


# ---- guessing


def _by_name(header: Header) -> dict[str, int]:
    mapping = _naming.guess(header, _KNOWN)
    if "time" in mapping and "date" not in mapping:
        mapping["date"] = mapping.pop("time")
    return mapping


def _confidence(mapping: Mapping[str, int]) -> float:
    has_amount = "amount" in mapping or "order_total" in mapping or "unit_price" in mapping
    if "date" not in mapping or not has_amount:
        return 0.0
    if _customer_column(mapping) is None:
        return 0.4
    return 0.55 + 0.05 * ("invoice" in mapping) + 0.05 * _has_products(mapping)


def _customer_column(mapping: Mapping[str, int]) -> int | None:
    return next((mapping[name] for name in ("customer", "email", "phone", "name") if name in mapping), None)


def _has_products(mapping: Mapping[str, int]) -> bool:
    return bool(mapping.keys() & {"sku", "product"})


def _mostly(fits, texts: Sequence[str]) -> bool:
    return bool(texts) and sum(map(fits, texts)) >= 0.8 * len(texts)


_DAY_FIRST, _MONTH_FIRST = (values.moment_reader(values.UTC, day_first=day_first) for day_first in (True, False))


def _is_date(text: str) -> bool:
    try:
        return _DAY_FIRST(text) is not None
    except BadValue:
        try:
            return _MONTH_FIRST(text) is not None
        except BadValue:
            return False


def _is_amount(text: str) -> bool:
    try:
        values.read_amount(text, "both")
    except BadValue:
        return bool(re.fullmatch(r"[-(]?[^\d]{0,4}\d{1,3}([.,]\d{3})+\)?", text.strip()))
    return True


def _is_repeated(mapping: Mapping[str, int], rows: Sequence[list[str]]) -> bool:
    """Tell whether an amount column repeats the order's total on each of its rows, so that summing it would double."""
    by_invoice: dict[str, list[str]] = {}
    invoice, amount = mapping["invoice"], mapping["amount"]
    for row in rows:
        if len(row) > max(invoice, amount):
            by_invoice.setdefault(row[invoice], []).append(row[amount].strip())
    several = [amounts for amounts in by_invoice.values() if len(amounts) > 1]
    return (
        bool(several) and sum(len(set(amounts)) == 1 for amounts in several) >= 0.9 * len(several) and len(several) > 1
    )


def _by_content(header: Header, samples: Mapping[int, list[str]], mapping: dict[str, int]) -> dict[str, int]:
    """Fill a guess that is not sure with what the cells look like, as a proposal for the owner."""
    mapping = dict(mapping)
    free = [index for index in range(len(header)) if index not in mapping.values() and samples[index]]

    def take(name: str, fits) -> None:
        if name not in mapping and (index := next((i for i in free if _mostly(fits, samples[i])), None)) is not None:
            mapping[name] = index
            free.remove(index)

    take("email", lambda text: email_key(text) is not None)
    take("date", lambda text: not text.strip().isdecimal() and _is_date(text))
    take("amount", lambda text: bool(re.search(r"\d[.,]\d{1,3}\D*$", text)) and _is_amount(text))
    take("customer", lambda text: bool(text.strip()) and not _is_date(text))
    return mapping


def _number_shapes(texts: Sequence[str]) -> Counter[str]:
    return Counter(number=len(texts)) if values.are_numerals(texts) else Counter(map(_number_shape, texts))


def _number_shape(text: str) -> str:
    text = text.strip()
    if text[:1].isdecimal():
        return "number"
    return "c" if text[:1] in ("C", "c") and text[1:].isdecimal() else "other"


def _customer_and_moment(customer: int, date: int, time: int) -> Callable[[list[str]], str | None]:
    """Return what tells the rows of one order: who bought and when, as the file writes it."""

    def key(cells: list[str]) -> str | None:
        who = cells[customer].strip()
        return f"{who}\x1f{cells[date].strip()}\x1f{cells[time].strip()}" if who else None

    return key


def _ways_of_writing(texts: Sequence[str]) -> Counter[str]:
    """Return how these moments are written, every digit as a 0, where all are written in one way."""
    shapes = {text.translate(_SHAPES) for text in texts}
    return Counter([shapes.pop() if len(shapes) == 1 else _SEVERAL])


def _may_write_a_moment_twice(ways: Mapping[str, int]) -> bool:
    """Tell whether two texts may stand for one moment: written in several ways, or with the offset of a zone."""
    return len(ways) > 1 or _SEVERAL in ways or any("+" in way or way.count("-") > 2 for way in ways)


def _fingerprint_of(mapping: Mapping[str, int]):
    columns = [mapping[name] for name in sorted(mapping)]
    return lambda cells: "\x1f".join([cells[index].strip() for index in columns])
