"""CPU seconds of what runs in a container: by program, of those that live, and of all that it ever ran."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from tests.parity import live

TICKS = os.sysconf("SC_CLK_TCK")
CGROUPS = Path("/sys/fs/cgroup")
ENDED = "ended meanwhile"
"""Commands of the run itself, runc, mount, …: what no living process has used or waited for."""


def by_program(node: live.Node) -> Counter[str]:
    """Seconds of user and system time by program. A process counts with the children that it has waited for."""
    found: Counter[str] = Counter()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if _container(stat.parent) == _container(Path(f"/proc/{node.pid}")):
                name, rest = stat.read_text().split("(", 1)[1].rsplit(")", 1)
                found[name] += sum(map(int, rest.split()[11:15])) / TICKS
        except OSError:
            continue  # it has ended
    found[ENDED] = used(node) - sum(found.values())
    return found


def used(node: live.Node) -> float:
    """Seconds that all processes of the container have used, ended ones too."""
    path = _container(Path(f"/proc/{node.pid}"))
    if (CGROUPS / "cpuacct").is_dir():
        return int((CGROUPS / "cpuacct" / path / "cpuacct.usage").read_text()) / 1e9
    lines = dict(line.split() for line in (CGROUPS / path / "cpu.stat").read_text().splitlines())
    return int(lines["usage_usec"]) / 1e6


def _container(process: Path) -> str:
    """The part of a process' cgroup that names the container."""
    lines = (process / "cgroup").read_text().splitlines()
    controller = "cpuacct" if (CGROUPS / "cpuacct").is_dir() else ""
    path = next(p for _, c, p in (line.split(":", 2) for line in lines) if controller in c.split(","))
    parts = path.strip("/").split("/")
    return "/".join(parts[: next((i for i, part in enumerate(parts, 1) if len(part) >= 64), len(parts))])
