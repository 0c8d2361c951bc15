import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0001_initial'),
        ('rewards', '0004_tiers'),
    ]

    operations = [
        migrations.CreateModel(
            name='Referral',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('via', models.CharField(choices=[('link', 'Invitation link'), ('till', 'Said at the till'), ('typed', 'Typed in'), ('api', 'From a program')], max_length=5)),
                ('at', models.DateTimeField()),
                ('order_ref', models.BigIntegerField(null=True)),
                ('advocate', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='friends_sent', to='contacts.contact')),
                ('friend', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='sent_by', to='contacts.contact')),
                ('reward', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='rewards.entry')),
            ],
            options={
                'indexes': [models.Index(fields=['advocate', '-at'], name='referral_of_advocate')],
                'constraints': [models.CheckConstraint(condition=models.Q(('friend', models.F('advocate')), _negated=True), name='referral_of_somebody_else'), models.CheckConstraint(condition=models.Q(('reward', None), ('order_ref__isnull', False), _connector='OR'), name='referral_rewarded_for_an_order')],
            },
        ),
        migrations.AddField(
            model_name='programme',
            name='per_100_minor',
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='reward',
            name='may_go_below_cost',
            field=models.BooleanField(db_default=False, default=False, verbose_name='May take an order below what its products cost'),
        ),
        migrations.AddConstraint(
            model_name='programme',
            constraint=models.CheckConstraint(condition=models.Q(('per_100_minor', None), ('per_100_minor__gt', 0), _connector='OR'), name='programme_points_are_worth_something'),
        ),
    ]
