"""`upgrade plan`: what `upgrade apply` would find and do here; nothing is written, on the machine or in the cluster."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bootstrap.config.upgrade import UpgradeOptions
from bootstrap.engine.preview import PreviewedEffect, preview
from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.host.facts.cluster import SYSTEM
from bootstrap.host.facts.static_pods import static_pod
from bootstrap.host.port import Host, HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Document
from bootstrap.model.cluster_facts import ClusterFacts
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.phases.upgrade import BACKUP, CREDENTIALS, DONE, IMAGES, RENEWED, SNAPSHOT
from bootstrap.preflight.finding import Finding
from bootstrap.preflight.outlook import (
    ComponentChange,
    KindState,
    component_changes,
    kind_states,
    removed_apis,
    with_own,
)
from bootstrap.render.images.required import components
from bootstrap.workflows.api_access import administrator, api_reader, cluster_facts
from bootstrap.workflows.upgrade.apply import configuration, decide, health, here, make_plan, of_this_version
from bootstrap.workflows.upgrade.version import check_version

CARRIED, HERE, MISSING = "in this image", "here", "to be pulled"
_APPS = "/apis/apps/v1/namespaces"
WORKLOADS = {
    "kube-proxy": f"{_APPS}/kube-system/daemonsets/kube-proxy",
    "coredns": f"{_APPS}/kube-system/deployments/coredns",
    "flannel": f"{_APPS}/kube-flannel/daemonsets/kube-flannel-ds",
}
_PODS = f"{SYSTEM}/pods?labelSelector=tier%3Dcontrol-plane"
_OF_A_RUN = (IMAGES, BACKUP, SNAPSHOT, RENEWED, DONE)
"""Steps that are about the run itself."""


@dataclass(frozen=True)
class Outlook:
    """`problems` are what the new version does not take of the stored configuration; without any there are `changes`,
    and the whole new `configuration`."""

    before: str
    after: str
    components: tuple[ComponentChange, ...]
    kinds: tuple[KindState, ...]
    removed_apis: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    problems: tuple[str, ...] = ()
    images: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Name → where it comes from."""
    changes: tuple[PreviewedEffect, ...] = ()
    remarks: tuple[str, ...] = ()
    configuration: str = ""

    @property
    def code(self) -> Exit:
        """Whether `upgrade apply` would begin."""
        if self.problems:
            return Exit.CONFIG
        return Exit.PREFLIGHT if any(finding.error for finding in self.findings) else Exit.OK


def look_ahead(
    host: Host, mode: str, options: UpgradeOptions, kubeconfig: str, manifests: Mapping[str, str], now: datetime
) -> Outlook:
    """Raises BootstrapError: exit 2 (another version), 8 (this one cannot follow, or no cluster of ours)."""
    before, _ = here(host, mode)
    check_version(before.cluster.kubernetes_version, options)
    after = of_this_version(before)
    facts = cluster_facts(host, kubeconfig)
    get = api_reader(lambda: administrator(host, kubeconfig))
    known = Outlook(
        before.cluster.kubernetes_version,
        after.cluster.kubernetes_version,
        _components(host, get, facts, after, etcd=options.etcd),
        kind_states(_stored(get, facts)),
        removed_apis(_metrics(host, kubeconfig)) if facts else (),
    )
    try:
        decision = decide(host, mode, options, kubeconfig, now)
    except BootstrapError as e:
        if e.code != Exit.CONFIG:
            raise
        outcomes = health(host, facts, kubeconfig, options)
        found = tuple(finding for outcome in outcomes for finding in outcome.findings)
        return dataclasses.replace(known, findings=found, problems=e.details or (e.what,))
    plan = make_plan(host, decision, manifests, now, dataclasses.replace(options, renewal=False))
    steps = (
        step for step in preview(plan, host, get) if step.id not in _OF_A_RUN and not step.id.startswith(CREDENTIALS)
    )
    return dataclasses.replace(
        known,
        findings=decision.preflight.findings,
        images=dict(_images(host, decision.cfg)),
        changes=tuple(effect for step in steps for effect in step.effects if effect.diff),
        remarks=plan.remarks,
        configuration=configuration(decision),
    )


def _components(
    host: HostReader, get: Any, facts: ClusterFacts | None, after: ClusterConfig, *, etcd: bool
) -> tuple[ComponentChange, ...]:
    pods = with_own((get(_PODS) or {}).get("items") or (), tuple(_manifests(host)), after.node.name)
    wanted = {found.component for found in components(after)}
    bodies = {name: body for name, path in WORKLOADS.items() if name in wanted and (body := get(path))}
    return component_changes(after, facts.nodes if facts else (), pods, bodies, etcd=etcd)


def _manifests(host: HostReader) -> Iterator[Document]:
    """Of this machine's static Pods, which the API shows only some time after they began."""
    for name in ("etcd", *names.CONTROL_PLANE):
        if found := static_pod(host, name):
            yield found


def _stored(get: Any, facts: ClusterFacts | None) -> dict[str, Document]:
    """Configurations in the cluster's ConfigMaps, by kind."""
    if facts is None:
        return {}
    text = ((get(f"{SYSTEM}/configmaps/kube-proxy") or {}).get("data") or {}).get("config.conf", "")
    try:
        proxy = parse_one(text.encode())
    except UnreadableError:
        proxy = None
    return {
        "ClusterConfiguration": facts.configuration,
        "KubeletConfiguration": facts.kubelet,
        **({"KubeProxyConfiguration": proxy} if isinstance(proxy, dict) else {}),
    }


def _metrics(host: HostReader, kubeconfig: str) -> str:
    try:
        return administrator(host, kubeconfig).get("/metrics").text
    except (BootstrapError, ConnectionError):
        return ""


def _images(host: HostReader, cfg: ClusterConfig) -> Iterator[tuple[str, str]]:
    there = host.images(cfg.node.cri_socket) or {}
    for found in components(cfg):
        carried = found.built and cfg.cluster.kubernetes_version == names.BUILT_VERSION
        yield found.image, CARRIED if carried else HERE if found.image in there else MISSING
