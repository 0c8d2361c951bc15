"""Kill -9 in the middle of a campaign: nobody is forgotten, nobody gets it twice."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
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

    def __init__(self, box: Box):
        self.process = box.start("nursery")
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
    rng = random.Random(seed)
    box.do("make", str(PEOPLE))
    nursery, kills = Nursery(box), 0
    try:
        for _ in range(WORKERS):
            nursery.bear()
        while kills < KILLS and accepted() < PEOPLE * 0.9:
            time.sleep(rng.uniform(0.02, 0.4))
            nursery.kill(rng.choice(nursery.living))
            nursery.bear()
            kills += 1
    finally:
        nursery.close()
    box.do("end")
    told = json.loads(box.do("tell"))
    assert (told["state"], told["rotations"]) == ("finished", 1)
    assert (told["entries"], told["balances"]) == (PEOPLE, [5])
    return told, kills + WORKERS


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
