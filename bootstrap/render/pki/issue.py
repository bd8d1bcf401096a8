"""kubeadm's set of certificates and keys: what exists and will do is kept, the rest is issued."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509

from bootstrap.model.cluster import ClusterConfig, LocalEtcd
from bootstrap.model.effects import File
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.addresses import as_ip, loopback, service_ips, split_endpoint
from bootstrap.render.pki import certs
from bootstrap.render.pki.certs import CertSpec, Issuer
from bootstrap.render.pki.clock import require_time
from bootstrap.render.pki.keys import KeySource, PrivateKey, load_private, private_pem, public_pem

LOCAL_SANS = ("localhost", "127.0.0.1", "::1")
"""In every serving certificate of ours: a node container's API is used through a published port."""


PEER = "etcd/peer"
CLUSTER = "ca"
SIGNING = "signing-ca"
"""The cluster's CA alone, where others are trusted beside it: the controller manager signs with no file of several."""


@dataclass(frozen=True)
class Authority:
    """A CA and its leaves; names are below certificatesDir, without extension."""

    name: str
    spec: CertSpec
    leaves: tuple[tuple[str, CertSpec], ...]


@dataclass
class _Issuance:
    """One run over the set: what it may use, and what it has made so far."""

    cfg: ClusterConfig
    existing: Mapping[str, bytes]
    keys: KeySource
    now: datetime
    begun: Collection[str] = ()
    anew: bool = False
    files: list[File] = field(default_factory=list)

    def path(self, name: str) -> str:
        return f"{self.cfg.cluster.certificates_dir}/{name}"

    def read(self, name: str) -> bytes | None:
        return self.existing.get(self.path(name))

    def is_theirs(self, path: str) -> bool:
        return path in self.existing and path not in self.begun

    def sign(self, spec: CertSpec, key: PrivateKey, issuer: Issuer | None, lifetime: float) -> x509.Certificate:
        return certs.build(spec, key, issuer, serial=self.keys.serial(), now=self.now, lifetime=lifetime)

    def add(self, name: str, content: bytes, *, once: bool = False) -> None:
        secret = name.endswith(".key")
        mode = 0o644 if name.endswith(".crt") else 0o600
        self.files.append(File(self.path(name), content, mode=mode, secret=secret, once=once))


def issue_pki(
    cfg: ClusterConfig,
    existing: Mapping[str, bytes],
    keys: KeySource,
    now: datetime,
    begun: Collection[str] = (),
    *,
    anew: bool = False,
) -> tuple[File, ...]:
    """The whole set, kept files included with the bytes they have.

    `existing` maps paths to what lies there. CAs and the service-account key are never replaced; a leaf is kept while
    it is valid, signed by its CA and names everything it must. A CA without its key has leaves that exist. A leaf that
    is not ours and will not do raises BootstrapError (exit 3), as in kubeadm.

    `begun` are paths that an earlier run of ours set out to make. A CA's key is written before its certificate, so one
    of ours without a certificate is of a run that was killed between the two, and gets its certificate now.

    A CA's file may hold others that are trusted too: the one that the key is of signs.

    With `anew` a leaf of ours is issued again too when its names, kind of key or lifetime are not as configured.
    """
    run = _Issuance(cfg, existing, keys, now, begun, anew)
    for authority in authorities(cfg):
        issuer, ca = _authority(run, authority)
        for name, spec in authority.leaves:
            _leaf(run, name, _as_known(run, name, spec), issuer, ca)
    _service_account(run)
    return tuple(run.files)


def pki_paths(cfg: ClusterConfig) -> tuple[str, ...]:
    """Every path that `issue_pki` may find something at."""
    stems = [n for a in authorities(cfg) for n in (a.name, *(leaf for leaf, _ in a.leaves))]
    files = [f"{stem}.{suffix}" for stem in stems for suffix in ("crt", "key")]
    return tuple(f"{cfg.cluster.certificates_dir}/{name}" for name in (*files, "sa.key", "sa.pub"))


def signing_ca(cfg: ClusterConfig, pki: Mapping[str, bytes]) -> str:
    """The name of the CA that the controller manager signs with, by the files of a set; empty where it cannot."""
    if f"{cfg.cluster.certificates_dir}/{CLUSTER}.key" not in pki:
        return ""
    return SIGNING if f"{cfg.cluster.certificates_dir}/{SIGNING}.crt" in pki else CLUSTER


