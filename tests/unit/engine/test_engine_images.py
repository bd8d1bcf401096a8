"""An image that is there is left alone, and nobody is asked for it."""

from __future__ import annotations

import threading

import pytest

from bootstrap.engine.effects import apply_effect
from bootstrap.engine.preview import preview
from bootstrap.engine.run_context import RunOver
from bootstrap.host.registry.limits import Deadline, DeadlineError
from bootstrap.model.effects import ImagePresent
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.mirrors import Mirrors
from bootstrap.model.plan import Plan, Step
from bootstrap.model.upgrade_effects import ImagesReleased
from tests.unit.engine.fakes import MemoryHost, context

NAME = "registry.k8s.io/pause:3.10.2"
CHECK = f"ctr --address=/run/c.sock --namespace=k8s.io images check name=={NAME}"
HEAD = "REF TYPE DIGEST STATUS SIZE UNPACKED\n"
LINE = f"{NAME} application/vnd.oci.image.index.v1+json sha256:{'a' * 64} "
OFFLINE = Mirrors(offline=True)
"""There is no place to ask: what asks nevertheless fails at once, and opens no connection."""


def host(line: str) -> MemoryHost:
    machine = MemoryHost()
    machine.outputs[CHECK] = HEAD + line
    return machine


def test_an_image_that_is_there_is_left_alone() -> None:
    machine = host(LINE + "complete (3/3) 1.9 MiB/1.9 MiB true\n")

    assert apply_effect(ImagePresent(NAME, "unix:///run/c.sock", OFFLINE), context(machine), 1) == ""
    assert machine.log == [CHECK]


def test_a_tag_with_another_digest_than_the_wanted_one_is_not_taken_for_it() -> None:
    machine = host(LINE + "complete (3/3) 1.9 MiB/1.9 MiB true\n")

    right, wrong = (
        ImagePresent(f"{NAME}@sha256:{letter * 64}", "unix:///run/c.sock", OFFLINE) for letter in ("a", "b")
    )

    assert apply_effect(right, context(machine), 1) == ""
    with pytest.raises(BootstrapError, match="no registry gave"):
        apply_effect(wrong, context(machine), 1)


@pytest.mark.parametrize(
    "line",
    ["", LINE + "incomplete (1/3) 0.1 MiB/1.9 MiB false\n", LINE + "complete (3/3) 1.9 MiB/1.9 MiB false\n"],
)
def test_an_image_that_is_not_whole_is_wanted(line: str) -> None:
    with pytest.raises(BootstrapError) as caught:
        apply_effect(ImagePresent(NAME, "unix:///run/c.sock", OFFLINE), context(host(line)), 1)

    assert caught.value.code == Exit.EFFECT
    assert caught.value.details == ("registry.k8s.io: not asked: mirrors.offline is true",)


def test_a_pull_ends_with_the_run() -> None:
    """Whatever the registry does: it is asked nothing any more, and has no time left."""
    subject = context(host(""))
    subject.over.set()

    with pytest.raises(RunOver):
        apply_effect(ImagePresent(NAME, "unix:///run/c.sock", Mirrors()), subject, 60)


def test_a_pause_between_two_tries_ends_with_the_run() -> None:
    over = threading.Event()
    deadline = Deadline.after(3600, over)
    threading.Timer(0.02, over.set).start()
    deadline.pause(3600)

    assert deadline.left == 0
    with pytest.raises(DeadlineError):
        deadline.check("registry.example")


def test_a_dry_run_names_the_image_and_asks_nobody() -> None:
    machine = host("")
    (step,) = preview(Plan((Step("images", "Images", (ImagePresent(NAME, "unix:///run/c.sock", OFFLINE),)),)), machine)

    assert [effect.what for effect in step.effects] == [f"image {NAME}: brought in and pinned unless it is there"]
    assert machine.log == []


CTR = "ctr --address=/run/c.sock --namespace=k8s.io images"


def row(name: str, labels: str) -> str:
    return f"localhost/bootstrap/{name} application/x sha256:{'a' * 64} 1.0 MiB linux/amd64 {labels}\n"


def test_of_earlier_versions_only_images_that_may_be_needed_again_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this program carries stays, and what is others'; a runtime without ctr is left as it is."""
    monkeypatch.setattr("bootstrap.engine.effects.images.seed_images", lambda: {"localhost/bootstrap/etcd:3": "id"})
    rows = (
        row("etcd:1", "io.cri-containerd.image=managed,io.cri-containerd.pinned=pinned"),
        row("etcd:2", "io.cri-containerd.pinned=pinned"),
        row("etcd:3", "io.cri-containerd.pinned=pinned"),
        row("etcd:0", "io.cri-containerd.image=managed"),
        row("app:1", "io.cri-containerd.pinned=pinned").replace("localhost/bootstrap", "docker.io/library"),
    )
    machine = MemoryHost()
    machine.outputs[f"{CTR} ls"] = "REF TYPE DIGEST SIZE PLATFORMS LABELS\n" + "".join(rows)
    machine.outputs[f"{CTR} label localhost/bootstrap/etcd:1 io.cri-containerd.pinned="] = ""
    effect = ImagesReleased("unix:///run/c.sock", ("localhost/bootstrap/etcd:2",))

    assert apply_effect(effect, context(machine), 1) == "1 images of earlier versions may go"
    assert [line for line in machine.log if " label " in line] == list(machine.outputs)[1:]
    assert apply_effect(effect, context(MemoryHost()), 1) == ""
