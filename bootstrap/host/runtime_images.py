"""Images of a containerd, through `ctr`: what is there, and what is brought in from a layout."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterable
from typing import IO

from bootstrap.host.cri import reached
from bootstrap.host.layout import Layout
from bootstrap.host.port import Host
from bootstrap.model.errors import BootstrapError, Exit
from bootstrap.model.image import ARCHITECTURES, Platform, Resolved
from bootstrap.model.oci import (
    BLOBS,
    IMAGE_NAME,
    INDEX_FILE,
    LAYOUT,
    LAYOUT_FILE,
    REF_NAME,
    Descriptor,
    hex_of,
    index_bytes,
)
from bootstrap.model.reference import Reference

TIMEOUT = 3600.0
PINNED = "io.cri-containerd.pinned=pinned"
"""The label that keeps the kubelet's garbage collection away from an image."""


class RuntimeImages:
    """The images that a kubelet sees behind a CRI socket (`unix:///…`)."""

    def __init__(self, host: Host, socket: str) -> None:
        self._host = host
        self._ctr = ("ctr", f"--address={reached(socket)}", "--namespace=k8s.io", "images")

    def digest(self, image: Reference) -> str:
        """What the name stands for, if the image is complete and unpacked; empty otherwise. Raises BootstrapError."""
        try:
            lines = self._run("check", f"name=={image}").splitlines()[1:]
        except BootstrapError as e:
            raise BootstrapError(
                "no containerd shows its images here",
                code=Exit.EFFECT,
                details=e.details or (e.what,),
                fix="on a node: docker exec NAME bootstrap images pull …; into a folder: --to DIR",
            ) from e
        words = next((line.split() for line in lines), [])
        return words[2] if len(words) > 3 and words[3] == "complete" and words[-1] == "true" else ""

    def bring_in(self, image: Reference, found: Resolved, platform: Platform, layout: Layout) -> None:
        """Imports one image under its own name and pins it. Raises BootstrapError (exit 9), with nothing left."""
        archive = layout.path / "import.tar"
        try:
            with archive.open("wb") as output:
                _write_archive(output, layout, image, found)
            self._run("import", "--local", f"--platform={platform}", str(archive), refused=str(image))
        except OSError as e:
            raise BootstrapError(f"cannot write {archive}: {e.strerror}", code=Exit.EFFECT) from e
        finally:
            archive.unlink(missing_ok=True)
        if self.digest(image) != found.top.digest:
            self._run("rm", str(image))
            raise BootstrapError(f"{image} is not {found.top.digest} after its import", code=Exit.IMAGE)
        self._run("label", str(image), PINNED)

    def _run(self, *words: str, refused: str = "") -> str:
        try:
            return self._host.run([*self._ctr, *words], timeout=TIMEOUT, here=True)
        except BootstrapError as e:
            if not refused:
                raise
            raise BootstrapError(f"containerd refused {refused}", code=Exit.IMAGE, details=e.details) from e


def entry(image: Reference, found: Resolved) -> Descriptor:
    """The image's descriptor in a layout's index, under its upstream name."""
    annotations = {IMAGE_NAME: str(image), **({REF_NAME: image.tag} if image.tag else {})}
    return {**found.top.document(), "annotations": annotations}


def _write_archive(output: IO[bytes], layout: Layout, image: Reference, found: Resolved) -> None:
    """The layout of one image as a tar, under its tag and its digest: Pods may name it either way."""
    proven = Reference(image.registry, image.repository, digest=found.top.digest)
    names = [entry(name, found) for name in dict.fromkeys((image, proven))]
    with tarfile.open(fileobj=output, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in ((LAYOUT_FILE, LAYOUT), (INDEX_FILE, index_bytes(names))):
            _add(archive, name, len(content), io.BytesIO(content))
        for digest in _blobs(found):
            with layout.open(digest) as blob:
                _add(archive, f"{BLOBS}/{hex_of(digest)}", layout.size(digest), blob)


def _blobs(found: Resolved) -> Iterable[str]:
    return dict.fromkeys((*found.documents, *(layer.digest for layer in found.layers)))


def _add(archive: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    archive.addfile(member, content)


def own_platform() -> Platform:
    """The platform of the machine that this runs on."""
    machine = os.uname().machine
    return Platform(ARCHITECTURES.get(machine, machine))


def discard(layout: Layout) -> None:
    """Removes a layout that was only a station on the way."""
    if layout.path.is_dir():
        shutil.rmtree(layout.path)
