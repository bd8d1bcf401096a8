"""`cluster create`: everything that can be is decided and made first, then all containers start at once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bootstrap.clusters.addresses import NetworkRange, node_addresses, own_range, random_port, services_range
from bootstrap.clusters.containers import (
    Layout,
    Secrets,
    addresses_needed,
    containers,
    first_documents,
    laid_out,
    telling,
)
from bootstrap.clusters.documents import effective
from bootstrap.clusters.naming import check_name
from bootstrap.host.docker.clusters import ClusterEngine
from bootstrap.host.docker.containers import PortTaken
from bootstrap.host.facts.limits import inotify
from bootstrap.model import names
from bootstrap.model.addon import METALLB, NO_LOAD_BALANCER
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.cluster_shape import CONTROL_PLANE, WORKER, ClusterShape
from bootstrap.model.containers import Container
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.secrets import Secret
from bootstrap.preflight.limits import inotify_problem
from bootstrap.render.cluster.joining import public_key_hash
from bootstrap.render.cluster.uploads import shared_files
from bootstrap.render.pki.issue import ca_pem, issue_pki
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.proxies import excepting
from bootstrap.workflows.cluster.reach import outside
from bootstrap.workflows.cluster.removal import remove_run
from bootstrap.workflows.cluster.watch import Listener, Teller, watch
from bootstrap.workflows.joining.lines import random_token

EXAMPLE = own_range("192.0.2.0/24", "2001:db8::/64")
"""Stands in for the range of a network that is not there yet."""
PORT_TRIES = 10
INSTANCES = {CONTROL_PLANE: 26, WORKER: 14}
"""inotify instances of a node (counted)."""


@dataclass(frozen=True)
class CreateRequest:
    shape: ClusterShape
    wait: str = "dns"
    timeout: float = 300
    retain: bool = False


@dataclass(frozen=True)
class Created:
    """`seconds`: node → until it was done."""

    api: str
    seconds: dict[str, float]
    containers: tuple[Container, ...]


def preview(request: CreateRequest) -> tuple[ClusterConfig, tuple[Container, ...]]:
    """What would be made, at addresses of an example network. Raises BootstrapError: exit 2, 3."""
    shape = request.shape
    check_name(shape.name)
    if not shape.of_role(CONTROL_PLANE):
        raise BootstrapError(
            "a cluster needs a control plane", code=Exit.USAGE, fix="leave --control-planes out, or give at least 1"
        )
    if shape.networking.family == "ipv6":
        raise BootstrapError(
            "a cluster of containers cannot have IPv6 alone",
            code=Exit.CONFIG,
            why="every Docker network has IPv4, by which nodes are reached",
            fix="ipFamily: dual; single nodes with IPv6 alone: docs/how-to/networks.md",
        )
    layout = _laid_out(shape, EXAMPLE, ())
    cfg, made = _secrets(shape, layout)
    return cfg, containers(shape, layout, made, shape.networking.api_port, _wait(request))


def create(
    engine: ClusterEngine, request: CreateRequest, listen: Listener, began: float, tell: Teller | None = None
) -> Created:
    """Raises BootstrapError with nothing left of it but with `retain`: exit 4, 5, 8, what a node says, 130."""
    cfg, _ = preview(request)
    shape, run = request.shape, secrets.token_hex(8)
    _refuse_existing(engine, shape.name)
    _look_at_limits(shape)
    try:
        return _make(engine, request, cfg, run, listen, began, tell)
    except KeyboardInterrupt:
        remove_run(engine, run)
        raise BootstrapError(
            "interrupted", code=Exit.INTERRUPTED, why="nothing is left of it", fix="run the same command again"
        ) from None
    except Exception as e:
        if not request.retain:
            remove_run(engine, run)
        if isinstance(e, BootstrapError):
            kept = f"it is kept for a look: docker logs NODE; then bootstrap cluster delete {shape.name}"
            e.more = kept if request.retain else "all of it is removed again; --retain keeps it for a look"
        raise


def _make(
    engine: ClusterEngine,
    request: CreateRequest,
    cfg: ClusterConfig,
    run: str,
    listen: Listener,
    began: float,
    tell: Teller | None,
) -> Created:
    shape = request.shape
    avoid = (*cfg.cluster.networking.pod_subnets, *cfg.cluster.networking.service_subnets)
    if shape.network:
        network, used = engine.networks.given(shape.network, avoid)
    else:
        network, used = engine.networks.make(shape.name, run, avoid, dual=shape.networking.family == "dual"), ()
    layout = _laid_out(shape, network, used)
    _, made = _secrets(shape, layout)
    port = shape.networking.api_port or random_port()
    environment = excepting(engine.proxies, network.subnets)
    planned = tuple(
        replace(container, environment=environment if container.is_node else {})
        for container in containers(shape, layout, made, port, _wait(request))
    )
    if tell:
        planned = tuple(telling(one) if one.is_node else one for one in planned)
    planned = _start(engine, shape, planned, run, fixed=bool(shape.networking.api_port))
    nodes = [container.name for container in planned if container.is_node]
    first = next(iter(layout.control_planes))
    waited = nodes if request.wait != "api" else [first]
    beside = [container.name for container in planned if not container.is_node]

    def heard(name: str, line: str, took: float | None) -> None:
        if name == first and took is not None:
            for other in nodes:
                engine.containers.share_evenly(other)
        listen(name, line, took)

    seconds = watch(engine.containers, waited, request.timeout, heard, began=began, beside=beside, tell=tell)
    for container in planned:
        engine.containers.keep_running(container.name)
    return Created(f"https://{outside(shape.networking.api_address)}:{planned[0].ports[0].host_port}", seconds, planned)


def _laid_out(shape: ClusterShape, network: NetworkRange, used: Sequence[str]) -> Layout:
    """Raises BootstrapError: exit 3 when nothing is known of free addresses for Services, 4 when there are too few."""
    addresses = node_addresses(network, used, addresses_needed(shape))
    services = "" if shape.network else services_range(network)
    if shape.load_balancer == METALLB and not services:
        raise BootstrapError(
            f"no addresses for LoadBalancer Services are known in the network {shape.network or network.subnet}",
            code=Exit.CONFIG,
            why="others may have any of them" if shape.network else "it is too small",
            fix=f"name some: {names.OWN_KIND}.loadBalancerAddresses in --config, and leave --load-balancer out",
        )
    layout, dual = laid_out(shape, addresses), shape.networking.family == "dual"
    if dual and not network.subnet6:
        raise BootstrapError(
            f"the network {shape.network} has no IPv6 range as large as its IPv4 one",
            code=Exit.PREFLIGHT,
            fix=f"docker network create --ipv6 --subnet 172.30.0.0/24 --subnet fd00:30::/64 {shape.network}",
        )
    wanted = bool(services) and shape.load_balancer != NO_LOAD_BALANCER
    return replace(
        layout,
        addresses6={address: network.address6(address) for address in addresses} if dual else {},
        services=(services, *([network.range6(services)] if dual else [])) if wanted else (),
    )


def _start(
    engine: ClusterEngine, shape: ClusterShape, planned: Sequence[Container], run: str, *, fixed: bool
) -> tuple[Container, ...]:
    """All at once; the one with the API may need more than one try, since only the engine knows its host's ports."""
    network = shape.network or shape.name
    first, *others = planned
    with ThreadPoolExecutor(len(planned)) as pool:
        rest = [pool.submit(engine.containers.start_new, one, shape.name, run, network) for one in others]
        for attempt in range(PORT_TRIES):
            try:
                engine.containers.start_new(first, shape.name, run, network)
                break
            except PortTaken:
                if fixed or attempt == PORT_TRIES - 1:
                    raise
                api = replace(first.ports[0], host_port=random_port())
                first = replace(first, ports=(api, *first.ports[1:]))
        for future in rest:
            future.result()
    return (first, *others)


