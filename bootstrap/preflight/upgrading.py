"""Checks of a cluster before its version changes: what is not well now would be taken for the new version's fault."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from bootstrap.model import names
from bootstrap.model.cluster_facts import ClusterFacts, ClusterNode
from bootstrap.preflight.checks import Outcome
from bootstrap.preflight.finding import Check, Finding, Found, check, is_ignored, listed
from bootstrap.preflight.joining import OLDER, minor

NODES, MANIFESTS = "ControlPlaneNodesReady", "StaticPodManifest"
"""kubeadm's names."""
EDITED, SKEW = "KubeadmConfig", "KubeletSkew"


def upgrade_outcomes(
    cluster: ClusterFacts | None, missing: Collection[str], editors: Collection[str], ignored: Collection[str]
) -> tuple[Outcome, ...]:
    """`cluster` is None where no API server answers, `missing` are static Pods without a manifest; `editors` are who
    has given the ConfigMap kubeadm-config other values than we did."""
    looks = (
        (NODES, tuple(_nodes(cluster))),
        (MANIFESTS, tuple(_manifests(missing))),
        (EDITED, tuple(_edited(editors))),
        (SKEW, tuple(_skew(cluster))),
    )
    return tuple(Outcome(_check(name), tuple(_judged(name, f, ignored) for f in found)) for name, found in looks)


def _nodes(cluster: ClusterFacts | None) -> Iterator[Found]:
    if cluster is None:
        yield Found("no API server answers here", "bootstrap diagnose; on a node whose certificates ended: certs renew")
        return
    if away := [node.name for node in cluster.nodes if node.control_plane and not node.ready]:
        yield Found(f"{listed(away)} not Ready", "bootstrap diagnose on that machine; kubectl describe node NAME")
    workers = [node.name for node in cluster.nodes if not node.control_plane and not node.ready]
    if workers:
        yield Found(
            f"{listed(workers)} not Ready: what runs there is not seen to again",
            "kubectl describe node NAME",
            error=False,
        )


def _manifests(missing: Collection[str]) -> Iterator[Found]:
    if missing:
        yield Found(f"there is no static Pod of {listed(sorted(missing))} here", "run this on a control plane")


def _edited(editors: Collection[str]) -> Iterator[Found]:
    if editors:
        yield Found(
            f"{listed(sorted(editors))} changed kubeadm-config: the version in it would stay as it is",
            "What it is to say belongs into the configuration, with the image that made this cluster: "
            "bootstrap init --reconfigure --config FILE, which writes it anew",
        )


def _skew(cluster: ClusterFacts | None) -> Iterator[Found]:
    nodes, new = cluster.nodes if cluster else (), minor(names.BUILT_VERSION)
    planes = [n for n in nodes if n.control_plane and 0 < minor(n.version) < new - 1]
    if planes:
        yield Found(
            f"{_versions(planes)} would have an API server more than one minor older than this one",
            "bootstrap upgrade node on those machines first, with the image of the minor that the cluster has",
        )
    old = [n for n in nodes if 0 < minor(n.version) < new - OLDER]
    if old:
        yield Found(
            f"the kubelet of {_versions(old)} would be more than {OLDER} minors older than the API server",
            "Bring those machines to a later version first",
        )


def _versions(nodes: Collection[ClusterNode]) -> str:
    return listed([f"{node.name} ({node.version})" for node in nodes])


def _check(name: str) -> Check:
    return check(name, name, "")(lambda cfg, facts: iter(()))


def _judged(name: str, found: Found, ignored: Collection[str]) -> Finding:
    return Finding(name, found.message, found.fix, found.error is not False and not is_ignored(name, ignored))


def missing_manifests(there: Collection[str]) -> tuple[str, ...]:
    """Of the names of static Pods that are here, those of a control plane that lack."""
    return tuple(name for name in names.CONTROL_PLANE if name not in there)
