"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts


@dataclass(frozen=True)
class Finding:
    """`name` is what --ignore-preflight-errors takes; an `error` stops the run unless ignored."""

    name: str
    message: str
    fix: str
    error: bool = True


@dataclass(frozen=True)
class Found:
    """What a check's function yields: `where` fills the `*` in its name, `error` overrides its severity."""

    message: str
    fix: str
    where: str = ""
    error: bool | None = None


Look = Callable[[ClusterConfig, HostFacts], Iterator[Found]]


@dataclass(frozen=True)
class Check:
    """One line of the reference page.

    `fresh`: only before there is a cluster of ours; `host`: not in node mode; `control_plane`: not on a worker;
    `joining`: only for a machine that joins a cluster.
    """

    name: str
    what: str
    fix: str
    look: Look
    error: bool
    kubeadm: bool
    fresh: bool
    host: bool
    control_plane: bool
    joining: bool

    def applies(self, cfg: ClusterConfig, facts: HostFacts, *, fresh: bool) -> bool:
        for_this_role = cfg.node.api is not None or not self.control_plane
        for_this_verb = bool(cfg.node.server) or not self.joining
        here = facts.mode == "host" or not self.host
        return (fresh or not self.fresh) and here and for_this_role and for_this_verb

    def findings(self, cfg: ClusterConfig, facts: HostFacts) -> Iterator[Finding]:
        for found in self.look(cfg, facts):
            error = self.error if found.error is None else found.error
            yield Finding(self.name.replace("*", found.where), found.message, found.fix, error)


def check(
    name: str,
    what: str,
    fix: str,
    *,
    error: bool = True,
    kubeadm: bool = False,
    fresh: bool = False,
    host: bool = False,
    control_plane: bool = False,
    joining: bool = False,
) -> Callable[[Look], Check]:
    """Makes a check of the function below it; `fix` is the general way out, a finding names the exact one."""
    return lambda look: Check(name, what, fix, look, error, kubeadm, fresh, host, control_plane, joining)


def is_ignored(name: str, ignored: Collection[str]) -> bool:
    """As --ignore-preflight-errors has it: checks in any case, or all."""
    return not {"all", name.lower()}.isdisjoint(word.lower() for word in ignored)


def listed(words: tuple[str, ...] | list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