def is_external_ca(cfg: ClusterConfig, existing: Collection[str]) -> bool:
    """Whether the cluster CA's certificate is there and its key is not."""
    return (
        f"{cfg.cluster.certificates_dir}/ca.crt" in existing
        and f"{cfg.cluster.certificates_dir}/ca.key" not in existing
    )


def ca_pem(cfg: ClusterConfig, pki: Mapping[str, bytes]) -> bytes:
    """The cluster CA's certificate."""
    return pki[f"{cfg.cluster.certificates_dir}/ca.crt"]


def authorities(cfg: ClusterConfig) -> tuple[Authority, ...]:
    """The CAs of this cluster with the certificates each must sign; no etcd CA with an external etcd."""
    client = ("client",)
    found = [
        Authority(
            CLUSTER,
            CertSpec("kubernetes", sans=("kubernetes",), is_ca=True),
            (
                ("apiserver", CertSpec("kube-apiserver", usages=("server",), sans=apiserver_sans(cfg))),
                ("apiserver-kubelet-client", CertSpec("kube-apiserver-kubelet-client", usages=client)),
            ),
        ),
        Authority(
            "front-proxy-ca",
            CertSpec("front-proxy-ca", sans=("front-proxy-ca",), is_ca=True),
            (("front-proxy-client", CertSpec("front-proxy-client", usages=client)),),
        ),
    ]
    if isinstance(cfg.cluster.etcd, LocalEtcd):
        found.append(_etcd_authority(cfg, cfg.cluster.etcd))
    return tuple(found)


def apiserver_sans(cfg: ClusterConfig) -> tuple[str, ...]:
    """Everything that a client may call the API server."""
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
    endpoint = (split_endpoint(cfg.endpoint)[0],) if cfg.cluster.control_plane_endpoint else ()
    virtual = (cfg.own.control_plane_vip.address,) if cfg.own.control_plane_vip else ()
    return (
        cfg.node.name,
        *names,
        f"kubernetes.default.svc.{cfg.cluster.networking.dns_domain}",
        *service_ips(cfg),
        cfg.api.advertise_address,
        *endpoint,
        *virtual,
        *cfg.cluster.api_server_cert_sans,
        *LOCAL_SANS,
        *cfg.own.extra_sans,
    )


def _etcd_authority(cfg: ClusterConfig, etcd: LocalEtcd) -> Authority:
    sans = (cfg.node.name, "localhost", cfg.api.advertise_address, "127.0.0.1", "::1", loopback(cfg))
    both, client = ("server", "client"), ("client",)
    return Authority(
        "etcd/ca",
        CertSpec("etcd-ca", sans=("etcd-ca",), is_ca=True),
        (
            ("etcd/server", CertSpec(cfg.node.name, usages=both, sans=sans + etcd.server_cert_sans)),
            (PEER, CertSpec(cfg.node.name, usages=both, sans=sans + etcd.peer_cert_sans)),
            ("etcd/healthcheck-client", CertSpec("kube-etcd-healthcheck-client", usages=client)),
            ("apiserver-etcd-client", CertSpec("kube-apiserver-etcd-client", usages=client)),
        ),
    )


def _as_known(run: _Issuance, name: str, spec: CertSpec) -> CertSpec:
    """A member's certificate for its peers keeps the addresses that it had: the others may still know it by those."""
    before = run.read(f"{name}.crt") if name == PEER else None
    try:
        known = certs.certificate_info(before).sans if before else ()
    except ValueError:
        return spec
    return replace(spec, sans=(*spec.sans, *filter(as_ip, known)))


def _authority(run: _Issuance, authority: Authority) -> tuple[Issuer | None, x509.Certificate]:
    """The CA's signing pair (None when its key is elsewhere) and certificate; made only if neither file is there."""
    crt, key_pem = run.read(authority.name + ".crt"), run.read(authority.name + ".key")
    if crt is None:
        return _new_authority(run, authority, key_pem)
    found = _certificates(run, authority.name, crt)
    if not certs.describe(found[0]).is_ca:
        raise _broken(run, authority.name, f"{run.path(authority.name)}.crt is not a CA certificate")
    run.add(authority.name + ".crt", crt, once=True)
    if key_pem is None:
        return None, found[0]
    _private(run, authority.name, key_pem)
    try:
        issuer = certs.issuer_of(crt, key_pem)
    except ValueError:
        what = f"{run.path(authority.name)}.crt and .key do not belong together"
        raise _broken(run, authority.name, what) from None
    run.add(authority.name + ".key", key_pem, once=True)
    if authority.name == CLUSTER and len(found) > 1:
        run.add(f"{SIGNING}.crt", certs.certificate_pem(issuer.certificate))
    return issuer, issuer.certificate


