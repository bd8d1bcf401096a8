"""`config print *-defaults`: documents with every default written out and placeholders where a host is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bootstrap.config.complete import TIMEOUT_FIELDS
from bootstrap.config.documents import (
    to_bootstrap_configuration,
    to_cluster_configuration,
    to_init_configuration,
)
from bootstrap.formats.durations import format_duration
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import (
    ApiEndpoint,
    BootstrapConfig,
    BootstrapToken,
    ClusterConfig,
    NodeSpec,
    RunOptions,
    Timeouts,
)
from bootstrap.model.runtime import NODE_RUNTIME

KINDS_OF = {
    "init": ("InitConfiguration", "ClusterConfiguration", "BootstrapConfiguration"),
    "join": ("JoinConfiguration",),
    "reset": ("ResetConfiguration",),
    "upgrade": ("UpgradeConfiguration",),
}
"""Verb → the kinds that it reads."""
_TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - kubeadm's placeholder, no secret
_TIMEOUTS = {name: format_duration(getattr(Timeouts(), field)) for field, name in TIMEOUT_FIELDS.items()}


def defaults_yaml(kinds: Iterable[str] = KINDS_OF["init"]) -> str:
    """The kinds' documents with defaults; KeyError for a kind without."""
    return to_yaml(*(_documents()[kind] for kind in kinds))


def default_cluster() -> ClusterConfig:
    """What `init` is by default, with placeholders for what a host is asked."""
    node = NodeSpec(name="node", api=ApiEndpoint(names.ADVERTISE_PLACEHOLDER))
    return ClusterConfig(node, run=RunOptions(tokens=(BootstrapToken(token=_TOKEN),)))


def _documents() -> dict[str, dict[str, Any]]:
    config = default_cluster()
    pulls = {"imagePullPolicy": "IfNotPresent", "imagePullSerial": True}
    renewal = {"certificateRenewal": True, "etcdUpgrade": True}
    others: dict[str, dict[str, Any]] = {
        "JoinConfiguration": {
            "caCertPath": f"{names.PKI_DIR}/ca.crt",
            "discovery": {
                "bootstrapToken": {
                    "apiServerEndpoint": f"kube-apiserver:{names.API_PORT}",
                    "token": _TOKEN,
                    "unsafeSkipCAVerification": True,
                },
                "tlsBootstrapToken": _TOKEN,
            },
            "nodeRegistration": {"criSocket": NODE_RUNTIME.socket, "name": "node", "taints": None, **pulls},
        },
        "ResetConfiguration": {"certificatesDir": names.PKI_DIR, "criSocket": NODE_RUNTIME.socket},
        "UpgradeConfiguration": {
            "apply": renewal | pulls,
            "diff": {},
            "node": renewal | pulls,
            "plan": {"etcdUpgrade": True},
        },
    }
    return {
        "InitConfiguration": to_init_configuration(config),
        "ClusterConfiguration": to_cluster_configuration(config),
        "BootstrapConfiguration": to_bootstrap_configuration(BootstrapConfig()),
    } | {
        kind: {"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": kind, "timeouts": _TIMEOUTS} | body
        for kind, body in others.items()
    }
