"""The plan of `upgrade apply`: that of `init`, what runs exchanged in one moment, and before it a way back kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bootstrap.model import names
from bootstrap.model.backup import Backup
from bootstrap.model.conditions import Condition, HttpOk, StaticPodShown
from bootstrap.model.effects import (
    BackedUp,
    Effect,
    File,
    ImagePresent,
    ImagesImported,
    Install,
)
from bootstrap.model.plan import Plan, Step
from bootstrap.model.upgrade_effects import BackupMarked, EtcdSnapshotTaken
from bootstrap.phases.exchange import MANIFESTS, exchange, is_local, manifests_of, moved_behind, without_manifest
from bootstrap.phases.images import TIMEOUT as IMAGES_TIMEOUT
from bootstrap.phases.inputs import NodeInputs
from bootstrap.render.images.required import components
from bootstrap.render.pki.renewal import Renewed

BACKUP, SNAPSHOT, IMAGES, RENEWED = "upgrade/backup", "upgrade/snapshot", "upgrade/images", "upgrade/certs"
DONE = "upgrade/done"
CREDENTIALS = ("certs/", "kubeconfig/")
"""Steps whose files an upgrade does not take back: what was renewed serves the old version too."""


@dataclass(frozen=True)
class UpgradeInputs:
    """`socket` is of the kubelet's runtime; `etcd_health` the URL of a local etcd, empty for another one."""

    backup: Backup
    renewed: tuple[Renewed, ...]
    socket: str
    etcd_health: str
    etcd_runs: bool
    etcd: bool = True
    """Whether it is upgraded too."""
    policy: str = "IfNotPresent"
    """As imagePullPolicy has it."""


def upgrade_plan(init: Plan, node: NodeInputs, given: UpgradeInputs) -> Plan:
    """`init` is the plan of the new version, on this machine."""
    steps = {step.id: step for step in init.steps}
    manifests = manifests_of(init, given.etcd)
    changed = tuple(_without_state(without_manifest(step)) for step in init.steps)
    first = [_images(node, given), *_kept(given, node, changed, manifests)]
    before = tuple(step.id for step in first)
    renewed = tuple(file for each in given.renewed for file in each.files)
    moved = [moved_behind(step, before, given.socket) for step in changed]
    local = tuple(s.id for s in changed if is_local(s))
    found = [
        *first,
        *moved,
        Step(RENEWED, "Certificates", renewed, after=(*before, *(s.id for s in moved if s.id.startswith(CREDENTIALS)))),
        exchange(manifests, given.socket, (*before, RENEWED, *local)),
        *_shown(node, given, manifests, steps),
    ]
    done = (_state(node), BackupMarked(given.backup, "done"))
    return Plan((*found, Step(DONE, "Node", done, after=tuple(step.id for step in found))), init.remarks)


def _without_state(step: Step) -> Step:
    """What the record says of the configuration changes last."""
    if step.id != "record":
        return step
    return replace(step, effects=tuple(e for e in step.effects if getattr(e, "path", "") != names.STATE_CONFIG))


def _state(node: NodeInputs) -> File:
    return File(names.STATE_CONFIG, node.state, mode=0o600)


def _kept(given: UpgradeInputs, node: NodeInputs, steps: Iterable[Step], manifests: tuple[File, ...]) -> list[Step]:
    """What would be needed to go back."""
    effects = (e for step in steps if not step.id.startswith(CREDENTIALS) for e in step.effects)
    changes = (*(e for e in effects if isinstance(e, File | Install)), *manifests, _state(node))
    kept = BackedUp(given.backup, tuple({e.path: e for e in changes}.values()))
    found = [Step(BACKUP, "Backup", (kept,), after=(IMAGES,))]
    if given.etcd_runs:
        taken = EtcdSnapshotTaken(given.backup.snapshot)
        found.append(Step(SNAPSHOT, "Backup", (taken,), after=(IMAGES, BACKUP), timeout=IMAGES_TIMEOUT))
    return found


def _images(node: NodeInputs, given: UpgradeInputs) -> Step:
    """All that the new version runs, before anything else begins; a node container has our own already."""
    cfg, socket, always = node.cfg, given.socket, given.policy == "Always"
    wanted: list[Effect] = [ImagesImported(socket)] if node.facts.mode == "host" else []
    if given.policy != "Never":
        others = (found.image for found in components(cfg) if not found.built)
        wanted += [ImagePresent(image, socket, cfg.own.mirrors, always) for image in others]
    return Step(IMAGES, "Images", tuple(wanted), timeout=IMAGES_TIMEOUT)


def _shown(
    node: NodeInputs, given: UpgradeInputs, manifests: tuple[File, ...], steps: dict[str, Step]
) -> Iterable[Step]:
    timeout = node.cfg.run.timeouts.control_plane_component_health_check
    if given.etcd_health:
        healthy = (HttpOk("etcd healthy", given.etcd_health),)
        yield Step("wait-control-plane/etcd", "Control plane", waits=healthy, after=("kubelet-start",), timeout=timeout)
    shown: list[Condition] = [
        StaticPodShown(component, node.cfg.node.name, given.socket)
        for step, component in MANIFESTS.items()
        if step in steps and manifests
    ]
    after = tuple(name for name in steps if name.startswith("wait-control-plane/"))
    timeout = node.cfg.run.timeouts.upgrade_manifests
    yield Step("control-plane/shown", "Control plane", waits=tuple(shown), after=after, timeout=timeout)
