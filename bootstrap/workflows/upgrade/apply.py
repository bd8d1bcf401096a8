"""`upgrade apply`: what this machine's cluster is, and is to be; then one plan, and the way back where it fails.

Plan and way back are those of `upgrade node` too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bootstrap.config import Overrides, read_stored, resolve, to_cluster_configuration, to_stored
from bootstrap.config.complete import lasting
from bootstrap.config.upgrade import UpgradeOptions
from bootstrap.engine.effects.backups import backups
from bootstrap.engine.journal import begun, read_journal
from bootstrap.engine.run import EventListener
from bootstrap.engine.timings import Timing
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.host import etcd
from bootstrap.host.facts.cluster import SYSTEM
from bootstrap.host.facts.configured import look_up
from bootstrap.host.facts.gather import gather
from bootstrap.host.facts.kubelet import static_pod_path
from bootstrap.host.facts.pods import NODES
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.backup import BEGUN, ENDED, Backup
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.cluster_facts import ClusterFacts
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.facts import HostFacts
from bootstrap.model.images.reference import version_of
from bootstrap.model.plan import PREFLIGHT, Plan
from bootstrap.phases.naming import OF_UPGRADE, OF_UPGRADE_NODE
from bootstrap.phases.select import without
from bootstrap.phases.upgrade import UpgradeInputs, upgrade_plan
from bootstrap.preflight.checks import Outcome, run_checks
from bootstrap.preflight.upgrading import SKEW, missing_manifests, upgrade_outcomes
from bootstrap.render.controlplane.own import stored
from bootstrap.render.images.required import kubernetes, needed
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.renewal import ALL, RenewalInput, Renewed, renewal
from bootstrap.workflows.api_access import administrator, api_reader, cluster_facts, own
from bootstrap.workflows.execute import execute
from bootstrap.workflows.mode import HOST, NODE
from bootstrap.workflows.observe import Observed
from bootstrap.workflows.reconfigure import kept
from bootstrap.workflows.upgrade.machine import etcd_health, made
from bootstrap.workflows.upgrade.rollback import Listening, gone_back
from bootstrap.workflows.upgrade.version import check_version

ADDONS = "addon"
ADDONS_LATER = (
    "the add-ons follow when every node has the new version: bootstrap upgrade apply once more, where init was run"
)


@dataclass(frozen=True)
class UpgradeDecision(Observed):
    """`before` is the configuration that is here; `backup` is a new one, or that of a run which was not finished.

    `last`: every other control plane has the new version already, and every node the images of the add-ons.
    """

    before: ClusterConfig = dataclasses.field(kw_only=True)
    backup: Backup = dataclasses.field(kw_only=True)
    last: bool = True

    @property
    def lines(self) -> tuple[str, ...]:
        """What will be done."""
        return (f"Kubernetes {self.backup.before} → {self.backup.after}",)


def stored_here(host: HostReader) -> ClusterConfig:
    """Of a machine of any kind. Raises BootstrapError (exit 8) where there is none."""
    text = host.read(names.STATE_CONFIG)
    if text is None:
        raise BootstrapError(
            "there is no cluster of bootstrap's here",
            code=Exit.CONFLICT,
            why=f"{names.STATE_CONFIG} does not exist",
            fix="bootstrap init",
        )
    return read_stored(text)


def here(host: Host, mode: str) -> tuple[ClusterConfig, HostFacts]:
    """The cluster that `init` made here. Raises BootstrapError (exit 8) where there is none."""
    before = stored_here(host)
    if before.node.api is None or before.node.server:
        raise BootstrapError(
            "this is not the first control plane of its cluster",
            code=Exit.CONFLICT,
            why="join was run here",
            fix="bootstrap upgrade node; upgrade apply comes before it, where init was run",
        )
    return before, gather(host, mode)


def decide(host: Host, mode: str, options: UpgradeOptions, kubeconfig: str, now: datetime) -> UpgradeDecision:
    """Raises BootstrapError: exit 2, 3 (the new version does not take the configuration), 8 (no cluster of ours)."""
    before, facts = here(host, mode)
    check_version(before.cluster.kubernetes_version, options)
    cfg = target(before, facts, options)
    return examined(host, facts, options, kubeconfig, now, before=before, cfg=cfg)


def examined(
    host: Host,
    facts: HostFacts,
    options: UpgradeOptions,
    kubeconfig: str,
    now: datetime,
    *,
    before: ClusterConfig,
    cfg: ClusterConfig,
) -> UpgradeDecision:
    """What the machine is to become, after a look at it; and at the cluster, if it is a control plane."""
    configured = look_up(host, facts.mode, cfg, address_given=not cfg.node.server, fresh=False)
    facts = dataclasses.replace(lasting(facts, cfg.own), configured=configured)
    backup, checks = backup_for(host, before, cfg, now), run_checks(cfg, facts, fresh=False)
    cluster = cluster_facts(host, kubeconfig) if cfg.node.api else None
    just_moved = facts.mode == NODE and not host.unit(names.KUBELET_SERVICE).active  # the data of another container
    half = backup.state == BEGUN and host.stat(backup.note)  # what runs is not all of one version
    skips = PREFLIGHT in options.skipped or just_moved or half
    if cfg.node.api and not skips:
        found = health(host, cluster, kubeconfig, options)
        checks = dataclasses.replace(checks, outcomes=(*checks.outcomes, *found))
    last = not behind(cluster, cfg) and not (cluster and without_images(host, kubeconfig, cfg))
    return UpgradeDecision(cfg, facts, checks, True, before=before, backup=backup, last=last)


def behind(cluster: ClusterFacts | None, cfg: ClusterConfig) -> list[str]:
    """Control planes that have another version than is wanted."""
    planes = [node.name for node in cluster.others(cfg.node.name) if node.control_plane] if cluster else []
    return [name for name in planes if cluster and cluster.api_servers.get(name) != cfg.cluster.kubernetes_version]


def without_images(host: HostReader, kubeconfig: str, cfg: ClusterConfig) -> list[str]:
    """Other nodes that would not find kube-proxy's new image: one of ours is in no registry, and comes with us.

    It is one image with all of Kubernetes' names, and a kubelet tells five of an image's names only.
    """
    image = kubernetes(cfg, "kube-proxy")
    if cfg.cluster.proxy_disabled or not image.startswith(f"{names.BUILT_REPOSITORY}/"):
        return []
    found = api_reader(lambda: administrator(host, kubeconfig))(NODES) or {}
    others = (node for node in found.get("items", ()) if node["metadata"]["name"] != cfg.node.name)
    return [node["metadata"]["name"] for node in others if version_of(image) not in built_versions(node)]


def built_versions(node: Mapping[str, Any]) -> set[str]:
    """Versions of our builds that a node says that it has; the kubelet tells the 50 largest images."""
    found = (name for image in node.get("status", {}).get("images") or () for name in image.get("names") or ())
    return {version_of(name) for name in found if name.startswith(f"{names.BUILT_REPOSITORY}/")}


def health(
    host: HostReader, cluster: ClusterFacts | None, kubeconfig: str, options: UpgradeOptions
) -> tuple[Outcome, ...]:
    there = {name.removesuffix(".yaml") for name in host.listdir(static_pod_path(host))}
    editors = _editors(host, kubeconfig) if cluster else ()
    ignored = (*options.ignored, *((SKEW,) if options.force else ()))
    return upgrade_outcomes(cluster, missing_manifests(there), editors, ignored)


def _editors(host: HostReader, kubeconfig: str) -> tuple[str, ...]:
    """Who, but us, has set the ClusterConfiguration that the cluster has."""
    found = administrator(host, kubeconfig).get(f"{SYSTEM}/configmaps/kubeadm-config").found or {}
    managed = (found.get("metadata") or {}).get("managedFields") or ()
    sets = (e["manager"] for e in managed if "f:ClusterConfiguration" in (e.get("fieldsV1") or {}).get("f:data", {}))
    return tuple(manager for manager in sets if manager != names.FIELD_MANAGER)


def of_this_version(before: ClusterConfig) -> ClusterConfig:
    """The same cluster with the version that this image carries, not judged."""
    version = names.BUILT_VERSION if "+" in before.cluster.kubernetes_version else names.KUBERNETES_VERSION
    return dataclasses.replace(before, cluster=dataclasses.replace(before.cluster, kubernetes_version=version))


def target(before: ClusterConfig, facts: HostFacts, options: UpgradeOptions) -> ClusterConfig:
    """The stored configuration with this image's version, judged by its rules. Raises BootstrapError (exit 3)."""
    documents = kept(to_stored(of_this_version(before)).encode(), Overrides())
    if options.timeouts:
        init = {**documents.get("InitConfiguration"), "timeouts": options.timeouts}
        documents = dataclasses.replace(documents, upstream={**documents.upstream, "InitConfiguration": init})
    skipped = (PREFLIGHT,) if PREFLIGHT in options.skipped else None
    given = {
        "patches": options.patches or None,
        "ignore_preflight_errors": options.ignored or None,
        "skip_phases": skipped,
    }
    return resolve(documents, Overrides(**given), facts)


