"""Names in a throwaway cluster; those of its nodes are as kind has them, since scripts know them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from bootstrap.model.cluster_shape import NodeShape
from bootstrap.model.errors import BootstrapError, Exit

LONGEST = 40
"""Characters of a cluster's name, so that its nodes' names are host names with any number behind them."""
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def check_name(name: str) -> None:
    """Raises BootstrapError (exit 2)."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST:
        raise BootstrapError(
            f"{name[:80]!r} cannot be the name of a cluster",
            code=Exit.USAGE,
            why=f"its nodes' host names begin with it: a-z, 0-9 and -, at most {LONGEST} characters",
            fix="bootstrap cluster create dev",
        )


def node_name(cluster: str, role: str, taken: Collection[str] = ()) -> str:
    """The first that is free: `dev-worker`, `dev-worker2`, …"""
    base = f"{cluster}-{role}"
    candidates = (base if number == 1 else f"{base}{number}" for number in range(1, len(taken) + 2))
    return next(name for name in candidates if name not in taken)


def node_names(cluster: str, nodes: Sequence[NodeShape]) -> tuple[str, ...]:
    names: list[str] = []
    for node in nodes:
        names.append(node_name(cluster, node.role, names))
    return tuple(names)


def context_name(cluster: str) -> str:
    """In a kubeconfig, of the context, the cluster and the user."""
    return f"bootstrap-{cluster}"
