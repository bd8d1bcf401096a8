"""The image answers to the names of the programs that are in it, as Kubernetes' hyperkube image did."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.names import ADMIN_CONF, CONTROL_PLANE, IMAGE

HYPERKUBE, ETCD = "/usr/bin/hyperkube", "/usr/bin/etcd"
"""Both look at the name that they are called by."""
PROGRAMS = {
    **dict.fromkeys(("hyperkube", *CONTROL_PLANE, "kube-proxy", "kubelet", "kubectl"), HYPERKUBE),
    **dict.fromkeys(("etcd", "etcdctl", "etcdutl"), ETCD),
    **{name: f"/usr/bin/{name}" for name in ("crictl", "ctr", "containerd", "runc")},
}
KUBEADM = "kubeadm"
OWN_VERBS = ("snapshot", "restore", "recover", "defrag", "rotate-encryption-key")
"""After `etcd`, which takes flags: our own command of that name, as without any word."""


def component(argv: Sequence[str]) -> str:
    """The program that the first word names, by its name or by a path as old images had it; else empty."""
    if argv[:1] == ["etcd"] and (len(argv) == 1 or argv[1] in OWN_VERBS):
        return ""
    name = argv[0].rpartition("/")[2] if argv else ""
    return name if name in PROGRAMS or name == KUBEADM else ""


def run_component(name: str, words: Sequence[str]) -> NoReturn:
    """This process becomes it; nothing of a node is needed, and no privileges."""
    from bootstrap.host.facts.kubeconfigs import VARIABLE

    if name == KUBEADM:
        raise _no_kubeadm(words)
    if os.environ.get(VARIABLE) == ADMIN_CONF and not Path(ADMIN_CONF).exists():
        del os.environ[VARIABLE]  # this is no node: what is at home counts
    program = PROGRAMS[name]
    try:
        os.execv(program, [name, *words])
    except FileNotFoundError:
        raise BootstrapError(
            f"{program} is not here",
            code=Exit.USAGE,
            why="components are in the image only",
            fix=f"docker run --rm {IMAGE} {name} --help",
        ) from None


def _no_kubeadm(words: Sequence[str]) -> BootstrapError:
    verb = next((word for word in words if not word.startswith("-")), "")
    return BootstrapError(
        "kubeadm is not in this image",
        code=Exit.USAGE,
        why="bootstrap does its work itself; init, join, reset, token and config take kubeadm's words and flags",
        fix=f"docker run --rm {IMAGE} {verb} --help".replace("  ", " "),
    )
