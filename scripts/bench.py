"""kubeadm and bootstrap in turn, in the same node image with the same images there: how long until a cluster works.

Three ways, alternating, in one sitting:
  kubeadm   `kubeadm init`, and `kubectl apply` of the same flannel right after it, in a node that has booted
  init      `bootstrap init` in a node that has booted
  run       plain `docker run -d --privileged bootstrap:v1.37.0 init`, the boot included
One poller asks the same questions of each API server, from here, with the same credentials. Goals are printed beside
the figures and never asserted: a shared machine is not a laboratory.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from _common import ROOT, fail, say

sys.path.insert(0, str(ROOT))

from bootstrap.host.kube_client import KubeApi
from bootstrap.model import names
from bootstrap.render.images import required
from tests.parity import kubeadm, live

MARKS = {
    "api": "API ready",
    "node": "node Ready",
    "dns": "CoreDNS available",
    "name": "a Pod resolves a Service",
    "exit": "command has ended",
}
WAYS = {
    "kubeadm": "`kubeadm init` + flannel",
    "init": "`bootstrap init`",
    "run": "`docker run … init`",
}
GOALS = {("init", "node"): 0.8, ("init", "dns"): 0.45, ("run", "dns"): 0.5}
"""At most this part of kubeadm's median."""
HELP_GOAL = 0.4
HELP_RUNS = 5
POLL = 0.05
LIMIT = 240.0
"""Seconds after which a run is given up."""
POD = "bench-resolver"
BEGIN, END = "<!-- figures: written by scripts/bench.py --markdown -->", "<!-- end of figures -->"


@dataclass
class Run:
    """Seconds from the start of the command to each mark, and what else was seen."""

    way: str
    marks: dict[str, float] = field(default_factory=dict)
    cpu: float | None = None
    output: str = ""
    warnings: Counter[str] = field(default_factory=Counter)


def main() -> None:
    parser = argparse.ArgumentParser(description="kubeadm and bootstrap side by side")
    parser.add_argument("--runs", type=int, default=5, help="runs of each way (default 5)")
    parser.add_argument("--ways", default=",".join(WAYS), help=f"some of {','.join(WAYS)}")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the figures into this document")
    arguments = parser.parse_args()
    ways = arguments.ways.split(",")
    if unknown := set(ways) - set(WAYS):
        fail(f"no such way: {', '.join(sorted(unknown))}")
    binary = kubeadm.binary()
    runs: list[Run] = []
    helps: list[float] = []
    for number in range(1, arguments.runs + 1):
        for way in ways:
            run = one_run(way, binary, helps)
            runs.append(run)
            took = ", ".join(f"{MARKS[m]} {run.marks[m]:.2f}" for m in MARKS if m in run.marks)
            say(f"  {number}/{arguments.runs} {way:8} {took}")
    report = "\n\n".join(
        part for part in (figures(runs, ways), goals(runs, helps), shares(runs, helps), steps(runs)) if part
    )
    print(report)
    print("\n" + warnings(runs))
    if arguments.markdown:
        insert(arguments.markdown, f"{machine(arguments.runs)}\n\n{report}")


def one_run(way: str, binary: Path, helps: list[float]) -> Run:
    name = f"bt-bench-{way}"
    if way == "run":
        live.remove(name)
        try:
            command = ["docker", "run", "-d", "--privileged", "--name", name, "--hostname", live.HOSTNAME]
            return measure(way, name, [*command, live.IMAGE, "init"])
        finally:
            live.remove(name)
    with live.node(name) as node:
        if way == "kubeadm":
            live.prepare_kubeadm(node, binary, live.configuration(patches=True))
            work = f"{live.KUBEADM_INIT} && kubectl apply -f {live.FLANNEL}"
        else:
            helps += help_times(node)
            work = "bootstrap init --timings"
        settle()
        return measure(way, name, ["docker", "exec", name, "sh", "-c", f"{work}; code=$?; times; exit $code"])


def settle() -> None:
    """The boot's own work is over, and what the last run left to write is written."""
    os.sync()
    time.sleep(2)


def measure(way: str, name: str, command: Sequence[str]) -> Run:
    """Start the command, and look every 50 ms which marks have been reached."""
    run = Run(way)
    left = [mark for mark in MARKS if mark != "exit" or way != "run"]
    node: live.Node | None = None
    poller: Poller | None = None
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while left:
                tick = time.monotonic()
                code = process.poll()
                if code:
                    output.seek(0)
                    fail(f"{' '.join(command)[:120]}: exit code {code}\n{output.read().decode()[-3000:]}")
                if code == 0 and "exit" in left:
                    reached(run, left, "exit", start)
                if node is None and (way != "run" or code == 0):
                    node = live.Node.inspect(name)
                if node and poller is None:
                    poller = Poller.of(node)
                for mark in poller.reached(left) if poller else ():
                    reached(run, left, mark, start)
                if tick - start > LIMIT:
                    fail(f"{name}: after {LIMIT:.0f} s still not: {', '.join(MARKS[m] for m in left)}")
                time.sleep(max(0.0, POLL - (time.monotonic() - tick)))
        finally:
            process.kill() if process.poll() is None else None
        output.seek(0)
        run.output = output.read().decode(errors="replace")
    run.cpu = cpu_seconds(run.output)
    if node:
        run.warnings = seen_warnings(node)
    return run


