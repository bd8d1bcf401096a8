"""The container runtime of a node, and where its files lie."""

from __future__ import annotations

from dataclasses import dataclass

from bootstrap.model import names


@dataclass(frozen=True)
class Runtime:
    """`socket` is a URL (`unix://…`); `unit` is empty for a runtime that is not ours, which is never configured."""

    socket: str
    cni_bin: str = names.CNI_BIN
    cni_conf: str = names.CNI_CONF_DIR
    unit: str = ""
    config: str = ""
    root: str = ""
    state: str = ""
    registries: str = ""
    binaries: str = names.HOST_BIN_DIR
    """Where `crictl` is, and everything of a runtime of ours."""

    @property
    def ours(self) -> bool:
        return bool(self.unit)

    @property
    def crictl(self) -> tuple[str, ...]:
        """The command that asks it."""
        return (f"{self.binaries}/crictl", f"--runtime-endpoint={self.socket}")

    @property
    def address(self) -> str:
        """The socket's path."""
        return self.socket.removeprefix("unix://")


NODE_RUNTIME = Runtime(
    socket="unix:///var/run/containerd/containerd.sock",
    unit="containerd.service",
    config="/etc/containerd/config.toml",
    root="/var/lib/containerd",
    state="/run/containerd",
    registries="/etc/containerd/certs.d",
    binaries="/usr/bin",
)
"""The only runtime of a node container, where kubeadm and crictl look for it."""

HOST_RUNTIME = Runtime(
    socket="unix:///run/bootstrap/containerd/containerd.sock",
    cni_bin=names.HOST_CNI_BIN,
    cni_conf="/etc/bootstrap/cni/net.d",
    unit="bootstrap-containerd.service",
    config="/etc/bootstrap/containerd.toml",
    root=f"{names.WORK_DIR}/containerd",
    state="/run/bootstrap/containerd",
    registries="/etc/bootstrap/certs.d",
)
"""Ours on a host: beside Docker's or anyone's, sharing no file with it."""


def runtime_at(socket: str, mode: str) -> Runtime:
    """The runtime behind a CRI socket: ours by its name, in a node container always, else a foreign one."""
    if mode == "node":
        return NODE_RUNTIME
    return HOST_RUNTIME if socket == HOST_RUNTIME.socket else Runtime(socket)
