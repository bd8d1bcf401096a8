"""The administrator's kubeconfig, for inside and outside of the node."""

from __future__ import annotations

from bootstrap.config import read_stored
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.kubeconfig import with_server


def admin_kubeconfig(host: HostReader, server: str, *, inside: bool) -> bytes:
    """Raises BootstrapError (exit 8) when there is no cluster here."""
    content = host.read(names.ADMIN_CONF)
    if content is None:
        raise BootstrapError(
            "there is no cluster here yet",
            code=Exit.CONFLICT,
            why=f"{names.ADMIN_CONF} does not exist",
            fix="bootstrap init",
        )
    return content if inside else with_server(content, server or _published(host))


def _published(host: HostReader) -> str:
    """Where `docker run -p PORT:PORT` puts the API server; a container cannot see which port was really published."""
    stored = host.read(names.STATE_CONFIG)
    api = read_stored(stored).node.api if stored is not None else None
    return f"https://127.0.0.1:{api.bind_port if api else names.API_PORT}"