def reached(run: Run, left: list[str], mark: str, start: float) -> None:
    run.marks[mark] = time.monotonic() - start
    left.remove(mark)


class Poller:
    """Asks one API server, with the credentials of system:masters, what has been reached."""

    def __init__(self, client: KubeApi, address: str) -> None:
        self._client = client
        self._address = address
        self._ready = False
        self._pod_made = False

    @classmethod
    def of(cls, node: live.Node) -> Poller | None:
        """None while there are no (or only half of the) credentials."""
        text = node.read(names.SUPER_ADMIN_CONF)
        try:
            return cls(KubeApi(text or b"", f"https://{node.address}:{names.API_PORT}"), node.address)
        except (KeyError, TypeError, ValueError, yaml.YAMLError):
            return None

    def reached(self, left: Iterable[str]) -> list[str]:
        asked = {
            "api": self._api_ready,
            "node": self._node_ready,
            "dns": self._dns_available,
            "name": self._name_resolved,
        }
        try:
            return [mark for mark in left if mark in asked and asked[mark]()]
        except OSError:  # no connection, or a key that is still being written
            return []

    def _api_ready(self) -> bool:
        self._ready = self._client.get("/readyz").status == 200
        return self._ready

    def _node_ready(self) -> bool:
        items = self._client.get("/api/v1/nodes").body.get("items", []) if self._ready else []
        return any(condition(item, "Ready") for item in items)

    def _dns_available(self) -> bool:
        path = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
        return self._ready and condition(self._client.get(path).body, "Available")

    def _name_resolved(self) -> bool:
        """The Pod is made as soon as the API server takes it (its namespace's ServiceAccount has to be there)."""
        if self._ready and not self._pod_made:
            self._pod_made = self._client.create(resolver(self._address)).status == 201
        if not self._pod_made:
            return False
        answer = self._client.get(f"/api/v1/namespaces/default/pods/{POD}")
        return answer.status == 200 and answer.body["status"].get("phase") == "Succeeded"


def condition(body: Any, kind: str) -> bool:
    """An answer that is no object (404) has the text `Failure` for a status."""
    status = body.get("status")
    conditions = (status.get("conditions") if isinstance(status, dict) else None) or ()
    return any(c["type"] == kind and c["status"] == "True" for c in conditions)


def resolver(address: str) -> dict[str, Any]:
    """A Pod that ends once the cluster's DNS knows a Service: the node's own `getent` in an image that has a shell."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POD, "namespace": "default"},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            # kubeadm's node keeps its taint. A node that is not ready is not tolerated: the kubelet would back off.
            "tolerations": [{"key": names.CONTROL_PLANE_ROLE, "operator": "Exists"}],
            # A question into the void, before there is a DNS server, costs one second and not five.
            "dnsConfig": {"options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]},
            "containers": [
                {
                    "name": "resolver",
                    "image": required.flannel(live.default_cluster(address)),
                    "command": ["sh", "-c", "until /getent hosts kubernetes.default.svc; do sleep 0.1; done"],
                    "volumeMounts": [{"name": "getent", "mountPath": "/getent", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "getent", "hostPath": {"path": "/usr/bin/getent", "type": "File"}}],
        },
    }


def help_times(node: live.Node) -> list[float]:
    """Wall time of `bootstrap --help` inside, as often as HELP_RUNS, the first (cold) one included."""
    loop = (
        "for i in $(seq %d); do s=$(date +%%s%%N); bootstrap --help >/dev/null; e=$(date +%%s%%N); echo $((e-s)); done"
    )
    return [int(line) / 1e9 for line in node.run("sh", "-c", loop % HELP_RUNS).split()]


def cpu_seconds(output: str) -> float | None:
    """User and system time of a shell's children: the second line of its `times`."""
    found = re.findall(r"^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$", output, re.MULTILINE)
    if not found:
        return None
    user_m, user_s, system_m, system_s = map(float, found[-1])
    return 60 * (user_m + system_m) + user_s + system_s


def seen_warnings(node: live.Node) -> Counter[str]:
    """Warning events: where something was tried too early, and backed off."""
    found: Counter[str] = Counter()
    for event in node.objects("events"):
        if event.get("type") == "Warning":
            subject = event["involvedObject"]
            where = re.sub(r"-[a-z0-9]{5,10}(-[a-z0-9]{5})?$", "", subject["name"])
            count = event.get("count") or event.get("series", {}).get("count") or 1
            found[f"{event['reason']} {subject['kind']}/{where}: {event['message'][:110]}"] += count
    return found


