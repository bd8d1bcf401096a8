"""Docker networks of throwaway clusters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bootstrap.clusters.addresses import NetworkRange, as_large, collision, own_range, random_range6
from bootstrap.host.docker.engine import asked
from bootstrap.model.containers import CLUSTER_LABEL, RUN_LABEL
from bootstrap.model.errors import BootstrapError, Exit

TRIES = 8
"""Networks that the engine may propose in vain: so many of its pools a user's Pod and Service ranges can cover."""

FAMILIES = ("IPv4", "IPv6")
OVERLAPS = "overlaps"
"""The engine's word for a range that another network has."""


class Networks:
    def __init__(self, client: Any) -> None:
        self._client = client

    def make(self, name: str, run: str, avoid: Sequence[str], *, dual: bool = False) -> NetworkRange:
        """A network of the cluster's own, away from `avoid`, from the host's routes and from the other networks.

        The engine knows the last two, so that it is asked for a range; fixed addresses need one that was given, so that
        the network is made again with it, unless somebody took it meanwhile.
        Raises BootstrapError: exit 5, and 8 when one of that name is there.
        """
        import docker

        labels = {CLUSTER_LABEL: name, RUN_LABEL: run}
        if self._client.networks.list(names=[f"^{name}$"]):
            raise BootstrapError(
                f"there is a Docker network {name} already",
                code=Exit.CONFLICT,
                why="a cluster has one of its name, and this one is not of a cluster",
                fix="choose another name: bootstrap cluster create NAME",
            )
        with asked(f"a network {name}"):
            for attempt in range(TRIES):
                chosen = self._proposed(name, labels, avoid)
                if dual:
                    chosen = replace(chosen, subnet6=random_range6())
                try:
                    self._client.networks.create(
                        name, driver="bridge", labels=labels, ipam=_ipam(chosen), enable_ipv6=dual
                    )
                    break
                except docker.errors.APIError as e:
                    if OVERLAPS not in str(e) or attempt == TRIES - 1:
                        raise
        return chosen

    def _proposed(self, name: str, labels: dict[str, str], avoid: Sequence[str]) -> NetworkRange:
        proposed: list[Any] = []
        try:
            return self._propose(name, labels, avoid, proposed)
        finally:
            for network in proposed:
                network.remove()

    def _propose(self, name: str, labels: dict[str, str], avoid: Sequence[str], proposed: list[Any]) -> NetworkRange:
        for number in range(TRIES):
            made = self._client.networks.create(f"{name}-range-{number}", driver="bridge", labels=labels)
            proposed.append(made)
            made.reload()
            subnet = str(made.attrs["IPAM"]["Config"][0]["Subnet"])
            if not collision(subnet, avoid):
                return own_range(subnet)
        raise BootstrapError(
            "all ranges that the Docker engine has for networks hold addresses of Pods or Services",
            code=Exit.PREFLIGHT,
            why=", ".join(avoid),
            fix="give other ranges to Pods and Services, or docker network create --subnet … and --network NAME",
        )

    def given(self, name: str, avoid: Sequence[str]) -> tuple[NetworkRange, tuple[str, ...]]:
        """The ranges of a network that is there, and the addresses that are used in it.

        Raises BootstrapError: exit 4 when it cannot be used, 8 when it is not there.
        """
        import docker

        try:
            found = self._client.api.inspect_network(name)
        except docker.errors.NotFound as e:
            raise BootstrapError(
                f"there is no Docker network {name}", code=Exit.CONFLICT, fix=f"docker network create --subnet … {name}"
            ) from e
        configs = (found.get("IPAM") or {}).get("Config") or ()
        config = next((one for one in configs if "." in one.get("Subnet", "")), None)
        if config is None or found.get("Driver") != "bridge":
            raise BootstrapError(
                f"nodes cannot have fixed addresses in the network {name}",
                code=Exit.PREFLIGHT,
                why="it is no bridge network with an IPv4 range",
                fix=f"docker network create --subnet 172.30.0.0/24 {name}",
            )
        if hit := collision(config["Subnet"], avoid):
            raise BootstrapError(
                f"the network {name} ({config['Subnet']}) shares addresses with {hit}, a range of Pods or Services",
                code=Exit.PREFLIGHT,
                fix="another network, or other ranges: networking.podSubnet and serviceSubnet in --config",
            )
        connected = (found.get("Containers") or {}).values()
        used = [str(one.get(f"{family}Address", "")).partition("/")[0] for one in connected for family in FAMILIES]
        subnet6 = next((one["Subnet"] for one in configs if as_large(one.get("Subnet", ""), config["Subnet"])), "")
        network = NetworkRange(config["Subnet"], config.get("Gateway", ""), config.get("IPRange", ""), subnet6)
        return network, tuple(filter(None, used))

    def clusters(self) -> list[str]:
        """Names of those that have one of their own."""
        return sorted({network.attrs["Labels"][CLUSTER_LABEL] for network in self._labelled(CLUSTER_LABEL)})

    def of(self, cluster: str) -> list[str]:
        return [str(network.name) for network in self._labelled(f"{CLUSTER_LABEL}={cluster}")]

    def remove(self, cluster: str) -> list[str]:
        """Those that were made for a cluster; their names."""
        return self._remove(f"{CLUSTER_LABEL}={cluster}")

    def remove_run(self, run: str) -> None:
        self._remove(f"{RUN_LABEL}={run}")

    def _remove(self, label: str) -> list[str]:
        found = self._labelled(label)
        with asked("to remove a network"):
            for network in found:
                network.remove()
        return [str(network.name) for network in found]

    def _labelled(self, label: str) -> list[Any]:
        with asked("its networks"):
            return list(self._client.networks.list(filters={"label": label}))


def _ipam(chosen: NetworkRange) -> Any:
    import docker

    pools = [docker.types.IPAMPool(subnet=chosen.subnet, iprange=chosen.dynamic, gateway=chosen.gateway)]
    if chosen.subnet6:
        dynamic, gateway = chosen.range6(chosen.dynamic), chosen.address6(chosen.gateway)
        pools.append(docker.types.IPAMPool(subnet=chosen.subnet6, iprange=dynamic, gateway=gateway))
    return docker.types.IPAMConfig(pool_configs=pools)
