"""Kubeconfig files: who kubeadm's five are for, a user's own, and the one that joining nodes start from."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.discovery import TrustedCluster
from bootstrap.model.effects import File, Link
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.pki import certs
from bootstrap.render.pki.certs import CertSpec, Issuer
from bootstrap.render.pki.clock import require_time
from bootstrap.render.pki.issue import ca_pem
from bootstrap.render.pki.keys import KeySource, private_pem


@dataclass(frozen=True)
class Identity:
    """Who a kubeconfig is for, and the server it talks to."""

    common_name: str
    organizations: tuple[str, ...]
    server: str

    @property
    def spec(self) -> CertSpec:
        """The client certificate it holds."""
        return CertSpec(self.common_name, self.organizations, usages=("client",))


def identities(cfg: ClusterConfig) -> dict[str, Identity]:
    """Path → identity of the five files; only people go through the shared endpoint."""
    shared, local = f"https://{cfg.endpoint}", kubelet_server(cfg)
    return {
        names.ADMIN_CONF: Identity("kubernetes-admin", (names.ADMIN_GROUP,), shared),
        names.SUPER_ADMIN_CONF: Identity("kubernetes-super-admin", ("system:masters",), shared),
        names.KUBELET_CONF: Identity(names.NODE_USER + cfg.node.name, (names.NODES_GROUP,), local),
        names.CONTROLLER_MANAGER_CONF: Identity("system:kube-controller-manager", (), local),
        names.SCHEDULER_CONF: Identity("system:kube-scheduler", (), local),
    }


def kubelet_server(cfg: ClusterConfig) -> str:
    """What the kubelet talks to: the API server beside it, on a worker the one that all share."""
    return f"https://{cfg.node.api or cfg.endpoint}"


def user_kubeconfig(
    cfg: ClusterConfig, pki: Mapping[str, bytes], who: Identity, keys: KeySource, now: datetime
) -> bytes:
    """A kubeconfig with a new client certificate for `who`."""
    certificate, key = client_certificate(cfg, pki, who, keys, now)
    user = {"client-certificate-data": _b64(certificate), "client-key-data": _b64(key)}
    return _document(cfg.cluster.cluster_name, who, ca_pem(cfg, pki), user)


def unsigned_kubeconfig(cfg: ClusterConfig, who: Identity, key: bytes, ca: bytes | None) -> bytes:
    """A kubeconfig for `who` with its key, which lacks the certificate, and the CA where that is not known yet."""
    return _document(cfg.cluster.cluster_name, who, ca, {"client-key-data": _b64(key)})


def client_certificate(
    cfg: ClusterConfig, pki: Mapping[str, bytes], who: Identity, keys: KeySource, now: datetime
) -> tuple[bytes, bytes]:
    """A new certificate for `who` and its key, as PEM. Raises BootstrapError (exit 3) when the CA's key is not here."""
    ca, key = _issuer(cfg, pki, who.common_name), keys.new(cfg.cluster.encryption_algorithm)
    require_time(now, who.common_name, ca.certificate)
    lifetime = cfg.cluster.certificate_validity
    certificate = certs.build(who.spec, key, ca, serial=keys.serial(), now=now, lifetime=lifetime)
    return ca.pem(certificate), private_pem(key)


def rotated(path: str, pem: bytes, now: datetime) -> tuple[File, Link]:
    """A certificate and its key in the way of the kubelet's own store: it refuses a plain file in place of its link."""
    dated = f"{path.removesuffix('current.pem')}{now:%Y-%m-%d-%H-%M-%S}.pem"
    return File(dated, pem, mode=0o600, secret=True), Link(path, dated)


def rotatable_kubelet_conf(kubeconfig: bytes, certificate_path: str = names.KUBELET_CLIENT_CURRENT) -> bytes:
    """`kubeconfig` with the embedded certificate and key replaced by the file that the kubelet rotates.

    Raises ValueError when it is none.
    """
    current = read_kubeconfig(kubeconfig)
    current.user.clear()
    current.user.update({"client-certificate": certificate_path, "client-key": certificate_path})
    return to_yaml(current.document).encode()


def with_server(kubeconfig: bytes, server: str) -> bytes:
    """`kubeconfig` talking to `server`. Raises ValueError when it is none."""
    current = read_kubeconfig(kubeconfig)
    current.cluster["server"] = server
    return to_yaml(current.document).encode()


def told_otherwise(kubeconfig: bytes, before: str, now: str) -> bytes:
    """`kubeconfig` talking to `now` if it talks to `before`, which was another one; empty if it stays as it is."""
    try:
        current = read_kubeconfig(kubeconfig).cluster.get("server")
    except ValueError:
        return b""
    return with_server(kubeconfig, now) if current == before != now else b""


def bootstrap_kubeconfig(cluster: TrustedCluster) -> bytes:
    """What the kubelet of a joining machine starts with (kubeadm's bootstrap-kubelet.conf)."""
    user = dict(cluster.user) or {"token": cluster.token}
    return _document("kubernetes", Identity("tls-bootstrap-token-user", (), cluster.server), cluster.ca, user)


def cluster_info_kubeconfig(cfg: ClusterConfig, ca: bytes) -> bytes:
    """What a joining node may know before it trusts us: the endpoint and the CA, no user."""
    cluster = {"certificate-authority-data": _b64(ca), "server": f"https://{cfg.endpoint}"}
    return to_yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "", "cluster": cluster}],
            "contexts": None,
            "current-context": "",
            "users": None,
        }
    ).encode()


def _document(cluster: str, who: Identity, ca: bytes | None, credentials: Mapping[str, str]) -> bytes:
    user, context = who.common_name, f"{who.common_name}@{cluster}"
    trusted = {**({"certificate-authority-data": _b64(ca)} if ca else {}), "server": who.server}
    return to_yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": cluster, "cluster": trusted}],
            "contexts": [{"name": context, "context": {"cluster": cluster, "user": user}}],
            "current-context": context,
            "users": [{"name": user, "user": dict(credentials)}],
        }
    ).encode()


def _issuer(cfg: ClusterConfig, pki: Mapping[str, bytes], common_name: str) -> Issuer:
    key = pki.get(f"{cfg.cluster.certificates_dir}/ca.key")
    if key is None:
        raise BootstrapError(
            f"no kubeconfig can be made for {common_name}",
            code=Exit.CONFIG,
            why=f"{cfg.cluster.certificates_dir}/ca.key is not on this machine, so nothing can be signed here",
            fix="provide the five kubeconfig files in /etc/kubernetes, signed by that CA, then run again",
        )
    return certs.issuer_of(ca_pem(cfg, pki), key)


def _b64(data: bytes) -> str:
    return b64encode(data).decode()
