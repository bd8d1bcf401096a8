"""Bundles given to a Docker engine: which names it gets, and what it is sent."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.host.bundle.file import Trust, verified
from bootstrap.host.docker.images import DockerImages
from bootstrap.host.images.archive import unpack
from bootstrap.host.images.layout import Layout
from bootstrap.host.images.sources import LayoutSource
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.images.bundle import named
from bootstrap.workflows.images.bundle_create import create
from tests.bundle.corpus import NOW, add_image, layer, small_contents

TAG = "registry.example/x:1"


class Engine:
    """Remembers what it was given; `store` is how it calls its images."""

    def __init__(self, folder: Path, store: str) -> None:
        self._layout, self._store = Layout(folder), store
        self.names: dict[str, str] = {}
        self.api = SimpleNamespace(load_image=self.load)
        self.images = SimpleNamespace(get=self.get)

    def load(self, archive: Any) -> list[str]:
        for image in unpack(io.BytesIO(b"".join(archive)), self._layout):
            for name in image.names:
                self.names[name] = str(image.target["digest"])
        return []

    def get(self, name: str) -> Any:
        import docker

        if name not in self.names:
            raise docker.errors.ImageNotFound(name)
        if self._store == "containerd":
            return SimpleNamespace(id=self.names[name])
        import json

        return SimpleNamespace(id=json.loads(self._layout.read(self.names[name]))["config"]["digest"])


def loaded(folder: Path, store: str, *references: str) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]:
    """What two loads of these references say, and the engine's names; `{}` in them is the image's digest."""
    layout = Layout(folder / "layout")
    image = add_image(layout, [layer("x", 1000)])
    wanted = [reference.format(image["digest"]) for reference in references]
    layout.set_index([named(image, name) for name in wanted])
    create(small_contents(*wanted), [LayoutSource(layout, "test")], None, folder / "b", NOW)
    engine, images = Engine(folder / "engine", store), DockerImages.__new__(DockerImages)
    images._client = engine
    with verified(folder / "b", Trust(unsigned=True)) as bundle:
        return images.load(bundle, "amd64"), images.load(bundle, "amd64"), engine.names


@pytest.mark.parametrize("store", ["classic", "containerd"])
@pytest.mark.parametrize("references", [(TAG,), (TAG + "@{}",), (TAG, TAG + "@{}")])
def test_an_image_has_its_tag_and_is_known_the_second_time(tmp_path: Path, store: str, references: tuple[str]) -> None:
    first, second, names = loaded(tmp_path, store, *references)

    assert (first, second, list(names)) == ((TAG,), (), [TAG])


def test_an_image_without_a_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BootstrapError) as caught:
        loaded(tmp_path, "classic", "registry.example/x@{}")

    assert caught.value.code == Exit.IMAGE
    assert caught.value.details[0].startswith("registry.example/x@sha256:")
