"""Another image for the nodes of a cluster: in which order, with what, and where it fails."""

from __future__ import annotations

import json

import pytest

from bootstrap.host.docker.commands import Ran
from bootstrap.host.docker.successors import ASIDE
from bootstrap.model import names
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.workflows.cluster import create as creating
from bootstrap.workflows.cluster.upgrade import CARRIED, UpgradeRequest, upgrade
from tests.unit.workflows.cluster_engine import MemoryEngine
from tests.unit.workflows.test_workflow_cluster_life import made, unheard

PLANE, SECOND, WORKER = "dev-control-plane", "dev-control-plane2", "dev-worker"
AFTER = names.BUILT_VERSION.replace("bootstrap.1", "bootstrap.2")


@pytest.fixture(autouse=True)
def _plenty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creating, "inotify", lambda needed: None)


def run(engine: MemoryEngine) -> dict[str, float]:
    return upgrade(engine, "dev", UpgradeRequest(timeout=5), unheard).seconds  # type: ignore[arg-type]


def told(engine: MemoryEngine, word: str) -> list[str]:
    """Nodes that a command of kubectl was about."""
    return [words[2] for _, words in engine.containers.commands if words[:2] == ("kubectl", word)]


def test_control_planes_come_first_and_workers_are_empty_meanwhile() -> None:
    engine = made(control_planes=2, workers=1)
    balancer = engine.containers.there["dev-load-balancer"]

    assert list(run(engine)) == engine.successors.order == [PLANE, SECOND, WORKER]
    assert (told(engine, "drain"), told(engine, "uncordon")) == ([WORKER], [WORKER])
    assert engine.containers.commands[-1] == (PLANE, ("bootstrap", "upgrade", "apply", "-y"))
    assert engine.containers.kept >= {PLANE, SECOND, WORKER}
    assert engine.containers.there["dev-load-balancer"] is balancer
    assert not [name for name in engine.containers.there if name.endswith(ASIDE)]
    assert run(engine) == {}


@pytest.mark.parametrize(("control_planes", "copied"), [(1, (names.ETCD_DATA_DIR,)), (2, ())])
def test_only_an_etcd_that_is_alone_may_become_what_it_was(control_planes: int, copied: tuple[str, ...]) -> None:
    engine = made(control_planes)
    run(engine)

    assert engine.successors.copied[PLANE] == copied
    assert engine.successors.copied[WORKER] == ()


def test_a_node_that_does_not_come_up_is_what_it_was_and_the_others_are_left_alone() -> None:
    engine = made(workers=2)
    engine.successors.broken = {WORKER}
    with pytest.raises(BootstrapError) as caught:
        run(engine)

    assert caught.value.what == "dev-worker: it does not run: dev-worker is what it was before"
    assert (caught.value.code, "no disk" in caught.value.why) == (Exit.WAIT, True)
    assert engine.successors.order == [PLANE, WORKER]
    assert told(engine, "uncordon") == [WORKER]
    assert engine.containers.images == {PLANE: "sha256:2"}


def test_pods_that_a_budget_keeps_keep_the_node() -> None:
    engine = made()
    engine.containers.answers["--timeout=300s"] = Ran(1, b"", b"Cannot evict pod as it would violate the budget\n")
    with pytest.raises(BootstrapError, match="dev-worker was not drained") as caught:
        run(engine)

    assert caught.value.details == ("Cannot evict pod as it would violate the budget",)
    assert (engine.successors.order, told(engine, "uncordon")) == ([PLANE], [WORKER])


def test_who_was_cordoned_before_stays_so() -> None:
    engine = made()
    engine.containers.answers["jsonpath={.spec.unschedulable}"] = Ran(0, b"true")
    run(engine)

    assert (told(engine, "drain"), told(engine, "uncordon")) == ([WORKER], [])


def test_images_that_somebody_brought_go_along() -> None:
    engine = made(workers=0)
    images = [{"id": tag, "repoTags": [tag]} for tag in ("localhost/bootstrap/etcd:1", "docker.io/library/app:1")]
    engine.containers.answers["json"] = Ran(0, json.dumps({"images": images}).encode())
    run(engine)

    moved = [words[-3:] for _, words in engine.containers.commands if "images" in words and CARRIED in words]
    assert moved == [("export", CARRIED, "docker.io/library/app:1"), ("images", "load", CARRIED)]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_run_that_was_interrupted_is_run_again(is_there: bool) -> None:
    engine = made()
    engine.successors.put_aside(PLANE)
    if is_there:
        engine.successors.start(PLANE, "sha256:2")

    assert list(run(engine)) == ([WORKER] if is_there else [PLANE, WORKER])
    assert not [name for name in engine.containers.there if name.endswith(ASIDE)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (names.BUILT_VERSION, "v1.36.3+bootstrap.1"),
        (names.BUILT_VERSION, "v1.39.0+bootstrap.1"),
        (AFTER, names.BUILT_VERSION),
    ],
)
def test_what_cannot_follow_is_refused_before_anything_is_done(before: str, after: str) -> None:
    engine = made()
    stored = engine.containers.files[names.STATE_CONFIG]
    engine.containers.files[names.STATE_CONFIG] = stored.replace(names.BUILT_VERSION.encode(), before.encode())
    engine.successors.after = after
    with pytest.raises(BootstrapError) as caught:
        run(engine)
    assert (caught.value.code, engine.successors.order) == (Exit.CONFLICT, [])


def test_a_cluster_that_rests_is_started_first() -> None:
    engine = made()
    engine.containers.stop(WORKER)
    with pytest.raises(BootstrapError, match="dev-worker: not running"):
        run(engine)
    assert engine.successors.order == []
