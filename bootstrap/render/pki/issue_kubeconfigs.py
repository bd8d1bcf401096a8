"""kubeadm's five kubeconfigs: what lies there and will do is kept, what is ours and will not is issued again."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File, Link
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki import certs
from bootstrap.render.pki.issue import ca_pem
from bootstrap.render.pki.keys import KeySource, load_private
from bootstrap.render.pki.kubeconfig import (
    Identity,
    client_certificate,
    identities,
    rotated,
    user_kubeconfig,
    with_server,
)


@dataclass(frozen=True)
class Ground:
    """What kubeconfigs are made from: `pki` is what `issue_pki` returned, by path."""

    cfg: ClusterConfig
    pki: Mapping[str, bytes]
    keys: KeySource
    now: datetime

    @property
    def ca(self) -> bytes:
        return ca_pem(self.cfg, self.pki)


def issue_kubeconfigs(
    ground: Ground,
    existing: Mapping[str, bytes],
    begun: Collection[str] = (),
    *,
    anew: bool = False,
    without: Collection[str] = (),
) -> tuple[File, ...]:
    """The five, but for those `without` which it has to do; one with the right server, CA and user is kept.

    `begun` are paths that an earlier run of ours set out to make. Another file is the user's: one that will do is kept
    whatever its server (as kubeadm does), any other raises BootstrapError (exit 3). A kubelet.conf that points at the
    certificate which the kubelet rotates keeps pointing at it. `anew`: see `issue_pki`.
    """
    found = []
    for path, who in identities(ground.cfg).items():
        if path in without:
            continue
        old = existing.get(path)
        content = None if old is None else _kept(ground, path, old, who, ours=path in begun, anew=anew)
        content = content or user_kubeconfig(ground.cfg, ground.pki, who, ground.keys, ground.now)
        found.append(File(path, content, mode=0o600, secret=True))
    return tuple(found)


def kubelet_credential(ground: Ground, kubelet_conf: bytes, existing: Mapping[str, bytes]) -> tuple[File | Link, ...]:
    """The file that a kubelet.conf points at, made again when it has ended or is not there; nothing otherwise."""
    path, who = names.KUBELET_CLIENT_CURRENT, identities(ground.cfg)[names.KUBELET_CONF]
    if read_kubeconfig(kubelet_conf).user.get("client-certificate") != path:
        return ()
    pem = existing.get(path)
    reason = "it is not there" if pem is None else _unfit(ground, pem, pem, who)
    if not reason:
        return ()
    if f"{ground.cfg.cluster.certificates_dir}/ca.key" not in ground.pki:
        raise BootstrapError(
            f"the kubelet's client certificate {path} cannot be used: {reason}",
            code=Exit.CONFIG,
            why=f"{ground.cfg.cluster.certificates_dir}/ca.key is not on this machine, so no other can be signed here",
            fix="put one that this CA signed into its place, or make the machine join its cluster again",
        )
    certificate, key = client_certificate(ground.cfg, ground.pki, who, ground.keys, ground.now)
    return rotated(path, certificate + key, ground.now)


def _kept(ground: Ground, path: str, old: bytes, who: Identity, *, ours: bool, anew: bool) -> bytes | None:
    """`old`, a rotating kubelet's with another server if only that changed, or None: issue it again."""
    reason, server, rotates = _fault(ground, old, who, anew=anew and ours)
    if reason and not ours:
        raise BootstrapError(
            f"{path} is there, and cannot be used: {reason}",
            code=Exit.CONFIG,
            why="it was not made by bootstrap, and files of others are not overwritten",
            fix="move it away, or put one there that fits, and run the same command again",
        )
    if reason:
        return None
    if server == who.server or not ours:
        return old
    return with_server(old, who.server) if rotates else None


def _fault(ground: Ground, content: bytes, who: Identity, *, anew: bool) -> tuple[str, str, bool]:
    """Why a kubeconfig will not do, empty if it will; its server; whether it points at the rotated certificate."""
    try:
        current = read_kubeconfig(content)
        cluster, user = current.cluster, current.user
        server = str(cluster["server"])
        if b64decode(cluster["certificate-authority-data"]).strip() != ground.ca.strip():
            return "it trusts another CA than this cluster's", server, False
        if "client-certificate" in user and who.common_name.startswith(names.NODE_USER):
            return "", server, True
        chain, key = b64decode(user["client-certificate-data"]), b64decode(user["client-key-data"])
    except (ValueError, TypeError, KeyError) as e:
        return f"it cannot be read: {e}", "", False
    reason = _unfit(ground, chain, key, who)
    if not reason and anew:
        reason = certs.unlike(certs.certificate_info(chain), who.spec, ground.cfg.cluster)
    return reason, server, False


def _unfit(ground: Ground, pem: bytes, key_pem: bytes, who: Identity) -> str:
    """Why a certificate and a key are no credential of `who`; empty if they are, under any CA that is trusted."""
    try:
        chain, key = x509.load_pem_x509_certificates(pem), load_private(key_pem)
    except (ValueError, TypeError) as e:
        return f"it cannot be read: {e}"
    info = certs.describe(chain[0])
    if info.common_name != who.common_name or set(info.organizations) != set(who.organizations):
        return f"it is {info.common_name}'s, not {who.common_name}'s"
    if not certs.same_key(chain[0], key):
        return "its certificate does not belong to its key"
    trusted = x509.load_pem_x509_certificates(ground.ca)
    reasons = [certs.unfit(chain, who.spec, ca, ground.now) for ca in trusted]
    return "" if "" in reasons else reasons[0]
