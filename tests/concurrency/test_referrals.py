"""Invitations followed and rewards due at the same time, on both databases: a friend counts once, a limit is a limit."""

import pytest

WORKER = "referrals_worker"
BEN = """
SELECT count(*), (SELECT count(*) FROM contacts_contact WHERE email_key = 'ben@example.org'), min(points.balance)
FROM rewards_referral referral JOIN contacts_contact friend ON friend.id = referral.friend_id
JOIN rewards_account points ON points.contact_id = friend.id WHERE friend.email_key = 'ben@example.org'
"""
FIRST = """
SELECT points.balance, (SELECT count(*) FROM rewards_referral WHERE reward_id IS NOT NULL)
FROM rewards_account points JOIN contacts_contact one ON one.id = points.contact_id WHERE one.name = 'Advocate 0'
"""

pytestmark = pytest.mark.slow


def test_one_address_through_many_invitations_is_one_friend(crowd):
    told = crowd.run(["join"] * 16)
    assert len({one["advocate"] for one in told} - {None}) == 1
    assert (crowd.ask(BEN), crowd.wrong_books()) == ([(1, 1, 50)], [])


def test_rewards_of_many_sweeps_keep_the_limit_and_go_back_once(crowd):
    assert sum(one["done"] for one in crowd.run(["reward"] * 8)) == 10
    assert (crowd.ask(FIRST), crowd.wrong_books()) == ([(300, 3)], [])
    assert sum(one["done"] for one in crowd.run(["cancel"] + ["reward"] * 7)) == 10
    assert crowd.ask(FIRST) == [(0, 0)]
