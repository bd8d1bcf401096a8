"""Where a machine may be told to read whom to join."""

from __future__ import annotations

import pytest

from bootstrap.config import load
from bootstrap.config.join import discovery
from bootstrap.config.resolve import ANY_HOST
from bootstrap.config.validators import absolute
from bootstrap.model.errors import BootstrapError, Exit

FILE = """
apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery: {{tlsBootstrapToken: abcdef.0123456789abcdef, file: {{kubeConfigPath: "{}"}}}}
"""


@pytest.mark.parametrize("place", ["/x", "x", "file:///x", "https://x/y"])
def test_a_path_and_an_https_address_are_taken(place: str) -> None:
    assert discovery(load(FILE.format(place).encode()), ANY_HOST).file == place


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("http://x/y", "must be https"),
        ("ftp://x/y", "must be https"),
        ("file://x/y", "file:///PATH"),
        ("https://x/\\r\\nHost: y", "has a character that is none"),
        ("/x\\0y", "has a character that is none"),
        ("", "missing"),
    ],
)
def test_what_leads_nowhere_is_named(place: str, words: str) -> None:
    with pytest.raises(BootstrapError) as found:
        discovery(load(FILE.format(place).encode()), ANY_HOST)
    assert found.value.code == Exit.CONFIG and words in "".join(found.value.details)


@pytest.mark.parametrize("path", ["/a\0b", "/a\nb", "/\udcff", "/a\x1bb"])
def test_a_path_is_made_of_characters(path: str) -> None:
    assert "has a character that is none" in absolute(path)
