import datetime as dt

import pytest

from crm.contacts.models import Consent, Contact, ContactKey, Note
from crm.imports import intake, undoing
from crm.imports.models import Change, Import
from crm.orders.models import Order, OrderLine, Product, Refund
from crm.rewards import ledger
from crm.rewards.models import Rule

pytestmark = pytest.mark.django_db

FIRST = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SALES = FIRST + "1,A,Apple,3,2026-01-10,5.00,c1,\n1,B,,1,2026-01-10,7.00,c1,\n2,A,Apple,1,2026-01-11,5.00,c2,\n"
MORE = FIRST + (
    "1,A,Apple,3,2026-01-10,6.00,c1,Germany\n2,A,Apple,1,2026-01-11,5.00,c2,\n3,B,Bread,1,2026-01-05,7.00,c1,\n"
    "4,N,New,1,2026-01-12,9.00,c3,\nC5,A,Apple,-1,2026-01-13,6.00,c1,\n"
)


@pytest.fixture(autouse=True)
def files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture(autouse=True)
def rules(shop):
    Rule.objects.create(
        kind="per_amount", params={"points": 1, "step_minor": 100, "currency": "EUR"}, starts_on=dt.date(2020, 1, 1)
    )
    Rule.objects.create(kind="welcome", params={"points": 50}, starts_on=dt.date(2026, 1, 12))


def state():
    """Return what the shop's books say, without the marks of time and order of writing."""

    def rows(model, *left_out):
        skip = {"id", "updated_at", "version", "created_by_import", *left_out}
        return sorted(
            str({k: v for k, v in row.items() if k not in skip and not k.endswith("_id")})
            for row in model.objects.values()
        )

    return [
        rows(Contact), rows(ContactKey), rows(Order), rows(OrderLine), rows(Refund), rows(Product),
    ]  # fmt: skip


def test_undoing_a_first_import_leaves_nothing(take, now):
    importing = take(SALES)
    done = undoing.undo(importing.pk, now=now)
    assert done == {
        "import_id": importing.pk,
        "orders": {"removed": 2, "restored": 0, "kept": 0},
        "contacts": {"removed": 2, "restored": 0, "kept": 0},
        "products": {"removed": 2, "restored": 0, "kept": 0},
        "conflicts": [],
    }
    assert state() == [[]] * 6
    importing.refresh_from_db()
    assert (importing.state, importing.undone_at) == ("undone", now)


def test_undoing_puts_back_what_was_changed_and_takes_points_back(take, now):
    take(SALES)
    before = state()
    balances = dict(Contact.objects.values_list("id", "points_balance"))
    importing = take(MORE)
    assert Order.objects.get(number="1").net_minor == 1200
    assert ledger.balance(Contact.objects.get(keys__value="c3").pk) == 59
    done = undoing.undo(importing.pk, now=now)
    assert done["conflicts"] == []
    assert (done["orders"], done["contacts"]) == (
        {"removed": 3, "restored": 1, "kept": 0},
        {"removed": 1, "restored": 1, "kept": 0},
    )
    assert state() == before
    assert dict(Contact.objects.values_list("id", "points_balance")) == balances
    assert not Change.objects.exists()


def test_what_somebody_changed_since_stays_and_is_listed(take, now):
    take(SALES)
    importing = take(MORE)
    order = Order.objects.get(number="1")
    Order.objects.filter(number="1").update(note="by hand", version=order.version + 1)
    Order.objects.filter(number="4").update(note="by hand", version=2)
    done = undoing.undo(importing.pk, now=now)
    assert [(conflict["table"], conflict["label"]) for conflict in done["conflicts"]] == [
        ("order", "1"),
        ("order", "4"),
        ("contact", f"Customer {Contact.objects.get(keys__value='c3').pk}"),
        ("product", "New"),
    ]
    assert list(Order.objects.order_by("number").values_list("number", "note")) == [
        ("1", "by hand"),
        ("2", ""),
        ("4", "by hand"),
    ]


def test_a_product_that_stays_is_named_before_and_after(take, now):
    importing = take(FIRST + "1,A,Apple,1,2026-01-10,5.00,,\n2,B,Bread,1,2026-01-10,5.00,,\n")
    apple = Product.objects.get(name="Apple")
    Order.objects.filter(number="1").update(note="by hand", version=2)
    stays = {"table": "product", "id": apple.pk, "label": "Apple", "reason": "is part of orders that stay"}
    foreseen = undoing.foresee(importing.pk)
    assert (foreseen["products"], foreseen["conflicts"][-1]) == ({"removed": 1, "kept": 1, "restored": 0}, stays)
    done = undoing.undo(importing.pk, now=now)
    assert (done["products"], done["conflicts"][-1]) == ({"removed": 1, "restored": 0, "kept": 1}, stays)
    assert len(done["conflicts"]) == 2


@pytest.mark.parametrize("what", ["note", "points", "order", "edit"])
def test_people_with_something_of_their_own_stay(take, now, what):
    importing = take(FIRST + "1,A,Apple,1,2026-01-10,5.00,c1,\n")
    ann = Contact.objects.get()
    match what:
        case "note":
            Note.objects.create(contact=ann, text="likes tea", at=now)
        case "points":
            ledger.adjust(ann.pk, points=5, reason="sorry", key="1", now=now)
        case "order":
            from crm.orders.recording import Purchase

            intake.take_orders([Purchase("typed", "1", now, "EUR", 100, contact_id=ann.pk)], now=now)
        case "edit":
            Contact.objects.update(name="Ann", typed_fields=["name"], version=2)
    done = undoing.undo(importing.pk, now=now)
    assert (done["contacts"], len(done["conflicts"])) == ({"removed": 0, "restored": 0, "kept": 1}, 1)
    assert Order.objects.filter(source__startswith="file").count() == 0


def test_a_consent_the_import_set_is_put_back_and_logged(take, now):
    header = "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Phone,Tags\n"
    take(header + "1,Ann,X,ann@example.com,,,\n")
    importing = take(header + "1,Ann,X,ann@example.com,yes,,vip\n")
    undoing.undo(importing.pk, now=now)
    ann = Contact.objects.get()
    assert (ann.consent, ann.tags) == ("unknown", [])
    assert list(Consent.objects.order_by("id").values_list("state", flat=True)) == ["yes", "unknown"]


def test_an_undo_that_was_interrupted_is_begun_again(take, now, monkeypatch):
    take(SALES)
    before = state()
    importing = take(MORE)
    monkeypatch.setattr(undoing, "PIECE", 1)
    remove = undoing._Undo.remove_contacts
    monkeypatch.setattr(undoing._Undo, "remove_contacts", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        undoing.undo(importing.pk, now=now)
    monkeypatch.setattr(undoing._Undo, "remove_contacts", remove)
    undoing.undo(importing.pk, now=now)
    assert state() == before


def test_importing_again_after_undoing(take, now):
    importing = take(SALES)
    before = state()
    undoing.undo(importing.pk, now=now)
    take(SALES)
    assert state() == before


@pytest.mark.parametrize("was", ["waiting", "reading", "mapping", "undone"])
def test_only_a_finished_import_can_be_undone(was, now):
    importing = Import.objects.create(file_name="a", path="a", size_bytes=1, sha256="0", state=was)
    with pytest.raises(undoing.NotUndoable):
        undoing.undo(importing.pk, now=now)
    with pytest.raises(undoing.NotUndoable):
        undoing.undo(importing.pk + 1, now=now)
