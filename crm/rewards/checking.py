"""The checks of the books that `manage.py check_books` and the daily audit run; they only read."""

from django.db import connection
from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Shop
from crm.contacts.models import Contact
from crm.lib import clock
from crm.lib.templatetags import say
from crm.orders.models import Order
from crm.rewards import ledger, settling, tiers, triggers
from crm.rewards.models import Account, Allocation, Entry, Lot, Membership, Redemption, Referral, Rule
from crm.rewards.rules import ORDER, RULES

SHOWN = 5  # how many culprits a finding names


def balances_are_sums() -> tuple[bool, str]:
    """Compare every balance with the sum of its entries."""
    wrong = _rows(
        f"""SELECT account.id FROM {_table(Account)} account
        LEFT JOIN (SELECT account_id, SUM(points) AS points FROM {_table(Entry)} GROUP BY account_id) entries
          ON entries.account_id = account.id
        WHERE account.balance <> COALESCE(entries.points, 0) ORDER BY account.id"""
    )
    if wrong:
        return False, _culprits(_("These accounts do not hold the sum of their entries: %(ids)s."), wrong)
    accounts = Account.objects.count()
    total = Account.objects.aggregate(total=Sum("balance"))["total"] or 0
    return True, ngettext(
        "%(count)s account, %(points)s points in all.", "%(count)s accounts, %(points)s points in all.", accounts
    ) % {"count": say.number(accounts), "points": say.number(total)}


def customers_show_their_balance() -> tuple[bool, str]:
    """Compare the balance the customer list shows with the account."""
    wrong = _rows(
        f"""SELECT contact.id FROM {_table(Contact)} contact
        LEFT JOIN {_table(Account)} account ON account.contact_id = contact.id AND account.merged_into_id IS NULL
        WHERE contact.points_balance <> COALESCE(account.balance - account.pending, 0) ORDER BY contact.id"""
    )
    if wrong:
        return False, _culprits(_("These customers show other points than they can spend: %(ids)s."), wrong)
    return True, _("Every customer shows the points they can spend.")


def lots_make_up_the_balances() -> tuple[bool, str]:
    """Compare every account with its lots: balance = what remains - debt, pending = what remains in pending lots."""
    wrong = _rows(
        f"""SELECT account.id FROM {_table(Account)} account
        LEFT JOIN (SELECT account_id, SUM(remaining) AS points,
                          SUM(CASE WHEN state = 'pending' THEN remaining ELSE 0 END) AS pending,
                          SUM(CASE WHEN state = 'active' THEN remaining ELSE 0 END) AS active
                   FROM {_table(Lot)} GROUP BY account_id) lots ON lots.account_id = account.id
        WHERE account.balance <> COALESCE(lots.points, 0) - account.debt
           OR account.pending <> COALESCE(lots.pending, 0)
           OR (account.debt > 0 AND lots.active > 0) ORDER BY account.id"""
    )
    if wrong:
        return False, _culprits(_("These accounts do not hold what their lots do: %(ids)s."), wrong)
    held = {row["state"]: row["points"] for row in Lot.objects.filter(remaining__gt=0).values("state").annotate(
        points=Sum("remaining"))}  # fmt: skip
    debt = Account.objects.filter(debt__gt=0).aggregate(points=Sum("debt"))["points"] or 0
    return True, _("%(active)s points can be spent, %(pending)s are pending, %(debt)s are owed.") % {
        "active": say.number(held.get(Lot.State.ACTIVE, 0)),
        "pending": say.number(held.get(Lot.State.PENDING, 0)),
        "debt": say.number(debt),
    }


def merged_accounts_are_empty() -> tuple[bool, str]:
    """See that accounts of merged customers hold and owe nothing, and belong to whom their points went to."""
    wrong = _rows(
        f"""SELECT account.id FROM {_table(Account)} account JOIN {_table(Account)} other
          ON other.id = account.merged_into_id
        WHERE account.balance <> 0 OR account.pending <> 0 OR account.debt <> 0 OR other.merged_into_id IS NOT NULL
           OR account.contact_id <> other.contact_id ORDER BY account.id"""
    )
    if wrong:
        return False, _culprits(_("These accounts of merged customers still hold points: %(ids)s."), wrong)
    merged = Account.objects.filter(merged_into__isnull=False).count()
    return True, ngettext(
        "%(count)s account was merged into another.", "%(count)s accounts were merged into others.", merged
    ) % {"count": say.number(merged)}


