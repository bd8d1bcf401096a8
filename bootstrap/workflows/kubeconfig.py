"""The administrator's kubeconfig, for inside and outside of the node."""

from __future__ import annotations

from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.kubeconfig import with_server

PUBLISHED = f"https://127.0.0.1:{names.API_PORT}"
"""Where `docker run -p 6443:6443` puts the API server; a container cannot see which port was really published."""


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
    return content if inside else with_server(content, server or PUBLISHED)