def _secrets(shape: ClusterShape, layout: Layout) -> tuple[ClusterConfig, Secrets]:
    """Raises BootstrapError (exit 3) with everything that is wrong with the configuration."""
    token = Secret(random_token())
    cfg = effective(first_documents(shape, layout, token))
    pki = {file.path: file.content for file in issue_pki(cfg, {}, CryptoKeySource(), datetime.now(UTC))}
    shared = {path: pki[path] for path in shared_files(cfg).values() if path}
    ca = ca_pem(cfg, pki)
    return cfg, Secrets(token, shared, (public_key_hash(ca),), ca)


def _wait(request: CreateRequest) -> str:
    """Without a Pod network no node becomes Ready."""
    return "api" if request.shape.networking.cni == "none" else request.wait


def _refuse_existing(engine: ClusterEngine, name: str) -> None:
    if engine.containers.found(name):
        raise BootstrapError(
            f"there is a cluster {name} already",
            code=Exit.CONFLICT,
            fix=f"bootstrap cluster delete {name}, or choose another name: bootstrap cluster create NAME",
        )


def _look_at_limits(shape: ClusterShape) -> None:
    """All containers of a machine share them. Raises BootstrapError (exit 4)."""
    needed = sum(INSTANCES[node.role] for node in shape.nodes)
    if problem := inotify_problem(inotify(needed), needed):
        raise BootstrapError(problem[0], code=Exit.PREFLIGHT, fix=problem[1])
