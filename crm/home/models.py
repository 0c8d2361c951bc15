"""What the owner sees first.

Action  (a TRAY) one suggestion: what to do, why, what it may bring, and the address its button opens.
        The analyst replaces its own each night (`actions.replace_all`), the daily look at the books the two kinds it
        finds (`home.suggesting`); dismissed ones stay away for 14 days by their `key`. Never acts by itself.
Inspection
        one look at the quality of the shop's data: asked for, then finished with what every check found,
        {slug: {"count", "ids"}}, of `totals` rows. Written by: home.quality.inspecting.
"""

from django.db import models


class Action(models.Model):
    key = models.CharField(max_length=100, unique=True)  # kind and subject, stable from night to night
    kind = models.CharField(max_length=30)
    icon = models.CharField(max_length=30, default="sparkles")
    title = models.JSONField()  # {"en": ..., "zh-hans": ...}: written by the night run, read in any language
    evidence = models.JSONField()
    why = models.JSONField()
    button = models.JSONField()
    url = models.CharField(max_length=300)
    gain_low_minor = models.BigIntegerField(null=True)
    gain_high_minor = models.BigIntegerField(null=True)
    cost_minor = models.BigIntegerField(null=True)
    rank = models.PositiveSmallIntegerField(default=100)
    as_of = models.DateField()


class Dismissal(models.Model):
    key = models.CharField(max_length=100, unique=True)
    until = models.DateTimeField()


class Inspection(models.Model):
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    findings = models.JSONField(default=dict)
    totals = models.JSONField(default=dict)