def backup_for(host: Host, before: ClusterConfig, cfg: ClusterConfig, now: datetime) -> Backup:
    """A run that was not finished goes on: by then not all is here any more that it has kept.

    One that only makes up for what was left out has the way back of the first.
    """
    old, new = _runs(host, before), cfg.cluster.kubernetes_version
    last = next(iter(backups(host)), None)
    if last and last.after == new and (last.state == BEGUN or (last.state == ENDED and old == new)):
        return last
    name, taken = f"upgrade-{now:%Y%m%d-%H%M%S}", f"{now:%Y-%m-%dT%H:%M:%SZ}"
    return Backup(name, old, new, taken, others=_other_members(host, before))


def _other_members(host: Host, before: ClusterConfig) -> tuple[str, ...]:
    """Of etcd; none where this one does not run, or is set up by the user's own flags."""
    if not (before.local_etcd and host.unit(names.KUBELET_SERVICE).active):
        return ()
    try:
        return etcd.others(host, etcd.own_member(host))
    except BootstrapError:
        return ()


def _runs(host: HostReader, before: ClusterConfig) -> str:
    """What is stored, unless the machine has joined with an older program than the cluster's: then its kubelet's."""
    stored = before.cluster.kubernetes_version
    if not before.node.server:
        return stored
    found = api_reader(own(host, before))(f"{NODES}/{before.node.name}") or {}
    kubelet = str(found.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", ""))
    return stored if kubelet.partition("+")[0] in ("", stored.partition("+")[0]) else kubelet


def make_plan(
    host: HostReader, decision: UpgradeDecision, manifests: Mapping[str, str], now: datetime, options: UpgradeOptions
) -> Plan:
    """Certificates are renewed here, so that the plan holds finished bytes."""
    cfg, joined = decision.cfg, bool(decision.cfg.node.server)
    found = made(host, decision, manifests, now, addons=decision.last)
    renews = options.renewal and cfg.node.api and found.issued.signing
    health, runs = etcd_health(host) if cfg.local_etcd else "", host.unit(names.KUBELET_SERVICE).active
    given = UpgradeInputs(
        decision.backup,
        _renewed(host, decision, now) if renews else (),
        cfg.node.cri_socket,
        health,
        etcd_runs=runs and bool(health) and not joined,  # what others hold as well is not put back from one member
        etcd=options.etcd,
        policy=options.policy or cfg.node.image_pull_policy,
        serial=cfg.node.image_pull_serial if options.serial is None else options.serial,
        kept=tuple(_kept_images(host, decision)),
        drain=options.drain if runs else None,
    )
    whole = upgrade_plan(found.plan, found.node, given)
    skipped = tuple(phase for phase in options.skipped if phase != PREFLIGHT)
    remarks = () if decision.last else (ADDONS_LATER,)
    if remarks and not joined:  # kube-proxy is never newer than the API server that it asks
        skipped = (*skipped, ADDONS)
    there = {path for step in whole.steps for e in step.effects if isinstance(e, File) and host.stat(path := e.path)}
    naming = OF_UPGRADE_NODE if joined else OF_UPGRADE
    return Plan(without(whole.steps, skipped, there, naming), (*whole.remarks, *remarks))


def _kept_images(host: HostReader, decision: UpgradeDecision) -> Iterator[str]:
    yield from needed(decision.cfg)
    yield from needed(decision.before)
    for backup in backups(host)[: names.BACKUPS_KEPT]:
        if stored := host.read(backup.copy_of(names.STATE_CONFIG)):
            yield from needed(read_stored(stored))


def configuration(decision: UpgradeDecision) -> str:
    """The ClusterConfiguration that the cluster is to have."""
    return to_yaml(to_cluster_configuration(stored(decision.cfg, decision.facts)))


def _renewed(host: HostReader, decision: UpgradeDecision, now: datetime) -> tuple[Renewed, ...]:
    """All but those that an earlier try of the same run has renewed."""
    cfg = decision.cfg
    given = RenewalInput(cfg, host.read, begun(read_journal(host)), CryptoKeySource(), now)
    began = datetime.fromisoformat(decision.backup.taken).timestamp()
    return tuple(
        each
        for each in renewal(given, (ALL,)).renewed
        if any((there := host.stat(path)) is None or there.mtime < began for path in each.paths)
    )


def act(
    host: Host,
    decision: UpgradeDecision,
    plan: Plan,
    manifests: Mapping[str, str],
    listen: EventListener,
    back: Listening,
) -> tuple[Timing, ...]:
    """`back` makes the listener of the way back. Raises BootstrapError: exit 5, 6, 7 or 9, after it went back.

    A node container has the images and programs of one version: its add-ons fail until they are of that one too, and
    the way back is the container that had the data before.
    """
    on_host = decision.facts.mode == HOST
    try:
        return execute(host, decision, plan, listen, verb="upgrade", watches=on_host)
    except BootstrapError as failure:
        if not on_host:
            failure.instead = f"go back: start the container that had {decision.backup.before} again"
            raise
        taken = next((found for found in backups(host) if found.name == decision.backup.name), None)
        if taken is None:  # nothing was changed yet
            raise
        raise gone_back(host, decision.facts, taken, manifests, failure, back) from failure
