"""What is meant by a field that a document does not have: moved, gone, in another document, or spelled otherwise."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from bootstrap.config.schema.fields import KINDS, Fields

_MOVED = {
    "timeoutForControlPlane": "InitConfiguration.timeouts.controlPlaneComponentHealthCheck",
    "api": "InitConfiguration.localAPIEndpoint",
    "apiEndpoint": "InitConfiguration.localAPIEndpoint",
    "apiServerCertSANs": "ClusterConfiguration.apiServer.certSANs",
    "apiServerExtraArgs": "ClusterConfiguration.apiServer.extraArgs",
    "apiServerExtraVolumes": "ClusterConfiguration.apiServer.extraVolumes",
    "controllerManagerExtraArgs": "ClusterConfiguration.controllerManager.extraArgs",
    "controllerManagerExtraVolumes": "ClusterConfiguration.controllerManager.extraVolumes",
    "schedulerExtraArgs": "ClusterConfiguration.scheduler.extraArgs",
    "schedulerExtraVolumes": "ClusterConfiguration.scheduler.extraVolumes",
    "nodeName": "nodeRegistration.name",
    "discoveryToken": "JoinConfiguration.discovery.bootstrapToken.token",
    "discoveryTokenAPIServers": "JoinConfiguration.discovery.bootstrapToken.apiServerEndpoint",
    "discoveryTokenCACertHashes": "JoinConfiguration.discovery.bootstrapToken.caCertHashes",
    "discoveryFile": "JoinConfiguration.discovery.file.kubeConfigPath",
    "clusterCIDR": "ClusterConfiguration.networking.podSubnet",
    "podCIDR": "ClusterConfiguration.networking.podSubnet",
    "serviceCIDR": "ClusterConfiguration.networking.serviceSubnet",
    "tokenTTL": "InitConfiguration.bootstrapTokens[].ttl",
}
"""Field of an earlier version of the file → where it is now."""
_MOVED_BELOW = {"JoinConfiguration.discovery.timeout": "JoinConfiguration.timeouts.discovery"}
"""The same where the name alone does not tell."""
_GONE = {
    "auditPolicy": "gone: audit is set up by the API server's extraArgs and extraVolumes",
    "noTaintMaster": "gone: nodeRegistration.taints: [] means the same",
    "privilegedPods": "gone",
    "unifiedControlPlaneImage": "gone: imageRepository says where images come from",
    "useHyperKubeImage": "gone: imageRepository says where images come from",
}
_GONE_BELOW = {"ClusterConfiguration.dns.type": "gone: there is only CoreDNS"}
_OF_A_CONFIGURATION = ("InitConfiguration", "ClusterConfiguration", "JoinConfiguration")


def unknown_field(key: str, known: Sequence[str]) -> str:
    """What is said about a field that a mapping does not have."""
    near = _near(key, known) or _longer(key, known)
    return f'unknown field; did you mean "{near}"?' if near else "unknown field"


def misplaced_field(path: str, known: Sequence[str], tables: Fields) -> str:
    """The same, by what other documents and earlier versions have; `path` begins with the document's kind."""
    kind, key = path.partition(".")[0], path.rpartition(".")[2]
    if gone := _GONE_BELOW.get(path) or (_GONE.get(key) if kind in _OF_A_CONFIGURATION else ""):
        return f"unknown field; {gone}"
    moved = _MOVED_BELOW.get(path) or (_MOVED.get(key, "") if kind in _OF_A_CONFIGURATION else "")
    if moved:
        return f"unknown field; it is {moved} now"
    if _near(key, known):
        return unknown_field(key, known)
    others = [other for other in _OF_A_CONFIGURATION if other != kind] if kind in _OF_A_CONFIGURATION else []
    here, there = _elsewhere([kind], key, tables), _elsewhere(others, key, tables)
    if found := here or ([] if _longer(key, known) else there):
        return f"unknown field here; it belongs to {' or '.join(found)}"
    return unknown_field(key, known)


def _near(key: str, known: Sequence[str]) -> str:
    """The same letters, or nearly."""
    same = [k for k in known if k.lower() == key.lower()]
    return next(iter(same or difflib.get_close_matches(key, known, n=1)), "")


def _longer(key: str, known: Sequence[str]) -> str:
    """The only one that ends with the word: `name` for clusterName."""
    ending = [k for k in known if k.lower().endswith(key.lower())]
    return ending[0] if len(ending) == 1 else ""


def _elsewhere(kinds: Sequence[str], key: str, tables: Fields) -> list[str]:
    """Where these documents have the field: nearest the top, if there are not many."""
    found = [path for kind in kinds for path in field_paths(kind, tables) if path.endswith(f".{key}")]
    top = min((path.count(".") for path in found), default=0)
    nearest = [path for path in found if path.count(".") == top]
    return nearest if len(nearest) <= 2 else []


def field_paths(kind: str, tables: Fields) -> Iterator[str]:
    """Every field of a kind, `KIND.a.b[].c`, mappings before what is in them."""

    def below(path: str, expression: str) -> Iterator[str]:
        while expression.startswith(("[]", "map[]")):
            path, expression = f"{path}[]", expression.removeprefix("map").removeprefix("[]")
        for name, inner in tables.types.get(expression, {}).items():
            yield f"{path}.{name}"
            yield from below(f"{path}.{name}", inner)

    yield from below(kind, KINDS[kind][1] if kind in KINDS else kind)
