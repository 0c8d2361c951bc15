"""Everything in the database that tells of customers, as plain values: the same before and after is the same."""

from django.apps import apps

from crm.contacts import moving
from crm.rewards.models import Account

APPS = {"contacts", "orders", "rewards", "coupons", "campaigns", "portal", "api", "loyalty"}
LOGS = {  # what only grows; what it comes to is in `points`
    "contacts.Merge", "rewards.Account", "rewards.Entry", "rewards.Lot", "rewards.Allocation", "loyalty.Stir",
}  # fmt: skip


def state() -> dict:
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.app_label in APPS]
    rows = {model._meta.label: moving.written(model._base_manager.all()) for model in models}
    rows = {label: found for label, found in rows.items() if label not in LOGS}
    for row in rows["contacts.Contact"]:
        del row["updated_at"]
    for row in rows["campaigns.Attribution"]:  # said again, by the same words
        del row["id"], row["at"]
    rows["campaigns.Attribution"].sort(key=lambda row: row["order_id"])
    rows["points"] = points()
    return rows


def points() -> dict:
    """Return what each customer can spend, waits for and owes, and until when."""
    found = {}
    for account in Account.objects.to_spend_from().exclude(balance=0, pending=0, debt=0):
        lots = account.lots.filter(remaining__gt=0).order_by("expires_at", "activates_at", "state")
        together = {}
        for state_, *terms, left in lots.values_list("state", "activates_at", "expires_at", "remaining"):
            key = state_, *(str(moment) for moment in terms)
            together[key] = together.get(key, 0) + left
        found[account.contact_id] = (account.balance, account.pending, account.debt, sorted(together.items()))
    return found
