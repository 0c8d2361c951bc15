"""Codes and uses of coupons go to the kept customer when two are merged: limits count what both used."""

import datetime as dt

from django.db.models import F

from crm.contacts import moving
from crm.contacts.moving import Rows
from crm.coupons.models import Code, CustomerUse, Use

OWNS = ("coupons.Code.contact", "coupons.Use.contact", "coupons.CustomerUse.contact")


class Coupons(moving.Mover):
    """The mover of this floor."""

    def move(self, *, keep_id: int, drop_id: int, now: dt.datetime) -> dict:
        both = {"keep_id": keep_id, "drop_id": drop_id, "now": now}
        said = {"uses": Rows(Use).move(**both), "codes": Rows(Code).move(**both)}  # in the order redeeming locks them
        said |= {"counts": moving.put_away(CustomerUse.objects.filter(contact=drop_id)), "made": []}
        for row in said["counts"]:
            count, is_new = CustomerUse.objects.get_or_create(coupon_id=row["coupon_id"], contact_id=keep_id)
            said["made"] += [count.pk] if is_new else []
            CustomerUse.objects.filter(pk=count.pk).update(count=F("count") + row["count"])
        return said

    def back(self, said: dict, *, keep_id: int, drop_id: int, now: dt.datetime) -> None:
        both = {"keep_id": keep_id, "drop_id": drop_id, "now": now}
        Rows(Use).back(said["uses"], **both)
        Rows(Code).back(said["codes"], **both)
        moving.bring_back(CustomerUse, said["counts"])
        for coupon_id in [row["coupon_id"] for row in said["counts"]]:
            for contact_id in (keep_id, drop_id):  # a use may have been taken back since
                held = Use.objects.filter(coupon=coupon_id, contact=contact_id).exclude(state=Use.State.ROLLED_BACK)
                CustomerUse.objects.filter(coupon=coupon_id, contact=contact_id).update(count=held.count())
        CustomerUse.objects.filter(pk__in=said["made"], count=0).delete()