def lots_follow_their_entries() -> tuple[bool, str]:
    """Compare every lot with the entry that opened it and with what was taken from it."""
    wrong = _rows(
        f"""SELECT entry.id FROM {_table(Entry)} entry LEFT JOIN {_table(Lot)} lot ON lot.id = entry.id
        WHERE entry.points > 0 AND (lot.id IS NULL OR lot.points <> entry.points OR lot.account_id <> entry.account_id)
        ORDER BY entry.id"""
    ) or _rows(
        f"""SELECT lot.id FROM {_table(Lot)} lot
        LEFT JOIN {_table(Entry)} entry ON entry.id = lot.id AND entry.points > 0
        LEFT JOIN (SELECT lot_id, SUM(points) AS points FROM {_table(Allocation)} GROUP BY lot_id) taken
          ON taken.lot_id = lot.id
        WHERE entry.id IS NULL OR lot.remaining <> lot.points - COALESCE(taken.points, 0)
           OR (lot.remaining > 0) <> (lot.state IN ('pending', 'active')) ORDER BY lot.id"""
    )
    if wrong:
        return False, _culprits(_("These lots do not hold what they were given less what was taken: %(ids)s."), wrong)
    lots = Lot.objects.count()
    return True, ngettext("%(count)s lot.", "%(count)s lots.", lots) % {"count": say.number(lots)}


def taken_points_are_paid() -> tuple[bool, str]:
    """Compare what was taken with the lots that paid for it; the rest is the account's debt."""
    taken = f"""SELECT entry.id, entry.account_id, -entry.points - COALESCE(SUM(allocation.points), 0) AS owed,
               SUM(CASE WHEN lot.account_id <> entry.account_id THEN 1 ELSE 0 END) AS strange
        FROM {_table(Entry)} entry LEFT JOIN {_table(Allocation)} allocation ON allocation.entry_id = entry.id
        LEFT JOIN {_table(Lot)} lot ON lot.id = allocation.lot_id
        WHERE entry.points < 0 GROUP BY entry.id, entry.account_id, entry.points"""
    wrong = _rows(f"SELECT id FROM ({taken}) taken WHERE owed < 0 OR strange > 0 ORDER BY id") or _rows(
        f"""SELECT account.id FROM {_table(Account)} account
        LEFT JOIN (SELECT account_id, SUM(owed) AS owed FROM ({taken}) taken GROUP BY account_id) unpaid
          ON unpaid.account_id = account.id
        WHERE account.debt <> COALESCE(unpaid.owed, 0) ORDER BY account.id"""
    )
    if wrong:
        return False, _culprits(_("These took points that no lot paid for as it should: %(ids)s."), wrong)
    paid = Allocation.objects.count()
    return True, ngettext(
        "%(count)s part of a lot was used, none twice.", "%(count)s parts of lots were used, none twice.", paid
    ) % {"count": say.number(paid)}


def redemptions_took_their_points() -> tuple[bool, str]:
    """Compare what each account redeemed with its entries: taken while it holds, nothing once it was given back."""
    wrong = _rows(
        f"""SELECT account.id FROM {_table(Account)} account
        LEFT JOIN (SELECT account_id, SUM(points) AS points FROM {_table(Entry)} WHERE kind = 'redeem'
                   GROUP BY account_id) moved ON moved.account_id = account.id
        LEFT JOIN (SELECT account_id, SUM(points) AS points FROM {_table(Redemption)} WHERE state <> 'back'
                   GROUP BY account_id) redeemed ON redeemed.account_id = account.id
        WHERE COALESCE(moved.points, 0) <> -COALESCE(redeemed.points, 0) ORDER BY account.id"""
    )
    if wrong:
        return False, _culprits(_("These accounts redeemed other points than were taken: %(ids)s."), wrong)
    count = Redemption.objects.count()
    return True, ngettext("%(count)s redemption.", "%(count)s redemptions.", count) % {"count": say.number(count)}


def database_guards() -> tuple[bool, str]:
    """See that the triggers are there, as written."""
    names = triggers.missing()
    if names:
        return False, _("Missing or changed: %(names)s. Run manage.py migrate.") % {"names": ", ".join(names)}
    return True, _("Entries cannot be changed or deleted, balances cannot be typed.")


