"""Files that say what a cluster is to look like: kind's or our own Cluster, and kubeadm's documents beside it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from posixpath import normpath
from typing import Any

from bootstrap.clusters.containerd_patches import read_patch
from bootstrap.clusters.shape_fields import FIELDS, KIND, KINDS_VERSION, PROPAGATIONS, VERSIONS
from bootstrap.clusters.shape_patches import read_patches
from bootstrap.config.loader import load_values
from bootstrap.config.schema.checked import checked
from bootstrap.formats import yaml_reader
from bootstrap.model import names
from bootstrap.model.cluster_shape import (
    CONTROL_PLANE,
    DEFAULT_NAME,
    ClusterShape,
    Mount,
    NodeShape,
    PublishedPort,
    ShapeNetworking,
)
from bootstrap.model.errors import Problem, config_error


@dataclass(frozen=True)
class ShapeFile:
    """`warnings`: what is written and changes nothing here."""

    shape: ClusterShape
    warnings: tuple[Problem, ...] = ()


def read_shape(text: bytes, folder: str = "") -> ShapeFile:
    """`folder` is where relative paths of the engine's host begin; empty where that is not known.

    Raises BootstrapError (exit 3) with all problems at once.
    """
    try:
        values = yaml_reader.parse(text)
    except yaml_reader.UnreadableError as error:
        raise config_error((error.problem,)) from None
    clusters = [value for value in values if _is_cluster(value)]
    others = [value for value in values if not _is_cluster(value)]
    reader = _Reader(folder)
    if len(clusters) > 1:
        reader.problems.append(Problem(KIND, "there are two documents of this kind"))
    shape = reader.cluster(clusters[0], others) if clusters else ClusterShape(documents=tuple(others))
    if others or not clusters:
        documents = load_values([dict(value) if isinstance(value, dict) else value for value in others])
        reader.problems += documents.problems
        reader.warnings += documents.warnings
    if reader.problems:
        raise config_error(tuple(reader.problems))
    return ShapeFile(shape, tuple(reader.warnings))


def _is_cluster(value: Any) -> bool:
    return isinstance(value, dict) and (value.get("kind") == KIND or value.get("apiVersion") == KINDS_VERSION)


class _Reader:
    """Collects what is wrong with one Cluster document; paths begin with its kind."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def cluster(self, value: Mapping[str, Any], others: Sequence[Any]) -> ClusterShape:
        version, kind = str(value.get("apiVersion", "")), str(value.get("kind", ""))
        if version not in VERSIONS or kind != KIND:
            known = " or ".join(VERSIONS)
            self.problems.append(Problem(KIND, f"kind: {KIND} of apiVersion {known} is read, not {kind} of {version}"))
            return ClusterShape()
        body = {key: value for key, value in value.items() if key not in ("apiVersion", "kind")}
        found = checked(KIND, _as_text(body), KIND, self.problems, FIELDS[version]) or {}
        nodes = tuple(
            self._node(node, f"{KIND}.nodes[{number}]") for number, node in enumerate(found.get("nodes") or [{}])
        )
        if not any(node.role == CONTROL_PLANE for node in nodes):
            self.problems.append(Problem(f"{KIND}.nodes", "one of them has to be a control-plane"))
        self.problems += _taken_twice(nodes)
        if found.get("containerdConfigPatchesJSON6902"):
            path = f"{KIND}.containerdConfigPatchesJSON6902"
            self.problems.append(Problem(path, "cannot be done here; write it as TOML in containerdConfigPatches"))
        patches, documents = self._containerd(found.get("containerdConfigPatches", ()), others)
        return ClusterShape(
            name=found.get("name") or DEFAULT_NAME,
            nodes=nodes,
            networking=self._networking(found.get("networking", {}), f"{KIND}.networking"),
            network=found.get("network", ""),
            storage=found.get("storage") or ClusterShape.storage,
            load_balancer=found.get("loadBalancer", ""),
            feature_gates=found.get("featureGates", {}),
            runtime_config=found.get("runtimeConfig", {}),
            documents=documents,
            patches=read_patches(found, KIND, self.problems),
            containerd_patches=patches,
        )

    def _node(self, node: Mapping[str, Any], path: str) -> NodeShape:
        if node.get("image"):
            why = f"another node image cannot be used: every node is {names.IMAGE}, the image that this command is in"
            self.problems.append(Problem(f"{path}.image", f"{why}; leave it out"))
        mounts = enumerate(node.get("extraMounts", ()))
        ports = enumerate(node.get("extraPortMappings", ()))
        return NodeShape(
            role=node.get("role") or CONTROL_PLANE,
            labels=node.get("labels", {}),
            mounts=tuple(self._mount(mount, f"{path}.extraMounts[{i}]") for i, mount in mounts),
            ports=tuple(self._port(port, f"{path}.extraPortMappings[{i}]") for i, port in ports),
            patches=read_patches(node, path, self.problems),
        )

    def _mount(self, mount: Mapping[str, Any], path: str) -> Mount:
        source, target = mount.get("hostPath", ""), mount.get("containerPath", "")
        if not target.startswith("/"):
            self.problems.append(Problem(f"{path}.containerPath", "must be an absolute path"))
        if not source.startswith("/"):
            source = normpath(f"{self._folder}/{source}") if source and self._folder else ""
        if not source:
            why = "must be an absolute path: a container does not know in which folder it was started"
            self.problems.append(Problem(f"{path}.hostPath", why))
        if mount.get("selinuxRelabel"):
            self.warnings.append(
                Problem(f"{path}.selinuxRelabel", "no label is changed: node containers are privileged")
            )
        return Mount(source, target, mount.get("readOnly", False), PROPAGATIONS[mount.get("propagation", "")])

    def _port(self, port: Mapping[str, Any], path: str) -> PublishedPort:
        inner, outer = port.get("containerPort", 0), port.get("hostPort", 0)
        if not 0 < inner <= names.HIGHEST_PORT:
            self.problems.append(Problem(f"{path}.containerPort", f"must be from 1 to {names.HIGHEST_PORT}"))
        if not -1 <= outer <= names.HIGHEST_PORT:
            self.problems.append(
                Problem(f"{path}.hostPort", f"must be from 1 to {names.HIGHEST_PORT}, or 0 for any that is free")
            )
        address = port.get("listenAddress", "")
        self._address(address, f"{path}.listenAddress")
        return PublishedPort(inner, max(outer, 0), address, (port.get("protocol") or "tcp").lower())

    def _networking(self, found: Mapping[str, Any], path: str) -> ShapeNetworking:
        port, family = found.get("apiServerPort", 0), found.get("ipFamily") or "ipv4"
        if not -1 <= port <= names.HIGHEST_PORT:
            self.problems.append(
                Problem(f"{path}.apiServerPort", f"must be from 1 to {names.HIGHEST_PORT}, or 0 for a free one")
            )
        address = found.get("apiServerAddress") or ("::1" if family == "ipv6" else "127.0.0.1")
        self._address(address, f"{path}.apiServerAddress")
        for field in ("podSubnet", "serviceSubnet"):
            if problem := _subnet_problem(found.get(field, ""), family):
                self.problems.append(Problem(f"{path}.{field}", problem))
        if found.get("disableDefaultCNI") and found.get("cni"):
            self.problems.append(Problem(f"{path}.cni", "excludes disableDefaultCNI"))
        cni = "none" if found.get("disableDefaultCNI") else found.get("cni")
        search = found.get("dnsSearch")
        return ShapeNetworking(
            family=family,
            pod_subnet=found.get("podSubnet", ""),
            service_subnet=found.get("serviceSubnet", ""),
            api_address=address,
            api_port=max(port, 0),
            cni=cni or ShapeNetworking.cni,
            proxy_mode=found.get("kubeProxyMode", ""),
            dns_search=None if search is None else tuple(search),
        )

    def _address(self, text: str, path: str) -> None:
        try:
            ipaddress.ip_address(text or "::")
        except ValueError:
            self.problems.append(Problem(path, f'must be an IP address of the engine\'s host, not "{text[:80]}"'))

    def _containerd(self, texts: Sequence[str], others: Sequence[Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
        """What stays a patch, and the documents with the mirrors that the patches name."""
        read = [read_patch(text, f"{KIND}.containerdConfigPatches[{i}]", self.problems) for i, text in enumerate(texts)]
        rules = [rule for patch in read for rule in patch.registries]
        documents = [value for value in others if isinstance(value, dict)]
        if rules:
            own = next((doc for doc in documents if doc.get("kind") == names.OWN_KIND), {})
            own = {"apiVersion": names.OWN_VERSION, "kind": names.OWN_KIND, **own}
            mirrors = own.get("mirrors") or {}
            own["mirrors"] = {**mirrors, "registries": [*(mirrors.get("registries") or ()), *rules]}
            documents = [*(doc for doc in documents if doc.get("kind") != names.OWN_KIND), own]
        return tuple(patch.text for patch in read if patch.text), tuple(documents)


def _as_text(value: Any, inside: str = "") -> Any:
    """Words of maps of text may stand without quotes, as kind reads them."""
    if isinstance(value, dict):
        return {
            key: _as_text(item, key if key in ("runtimeConfig", "labels") else inside) for key, item in value.items()
        }
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    if inside and isinstance(value, bool):
        return str(value).lower()
    return str(value) if inside and isinstance(value, int) else value


def _taken_twice(nodes: Sequence[NodeShape]) -> Iterator[Problem]:
    """Ports of the engine's host are there once for all nodes."""
    taken: dict[tuple[int, str], set[str]] = {}
    for number, node in enumerate(nodes):
        for i, port in enumerate(node.ports):
            others = taken.setdefault((port.host_port, port.protocol), set())
            address = "" if port.address in names.ANY_ADDRESS else port.address
            if port.host_port and (address in others or "" in others or (others and not address)):
                path = f"{KIND}.nodes[{number}].extraPortMappings[{i}].hostPort"
                yield Problem(path, f"{port.host_port}/{port.protocol} is mapped twice")
            others.add(address)


def _subnet_problem(text: str, family: str) -> str:
    try:
        versions = [ipaddress.ip_network(part.strip(), strict=False).version for part in text.split(",") if part]
    except ValueError:
        return f'must be a CIDR such as 10.42.0.0/16, not "{text[:80]}"'
    if family == "dual":
        return "must have at most one CIDR of each family" if len(versions) != len(set(versions)) else ""
    if len(versions) > 1:
        return f"must be one CIDR where ipFamily is {family}"
    return f"must be {family} as ipFamily is" if versions and f"ipv{versions[0]}" != family else ""
