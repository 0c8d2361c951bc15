import datetime as dt

import pytest

from crm.imports.formats.base import BadRow

from .sheets import sheet

ENGLISH = (
    "Order ID,Order Status,Cancel reason,Return / Refund Status,Tracking Number*,Order Creation Date,Order Paid Time,"
    "Parent SKU Reference No.,Product Name,SKU Reference No.,Variation Name,Original Price,Deal Price,Quantity,"
    "Returned quantity,Product Subtotal,Total Discount(PHP),Seller Voucher(PHP),Buyer Paid Shipping Fee,Grand Total(PHP),"
    "Username (Buyer),Receiver Name,Phone Number,Delivery Address,City,Province,Country,Zip Code,Remark from buyer"
)
ROW = {
    "Order ID": "230131ABCDEF", "Order Status": "Completed", "Order Creation Date": "2023-01-31 23:59",
    "Order Paid Time": "2023-01-31 23:59", "Parent SKU Reference No.": "SER", "Product Name": "Serum",
    "Variation Name": "30 ml", "Original Price": "500.00", "Deal Price": "450.00", "Quantity": "2",
    "Returned quantity": "0", "Product Subtotal": "900.00", "Seller Voucher(PHP)": "50.00",
    "Buyer Paid Shipping Fee": "38.00", "Grand Total(PHP)": "1,338.00", "Username (Buyer)": "rhea_28",
    "Receiver Name": "J***n", "Phone Number": "******12", "Delivery Address": "21 Ri***", "City": "Quezon City",
    "Province": "Metro Manila",
}  # fmt: skip
SECOND = {**ROW, "Product Name": "Soap", "Variation Name": "", "Deal Price": "450.00", "Quantity": "1", "Product Subtotal": "450.00"}
INDONESIAN = (
    "No. Pesanan,Status Pesanan,Waktu Pesanan Dibuat,Waktu Pembayaran Dilakukan,SKU Induk,Nama Produk,Nomor Referensi SKU,"
    "Nama Variasi,Harga Awal,Harga Setelah Diskon,Jumlah,Total Harga Produk,Total Pembayaran,Username (Pembeli),"
    "Nama Penerima,No. Telepon,Alamat Pengiriman,Kota/Kabupaten,Provinsi"
)


def test_an_order_of_two_rows_counts_its_total_once(parse):
    (order,) = parse(sheet(ENGLISH, ROW, SECOND), currency="USD")
    assert (order.number, order.currency, order.total_minor, order.shipping_minor) == ("230131ABCDEF", "PHP", 133800, 3800)
    assert (order.discount_minor, order.payment, order.refunded_minor) == (5000, "paid", 0)
    assert order.placed_at == dt.datetime(2023, 1, 31, 23, 59, tzinfo=dt.UTC)
    assert [(line.name, line.sku, line.quantity, line.total_minor) for line in order.lines] == [
        ("Serum - 30 ml", "SER", 2, 90000),
        ("Soap", "SER", 1, 45000),
    ]


def test_the_buyer_is_the_user_name_and_nothing_masked(parse):
    (order,) = parse(sheet(ENGLISH, ROW))
    person = order.person
    assert (person.key, person.name, person.phone, person.street) == ("rhea_28", "rhea_28", "", "")
    assert (person.city, person.country) == ("Quezon City", "PH")
    assert [order.person for order in parse(sheet(ENGLISH, {**ROW, "Username (Buyer)": "r*****8"}))] == [None]


@pytest.mark.parametrize(
    ("changes", "payment", "refunded", "is_cancelled"),
    [
        ({"Order Status": "Unpaid", "Order Paid Time": ""}, "unpaid", 0, False),
        ({"Order Status": "To ship"}, "paid", 0, False),
        ({"Order Status": "Shipping", "Order Paid Time": "-"}, "paid", 0, False),
        ({"Order Status": "Shipping", "Order Paid Time": ""}, "unpaid", 0, False),
        ({"Order Status": "Cancelled"}, "unpaid", 0, True),
        ({"Order Status": "Paused"}, "unknown", 0, False),
        ({"Return / Refund Status": "Refund Completed", "Returned quantity": "1"}, "partly_refunded", 45000, False),
        ({"Return / Refund Status": "Refund Completed"}, "refunded", 133800, False),
        ({"Return / Refund Status": "Requested"}, "paid", 0, False),
    ],
)
def test_words_of_a_status(parse, changes, payment, refunded, is_cancelled):
    (order,) = parse(sheet(ENGLISH, {**ROW, **changes}))
    assert (order.payment, order.refunded_minor, order.cancelled_at is not None) == (payment, refunded, is_cancelled)


def test_without_a_grand_total_items_and_shipping_are_added_up(parse):
    (order,) = parse(sheet(ENGLISH.replace(",Grand Total(PHP)", ""), ROW, SECOND))
    assert (order.total_minor, parse.warned) == (138800, [("no_total_column", 2)])


