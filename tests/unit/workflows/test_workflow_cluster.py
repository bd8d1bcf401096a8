"""Clusters of containers: made, asked and removed, in an engine in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.clusters.containers import GIVEN
from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.formats.yaml_reader import parse
from bootstrap.model.cluster_shape import WORKER, ClusterShape, NodeShape, ShapeNetworking
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.cluster import create as creating
from bootstrap.workflows.cluster import watch as watching
from bootstrap.workflows.cluster.create import CreateRequest, create, preview
from bootstrap.workflows.cluster.life import clusters, containers_of, delete, kubeconfig
from bootstrap.workflows.cluster.reach import for_engine
from tests.unit.workflows.cluster_engine import MemoryContainers, MemoryEngine, MemoryNetworks

SHAPE = ClusterShape("dev", (NodeShape(), NodeShape(WORKER), NodeShape(WORKER)))
NODES = {"dev-control-plane", "dev-worker", "dev-worker2"}


@pytest.fixture(autouse=True)
def _plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "inotify", lambda needed: None)


def make(engine: MemoryEngine, shape: ClusterShape = SHAPE, **more: Any) -> Any:
    request = CreateRequest(shape, **more)
    return create(engine, request, lambda *said: None, time.monotonic())


def fails(engine: MemoryEngine, shape: ClusterShape = SHAPE, **more: Any) -> BootstrapError:
    with pytest.raises(BootstrapError) as error:
        make(engine, shape, **more)
    return error.value


def test_all_nodes_are_made_and_go_on_after_a_restart_of_the_engine() -> None:
    engine = MemoryEngine()
    made = make(engine)

    assert set(engine.containers.there) == set(made.seconds) == engine.containers.kept == NODES
    port = made.containers[0].ports[0].host_port
    assert made.api == f"https://127.0.0.1:{port}"
    assert [one.address for one in made.containers] == ["172.20.0.2", "172.20.0.3", "172.20.0.4"]


@pytest.mark.parametrize("wait", ["dns", "api"])
def test_all_share_the_cpu_evenly_once_the_first_is_up(wait: str) -> None:
    engine, seen = MemoryEngine(), []

    def heard(name: str, line: str, seconds: float | None) -> None:
        if seconds is not None:
            seen.append((name, set(engine.containers.even)))

    create(engine, CreateRequest(SHAPE, wait), heard, time.monotonic())

    assert dict(seen)["dev-control-plane"] == NODES


def record(event: str, **more: Any) -> str:
    return json.dumps({"version": 1, "time": "2026-01-02T03:04:05Z", "event": event, **more}, separators=(",", ":"))


def test_events_of_all_nodes_are_one_stream_and_say_when_each_is_done() -> None:
    engine = MemoryEngine()
    for name in NODES:
        engine.containers.speech[name] = [
            "a line", record("step-done", step="s"), '{"no": "event"}', "Kubernetes v1 is up in 1 s",
            record("run-done", code=0),
        ]  # fmt: skip
    told: list[tuple[str, str]] = []
    seen: list[str] = []
    made = create(
        engine, CreateRequest(SHAPE), lambda name, line, seconds: seen.append(line), time.monotonic(),
        lambda name, event: told.append((name, event["event"])),
    )  # fmt: skip

    assert set(made.seconds) == NODES
    assert {name for name, event in told if event == "step-done"} == NODES
    assert '{"no": "event"}' in seen
    assert not [line for line in seen if "step-done" in line]
    assert all("--events" in engine.containers.there[name][0].command for name in NODES)


def test_without_anybody_who_listens_nodes_tell_no_events() -> None:
    engine = MemoryEngine()
    make(engine)

    assert not any("--events" in wanted.command for wanted, _, _ in engine.containers.there.values())


def test_another_port_is_taken_where_the_first_is_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = iter((21001, 21002))
    monkeypatch.setattr(creating, "random_port", lambda: next(ports))
    engine = MemoryEngine(MemoryContainers(taken_ports={21001}))

    assert make(engine).api == "https://127.0.0.1:21002"


def test_a_port_that_was_asked_for_is_not_replaced() -> None:
    engine = MemoryEngine(MemoryContainers(taken_ports={6443}))
    error = fails(engine, replace(SHAPE, networking=ShapeNetworking(api_port=6443)))

    assert error.code == Exit.PREFLIGHT
    assert not engine.containers.there


def test_ranges_of_pods_are_avoided() -> None:
    shape = replace(SHAPE, networking=ShapeNetworking(pod_subnet="172.20.0.0/16"))

    assert make(MemoryEngine(), shape).containers[0].address == "172.21.0.2"


def test_a_network_of_others() -> None:
    engine = MemoryEngine()

    assert make(engine, replace(SHAPE, network="shared")).containers[0].address == "192.168.7.253"
    assert not engine.networks.there


@pytest.mark.parametrize(
    ("load_balancer", "network", "addresses"),
    [("", "", ["172.20.127.0/24"]), ("metallb", "", ["172.20.127.0/24"]), ("none", "", None), ("", "shared", None)],
)
def test_services_get_addresses_of_a_network_of_the_clusters_own(
    load_balancer: str, network: str, addresses: list[str] | None
) -> None:
    first = make(MemoryEngine(), replace(SHAPE, load_balancer=load_balancer, network=network)).containers[0]
    own = next(doc for doc in parse(first.files[GIVEN]) if doc["kind"] == "BootstrapConfiguration")

    assert own.get("loadBalancerAddresses") == addresses


def test_both_families() -> None:
    engine = MemoryEngine()
    made = make(engine, replace(SHAPE, networking=ShapeNetworking(family="dual"))).containers
    own = {doc["kind"]: doc for doc in parse(made[0].files[GIVEN])}

    assert [one.address6 for one in made] == ["fd00:20::2", "fd00:20::3", "fd00:20::4"]
    assert own["ClusterConfiguration"]["networking"]["serviceSubnet"] == "10.96.0.0/16,fd00:10:96::/112"
    assert own["BootstrapConfiguration"]["loadBalancerAddresses"] == ["172.20.127.0/24", "fd00:20::7f00/120"]


@pytest.mark.parametrize(
    ("family", "network", "words"), [("ipv6", "", "IPv6 alone"), ("dual", "shared", "shared has no IPv6 range")]
)
def test_families_that_a_network_cannot_have(family: str, network: str, words: str) -> None:
    error = fails(MemoryEngine(), replace(SHAPE, networking=ShapeNetworking(family=family), network=network))

    assert (words in error.what, "dual" in error.fix or "--ipv6" in error.fix) == (True, True)


@pytest.mark.parametrize(
    ("network", "subnet", "why"), [("shared", "172.20.0.0/16", "others may have"), ("", "172.20.0.0/27", "too small")]
)
def test_addresses_that_nobody_knows_to_be_free_are_not_given_away(network: str, subnet: str, why: str) -> None:
    engine = MemoryEngine(networks=MemoryNetworks(subnets=(subnet,)))
    error = fails(engine, replace(SHAPE, load_balancer="metallb", network=network))

    assert (error.code, why in error.why, "loadBalancerAddresses" in error.fix) == (Exit.CONFIG, True, True)
    assert not engine.networks.there


def test_a_node_that_fails_is_named_and_all_is_removed() -> None:
    said = {"dev-worker": [" ✗ the disk is full", "   next   df -h"]}
    engine = MemoryEngine(MemoryContainers(speech=said, ended={"dev-worker": 5}))
    error = fails(engine)

    assert (error.what, error.fix, error.code) == ("dev-worker: the disk is full", "df -h", Exit.EFFECT)
    assert not engine.containers.there
    assert not engine.networks.there


def test_a_log_that_breaks_off_while_its_node_runs_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "AGAIN", 0.01)
    engine = MemoryEngine()
    tries: list[str] = []

    def breaking(name: str, *, since: float = 0) -> Iterator[str]:
        tries.append(name)
        yield from engine.containers.lines_of(name)[: tries.count(name)]
        if tries.count(name) == 2:
            raise BootstrapError("the Docker engine went away", code=Exit.EFFECT)

    monkeypatch.setattr(engine.containers, "lines", breaking)
    heard: list[tuple[str, str]] = []
    create(engine, CreateRequest(SHAPE), lambda name, line, seconds: heard.append((name, line)), time.monotonic())

    assert sorted(heard) == sorted((name, line) for name in NODES for line in engine.containers.lines_of(name))


def test_a_load_balancer_that_ends_is_a_failure() -> None:
    shape = replace(SHAPE, nodes=(NodeShape(), NodeShape()))
    said = {"dev-load-balancer": ["[ALERT] no more files"], "dev-control-plane2": []}
    engine = MemoryEngine(MemoryContainers(speech=said, ended={"dev-load-balancer": 1}))
    error = fails(engine, shape)

    assert error.what.startswith("dev-load-balancer: it ended")
    assert error.details == ("[ALERT] no more files",)


def test_a_bug_leaves_nothing_either(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MemoryEngine()
    monkeypatch.setattr(engine.containers, "keep_running", lambda name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        make(engine)

    assert not engine.containers.there


def test_what_failed_is_kept_for_a_look() -> None:
    engine = MemoryEngine(MemoryContainers(speech={"dev-worker": []}, ended={"dev-worker": 137}))
    error = fails(engine, retain=True)

    assert "bootstrap cluster delete dev" in error.more
    assert set(engine.containers.there) == NODES
    assert delete(engine, "dev", dry_run=False)
    assert not engine.containers.there


def test_nodes_have_the_proxies_of_the_command_and_go_past_them_to_each_other() -> None:
    engine = MemoryEngine(proxies={"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.test"})

    for container in make(engine, replace(SHAPE, nodes=(NodeShape(), NodeShape()))).containers:
        expected = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.test,172.20.0.0/16"}
        assert container.environment == (expected if container.is_node else {})
    assert all(container.environment == {} for container in make(MemoryEngine()).containers)


def test_an_interrupt_leaves_nothing() -> None:
    engine = MemoryEngine(MemoryContainers(interrupted=True))

    assert fails(engine).code == Exit.INTERRUPTED
    assert not engine.containers.there
    assert not engine.networks.there


def test_time_that_is_up_says_what_is_missing_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK", 0.05)
    engine = MemoryEngine(MemoryContainers(speech={"dev-worker2": ["waits for the moon"]}))
    error = fails(engine, timeout=0.01)

    assert error.code == Exit.WAIT
    assert "dev-worker2: last seen: waits for the moon" in error.details
    assert ("dev-worker2", ("bootstrap", "diagnose", "-o", "json")) in engine.containers.commands
    assert error.why == "it is full"


def test_another_cluster_is_never_touched() -> None:
    engine = MemoryEngine()
    make(engine)
    make(engine, replace(SHAPE, name="other"))
    error = fails(engine)

    assert error.code == Exit.CONFLICT
    assert list(clusters(engine)) == ["dev", "other"]
    assert set(delete(engine, "dev", dry_run=True)) == {*NODES, "dev"}
    assert set(delete(engine, "dev", dry_run=False)) == {*NODES, "dev"}
    assert delete(engine, "dev", dry_run=False) == []
    assert list(clusters(engine)) == ["other"]


def test_the_kubeconfig_is_for_the_host_or_for_the_network() -> None:
    engine = MemoryEngine()
    made = make(engine)

    for internal, server in ((False, made.api), (True, "https://172.20.0.2:6443")):
        current = read_kubeconfig(kubeconfig(engine, "dev", internal=internal))
        assert current.cluster["server"] == server
        assert current.document["current-context"] == "bootstrap-dev"
        assert current.user == {"client-key-data": "a2V5"}


@pytest.mark.parametrize(
    ("variable", "address", "server"),
    [
        ("tcp://docker:2375", "0.0.0.0", "docker"),
        ("tcp://127.0.0.1:2375", "127.0.0.1", "127.0.0.1"),
        ("unix:///run/docker.sock", "127.0.0.1", "127.0.0.1"),
        ("", "127.0.0.1", "127.0.0.1"),
    ],
)
def test_an_engine_elsewhere(monkeypatch: pytest.MonkeyPatch, variable: str, address: str, server: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", variable)
    engine = MemoryEngine()
    made = make(engine, for_engine(SHAPE))

    assert made.containers[0].ports[0].address == address
    assert made.api.startswith(f"https://{server}:")
    assert read_kubeconfig(kubeconfig(engine, "dev", internal=False)).cluster["server"] == made.api
    cfg, _ = preview(CreateRequest(for_engine(SHAPE)))
    assert server in cfg.cluster.api_server_cert_sans


def test_a_cluster_that_is_not_there() -> None:
    engine = MemoryEngine(networks=MemoryNetworks({"left": ("left", "run")}))
    with pytest.raises(BootstrapError, match="there is no cluster dev") as error:
        containers_of(engine, "dev")

    assert error.value.why == "there is: left"


@pytest.mark.parametrize(
    ("shape", "code"),
    [
        (ClusterShape("Dev"), Exit.USAGE),
        (ClusterShape("dev", (NodeShape(WORKER),)), Exit.USAGE),
        (ClusterShape("dev", networking=ShapeNetworking(pod_subnet="nonsense")), Exit.CONFIG),
        (ClusterShape("dev", networking=ShapeNetworking(family="ipv6")), Exit.CONFIG),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(shape: ClusterShape, code: Exit) -> None:
    with pytest.raises(BootstrapError) as error:
        preview(CreateRequest(shape))

    assert error.value.code == code


def test_too_few_inotify_instances_are_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "inotify_problem", lambda found, needed: (f"{needed} are needed", "sysctl"))
    error = fails(MemoryEngine())

    assert (error.what, error.code) == ("54 are needed", Exit.PREFLIGHT)
