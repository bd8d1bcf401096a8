"""Files that somebody typed: what is none is the typist's to correct, and nothing on the machine's to remove."""

from __future__ import annotations

import pytest

from bootstrap.cli.flags.inputs import read_config
from bootstrap.host.fs import given
from bootstrap.model.discovery import Discovery
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.api_access import administrator
from bootstrap.workflows.joining.asking import unheard
from bootstrap.workflows.joining.discovery import discover
from tests.memory import Entry, MemoryHost


@pytest.fixture
def host() -> MemoryHost:
    made = MemoryHost()
    made.write("/etc/a", b"a", 0o600)
    made.write("/etc/long", b"long", 0o600)
    made.entries["/etc/zero"] = Entry("device", 0o666)
    return made


def test_a_file_is_read_from_the_root_on(host: MemoryHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert given.contents(host, "/etc/a", "") == given.contents(host, "etc/../etc/a", "") == b"a"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/etc/none", "looked up in this container"),
        ("/etc/zero", "a device"),
        ("/etc", "a directory"),
        ("/etc/long", "MiB"),
    ],
)
def test_what_is_no_file_is_a_wrong_configuration(
    host: MemoryHost, monkeypatch: pytest.MonkeyPatch, path: str, words: str
) -> None:
    monkeypatch.setattr(given, "MOST_BYTES", 3)
    wanted = Discovery(file=path)
    for read in (
        lambda: read_config(path, host),
        lambda: administrator(host, path),
        lambda: discover(host, wanted, unheard),
    ):
        with pytest.raises(BootstrapError, match=f"cannot read {path}") as caught:
            read()
        assert caught.value.code == Exit.CONFIG and words in caught.value.why and caught.value.fix.startswith("give ")
