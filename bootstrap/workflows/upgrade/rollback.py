"""The way back of an upgrade: by itself where one fails, by `upgrade rollback` as long as its backup is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bootstrap.config import read_stored
from bootstrap.engine.effects.backups import backups
from bootstrap.engine.run import EventListener
from bootstrap.host.facts.gather import gather
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.backup import UNDONE, Backup
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.events import Event, StepFailed
from bootstrap.model.facts import HostFacts
from bootstrap.model.plan import Plan
from bootstrap.phases.exchange import MANIFESTS
from bootstrap.phases.rollback import ETCD_BACK, rollback_plan
from bootstrap.preflight.checks import Preflight
from bootstrap.render.controlplane.static_pods import manifest_path, manifests_dir
from bootstrap.workflows.etcd.restore import decide_restore, restore
from bootstrap.workflows.execute import execute
from bootstrap.workflows.mode import NODE
from bootstrap.workflows.observe import Observed
from bootstrap.workflows.upgrade.machine import etcd_health, made

Listening = Callable[[Plan], EventListener]


@dataclass(frozen=True)
class Rollback:
    """`observed` has the configuration from before."""

    observed: Observed
    backup: Backup
    plan: Plan


def decide_rollback(host: Host, mode: str, name: str, manifests: Mapping[str, str]) -> Rollback:
    """Of the last upgrade, unless another backup is named. Raises BootstrapError: exit 2, 8 (there is none)."""
    if mode == NODE:
        raise BootstrapError(
            "a node container has the programs of one version",
            code=Exit.CONFLICT,
            fix="start the container of the image before again, with the data that it had",
        )
    found = backups(host)
    chosen = next((backup for backup in found if name in ("", backup.name) and (name or backup.state != UNDONE)), None)
    if chosen is None:
        raise BootstrapError(
            f"there is no backup {name}" if name else "there is no upgrade to go back from",
            code=Exit.USAGE if name else Exit.CONFLICT,
            why=f"{names.BACKUPS_DIR} has {', '.join(b.name for b in found) or 'none'}",
            fix="bootstrap upgrade rollback --list",
        )
    here = read_stored(host.read(names.STATE_CONFIG) or b"").cluster.kubernetes_version
    if here not in (chosen.after, chosen.before):
        raise BootstrapError(
            f"{chosen.name} leads from {chosen.after} back to {chosen.before}, and this machine has {here}",
            code=Exit.CONFLICT,
            why="there was another upgrade since",
            fix="bootstrap upgrade rollback goes back from the last one",
        )
    return _planned(host, gather(host, mode), chosen, manifests)


def _planned(host: HostReader, facts: HostFacts, backup: Backup, manifests: Mapping[str, str]) -> Rollback:
    stored = host.read(backup.copy_of(names.STATE_CONFIG)) or host.read(names.STATE_CONFIG)  # or it did not change
    cfg = read_stored(stored or b"")
    observed = Observed(cfg, facts, Preflight(()), resumed=True)
    plan = made(host, observed, manifests, datetime.now(UTC)).plan
    pods = tuple(
        _kept(host, backup, manifest_path(name, manifests_dir(cfg))) for name in dict.fromkeys(MANIFESTS.values())
    )
    health = etcd_health(host) if cfg.local_etcd else ""
    plan = rollback_plan(plan, cfg, backup, tuple(filter(None, pods)), health)
    return Rollback(observed, backup, plan)


def _kept(host: HostReader, backup: Backup, path: str) -> File | None:
    content, mode = host.read(backup.copy_of(path)), backup.files.get(path)
    return File(path, content, mode) if content is not None and mode is not None else None


def act_rollback(host: Host, rollback: Rollback, listen: EventListener) -> None:
    """Raises BootstrapError: exit 5, 6, 7.

    An etcd that cannot read what a newer one has written gets the snapshot that was taken before it.
    """
    failed: list[str] = []

    def watched(event: Event) -> None:
        if isinstance(event, StepFailed):
            failed.append(event.step)
        listen(event)

    try:
        execute(host, rollback.observed, rollback.plan, watched, verb="upgrade")
    except BootstrapError:
        backup = rollback.backup
        if ETCD_BACK not in failed or backup.others or host.stat(backup.snapshot) is None:
            raise
        what = decide_restore(host, rollback.backup.snapshot, "", any_cluster=False)
        restore(host, what, datetime.now(UTC), lambda line: None)
        execute(host, rollback.observed, rollback.plan, listen, verb="upgrade")


def gone_back(
    host: Host,
    facts: HostFacts,
    backup: Backup,
    manifests: Mapping[str, str],
    failure: BootstrapError,
    listening: Listening,
) -> BootstrapError:
    """The failure, with where the machine is now."""
    try:
        rollback = _planned(host, facts, backup, manifests)
        act_rollback(host, rollback, listening(rollback.plan))
    except BootstrapError as e:
        return BootstrapError(
            f"{failure.what}; and the way back to {backup.before} failed: {e.what}",
            code=failure.code,
            why=failure.why,
            details=(*failure.details, *e.details),
            fix="bootstrap diagnose; then bootstrap upgrade rollback",
        )
    back = BootstrapError(
        f"{failure.what}: back at {backup.before}, healthy",
        code=failure.code,
        why=failure.why,
        details=failure.details,
        fix=failure.fix or "bootstrap upgrade plan",
        more=failure.more,
    )
    back.instead = failure.instead
    return back
