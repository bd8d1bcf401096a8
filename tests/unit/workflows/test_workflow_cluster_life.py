"""Images into a cluster, logs out of it, its rest, and nodes more and less, in an engine in memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from bootstrap.clusters.addresses import node_addresses, own_range
from bootstrap.clusters.containers import GIVEN, addresses_needed, first_documents, laid_out
from bootstrap.clusters.documents import effective
from bootstrap.config import to_stored
from bootstrap.formats import yaml_reader
from bootstrap.host.docker.commands import Ran
from bootstrap.model import names
from bootstrap.model.cluster_shape import CONTROL_PLANE, WORKER, ClusterShape, NodeShape, ShapeNetworking
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.cluster import create as creating
from bootstrap.workflows.cluster import grow as growing
from bootstrap.workflows.cluster import load as loading
from bootstrap.workflows.cluster.create import CreateRequest, create
from bootstrap.workflows.cluster.grow import add, remove
from bootstrap.workflows.cluster.life import containers_of, running_nodes
from bootstrap.workflows.cluster.load import load
from bootstrap.workflows.cluster.logs import collect
from bootstrap.workflows.cluster.power import start, stop
from tests.unit.workflows.cluster_engine import MemoryEngine, MemoryImages

ID, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
TOKEN = "abcdef.0123456789abcdef"  # noqa: S105 - of no cluster
HAPROXY = "/etc/haproxy/haproxy.cfg"


def unheard(*said: object) -> None:
    """Nobody listens."""


@pytest.fixture(autouse=True)
def _plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "inotify", lambda needed: None)


def made(control_planes: int = 1, workers: int = 1, family: str = "ipv4") -> MemoryEngine:
    nodes = (NodeShape(),) * control_planes + (NodeShape(WORKER),) * workers
    shape = ClusterShape("dev", nodes, ShapeNetworking(family))
    engine = MemoryEngine(images=MemoryImages({"app:1": ID, "tools:2": OTHER}))
    create(engine, CreateRequest(shape), unheard, time.monotonic())
    layout = laid_out(shape, node_addresses(own_range("172.20.0.0/16"), (), addresses_needed(shape)))
    stored = to_stored(effective(first_documents(shape, layout, TOKEN))).encode()
    engine.containers.files[names.STATE_CONFIG] = stored
    engine.containers.answers["1h"] = Ran(0, TOKEN.encode() + b"\n")
    return engine


def crictl(**ids: str) -> Ran:
    images = [{"id": found, "repoTags": [f"docker.io/library/{name}"]} for name, found in ids.items()]
    return Ran(0, json.dumps({"images": images}).encode())


def test_an_image_goes_into_all_nodes_that_lack_it() -> None:
    engine = made(workers=2)
    nodes = running_nodes(engine, "dev")

    assert load(engine, nodes, ["app:1"]) == {"app:1": [node.name for node in nodes]}
    assert engine.containers.fed == {node.name: [b"app:1"] for node in nodes}


def test_what_all_nodes_have_is_not_sent() -> None:
    engine = made()
    engine.containers.answers["json"] = crictl(**{"app:1": ID, "tools:2": ID})
    nodes = running_nodes(engine, "dev")

    assert load(engine, nodes, ["app:1", "tools:2"]) == {"app:1": [], "tools:2": [node.name for node in nodes]}


def test_an_archive_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def chunks() -> Iterator[bytes]:
        yield from (b"one", b"two")

    monkeypatch.setattr(loading, "chunks_of_input", chunks)
    engine = made()
    load(engine, running_nodes(engine, "dev"), ["-"])

    assert engine.containers.fed["dev-worker"] == [b"one", b"two"]


def test_an_image_that_the_engine_lacks_is_said_before_anything_is_sent() -> None:
    engine = made()
    with pytest.raises(BootstrapError, match="has no image nothing:1") as error:
        load(engine, running_nodes(engine, "dev"), ["app:1", "nothing:1"])

    assert error.value.code == Exit.IMAGE
    assert not engine.containers.fed


def test_a_node_that_refuses_says_why() -> None:
    engine = made()
    engine.containers.answers["dev-worker"] = Ran(9, b"", " ✗ the archive is broken\n   next   docker save\n".encode())
    with pytest.raises(BootstrapError, match="dev-worker: the archive is broken") as error:
        load(engine, running_nodes(engine, "dev"), ["app:1"])

    assert (error.value.code, error.value.fix) == (Exit.IMAGE, "docker save")


def test_rest_and_return() -> None:
    engine = made()

    assert stop(engine, containers_of(engine, "dev")) == ["dev-control-plane", "dev-worker"]
    assert stop(engine, containers_of(engine, "dev")) == []
    with pytest.raises(BootstrapError, match="no node of dev runs"):
        running_nodes(engine, "dev")
    assert set(start(engine, containers_of(engine, "dev"), 5, unheard)) == {"dev-control-plane", "dev-worker"}
    assert start(engine, containers_of(engine, "dev"), 5, unheard) == {}


def test_logs_have_a_folder_for_each_node() -> None:
    engine = made(control_planes=2)
    engine.containers.stop("dev-worker")
    files = dict(collect(engine, containers_of(engine, "dev")))

    assert files["dev-worker/pods/a/0.log"] == b"line"
    assert "dev-worker/journal.log" not in files
    assert {"dev-control-plane/journal.log", "dev-control-plane/manifests/a/0.log", "cluster/events.txt"} <= set(files)
    assert "dev-load-balancer/container.log" in files


def test_workers_are_added_with_the_next_names_and_addresses() -> None:
    engine = made()
    seconds = add(engine, containers_of(engine, "dev"), [WORKER, WORKER], 5, unheard)

    assert list(seconds) == ["dev-worker2", "dev-worker3"]
    assert engine.containers.kept >= set(seconds)
    container = engine.containers.there["dev-worker3"][0]
    (join, *_) = yaml_reader.parse(container.files[GIVEN])
    assert container.address == "172.20.0.5"
    assert join["discovery"]["bootstrapToken"]["token"] == TOKEN
    assert join["discovery"]["bootstrapToken"]["apiServerEndpoint"] == "172.20.0.2:6443"
    assert set(container.files) == {GIVEN}


@pytest.mark.parametrize(("family", "address"), [("dual", "fd00:20::4"), ("ipv4", "")])
def test_a_node_that_is_added_has_the_families_of_the_others(family: str, address: str) -> None:
    engine = made(family=family)
    add(engine, containers_of(engine, "dev"), [WORKER], 5, unheard)

    assert engine.containers.there["dev-worker2"][0].address6 == address


def test_an_add_that_ends_by_a_bug_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made()
    monkeypatch.setattr(growing, "watch", lambda *said, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        add(engine, containers_of(engine, "dev"), [WORKER], 5, unheard)

    assert "dev-worker2" not in engine.containers.there


def test_a_control_plane_gets_the_shared_keys_and_its_place_behind_the_load_balancer() -> None:
    engine = made(control_planes=2)
    add(engine, containers_of(engine, "dev"), [CONTROL_PLANE], 5, unheard)

    container = engine.containers.there["dev-control-plane3"][0]
    assert "/etc/kubernetes/pki/ca.key" in container.files
    balancer = engine.containers.there["dev-load-balancer"][0].files[HAPROXY].decode()
    assert f"server dev-control-plane3 {container.address}:6443" in balancer
    assert ("dev-load-balancer", ("SIGUSR2",)) in engine.containers.commands


def test_a_cluster_of_one_control_plane_has_no_second() -> None:
    engine = made()
    with pytest.raises(BootstrapError, match="cannot have a second control plane") as error:
        add(engine, containers_of(engine, "dev"), [CONTROL_PLANE], 5, unheard)

    assert error.value.code == Exit.CONFLICT
    assert "--control-planes 2" in error.value.fix


def test_a_node_that_does_not_join_goes_again() -> None:
    engine = made()
    engine.containers.speech["dev-worker2"] = [" ✗ no space left"]
    engine.containers.ended["dev-worker2"] = 5
    with pytest.raises(BootstrapError, match="dev-worker2: no space left"):
        add(engine, containers_of(engine, "dev"), [WORKER], 5, unheard)

    assert set(engine.containers.there) == {"dev-control-plane", "dev-worker"}


def test_a_worker_leaves() -> None:
    engine = made()
    remove(engine, ["dev-worker"])

    assert set(engine.containers.there) == {"dev-control-plane"}
    assert "dev-worker" in engine.containers.stopped, "killed amid its work it might not end"
    assert [words[:4] for name, words in engine.containers.commands if name == "dev-control-plane"] == [
        ("kubectl", "delete", "node", "dev-worker")
    ]


def test_a_control_plane_leaves_the_load_balancer_and_etcd_first() -> None:
    engine = made(control_planes=3)
    remove(engine, ["dev-control-plane2"])

    commands = [(name, words[:2]) for name, words in engine.containers.commands]
    assert commands == [
        ("dev-load-balancer", ("SIGUSR2",)),
        ("dev-control-plane2", ("systemctl", "stop")),
        ("dev-control-plane2", ("bootstrap", "reset")),
        ("dev-control-plane", ("kubectl", "delete")),
    ]
    assert b"control-plane2 " not in engine.containers.there["dev-load-balancer"][0].files[HAPROXY]


@pytest.mark.parametrize(("node", "words"), [("dev-control-plane", "no other control plane runs"), ("x", "no node x")])
def test_what_cannot_leave_stays(node: str, words: str) -> None:
    engine = made()
    with pytest.raises(BootstrapError, match=words) as error:
        remove(engine, [node])

    assert error.value.code == Exit.CONFLICT
    assert len(engine.containers.there) == 2


def test_the_load_balancer_is_no_node() -> None:
    engine = made(control_planes=2)
    with pytest.raises(BootstrapError, match="no node dev-load-balancer"):
        remove(engine, ["dev-load-balancer"])
