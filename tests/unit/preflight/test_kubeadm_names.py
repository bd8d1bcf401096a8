"""Every check of `kubeadm init` is made under its name and with its severity, or left out for a stated reason."""

from __future__ import annotations

import pytest

from bootstrap.preflight.checks import CHECKS, LEFT_OUT

ERROR, WARNING = True, False
KUBEADM = {
    "IsPrivilegedUser": {ERROR},
    "NumCPU": {ERROR},
    "Mem": {ERROR},
    "KubernetesVersion": {WARNING},
    "Firewalld": {WARNING},
    "Port-*": {ERROR},
    "FileAvailable-*": {ERROR},
    "HTTPProxy": {WARNING},
    "HTTPProxyCIDR": {WARNING},
    "CRI": {ERROR},
    "ContainerRuntimeVersion": {WARNING},
    "Swap": {WARNING},
    "FileExisting-*": {ERROR},
    "FileExisting-cp": {ERROR},
    "SystemVerification": {ERROR, WARNING},
    "Hostname": {WARNING},
    "KubeletVersion": {ERROR},
    "Service-kubelet": {WARNING},
    "FileContent--proc-sys-net-ipv4-ip_forward": {ERROR},
    "FileContent--proc-sys-net-ipv6-conf-default-forwarding": {ERROR},
    "ExternalEtcdVersion": {ERROR},
    "DirAvailable-*": {ERROR},
    "ExternalEtcdClientCertificates": {ERROR},
    "ImagePull": {ERROR},
}
"""Name → severities, read from kubeadm 1.37's cmd/kubeadm/app/preflight/checks.go: InitNodeChecks, addCommonChecks,
RunRootCheckOnly, RunPullImagesCheck. `*` stands for a port, a path with dashes for slashes, or an executable."""


def test_no_check_of_kubeadm_is_forgotten() -> None:
    assert {c.name for c in CHECKS if c.kubeadm} | set(LEFT_OUT) == set(KUBEADM)


def test_what_is_left_out_is_not_made() -> None:
    assert {c.name for c in CHECKS} & set(LEFT_OUT) == set()


@pytest.mark.parametrize("name", sorted({c.name for c in CHECKS if c.kubeadm}))
def test_the_severity_is_kubeadms(name: str) -> None:
    assert {c.error for c in CHECKS if c.name == name} <= KUBEADM[name]


def test_names_of_our_own_checks_are_not_kubeadms() -> None:
    assert {c.name for c in CHECKS if not c.kubeadm} & set(KUBEADM) == set()
