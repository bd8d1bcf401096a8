"""What an effect would change, as a line of text; reads only."""

from __future__ import annotations

from functools import singledispatch

from bootstrap.engine import images
from bootstrap.engine.drift import (
    directory_differs,
    file_differs,
    images_missing,
    install_differs,
    link_differs,
    module_differs,
    sysctl_differs,
    unit_differs,
)
from bootstrap.engine.effects.undo import mounts_below
from bootstrap.engine.network import ours_left
from bootstrap.engine.observe import before
from bootstrap.host.images.seed import METADATA
from bootstrap.host.images.seed_copy import file_digest
from bootstrap.host.port import HostReader
from bootstrap.model.effects import (
    Apply,
    ContainersGone,
    Create,
    Directory,
    Effect,
    EtcdMemberGone,
    EtcdPeerUrl,
    File,
    FlannelSubnet,
    ImagePresent,
    ImagesGone,
    ImagesImported,
    ImagesLoaded,
    ImagesSeeded,
    Install,
    KernelModule,
    Link,
    NetworkRestored,
    RecordDirectory,
    RecordNetwork,
    RecordState,
    Restored,
    RotatableKubeletCredential,
    Sysctl,
    UnitRunning,
    UnitsReloaded,
    Unmounted,
    object_name,
)
from bootstrap.model.journal_entry import PATH, TREE

UNCHANGED = "unchanged"


def _verdict(difference: str) -> str:
    return {"": UNCHANGED, "missing": "new", "stopped": "start"}.get(difference, f"change ({difference})")


@singledispatch
def describe(effect: Effect, host: HostReader) -> str:
    """`file /etc/… (0600, …): new`."""
    raise TypeError(f"no way to describe {effect!r}")


@describe.register
def _(effect: File, host: HostReader) -> str:
    return f"file {effect.shown}: {_verdict(file_differs(host, effect))}"


@describe.register
def _(effect: Directory, host: HostReader) -> str:
    return f"directory {effect.path} ({effect.mode:04o}): {_verdict(directory_differs(host, effect))}"


@describe.register
def _(effect: RecordDirectory, host: HostReader) -> str:
    return f"journal of {effect.path}/: {UNCHANGED}"


@describe.register
def _(effect: Install, host: HostReader) -> str:
    return f"file {effect.path}: {_verdict(install_differs(host, effect, file_digest(effect.source)))}"


@describe.register
def _(effect: Link, host: HostReader) -> str:
    return f"link {effect.path} to {effect.target}: {_verdict(link_differs(host, effect))}"


@describe.register
def _(effect: KernelModule, host: HostReader) -> str:
    return f"module {effect.name}: {_verdict(module_differs(host, effect))}"


@describe.register
def _(effect: Sysctl, host: HostReader) -> str:
    return f"sysctl {effect.key} = {effect.value}: {_verdict(sysctl_differs(host, effect))}"


@describe.register
def _(effect: ImagesSeeded, host: HostReader) -> str:
    return f"images in {effect.root}: {UNCHANGED if host.stat(f'{effect.root}/{METADATA}') else 'new'}"


@describe.register
def _(effect: ImagesImported, host: HostReader) -> str:
    missing = images_missing(host, effect)
    return f"images in {effect.socket}: " + (f"{len(missing)} new" if missing else UNCHANGED)


@describe.register
def _(effect: RecordState, host: HostReader) -> str:
    return f"journal of {effect.kind} {effect.name}: {UNCHANGED}"


@describe.register
def _(effect: ImagesLoaded, host: HostReader) -> str:
    return f"images of the bundle, if they are not there: {', '.join(effect.references)}"


@describe.register
def _(effect: UnitRunning, host: HostReader) -> str:
    return f"unit {effect.name}: {_verdict(unit_differs(host, effect))}"


@describe.register
def _(effect: Apply, host: HostReader) -> str:
    return f"apply {object_name(effect.body)}"


@describe.register
def _(effect: Create, host: HostReader) -> str:
    return f"create {object_name(effect.body)} if absent"


@describe.register
def _(effect: RotatableKubeletCredential, host: HostReader) -> str:
    return f"file {effect.kubeconfig}: point at {effect.certificate} once the kubelet has written it"


@describe.register
def _(effect: EtcdPeerUrl, host: HostReader) -> str:
    return f"etcd peer URL {effect.url}"


@describe.register
def _(effect: FlannelSubnet, host: HostReader) -> str:
    return f"file {effect.path}: {UNCHANGED if host.stat(effect.path) else 'new, once the node has a Pod range'}"


@describe.register
def _(effect: ImagePresent, host: HostReader) -> str:
    return f"image {effect.image}: brought in and pinned unless it is there"


@describe.register
def _(effect: RecordNetwork, host: HostReader) -> str:
    return f"journal of links and packet filters: {UNCHANGED}"


@describe.register
def _(effect: Restored, host: HostReader) -> str:
    entry = effect.entry
    if before(host, entry.kind, entry.name) == entry.before:
        return f"{entry.kind} {entry.name}: {UNCHANGED}"
    if entry.kind in (PATH, TREE):
        return f"{'remove' if entry.before is None else 'restore'} {entry.name}"
    return f"restore {entry.kind} {entry.name}"


@describe.register
def _(effect: NetworkRestored, host: HostReader) -> str:
    return f"remove {effect.entry.name}: {', '.join(ours_left(host, effect.entry)) or UNCHANGED}"


@describe.register
def _(effect: ImagesGone, host: HostReader) -> str:
    return f"remove images in {effect.entry.name}: {', '.join(images.ours_left(host, effect.entry)) or UNCHANGED}"


@describe.register
def _(effect: ContainersGone, host: HostReader) -> str:
    return f"remove all Pods in {effect.socket}"


@describe.register
def _(effect: EtcdMemberGone, host: HostReader) -> str:
    there = host.listdir(effect.data_dir)
    return f"etcd member {effect.peer_url}: {'remove it if there are others' if there else UNCHANGED}"


@describe.register
def _(effect: Unmounted, host: HostReader) -> str:
    return f"unmount below {effect.path}: {', '.join(mounts_below(host, effect)) or UNCHANGED}"


@describe.register
def _(effect: UnitsReloaded, host: HostReader) -> str:
    return f"systemctl daemon-reload: {UNCHANGED}"
