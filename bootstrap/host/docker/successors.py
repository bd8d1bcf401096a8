"""A node's container made anew from another image: what it was told stays, and so does what the node has made."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from bootstrap.clusters.containerd import FOLDER
from bootstrap.host.docker.engine import asked
from bootstrap.host.docker.files import put_files, read_folder
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.runtime import NODE_RUNTIME

ASIDE = "-before"
"""Ends the name of the one whose successor is not proven yet."""
VERSION = "bootstrap.kubernetes"
"""The label of our images."""
KEPT = (
    names.KUBERNETES_DIR,
    "/etc/bootstrap",
    names.WORK_DIR,
    names.VOLUMES,
)
"""What a node has made, or was given, outside of its volumes."""


class Successors:
    def __init__(self, client: Any, image: str) -> None:
        self._client, self._image = client, image

    def image(self, name: str = "") -> tuple[str, str]:
        """Id and version of an image, the command's own by default. Raises BootstrapError (exit 9)."""
        import docker

        name = name or self._image
        try:
            found = self._client.api.inspect_image(name)
        except docker.errors.ImageNotFound as e:
            fix = f"docker pull {name}, or docker load; then run the same command again"
            raise BootstrapError(f"the engine has no image {name}", code=Exit.IMAGE, fix=fix) from e
        version = (found["Config"].get("Labels") or {}).get(VERSION, "")
        if not version:
            raise BootstrapError(
                f"{name} is no image of bootstrap's",
                code=Exit.IMAGE,
                why=f"it has no label {VERSION}",
                fix="bootstrap cluster upgrade --image IMAGE with one that has (docker image inspect)",
            )
        return str(found["Id"]), str(version)

    def put_aside(self, name: str) -> None:
        """It ends, and gives its name away."""
        with asked(f"to put {name} aside"):
            self._client.api.stop(name)
            self._client.api.rename(name, name + ASIDE)

    def start(self, name: str, image: str, *, copied: tuple[str, ...] = ()) -> None:
        """In place of the one that was put aside. Volumes are shared with that one, but for the images', and for those
        that are `copied`."""
        api, aside = self._client.api, name + ASIDE
        with asked(f"to make {name} of another image"):
            before = api.inspect_container(aside)
            made = self._create(name, image, before, (NODE_RUNTIME.root, *copied))
            for path in (*KEPT, *copied):
                self._copy(aside, made, path)
            patches = read_folder(self._client, aside, FOLDER)
            files = {f"{FOLDER}/{name}": content for name, content in patches.items()}
            put_files(self._client, made, {**files, names.UPGRADE_ASKED: b""})
            api.start(made)

    def _create(self, name: str, image: str, before: Any, fresh: tuple[str, ...]) -> str:
        api, config = self._client.api, before["Config"]
        own = api.inspect_image(before["Image"])["Config"]
        host = dict(before["HostConfig"])
        mounts = [mount for mount in host.get("Mounts") or () if mount["Target"] not in fresh]
        host["Mounts"] = [*mounts, *({"Type": "volume", "Target": path} for path in fresh)]
        host["VolumesFrom"] = [name + ASIDE]
        host["RestartPolicy"] = {"Name": "no"}
        (network, attached), *others = before["NetworkSettings"]["Networks"].items()
        made = str(
            api.create_container(
                image,
                config["Cmd"],
                name=name,
                hostname=config["Hostname"],
                labels={key: value for key, value in config["Labels"].items() if key not in (own.get("Labels") or {})},
                entrypoint=None if config["Entrypoint"] == own["Entrypoint"] else config["Entrypoint"],
                environment=[one for one in config["Env"] or () if one not in (own["Env"] or ())],
                ports=[tuple(port.split("/")) for port in host.get("PortBindings") or ()],
                host_config=host,
                networking_config={"EndpointsConfig": {network: {"IPAMConfig": attached["IPAMConfig"]}}},
            )["Id"]
        )
        for other, more in others:
            address = (more["IPAMConfig"] or {}).get("IPv4Address")
            api.connect_container_to_network(made, other, ipv4_address=address)
        return made

    def _copy(self, source: str, target: str, path: str) -> None:
        import docker

        try:
            chunks, _ = self._client.api.get_archive(source, path)
        except docker.errors.NotFound:
            return
        self._client.api.put_archive(target, str(PurePosixPath(path).parent), chunks)

    def go_back(self, name: str) -> None:
        """The one that was put aside takes its place again, which is empty by then."""
        with asked(f"to bring {name} back"):
            self._client.api.rename(name + ASIDE, name)
            self._client.api.start(name)

    def forget(self, name: str) -> None:
        """The one that was put aside is not needed any more; volumes that its successor has stay."""
        with asked(f"to remove {name}{ASIDE}"):
            self._client.api.remove_container(name + ASIDE, v=True, force=True)
