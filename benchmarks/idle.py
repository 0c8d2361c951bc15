"""Start a whole box in an empty folder, let it rest, and print what it costs in memory and processor time.

    python benchmarks/idle.py [--seconds 60]

Memory is the proportional set size (shared pages are counted once) where the system tells it, else what
each process has for itself. Targets: under 250 MB and 1 % of one processor.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
KINDS = {"supervising.py": "parent and guard", "gunicorn": "web", "celery": "worker and beat", "-server": "broker"}
TARGET_MB, TARGET_CPU_PERCENT = 250, 1.0


def memory_mb(process: psutil.Process) -> float:
    full = process.memory_full_info()
    return getattr(full, "pss", full.uss) / 1024 / 1024


def kind(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((name for part, name in KINDS.items() if part in command), "other")


def cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="regulars-idle-") as data_dir:
        environment = {**os.environ, "DATA_DIR": data_dir, "ENV_FILE": "", "PORT": "0"}
        for name in ("DATABASE_URL", "REDIS_URL", "BROKER_URL", "DJANGO_SETTINGS_MODULE"):
            environment.pop(name, None)
        command = [sys.executable, "manage.py", "up"]
        box = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        try:
            url = re.search(r"http://\S+", box.stdout.readline())[0]
            open_url = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
            for _ in range(20):  # every web process has answered before it rests
                open_url(f"{url}/").read()
            time.sleep(10)
            parent = psutil.Process(box.pid)
            processes = [parent, *parent.children(recursive=True)]
            before, began = cpu_seconds(processes), time.monotonic()
            time.sleep(seconds)
            cpu = 100 * (cpu_seconds(processes) - before) / (time.monotonic() - began)
            sizes: dict[str, float] = {}
            for process in processes:
                sizes[kind(process)] = sizes.get(kind(process), 0) + memory_mb(process)
        finally:
            box.send_signal(signal.SIGINT)
            box.wait()
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        print(f"{name:<20}{size:8.1f} MB")
    print(f"{'whole box':<20}{sum(sizes.values()):8.1f} MB   (target: under {TARGET_MB} MB)")
    print(f"{'processor':<20}{cpu:8.2f} %    (target: under {TARGET_CPU_PERCENT:g} % of one, {seconds} s)")


if __name__ == "__main__":
    main()
