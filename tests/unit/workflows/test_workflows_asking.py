"""A cluster that names an address which this machine does not reach."""

from __future__ import annotations

import pytest

from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.joining.asking import Asking, unheard
from tests.memory_api import MemoryApi

NAMED = "203.0.113.10:6443"


class Silent(MemoryApi):
    def get(self, path: str) -> object:  # type: ignore[override]
        raise ConnectionError("timed out")


@pytest.mark.parametrize(
    ("found_at", "words"),
    [("192.0.2.1:6443", f"cluster-info names {NAMED}"), (NAMED, "bootstrap diagnose"), ("", "bootstrap diagnose")],
)
def test_the_address_that_is_not_reached_is_told_from_the_one_that_was(found_at: str, words: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        Asking(Silent(), NAMED, 0.1, unheard, found_at).get("/version")

    assert caught.value.code == Exit.WAIT
    assert words in caught.value.fix
