"""Checks of what runs containers and Pods: CRI, kubelet, executables; and of an etcd that is not ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, ExternalEtcd
from bootstrap.model.facts import HostFacts
from bootstrap.model.runtime import Runtime
from bootstrap.preflight.finding import Found, check
from bootstrap.preflight.kubelet import setting
from bootstrap.render.images import required

EXECUTABLES = ("losetup", "mount")
"""What the kubelet calls on the host, and the image cannot bring."""
OLDEST_ETCD = (3, 5, 24)
"""kubeadm 1.37's MinExternalEtcdVersion."""
KUBELET_SKEW = 3
"""Minors that a kubelet may be behind (kubeadm's MinimumKubeletVersion)."""
FOREIGN = Runtime("")
"""Where a runtime of others has what it shares with us."""


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
    "RuntimeCgroups",
    "That runtime makes cgroups as the kubelet does: with systemd, unless `cgroupDriver` says otherwise.",
    "Set `SystemdCgroup = true` in its configuration.",
)
def runtime_cgroups(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    runtime = facts.configured.runtime
    if runtime is None or runtime.systemd_cgroup is None:
        return
    wanted = (setting(cfg, "cgroupDriver", "cgroup-driver") or "systemd") == "systemd"
    if runtime.systemd_cgroup != wanted:
        yield Found(
            f"the container runtime at {cfg.node.cri_socket} has SystemdCgroup = {_toml(runtime.systemd_cgroup)}, "
            f"and the kubelet's cgroup driver is {'systemd' if wanted else 'cgroupfs'}",
            f"Set SystemdCgroup = {_toml(wanted)} for its runtime runc, and restart it; bootstrap never configures it",
        )


def _toml(value: bool) -> str:
    return str(value).lower()


@check(
    "RuntimeSandbox",
    "The sandbox image of that runtime is there, or is the one that bootstrap brings.",
    "Name ours in its configuration.",
    error=False,
)
def runtime_sandbox(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    runtime, ours = facts.configured.runtime, required.pause(cfg)
    if runtime is not None and runtime.absent_sandbox_image not in ("", ours):
        yield Found(
            f"the container runtime at {cfg.node.cri_socket} begins each Pod with {runtime.absent_sandbox_image}, "
            "which is not there: it has to reach a registry",
            f'Set sandbox_image = "{ours}" in its configuration, and restart it; bootstrap never configures it',
        )


@check(
    "RuntimeCNI",
    f"That runtime looks for CNI plugins and their configuration where bootstrap puts them: "
    f"`{FOREIGN.cni_bin}` and `{FOREIGN.cni_conf}`.",
    "Set `bin_dir` and `conf_dir` in its configuration.",
)
def runtime_cni(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    runtime = facts.configured.runtime
    if runtime is None or not runtime.cni_bin:
        return
    if FOREIGN.cni_bin not in runtime.cni_bin or runtime.cni_conf != FOREIGN.cni_conf:
        yield Found(
            f"the container runtime at {cfg.node.cri_socket} looks for CNI plugins in {', '.join(runtime.cni_bin)} "
            f"and for their configuration in {runtime.cni_conf}",
            f'Set bin_dir = "{FOREIGN.cni_bin}" and conf_dir = "{FOREIGN.cni_conf}" below cni, and restart it; '
            "bootstrap never configures it",
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
    theirs, ours = _minor(facts.kubelet_version), _minor(cfg.cluster.kubernetes_version)
    if theirs and ours and not (ours[0], ours[1] - KUBELET_SKEW) <= theirs <= ours:
        yield Found(
            f"the host has a kubelet {facts.kubelet_version}, and the cluster is {cfg.cluster.kubernetes_version}: "
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
    if facts.units.get(names.KUBELET_SERVICE) == "masked":
        yield Found("kubelet.service is masked, so it cannot be enabled", "systemctl unmask kubelet")


@check(
    "ExternalEtcdVersion",
    f"Each endpoint of an external etcd answers, with version {'.'.join(map(str, OLDEST_ETCD))} or later.",
    "Upgrade etcd; correct endpoints and certificates.",
    kubeadm=True,
)
def etcd_version(cfg: ClusterConfig, facts: HostFacts) -> Iterator[Found]:
    if not isinstance(cfg.cluster.etcd, ExternalEtcd):
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


ALL = (
    cri,
    runtime_version,
    runtime_cgroups,
    runtime_sandbox,
    runtime_cni,
    executables,
    kubelet_version,
    kubelet_service,
    etcd_version,
)
