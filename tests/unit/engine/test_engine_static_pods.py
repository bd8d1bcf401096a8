"""A static Pod is restarted when what it reads is newer than its container, and only then."""

from __future__ import annotations

import json

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.model.effects import StaticPodRestarted
from bootstrap.model.errors import BootstrapError
from tests.memory import MemoryHost
from tests.unit.engine.fakes import context

LIST = (
    "crictl --runtime-endpoint=unix:///s --timeout=60s ps --output=json --name=^etcd$ "
    "--label=io.kubernetes.pod.namespace=kube-system"
)
EFFECT = StaticPodRestarted("etcd", ("/pki/peer.crt", "/pki/none.crt"), "unix:///s")


def machine(*created: float) -> MemoryHost:
    host = MemoryHost()
    host.mkdir("/pki", 0o755)
    host.write("/pki/peer.crt", b"", 0o644)  # at 2 of this host's time
    containers = [{"id": f"c{second}", "createdAt": str(int(second * 1e9))} for second in created]
    host.outputs[LIST] = json.dumps({"containers": containers})
    return host


@pytest.mark.parametrize(("created", "gone"), [((1,), "c1"), ((2,), ""), ((3,), ""), ((), ""), ((1, 3), "")])
def test_the_container_is_ended_that_is_older_than_its_files(created: tuple[float, ...], gone: str) -> None:
    host = machine(*created)

    assert apply_effect(EFFECT, context(host), 1) == ("etcd restarted" if gone else "")
    assert [line.split()[3:] for line in host.log if " stop " in line or " rm " in line] == (
        [["stop", "--timeout=5", gone], ["rm", gone]] if gone else []
    )


def test_a_runtime_that_says_something_else_is_named() -> None:
    host = machine()
    host.outputs[LIST] = '{"containers": [{}]}'

    with pytest.raises(BootstrapError, match="does not say what runs"):
        apply_effect(EFFECT, context(host), 1)
