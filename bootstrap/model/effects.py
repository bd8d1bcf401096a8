"""Changes as data. The engine compares each with what is there and applies only a difference."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.model.backup import Backup
from bootstrap.model.cluster import Taint
from bootstrap.model.conditions import KubeletSigned
from bootstrap.model.images.mirrors import Mirrors
from bootstrap.model.reset_effects import (
    ContainersGone,
    EtcdMemberGone,
    NodeDeleted,
    NodeDrained,
    NodeUncordoned,
    Restored,
    UnitsReloaded,
    Unmounted,
)
from bootstrap.model.upgrade_effects import (
    BackupMarked,
    EtcdDowngraded,
    EtcdSnapshotTaken,
    FilesRestored,
    ImagesReleased,
)


@dataclass(frozen=True)
class Directory:
    path: str
    mode: int = 0o755


@dataclass(frozen=True)
class File:
    """`secret` content is shown as length and hash only; `once` is never overwritten (keys, CA).

    It is root's, unless it `keeps_owner` of what is there: whoever reads that by its owner reads this too.
    """

    path: str
    content: bytes
    mode: int = 0o644
    secret: bool = False
    once: bool = False
    keeps_owner: bool = False

    @property
    def shown(self) -> str:
        digest = hashlib.sha256(self.content).hexdigest()[:12]
        return f"{self.path} ({self.mode:04o}, {len(self.content)} bytes, sha256:{digest})"


@dataclass(frozen=True)
class FileGone:
    """A file of ours that the configuration does not ask for any more."""

    path: str


@dataclass(frozen=True)
class RecordDirectory:
    """A directory that others make and fill (the kubelet, etcd, …): the journal says what was there before."""

    path: str


@dataclass(frozen=True)
class Install:
    """`path` has the content of `source`, a file of our own image; compared by sha256."""

    source: str
    path: str
    mode: int = 0o755


@dataclass(frozen=True)
class ProgramInstalled:
    """The program, its interpreter and their libraries lie below `root` as in our image, ready to be entered."""

    root: str


@dataclass(frozen=True)
class Link:
    """A symbolic link; with `keep`, whatever has that name already stays."""

    path: str
    target: str
    keep: bool = False


@dataclass(frozen=True)
class KernelModule:
    """A kernel module is loaded or built in: then `sign` is there."""

    name: str
    sign: str


@dataclass(frozen=True)
class Sysctl:
    """`key` as in sysctl.conf(5)."""

    key: str
    value: str

    @property
    def path(self) -> str:
        return "/proc/sys/" + self.key.replace(".", "/")


@dataclass(frozen=True)
class ImagesSeeded:
    """A containerd root holds the images inside our image; containerd is not running yet."""

    root: str


@dataclass(frozen=True)
class ImagesImported:
    """The containerd of others behind `socket` (a URL) has the images inside our image, pinned."""

    socket: str


@dataclass(frozen=True)
class RecordState:
    """A thing is in the journal as it was before us: the kubelet or a Pod of ours will change it."""

    kind: str
    name: str


@dataclass(frozen=True)
class ImagesLoaded:
    """The running containerd has these images of the bundle that `init` was given, pinned."""

    references: tuple[str, ...]


@dataclass(frozen=True)
class UnitRunning:
    """The systemd unit runs with the present content of `uses` (restarted if older), and at every boot if `enabled`."""

    name: str
    uses: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True)
class UnitStopped:
    """A systemd unit of ours neither runs nor starts at a boot."""

    name: str


@dataclass(frozen=True)
class StaticPodRestarted:
    """The container `name` runs with the present content of `uses`: an older one is ended, the kubelet makes another.

    `socket` is of the kubelet's runtime. One that does not run is left to the kubelet.
    """

    name: str
    uses: tuple[str, ...]
    socket: str


@dataclass(frozen=True)
class StaticPodsReplaced:
    """No static Pod runs of another manifest than these; where one does, the kubelet is stopped first, and stays so.

    In the order in which they need each other; `socket` is of the kubelet's runtime.
    """

    pods: tuple[File, ...]
    socket: str


@dataclass(frozen=True)
class BackedUp:
    """Copies of what these change lie in a backup, whose note comes last. One that is whole already stays as it is."""

    backup: Backup
    changes: tuple[File | Install, ...]


@dataclass(frozen=True)
class Apply:
    """Server-side apply of one API object as the field manager `bootstrap`.

    With `discover` the API server is asked how the kind is called in paths and whether it lives in namespaces.
    An `owner` is created before it, if absent, and takes it along when it goes (an ownerReference).
    """

    body: Mapping[str, Any]
    discover: bool = False
    owner: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Create:
    """Created if absent, never changed (tokens)."""

    body: Mapping[str, Any]


@dataclass(frozen=True)
class ObjectGone:
    """No API object of that name is there that we applied; one of somebody else stays.

    With `discover` as for Apply; what others have put into a Namespace, or made of a kind, keeps that from going.
    """

    body: Mapping[str, Any]
    discover: bool = False


@dataclass(frozen=True)
class NodeTaints:
    """A node has these taints of ours and no others that were: `record` is the file of those that it was given.

    At its registration it is given the first ones; those of others stay, and whoever takes ours away is not undone.
    """

    node: str
    taints: tuple[Taint, ...]
    record: str


@dataclass(frozen=True)
class RotatableKubeletCredential:
    """kubelet.conf points at the certificate file that the kubelet rotates, once the kubelet has written it."""

    kubeconfig: str
    certificate: str


@dataclass(frozen=True)
class LeaseFreed:
    """Nobody waits for the leader `name` of this machine's last boot: it ended with it, before `booted`.

    With `socket`, of the kubelet's runtime, for one that its static Pod has replaced.
    """

    name: str
    hostname: str
    booted: float
    socket: str = ""


@dataclass(frozen=True)
class ServingApproved:
    """The kubelet of this machine gets what it asks for to serve with, until the condition holds."""

    until: KubeletSigned


@dataclass(frozen=True)
class KeyPair:
    """Paths of a certificate, its key, and the CA of those that it is shown to."""

    ca: str
    certificate: str
    key: str


@dataclass(frozen=True)
class EtcdAddresses:
    """The etcd knows its member `name`, this machine's, by `peer_urls`, and has a quorum if its members are found.

    `etcdctl` is the command with its certificates, `url` where the member itself is asked, `peer` what it shows to the
    others. With `searches`, members that are not where this one believes them are looked for beside it, and until all
    know better connections lead to where they are.
    """

    name: str
    peer_urls: tuple[str, ...]
    url: str
    etcdctl: tuple[str, ...]
    peer: KeyPair
    searches: bool


@dataclass(frozen=True)
class ImagePresent:
    """The runtime behind `socket` has the image under its own name, through the mirrors if need be, and pinned.

    With `always` a tag that means something else by now is brought in again.
    """

    image: str
    socket: str
    mirrors: Mirrors
    always: bool = False


@dataclass(frozen=True)
class FlannelSubnet:
    """flannel's file about the Pod range of `node`, as flanneld writes it, made as soon as the node has a range.

    `network` is the Pod range of the cluster; `mtu` that of Pods, in bytes.
    """

    path: str
    node: str
    network: str
    mtu: int


@dataclass(frozen=True)
class RecordNetwork:
    """The host's links, packet filter tables and chains are in the journal as they were before us."""