def test_indonesian_rupiah_group_by_dots(parse):
    text = sheet(
        INDONESIAN,
        {
            "No. Pesanan": "2301318XYZ", "Status Pesanan": "Selesai", "Waktu Pesanan Dibuat": "2023-01-31 10:00",
            "Nama Produk": "Sabun", "Harga Setelah Diskon": "75.000", "Jumlah": "2", "Total Harga Produk": "150.000",
            "Total Pembayaran": "162.500", "Username (Pembeli)": "budi",
        },
    )  # fmt: skip
    (order,) = parse(text, currency="EUR")
    assert (order.currency, order.payment, order.person.country) == ("IDR", "paid", "ID")
    assert order.total_minor == 162_500 * (order.total_minor // 162_500)
    assert order.lines[0].total_minor * 162_500 == order.total_minor * 150_000


def test_titles_above_the_header(parse):
    (order,) = parse("Shopee Order Export\nGenerated 2026-07-30\n" + sheet(ENGLISH, ROW))
    assert order.line_number == 4


def test_a_shortened_number_is_refused(parse):
    (row,) = parse(sheet(ENGLISH, {**ROW, "Order ID": "2.3E+13"}))
    assert isinstance(row, BadRow)


TAIWAN = (
    "訂單編號 (單),訂單狀態 (單),取消原因,買家帳號 (單),訂單成立時間 (單),訂單小計 (單),買家支付的運費 (單),訂單總金額 (單),"
    "成交手續費 (單),商品名稱 (品),商品原價 (品),商品活動價格 (品),商品選項名稱 (品),主商品貨號,商品選項貨號,數量,收件地址 (單),"
    "收件者姓名 (單),收件者電話 (單),買家付款時間 (單)"
)


def test_taiwans_names_say_of_what_they_are(parse):
    (order,) = parse(
        sheet(
            TAIWAN,
            {
                "訂單編號 (單)": "200614ABC", "訂單狀態 (單)": "完成", "買家帳號 (單)": "mei", "訂單成立時間 (單)": "2020-06-14 10:00",
                "買家支付的運費 (單)": "60", "訂單總金額 (單)": "758", "商品名稱 (品)": "杯子", "商品選項名稱 (品)": "藍",
                "商品活動價格 (品)": "349", "商品選項貨號": "CUP-B", "數量": "2",
            },
        ),
        currency="EUR",
    )  # fmt: skip
    assert parse.looked.format == "shopee_orders"
    assert (order.number, order.currency, order.total_minor, order.shipping_minor, order.payment) == (
        "200614ABC", "TWD", 75800, 6000, "paid",
    )  # fmt: skip
    assert [(line.name, line.sku, line.quantity, line.total_minor) for line in order.lines] == [("杯子 - 藍", "CUP-B", 2, 69800)]
    assert (order.person.key, order.person.country) == ("mei", "TW")


BRAZIL = (
    "ID do pedido,Status do pedido,Status da Devolução / Reembolso,Número de rastreamento,Opção de envio,Método de envio,"
    "Data prevista de envio,Tempo de Envio,Data de criação do pedido,Hora do pagamento do pedido,"
    "Nº de referência do SKU principal,Nome do Produto,Número de referência SKU,Nome da variação,Preço original,"
    "Preço acordado,Quantidade,Subtotal do produto,Desconto do vendedor,Desconto do vendedor,Reembolso Shopee,"
    "Número de produtos pedidos,Código do Cupom,Cupom do vendedor,Cupom Shopee,Valor Total,"
    "Taxa de envio pagas pelo comprador,Taxa de Envio Reversa,Taxa de transação,Taxa de comissão,Total global,"
    "Valor estimado do frete,Nome de usuário (comprador),Nome do destinatário,Telefone,CPF do Comprador,"
    "Endereço de entrega,Cidade,Bairro,Cidade,UF,País,CEP,Observação do comprador,Hora completa do pedido,Nota"
)


def test_brazilian_orders(parse):
    (order,) = parse(
        sheet(
            BRAZIL,
            {
                "ID do pedido": "2405A1", "Status do pedido": "A Enviar", "Data de criação do pedido": "2024-05-10 14:32",
                "Hora do pagamento do pedido": "2024-05-10 14:35", "Nome do Produto": "Fita", "Nome da variação": "Preta",
                "Número de referência SKU": "FITA-P", "Preço acordado": "34,90", "Quantidade": "2",
                "Subtotal do produto": "69,80", "Cupom do vendedor": "5,00", "Valor Total": "64,80", "Total global": "72,30",
                "Nome de usuário (comprador)": "joao_b", "UF": "PE", "Observação do comprador": "sem pressa",
                "Taxa de envio pagas pelo comprador": "7,50", "Código do Cupom": "OI5", "CPF do Comprador": "12345678909",
                "Status da Devolução / Reembolso": "Reembolso Concluído",
            },
        ),
        currency="EUR",
    )  # fmt: skip
    assert (order.currency, order.total_minor, order.discount_minor, order.shipping_minor, order.coupon_code) == (
        "BRL", 7230, 500, 750, "OI5",
    )  # fmt: skip
    assert (order.payment, order.refunded_minor, order.note) == ("refunded", 7230, "sem pressa")
    assert BRAZIL.split(",").index("CPF do Comprador") in parse.looked.header.secret()
    assert [(line.name, line.sku, line.total_minor) for line in order.lines] == [("Fita - Preta", "FITA-P", 6980)]
    assert (order.person.key, order.person.region, order.person.country) == ("joao_b", "PE", "BR")


def test_the_older_name_of_products(parse):
    header = ENGLISH.replace(",Product Name,", ",Product Information,").replace("Order ID", "Order ID ")
    (order,) = parse(sheet(header, {**ROW, "Order ID ": ROW["Order ID"], "Product Information": "Serum"}))
    assert order.lines[0].name == "Serum - 30 ml"
