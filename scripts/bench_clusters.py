"""`cluster create` against a single `docker run … init`, in turn, from the command to its last line: DNS answers.

    bench_clusters.py [ROUNDS]
    bench_clusters.py --workers N    once: what each further worker takes, beside a cluster without one

Medians, and ratios with their goals; nothing is asserted, since a shared machine is not a laboratory.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
LOAD_GOAL = 1.5
"""Times one `ctr images import`, for three nodes."""
WORKER_GOALS = (2.0, 200)
"""Seconds, MiB."""
SETTLE = 15
"""Seconds until all Pods run and memory is what it stays."""
BIG = "bt-bench-big:1"
BIG_BYTES = 100_000_000


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


@contextmanager
def cluster(image: str, control_planes: int, workers: int) -> Iterator[float]:
    """Seconds of `create`."""
    began = time.monotonic()
    try:
        asked(image, "create", NAME, "--control-planes", str(control_planes), "--workers", str(workers))
        yield time.monotonic() - began
    finally:
        asked(image, "delete", NAME)


def asked(image: str, *words: str) -> float:
    """Seconds of a `cluster` command."""
    began = time.monotonic()
    docker("run", "--rm", "-v", SOCKET, image, "cluster", *words)
    return time.monotonic() - began


def several(image: str, control_planes: int, workers: int) -> tuple[float, float]:
    """Seconds of `create`, and of `delete`."""
    with cluster(image, control_planes, workers) as made:
        return made, asked(image, "delete", NAME)


def loads(image: str) -> tuple[float, float]:
    """Seconds of `cluster load` of one image into three nodes, and of one `ctr images import` of it."""
    with tempfile.TemporaryDirectory() as folder, cluster(image, 1, 2):
        Path(folder, "big").write_bytes(os.urandom(BIG_BYTES))
        run(f"tar -C {folder} -c big | docker import - {BIG}")
        try:
            took = asked(image, "load", BIG, "--name", NAME)
            node = f"{NAME}-worker"
            docker("exec", node, "crictl", "rmi", BIG)
            run(f"docker save -o {folder}/big.tar {BIG}")
            began = time.monotonic()
            run(f"docker exec -i {node} ctr -n k8s.io images import - < {folder}/big.tar")
            return took, time.monotonic() - began
        finally:
            docker("rmi", BIG)


def run(script: str) -> None:
    subprocess.run(["sh", "-c", script], check=True, capture_output=True)


def available() -> int:
    """MiB of the machine's memory."""
    return int(re.findall(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())[0]) // 1024


def further_workers(image: str, count: int) -> None:
    found = []
    for workers in (0, count):
        before = available()
        with cluster(image, 1, workers) as took:
            time.sleep(SETTLE)
            found.append((took, before - available()))
    seconds, memory = ((many - none) / count for none, many in zip(*found, strict=True))
    say(f"1+{count}: {found[1][0]:.1f} s, {found[1][1]} MiB; without workers {found[0][0]:.1f} s, {found[0][1]} MiB")
    say(f"a further worker: {seconds:.1f} s, {memory:.0f} MiB (goals {WORKER_GOALS[0]} s, {WORKER_GOALS[1]} MiB)")


def main() -> None:
    image = os.environ.get("BOOTSTRAP_IMAGE") or build_image()
    if sys.argv[1:2] == ["--workers"]:
        further_workers(image, int(sys.argv[2]))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
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
    three, one = loads(image)
    say(f"load of 100 MB into three nodes / one ctr images import: {three / one:.2f} (goal {LOAD_GOAL}), {three:.1f} s")


if __name__ == "__main__":
    main()
