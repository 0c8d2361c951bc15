from django.db import migrations, models
from django.db.models import Count


def withhold(apps, schema_editor):
    """What was stopped for one person alone says why; what the owner stopped says nothing."""
    Message = apps.get_model("campaigns", "Message")
    Rotation = apps.get_model("campaigns", "Rotation")
    alone = Message.objects.filter(state="stopped").exclude(error="")
    rotations = set(alone.values_list("rotation_id", flat=True))
    alone.update(state="withheld")
    for pk in Rotation.objects.filter(pk__in=rotations, finished_at__isnull=False).values_list("pk", flat=True):
        counted = Message.objects.filter(rotation=pk).values_list("state").annotate(number=Count("pk")).order_by()
        Rotation.objects.filter(pk=pk).update(counts=dict(counted))


def stop(apps, schema_editor):
    apps.get_model("campaigns", "Message").objects.filter(state="withheld").update(state="stopped")


def once_for_all(apps, schema_editor):
    """Enough points for a reward is one occasion for ever, whatever the cheapest reward costs."""
    Occasion = apps.get_model("campaigns", "Occasion")
    of_rewards = Occasion.objects.filter(automation__trigger="reward", key__contains=":reward:")
    told = set()
    for pk, contact_id, automation_id in of_rewards.order_by("-step", "pk").values_list("pk", "contact", "automation"):
        one = Occasion.objects.filter(pk=pk)
        if (contact_id, automation_id) in told:
            one.delete()
        else:
            one.update(key=f"{automation_id}:reward")
        told.add((contact_id, automation_id))


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0005_automations'),
    ]

    operations = [
        migrations.AddField(
            model_name='rules',
            name='most_per_hour',
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name='Mails in an hour, at most'),
        ),
        migrations.AddField(
            model_name='rules',
            name='paced_until',
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='message',
            name='state',
            field=models.CharField(choices=[('queued', 'Waiting'), ('claimed', 'Next'), ('sending', 'On its way'), ('sent', 'Sent'), ('retry', 'Will be tried again'), ('failed', 'Could not be delivered'), ('uncertain', 'Not sure it arrived'), ('suppressed', 'Said no'), ('held_out', 'Left out to measure'), ('stopped', 'Stopped'), ('withheld', 'Not sent to this customer'), ('capped', 'Had enough messages that week'), ('points_only', 'Points only')], default='queued', max_length=12),
        ),
        migrations.RunPython(withhold, stop),
        migrations.RunPython(once_for_all, migrations.RunPython.noop),
    ]
