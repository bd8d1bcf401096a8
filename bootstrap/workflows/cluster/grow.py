"""`cluster add` and `remove`: one node more, one node less."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bootstrap.clusters import balancer
from bootstrap.clusters.addresses import node_addresses
from bootstrap.clusters.containerd import FOLDER, containerd_files
from bootstrap.clusters.containers import Secrets, node_container
from bootstrap.clusters.documents import Endpoint, join_documents
from bootstrap.clusters.naming import node_name
from bootstrap.config import read_stored
from bootstrap.config.documents import to_bootstrap_configuration
from bootstrap.host.docker.clusters import ClusterEngine
from bootstrap.model import names
from bootstrap.model.cluster_shape import CONTROL_PLANE, ClusterShape, NodeShape
from bootstrap.model.containers import LOAD_BALANCER, Container, Found
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.last_words import said_failure
from bootstrap.model.secrets import Secret
from bootstrap.render.addresses import endpoint_host
from bootstrap.render.cluster.joining import public_key_hashes
from bootstrap.render.cluster.uploads import shared_files
from bootstrap.render.proxies import excepting
from bootstrap.workflows.cluster.removal import remove_run
from bootstrap.workflows.cluster.watch import Listener, watch


def add(
    engine: ClusterEngine, found: Sequence[Found], roles: Sequence[str], timeout: float, listen: Listener
) -> dict[str, float]:
    """Node → seconds until it was Ready. Raises BootstrapError, with none of them left: exit 4, 5, 8, what one says."""
    began, run = time.monotonic(), secrets.token_hex(8)
    known = _Known(engine, found)
    if CONTROL_PLANE in roles and not known.shared:
        raise BootstrapError(
            f"the cluster {known.first.cluster} cannot have a second control plane",
            code=Exit.CONFLICT,
            why="it was made with one, so that all nodes ask that one by its own address",
            fix="make it with --control-planes 2 or more",
        )
    planned = known.planned(roles)
    first = known.first
    try:
        with ThreadPoolExecutor(len(planned)) as pool:
            for future in [
                pool.submit(engine.containers.start_new, one, first.cluster, run, first.network, first.image)
                for one in planned
            ]:
                future.result()
        seconds = watch(engine.containers, [one.name for one in planned], timeout, listen, began=began)
    except BaseException:
        remove_run(engine, run)
        raise
    for container in planned:
        engine.containers.keep_running(container.name)
    balance(engine, first.cluster)
    return seconds


def remove(engine: ClusterEngine, nodes: Sequence[str]) -> None:
    """The load balancer first, then the member of etcd, the Node and the container with its volumes.

    Raises BootstrapError: exit 8 (not a node of ours, the last control plane), what `reset` says.
    """
    everything = {one.name: one for one in engine.containers.found() if one.is_node}
    for name in nodes:
        if name not in everything:
            raise BootstrapError(
                f"there is no node {name}", code=Exit.CONFLICT, fix="bootstrap cluster nodes NAME shows what there is"
            )
    for node in [everything[name] for name in nodes]:
        _remove(engine, node)


def _remove(engine: ClusterEngine, node: Found) -> None:
    others = [
        one for one in engine.containers.found(node.cluster) if one.role == CONTROL_PLANE and one.name != node.name
    ]
    speaker = next((one for one in others if one.state == "running"), None)
    if speaker is None:
        raise BootstrapError(
            f"{node.name} cannot leave: no other control plane runs",
            code=Exit.CONFLICT,
            fix=f"bootstrap cluster start {node.cluster}; or all of it: bootstrap cluster delete {node.cluster}",
        )
    if node.role == CONTROL_PLANE:
        balance(engine, node.cluster, without=node.name)
        if node.state == "running":
            _told(engine, node.name, "systemctl", "stop", "bootstrap-init.service")  # it may still be starting
            _told(engine, node.name, "bootstrap", "reset", "--force")
    _told(engine, speaker.name, "kubectl", "delete", "node", node.name, "--ignore-not-found", "--wait=false")
    if node.state == "running":
        engine.containers.stop(node.name)  # killed while runc freezes a Pod of it, it could not end (cgroup v1)
    engine.containers.remove(node.name)


def balance(engine: ClusterEngine, cluster: str, without: str = "") -> None:
    """The load balancer knows the control planes that are there; nothing where there is none."""
    found = engine.containers.found(cluster)
    planes = {one.name: one.address for one in found if one.role == CONTROL_PLANE and one.name != without}
    for one in found:
        if one.role == LOAD_BALANCER:
            engine.containers.put(one.name, {balancer.CONFIGURATION: balancer.configuration(planes)})
            if one.state == "running":
                engine.containers.signal(one.name, balancer.RELOAD)


class _Known:
    """What the cluster itself says about what a further node needs, by a control plane that runs."""

    def __init__(self, engine: ClusterEngine, found: Sequence[Found]) -> None:
        self._engine, self._found = engine, found
        planes = [one for one in found if one.role == CONTROL_PLANE and one.state == "running"]
        if not planes:
            raise BootstrapError(
                f"no control plane of {found[0].cluster} runs",
                code=Exit.CONFLICT,
                fix=f"bootstrap cluster start {found[0].cluster}",
            )
        self.first = planes[0]
        self._cfg = read_stored(self._read(names.STATE_CONFIG))
        self.shared = bool(self._cfg.cluster.control_plane_endpoint)

    def planned(self, roles: Sequence[str]) -> list[Container]:
        made = self._secrets()
        patches = self._engine.containers.folder(self.first.name, FOLDER)
        files = containerd_files([content.decode() for _, content in sorted(patches.items())])
        network, used = self._engine.networks.given(self.first.network, ())
        addresses = node_addresses(network, {*used, *(one.address for one in self._found)}, len(roles))
        environment = excepting(self._engine.proxies, network.subnets)
        dual = len(self._cfg.cluster.networking.service_subnets) > 1
        endpoint = Endpoint(endpoint_host(self._cfg.endpoint), self.shared)
        shape = ClusterShape(self.first.cluster, documents=(to_bootstrap_configuration(self._cfg.own),))
        taken, planned = [one.name for one in self._found], []
        for role, address in zip(roles, addresses, strict=True):
            node, name = NodeShape(role), node_name(self.first.cluster, role, taken)
            taken.append(name)
            documents = join_documents(shape, node, name, address, endpoint, made.token, made.pins)
            container = node_container(node, name, address, ("join",), documents, made, files)
            address6 = network.address6(address) if dual else ""
            planned.append(replace(container, environment=environment, address6=address6))
        return planned

    def _secrets(self) -> Secrets:
        token = _told(self._engine, self.first.name, "bootstrap", "token", "create", "--ttl", "1h").strip()
        shared = {path: self._read(path) for path in shared_files(self._cfg).values() if path}
        ca = self._read(f"{self._cfg.cluster.certificates_dir}/ca.crt")
        return Secrets(Secret(token), shared, public_key_hashes(ca), ca)

    def _read(self, path: str) -> bytes:
        content = self._engine.containers.read(self.first.name, path)
        if content is None:
            raise BootstrapError(
                f"{self.first.name} has no {path}", code=Exit.CONFLICT, fix=f"docker logs {self.first.name}"
            )
        return content


def _told(engine: ClusterEngine, node: str, *argv: str) -> str:
    """What a command in a node says. Raises BootstrapError: what it says when it fails."""
    ran = engine.containers.run(node, argv)
    if ran.code:
        raise said_failure(node, ran.lines, ran.code)
    return ran.out.decode(errors="replace")
