"""What customers hold in their hands.

Card    how often a customer's link and card code were replaced; no row means never. Link and code are made from the
        secret key, the customer and `issue` (portal.links, portal.cards) and stand nowhere in the database: a copy of
        it opens nothing, and counting `issue` up makes the earlier ones worthless. A row outlives a customer who was
        merged into another one, because what they were given keeps working.
Written by: portal.links.
"""

from django.db import models


class Card(models.Model):
    contact = models.OneToOneField(
        "contacts.Contact", models.DO_NOTHING, primary_key=True, related_name="+", db_constraint=False
    )
    issue = models.PositiveIntegerField(default=0)
    replaced_at = models.DateTimeField()
