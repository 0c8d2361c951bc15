"""Any list of products: the columns are known by their names, in the languages shops write them.

Taken without asking where a list with prices names what they cost or how many are left; a list with buyers or
dates of orders is another format's. A row is a product; several rows of one number, or name, are one.
"""

from collections.abc import Mapping

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.imports import values
from crm.imports.formats import _naming, base, plain, plain_contacts
from crm.imports.formats.base import BadValue, Header, Item, Needs, Options, clean

SLUG = "plain_products"
LABEL = _("Any list of products")
KIND = base.PRODUCTS
SOURCE = "list"

FIELDS = {
    "sku": _("Product number (SKU)"), "name": _("Product name"), "variant": _("Variant"),
    "category": _("Product category"), "price": _("Price"), "cost": _("What it costs you"),
    "currency": _("Currency"), "stock": _("Units on hand"), "active": _("Is it on sale?"),
}  # fmt: skip

# Names of columns without blanks and punctuation; the more telling come first.
_NAMES = {
    "sku": plain.NAMES["sku"] + " variantsku productsku itemsku modell model artnr artno 商品id 规格编码 商家编码",
    "name": plain.NAMES["product"] + " name titel titre titulo título titolo naam nom nombre nome 名称 品名",
    "variant": "variant varianttitle variantname option options size variante talla taille maat 规格 规格名称",
    "category": plain.NAMES["category"] + " categories producttype type collection 商品类别 商品分类",
    "price": "sellingprice saleprice retailprice listprice regularprice grossprice rrp msrp verkaufspreis vkpreis vk"
    " prixdevente preciodeventa prezzodivendita verkoopprijs 销售价 零售价 售价 定价 "
    + plain.NAMES["unit_price"] + " preisbrutto bruttopreis",
    "cost": "cost unitcost costprice costperitem productcost purchaseprice buyingprice wholesaleprice landedcost cogs"
    " einkaufspreis ekpreis ek einstandspreis prixdachat coût cout costo coste preciodecompra prezzodiacquisto"
    " inkoopprijs kostprijs 成本 成本价 进价 进货价 采购价",
    "currency": plain.NAMES["currency"],
    "stock": "stock instock stockquantity quantityonhand onhand available availablequantity inventory inventoryquantity"
    " stocklevel currentstock inventories bestand lagerbestand lager existencias disponible giacenza voorraad"
    " 库存 库存数量 现有库存 可用库存 在庫 재고 quantity qty menge anzahl 数量",
    "active": "active isactive published enabled visible onsale status aktiv actif activo attivo actief 上架 在售 状态"
    " 是否上架",
}  # fmt: skip
_KNOWN = _naming.vocabulary(_NAMES)


def sniff(header: Header) -> float:
    """Return how well the names of the columns tell a list of products: never as sure as a platform's own format."""
    mapping = guess(header)
    if not mapping.keys() & {"sku", "name"} or not mapping.keys() & {"price", "cost", "stock"}:
        return 0.0
    if plain.sniff(header) or plain_contacts.guess(header).keys() & {"email", "phone", "first", "last"}:
        return 0.0
    return 0.55 if len(mapping.keys() & {"sku", "name", "price", "cost", "stock"}) > 2 else 0.45


def guess(header: Header) -> dict[str, int]:
    """Return what each column means, by its name."""
    return _naming.guess(header, _KNOWN)


def needs(header: Header, mapping: Mapping[str, int]) -> Needs:
    mapping = mapping or guess(header)
    return Needs(amounts=tuple(mapping[name] for name in ("price", "cost", "stock") if name in mapping))


def parse(groups, options: Options):
    mapping = options.mapping or guess(options.header)
    column = {name: mapping.get(name, options.missing) for name in FIELDS}

    def item(group) -> Item:
        line_number, cells = group[0]
        sku, name, variant = (clean(cells[column[field]]) for field in ("sku", "name", "variant"))
        if not (sku or name):
            raise BadValue(_now("The row has no name and no SKU"))
        if values.is_scientific(sku):
            raise BadValue(
                _now("A spreadsheet shortened the product number; export again and do not open the file there")
            )
        currency = base.currency_code(cells[column["currency"]], options.currency)
        price, cost = (
            base.price(cells[column[field]], options.minor(column[field], currency)) for field in ("price", "cost")
        )
        active = clean(cells[column["active"]])
        return Item(
            sku=sku, name=f"{name} - {variant}" if name and variant else name,
            category=clean(cells[column["category"]]), price_minor=price, cost_minor=cost, currency=currency,
            is_active=True if base.is_yes(active) else False if base.is_no(active) else None,
            stock=base.stock(cells, column["stock"], options), line_number=line_number,
        )  # fmt: skip

    return base.each(groups, item)
