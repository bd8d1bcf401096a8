"""Images that are named by tag and digest, in lists and against locks."""

from __future__ import annotations

import pytest

from bootstrap.cli.images import _pinned
from bootstrap.model.images.lock import LockedImage
from bootstrap.render.images.required import RequiredImage
from bootstrap.workflows.images.choice import locked_as

D, OTHER = "sha256:" + "1" * 64, "sha256:" + "2" * 64
TAG = "r.example/x:1"


@pytest.mark.parametrize(
    ("image", "locked", "found"),
    [
        (TAG, TAG, True),
        (f"{TAG}@{D}", TAG, True),
        (f"{TAG}@{D}", f"{TAG}@{D}", True),
        (f"{TAG}@{OTHER}", TAG, False),
        (f"r.example/x@{D}", TAG, False),
        ("r.example/x:2", TAG, False),
    ],
)
def test_an_image_is_locked_by_its_tag_where_the_digest_is_the_same(image: str, locked: str, found: bool) -> None:
    entry = LockedImage(D)
    assert locked_as({locked: entry}, RequiredImage("", image, image)) == (entry if found else None)


def test_a_digest_is_written_once() -> None:
    assert _pinned(TAG, D) == _pinned(f"{TAG}@{D}", D) == f"{TAG}@{D}"
    assert _pinned(TAG, None) == TAG
