"""Kill -9 in the middle of a campaign, or of an automation's day: nobody is forgotten, nobody gets it twice."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from tests.campaigns.conftest import Sink, free_port

PEOPLE = 300
KILLS = 40  # at most; it ends sooner when most mails have left
WORKERS = 2
ROOT = Path(__file__).parents[2]


class SlowSink(Sink):
    """Takes a moment for each mail, so that a kill can hit every moment of the dialogue."""

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(0.01)
        answer = await super().handle_DATA(server, session, envelope)
        await asyncio.sleep(0.01)
        return answer


@pytest.fixture
def mail_server():
    sink = SlowSink()
    controller = Controller(sink, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield sink, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


class Box:
    """One installation with its own database and data folder."""

    def __init__(self, *, folder: Path, database_url: str, email_url: str):
        self.environment = os.environ | {
            "DATA_DIR": str(folder), "DATABASE_URL": database_url, "EMAIL_URL": email_url, "SECRET_KEY": "only-for-tests",
            "DJANGO_SETTINGS_MODULE": "crm.settings", "ENV_FILE": "", "SITE_URL": "https://crm.linden.example",
        }  # fmt: skip

    def start(self, *what: str) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.delivering", *what],
            cwd=ROOT, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )

    def do(self, *what: str) -> str:
        process = self.start(*what)
        output, _ = process.communicate(timeout=180)
        assert process.returncode == 0
        return output


class Nursery:
    """Sending processes of a box, to be killed."""

    def __init__(self, box: Box, *what: str):
        self.process = box.start("nursery", *what)
        self.living: list[int] = []

    def bear(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.living.append(int(self.process.stdout.readline()))

    def kill(self, child: int) -> None:
        os.kill(child, signal.SIGKILL)
        self.living.remove(child)

    def close(self) -> None:
        for child in list(self.living):
            self.kill(child)
        self.process.communicate()


def survive(box: Box, *, seed: int, accepted: Callable[[], int]) -> tuple[dict, int]:
    """Send to everybody with processes that are killed again and again; return what the database says, and the kills."""
    box.do("make", str(PEOPLE))
    kills = kill_again_and_again(Nursery(box), rng=random.Random(seed), kills=KILLS, accepted=accepted, enough=PEOPLE)
    box.do("end")
    told = json.loads(box.do("tell"))
    assert (told["state"], told["rotations"]) == ("finished", 1)
    assert (told["entries"], told["balances"]) == (PEOPLE, [5])
    return told, kills


def kill_again_and_again(
    nursery: Nursery, *, rng: random.Random, kills: int, accepted: Callable[[], int], enough: int, longest: float = 0.4
) -> int:
    """Kill workers, each followed by another, until most mails have left; return how many were killed."""
    killed = 0
    try:
        for _ in range(WORKERS):
            nursery.bear()
        while killed < kills and accepted() < enough * 0.9:
            time.sleep(rng.uniform(0.02, longest))
            nursery.kill(rng.choice(nursery.living))
            nursery.bear()
            killed += 1
    finally:
        nursery.close()
    return killed + WORKERS


def survive_by_mail(box: Box, sink: SlowSink, *, seed: int) -> None:
    told, kills = survive(box, seed=seed, accepted=lambda: len(sink.accepted))
    accepted = [to for to, _content in sink.accepted]
    everyone = {f"p{number}@example.com" for number in range(PEOPLE)}
    print(f"kills {kills}, accepted {len(accepted)}, states {told['states']}")
    assert len(accepted) == len(set(accepted)), "somebody got it twice"
    assert set(told["sent"]) <= set(accepted), "counted as sent, but never taken"
    assert everyone - set(accepted) <= set(told["uncertain"]), "somebody was forgotten"
    assert set(told["sent"]) | set(told["uncertain"]) == everyone
    assert told["states"].get("uncertain", 0) <= kills


@pytest.mark.slow
def test_kill_9_loses_nobody_and_doubles_nothing_on_sqlite(tmp_path, mail_server):
    sink, email_url = mail_server
    box = Box(folder=tmp_path, database_url=f"sqlite:///{tmp_path}/regulars.sqlite3", email_url=email_url)
    survive_by_mail(box, sink, seed=1)


@pytest.mark.slow
@pytest.mark.postgres
def test_kill_9_loses_nobody_and_doubles_nothing_on_postgresql(tmp_path, mail_server, postgres_url):
    sink, email_url = mail_server
    survive_by_mail(Box(folder=tmp_path, database_url=postgres_url, email_url=email_url), sink, seed=2)


@pytest.mark.slow
def test_kill_9_leaves_no_doubt_in_the_outbox(tmp_path):
    box = Box(folder=tmp_path, database_url=f"sqlite:///{tmp_path}/regulars.sqlite3", email_url="")
    told, _kills = survive(box, seed=3, accepted=lambda: 0)
    assert told["states"] == {"sent": PEOPLE}
    assert sorted(told["outbox"]) == sorted(f"p{number}@example.com" for number in range(PEOPLE))


def survive_the_days_of_an_automation(box: Box, sink: SlowSink, *, seed: int) -> None:
    """Kill through the day of the first messages and the day of the second ones; each occasion is met once."""
    people, rng, killed = 150, random.Random(seed), 0
    everyone = {f"p{number}@example.com" for number in range(people)}
    box.do("make_automation", str(people))
    for day, enough in ((1, people), (3, 2 * people)):
        killed += kill_again_and_again(
            Nursery(box, str(day)), rng=rng, kills=20, accepted=lambda: len(sink.accepted), enough=enough, longest=1.2
        )
        print(f"accepted among kills {len(sink.accepted)}")
        box.do("end_of_day", str(day))
    told = json.loads(box.do("tell_automation"))
    accepted = Counter(to for to, _content in sink.accepted)
    print(f"kills {killed}, accepted {accepted.total()}, uncertain {[len(some) for some in told['uncertain']]}")
    assert max(accepted.values()) == 2, "somebody got a message of it twice"
    assert accepted.total() >= told["messages"] - sum(map(len, told["uncertain"])), "counted as sent, but never taken"
    for sent, uncertain in zip(told["sent"], told["uncertain"]):
        assert len(sent) + len(uncertain) == people
        assert set(sent) | set(uncertain) == everyone
    assert sum(map(len, told["uncertain"])) <= killed
    assert (told["messages"], told["rotations"]) == (2 * people, 2)
    assert told["occasions"] == [[to, 3, "done"] for to in sorted(everyone)]
    assert (told["entries"], told["balances"]) == (2 * people, [10])


@pytest.mark.slow
def test_kill_9_meets_each_occasion_of_an_automation_once_on_sqlite(tmp_path, mail_server):
    sink, email_url = mail_server
    box = Box(folder=tmp_path, database_url=f"sqlite:///{tmp_path}/regulars.sqlite3", email_url=email_url)
    survive_the_days_of_an_automation(box, sink, seed=4)


@pytest.mark.slow
@pytest.mark.postgres
def test_kill_9_meets_each_occasion_of_an_automation_once_on_postgresql(tmp_path, mail_server, postgres_url):
    sink, email_url = mail_server
    survive_the_days_of_an_automation(Box(folder=tmp_path, database_url=postgres_url, email_url=email_url), sink, seed=5)
