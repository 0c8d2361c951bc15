"""Two customers become one, and two again: everything that hangs on them, on every floor."""

import datetime as dt

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from pydantic import TypeAdapter, ValidationError

from crm.api.schemas import Slug
from crm.contacts import consent, editing, matching, merging
from crm.contacts.identity import FORMER_EMAIL, FORMER_PHONE
from crm.contacts.matching import Person
from crm.contacts.models import Consent, Contact, ContactKey, Merge, Note, Pair, Suppression
from crm.imports import intake
from crm.imports.models import Import
from crm.lib import books
from crm.lib.tokens import keyed_hash
from crm.orders.recording import Purchase
from crm.portal import cards, invitations, links
from crm.rewards import ledger, levelling, settling
from crm.rewards.models import Account, Membership
from tests.conftest import NOW
from tests.contacts.people import person
from tests.contacts.snapshots import state
from tests.rewards.conftest import euro_rule, new_order
from tests.rewards.test_tiers import start

DAY = dt.timedelta(days=1)


@pytest.fixture
def anna(shop):
    return person("Anna Meyer", email="anna@example.org", phone="+49 171 1234567", city="Berlin", tags=["tea"])


@pytest.fixture
def twin(shop):
    return person(
        "A. Meyer", email="anna.meyer@example.com", phone="+49 30 7654321", city="Bonn", birthday=dt.date(1990, 5, 1),
        tags=["bread", "tea"], extra={"shoe size": "39"},
    )  # fmt: skip


def merge(keep, drop, now, **values) -> Merge:
    return merging.merge(keep.pk, drop_id=drop.pk, now=now, **values)


def new_import() -> int:
    return Import.objects.create(file_name="a", path="a", size_bytes=1, sha256="0").pk


def wrong_books() -> list[str]:
    return [finding.name for finding in books.run_all() if not finding.ok]


def test_every_key_to_a_customer_has_a_mover():
    pointing = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model is Contact
    }
    assert pointing == {name for registered in merging.MOVERS.values() for name in registered.owns}


def test_what_no_mover_takes_is_refused_not_lost(anna, twin, now, monkeypatch):
    Note.objects.create(contact=twin, text="likes rye", at=now)
    monkeypatch.delitem(merging.MOVERS, "notes")
    with pytest.raises(IntegrityError), transaction.atomic():
        merge(anna, twin, now)
        connection.check_constraints()
    assert Contact.objects.count() == 2


def test_the_kept_ones_facts_stay_and_blanks_are_filled(anna, twin, now):
    merge(anna, twin, now, by="Lena")
    kept = Contact.objects.get()
    assert (kept.pk, kept.name, kept.email, kept.city) == (anna.pk, "Anna Meyer", "anna@example.org", "Berlin")
    assert (kept.birthday, kept.tags, kept.extra) == (dt.date(1990, 5, 1), ["tea", "bread"], {"shoe size": "39"})
    assert kept.version == anna.version + 1


def test_what_is_picked_comes_over_and_no_import_overwrites_it(anna, twin, now):
    merge(anna, twin, now, choices={"name": "drop", "email": "drop", "address": "drop"})
    kept = Contact.objects.get()
    assert (kept.name, kept.email, kept.email_key, kept.city) == (
        "A. Meyer", "anna.meyer@example.com", "anna.meyer@example.com", "Bonn",
    )  # fmt: skip
    assert kept.address_hash == keyed_hash("anna.meyer@example.com")
    again = Person(source="file", email="anna@example.org", name="Anna M.", city="Ulm", authoritative=True)
    intake.take_people([again], now=now)
    kept.refresh_from_db()
    assert (kept.name, kept.email, kept.city) == ("A. Meyer", "anna.meyer@example.com", "Bonn")


def test_merging_again_is_the_same_merge(anna, twin, now):
    first = merge(anna, twin, now)
    assert merge(anna, twin, now + DAY).pk == first.pk
    assert Merge.objects.count() == 1


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (lambda anna, twin: (anna, anna), merging.Why.SELF),
        (lambda anna, twin: (anna, Contact(pk=99_999)), merging.Why.GONE),
        (lambda anna, twin: Contact.objects.filter(pk=twin.pk).update(erased_at=twin.joined_at) and (anna, twin),
         merging.Why.ERASED),
    ],
)  # fmt: skip
def test_what_cannot_be_merged_stays(anna, twin, now, prepare, why):
    keep, drop = prepare(anna, twin)
    with pytest.raises(merging.CannotMerge) as refused:
        merge(keep, drop, now)
    assert refused.value.why == why
    assert (Contact.objects.count(), Merge.objects.count()) == (2, 0)


