"""`kubeadm join` and `bootstrap join` in turn, into the same cluster, with the same images there; and many at once.

Each run joins one more machine, a node container that has booted, and takes it out again. Then workers join all at
once, as many as --fleet says. Goals are printed beside the figures and never asserted.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from _common import ROOT, fail, say

sys.path.insert(0, str(ROOT))

from _bench import EXIT, GOALS, condition, goal, insert, machine, row, settle, watch

from bootstrap.host.kube_client import KubeApi
from bootstrap.model import names
from tests.parity import kubeadm, live

WORKER, CONTROL_PLANE = KINDS = ("worker", "control-plane")
WAYS = ("kubeadm", "bootstrap")
MARKS = {"api": "its API ready", "node": "node Ready", EXIT: "command has ended"}
AT_MOST = {(WORKER, "node"): 0.7, (CONTROL_PLANE, "api"): 0.5, (CONTROL_PLANE, "node"): 0.5}
"""Of kubeadm's median."""
PREFIX = "bt-bench-join"
KEY = "0f" * 32
PKI = "/etc/kubernetes/pki/etcd"
ETCDCTL = ("etcdctl", f"--cacert={PKI}/ca.crt", f"--cert={PKI}/peer.crt", f"--key={PKI}/peer.key")
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 1024
"""All containers share them: a worker holds some 15, and the kernel's default is 128."""


@dataclass
class Run:
    """Seconds from the start of the command to each mark."""

    kind: str
    way: str
    marks: dict[str, float] = field(default_factory=dict)
    output: str = ""


@dataclass(frozen=True)
class Cluster:
    """The first control plane, and the words that a machine joins it with."""

    node: live.Node
    admin: bytes
    words: tuple[str, ...]

    @classmethod
    def begin(cls, node: live.Node) -> Cluster:
        node.run("bootstrap", "init", "--control-plane-endpoint", f"{node.address}:{names.API_PORT}")
        node.run("bootstrap", "init", "phase", "upload-certs", "--upload-certs", "--certificate-key", KEY)
        line = node.run("bootstrap", "token", "create", "--print-join-command").split()
        return cls(node, node.read(names.ADMIN_CONF) or b"", tuple(line[line.index("join") :]))

    def api(self, at: live.Node) -> KubeApi:
        return KubeApi(self.admin, f"https://{at.address}:{names.API_PORT}")

    def ready(self, api: KubeApi, node: live.Node) -> bool:
        return condition(api.get(f"/api/v1/nodes/{node.name}").body, "Ready")

    def command(self, way: str, kind: str, node: live.Node) -> list[str]:
        more = ["--control-plane", "--certificate-key", KEY] if kind == CONTROL_PLANE else []
        own = ["--patches", live.PATCHES, "--ignore-preflight-errors=all"] if way == "kubeadm" else ["--timings"]
        return ["docker", "exec", node.name, way, *self.words, *more, "--node-name", node.name, *own]

    def forget(self, node: live.Node) -> None:
        """Its member leaves while it runs, once etcd lets it: an etcd of two has lost its quorum with one of them."""
        for member in json.loads(self.node.run(*ETCDCTL, "member", "list", "-w", "json"))["members"]:
            if member.get("name") == node.name:
                remove = " ".join((*ETCDCTL, "member", "remove", f"{member['ID']:x}"))
                self.node.run("sh", "-c", f"until {remove} 2>/dev/null; do sleep 0.5; done")
        node.remove()
        api = self.api(self.node)
        api.delete(f"/api/v1/nodes/{node.name}")
        api.delete(
            f"/api/v1/namespaces/kube-system/pods?fieldSelector=spec.nodeName%3D{node.name}&gracePeriodSeconds=0"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="kubeadm join and bootstrap join side by side")
    parser.add_argument("--runs", type=int, default=5, help="runs of each way (default 5)")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"some of {','.join(KINDS)}")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"some of {','.join(WAYS)}")
    parser.add_argument("--fleet", default="2,5,10", metavar="N,…", help="so many workers at once (default 2,5,10)")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the figures into this document")
    arguments = parser.parse_args()
    kinds, ways = chosen(arguments.kinds, KINDS), chosen(arguments.ways, WAYS)
    runs: list[Run] = []
    fleets: list[list[float]] = []
    with live.node(f"{PREFIX}-first") as first:
        cluster = Cluster.begin(first)
        for number in range(1, arguments.runs + 1):
            for run in (one_join(cluster, kind, way) for kind in kinds for way in ways):
                runs.append(run)
                took = ", ".join(f"{MARKS[m]} {run.marks[m]:.2f}" for m in MARKS if m in run.marks)
                say(f"  {number}/{arguments.runs} {run.kind:13} {run.way:9} {took}")
        for count in map(int, filter(None, arguments.fleet.split(","))):
            fleets.append(at_once(cluster, count))
            say(f"  {count} workers at once: Ready after {', '.join(f'{s:.2f}' for s in fleets[-1])}")
    report = "\n\n".join(part for part in (figures(runs), goals(runs), crowds(fleets), steps(runs)) if part)
    print(report)
    if arguments.markdown:
        insert(arguments.markdown, Path(__file__).name, f"{machine(arguments.runs)}\n\n{report}")


