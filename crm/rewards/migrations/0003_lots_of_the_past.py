"""Give every entry that gave points its lot, and say which lots paid for what was taken, the oldest first."""

from django.db import migrations

# Each earning covers a stretch of its account's earnings laid end to end, and each taking one of its takings;
# where two stretches overlap, the one paid for the other.
STRETCHES = """
    WITH given AS (
        SELECT id, account_id, points,
               SUM(points) OVER (PARTITION BY account_id ORDER BY at, id) AS upto
        FROM rewards_entry WHERE points > 0
    ), taken AS (
        SELECT id, account_id, kind, -points AS points,
               SUM(-points) OVER (PARTITION BY account_id ORDER BY at, id) AS upto
        FROM rewards_entry WHERE points < 0
    )"""

LOTS = f"""
    INSERT INTO rewards_lot (id, account_id, points, remaining, state)
    {STRETCHES}, all_taken AS (
        SELECT account_id, SUM(points) AS points FROM taken GROUP BY account_id
    ), held AS (
        SELECT given.id, given.account_id, given.points,
               CASE WHEN given.upto <= COALESCE(all_taken.points, 0) THEN 0
                    WHEN given.upto - COALESCE(all_taken.points, 0) < given.points
                        THEN given.upto - COALESCE(all_taken.points, 0)
                    ELSE given.points END AS remaining
        FROM given LEFT JOIN all_taken ON all_taken.account_id = given.account_id
    )
    SELECT id, account_id, points, remaining, CASE WHEN remaining > 0 THEN 'active' ELSE 'spent' END FROM held"""

ALLOCATIONS = f"""
    INSERT INTO rewards_allocation (lot_id, entry_id, points)
    {STRETCHES}
    SELECT given.id, taken.id,
           CASE WHEN given.upto < taken.upto THEN given.upto ELSE taken.upto END
           - CASE WHEN given.upto - given.points > taken.upto - taken.points
                  THEN given.upto - given.points ELSE taken.upto - taken.points END
    FROM given JOIN taken ON taken.account_id = given.account_id
     AND given.upto - given.points < taken.upto AND taken.upto - taken.points < given.upto
    ORDER BY taken.id, given.id"""

TAKEN_BACK = """
    UPDATE rewards_lot SET state = 'reversed' WHERE remaining = 0 AND id IN (
        SELECT allocation.lot_id FROM rewards_allocation AS allocation
        JOIN rewards_entry AS entry ON entry.id = allocation.entry_id
        WHERE allocation.id IN (SELECT MAX(id) FROM rewards_allocation GROUP BY lot_id) AND entry.kind <> 'adjust')"""

DEBTS = "UPDATE rewards_account SET debt = -balance WHERE balance < 0"


class Migration(migrations.Migration):
    dependencies = [("rewards", "0002_lots")]

    operations = [migrations.RunSQL([LOTS, ALLOCATIONS, TAKEN_BACK, DEBTS], migrations.RunSQL.noop)]
