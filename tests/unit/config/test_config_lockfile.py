"""A lock file is read back as it was written, and refused when it is anything else."""

from __future__ import annotations

import pytest

from bootstrap.config.own.lockfile import lock_text, parse_lock
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.image import Blob, Resolved
from bootstrap.model.images.lock import LockedImage, LockedPlatform

A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")
LOCK = {
    "registry.k8s.io/pause:3.10.2": LockedImage(
        A, {"linux/amd64": LockedPlatform(B, C), "linux/arm64": LockedPlatform(C, D)}
    )
}
HEAD = "apiVersion: bootstrap/v1alpha1\nkind: ImageLock\n"
REFUSED = {
    "another kind": "apiVersion: bootstrap/v1alpha1\nkind: Lock\nimages: {}\n",
    "two documents": f"{HEAD}images: {{}}\n---\n{HEAD}images: {{}}\n",
    "an unknown field": f"{HEAD}images: {{}}\nmore: 1\n",
    "a path for a digest": f"{HEAD}images: {{a/b: {{digest: 'sha256:../../x', platforms: {{}}}}}}\n",
    "no platforms": f"{HEAD}images: {{a/b: {{digest: '{A}'}}}}\n",
    "a name that is none": f"{HEAD}images: {{'A B': {{digest: '{A}', platforms: {{}}}}}}\n",
    "a list": f"{HEAD}images: []\n",
    "nothing": "",
    "no YAML": "{",
}


def test_a_lock_survives_being_written_and_read() -> None:
    assert parse_lock(lock_text(LOCK).encode()) == LOCK


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_lock_is_refused(case: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        parse_lock(REFUSED[case].encode())

    assert caught.value.code == Exit.IMAGE


@pytest.mark.parametrize(
    ("manifest", "config", "platform", "refused"),
    [
        (B, C, "linux/amd64", ""),
        (D, C, "linux/amd64", "locked is"),
        (B, D, "linux/amd64", "the configuration"),
        (B, C, "linux/arm", "no digest"),
    ],
)
def test_manifest_and_configuration_must_be_those_that_are_locked(
    manifest: str, config: str, platform: str, refused: str
) -> None:
    found = Resolved(Blob("", D, 1), Blob("", manifest, 1), Blob("", config, 1), ())

    said = LOCK["registry.k8s.io/pause:3.10.2"].refusal(found, platform)
    assert (refused in said) if refused else said == ""
