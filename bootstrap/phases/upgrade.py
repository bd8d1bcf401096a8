"""The plan of `upgrade apply` and `node`: that of `init` or `join`, what runs exchanged in one moment, and before it a
way back kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from bootstrap.model import names
from bootstrap.model.backup import ENDED, Backup
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
from bootstrap.model.reset_effects import NodeDrained, NodeUncordoned
from bootstrap.model.upgrade_effects import BackupMarked, EtcdSnapshotTaken, ImagesReleased
from bootstrap.phases.exchange import MANIFESTS, exchange, is_local, manifests_of, moved_behind, without_manifest
from bootstrap.phases.images import TIMEOUT as IMAGES_TIMEOUT
from bootstrap.phases.inputs import NodeInputs
from bootstrap.phases.reset import WHO_STAYS
from bootstrap.render.images.required import components
from bootstrap.render.pki.renewal import Renewed

BACKUP, SNAPSHOT, IMAGES, RENEWED = "upgrade/backup", "upgrade/snapshot", "upgrade/images", "upgrade/certs"
DRAINED, UNCORDONED, SHOWN, DONE = "upgrade/drain", "upgrade/uncordon", "control-plane/shown", "upgrade/done"
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
    serial: bool = True
    """Whether one image comes after the other."""
    kept: tuple[str, ...] = ()
    """Images of this version, and of those that there is a way back to."""
    drain: float | None = None
    """Seconds that Pods have to leave the node before; None: they stay."""


def upgrade_plan(made: Plan, node: NodeInputs, given: UpgradeInputs) -> Plan:
    """`made` is the plan of `init` or `join` with the new version, on this machine."""
    manifests = manifests_of(made, given.etcd)
    changed = tuple(_without_state(without_manifest(step)) for step in made.steps)
    first = [*_images(node, given), *_kept(given, node, changed, manifests), *_drained(node, given)]
    before = tuple(step.id for step in first)
    moved = [
        moved_behind(step, before, given.socket, names.BUILT_VERSION, exchanges=bool(manifests)) for step in changed
    ]
    found = [*first, *moved, *(_exchanged(node, given, manifests, changed, before) if manifests else ())]
    found.append(uncordoned(node.cfg.node.name, UNCORDONED, found))
    released = (ImagesReleased(given.socket, given.kept),) if node.facts.mode == "host" else ()
    done = (_state(node), BackupMarked(given.backup, ENDED), *released)
    return Plan((*found, Step(DONE, "Node", done, after=tuple(step.id for step in found))), made.remarks)


def uncordoned(node: str, name: str, steps: Iterable[Step]) -> Step:
    """As soon as the node can run Pods: those of add-ons may have no other."""
    after = tuple(step.id for step in steps if step.id in ("kubelet-start", "node-ready", SHOWN))
    return Step(name, "Node", (NodeUncordoned(node, names.CORDONED),), after=after)


def _drained(node: NodeInputs, given: UpgradeInputs) -> tuple[Step, ...]:
    if given.drain is None:
        return ()
    drained = NodeDrained(node.cfg.node.name, names.CORDONED)
    after = (BACKUP, *((SNAPSHOT,) if given.etcd_runs else ()))
    return (Step(DRAINED, "Node", (drained,), after=after, timeout=given.drain, instead=WHO_STAYS),)


def _exchanged(
    node: NodeInputs,
    given: UpgradeInputs,
    manifests: tuple[File, ...],
    steps: tuple[Step, ...],
    before: tuple[str, ...],
) -> Iterable[Step]:
    """What a control plane has and another machine does not."""
    renewed = tuple(file for each in given.renewed for file in each.files)
    issued = tuple(step.id for step in steps if step.id.startswith(CREDENTIALS))
    yield Step(RENEWED, "Certificates", renewed, after=(*before, *issued))
    yield exchange(manifests, given.socket, (*before, RENEWED, *(step.id for step in steps if is_local(step))))
    yield from _shown(node, given, tuple(step.id for step in steps))


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


def _images(node: NodeInputs, given: UpgradeInputs) -> list[Step]:
    """All that the new version runs, before anything else begins; a node container has our own already."""
    cfg, socket, always = node.cfg, given.socket, given.policy == "Always"
    ours: tuple[Effect, ...] = (ImagesImported(socket),) if node.facts.mode == "host" else ()
    others = tuple(
        ImagePresent(found.image, socket, cfg.own.mirrors, always)
        for found in components(cfg)
        if not found.built and given.policy != "Never"
    )
    if given.serial:
        return [Step(IMAGES, "Images", (*ours, *others), timeout=IMAGES_TIMEOUT)]
    each = [Step(f"{IMAGES}/{pull.image}", "Images", (pull,), timeout=IMAGES_TIMEOUT) for pull in others]
    return [*each, Step(IMAGES, "Images", ours, after=tuple(step.id for step in each), timeout=IMAGES_TIMEOUT)]


def _shown(node: NodeInputs, given: UpgradeInputs, steps: Collection[str]) -> Iterable[Step]:
    timeout = node.cfg.run.timeouts.control_plane_component_health_check
    if given.etcd_health:
        healthy = (HttpOk("etcd healthy", given.etcd_health),)
        yield Step("wait-control-plane/etcd", "Control plane", waits=healthy, after=("kubelet-start",), timeout=timeout)
    shown: list[Condition] = [
        StaticPodShown(component, node.cfg.node.name, given.socket)
        for step, component in MANIFESTS.items()
        if step in steps
    ]
    after = tuple(name for name in steps if name.startswith("wait-control-plane/"))
    timeout = node.cfg.run.timeouts.upgrade_manifests
    yield Step(SHOWN, "Control plane", waits=tuple(shown), after=after, timeout=timeout)
