"""Containers of throwaway clusters in a Docker engine: only those with our labels are seen or touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bootstrap.host.docker.commands import Fed, Ran, run
from bootstrap.host.docker.engine import asked
from bootstrap.host.docker.files import put_files, read_file, read_folder
from bootstrap.model import names
from bootstrap.model.containers import CLUSTER_LABEL, ROLE_LABEL, ROLES, RUN_LABEL, SHARES, Container, Found
from bootstrap.model.errors import BootstrapError, Exit

PORT_TAKEN = ("port is already allocated", "address already in use", "ports are not available")
"""The engine's words."""
FORWARDING = {f"net.ipv6.conf.{which}.forwarding": "1" for which in ("all", "default")}
"""No container may set it itself."""


class PortTaken(BootstrapError):
    """The engine's host has that port for somebody else."""


class Containers:
    def __init__(self, client: Any, image: str) -> None:
        self._client, self._image = client, image

    def start_new(self, wanted: Container, cluster: str, run: str, network: str, image: str = "") -> None:
        """From another image than the command's own, if one is named. Raises BootstrapError (exit 5); PortTaken leaves
        no container."""
        api = self._client.api
        with asked(f"to make {wanted.name}"):
            made = self._create(wanted, cluster, run, network, image or self._image)
            put_files(self._client, made, wanted.files)
            try:
                api.start(made)
            except Exception as e:
                if any(words in str(e) for words in PORT_TAKEN):
                    api.remove_container(made, v=True, force=True)
                    raise _port_taken(wanted, str(e)) from e
                raise

    def _create(self, wanted: Container, cluster: str, run: str, network: str, image: str) -> str:
        import docker

        api = self._client.api
        bindings: dict[str, list[tuple[str, int | None]]] = {}
        for port in wanted.ports:
            key = f"{port.container_port}/{port.protocol}"
            bindings.setdefault(key, []).append((port.address, port.host_port or None))
        host = api.create_host_config(
            privileged=wanted.is_node,
            cpu_shares=wanted.shares,
            sysctls=FORWARDING if wanted.address6 else None,
            port_bindings=bindings,
            dns_search=list(wanted.dns_search) if wanted.dns_search is not None else None,
            mounts=[
                docker.types.Mount(
                    mount.container_path,
                    mount.host_path,
                    type="bind",
                    read_only=mount.read_only,
                    propagation=mount.propagation or None,
                )
                for mount in wanted.mounts
            ],
        )
        made = api.create_container(
            image,
            list(wanted.command) or None,
            name=wanted.name,
            hostname=wanted.name,
            labels={CLUSTER_LABEL: cluster, ROLE_LABEL: wanted.role, RUN_LABEL: run},
            ports=[(port.container_port, port.protocol) for port in wanted.ports],
            entrypoint=list(wanted.entrypoint) or None,
            environment=dict(wanted.environment),
            stop_signal=wanted.stop_signal or None,
            healthcheck=None if wanted.is_node else {"test": ["NONE"]},
            host_config=host,
            networking_config=api.create_networking_config(
                {network: api.create_endpoint_config(ipv4_address=wanted.address, ipv6_address=wanted.address6 or None)}
            ),
        )
        return str(made["Id"])

    def keep_running(self, name: str) -> None:
        """After an end of its own, and of the engine; not after `docker stop`."""
        with asked(f"to keep {name} running"):
            self._client.api.update_container(name, restart_policy={"Name": "unless-stopped"})

    def share_evenly(self, name: str) -> None:
        """From now on it has as much of the CPU as others."""
        with asked(f"to give {name} its share of the CPU"):
            self._client.api.update_container(name, cpu_shares=SHARES)

    def found(self, cluster: str = "") -> tuple[Found, ...]:
        """Of one cluster, or all; by cluster, role and name."""
        api = self._client.api
        label = f"{CLUSTER_LABEL}={cluster}" if cluster else CLUSTER_LABEL
        with asked("its containers"):
            ids = [one["Id"] for one in api.containers(all=True, filters={"label": label})]
            seen = [_found(api.inspect_container(one)) for one in ids]
        return tuple(sorted(seen, key=lambda one: (one.cluster, ROLES.index(one.role), len(one.name), one.name)))

    def of_run(self, run: str) -> list[str]:
        with asked("its containers"):
            found = self._client.api.containers(all=True, filters={"label": f"{RUN_LABEL}={run}"})
        return [str(one["Id"]) for one in found]

    def lines(self, name: str, *, since: float = 0) -> Iterator[str]:
        """What it says, as it says it, until it ends."""
        left = b""
        with asked(f"the log of {name}"):
            for piece in self._client.api.logs(name, stream=True, follow=True, since=since or None):
                *complete, left = (left + piece).split(b"\n")
                yield from (line.decode(errors="replace") for line in complete)

    def exit_code(self, name: str) -> int | None:
        """None while it runs."""
        with asked(f"the state of {name}"):
            state = self._client.api.inspect_container(name)["State"]
        return None if state["Running"] else int(state["ExitCode"])

    def run(self, name: str, argv: Sequence[str]) -> Ran:
        return run(self._client, name, argv)

    def feed(self, name: str, argv: Sequence[str]) -> Fed:
        return Fed(self._client, name, argv)

    def stop(self, name: str) -> None:
        with asked(f"to stop {name}"):
            self._client.api.stop(name)

    def start(self, name: str) -> None:
        with asked(f"to start {name}"):
            self._client.api.start(name)

    def signal(self, name: str, signal: str) -> None:
        with asked(f"to signal {name}"):
            self._client.api.kill(name, signal)

    def put(self, name: str, files: Mapping[str, bytes]) -> None:
        with asked(f"files into {name}"):
            put_files(self._client, name, files)

    def folder(self, name: str, path: str) -> dict[str, bytes]:
        """The files below a folder, by their path from there; it may have ended. Nothing where there is none."""
        with asked(f"{path} of {name}"):
            return read_folder(self._client, name, path)

    def said(self, name: str) -> bytes:
        """All that it ever said."""
        with asked(f"the log of {name}"):
            return bytes(self._client.api.logs(name))

    def read(self, name: str, path: str) -> bytes | None:
        """A file of a container, which may have ended; None when it is not there."""
        with asked(f"{path} of {name}"):
            return read_file(self._client, name, path)

    def remove(self, name: str) -> None:
        """With the volumes that were made for it; gone is fine."""
        import docker

        with asked(f"to remove {name}"):
            try:
                self._client.api.remove_container(name, v=True, force=True)
            except docker.errors.NotFound:
                return


