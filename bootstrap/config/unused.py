"""What a configuration says and `init` does nothing with: each is named, so that nobody waits for its effect."""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.config.complete import TIMEOUT_FIELDS
from bootstrap.config.loader import Documents
from bootstrap.model.cluster import ClusterConfig, Timeouts
from bootstrap.model.errors import Problem

_OTHER_VERBS = {
    "JoinConfiguration": "join",
    "ResetConfiguration": "reset",
    "UpgradeConfiguration": "upgrade",
}
_TIMEOUTS_OF_OTHERS = {
    "discovery": "machines that join wait for it",
    "tls_bootstrap": "machines that join wait for it",
    "upgrade_manifests": "an upgrade waits for it",
}
_TOKEN = "InitConfiguration.bootstrapTokens"  # noqa: S105 - a path


def unused(documents: Documents, config: ClusterConfig, *, uploads: bool, tokens_made: bool) -> Iterable[Problem]:
    """`documents` with the flags written in. `uploads`: certificates are; `tokens_made`: by an earlier init."""
    yield from documents.warnings
    for kind, verb in _OTHER_VERBS.items():
        if kind in documents.upstream:
            yield Problem(kind, f"init does not read it, {verb} does")
    if config.run.certificate_key and not uploads:
        yield Problem("InitConfiguration.certificateKey", "of use with --upload-certs only")
    for name, why in _TIMEOUTS_OF_OTHERS.items():
        if getattr(config.run.timeouts, name) != getattr(Timeouts(), name):
            yield Problem(f"InitConfiguration.timeouts.{TIMEOUT_FIELDS[name]}", f"init does not wait for that; {why}")
    if tokens_made and documents.get("InitConfiguration").get("bootstrapTokens"):
        for field in sorted(documents.get("InitConfiguration")["bootstrapTokens"][0]):
            why = "tokens are made by the first init; for another one: bootstrap token create"
            yield Problem(f"{_TOKEN}[0].{field}", why)
    yield from _kubelet(config)


def _kubelet(config: ClusterConfig) -> Iterable[Problem]:
    """Fields of the user's document that another setting decides, as with kubeadm."""
    document, path = config.cluster.kubelet, "KubeletConfiguration"
    if document.get("rotateCertificates") is False:
        yield Problem(f"{path}.rotateCertificates", "ignored: the kubelet's client certificate is always rotated")
    socket = document.get("containerRuntimeEndpoint", "")
    if socket and socket != config.node.cri_socket:
        yield Problem(f"{path}.containerRuntimeEndpoint", "ignored: nodeRegistration.criSocket decides that")
