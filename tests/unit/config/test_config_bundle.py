"""Whose bundles are taken, as the configuration says it."""

from __future__ import annotations

import json

import pytest

from bootstrap.config import Overrides, difference, dump, load, resolve
from bootstrap.config.resolve import ANY_HOST
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.render.bundle.signature import new_key

HEAD = "apiVersion: bootstrap/v1alpha1\nkind: BootstrapConfiguration\n"
PRIVATE, PUBLIC = new_key()


def written(*keys: bytes) -> bytes:
    return f"{HEAD}bundle: {json.dumps({'trustedKeys': [key.decode() for key in keys]})}\n".encode()


def test_trusted_keys_are_read_and_written_again() -> None:
    cfg = resolve(load(written(PUBLIC)), Overrides(), ANY_HOST)

    assert cfg.own.trusted_keys == (PUBLIC.decode(),)
    assert resolve(load(dump(cfg).encode()), Overrides(), ANY_HOST) == cfg


def test_another_key_is_no_other_cluster() -> None:
    one, other = (resolve(load(text), Overrides(), ANY_HOST) for text in (HEAD.encode(), written(PUBLIC)))

    assert difference(one, other) == []


@pytest.mark.parametrize("key", [b"/etc/key.pub", PRIVATE])
def test_what_is_no_public_key_is_refused_with_its_field(key: bytes) -> None:
    with pytest.raises(BootstrapError) as refused:
        resolve(load(written(key)), Overrides(), ANY_HOST)

    assert refused.value.code == Exit.CONFIG
    assert "BootstrapConfiguration.bundle.trustedKeys: this is not an Ed25519 public key" in str(refused.value.details)
