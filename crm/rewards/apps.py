from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate, pre_migrate


class RewardsConfig(AppConfig):
    name = "crm.rewards"
    label = "rewards"

    def ready(self):
        from crm.contacts import forgetting as forgetting_of_contacts
        from crm.contacts import handing_over as handing_over_of_contacts
        from crm.contacts import merging as merging_of_contacts
        from crm.contacts import panels as contact_panels
        from crm.contacts import processing as processing_of_contacts
        from crm.contacts import signs, timeline
        from crm.lib import books, sweeps
        from crm.orders import panels as order_panels
        from crm.rewards import (
            auditing,
            catching_up,
            checking,
            daily,
            falling_due,
            forgetting,
            handing_over,
            levelling,
            merging,
            moments,
            panels,
            processing,
            redeeming,
            referring,
            triggers,
        )

        pre_migrate.connect(triggers.lift_before_migrate, sender=self)
        post_migrate.connect(triggers.install_after_migrate, sender=self)
        checks.register(triggers.check_installed, checks.Tags.database)
        sweeps.register("points", catching_up.catch_up)
        sweeps.register("redemptions", redeeming.release)
        sweeps.register("maturing", falling_due.mature)
        sweeps.register("expiring", falling_due.expire)
        sweeps.register("points_daily", daily.daily)
        sweeps.register("levels", levelling.sweep)
        sweeps.register("referrals", referring.reward_due)
        sweeps.register("books", auditing.audit_due)
        merging_of_contacts.register(
            "points", merging.Points(), owns=merging.OWNS, tells=merging.tells, changed=merging.changed
        )
        forgetting_of_contacts.register(
            "points", forgetting.forget, foresee=forgetting.foresee, covers=forgetting.COVERS
        )
        processing_of_contacts.register("points", processing.describe)
        handing_over_of_contacts.register(
            "points", handing_over.hand_over, covers=forgetting.COVERS, labels=handing_over.LABELS
        )
        signs.register("points", handing_over.moved_since)
        timeline.register("points", moments.points)
        timeline.register("levels", moments.levels)
        timeline.register("referrals", moments.referrals)
        contact_panels.register("points", panels.of_contact, "rewards/_panel.html")
        contact_panels.register("friends", panels.friends_of_contact, "rewards/_friends_panel.html")
        order_panels.register("points", panels.of_order, "rewards/_order_panel.html")
        books.register("points_balances", checking.balances_are_sums)
        books.register("points_entries", checking.entries_have_accounts)
        books.register("points_lots", checking.lots_make_up_the_balances)
        books.register("points_merged", checking.merged_accounts_are_empty)
        books.register("points_lot_entries", checking.lots_follow_their_entries)
        books.register("points_paid", checking.taken_points_are_paid)
        books.register("points_redeemed", checking.redemptions_took_their_points)
        books.register("points_guards", checking.database_guards)
        books.register("points_shown", checking.customers_show_their_balance)
        books.register("points_of_orders", checking.orders_got_what_they_are_due)
        books.register("referrals", checking.referrals_were_rewarded_once)
        books.register("levels", checking.levels_follow_one_another)
        books.register("orders_net", checking.orders_net)
        books.register("customers_standing", checking.customers_standing)
