"""Kubeconfigs: the administrator's, for inside and outside of the node, and new ones for users."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from bootstrap.config import read_stored
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki.issue import pki_paths
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.kubeconfig import Identity, with_server
from bootstrap.render.pki.kubeconfig import user_kubeconfig as signed_kubeconfig
from bootstrap.workflows.inputs import read_existing


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


def user_kubeconfig(
    host: HostReader, name: str, organizations: tuple[str, ...], lifetime: float, server: str, now: datetime
) -> bytes:
    """A new client certificate; who it is for has the rights that are bound to that name and those groups.

    `lifetime` in seconds. Raises BootstrapError: exit 8 without a cluster, exit 3 without the CA's key.
    """
    stored = host.read(names.STATE_CONFIG)
    cfg = read_stored(stored) if stored is not None else None
    if cfg is None or cfg.node.api is None:
        raise BootstrapError(
            "this is no control plane",
            code=Exit.CONFLICT,
            why="only there is the CA that signs a user's certificate",
            fix="run this on a control plane",
        )
    spec = dataclasses.replace(cfg.cluster, certificate_validity=lifetime)
    cfg = dataclasses.replace(cfg, cluster=spec)
    who = Identity(name, organizations, server or f"https://{cfg.endpoint}")
    pki = read_existing(host, pki_paths(cfg))
    return signed_kubeconfig(cfg, pki, who, CryptoKeySource(), now)


def _published(host: HostReader) -> str:
    """Where `docker run -p PORT:PORT` puts the API server; a container cannot see which port was really published."""
    stored = host.read(names.STATE_CONFIG)
    api = read_stored(stored).node.api if stored is not None else None
    return f"https://127.0.0.1:{api.bind_port if api else names.API_PORT}"
