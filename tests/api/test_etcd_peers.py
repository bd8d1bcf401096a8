"""Who answers where an etcd's peers are looked for: certificates say it, whatever was expected there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bootstrap.host.etcd_peers import known_members, who_answers
from bootstrap.model import names
from bootstrap.model.effects import KeyPair
from tests.api.server import Cluster, says, serving
from tests.memory import MemoryHost

MEMBERS = [{"id": 1, "name": "n1", "peerURLs": ["https://10.0.0.1:2380"]}]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Cluster, KeyPair]:
    cluster = Cluster.made()
    for name, content in cluster.pki.items():
        path = tmp_path / name.removeprefix(f"{names.PKI_DIR}/")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return cluster, KeyPair(
        *(str(tmp_path / name) for name in ("ca.crt", "apiserver-kubelet-client.crt", "apiserver-kubelet-client.key"))
    )


def test_an_etcd_is_asked_for_its_members(pair: tuple[Cluster, KeyPair], tmp_path: Path) -> None:
    cluster, mine = pair
    answers = says(200, MEMBERS), says(404, b"page"), says(200, {})  # type: ignore[arg-type]
    with serving(cluster, tmp_path, *answers) as server:
        assert known_members(MemoryHost(), mine, server.url) == MEMBERS
        for _ in answers[1:]:
            with pytest.raises(ConnectionError):
                known_members(MemoryHost(), mine, server.url)
    with pytest.raises(ConnectionError, match="does not answer"):
        known_members(MemoryHost(), mine, server.url)


def test_the_name_is_that_of_the_certificate(pair: tuple[Cluster, KeyPair], tmp_path: Path) -> None:
    cluster, mine = pair
    with serving(cluster, tmp_path, says(200, {})) as server:
        port = int(server.url.rpartition(":")[2])
        assert who_answers(MemoryHost(), mine, ("127.0.0.1", "127.9.9.9", "192.0.2.1"), port) == {
            "kube-apiserver": "127.0.0.1"
        }

        other = Cluster.made()
        (tmp_path / "other.crt").write_bytes(other.file("ca.crt"))
        stranger = KeyPair(str(tmp_path / "other.crt"), mine.certificate, mine.key)
        assert who_answers(MemoryHost(), stranger, ("127.0.0.1",), port) == {}
