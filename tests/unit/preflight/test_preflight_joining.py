"""What a machine that joins is held against: the cluster's versions, its time, and its nodes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest

from bootstrap.host.facts.joined import MACHINE_ID, joined_facts
from bootstrap.host.kube_client import _date
from bootstrap.host.port import ApiResponse
from bootstrap.model.errors import BootstrapError
from bootstrap.model.facts import Namesake
from bootstrap.preflight.checks import CHECKS
from bootstrap.render.proxies import cluster_targets
from tests.memory import MemoryHost
from tests.unit.preflight.bad_machines import JOINS, WORKER, of_cluster, seen
from tests.unit.preflight.machine import named, run


@pytest.mark.parametrize("version", ["v1.37.0", "v1.37.9+bootstrap.2", "v1.38.1", "v1.40.0", ""])
def test_a_kubelet_may_be_three_minors_older_than_the_api_server(version: str) -> None:
    assert named(run(WORKER, configured={"server_version": version})) == []


@pytest.mark.parametrize("version", ["v1.37.0", "v1.37.4"])
def test_a_control_plane_is_of_the_clusters_own_minor(version: str) -> None:
    assert named(run(of_cluster(JOINS, version), **seen())) == []


@pytest.mark.parametrize("behind", [-5.0, 0.0, 4.0])
def test_what_an_answer_takes_is_no_difference_of_clocks(behind: float) -> None:
    assert named(run(WORKER, **seen(behind=behind))) == []


@pytest.mark.parametrize("ready", [True, False])
def test_a_machine_that_comes_back_has_its_own_name(ready: bool) -> None:
    assert named(run(WORKER, **seen(namesake=Namesake(ready=ready, itself=True)))) == []


def test_only_a_machine_that_joins_is_held_against_a_cluster() -> None:
    of_join = {check.name for check in CHECKS if check.joining}

    assert of_join == {"NodeName", "ClockSkew", "ClusterVersion", "ClusterImages"}
    assert not of_join & {outcome.check.name for outcome in run().outcomes}
    assert of_join < {outcome.check.name for outcome in run(JOINS).outcomes}


def test_the_way_out_is_to_run_join_again() -> None:
    with pytest.raises(BootstrapError) as caught:
        run(WORKER, **seen(behind=1000.0)).raise_errors()
    assert "run join again" in caught.value.fix


def test_what_a_worker_starts_calls_the_api_server_past_every_proxy() -> None:
    assert "192.0.2.1" in set(cluster_targets(WORKER))


class Cluster:
    """Its answers are `ahead` seconds before this machine's clock."""

    def __init__(self, ahead: float, node: dict[str, Any] | None = None) -> None:
        self.ahead, self.node = ahead, node

    def get(self, path: str) -> ApiResponse:
        date = datetime.now(UTC).timestamp() + self.ahead
        if path == "/version":
            return ApiResponse(200, {"gitVersion": "v1.37.0"}, "", date)
        assert path == "/api/v1/nodes/n"
        return ApiResponse(200, self.node) if self.node else ApiResponse(404, {})


def node(ready: str, machine: str) -> dict[str, Any]:
    status = {
        "conditions": [{"type": "Ready", "status": ready}],
        "nodeInfo": {"machineID": machine},
        "addresses": [{"type": "InternalIP", "address": "192.0.2.9"}],
    }
    return {"metadata": {"name": "n"}, "status": status}


def told(api: Cluster, machine: bytes = b"0a\n") -> dict[str, Any]:
    host = MemoryHost()
    host.write(MACHINE_ID, machine, 0o444)
    return joined_facts(host, api, "n")  # type: ignore[arg-type]


def test_the_clusters_time_is_that_of_its_answer() -> None:
    assert told(Cluster(600))["behind"] == pytest.approx(600, abs=2)
    assert told(Cluster(-600))["behind"] == pytest.approx(-600, abs=2)
    assert told(Cluster(0))["server_version"] == "v1.37.0"


@pytest.mark.parametrize(
    ("found", "machine", "namesake"),
    [
        (None, b"0a", None),
        (node("True", "0a"), b"0a\n", Namesake(ready=True, itself=True, address="192.0.2.9")),
        (node("True", "0b"), b"0a\n", Namesake(ready=True, itself=False, address="192.0.2.9")),
        (node("Unknown", ""), b"", Namesake(ready=False, itself=False, address="192.0.2.9")),
    ],
)
def test_a_node_of_the_same_name_is_this_machine_only_by_its_machine_id(
    found: dict[str, Any] | None, machine: bytes, namesake: Namesake | None
) -> None:
    assert told(Cluster(0, found), machine)["namesake"] == namesake


@pytest.mark.parametrize("text", ["", "yesterday", "Sun, 99 Nov 2026 00:00:00 GMT"])
def test_a_date_that_cannot_be_read_is_none(text: str) -> None:
    assert _date(text) == 0
    assert _date(format_datetime(datetime(2026, 1, 1, tzinfo=UTC), usegmt=True)) == 1767225600