def entries_have_accounts() -> tuple[bool, str]:
    """Look for entries that belong to no account."""
    wrong = _rows(
        f"""SELECT entry.id FROM {_table(Entry)} entry
        LEFT JOIN {_table(Account)} account ON account.id = entry.account_id
        WHERE account.id IS NULL ORDER BY entry.id"""
    )
    if wrong:
        return False, _culprits(_("These entries belong to no account: %(ids)s."), wrong)
    entries = Entry.objects.count()
    return True, ngettext("%(count)s entry.", "%(count)s entries.", entries) % {"count": say.number(entries)}


def orders_got_what_they_are_due() -> tuple[bool, str]:
    """Work out every order's points again and compare them with what was posted."""
    wrong, orders = [], Order.objects.filter(~_waiting_for_rules())
    last, seen = 0, 0
    while ids := list(orders.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[: settling.CHUNK]):
        wrong += _unsettled(ids)
        last, seen = ids[-1], seen + len(ids)
    gone = Entry.objects.filter(kind=Entry.Kind.ORDER).exclude(order_ref__in=Order.objects.values("pk"))
    gone = gone.values("order_ref", "account_id").annotate(left=Sum("points")).exclude(left=0)
    wrong += sorted(set(gone.values_list("order_ref", flat=True)))
    if wrong:
        return False, _culprits(_("These orders (by id) have other points than they are due: %(ids)s."), wrong)
    skipped = Order.objects.count() - seen
    if skipped:
        return True, ngettext(
            "%(count)s order has the points it is due; %(skipped)s wait for a changed rule.",
            "%(count)s orders have the points they are due; %(skipped)s wait for a changed rule.",
            seen,
        ) % {"count": say.number(seen), "skipped": say.number(skipped)}
    return True, ngettext(
        "%(count)s order has the points it is due.", "%(count)s orders have the points they are due.", seen
    ) % {"count": say.number(seen)}


def referrals_were_rewarded_once() -> tuple[bool, str]:
    """See that each reward for a friend stands for the order it was given for, and none without a friend."""
    back = f"EXISTS (SELECT 1 FROM {_table(Entry)} back WHERE back.source = entry.source || ':back')"
    wrong = _rows(
        f"""SELECT referral.id FROM {_table(Referral)} referral
        JOIN {_table(Entry)} entry ON entry.id = referral.reward_id
        WHERE entry.points <= 0 OR entry.order_ref <> referral.order_ref OR {back} ORDER BY referral.id"""
    )
    if wrong:
        return False, _culprits(_("These friends (by id) were rewarded for another order: %(ids)s."), wrong)
    wrong = _rows(
        f"""SELECT entry.id FROM {_table(Entry)} entry JOIN {_table(Account)} account ON account.id = entry.account_id
        WHERE entry.kind = 'occasion' AND entry.order_ref IS NOT NULL AND entry.points > 0
          AND account.contact_id IS NOT NULL AND NOT {back}
          AND NOT EXISTS (SELECT 1 FROM {_table(Referral)} referral WHERE referral.reward_id = entry.id)
        ORDER BY entry.id"""
    )
    if wrong:
        return False, _culprits(_("These entries reward somebody for no friend: %(ids)s."), wrong)
    sent = Referral.objects.count()
    return True, ngettext("%(count)s friend was sent.", "%(count)s friends were sent.", sent) % {
        "count": say.number(sent)
    }


def levels_follow_one_another() -> tuple[bool, str]:
    """See that nobody holds two levels at a time, one that is none, or one from before its rule began."""
    wrong = _rows(
        f"""SELECT DISTINCT contact_id FROM (
            SELECT contact_id, since, LAG(until) OVER (PARTITION BY contact_id ORDER BY since, id) AS earlier,
                   LAG(id) OVER (PARTITION BY contact_id ORDER BY since, id) AS earlier_id
            FROM {_table(Membership)}) held
        WHERE earlier_id IS NOT NULL AND (earlier IS NULL OR earlier > since) ORDER BY contact_id"""
    )
    impossible = Q(pk=None) | ~Q(rule__kind=tiers.KIND)
    for rule in Rule.objects.filter(kind=tiers.KIND):
        starts_at, _next_day = clock.day_bounds(rule.starts_on, Shop.current().timezone)
        most = len(RULES[rule.kind].read(rule.params).levels)
        impossible |= Q(rule=rule, level__gt=most) | Q(rule=rule, since__lt=starts_at)
    found = Membership.objects.filter(impossible).order_by("contact_id").values_list("contact_id", flat=True)
    wrong += found.distinct()[: SHOWN + 1]
    if wrong:
        return False, _culprits(_("These customers (by id) hold levels that cannot be: %(ids)s."), sorted(set(wrong)))
    held = Membership.objects.filter(until=None).count()
    return True, ngettext(
        "%(count)s customer holds a level, one at a time.",
        "%(count)s customers hold a level, one at a time each.",
        held,
    ) % {"count": say.number(held)}


