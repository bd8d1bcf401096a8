"""How a node leaves its cluster: what that means for those that stay is looked at before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bootstrap.engine.effects.nodes import by_hand
from bootstrap.host.facts.etcd_members import remaining
from bootstrap.host.facts.kubelet import node_name
from bootstrap.host.port import Api, Host
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.quorum import Remaining
from bootstrap.model.reset_effects import EtcdMemberGone, NodeDeleted, NodeDrained
from bootstrap.workflows.api_access import administrator, api_reader, kubelet


@dataclass(frozen=True)
class Leave:
    """What is asked for: `kubeconfig` names an administrator where none is here."""

    drain: bool = False
    drain_timeout: float = 300
    break_quorum: bool = False
    kubeconfig: str = ""


@dataclass(frozen=True)
class Leaving:
    """`remarks` are what others lose, or who goes on; `by_hand` is what only an administrator can do afterwards."""

    connect: Callable[[], Api]
    drained: NodeDrained | None = None
    deleted: NodeDeleted | None = None
    remarks: tuple[str, ...] = ()
    by_hand: str = ""


def leaving(host: Host, asked: Leave, member: EtcdMemberGone | None) -> Leaving:
    """`member` is this machine's own of an etcd.

    Raises BootstrapError: exit 8 when the others could not go on, 3 for a kubeconfig that is none, 7 when Pods are to
    be moved and nobody answers.
    """
    name, rest = node_name(host), remaining(host, member) if member else None
    if rest and not (rest.goes_on or rest.is_last or asked.break_quorum):
        raise _breaks(rest)
    is_admin = bool(asked.kubeconfig) or host.stat(names.ADMIN_CONF) is not None
    connect = _connecting(host, asked.kubeconfig) if is_admin else kubelet(host)
    remarks = [_said(rest, _other_nodes(connect, name) if rest.is_last else ())] if rest else []
    stays = name and (member is None or (rest is not None and rest.goes_on))
    if asked.drain and not name:
        remarks.append(f"--drain: nothing is left to ask with, {names.KUBELET_CONF} is gone; no Pod is evicted")
    elif asked.drain:
        _reach(connect, name)
    return Leaving(
        connect,
        NodeDrained(name) if asked.drain and name else None,
        NodeDeleted(name) if stays and is_admin else None,
        tuple(remarks),
        by_hand(name) if stays and not is_admin else "",
    )


def _connecting(host: Host, kubeconfig: str) -> Callable[[], Api]:
    """Whoever the user names is looked up before anything is changed."""
    if kubeconfig:
        administrator(host, kubeconfig)
    return lambda: administrator(host, kubeconfig)


def _reach(connect: Callable[[], Api], name: str) -> None:
    try:
        connect().get(f"/api/v1/nodes/{name}")
    except ConnectionError as e:
        raise BootstrapError(
            "no Pod of this node can be moved: the API server does not answer",
            code=Exit.API,
            why=str(e),
            fix="bootstrap reset without --drain: what runs here ends with it",
        ) from e


def _other_nodes(connect: Callable[[], Api], name: str) -> tuple[str, ...]:
    """As far as they can be seen."""
    found = api_reader(connect)("/api/v1/nodes") or {}
    return tuple(node["metadata"]["name"] for node in found.get("items", ()) if node["metadata"]["name"] != name)


def _breaks(rest: Remaining) -> BootstrapError:
    return BootstrapError(
        f"the cluster's etcd would not go on without this machine: {rest.needed} of the "
        f"{len(rest.answering) + len(rest.silent)} members that stay have to answer, and {len(rest.answering)} "
        f"{'does' if len(rest.answering) == 1 else 'do'}",
        code=Exit.CONFLICT,
        why=f"{', '.join(rest.silent)}: no answer; nothing was changed",
        fix="bring them back, or take those that are gone for good out of the etcd (etcdctl member list, then "
        "etcdctl member remove ID), and run reset again; to give the cluster up: bootstrap reset --break-quorum",
    )


def _said(rest: Remaining, nodes: tuple[str, ...]) -> str:
    if rest.is_last:
        orphans = f"; nodes that are left without it: {', '.join(nodes)}" if nodes else ""
        return f"etcd has no other member: the cluster ends with this machine, and its data with it{orphans}"
    silent = f"; no answer from {', '.join(rest.silent)}" if rest.silent else ""
    if rest.goes_on:
        return f"etcd goes on with {', '.join(rest.answering)}{silent}"
    return f"etcd does not go on: {rest.needed} members have to answer{silent}; the cluster takes no writes any more"
