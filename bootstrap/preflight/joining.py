"""Checks of a machine against the cluster that it joins: one name, one time, versions that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check
from bootstrap.preflight.system import SYNCHRONIZE
from bootstrap.render.pki.certs import CLOCK_SKEW

OLDER = 3
"""Minors that a kubelet may be behind the API server (Kubernetes' version skew policy); it is never ahead."""
VALID_BEFORE = CLOCK_SKEW.total_seconds()
"""Seconds before its making from which a certificate is valid: ours, and the controller manager's."""
NOTICED = 5.0
"""Seconds: what a request takes, and the second that an answer's date is cut to, are less."""


@check(
    "NodeName",
    "No other machine is a Ready node of this name.",
    "`--node-name`, or `kubectl delete node NAME` if that machine is gone.",
    joining=True,
)
def node_name(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    there = facts.configured.namesake
    if there is None or there.itself:
        return
    name = f'the cluster has a node "{cfg.node.name}" of another machine ({there.address or "without an address"})'
    gone = f"if that machine is gone for good: kubectl delete node {cfg.node.name}"
    if there.ready:
        yield Found(f"{name}, and it is Ready", f"Give this one another name: --node-name; {gone}")
    else:
        yield Found(f"{name}, which is not Ready: this machine takes its place", gone, error=False)


@check(
    "ClockSkew",
    "This machine's clock is the cluster's; where certificates of one would not be valid for the other yet, that is an "
    "error.",
    "Set the clock.",
    error=False,
    joining=True,
)
def clock_skew(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    behind = facts.configured.behind
    if abs(behind) <= NOTICED:
        return
    what = f"the clock is {abs(behind):.0f} s {'behind' if behind > 0 else 'ahead of'} that of the API server"
    if behind > VALID_BEFORE:
        yield Found(f"{what}: certificates that the cluster makes would not be valid here yet", SYNCHRONIZE, error=True)
    elif -behind > VALID_BEFORE and cfg.node.api:
        yield Found(f"{what}: certificates that are made here would not be valid there yet", SYNCHRONIZE, error=True)
    else:
        yield Found(what, SYNCHRONIZE)


@check(
    "ClusterVersion",
    f"The kubelet of this image is not newer than the API server, and at most {OLDER} minors older; one more control "
    "plane is of the cluster's own minor.",
    "Join with the image of the cluster's minor.",
    joining=True,
)
def cluster_version(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    mine = minor(names.BUILT_VERSION)
    server = minor(facts.configured.server_version)
    cluster = minor(cfg.cluster.kubernetes_version)
    if cfg.node.api and cluster and cluster != mine:
        yield Found(
            f"the cluster is of Kubernetes 1.{cluster}, and a control plane of this image would be of 1.{mine}",
            f"Join with the image of 1.{cluster}, and upgrade afterwards",
        )
    elif server and mine > server:
        yield Found(
            f"the kubelet of this image ({names.BUILT_VERSION}) is newer than the API server "
            f"({facts.configured.server_version})",
            f"Join with the image of 1.{server}, or upgrade the control plane first",
        )
    elif server and mine < server - OLDER:
        yield Found(
            f"the kubelet of this image ({names.BUILT_VERSION}) is more than {OLDER} minors older than the API server "
            f"({facts.configured.server_version})",
            f"Join with the image of 1.{server}",
        )


@check(
    "ClusterImages",
    "The cluster's own builds are of the version that this image carries: it brings kube-proxy along.",
    "Bring them: `join --bundle`, or `images load`.",
    error=False,
    joining=True,
)
def cluster_images(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    version = cfg.cluster.kubernetes_version
    if cfg.cluster.image_repository == names.BUILT_REPOSITORY and version != names.BUILT_VERSION:
        yield Found(
            f"the cluster's Pods name images of {version}, and this image brings those of {names.BUILT_VERSION}: "
            "kube-proxy does not start here without its own",
            f"With the image of {version}: bootstrap bundle create -f FILE; then join --bundle FILE",
        )


def minor(version: str) -> int:
    """The second number; 0 where there is none."""
    found = re.match(r"v?1\.(\d+)", version)
    return int(found[1]) if found else 0


ALL = (node_name, clock_skew, cluster_version, cluster_images)
