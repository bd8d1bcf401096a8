"""The API server's encryption of Secrets: its configuration with the key, its flags, what it mounts."""

from __future__ import annotations

from base64 import b64encode
from posixpath import dirname
from typing import Any

from bootstrap.formats.yaml_text import to_yaml
from bootstrap.model import names
from bootstrap.model.cluster import ClusterConfig, Document, Volume
from bootstrap.model.effects import Directory, File
from bootstrap.model.encryption import KMS, Encryption, Keyring

FLAG = "encryption-provider-config"
RELOAD = f"{FLAG}-automatic-reload"
FLAGS = {FLAG: names.ENCRYPTION_CONFIG, RELOAD: "true"}
KEY_BYTES = 32
"""AES-256's, and XSalsa20's."""
_SOCKET = "encryption-socket"


def configuration(encryption: Encryption, key: bytes) -> bytes:
    """A first one."""
    if encryption.provider == KMS:
        plugin = {"apiVersion": "v2", "name": "bootstrap", "endpoint": encryption.endpoint, "timeout": "3s"}
        return to_yaml(_document({"kms": plugin})).encode()
    return keyring_text(Keyring(encryption.provider, ((1, encoded(key)),)))


def encoded(key: bytes) -> str:
    """As a keyring has it."""
    return b64encode(key).decode()


def key_name(number: int) -> str:
    """As values in etcd begin with it."""
    return f"key{number}"


def keyring_text(ring: Keyring) -> bytes:
    return to_yaml(keyring_document(ring)).encode()


def keyring_document(ring: Keyring) -> Document:
    keys = [{"name": key_name(number), "secret": secret} for number, secret in ring.keys]
    return _document({ring.provider: {"keys": keys}})


def encryption_files(content: bytes) -> tuple[Directory | File, ...]:
    """A key that is there is never overwritten."""
    file = File(names.ENCRYPTION_CONFIG, content, mode=0o600, secret=True, once=True)
    return (Directory(names.ENCRYPTION_DIR, 0o700), file)


def volumes(cfg: ClusterConfig) -> tuple[Volume, ...]:
    """The directory of the configuration and that of a plugin's socket, where their places are not the user's."""
    encryption = cfg.own.encryption
    if encryption is None:
        return ()
    wanted = [Volume("encryption", names.ENCRYPTION_DIR, names.ENCRYPTION_DIR, True, "Directory")]
    if encryption.provider == KMS:
        folder = dirname(encryption.endpoint.removeprefix("unix://"))
        wanted.append(Volume(_SOCKET, folder, folder, False, "DirectoryOrCreate"))
    extra = cfg.cluster.api_server.extra_volumes
    taken = {v.name for v in extra} | {v.mount_path for v in extra}
    return tuple(v for v in wanted if not {v.name, v.mount_path} & taken)


def _document(provider: dict[str, Any]) -> Document:
    """Secrets that were stored before are read as they are: identity comes last."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [provider, {"identity": {}}]}],
    }