def median(runs: Iterable[Run], way: str, mark: str) -> float | None:
    values = [r.marks[mark] for r in runs if r.way == way and mark in r.marks]
    return statistics.median(values) if values else None


def figures(runs: Sequence[Run], ways: Sequence[str]) -> str:
    lines = [
        "| s from the start of the command | | min | median | max | of kubeadm's median |",
        "|---|---|---|---|---|---|",
    ]
    for mark, title in MARKS.items():
        base = median(runs, "kubeadm", mark)
        for way in ways:
            values = [r.marks[mark] for r in runs if r.way == way and mark in r.marks]
            if not values or (way, mark) == ("run", "exit"):
                continue
            middle = statistics.median(values)
            part = f"{middle / base:.2f}" if base else ""
            lines.append(f"| {title} | {WAYS[way]} | {min(values):.2f} | {middle:.2f} | {max(values):.2f} | {part} |")
    return "\n".join(lines)


def goals(runs: Sequence[Run], helps: Sequence[float]) -> str:
    lines = ["| Goal | at most | now | |", "|---|---|---|---|"]
    for (way, mark), most in GOALS.items():
        base, ours = median(runs, "kubeadm", mark), median(runs, way, mark)
        if base and ours:
            title = f"{WAYS[way]} to {MARKS[mark]}, of kubeadm's"
            lines.append(
                f"| {title} | {most:.2f} | {ours / base:.2f} | {'met' if ours / base <= most else 'not met'} |"
            )
    if helps:
        now = statistics.median(helps)
        verdict = "met" if now < HELP_GOAL else "not met"
        lines.append(f"| `bootstrap --help` in the container, s | {HELP_GOAL:.2f} | {now:.2f} | {verdict} |")
    return "\n".join(lines)


def shares(runs: Sequence[Run], helps: Sequence[float]) -> str:
    """Python's own share: what the program itself costs, waiting not counted."""
    lines = ["| The program's own share, s | min | median | max |", "|---|---|---|---|"]
    for way, title in (("init", "CPU of `bootstrap init`"), ("kubeadm", "CPU of `kubeadm init` and `kubectl apply`")):
        values = [r.cpu for r in runs if r.way == way and r.cpu is not None]
        lines += [row(title, values)] if values else []
    lines += [row("`bootstrap --help`, wall time", helps)] if helps else []
    return "\n".join(lines) if len(lines) > 2 else ""


def row(title: str, values: Sequence[float]) -> str:
    return f"| {title} | {min(values):.2f} | {statistics.median(values):.2f} | {max(values):.2f} |"


def steps(runs: Sequence[Run]) -> str:
    """The table of `--timings`, from our run that ended nearest to the median."""
    ours = [r for r in runs if r.way == "init"]
    if not ours:
        return ""
    middle = median(ours, "init", "exit") or 0.0
    chosen = min(ours, key=lambda r: abs(r.marks["exit"] - middle))
    table = re.search(r"^ *start +length +step.*\n(?: +[\d.]+ +[\d.]+ .*\n)+", chosen.output, re.MULTILINE)
    tail = [line for line in chosen.output.splitlines() if line.startswith("Kubernetes v")]
    text = (table.group(0).rstrip() if table else chosen.output) + "\n" + "\n".join(tail)
    return f"Where the time of one `bootstrap init` ({chosen.marks['exit']:.2f} s) went:\n\n```text\n{text}\n```"


def warnings(runs: Sequence[Run]) -> str:
    lines = []
    for way in WAYS:
        mine = [r for r in runs if r.way == way]
        total: Counter[str] = sum((r.warnings for r in mine), Counter())
        lines += [f"{way} {count / len(mine):4.1f}/run  {text}" for text, count in total.most_common(12)]
    return "\n".join(["Warning events:", *lines]) if lines else "no Warning events"


def machine(count: int) -> str:
    cgroup = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    kernel = os.uname().release.split("-")[0]
    engine = json.loads(live.docker("version", "--format", "{{json .Server.Version}}")).split("+")[0]
    return (
        f"{os.cpu_count()} CPUs, {memory:.0f} GiB, kernel {kernel}, cgroup v{cgroup}, Docker {engine}; "
        f"{count} run{'s' * (count != 1)} of each, alternating, in one sitting."
    )


def insert(path: Path, report: str) -> None:
    text = path.read_text()
    if BEGIN not in text or END not in text:
        fail(f"{path} has no place for the figures: a line {BEGIN} and a line {END}")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n\n{report}\n\n{END}{after}")
    say(f"  figures written to {path}")


if __name__ == "__main__":
    main()