@pytest.mark.parametrize(
    ("mine", "theirs", "holds"),
    [
        ("yes", "no", "no"), ("no", "yes", "no"), ("yes", "unknown", "yes"), ("unknown", "yes", "yes"),
        ("unknown", "unknown", "unknown"),
    ],
)  # fmt: skip
def test_the_stricter_word_holds(anna, twin, now, mine, theirs, holds):
    for contact, said in ((anna, mine), (twin, theirs)):
        if said != "unknown":
            consent.record([contact.pk], state=said, source="owner", detail="said so", at=now - DAY)
    done = merge(anna, twin, now)
    anna.refresh_from_db()
    assert anna.consent == holds
    newest = Consent.objects.filter(contact=anna).order_by("-at", "-pk").first()
    assert (newest.state if newest else "unknown") == holds
    merging.undo(done.pk, now=now)
    assert dict(Contact.objects.values_list("pk", "consent")) == {anna.pk: mine, twin.pk: theirs}
    assert Consent.objects.filter(contact=twin).count() == (theirs != "unknown")


def test_never_discount_of_either_holds(anna, twin, now):
    Contact.objects.filter(pk=twin.pk).update(never_discount=True)
    merge(anna, twin, now)
    assert Contact.objects.get().never_discount


def test_a_no_said_while_they_are_one_holds_for_both_addresses(anna, twin, now):
    for contact in (anna, twin):
        consent.record([contact.pk], state="yes", source="owner", detail="", at=now - DAY)
    done = merge(anna, twin, now)
    consent.withdraw(anna.pk, source="link", detail="", at=now + DAY)
    merging.undo(done.pk, now=now + 2 * DAY)
    assert set(Contact.objects.values_list("consent", flat=True)) == {"no"}
    assert Suppression.objects.count() == 2


@pytest.mark.parametrize("is_file", [None, True])
@pytest.mark.parametrize("named", ["anna@example.org", "anna.meyer@example.com"])
@pytest.mark.parametrize(("mine", "theirs"), [("yes", "yes"), ("no", "yes"), ("yes", "no")])
def test_a_no_a_row_tells_while_they_are_one_holds_for_both(anna, twin, now, mine, theirs, named, is_file):
    for contact, said in ((anna, mine), (twin, theirs)):
        consent.record([contact.pk], state=said, source="owner", detail="", at=now - DAY)
    done, import_id = merge(anna, twin, now), is_file and new_import()
    row, logged = Person(source="file", email=named, consent="no"), Consent.objects.count()
    for _again in range(2):
        intake.take_people([row], now=now + DAY, import_id=import_id)
    assert Consent.objects.count() == logged + 1
    assert consent.is_suppressed(named) is (import_id is None)
    merging.undo(done.pk, now=now + 2 * DAY)
    assert set(Contact.objects.values_list("consent", flat=True)) == {"no"}
    newest = [Consent.objects.filter(contact=one).latest("at", "pk").state for one in (anna, twin)]
    assert newest == ["no", "no"]


def test_a_no_told_at_the_end_of_a_chain_holds_for_all(anna, twin, now):
    third = person("Anne Meyer", email="anne@example.org")
    for contact, said in ((anna, "yes"), (twin, "yes"), (third, "no")):
        consent.record([contact.pk], state=said, source="owner", detail="", at=now - DAY)
    done = [merge(twin, third, now), merge(anna, twin, now)]
    intake.take_people([Person(source="file", email=twin.email, consent="no")], now=now + DAY, import_id=new_import())
    for one in reversed(done):
        merging.undo(one.pk, now=now + 2 * DAY)
    assert list(Contact.objects.values_list("consent", flat=True)) == ["no"] * 3


def test_what_the_owner_noted_last_while_they_are_one_holds(anna, twin, now):
    for contact in (anna, twin):
        consent.record([contact.pk], state="yes", source="owner", detail="", at=now - DAY)
    done = merge(anna, twin, now)
    intake.take_people([Person(source="file", email=twin.email, consent="no")], now=now + DAY, import_id=new_import())
    consent.record([anna.pk], state="yes", source="owner", detail="a mistake", at=now + DAY)
    merging.undo(done.pk, now=now + 2 * DAY)
    assert set(Contact.objects.values_list("consent", flat=True)) == {"yes"}