def _found(container: Any) -> Found:
    labels, settings = container["Config"]["Labels"], container["NetworkSettings"]
    network: str = next(iter(settings["Networks"]), "")
    attached: Any = settings["Networks"].get(network, {})
    fixed = (attached.get("IPAMConfig") or {}).get("IPv4Address", "")
    bound = (container["HostConfig"].get("PortBindings") or {}).get(f"{names.API_PORT}/tcp") or [{}]
    role = labels.get(ROLE_LABEL, "")
    return Found(
        name=container["Name"].lstrip("/"),
        role=role if role in ROLES else ROLES[-1],
        cluster=labels[CLUSTER_LABEL],
        state=container["State"]["Status"],
        address=fixed or attached.get("IPAddress", ""),
        network=network,
        image=container["Image"],
        api_port=int(bound[0].get("HostPort") or 0),
        api_address=bound[0].get("HostIp", ""),
    )


def _port_taken(wanted: Container, words: str) -> PortTaken:
    ports = ", ".join(str(port.host_port) for port in wanted.ports if port.host_port)
    return PortTaken(
        f"{wanted.name}: one of the ports {ports} of the engine's host is taken",
        code=Exit.PREFLIGHT,
        why=words[-300:],
        fix="end what listens there (docker ps; ss -ltnp), or choose another: --api-port, --publish",
    )
