"""The certificates of a machine by kubeadm's names: which file holds each, and which CA has to sign it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography import x509

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.render.pki.certs import CertSpec
from bootstrap.render.pki.issue import authorities
from bootstrap.render.pki.kubeconfig import identities

Read = Callable[[str], bytes | None]
KUBELET = names.KUBELET_CONF.rpartition("/")[2]
KUBELET_SERVER = "kubelet-server"
"""Ours, as the one above: kubeadm leaves both to the kubelet."""
_KUBELET_PKI = names.KUBELET_CLIENT_CURRENT.rpartition("/")[0]
KUBELET_SERVER_FILES = (f"{_KUBELET_PKI}/kubelet-server-current.pem", f"{_KUBELET_PKI}/kubelet.crt")
"""The one that a CA signed and the kubelet rotates; else the one that it signed itself."""


@dataclass(frozen=True)
class Holder:
    """`path` is a certificate or a kubeconfig; `ca` the name of the CA, empty where none of the cluster's has to sign.

    `spec` is what the configuration wants it to say; None where that is the kubelet's own affair.
    """

    name: str
    path: str
    ca: str
    spec: CertSpec | None = None

    @property
    def is_kubeconfig(self) -> bool:
        return self.path.endswith(".conf")


def holders(cfg: ClusterConfig) -> tuple[Holder, ...]:
    """In kubeadm's order, then the kubelet's; on a worker only those."""
    found = []
    if cfg.node.api is not None:
        directory = cfg.cluster.certificates_dir
        for authority in authorities(cfg):
            for leaf, spec in authority.leaves:
                found.append(Holder(_flat(leaf), f"{directory}/{leaf}.crt", _flat(authority.name), spec))
        for path, who in identities(cfg).items():
            if path != names.KUBELET_CONF:
                found.append(Holder(path.rpartition("/")[2], path, "ca", who.spec))
    kubelet = identities(cfg)[names.KUBELET_CONF].spec if cfg.node.api or cfg.node.server else None
    return (
        *sorted(found, key=lambda holder: holder.name),
        Holder(KUBELET, names.KUBELET_CONF, "ca", kubelet),
        Holder(KUBELET_SERVER, KUBELET_SERVER_FILES[0], ""),
    )


def authority_paths(cfg: ClusterConfig) -> dict[str, str]:
    """Name of each CA → its path without extension; a worker has the cluster's only."""
    directory = cfg.cluster.certificates_dir
    if cfg.node.api is None:
        return {"ca": f"{directory}/ca"}
    return {_flat(authority.name): f"{directory}/{authority.name}" for authority in authorities(cfg)}


def certificate_of(holder: Holder, read: Read) -> bytes | None:
    """The PEM that it holds now; None when there is none. Raises ValueError for a kubeconfig that is none."""
    if holder.name == KUBELET_SERVER:
        return next(filter(None, map(read, KUBELET_SERVER_FILES)), None)
    content = read(holder.path)
    if content is None or not holder.is_kubeconfig:
        return content
    user = read_kubeconfig(content).user
    if path := user.get("client-certificate"):
        return read(path)
    return b64decode(user.get("client-certificate-data") or "") or None


def rotated_file(kubeconfig: bytes) -> str:
    """The file of a certificate that somebody else renews, in a kubeconfig that names one; else empty."""
    return str(read_kubeconfig(kubeconfig).user.get("client-certificate") or "")


def certificate(pem: bytes) -> x509.Certificate:
    """The first one. Raises ValueError."""
    return x509.load_pem_x509_certificate(pem)


def _flat(name: str) -> str:
    """`etcd/server` as kubeadm's commands call it."""
    return name.replace("/", "-")


def external(paths: Mapping[str, str], read: Read) -> frozenset[str]:
    """The CAs that are here without their keys."""
    return frozenset(name for name, path in paths.items() if read(f"{path}.crt") and not read(f"{path}.key"))
