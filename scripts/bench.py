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
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from _common import ROOT, fail, say

sys.path.insert(0, str(ROOT))

from _bench import EXIT, GOALS, goal, insert, machine, row, settle, watch
from _marks import Poller

from tests.parity import kubeadm, live

MARKS = {
    "api": "API ready",
    "node": "node Ready",
    "dns": "CoreDNS available",
    "name": "a Pod resolves a Service",
    EXIT: "command has ended",
}
WAYS = {
    "kubeadm": "`kubeadm init` + flannel",
    "init": "`bootstrap init`",
    "run": "`docker run … init`",
}
AT_MOST = {("init", "node"): 0.8, ("init", "dns"): 0.45, ("run", "dns"): 0.5}
"""At most this part of kubeadm's median."""
HELP_GOAL = 0.4
HELP_RUNS = 5
SUM, LEAST = "all", 0.05
"""Programs that use less are not shown by name."""


@dataclass
class Run:
    """Seconds from the start of the command to each mark, and what else was seen."""

    way: str
    marks: dict[str, float] = field(default_factory=dict)
    cpu: float | None = None
    output: str = ""
    warnings: Counter[str] = field(default_factory=Counter)
    programs: Counter[str] = field(default_factory=Counter)
    """CPU seconds of everything in the container."""


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
        part
        for part in (
            figures(runs, ways),
            goals(runs, helps),
            programs(runs, ways),
            shares(runs, helps),
            steps(runs),
        )
        if part
    )
    print(report)
    print("\n" + warnings(runs))
    if arguments.markdown:
        insert(arguments.markdown, Path(__file__).name, f"{machine(arguments.runs)}\n\n{report}")


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


def measure(way: str, name: str, command: Sequence[str]) -> Run:
    marks = [mark for mark in MARKS if mark != EXIT or way != "run"]
    poller = Poller(name)
    reached, output = watch(command, poller.looks(), marks)
    return Run(way, reached, cpu_seconds(output), output, seen_warnings(poller.node), poller.cpu)


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
    lines = list(GOALS)
    for (way, mark), most in AT_MOST.items():
        base, ours = median(runs, "kubeadm", mark), median(runs, way, mark)
        if base and ours:
            lines.append(goal(f"{WAYS[way]} to {MARKS[mark]}, of kubeadm's", most, ours / base))
    if helps:
        lines.append(goal("`bootstrap --help` in the container, s", HELP_GOAL, statistics.median(helps)))
    return "\n".join(lines)


def shares(runs: Sequence[Run], helps: Sequence[float]) -> str:
    """Python's own share: what the program itself costs, waiting not counted."""
    lines = ["| The program's own share, s | min | median | max |", "|---|---|---|---|"]
    for way, title in (("init", "CPU of `bootstrap init`"), ("kubeadm", "CPU of `kubeadm init` and `kubectl apply`")):
        values = [r.cpu for r in runs if r.way == way and r.cpu is not None]
        lines += [row(title, values)] if values else []
    lines += [row("`bootstrap --help`, wall time", helps)] if helps else []
    return "\n".join(lines) if len(lines) > 2 else ""


def programs(runs: Sequence[Run], ways: Sequence[str]) -> str:
    """Medians by program, the sums last."""
    cells: dict[str, dict[str, float]] = {}
    for way in ways:
        counts = [{**r.programs, SUM: sum(r.programs.values())} for r in runs if r.way == way]
        for name in {name for count in counts for name in count}:
            cells.setdefault(name, {})[way] = statistics.median(count.get(name, 0.0) for count in counts)
    rows = sorted(cells.items(), key=lambda item: (item[0] == SUM, -max(item[1].values())))
    shown = [(name, row) for name, row in rows if max(row.values()) >= LEAST]
    lines = [f"| {name} | {' | '.join(f'{row.get(way, 0.0):.2f}' for way in ways)} |" for name, row in shown]
    head = f"| CPU s until a Pod resolves a Service | {' | '.join(WAYS[way] for way in ways)} |"
    return "\n".join([head, "|---" * (len(ways) + 1) + "|", *lines]) if cells else ""


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


if __name__ == "__main__":
    main()
