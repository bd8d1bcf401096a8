"""What a configuration says and nothing is done with: each is named, so that nobody waits for its effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bootstrap.config.complete import TIMEOUT_FIELDS, run_options
from bootstrap.config.loader import Documents
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Timeouts
from bootstrap.model.errors import Problem
from bootstrap.model.flags import INIT, JOIN

_OTHER_VERBS = {"ResetConfiguration": "reset", "UpgradeConfiguration": "upgrade"}
_OF_THE_CLUSTER = ("ClusterConfiguration", "KubeletConfiguration", "KubeProxyConfiguration")
_CA = f"{names.PKI_DIR}/ca.crt"
_TIMEOUTS_OF_OTHERS = {
    "discovery": "machines that join wait for it",
    "tls_bootstrap": "machines that join wait for it",
    "upgrade_manifests": "an upgrade waits for it",
}
_TOKEN = "InitConfiguration.bootstrapTokens"  # noqa: S105 - a path


def unused(documents: Documents, config: ClusterConfig, *, uploads: bool, tokens_made: bool) -> Iterable[Problem]:
    """`documents` with the flags written in. `uploads`: certificates are; `tokens_made`: by an earlier init."""
    yield from documents.warnings
    yield from _of_other_verbs(documents, INIT, {"JoinConfiguration": JOIN, **_OTHER_VERBS})
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


def unused_by_join(documents: Documents) -> Iterable[Problem]:
    """The same for `join`, to which the cluster itself says what all machines share."""
    yield from documents.warnings
    yield from _of_other_verbs(documents, JOIN, {"InitConfiguration": INIT, **_OTHER_VERBS})
    for kind in _OF_THE_CLUSTER:
        if kind in documents.upstream:
            yield Problem(kind, "join does not read it: the cluster says what its machines share")
    document = documents.get("JoinConfiguration")
    if document.get("caCertPath", _CA) != _CA:
        yield Problem("JoinConfiguration.caCertPath", "ignored: the CA lies in the cluster's certificatesDir")
    timeouts = run_options(document, []).timeouts
    if timeouts.upgrade_manifests != Timeouts().upgrade_manifests:
        yield Problem("JoinConfiguration.timeouts.upgradeManifests", "join does not wait for that; an upgrade does")


def _of_other_verbs(documents: Documents, verb: str, others: Mapping[str, str]) -> Iterable[Problem]:
    for kind, other in others.items():
        if kind in documents.upstream:
            yield Problem(kind, f"{verb} does not read it, {other} does")


def _kubelet(config: ClusterConfig) -> Iterable[Problem]:
    """Fields of the user's document that another setting decides, as with kubeadm."""
    document, path = config.cluster.kubelet, "KubeletConfiguration"
    if document.get("rotateCertificates") is False:
        yield Problem(f"{path}.rotateCertificates", "ignored: the kubelet's client certificate is always rotated")
    socket = document.get("containerRuntimeEndpoint", "")
    if socket and socket != config.node.cri_socket:
        yield Problem(f"{path}.containerRuntimeEndpoint", "ignored: nodeRegistration.criSocket decides that")
