"""Statements of payouts and fees are refused with a word on what to take instead."""

import pytest

from crm.imports.refusals import NotReadable

HEADERS = {
    "Date,Type,Title,Info,Currency,Amount,Fees & Taxes,Net,Tax Details": "Etsy's monthly statement",
    "Payment ID,Buyer Username,Buyer Name,Order ID,Gross Amount,Fees,Net Amount,Status": "Etsy's list of payments",
    "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,description": "Stripe's balance report",
    "date/time,settlement id,type,order id,sku,product sales,total": "Amazon's settlement report",
    "Order,Transaction ID,Kind,Processed at,Amount,Currency,Status,Gateway,Card Type": "Shopify's list of payment",
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_ledger_is_refused(parse, header):
    row = ",".join("1" for _name in header.split(","))
    with pytest.raises(NotReadable) as refusal:
        parse(f"{header}\n{row}\n")
    assert str(refusal.value).startswith(f"This is {HEADERS[header]}")


def test_the_owner_is_told_on_the_import(take, db):
    importing = take(
        "Date,Type,Title,Info,Currency,Amount,Fees & Taxes,Net,Tax Details\n"
        '"September 3, 2026",Sale,Payment for Order #9001,,CAD,CA$76.00,--,CA$76.00,\n'
    )
    assert (importing.state, importing.error[:33]) == ("failed", "This is Etsy's monthly statement:")


def test_nobody_can_choose_what_is_refused(owner_client, shop):
    page = owner_client.get("/import/new/?more=1").content.decode()
    assert "A statement of payouts and fees" not in page
    assert 'value="paypal_activity"' in page
