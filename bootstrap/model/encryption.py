"""How the API server encrypts Secrets before etcd has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

KEYED = ("secretbox", "aescbc", "aesgcm")
"""Providers whose key is in their configuration."""
KMS = "kms-v2"
PROVIDERS = (*KEYED, KMS)


@dataclass(frozen=True)
class Encryption:
    """`endpoint` is the plugin's socket (`unix:///…`), for kms-v2 alone."""

    provider: str
    endpoint: str = ""

    @property
    def document(self) -> dict[str, str]:
        """As `encryption` says it."""
        return {"provider": self.provider} | ({"endpoint": self.endpoint} if self.endpoint else {})

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Encryption:
        """What `document` gave."""
        return cls(str(document.get("provider", "")), str(document.get("endpoint", "")))


@dataclass(frozen=True)
class Keyring:
    """Numbers and secrets (base64) of keys: the first one encrypts, every one reads."""

    provider: str
    keys: tuple[tuple[int, str], ...]
