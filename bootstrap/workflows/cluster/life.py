"""What is asked of clusters that are there, and their end."""

from __future__ import annotations

from collections.abc import Sequence

from bootstrap.clusters.kubeconfig import named
from bootstrap.clusters.naming import context_name
from bootstrap.host.docker.clusters import ClusterEngine
from bootstrap.host.port import Host
from bootstrap.model import names
from bootstrap.model.cluster_shape import CONTROL_PLANE
from bootstrap.model.containers import LOAD_BALANCER, Found
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.cluster.reach import outside
from bootstrap.workflows.cluster.removal import remove_all
from bootstrap.workflows.kubeconfig_merge import merge_kubeconfig, take_out_kubeconfig


def clusters(engine: ClusterEngine) -> dict[str, list[Found]]:
    """By name; also one of which only the network is left."""
    found: dict[str, list[Found]] = {name: [] for name in engine.networks.clusters()}
    for container in engine.containers.found():
        found.setdefault(container.cluster, []).append(container)
    return dict(sorted(found.items()))


def containers_of(engine: ClusterEngine, name: str) -> tuple[Found, ...]:
    """Raises BootstrapError (exit 8) when there is no such cluster."""
    found = engine.containers.found(name)
    if not found:
        there = ", ".join(clusters(engine)) or "none"
        raise BootstrapError(
            f"there is no cluster {name}", code=Exit.CONFLICT, why=f"there is: {there}", fix="bootstrap cluster list"
        )
    return found


def running_nodes(engine: ClusterEngine, name: str) -> list[Found]:
    """Raises BootstrapError (exit 8) without such a cluster, or when it was stopped."""
    found = [one for one in containers_of(engine, name) if one.is_node and one.state == "running"]
    if not found:
        raise BootstrapError(f"no node of {name} runs", code=Exit.CONFLICT, fix=f"bootstrap cluster start {name}")
    return found


def kubeconfig(engine: ClusterEngine, name: str, *, internal: bool) -> bytes:
    """The administrator's: for the engine's host, or `internal` for containers in the cluster's network.

    Raises BootstrapError: exit 8 without the cluster, 6 when it has no administrator yet.
    """
    found = containers_of(engine, name)
    published = next((one for one in found if one.api_port), None)
    entry = next((one for one in found if one.role in (LOAD_BALANCER, CONTROL_PLANE)), None)
    contents = (engine.containers.read(one.name, names.ADMIN_CONF) for one in found if one.role == CONTROL_PLANE)
    admin = next((content for content in contents if content), None)
    if admin is None or published is None or entry is None:
        raise BootstrapError(
            f"the cluster {name} has no kubeconfig yet", code=Exit.WAIT, fix=f"docker logs {name}-{CONTROL_PLANE}"
        )
    address, port = (
        (entry.address, names.API_PORT) if internal else (outside(published.api_address), published.api_port)
    )
    return named(admin, name, f"https://{address}:{port}")


def hand_out(host: Host, paths: Sequence[str], name: str, content: bytes) -> tuple[str, ...] | None:
    """Merged into the kubeconfigs that are in use; None where the folder of none is here, as without `-v ~/.kube:…`.

    Raises BootstrapError as `merge_kubeconfig` does; the cluster is up all the same.
    """
    if not any(host.stat(path.rpartition("/")[0] or "/") for path in paths):
        return None
    try:
        return merge_kubeconfig(host, paths, context_name(name), content)
    except BootstrapError as e:
        e.instead = f"the cluster is up all the same: bootstrap cluster kubeconfig {name} > kubeconfig"
        raise


def take_back(host: Host, paths: Sequence[str], name: str) -> None:
    """Out of the kubeconfigs again; entries of others of that name stay."""
    take_out_kubeconfig(host, paths, context_name(name))


def delete(engine: ClusterEngine, name: str, *, dry_run: bool) -> list[str]:
    """Containers with their volumes, and the network; what there was, by name. Nothing there is fine."""
    found = [one.name for one in engine.containers.found(name)]
    if dry_run:
        return [*found, *engine.networks.of(name)]
    remove_all(engine, found)
    return [*found, *engine.networks.remove(name)]
