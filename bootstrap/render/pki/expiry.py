"""How long the certificates of a machine are good for, as `certs check-expiration` shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bootstrap.model.cluster import ClusterConfig
from bootstrap.render.pki.certs import describe
from bootstrap.render.pki.inventory import Read, authority_paths, certificate, certificate_of, external, holders


@dataclass(frozen=True)
class Expiry:
    """`ca` is the name of the CA that has to sign it, `issuer` who really did; `external`: no key is here for another.

    `path` holds it; `ends` is None where it is missing, or cannot be read, which `problem` says then.
    """

    name: str
    path: str
    ca: str = ""
    ends: datetime | None = None
    issuer: str = ""
    external: bool = False
    problem: str = ""


def expiries(cfg: ClusterConfig, read: Read) -> tuple[tuple[Expiry, ...], tuple[Expiry, ...]]:
    """Of the certificates, and of the CAs."""
    paths = authority_paths(cfg)
    away = external(paths, read)
    leaves = []
    for holder in holders(cfg):
        by_others = holder.ca in away or (cfg.node.api is None and bool(holder.ca))
        try:
            pem, problem = certificate_of(holder, read), ""
        except ValueError as e:
            pem, problem = None, str(e)
        leaves.append(_expiry(Expiry(holder.name, holder.path, holder.ca, external=by_others, problem=problem), pem))
    cas = [
        _expiry(Expiry(name, f"{path}.crt", external=name in away), read(f"{path}.crt"))
        for name, path in sorted(paths.items())
    ]
    return tuple(leaves), tuple(cas)


def _expiry(of: Expiry, pem: bytes | None) -> Expiry:
    if pem is None:
        return of
    try:
        info = describe(certificate(pem))
    except ValueError as e:
        return Expiry(of.name, of.path, of.ca, external=of.external, problem=str(e))
    return Expiry(of.name, of.path, of.ca, info.not_after, info.issuer, of.external)
