"""`etcd restore` and `etcd recover`: other data for this machine's member; what was there stays until that is proven.

The new data is made beside the old and takes its name in one exchange. The old one goes back when etcd, or the API
server, does not come up with it; afterwards it stays, under a name that says when.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from tenacity import RetryError, retry_if_result, wait_fixed

from bootstrap.engine.effects.static_pods import GRACE
from bootstrap.engine.polling import Paced
from bootstrap.formats.yaml_reader import parse_one
from bootstrap.host import etcd
from bootstrap.host.facts.kubelet import cri_socket, static_pod_path
from bootstrap.host.kube_client import probe
from bootstrap.host.port import Host
from bootstrap.host.runtime.cri import end_running
from bootstrap.model import names
from bootstrap.model.cluster import Document
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.controlplane.args import flags_of
from bootstrap.render.controlplane.encryption import FLAG as ENCRYPTION
from bootstrap.render.controlplane.etcd_member import DATA, EtcdMember, run_by
from bootstrap.render.controlplane.key_rotation import key_names
from bootstrap.render.controlplane.static_pods import manifest_path
from bootstrap.render.health import probe_url
from bootstrap.workflows.etcd.snapshots import checked

Tell = Callable[[str], None]
READERS = ("kube-apiserver", "etcd")
"""Who has the old data in memory, in the order of their end."""
TIMEOUT = 240.0
"""Seconds for each to come up (kubeadm's control plane timeout)."""
ELECTION = 15.0
"""Seconds after which a member that starts has a leader, if there can be one."""
REVISIONS = 1_000_000_000
"""Added to the revision, as Kubernetes advises: who watched the data from before reads it anew."""


@dataclass(frozen=True)
class Restoration:
    """`source` is a snapshot, empty for the member's own data; `cluster` is etcd's initial cluster of the new one."""

    member: EtcdMember
    name: str
    source: str
    cluster: str
    flags: tuple[str, ...]
    pods: dict[str, Document]

    @property
    def data(self) -> str:
        """What etcd itself makes in its directory."""
        return f"{self.member.data_dir}/{DATA}"

    @property
    def lines(self) -> tuple[str, ...]:
        """What will be done."""
        what = f"what {self.source} holds" if self.source else "what this member has of them"
        return (
            f"stop the kubelet, {' and '.join(READERS)}; other Pods go on",
            f"give etcd new data in {self.data}: {what}",
            f"its members are then: {self.cluster}",
            f"start them again; the data of now stays in {self.member.data_dir}, and goes back if they do not come up",
        )


def decide_restore(host: Host, path: str, cluster: str, *, any_cluster: bool) -> Restoration:
    """`cluster` is for several members, all of which are restored from one snapshot at the same time.

    Raises BootstrapError: exit 2, 3, 8, 9 (the snapshot is refused).
    """
    found = _of_this_machine(host, path)
    note = checked(host, path, any_cluster=any_cluster)
    _check_key(host, found.pods, note.encrypted.split() if note else [])
    own = f"{found.name}={found.member.peer_url}"
    if cluster and own not in cluster.split(","):
        raise BootstrapError(
            f"this machine's member, {own}, is not in --initial-cluster",
            code=Exit.USAGE,
            fix="name all members, and the same on every machine",
        )
    if not cluster and (rest := etcd.others(host, found.member)):
        raise BootstrapError(
            f"etcd has other members: {', '.join(rest)}",
            code=Exit.CONFLICT,
            why="they would go on with the data of now",
            fix=f"on all machines at the same time: bootstrap etcd restore {path} "
            f"--initial-cluster {','.join(sorted((own, *rest)))}",
        )
    token = f"--initial-cluster-token=restored-{(host.digest(path) or '')[:12]}"
    return Restoration(
        found.member, found.name, path, cluster or own, (token, f"--bump-revision={REVISIONS}", "--mark-compacted"),
        found.pods,
    )  # fmt: skip


def _check_key(host: Host, pods: dict[str, Document], encrypted: Iterable[str]) -> None:
    """Raises BootstrapError (exit 8) when nobody could read the Secrets of a snapshot, whose keys are `encrypted`."""
    path = flags_of(pods["kube-apiserver"]).get(ENCRYPTION) if "kube-apiserver" in pods else None
    if path and host.stat(path) is None:
        raise BootstrapError(
            f"{path} is not on this machine",
            code=Exit.CONFLICT,
            why="the API server reads Secrets with the key in it, and does not start without",
            fix="copy it here from another control plane, or from where it was kept with the snapshot (mode 0600)",
        )
    if lacking := sorted(set(encrypted) - set(key_names(host.read(names.ENCRYPTION_CONFIG) or b""))):
        raise BootstrapError(
            f"nobody could read the Secrets of the snapshot: {names.ENCRYPTION_CONFIG} has no {', '.join(lacking)}",
            code=Exit.CONFLICT,
            why="it was taken before they had another key, or in a cluster that encrypts them",
            fix="put the file back as it was kept with the snapshot (mode 0600), on every control plane",
        )


def decide_recovery(host: Host, now: datetime) -> Restoration:
    """Raises BootstrapError (exit 8) when etcd has a leader, and so nothing to recover from."""
    found = _of_this_machine(host, "")
    url = probe_url(found.pods["etcd"])
    if url and not _seen(url, ELECTION):
        raise BootstrapError(
            "etcd has a leader: enough of its members are well",
            code=Exit.CONFLICT,
            why="members that are gone are taken out while it has one",
            fix="etcdctl member list, then etcdctl member remove ID",
        )
    if host.stat(f"{found.data}/snap/db") is None:
        raise BootstrapError(
            f"there is no {found.data}/snap/db",
            code=Exit.CONFLICT,
            why="this member has no data of its own",
            fix="bootstrap etcd restore FILE, with a snapshot",
        )
    return Restoration(
        found.member,
        found.name,
        "",
        f"{found.name}={found.member.peer_url}",
        (f"--initial-cluster-token=recovered-{now:%Y%m%d%H%M%S}", "--skip-hash-check=true"),
        found.pods,
    )


def _of_this_machine(host: Host, path: str) -> Restoration:
    member = etcd.own_member(host)
    pods: dict[str, Document] = {}
    for name in READERS:
        content = host.read(manifest_path(name, static_pod_path(host)))
        if content is not None:
            pods[name] = parse_one(content)
    return Restoration(member, flags_of(pods["etcd"])["name"], path, "", (), pods)


def restore(host: Host, what: Restoration, now: datetime, tell: Tell) -> str:
    """Where the old data is, empty when there was none. Raises BootstrapError: exit 5, 6 (the old data is back)."""
    kept, new = f"{what.member.data_dir}/before-{now:%Y%m%d-%H%M%S}", f"{what.member.data_dir}/unpacking"
    there = host.stat(what.data) is not None
    if what.source:  # etcd compares its checksum: one that is refused stops nothing
        _make(host, what, new)
    _stop(host, what, tell)
    try:
        if not what.source:
            _make(host, what, new)
        _put(host, what, new, kept, there=there)
    except BootstrapError:
        host.start_unit(names.KUBELET_SERVICE, enable=False, restart=False)
        raise
    try:
        _start(host, what, tell)
    except BootstrapError as e:
        if there:
            _back(host, what, kept, tell)
        raise BootstrapError(
            f"{e.what}: {'the data from before is back' if there else 'there was none to go back to'}",
            code=e.code,
            why=e.why,
            details=e.details,
            fix="bootstrap diagnose",
        ) from e
    return kept if there else ""


def _put(host: Host, what: Restoration, new: str, kept: str, *, there: bool) -> None:
    """Exchanged under the kept name, and what has that is never removed: it may be the old data."""
    if there:
        etcd.move(host, new, kept)
        etcd.exchange(host, what.data, f"{kept}/{DATA}")
    else:
        etcd.move(host, f"{new}/{DATA}", what.data)
        host.remove_tree(new)


def _make(host: Host, what: Restoration, new: str) -> None:
    """What a run left that died meanwhile is made anew. Raises BootstrapError: exit 9 for a snapshot, 5."""
    host.remove_tree(new)
    flags = (
        f"--name={what.name}",
        f"--initial-cluster={what.cluster}",
        f"--initial-advertise-peer-urls={what.member.peer_url}",
        *what.flags,
    )
    try:
        etcd.unpack(host, what.source or f"{what.data}/snap/db", new, flags)
        if user := run_by(what.pods["etcd"]):
            etcd.hand_over(host, new, *user)
        etcd.flush(host, new)
    except BootstrapError as e:
        host.remove_tree(new)
        if not what.source:
            raise
        raise BootstrapError(
            f"{what.source} is refused: etcd cannot make data of it, and nothing was changed",
            code=Exit.IMAGE,
            details=e.details[-1:],
            fix="bootstrap etcd snapshot list shows others",
        ) from e


def _stop(host: Host, what: Restoration, tell: Tell) -> None:
    """The kubelet first: it would start them again."""
    socket = cri_socket(host)
    host.stop_unit(names.KUBELET_SERVICE, disable=False)
    for name in what.pods:
        if end_running(host, socket, name, GRACE):
            tell(f"{name} stopped")


def _start(host: Host, what: Restoration, tell: Tell) -> None:
    host.start_unit(names.KUBELET_SERVICE, enable=False, restart=False)
    for name in reversed(what.pods):
        if url := probe_url(what.pods[name]):
            _wait(name, url)
            tell(f"{name} is healthy")


def _wait(name: str, url: str) -> None:
    if last := _seen(url, TIMEOUT):
        raise BootstrapError(f"{name} is not healthy with it", code=Exit.WAIT, why=f"last seen: {last}")


def _seen(url: str, timeout: float) -> str:
    """Empty once it says that it is well, else what it said last."""

    def look() -> str:
        status, text = probe(url)
        return "" if status == 200 else text or f"HTTP {status}"

    try:
        return Paced(look, wait_fixed(0.5)).repeat(retry_if_result(bool), timeout, threading.Event())
    except RetryError as e:
        return str(e.last_attempt.result())


def _back(host: Host, what: Restoration, kept: str, tell: Tell) -> None:
    _stop(host, what, tell)
    etcd.exchange(host, what.data, f"{kept}/{DATA}")
    host.remove_tree(kept)
    host.start_unit(names.KUBELET_SERVICE, enable=False, restart=False)
    tell("the data from before is back")
