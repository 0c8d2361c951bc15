import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contacts', '0001_initial'),
        ('orders', '0001_initial'),
        ('rewards', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Allocation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Lot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.BigIntegerField()),
                ('remaining', models.BigIntegerField()),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('active', 'Active'), ('spent', 'Spent'), ('expired', 'Expired'), ('reversed', 'Taken back')], max_length=8)),
                ('activates_at', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Programme',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('debt', models.CharField(choices=[('owe', 'Later points fill it up'), ('forgive', 'It is forgiven at once'), ('ask', 'Ask me each time')], default='owe', max_length=8, verbose_name='When refunded points are spent already')),
                ('inactive_months', models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='Months without an order')),
                ('grace_days', models.PositiveSmallIntegerField(default=0, verbose_name='Days of grace')),
                ('first_warning_days', models.PositiveSmallIntegerField(default=30, verbose_name='First warning, days before')),
                ('last_warning_days', models.PositiveSmallIntegerField(default=7, verbose_name='Last warning, days before')),
                ('daily_done_on', models.DateField(editable=False, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Redemption',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=120)),
                ('points', models.PositiveBigIntegerField()),
                ('worth_minor', models.BigIntegerField(default=0)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('state', models.CharField(choices=[('reserved', 'Reserved'), ('committed', 'Redeemed'), ('back', 'Given back')], default='reserved', max_length=9)),
                ('note', models.CharField(blank=True, max_length=250)),
                ('reserved_at', models.DateTimeField()),
                ('reserved_until', models.DateTimeField()),
                ('settled_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Reward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('money', 'Money off'), ('product', 'A product'), ('shipping', 'Free shipping'), ('coupon', 'A coupon')], default='money', max_length=8, verbose_name='Kind')),
                ('name', models.CharField(max_length=120, verbose_name='Name')),
                ('points', models.PositiveIntegerField(verbose_name='Points')),
                ('worth_minor', models.BigIntegerField(default=0)),
                ('least_points', models.PositiveIntegerField(default=0, verbose_name='Smallest use')),
                ('most_percent', models.PositiveSmallIntegerField(default=100, verbose_name='Largest share of an order (%)')),
                ('is_active', models.BooleanField(default=True, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='entry',
            name='entry_sum_of_account',
        ),
        migrations.RemoveIndex(
            model_name='entry',
            name='entry_history',
        ),
        migrations.AddField(
            model_name='account',
            name='debt',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='account',
            name='pending',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='entry',
            name='activates_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='entry',
            name='expires_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='entry',
            name='created_at',
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name='entry',
            name='kind',
            field=models.CharField(choices=[('order', 'Order'), ('welcome', 'Welcome gift'), ('adjust', 'Adjusted by hand'), ('campaign', 'Campaign'), ('occasion', 'Occasion'), ('redeem', 'Redeemed'), ('expire', 'Expired'), ('waive', 'Debt forgiven')], max_length=10),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(condition=models.Q(('debt__gt', 0)), fields=['id'], name='account_in_debt'),
        ),
        migrations.AddIndex(
            model_name='entry',
            index=models.Index(fields=['account', '-at', '-id', 'points'], name='entry_of_account'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('pending__gte', 0)), name='account_pending_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(('debt__gte', 0)), name='account_debt_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='entry',
            constraint=models.CheckConstraint(condition=models.Q(('points__gt', 0), models.Q(('activates_at', None), ('expires_at', None)), _connector='OR'), name='entry_taken_has_no_term'),
        ),
        migrations.AddField(
            model_name='allocation',
            name='entry',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='rewards.entry'),
        ),
        migrations.AddField(
            model_name='lot',
            name='account',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='rewards.account'),
        ),
        migrations.AddField(
            model_name='allocation',
            name='lot',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='allocations', to='rewards.lot'),
        ),
        migrations.AddConstraint(
            model_name='programme',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='programme_is_the_only_one'),
        ),
        migrations.AddField(
            model_name='redemption',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='rewards.account'),
        ),
        migrations.AddField(
            model_name='reward',
            name='product',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='orders.product'),
        ),
        migrations.AddField(
            model_name='redemption',
            name='reward',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='rewards.reward'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['account', 'remaining'], name='lot_pending'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['activates_at'], name='lot_maturing'),
        ),
        migrations.AddIndex(
            model_name='lot',
            index=models.Index(condition=models.Q(('expires_at__isnull', False), ('state', 'active')), fields=['expires_at'], name='lot_expiring'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('remaining__gte', 0), ('remaining__lte', models.F('points'))), name='lot_holds_what_it_was_given'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('remaining__gt', 0), ('state__in', ['pending', 'active'])), models.Q(('remaining', 0), ('state__in', ['spent', 'expired', 'reversed'])), _connector='OR'), name='lot_is_closed_when_empty'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'pending'), _negated=True), ('activates_at__isnull', False), _connector='OR'), name='lot_pending_until'),
        ),
        migrations.AddConstraint(
            model_name='allocation',
            constraint=models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='allocation_takes_something'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='reward_costs_points'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('worth_minor__gte', 0)), name='reward_worth_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='reward',
            constraint=models.CheckConstraint(condition=models.Q(('most_percent__gte', 1), ('most_percent__lte', 100)), name='reward_share_is_a_percentage'),
        ),
        migrations.AddIndex(
            model_name='redemption',
            index=models.Index(condition=models.Q(('state', 'reserved')), fields=['reserved_until'], name='redemption_waiting'),
        ),
        migrations.AddConstraint(
            model_name='redemption',
            constraint=models.UniqueConstraint(fields=('key',), name='redemption_key_once'),
        ),
        migrations.AddConstraint(
            model_name='redemption',
            constraint=models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='redemption_spends_points'),
        ),
        migrations.AddConstraint(
            model_name='redemption',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('settled_at', None), ('state', 'reserved')), models.Q(models.Q(('state', 'reserved'), _negated=True), ('settled_at__isnull', False)), _connector='OR'), name='redemption_settled_when_decided'),
        ),
    ]
