"""Files of kubeadm's earlier versions as it reads them now: what they say is kept, nothing is filled in.

v1beta3 → v1beta4 as kubeadm 1.36 does it, the last that read both; v1beta2 differs from v1beta3 in fields that went.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bootstrap.config.loader import MIGRATED, load_values
from bootstrap.config.schema.fields import KINDS
from bootstrap.model.errors import Problem, config_error

NOW = KINDS["ClusterConfiguration"][0]
_ARGS = {
    "ClusterConfiguration": (
        ("apiServer", "extraArgs"),
        ("controllerManager", "extraArgs"),
        ("scheduler", "extraArgs"),
        ("etcd", "local", "extraArgs"),
    ),
    "InitConfiguration": (("nodeRegistration", "kubeletExtraArgs"),),
    "JoinConfiguration": (("nodeRegistration", "kubeletExtraArgs"),),
}
"""Mappings that are lists of name and value now, by kind."""
_ONLY_VALUE_LEFT = {("useHyperKubeImage",): False, ("dns", "type"): "CoreDNS"}
"""Fields of ClusterConfiguration that are gone, and what they can say without meaning anything any more."""
_ECDSA_GATE, _ECDSA = "PublicKeysECDSA", "ECDSA-P256"
_START = "controlPlaneComponentHealthCheck"


@dataclass
class Migration:
    """`documents` in the order of the file; `remarks` say what has moved."""

    documents: list[dict[str, Any]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def migrate(values: list[Any]) -> Migration:
    """Raises BootstrapError (exit 3) with everything that no version of now can say."""
    result, start = Migration(), None
    problems: list[Problem] = []
    for value in values:
        if not isinstance(value, dict) or value.get("apiVersion") not in MIGRATED:
            result.documents.append(value)
            continue
        kind = str(value.get("kind"))
        if kind == "ClusterStatus":
            result.remarks.append("ClusterStatus: left out, it is gone")
            continue
        document = {**value, "apiVersion": NOW}
        result.remarks.append(f"{kind}: {value['apiVersion']} → {NOW}")
        _lists(document, kind, result.remarks)
        if kind == "ClusterConfiguration":
            start = _cluster(document, result.remarks, problems) or start
        if kind == "JoinConfiguration":
            _discovery_timeout(document, result.remarks)
        result.documents.append(document)
    if start is not None:
        _start_timeout(result, start)
    problems += load_values([dict(d) if isinstance(d, dict) else d for d in result.documents]).problems
    if problems:
        raise config_error(tuple(problems))
    return result


def _lists(document: dict[str, Any], kind: str, remarks: list[str]) -> None:
    for path in _ARGS.get(kind, ()):
        holder = _below(document, path[:-1])
        args = holder.get(path[-1])
        if isinstance(args, dict):
            holder[path[-1]] = [{"name": name, "value": args[name]} for name in sorted(args)]
            remarks.append(f"{kind}.{'.'.join(path)}: a list now")


def _cluster(document: dict[str, Any], remarks: list[str], problems: list[Problem]) -> Any:
    """What is gone from it, or is said in another way; the time that a control plane may take to start."""
    for path, empty in _ONLY_VALUE_LEFT.items():
        value = _below(document, path[:-1]).pop(path[-1], None)
        if value not in (None, "", empty):
            problems.append(Problem(f"ClusterConfiguration.{'.'.join(path)}", f'"{value}" is not possible any more'))
    gates = document.get("featureGates")
    if isinstance(gates, dict) and _ECDSA_GATE in gates:
        document["featureGates"] = {name: on for name, on in gates.items() if name != _ECDSA_GATE}
        if gates[_ECDSA_GATE]:
            document["encryptionAlgorithm"] = _ECDSA
        remarks.append(f"ClusterConfiguration.featureGates.{_ECDSA_GATE}: it is encryptionAlgorithm now")
    return _below(document, ("apiServer",)).pop("timeoutForControlPlane", None)


def _discovery_timeout(document: dict[str, Any], remarks: list[str]) -> None:
    timeout = _below(document, ("discovery",)).pop("timeout", None)
    if timeout is not None:
        document["timeouts"] = {**(document.get("timeouts") or {}), "discovery": timeout}
        remarks.append("JoinConfiguration.discovery.timeout: it is JoinConfiguration.timeouts.discovery now")


def _start_timeout(result: Migration, start: Any) -> None:
    """Of the machine that starts the control plane, not of the cluster any more."""
    document = next((d for d in result.documents if _is(d, "InitConfiguration")), None)
    if document is None:
        document = {"apiVersion": NOW, "kind": "InitConfiguration"}
        result.documents.insert(0, document)
    document["timeouts"] = {**(document.get("timeouts") or {}), _START: start}
    moved = f"InitConfiguration.timeouts.{_START}"
    result.remarks.append(f"ClusterConfiguration.apiServer.timeoutForControlPlane: it is {moved} now")


def _is(document: Any, kind: str) -> bool:
    return isinstance(document, dict) and document.get("kind") == kind and document.get("apiVersion") == KINDS[kind][0]


def _below(document: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The mapping at a path, its own copy in the document; an empty one that is in no document where there is none."""
    for name in path:
        inner = document.get(name)
        if not isinstance(inner, Mapping):
            return {}
        document[name] = dict(inner)
        document = document[name]
    return document
