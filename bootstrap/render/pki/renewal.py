"""Other certificates in the place of those that are here: same subject and names, a new key, a new end."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File, Link
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki import certs
from bootstrap.render.pki.certs import Issuer
from bootstrap.render.pki.clock import require_time
from bootstrap.render.pki.inventory import (
    KUBELET,
    KUBELET_SERVER,
    Holder,
    Read,
    authority_paths,
    certificate,
    certificate_of,
    external,
    holders,
    rotated_file,
)
from bootstrap.render.pki.keys import KeySource, private_pem
from bootstrap.render.pki.kubeconfig import rotated

ALL = "all"
DUE = 1 / 3
"""How much of its life a certificate has left when it is due."""


@dataclass(frozen=True)
class Renewed:
    """`files` hold the new certificate and its key; it ends at `ends`."""

    name: str
    files: tuple[File | Link, ...]
    ends: datetime

    @property
    def paths(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files)


@dataclass
class Renewal:
    """What is renewed; what is `missing` here, and what only the holder of an `external` CA's key can renew."""

    renewed: list[Renewed] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RenewalInput:
    """`ours` are paths that a run of ours made: those say what the configuration says, all others what they said."""

    cfg: ClusterConfig
    read: Read
    ours: Collection[str]
    keys: KeySource
    now: datetime
    due: bool = False
    """Only what has less than a third of its life left; what is missing is nobody's affair then."""
    unfinished: Collection[str] = ()
    """Names that an earlier run has not brought to the end: they are due."""


def renewable(cfg: ClusterConfig) -> tuple[str, ...]:
    """The names that can be asked for."""
    return tuple(holder.name for holder in holders(cfg) if holder.name != KUBELET_SERVER)


def renewal(given: RenewalInput, wanted: Iterable[str]) -> Renewal:
    """With `all` everything that is here, but for a kubelet's own certificate as long as the kubelet can renew it.

    Raises BootstrapError: exit 2 for an unknown name, 3 for one that was asked for by name and cannot be renewed, 4
    when the clock cannot be right.
    """
    asked = dict.fromkeys(wanted)
    if unknown := [name for name in asked if name not in (ALL, *renewable(given.cfg))]:
        raise BootstrapError(
            f"there is no certificate {unknown[0]!r} here",
            code=Exit.USAGE,
            fix=f"one of: {ALL}, {', '.join(renewable(given.cfg))}",
        )
    result, paths = Renewal(), authority_paths(given.cfg)
    away = external(paths, given.read)
    for holder in holders(given.cfg):
        by_name = holder.name in asked
        if holder.name == KUBELET_SERVER or not (by_name or ALL in asked):
            continue
        old = _old(given, holder)
        if holder.name == KUBELET and not by_name and _is_rotating(given, old):
            continue
        if given.due and (old is None or not (holder.name in given.unfinished or _is_due(given, old))):
            continue
        if old is None:
            result.missing.append(holder.name)
        elif holder.ca in away or given.cfg.node.api is None:
            result.external.append(holder.name)
        else:
            result.renewed.append(_renewed(given, holder, old, _issuer(given, paths[holder.ca])))
    _refuse(asked, result, paths)
    return result


def _refuse(asked: Collection[str], result: Renewal, paths: Mapping[str, str]) -> None:
    """What was asked for by name has to be done, and of all something."""
    if missing := [name for name in result.missing if name in asked]:
        raise BootstrapError(
            f"{', '.join(missing)} cannot be renewed: there is none here",
            code=Exit.CONFIG,
            fix="bootstrap init makes what is missing",
        )
    refused = result.external if not result.renewed else [name for name in result.external if name in asked]
    if refused:
        raise BootstrapError(
            f"{', '.join(refused)} cannot be renewed here",
            code=Exit.CONFIG,
            why=f"the key of the CA is not on this machine ({', '.join(f'{path}.key' for path in paths.values())})",
            fix="on a control plane with another's CA: bootstrap certs generate-csr makes requests for it to sign; "
            "a worker whose certificate has ended: bootstrap reset, then join again",
        )


def _old(given: RenewalInput, holder: Holder) -> x509.Certificate | None:
    try:
        pem = certificate_of(holder, given.read)
        return None if pem is None else certificate(pem)
    except ValueError as e:
        raise BootstrapError(
            f"{holder.path} cannot be read: {e}",
            code=Exit.CONFIG,
            why="what a new certificate has to say, and where it belongs, is read from the old one",
            fix="put back what was there, or move it away: bootstrap init makes another",
        ) from None


def _is_rotating(given: RenewalInput, old: x509.Certificate | None) -> bool:
    """Whether the kubelet renews it by itself: it does as long as it can prove who it is."""
    content = given.read(names.KUBELET_CONF)
    if content is None or not rotated_file(content):
        return False
    return old is not None and old.not_valid_after_utc > given.now


def _is_due(given: RenewalInput, old: x509.Certificate) -> bool:
    """One that is not valid yet is, so that the clock is looked at.

    Others' certificates begin when their CA did, and have lived for no longer than one is made for.
    """
    made_for = timedelta(seconds=given.cfg.cluster.certificate_validity)
    life = min(old.not_valid_after_utc - old.not_valid_before_utc, made_for)
    return given.now < old.not_valid_before_utc or given.now > old.not_valid_after_utc - life * DUE


def _issuer(given: RenewalInput, path: str) -> Issuer:
    crt, key = given.read(f"{path}.crt"), given.read(f"{path}.key")
    try:
        if crt is None or key is None:
            raise ValueError("it is not there")
        return certs.issuer_of(crt, key)
    except (ValueError, TypeError) as e:
        raise BootstrapError(
            f"nothing can be signed with {path}.crt and .key: {e}", code=Exit.CONFIG, fix="restore both"
        ) from None


def _renewed(given: RenewalInput, holder: Holder, old: x509.Certificate, issuer: Issuer) -> Renewed:
    require_time(given.now, holder.name, issuer.certificate, old)
    spec = (holder.spec if holder.path in given.ours else None) or certs.spec_of(old)
    cluster = given.cfg.cluster
    key = given.keys.new(cluster.encryption_algorithm)
    made = certs.build(
        spec, key, issuer, serial=given.keys.serial(), now=given.now, lifetime=cluster.certificate_validity
    )
    crt, pem = issuer.pem(made), private_pem(key)
    return Renewed(holder.name, _files(given, holder, crt, pem), made.not_valid_after_utc)


def _files(given: RenewalInput, holder: Holder, crt: bytes, key: bytes) -> tuple[File | Link, ...]:
    if not holder.is_kubeconfig:
        return (
            File(holder.path, crt, keeps_owner=True),
            File(f"{holder.path.removesuffix('.crt')}.key", key, mode=0o600, secret=True, keeps_owner=True),
        )
    current = read_kubeconfig(given.read(holder.path) or b"")
    if path := current.user.get("client-certificate"):
        return rotated(path, crt + key, given.now)
    embedded = {"client-certificate-data": b64encode(crt).decode(), "client-key-data": b64encode(key).decode()}
    current.user.update(embedded)
    return (File(holder.path, to_yaml(current.document).encode(), mode=0o600, secret=True, keeps_owner=True),)
