"""What upstream's images are called in each Kubernetes minor that upstream supports.

Tags are those of kubeadm's constants (cmd/kubeadm/app/constants) at the version named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit


@dataclass(frozen=True)
class Minor:
    """`kubernetes` is the newest patch whose constants were read; etcd, coredns and pause are tags."""

    kubernetes: str
    etcd: str
    coredns: str
    pause: str


MINORS = {
    "1.35": Minor("v1.35.4", "3.6.6-0", "v1.13.1", "3.10.1"),
    "1.36": Minor("v1.36.3", "3.6.8-0", "v1.14.2", "3.10.2"),
    "1.37": Minor("v1.37.0", "3.7.0-0", "v1.14.6", "3.10.2"),
}
FLANNEL_TAG = "v0.28.4"
LOCAL_PATH_TAG = "v0.0.30"
LOCAL_PATH_REPOSITORY = "docker.io/rancher"
METALLB_TAG = "v0.15.2"
METALLB_REPOSITORY = "quay.io/metallb"
KEEPALIVED_TAG = "v2.3.3"
FLANNEL_REPOSITORY = "ghcr.io/flannel-io"

_VERSION = re.compile(r"v?(\d+\.\d+)(\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)?")


def of(version: str) -> Minor:
    """The entry for a complete version such as `v1.37.0+bootstrap.1`; the nearest one for a minor not here."""
    found = _VERSION.fullmatch(version)
    minor = found[1] if found else names.KUBERNETES_MINOR
    return MINORS.get(minor) or MINORS[min(MINORS) if minor < min(MINORS) else max(MINORS)]


def complete_version(text: str) -> str:
    """`1.36` → the newest patch known, `1.36.1` → `v1.36.1`. Raises BootstrapError (exit 3) for other minors."""
    found = _VERSION.fullmatch(text)
    if not found or found[1] not in MINORS:
        raise BootstrapError(
            f'no images are known for Kubernetes "{text[:40]}"',
            code=Exit.CONFIG,
            why=f"the catalog has {', '.join(MINORS)}",
            fix=f"for example: --kubernetes-version {MINORS[max(MINORS)].kubernetes}",
        )
    return f"v{found[1]}{found[2]}" if found[2] else MINORS[found[1]].kubernetes
