"""Checks of what runs containers and Pods: CRI, kubelet, executables; and of an etcd that is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, ExternalEtcd
from bootstrap.model.facts import HostFacts
from bootstrap.preflight.finding import Found, check

EXECUTABLES = ("losetup", "mount")
"""What the kubelet calls on the host, and the image cannot bring."""
OLDEST_ETCD = (3, 5, 24)
"""kubeadm 1.37's MinExternalEtcdVersion."""
KUBELET_SKEW = 3
"""Minors that a kubelet may be behind (kubeadm's MinimumKubeletVersion)."""
KUBELET_UNIT = "kubelet.service"


@check(
    "CRI",
    "A runtime that `--cri-socket` names answers, and is ready.",
    "Start it, or leave `--cri-socket` out: bootstrap brings a runtime.",
    kubeadm=True,
)
def cri(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    runtime = facts.configured.runtime
    if runtime is None or (not runtime.error and runtime.ready):
        return
    yield Found(
        f"the container runtime at {cfg.node.cri_socket} "
        + (f"does not answer: {runtime.error}" if runtime.error else "says that it is not ready"),
        "Start it (systemctl status containerd), or leave --cri-socket out: bootstrap brings a runtime",
    )


@check(
    "ContainerRuntimeVersion",
    "That runtime tells the kubelet its cgroup driver (CRI `RuntimeConfig`), which Kubernetes 1.38 will need.",
    "Update it: containerd 2.0, CRI-O 1.28 or later.",
    error=False,
    kubeadm=True,
)
def runtime_version(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    runtime = facts.configured.runtime
    if runtime is not None and not runtime.error and not runtime.runtime_config:
        yield Found(
            f"the container runtime at {cfg.node.cri_socket} does not know RuntimeConfig, which 1.38 will need",
            "Update it: containerd 2.0, CRI-O 1.28 or later",
        )


@check(
    "FileExisting-*",
    "The host has what the kubelet calls: `losetup` and `mount`.",
    "Install util-linux and mount.",
    kubeadm=True,
    host=True,
)
def executables(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.executables is None:
        return
    for name in EXECUTABLES:
        if name not in facts.executables:
            yield Found(f"{name} is not in the host's PATH", "Install util-linux and mount", where=name)


@check(
    "KubeletVersion",
    f"A kubelet that the host already has is at most {KUBELET_SKEW} minors older than the cluster, and not newer.",
    "Remove its package.",
    kubeadm=True,
    host=True,
)
def kubelet_version(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    theirs, ours = _minor(facts.kubelet_version), _minor(cfg.kubernetes_version)
    if theirs and ours and not (ours[0], ours[1] - KUBELET_SKEW) <= theirs <= ours:
        yield Found(
            f"the host has a kubelet {facts.kubelet_version}, and the cluster is {cfg.kubernetes_version}: "
            + ("newer kubelets are not supported" if theirs > ours else "the kubelet is too old"),
            "Remove its package: bootstrap brings a kubelet",
        )


def _minor(version: str) -> tuple[int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None


@check(
    "Service-kubelet",
    "The kubelet's unit is not masked; that it is there and enabled, init sees to itself.",
    "Unmask it: `systemctl unmask kubelet`.",
    error=False,
    kubeadm=True,
    host=True,
)
def kubelet_service(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if facts.units.get(KUBELET_UNIT) == "masked":
        yield Found("kubelet.service is masked, so it cannot be enabled", "systemctl unmask kubelet")


@check(
    "ExternalEtcdVersion",
    f"Each endpoint of an external etcd answers, with version {'.'.join(map(str, OLDEST_ETCD))} or later.",
    "Upgrade etcd; correct endpoints and certificates.",
    kubeadm=True,
)
def etcd_version(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if not isinstance(cfg.etcd, ExternalEtcd):
        return
    for endpoint, answer in facts.configured.etcd_versions.items():
        version = re.match(r"(\d+)\.(\d+)\.(\d+)", answer)
        if version is None:
            yield Found(
                f"etcd at {endpoint} does not tell its version ({answer.removeprefix('error: ')})",
                "Start it, or correct endpoints and certificates of etcd.external",
            )
        elif tuple(map(int, version.groups())) < OLDEST_ETCD:
            wanted = ".".join(map(str, OLDEST_ETCD))
            yield Found(
                f"etcd at {endpoint} is {answer}; Kubernetes {names.KUBERNETES_MINOR} needs {wanted}", "Upgrade it"
            )


ALL = (cri, runtime_version, executables, kubelet_version, kubelet_service, etcd_version)
