"""The certificates and keys that all control planes share, encrypted, for kubeadm to fetch when one joins."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bootstrap.model import names
from bootstrap.model.cluster import BootstrapToken, ClusterConfig, ExternalEtcd
from bootstrap.model.effects import Apply
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.cluster.objects import opaque, readable_secret, token_secret

CERTIFICATES = "kubeadm-certs"
TTL = 2 * 3600
"""Seconds that they stay (kubeadm's DefaultCertTokenDuration)."""
KEY_BYTES = 32
NONCE_BYTES = 12
"""AES-256-GCM; the nonce stands before the ciphertext (kubeadm's cryptoutil)."""
_SHARED = ("ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.pub", "sa.key")
_ENCRYPTION = "encryption-config.yaml"
"""Ours: kubeadm takes the names that it knows and leaves others."""
_OF_ETCD = ("etcd/ca.crt", "etcd/ca.key")


def shared_files(cfg: ClusterConfig) -> dict[str, str]:
    """Key in the Secret → path of the file; empty for what an external etcd does without."""
    etcd = cfg.cluster.etcd
    own = _SHARED if isinstance(etcd, ExternalEtcd) else (*_SHARED, *_OF_ETCD)
    files = {name.replace("/", "-"): f"{cfg.cluster.certificates_dir}/{name}" for name in own}
    if cfg.own.encryption:
        files[_ENCRYPTION] = names.ENCRYPTION_CONFIG
    if isinstance(etcd, ExternalEtcd):
        theirs = {"-ca.crt": etcd.ca_file, ".crt": etcd.cert_file, ".key": etcd.key_file}
        files |= {f"external-etcd{end}": path for end, path in theirs.items()}
    return files


def upload(
    cfg: ClusterConfig,
    files: Mapping[str, bytes],
    key: str,
    owner: BootstrapToken,
    now: datetime,
    random: Callable[[int], bytes],
) -> tuple[Apply, ...]:
    """The Secret of `files` (path → content), encrypted with `key` (hex), which joining nodes may get.

    It belongs to the Secret of `owner`, a token that nobody can use: the controller manager removes a token when it
    expires, and the garbage collector what belongs to it.

    Raises BootstrapError (exit 3) when a file is not there: with an external CA this machine has no keys to share.
    """
    cipher, data = AESGCM(bytes.fromhex(key)), {}
    for name, path in shared_files(cfg).items():
        if path and path not in files:
            raise BootstrapError(
                f"{path} is not on this machine, so it cannot be uploaded",
                code=Exit.CONFIG,
                why="every further control plane needs it",
                fix="leave --upload-certs out, and bring certificates and keys to those machines yourself",
            )
        nonce = random(NONCE_BYTES)
        data[name] = b64encode(nonce + cipher.encrypt(nonce, files[path], None)).decode() if path else ""
    rights = readable_secret("kubeadm:kubeadm-certs", CERTIFICATES)
    return (*map(Apply, rights), Apply(opaque(CERTIFICATES, data), owner=token_secret(owner, now)))


def taken(data: Mapping[str, str], key: str) -> dict[str, bytes]:
    """Key in the Secret → content, of what `data` (base64) holds; empty entries are left out, as kubeadm does.

    Raises BootstrapError (exit 7) when `key` (hex) is not the one that it was encrypted with.
    """
    cipher, files = AESGCM(bytes.fromhex(key)), {}
    try:
        for name, encoded in data.items():
            sealed = b64decode(encoded, validate=True)
            if sealed:
                files[name] = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except (ValueError, InvalidTag):
        raise BootstrapError(
            f"the certificate key does not open {CERTIFICATES}",
            code=Exit.API,
            why="they were uploaded again since, with another key, or a character of it is wrong",
            fix="on a control plane: bootstrap init phase upload-certs --upload-certs",
        ) from None
    return files