@dataclass(frozen=True)
class EtcdMemberAdded:
    """The etcd that others run counts on one more member, as a learner at first; its static Pod knows them all.

    `etcdctl` is the command with the others' endpoints. In `manifest`, `placeholder` stands for the other members of
    the initial cluster (`NAME=URL,…`), which only their answer tells.
    """

    name: str
    peer_url: str
    data_dir: str
    etcdctl: tuple[str, ...]
    manifest: File
    placeholder: str


@dataclass(frozen=True)
class EtcdMemberPromoted:
    """The member known by `peer_url` has a vote: it has caught up with the others, and answers.

    `etcdctl` is the command with the others' endpoints, `own` with this member's; `socket` is of its runtime.
    """

    peer_url: str
    etcdctl: tuple[str, ...]
    own: tuple[str, ...]
    socket: str


Effect = (
    Directory
    | File
    | FileGone
    | RecordDirectory
    | Install
    | ProgramInstalled
    | Link
    | KernelModule
    | Sysctl
    | ImagesSeeded
    | ImagesImported
    | RecordState
    | ImagePresent
    | ImagesLoaded
    | UnitRunning
    | UnitStopped
    | StaticPodRestarted
    | Apply
    | Create
    | ObjectGone
    | NodeTaints
    | RotatableKubeletCredential
    | LeaseFreed
    | ServingApproved
    | EtcdAddresses
    | FlannelSubnet
    | RecordNetwork
    | Restored
    | ContainersGone
    | EtcdMemberAdded
    | EtcdMemberPromoted
    | EtcdMemberGone
    | NodeDrained
    | NodeUncordoned
    | NodeDeleted
    | Unmounted
    | UnitsReloaded
    | BackedUp
    | BackupMarked
    | FilesRestored
    | ImagesReleased
    | EtcdSnapshotTaken
    | EtcdDowngraded
    | StaticPodsReplaced
)


def object_name(body: Mapping[str, Any]) -> str:
    """`kind namespace/name` of an API object."""
    meta = body["metadata"]
    namespace = meta.get("namespace", "")
    return f"{body['kind']} {namespace + '/' if namespace else ''}{meta['name']}"
