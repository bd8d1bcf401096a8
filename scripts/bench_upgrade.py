"""`kubeadm upgrade apply -y` and `bootstrap upgrade apply -y` in turn, of clusters alike, from one minor to the next.

Each run makes a host with a cluster of the older image (`make image KUBERNETES=v1.36.3`) and brings the newer images in
before. The API is asked every 50 ms all the time. kubeadm leaves the kubelet to the administrator, bootstrap does not.
Goals are printed beside the figures and never asserted.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from _common import ROOT, catalog, say

sys.path.insert(0, str(ROOT))

from _bench import GOALS, POLL, goal, insert, machine, row, settle

from bootstrap.host.kube_client import probe
from bootstrap.model import names
from tests.e2e.node import docker, must, until
from tests.host.machine import CONFIG, Outside
from tests.parity import kubeadm

OLD = os.environ.get("BOOTSTRAP_OLDER_IMAGE", "bootstrap:v1.36.3")
NEW = os.environ.get("BOOTSTRAP_IMAGE", "bootstrap:v1.37.0")
WAYS = ("kubeadm", "bootstrap")
OK = 200
BUNDLE = "newer.bundle"
AT_MOST = {"total": 0.4, "without an API": 0.25}
"""Of kubeadm's median."""


@dataclass(frozen=True)
class Run:
    """Seconds."""

    total: float
    away: float


def main() -> None:
    parser = argparse.ArgumentParser(description="upgrades by kubeadm and by bootstrap")
    parser.add_argument("--runs", type=int, default=1, help="how often each (default 1)")
    parser.add_argument("--markdown", type=Path, help="write the figures into this document")
    arguments = parser.parse_args()
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    for _ in range(arguments.runs):
        for way in WAYS:
            runs[way].append(one(way))
            say(f"  {way}: {runs[way][-1]}")
    print(report(runs))
    if arguments.markdown:
        insert(arguments.markdown, Path(__file__).name, report(runs))


def one(way: str) -> Run:
    made = Outside(f"bench-{way}")
    try:
        must(made.run(OLD, "init", "--config", "-", stdin=CONFIG.encode()))
        bring(made)
        until("the node is Ready", made.is_ready)
        settle()
        return watched(made.address(), lambda: upgrade(made, way))
    finally:
        made.remove()


def bring(made: Outside) -> None:
    """The newer images, as either finds them."""
    holder = f"{made.name}-bundle"
    try:
        create = ("bundle", "create", "--file", f"/out/{BUNDLE}")
        must(docker("run", "--name", holder, "-v", "/out", NEW, *create, timeout=600))
        piped = f"docker cp {holder}:/out/{BUNDLE} - | docker cp - {made.name}:/root"
        subprocess.run(["sh", "-c", piped], check=True)
    finally:
        docker("rm", "-fv", holder)
    must(made.run(NEW, "bundle", "load", f"/root/{BUNDLE}", "--insecure-unsigned"))


def upgrade(made: Outside, way: str) -> None:
    if way == "bootstrap":
        must(made.run(NEW, "upgrade", "apply", "-y"))
        return
    version = catalog()["minors"][catalog()["default"]]["builtVersion"]
    must(docker("cp", str(kubeadm.binary()), f"{made.name}:/root/kubeadm"))
    path = f"PATH={names.HOST_BIN_DIR}:$PATH"
    made.must(f"{path} /root/kubeadm upgrade apply -y {version} --ignore-preflight-errors=all --force")


def watched(address: str, work: Callable[[], None]) -> Run:
    """How long it took, and for how much of that the API did not answer."""
    over, away = threading.Event(), 0.0
    url = f"https://{address}:{names.API_PORT}/livez"

    def ask() -> None:
        nonlocal away
        last = time.monotonic()
        while not over.wait(POLL):
            answered = probe(url)[0] == OK
            now = time.monotonic()
            away += 0 if answered else now - last
            last = now

    asking = threading.Thread(target=ask)
    asking.start()
    began = time.monotonic()
    try:
        work()
        return Run(time.monotonic() - began, away)
    finally:
        over.set()
        asking.join()


def report(runs: dict[str, list[Run]]) -> str:
    values = {way: {"total": [r.total for r in of], "without an API": [r.away for r in of]} for way, of in runs.items()}
    lines = [machine(len(runs[WAYS[0]])), "", "| s | least | median | most |", "|---|---|---|---|"]
    lines += [row(f"{way}: {title}", found) for way in WAYS for title, found in values[way].items()]
    ratios = {t: statistics.median(values["bootstrap"][t]) / statistics.median(values["kubeadm"][t]) for t in AT_MOST}
    return "\n".join([*lines, "", *GOALS, *(goal(t, AT_MOST[t], ratio) for t, ratio in ratios.items())])


if __name__ == "__main__":
    main()