def chosen(given: str, known: Sequence[str]) -> list[str]:
    found = [word for word in given.split(",") if word]
    if unknown := set(found) - set(known):
        fail(f"unknown: {', '.join(sorted(unknown))}")
    return found


def one_join(cluster: Cluster, kind: str, way: str) -> Run:
    with live.node(f"{PREFIX}-{way}") as node:
        if way == "kubeadm":
            live.prepare_kubeadm(node, kubeadm.binary(), live.configuration(patches=True))
        settle()
        own, first = cluster.api(node), cluster.api(cluster.node)
        looks = {"api": lambda: own.get("/readyz").status == 200, "node": lambda: cluster.ready(first, node)}
        marks = [mark for mark in MARKS if mark != "api" or kind == CONTROL_PLANE]
        try:
            return Run(kind, way, *watch(cluster.command(way, kind, node), looks, marks))
        finally:
            cluster.forget(node)


def at_once(cluster: Cluster, count: int) -> list[float]:
    """Seconds until each of so many workers is Ready, all commands started together."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(enough_inotify())
        nodes = [stack.enter_context(live.node(f"{PREFIX}-{number}")) for number in range(1, count + 1)]
        for node in nodes:
            stack.callback(cluster.forget, node)
        settle()
        start = time.monotonic()
        for node in nodes[1:]:
            process = subprocess.Popen(
                cluster.command("bootstrap", WORKER, node), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait)
        late = time.monotonic() - start
        api = cluster.api(cluster.node)
        looks = {node.name: (lambda node=node: cluster.ready(api, node)) for node in nodes}
        marks, _ = watch(cluster.command("bootstrap", WORKER, nodes[0]), looks, list(looks))
        return sorted(seconds + late for seconds in marks.values())


@contextlib.contextmanager
def enough_inotify() -> Iterator[None]:
    before = INOTIFY.read_text()
    INOTIFY.write_text(str(max(ENOUGH, int(before))))
    try:
        yield
    finally:
        INOTIFY.write_text(before)


def taken(runs: Iterable[Run], kind: str, way: str, mark: str) -> list[float]:
    return [run.marks[mark] for run in runs if (run.kind, run.way) == (kind, way) and mark in run.marks]


def part(runs: Sequence[Run], kind: str, way: str, mark: str) -> float | None:
    """Of kubeadm's median."""
    base, values = taken(runs, kind, "kubeadm", mark), taken(runs, kind, way, mark)
    return statistics.median(values) / statistics.median(base) if base and values else None


def figures(runs: Sequence[Run]) -> str:
    lines = [
        "| s from the start of the command | | min | median | max | of kubeadm's median |",
        "|---|---|---|---|---|---|",
    ]
    for kind, mark, way in ((kind, mark, way) for kind in KINDS for mark in MARKS for way in WAYS):
        if values := taken(runs, kind, way, mark):
            of_base = part(runs, kind, way, mark)
            lines.append(
                row(f"{kind}: {MARKS[mark]} | `{way} join`", values, f"{of_base:.2f}" if of_base is not None else "")
            )
    return "\n".join(lines)


def goals(runs: Sequence[Run]) -> str:
    found = {key: part(runs, key[0], "bootstrap", key[1]) for key in AT_MOST}
    lines = [
        goal(f"{kind} joins, to {MARKS[mark]}, of kubeadm's", AT_MOST[kind, mark], now)
        for (kind, mark), now in found.items()
        if now is not None
    ]
    return "\n".join([*GOALS, *lines]) if lines else ""


def crowds(fleets: Sequence[Sequence[float]]) -> str:
    lines = [
        f"| {len(took)} | {took[0]:.2f} | {statistics.median(took):.2f} | {took[-1]:.2f} | {took[-1] / len(took):.2f} |"
        for took in fleets
    ]
    head = [
        "| Workers that join at once, s to Ready | first | median | last | last, per node |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *lines]) if lines else ""


def steps(runs: Sequence[Run]) -> str:
    """The table of `--timings`, from our control plane that was ready nearest to the median."""
    ours = [run for run in runs if (run.kind, run.way) == (CONTROL_PLANE, "bootstrap")]
    if not ours:
        return ""
    middle = statistics.median(run.marks["node"] for run in ours)
    nearest = min(ours, key=lambda run: abs(run.marks["node"] - middle))
    table = re.search(r"^ *start +length +step.*\n(?: +[\d.]+ +[\d.]+ .*\n)+", nearest.output, re.MULTILINE)
    text = table.group(0).rstrip() if table else nearest.output
    return f"Where the time of one control plane's `bootstrap join` went:\n\n```text\n{text}\n```"


if __name__ == "__main__":
    main()
