"""Checks of what the kernel lets this machine, or this container, use."""

from __future__ import annotations

from collections.abc import Iterator

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts, Inotify, Limits
from bootstrap.preflight.finding import Found, check

CLUSTER_INSTANCES = 26
"""inotify instances that a cluster holds once it is up (counted: systemd 3, kubelet 7, API server 6, …)."""
CLUSTER_WATCHES = 300
"""Watches, likewise (most are the kubelet's)."""
INSTANCES_SYSCTL, WATCHES_SYSCTL = "fs.inotify.max_user_instances", "fs.inotify.max_user_watches"
ENOUGH_INSTANCES, ENOUGH_WATCHES = 8192, 524288
"""For as many clusters as a machine can hold (what kind's and others' guides give)."""
CLUSTER_PROCESSES = 512
"""Threads that a cluster needs at least (the engine's --pids-limit counts them)."""


def inotify_problem(found: Inotify | None, needed: int = CLUSTER_INSTANCES) -> tuple[str, str] | None:
    """What is used up and the way out; None when it is enough for a cluster that holds `needed` instances."""
    if found is None:
        return None
    lacks = []
    if found.instances + found.held < needed:
        lacks.append(
            f"{found.instances} instances are left of {INSTANCES_SYSCTL}={found.max_instances}, "
            f"a cluster holds about {needed}"
        )
    elif found.watches < CLUSTER_WATCHES:
        lacks.append(
            f"{found.watches} watches are left of {WATCHES_SYSCTL}={found.max_watches}, "
            f"a cluster holds about {CLUSTER_WATCHES}"
        )
    if not lacks:
        return None
    instances, watches = max(ENOUGH_INSTANCES, found.max_instances * 2), max(ENOUGH_WATCHES, found.max_watches * 2)
    return (
        f"the machine's inotify is used up: {'; '.join(lacks)}",
        f"sudo sysctl -w {INSTANCES_SYSCTL}={instances} {WATCHES_SYSCTL}={watches} (on the machine itself; "
        "in a file below /etc/sysctl.d it stays)",
    )


def processes_problem(limits: Limits) -> tuple[str, str] | None:
    """As `inotify_problem`."""
    if not 0 < limits.processes < CLUSTER_PROCESSES:
        return None
    return (
        f"the container may have {limits.processes} processes (--pids-limit), a cluster needs {CLUSTER_PROCESSES}",
        "leave out --pids-limit, or give --pids-limit=-1",
    )


@check(
    "Inotify",
    f"The kernel still gives the inotify instances ({CLUSTER_INSTANCES}) and watches ({CLUSTER_WATCHES}) of a cluster: "
    "all containers of a machine share them.",
    f"Raise `{INSTANCES_SYSCTL}` and `{WATCHES_SYSCTL}`.",
    fresh=True,
)
def inotify(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if problem := inotify_problem(facts.inotify):
        yield Found(*problem)


@check("Processes", f"The container may have {CLUSTER_PROCESSES} processes.", "Leave out `--pids-limit`.")
def processes(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if problem := processes_problem(facts.limits):
        yield Found(*problem)


ALL = (inotify, processes)
