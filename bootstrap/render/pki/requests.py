"""Requests for the certificates of a control plane whose CA is elsewhere."""

from __future__ import annotations

from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig
from bootstrap.model.effects import File
from bootstrap.render.pki import certs
from bootstrap.render.pki.issue import authorities
from bootstrap.render.pki.keys import KeySource, private_pem
from bootstrap.render.pki.kubeconfig import identities, unsigned_kubeconfig


def requests(cfg: ClusterConfig, kubeconfigs: str, keys: KeySource, ca: bytes | None) -> tuple[File, ...]:
    """A key and a request for each leaf; for each identity a kubeconfig without its certificate, and its request.

    `kubeconfigs` is the directory of the latter; `ca` the cluster's CA where it is known already.
    """
    made: list[File] = []
    for authority in authorities(cfg):
        for name, spec in authority.leaves:
            key, path = keys.new(cfg.cluster.encryption_algorithm), f"{cfg.cluster.certificates_dir}/{name}"
            made += [_private(f"{path}.key", private_pem(key)), _private(f"{path}.csr", certs.request(spec, key))]
    for usual, who in identities(cfg).items():
        key, path = keys.new(cfg.cluster.encryption_algorithm), usual.replace(names.KUBERNETES_DIR, kubeconfigs, 1)
        content = unsigned_kubeconfig(cfg, who, private_pem(key), ca)
        made += [_private(path, content), _private(f"{path}.csr", certs.request(who.spec, key))]
    return tuple(made)


def _private(path: str, content: bytes) -> File:
    return File(path, content, mode=0o600, secret=True)