def _new_authority(run: _Issuance, authority: Authority, key_pem: bytes | None) -> tuple[Issuer, x509.Certificate]:
    """The key comes first: a certificate without a key would mean that the key is kept elsewhere."""
    if key_pem is not None and run.path(authority.name + ".key") not in run.begun:
        raise _broken(run, authority.name, f"{run.path(authority.name)}.key is there, its certificate is not")
    key = (
        run.keys.new(run.cfg.cluster.encryption_algorithm)
        if key_pem is None
        else _private(run, authority.name, key_pem)
    )
    ca = run.sign(authority.spec, key, None, run.cfg.cluster.ca_certificate_validity)
    run.add(authority.name + ".key", key_pem or private_pem(key), once=True)
    run.add(authority.name + ".crt", certs.certificate_pem(ca), once=True)
    return Issuer(ca, key), ca


def _leaf(run: _Issuance, name: str, spec: CertSpec, issuer: Issuer | None, ca: x509.Certificate) -> None:
    """Keep the leaf if it will do, else issue it again with a new key."""
    crt, key_pem = run.read(name + ".crt"), run.read(name + ".key")
    reason = _unfit_pair(run, crt, key_pem, spec, ca)
    if not reason and crt is not None and issuer and run.anew and run.path(f"{name}.crt") in run.begun:
        reason = certs.unlike(certs.certificate_info(crt), spec, run.cfg.cluster)
    if not reason and crt is not None and key_pem is not None:
        content, private = crt, key_pem
    elif issuer is None:
        raise BootstrapError(
            f"{run.path(name)}.crt cannot be used: {reason}",
            code=Exit.CONFIG,
            why=f"the key of {certs.describe(ca).common_name} is not on this machine, so nothing can be signed here",
            fix="provide this certificate and its key, signed by that CA, then run the same command again",
        )
    elif theirs := [p for p in (f"{run.path(name)}.crt", f"{run.path(name)}.key") if run.is_theirs(p)]:
        raise BootstrapError(
            f"{run.path(name)}.crt cannot be used: {reason}",
            code=Exit.CONFIG,
            why=f"{' and '.join(theirs)} was not made by bootstrap, and files of others are not overwritten",
            fix="provide one that fits, or move both away: another one is issued then",
        )
    else:
        require_time(run.now, name, issuer.certificate)
        key = run.keys.new(run.cfg.cluster.encryption_algorithm)
        content = issuer.pem(run.sign(spec, key, issuer, run.cfg.cluster.certificate_validity))
        private = private_pem(key)
    run.add(name + ".crt", content)
    run.add(name + ".key", private)


def _unfit_pair(run: _Issuance, crt: bytes | None, key_pem: bytes | None, spec: CertSpec, ca: x509.Certificate) -> str:
    if crt is None or key_pem is None:
        return "the certificate or its key is missing"
    try:
        chain = x509.load_pem_x509_certificates(crt)
        key = load_private(key_pem)
    except (ValueError, TypeError) as e:
        return f"it cannot be read: {e}"
    if not certs.same_key(chain[0], key):
        return "it does not belong to its key"
    return certs.unfit(chain, spec, ca, run.now)


def _service_account(run: _Issuance) -> None:
    """The pair that signs service-account tokens; the public half follows from the private one."""
    pem = run.read("sa.key")
    if pem is None and (run.read("sa.pub") is not None or is_external_ca(run.cfg, run.existing)):
        raise _broken(run, "sa", f"{run.path('sa.key')} is missing")
    key = run.keys.new(run.cfg.cluster.encryption_algorithm) if pem is None else _private(run, "sa", pem)
    run.add("sa.key", pem or private_pem(key), once=True)
    run.add("sa.pub", run.read("sa.pub") or public_pem(key.public_key()), once=True)


def _private(run: _Issuance, name: str, pem: bytes) -> PrivateKey:
    try:
        return load_private(pem)
    except (ValueError, TypeError) as e:
        raise _broken(run, name, f"{run.path(name)}.key does not hold a private key: {e}") from e


def _certificates(run: _Issuance, name: str, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as e:
        raise _broken(run, name, f"{run.path(name)}.crt is not a certificate: {e}") from e


def _broken(run: _Issuance, name: str, what: str) -> BootstrapError:
    return BootstrapError(
        what,
        code=Exit.CONFIG,
        why="keys that a cluster depends on are never replaced, so a damaged set stops here",
        fix=f"restore {run.path(name)}.* from where they came, or, for a new cluster, remove them and run again",
    )