def test_a_row_with_the_address_of_somebody_else_does_not_bar_it(anna, twin, now):
    ContactKey.objects.create(contact=anna, source="shopify", value="721")
    intake.take_people([Person(source="shopify", key="721", email=twin.email, consent="no")], now=now)
    assert (consent.is_suppressed(anna.email_key), consent.is_suppressed(twin.email_key)) == (True, False)


def test_the_old_file_finds_the_kept_one(anna, twin, now):
    ContactKey.objects.create(contact=twin, source="shopify", value="721")
    merge(anna, twin, now)
    rows = [
        Person(source="shopify", key="721"),
        Person(source="file", email="Anna.Meyer@example.com", name="A. Meyer"),
        Person(source="file", phone="+49 30 7654321", name="A. Meyer", authoritative=True),
        Person(source="file", phone="+49 30 7654321"),
        Person(source="file", email="anna@example.org"),
    ]
    for row in rows:
        bought = Purchase(
            source=row.source, number=f"N{rows.index(row)}", placed_at=now, currency="EUR", total_minor=100,
            discount_minor=0, shipping_minor=0, tax_minor=0, refunded_minor=0, person=row,
        )  # fmt: skip
        assert intake.take_orders([bought], now=now).contact_ids == [anna.pk]
    assert intake.take_people(rows, now=now).contact_ids == [anna.pk] * 5
    assert Contact.objects.count() == 1


def test_somebody_else_with_that_phone_is_somebody_else(anna, twin, now):
    merge(anna, twin, now)
    other = Person(source="file", phone="+49 30 7654321", name="Bert Meyer", email="bert@example.org", authoritative=True)
    assert intake.take_people([other], now=now).contact_ids != [anna.pk]


def test_links_and_cards_of_the_dropped_one_keep_working(anna, twin, now):
    token, card, invitation = links.token(twin.pk), cards.code(twin.pk), invitations.code(twin.pk)
    done = merge(anna, twin, now)
    assert [links.contact_of(token), cards.contact_of(card), invitations.advocate_of(invitation)] == [anna] * 3
    links.replace(anna.pk, now=now)
    assert [links.contact_of(token), cards.contact_of(card), invitations.advocate_of(invitation)] == [None, None, anna]
    merging.undo(done.pk, now=now)
    assert links.contact_of(links.token(twin.pk)).pk == twin.pk
    assert invitations.advocate_of(invitation).pk == twin.pk


def test_a_link_replaced_before_stays_replaced(anna, twin, now):
    old = links.token(twin.pk)
    links.replace(twin.pk, now=now)
    new = links.token(twin.pk)
    merge(anna, twin, now)
    assert (links.contact_of(old), links.contact_of(new)) == (None, anna)


def test_a_chain_leads_to_its_end_and_is_undone_from_there(anna, twin, now):
    third = person("Anne Meyer")
    first = merge(twin, third, now)
    second = merge(anna, twin, now)
    assert merging.current_id(third.pk) == anna.pk
    assert merging.former_ids(anna.pk) == [twin.pk, third.pk]
    with pytest.raises(merging.CannotUndo, match="Undo that first"):
        merging.undo(first.pk, now=now)
    merging.undo(second.pk, now=now)
    merging.undo(first.pk, now=now)
    assert set(Contact.objects.values_list("name", flat=True)) == {"Anna Meyer", "A. Meyer", "Anne Meyer"}
    assert merging.current_id(third.pk) == third.pk


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("consent", ("unknown", "yes", "no")),
        ("never_discount", (False, False, True)),
        ("email", ("", "anna.meyer@example.com", "anne@example.org")),
    ],
)
def test_the_newest_merge_of_a_customer_is_undone_first(anna, twin, now, field, values):
    Contact.objects.update(email="", email_key=None, address_hash=None)
    people = [anna, twin, person("Anne Meyer")]
    for contact, value in zip(people, values):
        known = matching.key_columns(email=value, phone="") if field == "email" else {}
        known.pop("phone_key", None)
        Contact.objects.filter(pk=contact.pk).update(**{field: value}, **known)
    picks = {"email": "drop"}
    first, second = (merge(anna, other, now, choices=picks) for other in people[1:])
    for act in (merging.foresee_undo, merging.undo):
        with pytest.raises(merging.CannotUndo) as refused:
            act(first.pk, now=now + DAY)
        assert str(refused.value) == "Anne Meyer was merged into this customer afterwards. Undo that first."
    anna.refresh_from_db()
    assert getattr(anna, field) == values[2]
    merging.undo(second.pk, now=now + DAY)
    anna.refresh_from_db()
    assert getattr(anna, field) == values[1]
    merging.undo(first.pk, now=now + DAY)
    assert dict(Contact.objects.values_list("pk", field)) == {one.pk: value for one, value in zip(people, values)}