def orders_net() -> tuple[bool, str]:
    """Work out again what every order earned."""
    sale, slip = Q(kind=Order.Kind.SALE), Q(kind=Order.Kind.RETURN)
    paid = Q(payment__in=[Order.Payment.PAID, Order.Payment.PARTLY_REFUNDED], cancelled_at=None)
    wrong = _rows(
        f"""SELECT id FROM {_table(Order)} WHERE
        (kind = 'sale' AND net_minor <> CASE WHEN counts THEN total_minor - refunded_minor ELSE 0 END)
        OR (kind = 'return' AND (net_minor > 0 OR net_minor < total_minor))
        OR (NOT counts AND net_minor <> 0)
        OR (kind = 'sale' AND refunded_minor > total_minor) ORDER BY id"""
    )
    wrong += list(Order.objects.filter(sale, Q(counts=True) & ~paid).values_list("pk", flat=True)[: SHOWN + 1])
    wrong += list(Order.objects.filter(sale, paid, counts=False).values_list("pk", flat=True)[: SHOWN + 1])
    if wrong:
        return False, _culprits(_("These orders (by id) count with a wrong amount: %(ids)s."), sorted(set(wrong)))
    sales, slips = Order.objects.filter(sale).count(), Order.objects.filter(slip).count()
    return True, _("%(sales)s sales and %(slips)s returns count with the right amount.") % {
        "sales": say.number(sales),
        "slips": say.number(slips),
    }


def customers_standing() -> tuple[bool, str]:
    """Count every customer's orders and spending again."""
    wrong = _rows(
        f"""SELECT contact.id FROM {_table(Contact)} contact
        LEFT JOIN (
            SELECT contact_id,
              SUM(CASE WHEN kind = 'sale' THEN 1 ELSE 0 END) AS order_count,
              SUM(CASE WHEN currency = %s THEN net_minor ELSE 0 END) AS spent_minor
            FROM {_table(Order)} WHERE counts AND contact_id IS NOT NULL GROUP BY contact_id
        ) bought ON bought.contact_id = contact.id
        WHERE contact.order_count <> COALESCE(bought.order_count, 0)
           OR contact.spent_minor <> COALESCE(bought.spent_minor, 0) ORDER BY contact.id""",
        Shop.objects.values_list("currency", flat=True).first(),
    )
    if wrong:
        return False, _culprits(_("These customers (by id) show other orders than they have: %(ids)s."), wrong)
    return True, _("Every customer shows the orders and the spending they have.")


def _unsettled(order_ids: list[int]) -> list[int]:
    """Return the orders with a gap; one that is being settled this moment is looked at again under its lock."""
    rules = settling.rules_for(ORDER)
    suspects = [gap.order_id for gap in settling.gaps(order_ids, rules=rules)]
    if not suspects:
        return []
    with ledger.one_transaction():
        return sorted({gap.order_id for gap in settling.gaps(suspects, rules=settling.rules_for(ORDER), lock=True)})


def _waiting_for_rules() -> Q:
    """Return which orders a changed rule has not reached yet (rewards.catching_up)."""
    waiting = Q(pk=None)
    for rule in Rule.objects.filter(catch_up_from__isnull=False):
        if RULES[rule.kind].occasion == ORDER:
            since, _next_day = clock.day_bounds(rule.catch_up_from, Shop.current().timezone)
            waiting |= Q(placed_at__gte=since, pk__gt=rule.catch_up_after_id)
    return waiting


def _rows(sql: str, *params) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT {SHOWN + 1}", params)
        return [row[0] for row in cursor.fetchall()]


def _culprits(sentence: str, ids: list[int]) -> str:
    return sentence % {"ids": ", ".join(map(str, ids[:SHOWN])) + (", …" if len(ids) > SHOWN else "")}


def _table(model) -> str:
    return connection.ops.quote_name(model._meta.db_table)
