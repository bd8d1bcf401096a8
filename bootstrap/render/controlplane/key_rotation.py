"""Another key for Secrets, in stages: at each, whoever is one stage behind or ahead reads what is written.

Bytes follow from the keys alone, so that control planes know each other's stage by a hash.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Any

from bootstrap.formats.yaml_reader import UnreadableError, parse_one
from bootstrap.model.encryption import KEYED, Keyring
from bootstrap.render.controlplane.encryption import key_name, keyring_document, keyring_text

METRIC = "apiserver_encryption_config_controller_last_config_info"
_ACTIVE = re.compile(rf'^{METRIC}{{(?:[^}}]*,)?hash="sha256:([0-9a-f]{{64}})"[^}}]*}} 1', re.MULTILINE)


class Stage(IntEnum):
    """What the configuration holds: the old key, both, both with the new one first, the new one."""

    OLD = 0
    ADDED = 1
    FIRST = 2
    DROPPED = 3


@dataclass(frozen=True)
class Rotation:
    """`texts` is the configuration at each stage, `stage` the one of this machine's; keys are named."""

    stage: Stage
    texts: tuple[bytes, ...]
    old: str
    new: str

    def stage_of(self, digest: str) -> Stage | None:
        """Where somebody else is; None for another configuration."""
        return next((Stage(i) for i, text in enumerate(self.texts) if sha256(text).hexdigest() == digest), None)


def rotation(content: bytes, fresh: str) -> Rotation | None:
    """The one that is under way here, or would begin with `fresh` (base64); None for what is no keyring of ours."""
    ring = keyring(content)
    if ring is None:
        return None
    old = min(ring.keys)
    new = max(ring.keys) if len(ring.keys) > 1 else (old[0] + 1, fresh)
    rings = ((old,), (old, new), (new, old), (new,))
    stage = Stage(rings.index(ring.keys))
    texts = [keyring_text(Keyring(ring.provider, keys)) for keys in rings]
    texts[stage] = content
    return Rotation(stage, tuple(texts), key_name(old[0]), key_name(new[0]))


def keyring(content: bytes) -> Keyring | None:
    """Of one or two keys, and nothing else in the configuration."""
    try:
        document: Any = parse_one(content)
        provider, said = next(iter(document["resources"][0]["providers"][0].items()))
        keys = tuple((int(key["name"].removeprefix("key")), key["secret"]) for key in said["keys"])
    except (UnreadableError, KeyError, IndexError, TypeError, ValueError, AttributeError, StopIteration):
        return None
    ring = Keyring(provider, keys)
    ours = provider in KEYED and len({number for number, _ in keys}) == len(keys) in (1, 2)
    return ring if ours and keyring_document(ring) == document else None


def key_names(content: bytes) -> tuple[str, ...]:
    """Of a keyring of ours; none for anything else."""
    ring = keyring(content)
    return tuple(key_name(number) for number, _ in ring.keys) if ring else ()


def active(metrics: str) -> str:
    """sha256 of the configuration that an API server works with, by what it says of itself; empty if it does not."""
    found = _ACTIVE.search(metrics)
    return found[1] if found else ""