def test_the_longest_address_stays_known(anna, twin, now):
    address = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example"
    Contact.objects.filter(pk=twin.pk).update(email=address, **matching.key_columns(email=address, phone=""))
    done = merge(anna, twin, now)
    known = ContactKey.objects.get(source=FORMER_EMAIL)
    known.full_clean()
    assert known.value == address
    merging.undo(done.pk, now=now)


def test_the_sources_of_former_addresses_can_be_no_program():
    for source in (FORMER_EMAIL, FORMER_PHONE):
        with pytest.raises(ValidationError):
            TypeAdapter(Slug).validate_python(source)


def test_points_come_over_with_their_dates_and_a_refund_takes_them_once(anna, twin, now):
    euro_rule(now, hold_days=3, expiry={"months": 6})
    intake_order = new_order(twin, now, 8000)
    order_too = new_order(anna, now, 2000)
    settling.settle([intake_order.pk, order_too.pk], now=now)
    ledger.adjust(twin.pk, points=30, reason="sorry", key="a", now=now)
    done = merge(anna, twin, now)
    account = Account.objects.to_spend_from().get(contact=anna)
    assert (account.balance, account.pending, account.debt) == (130, 100, 0)
    lots = account.lots.filter(remaining__gt=0).values_list("remaining", "activates_at", "expires_at").order_by("pk")
    there = set(Account.objects.get(merged_into=account).lots.values_list("points", "activates_at", "expires_at"))
    assert set(lots) - {lots[0]} == there
    assert ledger.history(anna.pk)[0].balance_after == 130
    intake.take_refund(intake_order.pk, amount_minor=3000, key="r", at=now, now=now)
    account.refresh_from_db()
    assert (account.balance, account.pending) == (100, 70)
    assert wrong_books() == []
    merging.undo(done.pk, now=now)
    assert dict(Account.objects.values_list("contact", "balance")) == {anna.pk: 20, twin.pk: 80}
    assert dict(Account.objects.values_list("contact", "pending")) == {anna.pk: 20, twin.pk: 50}
    assert wrong_books() == []


def buy(contact, now, total_minor):
    settling.settle([new_order(contact, now, total_minor, placed_at=now).pk], now=now)


@pytest.fixture
def ladder(shop, now):
    euro_rule(now)
    start(now, bounds=(3_000, 9_000, 50_000), percents=(200, 200, 200))


def test_points_earned_by_a_level_of_both_stay_when_they_part(anna, twin, now, ladder):
    buy(twin, now, 5_000)
    done = merge(anna, twin, now + DAY)
    buy(anna, now + 2 * DAY, 4_000)
    buy(anna, now + 3 * DAY, 5_000)
    assert ledger.balance(anna.pk) == 50 + 80 + 100
    merging.undo(done.pk, now=now + 4 * DAY)
    assert dict(Account.objects.values_list("contact", "balance")) == {anna.pk: 180, twin.pk: 50}
    assert held(anna) == [(1, 1, 2), (2, 2, None)]  # 90 euros of their own
    assert held(twin) == [(1, 0, None)]
    assert wrong_books() == []


def test_a_level_held_by_a_merge_alone_ends_with_it(anna, twin, now, ladder):
    buy(anna, now, 3_000)
    buy(twin, now, 10_000)
    done = merge(anna, twin, now + DAY)
    merging.undo(done.pk, now=now + 3 * DAY)
    assert (held(anna), held(twin)) == ([(1, 0, 1), (2, 1, 3), (1, 3, None)], [(2, 0, None)])
    assert wrong_books() == []


def test_a_level_that_went_on_through_a_merge_is_one(anna, twin, now, ladder):
    for contact in (anna, twin):
        buy(contact, now, 3_000)
    before = state()["rewards.Membership"]
    done = merge(anna, twin, now + DAY)
    merging.undo(done.pk, now=now + 3 * DAY)
    assert state()["rewards.Membership"] == before
    assert wrong_books() == []


