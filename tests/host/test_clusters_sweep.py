"""With --sweep only: a cluster of containers whose engine is restarted, and whose machine is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.node import until
from tests.host.machine import PRODUCT, Machine

CLUSTER = f"docker run --rm -v /var/run/docker.sock:/var/run/docker.sock {PRODUCT} cluster"
KUBECTL = "docker exec dev-control-plane kubectl --request-timeout=5s"
READY = f"{KUBECTL} get nodes --no-headers"


@pytest.fixture
def machine(request: pytest.FixtureRequest, make: Callable[..., Machine]) -> Iterator[Machine]:
    if not request.config.getoption("--sweep"):
        pytest.skip("only with --sweep")
    made = make("clusters")
    made.load_product()
    yield made
    made.sh(f"{CLUSTER} delete --all")


def test_a_cluster_comes_back_with_its_engine(machine: Machine) -> None:
    machine.must(f"{CLUSTER} create dev --workers 1")
    machine.must(f"{KUBECTL} create configmap before")
    restarts = (lambda: machine.must("systemctl restart docker"), machine.reboot)
    for restart in restarts:
        restart()

        def back() -> bool:
            lines = machine.must(READY).splitlines()
            return len(lines) == 2 and all(" Ready " in line for line in lines)

        until("both Ready", back, 180)
        machine.must(f"{KUBECTL} get configmap before")
        machine.must(f"{KUBECTL} run pod-{restarts.index(restart)} --image localhost/bootstrap/pause:3.10.2")
    until("both Pods run", lambda: machine.must(f"{KUBECTL} get pods --no-headers").count("Running") == 2)
