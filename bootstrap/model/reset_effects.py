"""Changes of `reset` as data: each is compared with what is there, so that running it twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.journal_entry import Entry


@dataclass(frozen=True)
class Restored:
    """What the journal names is as it was before us.

    `keep` names entries of a tree that stay for now. `networks` are the CNI networks of this machine's Pods: they tell
    ours from others' where both have something.
    """

    entry: Entry
    keep: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContainersGone:
    """No Pod runs in the runtime behind `socket` (a URL); `unit` is the runtime's own, empty when it is not ours.

    With `kubelet_only` the Pods that somebody else made there stay. `slice` ends with the last one; empty when it is
    not the kubelet's of this machine.
    """

    socket: str
    unit: str = ""
    kubelet_only: bool = False
    slice: str = names.PODS_SLICE


@dataclass(frozen=True)
class NodeDrained:
    """No Pod that can go elsewhere runs on the node, and none is scheduled to it: each was evicted.

    `mark` is a file that says so where that was not so before; empty: it is for good.
    """

    name: str
    mark: str = ""


@dataclass(frozen=True)
class NodeUncordoned:
    """Pods are scheduled to the node again, if `mark` says that we have stopped that."""

    name: str
    mark: str


@dataclass(frozen=True)
class NodeDeleted:
    """The cluster has no Node of that name."""

    name: str


@dataclass(frozen=True)
class EtcdMemberGone:
    """An etcd of several members no longer counts on the one known by `peer_url`.

    `urls` are where it listens, and others if they are known. `etcdctl` is the command with its certificates; where
    nothing is in `data_dir`, there is no member. Where that is not `required`, an etcd that keeps it stops nothing.
    """

    urls: tuple[str, ...]
    peer_url: str
    data_dir: str
    etcdctl: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True)
class Unmounted:
    """Nothing is mounted below the directory, but below the names in it that were there before us.

    With `before` None the directory itself was not there: what is mounted on it is ours too (the kubelet's own bind
    mount where the root is not shared).
    """

    path: str
    before: tuple[str, ...] | None
    itself: bool = False
    """The directory was there, and nothing was mounted on it."""


@dataclass(frozen=True)
class UnitsReloaded:
    """systemd knows the unit files as they are now, and forgets that any of `units` failed."""

    units: tuple[str, ...] = ()
