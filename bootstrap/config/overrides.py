"""Flags of `init` over the file: each flag writes into the document that its field belongs to."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.config.loader import Documents
from bootstrap.formats.durations import parse_duration
from bootstrap.model.cluster import BootstrapConfig, Document
from bootstrap.model.errors import Problem
from bootstrap.model.images.mirrors import Mirrors


@dataclass(frozen=True)
class Overrides:
    """One field for each flag of kubeadm init that changes the configuration; None = not given."""

    apiserver_advertise_address: str | None = None
    apiserver_bind_port: int | None = None
    apiserver_cert_extra_sans: tuple[str, ...] | None = None
    cert_dir: str | None = None
    certificate_key: str | None = None
    control_plane_endpoint: str | None = None
    cri_socket: str | None = None
    feature_gates: str | None = None
    """As kubeadm has it: `A=true,B=false`."""
    image_repository: str | None = None
    kubernetes_version: str | None = None
    node_name: str | None = None
    patches: str | None = None
    pod_network_cidr: str | None = None
    service_cidr: str | None = None
    service_dns_domain: str | None = None
    token: str | None = None
    token_ttl: str | None = None
    ignore_preflight_errors: tuple[str, ...] | None = None
    """Added to the file's, as kubeadm does."""
    skip_phases: tuple[str, ...] | None = None
    dry_run: bool | None = None
    cni: str | None = None
    addons: tuple[str, ...] | None = None
    """Added to the file's."""
    mirrors: Mirrors | None = None
    """In place of the file's."""


_PATHS = {
    "apiserver_advertise_address": "InitConfiguration.localAPIEndpoint.advertiseAddress",
    "apiserver_bind_port": "InitConfiguration.localAPIEndpoint.bindPort",
    "apiserver_cert_extra_sans": "ClusterConfiguration.apiServer.certSANs",
    "cert_dir": "ClusterConfiguration.certificatesDir",
    "certificate_key": "InitConfiguration.certificateKey",
    "control_plane_endpoint": "ClusterConfiguration.controlPlaneEndpoint",
    "cri_socket": "InitConfiguration.nodeRegistration.criSocket",
    "feature_gates": "ClusterConfiguration.featureGates",
    "image_repository": "ClusterConfiguration.imageRepository",
    "kubernetes_version": "ClusterConfiguration.kubernetesVersion",
    "node_name": "InitConfiguration.nodeRegistration.name",
    "patches": "InitConfiguration.patches.directory",
    "pod_network_cidr": "ClusterConfiguration.networking.podSubnet",
    "service_cidr": "ClusterConfiguration.networking.serviceSubnet",
    "service_dns_domain": "ClusterConfiguration.networking.dnsDomain",
    "token": "InitConfiguration.bootstrapTokens[0].token",
    "token_ttl": "InitConfiguration.bootstrapTokens[0].ttl",
    "ignore_preflight_errors": "InitConfiguration.nodeRegistration.ignorePreflightErrors",
    "skip_phases": "InitConfiguration.skipPhases",
    "dry_run": "InitConfiguration.dryRun",
}
"""Field of Overrides → the path that it writes."""


def apply(documents: Documents, overrides: Overrides) -> tuple[Documents, Mapping[str, str]]:
    """The documents with the flags written in, and which path came from which flag (`--pod-network-cidr`)."""
    upstream: dict[str, Any] = copy.deepcopy(dict(documents.upstream))
    problems = list(documents.problems)
    origins: dict[str, str] = {}
    for name, path in _PATHS.items():
        value = getattr(overrides, name)
        if value is None:
            continue
        flag = "--" + name.replace("_", "-")
        origins[path] = flag
        if name == "feature_gates":
            value = _feature_gates(value, problems)
        elif name == "ignore_preflight_errors":
            already = upstream.get("InitConfiguration", {}).get("nodeRegistration", {}).get("ignorePreflightErrors", [])
            value = [*already, *(v for v in value if v not in already)]
        elif name == "token_ttl":
            value = _ttl(value, problems)
            _first_token(upstream).pop("expires", None)
        _write(upstream, path, list(value) if isinstance(value, tuple) else value)
    own = _extension(documents.own, overrides, origins)
    return dataclasses.replace(documents, upstream=upstream, own=own, problems=tuple(problems)), origins


def _extension(own: BootstrapConfig | None, overrides: Overrides, origins: dict[str, str]) -> BootstrapConfig | None:
    """The flags of our own document."""
    if overrides.cni is not None:
        own = dataclasses.replace(own or BootstrapConfig(), cni=overrides.cni)
        origins["BootstrapConfiguration.cni"] = "--cni"
    if overrides.addons is not None:
        already = own.addons if own else ()
        more = tuple(addon for addon in overrides.addons if addon not in already)
        own = dataclasses.replace(own or BootstrapConfig(), addons=(*already, *more))
        origins.update({f"BootstrapConfiguration.addons[{len(already) + i}]": "--addon" for i in range(len(more))})
    if overrides.mirrors is not None:
        own = dataclasses.replace(own or BootstrapConfig(), mirrors=overrides.mirrors)
    return own


def _write(upstream: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    target = upstream
    for key in parents:
        target = _first_token(upstream) if key == "bootstrapTokens[0]" else target.setdefault(key, {})
    target[last] = value


def _first_token(upstream: dict[str, Any]) -> dict[str, Any]:
    tokens = upstream.setdefault("InitConfiguration", {}).setdefault("bootstrapTokens", [])
    if not tokens:
        tokens.append({})
    first: dict[str, Any] = tokens[0]
    return first


def _feature_gates(text: str, problems: list[Problem]) -> Document:
    gates: dict[str, bool] = {}
    for item in filter(None, text.split(",")):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not equals or value.lower() not in ("true", "false"):
            problems.append(Problem("--feature-gates", f'"{item}" is not NAME=true or NAME=false'))
        else:
            gates[name] = value.lower() == "true"
    return gates


def _ttl(text: str, problems: list[Problem]) -> str:
    try:
        parse_duration(text)
    except ValueError as error:
        problems.append(Problem("--token-ttl", str(error)))
        return "24h"
    return text
