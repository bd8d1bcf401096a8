"""Every field of JoinConfiguration: `join` does something with it, refuses it, or names it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bootstrap.config import load
from bootstrap.config.join import discovery, joining
from bootstrap.config.resolve import ANY_HOST
from bootstrap.config.unused import unused_by_join
from bootstrap.model.cluster import BootstrapConfig, ClusterSpec
from bootstrap.model.errors import BootstrapError
from tests.unit.config.walk import document, expression_of, leaves, merged, names, sample

TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - a placeholder
FILE = "JoinConfiguration.discovery.file"
BY_TOKEN = {
    "discovery": {
        "bootstrapToken": {
            "token": TOKEN,
            "apiServerEndpoint": "192.0.2.1:6443",
            "caCertHashes": ["sha256:" + "0a" * 32],
        }
    }
}
VALUES: dict[str, Any] = {
    "JoinConfiguration.discovery.bootstrapToken.apiServerEndpoint": "192.0.2.2:6443",
    "JoinConfiguration.discovery.bootstrapToken.caCertHashes": ["sha256:" + "0b" * 32],
    "JoinConfiguration.discovery.bootstrapToken.token": TOKEN.replace("abc", "xyz"),
    "JoinConfiguration.discovery.file.kubeConfigPath": "/value",
    "JoinConfiguration.discovery.tlsBootstrapToken": TOKEN.replace("abc", "xyz"),
    "JoinConfiguration.controlPlane.certificateKey": "0f" * 32,
    "JoinConfiguration.controlPlane.localAPIEndpoint.advertiseAddress": "192.0.2.7",
    "JoinConfiguration.nodeRegistration.criSocket": "unix:///run/value.sock",
    "JoinConfiguration.nodeRegistration.imagePullSerial": False,
    "JoinConfiguration.patches.directory": "/value",
    "JoinConfiguration.caCertPath": "/value.crt",
}
BESIDE: dict[str, dict[str, Any]] = {
    "JoinConfiguration.nodeRegistration.taints[]": {"key": "a", "effect": "NoSchedule"},
    "JoinConfiguration.nodeRegistration.kubeletExtraArgs[]": {"name": "v", "value": "2"},
}


def read(doc: dict[str, Any]) -> tuple[Any, list[str]]:
    documents = load(yaml.safe_dump(doc).encode())
    found = discovery(documents, ANY_HOST)
    cfg = joining(documents, ClusterSpec(), BootstrapConfig(), "192.0.2.1:6443", ANY_HOST)
    return (found, cfg), [problem.path for problem in unused_by_join(documents)]


@pytest.mark.parametrize("path", leaves("JoinConfiguration"))
def test_a_field_is_effective_or_named(path: str) -> None:
    value = VALUES[path] if path in VALUES else sample(expression_of(path))
    base = document("JoinConfiguration.dryRun", False)
    base = merged(base, {"discovery": {"file": {"kubeConfigPath": "/a"}}} if path.startswith(FILE) else BY_TOKEN)
    for above, item in BESIDE.items():
        if path.startswith(f"{above}."):
            base = merged(base, document(above.removesuffix("[]"), [item]))
    before, _ = read(base)
    try:
        after, warnings = read(merged(base, document(path, value)))
    except BootstrapError as error:
        assert any(names(line, path) for line in error.details)
        return

    assert after != before or any(names(line, path) for line in warnings)
