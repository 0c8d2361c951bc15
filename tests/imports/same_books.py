"""One hash of what the shop's books say: equal hashes, equal books.

Rows are told by what they mean, not by their numbers: a line by its order and product, an entry's balance by its
customer. Numbers of rows, versions, which import made a row and the times of writing are left out.
"""

import hashlib
import json

from crm.contacts.models import Consent, Contact, ContactKey
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.rewards.models import Account

_WRITING = {"id", "created_at", "updated_at", "version", "created_by_import", "counted_at"}


def books() -> dict[str, list[str]]:
    """Return each table's rows as sorted texts."""
    people = {row.pk: _who(row) for row in Contact.objects.all()}
    orders = dict(Order.objects.values_list("id", "number"))
    goods = dict(Product.objects.values_list("id", "key"))
    names = {"contact_id": people, "order_id": orders, "original_id": orders, "product_id": goods}

    def rows(model, *left_out: str) -> list[str]:
        return sorted(
            json.dumps(
                {
                    name: names[name].get(value, value) if name in names else value
                    for name, value in row.items()
                    if name not in _WRITING and name not in left_out
                },
                default=str, sort_keys=True,
            )
            for row in model.objects.values()
        )  # fmt: skip

    refunds = []
    for text in rows(Refund):
        row = json.loads(text)
        row["quantities"] = {goods[int(key)]: many for key, many in row["quantities"].items()}
        refunds.append(json.dumps(row, sort_keys=True))
    balances = Account.objects.filter(contact__isnull=False).exclude(balance=0)
    return {
        "contacts": rows(Contact),
        "keys": rows(ContactKey),
        "consents": rows(Consent, "at"),
        "orders": rows(Order, "corrected_at"),
        "lines": rows(OrderLine, "position"),
        "refunds": sorted(refunds),
        "products": rows(Product, "sold_quantity", "earned_minor"),
        "balances": sorted(f"{people[who]}: {balance}" for who, balance in balances.values_list("contact_id", "balance")),
    }


def books_hash() -> str:
    """Return the hash of the books."""
    return hashlib.sha256(json.dumps(books()).encode()).hexdigest()[:16]


def _who(person: Contact) -> str:
    return person.email_key or person.phone_key or person.name
