"""Certificates of a node as evidence: how long they are valid, and whether the CA beside them signed them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from posixpath import dirname

from cryptography import x509

from bootstrap.diagnosis.evidence import Certificate
from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.render.pki.certs import signed_by


def certificates(files: Mapping[str, bytes], kubeconfigs: Mapping[str, bytes]) -> tuple[Certificate, ...]:
    """`files` is path → PEM, CAs included; `kubeconfigs` is path → YAML, whose client certificate is looked at.

    A CA is the file that kubeadm's layout gives a leaf: `front-proxy-ca.crt` for `front-proxy-*`, `etcd/ca.crt` for
    etcd's, `ca.crt` for the others. What cannot be read is left out.
    """
    top = min((dirname(path) for path in files if path.endswith(".crt")), key=len, default="")
    leaves = {**files, **{path: pem for path, text in kubeconfigs.items() if (pem := _embedded(text))}}
    found = (_certificate(path, pem, files.get(_ca(path, top))) for path, pem in leaves.items())
    return tuple(certificate for certificate in found if certificate)


def _certificate(path: str, pem: bytes, ca: bytes | None) -> Certificate | None:
    try:
        leaf = x509.load_pem_x509_certificate(pem)
        issued = ca is None or any(signed_by(leaf, each) for each in x509.load_pem_x509_certificates(ca))
    except ValueError:
        return None
    return Certificate(path, leaf.not_valid_before_utc.timestamp(), leaf.not_valid_after_utc.timestamp(), issued)


def _ca(path: str, top: str) -> str:
    name = path.rpartition("/")[2]
    if name.endswith("ca.crt"):
        return ""  # who signs a CA is not ours to judge
    if name.startswith("front-proxy-"):
        return f"{top}/front-proxy-ca.crt"
    return f"{top}/etcd/ca.crt" if path.startswith(f"{top}/etcd/") or "etcd-client" in name else f"{top}/ca.crt"


def _embedded(kubeconfig: bytes) -> bytes:
    try:
        return base64.b64decode(read_kubeconfig(kubeconfig).user.get("client-certificate-data", ""))
    except (ValueError, TypeError):
        return b""
