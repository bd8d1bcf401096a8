"""Certificates, keys and kubeconfigs of this machine: what is there and will do, and what is issued for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bootstrap.engine.journal import begun, read_journal
from bootstrap.host.port import HostReader
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File, Link
from bootstrap.phases.cluster import ADMINS_BOUND
from bootstrap.render.pki.issue import issue_pki, pki_paths, signing_ca
from bootstrap.render.pki.issue_kubeconfigs import Ground, issue_kubeconfigs, kubelet_credential
from bootstrap.render.pki.keys import CryptoKeySource
from bootstrap.render.pki.kubeconfig import identities
from bootstrap.workflows.inputs import read_existing

NOTHING: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class Credentials:
    """Finished bytes, kept files included; `there` are the paths of the set that lie here already."""

    pki: tuple[File, ...]
    kubeconfigs: tuple[File, ...]
    kubelet: tuple[File | Link, ...]
    there: frozenset[str]
    signing: str
    """The CA that the controller manager signs with; empty where its key is elsewhere."""

    @property
    def by_path(self) -> Mapping[str, bytes]:
        return {file.path: file.content for file in self.pki}


NONE = Credentials((), (), (), frozenset(), "")
"""Of a machine whose certificates are the cluster's to sign."""


def issue_credentials(
    host: HostReader,
    cfg: ClusterConfig,
    now: datetime,
    phase: str | None,
    *,
    anew: bool,
    given: Mapping[str, bytes] = NOTHING,
) -> Credentials:
    """`anew`: what is ours and not as the configuration says is issued again. Raises BootstrapError (exit 3).

    `given` are CAs and keys of a cluster that this machine joins, by path, for what is not here already: such a machine
    gets no credential that needs no rights of its own.
    """
    keys, ours = CryptoKeySource(), begun(read_journal(host))
    existing = {**given, **read_existing(host, pki_paths(cfg))}
    pki = issue_pki(cfg, existing, keys, now, ours, anew=anew)
    ground = Ground(cfg, {file.path: file.content for file in pki}, keys, now)
    found, without = read_existing(host, identities(cfg)), _taken_away(host, phase)
    if cfg.node.server:
        without = (*without, names.SUPER_ADMIN_CONF)
    kubeconfigs = issue_kubeconfigs(ground, found, ours, anew=anew, without=without)
    kubelet_conf = next(file.content for file in kubeconfigs if file.path == names.KUBELET_CONF)
    current = read_existing(host, (names.KUBELET_CLIENT_CURRENT,))
    kubelet = kubelet_credential(ground, kubelet_conf, current)
    return Credentials(pki, kubeconfigs, kubelet, frozenset(existing), signing_ca(cfg, ground.pki))


def _taken_away(host: HostReader, phase: str | None) -> tuple[str, ...]:
    """Whose rights nobody needs any more once admin.conf has its own is not made again, unless that was asked for."""
    path = names.SUPER_ADMIN_CONF
    asked = phase == "kubeconfig/super-admin"
    return (path,) if host.stat(ADMINS_BOUND) and not host.stat(path) and not asked else ()
