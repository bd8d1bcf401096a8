"""The plan of the way back: what a backup has, exchanged in one moment, then the objects of the version before."""

from __future__ import annotations

from dataclasses import replace

from bootstrap.model import names
from bootstrap.model.backup import UNDONE, Backup
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.conditions import HttpOk
from bootstrap.model.effects import File, UnitRunning
from bootstrap.model.plan import Plan, Step
from bootstrap.model.upgrade_effects import BackupMarked, EtcdDowngraded, FilesRestored
from bootstrap.phases.exchange import exchange, is_local, started
from bootstrap.phases.upgrade import uncordoned
from bootstrap.render.images import catalog

ETCD_BACK = "wait-control-plane/etcd"
ETCD_TIMEOUT = 60.0
"""Seconds; one that cannot read the data ends at once, again and again."""
FILES, READABLE, UNCORDONED, MARKED = "rollback/files", "rollback/etcd", "rollback/uncordon", "rollback/done"


def rollback_plan(made: Plan, cfg: ClusterConfig, backup: Backup, pods: tuple[File, ...], etcd_health: str) -> Plan:
    """`made` is the plan of the version before, `pods` are its manifests; what was renewed stays."""
    readable = _readable(cfg, backup) if etcd_health else ()
    state = tuple(path for path in (names.STATE_CONFIG,) if path in backup.files)
    apart = {*state, *(pod.path for pod in pods)}
    files = FilesRestored(backup, tuple(path for path in backup.files if path not in apart))
    units = tuple(e for s in made.steps if s.id == "runtime" for e in s.effects if isinstance(e, UnitRunning))
    steps = [
        *(Step(READABLE, "Control plane", readable) for _ in readable[:1]),
        Step(FILES, "Files", (files, *units), after=tuple(READABLE for _ in readable[:1])),
        *((exchange(pods, cfg.node.cri_socket, (FILES,)),) if pods else ()),
    ]
    behind = steps[-1].id
    dropped = {step.id for step in made.steps if is_local(step)}
    rest = [replace(s, after=tuple(a for a in s.after if a not in dropped)) for s in made.steps if s.id not in dropped]
    steps += [_moved(started(step, cfg.node.cri_socket, backup.before), etcd_health, behind) for step in rest]
    if etcd_health:
        healthy = (HttpOk("etcd healthy", etcd_health),)
        steps.append(Step(ETCD_BACK, "Control plane", waits=healthy, after=("kubelet-start",), timeout=ETCD_TIMEOUT))
    steps.append(uncordoned(cfg.node.name, UNCORDONED, steps))
    done = (FilesRestored(backup, state), BackupMarked(backup, UNDONE))
    return Plan((*steps, Step(MARKED, "Node", done, after=tuple(step.id for step in steps))))


def _readable(cfg: ClusterConfig, backup: Backup) -> tuple[EtcdDowngraded, ...]:
    """Nothing where both versions have the same etcd."""
    before, after = (catalog.of(version).etcd.rpartition(".")[0] for version in (backup.before, backup.after))
    return () if before == after else (EtcdDowngraded(before),)


def _moved(step: Step, etcd_health: str, behind: str) -> Step:
    """The API server is asked when its etcd answers; nothing begins before the step `behind`."""
    if step.id == "kubelet-start":
        return replace(step, after=(*step.after, behind))
    if step.id == "wait-control-plane/answers" and etcd_health:
        return replace(step, after=(*step.after, ETCD_BACK))
    return step if step.after else replace(step, after=(behind,))
