"""`cluster create` against a single `docker run … init`, in turn, from the command to its last line: DNS answers.

    bench_clusters.py [ROUNDS]

Medians, and ratios with their goals; nothing is asserted, since a shared machine is not a laboratory.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time

from _common import say
from build_image import build_image

GOALS = {"1+2": 1.4, "3+1": 2.5}
"""At most so many times the single node."""
SHAPES = {"1+2": (1, 2), "3+1": (3, 1)}
"""Control planes and workers."""
NAME = f"bt-bench-{os.getpid()}"
SOCKET = "/var/run/docker.sock:/var/run/docker.sock"
DELETE_GOAL = 3.0
"""Seconds for three nodes."""


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


def single(image: str) -> float:
    """Seconds until `init` says that it is up."""
    began = time.monotonic()
    try:
        docker("run", "-d", "--privileged", "--name", NAME, image, "init")
        with subprocess.Popen(
            ["docker", "logs", "-f", NAME], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as following:
            for line in following.stdout or ():
                if re.search(r" is up in ", line):
                    break
            took = time.monotonic() - began
            following.terminate()
        return took
    finally:
        docker("rm", "-fv", NAME)


def several(image: str, control_planes: int, workers: int) -> tuple[float, float]:
    """Seconds of `create`, and of `delete`."""
    command = ("run", "--rm", "-v", SOCKET, image, "cluster")
    began = time.monotonic()
    try:
        docker(*command, "create", NAME, "--control-planes", str(control_planes), "--workers", str(workers))
        made = time.monotonic() - began
    finally:
        began = time.monotonic()
        docker(*command, "delete", NAME)
    return made, time.monotonic() - began


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    image = os.environ.get("BOOTSTRAP_IMAGE") or build_image()
    alone: list[float] = []
    made: dict[str, list[float]] = {shape: [] for shape in SHAPES}
    deleted: list[float] = []
    for number in range(1, rounds + 1):
        alone.append(single(image))
        for shape, (control_planes, workers) in SHAPES.items():
            create, delete = several(image, control_planes, workers)
            made[shape].append(create)
            deleted += [delete] if control_planes + workers == 3 else []
        say(f"  {number}/{rounds} alone {alone[-1]:.1f}, " + ", ".join(f"{s} {t[-1]:.1f}" for s, t in made.items()))
    base = statistics.median(alone)
    say(f"one node (`docker run … init`): {base:.1f} s")
    for shape, times in made.items():
        took = statistics.median(times)
        say(f"control planes + workers {shape}: {took:.1f} s, {took / base:.2f} of that (goal {GOALS[shape]})")
    say(f"delete of three nodes: {statistics.median(deleted):.1f} s (goal {DELETE_GOAL})")


if __name__ == "__main__":
    main()