def test_a_level_reached_by_both_together_ends_where_nobody_held_one(anna, twin, now, ladder):
    for contact in (anna, twin):
        buy(contact, now, 2_000)
    done = merge(anna, twin, now + DAY)
    assert held(anna) == [(1, 1, None)]
    merging.undo(done.pk, now=now + 2 * DAY)
    assert (held(anna), held(twin)) == ([(1, 1, 2)], [])
    assert wrong_books() == []


def test_levels_that_began_since_hold_each_by_their_own_orders(anna, twin, now, ladder):
    buy(twin, now, 10_000)
    done = merge(anna, twin, now + DAY)
    start(now + DAY, starts_on=(now + 2 * DAY).date(), bounds=(4_000, 8_000, 50_000), is_swept=False)
    levelling.sweep(now=now + 2 * DAY)
    assert len(held(anna)) == 2
    merging.undo(done.pk, now=now + 3 * DAY)
    assert [until for _level, _since, until in held(anna)] == [2, 3]
    assert [level for level, _since, until in held(twin) if until is None] == [2]
    assert wrong_books() == []


def held(contact) -> list[tuple]:
    """Return the levels of a customer in whole days since the beginning."""
    rows = Membership.objects.filter(contact=contact).order_by("since", "pk").values_list("level", "since", "until")
    return [(level, round((since - NOW) / DAY), until and round((until - NOW) / DAY)) for level, since, until in rows]


def test_points_spent_meanwhile_do_not_go_back_and_it_is_said(anna, twin, now):
    ledger.adjust(anna.pk, points=10, reason="start", key="a", now=now)
    ledger.adjust(twin.pk, points=50, reason="start", key="b", now=now)
    done = merge(anna, twin, now)
    ledger.adjust(anna.pk, points=-35, reason="coffee", key="c", now=now)
    assert merging.foresee_undo(done.pk, now=now) == [
        "25 points that came over were used or expired since; they do not go back."
    ]
    merging.undo(done.pk, now=now)
    assert dict(Account.objects.values_list("contact", "balance")) == {anna.pk: 0, twin.pk: 25}
    assert ledger.history(anna.pk)[0].balance_after == 0
    assert ledger.history(twin.pk)[0].balance_after == 25
    assert wrong_books() == []


def test_undo_says_what_changed_since_and_leaves_it(anna, twin, now):
    done = merge(anna, twin, now, choices={"name": "drop"})
    editing.edit(anna.pk, version=Contact.objects.get().version, values={"name": "Anna Neumann"}, now=now)
    texts = merging.foresee_undo(done.pk, now=now)
    assert texts == ["Changed since and left as it is: Full name."]
    merging.undo(done.pk, now=now)
    assert set(Contact.objects.values_list("name", flat=True)) == {"Anna Neumann", "A. Meyer"}


def test_an_address_somebody_else_has_by_now_is_not_taken_back(anna, twin, now):
    done = merge(anna, twin, now)
    ContactKey.objects.filter(source=FORMER_EMAIL).delete()
    person("Newcomer", email="anna.meyer@example.com")
    assert merging.foresee_undo(done.pk, now=now) == [
        "A. Meyer comes back without the e-mail: another customer has it by now."
    ]
    merging.undo(done.pk, now=now)
    assert Contact.objects.get(pk=twin.pk).email == ""


def test_after_thirty_days_it_is_final_and_the_details_go(anna, twin, now):
    done = merge(anna, twin, now)
    late = now + merging.UNDO_FOR
    assert merging.forget_details(now=late - DAY) == 0
    assert merging.forget_details(now=late) == 1
    with pytest.raises(merging.CannotUndo):
        merging.undo(done.pk, now=late)
    assert (Merge.objects.get().details, merging.current_id(twin.pk)) == ({}, anna.pk)


def test_who_is_not_whom_is_known_of_the_kept_one(anna, twin, now):
    other = person("Third")
    Pair.objects.create(one=twin, other=other, distinct_at=now)
    done = merge(anna, twin, now)
    assert list(Pair.objects.values_list("one", "other")) == [(anna.pk, other.pk)]
    merging.undo(done.pk, now=now)
    assert list(Pair.objects.values_list("one", "other")) == [(twin.pk, other.pk)]


def test_looking_ahead_changes_nothing(anna, twin, now):
    ledger.adjust(twin.pk, points=50, reason="start", key="b", now=now)
    before = state()
    seen = merging.foresee(anna.pk, drop_id=twin.pk, now=now)
    assert seen.kept.points_balance == 50
    assert seen.sentences == ["Points that can be spent: 0 and 50 become 50."]
    assert state() == before
