"""What a plan is made from that lies on the machine: keys, kubeconfigs, patches, logins."""

from __future__ import annotations

from collections.abc import Iterable

from bootstrap.host.port import HostReader
from bootstrap.host.registry.credentials import written_login
from bootstrap.model.effects import File
from bootstrap.model.images.mirrors import Mirrors
from bootstrap.render.node.registry_logins import kubelet_logins, login_files


def read_existing(host: HostReader, paths: Iterable[str]) -> dict[str, bytes]:
    """Path → content of those that are there."""
    return {path: content for path in paths if (content := host.read(path)) is not None}


def read_patches(host: HostReader, directory: str) -> dict[str, bytes]:
    if not directory:
        return {}
    files = read_existing(host, tuple(f"{directory}/{name}" for name in host.listdir(directory)))
    return {path.rsplit("/", 1)[1]: content for path, content in files.items()}


def kubelet_login_files(host: HostReader, mirrors: Mirrors) -> tuple[File, ...]:
    """Raises BootstrapError (exit 3) when a file that a rule names cannot be read."""
    servers = kubelet_logins(mirrors.reached(host.reach))
    found = {name: login for name, server in servers.items() if (login := written_login(server))}
    return login_files(mirrors, found)
